//! Where a server keeps its data and listens; what its settings mean to the crates below.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ironhand_api::Settings;
use ironhand_ipmi::RetransmitPolicy;
use ironhand_store::{KeySource, Retention};

use crate::repository::RepositoryAccess;

/// Where a [`Server`](crate::Server) keeps its data and where it listens.
#[derive(Clone)]
pub struct Config {
    /// The data directory: database and key. Made where it is missing.
    pub data_dir: PathBuf,
    /// Where the key that passwords are sealed under comes from.
    pub key: KeySource,
    /// The local socket; without it the one of [`default_socket`](crate::default_socket).
    pub socket: Option<PathBuf>,
    /// A TCP address beside the socket. Anything but loopback is refused: there is no access control yet.
    pub listen: Option<SocketAddr>,
    /// Where SNMP traps of BMCs are taken, over UDP; a trap has its host read at once. Nowhere unless asked for.
    pub traps: Option<SocketAddr>,
    /// The folder in which conserver, ConMan or another program keeps logs of consoles, for connectors `console-log`.
    pub console_logs: Option<PathBuf>,
    /// Which Git repositories may be followed, and what their manifests may refer to.
    pub repositories: RepositoryAccess,
    /// Whether other servers use the same data directory at the same time. Each host then belongs to the one that holds
    /// its lease, and passes to another when that one stops, or falls silent for `leaseTime`. A server that is alone
    /// takes all hosts up at once when it starts.
    pub shared: bool,
    /// What the server does.
    pub roles: Roles,
    /// Where machines that boot over the network are served, where that is one of the roles.
    pub boot: BootListeners,
    /// How often, how long, how many, where no `Settings` manifest says otherwise.
    pub settings: Settings,
}

impl Config {
    /// The configuration of a server with its data in `data_dir`, listening on the default socket alone.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            key: KeySource::File,
            socket: None,
            listen: None,
            traps: None,
            console_logs: None,
            repositories: RepositoryAccess::default(),
            shared: false,
            roles: Roles::default(),
            boot: BootListeners::default(),
            settings: Settings::default(),
        }
    }
}

/// What a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Serves the HTTP API, at the local socket and the address of [`Config::listen`].
    pub api: bool,
    /// Works on hosts: reads their controllers and screens, and recovers them.
    pub bmc: bool,
    /// Boots machines over the network: opens the listeners of [`Config::boot`].
    pub boot: bool,
}

impl Default for Roles {
    /// All but booting, which changes what other machines of a network do.
    fn default() -> Self {
        Self { api: true, bmc: true, boot: false }
    }
}

/// Where a server with the role `boot` listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootListeners {
    /// HTTP, in clear.
    pub http: Option<SocketAddr>,
    /// HTTP over TLS, under an authority that lies in the data directory.
    pub https: Option<SocketAddr>,
    /// TFTP.
    pub tftp: Option<SocketAddr>,
    /// DHCP.
    pub dhcp: Option<DhcpListener>,
}

impl Default for BootListeners {
    /// HTTP at port 8480 and TFTP at port 69 of all addresses of both families, DHCP on the networks that manifests describe.
    fn default() -> Self {
        let any = |port| Some(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
        Self { http: any(8480), https: None, tftp: any(69), dhcp: Some(DhcpListener::default()) }
    }
}

/// How DHCP is served, at its ports 67 and 4011.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DhcpListener {
    /// Whether a lease is on the disk before it is acknowledged. A crash of the machine may forget the leases of the last
    /// moments otherwise; a crash of the server alone never does.
    pub sync: bool,
}

impl Default for DhcpListener {
    fn default() -> Self {
        Self { sync: true }
    }
}

/// How IPMI messages are repeated.
pub(crate) fn retransmit(settings: &Settings) -> RetransmitPolicy {
    RetransmitPolicy {
        ceiling: settings.ipmi_retransmit_longest,
        session_patience: settings.ipmi_session_timeout,
        patience: settings.ipmi_timeout,
        ..RetransmitPolicy::default()
    }
}

/// What the store keeps.
pub(crate) fn retention(settings: &Settings) -> Retention {
    Retention {
        events: settings.events_kept.into(),
        picture_grace: settings.picture_grace,
        history: settings.history_kept,
    }
}
