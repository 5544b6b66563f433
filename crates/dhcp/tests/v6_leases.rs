//! DHCPv6 over time: no address is two clients', what a client was told is stored, what was stored is kept, and nobody takes
//! all there is.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ironhand_dhcp::v6::{
    ALL_AGENTS, Answer, Arrival, Client, Event, Happening, Lease, Message, MessageType, Options, Output,
    Policy, Server, ServerConfig, Terms, Ticket, code,
};
use ironhand_dhcp::{InterfaceId, LeaseState, StoreFailed};
use proptest::prelude::*;

const SUBNET: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0);
const SERVER: &[u8] = b"\0\x03\0\x01\x02\0\0\0\0\x01";
const LIFETIME: Duration = Duration::from_secs(100);

/// Everybody has an address; the owner knows those whose hardware address ends in 0, and keeps addresses for some, by the last
/// byte of their hardware address.
#[derive(Clone, Default)]
struct Everybody {
    kept: Rc<RefCell<BTreeMap<u8, Ipv6Addr>>>,
}

impl Policy for Everybody {
    fn answer(&self, client: &Client<'_>) -> Answer {
        Answer::Serve(Terms {
            subnet: Some(SUBNET),
            kept: client.mac.and_then(|mac| self.kept.borrow().get(&mac[5]).copied()),
            is_known: client.mac.is_some_and(|mac| mac[5] == 0),
            lifetime: LIFETIME,
            options: Options::new(),
            boot: None,
        })
    }

    fn is_kept(&self, address: Ipv6Addr) -> bool {
        self.kept.borrow().values().any(|kept| *kept == address)
    }
}

/// A server, and the disk that its leases are stored on.
struct World {
    server: Server<Everybody>,
    begin: Instant,
    now: Instant,
    disk: BTreeMap<Ipv6Addr, Lease>,
    config: ServerConfig,
    policy: Everybody,
    /// All addresses that were kept for somebody at some time.
    once_kept: BTreeSet<Ipv6Addr>,
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
        let (now, policy) = (Instant::now(), Everybody::default());
        let server = Server::new(now, UNIX_EPOCH, config.clone(), policy.clone());
        Self { server, begin: now, now, disk: BTreeMap::new(), config, policy, once_kept: BTreeSet::new() }
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
        self.server.receive(
            self.now,
            Arrival { interface: InterfaceId(2), source, destination: ALL_AGENTS, bytes: &bytes },
        );
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

    /// An address is kept for a client from now on, and for nobody else.
    fn keep(&mut self, client: u8, address: Ipv6Addr) {
        let mut kept = self.policy.kept.borrow_mut();
        kept.retain(|_, other| *other != address);
        kept.insert(client, address);
        self.once_kept.insert(address);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.server.wake(self.now);
    }

    /// The process is killed, and another one begins with what is on the disk.
    fn restart(&mut self) {
        self.server = Server::new(self.now, self.time(), self.config.clone(), self.policy.clone());
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

/// A message of another program of a client: its hardware address is the same, its identifier is not.
fn of_program(kind: MessageType, client: u8, program: u8, addresses: &[Ipv6Addr]) -> Message {
    let mut message = message(kind, client, 1, addresses);
    let mut options = Options::new();
    for (code, value) in message.options.iter() {
        let dated = [&[0, 1, 0, 1, 0, 0, 0, program, 2, 0, 0, 0, 0], &[client][..]].concat();
        options.push(code, if code == code::CLIENT_IDENTIFIER { &dated } else { value });
    }
    message.options = options;
    message
}

#[test]
fn an_address_that_is_kept_goes_to_each_program_of_its_machine_and_to_nobody_else() {
    let mut world = World::new(|config| config.addresses_per_source = 0);
    let kept = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0x20);
    world.keep(1, kept);
    let given_to = |world: &mut World, message: &Message| {
        let came = world.ask(message, 1, true);
        let elsewhere = came.events.iter().any(|event| matches!(event.what, Happening::KeptElsewhere { .. }));
        (given(&came.replies[0]).0, elsewhere)
    };
    // Firmware, loader and system, one after the other; that the port of the switch has as many as it may is nothing to it.
    for (kind, program) in [
        (MessageType::Solicit, 1),
        (MessageType::Request, 1),
        (MessageType::Request, 2),
        (MessageType::Rebind, 2),
    ] {
        let message = of_program(kind, 1, program, &[]);
        assert_eq!(given_to(&mut world, &message), (vec![(kept, 100)], false), "{kind:?} {program}");
    }
    assert_eq!(world.server.leases().len(), 1);
    // The first is no longer whose it is, and has it again as soon as it asks.
    let release = of_program(MessageType::Release, 1, 1, &[kept]);
    assert_eq!(given(&world.ask(&release, 1, true).replies[0]), (Vec::new(), Some(3)));
    let renew = of_program(MessageType::Renew, 1, 1, &[kept]);
    assert_eq!(given_to(&mut world, &renew), (vec![(kept, 100)], false));
    world.restart();
    assert_eq!(given_to(&mut world, &renew), (vec![(kept, 100)], false));
    // Once it was found in use, another one is given until the hour is over.
    world.config.addresses_per_source = 9;
    world.restart();
    world.ask(&of_program(MessageType::Decline, 1, 1, &[kept]), 1, true);
    let request = of_program(MessageType::Request, 1, 1, &[]);
    let (addresses, elsewhere) = given_to(&mut world, &request);
    assert!(elsewhere && addresses.len() == 1 && addresses[0].0 != kept, "{addresses:?}");
    world.pass(Duration::from_secs(3600));
    assert_eq!(given_to(&mut world, &request), (vec![(kept, 100)], false));
}

#[test]
fn of_several_associations_one_has_the_address_that_is_kept() {
    let mut world = World::new(|_| {});
    let kept = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0x20);
    world.keep(1, kept);
    let all = |message: &Message| -> Vec<Ipv6Addr> {
        let values = message.options.all(code::IA_NA).filter_map(|value| Options::decode(&value[12..]));
        let address = |inner: Options| inner.get(code::IA_ADDRESS)?.first_chunk::<16>().copied();
        values.filter_map(address).map(Ipv6Addr::from).collect()
    };
    for kind in [MessageType::Solicit, MessageType::Request, MessageType::Renew] {
        let mut message = message(kind, 1, 2, &[]);
        message.options.push(code::IA_NA, &[5_u32, 0, 0].map(u32::to_be_bytes).concat());
        let addresses = all(&world.ask(&message, 1, true).replies[0]);
        assert!(addresses.len() == 2 && addresses[0] == kept && addresses[1] != kept, "{addresses:?}");
    }
    // It stays with the one that has it, in whichever order they ask.
    let mut message = message(MessageType::Rebind, 1, 5, &[]);
    message.options.push(code::IA_NA, &[2_u32, 0, 0].map(u32::to_be_bytes).concat());
    assert_eq!(all(&world.ask(&message, 1, true).replies[0])[1], kept);
}

#[test]
fn an_address_that_somebody_has_already_is_its_machines_when_that_lease_has_ended() {
    let mut world = World::new(|_| {});
    let kept = take(&mut world, 2);
    world.keep(1, kept);
    let other = take(&mut world, 1);
    assert_ne!(other, kept, "somebody else has it");
    // Who has it from before is not given it for longer, and told so.
    let came = world.ask(&message(MessageType::Renew, 2, 1, &[kept]), 2, true);
    let (addresses, _) = given(&came.replies[0]);
    assert!(addresses.len() == 2 && addresses[0].0 != kept && addresses[1] == (kept, 0), "{addresses:?}");
    assert_ne!(take(&mut world, 1), kept, "what was promised holds");
    world.pass(LIFETIME);
    let came = world.ask(&message(MessageType::Renew, 1, 1, &[other]), 1, true);
    assert_eq!(given(&came.replies[0]).0, [(kept, 100), (other, 0)]);
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Ask {
        kind: u8,
        client: u8,
        association: u32,
        disk_works: bool,
    },
    Pass(u16),
    Kill,
    TakeBack(u8),
    /// An address of another client, or one beside the pool, is kept for a client from now on.
    Keep {
        client: u8,
        of: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let ask = (0_u8..6, 0_u8..6, 0_u32..3, prop::bool::weighted(0.9)).prop_map(
        |(kind, client, association, disk_works)| Step::Ask { kind, client, association, disk_works },
    );
    let keep = (0_u8..6, 0_u8..8).prop_map(|(client, of)| Step::Keep { client, of });
    prop_oneof![8 => ask, 2 => (0_u16..80).prop_map(Step::Pass), 1 => Just(Step::Kill), 1 => (0_u8..6).prop_map(Step::TakeBack), 1 => keep]
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
                                // The association that had an address kept for the machine before runs no more.
                                let hands_on = world.policy.kept.borrow().get(&client) == Some(&address) && owner.0 == client;
                                prop_assert!(*owner == who || hands_on || *until <= world.time(), "{} is given twice", address);
                            }
                            let keeper = world.policy.kept.borrow().iter().find(|(_, kept)| **kept == address).map(|(keeper, _)| *keeper);
                            prop_assert!(keeper.is_none_or(|keeper| keeper == client), "{} is kept for {:?}", address, keeper);
                            let lease = &world.disk[&address];
                            prop_assert_eq!(lease.state, LeaseState::Bound);
                            prop_assert_eq!(lease.ends, world.time() + LIFETIME);
                            told.insert(address, (who, lease.ends));
                        }
                    }
                }
                Step::Pass(seconds) => world.pass(Duration::from_secs(seconds.into())),
                Step::Kill => world.restart(),
                Step::Keep { client, of } => {
                    let beside = Ipv6Addr::from_bits(SUBNET.to_bits() + 0x20 + u128::from(of));
                    let address = told.iter().find(|(_, (owner, _))| owner.0 == of).map_or(beside, |(address, _)| *address);
                    world.keep(client, address);
                }
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
                // One that was kept for its machine is handed on within it, also where the next association is not told, as the
                // disk fails.
                let handed_on = world.once_kept.contains(address);
                let is_whose = |lease: &Lease| lease.association == *association || handed_on;
                prop_assert!(
                    lease.is_some_and(|lease| lease.identifier[9] == *client && is_whose(lease)),
                    "the lease of {} is lost", address
                );
            }
            prop_assert!(world.server.leases().filter(|lease| lease.state == LeaseState::Declined).count() <= 3);
        }
    }
}
