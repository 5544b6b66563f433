//! IPv6 on the wire: the sockets and the lease file around [`ironhand_dhcp::v6::Server`], and the advertisements of
//! [`ironhand_dhcp::ra::Advertiser`].
//!
//! Both have one thread of their own. Leases that come together are stored by one write, and their clients told behind it.

mod frame;
mod search;
mod socket;
mod statistics;
mod worker;

use std::io;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

use ironhand_dhcp::InterfaceId;
use ironhand_dhcp::ra::{Advertiser, AdvertiserConfig};
use ironhand_dhcp::v6::{Event, Lease, Policy, Server, ServerConfig};
use tokio::sync::oneshot;

use crate::dhcp::OpenError;
use crate::interface::Interface;
use crate::journal::{Durability, Journal, Recovered};
use crate::orders::{Way, orders};

pub use search::{Found6, search};
pub use statistics::Dhcp6Statistics;

use socket::{DhcpSocket, IcmpSocket};
use statistics::Tally;
use worker::{Command, Worker};

/// What a [`Dhcp6Port`] serves.
#[derive(Clone, Debug)]
pub struct Dhcp6Config {
    /// The links.
    pub links: Vec<Link6>,
    /// How the server behaves.
    pub server: ServerConfig,
    /// The lease file.
    pub journal: PathBuf,
    /// What must have happened to a lease before its client is told.
    pub durability: Durability,
}

/// A link that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link6 {
    /// The name of its interface.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// Whether DHCPv6 is answered there.
    pub is_answered: bool,
    /// How it is advertised; not at all where absent.
    pub advertised: Option<AdvertiserConfig>,
}

impl Link6 {
    /// A link at an interface where nothing is done yet.
    pub fn at(interface: &Interface) -> Self {
        Self { name: interface.name.clone(), index: interface.index, is_answered: false, advertised: None }
    }
}

/// DHCPv6 and advertisements that are being served. Dropping it stops the service; what was acknowledged is kept.
#[derive(Debug)]
pub struct Dhcp6Port {
    way: Way<Command>,
    tally: Arc<Tally>,
    thread: Option<JoinHandle<()>>,
}

/// What a started port gives beside itself.
#[derive(Debug)]
pub struct Opened6 {
    /// The port.
    pub port: Dhcp6Port,
    /// What the lease file held.
    pub recovered: Recovered<Lease>,
}

impl Dhcp6Port {
    /// Opens the sockets and the lease file, and begins to serve. `told` hears of what happens in the order in which it
    /// does, and of each answer before what its client says next; packets wait for it.
    ///
    /// The sockets are of the network namespace of the calling thread.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing is served then.
    pub fn open<P: Policy + Send + 'static>(
        config: Dhcp6Config,
        policy: P,
        told: impl Fn(&Event) + Send + 'static,
    ) -> Result<Opened6, OpenError> {
        let now = Instant::now();
        let ends = open_links(now, config.links)?;
        let (journal, recovered) = Journal::<Lease>::open(&config.journal, config.durability)?;
        let (way, orders) = orders()?;
        let mut server = Server::new(now, SystemTime::now(), config.server, policy);
        recovered.leases.iter().for_each(|lease| server.restore(lease.clone()));
        let tally = Arc::new(Tally::default());
        let worker = Worker::new(server, ends, journal, orders, (Box::new(told), Arc::clone(&tally)));
        let thread = std::thread::Builder::new().name("dhcp6".to_owned()).spawn(move || worker.run());
        let thread = thread.map_err(|error| OpenError::of("starting the thread of DHCPv6", error))?;
        Ok(Opened6 { port: Self { way, tally, thread: Some(thread) }, recovered })
    }

    /// Serves these links from now on.
    ///
    /// # Errors
    /// See [`OpenError`]; none is served then, and the next call tries anew.
    pub async fn set_links(&self, links: Vec<Link6>) -> Result<(), OpenError> {
        // The old sockets are closed first: theirs are the ports that the new ones need.
        let (closed, is_closed) = oneshot::channel();
        self.way.send(Command::Close(closed));
        if is_closed.await.is_err() {
            return Ok(());
        }
        self.way.send(Command::Links(open_links(Instant::now(), links)?));
        Ok(())
    }

    /// The leases in force, and addresses set aside.
    pub async fn leases(&self) -> Vec<Lease> {
        let (sender, leases) = oneshot::channel();
        self.way.send(Command::Leases(sender));
        leases.await.unwrap_or_default()
    }

    /// Takes a lease back, so that the address can be given to another client. The client is not told: its machine must not
    /// use the address any more. Says whether there was such a lease.
    pub async fn release(&self, address: Ipv6Addr) -> bool {
        let (sender, is_released) = oneshot::channel();
        self.way.send(Command::Release(address, sender));
        is_released.await.unwrap_or(false)
    }

    /// What was done so far.
    pub fn statistics(&self) -> Dhcp6Statistics {
        self.tally.snapshot()
    }

    /// Ends the service: a link that we are the default router of is told that we are no longer.
    pub async fn close(mut self) {
        self.way.send(Command::Stop);
        let thread = self.thread.take();
        let _ = tokio::task::spawn_blocking(move || thread.map(JoinHandle::join)).await;
    }
}

impl Drop for Dhcp6Port {
    fn drop(&mut self) {
        self.way.send(Command::Stop);
    }
}

/// The sockets of a link, and its advertiser.
struct End {
    id: InterfaceId,
    dhcp: Option<DhcpSocket>,
    icmp: Option<(IcmpSocket, Advertiser)>,
}

fn open_links(now: Instant, links: Vec<Link6>) -> Result<Vec<End>, OpenError> {
    let open = |link: Link6| {
        let dhcp = link.is_answered.then(|| DhcpSocket::open(&link.name, link.index)).transpose()?;
        let icmp = match link.advertised {
            Some(config) => {
                let socket = IcmpSocket::open(&link.name, link.index, config.address)?;
                Some((socket, Advertiser::new(now, config)))
            }
            None => None,
        };
        Ok(End { id: InterfaceId(link.index), dhcp, icmp })
    };
    links.into_iter().map(open).collect()
}

/// What the system says of an attempt at a socket.
fn attempt<T>(what: String, done: io::Result<T>) -> Result<T, OpenError> {
    done.map_err(|error| OpenError::of(what, error))
}
