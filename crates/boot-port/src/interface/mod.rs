//! What this machine's network is like: interfaces, addresses, routes and name servers.

mod table;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

pub use table::{Route, Router6};

/// An interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, like `eth0`.
    pub name: String,
    /// The number by which the system knows it, until it is removed.
    pub index: u32,
    /// Its Ethernet address; none where the hardware has addresses of another kind, or none.
    pub mac: Option<[u8; 6]>,
    /// Whether it was switched on.
    pub is_up: bool,
    /// Whether it has a carrier.
    pub is_running: bool,
    /// Whether it leads nowhere but to this machine.
    pub is_loopback: bool,
    /// Its IPv4 addresses, each with the number of bits that are the network's.
    pub addresses: Vec<(Ipv4Addr, u8)>,
    /// Its IPv6 addresses, the link-local one among them, each with the number of bits that are the network's.
    pub addresses6: Vec<(Ipv6Addr, u8)>,
}

impl Interface {
    /// Its link-local address of IPv6 (RFC 4291, section 2.5.6); none where IPv6 is off there.
    pub fn link_local(&self) -> Option<Ipv6Addr> {
        self.addresses6.iter().map(|(address, _)| *address).find(|address| address.is_unicast_link_local())
    }
}

/// Whether an address takes clients of both families: that of IPv6 without a host.
pub(crate) fn is_of_both_families(address: &SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

/// Opens what listens at `address` by `open`: where that is the address of both families and this machine has no IPv6, it
/// listens at the same port of IPv4.
///
/// # Errors
/// What `open` says of the last address that it was given.
pub(crate) fn open_at<T>(address: SocketAddr, open: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match open(address) {
        Err(error) if is_of_both_families(&address) && lacks_ipv6(&error) => {
            open((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        other => other,
    }
}

/// Whether that a socket could not be made means that this machine has no IPv6: it was switched off when the system started, or
/// the system was made without.
fn lacks_ipv6(error: &io::Error) -> bool {
    error.raw_os_error().map(Errno::from_raw) == Some(Errno::EAFNOSUPPORT)
}

/// All interfaces of this machine, in the order of their indices.
///
/// # Errors
/// Where the system does not tell, which no privilege is needed for.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let mut found: BTreeMap<String, Interface> = BTreeMap::new();
    for part in getifaddrs()? {
        // An address with a label of its own (`eth0:1`) is one of the interface before the colon.
        let name = part.interface_name.split(':').next().unwrap_or_default().to_owned();
        let flags = part.flags;
        let interface = found.entry(name.clone()).or_insert_with(|| Interface {
            name,
            index: 0,
            mac: None,
            is_up: flags.contains(InterfaceFlags::IFF_UP),
            is_running: flags.contains(InterfaceFlags::IFF_RUNNING),
            is_loopback: flags.contains(InterfaceFlags::IFF_LOOPBACK),
            addresses: Vec::new(),
            addresses6: Vec::new(),
        });
        let Some(address) = part.address else { continue };
        if let Some(link) = address.as_link_addr() {
            interface.index = u32::try_from(link.ifindex()).unwrap_or_default();
            interface.mac =
                link.addr().filter(|mac| link.halen() == 6 && !interface.is_loopback && *mac != [0; 6]);
        }
        if let Some(address) = address.as_sockaddr_in() {
            let mask = part.netmask.as_ref().and_then(|mask| mask.as_sockaddr_in().map(|mask| mask.ip()));
            let prefix = mask.unwrap_or(Ipv4Addr::BROADCAST).to_bits().leading_ones();
            interface.addresses.push((address.ip(), u8::try_from(prefix).unwrap_or(32)));
        }
        if let Some(address) = address.as_sockaddr_in6() {
            let mask = part.netmask.as_ref().and_then(|mask| mask.as_sockaddr_in6().map(|mask| mask.ip()));
            let prefix = mask.map_or(128, |mask| mask.to_bits().leading_ones());
            interface.addresses6.push((address.ip(), u8::try_from(prefix).unwrap_or(128)));
        }
    }
    let mut interfaces: Vec<Interface> = found.into_values().collect();
    interfaces.sort_by_key(|interface| interface.index);
    Ok(interfaces)
}

/// The IPv4 routes of the main table, in the system's order.
///
/// # Errors
/// Where `/proc` is not mounted.
pub fn routes() -> io::Result<Vec<Route>> {
    Ok(table::routes(&std::fs::read_to_string("/proc/thread-self/net/route")?))
}

/// The routers that lead everywhere over IPv6, the preferred one first; none where the machine has no IPv6.
///
/// # Errors
/// Where `/proc` is not mounted.
pub fn routers6() -> io::Result<Vec<Router6>> {
    match std::fs::read_to_string("/proc/thread-self/net/ipv6_route") {
        Ok(text) => Ok(table::routers6(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && std::fs::exists("/proc/thread-self")? => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// The name servers that this machine asks, without those of its own loopback.
///
/// Where systemd-resolved stands between, its own file tells the servers behind it.
pub fn name_servers() -> Vec<IpAddr> {
    ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| table::name_servers(&text))
        .find(|servers| !servers.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Opens `address` on a machine where sockets of IPv6 end with `fault`. Gives what was tried, and the outcome.
    fn check_open(address: &str, fault: Errno) -> (Vec<String>, Result<String, Errno>) {
        let tried = RefCell::new(Vec::new());
        let outcome = open_at(address.parse().unwrap(), |address| {
            tried.borrow_mut().push(address.to_string());
            match address.is_ipv6() {
                true => Err(fault.into()),
                false => Ok(address.to_string()),
            }
        });
        let said = |error: io::Error| Errno::from_raw(error.raw_os_error().unwrap());
        (tried.into_inner(), outcome.map_err(said))
    }

    #[test]
    fn machines_without_ipv6_are_served_over_ipv4() {
        let at = |address: &str| address.to_owned();
        let none = Errno::EAFNOSUPPORT;
        for (address, fault, tried, outcome) in [
            ("[::]:69", none, &["[::]:69", "0.0.0.0:69"][..], Ok(at("0.0.0.0:69"))),
            ("[::]:0", none, &["[::]:0", "0.0.0.0:0"], Ok(at("0.0.0.0:0"))),
            // What was asked for by name is not replaced, and other faults are told.
            ("[2001:db8::1]:69", none, &["[2001:db8::1]:69"], Err(none)),
            ("[::]:69", Errno::EADDRINUSE, &["[::]:69"], Err(Errno::EADDRINUSE)),
            ("[::]:69", Errno::EACCES, &["[::]:69"], Err(Errno::EACCES)),
            ("0.0.0.0:69", none, &["0.0.0.0:69"], Ok(at("0.0.0.0:69"))),
            ("192.0.2.1:8480", none, &["192.0.2.1:8480"], Ok(at("192.0.2.1:8480"))),
        ] {
            let tried = tried.iter().map(|address| at(address)).collect();
            assert_eq!(check_open(address, fault), (tried, outcome), "{address} {fault}");
        }
    }

    #[test]
    fn loopback_is_there_with_its_address() {
        let interfaces = interfaces().unwrap();
        let loopback = interfaces.iter().find(|interface| interface.is_loopback).unwrap();
        assert!(loopback.index > 0 && loopback.mac.is_none(), "{loopback:?}");
        assert!(!loopback.is_up || loopback.addresses.contains(&(Ipv4Addr::LOCALHOST, 8)), "{loopback:?}");
    }
}
