//! Both machines against peers that send anything at any time.

use std::time::{Duration, Instant};

use ironhand_ipmi::bmc::Ipmi15Config;
use ironhand_ipmi::client::SessionProtocol;
use ironhand_ipmi::{
    Bmc, BmcConfig, BmcOutput, Client, ClientConfig, Event, Ipmi15Authentication, Output, Peer,
    PrivilegeLevel, Request, User,
};
use proptest::prelude::*;

const PASSWORD: &str = "secret";

fn counter() -> Box<dyn ironhand_ipmi::Entropy> {
    let mut count = 0u64;
    Box::new(move |bytes: &mut [u8]| {
        bytes.fill_with(|| {
            count = count.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (count >> 56) as u8
        });
    })
}

fn client() -> Client {
    client_of(SessionProtocol::RmcpPlus)
}

fn client_of(protocol: SessionProtocol) -> Client {
    Client::new(ClientConfig { protocol, ..ClientConfig::new("admin", PASSWORD.into()) }, counter())
}

fn protocol() -> impl Strategy<Value = SessionProtocol> {
    prop_oneof![
        Just(SessionProtocol::RmcpPlus),
        Just(SessionProtocol::Ipmi15(Ipmi15Authentication::Md5)),
        Just(SessionProtocol::Ipmi15(Ipmi15Authentication::Password)),
    ]
}

fn bmc() -> Bmc {
    let users = vec![User::new("admin", PASSWORD.into(), PrivilegeLevel::Administrator)];
    let authentications = vec![Ipmi15Authentication::Md5, Ipmi15Authentication::Password];
    let ipmi15 = Ipmi15Config { authentications, per_message: true };
    Bmc::new(BmcConfig { ipmi15, ..BmcConfig::new(users) }, counter())
}

fn peer(port: u16) -> Peer {
    ([192, 0, 2, 1], port).into()
}

/// Datagrams that look right for some bytes and then do not.
fn hostile_datagram() -> impl Strategy<Value = Vec<u8>> {
    let header = prop_oneof![
        Just(vec![]),
        Just(vec![0x06, 0, 0xFF, 0x06, 0, 0, 0x11, 0xBE]),
        Just(vec![0x06, 0, 0xFF, 0x07, 0x00, 0, 0, 0, 0, 0, 0, 0, 0]),
        (0x0Fu8..0x17).prop_map(|kind| vec![0x06, 0, 0xFF, 0x07, 0x06, kind, 0, 0, 0, 0, 0, 0, 0, 0]),
        (prop_oneof![Just(0u8), Just(2), Just(4)], any::<[u8; 9]>())
            .prop_map(|(kind, rest)| { [&[0x06, 0, 0xFF, 0x07, kind][..], &rest].concat() }),
        any::<u32>().prop_map(|session| {
            let mut bytes = vec![0x06, 0, 0xFF, 0x07, 0x06, 0xC0];
            bytes.extend(session.to_le_bytes());
            bytes
        }),
    ];
    (header, proptest::collection::vec(any::<u8>(), 0..100), any::<bool>()).prop_map(
        |(mut bytes, tail, true_length)| {
            if true_length && bytes.len() == 14 {
                bytes.extend((tail.len() as u16).to_le_bytes());
            }
            bytes.extend(tail);
            bytes
        },
    )
}

/// What happens to a machine next.
#[derive(Debug, Clone)]
enum Happening {
    Datagram(Vec<u8>),
    Later(Duration),
    Wake,
    /// For the client: a request. For the BMC: nothing.
    Ask,
    /// For the client: the true BMC's answer to what it sent, with this byte changed.
    Answer(usize, u8),
    Close,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        4 => hostile_datagram().prop_map(Happening::Datagram),
        1 => (0u64..20_000).prop_map(|milliseconds| Happening::Later(Duration::from_millis(milliseconds))),
        1 => Just(Happening::Wake),
        2 => Just(Happening::Ask),
        6 => (any::<usize>(), prop_oneof![2 => Just(0u8), 1 => any::<u8>()])
            .prop_map(|(at, change)| Happening::Answer(at, change)),
        1 => Just(Happening::Close),
    ];
    proptest::collection::vec(one, 0..60)
}

/// The datagrams that wait at the BMC.
fn sent_by(bmc: &mut Bmc) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    while let Some(output) = bmc.next_output() {
        if let BmcOutput::Send { bytes, .. } = output {
            sent.push(bytes);
        }
    }
    sent
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_client_outlives_any_bmc(script in happenings(), protocol in protocol()) {
        let mut now = Instant::now();
        let (mut client, mut bmc) = (client_of(protocol), bmc());
        let mut waiting = std::collections::BTreeSet::new();
        let mut answers = Vec::new();
        let mut drain = |client: &mut Client, waiting: &mut std::collections::BTreeSet<_>, now| {
            while let Some(output) = client.next_output() {
                match output {
                    Output::Send(bytes) => {
                        bmc.receive(now, peer(1), &bytes);
                        answers.extend(sent_by(&mut bmc));
                    }
                    Output::Event(Event::Done { ticket, .. }) => assert!(waiting.remove(&ticket), "answered twice"),
                    Output::Event(_) => {}
                }
            }
            std::mem::take(&mut answers)
        };
        let mut pending: Vec<Vec<u8>> = Vec::new();
        for happening in script {
            match happening {
                Happening::Datagram(bytes) => client.receive(now, peer(623), &bytes),
                Happening::Later(time) => now += time,
                Happening::Wake => client.wake(now),
                Happening::Ask => {
                    waiting.insert(client.submit(now, Request::GetChassisStatus));
                }
                Happening::Answer(at, change) => {
                    if let Some(mut bytes) = pending.pop() {
                        let at = at % bytes.len();
                        bytes[at] ^= change;
                        client.receive(now, peer(623), &bytes);
                    }
                }
                Happening::Close => client.close(now),
            }
            pending.extend(drain(&mut client, &mut waiting, now));
        }
        // Left alone, the client comes to rest and has answered everything.
        client.close(now);
        drain(&mut client, &mut waiting, now);
        prop_assert!(waiting.is_empty());
        for _ in 0..20 {
            let Some(wake) = client.next_wake() else { break };
            client.wake(wake);
            drain(&mut client, &mut waiting, wake);
        }
        prop_assert_eq!(client.next_wake(), None);
    }

    #[test]
    fn a_bmc_outlives_any_console(script in happenings()) {
        let mut now = Instant::now();
        let mut bmc = bmc();
        for (port, happening) in (0..).zip(script) {
            match happening {
                Happening::Datagram(bytes) => bmc.receive(now, peer(port % 3), &bytes),
                Happening::Later(time) => now += time,
                _ => bmc.wake(now),
            }
            sent_by(&mut bmc);
        }
        prop_assert_eq!(bmc.session_count(), 0, "nobody knew the password");
        if let Some(wake) = bmc.next_wake() {
            bmc.wake(wake + Duration::from_secs(60));
        }
        prop_assert_eq!(bmc.next_wake(), None);
    }
}

#[test]
fn outputs_that_nobody_fetches_do_not_pile_up() {
    let now = Instant::now();
    let (mut client, mut bmc) = (client(), bmc());
    for _ in 0..10_000 {
        client.receive(now, peer(623), b"garbage");
        bmc.receive(now, peer(1), b"garbage");
    }
    let waiting = std::iter::from_fn(|| client.next_output()).count();
    assert!(waiting <= 64, "{waiting} at the client");
    let waiting = std::iter::from_fn(|| bmc.next_output()).count();
    assert!(waiting <= 256, "{waiting} at the BMC");
    bmc.receive(now, peer(1), &ironhand_ipmi::presence::ping(1));
    let pong = sent_by(&mut bmc).pop();
    assert_eq!(
        pong.as_deref().and_then(ironhand_ipmi::presence::pong),
        Some(1),
        "it goes on when they are fetched"
    );
}

/// The first datagram of a set-up.
fn open_session_request(now: Instant) -> Vec<u8> {
    let mut client = client();
    client.submit(now, Request::GetChassisStatus);
    match client.next_output() {
        Some(Output::Send(bytes)) => bytes,
        other => panic!("{other:?} instead of an Open Session Request"),
    }
}

#[test]
fn a_flood_of_open_session_requests_does_not_lock_a_console_out() {
    let mut now = Instant::now();
    let mut bmc = bmc();
    let request = open_session_request(now);
    for port in 0..20_000 {
        bmc.receive(now, peer(port), &request);
        sent_by(&mut bmc);
    }
    let mut client = client();
    client.submit(now, Request::GetChassisStatus);
    let answered = loop {
        now += Duration::from_millis(1);
        match client.next_output() {
            Some(Output::Send(bytes)) => {
                bmc.receive(now, peer(40_000), &bytes);
                for bytes in sent_by(&mut bmc) {
                    client.receive(now, peer(623), &bytes);
                }
            }
            Some(Output::Event(Event::Done { result, .. })) => break result,
            Some(Output::Event(_)) => {}
            None => panic!("no answer"),
        }
    };
    assert!(answered.is_ok(), "{answered:?}");
    bmc.wake(now + Duration::from_secs(30));
    bmc.wake(now + Duration::from_secs(120));
    assert_eq!(bmc.next_wake(), None, "all of it is forgotten");
}
