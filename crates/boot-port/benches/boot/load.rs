//! Machines that ask for addresses, many at a time: four-way exchanges in a closed loop, every answer checked.
//!
//! What it sends and reads is written here and not with `ironhand-dhcp`, so that a fault of that crate cannot hide itself.

use std::collections::{HashMap, VecDeque};
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::Result;
use crate::link::{CLIENT, CLIENT_INTERFACE, Namespace, SERVER};

/// Datagrams of one system call.
const BATCH: usize = 64;
/// Longest answer that is read.
const DATAGRAM: usize = 1500;
/// After how long a machine asks again.
const RETRY: Duration = Duration::from_secs(1);
/// How often a machine asks before it gives up.
const TRIES: u8 = 5;
/// Bits of a transaction id that tell the machine; those above tell its exchange.
const MACHINE_BITS: u32 = 20;

/// How the packets travel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Road {
    /// Through a relay agent, which we are: from port 67 to the server's address, and back.
    Relay,
    /// By broadcast, as machines without an address do on the same segment.
    Broadcast,
}

/// What is asked of a server.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many machines there are.
    pub machines: u32,
    /// How many of them are in the middle of an exchange at any time.
    pub window: usize,
    /// How packets travel.
    pub road: Road,
    /// Whether they ask as PXE firmware does.
    pub pxe: bool,
    /// How long they go on. Without it each gets an address once.
    pub lasts: Option<Duration>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Tally {
    /// Exchanges with an address at the end.
    pub done: u64,
    /// Packets that were sent again because no answer came within a second.
    pub retries: u64,
    /// Exchanges given up, or refused by the server.
    pub lost: u64,
    /// Addresses that two machines have.
    pub duplicates: u64,
    /// From the first packet to the last answer.
    pub wall: Duration,
    /// How long exchanges took, in microseconds, sorted.
    pub latencies: Vec<u32>,
}

impl Tally {
    /// The time within which so many of a hundred exchanges were over, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    }
}

/// Runs the load on a thread in the clients' namespace.
pub fn run(clients: &Namespace, load: Load) -> Result<Tally> {
    clients.run(|| Machines::new(load)?.run())
}

/// Runs the load on this thread, and tells each machine as soon as it has its address.
pub fn tell(load: Load, bound: mpsc::Sender<Ipv4Addr>) -> Result<Tally> {
    let mut machines = Machines::new(load)?;
    machines.bound = Some(bound);
    machines.run()
}

/// Whether a server answers a DISCOVER within a tenth of a second.
pub fn is_answered(clients: &Namespace, road: Road) -> Result<bool> {
    clients.run(|| {
        let load = Load { machines: 1, window: 1, road, pxe: true, lasts: None };
        let mut machines = Machines::new(load)?;
        // A machine that is none of those measured.
        machines.hardware = 0x06;
        machines.start(0);
        machines.flush()?;
        machines.wait(Duration::from_millis(100))?;
        machines.receive()?;
        Ok(machines.states[0].server.is_some())
    })
}

struct Machines {
    load: Load,
    socket: Socket,
    server: SockaddrIn,
    /// First byte of the hardware addresses.
    hardware: u8,
    states: Vec<Machine>,
    /// Who sent when, oldest first; with the number that the machine's packet had then.
    sent: VecDeque<(Instant, u32, u32)>,
    outbox: Vec<Vec<u8>>,
    inbox: Vec<u8>,
    in_flight: usize,
    /// The machine that begins next.
    next: u32,
    holders: HashMap<Ipv4Addr, u32>,
    tally: Tally,
    /// Who is told of machines that have an address.
    bound: Option<mpsc::Sender<Ipv4Addr>>,
}

#[derive(Clone)]
struct Machine {
    /// Exchanges so far.
    exchange: u32,
    /// Packets so far.
    packet: u32,
    tries: u8,
    begun: Instant,
    is_busy: bool,
    offered: Ipv4Addr,
    /// Who offered, once that is known.
    server: Option<[u8; 4]>,
}

impl Machines {
    fn new(load: Load) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        setsockopt(&socket, sockopt::RcvBufForce, &(64 << 20))?;
        setsockopt(&socket, sockopt::SndBufForce, &(16 << 20))?;
        socket.set_nonblocking(true)?;
        socket.set_reuse_address(true)?;
        let server = match load.road {
            Road::Relay => {
                socket.bind(&SocketAddrV4::new(CLIENT, 67).into())?;
                SocketAddrV4::new(SERVER, 67)
            }
            Road::Broadcast => {
                socket.set_broadcast(true)?;
                socket.bind_device(Some(CLIENT_INTERFACE.as_bytes()))?;
                socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68).into())?;
                SocketAddrV4::new(Ipv4Addr::BROADCAST, 67)
            }
        };
        let idle = Machine {
            exchange: 0,
            packet: 0,
            tries: 0,
            begun: Instant::now(),
            is_busy: false,
            offered: Ipv4Addr::UNSPECIFIED,
            server: None,
        };
        Ok(Self {
            load,
            socket,
            server: server.into(),
            hardware: 0x02,
            states: vec![idle; load.machines as usize],
            sent: VecDeque::new(),
            outbox: Vec::new(),
            inbox: vec![0; BATCH * DATAGRAM],
            in_flight: 0,
            next: 0,
            holders: HashMap::new(),
            tally: Tally::default(),
            bound: None,
        })
    }

    fn run(mut self) -> Result<Tally> {
        let begun = Instant::now();
        let mut last = begun;
        loop {
            while self.in_flight < self.load.window && self.may_begin(begun) {
                self.start(self.next % self.load.machines);
                self.next += 1;
            }
            if self.in_flight == 0 {
                break;
            }
            self.flush()?;
            let until = self.sent.front().map_or(RETRY, |(at, ..)| RETRY.saturating_sub(at.elapsed()));
            self.wait(until)?;
            let done = self.tally.done;
            self.receive()?;
            if self.tally.done > done {
                last = Instant::now();
            }
            self.retry();
        }
        self.tally.wall = last - begun;
        self.tally.latencies.sort_unstable();
        Ok(self.tally)
    }

    fn may_begin(&self, begun: Instant) -> bool {
        match self.load.lasts {
            None => self.next < self.load.machines,
            Some(lasts) => {
                !self.states[(self.next % self.load.machines) as usize].is_busy && begun.elapsed() < lasts
            }
        }
    }

    fn start(&mut self, machine: u32) {
        let state = &mut self.states[machine as usize];
        let exchange = state.exchange + 1;
        *state = Machine {
            exchange,
            tries: 1,
            begun: Instant::now(),
            is_busy: true,
            server: None,
            ..state.clone()
        };
        self.in_flight += 1;
        self.send(machine);
    }

    /// What the machine says in its state: DISCOVER, or REQUEST once something was offered.
    fn send(&mut self, machine: u32) {
        let packet = self.packet(machine);
        self.outbox.push(packet);
        let state = &mut self.states[machine as usize];
        state.packet += 1;
        self.sent.push_back((Instant::now(), machine, state.packet));
    }

    fn packet(&self, machine: u32) -> Vec<u8> {
        let state = &self.states[machine as usize];
        let mut packet = vec![0; 236];
        packet[..4].copy_from_slice(&[1, 1, 6, u8::from(self.load.road == Road::Relay)]);
        packet[4..8].copy_from_slice(&(state.exchange << MACHINE_BITS | machine).to_be_bytes());
        match self.load.road {
            Road::Relay => packet[24..28].copy_from_slice(&CLIENT.octets()),
            Road::Broadcast => packet[10] = 0x80,
        }
        packet[28] = self.hardware;
        packet[30..34].copy_from_slice(&machine.to_be_bytes());
        packet.extend([99, 130, 83, 99]);
        match state.server {
            None => packet.extend([53, 1, 1]),
            Some(server) => {
                packet.extend([53, 1, 3, 54, 4]);
                packet.extend(server);
                packet.extend([50, 4]);
                packet.extend(state.offered.octets());
            }
        }
        packet.extend([57, 2, 5, 192, 55, 7, 1, 3, 6, 12, 15, 66, 67]);
        if self.load.pxe {
            packet.extend(
                b"\x3c\x20PXEClient:Arch:00007:UNDI:003016\x5d\x02\x00\x07\x5e\x03\x01\x03\x10\x61\x11\x00",
            );
            packet.extend([0; 12]);
            packet.extend(machine.to_be_bytes());
        }
        packet.push(255);
        packet.resize(packet.len().max(300), 0);
        packet
    }

    fn flush(&mut self) -> Result<()> {
        let mut from = 0;
        while from < self.outbox.len() {
            let slices: Vec<_> =
                self.outbox[from..].iter().take(BATCH).map(|packet| [IoSlice::new(packet)]).collect();
            let mut headers = MultiHeaders::<SockaddrIn>::preallocate(slices.len(), None);
            let to = vec![Some(self.server); slices.len()];
            let nothing_else: [ControlMessage<'_>; 0] = [];
            match sendmmsg(
                self.socket.as_raw_fd(),
                &mut headers,
                &slices,
                &to,
                nothing_else,
                MsgFlags::empty(),
            ) {
                Ok(sent) => from += sent.count(),
                Err(Errno::EAGAIN) => {
                    poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE)?;
                }
                // Nobody listened to a packet before; it comes again.
                Err(Errno::ECONNREFUSED) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.outbox.clear();
        Ok(())
    }

    fn wait(&self, for_at_most: Duration) -> Result<()> {
        let timeout = PollTimeout::try_from(for_at_most + Duration::from_millis(1))?;
        poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], timeout)?;
        Ok(())
    }

    fn receive(&mut self) -> Result<()> {
        let mut inbox = std::mem::take(&mut self.inbox);
        let lengths = {
            let mut slices: Vec<_> =
                inbox.chunks_exact_mut(DATAGRAM).map(|place| [IoSliceMut::new(place)]).collect();
            let mut headers = MultiHeaders::<SockaddrIn>::preallocate(slices.len(), None);
            match recvmmsg(self.socket.as_raw_fd(), &mut headers, &mut slices, MsgFlags::empty(), None) {
                Ok(messages) => messages.map(|message| message.bytes).collect(),
                Err(Errno::EAGAIN | Errno::ECONNREFUSED) => Vec::new(),
                Err(error) => return Err(error.into()),
            }
        };
        for (place, length) in inbox.chunks_exact(DATAGRAM).zip(lengths) {
            self.take(&place[..length]);
        }
        self.inbox = inbox;
        Ok(())
    }

    fn take(&mut self, packet: &[u8]) {
        let Some(answer) = Answer::read(packet) else { return };
        let machine = answer.xid & ((1 << MACHINE_BITS) - 1);
        let Some(state) = self.states.get_mut(machine as usize) else { return };
        let is_ours = answer.xid >> MACHINE_BITS == state.exchange << MACHINE_BITS >> MACHINE_BITS
            && *answer.hardware
                == [self.hardware, 0].into_iter().chain(machine.to_be_bytes()).collect::<Vec<_>>()[..];
        if !is_ours || !state.is_busy {
            return;
        }
        match (answer.kind, state.server) {
            (2, None) => {
                state.server = Some(answer.server);
                state.offered = answer.address;
                state.tries = 1;
                self.send(machine);
            }
            (5, Some(_)) => {
                state.is_busy = false;
                self.tally.done += 1;
                self.tally
                    .latencies
                    .push(u32::try_from(state.begun.elapsed().as_micros()).unwrap_or(u32::MAX));
                self.in_flight -= 1;
                if let Some(bound) = &self.bound {
                    let _ = bound.send(answer.address);
                }
                let holder = *self.holders.entry(answer.address).or_insert(machine);
                self.tally.duplicates += u64::from(holder != machine || answer.address != state.offered);
            }
            (6, Some(_)) => self.give_up(machine),
            _ => {}
        }
    }

    fn give_up(&mut self, machine: u32) {
        self.states[machine as usize].is_busy = false;
        self.tally.lost += 1;
        self.in_flight -= 1;
    }

    fn retry(&mut self) {
        while let Some(&(at, machine, packet)) = self.sent.front() {
            if at.elapsed() < RETRY {
                break;
            }
            self.sent.pop_front();
            let state = &mut self.states[machine as usize];
            if !state.is_busy || state.packet != packet {
                continue;
            }
            if state.tries == TRIES {
                self.give_up(machine);
                continue;
            }
            state.tries += 1;
            self.tally.retries += 1;
            self.send(machine);
        }
        // Those that were answered long ago need not wait for their second to end.
        while let Some(&(_, machine, packet)) = self.sent.front() {
            let state = &self.states[machine as usize];
            if state.is_busy && state.packet == packet {
                break;
            }
            self.sent.pop_front();
        }
    }
}

/// The fields of an answer that matter here.
struct Answer<'a> {
    xid: u32,
    address: Ipv4Addr,
    hardware: &'a [u8],
    kind: u8,
    server: [u8; 4],
}

impl<'a> Answer<'a> {
    fn read(packet: &'a [u8]) -> Option<Self> {
        let word = |at: usize| packet.get(at..at + 4)?.try_into().ok();
        let mut answer = Self {
            xid: u32::from_be_bytes(word(4)?),
            address: Ipv4Addr::from(word(16)?),
            hardware: packet.get(28..34)?,
            kind: 0,
            server: [0; 4],
        };
        let mut options = packet.get(240..)?;
        while let [code, rest @ ..] = options {
            match code {
                0 => options = rest,
                255 => break,
                _ => {
                    let (length, rest) = rest.split_first()?;
                    let (value, rest) = rest.split_at_checked(usize::from(*length))?;
                    match (code, value) {
                        (53, [kind]) => answer.kind = *kind,
                        (54, _) => answer.server = value.try_into().ok()?,
                        _ => {}
                    }
                    options = rest;
                }
            }
        }
        (packet[0] == 2).then_some(answer)
    }
}
