//! How often, how long, how many: every number that an operator may want to change, with the reason for its default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ironhand_store::{KeySource, Retention};

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
    /// How often, how long, how many.
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
            settings: Settings::default(),
        }
    }
}

/// How often, how long, how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Between two readings of a host's power state. Each costs a BMC one exchange; the slowest answer in 100 ms.
    pub power_interval: Duration,
    /// The same while an incident is open.
    pub power_interval_incident: Duration,
    /// Between two readings of a host's screen.
    pub screen_interval: Duration,
    /// The same while an incident is open, when a boot menu may pass by in seconds.
    pub screen_interval_incident: Duration,
    /// Between two readings of the power state while an action is waited for.
    pub read_back_interval: Duration,
    /// How long a power action may take to come true: some servers take most of a minute to power on.
    pub power_timeout: Duration,
    /// How long an operating system may take to shut down.
    pub soft_off_timeout: Duration,
    /// How long a host that was power-cycled may seem to be on all the time before it is taken as done: the time
    /// without power is often shorter than a reading takes.
    pub cycle_settle: Duration,
    /// The first wait before a screen that was lost is connected to again; doubles up to `reconnect_longest`.
    pub reconnect_first: Duration,
    /// The longest such wait.
    pub reconnect_longest: Duration,
    /// The first wait after every credential was refused; doubles up to `auth_longest`. Long, because controllers
    /// lock accounts after a few failures.
    pub auth_first: Duration,
    /// The longest such wait.
    pub auth_longest: Duration,
    /// How long a TCP connection to a screen may take to come about.
    pub connect_timeout: Duration,
    /// How long the name of a controller may take to resolve.
    pub resolve_timeout: Duration,
    /// Between two key events: controllers drop keys that come faster than a hand types.
    pub key_interval: Duration,
    /// How long stopping may take before what is left is abandoned.
    pub shutdown_timeout: Duration,
    /// How long to wait between two prunings of events and pictures.
    pub prune_interval: Duration,
    /// How many events are kept, and how long pictures that nothing refers to.
    pub retention: Retention,
    /// How IPMI messages are repeated.
    pub ipmi_retransmit: ironhand_ipmi::RetransmitPolicy,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            power_interval: Duration::from_secs(10),
            power_interval_incident: Duration::from_secs(3),
            screen_interval: Duration::from_secs(5),
            screen_interval_incident: Duration::from_secs(1),
            read_back_interval: Duration::from_millis(500),
            power_timeout: Duration::from_secs(60),
            soft_off_timeout: Duration::from_secs(180),
            cycle_settle: Duration::from_secs(10),
            reconnect_first: Duration::from_secs(1),
            reconnect_longest: Duration::from_secs(60),
            auth_first: Duration::from_secs(60),
            auth_longest: Duration::from_secs(15 * 60),
            connect_timeout: Duration::from_secs(10),
            resolve_timeout: Duration::from_secs(5),
            key_interval: Duration::from_millis(20),
            shutdown_timeout: Duration::from_secs(8),
            prune_interval: Duration::from_secs(10 * 60),
            retention: Retention::DEFAULT,
            ipmi_retransmit: ironhand_ipmi::RetransmitPolicy::default(),
        }
    }
}

impl Settings {
    /// Settings for a machine full of simulators: everything is near, nothing is slow, people watch.
    pub fn brisk() -> Self {
        Self {
            power_interval: Duration::from_secs(2),
            power_interval_incident: Duration::from_millis(500),
            screen_interval: Duration::from_millis(500),
            screen_interval_incident: Duration::from_millis(250),
            read_back_interval: Duration::from_millis(100),
            power_timeout: Duration::from_secs(20),
            soft_off_timeout: Duration::from_secs(60),
            cycle_settle: Duration::from_secs(3),
            reconnect_first: Duration::from_millis(200),
            reconnect_longest: Duration::from_secs(2),
            auth_first: Duration::from_secs(5),
            auth_longest: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(2),
            key_interval: Duration::from_millis(5),
            shutdown_timeout: Duration::from_secs(5),
            ipmi_retransmit: ironhand_ipmi::RetransmitPolicy {
                ceiling: Duration::from_secs(1),
                session_patience: Duration::from_millis(1500),
                patience: Duration::from_secs(2),
                ..ironhand_ipmi::RetransmitPolicy::default()
            },
            ..Self::default()
        }
    }
}
