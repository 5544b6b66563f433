//! Whether a datagram is an SNMP trap: version 1 (RFC 1157), where the Platform Event Traps of BMCs belong, or 2c
//! (RFC 1901, RFC 3416). What a trap says is not believed: it is a reason to look, no more.

use std::net::Ipv4Addr;

/// Tags of the Basic Encoding Rules (ITU-T X.690) that traps are made of.
mod tag {
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const OCTET_STRING: u8 = 0x04;
    pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(super) const SEQUENCE: u8 = 0x30;
    /// RFC 1155 section 3.2.3.2.
    pub(super) const IP_ADDRESS: u8 = 0x40;
    /// RFC 1155 section 3.2.3.4.
    pub(super) const TIME_TICKS: u8 = 0x43;
    /// RFC 1157 section 4.1.6.
    pub(super) const TRAP_V1: u8 = 0xa4;
    /// RFC 3416 section 3.
    pub(super) const TRAP_V2: u8 = 0xa7;
}

/// The value of the field `version` (RFC 1157 section 4, RFC 1901 section 3).
const VERSION_1: u32 = 0;
const VERSION_2C: u32 = 1;

/// A trap, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trap {
    /// The address that a trap of version 1 names as its origin: the BMC's, where another program passes its traps on.
    pub(super) agent: Option<Ipv4Addr>,
}

/// Why a datagram is not a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotATrap {
    #[error("it ends too early, or a length in it is wrong")]
    Cut,
    #[error("it has tag {found:#04x} where tag {wanted:#04x} belongs")]
    Tag { wanted: u8, found: u8 },
    #[error("it goes on after its end")]
    Trailing,
    #[error("it is of SNMP version {0}; versions 1 and 2c are understood")]
    Version(u32),
    #[error("a number in it is not one")]
    Number,
}

/// Reads a datagram as a trap.
pub(super) fn read(datagram: &[u8]) -> Result<Trap, NotATrap> {
    let mut whole = Reader(datagram);
    let mut message = whole.constructed(tag::SEQUENCE)?;
    whole.end()?;
    let version = message.number()?;
    message.value(tag::OCTET_STRING)?;
    let agent = match version {
        VERSION_1 => {
            let mut trap = message.constructed(tag::TRAP_V1)?;
            trap.value(tag::OBJECT_IDENTIFIER)?;
            let agent: [u8; 4] = trap.value(tag::IP_ADDRESS)?.try_into().map_err(|_| NotATrap::Cut)?;
            trap.value(tag::INTEGER)?;
            trap.value(tag::INTEGER)?;
            trap.value(tag::TIME_TICKS)?;
            trap.bindings()?;
            Some(Ipv4Addr::from(agent)).filter(|agent| !agent.is_unspecified())
        }
        VERSION_2C => {
            let mut trap = message.constructed(tag::TRAP_V2)?;
            for _ in ["request-id", "error-status", "error-index"] {
                trap.value(tag::INTEGER)?;
            }
            trap.bindings()?;
            None
        }
        other => return Err(NotATrap::Version(other)),
    };
    message.end()?;
    Ok(Trap { agent })
}

/// What is left of some bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, NotATrap> {
        let (&first, rest) = self.0.split_first().ok_or(NotATrap::Cut)?;
        self.0 = rest;
        Ok(first)
    }

    /// The content of the next value, whatever it is, and its tag. Lengths are definite (RFC 3417 section 8); tags above
    /// 30 do not occur.
    fn any(&mut self) -> Result<(u8, &'a [u8]), NotATrap> {
        let tag = self.byte()?;
        let length = match self.byte()? {
            short @ 0..=0x7f => usize::from(short),
            // No datagram is longer than two octets can say; leading zeros are allowed.
            long @ 0x81..=0x84 => {
                let mut length = 0;
                for _ in 0..long & 0x7f {
                    length = length << 8 | usize::from(self.byte()?);
                }
                length
            }
            _ => return Err(NotATrap::Cut),
        };
        let (content, rest) = self.0.split_at_checked(length).ok_or(NotATrap::Cut)?;
        self.0 = rest;
        Ok((tag, content))
    }

    fn value(&mut self, wanted: u8) -> Result<&'a [u8], NotATrap> {
        match self.any()? {
            (found, content) if found == wanted => Ok(content),
            (found, _) => Err(NotATrap::Tag { wanted, found }),
        }
    }

    fn constructed(&mut self, wanted: u8) -> Result<Self, NotATrap> {
        self.value(wanted).map(Self)
    }

    /// A number that is not negative.
    fn number(&mut self) -> Result<u32, NotATrap> {
        let octets = self.value(tag::INTEGER)?;
        if octets.is_empty() || octets.len() > 4 || octets[0] & 0x80 != 0 {
            return Err(NotATrap::Number);
        }
        Ok(octets.iter().fold(0, |number, &octet| number << 8 | u32::from(octet)))
    }

    /// The variable bindings, which end a trap.
    fn bindings(&mut self) -> Result<(), NotATrap> {
        let mut bindings = self.constructed(tag::SEQUENCE)?;
        self.end()?;
        while !bindings.0.is_empty() {
            let mut binding = bindings.constructed(tag::SEQUENCE)?;
            binding.value(tag::OBJECT_IDENTIFIER)?;
            binding.any()?;
            binding.end()?;
        }
        Ok(())
    }

    fn end(&self) -> Result<(), NotATrap> {
        if self.0.is_empty() { Ok(()) } else { Err(NotATrap::Trailing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            text.chars().filter_map(|c| c.to_digit(16)).map(|digit| u8::try_from(digit).unwrap()).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    /// A Platform Event Trap (IPMI PET specification 1.0: enterprise 1.3.6.1.4.1.3183.1.1) of 10.0.7.12, as net-snmp's
    /// `snmptrap` 5.9.3 sends it.
    fn pet() -> Vec<u8> {
        hex("3044 020100 0406 7075626c6963 a437 0609 2b06010401986f0101 4004 0a00070c 020106 0203 086f01 \
             4302 04d2 3018 3016 060a 2b06010401986f010101 0408 0011223344556677")
    }

    /// A `coldStart` of version 2c (RFC 3416 section 4.2.6), from the same program.
    fn cold_start() -> Vec<u8> {
        hex("3044 020101 0406 7075626c6963 a737 0204 6dfba295 020100 020100 3029 300e 0608 2b06010201010300 \
             4302 04d2 3017 060a 2b060106030101040100 0609 2b0601060301010501")
    }

    #[test]
    fn traps_of_both_versions_are_read() {
        assert_eq!(read(&pet()), Ok(Trap { agent: Some(Ipv4Addr::new(10, 0, 7, 12)) }));
        assert_eq!(read(&cold_start()), Ok(Trap { agent: None }));
        let mut unspecified = pet();
        unspecified[28..32].fill(0);
        assert_eq!(read(&unspecified), Ok(Trap { agent: None }));
    }

    #[test]
    fn what_is_not_a_trap_is_told_from_one() {
        let check = |change: &dyn Fn(&mut Vec<u8>), wanted: NotATrap| {
            let mut bytes = pet();
            change(&mut bytes);
            assert_eq!(read(&bytes), Err(wanted), "{bytes:02x?}");
        };
        check(&|bytes| bytes.clear(), NotATrap::Cut);
        check(&|bytes| bytes.truncate(20), NotATrap::Cut);
        check(&|bytes| bytes.push(0), NotATrap::Trailing);
        check(&|bytes| bytes[0] = 0x31, NotATrap::Tag { wanted: 0x30, found: 0x31 });
        check(&|bytes| bytes[1] = 0x80, NotATrap::Cut);
        check(&|bytes| bytes[4] = 3, NotATrap::Version(3));
        check(&|bytes| bytes[4] = 0x80, NotATrap::Number);
        check(&|bytes| bytes[13] = 0xa0, NotATrap::Tag { wanted: 0xa4, found: 0xa0 });
        check(&|bytes| bytes[4] = 1, NotATrap::Tag { wanted: 0xa7, found: 0xa4 });
        check(&|bytes| bytes[26] = 0x41, NotATrap::Tag { wanted: 0x40, found: 0x41 });
    }

    /// Every trap that is changed in one octet, cut anywhere, or made of nothing but chance, is read without a panic.
    #[test]
    fn no_bytes_can_do_harm() {
        for whole in [pet(), cold_start()] {
            for length in 0..whole.len() {
                assert!(read(&whole[..length]).is_err());
            }
            for place in 0..whole.len() {
                for octet in 0..=u8::MAX {
                    let mut bytes = whole.clone();
                    bytes[place] = octet;
                    let _ = read(&bytes);
                }
            }
        }
        // A linear congruential generator (Knuth's MMIX): the same bytes in every run.
        let mut state = 7_u64;
        for round in 0..20_000 {
            let mut bytes = Vec::new();
            for _ in 0..round % 120 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let octet = state.to_be_bytes()[0];
                // Half of the octets are ones that mean something.
                bytes.push(if octet < 128 {
                    [0x30, 0x02, 0x04, 0x06, 0xa4, 0xa7, 0x84, 0x01][usize::from(octet % 8)]
                } else {
                    octet
                });
            }
            let _ = read(&bytes);
        }
    }
}
