//! The thread that serves: it waits for packets and time, and does what the machine wants done.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ironhand_dhcp::{
    Arrival, Counters, Event, Lease, Output, Policy, PoolUse, Server, StoreFailed, Subnet, Ticket,
};
use nix::poll::{PollFd, PollFlags};
use tokio::sync::oneshot;

use super::keeper::{Batch, Keeper};
use super::port::{Inbox, Port};
use super::probe::Probes;
use super::statistics::{Tally, count};
use crate::orders::Orders;

/// Batches taken from one socket before answers leave, so that no flood holds them back.
const BATCHES: usize = 4;

/// How often the machine is told the time of day anew.
const CLOCK: Duration = Duration::from_secs(10);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Command {
    Subnets(Vec<Subnet>),
    Ports(Vec<Port>),
    TakePorts(oneshot::Sender<Vec<Port>>),
    Stored(Vec<Ticket>, Result<(), StoreFailed>),
    Leases(oneshot::Sender<Vec<Lease>>),
    Counters(oneshot::Sender<Counters>),
    PoolUse(oneshot::Sender<Vec<PoolUse>>),
    Release(Ipv4Addr, oneshot::Sender<bool>),
    Stop,
}

/// Hears of what happens.
pub(super) type Told = Box<dyn Fn(&Event) + Send>;

pub(super) struct Worker<P> {
    server: Server<P>,
    ports: Vec<Port>,
    keeper: Keeper,
    orders: Orders<Command>,
    told: Told,
    tally: Arc<Tally>,
    probes: Probes,
    /// Leases to be stored together.
    batch: Batch,
    /// Leases with the keeper.
    storing: usize,
    spare: Vec<Vec<u8>>,
    clock: Instant,
    is_stopping: bool,
}

impl<P: Policy> Worker<P> {
    pub fn new(
        server: Server<P>,
        ports: Vec<Port>,
        keeper: Keeper,
        orders: Orders<Command>,
        told: Told,
        tally: Arc<Tally>,
        probe_wait: Duration,
    ) -> Self {
        Self {
            server,
            ports,
            keeper,
            orders,
            told,
            tally,
            probes: Probes::new(probe_wait),
            batch: Vec::new(),
            storing: 0,
            spare: Vec::new(),
            clock: Instant::now(),
            is_stopping: false,
        }
    }

    pub fn run(mut self) {
        let mut inbox = Inbox::new();
        loop {
            let mut now = Instant::now();
            if now.duration_since(self.clock) >= CLOCK {
                self.clock = now;
                self.server.set_clock(now, SystemTime::now());
            }
            while let Some(command) = self.orders.next() {
                self.obey(now, command);
            }
            for (address, by) in self.probes.ended(now) {
                self.server.probed(now, address, by);
            }
            self.server.wake(now);
            let more = !self.is_stopping && self.receive(&mut inbox, &mut now);
            self.carry_out(now);
            if self.is_stopping && self.storing == 0 {
                return;
            }
            if !more {
                self.wait();
            }
        }
    }

    fn obey(&mut self, now: Instant, command: Command) {
        match command {
            Command::Subnets(subnets) => self.server.set_subnets(subnets),
            Command::Ports(ports) => {
                self.ports = ports;
                self.server.set_interfaces(self.ports.iter().flat_map(Port::facts).collect());
            }
            Command::TakePorts(sender) => {
                // Whoever asked closes them.
                let _ = sender.send(std::mem::take(&mut self.ports));
            }
            Command::Stored(tickets, result) => {
                self.storing -= tickets.len();
                for ticket in tickets {
                    self.server.stored(now, ticket, result);
                }
            }
            Command::Leases(sender) => {
                let _ = sender.send(self.server.leases().collect());
            }
            Command::Counters(sender) => {
                let _ = sender.send(self.server.counters());
            }
            Command::PoolUse(sender) => {
                let _ = sender.send(self.server.pool_use().collect());
            }
            Command::Release(address, sender) => {
                let _ = sender.send(self.server.take_back(now, address));
            }
            Command::Stop => self.is_stopping = true,
        }
    }

    /// Takes what came in. Says whether there may be more.
    fn receive(&mut self, inbox: &mut Inbox, now: &mut Instant) -> bool {
        let mut more = false;
        for port in &mut self.ports {
            let id = port.id;
            for listener in port.listeners() {
                for _ in 0..BATCHES {
                    listener.receive(inbox);
                    *now = Instant::now();
                    count(&self.tally.received, inbox.datagrams().len());
                    for (source, bytes) in inbox.datagrams() {
                        self.server
                            .receive(*now, Arrival { interface: id, source, port: listener.port, bytes });
                    }
                    more = inbox.is_full();
                    if !more {
                        break;
                    }
                }
            }
        }
        more
    }

    fn carry_out(&mut self, now: Instant) {
        self.take_outputs(now);
        while !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            self.storing += batch.len();
            if let Some((tickets, result)) = self.keeper.store(batch) {
                self.obey(now, Command::Stored(tickets, result));
                self.take_outputs(now);
            }
        }
        for port in &mut self.ports {
            let (sent, failed) = port.flush(&mut self.spare);
            count(&self.tally.sent, sent);
            count(&self.tally.send_failures, failed);
        }
        for bytes in self.spare.drain(..) {
            self.server.recycle(bytes);
        }
    }

    /// Takes what the machine wants done: leases come together in the batch, datagrams in the ports.
    fn take_outputs(&mut self, now: Instant) {
        while let Some(output) = self.server.next_output() {
            match output {
                Output::Send(departure) => {
                    match self.ports.iter_mut().find(|port| port.id == departure.interface) {
                        Some(port) => port.send(departure),
                        None => count(&self.tally.send_failures, 1),
                    }
                }
                Output::Store { ticket, lease } => self.batch.push((ticket, lease)),
                Output::Probe { address, interface, relayed } => {
                    count(&self.tally.probes, 1);
                    let port = self.ports.iter().find(|port| port.id == interface);
                    self.probes.start(now, address, port, relayed);
                }
                Output::Event(event) => (self.told)(&event),
            }
        }
    }

    /// Waits for a packet, a command, or time.
    fn wait(&self) {
        let next = [self.server.next_wake(), self.probes.next(), Some(self.clock + CLOCK)];
        let ports = self.ports.iter().flat_map(Port::sockets).map(|(socket, is_sending)| {
            let writable = if is_sending { PollFlags::POLLOUT } else { PollFlags::empty() };
            PollFd::new(socket, PollFlags::POLLIN | writable)
        });
        let probes = self.probes.sockets().map(|socket| PollFd::new(socket, PollFlags::POLLIN));
        self.orders.wait(next.into_iter().flatten().min(), ports.chain(probes));
    }
}
