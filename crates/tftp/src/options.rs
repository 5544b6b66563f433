//! Options of a request and of its acknowledgement (RFC 2347).

use std::ops::RangeInclusive;

/// Octets of a block where `blksize` is not agreed on (RFC 1350, section 2).
pub const BLKSIZE_DEFAULT: u16 = 512;

/// What `blksize` may be (RFC 2348).
pub const BLKSIZE_RANGE: RangeInclusive<u16> = 8..=65_464;

/// The options that are known, as a request asks for them or an acknowledgement grants them.
///
/// An option that is unknown, occurs again, or has a value outside of its range reads as not there: a server leaves out of
/// its acknowledgement what it does not grant (RFC 2347), which tells the client all that it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Octets of a block, [`BLKSIZE_RANGE`] (RFC 2348). Larger values read as the largest.
    pub blksize: Option<u16>,
    /// The length of the file in octets; 0 in a request to read (RFC 2349).
    pub tsize: Option<u64>,
    /// Seconds until a datagram is sent again, 1 to 255 (RFC 2349).
    pub timeout: Option<u8>,
    /// Blocks that are sent before an acknowledgement is awaited, 1 to 65,535 (RFC 7440). Larger values read as the largest.
    pub windowsize: Option<u16>,
}

impl Options {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads pairs of zero-terminated strings. What follows the last whole pair is left alone.
    pub(crate) fn decode(mut bytes: &[u8]) -> Self {
        let mut options = Self::default();
        while let Some((name, rest)) = string(bytes)
            && let Some((value, rest)) = string(rest)
        {
            options.set(name, value);
            bytes = rest;
        }
        options
    }

    fn set(&mut self, name: &[u8], value: &[u8]) {
        let Some(value) = decimal(value) else { return };
        let at_most_u16 = u16::try_from(value).unwrap_or(u16::MAX);
        if name.eq_ignore_ascii_case(b"blksize") {
            let known = value >= u64::from(*BLKSIZE_RANGE.start());
            let blksize = known.then_some(at_most_u16.min(*BLKSIZE_RANGE.end()));
            self.blksize = self.blksize.or(blksize);
        } else if name.eq_ignore_ascii_case(b"tsize") {
            self.tsize = self.tsize.or(Some(value));
        } else if name.eq_ignore_ascii_case(b"timeout") {
            let seconds = u8::try_from(value).ok().filter(|seconds| *seconds > 0);
            self.timeout = self.timeout.or(seconds);
        } else if name.eq_ignore_ascii_case(b"windowsize") {
            self.windowsize = self.windowsize.or((value > 0).then_some(at_most_u16));
        }
    }

    /// Appends each option that is there.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let options = [
            ("blksize", self.blksize.map(u64::from)),
            ("tsize", self.tsize),
            ("timeout", self.timeout.map(u64::from)),
            ("windowsize", self.windowsize.map(u64::from)),
        ];
        for (name, value) in options {
            if let Some(value) = value {
                out.extend_from_slice(name.as_bytes());
                out.push(0);
                out.extend_from_slice(value.to_string().as_bytes());
                out.push(0);
            }
        }
    }
}

/// Splits a zero-terminated string off.
pub(crate) fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
