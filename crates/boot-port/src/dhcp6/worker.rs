//! The thread that serves: it waits for packets and time, and does what the machines want done.

use std::net::Ipv6Addr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ironhand_dhcp::StoreFailed;
use ironhand_dhcp::ra::AdvertiserOutput;
use ironhand_dhcp::v6::{Arrival, Event, Lease, Output, Policy, Server, Ticket};
use nix::poll::{PollFd, PollFlags};
use tokio::sync::oneshot;

use super::End;
use super::socket::Received;
use super::statistics::Tally;
use crate::dhcp::statistics::count;
use crate::journal::Journal;
use crate::orders::Orders;

/// The longest datagram taken. What is longer is cut, and fails its checks.
const DATAGRAM: usize = 4096;

/// Datagrams taken from one socket before answers leave, so that no flood holds them back, and many leases are stored at once.
const BATCH: usize = 256;

/// How often the machine is told the time of day anew.
const CLOCK: Duration = Duration::from_secs(10);

/// What the thread is told.
pub(super) enum Command {
    Close(oneshot::Sender<()>),
    Links(Vec<End>),
    Leases(oneshot::Sender<Vec<Lease>>),
    Release(Ipv6Addr, oneshot::Sender<bool>),
    Stop,
}

/// Hears of what happens.
type Told = Box<dyn Fn(&Event) + Send>;

pub(super) struct Worker<P> {
    server: Server<P>,
    ends: Vec<End>,
    journal: Journal<Lease>,
    orders: Orders<Command>,
    told: Told,
    tally: Arc<Tally>,
    clock: Instant,
    is_stopping: bool,
}

impl<P: Policy> Worker<P> {
    pub(super) fn new(
        server: Server<P>,
        ends: Vec<End>,
        journal: Journal<Lease>,
        orders: Orders<Command>,
        (told, tally): (Told, Arc<Tally>),
    ) -> Self {
        let clock = Instant::now();
        Self { server, ends, journal, orders, told, tally, clock, is_stopping: false }
    }

    pub(super) fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let now = Instant::now();
            if now.duration_since(self.clock) >= CLOCK {
                self.clock = now;
                self.server.set_clock(now, SystemTime::now());
            }
            while let Some(command) = self.orders.next() {
                self.obey(now, command);
            }
            self.server.wake(now);
            let more = self.receive(now, &mut buffer);
            self.carry_out();
            if self.is_stopping {
                return self.advertise(|_, advertiser| advertiser.cease());
            }
            self.advertise(|now, advertiser| advertiser.wake(now));
            if !more {
                self.wait();
            }
        }
    }

    fn obey(&mut self, now: Instant, command: Command) {
        match command {
            Command::Close(sender) => {
                self.advertise(|_, advertiser| advertiser.cease());
                self.ends.clear();
                let _ = sender.send(());
            }
            Command::Links(ends) => self.ends = ends,
            Command::Leases(sender) => {
                let _ = sender.send(self.server.leases().cloned().collect());
            }
            Command::Release(address, sender) => {
                let _ = sender.send(self.server.take_back(now, address));
            }
            Command::Stop => self.is_stopping = true,
        }
    }

    /// Takes what came in. Says whether there may be more.
    fn receive(&mut self, now: Instant, buffer: &mut [u8]) -> bool {
        let mut more = false;
        for end in &mut self.ends {
            if let Some(socket) = &end.dhcp {
                let mut taken = 0;
                while taken < BATCH
                    && let Some(received) = socket.receive(buffer)
                {
                    let Received { source, destination, length } = received;
                    let bytes = &buffer[..length];
                    let arrival = Arrival { interface: end.id, source, destination, bytes };
                    self.server.receive(now, arrival);
                    taken += 1;
                }
                more |= taken == BATCH;
            }
            if let Some((socket, advertiser)) = &mut end.icmp {
                let mut taken = 0;
                while taken < BATCH
                    && let Some((source, length, hop_limit)) = socket.receive(buffer)
                {
                    advertiser.receive(now, source, hop_limit, &buffer[..length]);
                    taken += 1;
                }
                more |= taken == BATCH;
            }
        }
        more
    }

    /// Does what the server wants done: leases that came together are stored by one write.
    fn carry_out(&mut self) {
        loop {
            let mut batch: Vec<(Ticket, Vec<Lease>)> = Vec::new();
            while let Some(output) = self.server.next_output() {
                match output {
                    Output::Send { interface, to, bytes } => {
                        let end = self.ends.iter().find(|end| end.id == interface);
                        let Some(socket) = end.and_then(|end| end.dhcp.as_ref()) else { continue };
                        if let Err(error) = socket.send(to, &bytes) {
                            // It is repeated like one that was lost on the wire.
                            count(&self.tally.send_failures, 1);
                            tracing::debug!(%error, %to, "datagram not sent");
                        }
                    }
                    Output::Store { ticket, leases } => batch.push((ticket, leases)),
                    Output::Event(event) => {
                        self.tally.happened(&event.what);
                        (self.told)(&event);
                    }
                }
            }
            if batch.is_empty() {
                return;
            }
            let stored = self.journal.append(batch.iter().flat_map(|(_, leases)| leases));
            if let Err(error) = &stored {
                let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(%error, source, "leases of IPv6 are not stored, so their clients are given none");
            }
            let counter = match &stored {
                Ok(_) => &self.tally.stored,
                Err(_) => &self.tally.store_failures,
            };
            count(counter, batch.iter().map(|(_, leases)| leases.len()).sum());
            let stored = stored.map_err(|_| StoreFailed);
            batch.into_iter().for_each(|(ticket, _)| self.server.stored(ticket, stored));
        }
    }

    /// Tells the advertisers something, and sends what they want sent.
    fn advertise(&mut self, tell: impl Fn(Instant, &mut super::Advertiser)) {
        let now = Instant::now();
        for (socket, advertiser) in self.ends.iter_mut().filter_map(|end| end.icmp.as_mut()) {
            tell(now, advertiser);
            while let Some(output) = advertiser.next_output() {
                let AdvertiserOutput::Send { to, bytes } = output else { continue };
                match socket.send(to, &bytes) {
                    Ok(()) => count(&self.tally.advertisements, 1),
                    Err(error) => tracing::debug!(%error, %to, "advertisement not sent"),
                }
            }
        }
    }

    /// Waits for a packet, a command, or time.
    fn wait(&self) {
        let advertised = self.ends.iter().filter_map(|end| end.icmp.as_ref()?.1.next_wake());
        let next =
            [self.server.next_wake(), Some(self.clock + CLOCK)].into_iter().flatten().chain(advertised);
        let sockets = self.ends.iter().flat_map(|end| {
            let dhcp = end.dhcp.as_ref().map(AsFd::as_fd);
            dhcp.into_iter().chain(end.icmp.as_ref().map(|(socket, _)| socket.as_fd()))
        });
        self.orders.wait(next.min(), sockets.map(|socket| PollFd::new(socket, PollFlags::POLLIN)));
    }
}
