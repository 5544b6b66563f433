//! The version of the protocol (RFC 6143 section 7.1.1).

/// The line each side opens with, `RFB 003.008\n`.
pub(crate) const LENGTH: usize = 12;

/// A version of the protocol that both sides here speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProtocolVersion {
    /// 3.3: the server dictates the security type.
    V3_3,
    /// 3.7: the client chooses one; refusals carry no reason.
    V3_7,
    /// 3.8: as RFC 6143 has it.
    V3_8,
}

impl ProtocolVersion {
    /// The line that names the version.
    pub(crate) fn line(self) -> &'static [u8; LENGTH] {
        match self {
            Self::V3_3 => b"RFB 003.003\n",
            Self::V3_7 => b"RFB 003.007\n",
            Self::V3_8 => b"RFB 003.008\n",
        }
    }

    /// The highest version to use with a peer that announces `major.minor`. Minor versions that were never published
    /// are to be taken for 3.3, and what is above 3.8 (some servers say 4.1, 5.0 or 3.889) also speaks 3.8. `None`
    /// below 3.3.
    pub(crate) fn spoken_by(major: u16, minor: u16) -> Option<Self> {
        match (major, minor) {
            (0..=2, _) | (3, 0..=2) => None,
            (3, 3..=6) => Some(Self::V3_3),
            (3, 7) => Some(Self::V3_7),
            _ => Some(Self::V3_8),
        }
    }
}

/// What the first bytes of a peer are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    Incomplete,
    NotRfb,
    Version { major: u16, minor: u16 },
}

/// Judges the first bytes; what cannot become a version line is found out at its first wrong byte.
pub(crate) fn parse(bytes: &[u8]) -> Greeting {
    let fits =
        |(&byte, &pattern): (&u8, &u8)| if pattern == b'0' { byte.is_ascii_digit() } else { byte == pattern };
    if !bytes.iter().zip(b"RFB 000.000\n").all(fits) {
        return Greeting::NotRfb;
    }
    let (Some(major), Some(minor)) = (bytes.get(4..7), bytes.get(8..11)) else { return Greeting::Incomplete };
    if bytes.len() < LENGTH {
        return Greeting::Incomplete;
    }
    let number = |digits: &[u8]| digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
    Greeting::Version { major: number(major), minor: number(minor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings() {
        let check = |bytes: &[u8], expected| assert_eq!(parse(bytes), expected, "{}", bytes.escape_ascii());
        check(b"", Greeting::Incomplete);
        check(b"RFB 003.00", Greeting::Incomplete);
        check(b"RFB 003.008", Greeting::Incomplete);
        check(b"RFB 003.008\n", Greeting::Version { major: 3, minor: 8 });
        check(b"RFB 003.008\nmore", Greeting::Version { major: 3, minor: 8 });
        check(b"RFB 055.008\n", Greeting::Version { major: 55, minor: 8 });
        check(b"H", Greeting::NotRfb);
        check(b"RFB 003,008\n", Greeting::NotRfb);
        check(b"RFB 003.008\r", Greeting::NotRfb);
    }

    #[test]
    fn versions_in_use() {
        let check = |major, minor, expected| assert_eq!(ProtocolVersion::spoken_by(major, minor), expected);
        check(2, 8, None);
        check(3, 2, None);
        check(3, 3, Some(ProtocolVersion::V3_3));
        check(3, 5, Some(ProtocolVersion::V3_3));
        check(3, 7, Some(ProtocolVersion::V3_7));
        check(3, 8, Some(ProtocolVersion::V3_8));
        check(3, 889, Some(ProtocolVersion::V3_8));
        check(4, 1, Some(ProtocolVersion::V3_8));
        check(5, 0, Some(ProtocolVersion::V3_8));
    }
}
