//! How networks are served with DHCP at this moment.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::{DhcpMode, Ipv4Subnet, Ipv6Mode, Ipv6Subnet, Name, Timestamp};

/// How a network is served with DHCP by the server that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkService {
    /// The network.
    pub network: Name,
    /// Its addresses.
    pub subnet: Ipv4Subnet,
    /// How it is to be served.
    pub mode: DhcpMode,
    /// Whether it is.
    pub state: ServiceState,
    /// The interfaces of the server at which its machines, or its relays, are heard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
    /// Why it is not served, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Other DHCP servers that answered there when it was last looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherServer>,
    /// When it was last looked for others; absent where that is not done: in networks that are off or behind relays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
    /// Since when it is so.
    pub since: Timestamp,
    /// The addresses of its pools; absent where it gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolUse>,
    /// Its IPv6 side; absent where nobody described one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Ipv6Service>,
}

/// How a network is served by IPv6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv6Service {
    /// Its addresses.
    pub subnet: Ipv6Subnet,
    /// Who is to be given one by DHCPv6.
    pub mode: Ipv6Mode,
    /// Whether it is served.
    pub state: ServiceState,
    /// The interface of the server that is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Why it is not served, or what machines do not get, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many machines have an address.
    pub leases: usize,
    /// Other DHCPv6 servers that answered there when it was last looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherServer>,
    /// Other routers that advertised there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routers: Vec<OtherRouter>,
    /// When it was last looked for others; absent where that is not done: where no addresses are given, and behind relays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
}

/// Another router that advertises itself on a network (RFC 4861).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherRouter {
    /// Its link-local address.
    pub router: Ipv6Addr,
    /// Whether it says that addresses are given by DHCPv6 (the flag M).
    pub managed: bool,
    /// Whether it says that anything else is told by DHCPv6 (the flag O).
    pub other: bool,
    /// For how many seconds it is a default router; 0 where it is none.
    pub lifetime: u64,
}

/// Whether a network is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ServiceState {
    /// It is.
    Served,
    /// Not yet: it is being found out whether another server answers there.
    Looking,
    /// It is not, as another DHCP server gives addresses there.
    Foreign,
    /// It is not, as it cannot be: the reason says why.
    Failed,
    /// It is not, as nobody wants it to be.
    Off,
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Served => "served",
            Self::Looking => "looking",
            Self::Foreign => "another server",
            Self::Failed => "failed",
            Self::Off => "off",
        })
    }
}

/// Another DHCP server on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherServer {
    /// How it calls itself (option 54); of DHCPv6, where its answer came from.
    pub server: IpAddr,
    /// The address that it offered; absent where it gives boot options alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered: Option<IpAddr>,
    /// What of its answers keeps machines from booting from here, each with what to change there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// How much of the pools of a network is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolUse {
    /// How many addresses they have.
    pub size: usize,
    /// How many of them are nobody's.
    pub free: usize,
}

impl PoolUse {
    /// How many are given out or set aside.
    pub const fn used(self) -> usize {
        self.size.saturating_sub(self.free)
    }
}
