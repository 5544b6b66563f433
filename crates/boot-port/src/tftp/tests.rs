//! The listeners on loopback, read from by our own client over sockets that wait.

use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ironhand_tftp::{
    Client, ClientEvent, ClientFailure, ClientOutput, Download, ErrorCode, Mode, Options, netascii,
};

use super::{TftpConfig, TftpPort};
use crate::{Body, Content, Part, Question, Refusal, Service, Shelf, Transfer, TransferEnd};

const MEMORY: usize = 300_000;
const DISK: usize = 700_000;

/// Files by path, and a way that transfers are told by.
struct Files {
    files: HashMap<&'static str, Body>,
    notes: Mutex<Sender<Transfer>>,
}

impl Shelf for Files {
    fn find(&self, question: &Question<'_>) -> Result<Content, Refusal> {
        assert_eq!(question.service, Service::Tftp);
        assert!(question.local.ip().is_loopback());
        let body = self.files.get(question.path).ok_or(Refusal::NotFound)?.clone();
        Ok(Content {
            body,
            media_type: "application/octet-stream".into(),
            etag: String::new(),
            modified: None,
        })
    }

    fn note(&self, transfer: &Transfer) {
        let notes = self.notes.lock().expect("no test fails here");
        notes.send(transfer.clone()).expect("the test listens");
    }
}

fn octets(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 256) as u8).collect()
}

fn on_disk(octets: &[u8]) -> Body {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(octets).expect("it takes them");
    let length = octets.len() as u64;
    // In two parts, to see that they are put together.
    let first = length / 3;
    let parts = [Part { offset: 0, length: first }, Part { offset: first, length: length - first }];
    Body::File { file: Arc::new(file), parts: Arc::new(parts) }
}

struct Bench {
    port: TftpPort,
    notes: Receiver<Transfer>,
}

impl Bench {
    fn open(config: TftpConfig) -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), config)
    }

    fn at(address: SocketAddr, config: TftpConfig) -> Self {
        let (notes, told) = channel();
        let files = HashMap::from([
            ("memory", Body::Bytes(Bytes::from(octets(MEMORY)))),
            ("disk", on_disk(&octets(DISK))),
            ("empty", on_disk(b"")),
            ("even", Body::Bytes(Bytes::from(octets(1_024)))),
        ]);
        let shelf = Arc::new(Files { files, notes: Mutex::new(notes) });
        let listen = vec![address];
        let port =
            TftpPort::open(&TftpConfig { listen, ..config }, shelf).expect("loopback can be listened on");
        Self { port, notes: told }
    }

    fn address(&self) -> SocketAddr {
        self.port.addresses()[0]
    }

    fn note(&self) -> Transfer {
        self.notes.recv_timeout(Duration::from_secs(60)).expect("each transfer is noted")
    }
}

/// Reads a file the way a program would that waits.
fn read(server: SocketAddr, download: Download) -> Result<Vec<u8>, ClientFailure> {
    let socket = UdpSocket::bind((server.ip(), 0)).expect("loopback has ports");
    let mut client = Client::new(Instant::now(), server, download);
    let (mut got, mut buffer) = (Vec::new(), vec![0; 65_536]);
    loop {
        while let Some(output) = client.next_output() {
            match output {
                ClientOutput::Send { to, bytes } => drop(socket.send_to(&bytes, to)),
                ClientOutput::Event(ClientEvent::Done { .. }) => return Ok(got),
                ClientOutput::Event(ClientEvent::Failed(failure)) => return Err(failure),
                ClientOutput::Event(ClientEvent::Agreed(_)) => {}
            }
        }
        let wake = client.next_wake().expect("it is not over");
        let wait = wake.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(wait)).expect("a time to wait");
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            got.extend_from_slice(client.receive(Instant::now(), from, &buffer[..length]));
        }
        client.wake(Instant::now());
    }
}

fn asking(file: &str, blksize: Option<u16>, windowsize: Option<u16>) -> Download {
    let options = Options { blksize, windowsize, tsize: Some(0), timeout: None };
    Download { options, ..Download::octet(file) }
}

#[track_caller]
fn check_files(config: TftpConfig) {
    let bench = Bench::open(config);
    for (file, length) in [("memory", MEMORY), ("disk", DISK), ("empty", 0), ("even", 1_024)] {
        for (blksize, windowsize) in [
            (None, None),
            (Some(1_468), None),
            (Some(1_468), Some(4)),
            (Some(1_468), Some(64)),
            (Some(512), Some(65_535)),
            (Some(65_464), Some(16)),
        ] {
            let got = read(bench.address(), asking(file, blksize, windowsize));
            assert!(got == Ok(octets(length)), "{file} {blksize:?} {windowsize:?}");
            let note = bench.note();
            assert_eq!((note.path.as_str(), note.bytes, note.length), (file, length as u64, length as u64));
            assert_eq!(note.end, TransferEnd::Done);
        }
    }
    let statistics = bench.port.statistics();
    assert_eq!((statistics.requests, statistics.done, statistics.broken), (24, 24, 0));
    assert_eq!(statistics.octets, 6 * (MEMORY + DISK + 1_024) as u64);
}

#[test]
fn files_arrive() {
    check_files(TftpConfig::default());
}

#[test]
fn files_arrive_from_a_single_port() {
    check_files(TftpConfig { single_port: true, ..TftpConfig::default() });
}

#[test]
fn files_arrive_from_a_range_of_ports() {
    check_files(TftpConfig { ports: Some(45_100..=45_107), ..TftpConfig::default() });
}

#[test]
fn files_arrive_from_several_threads() {
    check_files(TftpConfig { threads: 3, ..TftpConfig::default() });
}

#[test]
fn both_families_are_served_at_one_port_and_seen_as_what_they_are() {
    for threads in [1, 2] {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        let bench = Bench::at(any, TftpConfig { threads, ..TftpConfig::default() });
        for client in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
            let server = SocketAddr::new(client, bench.address().port());
            assert!(read(server, asking("memory", Some(1_400), None)) == Ok(octets(MEMORY)));
            assert_eq!(bench.note().client.ip(), client);
        }
    }
}

#[test]
fn netascii_arrives_as_it_was() {
    let bench = Bench::open(TftpConfig::default());
    let wire = read(bench.address(), Download { mode: Mode::Netascii, ..Download::octet("disk") });
    let mut decoder = netascii::Decoder::default();
    let mut got = Vec::new();
    decoder.decode(&wire.expect("it arrives"), &mut got);
    decoder.finish(&mut got);
    assert!(got == octets(DISK));
}

#[test]
fn what_is_not_there_is_refused_and_noted() {
    let bench = Bench::open(TftpConfig::default());
    match read(bench.address(), Download::octet("/grub\\grub.cfg-01-aa")) {
        Err(ClientFailure::Refused { code, .. }) => assert_eq!(code, ErrorCode::NOT_FOUND),
        other => panic!("{other:?}"),
    }
    let note = bench.note();
    assert_eq!(note.path, "grub/grub.cfg-01-aa");
    assert_eq!(note.end, TransferEnd::Refused(Refusal::NotFound));
}

#[test]
fn a_closed_port_ends_a_transfer_at_once() {
    let bench = Bench::open(TftpConfig::default());
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports");
    socket.send_to(b"\0\x01memory\0octet\0", bench.address()).expect("it is sent");
    let (_, from) = socket.recv_from(&mut [0; 2_000]).expect("the first block arrives");
    socket.send_to(b"\0\x04\0\x01", from).expect("it is sent");
    drop(socket);
    let note = bench.note();
    assert_eq!(note.end, TransferEnd::Broken("the client closed its port".to_owned()));
    assert_eq!(note.bytes, 512);
}

#[test]
fn many_read_at_once() {
    const READERS: usize = 100;
    let bench = Bench::open(TftpConfig {
        limits: super::TftpLimits { transfers_per_client: READERS, ..Default::default() },
        ..TftpConfig::default()
    });
    let address = bench.address();
    std::thread::scope(|scope| {
        for number in 0..READERS {
            scope.spawn(move || {
                let file = ["memory", "disk"][number % 2];
                let got = read(address, asking(file, Some(1_468), [None, Some(8)][number / 2 % 2]));
                assert!(got == Ok(octets([MEMORY, DISK][number % 2])));
            });
        }
    });
    assert!((0..READERS).all(|_| bench.note().end == TransferEnd::Done));
}

#[test]
fn floods_are_counted_and_others_served() {
    let bench = Bench::open(TftpConfig::default());
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports");
    for at in 0..5_000_u32 {
        let bytes: &[u8] = match at % 5 {
            0 => b"\0\x04\0\x01",
            1 => b"\0\x01../../etc/passwd\0octet\0",
            2 => b"\0\x01cut",
            3 => b"\0\x02memory\0octet\0",
            _ => b"\xff\xff",
        };
        socket.send_to(bytes, bench.address()).expect("it is sent");
    }
    let got = read(bench.address(), asking("memory", Some(1_468), Some(16)));
    assert!(got == Ok(octets(MEMORY)));
    let statistics = bench.port.statistics();
    // Some may have found no room in the socket.
    assert!(statistics.malformed > 0 && statistics.idle > 0, "{statistics:?}");
    assert_eq!(statistics.requests, 1);
}

#[test]
fn clients_are_told_when_the_server_stops() {
    let Bench { port, notes } = Bench::open(TftpConfig::default());
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports");
    socket.send_to(b"\0\x01memory\0octet\0", port.addresses()[0]).expect("it is sent");
    let mut buffer = [0; 2_000];
    socket.recv_from(&mut buffer).expect("the first block arrives");
    drop(port);
    let (length, _) = socket.recv_from(&mut buffer).expect("and an error");
    assert_eq!(&buffer[..length], b"\0\x05\0\0the server stops\0");
    assert_eq!(notes.recv().expect("it is noted").end, TransferEnd::Broken("the server stops".to_owned()));
}

#[test]
fn an_address_that_is_taken_is_named() {
    // Threads share an address with each other, and servers do not.
    for (first, second) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
        let bench = Bench::open(TftpConfig { threads: first, ..TftpConfig::default() });
        let (notes, _told) = channel();
        let shelf = Arc::new(Files { files: HashMap::new(), notes: Mutex::new(notes) });
        let listen = vec![bench.address()];
        let config = TftpConfig { listen, threads: second, ..TftpConfig::default() };
        let error = TftpPort::open(&config, shelf).expect_err("it is taken").to_string();
        let address = bench.address().to_string();
        assert!(
            error.contains(&address) && error.contains("another TFTP server"),
            "{first} {second}: {error}"
        );
    }
}
