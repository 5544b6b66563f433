//! The server: addresses and boot options for those whom the policy says (RFC 2131, section 4; PXE 2.1, section 2).

mod bindings;
mod boot;
mod discover;
mod pool;
mod reply;
mod request;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant, SystemTime};

use crate::server::bindings::{Binding, Bindings, Identity, Place, State};
use crate::server::pool::Pool;
use crate::server::reply::Reply;
use crate::subnet::same_network;
use crate::{
    Answer, Arrival, Client, Departure, Destination, Event, Happening, HardwareAddress, Interface,
    InterfaceId, Lease, LeaseState, MAX_IDENTIFIER, Message, MessageType, Mode, Op, Output, Policy, Relay,
    Silence, Subnet, SubnetId, Terms, Ticket,
};

/// The port of servers (RFC 2131, section 4.1).
const SERVER_PORT: u16 = 67;
/// The port of clients.
const CLIENT_PORT: u16 = 68;
/// The port that gives boot options alone (PXE 2.1, section 2.2.3).
const BOOT_SERVICE_PORT: u16 = 4011;
/// The most ACKs that wait for their leases to be stored.
const MAX_WAITING: usize = 65_536;
/// The most buffers of sent answers that are kept to be used again.
const MAX_SPARE: usize = 256;

/// How a server behaves; the defaults suit most networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// How long an offer is held for its transaction. Firmware asks again after 4, 8, 16 and 32 s (rule D3).
    pub offer_hold: Duration,
    /// How long an address that was found in use is set aside (rule D6).
    pub decline_hold: Duration,
    /// How long an answer to a probe is waited for (rule D7).
    pub probe_wait: Duration,
    /// How long the same refusal of one client is not told again (rule D15).
    pub log_interval: Duration,
    /// The most addresses of pools that one circuit of a relay may hold, offers included.
    pub addresses_per_circuit: u32,
    /// The most addresses of pools that clients with the same first three bytes of hardware address may hold in a subnet;
    /// racks of one maker's machines have thousands.
    pub addresses_per_prefix: u32,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            offer_hold: Duration::from_secs(60),
            decline_hold: Duration::from_secs(3600),
            probe_wait: Duration::from_millis(300),
            log_interval: Duration::from_secs(90),
            addresses_per_circuit: 1024,
            addresses_per_prefix: 65_536,
        }
    }
}

/// A lease could not be stored. The client is given no ACK, and asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease could not be stored")]
pub struct StoreFailed;

/// A subnet with its free addresses.
#[derive(Debug)]
struct Served {
    subnet: Subnet,
    pool: Pool,
}

/// An ACK that leaves when its lease is stored.
#[derive(Debug)]
struct Waiting {
    place: Place,
    departure: Departure,
    event: Event,
}

/// Where an answer goes, and in whose name.
#[derive(Clone, Copy, Debug)]
struct Way<'a> {
    interface: InterfaceId,
    source: SocketAddrV4,
    relay: Option<Relay<'a>>,
    /// The address that is named as the server's.
    server: Ipv4Addr,
    /// The address that datagrams leave from.
    from: Ipv4Addr,
    boot_service: bool,
}

/// A DHCP server for any number of subnets.
pub struct Server<P> {
    policy: P,
    config: ServerConfig,
    /// The same moment on both clocks, by which times of leases are told.
    clock: (Instant, SystemTime),
    interfaces: Vec<Interface>,
    subnets: Vec<Served>,
    bindings: Bindings,
    /// By ticket, the first of which is `first_waiting`; `None` where nothing leaves.
    waiting: VecDeque<Option<Waiting>>,
    first_waiting: u64,
    outputs: VecDeque<Output>,
    spare: Vec<Vec<u8>>,
    /// The room that messages are read into.
    message: Message,
}

impl<P: Policy> Server<P> {
    /// A server without interfaces and subnets, which answers nobody yet. `wall` is the time of day at `now`.
    pub fn new(now: Instant, wall: SystemTime, config: ServerConfig, policy: P) -> Self {
        Self {
            policy,
            config,
            clock: (now, wall),
            interfaces: Vec::new(),
            subnets: Vec::new(),
            bindings: Bindings::default(),
            waiting: VecDeque::new(),
            first_waiting: 0,
            outputs: VecDeque::new(),
            spare: Vec::new(),
            message: Message::default(),
        }
    }

    /// Says anew what time of day it is at `now`. Leases run by the other clock, so that a step changes only what is stored
    /// and shown (rule D16).
    pub fn set_clock(&mut self, now: Instant, wall: SystemTime) {
        self.clock = (now, wall);
    }

    /// The policy, to be replaced or asked.
    pub fn policy_mut(&mut self) -> &mut P {
        &mut self.policy
    }

    /// Replaces the addresses of this machine.
    pub fn set_interfaces(&mut self, interfaces: Vec<Interface>) {
        self.interfaces = interfaces;
        let subnets = self.subnets.drain(..).map(|served| served.subnet).collect();
        self.set_subnets(subnets);
    }

    /// Replaces the subnets. Leases are kept, also those of subnets that are gone, until they end.
    pub fn set_subnets(&mut self, subnets: Vec<Subnet>) {
        let own = || self.interfaces.iter().map(|interface| interface.address);
        self.subnets =
            subnets.into_iter().map(|subnet| Served { pool: Pool::of(&subnet, own()), subnet }).collect();
        for served in &mut self.subnets {
            let (mut held, mut remembered) = (Vec::new(), Vec::new());
            for binding in self.bindings.iter().filter(|binding| served.pool.contains(binding.address)) {
                if binding.holds() {
                    held.push(binding.address)
                } else {
                    remembered.push((binding.ends, binding.address))
                }
            }
            for address in held {
                served.pool.take(address);
            }
            // Whoever left first is forgotten first.
            remembered.sort_unstable();
            for (_, address) in remembered {
                served.pool.take(address);
                served.pool.give_back(address);
            }
        }
    }

    /// Takes back a lease that was stored before this process began.
    pub fn restore(&mut self, now: Instant, lease: Lease) {
        let ends = self.instant(lease.ends);
        let live = ends > now;
        let owner = match (&lease.identifier, lease.hardware.is_empty()) {
            (_, false) => Identity::Hardware(lease.hardware),
            (Some(identifier), true) => Identity::Identifier(identifier.clone()),
            (None, true) => return,
        };
        let mut binding = Binding::new(lease.address, lease.subnet, owner, now);
        binding.begins = self.instant(lease.begins);
        binding.ends = ends;
        binding.state = match lease.state {
            LeaseState::Bound if live => State::Bound,
            LeaseState::Declined if live => State::Declined,
            LeaseState::Declined => return,
            _ => State::Remembered,
        };
        binding.identifier = lease.identifier;
        binding.host_name = lease.host_name;
        if binding.state == State::Declined {
            binding.owner = None;
        }
        let (address, holds) = (binding.address, binding.holds());
        let place = self.bindings.insert(binding);
        self.bindings.set_timer(place, holds.then_some(ends));
        for served in self.subnets.iter_mut().filter(|served| served.pool.contains(address)) {
            served.pool.take(address);
            if !holds {
                served.pool.give_back(address);
            }
        }
    }

    /// The leases as they are: those that run, and those that ended or were given back and are still remembered.
    pub fn leases(&self) -> impl Iterator<Item = Lease> {
        self.bindings.iter().filter_map(|binding| {
            let state = match binding.state {
                State::Offered => return None,
                State::Bound => LeaseState::Bound,
                State::Declined => LeaseState::Declined,
                State::Remembered => LeaseState::Expired,
            };
            Some(self.lease(binding, state))
        })
    }

    /// Takes a datagram.
    pub fn receive(&mut self, now: Instant, arrival: Arrival<'_>) {
        let mut message = std::mem::take(&mut self.message);
        match message.read(arrival.bytes) {
            Ok(()) => self.dispatch(now, &arrival, &message),
            Err(error) => self.silent(&arrival, &Message::default(), None, Silence::Malformed(error)),
        }
        self.message = message;
    }

    /// Lets time pass: offers are dropped and leases end whose time has come.
    pub fn wake(&mut self, now: Instant) {
        while let Some(place) = self.bindings.due(now) {
            self.end(place);
        }
    }

    /// When [`Server::wake`] has something to do.
    pub fn next_wake(&self) -> Option<Instant> {
        self.bindings.next_timer()
    }

    /// What is to be done next.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Tells what became of a request to store a lease; the ACK leaves now, or never.
    pub fn stored(&mut self, now: Instant, ticket: Ticket, result: Result<(), StoreFailed>) {
        let slot = ticket.0.checked_sub(self.first_waiting).and_then(|at| self.waiting.get_mut(at as usize));
        let waiting = slot.and_then(Option::take);
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
            self.first_waiting += 1;
        }
        let Some(waiting) = waiting else { return };
        match result {
            Ok(()) => {
                self.outputs.push_back(Output::Send(waiting.departure));
                self.outputs.push_back(Output::Event(waiting.event));
            }
            Err(StoreFailed) => self.not_stored(now, ticket, waiting),
        }
    }

    /// Tells what a probe found: who uses the address, if that is known, or nobody.
    pub fn probed(&mut self, _now: Instant, _address: Ipv4Addr, _in_use: Option<[u8; 6]>) {}

    /// Takes back the buffer of a datagram that was sent.
    pub fn recycle(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < MAX_SPARE {
            self.spare.push(bytes);
        }
    }

    fn dispatch(&mut self, now: Instant, arrival: &Arrival<'_>, message: &Message) {
        let kind = message.message_type();
        let refuse = |server: &mut Self, reason| server.silent(arrival, message, None, reason);
        let Some(kind) = kind.filter(|kind| {
            message.op == Op::Request
                && !matches!(kind, MessageType::Offer | MessageType::Ack | MessageType::Nak)
        }) else {
            return refuse(self, Silence::NotFromClient);
        };
        let relay = Relay::read(message);
        let Some(at) = self.subnet_of(arrival.interface, relay) else {
            let place = relay.map_or(message.ciaddr, |relay| relay.link_selection.unwrap_or(relay.giaddr));
            return refuse(self, Silence::NoSubnet(place));
        };
        let subnet = self.subnets[at].subnet.id;
        let Some(from) = self.own_address(arrival.interface, &self.subnets[at].subnet) else {
            return refuse(self, Silence::NoAddress);
        };
        let way = Way {
            interface: arrival.interface,
            source: arrival.source,
            relay,
            server: relay.and_then(|relay| relay.server_override).unwrap_or(from),
            from,
            boot_service: arrival.port == BOOT_SERVICE_PORT,
        };
        let client = Client::read(message, kind, arrival.interface, relay, subnet, way.boot_service);
        let Some(identity) = identity(&client) else {
            return refuse(self, Silence::Nameless);
        };
        if self.subnets[at].subnet.mode == Mode::Off {
            return self.tell_silent(message, &way, Some(subnet), Silence::Off);
        }
        match kind {
            _ if way.boot_service => self.boot_service(message, &client, &way),
            MessageType::Discover => self.discover(now, message, &client, &way, identity),
            MessageType::Request => self.request(now, message, &client, &way, identity),
            _ => {}
        }
    }

    /// The subnet that a client is on: by link selection, by relay, or by the interface.
    fn subnet_of(&self, interface: InterfaceId, relay: Option<Relay<'_>>) -> Option<usize> {
        match relay {
            Some(relay) => {
                let link = relay.link_selection.unwrap_or(relay.giaddr);
                self.subnets.iter().position(|served| served.subnet.contains(link))
            }
            None => self.subnets.iter().position(|Served { subnet, .. }| match subnet.interface {
                Some(at) => at == interface,
                None => self.interfaces.iter().any(|own| own.id == interface && subnet.contains(own.address)),
            }),
        }
    }

    /// Our address on an interface: one in the subnet, or else the first.
    fn own_address(&self, interface: InterfaceId, subnet: &Subnet) -> Option<Ipv4Addr> {
        let mut own = self.interfaces.iter().filter(|own| own.id == interface).map(|own| own.address);
        let first = own.clone().next();
        own.find(|address| same_network(*address, subnet.network, subnet.prefix)).or(first)
    }

    fn place_of(&self, subnet: SubnetId) -> Option<usize> {
        self.subnets.iter().position(|served| served.subnet.id == subnet)
    }

    /// Asks the policy, and tells an event where it says nothing is given.
    fn terms(&mut self, message: &Message, client: &Client<'_>, way: &Way<'_>) -> Option<Terms> {
        match self.policy.answer(client) {
            Answer::Serve(terms) => Some(terms),
            Answer::Silent(reason) => {
                self.tell_silent(message, way, Some(client.subnet), Silence::Policy(reason));
                None
            }
        }
    }

    /// An answer on its way: by the relay, to the client's own address, by broadcast, or by frame (RFC 2131, section 4.1).
    fn departure(&mut self, way: &Way<'_>, reply: &Reply<'_>) -> Departure {
        let mut bytes = self.spare.pop().unwrap_or_default();
        reply.write(&mut bytes);
        let request = reply.request;
        let nak = reply.kind == MessageType::Nak;
        let (port, to) = if let Some(relay) = way.relay {
            (SERVER_PORT, Destination::Unicast(SocketAddrV4::new(relay.giaddr, SERVER_PORT)))
        } else if way.boot_service {
            (BOOT_SERVICE_PORT, Destination::Unicast(way.source))
        } else if !request.ciaddr.is_unspecified() && !nak {
            (SERVER_PORT, Destination::Unicast(SocketAddrV4::new(request.ciaddr, CLIENT_PORT)))
        } else {
            let address = reply.address;
            let frame = request
                .chaddr
                .mac()
                .filter(|_| !nak && !request.wants_broadcast() && !address.is_unspecified());
            let to = frame.map_or(Destination::Broadcast, |mac| Destination::Hardware {
                mac,
                address: SocketAddrV4::new(address, CLIENT_PORT),
            });
            (SERVER_PORT, to)
        };
        Departure { interface: way.interface, from: SocketAddrV4::new(way.from, port), to, bytes }
    }

    /// Asks for a lease to be stored, behind which `departure` leaves.
    fn store(&mut self, place: Place, departure: Departure, event: Event) {
        let ticket = Ticket(self.first_waiting + self.waiting.len() as u64);
        let Some(binding) = self.bindings.get_mut(place) else { return };
        binding.ticket = Some(ticket);
        self.waiting.push_back(Some(Waiting { place, departure, event }));
        if let Some(binding) = self.bindings.get(place) {
            let lease = self.lease(binding, LeaseState::Bound);
            self.outputs.push_back(Output::Store { ticket, lease });
        }
    }

    /// The client gets no ACK; what was not bound before is an offer again.
    fn not_stored(&mut self, now: Instant, ticket: Ticket, waiting: Waiting) {
        let Waiting { place, departure, event } = waiting;
        self.recycle(departure.bytes);
        let hold = now + self.config.offer_hold;
        let Some(binding) = self.bindings.get_mut(place).filter(|binding| binding.ticket == Some(ticket))
        else {
            return;
        };
        let address = binding.address;
        if !matches!(event.what, Happening::Bound { renewed: true, .. }) {
            binding.state = State::Offered;
            binding.ends = hold;
            self.bindings.set_timer(place, Some(hold));
        }
        self.outputs.push_back(Output::Event(Event { what: Happening::NotStored { address }, ..event }));
    }

    /// Ends a binding whose time has come.
    fn end(&mut self, place: Place) {
        let Some(binding) = self.bindings.get_mut(place) else { return };
        let (address, subnet, hardware) = (binding.address, binding.subnet, binding.hardware);
        let state = binding.state;
        let remembered = state == State::Bound || state == State::Offered && binding.known_before;
        binding.state = State::Remembered;
        let pooled = self.give_back(address);
        if !remembered || !pooled {
            self.bindings.remove(place);
        }
        if state == State::Bound {
            let what = Happening::Expired { address };
            let interface = InterfaceId::default();
            let event = Event { hardware, xid: 0, interface, subnet: Some(subnet), what, left_out: 0 };
            self.outputs.push_back(Output::Event(event));
        }
    }

    /// Gives an address back to its pool; tells whether it has one.
    fn give_back(&mut self, address: Ipv4Addr) -> bool {
        let served = self.subnets.iter_mut().find(|served| served.pool.contains(address));
        let pooled = served.is_some();
        if let Some(served) = served {
            served.pool.give_back(address);
        }
        pooled
    }

    fn lease(&self, binding: &Binding, state: LeaseState) -> Lease {
        Lease {
            address: binding.address,
            subnet: binding.subnet,
            hardware: binding.hardware,
            identifier: binding.identifier.clone(),
            state,
            begins: self.wall(binding.begins),
            ends: self.wall(binding.ends),
            host_name: binding.host_name.clone(),
        }
    }

    fn wall(&self, at: Instant) -> SystemTime {
        let (instant, wall) = self.clock;
        match at.checked_duration_since(instant) {
            Some(after) => wall + after,
            None => wall - instant.duration_since(at),
        }
    }

    fn instant(&self, at: SystemTime) -> Instant {
        let (instant, wall) = self.clock;
        match at.duration_since(wall) {
            Ok(after) => instant.checked_add(after).unwrap_or(instant),
            Err(error) => instant.checked_sub(error.duration()).unwrap_or(instant),
        }
    }

    fn event(&self, message: &Message, way: &Way<'_>, subnet: SubnetId, what: Happening) -> Event {
        let (hardware, xid, interface) = (message.chaddr, message.xid, way.interface);
        Event { hardware, xid, interface, subnet: Some(subnet), what, left_out: 0 }
    }

    fn tell(&mut self, message: &Message, way: &Way<'_>, subnet: SubnetId, what: Happening) {
        let event = self.event(message, way, subnet, what);
        self.outputs.push_back(Output::Event(event));
    }

    fn tell_silent(&mut self, message: &Message, way: &Way<'_>, subnet: Option<SubnetId>, reason: Silence) {
        let what = Happening::Silent { message: message.message_type(), reason };
        let (hardware, xid, interface) = (message.chaddr, message.xid, way.interface);
        self.outputs.push_back(Output::Event(Event { hardware, xid, interface, subnet, what, left_out: 0 }));
    }

    /// Tells of a packet that was turned away before it was known whom it is from.
    fn silent(
        &mut self,
        arrival: &Arrival<'_>,
        message: &Message,
        subnet: Option<SubnetId>,
        reason: Silence,
    ) {
        let malformed = matches!(reason, Silence::Malformed(_));
        let hardware = if malformed { HardwareAddress::new(0, &[]) } else { message.chaddr };
        let what = Happening::Silent { message: message.message_type(), reason };
        let (xid, interface) = (message.xid, arrival.interface);
        self.outputs.push_back(Output::Event(Event { hardware, xid, interface, subnet, what, left_out: 0 }));
    }
}

/// By what a client is known (rule D13); `None` where it gives no name, or one that is too long.
fn identity(client: &Client<'_>) -> Option<Identity> {
    if !client.hardware.is_empty() && client.hardware.bytes().iter().any(|&byte| byte != 0) {
        return Some(Identity::Hardware(client.hardware));
    }
    let identifier = client.identifier.filter(|identifier| identifier.len() <= MAX_IDENTIFIER)?;
    Some(Identity::Identifier(identifier.into()))
}
