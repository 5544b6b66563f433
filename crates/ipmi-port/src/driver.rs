//! The task behind the port.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ironhand_ipmi::{Client, ClientConfig, Error, Event, Output, Reply, Request, Ticket};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::entropy::OsEntropy;
use crate::sockets::Sockets;
use crate::statistics::Counters;
use crate::{BmcKey, Command, OpenError};

/// Datagrams taken before timers and commands get their turn.
const BURST: usize = 64;

/// The longest datagram taken: an RMCP+ packet with a full IPMI message is under 400 bytes.
const DATAGRAM: usize = 2048;

/// How long BMCs may take to acknowledge that their sessions are closed when the server stops.
const CLOSING: Duration = Duration::from_secs(2);

/// One BMC: its machine, and who waits for what.
struct Slot {
    peer: SocketAddr,
    client: Client,
    waiting: HashMap<Ticket, oneshot::Sender<Result<Reply, Error>>>,
    /// The deadline under which it stands in the driver's timer.
    wake: Option<Instant>,
    /// Its owner has let go of it; it is forgotten when its session is closed.
    closing: bool,
    /// Who waits for that.
    closed: Option<oneshot::Sender<()>>,
    /// Nothing came since the last datagram went out.
    unanswered: bool,
}

pub(super) struct Driver {
    sockets: Sockets,
    commands: mpsc::UnboundedReceiver<Command>,
    slots: HashMap<BmcKey, Slot>,
    by_peer: HashMap<SocketAddr, BmcKey>,
    wakes: BTreeSet<(Instant, BmcKey)>,
    last_key: u64,
    counters: Arc<Counters>,
}

impl Driver {
    pub(super) fn new(
        sockets: Sockets,
        commands: mpsc::UnboundedReceiver<Command>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            sockets,
            commands,
            slots: HashMap::new(),
            by_peer: HashMap::new(),
            wakes: BTreeSet::new(),
            last_key: 0,
            counters,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut buffer = [0; DATAGRAM];
        while !stop.is_cancelled() {
            let wake = self.next_wake();
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.execute(command),
                    None => break,
                },
                () = self.sockets.readable() => self.receive(&mut buffer),
                () = until(wake) => self.wake(),
                () = stop.cancelled() => {}
            }
        }
        self.close_all(&mut buffer).await;
    }

    fn execute(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Open { peer, config, reply } => {
                if let Err(Ok(unwanted)) = reply.send(self.open(peer, *config)) {
                    self.forget(unwanted);
                }
            }
            Command::Request { bmc, request, reply } => self.request(now, bmc, request, reply),
            Command::Close { bmc, closed } => {
                if let Some(slot) = self.slots.get_mut(&bmc) {
                    slot.closing = true;
                    slot.closed = slot.closed.take().or(closed);
                    slot.client.close(now);
                    self.drain(bmc);
                }
            }
        }
    }

    fn open(&mut self, peer: SocketAddr, config: ClientConfig) -> Result<BmcKey, OpenError> {
        if !self.sockets.serves(peer) {
            return Err(OpenError::NoIpv6 { peer });
        }
        if let Some(&key) = self.by_peer.get(&peer) {
            if self.slots.get(&key).is_some_and(|slot| !slot.closing) {
                return Err(OpenError::InUse { peer });
            }
            self.forget(key);
        }
        self.last_key += 1;
        let key = BmcKey(self.last_key);
        let client = Client::new(config, Box::new(OsEntropy));
        self.slots.insert(
            key,
            Slot {
                peer,
                client,
                waiting: HashMap::new(),
                wake: None,
                closing: false,
                closed: None,
                unanswered: false,
            },
        );
        self.by_peer.insert(peer, key);
        Ok(key)
    }

    fn request(
        &mut self,
        now: Instant,
        bmc: BmcKey,
        request: Request,
        reply: oneshot::Sender<Result<Reply, Error>>,
    ) {
        match self.slots.get_mut(&bmc) {
            Some(slot) if !slot.closing => {
                let ticket = slot.client.submit(now, request);
                slot.waiting.insert(ticket, reply);
                self.drain(bmc);
            }
            // An error means that the caller waits no longer.
            _ => drop(reply.send(Err(Error::Closed))),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) {
        let now = Instant::now();
        for _ in 0..BURST {
            let Some((length, peer)) = self.sockets.try_receive(buffer) else { return };
            let Some(&key) = self.by_peer.get(&peer) else {
                tracing::debug!(bmc = %peer, "datagram from a stranger");
                continue;
            };
            if let Some(slot) = self.slots.get_mut(&key) {
                self.counters.received.fetch_add(1, Ordering::Relaxed);
                slot.unanswered = false;
                slot.client.receive(now, peer, &buffer[..length]);
                self.drain(key);
            }
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        self.wakes.first().map(|(at, _)| *at)
    }

    fn wake(&mut self) {
        let now = Instant::now();
        while let Some(&(at, key)) = self.wakes.first()
            && at <= now
        {
            self.wakes.pop_first();
            if let Some(slot) = self.slots.get_mut(&key) {
                slot.wake = None;
                slot.client.wake(now);
                self.drain(key);
            }
        }
    }

    /// Carries out what the machine of a BMC wants, and notes when it wants to be woken.
    fn drain(&mut self, key: BmcKey) {
        let Some(slot) = self.slots.get_mut(&key) else { return };
        while let Some(output) = slot.client.next_output() {
            match output {
                Output::Send(bytes) => {
                    self.counters.sent.fetch_add(1, Ordering::Relaxed);
                    if std::mem::replace(&mut slot.unanswered, true) {
                        self.counters.retransmitted.fetch_add(1, Ordering::Relaxed);
                    }
                    self.sockets.send(slot.peer, &bytes);
                }
                Output::Event(Event::Done { ticket, result }) => {
                    if let Some(reply) = slot.waiting.remove(&ticket) {
                        // An error means that the caller waits no longer.
                        let _ = reply.send(result);
                    }
                }
                Output::Event(event) => tracing::debug!(bmc = %slot.peer, ?event, "IPMI session"),
            }
        }
        let wake = slot.client.next_wake();
        if wake != slot.wake {
            if let Some(before) = slot.wake {
                self.wakes.remove(&(before, key));
            }
            self.wakes.extend(wake.map(|at| (at, key)));
            slot.wake = wake;
        }
        // A machine that was told to close has no deadline left when it is done.
        if slot.closing && wake.is_none() {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: BmcKey) {
        if let Some(slot) = self.slots.remove(&key) {
            if let Some(wake) = slot.wake {
                self.wakes.remove(&(wake, key));
            }
            if self.by_peer.get(&slot.peer) == Some(&key) {
                self.by_peer.remove(&slot.peer);
            }
        }
    }

    /// Closes every session; BMCs have few, and keep an abandoned one for a minute.
    async fn close_all(mut self, buffer: &mut [u8]) {
        self.commands.close();
        let now = Instant::now();
        let keys: Vec<_> = self.slots.keys().copied().collect();
        for key in keys {
            if let Some(slot) = self.slots.get_mut(&key) {
                slot.closing = true;
                slot.client.close(now);
                self.drain(key);
            }
        }
        let deadline = now + CLOSING;
        while !self.slots.is_empty() && Instant::now() < deadline {
            let next = self.next_wake().map_or(deadline, |wake| wake.min(deadline));
            tokio::select! {
                () = self.sockets.readable() => self.receive(buffer),
                () = until(Some(next)) => self.wake(),
            }
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
