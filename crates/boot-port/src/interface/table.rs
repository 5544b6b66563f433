//! Reading the tables in which the system tells routes and name servers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A route (proc_pid_net(5), `/proc/net/route`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The interface that it leads out of.
    pub interface: String,
    /// The network that it leads to.
    pub destination: Ipv4Addr,
    /// How many bits of it are the network's; 0 in a default route.
    pub prefix: u8,
    /// The next router; none where the network is on the link.
    pub gateway: Option<Ipv4Addr>,
    /// Among routes to the same network the least one is taken.
    pub metric: u32,
}

impl Route {
    /// Whether it is for everything that no other route is for.
    pub fn is_default(&self) -> bool {
        self.prefix == 0
    }
}

/// A router that leads everywhere over IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router6 {
    /// The interface that it is behind.
    pub interface: String,
    /// Its address, link-local as a rule.
    pub address: Ipv6Addr,
    /// Whether this machine's kernel knows it from its advertisements (RFC 4861), and not from a person or program.
    pub is_advertised: bool,
}

/// The flag of routes that are in use, and of those over a router (RTF_UP, RTF_GATEWAY).
const UP: u32 = 1;
const GATEWAY: u32 = 2;
/// Routes that refuse (RTF_REJECT).
const REJECT: u32 = 0x200;

/// Routes that the kernel made of advertisements (RTF_ADDRCONF).
const ADVERTISED: u32 = 0x4_0000;

/// The routers of default routes in use, the preferred one first, from the text of `/proc/net/ipv6_route`.
pub(super) fn routers6(text: &str) -> Vec<Router6> {
    let mut found: Vec<(u32, Router6)> = text.lines().filter_map(router6).collect();
    found.sort_by_key(|(metric, _)| *metric);
    found.into_iter().map(|(_, router)| router).collect()
}

fn router6(line: &str) -> Option<(u32, Router6)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, prefix, _, _, gateway, metric, _, _, flags, interface] = fields[..] else { return None };
    let number = |field| u32::from_str_radix(field, 16).ok();
    let (metric, flags) = (number(metric)?, number(flags)?);
    let address = Ipv6Addr::from(u128::from_str_radix(gateway, 16).ok()?);
    let is_router = number(prefix)? == 0 && flags & UP != 0 && flags & GATEWAY != 0 && flags & REJECT == 0;
    let interface = interface.to_owned();
    is_router.then_some((metric, Router6 { interface, address, is_advertised: flags & ADVERTISED != 0 }))
}

/// The routes in use, from the text of `/proc/net/route`.
pub(super) fn routes(text: &str) -> Vec<Route> {
    text.lines().skip(1).filter_map(route).collect()
}

fn route(line: &str) -> Option<Route> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [interface, destination, gateway, flags, _, _, metric, mask, ..] = fields[..] else { return None };
    // Addresses stand there as the machine keeps them in memory, whose bytes are in network order.
    let address = |field| u32::from_str_radix(field, 16).ok().map(|word| Ipv4Addr::from(word.to_ne_bytes()));
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let gateway = address(gateway)?;
    (flags & UP != 0 && flags & REJECT == 0).then_some(Route {
        interface: interface.to_owned(),
        destination: address(destination)?,
        prefix: u8::try_from(address(mask)?.to_bits().leading_ones()).ok()?,
        gateway: (flags & GATEWAY != 0).then_some(gateway),
        metric: metric.parse().ok()?,
    })
}

/// The servers in the text of a `resolv.conf` (resolv.conf(5)) that are not this machine's own.
pub(super) fn name_servers(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then(|| words.next())??.split('%').next()?.parse().ok()
    };
    text.lines().filter_map(address).filter(|server: &IpAddr| !server.is_loopback()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    #[cfg(target_endian = "little")]
    #[test]
    fn routes_are_read() {
        let check = |line: &str, expected: Option<(&str, u8, Option<&str>, u32)>| {
            let read = routes(&format!("{HEADER}{line}\n"));
            let expected = expected.map(|(destination, prefix, gateway, metric)| Route {
                interface: "eth0".to_owned(),
                destination: destination.parse().unwrap(),
                prefix,
                gateway: gateway.map(|gateway| gateway.parse().unwrap()),
                metric,
            });
            assert_eq!(read, Vec::from_iter(expected), "{line}");
        };
        check(
            "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0",
            Some(("0.0.0.0", 0, Some("192.0.2.1"), 100)),
        );
        check("eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0", Some(("192.0.2.0", 24, None, 0)));
        check(
            "eth0\t0000000A\t010200C0\t0003\t0\t0\t7\t0000F0FF\t0\t0\t0",
            Some(("10.0.0.0", 12, Some("192.0.2.1"), 7)),
        );
        check("eth0\t00000000\t010200C0\t0002\t0\t0\t100\t00000000\t0\t0\t0", None);
        check("eth0\t00000000\t00000000\t0201\t0\t0\t100\t00000000\t0\t0\t0", None);
        check("eth0\t000200C0\t00000000\tzzzz\t0\t0\t0\t00FFFFFF\t0\t0\t0", None);
        check("eth0\t000200C0", None);
        check("", None);
    }

    #[test]
    fn routers_of_ipv6_are_read() {
        const ANY: &str = "00000000000000000000000000000000";
        const ROUTER: &str = "fe800000000000000000000000000001";
        let check = |lines: &[String], expected: &[(&str, &str, bool)]| {
            let expected = expected.iter().map(|(interface, address, is_advertised)| Router6 {
                interface: (*interface).to_owned(),
                address: address.parse().unwrap(),
                is_advertised: *is_advertised,
            });
            assert_eq!(routers6(&lines.join("\n")), Vec::from_iter(expected), "{lines:?}");
        };
        let route = |prefix: &str, gateway: &str, metric: &str, flags: &str, interface: &str| {
            format!("{ANY} {prefix} {ANY} 00 {gateway} {metric} 00000001 00000000 {flags}     {interface}")
        };
        check(
            &[
                route("00", "20010db8000700000000000000000009", "00000400", "00000003", "eth1"),
                route("00", ROUTER, "00000064", "00450003", "eth0"),
            ],
            &[("eth0", "fe80::1", true), ("eth1", "2001:db8:7::9", false)],
        );
        check(&[route("40", ROUTER, "00000100", "00000003", "eth0")], &[]);
        check(&[route("00", ANY, "ffffffff", "00200200", "lo")], &[]);
        check(&[route("00", ANY, "00000100", "00000001", "eth0")], &[]);
        check(
            &[route("00", "router", "00000100", "00000003", "eth0"), "eth0".to_owned(), String::new()],
            &[],
        );
    }

    #[test]
    fn name_servers_are_read() {
        let check = |text: &str, expected: &[&str]| {
            let expected: Vec<IpAddr> = expected.iter().map(|server| server.parse().unwrap()).collect();
            assert_eq!(name_servers(text), expected, "{text}");
        };
        check(
            "# made by hand\nsearch lab.example\nnameserver 192.0.2.53\nnameserver\t2001:db8::53\n",
            &["192.0.2.53", "2001:db8::53"],
        );
        check("nameserver 127.0.0.53\noptions edns0\n", &[]);
        check("  nameserver fe80::1%eth0\n", &["fe80::1"]);
        check("nameserver\nnameserver one\n#nameserver 192.0.2.1\n", &[]);
        check("", &[]);
    }
}
