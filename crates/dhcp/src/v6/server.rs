//! The server of DHCPv6, directly and through relays (RFC 8415, sections 18.3 and 19).

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::{Duration, Instant, SystemTime};

use super::bindings::{Bindings, Group, Owner};
use super::relay::Relays;
use super::reply::{
    Association, NO_ADDRESSES, NO_BINDING, NOT_ON_LINK, SUCCESS, USE_MULTICAST, refuse_others, status,
    write_parameters,
};
use super::{
    Answer, Arrival, Client, Event, Happening, Lease, MAX_DUID, Message, MessageType, Options, Output,
    Policy, Program, Terms, Ticket, code, prefix_of,
};
use crate::{InterfaceId, LeaseState, StoreFailed};

/// The port of clients, and of servers and relays (RFC 8415, section 7.2): answers go there, wherever the question came from.
const CLIENT_PORT: u16 = 546;
const SERVER_PORT: u16 = 547;
/// The most associations of one message that are answered.
const MAX_ASSOCIATIONS: usize = 8;
/// The most answers that wait for their leases to be stored.
const MAX_WAITING: usize = 65_536;

/// How the server presents itself and where it stops; the defaults suit most networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its identifier (DUID), which stays the same over restarts.
    pub identifier: Vec<u8>,
    /// How much clients are to prefer it (option 7), 0 to 255; at 255 they wait for no other server.
    pub preference: u8,
    /// How long an address that a client found in use is set aside.
    pub decline_hold: Duration,
    /// The most addresses that are set aside in a subnet; of more, the first is free again.
    pub most_set_aside: usize,
    /// The most addresses that strangers may hold in a subnet.
    pub addresses_per_subnet: u32,
    /// The most addresses that one circuit of a relay, or one address on the link, may hold.
    pub addresses_per_source: u32,
    /// The most addresses that one Ethernet address may hold. Firmware, loader and system of a machine have an identifier
    /// each, and an installer a new one each time.
    pub addresses_per_mac: u32,
}

impl ServerConfig {
    /// A server with an identifier, which clients take at once.
    pub fn new(identifier: Vec<u8>) -> Self {
        Self {
            identifier,
            preference: 255,
            decline_hold: Duration::from_secs(3600),
            most_set_aside: 256,
            addresses_per_subnet: 65_536,
            addresses_per_source: 1024,
            addresses_per_mac: 64,
        }
    }
}

/// An answer that waits until its leases are stored.
struct Waiting {
    interface: InterfaceId,
    /// Nothing for what no packet asked for.
    answer: Option<(SocketAddrV6, Vec<u8>)>,
    /// Told when they are.
    events: Vec<Event>,
    /// Whose addresses they are, to be told when they are not.
    addresses: Vec<(Ipv6Addr, Option<[u8; 6]>)>,
}

/// A message that is answered.
struct Asked<'a> {
    arrival: Arrival<'a>,
    relays: &'a Relays,
    message: &'a Message,
    client: Client<'a>,
    terms: Terms,
}

/// What an answer comes to.
struct Draft {
    kind: MessageType,
    options: Options,
    leases: Vec<Lease>,
    events: Vec<Event>,
    /// The association that the address kept for the machine goes to.
    favoured: Option<u32>,
}

/// A server of DHCPv6.
pub struct Server<P> {
    config: ServerConfig,
    policy: P,
    /// A moment, on both clocks.
    clock: (Instant, SystemTime),
    bindings: Bindings,
    waiting: BTreeMap<Ticket, Waiting>,
    last_ticket: u64,
    outputs: VecDeque<Output>,
}

impl<P: Policy> Server<P> {
    /// A server that answers by `policy`, and has given nothing yet; `system` is what the clock on the wall shows at `now`.
    pub fn new(now: Instant, system: SystemTime, config: ServerConfig, policy: P) -> Self {
        Self {
            config,
            policy,
            clock: (now, system),
            bindings: Bindings::default(),
            waiting: BTreeMap::new(),
            last_ticket: 0,
            outputs: VecDeque::new(),
        }
    }

    /// The policy, to be replaced or asked.
    pub fn policy_mut(&mut self) -> &mut P {
        &mut self.policy
    }

    /// Tells what the clock on the wall shows, which people may set.
    pub fn set_clock(&mut self, now: Instant, system: SystemTime) {
        self.clock = (now, system);
    }

    /// Takes a lease that was stored before. What is over, or was given back, is left out.
    pub fn restore(&mut self, lease: Lease) {
        if lease.ends <= self.clock.1 {
            return;
        }
        match lease.state {
            LeaseState::Bound => {
                let subnet = Group::Subnet(prefix_of(lease.address));
                let groups = std::iter::once(subnet).chain(lease.mac.map(Group::Mac)).collect();
                self.bindings.put(lease, groups);
            }
            LeaseState::Declined => self.set_aside(lease, &mut Vec::new()),
            LeaseState::Released | LeaseState::Expired => {}
        }
    }

    /// The leases in force and the addresses set aside, in no order.
    pub fn leases(&self) -> impl ExactSizeIterator<Item = &Lease> {
        self.bindings.leases()
    }

    /// Takes a lease back, for whoever answers for the network. Says whether there was one.
    pub fn take_back(&mut self, now: Instant, address: Ipv6Addr) -> bool {
        let Some(mut lease) = self.bindings.remove(address) else { return false };
        (lease.state, lease.ends) = (LeaseState::Released, self.system(now));
        self.store(InterfaceId::default(), None, vec![lease], Vec::new());
        true
    }

    /// Takes a datagram.
    pub fn receive(&mut self, now: Instant, arrival: Arrival<'_>) {
        let (relays, message) = match Relays::read(arrival.bytes) {
            Ok(read) => read,
            Err(error) => {
                let what = Happening::Malformed(error);
                let event = Event { mac: None, program: Program::System, what };
                return self.outputs.push_back(Output::Event(event));
            }
        };
        let named = message.options.get(code::SERVER_IDENTIFIER);
        if named.is_some_and(|named| named != self.config.identifier) {
            // Another server's business.
            return;
        }
        let identifier = message.options.get(code::CLIENT_IDENTIFIER).unwrap_or_default();
        // Who must name whom: RFC 8415, section 16.
        let has_name = !identifier.is_empty() && identifier.len() <= MAX_DUID;
        let fits = match message.kind {
            MessageType::Solicit | MessageType::Confirm | MessageType::Rebind => named.is_none() && has_name,
            MessageType::Request | MessageType::Renew | MessageType::Release | MessageType::Decline => {
                named.is_some() && has_name
            }
            MessageType::InformationRequest => {
                let wants = |code| message.options.get(code).is_some();
                let associates = [code::IA_NA, code::IA_TA, code::IA_PD].into_iter().any(wants);
                identifier.len() <= MAX_DUID && !associates
            }
            MessageType::Advertise | MessageType::Reply => false,
        };
        let client = Client::read((arrival.interface, arrival.source), &relays, &message, identifier);
        if !fits {
            let reason = "its identifiers or associations are not those that such a message has";
            return self.outputs.push_back(Output::Event(discarded(&client, reason)));
        }
        match self.policy.answer(&client) {
            Answer::Serve(terms) => {
                let asked = Asked { arrival, relays: &relays, message: &message, client, terms };
                self.answer(now, &asked);
            }
            Answer::Silent(reason) => {
                let what = Happening::Silent { message: message.kind, reason };
                self.outputs.push_back(Output::Event(event(&client, what)));
            }
        }
    }

    /// Lets time pass: leases end whose time has come.
    pub fn wake(&mut self, now: Instant) {
        let system = self.system(now);
        while let Some(address) = self.bindings.over(system) {
            let Some(lease) = self.bindings.remove(address) else { continue };
            if lease.state == LeaseState::Bound {
                let what = Happening::Expired(address);
                let event = Event { mac: lease.mac, program: Program::System, what };
                self.outputs.push_back(Output::Event(event));
            }
        }
    }

    /// When [`Server::wake`] has something to do.
    pub fn next_wake(&self) -> Option<Instant> {
        let next = self.bindings.next_end()?;
        Some(self.clock.0 + next.duration_since(self.clock.1).unwrap_or_default())
    }

    /// What is to be done next.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Tells what became of a request to store leases; the answer leaves now, or never.
    pub fn stored(&mut self, ticket: Ticket, result: Result<(), StoreFailed>) {
        let Some(waiting) = self.waiting.remove(&ticket) else { return };
        if result.is_ok() {
            if let Some((to, bytes)) = waiting.answer {
                self.outputs.push_back(Output::Send { interface: waiting.interface, to, bytes });
            }
            self.outputs.extend(waiting.events.into_iter().map(Output::Event));
            return;
        }
        // The addresses stay the client's, which asks again, and is told when it works.
        for (address, mac) in waiting.addresses {
            let what = Happening::NotStored(address);
            self.outputs.push_back(Output::Event(Event { mac, program: Program::System, what }));
        }
    }

    fn system(&self, now: Instant) -> SystemTime {
        self.clock.1 + now.saturating_duration_since(self.clock.0)
    }

    fn answer(&mut self, now: Instant, asked: &Asked<'_>) {
        let Asked { arrival, relays, message, client, .. } = asked;
        let Some(draft) = self.draft(now, asked) else { return };
        let mut options = Options::new();
        options.push(code::SERVER_IDENTIFIER, &self.config.identifier);
        if !client.identifier.is_empty() {
            options.push(code::CLIENT_IDENTIFIER, client.identifier);
        }
        for (code, value) in draft.options.iter() {
            options.push(code, value);
        }
        let reply = Message { kind: draft.kind, transaction: message.transaction, options };
        let mut to = arrival.source;
        to.set_port(if relays.is_empty() { CLIENT_PORT } else { SERVER_PORT });
        let answer = (to, relays.wrap(&reply));
        if draft.leases.is_empty() {
            let (to, bytes) = answer;
            self.outputs.push_back(Output::Send { interface: arrival.interface, to, bytes });
            self.outputs.extend(draft.events.into_iter().map(Output::Event));
        } else {
            self.store(arrival.interface, Some(answer), draft.leases, draft.events);
        }
    }

    fn store(
        &mut self,
        interface: InterfaceId,
        answer: Option<(SocketAddrV6, Vec<u8>)>,
        leases: Vec<Lease>,
        events: Vec<Event>,
    ) {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let addresses = leases.iter().map(|lease| (lease.address, lease.mac)).collect();
        self.waiting.insert(ticket, Waiting { interface, answer, events, addresses });
        self.outputs.push_back(Output::Store { ticket, leases });
    }

    /// What a message is answered; nothing where it is not.
    fn draft(&mut self, now: Instant, asked: &Asked<'_>) -> Option<Draft> {
        let (message, client) = (asked.message, &asked.client);
        let mut draft = Draft {
            kind: MessageType::Reply,
            options: Options::new(),
            leases: Vec::new(),
            events: Vec::new(),
            favoured: None,
        };
        if asked.relays.is_empty() && !asked.arrival.destination.is_multicast() {
            // Nobody is told to send here alone (RFC 8415, section 18.4): a client that does may leave its link unnoticed.
            if message.kind == MessageType::Solicit {
                draft.kind = MessageType::Advertise;
            }
            draft.options.push(code::STATUS_CODE, &status(USE_MULTICAST, "send to ff02::1:2"));
            draft.events.push(discarded(client, "it was sent to this server alone, not to all of the link"));
            return Some(draft);
        }
        match message.kind {
            MessageType::Confirm => {
                let (subnet, mut named) = (asked.terms.subnet?, associations(message));
                named.retain(|association| !association.addresses.is_empty());
                // Who names no address is not answered (RFC 8415, section 18.3.3).
                named.first()?;
                let mut addresses = named.iter().flat_map(|association| &association.addresses);
                let fits = addresses.all(|address| prefix_of(*address) == subnet);
                let told = if fits { (SUCCESS, "on this link") } else { (NOT_ON_LINK, "of another link") };
                draft.options.push(code::STATUS_CODE, &status(told.0, told.1));
                draft.events.push(event(client, Happening::Confirmed(fits)));
            }
            MessageType::Release | MessageType::Decline => self.leave(now, asked, &mut draft),
            MessageType::InformationRequest => {
                draft.events.push(event(client, Happening::Informed));
                write_parameters(message, client, &asked.terms, &mut draft.options);
            }
            _ => {
                let rapid = message.options.get(code::RAPID_COMMIT).is_some();
                let offers = message.kind == MessageType::Solicit && !rapid;
                if offers {
                    draft.kind = MessageType::Advertise;
                    draft.options.push(code::PREFERENCE, &[self.config.preference]);
                } else if message.kind == MessageType::Solicit {
                    draft.options.push(code::RAPID_COMMIT, &[]);
                }
                if !offers && self.waiting.len() >= MAX_WAITING {
                    return None;
                }
                let all = associations(message);
                draft.favoured = self.favoured(asked, &all);
                for association in all {
                    let value = self.associate(now, asked, &association, offers, &mut draft);
                    draft.options.push(code::IA_NA, &value);
                }
                refuse_others(message, &mut draft.options);
                write_parameters(message, client, &asked.terms, &mut draft.options);
            }
        }
        Some(draft)
    }

    /// What an association is answered; what it is given goes into the draft.
    fn associate(
        &mut self,
        now: Instant,
        asked: &Asked<'_>,
        association: &Association,
        offers: bool,
        draft: &mut Draft,
    ) -> Vec<u8> {
        let (client, kind) = (&asked.client, asked.message.kind);
        let mut refused = |code, reason| {
            draft.events.push(event(client, Happening::NoAddress { message: kind, reason }));
            association.without(code, reason)
        };
        let renews = matches!(kind, MessageType::Renew | MessageType::Rebind);
        let Some(subnet) = asked.terms.subnet else {
            let code = if renews { NO_BINDING } else { NO_ADDRESSES };
            return refused(code, "no addresses are given here");
        };
        let off_link = association.addresses.iter().any(|address| prefix_of(*address) != subnet);
        if kind == MessageType::Request && off_link {
            return refused(NOT_ON_LINK, "the address is of another link");
        }
        let owner = Owner { identifier: client.identifier, association: association.number };
        let favoured = draft.favoured == Some(association.number);
        let kept = asked.terms.kept.filter(|kept| favoured && prefix_of(*kept) == subnet);
        let given = kept.filter(|kept| self.bindings.is_free_for(*kept, owner, client.mac));
        let derived = || self.bindings.address(subnet, owner, |address| self.policy.is_kept(address));
        let Some(address) = given.or_else(derived) else {
            return refused(NO_ADDRESSES, "all addresses that it may have are in use");
        };
        let had = self.bindings.is_of(address, owner);
        let groups = self.groups(asked, subnet);
        // Nobody who makes up names keeps a machine out of its own address.
        if !had
            && given.is_none()
            && let Err(reason) = self.has_room(asked, &groups)
        {
            return refused(NO_ADDRESSES, reason);
        }
        let lifetime = asked.terms.lifetime.max(Duration::from_secs(1));
        if offers {
            draft.events.push(event(client, Happening::Offered(address)));
        } else {
            let begins = self.system(now);
            let lease = Lease {
                address,
                identifier: client.identifier.into(),
                association: association.number,
                mac: client.mac,
                state: LeaseState::Bound,
                begins,
                ends: begins + lifetime,
            };
            self.bindings.put(lease.clone(), groups);
            draft.leases.push(lease);
            if let Some(kept) = kept.filter(|_| given.is_none()) {
                draft.events.push(event(client, Happening::KeptElsewhere { kept, given: address }));
            }
            draft.events.push(event(client, Happening::Bound { address, renewed: had && renews }));
        }
        association.with(address, lifetime, renews)
    }

    /// The association of several that the address kept for the machine goes to: the one that has it, or else the first.
    fn favoured(&self, asked: &Asked<'_>, all: &[Association]) -> Option<u32> {
        let kept = asked.terms.kept?;
        let identifier = asked.client.identifier;
        let has =
            |one: &&Association| self.bindings.is_of(kept, Owner { identifier, association: one.number });
        all.iter().find(has).or(all.first()).map(|one| one.number)
    }

    /// What an address of this client counts for.
    fn groups(&self, asked: &Asked<'_>, subnet: Ipv6Addr) -> Vec<Group> {
        let source = match asked.relays.nearest() {
            None => Some(Group::Source(*asked.arrival.source.ip())),
            Some(_) => asked.relays.circuit().map(Group::Circuit),
        };
        let all = [Some(Group::Subnet(subnet)), source, asked.client.mac.map(Group::Mac)];
        all.into_iter().flatten().collect()
    }

    fn has_room(&self, asked: &Asked<'_>, groups: &[Group]) -> Result<(), &'static str> {
        let config = &self.config;
        for group in groups {
            let (limit, reason) = match group {
                // Strangers who made up names keep nobody out whom the owner knows.
                Group::Subnet(_) if asked.terms.is_known => continue,
                Group::Subnet(_) => {
                    (config.addresses_per_subnet, "strangers hold as many addresses here as they may")
                }
                Group::Circuit(_) | Group::Source(_) => (
                    config.addresses_per_source,
                    "its port, or its address, holds as many addresses as it may",
                ),
                Group::Mac(_) => {
                    (config.addresses_per_mac, "its hardware address holds as many addresses as it may")
                }
            };
            if self.bindings.held(*group) >= limit {
                return Err(reason);
            }
        }
        Ok(())
    }

    /// A client gives addresses back, or found them in use.
    fn leave(&mut self, now: Instant, asked: &Asked<'_>, draft: &mut Draft) {
        let (client, declines) = (&asked.client, asked.message.kind == MessageType::Decline);
        for association in associations(asked.message) {
            let owner = Owner { identifier: client.identifier, association: association.number };
            let mut found = false;
            for address in &association.addresses {
                if !self.bindings.is_of(*address, owner) {
                    continue;
                }
                found = true;
                let Some(mut lease) = self.bindings.remove(*address) else { continue };
                lease.begins = self.system(now);
                if declines {
                    lease.state = LeaseState::Declined;
                    lease.ends = lease.begins + self.config.decline_hold;
                    self.set_aside(lease.clone(), &mut draft.leases);
                    draft.events.push(event(client, Happening::Declined(*address)));
                } else {
                    (lease.state, lease.ends) = (LeaseState::Released, lease.begins);
                    draft.events.push(event(client, Happening::Released(*address)));
                }
                draft.leases.push(lease);
            }
            if !found {
                let value = association.without(NO_BINDING, "not an address of yours");
                draft.options.push(code::IA_NA, &value);
            }
        }
        draft.options.push(code::STATUS_CODE, &status(SUCCESS, "done"));
    }

    /// Sets an address aside; the one that was first is free again where there are too many, which is stored, too.
    fn set_aside(&mut self, lease: Lease, leases: &mut Vec<Lease>) {
        if let Some(first) = self.bindings.overdue_aside(lease.address, self.config.most_set_aside)
            && let Some(mut first) = self.bindings.remove(first)
        {
            (first.state, first.ends) = (LeaseState::Released, lease.begins);
            leases.push(first);
        }
        self.bindings.put(lease, Vec::new());
    }
}

/// The associations of a message that can be read, and no number twice.
fn associations(message: &Message) -> Vec<Association> {
    let mut all: Vec<Association> = Vec::new();
    for association in message.options.all(code::IA_NA).filter_map(Association::read) {
        if all.len() < MAX_ASSOCIATIONS && all.iter().all(|other| other.number != association.number) {
            all.push(association);
        }
    }
    all
}

fn discarded(client: &Client<'_>, reason: &'static str) -> Event {
    event(client, Happening::Discarded { message: client.message, reason })
}

fn event(client: &Client<'_>, what: Happening) -> Event {
    Event { mac: client.mac, program: client.program, what }
}
