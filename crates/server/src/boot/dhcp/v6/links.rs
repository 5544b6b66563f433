//! Where the IPv6 sides of networks lie, and what is to become of each.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use ironhand_api::{Ipv6Mode, Ipv6Service, Name, Network, NetworkIpv6, ServiceState};
use ironhand_boot_port::dhcp6::Link6;
use ironhand_boot_port::interface::Interface;
use ironhand_dhcp::ra::AdvertiserConfig;
use ironhand_model::boot::{Client, View};

use crate::boot::dhcp::rivals::Seen;

/// What is to become of a network.
pub(super) struct Plan {
    pub(super) network: Name,
    pub(super) service: Ipv6Service,
    /// The link that it is at; none behind relays, and where it is not served.
    pub(super) link: Option<Link6>,
    /// Whether it gives addresses at its interface, where others may do so, too.
    pub(super) gives_addresses: bool,
}

/// What is to become of the networks that have an IPv6 side, where `seen` tells who else was found at an interface.
pub(super) fn plans<'s>(
    view: &View,
    interfaces: &[Interface],
    seen: impl Fn(&str) -> Option<&'s Seen>,
) -> Vec<Plan> {
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
            others: Vec::new(),
            routers: Vec::new(),
            looked_at: None,
        };
        let mut plan = Plan { network: name.clone(), service, link: None, gives_addresses: false };
        if ipv6.mode != Ipv6Mode::Off || ipv6.advertise {
            match placed(view, network, ipv6, interfaces, &mut taken) {
                Ok(link) => {
                    plan.service.state = ServiceState::Served;
                    plan.service.interface = link.as_ref().map(|link| link.name.clone());
                    plan.service.reason = nothing_to_boot(view, network, ipv6, interfaces);
                    plan.gives_addresses = ipv6.mode != Ipv6Mode::Off && link.is_some();
                    plan.link = link;
                    plan.judge(network, ipv6, &seen);
                }
                Err(reason) => {
                    (plan.service.state, plan.service.reason) = (ServiceState::Failed, Some(reason));
                }
            }
        }
        plans.push(plan);
    }
    // What comes through relays comes in at the sockets of other networks.
    let elsewhere = plans.iter().any(|plan| plan.gives_addresses);
    if plans.iter().all(|plan| plan.link.is_none()) {
        for plan in plans.iter_mut().filter(|plan| plan.service.state == ServiceState::Served) {
            let subnet = plan.service.subnet;
            let reason = match elsewhere {
                true => format!(
                    "requests of {subnet} come through relays, and the network that those are in is not served"
                ),
                false => format!("no interface of this machine has an address in {subnet}"),
            };
            (plan.service.state, plan.service.reason) = (ServiceState::Failed, Some(reason));
        }
    }
    plans
}

impl Plan {
    /// Serves the network only where nobody else gives addresses, unless it says so.
    fn judge<'s>(&mut self, network: &Network, ipv6: &NetworkIpv6, seen: impl Fn(&str) -> Option<&'s Seen>) {
        let Some(link) = self.link.as_ref().filter(|_| self.gives_addresses) else { return };
        let at = &link.name;
        let alone = !network.spec.beside_others;
        let service = &mut self.service;
        let Some(seen) = seen(at) else {
            if alone {
                let reason = format!("it is being looked whether another DHCPv6 server answers at {at}");
                (service.state, service.reason) = (ServiceState::Looking, Some(reason));
                self.link = None;
            }
            return;
        };
        service.looked_at = Some(seen.at);
        (service.others, service.routers) = (seen.servers.clone(), seen.routers.clone());
        if let Some(other) = seen.givers().next().filter(|_| alone) {
            let offered = other.offered.map(|offered| format!(", and offers {offered}")).unwrap_or_default();
            let reason = format!(
                "another DHCPv6 server, {}, answers at {at}{offered}: two that give addresses on one network break it. Stop that one; \
                 or let `ipv6` of this network be of mode `off`, where the other one gives the addresses; or give the network \
                 `besideOthers: true`, if the two give different addresses to different machines",
                other.server
            );
            (service.state, service.reason) = (ServiceState::Foreign, Some(reason));
            self.link = None;
            return;
        }
        let unsure = || {
            let error = seen.failed.as_ref()?;
            Some(format!("whether another DHCPv6 server answers at {at} is not known: {error}"))
        };
        let unasked = || {
            let told =
                ipv6.advertise || seen.failed.is_some() || seen.routers.iter().any(|router| router.managed);
            let reason = match seen.routers.first().map(|router| router.router) {
                Some(router) => format!(
                    "the router {router} does not say that addresses are given by DHCPv6, and so systems do not ask: let it advertise the \
                     flag M, or leave out `advertise: false`"
                ),
                None => "no router says that addresses are given by DHCPv6, and so systems do not ask: let one advertise the flag M, or \
                         leave out `advertise: false`"
                    .to_owned(),
            };
            (!told).then_some(reason)
        };
        service.reason = service.reason.take().or_else(unsure).or_else(unasked);
    }
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
    use ironhand_api::{OtherRouter, OtherServer, Timestamp};

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

    const ALONE: Seen =
        Seen { at: Timestamp::from_millis(7), servers: Vec::new(), routers: Vec::new(), failed: None };

    static NOBODY: Seen = ALONE;

    fn router(managed: bool) -> OtherRouter {
        OtherRouter { router: "fe80::9".parse().unwrap(), managed, other: false, lifetime: 0 }
    }

    #[test]
    fn addresses_are_given_where_nobody_else_does_or_the_network_says_so() {
        let offers = |address: Option<&str>| OtherServer {
            server: "fe80::5".parse().unwrap(),
            offered: address.map(|address| address.parse().unwrap()),
            findings: Vec::new(),
        };
        let check = |spec: &str, seen: Option<Seen>, wanted: (ServiceState, &str)| {
            let network = fixture::network(&format!("ipv6: {{ subnet: '2001:db8:7::/64' {spec}"));
            let eth0 = interface("eth0", &["fe80::1", "2001:db8:7::1"]);
            let plans =
                plans(&fixture::view(&[&network], &[]), &[eth0], |at| seen.as_ref().filter(|_| at == "eth0"));
            let [plan] = &plans[..] else { panic!() };
            let reason = plan.service.reason.as_deref().unwrap_or_default();
            assert_eq!(plan.service.state, wanted.0, "{spec} {reason}");
            assert!(reason.contains(wanted.1), "{spec} {reason}");
            assert_eq!(plan.link.is_some(), plan.service.state == ServiceState::Served);
        };
        let rival = || Some(Seen { servers: vec![offers(Some("2001:db8:7::77"))], ..ALONE });
        check(" }", None, (ServiceState::Looking, "being looked"));
        check(" }, besideOthers: true", None, (ServiceState::Served, ""));
        check(" }", rival(), (ServiceState::Foreign, "fe80::5, answers at eth0, and offers 2001:db8:7::77"));
        check(" }, besideOthers: true", rival(), (ServiceState::Served, ""));
        check(", mode: hosts }", rival(), (ServiceState::Foreign, "besideOthers"));
        check(", mode: off }", rival(), (ServiceState::Served, ""));
        let stateless = Seen { servers: vec![offers(None)], ..ALONE };
        check(" }", Some(stateless), (ServiceState::Served, "listens over IPv4 alone"));
        let failed = Seen { failed: Some("not permitted".to_owned()), ..ALONE };
        check(", mode: off }", Some(failed), (ServiceState::Served, ""));
    }

    #[test]
    fn it_is_told_that_systems_do_not_ask_where_no_router_tells_them_to() {
        let check = |spec: &str, routers: &[OtherRouter], wanted: &str| {
            let network = fixture::network("mode: full");
            let ipv6 =
                fixture::network(&format!("ipv6: {{ subnet: '2001:db8:7::/64' {spec}")).spec.ipv6.unwrap();
            let service = plans(
                &fixture::view(
                    &[&fixture::network(&format!("ipv6: {{ subnet: '2001:db8:7::/64' {spec}"))],
                    &[],
                ),
                &[interface("eth0", &["fe80::1"])],
                |_| None,
            );
            let seen = Seen { routers: routers.to_vec(), ..ALONE };
            let mut plan = service.into_iter().next().unwrap();
            plan.service.reason = None;
            plan.link = Some(link(&interface("eth0", &["fe80::1"]), "fe80::1".parse().unwrap(), &ipv6));
            plan.judge(&network, &ipv6, |_| Some(&seen));
            let reason = plan.service.reason.unwrap_or_default();
            assert!(reason.contains(wanted) && reason.is_empty() == wanted.is_empty(), "{spec}: {reason}");
            assert_eq!(plan.service.routers, routers);
        };
        check(" }", &[], "");
        check(", advertise: false }", &[], "no router says");
        check(", advertise: false }", &[router(false)], "the router fe80::9 does not say");
        check(", advertise: false }", &[router(false), router(true)], "");
    }

    #[test]
    fn a_network_is_served_where_it_lies_or_says_why_not() {
        let check = |spec: &str, at: &Interface, wanted: (ServiceState, &str)| {
            let network = fixture::network(&format!("ipv6: {{ subnet: '2001:db8:7::/64' {spec}"));
            let plans = plans(&fixture::view(&[&network], &[]), std::slice::from_ref(at), |_| Some(&NOBODY));
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
