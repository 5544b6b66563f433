//! DHCPv6 over time: no address is two clients', what a client was told is stored, what was stored is kept, and nobody takes
//! all there is.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ironhand_dhcp::v6::{
    Answer, Arrival, Client, Event, Happening, Lease, Message, MessageType, Options, Output, Policy, Server,
    ServerConfig, Terms, Ticket, code,
};
use ironhand_dhcp::{InterfaceId, LeaseState, StoreFailed};
use proptest::prelude::*;

const SUBNET: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0);
const SERVER: &[u8] = b"\0\x03\0\x01\x02\0\0\0\0\x01";
const LIFETIME: Duration = Duration::from_secs(100);

/// Everybody has an address; the owner knows those whose hardware address ends in 0.
struct Everybody;

impl Policy for Everybody {
    fn answer(&self, client: &Client<'_>) -> Answer {
        Answer::Serve(Terms {
            subnet: Some(SUBNET),
            is_known: client.mac.is_some_and(|mac| mac[5] == 0),
            lifetime: LIFETIME,
            options: Options::new(),
            boot: None,
        })
    }
}

/// A server, and the disk that its leases are stored on.
struct World {
    server: Server<Everybody>,
    begin: Instant,
    now: Instant,
    disk: BTreeMap<Ipv6Addr, Lease>,
    config: ServerConfig,
}

/// What came of a message.
#[derive(Default)]
struct Came {
    replies: Vec<Message>,
    events: Vec<Event>,
    stores: Vec<(Ticket, Vec<Lease>)>,
}

impl World {
    fn new(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig::new(SERVER.to_vec());
        change(&mut config);
        let now = Instant::now();
        let server = Server::new(now, UNIX_EPOCH, config.clone(), Everybody);
        Self { server, begin: now, now, disk: BTreeMap::new(), config }
    }

    fn time(&self) -> SystemTime {
        UNIX_EPOCH + (self.now - self.begin)
    }

    /// Takes what the server wants done, and does none of it.
    fn drain(&mut self) -> Came {
        let mut came = Came::default();
        while let Some(output) = self.server.next_output() {
            match output {
                Output::Send { bytes, .. } => came.replies.push(Message::decode(&bytes).expect("a message")),
                Output::Store { ticket, leases } => came.stores.push((ticket, leases)),
                Output::Event(event) => came.events.push(event),
            }
        }
        came
    }

    /// What comes of a message of a client; leases are stored, if the disk works.
    fn ask(&mut self, message: &Message, source: u16, disk_works: bool) -> Came {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        let source = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, source), 546, 0, 2);
        self.server.receive(self.now, Arrival { interface: InterfaceId(2), source, bytes: &bytes });
        let mut came = self.drain();
        for (ticket, leases) in std::mem::take(&mut came.stores) {
            assert!(came.replies.is_empty(), "it is answered before its lease is stored");
            if disk_works {
                self.disk.extend(leases.into_iter().map(|lease| (lease.address, lease)));
            }
            self.server.stored(ticket, if disk_works { Ok(()) } else { Err(StoreFailed) });
        }
        let after = self.drain();
        came.replies.extend(after.replies);
        came.events.extend(after.events);
        came
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.server.wake(self.now);
    }

    /// The process is killed, and another one begins with what is on the disk.
    fn restart(&mut self) {
        self.server = Server::new(self.now, self.time(), self.config.clone(), Everybody);
        self.disk.values().for_each(|lease| self.server.restore(lease.clone()));
    }
}

fn message(kind: MessageType, client: u8, association: u32, addresses: &[Ipv6Addr]) -> Message {
    let mut options = Options::new();
    options.push(code::CLIENT_IDENTIFIER, &[0, 3, 0, 1, 2, 0, 0, 0, 0, client]);
    if !matches!(kind, MessageType::Solicit | MessageType::Rebind | MessageType::Confirm) {
        options.push(code::SERVER_IDENTIFIER, SERVER);
    }
    let mut value = [association, 0, 0].map(u32::to_be_bytes).concat();
    let mut inner = Options::new();
    for address in addresses {
        inner.push(code::IA_ADDRESS, &[&address.octets()[..], &[0; 8]].concat());
    }
    inner.encode(&mut value);
    options.push(code::IA_NA, &value);
    Message { kind, transaction: 7, options }
}

/// The addresses of an answer with their lifetimes, and the status within its association.
fn given(reply: &Message) -> (Vec<(Ipv6Addr, u32)>, Option<u16>) {
    let value = reply.options.get(code::IA_NA).expect("there is an association");
    let inner = Options::decode(&value[12..]).expect("it holds options");
    let read = |value: &[u8]| {
        let octets = *value.first_chunk::<16>().expect("an address");
        let valid = *value[20..].first_chunk::<4>().expect("a lifetime");
        (Ipv6Addr::from(octets), u32::from_be_bytes(valid))
    };
    let status = inner.get(code::STATUS_CODE).and_then(|value| value.first_chunk::<2>().copied());
    (inner.all(code::IA_ADDRESS).map(read).collect(), status.map(u16::from_be_bytes))
}

/// Takes an address for a client.
#[track_caller]
fn take(world: &mut World, client: u8) -> Ipv6Addr {
    let came = world.ask(&message(MessageType::Request, client, 1, &[]), client.into(), true);
    let (addresses, status) = given(&came.replies[0]);
    assert_eq!((addresses.len(), status), (1, None));
    addresses[0].0
}

#[test]
fn a_lease_lives_and_ends() {
    let mut world = World::new(|_| {});
    let offered = world.ask(&message(MessageType::Solicit, 1, 1, &[]), 1, true);
    assert!(world.disk.is_empty(), "an offer is kept nowhere");
    let address = take(&mut world, 1);
    assert_eq!(given(&offered.replies[0]).0[0].0, address);
    assert_eq!(world.disk[&address].ends, UNIX_EPOCH + LIFETIME);
    world.pass(Duration::from_secs(50));
    for kind in [MessageType::Renew, MessageType::Rebind] {
        let came = world.ask(&message(kind, 1, 1, &[address]), 1, true);
        assert_eq!(given(&came.replies[0]), (vec![(address, 100)], None));
        assert!(came.events.iter().any(|event| event.what == Happening::Bound { address, renewed: true }));
    }
    assert_eq!(world.disk[&address].ends, UNIX_EPOCH + Duration::from_secs(150));
    assert_eq!(world.server.next_wake(), Some(world.begin + Duration::from_secs(150)));
    world.pass(Duration::from_secs(100));
    assert!(world.drain().events.iter().any(|event| event.what == Happening::Expired(address)));
    assert_eq!((world.server.leases().len(), world.server.next_wake()), (0, None));
    assert_eq!(take(&mut world, 1), address, "who comes back has the same address");
}

#[test]
fn what_is_given_back_or_found_in_use_is_kept_so() {
    let mut world = World::new(|_| {});
    let address = take(&mut world, 1);
    // Somebody else's address cannot be given back or declined.
    for kind in [MessageType::Release, MessageType::Decline] {
        let came = world.ask(&message(kind, 2, 1, &[address]), 2, true);
        assert_eq!(given(&came.replies[0]), (Vec::new(), Some(3)));
        assert_eq!(world.disk[&address].state, LeaseState::Bound);
    }
    let came = world.ask(&message(MessageType::Decline, 1, 1, &[address]), 1, true);
    assert!(came.replies[0].options.get(code::STATUS_CODE).is_some_and(|status| status.starts_with(&[0, 0])));
    let another = take(&mut world, 1);
    assert_ne!(another, address, "an address in use is given to nobody");
    let came = world.ask(&message(MessageType::Release, 1, 1, &[another]), 1, true);
    assert!(came.events.iter().any(|event| event.what == Happening::Released(another)));
    assert_eq!(world.disk[&another].state, LeaseState::Released);
    world.restart();
    assert_eq!(world.server.leases().map(|lease| lease.state).collect::<Vec<_>>(), [LeaseState::Declined]);
    world.pass(Duration::from_secs(3600));
    assert_eq!(take(&mut world, 1), address, "it is free again after an hour");
}

#[test]
fn addresses_of_another_link_are_told_apart() {
    let mut world = World::new(|_| {});
    let (address, far) = (take(&mut world, 1), Ipv6Addr::new(0x2001, 0xdb8, 8, 0, 0, 0, 0, 1));
    let came = world.ask(&message(MessageType::Request, 1, 1, &[far]), 1, true);
    assert_eq!(given(&came.replies[0]), (Vec::new(), Some(4)));
    let came = world.ask(&message(MessageType::Rebind, 1, 1, &[far]), 1, true);
    assert_eq!(given(&came.replies[0]).0, [(address, 100), (far, 0)]);
    let unnamed = world.ask(&message(MessageType::Confirm, 1, 1, &[]), 1, true);
    assert!(unnamed.replies.is_empty(), "who names no address is not answered");
}

#[test]
fn prefixes_and_temporary_addresses_are_refused_in_words_of_their_own() {
    let mut world = World::new(|_| {});
    let mut solicit = message(MessageType::Solicit, 1, 1, &[]);
    solicit
        .options
        .push(code::IA_PD, &[[0, 0, 0, 9], [0; 4], [0; 4]].concat())
        .push(code::IA_TA, &[0, 0, 0, 8]);
    let came = world.ask(&solicit, 1, true);
    for (option, begin) in
        [(code::IA_PD, &[0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0][..]), (code::IA_TA, &[0, 0, 0, 8])]
    {
        let value = came.replies[0].options.get(option).expect("it is answered");
        let inner = value.strip_prefix(begin).and_then(Options::decode).expect("it holds options");
        assert!(inner.get(code::STATUS_CODE).is_some_and(|status| [2, 6].contains(&status[1])));
    }
}

#[test]
fn who_makes_up_names_takes_not_everything() {
    let limits = |config: &mut ServerConfig| {
        config.addresses_per_subnet = 3;
        config.addresses_per_source = 2;
        config.addresses_per_mac = 1;
    };
    let mut world = World::new(limits);
    let mut asks = |client: u8, association: u32, source: u16| {
        let came = world.ask(&message(MessageType::Request, client, association, &[]), source, true);
        let (addresses, status) = given(&came.replies[0]);
        assert_eq!(addresses.is_empty(), status == Some(2));
        !addresses.is_empty()
    };
    assert!(asks(1, 1, 1));
    assert!(!asks(1, 2, 1), "one hardware address has one");
    assert!(asks(2, 1, 1));
    assert!(!asks(3, 1, 1), "one address on the link has two");
    assert!(asks(3, 1, 2));
    assert!(!asks(4, 1, 3), "strangers have three");
    assert!(asks(0, 1, 3), "whom the owner knows has one all the same");
    assert!(asks(1, 1, 1), "who has one keeps it");
}

#[test]
fn nobody_is_told_of_a_lease_that_is_not_stored() {
    let mut world = World::new(|_| {});
    let came = world.ask(&message(MessageType::Request, 1, 1, &[]), 1, false);
    assert!(came.replies.is_empty());
    assert!(matches!(came.events[..], [Event { what: Happening::NotStored(_), .. }]), "{:?}", came.events);
    take(&mut world, 1);
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Ask { kind: u8, client: u8, association: u32, disk_works: bool },
    Pass(u16),
    Kill,
    TakeBack(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let ask = (0_u8..6, 0_u8..6, 0_u32..3, prop::bool::weighted(0.9)).prop_map(
        |(kind, client, association, disk_works)| Step::Ask { kind, client, association, disk_works },
    );
    prop_oneof![8 => ask, 2 => (0_u16..80).prop_map(Step::Pass), 1 => Just(Step::Kill), 1 => (0_u8..6).prop_map(Step::TakeBack)]
}

proptest! {
    #[test]
    fn no_address_is_given_twice_and_no_lease_is_lost(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new(|config| config.most_set_aside = 3);
        // Who was told that an address is theirs, and until when.
        let mut told: HashMap<Ipv6Addr, ((u8, u32), SystemTime)> = HashMap::new();
        for step in steps {
            match step {
                Step::Ask { kind, client, association, disk_works } => {
                    let kinds = [
                        MessageType::Solicit, MessageType::Request, MessageType::Renew, MessageType::Rebind,
                        MessageType::Release, MessageType::Decline,
                    ];
                    let kind = kinds[usize::from(kind)];
                    let who = (client, association);
                    let named: Vec<_> =
                        told.iter().filter(|(_, (owner, _))| *owner == who).map(|(address, _)| *address).collect();
                    let leaves = matches!(kind, MessageType::Release | MessageType::Decline);
                    let came = world.ask(&message(kind, client, association, &named), client.into(), disk_works);
                    if leaves {
                        // Who gives an address back uses it no more, whether or not it is heard.
                        told.retain(|_, (owner, _)| *owner != who);
                    }
                    for reply in came.replies.iter().filter(|reply| reply.kind == MessageType::Reply && !leaves) {
                        for (address, seconds) in given(reply).0 {
                            if seconds == 0 {
                                told.remove(&address);
                                continue;
                            }
                            if let Some((owner, until)) = told.get(&address) {
                                prop_assert!(*owner == who || *until <= world.time(), "{} is given twice", address);
                            }
                            let lease = &world.disk[&address];
                            prop_assert_eq!(lease.state, LeaseState::Bound);
                            prop_assert_eq!(lease.ends, world.time() + LIFETIME);
                            told.insert(address, (who, lease.ends));
                        }
                    }
                }
                Step::Pass(seconds) => world.pass(Duration::from_secs(seconds.into())),
                Step::Kill => world.restart(),
                Step::TakeBack(client) => {
                    let address = told.iter().find(|(_, (owner, _))| owner.0 == client).map(|(address, _)| *address);
                    if let Some(address) = address {
                        world.server.take_back(world.now, address);
                        for (ticket, leases) in world.drain().stores {
                            world.disk.extend(leases.into_iter().map(|lease| (lease.address, lease)));
                            world.server.stored(ticket, Ok(()));
                        }
                        told.remove(&address);
                    }
                }
            }
            world.server.wake(world.now);
            world.drain();
            let now = world.time();
            told.retain(|_, (_, until)| *until > now);
            // Whatever a client was told is known, and was known before a kill.
            for (address, ((client, association), _)) in &told {
                let lease = world.server.leases().find(|lease| lease.address == *address);
                prop_assert!(
                    lease.is_some_and(|lease| lease.identifier[9] == *client && lease.association == *association),
                    "the lease of {} is lost", address
                );
            }
            prop_assert!(world.server.leases().filter(|lease| lease.state == LeaseState::Declined).count() <= 3);
        }
    }
}
