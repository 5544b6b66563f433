//! Subnets and ranges of IPv4 addresses, as people write them.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The addresses of a network, written `10.0.7.0/24` (RFC 4632, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub struct Ipv4Subnet {
    network: Ipv4Addr,
    prefix: u8,
}

/// Why a text is no subnet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ipv4SubnetError {
    /// Not an address, a slash, and a number up to 32.
    #[error("`{0}` is not a subnet; write it like 10.0.7.0/24")]
    Malformed(String),
    /// Bits beyond the prefix are set.
    #[error("`{given}` is an address within a subnet; the subnet is {meant}")]
    HostBits {
        /// What was written.
        given: String,
        /// What it lies in.
        meant: Ipv4Subnet,
    },
}

impl Ipv4Subnet {
    /// The subnet of `prefix` bits that an address lies in; a prefix beyond 32 counts as 32.
    pub fn containing(address: Ipv4Addr, prefix: u8) -> Self {
        let prefix = prefix.min(32);
        Self { network: Ipv4Addr::from_bits(address.to_bits() & mask(prefix)), prefix }
    }

    /// The first address, which names the network.
    pub const fn network(self) -> Ipv4Addr {
        self.network
    }

    /// How many bits all its addresses have in common, from 0 to 32.
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// The mask (option 1).
    pub fn netmask(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(mask(self.prefix))
    }

    /// The last address, which reaches all machines in it.
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() | !mask(self.prefix))
    }

    /// Whether an address lies in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & mask(self.prefix) == self.network.to_bits()
    }

    /// Whether the two have addresses in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.network) || other.contains(self.network)
    }

    /// Whether a machine may have the address: it lies in it, and means neither the network nor all of it, which those of
    /// 31 and 32 bits have no room for (RFC 3021).
    pub fn may_be_of_machine(self, address: Ipv4Addr) -> bool {
        self.contains(address)
            && (self.prefix >= 31 || (address != self.network && address != self.broadcast()))
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

impl FromStr for Ipv4Subnet {
    type Err = Ipv4SubnetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (address, prefix) = text.split_once('/')?;
            if prefix.starts_with('+') {
                return None;
            }
            Some((address.parse::<Ipv4Addr>().ok()?, prefix.parse::<u8>().ok().filter(|bits| *bits <= 32)?))
        };
        let (address, prefix) = read().ok_or_else(|| Ipv4SubnetError::Malformed(text.to_owned()))?;
        let meant = Self::containing(address, prefix);
        if meant.network != address {
            return Err(Ipv4SubnetError::HostBits { given: text.to_owned(), meant });
        }
        Ok(meant)
    }
}

impl TryFrom<String> for Ipv4Subnet {
    type Error = Ipv4SubnetError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Ipv4Subnet> for String {
    fn from(subnet: Ipv4Subnet) -> Self {
        subnet.to_string()
    }
}

impl fmt::Display for Ipv4Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// Addresses from one to another, both included, written `10.0.7.100-10.0.7.199`; one address alone is written as itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub struct Ipv4Range {
    first: Ipv4Addr,
    last: Ipv4Addr,
}

/// Why a text is no range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ipv4RangeError {
    /// Not one address, nor two with a dash between.
    #[error("`{0}` is not a range of addresses; write it like 10.0.7.100-10.0.7.199")]
    Malformed(String),
    /// The second address comes before the first.
    #[error("`{0}` ends before it begins")]
    Backwards(String),
}

impl Ipv4Range {
    /// From one address to another; nothing where the second comes before the first.
    pub fn new(first: Ipv4Addr, last: Ipv4Addr) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The first address.
    pub const fn first(self) -> Ipv4Addr {
        self.first
    }

    /// The last address.
    pub const fn last(self) -> Ipv4Addr {
        self.last
    }

    /// How many addresses.
    pub fn len(self) -> u64 {
        u64::from(self.last.to_bits() - self.first.to_bits()) + 1
    }

    /// Never: a range holds at least one address.
    pub const fn is_empty(self) -> bool {
        false
    }

    /// Whether an address lies in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }

    /// Whether the two have addresses in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl FromStr for Ipv4Range {
    type Err = Ipv4RangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let address = |text: &str| text.trim().parse::<Ipv4Addr>().ok();
        let (first, last) =
            address(first).zip(address(last)).ok_or_else(|| Ipv4RangeError::Malformed(text.to_owned()))?;
        Self::new(first, last).ok_or_else(|| Ipv4RangeError::Backwards(text.to_owned()))
    }
}

impl TryFrom<String> for Ipv4Range {
    type Error = Ipv4RangeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Ipv4Range> for String {
    fn from(range: Ipv4Range) -> Self {
        range.to_string()
    }
}

impl fmt::Display for Ipv4Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return write!(f, "{}", self.first);
        }
        write!(f, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_read_and_hold_their_addresses() {
        let subnet: Ipv4Subnet = "10.0.7.0/24".parse().unwrap();
        assert_eq!(subnet.to_string(), "10.0.7.0/24");
        assert_eq!(subnet.netmask(), Ipv4Addr::new(255, 255, 255, 0));
        assert_eq!(subnet.broadcast(), Ipv4Addr::new(10, 0, 7, 255));
        let check = |address: &str, inside: bool, machine: bool| {
            let address = address.parse().unwrap();
            assert_eq!((subnet.contains(address), subnet.may_be_of_machine(address)), (inside, machine));
        };
        check("10.0.7.0", true, false);
        check("10.0.7.1", true, true);
        check("10.0.7.255", true, false);
        check("10.0.8.1", false, false);
        for text in ["", "10.0.7.0", "10.0.7.0/33", "10.0.7/24", "10.0.7.0/+8", "10.0.7.0/-1", "a/8"] {
            let malformed = Ipv4SubnetError::Malformed(text.to_owned());
            assert_eq!(text.parse::<Ipv4Subnet>(), Err(malformed));
        }
        let found = "10.0.7.9/24".parse::<Ipv4Subnet>().unwrap_err().to_string();
        assert_eq!(found, "`10.0.7.9/24` is an address within a subnet; the subnet is 10.0.7.0/24");
        let all: Ipv4Subnet = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(Ipv4Addr::BROADCAST) && all.overlaps(subnet) && subnet.overlaps(all));
        let pair: Ipv4Subnet = "10.0.7.2/31".parse().unwrap();
        assert!(pair.may_be_of_machine(Ipv4Addr::new(10, 0, 7, 2)));
        assert!(!subnet.overlaps("10.0.8.0/24".parse().unwrap()));
    }

    #[test]
    fn ranges_are_read_and_hold_both_ends() {
        let check = |text: &str, wanted: Result<u64, &str>| {
            let found: Result<Ipv4Range, _> = text.parse();
            let found = found.map(Ipv4Range::len).map_err(|error| error.to_string());
            assert_eq!(found, wanted.map_err(str::to_owned), "{text}");
        };
        check("10.0.7.100-10.0.7.199", Ok(100));
        check("10.0.7.100 - 10.0.7.199", Ok(100));
        check("10.0.7.100", Ok(1));
        check("0.0.0.0-255.255.255.255", Ok(1 << 32));
        check("10.0.7.9-10.0.7.8", Err("`10.0.7.9-10.0.7.8` ends before it begins"));
        check("10.0.7", Err("`10.0.7` is not a range of addresses; write it like 10.0.7.100-10.0.7.199"));
        let one: Ipv4Range = "10.0.7.1-10.0.7.9".parse().unwrap();
        assert!(one.overlaps("10.0.7.9-10.0.7.20".parse().unwrap()));
        assert!(!one.overlaps("10.0.7.10-10.0.7.20".parse().unwrap()));
    }
}
