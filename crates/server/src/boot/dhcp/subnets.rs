//! What the DHCP server is told of networks.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use ironhand_api::{DhcpMode, Network};
use ironhand_dhcp::{InterfaceId, Mode, Subnet, SubnetId};
use ironhand_model::boot::View;

/// The number of a network, which leases are kept under: its first address. No two networks have the same, and a network that
/// gets another name keeps its leases.
pub(super) fn id(network: &Network) -> SubnetId {
    SubnetId(network.spec.subnet.network().to_bits())
}

/// The mode of a network that is served.
pub(super) const fn mode(mode: DhcpMode) -> Mode {
    match mode {
        DhcpMode::Full => Mode::Full,
        DhcpMode::Reservations => Mode::Reservations,
        DhcpMode::Proxy => Mode::Proxy,
        DhcpMode::Off => Mode::Off,
    }
}

/// What the server is told of a network at an interface, or behind relays; `mode` is off where it is not served.
pub(super) fn subnet(network: &Network, view: &View, interface: Option<u32>, mode: Mode) -> Subnet {
    let spec = &network.spec;
    let inside = |address: &Ipv4Addr| spec.subnet.contains(*address);
    let version_4 = |address| match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    };
    let mut excluded: Vec<Ipv4Addr> = view.reserved().filter_map(version_4).filter(inside).collect();
    excluded.extend(spec.gateway.iter().chain(&spec.dns).filter(|address| inside(address)));
    // The view has them in no order, and what is equal is not told again.
    excluded.sort_unstable();
    excluded.dedup();
    let mut pools: Vec<RangeInclusive<u64>> = Vec::new();
    for pool in &spec.pools {
        pools.push(u64::from(pool.first().to_bits())..=u64::from(pool.last().to_bits()));
    }
    for out in &spec.exclude {
        let (first, last) = (u64::from(out.first().to_bits()), u64::from(out.last().to_bits()));
        pools = pools.into_iter().flat_map(|pool| without(&pool, first, last)).collect();
    }
    let address = |bits: u64| Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or(u32::MAX));
    Subnet {
        id: id(network),
        network: spec.subnet.network(),
        prefix: spec.subnet.prefix(),
        interface: interface.map(InterfaceId),
        relays: spec.relays.clone(),
        pools: pools.into_iter().map(|pool| address(*pool.start())..=address(*pool.end())).collect(),
        excluded,
        mode,
        authoritative: spec.authoritative,
        probe: spec.probe,
    }
}

/// What is left of a pool without the addresses from one to another: nothing, or one range, or one on either side.
fn without(pool: &RangeInclusive<u64>, first: u64, last: u64) -> Vec<RangeInclusive<u64>> {
    let (start, end) = (*pool.start(), *pool.end());
    if last < start || end < first {
        return vec![start..=end];
    }
    let below = (start < first).then(|| start..=first - 1);
    let above = (last < end).then(|| last + 1..=end);
    below.into_iter().chain(above).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn excluded_addresses_are_taken_out_of_the_pools() {
        let check = |exclude: &str, wanted: &[&str]| {
            let network = fixture::network(&format!(
                "mode: full, pools: ['10.0.7.100-10.0.7.109'], exclude: [{exclude}]"
            ));
            let subnet = subnet(&network, &View::default(), None, Mode::Full);
            let pools: Vec<String> =
                subnet.pools.iter().map(|pool| format!("{}-{}", pool.start(), pool.end())).collect();
            assert_eq!(pools, wanted, "{exclude}");
        };
        check("", &["10.0.7.100-10.0.7.109"]);
        check("10.0.7.104", &["10.0.7.100-10.0.7.103", "10.0.7.105-10.0.7.109"]);
        check("10.0.7.90-10.0.7.101, 10.0.7.109-10.0.7.200", &["10.0.7.102-10.0.7.108"]);
        check("10.0.7.1-10.0.7.254", &[]);
        check("10.0.7.1-10.0.7.9", &["10.0.7.100-10.0.7.109"]);
        check(
            "10.0.7.102, 10.0.7.104",
            &["10.0.7.100-10.0.7.101", "10.0.7.103-10.0.7.103", "10.0.7.105-10.0.7.109"],
        );
    }

    #[test]
    fn nothing_that_is_kept_for_somebody_is_in_a_pool() {
        let network = fixture::network("gateway: 10.0.7.1, dns: [10.0.7.2, 192.0.2.53]");
        let view = fixture::view(
            &[&network],
            &[
                fixture::host("a", "macs: ['02:00:00:00:00:01'], boot: { address: 10.0.7.20 }"),
                fixture::host("b", "macs: ['02:00:00:00:00:02'], boot: { address: 10.0.8.20 }"),
            ],
        );
        let subnet = subnet(&network, &view, Some(3), Mode::Full);
        let wanted = [[10, 0, 7, 1], [10, 0, 7, 2], [10, 0, 7, 20]].map(Ipv4Addr::from);
        assert_eq!(subnet.excluded, wanted);
        assert_eq!((subnet.id, subnet.interface), (SubnetId(0x0a00_0700), Some(InterfaceId(3))));
    }
}
