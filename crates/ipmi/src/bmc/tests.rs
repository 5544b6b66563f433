use std::time::Instant;

use super::*;
use crate::command::{Command, GetChannelAuthenticationCapabilities, GetDeviceId};
use crate::completion::CompletionCode;
use crate::keys::{Handshake, SecretKey};
use crate::setup::{
    NAME_ONLY_LOOKUP, OpenSessionRequest, OpenSessionResponse, Rakp1, Rakp2, Rakp3, Rakp4, RakpStatus,
};

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
    check(vec![user("", "b")], Some("0x0000"), &[0x81, 2], &[0, 1, 0x80, 0x02, 0x02, 0, 0, 0, 0]);
    check(vec![user("", "")], None, &[0x8E, 4], &[0, 1, 0x80, 0x01, 0x02, 0, 0, 0, 0]);
    let disabled = User { enabled: false, ..user("a", "b") };
    check(vec![disabled], None, &[0x8E, 4], &[0, 1, 0x80, 0x00, 0x02, 0, 0, 0, 0]);
    check(vec![], None, &[0x8E, 5], &[0, 1, 0x80, 0x00, 0x02, 0, 0, 0, 0]);
    check(vec![], None, &[0x8E, 0], &[CompletionCode::INVALID_FIELD.0]);
    check(vec![], None, &[0x8E, 6], &[CompletionCode::INVALID_FIELD.0]);
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

/// Sends a set-up message; returns the payload of the answer, if there is one, and the last event.
fn step(bmc: &mut Bmc, payload_type: PayloadType, payload: &[u8]) -> (Option<Vec<u8>>, Option<BmcEvent>) {
    bmc.receive(Instant::now(), peer(), &packet::encode_clear(payload_type, payload));
    let (mut answer, mut last) = (None, None);
    while let Some(output) = bmc.next_output() {
        match output {
            BmcOutput::Send { bytes, .. } => {
                let Ok(Datagram::Plus(packet)) = Datagram::decode(&bytes) else { panic!("not RMCP+") };
                answer = Some(packet.clear_payload().unwrap().to_vec());
            }
            BmcOutput::Event(event) => last = Some(event),
        }
    }
    (answer, last)
}

/// Goes as far as RAKP message 2 as user `admin`.
fn challenged(bmc: &mut Bmc, role: u8) -> (Handshake, Rakp2) {
    let suite = CipherSuite::Suite17;
    let request = OpenSessionRequest::proposing(suite, 1, 4, 77);
    let (response, _) = step(bmc, PayloadType::OpenSessionRequest, &request.encode());
    let opened = OpenSessionResponse::decode(&response.unwrap()).unwrap().outcome.unwrap();
    let rakp1 = Rakp1 {
        tag: 2,
        bmc_session: opened.bmc_session,
        console_random: [7; 16],
        role,
        name: b"admin".to_vec(),
    };
    let (answer, _) = step(bmc, PayloadType::Rakp1, &rakp1.encode());
    let rakp2 = Rakp2::decode(&answer.unwrap()).unwrap();
    let (again, _) = step(bmc, PayloadType::Rakp1, &rakp1.encode());
    if rakp2.outcome.is_ok() {
        assert_eq!(
            again.map(|bytes| Rakp2::decode(&bytes).unwrap()),
            Some(rakp2.clone()),
            "to a copy of message 1"
        );
    }
    let proof = rakp2.outcome.clone().ok();
    let handshake = Handshake {
        algorithms: suite.algorithms(),
        console_session: 77,
        bmc_session: opened.bmc_session,
        console_random: [7; 16],
        bmc_random: proof.as_ref().map_or([0; 16], |proof| proof.bmc_random),
        guid: proof.as_ref().map_or([0; 16], |proof| proof.guid),
        role,
        name: b"admin".to_vec(),
    };
    (handshake, rakp2)
}

fn admin() -> Vec<User> {
    vec![User::new("admin", "secret".into(), PrivilegeLevel::Operator)]
}

#[test]
fn a_console_that_proves_the_password_gets_a_session_once() {
    bmc_with_session();
}

/// A BMC with one session.
fn bmc_with_session() -> Bmc {
    let mut bmc = bmc(admin());
    let (handshake, rakp2) = challenged(&mut bmc, NAME_ONLY_LOOKUP | 3);
    let key = SecretKey::from_password(&"secret".into()).unwrap();
    assert_eq!(handshake.rakp2_matches(&key, &rakp2.outcome.unwrap().code), Ok(true));
    let code = handshake.rakp3_code(&key).to_vec();
    let rakp3 = Rakp3 { tag: 3, bmc_session: handshake.bmc_session, outcome: Ok(code) }.encode();
    let (rakp4, event) = step(&mut bmc, PayloadType::Rakp3, &rakp3);
    assert!(matches!(event, Some(BmcEvent::SessionOpened { limit: PrivilegeLevel::Operator, .. })));
    let value = Rakp4::decode(rakp4.as_ref().unwrap()).unwrap().outcome.unwrap();
    assert_eq!(handshake.rakp4_matches(&handshake.session_integrity_key(&key), &value), Ok(true));
    assert_eq!(step(&mut bmc, PayloadType::Rakp3, &rakp3), (rakp4, None), "to a copy of message 3");
    assert_eq!(bmc.session_count(), 1);
    bmc
}

#[test]
fn sessions_outlive_a_warm_reset_and_can_be_closed_before_it() {
    let check = |command, sessions, deaf_ms: std::ops::Range<u64>| {
        let (mut bmc, now) = (bmc_with_session(), Instant::now());
        assert!(desk::ask(&mut bmc, now, 0x06, 0, command, &[]).0.is_ok());
        bmc.reset_if_asked(now);
        assert_eq!(bmc.session_count(), sessions);
        let changes = [deaf_ms.start, deaf_ms.end].map(|end| now + Duration::from_millis(end));
        assert_eq!(changes.map(|at| bmc.misbehaviour.is_silent(at)), [true, false]);
        assert_eq!(bmc.misbehaviour.is_silent(now), deaf_ms.start == 0);
    };
    check(0x02, 0, 0..5000);
    check(0x03, 1, 200..1200);
}

#[test]
fn a_console_that_does_not_prove_the_password_is_refused_and_reported() {
    let mut bmc = bmc(admin());
    let (handshake, _) = challenged(&mut bmc, NAME_ONLY_LOOKUP | 3);
    let rakp3 = |outcome| Rakp3 { tag: 3, bmc_session: handshake.bmc_session, outcome }.encode();
    let guess = rakp3(Ok(vec![0; 32]));
    let status = |bmc: &mut Bmc| {
        let (rakp4, event) = step(bmc, PayloadType::Rakp3, &guess);
        (Rakp4::decode(&rakp4.unwrap()).unwrap().outcome, event)
    };
    let failed =
        BmcEvent::AuthFailed { peer: peer(), user: "admin".to_owned(), reason: AuthFailure::WrongPassword };
    assert_eq!(status(&mut bmc), (Err(RakpStatus::INVALID_INTEGRITY_CHECK_VALUE), Some(failed)));
    assert_eq!(status(&mut bmc), (Err(RakpStatus::INVALID_SESSION_ID), None), "one try for each session");
    assert_eq!(bmc.sessions.iter().count(), 0);
}

#[test]
fn a_console_may_give_up() {
    let mut bmc = bmc(admin());
    let (handshake, _) = challenged(&mut bmc, NAME_ONLY_LOOKUP | 3);
    let outcome = Err(RakpStatus::INVALID_INTEGRITY_CHECK_VALUE);
    let rakp3 = Rakp3 { tag: 3, bmc_session: handshake.bmc_session, outcome };
    assert_eq!(step(&mut bmc, PayloadType::Rakp3, &rakp3.encode()), (None, None));
    assert_eq!(bmc.sessions.iter().count(), 0);
}

#[test]
fn roles_beyond_the_users_limit_are_refused() {
    let check = |role: u8, expected: Result<(), RakpStatus>| {
        let (_, rakp2) = challenged(&mut bmc(admin()), role);
        assert_eq!(rakp2.outcome.map(|_| ()), expected, "role {role:#x}");
    };
    check(NAME_ONLY_LOOKUP | 2, Ok(()));
    check(NAME_ONLY_LOOKUP | 3, Ok(()));
    check(NAME_ONLY_LOOKUP | 4, Err(RakpStatus::UNAUTHORIZED_ROLE));
    check(NAME_ONLY_LOOKUP, Err(RakpStatus::INVALID_ROLE));
    check(NAME_ONLY_LOOKUP | 5, Err(RakpStatus::INVALID_ROLE));
    // With a look-up by name and level, a user of a lower level is not found.
    check(3, Ok(()));
    check(4, Err(RakpStatus::UNAUTHORIZED_NAME));
}

#[test]
fn requests_that_a_command_does_not_take_are_refused() {
    let check = |netfn, lun, command, data: &[u8], expected: CompletionCode| {
        let (code, _) = desk::ask(&mut bmc(vec![]), Instant::now(), netfn, lun, command, data);
        assert_eq!(code, expected, "{netfn:02x} {command:02x} at {lun}");
    };
    check(0x06, 0, 0x01, &[], CompletionCode::OK);
    check(0x06, 0, 0x01, &[1, 2, 3], CompletionCode::REQUEST_LENGTH_INVALID);
    check(0x06, 0, 0x37, &[0], CompletionCode::REQUEST_LENGTH_INVALID);
    check(0x06, 0, 0x03, &[0], CompletionCode::REQUEST_LENGTH_INVALID);
    check(0x00, 0, 0x01, &[0], CompletionCode::REQUEST_LENGTH_INVALID);
    check(0x0A, 0, 0x42, &[0], CompletionCode::REQUEST_LENGTH_INVALID);
    check(0x06, 1, 0x01, &[], CompletionCode::INVALID_FOR_LUN);
    check(0x06, 1, 0xEE, &[], CompletionCode::INVALID_COMMAND);
}

#[test]
fn no_configuration_allows_more_sessions_than_have_a_handle() {
    let check = |max_sessions, expected| {
        let mut bmc = bmc(vec![]);
        bmc.config.max_sessions = max_sessions;
        let (_, info) = desk::ask(&mut bmc, Instant::now(), 0x06, 0, 0x3D, &[1]);
        assert_eq!(info, [0, expected, 0]);
    };
    check(0, 1);
    check(63, 63);
    check(255, 63);
}

#[test]
fn small_commands_that_strangers_ask_are_answered() {
    let check = |netfn, command, data: &[u8], expected: &[u8]| {
        let (code, reply) = desk::ask(&mut bmc(vec![]), Instant::now(), netfn, 0, command, data);
        assert_eq!((code, &*reply), (CompletionCode::OK, expected), "{netfn:02x} {command:02x}");
    };
    check(0x00, 0x0B, &[5], &[]);
    check(0x0A, 0x28, &[], &[0; 4]);
    check(0x04, 0x10, &[], &[0x51, 0, 0]);
    check(0x06, 0x42, &[0x00], &[0x00, 0x01, 0x01, 0x00, 0xF2, 0x1B, 0x00, 0, 0]);
    check(0x06, 0x42, &[0x0F], &[0x0F, 0x0C, 0x05, 0x00, 0xF2, 0x1B, 0x00, 0, 0]);
    check(0x06, 0x42, &[0x0E], &[0x01, 0x04, 0x01, 0x80, 0xF2, 0x1B, 0x00, 0, 0]);
}
