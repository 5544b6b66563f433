//! Where this machine stands: its addresses, its way to other networks, who else is there.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ironhand_api::MacAddress;
use ironhand_boot_port::interface::{Interface, Route, Router6, interfaces, name_servers, routers6, routes};
use tokio::net::UdpSocket;
use tokio::time::sleep;

/// Addresses that are asked for at most: more would fill the table of neighbours.
const MOST_ASKED: usize = 512;

/// Addresses that are proposed at most.
const MOST_PROPOSED: usize = 100;

/// The most bits of a subnet that machines make addresses of their own in (RFC 4291, section 2.5.4).
const SUBNET: u8 = 64;

/// The port of the service that throws away what it gets (RFC 863): what is sent there asks for nothing but the address.
const DISCARD: u16 = 9;

/// How long neighbours have to answer.
const NEIGHBOURS_WAIT: Duration = Duration::from_millis(1_500);

/// An address of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAddress {
    /// The interface.
    pub interface: String,
    /// The hardware address of the interface.
    pub mac: Option<MacAddress>,
    /// The address.
    pub address: Ipv4Addr,
    /// How many of its bits are the network's.
    pub prefix: u8,
}

/// What one interface of this machine stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Its first address.
    pub own: OwnAddress,
    /// The router that leads to other networks from it.
    pub gateway: Option<Ipv4Addr>,
    /// The name servers of this machine, without those that only this machine can ask.
    pub dns: Vec<Ipv4Addr>,
    /// The domain in which this machine looks for names.
    pub domain: Option<String>,
    /// The same over IPv6.
    pub ipv6: Surroundings6,
}

/// What an interface stands in over IPv6.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings6 {
    /// Whether IPv6 is on there: it has a link-local address.
    pub is_on: bool,
    /// Its addresses that reach beyond the link, each with the number of bits that are the network's.
    pub addresses: Vec<(Ipv6Addr, u8)>,
    /// The routers that lead to other networks from it, the preferred one first.
    pub routers: Vec<Router6>,
}

impl Surroundings6 {
    /// The subnet of its first address in one: the first address of the subnet, and the number of its bits.
    pub fn subnet(&self) -> Option<(Ipv6Addr, u8)> {
        // A longer prefix is that of an address alone, as DHCPv6 gives them: the subnet stands nowhere.
        let (address, prefix) = self.addresses.iter().find(|(_, prefix)| (1..=SUBNET).contains(prefix))?;
        Some((Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - prefix))), *prefix))
    }
}

/// Why the surroundings cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum SurroundingsError {
    /// The operating system does not say.
    #[error("the operating system does not tell its {0}")]
    System(&'static str, #[source] io::Error),
    /// None leads to other networks, and several may be meant.
    #[error("no interface leads to other networks, so that it is not clear at which one machines boot: name one with --interface: {}", list(.0))]
    Which(Vec<String>),
    /// There is no such interface, or it has no address.
    #[error("{wanted} has no IPv4 address that machines could reach; interfaces that have one: {}", list(.found))]
    NoAddress {
        /// What was looked for.
        wanted: String,
        /// What there is.
        found: Vec<String>,
    },
}

fn list(found: &[String]) -> String {
    if found.is_empty() { "none".to_owned() } else { found.join(", ") }
}

impl OwnAddress {
    /// The first address of its network, which names it.
    pub fn network(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) & mask(self.prefix))
    }

    /// The address by which everybody on its network is spoken to.
    pub fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network()) | !mask(self.prefix))
    }

    /// Whether an address is in its network.
    pub fn reaches(&self, address: Ipv4Addr) -> bool {
        u32::from(address) & mask(self.prefix) == u32::from(self.network())
    }
}

const fn mask(prefix: u8) -> u32 {
    if prefix == 0 { 0 } else { u32::MAX << (32 - if prefix > 32 { 32 } else { prefix }) }
}

/// The IPv4 addresses of this machine, without those that no other machine reaches.
///
/// # Errors
///
/// Where the operating system does not tell them.
pub fn own_addresses() -> Result<Vec<OwnAddress>, SurroundingsError> {
    let told = interfaces().map_err(|error| SurroundingsError::System("addresses", error))?;
    let usable = told.into_iter().filter(|one| one.is_up && !one.is_loopback);
    let own = |one: Interface| {
        let address = move |(address, prefix): &(Ipv4Addr, u8)| OwnAddress {
            interface: one.name.clone(),
            mac: one.mac.map(MacAddress),
            address: *address,
            prefix: *prefix,
        };
        one.addresses.iter().map(address).collect::<Vec<_>>()
    };
    Ok(usable.flat_map(own).collect())
}

/// What an interface stands in: the one that is named, or else the one with the way to other networks, or the only one.
///
/// # Errors
///
/// Where there is no such interface, or it has no address.
pub fn surroundings(interface: Option<&str>) -> Result<Surroundings, SurroundingsError> {
    let addresses = own_addresses()?;
    let routes = routes().map_err(|error| SurroundingsError::System("routes", error))?;
    let gateways = default_routes(routes);
    let wanted = interface.map(str::to_owned).or_else(|| gateways.first().map(|(name, _)| name.clone()));
    let own = match &wanted {
        Some(name) => addresses.iter().find(|own| own.interface == *name),
        None => {
            addresses.first().filter(|first| addresses.iter().all(|own| own.interface == first.interface))
        }
    };
    let Some(own) = own.cloned() else {
        let found: BTreeSet<String> = addresses.into_iter().map(|own| own.interface).collect();
        let found: Vec<String> = found.into_iter().collect();
        return Err(match wanted {
            None if !found.is_empty() => SurroundingsError::Which(found),
            None => SurroundingsError::NoAddress { wanted: "this machine".to_owned(), found },
            Some(name) => SurroundingsError::NoAddress { wanted: format!("the interface {name}"), found },
        });
    };
    let gateway = gateways.into_iter().find(|(name, _)| *name == own.interface).map(|(_, gateway)| gateway);
    let resolver = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let version_4 = |server| match server {
        IpAddr::V4(server) => Some(server),
        IpAddr::V6(_) => None,
    };
    let dns = name_servers().into_iter().filter_map(version_4).collect();
    let ipv6 = surroundings6(&own.interface)?;
    Ok(Surroundings { own, gateway, dns, domain: search_domain(&resolver), ipv6 })
}

fn surroundings6(interface: &str) -> Result<Surroundings6, SurroundingsError> {
    let told = interfaces().map_err(|error| SurroundingsError::System("addresses", error))?;
    let mut routers = routers6().map_err(|error| SurroundingsError::System("routes of IPv6", error))?;
    routers.retain(|router| router.interface == interface);
    let Some(own) = told.into_iter().find(|one| one.name == interface) else {
        return Ok(Surroundings6::default());
    };
    let is_on = own.link_local().is_some();
    let mut addresses = own.addresses6;
    addresses.retain(|(address, _)| !address.is_unicast_link_local());
    Ok(Surroundings6 { is_on, addresses, routers })
}

/// The interfaces with a way to everywhere, the one that is preferred first.
fn default_routes(mut routes: Vec<Route>) -> Vec<(String, Ipv4Addr)> {
    routes.retain(Route::is_default);
    routes.sort_by_key(|route| route.metric);
    routes.into_iter().filter_map(|route| Some((route.interface, route.gateway?))).collect()
}

/// The domain in the text of `/etc/resolv.conf` in which this machine looks for names: the last that it names (resolv.conf(5)).
fn search_domain(text: &str) -> Option<String> {
    let mut named = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("search" | "domain")).then(|| words.next())?
    });
    named.next_back().map(|name| name.trim_end_matches('.').to_owned()).filter(|name| !name.is_empty())
}

/// The addresses of a network that are asked for before a range is proposed: all of a small one, the upper part of a
/// large one.
pub fn candidates(own: &OwnAddress) -> Vec<Ipv4Addr> {
    let (first, last) =
        (u32::from(own.network()).saturating_add(1), u32::from(own.broadcast()).saturating_sub(1));
    let count = u32::try_from(MOST_ASKED).unwrap_or(u32::MAX);
    let from = first.max(last.saturating_sub(count - 1));
    if own.prefix > 30 { Vec::new() } else { (from..=last).map(Ipv4Addr::from).collect() }
}

/// Which of `candidates` are in use, as far as ARP tells: each is sent a packet that asks for nothing, for which the
/// kernel looks for its hardware address.
///
/// # Errors
///
/// Where no socket can be had.
pub async fn in_use(candidates: &[Ipv4Addr]) -> io::Result<BTreeSet<Ipv4Addr>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    for batch in candidates.chunks(64) {
        for address in batch {
            // One that cannot be asked stays unknown, and so free.
            let _ = socket.send_to(&[], (*address, DISCARD)).await;
        }
        sleep(Duration::from_millis(20)).await;
    }
    sleep(NEIGHBOURS_WAIT).await;
    let table = std::fs::read_to_string("/proc/net/arp")?;
    let wanted: BTreeSet<Ipv4Addr> = candidates.iter().copied().collect();
    Ok(neighbours(&table).filter(|address| wanted.contains(address)).collect())
}

/// The neighbours in the text of `/proc/net/arp` whose hardware address is known.
fn neighbours(text: &str) -> impl Iterator<Item = Ipv4Addr> {
    /// The entry has a hardware address (`ATF_COM` of `net/if_arp.h`).
    const COMPLETE: u32 = 2;
    text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace();
        let address = fields.next()?.parse().ok()?;
        let flags = fields.nth(1)?.strip_prefix("0x")?;
        (u32::from_str_radix(flags, 16).ok()? & COMPLETE != 0).then_some(address)
    })
}

/// A range that may be given away: the end of the longest run of candidates that nobody uses.
pub fn free_range(candidates: &[Ipv4Addr], taken: &BTreeSet<Ipv4Addr>) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let mut longest: &[Ipv4Addr] = &[];
    for run in candidates.split(|address| taken.contains(address)) {
        // Of two that are equally long the upper one: routers and servers mostly stand at the beginning.
        if run.len() >= longest.len() {
            longest = run;
        }
    }
    let from = longest.len().saturating_sub(MOST_PROPOSED);
    Some((*longest.get(from)?, *longest.last()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Ipv4Addr {
        text.parse().unwrap()
    }

    fn own(address: &str, prefix: u8) -> OwnAddress {
        OwnAddress { interface: "eth0".into(), mac: None, address: ip(address), prefix }
    }

    #[test]
    fn of_ways_to_everywhere_the_preferred_one_comes_first() {
        let route = |interface: &str, prefix, gateway: &str, metric| Route {
            interface: interface.to_owned(),
            destination: Ipv4Addr::UNSPECIFIED,
            prefix,
            gateway: gateway.parse().ok(),
            metric,
        };
        let routes = vec![
            route("eth1", 0, "10.1.0.1", 200),
            route("eth0", 0, "10.0.0.1", 100),
            route("eth0", 24, "", 0),
            route("tun0", 0, "", 50),
        ];
        let wanted = [("eth0".to_owned(), ip("10.0.0.1")), ("eth1".to_owned(), ip("10.1.0.1"))];
        assert_eq!(default_routes(routes), wanted);
    }

    #[test]
    fn the_domain_is_the_last_that_is_named() {
        let check =
            |text: &str, wanted: Option<&str>| assert_eq!(search_domain(text).as_deref(), wanted, "{text}");
        check(
            "# search none.example\nnameserver 10.0.0.2\nsearch rack.example. other\n",
            Some("rack.example"),
        );
        check("domain a.example\nsearch b.example\n", Some("b.example"));
        check("search .\n", None);
        check("nameserver 10.0.0.2\n", None);
    }

    #[test]
    fn neighbours_count_where_they_answered() {
        let text = "IP address       HW type     Flags       HW address            Mask     Device\n\
            10.0.0.7         0x1         0x2         52:54:00:00:00:07     *        eth0\n\
            10.0.0.8         0x1         0x0         00:00:00:00:00:00     *        eth0\n\
            10.0.0.9         0x1         0x6         52:54:00:00:00:09     *        eth0\n";
        assert_eq!(neighbours(text).collect::<Vec<_>>(), [ip("10.0.0.7"), ip("10.0.0.9")]);
    }

    #[test]
    fn networks_follow_from_the_mask_whatever_it_is() {
        let small = own("192.0.2.70", 26);
        assert_eq!((small.network(), small.broadcast()), (ip("192.0.2.64"), ip("192.0.2.127")));
        assert_eq!(candidates(&small).len(), 62);
        let large = own("10.4.3.2", 14);
        assert_eq!((large.network(), large.broadcast()), (ip("10.4.0.0"), ip("10.7.255.255")));
        assert_eq!(candidates(&large).len(), MOST_ASKED);
        assert_eq!(candidates(&large).last(), Some(&ip("10.7.255.254")));
        assert!(large.reaches(ip("10.7.0.1")) && !large.reaches(ip("10.8.0.1")));
        assert!(candidates(&own("10.0.0.1", 31)).is_empty() && candidates(&own("10.0.0.1", 32)).is_empty());
    }

    #[test]
    fn the_longest_free_run_is_proposed() {
        let check = |prefix, taken: &[&str], wanted: Option<(&str, &str)>| {
            let all = candidates(&own("192.0.2.1", prefix));
            let taken = taken.iter().map(|text| ip(text)).collect();
            let wanted = wanted.map(|(from, to)| (ip(from), ip(to)));
            assert_eq!(free_range(&all, &taken), wanted, "/{prefix} {taken:?}");
        };
        check(24, &["192.0.2.1"], Some(("192.0.2.155", "192.0.2.254")));
        check(24, &["192.0.2.1", "192.0.2.200"], Some(("192.0.2.100", "192.0.2.199")));
        check(29, &["192.0.2.1", "192.0.2.4"], Some(("192.0.2.5", "192.0.2.6")));
        check(30, &["192.0.2.1", "192.0.2.2"], None);
    }
}
