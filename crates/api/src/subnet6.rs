//! Subnets of IPv6, as people write them.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The addresses of a link in IPv6, written `2001:db8:7::/64` (RFC 4291, section 2.3). The prefix has 64 bits, as those of all
/// links with Ethernet have (RFC 7421).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub struct Ipv6Subnet(Ipv6Addr);

/// Why a text is no subnet of IPv6.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ipv6SubnetError {
    /// Not an address, a slash, and `64`.
    #[error("`{0}` is not a subnet of IPv6 with 64 bits; write it like 2001:db8:7::/64")]
    Malformed(String),
    /// Bits beyond the prefix are set.
    #[error("`{given}` is an address within a subnet; the subnet is {meant}")]
    HostBits {
        /// What was written.
        given: String,
        /// What it lies in.
        meant: Ipv6Subnet,
    },
    /// Addresses that machines have on every link, or none has.
    #[error(
        "`{0}` is no subnet that machines of one network have addresses in: name one of 2000::/3, or of fc00::/7"
    )]
    Special(String),
}

impl Ipv6Subnet {
    /// How many bits all its addresses have in common.
    pub const PREFIX: u8 = 64;

    /// The subnet that an address lies in.
    pub const fn containing(address: Ipv6Addr) -> Self {
        Self(Ipv6Addr::from_bits(address.to_bits() & !0xffff_ffff_ffff_ffff))
    }

    /// The first address, which names the network.
    pub const fn network(self) -> Ipv6Addr {
        self.0
    }

    /// Whether machines have addresses in it that are theirs alone beyond the link: global unicast (RFC 4291, section 2.4) and
    /// unique local ones (RFC 4193).
    pub(crate) fn may_have_machines(self) -> bool {
        let first = self.0.segments()[0];
        first & 0xe000 == 0x2000 || first & 0xfe00 == 0xfc00
    }

    /// Whether an address lies in it.
    pub fn contains(self, address: Ipv6Addr) -> bool {
        Self::containing(address) == self
    }
}

impl FromStr for Ipv6Subnet {
    type Err = Ipv6SubnetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || text.strip_suffix("/64")?.parse::<Ipv6Addr>().ok();
        let address = read().ok_or_else(|| Ipv6SubnetError::Malformed(text.to_owned()))?;
        let meant = Self::containing(address);
        if meant.0 != address {
            return Err(Ipv6SubnetError::HostBits { given: text.to_owned(), meant });
        }
        if !meant.may_have_machines() {
            return Err(Ipv6SubnetError::Special(text.to_owned()));
        }
        Ok(meant)
    }
}

impl TryFrom<String> for Ipv6Subnet {
    type Error = Ipv6SubnetError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Ipv6Subnet> for String {
    fn from(subnet: Ipv6Subnet) -> Self {
        subnet.to_string()
    }
}

impl fmt::Display for Ipv6Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, Self::PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_read_as_they_are_written() {
        let check = |text: &str, wanted: Result<(), &str>| match (text.parse::<Ipv6Subnet>(), wanted) {
            (Ok(subnet), Ok(())) => assert_eq!(subnet.to_string(), text),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("2001:db8:7::/64", Ok(()));
        check("fd12:3456:789a:1::/64", Ok(()));
        check("2001:db8:7::/48", Err("write it like"));
        check("2001:db8:7::", Err("write it like"));
        check("10.0.7.0/24", Err("write it like"));
        check("2001:db8:7::1/64", Err("the subnet is 2001:db8:7::/64"));
        for special in ["fe80::/64", "ff02::/64", "::/64"] {
            check(special, Err("name one of 2000::/3"));
        }
        let subnet: Ipv6Subnet = "2001:db8:7::/64".parse().unwrap();
        assert!(subnet.contains("2001:db8:7::ffff:1".parse().unwrap()));
        assert!(!subnet.contains("2001:db8:7:1::1".parse().unwrap()));
    }
}
