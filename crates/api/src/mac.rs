//! Hardware addresses of network interfaces.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The EUI-48 address of a network interface (IEEE 802), written `52:54:00:12:34:56`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub struct MacAddress(pub [u8; 6]);

/// Why a text is no hardware address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a hardware address; write it like 52:54:00:12:34:56")]
pub struct MacAddressError(String);

impl MacAddress {
    /// Whether an interface may have it: neither zeros, which stand for none, nor an address of a group (IEEE 802, section 8.2).
    pub const fn may_be_of_machine(self) -> bool {
        let [first, ..] = self.0;
        first & 1 == 0 && !matches!(self.0, [0, 0, 0, 0, 0, 0])
    }
}

impl FromStr for MacAddress {
    type Err = MacAddressError;

    /// Reads six pairs of hexadecimal digits, with `:` or `-` between, or nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || MacAddressError(text.to_owned());
        let separator = text.chars().find(|c| matches!(c, ':' | '-'));
        let pairs: Vec<&str> = match separator {
            Some(separator) => text.split(separator).collect(),
            None => (0..6).map(|at| text.get(2 * at..2 * at + 2).unwrap_or_default()).collect(),
        };
        if pairs.len() != 6 || (separator.is_none() && text.len() != 12) {
            return Err(wrong());
        }
        let mut address = [0; 6];
        for (byte, pair) in address.iter_mut().zip(pairs) {
            if pair.len() != 2 || !pair.chars().all(|c| c.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(address))
    }
}

impl TryFrom<String> for MacAddress {
    type Error = MacAddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(address: MacAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_zeros_nor_groups_are_addresses_of_machines() {
        let check = |text: &str, wanted| {
            assert_eq!(text.parse::<MacAddress>().unwrap().may_be_of_machine(), wanted, "{text}");
        };
        check("52:54:00:12:34:56", true);
        check("00:00:00:00:00:01", true);
        check("00:00:00:00:00:00", false);
        check("ff:ff:ff:ff:ff:ff", false);
        check("01:00:5e:00:00:01", false);
    }

    #[test]
    fn addresses_are_read_in_three_forms_and_written_in_one() {
        for text in ["52:54:00:12:34:56", "52-54-00-12-34-56", "525400123456"] {
            assert_eq!(text.parse::<MacAddress>().unwrap().to_string(), "52:54:00:12:34:56");
        }
        assert_eq!("AA:bb:CC:dd:EE:ff".parse::<MacAddress>().unwrap().to_string(), "aa:bb:cc:dd:ee:ff");
        for text in [
            "",
            "52:54:00:12:34",
            "52:54:00:12:34:5g",
            "5254001234567",
            "52:54:0:12:34:56",
            "+1:54:00:12:34:56",
            "ää5400123456",
        ] {
            assert!(text.parse::<MacAddress>().is_err(), "{text}");
        }
    }
}
