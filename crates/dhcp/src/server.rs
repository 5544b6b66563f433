//! The server: addresses and boot options for those whom the policy says (RFC 2131, section 4; PXE 2.1, section 2).

mod bindings;
mod boot;
mod discover;
mod leave;
mod limits;
mod pool;
mod probe;
mod quiet;
mod records;
mod reply;
mod request;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant, SystemTime};

use crate::server::bindings::{Bindings, Identity, Place, State};
use crate::server::limits::Held;
use crate::server::pool::Pool;
use crate::server::quiet::Quiet;
use crate::server::reply::Reply;
use crate::server::request::Waiting;
use crate::subnet::same_network;
use crate::{
    Answer, Arrival, Client, Counters, Departure, Destination, Event, Happening, HardwareAddress, Interface,
    InterfaceId, MAX_IDENTIFIER, Message, MessageType, Mode, Op, Output, Policy, Relay, Silence, Subnet,
    SubnetId, Terms, Ticket,
};

/// The port of servers (RFC 2131, section 4.1).
const SERVER_PORT: u16 = 67;
/// The port of clients.
const CLIENT_PORT: u16 = 68;
/// The port that gives boot options alone (PXE 2.1, section 2.2.3).
const BOOT_SERVICE_PORT: u16 = 4011;
/// The most ACKs that wait for their leases to be stored.
const MAX_WAITING: usize = 65_536;
/// How many addresses are tried for one client, if one after the other is found in use.
const MAX_TRIES: u8 = 4;
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
    /// Addresses of the pool that were found in use, the first of them first; some are free again.
    set_aside: VecDeque<Ipv4Addr>,
}

/// How much of the pools of a subnet is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// The subnet.
    pub subnet: SubnetId,
    /// How many addresses its pools give out.
    pub size: usize,
    /// How many of them are nobody's at the moment.
    pub free: usize,
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

/// A message of a client, with what was found out about it.
struct Asked<'a> {
    message: &'a Message,
    client: &'a Client<'a>,
    way: Way<'a>,
    identity: Identity,
    /// What is served on the client's subnet.
    mode: Mode,
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
    held: Held,
    quiet: Quiet,
    counters: Counters,
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
            held: Held::default(),
            quiet: Quiet::default(),
            counters: Counters::default(),
            waiting: VecDeque::new(),
            first_waiting: 0,
            outputs: VecDeque::new(),
            spare: Vec::new(),
            message: Message::default(),
        }
    }

    /// The policy, to be replaced or asked.
    pub fn policy_mut(&mut self) -> &mut P {
        &mut self.policy
    }

    /// What was counted since the server began.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How much of each subnet's pools is in use.
    pub fn pool_use(&self) -> impl Iterator<Item = PoolUse> {
        let of = |Served { subnet, pool, .. }: &Served| PoolUse {
            subnet: subnet.id,
            size: pool.size(),
            free: pool.free(),
        };
        self.subnets.iter().map(of)
    }

    /// Takes a datagram.
    pub fn receive(&mut self, now: Instant, arrival: Arrival<'_>) {
        self.counters.received += 1;
        let mut message = std::mem::take(&mut self.message);
        match message.read(arrival.bytes) {
            Ok(()) => {
                if let Err((subnet, reason)) = self.dispatch(now, &arrival, &message) {
                    self.turn_away(now, arrival.interface, &message, subnet, reason);
                }
            }
            Err(error) => {
                self.counters.malformed += 1;
                let nobody = Message { chaddr: HardwareAddress::new(0, &[]), ..Message::default() };
                self.turn_away(now, arrival.interface, &nobody, None, Silence::Malformed(error));
            }
        }
        self.message = message;
    }

    /// Lets time pass: offers wait no longer for probes, and offers and leases end whose time has come.
    pub fn wake(&mut self, now: Instant) {
        while let Some(place) = self.bindings.due(now) {
            if !self.end_probe(now, place) {
                self.end(place);
            }
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
        if let Some(waiting) = waiting {
            self.settle(now, ticket, waiting, result.is_ok());
        }
    }

    /// Takes back the buffer of a datagram that was sent.
    pub fn recycle(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < MAX_SPARE {
            self.spare.push(bytes);
        }
    }

    /// Finds out who asks what, and does it.
    fn dispatch(
        &mut self,
        now: Instant,
        arrival: &Arrival<'_>,
        message: &Message,
    ) -> Result<(), (Option<SubnetId>, Silence)> {
        let kind = message.message_type().filter(|kind| {
            message.op == Op::Request
                && !matches!(kind, MessageType::Offer | MessageType::Ack | MessageType::Nak)
        });
        let kind = kind.ok_or((None, Silence::NotFromClient))?;
        let relay = Relay::read(message);
        let at = self.subnet_of(arrival.interface, relay, message.ciaddr).ok_or_else(|| {
            let of = |relay: Relay<'_>| relay.link_selection.unwrap_or(relay.giaddr);
            (None, Silence::NoSubnet(relay.map_or(message.ciaddr, of)))
        })?;
        let subnet = self.subnets[at].subnet.id;
        let mode = self.subnets[at].subnet.mode;
        let from = self.own_address(arrival.interface, &self.subnets[at].subnet);
        let from = from.ok_or((Some(subnet), Silence::NoAddress))?;
        if mode == Mode::Off {
            return Err((Some(subnet), Silence::Off));
        }
        let way = Way {
            interface: arrival.interface,
            source: arrival.source,
            relay,
            server: relay.and_then(|relay| relay.server_override).unwrap_or(from),
            from,
            boot_service: arrival.port == BOOT_SERVICE_PORT,
        };
        let client = Client::read(message, kind, arrival.interface, relay, subnet, way.boot_service);
        let identity = identity(&client).ok_or((Some(subnet), Silence::Nameless))?;
        self.answer(now, &Asked { message, client: &client, way, identity, mode });
        Ok(())
    }

    fn answer(&mut self, now: Instant, asked: &Asked<'_>) {
        let counters = &mut self.counters;
        if asked.way.boot_service {
            counters.boot_service += 1;
            return self.boot_service(now, asked);
        }
        match asked.client.message {
            MessageType::Discover => {
                counters.discovers += 1;
                self.discover(now, asked);
            }
            MessageType::Request => {
                counters.requests += 1;
                self.request(now, asked);
            }
            MessageType::Decline => {
                counters.declines += 1;
                self.decline(now, asked);
            }
            MessageType::Release => {
                counters.releases += 1;
                self.release(now, asked);
            }
            MessageType::Inform => {
                counters.informs += 1;
                self.inform(now, asked);
            }
            // Those of servers were turned away.
            MessageType::Offer | MessageType::Ack | MessageType::Nak => {}
        }
    }

    /// The subnet that a client is on: by link selection, by relay, by the address that it says it has, which may be far away
    /// when it renews without its relay, or by the interface.
    fn subnet_of(&self, interface: InterfaceId, relay: Option<Relay<'_>>, own: Ipv4Addr) -> Option<usize> {
        let containing = |address| self.subnets.iter().position(|served| served.subnet.contains(address));
        if let Some(relay) = relay {
            let spoken_for =
                || self.subnets.iter().position(|served| served.subnet.relays.contains(&relay.giaddr));
            return match relay.link_selection {
                Some(link) => containing(link),
                None => spoken_for().or_else(|| containing(relay.giaddr)),
            };
        }
        let at = |Served { subnet, .. }: &Served| match subnet.interface {
            Some(at) => at == interface,
            None => self.interfaces.iter().any(|own| own.id == interface && subnet.contains(own.address)),
        };
        let renewing = if own.is_unspecified() { None } else { containing(own) };
        renewing.or_else(|| self.subnets.iter().position(at))
    }

    /// Our address on an interface: one in the subnet, or else the first.
    fn own_address(&self, interface: InterfaceId, subnet: &Subnet) -> Option<Ipv4Addr> {
        let mut own = self.interfaces.iter().filter(|own| own.id == interface).map(|own| own.address);
        let first = own.clone().next();
        own.find(|address| same_network(*address, subnet.network, subnet.prefix)).or(first)
    }

    fn is_own(&self, address: Ipv4Addr) -> bool {
        self.interfaces.iter().any(|own| own.address == address)
    }

    fn index_of(&self, subnet: SubnetId) -> Option<usize> {
        self.subnets.iter().position(|served| served.subnet.id == subnet)
    }

    /// Asks the policy, and tells an event where it says that nothing is given.
    fn terms(&mut self, now: Instant, asked: &Asked<'_>) -> Option<Terms> {
        match self.policy.answer(asked.client) {
            // What is told counts whole seconds, and none at all means nothing to clients.
            Answer::Serve(terms) => Some(Terms { lease: terms.lease.max(Duration::from_secs(1)), ..terms }),
            Answer::Silent(reason) => {
                self.tell_silent(now, asked, Silence::Policy(reason));
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
        let to_client = |address| Destination::Unicast(SocketAddrV4::new(address, CLIENT_PORT));
        let (port, to) = if let Some(relay) = way.relay {
            (SERVER_PORT, Destination::Unicast(SocketAddrV4::new(relay.giaddr, SERVER_PORT)))
        } else if way.boot_service {
            let is_known = !way.source.ip().is_unspecified();
            let to = if is_known { Destination::Unicast(way.source) } else { Destination::Broadcast };
            (BOOT_SERVICE_PORT, to)
        } else if !request.ciaddr.is_unspecified() && (!nak || self.is_far(way.interface, request.ciaddr)) {
            (SERVER_PORT, to_client(request.ciaddr))
        } else {
            let address = reply.address;
            let mac = request.chaddr.mac();
            // Nobody hears a frame to an address of zeros, which stands for one that is not told (RFC 4390), and everybody one to
            // a group.
            let is_told = mac.is_some_and(|mac| mac != [0; 6] && mac[0] & 1 == 0);
            let mac =
                mac.filter(|_| is_told && !nak && !request.wants_broadcast() && !address.is_unspecified());
            let frame = |mac| Destination::Hardware { mac, address: SocketAddrV4::new(address, CLIENT_PORT) };
            (SERVER_PORT, mac.map_or(Destination::Broadcast, frame))
        };
        Departure { interface: way.interface, from: SocketAddrV4::new(way.from, port), to, bytes }
    }

    /// Whether an address is on no link of the interface, so that a broadcast does not reach it.
    fn is_far(&self, interface: InterfaceId, address: Ipv4Addr) -> bool {
        let near = |own: &Interface| own.id == interface && same_network(own.address, address, own.prefix);
        !self.interfaces.iter().any(near)
    }

    /// Ends a binding whose time has come.
    fn end(&mut self, place: Place) {
        let Some(binding) = self.bindings.get(place) else { return };
        let (address, subnet, hardware, state) =
            (binding.address, binding.subnet, binding.hardware, binding.state);
        match state {
            State::Bound => {
                self.let_go(place, true);
                self.counters.expired += 1;
                self.tell_lease(hardware, subnet, Happening::Expired { address });
            }
            State::Offered => self.let_go(place, true),
            State::Declined => {
                self.bindings.remove(place);
                self.give_back(address);
                let served =
                    self.subnets.iter_mut().find(|served| served.set_aside.front() == Some(&address));
                if let Some(served) = served {
                    served.set_aside.pop_front();
                }
            }
            State::Remembered => {}
        }
    }

    /// Frees an address. Its client is remembered, if it is to be, as long as the address is nobody else's.
    fn let_go(&mut self, place: Place, remember: bool) {
        self.release_member(place);
        let Some(binding) = self.bindings.get_mut(place) else { return };
        binding.state = State::Remembered;
        if let Some(probing) = binding.probing.take() {
            self.recycle(probing.departure.bytes);
        }
        let Some(binding) = self.bindings.get(place) else { return };
        let address = binding.address;
        self.bindings.set_timer(place, None);
        if !self.give_back(address) || !remember {
            self.bindings.remove(place);
        }
    }

    /// The address of a binding counts no longer for whoever held it.
    fn release_member(&mut self, place: Place) {
        if let Some(member) = self.bindings.get_mut(place).and_then(|binding| binding.member.take()) {
            self.held.remove(member);
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

    fn event(&self, asked: &Asked<'_>, subnet: SubnetId, what: Happening) -> Event {
        let (hardware, xid, interface) = (asked.message.chaddr, asked.message.xid, asked.way.interface);
        Event { hardware, xid, interface, subnet: Some(subnet), what, left_out: 0 }
    }

    fn tell(&mut self, asked: &Asked<'_>, what: Happening) {
        let event = self.event(asked, asked.client.subnet, what);
        self.outputs.push_back(Output::Event(event));
    }

    /// Tells what no packet caused.
    fn tell_lease(&mut self, hardware: HardwareAddress, subnet: SubnetId, what: Happening) {
        let interface = InterfaceId::default();
        let event = Event { hardware, xid: 0, interface, subnet: Some(subnet), what, left_out: 0 };
        self.outputs.push_back(Output::Event(event));
    }

    fn tell_silent(&mut self, now: Instant, asked: &Asked<'_>, reason: Silence) {
        self.turn_away(now, asked.way.interface, asked.message, Some(asked.client.subnet), reason);
    }

    /// Counts and tells a packet that is not answered.
    fn turn_away(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        message: &Message,
        subnet: Option<SubnetId>,
        reason: Silence,
    ) {
        let counters = &mut self.counters;
        counters.silent += 1;
        match reason {
            Silence::CircuitLimit | Silence::PrefixLimit => counters.limited += 1,
            Silence::PoolExhausted => counters.exhausted += 1,
            Silence::Spoofed(_) => counters.spoofed += 1,
            _ => {}
        }
        let what = Happening::Silent { message: message.message_type(), reason: reason.clone() };
        let (hardware, xid) = (message.chaddr, message.xid);
        let event = Event { hardware, xid, interface, subnet, what, left_out: 0 };
        self.tell_quietly(now, &reason, event);
    }

    /// Tells a refusal, unless it was told a moment ago.
    fn tell_quietly(&mut self, now: Instant, reason: &Silence, event: Event) {
        match self.quiet.filter(now, self.config.log_interval, reason, event) {
            Some(event) => self.outputs.push_back(Output::Event(event)),
            None => self.counters.left_out += 1,
        }
    }
}

/// By what a client is known (rule D13); `None` where it gives no name, or one that is too long.
fn identity(client: &Client<'_>) -> Option<Identity> {
    // Nobody speaks in the name of a group (IEEE 802, section 8.2).
    let of_group = client.hardware.mac().is_some_and(|[first, ..]| first & 1 != 0);
    if !of_group && client.hardware.bytes().iter().any(|&byte| byte != 0) {
        return Some(Identity::Hardware(client.hardware));
    }
    let identifier = client.identifier.filter(|identifier| identifier.len() <= MAX_IDENTIFIER)?;
    Some(Identity::Identifier(identifier.into()))
}
