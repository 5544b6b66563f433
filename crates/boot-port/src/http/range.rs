//! The header `Range` (RFC 9110, section 14).

/// What a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// From `first` to `last`, both included; to the end where there is no `last`.
    From {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: Option<u64>,
    },
    /// The last so many bytes.
    Suffix(u64),
}

/// A range, held against the length of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranged {
    /// These bytes; never empty.
    Part {
        /// The first byte.
        first: u64,
        /// How many bytes.
        length: u64,
    },
    /// Not one of the bytes that were asked for exists.
    Unsatisfiable,
}

impl Range {
    /// Reads the value of a `Range` header.
    ///
    /// Gives `None` for other units, for what is no range, and for several ranges: all of these are answered with the
    /// whole content, as section 14.2 allows.
    pub fn parse(value: &str) -> Option<Self> {
        let (unit, set) = value.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = set.trim_matches([' ', '\t']).split_once('-')?;
        match (first, last) {
            ("", suffix) => Some(Self::Suffix(number(suffix)?)),
            (first, "") => Some(Self::From { first: number(first)?, last: None }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From { first, last: Some(last) })
            }
        }
    }

    /// The part of a content of `length` bytes that is meant.
    pub fn within(self, length: u64) -> Ranged {
        let (first, wanted) = match self {
            Self::From { first, last: None } => (first, u64::MAX),
            Self::From { first, last: Some(last) } => (first, (last - first).saturating_add(1)),
            Self::Suffix(count) => (length.saturating_sub(count), count),
        };
        match length.saturating_sub(first).min(wanted) {
            0 => Ranged::Unsatisfiable,
            length => Ranged::Part { first, length },
        }
    }
}

/// A number of the grammar, which has digits alone; what does not fit stands for the largest there is.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_and_held_against_the_length() {
        fn check(value: &str, length: u64, expected: Option<Ranged>) {
            assert_eq!(
                Range::parse(value).map(|range| range.within(length)),
                expected,
                "{value} of {length}"
            );
        }
        fn part(first: u64, length: u64) -> Option<Ranged> {
            Some(Ranged::Part { first, length })
        }

        check("bytes=0-499", 10_000, part(0, 500));
        check("bytes=500-999", 10_000, part(500, 500));
        check("bytes=9500-", 10_000, part(9_500, 500));
        check("bytes=-500", 10_000, part(9_500, 500));
        check("bytes=-500", 100, part(0, 100));
        check("bytes=0-0", 1, part(0, 1));
        check("bytes=9999-20000", 10_000, part(9_999, 1));
        check("Bytes=0-1", 10, part(0, 2));
        check("bytes= 0-1 ", 10, part(0, 2));
        check("bytes=0-99999999999999999999999", 10, part(0, 10));
        check("bytes=10000-", 10_000, Some(Ranged::Unsatisfiable));
        check("bytes=99999999999999999999999-", 10, Some(Ranged::Unsatisfiable));
        check("bytes=-0", 10, Some(Ranged::Unsatisfiable));
        check("bytes=0-", 0, Some(Ranged::Unsatisfiable));
        check("bytes=-1", 0, Some(Ranged::Unsatisfiable));
        check("bytes=0-18446744073709551615", 10, part(0, 10));
        check("bytes=5-2", 10, None);
        check("bytes=0-1,3-4", 10, None);
        check("bytes=-", 10, None);
        check("bytes=a-b", 10, None);
        check("bytes=+1-2", 10, None);
        check("bytes=--5", 10, None);
        check("items=0-1", 10, None);
        check("bytes", 10, None);
        check("", 10, None);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_content(value in "bytes=[0-9]{0,21}-[0-9]{0,21}", length: u64) {
            if let Some(Ranged::Part { first, length: bytes }) = Range::parse(&value).map(|range| range.within(length)) {
                prop_assert!(bytes > 0);
                prop_assert!(first.checked_add(bytes).is_some_and(|end| end <= length));
            }
        }
    }
}
