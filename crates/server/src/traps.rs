//! SNMP traps of BMCs: a trap is a reason to read a host now instead of at its next turn. Nothing that a trap says is
//! believed, so that a forged one costs a reading and no more.

mod message;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ironhand_api::{Host, Name};
use ironhand_store::{ListQuery, Store, StoreError};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fleet::Fleet;

/// The longest datagram that is read; traps of BMCs are a tenth of it (IPMI PET specification 1.0).
const LONGEST: usize = 2048;

/// Readings that traps have asked for at a time. What comes on top is dropped: the hosts have their turn anyway.
const READINGS: usize = 256;

/// A host is read at most so often because of traps: BMCs send several for one thing that happened.
const GAP: Duration = Duration::from_secs(2);

/// Hosts behind one address that a trap of it is about: the blades of one chassis. Behind more than these stands
/// something that a trap does not tell apart.
const BEHIND_ONE: usize = 32;

/// Which host has which address is read from the store at most so often, where the sender of a trap is not known.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What is known of addresses is taken as true for so long.
const STALE: Duration = Duration::from_secs(30);

/// Hosts read from the store at a time.
const PAGE: u32 = 500;

/// What became of the datagrams that came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrapCounts {
    /// Traps that a host was read because of.
    pub heeded: u64,
    /// Traps of hosts that were just read, or are not this server's, or that came with too many others.
    pub needless: u64,
    /// Traps of addresses that no host has.
    pub strange: u64,
    /// Datagrams that are no traps of SNMP version 1 or 2c.
    pub malformed: u64,
}

#[derive(Default)]
struct Counters {
    heeded: AtomicU64,
    needless: AtomicU64,
    strange: AtomicU64,
    malformed: AtomicU64,
}

/// The listener, seen from outside; cheap to clone.
#[derive(Clone)]
pub(crate) struct Traps {
    address: SocketAddr,
    counters: Arc<Counters>,
}

impl Traps {
    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn counts(&self) -> TrapCounts {
        let Counters { heeded, needless, strange, malformed } = &*self.counters;
        TrapCounts {
            heeded: heeded.load(Ordering::Relaxed),
            needless: needless.load(Ordering::Relaxed),
            strange: strange.load(Ordering::Relaxed),
            malformed: malformed.load(Ordering::Relaxed),
        }
    }
}

/// Listens for traps.
pub(crate) struct TrapListener {
    socket: UdpSocket,
    fleet: Fleet,
    counters: Arc<Counters>,
    addresses: Addresses,
    /// When the last reading because of a trap was asked for.
    heeded: HashMap<Name, Instant>,
    readings: JoinSet<()>,
}

impl TrapListener {
    /// Listens at `address`; nothing is read before [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// Where the operating system refuses, as it does for port 162 where the server has no privileges.
    pub(crate) async fn bind(
        address: SocketAddr,
        store: Store,
        fleet: Fleet,
    ) -> std::io::Result<(Self, Traps)> {
        let socket = UdpSocket::bind(address).await?;
        let counters = Arc::new(Counters::default());
        let traps = Traps { address: socket.local_addr()?, counters: Arc::clone(&counters) };
        let addresses = Addresses { store, hosts: HashMap::new(), read_at: None };
        let (heeded, readings) = (HashMap::new(), JoinSet::new());
        Ok((Self { socket, fleet, counters, addresses, heeded, readings }, traps))
    }

    /// Works until `stop` is cancelled.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut buffer = [0; LONGEST];
        loop {
            let received = tokio::select! {
                () = stop.cancelled() => return,
                received = self.socket.recv_from(&mut buffer) => received,
            };
            match received {
                Ok((length, sender)) => self.take(&buffer[..length], sender.ip()).await,
                Err(error) => {
                    // What the network reports of one datagram does not end the others.
                    tracing::debug!(%error, "no trap was received");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    async fn take(&mut self, datagram: &[u8], sender: IpAddr) {
        let trap = match message::read(datagram) {
            Ok(trap) => trap,
            Err(error) => {
                self.counters.malformed.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(%sender, %error, "a datagram is no trap");
                return;
            }
        };
        let candidates = [Some(sender), trap.agent.map(IpAddr::from)];
        let hosts = match self.addresses.of(candidates).await {
            Ok(hosts) => hosts,
            Err(error) => {
                tracing::error!(%error, "whose trap it is cannot be looked up");
                Vec::new()
            }
        };
        if hosts.is_empty() || hosts.len() > BEHIND_ONE {
            self.counters.strange.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%sender, hosts = hosts.len(), "a trap of no host");
            return;
        }
        let read = hosts.into_iter().filter(|host| self.heed(host)).count();
        let counter = if read > 0 { &self.counters.heeded } else { &self.counters.needless };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Has a host read, unless that was just done.
    fn heed(&mut self, host: &Name) -> bool {
        while self.readings.try_join_next().is_some() {}
        let now = Instant::now();
        self.heeded.retain(|_, at| now.duration_since(*at) < GAP);
        if self.heeded.contains_key(host) || self.readings.len() >= READINGS {
            return false;
        }
        let Some(lane) = self.fleet.lane(host) else { return false };
        self.heeded.insert(host.clone(), now);
        tracing::debug!(%host, "a trap came");
        // What comes of the reading is seen in the host's status.
        self.readings.spawn(async move { drop(lane.refresh().await) });
        true
    }
}

/// Which hosts have which address. Host names are not looked up: what they stand for may change at any time.
struct Addresses {
    store: Store,
    hosts: HashMap<IpAddr, Vec<Name>>,
    read_at: Option<Instant>,
}

impl Addresses {
    /// The hosts of the first of the addresses that any host has.
    async fn of(&mut self, candidates: [Option<IpAddr>; 2]) -> Result<Vec<Name>, StoreError> {
        let age = self.read_at.map(|at| at.elapsed());
        let known = self.find(candidates);
        let fresh = if known.is_empty() { LOOK_AGAIN } else { STALE };
        if age.is_some_and(|age| age < fresh) {
            return Ok(known);
        }
        self.read().await?;
        Ok(self.find(candidates))
    }

    fn find(&self, candidates: [Option<IpAddr>; 2]) -> Vec<Name> {
        let mut addresses = candidates.into_iter().flatten().map(|address| address.to_canonical());
        addresses.find_map(|address| self.hosts.get(&address)).cloned().unwrap_or_default()
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        let mut hosts: HashMap<IpAddr, Vec<Name>> = HashMap::new();
        let mut query = ListQuery { limit: Some(PAGE), ..ListQuery::default() };
        loop {
            let page = self.store.list::<Host>(&query).await?;
            for host in page.items {
                let addresses = host.spec.connectors.iter().filter_map(|one| one.address.parse().ok());
                let mut own: Vec<IpAddr> = addresses.map(|address: IpAddr| address.to_canonical()).collect();
                own.sort();
                own.dedup();
                for address in own {
                    let names = hosts.entry(address).or_default();
                    // One beyond what matters shows that there are too many.
                    if names.len() <= BEHIND_ONE {
                        names.push(host.metadata.name.clone());
                    }
                }
            }
            match page.next {
                Some(next) => query.next = Some(next),
                None => break,
            }
        }
        (self.hosts, self.read_at) = (hosts, Some(Instant::now()));
        Ok(())
    }
}
