//! TFTP clients that we did not write, reading from our listener; tshark judges each datagram that it sends.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use e2e::{Capture, Network, Party, peer};
use ironhand_boot_port::{
    Body, Content, Part, Question, Refusal, Shelf, TftpConfig, TftpLimits, TftpPort, Transfer, TransferEnd,
};

const SERVER: &str = "192.0.2.1";

/// What is served: files in memory and on disk.
struct Files {
    files: HashMap<String, Body>,
    notes: Mutex<Vec<Transfer>>,
}

impl Shelf for Files {
    fn find(&self, question: &Question<'_>) -> Result<Content, Refusal> {
        let body = self.files.get(question.path).ok_or(Refusal::NotFound)?.clone();
        Ok(Content {
            body,
            media_type: "application/octet-stream".into(),
            etag: String::new(),
            modified: None,
        })
    }

    fn note(&self, transfer: &Transfer) {
        self.notes.lock().expect("no listener fails").push(transfer.clone());
    }
}

fn octets(length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

fn on_disk(octets: &[u8]) -> Body {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(octets).expect("it takes them");
    let parts = [Part { offset: 0, length: octets.len() as u64 }];
    Body::File { file: Arc::new(file), parts: Arc::new(parts) }
}

/// Our listener on one machine, and another machine for the clients.
struct Scene {
    port: TftpPort,
    shelf: Arc<Files>,
    client: Party,
    server: Party,
    folder: tempfile::TempDir,
    _network: Network,
}

impl Scene {
    fn new(files: &[(&str, Body)], config: TftpConfig) -> Self {
        let network = Network::new();
        let server = Party::at(&network, "server", "192.0.2.1/24");
        let client = Party::at(&network, "client", "192.0.2.9/24");
        let files = files.iter().map(|(name, body)| ((*name).to_owned(), body.clone())).collect();
        let shelf = Arc::new(Files { files, notes: Mutex::default() });
        let config = TftpConfig { listen: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 69))], ..config };
        let port = server.inside(|| TftpPort::open(&config, shelf.clone())).expect("port 69 is free there");
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { port, shelf, client, server, folder, _network: network }
    }

    /// A client's command, run by a shell-less list of arguments; `{out}` is the file to write.
    fn command(&self, out: &Path, arguments: &[&str]) -> Command {
        let mut command = self.client.command(&peer(arguments[0]));
        let out = out.to_str().expect("a name in UTF-8");
        command.args(arguments[1..].iter().map(|argument| argument.replace("{out}", out)));
        command.current_dir(self.folder.path());
        command
    }

    fn read(&self, arguments: &[&str]) -> (Output, Option<Vec<u8>>) {
        let out = self.folder.path().join("out");
        let _ = fs::remove_file(&out);
        let output = self.command(&out, arguments).output().expect("the client starts");
        (output, fs::read(&out).ok())
    }

    #[track_caller]
    fn check(&self, arguments: &[&str], expected: &[u8]) {
        let (output, got) = self.read(arguments);
        assert!(
            got.as_deref() == Some(expected),
            "{arguments:?}: {:?} of {} octets arrived; {}: {} {}; {:?}",
            got.map(|got| got.len()),
            expected.len(),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            self.shelf.notes.lock().expect("no listener fails").last()
        );
    }

    /// The transfers that were noted, once there are so many.
    fn notes(&self, count: usize) -> Vec<Transfer> {
        e2e::wait_until("all transfers are noted", Duration::from_secs(30), || {
            let notes = self.shelf.notes.lock().expect("no listener fails").clone();
            if notes.len() >= count { Ok(notes) } else { Err(format!("{} of {count}", notes.len())) }
        })
    }
}

/// Each client in each of its ways, for a file of that name.
fn ways(file: &str) -> Vec<Vec<String>> {
    let words = |text: &str| text.replace("FILE", file).split(' ').map(str::to_owned).collect();
    let atftp = |option: &str| {
        let mut way: Vec<String> = words("atftp --get --remote-file FILE --local-file {out}");
        for option in option.split(',').filter(|option| !option.is_empty()) {
            way.extend(["--option".to_owned(), option.to_owned()]);
        }
        way.push(SERVER.to_owned());
        way
    };
    vec![
        words("tftp -m binary 192.0.2.1 -c get FILE {out}"),
        atftp(""),
        atftp("blksize 1428"),
        atftp("windowsize 16"),
        atftp("blksize 1428,windowsize 8,tsize 0"),
        atftp("blksize 65464,windowsize 3"),
        words("curl --silent --show-error --output {out} tftp://192.0.2.1/FILE"),
        words("curl --silent --show-error --tftp-blksize 1468 --output {out} tftp://192.0.2.1//FILE"),
        words("curl --silent --show-error --tftp-no-options --output {out} tftp://192.0.2.1/FILE"),
        words("busybox tftp -g -r FILE -l {out} 192.0.2.1"),
        words("busybox tftp -g -b 1468 -r /FILE -l {out} 192.0.2.1"),
    ]
}

fn check_all_ways(config: TftpConfig) {
    let sizes = [1, 511, 512, 513, 1_428, 1_000_003];
    let files: Vec<(String, Body)> = sizes
        .iter()
        .flat_map(|size| {
            let octets = octets(*size);
            [
                (format!("boot/disk-{size}"), on_disk(&octets)),
                (format!("memory-{size}"), Body::Bytes(octets.into())),
            ]
        })
        .collect();
    let files: Vec<(&str, Body)> = files.iter().map(|(name, body)| (name.as_str(), body.clone())).collect();
    let scene = Scene::new(&files, config);
    let capture = Capture::start(&scene.client, "eth0", &scene.folder.path().join("frames"));
    let mut count = 0;
    for (name, body) in &files {
        for way in ways(name) {
            let way: Vec<&str> = way.iter().map(String::as_str).collect();
            scene.check(&way, &octets(body.len() as usize));
            count += 1;
        }
    }
    let notes = scene.notes(count);
    let broken: Vec<_> = notes.iter().filter(|note| note.end != TransferEnd::Done).collect();
    assert!(broken.is_empty(), "{broken:?}");
    capture.end().judge("tftp && ip.src == 192.0.2.1");
}

#[test]
fn strangers_read_whole_files() {
    check_all_ways(TftpConfig::default());
}

#[test]
fn strangers_read_whole_files_from_a_single_port() {
    check_all_ways(TftpConfig { single_port: true, ..TftpConfig::default() });
}

#[test]
fn a_file_of_more_than_65_535_blocks_arrives() {
    // The block numbers of 34 MB begin again after 32 MB.
    let large = octets(34_000_000);
    let scene = Scene::new(&[("large", on_disk(&large))], TftpConfig::default());
    scene.check(&["tftp", "-m", "binary", SERVER, "-c", "get", "large", "{out}"], &large);
    scene.check(&["curl", "--silent", "--output", "{out}", "tftp://192.0.2.1/large"], &large);
    let windows =
        ["atftp", "--option", "windowsize 16", "--get", "--remote-file", "large", "--local-file", "{out}"];
    scene.check(&[&windows[..], &[SERVER]].concat(), &large);
    scene.check(&["busybox", "tftp", "-g", "-b", "512", "-r", "large", "-l", "{out}", SERVER], &large);
}

#[test]
fn netascii_of_the_tftp_command_arrives_as_it_was() {
    let text = b"one\ntwo\r\nthree\r\n\r".repeat(3_000);
    let scene =
        Scene::new(&[("text", on_disk(&text)), ("binary", on_disk(&octets(100_000)))], TftpConfig::default());
    scene.check(&["tftp", "-m", "netascii", SERVER, "-c", "get", "text", "{out}"], &text);
    scene.check(&["tftp", "-m", "netascii", SERVER, "-c", "get", "binary", "{out}"], &octets(100_000));
}

#[test]
fn an_absent_file_is_refused_at_once() {
    let scene = Scene::new(&[("boot/x", on_disk(b"x"))], TftpConfig::default());
    for (arguments, words) in [
        (&["tftp", "-m", "binary", SERVER, "-c", "get", "grub.cfg-01-aa", "{out}"][..], "Error code 1"),
        (&["busybox", "tftp", "-g", "-r", "grub.cfg-01-aa", "-l", "{out}", SERVER], "server error: (1)"),
        (&["busybox", "tftp", "-g", "-r", "../../etc/passwd", "-l", "{out}", SERVER], "server error: (2)"),
        (&["busybox", "tftp", "-p", "-l", "/etc/hostname", "-r", "boot/x", SERVER], "server error: (2)"),
    ] {
        let (output, _) = scene.read(arguments);
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    scene.check(&["busybox", "tftp", "-g", "-r", "\\boot\\x", "-l", "{out}", SERVER], b"x");
    let ends: Vec<_> = scene.notes(3).iter().map(|note| note.end.clone()).collect();
    let absent = TransferEnd::Refused(Refusal::NotFound);
    assert_eq!(ends, [absent.clone(), absent, TransferEnd::Done]);
}

#[test]
fn many_strangers_read_at_once() {
    let expected = octets(2_000_003);
    let limits = TftpLimits { transfers_per_client: 200, ..TftpLimits::default() };
    let scene = Scene::new(&[("a", on_disk(&expected))], TftpConfig { limits, ..TftpConfig::default() });
    let ways = ways("a");
    let clients: Vec<(PathBuf, std::process::Child)> = (0..66)
        .map(|number| {
            let out = scene.folder.path().join(format!("out-{number}"));
            let way: Vec<&str> = ways[number % ways.len()].iter().map(String::as_str).collect();
            let child = scene.command(&out, &way).spawn().expect("the client starts");
            (out, child)
        })
        .collect();
    for (number, (out, mut child)) in clients.into_iter().enumerate() {
        child.wait().expect("it ends");
        assert!(fs::read(out).ok().as_deref() == Some(&expected[..]), "{:?}", ways[number % ways.len()]);
    }
    assert!(scene.notes(66).iter().all(|note| note.end == TransferEnd::Done));
}

#[test]
fn hostile_datagrams_are_answered_or_counted_and_never_fatal() {
    let expected = octets(500_000);
    let scene = Scene::new(&[("a", on_disk(&expected))], TftpConfig::default());
    let capture = Capture::start(&scene.client, "eth0", &scene.folder.path().join("frames"));
    let listener = SocketAddr::from(([192, 0, 2, 1], 69));
    let socket = scene.client.inside(|| UdpSocket::bind("0.0.0.0:0")).expect("a port");
    let request = |name: &str, rest: &[u8]| [b"\0\x01", name.as_bytes(), b"\0octet\0", rest].concat();
    let long = "a".repeat(1_200);
    let many: Vec<u8> = (0..60).flat_map(|at| format!("option{at}\0value{at}\0").into_bytes()).collect();
    let hostile = [
        request("../../../../etc/shadow", b""),
        request("..\\..\\windows\\win.ini", b""),
        request("/a/../../a", b""),
        request(&long, b""),
        request("\u{1}\u{2}", b""),
        request("absent", &many),
        request("absent", b"blksize\x0099999999999999999999\0windowsize\x00-1\0timeout\x000\0tsize\x00x\0"),
        b"\0\x01a".to_vec(),
        b"\0\x01a\0octet".to_vec(),
        b"\0\x01a\0mail\0".to_vec(),
        b"\0\x01a\0\xff\xff\0".to_vec(),
        b"\0\x01\0\0\0\0".to_vec(),
        b"\0\x01".to_vec(),
        b"\0\x02a\0octet\0".to_vec(),
        b"\0\x03\0\x01data".to_vec(),
        b"\0\x05\0\0no\0".to_vec(),
        b"\0\x06blksize\x00512\0".to_vec(),
        b"\0\x09".to_vec(),
        b"\xff".to_vec(),
        Vec::new(),
        vec![0; 1_400],
        vec![0xff; 1_400],
    ];
    for bytes in &hostile {
        socket.send_to(bytes, listener).expect("it is sent");
    }
    for _ in 0..20_000 {
        socket.send_to(b"\0\x04\0\x01", listener).expect("it is sent");
    }
    // A transfer that is flooded with acknowledgements of what it sent, and did not send.
    socket.send_to(&request("a", b""), listener).expect("it is sent");
    let mut buffer = [0; 2_000];
    let from = loop {
        let (length, from) = socket.recv_from(&mut buffer).expect("the listener answers");
        if from != listener && buffer[..length].starts_with(b"\0\x03\0\x01") {
            break from;
        }
    };
    for block in [0_u16, 1, 1, 1, 2, 2, 7, 65_535, 1, 1, 2].iter().cycle().take(5_000) {
        socket.send_to(&[&[0, 4][..], &block.to_be_bytes()].concat(), from).expect("it is sent");
    }
    socket.send_to(b"\0\x05\0\0enough\0", from).expect("it is sent");
    scene.check(&["tftp", "-m", "binary", SERVER, "-c", "get", "a", "{out}"], &expected);
    let statistics = scene.port.statistics();
    assert!(statistics.malformed >= 12 && statistics.idle >= 1_000, "{statistics:?}");
    let frames = capture.end();
    // That there is an ERROR at all is a warning to tshark.
    frames.judge("tftp.opcode != 5 && ip.src == 192.0.2.1");
    assert!(frames.count("tftp.opcode == 5 && ip.src == 192.0.2.1") >= 8);
    assert_eq!(frames.count("tftp && ip.src == 192.0.2.1 && _ws.malformed"), 0);
    // Acknowledgements are never answered by the listener, and those of a transfer do not multiply its blocks.
    let blocks = format!("tftp.opcode == 3 && ip.src == 192.0.2.1 && udp.srcport == {}", from.port());
    assert!(frames.count(&blocks) < 20, "{}", frames.count(&blocks));
    assert!(scene.server.says("ip", &["address"]).contains(SERVER));
}
