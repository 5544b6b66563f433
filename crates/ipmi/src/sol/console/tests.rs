use super::*;

/// A console with a BMC that the test plays.
struct Case {
    console: Console,
    now: Instant,
    order: u32,
}

impl Case {
    fn new(inbound_size: u16) -> Self {
        Self::with(&SolConfig::default(), inbound_size, false)
    }

    fn with(config: &SolConfig, inbound_size: u16, renumbers: bool) -> Self {
        let now = Instant::now();
        let mut console = Console::new(now, config, inbound_size, renumbers);
        assert!(matches!(console.next_event(), Some(SolEvent::Opened { .. })));
        Self { console, now, order: 0 }
    }

    /// The BMC sends this.
    fn receive(&mut self, payload: &[u8]) {
        self.order += 1;
        self.console.receive(self.now, self.order, payload).unwrap();
    }

    #[track_caller]
    fn sends(&mut self, expected: &[&[u8]]) {
        let sent: Vec<Vec<u8>> = std::iter::from_fn(|| self.console.next_payload(self.now)).collect();
        assert_eq!(sent, expected);
    }

    #[track_caller]
    fn tells(&mut self, expected: &[SolEvent]) {
        let told: Vec<SolEvent> = std::iter::from_fn(|| self.console.next_event()).collect();
        assert_eq!(told, expected);
    }

    fn write(&mut self, text: &[u8]) {
        assert_eq!(self.console.write(self.now, text), text.len());
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.console.wake(self.now);
    }
}

fn data(text: &[u8]) -> SolEvent {
    SolEvent::Data(text.to_vec())
}

#[test]
fn one_packet_is_outstanding() {
    let mut case = Case::new(255);
    case.write(b"a");
    case.sends(&[b"\x01\0\0\0a"]);
    case.write(b"bc");
    case.sends(&[]);
    case.receive(&[0, 1, 1, 0]);
    case.sends(&[b"\x02\0\0\0bc"]);
    case.receive(&[0, 1, 2, 0]);
    case.sends(&[]);
    case.receive(&[0, 2, 2, 0]);
    assert_eq!(case.console.waiting(), 0);
}

#[test]
fn numbers_go_from_1_to_15() {
    let mut case = Case::new(255);
    for number in (1..=15).chain(1..=3) {
        case.write(b"x");
        case.sends(&[&[number, 0, 0, 0, b'x']]);
        case.receive(&[0, number, 1, 0]);
    }
}

#[test]
fn what_was_not_accepted_is_sent_again_as_new() {
    let mut case = Case::new(255);
    case.write(b"abcdef");
    case.sends(&[b"\x01\0\0\0abcdef"]);
    case.write(b"g");
    case.receive(&[0, 1, 4, 0]);
    case.sends(&[b"\x02\0\0\0efg"]);
    case.receive(&[0, 2, 200, 0]);
    assert_eq!(case.console.waiting(), 0, "a count that is too high is all there was");
}

#[test]
fn a_refusal_is_waited_out_and_not_spun_upon() {
    let mut case = Case::new(255);
    case.write(b"ab");
    case.sends(&[b"\x01\0\0\0ab"]);
    case.receive(&[0, 1, 0, status::NACK | status::UNAVAILABLE]);
    case.tells(&[SolEvent::Unavailable]);
    case.sends(&[]);
    case.pass(499);
    case.sends(&[]);
    case.pass(1);
    case.sends(&[b"\x02\0\0\0ab"]);
    case.receive(&[0, 2, 0, status::NACK | status::UNAVAILABLE]);
    case.pass(999);
    case.sends(&[]);
    // Any packet without the bit says that it goes on.
    case.receive(&[1, 0, 0, 0, b'#']);
    case.tells(&[SolEvent::Available, data(b"#")]);
    case.sends(&[&[0, 1, 1, 0], b"\x03\0\0\0ab"]);
}

#[test]
fn transmissions_back_off_and_end() {
    let mut case = Case::new(255);
    case.write(b"x");
    let mut waits = Vec::new();
    let mut last = case.now;
    while case.console.closed().is_none() {
        if case.console.next_payload(case.now).is_some() {
            waits.push(case.now.duration_since(last).as_millis());
            last = case.now;
        }
        let next = case.console.next_wake().unwrap();
        case.pass(next.saturating_duration_since(case.now).as_millis() as u64);
    }
    assert_eq!(waits, [0, 500, 500, 1000, 1000, 2000, 2000, 4000, 4000, 4000, 4000]);
    assert_eq!(case.console.closed(), Some(SolClosed::Unacknowledged));
    assert!(case.console.next_wake().is_none());
}

#[test]
fn a_number_is_skipped_where_the_bmc_needs_it() {
    let mut case = Case::with(&SolConfig::default(), 255, true);
    case.write(b"x");
    for number in [1, 1, 1, 2, 2, 2, 3] {
        case.sends(&[&[number, 0, 0, 0, b'x']]);
        case.pass(4000);
    }
    case.receive(&[0, 3, 1, 0]);
    case.write(b"y");
    case.sends(&[b"\x04\0\0\0y"]);
}

#[test]
fn what_comes_is_acknowledged_and_told_once() {
    let mut case = Case::new(255);
    case.receive(b"\x01\0\0\0log");
    case.sends(&[&[0, 1, 3, 0]]);
    case.receive(b"\x01\0\0\0login");
    case.sends(&[&[0, 1, 5, 0]]);
    case.receive(b"\x02\0\0\0: ");
    case.sends(&[&[0, 2, 2, 0]]);
    case.tells(&[data(b"log"), data(b"in"), data(b": ")]);
}

#[test]
fn status_bits_are_told_once() {
    let mut case = Case::new(255);
    case.receive(&[1, 0, 0, status::BREAK | status::OVERRUN, b'x']);
    case.receive(&[1, 0, 0, status::BREAK | status::OVERRUN, b'x']);
    case.tells(&[SolEvent::Overrun, SolEvent::Break, data(b"x")]);
    case.receive(&[0, 0, 0, status::UNAVAILABLE]);
    case.receive(&[0, 0, 0, status::UNAVAILABLE]);
    case.tells(&[SolEvent::Unavailable]);
    case.receive(&[0, 0, 0, status::DEACTIVATED]);
    assert_eq!(case.console.closed(), Some(SolClosed::Deactivated));
    case.write(b"x");
    case.sends(&[]);
}

#[test]
fn a_break_travels_alone_and_in_its_place() {
    let mut case = Case::new(255);
    case.write(b"ab");
    case.console.send_break();
    case.write(b"cd");
    case.sends(&[b"\x01\0\0\0ab"]);
    case.receive(&[0, 1, 1, 0]);
    case.sends(&[b"\x02\0\0\0b"]);
    case.receive(&[0, 2, 1, 0]);
    case.sends(&[&[3, 0, 0, operation::BREAK]]);
    case.pass(500);
    case.sends(&[&[3, 0, 0, operation::BREAK]]);
    case.receive(&[0, 3, 0, 0]);
    case.sends(&[b"\x04\0\0\0cd"]);
}

#[test]
fn a_held_console_says_so_in_every_packet_and_refuses_output() {
    let mut case = Case::new(255);
    case.console.pause(true);
    case.sends(&[&[1, 0, 0, operation::CTS_PAUSE]]);
    case.receive(&[0, 1, 0, 0]);
    case.receive(b"\x05\0\0\0x");
    case.sends(&[&[0, 5, 0, operation::CTS_PAUSE | operation::NACK]]);
    case.tells(&[]);
    case.write(b"still");
    case.sends(&[b"\x02\0\0\x08still"]);
    case.console.pause(false);
    case.receive(&[0, 2, 5, 0]);
    case.sends(&[&[3, 0, 0, 0]]);
}

#[test]
fn a_flush_drops_what_waits_and_tells_the_bmc() {
    let mut case = Case::new(255);
    case.write(b"a");
    case.sends(&[b"\x01\0\0\0a"]);
    case.write(b"never sent");
    case.console.flush();
    case.receive(&[0, 1, 1, 0]);
    case.sends(&[&[2, 0, 0, operation::FLUSH_INBOUND | operation::FLUSH_OUTBOUND]]);
}

#[test]
fn sizes_that_cannot_be_are_replaced() {
    let check = |size, expected| assert_eq!(characters(size), expected, "{size}");
    check(255, 251);
    check(259, 255);
    check(1024, 255);
    check(36, 32);
    check(5, 1);
    for nonsense in [0, 3, 4, 0xFF00, 0xFFFF] {
        check(nonsense, 32);
    }
}

#[test]
fn a_silent_system_is_probed_if_that_is_wanted() {
    let check = |probe, expected: &[&[u8]]| {
        let mut case = Case::with(&SolConfig { probe, ..SolConfig::default() }, 255, false);
        case.pass(19_999);
        case.sends(&[]);
        case.pass(1);
        case.sends(expected);
    };
    check(SerialProbe::None, &[]);
    check(SerialProbe::Empty, &[&[1, 0, 0, 0]]);
    check(SerialProbe::Nul, &[&[1, 0, 0, 0, 0]]);
}

#[test]
fn what_waits_is_bounded() {
    let mut case = Case::new(255);
    let text = vec![b'x'; 3 * WRITE_LIMIT];
    assert_eq!(case.console.write(case.now, &text), WRITE_LIMIT);
    assert_eq!(case.console.write(case.now, &text), 0);
    for _ in 0..1000 {
        case.console.send_break();
    }
    let (mut packets, mut breaks) = (0, 0);
    while let Some(payload) = case.console.next_payload(case.now) {
        let packet = SolPacket::decode(&payload).unwrap();
        packets += 1;
        breaks += usize::from(packet.flags & operation::BREAK != 0);
        let (number, count) = (packet.sequence, packet.characters.len() as u8);
        case.receive(&[0, number, count, 0]);
    }
    assert_eq!((packets, breaks), (WRITE_LIMIT.div_ceil(251) + 1, 1));
}
