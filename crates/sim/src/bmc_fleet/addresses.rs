//! Which address belongs to which BMC.

use std::net::{IpAddr, Ipv4Addr};

/// Host numbers of a /24 that are given out: all but 0 and 255, which people take for a network and for a
/// broadcast address.
const PER_BLOCK: u64 = 254;

/// Consecutive IPv4 addresses without those that end in 0 or 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    /// The place of the first one among all addresses that are given out.
    first: u64,
    count: usize,
}

impl Addresses {
    /// `count` addresses from `first` on, or `None` where they do not all lie in 127.0.0.0/8. Where `first`
    /// ends in 0, the next address is taken; where it ends in 255, the one after that.
    pub(super) fn new(first: Ipv4Addr, count: usize) -> Option<Self> {
        let bits = u64::from(first.to_bits());
        let (block, host) = (bits >> 8, bits & 0xFF);
        let first = block * PER_BLOCK + host.max(1) - 1;
        let addresses = Self { first, count };
        let last = count
            .checked_sub(1)
            .map_or(Some(addresses.first), |last| addresses.first.checked_add(u64::try_from(last).ok()?))?;
        let loopback = |place| Self::at(place).is_some_and(|address| address.is_loopback());
        (loopback(addresses.first) && loopback(last)).then_some(addresses)
    }

    fn at(place: u64) -> Option<Ipv4Addr> {
        let bits = (place / PER_BLOCK) << 8 | (place % PER_BLOCK + 1);
        u32::try_from(bits).ok().map(Ipv4Addr::from_bits)
    }

    /// The address of BMC `index`, counted from 0.
    pub(super) fn get(&self, index: usize) -> Option<Ipv4Addr> {
        (index < self.count).then(|| Self::at(self.first + index as u64)).flatten()
    }

    /// The BMC that has this address.
    pub(super) fn index_of(&self, address: Ipv4Addr) -> Option<usize> {
        let bits = u64::from(address.to_bits());
        let (block, host) = (bits >> 8, bits & 0xFF);
        let place = (1..=PER_BLOCK).contains(&host).then(|| block * PER_BLOCK + host - 1)?;
        usize::try_from(place.checked_sub(self.first)?).ok().filter(|index| *index < self.count)
    }
}

/// Whether datagrams to and from this address never leave the machine.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_on_without_networks_and_broadcasts() {
        let check = |first: &str, index: usize, expected: &str| {
            let addresses = Addresses::new(first.parse().unwrap(), 65_000).unwrap();
            let address = addresses.get(index).unwrap();
            assert_eq!(address, expected.parse::<Ipv4Addr>().unwrap(), "number {index} from {first}");
            assert_eq!(addresses.index_of(address), Some(index));
        };
        check("127.1.0.1", 0, "127.1.0.1");
        check("127.1.0.1", 253, "127.1.0.254");
        check("127.1.0.1", 254, "127.1.1.1");
        check("127.1.0.0", 0, "127.1.0.1");
        check("127.1.0.255", 0, "127.1.1.1");
        check("127.1.0.200", 55, "127.1.1.1");
        check("127.1.0.1", 64_999, "127.1.255.230");
    }

    #[test]
    fn every_address_belongs_to_one_bmc() {
        let addresses = Addresses::new(Ipv4Addr::new(127, 3, 7, 99), 2000).unwrap();
        let mut last = Ipv4Addr::UNSPECIFIED;
        for index in 0..2000 {
            let address = addresses.get(index).unwrap();
            assert!(address > last);
            assert_eq!(addresses.index_of(address), Some(index));
            last = address;
        }
        assert_eq!(addresses.get(2000), None);
        for stranger in ["127.3.7.98", "127.3.8.0", "127.3.8.255", "127.0.0.1", "10.0.0.1", "255.255.255.255"]
        {
            assert_eq!(addresses.index_of(stranger.parse().unwrap()), None, "{stranger}");
        }
    }

    #[test]
    fn addresses_end_with_loopback() {
        let check = |first: &str, count: usize, expected: bool| {
            let addresses = Addresses::new(first.parse().unwrap(), count);
            assert_eq!(addresses.is_some(), expected, "{count} from {first}");
        };
        check("127.255.255.254", 1, true);
        check("127.255.255.254", 2, false);
        check("127.255.255.255", 1, false);
        check("126.255.255.255", 1, true);
        check("126.255.255.254", 1, false);
        check("10.0.0.1", 1, false);
        check("127.0.0.1", usize::MAX, false);
    }
}
