//! Where a server keeps its data and listens; what its settings mean to the crates below.

use std::net::SocketAddr;
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
            settings: Settings::default(),
        }
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
