//! The rules of a boot server, one test each.

use std::time::Duration;

use ironhand_tftp::{
    ClientEvent, ClientFailure, Download, End, ErrorCode, Ignored, Limits, Mode, Options, Packet, PathFault,
    Refusal, Request,
};

use crate::network::{FIRST_PORT, LISTENER, Network, Weather, client_address};

fn file(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn asking(file: &str, options: Options) -> Download {
    Download { options, ..Download::octet(file) }
}

/// Reads a file in fair weather, and returns what the server granted.
#[track_caller]
fn check_read(length: usize, options: Options, granted: Options) {
    let bytes = file(length);
    let mut network = Network::new(Limits::default(), Weather::FAIR, &[("boot/a", &bytes)]);
    network.read(1, asking("/boot/a", options));
    network.run();
    let reader = network.reader(1);
    assert_eq!(reader.events, [ClientEvent::Agreed(granted), ClientEvent::Done { length: length as u64 }]);
    assert!(reader.got == bytes);
    let [ended] = &network.ended[..] else { panic!("{:?}", network.ended) };
    assert_eq!((&ended.end, ended.acknowledged, ended.repeated), (&End::Done, length as u64, 0));
    assert_eq!(ended.path, "boot/a");
}

#[test]
fn t1_options_are_granted_within_limits() {
    let none = Options::default();
    check_read(0, none.clone(), none.clone());
    check_read(511, none.clone(), none.clone());
    check_read(512, none.clone(), none.clone());
    check_read(513, none.clone(), none.clone());
    let blksize = |blksize| Options { blksize: Some(blksize), ..Options::default() };
    check_read(5_000, blksize(8), blksize(8));
    check_read(50_000, blksize(1_432), blksize(1_432));
    // What fits into 1,500 octets with the headers of IP, UDP and TFTP.
    check_read(50_000, blksize(65_464), blksize(1_468));
    let tsize = |tsize| Options { tsize: Some(tsize), ..Options::default() };
    check_read(50_000, tsize(0), tsize(50_000));
    let timeout = Options { timeout: Some(9), ..Options::default() };
    check_read(50_000, timeout.clone(), timeout);
    let windowsize = |windowsize| Options { windowsize: Some(windowsize), ..Options::default() };
    check_read(500_000, windowsize(16), windowsize(16));
    check_read(500_000, windowsize(65_535), windowsize(64));
}

#[test]
fn t2_an_error_after_the_options_is_a_question_for_the_size() {
    for (code, options, end) in [
        (
            8,
            Options { tsize: Some(0), blksize: Some(1_468), windowsize: Some(4), ..Options::default() },
            End::SizeOnly,
        ),
        (8, Options { blksize: Some(1_468), ..Options::default() }, End::SizeOnly),
        (0, Options { tsize: Some(0), ..Options::default() }, End::SizeOnly),
        (
            0,
            Options { blksize: Some(1_468), ..Options::default() },
            End::Error(ErrorCode(0), "User aborted".to_owned()),
        ),
    ] {
        let bytes = file(5_000);
        let mut network = Network::new(Limits::default(), Weather::FAIR, &[("a", &bytes)]);
        let request = Request { file: b"a", mode: Mode::Octet, options };
        network.send(client_address(1), LISTENER, Packet::Read(request).to_vec());
        // The request, and the answer.
        network.step();
        network.step();
        let leave = Packet::Error { code: ErrorCode(code), message: "User aborted".into() };
        network.send(client_address(1), FIRST_PORT, leave.to_vec());
        network.run();
        let ends: Vec<_> = network.ended.iter().map(|ended| ended.end.clone()).collect();
        assert_eq!(ends, [end]);
    }
}

#[test]
fn t2_firmware_asks_again_from_the_same_port() {
    let bytes = file(5_000);
    let mut network = Network::new(Limits::default(), Weather::FAIR, &[("a", &bytes)]);
    let client = client_address(7);
    let first = Options { tsize: Some(0), blksize: Some(1_468), windowsize: Some(4), ..Options::default() };
    let request = Request { file: b"a", mode: Mode::Octet, options: first };
    network.send(client, LISTENER, Packet::Read(request).to_vec());
    network.step();
    let leave = Packet::Error { code: ErrorCode::OPTIONS, message: "User aborted".into() };
    network.send(client, FIRST_PORT, leave.to_vec());
    network.step();
    network.step();
    assert_eq!(network.ended.last().map(|ended| &ended.end), Some(&End::SizeOnly));
    network.read(7, asking("a", Options { blksize: Some(1_468), ..Options::default() }));
    network.run();
    assert!(network.reader(7).got == bytes);
    assert_eq!(network.ended.last().map(|ended| &ended.end), Some(&End::Done));
}

#[test]
fn t3_block_numbers_wrap() {
    let bytes = file(8 * 131_080 + 3);
    for windowsize in [None, Some(64)] {
        let mut network = Network::new(Limits::default(), Weather::FAIR, &[("a", &bytes)]);
        network.read(1, asking("a", Options { blksize: Some(8), windowsize, ..Options::default() }));
        network.run();
        assert!(network.reader(1).got == bytes);
        assert_eq!(network.blocks, 131_081);
    }
}

#[test]
fn t4_silence_is_met_with_patience_and_an_end() {
    let bytes = file(5_000);
    let mut network = Network::new(Limits::default(), Weather::FAIR, &[("a", &bytes)]);
    let request = Request { file: b"a", mode: Mode::Octet, options: Options::default() };
    let began = network.now;
    network.send(client_address(1), LISTENER, Packet::Read(request).to_vec());
    network.run();
    assert_eq!(network.blocks, 1 + u64::from(Limits::default().retries));
    assert_eq!(network.ended[0].end, End::Silent { all_sent: false });
    assert_eq!(network.ended[0].acknowledged, 0);
    // 1 + 2 + 4, and 8 five times.
    assert_eq!(network.now - began, Duration::from_millis(47_001));
    assert_eq!(network.server.transfers(), 0);
}

#[test]
fn t4_whoever_never_answers_holds_no_place_for_long_whatever_interval_it_asks_for() {
    let bytes = file(5_000);
    let mut network = Network::new(Limits::default(), Weather::FAIR, &[("a", &bytes)]);
    let options = Options { timeout: Some(255), ..Options::default() };
    let request = Request { file: b"a", mode: Mode::Octet, options };
    let began = network.now;
    network.send(client_address(1), LISTENER, Packet::Read(request).to_vec());
    network.run();
    assert_eq!(network.ended[0].end, End::Silent { all_sent: false });
    assert_eq!(network.now - began, Duration::from_millis(47_001));
}

#[test]
fn t4_repeated_acknowledgements_do_not_double_the_stream() {
    let bytes = file(300_000);
    for windowsize in [None, Some(4), Some(64)] {
        let weather = Weather { repeated: 1_000, ..Weather::FAIR };
        let mut network = Network::new(Limits::default(), weather, &[("a", &bytes)]);
        network.read(1, asking("a", Options { windowsize, ..Options::default() }));
        network.run();
        assert!(network.reader(1).got == bytes);
        assert_eq!(network.blocks, 300_000 / 512 + 1, "{windowsize:?}");
    }
}

#[test]
fn t5_paths_that_lead_out_are_refused() {
    let mut network = Network::new(Limits::default(), Weather::FAIR, &[("boot/x", b"x")]);
    let names = ["../etc/passwd", "/boot/../x", "\\boot\\..\\x", "", "a\u{1}b", "\\boot\\x"];
    for (number, name) in names.iter().enumerate() {
        network.read(number as u16, Download::octet(*name));
    }
    network.run();
    let answers: Vec<_> = (0..names.len() as u16)
        .map(|number| match network.reader(number).last() {
            Some(ClientEvent::Failed(ClientFailure::Refused { code, .. })) => Some(code.0),
            Some(ClientEvent::Done { .. }) => None,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(answers, [Some(2), Some(2), Some(2), Some(1), Some(1), None]);
    assert_eq!(network.ignored.iter().filter(|why| **why == Ignored::Path(PathFault::Climbs)).count(), 3);
    assert_eq!(network.ended.len(), 1);
}

#[test]
fn t5_netascii_is_translated_and_arrives_as_it_was() {
    let text = b"one\r\ntwo\nthree\r".repeat(500);
    let mut network = Network::new(Limits::default(), Weather::FAIR, &[("a", &text)]);
    let options = Options { tsize: Some(0), blksize: Some(1_024), ..Options::default() };
    network.read(1, Download { mode: Mode::Netascii, ..asking("a", options) });
    network.run();
    let mut decoded = Vec::new();
    let mut decoder = ironhand_tftp::netascii::Decoder::default();
    decoder.decode(&network.reader(1).got, &mut decoded);
    decoder.finish(&mut decoded);
    assert!(decoded == text);
    // No tsize: the translation is longer than the file.
    let granted = Options { blksize: Some(1_024), ..Options::default() };
    assert_eq!(network.reader(1).events[0], ClientEvent::Agreed(granted));
}

#[test]
fn t6_one_port_serves_all() {
    let bytes = file(100_000);
    let weather = Weather { single_port: true, ..Weather::FAIR };
    let mut network = Network::new(Limits::default(), weather, &[("a", &bytes)]);
    for number in 0..20 {
        network.read(number, asking("a", Options { windowsize: Some(4), ..Options::default() }));
    }
    network.run();
    assert!(network.readers.values().all(|reader| reader.got == bytes));
    assert!(network.ended.iter().all(|ended| ended.end == End::Done));
}

#[test]
fn t7_absent_files_are_refused_at_once() {
    let mut network = Network::new(Limits::default(), Weather::FAIR, &[]);
    let began = network.now;
    network.read(1, Download::octet("grub.cfg-01-aa"));
    network.read(2, Download::octet("secret"));
    while !network.readers.values().all(|reader| reader.is_over()) && network.step() {}
    // One way each.
    assert!(network.now - began <= Duration::from_millis(2));
    network.run();
    assert_eq!(network.blocks, 0);
    let codes: Vec<_> = network
        .readers
        .values()
        .map(|reader| match reader.last() {
            Some(ClientEvent::Failed(ClientFailure::Refused { code, .. })) => *code,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(codes, [ErrorCode::NOT_FOUND, ErrorCode::ACCESS]);
    let ends: Vec<_> = network.ended.iter().map(|ended| ended.end.clone()).collect();
    let forbidden = Refusal::Forbidden("not for you".to_owned());
    assert_eq!(ends, [End::Refused(Refusal::NotFound), End::Refused(forbidden)]);
}

#[test]
fn t7_who_is_busy_is_silent_and_asked_again() {
    let mut network = Network::new(Limits::default(), Weather::FAIR, &[]);
    network.read(1, Download { retries: 2, ..Download::octet("busy") });
    network.run();
    assert_eq!(network.reader(1).last(), Some(&ClientEvent::Failed(ClientFailure::Silent)));
    assert_eq!(network.ended.len(), 3);
    assert!(network.ended.iter().all(|ended| ended.end == End::Refused(Refusal::Busy)));
}

#[test]
fn t9_writes_are_refused() {
    let mut network = Network::new(Limits::default(), Weather::FAIR, &[]);
    let request = Request { file: b"a", mode: Mode::Octet, options: Options::default() };
    network.read(1, Download::octet("a"));
    network.run();
    network.send(client_address(1), LISTENER, Packet::Write(request).to_vec());
    network.run();
    assert_eq!(network.ignored, [Ignored::Write]);
    assert_eq!(network.server.transfers(), 0);
}

#[test]
fn t10_a_client_has_its_share_and_no_more() {
    let bytes = file(50_000);
    let limits = Limits { transfers: 30, transfers_per_client: 10, ..Limits::default() };
    let mut network = Network::new(limits, Weather::FAIR, &[("a", &bytes)]);
    // 50 at one address, and 25 at another.
    for number in (0..50).chain(100..125) {
        network.read(number, Download::octet("a"));
    }
    let mut most = 0;
    while network.step() {
        most = most.max(network.server.transfers());
    }
    assert_eq!(most, 20);
    // Those that were not answered asked again.
    assert!(network.readers.values().all(|reader| reader.got == bytes));
    assert!(network.ignored.contains(&Ignored::Share));
}

#[test]
fn t10_there_are_never_more_transfers_than_allowed() {
    let bytes = file(50_000);
    let limits = Limits { transfers: 30, ..Limits::default() };
    let mut network = Network::new(limits, Weather::FAIR, &[("a", &bytes)]);
    for number in 0..100 {
        network.read(number, Download::octet("a"));
    }
    let mut most = 0;
    while network.step() {
        most = most.max(network.server.transfers());
    }
    assert_eq!(most, 30);
    assert!(network.readers.values().all(|reader| reader.got == bytes));
    assert!(network.ignored.contains(&Ignored::Full));
}

#[test]
fn a_file_that_cannot_be_read_any_more_ends_the_transfer_and_says_so() {
    let bytes = file(50_000);
    let mut network = Network::new(Limits::default(), Weather::FAIR, &[("a", &bytes)]);
    network.read(1, Download::octet("a"));
    for _ in 0..20 {
        network.step();
    }
    network.server.stop(network.now);
    network.run();
    let failure = ClientFailure::Refused { code: ErrorCode::OTHER, message: "the server stops".to_owned() };
    assert_eq!(network.reader(1).last(), Some(&ClientEvent::Failed(failure)));
    assert_eq!(network.ended[0].end, End::Failed("the server stops".to_owned()));
}

#[test]
fn what_is_no_request_gets_no_answer() {
    let mut network = Network::new(Limits::default(), Weather::FAIR, &[]);
    network.read(1, Download::octet("absent"));
    network.run();
    let delivered = network.delivered;
    for bytes in
        [&b"\0\x04\0\0"[..], b"\0\x03\0\x01data", b"\0\x05\0\0\0", b"\0\x06", b"\0\x09", b"", b"\xff"]
    {
        network.send(client_address(1), LISTENER, bytes.to_vec());
    }
    network.run();
    assert_eq!(network.delivered - delivered, 7);
    assert_eq!(network.ignored.len(), 7);
    network.send(client_address(1), LISTENER, b"\0\x01cut".to_vec());
    network.run();
    assert_eq!(network.delivered - delivered, 9);
}
