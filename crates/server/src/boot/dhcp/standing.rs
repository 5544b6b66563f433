//! Where networks lie: at which interface of this machine, or behind relays.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ironhand_api::{DhcpMode, Ipv4Subnet, NetworkSpec};
use ironhand_boot_port::interface::{Interface, Route};

/// Where the machines of a network are heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The interface that is in it; none where it lies behind relays alone.
    pub(super) link: Option<Interface>,
    /// Whether an address of that interface lies in it.
    pub(super) has_address: bool,
    /// All interfaces, by name: the one that is in it, and those that its relays are reached by.
    pub(super) heard_at: BTreeSet<String>,
}

impl Standing {
    /// Why machines that are given addresses of a network reach nothing of this server by them.
    pub(super) fn out_of_reach(&self, spec: &NetworkSpec) -> Option<String> {
        let link = self.link.as_ref().filter(|_| !self.has_address && spec.gateway.is_none())?;
        let (name, subnet) = (&link.name, spec.subnet);
        matches!(spec.mode, DhcpMode::Full | DhcpMode::Reservations).then(|| {
            format!(
                "{name} has no address in {subnet}, and the network has no `gateway`: its machines are given addresses by which \
                 they reach nothing of this server. Give it one (ip address add ADDRESS/{} dev {name}), or name the router",
                subnet.prefix()
            )
        })
    }
}

/// Finds where a network lies.
///
/// # Errors
///
/// Why nothing would be heard of it, and what to do.
pub(super) fn standing(
    spec: &NetworkSpec,
    interfaces: &[Interface],
    routes: &[Route],
) -> Result<Standing, String> {
    let holds =
        |interface: &Interface| interface.addresses.iter().any(|(address, _)| spec.subnet.contains(*address));
    let link = match &spec.interface {
        Some(name) => Some(named(name, interfaces)?),
        None => interfaces.iter().find(|one| one.is_up && !one.is_loopback && holds(one)),
    };
    let mut heard_at: BTreeSet<String> = link.iter().map(|link| link.name.clone()).collect();
    let behind = if link.is_none() { vec![spec.subnet.network()] } else { Vec::new() };
    for relay in spec.relays.iter().chain(&behind) {
        heard_at.extend(way_to(*relay, interfaces, routes));
    }
    if heard_at.is_empty() {
        return Err(format!(
            "no interface of this machine has an address in {subnet}, and no route leads there: give one an address, or name \
             the interface that is in it (`interface`)",
            subnet = spec.subnet
        ));
    }
    Ok(Standing { link: link.cloned(), has_address: link.is_some_and(holds), heard_at })
}

fn named<'a>(name: &str, interfaces: &'a [Interface]) -> Result<&'a Interface, String> {
    let Some(found) = interfaces.iter().find(|one| one.name == name) else {
        let all: Vec<&str> =
            interfaces.iter().filter(|one| !one.is_loopback).map(|one| one.name.as_str()).collect();
        return Err(format!(
            "this machine has no interface {name}; it has {}. It is served as soon as it is there",
            if all.is_empty() { "none".to_owned() } else { all.join(", ") }
        ));
    };
    if !found.is_up {
        return Err(format!("the interface {name} is switched off: ip link set {name} up"));
    }
    if found.addresses.is_empty() {
        return Err(format!(
            "the interface {name} has no IPv4 address, which a DHCP server needs: ip address add ADDRESS/BITS dev {name}"
        ));
    }
    Ok(found)
}

/// The interface that packets to an address leave by: that of the route with the most bits, and of several the one that is
/// preferred.
fn way_to(address: Ipv4Addr, interfaces: &[Interface], routes: &[Route]) -> Option<String> {
    let fits = |route: &&Route| {
        route.prefix <= 32 && Ipv4Subnet::containing(route.destination, route.prefix).contains(address)
    };
    let best =
        routes.iter().filter(fits).max_by_key(|route| (route.prefix, std::cmp::Reverse(route.metric)))?;
    let usable =
        |one: &&Interface| one.name == best.interface && !one.is_loopback && !one.addresses.is_empty();
    interfaces.iter().find(usable).map(|one| one.name.clone())
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn interface(index: u32, name: &str, addresses: &[&str]) -> Interface {
        let address = |text: &&str| {
            let (address, prefix) = text.split_once('/').unwrap();
            (address.parse().unwrap(), prefix.parse().unwrap())
        };
        Interface {
            name: name.to_owned(),
            index,
            mac: Some([2, 0, 0, 0, 0, 1]),
            is_up: name != "down0",
            is_running: true,
            is_loopback: name == "lo",
            addresses: addresses.iter().map(address).collect(),
            addresses6: Vec::new(),
        }
    }

    fn route(interface: &str, to: &str, gateway: &str) -> Route {
        let (destination, prefix) = to.split_once('/').unwrap();
        Route {
            interface: interface.to_owned(),
            destination: destination.parse().unwrap(),
            prefix: prefix.parse().unwrap(),
            gateway: gateway.parse().ok(),
            metric: 0,
        }
    }

    #[test]
    fn networks_are_found_by_name_by_address_and_by_the_way_to_their_relays() {
        let interfaces = [
            interface(1, "lo", &["127.0.0.1/8"]),
            interface(2, "eth0", &["192.0.2.5/24"]),
            interface(3, "eth1", &["10.0.7.1/24", "10.0.9.1/24"]),
            interface(4, "eth2", &[]),
            interface(5, "down0", &["10.0.8.1/24"]),
        ];
        let routes = [
            route("eth0", "0.0.0.0/0", "192.0.2.1"),
            route("eth0", "192.0.2.0/24", ""),
            route("eth1", "10.0.7.0/24", ""),
            route("eth1", "10.1.0.0/16", "10.0.7.254"),
        ];
        let check = |more: &str, wanted: Result<(Option<&str>, bool, &[&str]), &str>| {
            let network = fixture::network_of("10.0.7.0/24", more);
            let found = standing(&network.spec, &interfaces, &routes);
            match wanted {
                Ok((link, has_address, heard_at)) => {
                    let found = found.unwrap();
                    assert_eq!(found.link.as_ref().map(|link| link.name.as_str()), link, "{more}");
                    assert_eq!(found.has_address, has_address, "{more}");
                    assert!(
                        found.heard_at.iter().map(String::as_str).eq(heard_at.iter().copied()),
                        "{found:?}"
                    );
                }
                Err(part) => assert!(found.clone().unwrap_err().contains(part), "{found:?}"),
            }
        };
        check("", Ok((Some("eth1"), true, &["eth1"])));
        check("interface: eth1", Ok((Some("eth1"), true, &["eth1"])));
        check("interface: eth0", Ok((Some("eth0"), false, &["eth0"])));
        check("interface: eth0, relays: [10.1.2.3]", Ok((Some("eth0"), false, &["eth0", "eth1"])));
        check("interface: eth9", Err("no interface eth9; it has eth0, eth1, eth2, down0"));
        check("interface: eth2", Err("no IPv4 address"));
        check("interface: down0", Err("ip link set down0 up"));
        let told = |more: &str| {
            let network = fixture::network_of("10.0.7.0/24", more);
            standing(&network.spec, &interfaces, &routes).unwrap().out_of_reach(&network.spec)
        };
        assert_eq!(told("mode: full, interface: eth1"), None);
        assert!(told("mode: full, interface: eth0").unwrap().contains("eth0 has no address in 10.0.7.0/24"));
        assert_eq!(told("mode: full, interface: eth0, gateway: 10.0.7.1"), None);
        assert_eq!(told("mode: proxy, interface: eth0"), None);
        let behind = fixture::network_of("10.1.2.0/24", "");
        let found = standing(&behind.spec, &interfaces, &routes).unwrap();
        assert_eq!((found.link, found.heard_at.len()), (None, 1));
        assert!(standing(&behind.spec, &interfaces, &[]).unwrap_err().contains("no route leads there"));
    }
}
