use std::time::Instant;

use super::*;
use crate::command::{Command, GetChannelAuthenticationCapabilities, GetDeviceId};
use crate::completion::CompletionCode;
use crate::setup::OpenSessionRequest;

fn bmc(users: Vec<User>) -> Bmc {
    let mut count = 0u8;
    let counter = move |bytes: &mut [u8]| {
        bytes.fill_with(|| {
            count = count.wrapping_add(1);
            count
        });
    };
    Bmc::new(BmcConfig::new(users), Box::new(counter))
}

fn peer() -> Peer {
    "192.0.2.1:40000".parse().unwrap()
}

/// Asks outside a session, in the IPMI 1.5 wrapper and in the RMCP+ one; returns the reply's data.
fn ask(bmc: &mut Bmc, netfn: u8, command: u8, data: &[u8]) -> Vec<u8> {
    let request = Message::request(netfn, 0, command, 9, data).encode();
    let mut replies =
        [packet::encode_sessionless(&request), packet::encode_clear(PayloadType::Ipmi, &request)].map(
            |bytes| {
                bmc.receive(Instant::now(), peer(), &bytes);
                let Some(BmcOutput::Send { bytes, .. }) = bmc.next_output() else { panic!("no reply") };
                let payload = match Datagram::decode(&bytes).unwrap() {
                    Datagram::Sessionless(payload) => payload,
                    Datagram::Plus(packet) => packet.clear_payload().unwrap(),
                    other => panic!("{other:?}"),
                };
                let reply = Message::decode(payload).unwrap();
                assert_eq!((reply.netfn, reply.command, reply.sequence), (netfn | 1, command, 9));
                reply.data.to_vec()
            },
        );
    assert_eq!(replies[0], replies[1]);
    std::mem::take(&mut replies[0])
}

#[test]
fn authentication_capabilities_are_told_without_a_session() {
    let user = |name: &str, password: &str| User::new(name, password.into(), PrivilegeLevel::User);
    let check = |users: Vec<User>, kg: Option<&str>, data: &[u8], expected: &[u8]| {
        let mut bmc = bmc(users);
        bmc.config.kg = kg.map(Into::into);
        assert_eq!(ask(&mut bmc, 0x06, 0x38, data), expected, "{data:02x?}");
    };
    check(vec![user("a", "b")], None, &[0x8E, 4], &[0, 1, 0x80, 0x04, 0x02, 0, 0, 0, 0]);
    check(vec![user("a", "b")], None, &[0x0E, 4], &[0, 1, 0x00, 0x04, 0x00, 0, 0, 0, 0]);
    check(vec![user("", "b")], Some("kg"), &[0x81, 2], &[0, 1, 0x80, 0x22, 0x02, 0, 0, 0, 0]);
    check(vec![user("", "")], None, &[0x8E, 4], &[0, 1, 0x80, 0x01, 0x02, 0, 0, 0, 0]);
    let disabled = User { enabled: false, ..user("a", "b") };
    check(vec![disabled], None, &[0x8E, 4], &[0, 1, 0x80, 0x00, 0x02, 0, 0, 0, 0]);
    check(vec![], None, &[0x82, 4], &[CompletionCode::INVALID_FIELD.0]);
    check(vec![], None, &[0x8E], &[CompletionCode::REQUEST_LENGTH_INVALID.0]);
}

#[test]
fn cipher_suites_are_listed_sixteen_bytes_at_a_time() {
    let mut bmc = bmc(vec![]);
    bmc.config.suites = [CipherSuite::PREFERRED, CipherSuite::PREFERRED].concat();
    let mut records = Vec::new();
    for list in 0x80.. {
        let reply = ask(&mut bmc, 0x06, 0x54, &[0x0E, 0x00, list]);
        assert_eq!(reply[..2], [0, 1]);
        records.extend_from_slice(&reply[2..]);
        if reply.len() < 18 {
            break;
        }
    }
    let once = [0xC0, 17, 3, 0x44, 0x81, 0xC0, 3, 1, 0x41, 0x81];
    assert_eq!(records, [once, once].concat());
    assert_eq!(ask(&mut bmc, 0x06, 0x54, &[0x0E, 0x00, 0x00]), [0, 1, 0x01, 0x03, 0x41, 0x44, 0x81]);
}

#[test]
fn nothing_else_is_told_without_a_session() {
    let mut bmc = bmc(vec![]);
    let refused = [CompletionCode::INSUFFICIENT_PRIVILEGE.0];
    assert_eq!(ask(&mut bmc, GetDeviceId::NETFN, GetDeviceId::CMD, &[]), refused);
    assert_eq!(ask(&mut bmc, 0x00, 0x01, &[]), refused);
    assert_eq!(ask(&mut bmc, 0x00, 0x02, &[2]), refused);
    assert_eq!(ask(&mut bmc, 0x06, 0x3B, &[4]), refused);
    assert_eq!(ask(&mut bmc, 0x06, 0x3C, &[1, 0, 0, 0]), refused);
    assert_eq!(ask(&mut bmc, 0x2C, 0x3E, &[]), [CompletionCode::INVALID_COMMAND.0]);
    assert!(bmc.next_output().is_none(), "no event either");
}

#[test]
fn messages_that_are_not_for_the_bmc_are_ignored() {
    let mut bmc = bmc(vec![]);
    let command = GetChannelAuthenticationCapabilities::CMD;
    let good = Message::request(0x06, 0, command, 0, &[0x8E, 4]);
    let mut check = |message: Message<'_>, reason: IgnoreReason| {
        bmc.receive(Instant::now(), peer(), &packet::encode_sessionless(&message.encode()));
        assert_eq!(bmc.next_output(), Some(BmcOutput::Event(BmcEvent::Ignored { peer: peer(), reason })));
        assert!(bmc.next_output().is_none());
    };
    check(Message { netfn: 0x07, ..good }, IgnoreReason::Unexpected);
    check(Message { to: 0x24, ..good }, Fault::Field { field: "responder address", value: 0x24 }.into());
}

#[test]
fn a_ping_is_answered() {
    let mut bmc = bmc(vec![]);
    bmc.receive(Instant::now(), peer(), &crate::presence::ping(42));
    let Some(BmcOutput::Send { to, bytes }) = bmc.next_output() else { panic!("no pong") };
    assert_eq!((to, crate::presence::pong(&bytes)), (peer(), Some(42)));
}

#[test]
fn half_open_sessions_are_bounded_and_forgotten() {
    let mut bmc = bmc(vec![]);
    let now = Instant::now();
    for console_session in 1..1000 {
        let request = OpenSessionRequest::proposing(CipherSuite::Suite17, 0, 4, console_session);
        bmc.receive(now, peer(), &packet::encode_clear(PayloadType::OpenSessionRequest, &request.encode()));
        while bmc.next_output().is_some() {}
        assert!(bmc.sessions.iter().count() <= session::HALF_OPEN_LIMIT);
    }
    bmc.wake(now + session::HALF_OPEN_FOR);
    assert_eq!(bmc.sessions.iter().count(), 0);
    assert_eq!(bmc.next_output(), None, "sessions that never opened are not reported as closed");
}

#[test]
fn an_algorithm_may_be_left_to_the_bmc() {
    let bmc = bmc(vec![]);
    let check = |integrity: Option<u8>, expected: Result<CipherSuite, u8>| {
        let request = OpenSessionRequest {
            tag: 1,
            privilege: 0,
            console_session: 7,
            authentication: None,
            integrity,
            confidentiality: None,
        };
        let chosen = bmc.choose_suite(&request).map_err(|status| status.0);
        assert_eq!(chosen, expected, "{integrity:?}");
    };
    check(None, Ok(CipherSuite::Suite17));
    check(Some(1), Ok(CipherSuite::Suite3));
    check(Some(2), Err(0x11));
}
