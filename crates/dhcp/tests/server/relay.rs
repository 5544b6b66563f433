//! Relays, several subnets, and where answers go (rules D1 and D2; RFC 3046, 3527 and 5107).

use std::net::{Ipv4Addr, SocketAddrV4};

use ironhand_dhcp::{
    Answer, BROADCAST, Destination, HardwareAddress, Message, MessageType, ServerConfig, Silence, Subnet,
    SubnetId, Terms, code,
};

use crate::bench::{Bench, Machine, NET, SERVER, pooled, subnet, subnet_of};

const RELAY: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
const FAR: SubnetId = SubnetId(7);

fn far() -> Subnet {
    Subnet {
        id: FAR,
        network: Ipv4Addr::new(10, 1, 0, 0),
        pools: vec![Ipv4Addr::new(10, 1, 0, 10)..=Ipv4Addr::new(10, 1, 0, 20)],
        ..subnet()
    }
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.server.set_subnets(vec![subnet(), far()]);
    bench.rule(|client| Answer::Serve(Terms { subnet: client.subnet, ..pooled() }));
    bench
}

fn relayed(message: Message, information: &[u8]) -> Message {
    let mut message = Message { giaddr: RELAY, hops: 1, ..message };
    message.options.set(code::RELAY_AGENT_INFORMATION, information);
    message
}

#[test]
fn d2_a_relay_is_answered_with_its_own_subnet_and_its_own_words_last() {
    let mut bench = bench();
    let information = [1, 4, b'p', b'o', b'r', b't', 2, 2, 9, 9, 151, 3, 0, 1, 2];
    bench.receive(&relayed(Machine(1).discover(), &information));
    assert_eq!(bench.sent[0].to, Destination::Unicast(SocketAddrV4::new(RELAY, 67)));
    let offer = bench.answer();
    assert_eq!(offer.yiaddr, Ipv4Addr::new(10, 1, 0, 10));
    assert_eq!(offer.giaddr, RELAY);
    assert_eq!(offer.options.iter().last(), Some((code::RELAY_AGENT_INFORMATION, &information[..])));

    // A NAK goes to the relay, too, and is to be broadcast by it.
    bench.receive(&relayed(Machine(1).remembers(Ipv4Addr::new(10, 0, 0, 100)), &information));
    let nak = bench.answer();
    assert_eq!((nak.message_type(), nak.flags), (Some(MessageType::Nak), BROADCAST));
}

#[test]
fn d2_a_relay_that_stands_elsewhere_speaks_for_the_subnet_that_names_it() {
    let mut bench = bench();
    let elsewhere = Ipv4Addr::new(172, 16, 0, 1);
    bench.server.set_subnets(vec![subnet(), Subnet { relays: vec![elsewhere], ..far() }]);
    let message = Message { giaddr: elsewhere, hops: 1, ..Machine(1).discover() };
    bench.receive(&message);
    assert_eq!(bench.sent[0].to, Destination::Unicast(SocketAddrV4::new(elsewhere, 67)));
    assert_eq!(bench.answer().yiaddr, Ipv4Addr::new(10, 1, 0, 10));
    // What the relay says of the link counts more.
    bench.receive(&relayed(Message { giaddr: elsewhere, ..Machine(2).discover() }, &[5, 4, 10, 0, 0, 0]));
    assert_eq!(bench.answer().yiaddr, Ipv4Addr::new(10, 0, 0, 100));
}

#[test]
fn d2_a_relay_of_no_known_subnet_is_not_answered() {
    let mut bench = bench();
    let message = Message { giaddr: Ipv4Addr::new(172, 16, 0, 1), ..Machine(1).discover() };
    bench.receive(&message);
    assert_eq!(bench.silence(), Silence::NoSubnet(message.giaddr));
    assert_eq!(bench.server.counters().silent, 1);
}

#[test]
fn a_relay_selects_another_link_and_names_itself_as_the_server() {
    let mut bench = bench();
    let named = Ipv4Addr::new(10, 1, 0, 254);
    let information = [5, 4, 10, 1, 0, 0, 11, 4, 10, 1, 0, 254];
    let discover =
        Message { giaddr: Ipv4Addr::new(192, 0, 2, 1), ..relayed(Machine(1).discover(), &information) };
    bench.receive(&discover);
    let offer = bench.answer();
    assert_eq!(offer.yiaddr, Ipv4Addr::new(10, 1, 0, 10));
    assert_eq!(offer.options.address(code::SERVER_IDENTIFIER), Some(named));
    let takes = Message { giaddr: discover.giaddr, ..relayed(Machine(1).takes(&offer), &information) };
    bench.receive(&takes);
    assert_eq!(bench.answer().message_type(), Some(MessageType::Ack));
}

#[test]
fn a_machine_behind_a_relay_renews_directly() {
    let mut bench = bench();
    bench.receive(&relayed(Machine(1).discover(), &[]));
    let offer = bench.answer();
    bench.receive(&relayed(Machine(1).takes(&offer), &[]));
    bench.answer();
    bench.receive(&Machine(1).renews(offer.yiaddr));
    assert_eq!(bench.sent[0].to, Destination::Unicast(SocketAddrV4::new(offer.yiaddr, 68)));
    assert_eq!(bench.answer().yiaddr, offer.yiaddr);
}

#[test]
fn d1_an_answer_goes_by_frame_or_by_broadcast_as_the_client_asks() {
    let mut bench = Bench::new();
    bench.receive(&Machine(1).discover());
    let mac = Machine(1).mac();
    assert!(
        matches!(bench.sent[0].to, Destination::Hardware { mac: to, address } if to == mac && address.port() == 68)
    );
    assert_eq!(bench.sent.remove(0).from, SocketAddrV4::new(SERVER, 67));
    bench.receive(&Message { flags: BROADCAST, ..Machine(1).discover() });
    assert_eq!(bench.sent[0].to, Destination::Broadcast);
    assert_eq!(bench.answer().flags, BROADCAST);
}

#[test]
fn o5_long_and_missing_hardware_addresses_are_served_by_broadcast() {
    let mut bench = Bench::new();
    let eight = HardwareAddress::new(32, &[1, 2, 3, 4, 5, 6, 7, 8]);
    let message = Message { chaddr: eight, ..Machine(1).discover() };
    bench.receive(&message);
    assert_eq!(bench.sent[0].to, Destination::Broadcast);
    assert_eq!(bench.answer().chaddr, eight);

    // None at all: known by the identifier (RFC 4390), which is sent back (RFC 6842).
    let mut nameless = Message { chaddr: HardwareAddress::new(32, &[]), ..Machine(2).discover() };
    bench.receive(&nameless);
    assert_eq!(bench.silence(), Silence::Nameless);
    nameless.options.set(code::CLIENT_IDENTIFIER, &[0xff, 1, 2, 3, 4]);
    bench.receive(&nameless);
    let offer = bench.answer();
    assert_eq!(offer.options.get(code::CLIENT_IDENTIFIER), Some(&[0xff, 1, 2, 3, 4][..]));
    assert_ne!(offer.yiaddr, Ipv4Addr::new(10, 0, 0, 100));
    // Nor is anything sent to zeros in its place.
    let zeros = HardwareAddress::ethernet([0; 6]);
    bench.receive(&Message { chaddr: zeros, ..nameless.clone() });
    assert_eq!(bench.sent.remove(0).to, Destination::Broadcast);
    // Nobody is known by the address of a group.
    bench.pass(ServerConfig::default().log_interval);
    let group = HardwareAddress::ethernet([0xff; 6]);
    bench.receive(&Message { chaddr: group, ..Machine(2).discover() });
    assert_eq!(bench.silence(), Silence::Nameless);
    // One that is too long is none; it is told again after a while.
    bench.pass(ServerConfig::default().log_interval);
    nameless.options.set(code::CLIENT_IDENTIFIER, &[1; 65]);
    bench.receive(&nameless);
    assert_eq!(bench.silence(), Silence::Nameless);
    // Twenty bytes do not fit into the field, of which sixteen are there.
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes[2] = 20;
    let long = Message::decode(&bytes).expect("it is a message");
    assert_eq!(long.chaddr.bytes().len(), 16);
}

#[test]
fn d13_programs_of_one_machine_have_one_address_whatever_their_identifiers() {
    let mut bench = Bench::new();
    let address = bench.lease(Machine(1)).yiaddr;
    let mut discover = Machine(1).discover();
    discover.options.set(code::CLIENT_IDENTIFIER, &[0xff, 9, 9, 9, 9, 0, 4]);
    bench.receive(&discover);
    assert_eq!(bench.answer().yiaddr, address);
}

#[test]
fn pools_leave_out_what_is_no_machines_address_and_what_is_excluded() {
    let all = Ipv4Addr::UNSPECIFIED..=Ipv4Addr::BROADCAST;
    let narrow = subnet_of(|subnet| {
        subnet.network = SERVER;
        subnet.prefix = 29;
        subnet.pools = vec![all.clone(), all];
        subnet.excluded = vec![Ipv4Addr::new(10, 0, 0, 3)];
    });
    let mut bench = Bench::with(narrow, ServerConfig::default());
    let given: Vec<u8> = (1..=4).map(|at| bench.lease(Machine(at)).yiaddr.octets()[3]).collect();
    assert_eq!(given, [2, 4, 5, 6]);
    bench.receive(&Machine(5).discover());
    assert_eq!(bench.silence(), Silence::PoolExhausted);
    assert_eq!(bench.server.counters().exhausted, 1);
    assert_eq!(NET, SubnetId(1));
}
