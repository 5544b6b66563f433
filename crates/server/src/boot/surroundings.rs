//! Where this machine stands: its addresses, its way to other networks, who else is there.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use ironhand_api::MacAddress;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use tokio::net::UdpSocket;
use tokio::time::sleep;

/// Addresses that are asked for at most: more would fill the table of neighbours.
const MOST_ASKED: usize = 512;

/// Addresses that are proposed at most.
const MOST_PROPOSED: usize = 100;

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
}

/// Why the surroundings cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum SurroundingsError {
    /// The operating system does not say.
    #[error("the operating system does not tell its {0}")]
    System(&'static str, #[source] io::Error),
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
    let told = || getifaddrs().map_err(|errno| SurroundingsError::System("addresses", errno.into()));
    let mut macs = std::collections::BTreeMap::new();
    let mut found = Vec::new();
    for one in told()? {
        let usable =
            one.flags.contains(InterfaceFlags::IFF_UP) && !one.flags.contains(InterfaceFlags::IFF_LOOPBACK);
        let Some(address) = one.address.filter(|_| usable) else { continue };
        if let Some(mac) = address.as_link_addr().and_then(nix::sys::socket::LinkAddr::addr) {
            macs.insert(one.interface_name.clone(), MacAddress(mac));
        }
        let netmask = one.netmask.as_ref().and_then(|mask| mask.as_sockaddr_in()).map(|mask| mask.ip());
        if let (Some(address), Some(netmask)) = (address.as_sockaddr_in(), netmask) {
            let prefix = u32::from(netmask).leading_ones();
            found.push(OwnAddress {
                interface: one.interface_name,
                mac: None,
                address: address.ip(),
                prefix: u8::try_from(prefix).unwrap_or(32),
            });
        }
    }
    for one in &mut found {
        one.mac = macs.get(&one.interface).copied();
    }
    Ok(found)
}

/// What an interface stands in: the one that is named, or else the one with the way to other networks, or the only one.
///
/// # Errors
///
/// Where there is no such interface, or it has no address.
pub fn surroundings(interface: Option<&str>) -> Result<Surroundings, SurroundingsError> {
    let addresses = own_addresses()?;
    let routes = std::fs::read_to_string("/proc/net/route")
        .map_err(|error| SurroundingsError::System("routes", error))?;
    let gateways = default_routes(&routes);
    let wanted = interface.map(str::to_owned).or_else(|| gateways.first().map(|(name, _)| name.clone()));
    let own = match &wanted {
        Some(name) => addresses.iter().find(|own| own.interface == *name),
        None => {
            addresses.first().filter(|first| addresses.iter().all(|own| own.interface == first.interface))
        }
    };
    let Some(own) = own.cloned() else {
        let found: BTreeSet<String> = addresses.into_iter().map(|own| own.interface).collect();
        let wanted = wanted.map_or_else(
            || {
                "no interface has a way to other networks; name one with --interface: the first one"
                    .to_owned()
            },
            |name| format!("the interface {name}"),
        );
        return Err(SurroundingsError::NoAddress { wanted, found: found.into_iter().collect() });
    };
    let gateway = gateways.into_iter().find(|(name, _)| *name == own.interface).map(|(_, gateway)| gateway);
    let resolver = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let (dns, domain) = resolver_words(&resolver);
    Ok(Surroundings { own, gateway, dns, domain })
}

/// The interfaces with a way to everywhere, the one that is preferred first, as `/proc/net/route` has them.
fn default_routes(text: &str) -> Vec<(String, Ipv4Addr)> {
    let mut found: Vec<(u32, String, Ipv4Addr)> = text
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [name, destination, gateway, _, _, _, metric, netmask, ..] = fields[..] else { return None };
            let gateway = u32::from_str_radix(gateway, 16).ok()?;
            let everywhere = destination == "00000000" && netmask == "00000000" && gateway != 0;
            // The kernel writes addresses as numbers of the machine, whose bytes in memory are those of the address.
            let gateway = Ipv4Addr::from(gateway.to_ne_bytes());
            everywhere.then(|| (metric.parse().unwrap_or(u32::MAX), name.to_owned(), gateway))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, name, gateway)| (name, gateway)).collect()
}

/// The name servers and the domain in the text of `/etc/resolv.conf`.
fn resolver_words(text: &str) -> (Vec<Ipv4Addr>, Option<String>) {
    let (mut servers, mut domain) = (Vec::new(), None);
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("nameserver"), Some(server)) => {
                let server = server.parse().ok().filter(|server: &Ipv4Addr| !server.is_loopback());
                servers.extend(server.filter(|server| !servers.contains(server)));
            }
            (Some("search" | "domain"), Some(name)) => domain = Some(name.trim_end_matches('.').to_owned()),
            _ => {}
        }
    }
    (servers, domain.filter(|name| !name.is_empty()))
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
    fn routes_are_read_with_the_preferred_first() {
        let little = |text: &str| format!("{:08X}", u32::from_ne_bytes(ip(text).octets()));
        let text = format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
             eth1\t00000000\t{}\t0003\t0\t0\t200\t00000000\t0\t0\t0\n\
             eth0\t00000000\t{}\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             eth0\t{}\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
            little("10.1.0.1"),
            little("10.0.0.1"),
            little("10.0.0.0"),
        );
        let wanted = [("eth0".to_owned(), ip("10.0.0.1")), ("eth1".to_owned(), ip("10.1.0.1"))];
        assert_eq!(default_routes(&text), wanted);
    }

    #[test]
    fn name_servers_of_this_machine_alone_are_left_out() {
        let text = "# made by something\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver fe80::1\nsearch rack.example. other\n";
        assert_eq!(resolver_words(text), (vec![ip("10.0.0.2")], Some("rack.example".into())));
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
