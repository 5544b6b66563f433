//! A link with servers and clients on it, and the clock that all of them go by.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant, SystemTime};

use ironhand_dhcp::{
    Arrival, BootClient, BootClientConfig, BootClientEvent, BootClientOutput, Departure, Destination, Event,
    Happening, Interface, InterfaceId, Lease, Output, Policy, Server, ServerConfig, Subnet,
};

/// Numbers that look like chance and are the same each time (xorshift).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What goes wrong on the link, each in percent of the datagrams.
#[derive(Clone, Copy, Default)]
pub struct Weather {
    pub lost: u64,
    pub doubled: u64,
    pub late: u64,
}

/// Where a datagram is going.
enum To {
    Servers { port: u16, source: SocketAddrV4, only: Option<Ipv4Addr> },
    Client(usize),
}

struct Parcel {
    to: To,
    bytes: Vec<u8>,
}

/// A server on the link.
pub struct Host<P> {
    pub address: Ipv4Addr,
    pub server: Server<P>,
    pub leases: HashMap<Ipv4Addr, Lease>,
    pub happened: Vec<Event>,
}

/// The link.
pub struct Link<P> {
    pub now: Instant,
    pub began: Instant,
    pub hosts: Vec<Host<P>>,
    pub clients: Vec<BootClient>,
    macs: HashMap<[u8; 6], usize>,
    pub told: Vec<(usize, BootClientEvent)>,
    pub weather: Weather,
    pub dice: Dice,
    parcels: HashMap<u64, Parcel>,
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    alarms: BinaryHeap<Reverse<(Instant, usize)>>,
    next: u64,
    /// Which client had an address last by an ACK, and until when: what must never be two.
    pub held: HashMap<Ipv4Addr, (usize, Instant)>,
}

pub const NIC: InterfaceId = InterfaceId(1);

impl<P: Policy> Link<P> {
    pub fn new(seed: u64, weather: Weather) -> Self {
        let now = Instant::now();
        Self {
            now,
            began: now,
            hosts: Vec::new(),
            clients: Vec::new(),
            macs: HashMap::new(),
            told: Vec::new(),
            weather,
            dice: Dice::new(seed),
            parcels: HashMap::new(),
            queue: BinaryHeap::new(),
            alarms: BinaryHeap::new(),
            next: 0,
            held: HashMap::new(),
        }
    }

    pub fn add_server(&mut self, address: Ipv4Addr, subnets: Vec<Subnet>, config: ServerConfig, policy: P) {
        let server = self.server(address, subnets, config, policy);
        self.hosts.push(Host { address, server, leases: HashMap::new(), happened: Vec::new() });
    }

    fn server(&self, address: Ipv4Addr, subnets: Vec<Subnet>, config: ServerConfig, policy: P) -> Server<P> {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + (self.now - self.began);
        let mut server = Server::new(self.now, wall, config, policy);
        server.set_interfaces(vec![Interface { id: NIC, address, prefix: subnets[0].prefix }]);
        server.set_subnets(subnets);
        server
    }

    /// The server dies and comes back with nothing but the leases that it had stored.
    pub fn restart(&mut self, at: usize, subnets: Vec<Subnet>, config: ServerConfig, policy: P) {
        let mut server = self.server(self.hosts[at].address, subnets, config, policy);
        for lease in self.hosts[at].leases.values() {
            server.restore(self.now, lease.clone());
        }
        self.hosts[at].server = server;
    }

    pub fn add_client(&mut self, config: BootClientConfig) -> usize {
        let at = self.clients.len();
        if let Some(mac) = config.hardware.mac() {
            self.macs.insert(mac, at);
        }
        self.clients.push(BootClient::new(self.now, config, (at as u32) << 12));
        at
    }

    pub fn start(&mut self, at: usize) {
        self.clients[at].start(self.now);
        self.drain_client(at);
    }

    /// Goes on until nothing is under way and nobody waits, or until `end`.
    pub fn run_until(&mut self, end: Instant) {
        loop {
            let parcel = self.queue.peek().map(|Reverse((at, _))| *at);
            let alarm = self.alarms.peek().map(|Reverse((at, _))| *at);
            let server = self.hosts.iter().filter_map(|host| host.server.next_wake()).min();
            let Some(next) = [parcel, alarm, server].into_iter().flatten().min().filter(|at| *at <= end)
            else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            self.step();
        }
    }

    fn step(&mut self) {
        while let Some(Reverse((at, id))) = self.queue.peek().copied() {
            if at > self.now {
                break;
            }
            self.queue.pop();
            if let Some(parcel) = self.parcels.remove(&id) {
                self.deliver(parcel);
            }
        }
        for at in 0..self.hosts.len() {
            if self.hosts[at].server.next_wake().is_some_and(|wake| wake <= self.now) {
                self.hosts[at].server.wake(self.now);
                self.drain_server(at);
            }
        }
        while let Some(Reverse((at, client))) = self.alarms.peek().copied() {
            if at > self.now {
                break;
            }
            self.alarms.pop();
            // An alarm that was set for what is past by now does no harm.
            self.clients[client].wake(self.now);
            self.drain_client(client);
        }
    }

    fn deliver(&mut self, parcel: Parcel) {
        match parcel.to {
            To::Client(at) => {
                self.clients[at].receive(self.now, &parcel.bytes);
                self.drain_client(at);
            }
            To::Servers { port, source, only } => {
                for at in 0..self.hosts.len() {
                    if only.is_none_or(|only| only == self.hosts[at].address) {
                        let arrival = Arrival { interface: NIC, source, port, bytes: &parcel.bytes };
                        self.hosts[at].server.receive(self.now, arrival);
                        self.drain_server(at);
                    }
                }
            }
        }
    }

    pub fn drain_server(&mut self, at: usize) {
        while let Some(output) = self.hosts[at].server.next_output() {
            match output {
                Output::Send(departure) => self.carry(at, departure),
                Output::Store { ticket, lease } => {
                    self.hosts[at].leases.insert(lease.address, lease);
                    self.hosts[at].server.stored(self.now, ticket, Ok(()));
                }
                Output::Probe { address, .. } => {
                    let user = self.held.get(&address).filter(|(_, until)| *until > self.now);
                    let user = user.map(|(client, _)| mac(*client));
                    self.hosts[at].server.probed(self.now, address, user);
                }
                Output::Event(event) => {
                    if let Happening::Bound { .. } = event.what {
                        continue;
                    }
                    self.hosts[at].happened.push(event);
                }
            }
        }
    }

    fn carry(&mut self, at: usize, departure: Departure) {
        let Departure { to, bytes, .. } = departure;
        let chaddr: [u8; 6] = bytes[28..34].try_into().expect("a message has a header");
        if let (
            Some(client),
            Destination::Unicast(_) | Destination::Hardware { .. } | Destination::Broadcast,
        ) = (self.macs.get(&chaddr).copied(), to)
        {
            self.post(To::Client(client), &bytes);
        }
        self.hosts[at].server.recycle(bytes);
    }

    pub fn drain_client(&mut self, at: usize) {
        while let Some(output) = self.clients[at].next_output() {
            match output {
                BootClientOutput::Send { from, to, bytes } => {
                    let source = SocketAddrV4::new(from, 68);
                    let only = Some(*to.ip()).filter(|address| *address != Ipv4Addr::BROADCAST);
                    self.post(To::Servers { port: to.port(), source, only }, &bytes);
                }
                BootClientOutput::Event(event) => self.note(at, event),
            }
        }
        if let Some(wake) = self.clients[at].next_wake() {
            self.alarms.push(Reverse((wake, at)));
        }
    }

    /// Holds to the promise that counts most: nobody is given what another client was promised for this long.
    fn note(&mut self, at: usize, event: BootClientEvent) {
        if let BootClientEvent::Bound(binding) = &event {
            let now = self.now;
            if let Some((other, until)) = self.held.get(&binding.address) {
                assert!(*other == at || *until <= now, "{} is given to {at} and {other}", binding.address);
            }
            self.held.insert(binding.address, (at, binding.ends));
        }
        self.told.push((at, event));
    }

    fn post(&mut self, to: To, bytes: &[u8]) {
        if self.dice.below(100) < self.weather.lost {
            return;
        }
        let copies = if self.dice.below(100) < self.weather.doubled { 2 } else { 1 };
        for _ in 0..copies {
            let slow = self.dice.below(100) < self.weather.late;
            let delay = if slow { 50 + self.dice.below(400) } else { 1 + self.dice.below(3) };
            let to = match &to {
                To::Client(at) => To::Client(*at),
                To::Servers { port, source, only } => {
                    To::Servers { port: *port, source: *source, only: *only }
                }
            };
            self.parcels.insert(self.next, Parcel { to, bytes: bytes.to_vec() });
            self.queue.push(Reverse((self.now + Duration::from_millis(delay), self.next)));
            self.next += 1;
        }
    }
}

/// The hardware address of a client by its number.
pub fn mac(client: usize) -> [u8; 6] {
    let [_, a, b, c] = (client as u32).to_be_bytes();
    [0x52, 0x54, 0, a, b, c]
}
