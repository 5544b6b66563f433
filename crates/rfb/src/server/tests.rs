//! The server against viewers written by hand.

use super::*;

const RED: u32 = 0x00FF_0000;

fn drain(server: &mut Server) -> (Vec<u8>, Vec<ServerEvent>) {
    let (mut sent, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = server.next_output() {
        match output {
            Output::Send(bytes) => sent.extend(bytes),
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

fn with_password() -> ServerConfig {
    ServerConfig { password: Some("password".into()), name: "sim".into(), ..ServerConfig::default() }
}

fn without_password() -> ServerConfig {
    ServerConfig { name: "sim".into(), ..ServerConfig::default() }
}

fn screen(width: u16, height: u16) -> Framebuffer {
    Framebuffer::black(width, height).expect("small")
}

const CHALLENGE: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Plays a viewer's bytes, whole and one by one: what the server sent and told.
fn play(config: &ServerConfig, viewer: &[&[u8]]) -> (Vec<u8>, Vec<ServerEvent>) {
    let now = Instant::now();
    let viewer = viewer.concat();
    let [whole, single] = [viewer.len().max(1), 1].map(|chunk| {
        let mut server = Server::new(now, config.clone(), screen(4, 2), CHALLENGE);
        for bytes in viewer.chunks(chunk) {
            server.receive(now, bytes);
        }
        drain(&mut server)
    });
    assert_eq!(whole, single, "the outcome depends on how bytes are split");
    whole
}

const SERVER_INIT: &[u8] = b"\0\x04\0\x02\x20\x18\0\x01\0\xFF\0\xFF\0\xFF\x10\x08\0\0\0\0\0\0\0\x03sim";

#[test]
fn ways_in() {
    let check = |config: &ServerConfig, viewer: &[&[u8]], server: &[&[u8]]| {
        let (sent, events) = play(config, viewer);
        assert_eq!(sent, [&server.concat()[..], SERVER_INIT].concat());
        assert_eq!(events, [ServerEvent::Connected { shared: true }]);
    };
    let response = 0xB866_9241_25C8_EEBB_9DEB_C1DB_61C5_38E2_u128.to_be_bytes();
    let greeting = b"RFB 003.008\n";
    check(&without_password(), &[b"RFB 003.003\n", &[1]], &[greeting, &[0, 0, 0, 1]]);
    check(&without_password(), &[b"RFB 003.005\n", &[1]], &[greeting, &[0, 0, 0, 1]]);
    check(&without_password(), &[b"RFB 003.007\n", &[1, 1]], &[greeting, &[1, 1]]);
    check(&without_password(), &[b"RFB 003.008\n", &[1, 1]], &[greeting, &[1, 1], &[0; 4]]);
    check(
        &with_password(),
        &[b"RFB 003.003\n", &response, &[1]],
        &[greeting, &[0, 0, 0, 2], &CHALLENGE, &[0; 4]],
    );
    check(
        &with_password(),
        &[b"RFB 003.007\n", &[2], &response, &[1]],
        &[greeting, &[1, 2], &CHALLENGE, &[0; 4]],
    );
    check(
        &with_password(),
        &[b"RFB 003.008\n", &[2], &response, &[1]],
        &[greeting, &[1, 2], &CHALLENGE, &[0; 4]],
    );
    let old = ServerConfig { highest_version: ProtocolVersion::V3_3, ..without_password() };
    check(&old, &[b"RFB 003.003\n", &[1]], &[b"RFB 003.003\n", &[0, 0, 0, 1]]);
}

#[test]
fn ways_that_stay_shut() {
    let check = |config: &ServerConfig, viewer: &[&[u8]], last: &[u8], expected: ServerError| {
        let (sent, events) = play(config, viewer);
        assert!(sent.ends_with(last), "{sent:?}");
        assert_eq!(events, [ServerEvent::Failed(expected)]);
    };
    let reason = b"\0\0\0\x01\0\0\0\x15Authentication failed";
    check(&with_password(), &[b"RFB 003.008\n", &[2], &[0; 16]], reason, ServerError::AuthFailed);
    check(&with_password(), &[b"RFB 003.007\n", &[2], &[0; 16]], &[15, 0, 0, 0, 1], ServerError::AuthFailed);
    check(&with_password(), &[b"RFB 003.003\n", &[0; 16]], &[15, 0, 0, 0, 1], ServerError::AuthFailed);
    let chosen = SecurityType::NONE;
    check(&with_password(), &[b"RFB 003.008\n", &[1]], &[1, 2], ServerError::SecurityNotOffered { chosen });
    let start = b"GET / HTTP/1".to_vec();
    let (_, events) = {
        let now = Instant::now();
        let mut server = Server::new(now, without_password(), screen(4, 2), CHALLENGE);
        server.receive(now, b"GET / HTTP/1.1\r\n");
        drain(&mut server)
    };
    assert_eq!(events, [ServerEvent::Failed(ServerError::NotRfb { start })]);
    check(
        &without_password(),
        &[b"RFB 003.002\n"],
        b"\n",
        ServerError::UnsupportedVersion { major: 3, minor: 2 },
    );
}

#[test]
fn a_silent_viewer_is_given_up() {
    let now = Instant::now();
    let mut server = Server::new(now, with_password(), screen(4, 2), CHALLENGE);
    server.receive(now, b"RFB 003.008\n\x02");
    let deadline = server.next_wake().expect("a handshake ends");
    assert_eq!(deadline, now + Duration::from_secs(15));
    server.wake(deadline - Duration::from_nanos(1));
    assert!(server.framebuffer().is_some());
    server.wake(deadline);
    let waiting_for = Phase::Authentication;
    assert_eq!(drain(&mut server).1, [ServerEvent::Failed(ServerError::Timeout { waiting_for })]);
    assert_eq!(server.next_wake(), None);
}

/// A viewer in session with a screen of `width` by `height`, all output fetched.
fn connected(now: Instant, width: u16, height: u16) -> Server {
    let mut server = Server::new(now, without_password(), screen(width, height), CHALLENGE);
    server.receive(now, b"RFB 003.008\n\x01\x01");
    drain(&mut server);
    server
}

const REQUEST: [u8; 10] = [3, 0, 0, 0, 0, 0, 255, 255, 255, 255];
const INCREMENTAL_REQUEST: [u8; 10] = [3, 1, 0, 0, 0, 0, 255, 255, 255, 255];
const EIGHT_BITS: [u8; 20] = [0, 0, 0, 0, 8, 8, 0, 1, 0, 7, 0, 7, 0, 3, 0, 3, 6, 0, 0, 0];

#[test]
fn what_viewers_say() {
    let now = Instant::now();
    let mut server = connected(now, 4, 2);
    server.receive(now, &[4, 1, 0, 0, 0, 0, 0xFF, 0xBE, 5, 1, 0, 9, 1, 0]);
    server.receive(now, b"\x06\0\0\0\0\0\0\x04caf\xe9");
    let expected = [
        ServerEvent::Key { keysym: 0xFFBE, down: true },
        ServerEvent::Pointer { buttons: 1, x: 9, y: 256 },
        ServerEvent::CutText("café".into()),
    ];
    assert_eq!(drain(&mut server), (vec![], expected.to_vec()));
    let check = |bytes: &[u8], expected| {
        let mut server = connected(now, 4, 2);
        server.receive(now, bytes);
        assert_eq!(drain(&mut server).1, [ServerEvent::Failed(ServerError::Protocol(expected))]);
    };
    check(&[150], ProtocolError::Message { number: 150 });
    check(&[6, 0, 0, 0, 0xFF, 0, 0, 0], ProtocolError::TextLength { length: 0xFF00_0000 });
    check(&[0; 20], ProtocolError::PixelFormat { bits_per_pixel: 0 });
}

#[test]
fn keys_wait_for_the_caller() {
    let now = Instant::now();
    let mut server = connected(now, 4, 2);
    for _ in 0..10 {
        server.receive(now, &[4, 1, 0, 0, 0, 0, 0, 65].repeat(1000));
        assert!(server.events.len() <= MAX_EVENTS);
    }
    assert_eq!(drain(&mut server).1.len(), 10_000, "none is lost");
}

#[test]
fn updates_come_when_asked_for() {
    let now = Instant::now();
    let mut server = connected(now, 20, 2);
    assert_eq!(server.next_output(), None);
    server.receive(now, &EIGHT_BITS);
    server.receive(now, &REQUEST);
    let all = [&[0, 0, 0, 1, 0, 0, 0, 0, 0, 20, 0, 2, 0, 0, 0, 0][..], &[0; 40]].concat();
    assert_eq!(drain(&mut server).0, all);
    // Nothing changed: the answer waits.
    server.receive(now, &INCREMENTAL_REQUEST);
    assert_eq!(server.next_output(), None);
    let mut picture = screen(20, 2);
    server.set_framebuffer(&picture);
    assert_eq!(server.next_output(), None);
    picture.row_mut(19, 1, 1).fill(RED);
    server.set_framebuffer(&picture);
    let changed = [0, 0, 0, 1, 0, 16, 0, 0, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    assert_eq!(drain(&mut server).0, changed);
    // Changed twice, asked for once and late: the newest is sent once.
    picture.row_mut(19, 1, 1).fill(0);
    server.set_framebuffer(&picture);
    picture.row_mut(18, 1, 1).fill(RED);
    server.set_framebuffer(&picture);
    assert_eq!(server.next_output(), None);
    server.receive(now, &[INCREMENTAL_REQUEST, INCREMENTAL_REQUEST].concat());
    let changed = [0, 0, 0, 1, 0, 16, 0, 0, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0];
    assert_eq!(drain(&mut server).0, changed);
    // Whoever asks for all gets all, however often.
    server.receive(now, &REQUEST.repeat(100));
    assert_eq!(drain(&mut server).0.len(), all.len());
}

#[test]
fn the_viewers_first_known_encoding_is_sent() {
    let now = Instant::now();
    let check = |encodings: &[i32], expected: i32| {
        let mut server = connected(now, 4, 2);
        let mut message = vec![2, 0, 0, u8::try_from(encodings.len()).expect("few")];
        message.extend(encodings.iter().flat_map(|number| number.to_be_bytes()));
        server.receive(now, &message);
        server.receive(now, &REQUEST);
        assert_eq!(drain(&mut server).0.get(12..16), Some(&expected.to_be_bytes()[..]), "{encodings:?}");
    };
    check(&[], 0);
    check(&[4, 1, 2, -223], 0);
    check(&[4, 16, 5, 0], 16);
    check(&[7, 16, 5, 0], 7);
    check(&[5, 16, 0], 5);
    check(&[0, 16], 0);
}

#[test]
fn a_new_size_is_told_to_those_who_can_follow() {
    let now = Instant::now();
    let mut server = connected(now, 4, 2);
    server.receive(now, &EIGHT_BITS);
    server.receive(now, &[2, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0x21]);
    server.receive(now, &REQUEST);
    drain(&mut server);
    server.set_framebuffer(&screen(3, 3));
    assert_eq!(server.next_output(), None);
    server.receive(now, &INCREMENTAL_REQUEST);
    assert_eq!(drain(&mut server).0, [0, 0, 0, 1, 0, 0, 0, 0, 0, 3, 0, 3, 0xFF, 0xFF, 0xFF, 0x21]);
    server.receive(now, &INCREMENTAL_REQUEST);
    let all = [&[0, 0, 0, 1, 0, 0, 0, 0, 0, 3, 0, 3, 0, 0, 0, 0][..], &[0; 9]].concat();
    assert_eq!(drain(&mut server).0, all);

    // The others see a part of it, or black where it has nothing.
    let mut server = connected(now, 4, 2);
    server.receive(now, &[&EIGHT_BITS[..], &REQUEST].concat());
    drain(&mut server);
    let picture = Framebuffer::from_pixels(3, 3, vec![RED; 9]).expect("small");
    server.set_framebuffer(&picture);
    server.receive(now, &INCREMENTAL_REQUEST);
    let part = [0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 2, 0, 0, 0, 0, 7, 7, 7, 0, 7, 7, 7, 0];
    assert_eq!(drain(&mut server).0, part);
}

#[test]
fn a_size_before_the_viewer_is_in_is_its_first() {
    let now = Instant::now();
    let mut server = Server::new(now, without_password(), screen(4, 2), CHALLENGE);
    server.set_framebuffer(&screen(9, 8));
    server.receive(now, b"RFB 003.008\n\x01\x01");
    let (sent, _) = drain(&mut server);
    assert_eq!(sent.get(18..22), Some(&[0, 9, 0, 8][..]));
}

#[test]
fn viewers_with_a_colour_map_are_sent_one() {
    let now = Instant::now();
    let mut server = connected(now, 4, 2);
    let colour_map = [0, 0, 0, 0, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    server.receive(now, &colour_map.repeat(50));
    let (sent, _) = drain(&mut server);
    assert_eq!(sent.get(..6), Some(&[1, 0, 0, 0, 1, 0][..]));
    assert_eq!(sent.len(), 6 + 256 * 6, "sent once, however often it was asked for");
    assert_eq!(sent.get(6 + 7 * 6..6 + 8 * 6), Some(&[255, 255, 0, 0, 0, 0][..]), "pixel 7 is red");
    let mut sixteen = colour_map;
    sixteen[4] = 16;
    server.receive(now, &sixteen);
    let refused = ServerError::Protocol(ProtocolError::PixelFormat { bits_per_pixel: 16 });
    assert_eq!(drain(&mut server).1, [ServerEvent::Failed(refused)]);
}
