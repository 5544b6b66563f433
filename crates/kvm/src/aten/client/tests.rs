use super::*;
use crate::error::ProtocolError;
use crate::picture::SizeError;

const BANNER: &[u8] = b"RFB 055.008\n";
const OPAQUE: &[u8] = &[0xA5; 24];
/// 480x640 pixels, and a name of four bytes.
const SERVER_INIT: &[u8] = &[
    1, 224, 2, 128, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0, 0, 0, 0, 4, b'i', b'K', b'V',
    b'M', //
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1,
];

fn config() -> ClientConfig {
    ClientConfig::new("token".into(), "".into())
}

/// Fetches all outputs: bytes to send and events.
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

fn connected(now: Instant) -> Client {
    let mut client = Client::new(now, config());
    client.receive(now, &[BANNER, &[1, 16], OPAQUE, &[0; 4], SERVER_INIT].concat());
    let (_, events) = drain(&mut client);
    assert_eq!(events, [Event::Connected { name: "iKVM".into() }]);
    client
}

/// An update of one rectangle.
fn update(width: u16, height: u16, encoding: i32, data: &[u8]) -> Vec<u8> {
    let size = [width, height].map(u16::to_be_bytes).concat();
    let length = (data.len() as u32).to_be_bytes();
    [&[0, 0, 0, 1, 0, 0, 0, 0], &size[..], &encoding.to_be_bytes(), &[0; 4], &length, data].concat()
}

/// Two by one pixels: red and blue.
const HERMON: &[u8] = &[1, 0, 0, 0, 0, 0, 0, 0, 0, 14, 0, 0x7C, 31, 0];

#[test]
fn the_way_in() {
    let now = Instant::now();
    let mut client = Client::new(now, config());
    client.receive(now, BANNER);
    assert_eq!(drain(&mut client).0, BANNER, "the greeting goes back as it came");
    client.receive(now, &[2, 2, 16]);
    assert_eq!(drain(&mut client).0, [16]);
    client.receive(now, OPAQUE);
    let mut login = b"token".to_vec();
    login.resize(48, 0);
    login.push(1);
    assert_eq!(drain(&mut client).0, login);
    client.receive(now, &[0; 4]);
    assert_eq!(drain(&mut client), (vec![], vec![]));
    client.receive(now, SERVER_INIT);
    let (sent, events) = drain(&mut client);
    assert_eq!(sent, [2, 0, 0, 2, 0, 0, 0, 0x57, 0, 0, 0, 0x59, 0x32, 11, 11, 1, 188]);
    assert_eq!(events, [Event::Connected { name: "iKVM".into() }]);
    client.request_update(now, true);
    assert_eq!(drain(&mut client).0, [3, 0, 0, 0, 0, 0, 1, 224, 2, 128], "there is nothing yet to change");
}

#[test]
fn refusals() {
    let now = Instant::now();
    let check = |server: &[&[u8]], is_closed: bool, expected: Error| {
        let mut client = Client::new(now, config());
        client.receive(now, &server.concat());
        if is_closed {
            client.closed();
        }
        assert_eq!(drain(&mut client).1, [Event::Failed(expected)]);
        assert_eq!(client.next_wake(), None);
    };
    check(&[b"SSH-2.0-OpenSSH_9.2"], false, Error::NotThisConsole { start: b"SSH-2.0-Open".to_vec() });
    check(&[BANNER, &[2, 1, 2]], false, Error::UnsupportedSecurity { offered: vec![1, 2] });
    let busy = [0, 0, 0, 0, 4, b'b', b'u', b's', b'y'];
    check(&[BANNER, &busy], false, Error::Refused { reason: "busy".into() });
    check(&[BANNER, &[0]], true, Error::Refused { reason: String::new() });
    let silent = || Error::AuthFailed { reason: String::new() };
    check(&[BANNER, &[1, 16], OPAQUE], true, silent());
    check(&[BANNER, &[1, 16], OPAQUE, &[0, 0, 0, 1]], false, silent());
    let odd = ProtocolError::Result { number: 7 };
    check(&[BANNER, &[1, 16], OPAQUE, &[0, 0, 0, 7]], false, odd.into());
    let long = ProtocolError::Length { what: "text", announced: u32::MAX.into() };
    check(&[BANNER, &[1, 16], OPAQUE, &[0; 4], &[255; 24]], false, long.into());
    check(&[BANNER], true, Error::Closed { during: Phase::Security });

    let long = ClientConfig::new("x".repeat(25).into(), "".into());
    let expected = Error::CredentialTooLong { what: "name", limit: 24 };
    assert_eq!(drain(&mut Client::new(now, long)).1, [Event::Failed(expected)]);
}

#[test]
fn pictures() {
    let now = Instant::now();
    let mut client = connected(now);
    client.request_update(now, false);
    drain(&mut client);
    let pixels = |client: &Client| client.picture().map(|picture| picture.pixels().to_vec());
    // The size comes with the picture, and messages between are passed over.
    let session = [&[0x39][..], &[7; 264]].concat();
    let others = [2, 0x37, 0, 0, 0x16, 0, 0x33, 0, 0, 0, 0, 0x35, 0, 0, 0, 0, 0];
    let text = [3, 0, 0, 0, 0, 0, 0, 1, b'x'];
    client.receive(now, &[&session[..], &others, &text, &update(2, 1, 0x59, HERMON)].concat());
    assert_eq!(drain(&mut client).1, [Event::Updated]);
    assert_eq!(pixels(&client), Some(vec![0x00FF_0000, 0x0000_00FF]));
    client.receive(now, &update(2, 1, 0, HERMON));
    assert_eq!(drain(&mut client).1, [Event::Updated], "nought stands for Hermon as well");
    // An update of nothing, and of ASPEED's coding: one white block.
    client.receive(now, &update(2, 1, 0x57, &[]));
    assert_eq!(drain(&mut client).1, [Event::Updated]);
    client.receive(now, &update(8, 8, 0x57, &[11, 11, 1, 188, 0, 0, 0x20, 0x53]));
    assert_eq!(drain(&mut client).1, [Event::Updated]);
    assert_eq!(pixels(&client), Some(vec![0x00FF_FFFF; 64]));
    client.request_update(now, true);
    assert_eq!(drain(&mut client).0, [3, 1, 0, 0, 0, 0, 0, 8, 0, 8]);
}

#[test]
fn a_screen_that_is_off_is_asked_for_once_a_second() {
    let now = Instant::now();
    let mut client = connected(now);
    client.request_update(now, false);
    drain(&mut client);
    client.receive(now, &update(64896, 65056, 0x59, &[0; 10]));
    assert_eq!(drain(&mut client).1, [Event::ScreenOff]);
    assert_eq!(client.picture(), None);
    client.request_update(now, true);
    assert!(drain(&mut client).0.is_empty());
    let later = now + Duration::from_secs(1);
    assert_eq!(client.next_wake(), Some(later));
    client.wake(later);
    assert_eq!(drain(&mut client).0, [3, 0, 0, 0, 0, 0, 1, 224, 2, 128]);
}

#[test]
fn updates_that_cannot_be() {
    let now = Instant::now();
    let check = |bytes: &[u8], expected: Error| {
        let mut client = connected(now);
        client.receive(now, bytes);
        assert_eq!(drain(&mut client).1, [Event::Failed(expected)]);
        assert_eq!(client.picture(), None);
    };
    check(&[9], ProtocolError::Message { number: 9 }.into());
    let huge = SizeError::TooLarge { width: 65535, height: 65535 };
    check(&update(65535, 65535, 0x57, &[]), huge.into());
    check(&update(8, 8, 0x58, &[]), ProtocolError::Encoding { number: 0x58 }.into());
    let mut long = update(8, 8, 0x57, &[]);
    long[20..24].fill(0xFF);
    let announced = u64::from(u32::MAX);
    check(&long, ProtocolError::Length { what: "rectangle", announced }.into());
    check(&[0, 0, 255, 255], ProtocolError::Length { what: "update", announced: 65535 }.into());
    check(&[3, 0, 0, 0, 255, 0, 0, 0], ProtocolError::Length { what: "text", announced: 0xFF00_0000 }.into());
    let odd = ProtocolError::Quality { luma: 12, chroma: 0, subsampling: 444 };
    check(&update(8, 8, 0x57, &[12, 0, 1, 188, 0, 0, 0, 0]), odd.into());
    check(&update(0, 8, 0x57, &[11, 11, 1, 188]), SizeError::Empty { width: 0, height: 8 }.into());
    let mut client = connected(now);
    client.receive(now, &update(2, 1, 0x59, HERMON).repeat(65));
    let flooded = Error::from(ProtocolError::Unasked { limit: 64 });
    assert_eq!(drain(&mut client).1, [Event::Updated, Event::Failed(flooded)]);
}

#[test]
fn keys_and_signs_of_life() {
    let now = Instant::now();
    let mut client = Client::new(now, config());
    client.key(0x4C, true);
    assert!(drain(&mut client).0.is_empty());
    let mut client = connected(now);
    client.key(0x4C, true);
    client.key(0x4C, false);
    let down = [4, 0, 1, 0, 0, 0, 0, 0, 0x4C, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let up = [4, 0, 0, 0, 0, 0, 0, 0, 0x4C, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(drain(&mut client).0, [down, up].concat());
    let due = client.next_wake().expect("a sign of life");
    assert_eq!(due, now + Duration::from_secs(3));
    client.wake(due);
    assert_eq!(drain(&mut client).0, [0x15, 0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(client.next_wake(), Some(now + Duration::from_secs(6)));
}

#[test]
fn deadlines() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut client = Client::new(start, config());
    assert_eq!(client.next_wake(), Some(after(15)));
    client.receive(after(14), BANNER);
    client.wake(after(15));
    let waiting_for = Phase::Security;
    assert_eq!(drain(&mut client).1, [Event::Failed(Error::Timeout { waiting_for })]);

    let check = |client: &mut Client| {
        client.wake(after(29));
        assert_eq!(drain(client).1, []);
        client.wake(after(30));
        let waiting_for = Phase::Update;
        assert_eq!(drain(client).1, [Event::Failed(Error::Timeout { waiting_for })]);
    };
    // A request for all that is not answered, and a message that is never complete.
    let mut client = connected(start);
    client.request_update(start, false);
    check(&mut client);
    let mut client = connected(start);
    client.receive(start, &update(2, 1, 0x59, HERMON)[..25]);
    client.receive(after(20), &[0]);
    check(&mut client);
}
