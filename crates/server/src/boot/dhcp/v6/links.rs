//! Where the IPv6 sides of networks lie, and what is to become of each.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use ironhand_api::{Ipv6Mode, Ipv6Service, Name, Network, NetworkIpv6, ServiceState};
use ironhand_boot_port::dhcp6::Link6;
use ironhand_boot_port::interface::Interface;
use ironhand_dhcp::ra::AdvertiserConfig;
use ironhand_model::boot::{Client, View};

/// What is to become of a network.
pub(super) struct Plan {
    pub(super) network: Name,
    pub(super) service: Ipv6Service,
    /// The link that it is at; none behind relays.
    pub(super) link: Option<Link6>,
}

/// What is to become of the networks that have an IPv6 side.
pub(super) fn plans(view: &View, interfaces: &[Interface]) -> Vec<Plan> {
    let mut taken: BTreeMap<String, Name> = BTreeMap::new();
    let mut plans = Vec::new();
    for network in view.networks() {
        let Some(ipv6) = &network.spec.ipv6 else { continue };
        let name = &network.metadata.name;
        let service = Ipv6Service {
            subnet: ipv6.subnet,
            mode: ipv6.mode,
            state: ServiceState::Off,
            interface: None,
            reason: None,
            leases: 0,
        };
        let mut plan = Plan { network: name.clone(), service, link: None };
        if ipv6.mode != Ipv6Mode::Off || ipv6.advertise {
            match placed(view, network, ipv6, interfaces, &mut taken) {
                Ok(link) => {
                    plan.service.state = ServiceState::Served;
                    plan.service.interface = link.as_ref().map(|link| link.name.clone());
                    plan.service.reason = nothing_to_boot(view, network, ipv6, interfaces);
                    plan.link = link;
                }
                Err(reason) => {
                    (plan.service.state, plan.service.reason) = (ServiceState::Failed, Some(reason));
                }
            }
        }
        plans.push(plan);
    }
    // What comes through relays comes in at the sockets of other networks.
    if plans.iter().all(|plan| plan.link.is_none()) {
        for plan in plans.iter_mut().filter(|plan| plan.service.state == ServiceState::Served) {
            let reason = format!("no interface of this machine has an address in {}", plan.service.subnet);
            (plan.service.state, plan.service.reason) = (ServiceState::Failed, Some(reason));
        }
    }
    plans
}

/// The link that a network is at; none where it lies behind relays.
fn placed(
    view: &View,
    network: &Network,
    ipv6: &NetworkIpv6,
    interfaces: &[Interface],
    taken: &mut BTreeMap<String, Name>,
) -> Result<Option<Link6>, String> {
    let (name, spec) = (&network.metadata.name, &network.spec);
    let holder = view.network_of6(ipv6.subnet.network()).map(|holder| &holder.metadata.name);
    if let Some(holder) = holder.filter(|holder| *holder != name) {
        return Err(format!(
            "{} is also the subnet of Network {holder}: give one of them another",
            ipv6.subnet
        ));
    }
    let holds = |one: &&Interface| {
        let inside = one.addresses6.iter().any(|(address, _)| ipv6.subnet.contains(*address));
        inside || one.addresses.iter().any(|(address, _)| spec.subnet.contains(*address))
    };
    let found = match &spec.interface {
        Some(wanted) => Some(
            interfaces
                .iter()
                .find(|one| one.name == *wanted)
                .ok_or_else(|| format!("this machine has no interface {wanted}"))?,
        ),
        None => interfaces.iter().filter(|one| one.is_up && !one.is_loopback).find(holds),
    };
    let Some(found) = found else { return Ok(None) };
    let at = &found.name;
    if !found.is_up {
        return Err(format!("the interface {at} is switched off: ip link set {at} up"));
    }
    let address = found.link_local().ok_or_else(|| {
        format!("IPv6 is off at the interface {at}: sysctl -w net.ipv6.conf.{at}.disable_ipv6=0")
    })?;
    if let Some(other) = taken.get(at) {
        return Err(format!(
            "the interface {at} is that of Network {other}, and one network has a link by IPv6"
        ));
    }
    taken.insert(at.clone(), name.clone());
    Ok(Some(link(found, address, ipv6)))
}

fn link(interface: &Interface, address: Ipv6Addr, ipv6: &NetworkIpv6) -> Link6 {
    let managed = ipv6.mode != Ipv6Mode::Off;
    let advertised = ipv6.advertise.then(|| AdvertiserConfig {
        address,
        mac: interface.mac,
        managed,
        // Whoever asks for an address is told of everything else, too (RFC 4861, section 4.2).
        other: managed,
        prefix: Some(ipv6.subnet.network()),
        router: ipv6.router,
        name_servers: ipv6.dns.clone(),
        unasked: true,
    });
    Link6 { is_answered: managed, advertised, ..Link6::at(interface) }
}

/// Why machines that are given addresses find nothing to boot by them; nothing where they do.
fn nothing_to_boot(
    view: &View,
    network: &Network,
    ipv6: &NetworkIpv6,
    interfaces: &[Interface],
) -> Option<String> {
    let client = Client { ipv6: true, ..Client::default() };
    if ipv6.mode == Ipv6Mode::Off || view.server(&network.metadata.name, &client).is_some() {
        return None;
    }
    let subnet = ipv6.subnet;
    let own = |one: &Interface| one.addresses6.iter().any(|(address, _)| subnet.contains(*address));
    Some(if interfaces.iter().any(own) {
        "machines are given addresses, and nothing to boot: this server listens over IPv4 alone. Leave out boot.http and boot.tftp, \
         or --boot-http and --boot-tftp: by themselves they are [::]:8480 and [::]:69, which is both families"
            .to_owned()
    } else {
        format!(
            "machines are given addresses, and nothing to boot: this server has no address in {subnet} that they would reach. Give \
             it one: ip address add ADDRESS/64 dev INTERFACE"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;

    fn interface(name: &str, addresses6: &[&str]) -> Interface {
        Interface {
            name: name.to_owned(),
            index: 3,
            mac: Some([2, 0, 0, 0, 0, 1]),
            is_up: name != "down0",
            is_running: true,
            is_loopback: false,
            addresses: vec![([10, 0, 7, 1].into(), 24)],
            addresses6: addresses6.iter().map(|address| (address.parse().unwrap(), 64)).collect(),
        }
    }

    #[test]
    fn a_network_is_served_where_it_lies_or_says_why_not() {
        let check = |spec: &str, at: &Interface, wanted: (ServiceState, &str)| {
            let network = fixture::network(&format!("ipv6: {{ subnet: '2001:db8:7::/64' {spec}"));
            let plans = plans(&fixture::view(&[&network], &[]), std::slice::from_ref(at));
            let service = &plans[0].service;
            let reason = service.reason.as_deref().unwrap_or_default();
            assert_eq!(service.state, wanted.0, "{reason}");
            assert!(reason.contains(wanted.1), "{reason}");
            plans.into_iter().next().unwrap().link
        };
        let eth0 = interface("eth0", &["fe80::1", "2001:db8:7::1"]);
        let link = check(" }", &eth0, (ServiceState::Served, "listens over IPv4 alone")).unwrap();
        let advertised = link.advertised.unwrap();
        assert!(link.is_answered && advertised.managed && !advertised.router);
        assert_eq!(advertised.prefix, Some("2001:db8:7::".parse().unwrap()));
        let link = check(", advertise: false }", &eth0, (ServiceState::Served, "")).unwrap();
        assert_eq!(link.advertised, None);
        let link = check(", mode: off }", &eth0, (ServiceState::Served, "")).unwrap();
        assert!(!link.is_answered && !link.advertised.unwrap().managed);
        check(", mode: off, advertise: false }", &eth0, (ServiceState::Off, ""));
        check(
            " }",
            &interface("eth0", &["fe80::1"]),
            (ServiceState::Served, "no address in 2001:db8:7::/64"),
        );
        check(" }", &interface("eth0", &[]), (ServiceState::Failed, "disable_ipv6=0"));
        check(
            " }, interface: down0",
            &interface("down0", &["fe80::1"]),
            (ServiceState::Failed, "switched off"),
        );
        check(" }, interface: eth9", &eth0, (ServiceState::Failed, "no interface eth9"));
    }
}
