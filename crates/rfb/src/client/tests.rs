//! The client against servers written by hand.

use super::*;
use crate::error::ProtocolError;
use crate::framebuffer::SizeError;
use crate::security::SecurityType;
use crate::security::vencrypt::VencryptSubtype;

const NAME: &[u8] = b"\0\0\0\x03bmc";
/// 4x2 pixels in some format.
const SCREEN: &[u8] = &[0, 4, 0, 2, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0];

fn with_password(password: &str) -> ClientConfig {
    ClientConfig { password: Some(password.into()), ..ClientConfig::default() }
}

fn eight_bits() -> ClientConfig {
    ClientConfig { pixel_format: PixelFormat::TRUE_COLOUR_8, ..ClientConfig::default() }
}

/// All that is to be sent, and all events.
fn drain(client: &mut Client) -> (Vec<u8>, Vec<Event>) {
    let (mut sent, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = client.next_output() {
        match output {
            Output::Send(bytes) => sent.extend(bytes),
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

/// Plays a server's bytes, whole and one by one: what the client sent and how it ended.
fn play(config: &ClientConfig, server: &[&[u8]]) -> (Vec<u8>, Vec<Event>) {
    let now = Instant::now();
    let server = server.concat();
    let [whole, single] = [server.len().max(1), 1].map(|chunk| {
        let mut client = Client::new(now, config.clone());
        for bytes in server.chunks(chunk) {
            client.receive(now, bytes);
        }
        drain(&mut client)
    });
    assert_eq!(whole, single, "the outcome depends on how bytes are split");
    whole
}

fn check_in(config: &ClientConfig, server: &[&[u8]], expected: &[u8]) {
    let (sent, events) = play(config, &[&server.concat(), SCREEN, NAME]);
    assert_eq!(events, [Event::Connected { name: "bmc".into(), width: 4, height: 2 }]);
    assert_eq!(sent.get(..expected.len()), Some(expected));
    let set_pixel_format = [0, 0, 0, 0, 32, 24, 0, 1];
    assert_eq!(sent.get(expected.len()..expected.len() + 8), Some(&set_pixel_format[..]));
}

fn check_failed(config: &ClientConfig, server: &[&[u8]], expected: Error) {
    let (_, events) = play(config, server);
    assert_eq!(events, [Event::Failed(expected)]);
}

#[test]
fn ways_in() {
    let none = ClientConfig::default();
    let calvin = with_password("password");
    let challenge = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15][..];
    let response = 0xB866_9241_25C8_EEBB_9DEB_C1DB_61C5_38E2_u128.to_be_bytes();
    // 3.3: the type is dictated, and without authentication there is no result.
    check_in(&none, &[b"RFB 003.003\n", &[0, 0, 0, 1]], b"RFB 003.003\n\x01");
    let sent = [b"RFB 003.003\n", &response[..], &[1]].concat();
    check_in(&calvin, &[b"RFB 003.003\n", &[0, 0, 0, 2], challenge, &[0; 4]], &sent);
    // 3.7: no result without authentication.
    check_in(&none, &[b"RFB 003.007\n", &[1, 1]], b"RFB 003.007\n\x01\x01");
    let sent = [b"RFB 003.007\n", &[2][..], &response, &[1]].concat();
    check_in(&calvin, &[b"RFB 003.007\n", &[2, 1, 2], challenge, &[0; 4]], &sent);
    // 3.8 and servers that say more than that.
    check_in(&none, &[b"RFB 003.008\n", &[3, 19, 2, 1], &[0; 4]], b"RFB 003.008\n\x01\x01");
    check_in(&none, &[b"RFB 005.000\n", &[1, 1], &[0; 4]], b"RFB 003.008\n\x01\x01");
    let sent = [b"RFB 003.008\n", &[2][..], &response, &[1]].concat();
    check_in(&calvin, &[b"RFB 003.889\n", &[2, 30, 2], challenge, &[0; 4]], &sent);
    // A password that the server does not ask for does no harm.
    check_in(&calvin, &[b"RFB 003.008\n", &[1, 1], &[0; 4]], b"RFB 003.008\n\x01\x01");
    let old = ClientConfig { highest_version: ProtocolVersion::V3_3, shared: false, ..none };
    check_in(&old, &[b"RFB 003.008\n", &[0, 0, 0, 1]], b"RFB 003.003\n\x00");
}

#[test]
fn refusals() {
    let none = ClientConfig::default();
    let calvin = with_password("calvin");
    let reason = |text: &str| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
    check_failed(
        &calvin,
        &[b"RFB 003.008\n", &[1, 2], &[0; 16], &[0, 0, 0, 1], &reason("wrong\x07")],
        Error::AuthFailed { reason: "wrong".into() },
    );
    check_failed(
        &calvin,
        &[b"RFB 003.003\n", &[0, 0, 0, 2], &[0; 16], &[0, 0, 0, 1]],
        Error::AuthFailed { reason: String::new() },
    );
    check_failed(
        &calvin,
        &[b"RFB 003.007\n", &[1, 2], &[0; 16], &[0, 0, 0, 2]],
        Error::TooManyAttempts { reason: String::new() },
    );
    let too_many = "Too many security failures";
    check_failed(
        &calvin,
        &[b"RFB 003.008\n", &[0], &reason(too_many)],
        Error::TooManyAttempts { reason: too_many.into() },
    );
    check_failed(
        &none,
        &[b"RFB 003.003\n", &[0; 4], &reason("in use")],
        Error::Refused { reason: "in use".into() },
    );
    check_failed(&none, &[b"RFB 003.008\n", &[1, 2]], Error::PasswordRequired);
    let offered = vec![SecurityType(18), SecurityType(30)];
    check_failed(&calvin, &[b"RFB 003.008\n", &[2, 18, 30]], Error::UnsupportedSecurity { offered });
    check_failed(&none, &[b"RFB 002.000\n"], Error::UnsupportedVersion { major: 2, minor: 0 });
    check_failed(
        &calvin,
        &[b"RFB 003.008\n", &[1, 2], &[0; 16], &[0, 0, 0, 7]],
        Error::Protocol(ProtocolError::SecurityResult { number: 7 }),
    );
    check_failed(
        &none,
        &[b"RFB 003.008\n", &[0], &[0xFF; 4]],
        Error::Protocol(ProtocolError::TextLength { length: u32::MAX }),
    );
    check_failed(
        &none,
        &[b"RFB 003.008\n", &[1, 1], &[0; 4], &[255; 24]],
        Error::TooLarge(SizeError::TooLarge { width: 65535, height: 65535 }),
    );
}

/// What the client says to a list of VeNCrypt subtypes.
fn vencrypt(config: &ClientConfig, subtypes: &[u32]) -> (Vec<u8>, Vec<Event>) {
    let numbers: Vec<u8> = subtypes.iter().flat_map(|number| number.to_be_bytes()).collect();
    let count = u8::try_from(subtypes.len()).expect("few");
    let (sent, events) = play(config, &[b"RFB 003.008\n", &[2, 1, 19], &[0, 2], &[0], &[count], &numbers]);
    let sent = sent.strip_prefix(b"RFB 003.008\n\x13\0\x02").expect("VeNCrypt is chosen").to_vec();
    (sent, events)
}

#[test]
fn the_best_protected_way_in_is_chosen() {
    let check = |config: &ClientConfig, offered: &[u32], expected: u32| {
        assert_eq!(vencrypt(config, offered), (expected.to_be_bytes().to_vec(), vec![]), "{offered:?}");
    };
    let tls = ClientConfig { protection: Protection::Vencrypt, ..ClientConfig::default() };
    let by_password = ClientConfig { password: Some("calvin".into()), ..tls.clone() };
    let by_name = ClientConfig { user: Some("root".into()), ..by_password.clone() };
    let all = [256, 257, 258, 259, 260, 261, 262, 263];
    check(&tls, &all, 260);
    check(&by_password, &all, 261);
    check(&by_name, &all, 262);
    check(&by_name, &[258, 260, 261], 261);
    check(&by_name, &[260], 260);
    check(&by_password, &[262, 260], 260);
    let check_failed = |config: &ClientConfig, offered: &[u32], expected: Error| {
        assert_eq!(vencrypt(config, offered), (vec![], vec![Event::Failed(expected)]), "{offered:?}");
    };
    let subtypes = |numbers: &[u32]| numbers.iter().copied().map(VencryptSubtype).collect::<Vec<_>>();
    check_failed(&tls, &[261], Error::PasswordRequired);
    check_failed(&tls, &[261, 262], Error::PasswordRequired);
    check_failed(&by_password, &[262], Error::UserRequired);
    check_failed(&by_name, &[256, 258], Error::AnonymousTls { offered: subtypes(&[256, 258]) });
    check_failed(&by_name, &[256, 264], Error::UnsupportedVencrypt { offered: subtypes(&[256, 264]) });
    check_failed(&by_name, &[], Error::UnsupportedVencrypt { offered: vec![] });
    // Without TLS a name and a password are not sent.
    let nothing = ClientConfig { protection: Protection::Nothing, ..by_name };
    let sent = b"RFB 003.008\n\x13\0\x02";
    let offer = [&b"RFB 003.008\n"[..], &[1, 19, 0, 2, 0, 1, 0, 0, 1, 0]];
    let required = Event::Failed(Error::TlsRequired { offered: subtypes(&[256]) });
    assert_eq!(play(&nothing, &offer), (sent.to_vec(), vec![required]));
    // Within a connection that is encrypted already they are.
    let around = ClientConfig { protection: Protection::Around, ..nothing };
    let login = [&[0, 0, 1, 0, 0, 0, 0, 4, 0, 0, 0, 6][..], b"rootcalvin"].concat();
    assert_eq!(play(&around, &offer).0, [sent.to_vec(), login].concat());
}

#[test]
fn tls_that_is_asked_for_is_not_done_without() {
    let tls = ClientConfig { protection: Protection::Vencrypt, ..with_password("calvin") };
    let offered = vec![SecurityType::VNC_AUTHENTICATION, SecurityType::NONE];
    check_failed(&tls, &[b"RFB 003.008\n", &[2, 2, 1]], Error::TlsUnavailable { offered });
    check_failed(
        &tls,
        &[b"RFB 003.003\n", &[0, 0, 0, 1]],
        Error::TlsUnavailable { offered: vec![SecurityType::NONE] },
    );
    let too_old = ProtocolError::VencryptVersion { major: 0, minor: 1 };
    check_failed(&tls, &[b"RFB 003.008\n", &[1, 19], &[0, 1]], Error::Protocol(too_old));
    let refused = Error::Refused { reason: String::new() };
    check_failed(&tls, &[b"RFB 003.008\n", &[1, 19], &[0, 2], &[1]], refused.clone());
    check_failed(&tls, &[b"RFB 003.008\n", &[1, 19], &[0, 2], &[0, 1, 0, 0, 1, 5], &[0]], refused);
}

#[test]
fn tls_begins_where_it_was_agreed() {
    let now = Instant::now();
    let tls = ClientConfig { protection: Protection::Vencrypt, ..with_password("password") };
    let agreed = b"RFB 003.008\n\x01\x13\0\x02\0\x01\0\0\x01\x05\x01";
    let mut client = Client::new(now, tls.clone());
    client.tls_started(now);
    client.receive(now, agreed);
    let (sent, events) = drain(&mut client);
    assert_eq!(
        (sent.as_slice(), events),
        (&b"RFB 003.008\n\x13\0\x02\0\0\x01\x05"[..], vec![Event::StartTls])
    );
    client.tls_started(now);
    client.tls_started(now);
    let challenge: [u8; 16] = core::array::from_fn(|i| u8::try_from(i).expect("small"));
    client.receive(now, &challenge);
    let response = 0xB866_9241_25C8_EEBB_9DEB_C1DB_61C5_38E2_u128.to_be_bytes();
    assert_eq!(drain(&mut client), (response.to_vec(), vec![]));
    client.receive(now, &[0; 4]);
    assert_eq!(drain(&mut client), (vec![1], vec![]));
    // What comes before the encryption is not taken for what comes within it.
    for together in [true, false] {
        let mut client = Client::new(now, tls.clone());
        if together {
            client.receive(now, &[&agreed[..], &challenge].concat());
        } else {
            client.receive(now, agreed);
            client.receive(now, &challenge);
        }
        let expected = Event::Failed(Error::Protocol(ProtocolError::BeforeTls));
        assert_eq!(drain(&mut client).1.last(), Some(&expected));
    }
}

#[test]
fn what_does_not_speak_rfb_is_found_out_at_once() {
    let now = Instant::now();
    let mut client = Client::new(now, ClientConfig::default());
    client.receive(now, b"SSH-2.0-OpenSSH_9.2\r\n");
    let start = b"SSH-2.0-Open".to_vec();
    assert_eq!(drain(&mut client).1, [Event::Failed(Error::NotRfb { start })]);
    assert_eq!(client.next_wake(), None);
    client.receive(now, b"more");
    client.wake(now);
    client.closed();
    assert_eq!(client.next_output(), None, "nothing follows a failure");
}

#[test]
fn an_end_before_the_reason_is_a_refusal_still() {
    let now = Instant::now();
    let mut client = Client::new(now, with_password("calvin"));
    client.receive(now, &[b"RFB 003.008\n", &[1, 2][..], &[0; 16], &[0, 0, 0, 1]].concat());
    client.closed();
    assert_eq!(drain(&mut client).1, [Event::Failed(Error::AuthFailed { reason: String::new() })]);
}

#[test]
fn a_server_that_goes_away_is_told_with_what_it_left() {
    let now = Instant::now();
    let check = |server: &[u8], during| {
        let mut client = Client::new(now, ClientConfig::default());
        client.receive(now, server);
        client.closed();
        assert_eq!(drain(&mut client).1.last(), Some(&Event::Failed(Error::Closed { during })));
    };
    check(b"", Phase::Version);
    check(b"RFB 003.008\n", Phase::Security);
    check(b"RFB 003.008\n\x01\x01", Phase::Authentication);
    check(b"RFB 003.008\n\x01\x01\0\0\0\0", Phase::Initialisation);
    let connected = [b"RFB 003.008\n\x01\x01\0\0\0\0", SCREEN, NAME].concat();
    check(&connected, Phase::Encodings);
    check(&[&connected[..], &[2]].concat(), Phase::Idle);
    check(&[&connected[..], &[2, 0, 0, 0]].concat(), Phase::Update);
}

/// A client of eight-bit pixels in a session of 4x2 pixels, all its output fetched.
fn connected(now: Instant) -> Client {
    let mut client = Client::new(now, eight_bits());
    client.receive(now, &[b"RFB 003.008\n\x01\x01\0\0\0\0", SCREEN, NAME].concat());
    drain(&mut client);
    client
}

const FULL_REQUEST: [u8; 10] = [3, 0, 0, 0, 0, 0, 0, 4, 0, 2];
const INCREMENTAL_REQUEST: [u8; 10] = [3, 1, 0, 0, 0, 0, 0, 4, 0, 2];
/// Eight pixels, raw.
const UPDATE: &[u8] = &[0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 2, 0, 0, 0, 0, 7, 7, 7, 7, 0, 0, 0, 0];

#[test]
fn the_session_opens_with_our_wishes() {
    let now = Instant::now();
    let mut client = Client::new(now, eight_bits());
    client.receive(now, &[b"RFB 003.008\n\x01\x01\0\0\0\0", SCREEN, NAME].concat());
    let (sent, _) = drain(&mut client);
    let mut expected = b"RFB 003.008\n\x01\x01".to_vec();
    expected.extend([0, 0, 0, 0, 8, 8, 0, 1, 0, 7, 0, 7, 0, 3, 0, 3, 6, 0, 0, 0]);
    expected.extend([2, 0, 0, 13]);
    for number in [16, 7, 15, 5, 6, 1, 2, 0, -239, -223, -224, -308, -258_i32] {
        expected.extend(number.to_be_bytes());
    }
    assert_eq!(sent, expected);
}

#[test]
fn pixels_are_numbers_where_a_colour_map_was_asked_for() {
    const RED: u32 = 0x00FF_0000;
    let now = Instant::now();
    let config = ClientConfig { pixel_format: PixelFormat::COLOUR_MAP, ..ClientConfig::default() };
    let mut client = Client::new(now, config);
    client.receive(now, &[b"RFB 003.008\n\x01\x01\0\0\0\0", SCREEN, NAME].concat());
    let (sent, _) = drain(&mut client);
    assert_eq!(sent[14..22], [0, 0, 0, 0, 8, 8, 0, 0], "no true colour");
    client.request_update(now, false);
    // Entry 7 and the next, and two that no byte can name.
    let entries = |first: [u8; 2], colours: [[u8; 3]; 2]| {
        let mut message = vec![1, 0, first[0], first[1], 0, 2];
        message.extend(colours.iter().flatten().flat_map(|intensity| [*intensity, 0x55]));
        message
    };
    client.receive(now, &entries([0, 7], [[0xFF, 0, 0], [0, 0xFF, 0]]));
    client.receive(now, &entries([0xFF, 0xFF], [[1, 2, 3], [4, 5, 6]]));
    let requests = drain(&mut client);
    assert!(!requests.1.contains(&Event::Updated), "nothing is painted: {requests:?}");
    client.receive(now, UPDATE);
    assert_eq!(drain(&mut client).1, [Event::Updated]);
    let shown = |client: &Client| client.framebuffer().map(|screen| screen.pixels().to_vec());
    assert_eq!(shown(&client), Some([[RED; 4], [0; 4]].concat()));
    // Another map is another picture.
    client.receive(now, &entries([0, 0], [[0, 0, 1], [9, 9, 9]]));
    assert_eq!(drain(&mut client).1, [Event::Updated]);
    assert_eq!(shown(&client), Some([[RED; 4], [1; 4]].concat()));
    client.receive(now, &entries([0, 9], [[1, 1, 1], [1, 1, 1]]));
    assert_eq!(drain(&mut client).1, [], "nothing has such a number");
}

#[test]
fn keys_and_pointer() {
    let now = Instant::now();
    let mut client = Client::new(now, eight_bits());
    client.key(0xFFBE, true);
    assert_eq!(client.next_output(), None, "no one to send keys to");
    let mut client = connected(now);
    client.key(0xFFBE, true);
    client.key(0xFFBE, false);
    client.pointer(0b101, 3, 258);
    let expected =
        [[4, 1, 0, 0, 0, 0, 0xFF, 0xBE].to_vec(), vec![4, 0, 0, 0, 0, 0, 0xFF, 0xBE], vec![5, 5, 0, 3, 1, 2]];
    assert_eq!(drain(&mut client).0, expected.concat());
}

#[test]
fn keys_by_their_places() {
    let now = Instant::now();
    let mut client = connected(now);
    let plain = [4, 1, 0, 0, 0, 0, 0, 0x79];
    client.key_at(0x79, 0x1D, true);
    assert_eq!(drain(&mut client).0, plain, "the server did not say that it takes places");
    assert!(!client.takes_places());
    client.receive(now, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFE, 0xFE]);
    assert!(client.takes_places());
    client.key_at(0x79, 0x1D, true);
    client.key_at(0xFF54, 0x51, false);
    client.key_at(0x79, 0xFF, true);
    let down = [255, 0, 0, 1, 0, 0, 0, 0x79, 0, 0, 0, 0x2C];
    let up = [255, 0, 0, 0, 0, 0, 0xFF, 0x54, 0, 0, 0, 0xD0];
    assert_eq!(drain(&mut client).0, [&down[..], &up, &plain].concat());
}

#[test]
fn an_update_answers_a_request() {
    let now = Instant::now();
    let mut client = connected(now);
    client.request_update(now, false);
    client.request_update(now, true);
    client.request_update(now, false);
    assert_eq!(drain(&mut client).0, FULL_REQUEST, "requests merge until sent");
    client.receive(now, &UPDATE[..20]);
    assert_eq!(client.next_output(), None);
    client.receive(now, &UPDATE[20..]);
    assert_eq!(drain(&mut client), (vec![], vec![Event::Updated]));
    let screen = client.framebuffer().expect("connected");
    assert_eq!(screen.pixels(), [[0x00FF_0000; 4], [0; 4]].concat());
    client.request_update(now, true);
    assert_eq!(drain(&mut client).0, INCREMENTAL_REQUEST);
}

#[test]
fn an_update_without_pixels_is_asked_for_again() {
    let now = Instant::now();
    let mut client = connected(now);
    // Nothing was asked for, nothing is repeated.
    client.receive(now, &[0, 0, 0, 0]);
    assert_eq!(drain(&mut client), (vec![], vec![]));
    client.request_update(now, true);
    drain(&mut client);
    // No rectangle; an empty pointer shape; a size that is ours already.
    client.receive(now, &[0, 0, 0, 0]);
    assert_eq!(drain(&mut client), (INCREMENTAL_REQUEST.to_vec(), vec![]));
    client.receive(now, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x11]);
    assert_eq!(drain(&mut client), (INCREMENTAL_REQUEST.to_vec(), vec![]));
    let monitor = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 2, 0, 0, 0, 0];
    let same_size = [&[0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 2, 0xFF, 0xFF, 0xFE, 0xCC][..], &monitor].concat();
    client.receive(now, &same_size);
    assert_eq!(drain(&mut client), (INCREMENTAL_REQUEST.to_vec(), vec![]));
    // The size alone in answer to a request for all: the pixels are to be fetched by a request for changes.
    client.request_update(now, false);
    let deadline = client.next_wake();
    drain(&mut client);
    client.receive(now + Duration::from_secs(1), &same_size);
    assert_eq!(drain(&mut client), (INCREMENTAL_REQUEST.to_vec(), vec![]));
    assert_eq!(client.next_wake(), deadline, "the request for all is not yet answered");
    // However often it happens between two outputs.
    for _ in 0..1000 {
        client.receive(now, &[0, 0, 0, 0]);
    }
    assert_eq!(drain(&mut client).0.len(), 10);
}

#[test]
fn a_new_size_asks_for_all() {
    let now = Instant::now();
    let desktop_size = [0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 3, 0xFF, 0xFF, 0xFF, 0x21].to_vec();
    let extended = [&[0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 3, 0xFF, 0xFF, 0xFE, 0xCC][..], &[0; 4]].concat();
    for update in [desktop_size, extended] {
        let mut client = connected(now);
        client.request_update(now, true);
        drain(&mut client);
        client.receive(now, &update);
        let (sent, events) = drain(&mut client);
        assert_eq!(sent, [3, 0, 0, 0, 0, 0, 0, 1, 0, 3]);
        assert_eq!(events, [Event::Resized { width: 1, height: 3 }]);
        assert!(client.next_wake().is_some(), "the answer is waited for");
    }
    // Status 3 in place of the row: somebody's wish for this size was refused.
    let mut client = connected(now);
    client
        .receive(now, &[&[0, 0, 0, 1, 0, 1, 0, 3, 0, 1, 0, 3, 0xFF, 0xFF, 0xFE, 0xCC][..], &[0; 4]].concat());
    assert_eq!(drain(&mut client), (vec![], vec![]));
    let mut client = connected(now);
    client.receive(now, &[0, 0, 0, 1, 0, 0, 0, 0, 255, 255, 255, 255, 0xFF, 0xFF, 0xFF, 0x21]);
    let too_large = SizeError::TooLarge { width: 65535, height: 65535 };
    assert_eq!(drain(&mut client).1, [Event::Failed(Error::TooLarge(too_large))]);
}

#[test]
fn an_update_may_end_early() {
    let now = Instant::now();
    let mut client = connected(now);
    let mut update = UPDATE.to_vec();
    update[2..4].fill(0xFF);
    client.receive(now, &update);
    assert_eq!(client.next_output(), None);
    client.receive(now, &[0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x20]);
    assert_eq!(drain(&mut client).1, [Event::Updated]);
}

#[test]
fn other_messages() {
    let now = Instant::now();
    let mut client = connected(now);
    client.receive(now, &[2, 2, 2]);
    client.receive(now, b"\x03\0\0\0\0\0\0\x03old");
    client.receive(now, b"\x03\0\0\0\0\0\0\x04caf\xe9");
    let colour_map = [&[1, 0, 0, 0, 0, 2][..], &[9; 12]].concat();
    client.receive(now, &colour_map);
    assert_eq!(drain(&mut client).1, [Event::Bell, Event::CutText("café".into())]);
    assert_eq!(client.next_wake(), None);
}

#[test]
fn messages_that_cannot_be() {
    let now = Instant::now();
    let check = |bytes: &[u8], expected| {
        let mut client = connected(now);
        client.receive(now, bytes);
        assert_eq!(drain(&mut client).1, [Event::Failed(Error::Protocol(expected))]);
    };
    check(&[9], ProtocolError::Message { number: 9 });
    check(&[3, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFC], ProtocolError::TextLength { length: 0xFFFF_FFFC });
    check(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 2, 0, 0, 0, 4], ProtocolError::Encoding { number: 4 });
    check(
        &[0, 0, 0, 1, 0, 1, 0, 0, 0, 4, 0, 2, 0, 0, 0, 0],
        ProtocolError::Rectangle { x: 1, y: 0, width: 4, height: 2 },
    );
}

#[test]
fn deadlines() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    // A server that says nothing, or dribbles.
    let mut client = Client::new(start, ClientConfig::default());
    assert_eq!(client.next_wake(), Some(after(15)));
    client.receive(after(14), b"RFB 003.008\n");
    assert_eq!(client.next_wake(), Some(after(15)));
    client.wake(after(14));
    assert_eq!(drain(&mut client).1, []);
    client.wake(after(15));
    let waiting_for = Phase::Security;
    assert_eq!(drain(&mut client).1, [Event::Failed(Error::Timeout { waiting_for })]);

    // Requests for changes wait for ever, requests for all do not, and asking again does not help the server.
    let mut client = connected(start);
    assert_eq!(client.next_wake(), None);
    client.request_update(after(1), true);
    assert_eq!(client.next_wake(), None);
    client.request_update(after(2), false);
    client.request_update(after(3), false);
    client.request_update(after(4), true);
    assert_eq!(client.next_wake(), Some(after(32)));
    client.receive(after(5), UPDATE);
    assert_eq!(client.next_wake(), None);

    // A message that was begun.
    client.request_update(after(6), true);
    client.receive(after(7), &UPDATE[..1]);
    client.receive(after(9), &UPDATE[1..18]);
    assert_eq!(client.next_wake(), Some(after(37)));
    client.receive(after(10), &UPDATE[18..]);
    assert_eq!(client.next_wake(), None);
    client.receive(after(11), &[UPDATE, &UPDATE[..2]].concat());
    assert_eq!(client.next_wake(), Some(after(41)));
    drain(&mut client);
    client.wake(after(41));
    let waiting_for = Phase::Update;
    assert_eq!(drain(&mut client).1, [Event::Failed(Error::Timeout { waiting_for })]);
    assert_eq!(client.framebuffer(), None);
}

/// Bytes that arrive one by one cost no more than those that arrive together, but for the calls.
#[test]
fn a_large_picture_arrives_in_small_pieces() {
    let now = Instant::now();
    let mut client = Client::new(now, eight_bits());
    let screen = [&[3, 32, 2, 88], &SCREEN[4..]].concat();
    client.receive(now, &[b"RFB 003.008\n\x01\x01\0\0\0\0", &screen[..], NAME].concat());
    let mut update = vec![0, 0, 0, 1, 0, 0, 0, 0, 3, 32, 2, 88, 0, 0, 0, 0];
    update.resize(16 + 800 * 600, 7);
    for byte in update {
        client.receive(now, &[byte]);
        assert!(client.inbox.pending().len() < 16);
    }
    assert!(drain(&mut client).1.contains(&Event::Updated));
    assert!(
        client.framebuffer().is_some_and(|screen| screen.pixels().iter().all(|&pixel| pixel == 0x00FF_0000))
    );
}
