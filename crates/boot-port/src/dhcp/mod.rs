//! DHCP on the wire: the sockets and the lease file around [`ironhand_dhcp::Server`].
//!
//! The machine has a thread of its own, so that nothing else that the process does delays an answer. Where leases are synced
//! the lease file has another one, so that DISCOVERs are answered meanwhile.

mod frame;
mod keeper;
mod occupant;
mod port;
mod probe;
mod search;
pub(crate) mod statistics;
mod worker;

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

use ironhand_dhcp::{Counters, Event, InterfaceId, Lease, Policy, PoolUse, Server, ServerConfig, Subnet};
use tokio::sync::oneshot;

use crate::interface::interfaces;
use crate::journal::{Durability, Journal, JournalError, Recovered};
use crate::orders::{Way, orders};

pub use occupant::Occupant;
pub use search::{FoundServer, search};
pub use statistics::DhcpStatistics;

use keeper::Keeper;
use port::Port;
use statistics::Tally;
use worker::{Command, Worker};

/// What a [`DhcpPort`] serves.
#[derive(Clone, Debug)]
pub struct DhcpConfig {
    /// The names of the interfaces that are served, each with at least one IPv4 address.
    pub interfaces: Vec<String>,
    /// How the server behaves.
    pub server: ServerConfig,
    /// The subnets, at the interfaces and behind relays.
    pub subnets: Vec<Subnet>,
    /// The lease file.
    pub journal: PathBuf,
    /// What must have happened to a lease before its client is told.
    pub durability: Durability,
}

/// Why DHCP cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such interface.
    #[error("there is no interface {name}; there are: {}", .known.join(", "))]
    NoInterface {
        /// The name that was given.
        name: String,
        /// Those that exist.
        known: Vec<String>,
    },
    /// The interface has no IPv4 address, by which clients could know the server: give it one.
    #[error(
        "the interface {0} has no IPv4 address, which a DHCP server needs: give it one (ip address add ...)"
    )]
    NoAddress(String),
    /// Another process has the port: stop that one, or serve another interface.
    #[error("UDP port {port} of {interface} is taken by {}: stop that program, or serve another interface", taken_by(.by))]
    PortTaken {
        /// 67 or 4011, or 547 of DHCPv6.
        port: u16,
        /// The interface.
        interface: String,
        /// Who has it, as far as this process may see.
        by: Option<Occupant>,
    },
    /// The process lacks a right.
    #[error("{what} needs root, or the capabilities CAP_NET_BIND_SERVICE and CAP_NET_RAW")]
    NotPermitted {
        /// What was tried.
        what: String,
    },
    /// The system refused something else.
    #[error("{what} failed")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The lease file does not work.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn taken_by(by: &Option<Occupant>) -> String {
    by.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string)
}

/// Who has a UDP port of IPv6, as far as this process may see others' files.
pub(crate) fn occupant_of_udp6(port: u16) -> Option<Occupant> {
    occupant::of_udp_port("udp6", port)
}

impl OpenError {
    /// By what the system said of what was tried.
    pub(crate) fn of(what: impl Into<String>, source: io::Error) -> Self {
        let what = what.into();
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::NotPermitted { what },
            _ => Self::System { what, source },
        }
    }
}

/// DHCP that is being served. Dropping it stops the service; what was acknowledged is kept.
#[derive(Debug)]
pub struct DhcpPort {
    way: Way<Command>,
    tally: Arc<Tally>,
    threads: Vec<JoinHandle<()>>,
}

/// What a started port gives beside itself.
#[derive(Debug)]
pub struct Opened {
    /// The port.
    pub port: DhcpPort,
    /// What the lease file held.
    pub recovered: Recovered,
}

impl DhcpPort {
    /// Opens the sockets and the lease file, and begins to serve. `told` hears of what happens in the order in which it
    /// does, and of each answer before what its client says next; packets wait for it.
    ///
    /// The sockets are of the network namespace of the calling thread.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing is served then.
    pub fn open<P: Policy + Send + 'static>(
        config: DhcpConfig,
        policy: P,
        told: impl Fn(&Event) + Send + 'static,
    ) -> Result<Opened, OpenError> {
        let ports = open_ports(&config.interfaces)?;
        let (journal, recovered) = Journal::<Lease>::open(&config.journal, config.durability)?;
        let (way, orders) = orders()?;
        let tally = Arc::new(Tally::default());
        let now = Instant::now();
        let mut server = Server::new(now, SystemTime::now(), config.server.clone(), policy);
        server.set_interfaces(ports.iter().flat_map(Port::facts).collect());
        server.set_subnets(config.subnets);
        for lease in &recovered.leases {
            server.restore(now, lease.clone());
        }
        let (keeper, keeping) = Keeper::start(journal, way.clone(), tally.clone())
            .map_err(|error| OpenError::of("starting the thread of the lease file", error))?;
        let wait = config.server.probe_wait;
        let worker = Worker::new(server, ports, keeper, orders, Box::new(told), tally.clone(), wait);
        let serving = std::thread::Builder::new().name("dhcp".to_owned()).spawn(move || worker.run());
        let serving = serving.map_err(|error| OpenError::of("starting the thread of DHCP", error))?;
        let port = Self { way, tally, threads: std::iter::once(serving).chain(keeping).collect() };
        Ok(Opened { port, recovered })
    }

    /// Whether it serves still; it ends by itself only by a fault of this program.
    pub fn is_serving(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Serves these interfaces from now on, with the addresses that they have now.
    ///
    /// # Errors
    /// See [`OpenError`]; all stays as it was then.
    pub async fn set_interfaces(&self, names: &[String]) -> Result<(), OpenError> {
        // The old sockets are closed first: theirs are the ports that the new ones need.
        let (closed, is_closed) = oneshot::channel();
        self.way.send(Command::TakePorts(closed));
        let Ok(old) = is_closed.await else { return Ok(()) };
        let names_before: Vec<String> = old.into_iter().map(|port| port.name).collect();
        let (ports, result) = match open_ports(names) {
            Ok(ports) => (ports, Ok(())),
            Err(error) => (open_ports(&names_before).unwrap_or_default(), Err(error)),
        };
        self.way.send(Command::Ports(ports));
        result
    }

    /// Replaces the subnets; leases are kept.
    pub fn set_subnets(&self, subnets: Vec<Subnet>) {
        self.way.send(Command::Subnets(subnets));
    }

    /// The leases as they are at this moment.
    pub async fn leases(&self) -> Vec<Lease> {
        let (sender, leases) = oneshot::channel();
        self.way.send(Command::Leases(sender));
        leases.await.unwrap_or_default()
    }

    /// Takes a lease back, so that the address can be given to another client. The client is not told, as DHCP has no
    /// word for it: its machine must not use the address any more. Says whether there was such a lease.
    pub async fn release(&self, address: Ipv4Addr) -> bool {
        let (sender, is_released) = oneshot::channel();
        self.way.send(Command::Release(address, sender));
        is_released.await.unwrap_or(false)
    }

    /// What the server has answered and refused since the start.
    pub async fn counters(&self) -> Counters {
        let (sender, counters) = oneshot::channel();
        self.way.send(Command::Counters(sender));
        counters.await.unwrap_or_default()
    }

    /// How much of each pool is given out.
    pub async fn pool_use(&self) -> Vec<PoolUse> {
        let (sender, pools) = oneshot::channel();
        self.way.send(Command::PoolUse(sender));
        pools.await.unwrap_or_default()
    }

    /// What the sockets and the lease file have done since the start.
    pub fn statistics(&self) -> DhcpStatistics {
        self.tally.snapshot()
    }

    /// Ends the service, after the leases that are being stored are stored and their clients told.
    pub async fn close(mut self) {
        self.way.send(Command::Stop);
        let threads = std::mem::take(&mut self.threads);
        let _ =
            tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())))
                .await;
    }
}

impl Drop for DhcpPort {
    fn drop(&mut self) {
        self.way.send(Command::Stop);
    }
}

fn open_ports(names: &[String]) -> Result<Vec<Port>, OpenError> {
    let interfaces =
        interfaces().map_err(|error| OpenError::of("listing the interfaces of this machine", error))?;
    let open = |name: &String| {
        let known = || interfaces.iter().map(|interface| interface.name.clone()).collect();
        let found = interfaces.iter().find(|interface| interface.name == *name);
        Port::open(found.ok_or_else(|| OpenError::NoInterface { name: name.clone(), known: known() })?)
    };
    names.iter().map(open).collect()
}

/// The interface by the number that packets carry.
fn interface_id(index: u32) -> InterfaceId {
    InterfaceId(index)
}
