//! DHCPv6: the messages of a boot over IPv6, directly and through relays.

use std::collections::HashSet;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use ironhand_dhcp::v6::{
    ALL_AGENTS, Answer, Arrival, Boot, Client, DecodeError, Event, ForeignServer, Happening, Inquiry,
    Message, MessageType, Options, Output, Policy, Program, Server, ServerConfig, Terms, code,
    derived_address,
};
use ironhand_dhcp::{Architecture, InterfaceId};
use proptest::prelude::*;

const MAC: [u8; 6] = [0x52, 0x54, 0, 1, 2, 3];
const PREFIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
const FAR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1);
const SERVER: &[u8] = b"\0\x03\0\x01\x02\0\0\0\0\x01";
const URL: &str = "tftp://[2001:db8::1]/x.efi";

/// Everybody has an address of their own, and boots the same.
struct Records;

impl Policy for Records {
    fn answer(&self, client: &Client<'_>) -> Answer {
        if client.mac == Some([0xff; 6]) {
            return Answer::Silent("not this one".into());
        }
        let mut options = Options::new();
        options.push(code::DNS_SERVERS, &PREFIX.octets());
        Answer::Serve(Terms {
            subnet: Some(PREFIX),
            kept: None,
            is_known: false,
            lifetime: Duration::from_secs(1000),
            options,
            boot: client.architecture.map(|_| Boot { url: URL.to_owned(), parameters: vec!["a".to_owned()] }),
        })
    }

    fn is_kept(&self, _: Ipv6Addr) -> bool {
        false
    }
}

fn identifier(mac: [u8; 6]) -> Vec<u8> {
    [&[0, 3, 0, 1][..], &mac].concat()
}

/// A message of UEFI firmware for x64.
fn firmware(kind: MessageType) -> Message {
    let mut options = Options::new();
    options
        .push(code::CLIENT_IDENTIFIER, &identifier(MAC))
        .push(code::IA_NA, &[0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
    options.push(code::OPTION_REQUEST, &[0, 59, 0, 60, 0, 23]).push(code::CLIENT_ARCHITECTURE, &[0, 7]);
    Message { kind, transaction: 0x00ab_cdef, options }
}

fn naming_us(kind: MessageType) -> Message {
    let mut message = firmware(kind);
    message.options.push(code::SERVER_IDENTIFIER, SERVER);
    message
}

fn encoded(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}

fn server() -> Server<Records> {
    Server::new(Instant::now(), SystemTime::now(), ServerConfig::new(SERVER.to_vec()), Records)
}

/// What the server sends and tells when these bytes come in.
fn outputs(bytes: &[u8]) -> (Vec<(SocketAddrV6, Vec<u8>)>, Vec<Event>) {
    outputs_of(ALL_AGENTS, bytes)
}

/// The same for bytes that were sent to `destination`, from a port that is nobody's.
fn outputs_of(destination: Ipv6Addr, bytes: &[u8]) -> (Vec<(SocketAddrV6, Vec<u8>)>, Vec<Event>) {
    let mut server = server();
    let source = SocketAddrV6::new("fe80::99".parse().expect("an address"), 40_000, 0, 2);
    server.receive(Instant::now(), Arrival { interface: InterfaceId(2), source, destination, bytes });
    let (mut sent, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = server.next_output() {
        match output {
            Output::Send { to, bytes, .. } => sent.push((to, bytes)),
            Output::Store { ticket, .. } => server.stored(ticket, Ok(())),
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

/// The only answer to a message.
#[track_caller]
fn answer(message: &Message) -> Message {
    let (sent, events) = outputs(&encoded(message));
    assert_eq!(sent.len(), 1, "{events:?}");
    Message::decode(&sent[0].1).expect("the server sends messages")
}

/// The address within the association of an answer, and its code of status.
fn given(message: &Message) -> (Option<Ipv6Addr>, Option<u16>) {
    let association = message.options.get(code::IA_NA).expect("there is an association");
    assert_eq!(association[..4], [0, 0, 0, 7]);
    let inner = Options::decode(&association[12..]).expect("it holds options");
    let address = inner.get(code::IA_ADDRESS).and_then(|value| value.first_chunk::<16>().copied());
    let status = inner.get(code::STATUS_CODE).and_then(|value| value.first_chunk::<2>().copied());
    (address.map(Ipv6Addr::from), status.map(u16::from_be_bytes))
}

#[test]
fn a_boot_takes_four_messages() {
    let advertise = answer(&firmware(MessageType::Solicit));
    assert_eq!((advertise.kind, advertise.transaction), (MessageType::Advertise, 0x00ab_cdef));
    assert_eq!(advertise.options.get(code::PREFERENCE), Some(&[255][..]));
    assert_eq!(advertise.options.get(code::CLIENT_IDENTIFIER), Some(&identifier(MAC)[..]));
    let offered = given(&advertise);
    assert!(offered.0.is_some());
    for kind in [MessageType::Request, MessageType::Renew] {
        let reply = answer(&naming_us(kind));
        assert_eq!((reply.kind, given(&reply)), (MessageType::Reply, offered));
        assert_eq!(reply.options.get(code::BOOTFILE_URL), Some(URL.as_bytes()));
        assert_eq!(reply.options.get(code::BOOTFILE_PARAMETERS), Some(&[0, 1, b'a'][..]));
        assert_eq!(reply.options.get(code::DNS_SERVERS), Some(&PREFIX.octets()[..]));
    }
    assert_eq!(given(&answer(&firmware(MessageType::Rebind))), offered);
}

#[test]
fn two_messages_are_enough_where_the_client_says_so() {
    let mut solicit = firmware(MessageType::Solicit);
    solicit.options.push(code::RAPID_COMMIT, &[]);
    let reply = answer(&solicit);
    assert_eq!(reply.kind, MessageType::Reply);
    assert_eq!(reply.options.get(code::RAPID_COMMIT), Some(&[][..]));
}

#[test]
fn http_boot_is_told_its_class_and_nobody_what_they_do_not_ask() {
    let mut message = firmware(MessageType::Solicit);
    message.options.push(code::VENDOR_CLASS, b"\0\0\x01\x57\0\x0aHTTPClient:Arch:00016");
    let class = answer(&message);
    let class = class.options.get(code::VENDOR_CLASS).expect("there is a class");
    assert!(class.ends_with(b"HTTPClient"));
    let mut options = Options::new();
    options.push(code::OPTION_REQUEST, &[0, 23]).push(code::CLIENT_ARCHITECTURE, &[0, 7]);
    let inform = answer(&Message { kind: MessageType::InformationRequest, transaction: 1, options });
    assert_eq!(inform.options.get(code::BOOTFILE_URL), None);
    assert_eq!(inform.options.get(code::IA_NA), None);
    assert!(inform.options.get(code::DNS_SERVERS).is_some());
}

#[test]
fn an_address_is_confirmed_if_it_is_of_the_link() {
    for (address, expected) in [(derived_address(PREFIX, b"whoever", 0, 0), [0, 0]), (FAR, [0, 4])] {
        let mut message = firmware(MessageType::Confirm);
        let mut inner = Options::new();
        inner.push(code::IA_ADDRESS, &[&address.octets()[..], &[0; 8]].concat());
        let mut association = vec![0; 12];
        inner.encode(&mut association);
        message.options.push(code::IA_NA, &association);
        let answer = answer(&message);
        assert!(answer.options.get(code::STATUS_CODE).is_some_and(|status| status.starts_with(&expected)));
    }
}

#[test]
fn messages_for_another_server_or_of_a_wrong_form_are_not_answered() {
    let mut other = firmware(MessageType::Request);
    other.options.push(code::SERVER_IDENTIFIER, b"somebody");
    assert_eq!(outputs(&encoded(&other)), (Vec::new(), Vec::new()), "it is the other's business");
    let nameless = Message { kind: MessageType::Solicit, transaction: 1, options: Options::new() };
    let informs = |association| {
        let mut options = Options::new();
        options.push(association, &[0; 12]);
        Message { kind: MessageType::InformationRequest, transaction: 1, options }
    };
    for message in [
        nameless,
        informs(code::IA_TA),
        informs(code::IA_PD),
        firmware(MessageType::Request),
        firmware(MessageType::Renew),
        naming_us(MessageType::Solicit),
        naming_us(MessageType::Reply),
        firmware(MessageType::InformationRequest),
    ] {
        let (sent, events) = outputs(&encoded(&message));
        assert_eq!(sent, [], "{message:?}");
        assert!(matches!(&events[..], [Event { what: Happening::Discarded { .. }, .. }]), "{events:?}");
    }
    let mut silent = firmware(MessageType::Solicit);
    silent.options = Options::new();
    silent.options.push(code::CLIENT_IDENTIFIER, &identifier([0xff; 6]));
    let (sent, events) = outputs(&encoded(&silent));
    assert!(sent.is_empty());
    let [Event { what: Happening::Silent { reason, .. }, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(reason, "not this one");
}

#[test]
fn who_sends_to_one_server_is_told_to_send_to_all() {
    for (message, kind) in [
        (firmware(MessageType::Solicit), MessageType::Advertise),
        (naming_us(MessageType::Request), MessageType::Reply),
        (naming_us(MessageType::Release), MessageType::Reply),
        (firmware(MessageType::Rebind), MessageType::Reply),
    ] {
        let (sent, events) = outputs_of(FAR, &encoded(&message));
        let [(to, bytes)] = &sent[..] else { panic!("{sent:?}") };
        let answer = Message::decode(bytes).expect("the server sends messages");
        assert_eq!((answer.kind, to.port()), (kind, 546));
        let codes: Vec<u16> = answer.options.iter().map(|(code, _)| code).collect();
        assert_eq!(codes, [code::SERVER_IDENTIFIER, code::CLIENT_IDENTIFIER, code::STATUS_CODE]);
        assert!(answer.options.get(code::STATUS_CODE).is_some_and(|status| status.starts_with(&[0, 5])));
        assert!(matches!(&events[..], [Event { what: Happening::Discarded { .. }, .. }]), "{events:?}");
    }
    // Relays are told of servers one by one.
    let (sent, _) = outputs_of(FAR, &relayed(0, PREFIX, &encoded(&firmware(MessageType::Solicit)), b"1"));
    let answer = &sent[0].1;
    let options = Options::decode(&answer[34..]).expect("there are options");
    let inner = Message::decode(options.get(code::RELAY_MESSAGE).expect("there is one")).expect("a message");
    assert!(given(&inner).0.is_some());
}

#[test]
fn an_address_that_a_client_wishes_for_is_not_called_over() {
    let mut message = firmware(MessageType::Solicit);
    let mut options = Options::new();
    options.push(code::CLIENT_IDENTIFIER, &identifier(MAC));
    let mut wish = Options::new();
    wish.push(code::IA_ADDRESS, &[&PREFIX.octets()[..15], &[99], &[0; 8]].concat());
    let mut association = vec![0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0];
    wish.encode(&mut association);
    options.push(code::IA_NA, &association);
    message.options = options;
    let addresses = |message: &Message| {
        let value = answer(message).options.get(code::IA_NA).expect("there is an association").to_vec();
        let inner = Options::decode(&value[12..]).expect("it holds options");
        inner.all(code::IA_ADDRESS).count()
    };
    assert_eq!(addresses(&message), 1);
    // What it has and is not its own is over (RFC 8415, section 18.3.5).
    message.kind = MessageType::Rebind;
    assert_eq!(addresses(&message), 2);
}

/// What a relay at `link` makes of a message.
fn relayed(hops: u8, link: Ipv6Addr, inner: &[u8], interface: &[u8]) -> Vec<u8> {
    let mut bytes = vec![12, hops];
    bytes.extend_from_slice(&link.octets());
    bytes.extend_from_slice(&"fe80::5054:ff:fe01:203".parse::<Ipv6Addr>().expect("an address").octets());
    let mut options = Options::new();
    options.push(code::INTERFACE_ID, interface).push(code::RELAY_MESSAGE, inner);
    options.encode(&mut bytes);
    bytes
}

#[test]
fn relays_get_their_own_wrapping_back() {
    let inner = relayed(0, PREFIX, &encoded(&firmware(MessageType::Solicit)), b"port 7");
    let (sent, _) = outputs(&relayed(1, Ipv6Addr::UNSPECIFIED, &inner, b"uplink"));
    let (to, mut bytes) = sent.into_iter().next().expect("it is answered");
    assert_eq!(to.port(), 547);
    for (hops, interface) in [(1, &b"uplink"[..]), (0, b"port 7")] {
        assert_eq!(bytes[..2], [13, hops]);
        let options = Options::decode(&bytes[34..]).expect("there are options");
        assert_eq!(options.get(code::INTERFACE_ID), Some(interface));
        bytes = options.get(code::RELAY_MESSAGE).expect("there is a message").to_vec();
    }
    assert_eq!(Message::decode(&bytes).map(|message| message.kind), Ok(MessageType::Advertise));
    // A tower of relays is nobody's network.
    let mut tower = encoded(&firmware(MessageType::Solicit));
    for hops in 0..9 {
        tower = relayed(hops, PREFIX, &tower, b"");
        assert_eq!(outputs(&tower).0.len(), 1, "a hop count of {hops} is allowed");
    }
    let (sent, events) = outputs(&relayed(9, PREFIX, &tower, b""));
    let malformed = Happening::Malformed(DecodeError::Relays);
    assert!(sent.is_empty() && matches!(&events[..], [Event { what, .. }] if *what == malformed));
}

/// Answers nobody, and says what it sees of whoever asks.
struct Sees<T>(mpsc::Sender<T>, fn(&Client<'_>) -> T);

impl<T> Policy for Sees<T> {
    fn answer(&self, client: &Client<'_>) -> Answer {
        self.0.send(self.1(client)).expect("the test waits");
        Answer::Silent("seen".into())
    }

    fn is_kept(&self, _: Ipv6Addr) -> bool {
        false
    }
}

/// A server that sees this of whoever asks.
fn seeing<T>(what: fn(&Client<'_>) -> T) -> (Server<Sees<T>>, mpsc::Receiver<T>) {
    let (sender, receiver) = mpsc::channel();
    let config = ServerConfig::new(SERVER.to_vec());
    (Server::new(Instant::now(), SystemTime::now(), config, Sees(sender, what)), receiver)
}

/// A switch that has no address on the link says none, and the router behind it does (RFC 6221).
#[test]
fn the_link_is_that_of_the_nearest_relay_that_says_one() {
    let (mut server, receiver) = seeing(|client| client.link);
    let none = Ipv6Addr::UNSPECIFIED;
    for (links, link) in [
        (&[none, FAR][..], FAR),
        (&[PREFIX, FAR], PREFIX),
        (&[none, none, PREFIX, FAR], PREFIX),
        (&[none], none),
    ] {
        let mut bytes = encoded(&firmware(MessageType::Solicit));
        for (hops, link) in links.iter().enumerate() {
            bytes = relayed(hops as u8, *link, &bytes, b"port 7");
        }
        let source = SocketAddrV6::new(FAR, 547, 0, 2);
        let (interface, destination) = (InterfaceId(2), FAR);
        server.receive(Instant::now(), Arrival { interface, source, destination, bytes: &bytes });
        assert_eq!(receiver.recv(), Ok(link), "{links:?}");
    }
}

#[test]
fn a_client_shows_who_it_is() {
    /// Ethernet address, UUID, architecture, and whether it is iPXE.
    type Shown = (Option<[u8; 6]>, Option<[u8; 16]>, Option<Architecture>, bool);
    let (mut server, receiver) = seeing(|client| -> Shown {
        (client.mac, client.uuid, client.architecture, client.program == Program::Ipxe)
    });
    let uuid = [&[0, 4][..], &[5; 16]].concat();
    let dated = [&[0, 1, 0, 1, 9, 9, 9, 9][..], &MAC].concat();
    let by_address = Some([0x52, 0x54, 0, 1, 2, 3]);
    for (identifier, mac, uuid) in
        [(identifier(MAC), Some(MAC), None), (dated, Some(MAC), None), (uuid, by_address, Some([5; 16]))]
    {
        let mut message = Message { kind: MessageType::Solicit, transaction: 1, options: Options::new() };
        message.options.push(code::CLIENT_IDENTIFIER, &identifier).push(code::USER_CLASS, b"\0\x04iPXE");
        message.options.push(code::CLIENT_ARCHITECTURE, &[0, 11]);
        let source = SocketAddrV6::new("fe80::5054:ff:fe01:203".parse().expect("an address"), 546, 0, 2);
        let bytes = encoded(&message);
        server.receive(
            Instant::now(),
            Arrival { interface: InterfaceId(2), source, destination: ALL_AGENTS, bytes: &bytes },
        );
        assert_eq!(receiver.recv(), Ok((mac, uuid, Some(Architecture::Arm64Uefi), true)));
    }
}

#[test]
fn addresses_are_derived_apart_and_within_their_prefix() {
    let mut seen = HashSet::new();
    for number in 0..10_000_u32 {
        let [a, b, c, d] = number.to_be_bytes();
        let address = derived_address(PREFIX, &identifier([2, 0, a, b, c, d]), 0, number % 3);
        assert_eq!(address.octets()[..8], PREFIX.octets()[..8]);
        assert!(seen.insert(address), "{address} is given twice");
    }
    let one = identifier(MAC);
    assert_eq!(derived_address(PREFIX, &one, 1, 0), derived_address(PREFIX, &one, 1, 0));
    assert_ne!(derived_address(PREFIX, &one, 1, 0), derived_address(PREFIX, &one, 2, 0));
    assert_ne!(derived_address(PREFIX, &one, 1, 0), derived_address(PREFIX, &one, 1, 1));
}

#[test]
fn what_is_no_message_is_told_apart() {
    for (bytes, error) in [
        (&[][..], DecodeError::TooShort),
        (&[1, 0, 0], DecodeError::TooShort),
        (&[99, 0, 0, 0], DecodeError::Type(99)),
        (&[1, 0, 0, 0, 0, 1, 0, 9, 1], DecodeError::Option),
        (&[1, 0, 0, 0, 0, 1], DecodeError::Option),
        (&[12, 0, 0], DecodeError::TooShort),
    ] {
        let (sent, events) = outputs(bytes);
        assert!(sent.is_empty());
        let event = Event { mac: None, program: Program::System, what: Happening::Malformed(error) };
        assert_eq!(events, [event]);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_taken_without_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        kind in 0_u8..14,
    ) {
        outputs(&bytes);
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        outputs(&bytes);
    }

    #[test]
    fn what_is_written_is_what_is_read(
        kind in prop::sample::select(vec![1_u8, 2, 3, 4, 5, 6, 7, 8, 9, 11]),
        transaction in 0_u32..1 << 24,
        fields in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..40)), 0..12),
    ) {
        let mut options = Options::new();
        for (code, value) in &fields {
            options.push(*code, value);
        }
        let message = Message { kind: MessageType::of(kind).expect("it is a type"), transaction, options };
        prop_assert_eq!(Message::decode(&encoded(&message)), Ok(message));
    }
}

#[test]
fn who_looks_for_servers_is_answered_and_knows_the_answers() {
    let inquiry = Inquiry::of(std::array::from_fn(|at| at as u8));
    let ours: Ipv6Addr = "fe80::1".parse().expect("an address");
    let [solicit, inform] = inquiry.messages();
    let [advertise, reply] = [&solicit, &inform].map(|message| {
        let (sent, events) = outputs(&encoded(message));
        assert_eq!(sent.len(), 1, "{events:?}");
        Message::decode(&sent[0].1).expect("the server sends messages")
    });
    let mut found = inquiry.answered(ours, &advertise).expect("it answers");
    assert_eq!((found.server, &*found.identifier, found.boot_file.as_deref()), (ours, SERVER, Some(URL)));
    assert!(found.offered.is_some_and(|offered| PREFIX.segments()[..4] == offered.segments()[..4]));
    let informed = inquiry.answered(ours, &reply).expect("it answers that, too");
    assert_eq!((informed.offered, informed.boot_file.as_deref()), (None, Some(URL)));
    assert!(found.merge(&informed) && found.offered.is_some(), "one server says both");
    assert!(!found.merge(&ForeignServer { server: FAR, ..informed }), "another address is another one");
    // Neither an answer to somebody else nor a question is one to this.
    let other = Inquiry::of([9; 22]);
    assert_eq!(other.answered(ours, &advertise), None);
    assert_eq!(inquiry.answered(ours, &solicit), None);
    let renumbered = Message { transaction: reply.transaction, ..advertise.clone() };
    assert_eq!(inquiry.answered(ours, &renumbered), None);
    // A server without addresses gives none.
    let mut without = advertise;
    let mut options = Options::new();
    for (code, value) in without.options.iter().filter(|(code, _)| *code != code::IA_NA) {
        options.push(code, value);
    }
    without.options = options;
    assert_eq!(inquiry.answered(ours, &without).map(|server| server.offered), Some(None));
}

/// The inputs that fuzzing begins with reach what they are for.
#[test]
fn kept_answers_of_others_are_read() {
    let source: Ipv6Addr = "fe80::9".parse().expect("an address");
    let kept = include_bytes!("../../../testdata/fuzz/dhcp_v6/advertise-of-another");
    let message = Message::decode(kept).expect("a message");
    let found = Inquiry::of([7; 22]).answered(source, &message).expect("an answer");
    assert_eq!(found.offered, Some("2001:db8:7::77".parse().expect("an address")));
    assert_eq!(found.boot_file.as_deref(), Some("tftp://[2001:db8:7::2]/foreign.efi"));
    let heard = ironhand_dhcp::ra::Advertisement::decode(
        source,
        255,
        include_bytes!("../../../testdata/fuzz/dhcp_v6/router-advertisement"),
    )
    .expect("an advertisement");
    assert!(
        heard.managed && heard.other && heard.prefixes.iter().any(|prefix| prefix.autonomous),
        "{heard:?}"
    );
}
