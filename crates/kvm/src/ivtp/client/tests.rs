use super::*;
use crate::picture::SizeError;

fn config() -> ClientConfig {
    ClientConfig::new("token".into(), "192.0.2.7".into(), "192.0.2.1".into())
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

fn packet(command: u16, status: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet::write(command, status, payload, &mut bytes);
    bytes
}

fn connected(now: Instant, before_us: u8) -> Client {
    let mut client = Client::new(now, config());
    client.receive(
        now,
        &[packet(command::ALLOWED, 2, &[]), packet(command::VALIDATED, 2, &[1, before_us])].concat(),
    );
    let (_, events) = drain(&mut client);
    assert_eq!(events, [Event::Connected { is_master: before_us == 0 }]);
    client
}

/// A part of a picture of 8x8 pixels, the first with its head.
fn head(size: u8) -> Vec<u8> {
    let mut head = vec![0; 86];
    (head[2], head[4], head[6], head[44], head[47], head[69]) = (86, 8, 8, 11, 11, size);
    head
}

/// One white block.
const WHITE: [u8; 4] = [0, 0, 0x20, 0x53];

#[test]
fn the_way_in() {
    let now = Instant::now();
    for (body, length) in
        [(ValidateBody::WithoutMac, 324), (ValidateBody::Usual, 373), (ValidateBody::WithServer, 438)]
    {
        let mut client = Client::new(now, ClientConfig { body, web_session: Some("web".into()), ..config() });
        assert_eq!(drain(&mut client), (vec![], vec![]), "the controller speaks first");
        client.receive(now, &packet(command::ALLOWED, 2, &[]));
        let (sent, _) = drain(&mut client);
        assert_eq!(sent[..8], [0x3A, 0, 0, 0, 0, 0, 1, 0]);
        let [low, high] = (length as u16).to_le_bytes();
        assert_eq!(sent[8..16], [0x12, 0, low, high, 0, 0, 1, 0]);
        assert_eq!(sent[16..23], *b"\0token\0");
        assert_eq!(sent[16 + 130..16 + 140], *b"192.0.2.7\0");
        assert_eq!(sent[16 + length..], [6, 0, 0, 0, 0, 0, 0, 0]);
        client.receive(now, &packet(command::VALIDATED, 1, &[1, 0]));
        let (sent, events) = drain(&mut client);
        assert_eq!(events, [Event::Connected { is_master: true }]);
        assert_eq!(sent[..11], [0x15, 0, 35, 0, 0, 0, 0, 0, b'w', b'e', b'b']);
        assert_eq!(sent[8 + 35..], [0x22, 0, 0, 0, 0, 0, 0, 0]);
        // The whole screen, once.
        client.receive(now, &[packet(command::POWER, 0, &[1]), packet(command::VIEWERS, 0, &[1])].concat());
        assert_eq!(drain(&mut client).0, [6, 0, 0, 0, 0, 0, 0, 0, 0x0B, 0, 0, 0, 0, 0, 1, 0]);
    }
}

#[test]
fn a_controller_that_tells_nothing_is_asked_all_the_same() {
    let now = Instant::now();
    let mut client = connected(now, 0);
    let due = client.next_wake().expect("the first request");
    client.request_full_screen(now);
    assert!(drain(&mut client).0.is_empty());
    client.wake(due);
    assert_eq!(drain(&mut client).0, [6, 0, 0, 0, 0, 0, 0, 0, 0x0B, 0, 0, 0, 0, 0, 1, 0]);
    assert_eq!(client.next_wake(), Some(due + Duration::from_secs(30)));
}

#[test]
fn refusals() {
    let now = Instant::now();
    let check = |packets: &[Vec<u8>], expected: Error| {
        let mut client = Client::new(now, config());
        client.receive(now, &packets.concat());
        assert_eq!(drain(&mut client).1.last(), Some(&Event::Failed(expected)));
        assert_eq!((client.next_wake(), client.picture()), (None, None));
    };
    let allowed = || packet(command::ALLOWED, 2, &[]);
    let auth = |reason: &str| Error::AuthFailed { reason: reason.into() };
    check(&[allowed(), packet(command::VALIDATED, 0, &[0])], auth("the session is not valid"));
    check(&[allowed(), packet(command::VALIDATED, 0, &[2])], auth("the user may not use the console"));
    check(&[allowed(), packet(command::VALIDATED, 0, &[77])], auth("it gave a result that is not known"));
    let refused = |reason: &str| Error::Refused { reason: reason.into() };
    check(&[allowed(), packet(command::NO_SESSION, 0, &[])], refused("all its console sessions are taken"));
    check(&[packet(command::NO_SESSION, 1, &[])], refused("this user has a console open already"));
    check(&[allowed(), packet(command::STOP, 7, &[])], refused("it ended the session (status 7)"));
    check(&[b"HTTP/1.1 200 OK\r\n".to_vec()], Error::NotThisConsole { start: b"HTTP/1.1 200".to_vec() });
    let long = ProtocolError::Length { what: "packet", announced: 0xFFFF_FFFF };
    check(&[vec![0x17, 0, 255, 255, 255, 255, 0, 0]], long.into());
    check(&[vec![0x35, 0, 255, 255, 255, 255, 0, 0]], long.into());
    let config = ClientConfig { token: "x".repeat(129).into(), ..config() };
    let expected = Error::CredentialTooLong { what: "token", limit: 128 };
    assert_eq!(drain(&mut Client::new(now, config)).1, [Event::Failed(expected)]);
}

#[test]
fn pictures_come_in_parts() {
    let now = Instant::now();
    let mut client = connected(now, 0);
    let frame = [head(4), WHITE.to_vec()].concat();
    let parts = [
        packet(command::VIDEO, 0, &[&[0, 0], &frame[..86]].concat()),
        packet(0x35, 0, &[1, 2, 3]),
        packet(command::VIDEO, 0, &[&[1, 0], &frame[86..88]].concat()),
        packet(command::VIDEO, 0, &[&[2, 0x80], &frame[88..], &[9; 3]].concat()),
    ];
    client.receive(now, &parts[..3].concat());
    assert_eq!(drain(&mut client).1, []);
    assert!(client.next_wake().is_some());
    client.receive(now, &parts[3]);
    assert_eq!(drain(&mut client).1, [Event::Updated]);
    let white = Some(vec![0x00FF_FFFF; 64]);
    assert_eq!(client.picture().map(|picture| picture.pixels().to_vec()), white);
    // Nothing changed; and then the host shows nothing.
    client.receive(now, &packet(command::VIDEO, 0, &[&[0, 0x80], &head(0)[..]].concat()));
    assert_eq!(drain(&mut client).1, [Event::Updated]);
    assert_eq!(client.picture().map(|picture| picture.pixels().to_vec()), white);
    client.receive(now, &packet(command::BLANK, 0, &[]));
    assert_eq!(drain(&mut client).1, [Event::ScreenOff]);
    assert_eq!(client.picture(), None);
    client.receive(now, &packet(command::KEEP_ALIVE, 0, &[]));
    assert_eq!(drain(&mut client).0, packet(command::KEEP_ALIVE, 0, &[]));
}

#[test]
fn pictures_that_cannot_be() {
    let now = Instant::now();
    let check = |change: &dyn Fn(&mut Vec<u8>), expected: Error| {
        let mut client = connected(now, 0);
        let mut frame = head(4);
        change(&mut frame);
        client.receive(now, &packet(command::VIDEO, 0, &[&[0, 0x80], &frame[..], &WHITE].concat()));
        assert_eq!(drain(&mut client).1, [Event::Failed(expected)]);
    };
    check(&|frame| frame[53] = 1, Error::EncryptedVideo);
    check(&|frame| frame[4..8].fill(0xFF), SizeError::TooLarge { width: 65535, height: 65535 }.into());
    check(&|frame| frame[4] = 0, SizeError::Empty { width: 0, height: 8 }.into());
    let long = ProtocolError::Length { what: "frame", announced: 0x00FF_0004 };
    check(&|frame| frame[71] = 0xFF, long.into());
    check(&|frame| frame[44] = 12, ProtocolError::Quality { luma: 12, chroma: 11, subsampling: 0 }.into());
    check(&|frame| frame.truncate(20), ProtocolError::Length { what: "frame", announced: 24 }.into());
}

#[test]
fn a_second_viewer_is_not_heard_until_it_is_master() {
    let now = Instant::now();
    let mut client = connected(now, 1);
    client.key(4, true);
    assert!(drain(&mut client).0.is_empty(), "keys of a slave go nowhere");
    client.request_master();
    assert_eq!(drain(&mut client).0, [0x32, 0, 0, 0, 0, 0, 0, 0]);
    // No; a master that left, which is no yes; yes.
    for (status, is_master) in [(0x0104, false), (0x0904, false), (0x0004, true)] {
        client.receive(now, &packet(command::SHARING, status, &[]));
        assert_eq!(drain(&mut client).1, [Event::Master { is_master }]);
    }
    client.key(4, true);
    assert_eq!(drain(&mut client).0.len(), 8 + 41);
    client.receive(now, &packet(command::SHARING, 1, &[0; 134]));
    assert_eq!(drain(&mut client).1, [Event::MasterWanted]);
    client.receive(now, &packet(command::SHARING, 0x0303, &[]));
    assert_eq!(drain(&mut client).1, [Event::Master { is_master: false }]);
    client.receive(now, &packet(command::SHARING, 6, &[]));
    assert_eq!(drain(&mut client).1, [Event::Master { is_master: true }]);
    // Leaving lets the key go first.
    client.stop();
    let (sent, events) = drain(&mut client);
    assert_eq!((sent.len(), events), (8 + 41 + 8, vec![]));
    assert_eq!(sent[8 + 33..8 + 41], [0, 1, 0, 0, 0, 0, 0, 0]);
    client.closed();
    assert_eq!(drain(&mut client), (vec![], vec![]));
}

#[test]
fn deadlines() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut client = Client::new(start, config());
    client.receive(after(3), &packet(command::ALLOWED, 2, &[]));
    drain(&mut client);
    assert_eq!(client.next_wake(), Some(after(15)));
    client.wake(after(15));
    let waiting_for = Phase::Authentication;
    assert_eq!(drain(&mut client).1, [Event::Failed(Error::Timeout { waiting_for })]);

    // A picture whose parts dribble in.
    let mut client = connected(start, 0);
    client.receive(start, &packet(command::VIDEO, 0, &[&[0, 0], &head(4)[..]].concat()));
    client.receive(after(20), &packet(command::VIDEO, 0, &[1, 0, 7]));
    client.wake(after(29));
    client.wake(after(30));
    let waiting_for = Phase::Update;
    assert_eq!(drain(&mut client).1, [Event::Failed(Error::Timeout { waiting_for })]);
    let mut client = connected(start, 0);
    client.closed();
    assert_eq!(drain(&mut client).1, [Event::Failed(Error::Closed { during: Phase::Idle })]);
}
