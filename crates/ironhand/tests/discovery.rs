//! `ironhand discover`, `probe` and `audit` as a user runs them, against simulated controllers and small scripted servers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ironhand_api::API_VERSION;
use serde_json::Value;

const PASSWORD: &str = "canary-77d1";

/// Simulated controllers on consecutive addresses, ended when dropped.
struct Fleet {
    sim: Child,
    ipmi: String,
    redfish: String,
}

impl Fleet {
    /// `network` is one that no other test uses: the first three numbers of the addresses.
    fn start(network: &str, count: usize, options: &[&str]) -> Self {
        Self::start_with(network, count, options, PASSWORD)
    }

    /// The same, with a password of its own.
    fn start_with(network: &str, count: usize, options: &[&str], password: &str) -> Self {
        let first = format!("{network}.1");
        let (ipmi, redfish) = (free_udp(&first), free_tcp(&first));
        let count = count.to_string();
        let mut sim = Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .args(["sim", "bmc", "--bind", &first, "--count", &count, "--port", &ipmi])
            .args(["--redfish-port", &redfish])
            .args(options)
            .env("IRONHAND_PASSWORD", password)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ironhand starts");
        let mut lines = BufReader::new(sim.stdout.take().expect("a pipe")).lines();
        lines.next().expect("it says where it listens").expect("it can be read");
        std::thread::spawn(move || lines.for_each(drop));
        Self { sim, ipmi, redfish }
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let ports = ["--ipmi-port", &self.ipmi, "--https-port", &self.redfish];
        // No web server without TLS and no AMT: those ports are anybody's on this machine.
        run(&[arguments, &ports, &["--http-port", "1", "--amt-port", "2"]].concat())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.sim.kill();
        let _ = self.sim.wait();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ironhand"));
    command.args(arguments).env("IRONHAND_PASSWORD", PASSWORD).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(arguments).output().expect("ironhand starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&stdout), text(&stderr));
    assert!(
        !stdout.contains("canary") && !stderr.contains("canary"),
        "a password was shown: {stdout}{stderr}"
    );
    (status.code(), stdout, stderr)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn free_udp(address: &str) -> String {
    let socket = UdpSocket::bind((address, 0)).expect("loopback has this address");
    socket.local_addr().expect("it is bound").port().to_string()
}

fn free_tcp(address: &str) -> String {
    let socket = TcpListener::bind((address, 0)).expect("loopback has this address");
    socket.local_addr().expect("it is bound").port().to_string()
}

/// A web server that answers each path of `pages` with its text, and others with 404.
fn web(pages: &'static [(&'static str, &'static str)]) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let port = listener.local_addr().expect("it is bound").port().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, pages));
        }
    });
    port
}

fn serve(mut stream: std::net::TcpStream, pages: &[(&str, &str)]) {
    let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
    let Some(Ok(first)) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap_or_default();
    let page = pages.iter().find(|(known, _)| *known == path);
    let (status, body) = page.map_or(("404 Not Found", "<html>"), |(_, body)| ("200 OK", *body));
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all((head + body).as_bytes());
    // What is still sent is read, so that the answer is not lost with a reset.
    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
}

#[test]
fn controllers_are_found_and_proposed_as_hosts_that_are_valid() {
    let fleet = Fleet::start("127.71.0", 4, &["--protocol", "ipmi,redfish"]);
    let (code, stdout, stderr) = fleet.run(&["discover", "127.71.0.[1-6]", "-o", "json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let found = json(&stdout);
    let results = found["results"].as_array().expect("results");
    assert_eq!((results.len(), &found["summary"]["addresses"]), (4, &Value::from(6)), "{found:#}");
    for result in results {
        let speaks = result["speaks"].as_array().expect("protocols");
        let protocols: Vec<_> = speaks.iter().map(|spoken| spoken["protocol"].as_str().unwrap()).collect();
        assert_eq!(protocols, ["redfish", "ipmi"], "{result:#}");
    }

    let (code, manifests, stderr) = fleet.run(&["discover", "127.71.0.0/29", "-o", "yaml"]);
    assert_eq!(code, Some(0), "{stderr}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hosts.yaml");
    std::fs::write(&file, manifests).expect("written");
    let (code, stdout, stderr) = run(&["validate", "-f", &file.to_string_lossy()]);
    assert_eq!((code, stdout.trim()), (Some(0), "4 manifests are valid"), "{stderr}");
}

#[test]
fn credentials_are_tried_until_one_is_accepted_and_no_more_than_is_safe() {
    let fleet = Fleet::start("127.72.0", 2, &["--protocol", "ipmi,redfish"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("credentials.yaml");
    let credential = |name: &str, password: &str| {
        format!(
            "---\napiVersion: {API_VERSION}\nkind: Credential\nmetadata: {{ name: {name} }}\n\
             spec: {{ username: admin, password: {password} }}\n"
        )
    };
    let text = credential("old", "wrong-1") + &credential("site", PASSWORD);
    std::fs::write(&file, text).expect("written");
    let file = file.to_string_lossy().into_owned();
    let (code, stdout, stderr) =
        fleet.run(&["discover", "127.72.0.[1-2]", "--credentials-from", &file, "-o", "json"]);
    assert_eq!(code, Some(0), "{stderr}");
    for result in json(&stdout)["results"].as_array().expect("results") {
        assert_eq!(result["login"], "site", "{result:#}");
    }

    // The third wrong password is not tried, nor anything after it, in this run and in the next one.
    let wrong = ["one", "two", "three"].map(|name| credential(name, "wrong-2")).concat();
    let wrong = wrong + &credential("site", PASSWORD);
    let file = folder.path().join("wrong.yaml");
    std::fs::write(&file, wrong).expect("written");
    let file = file.to_string_lossy().into_owned();
    let memory = folder.path().join("scan").to_string_lossy().into_owned();
    for _ in 0..2 {
        let (code, stdout, stderr) = fleet.run(&[
            "discover",
            "127.72.0.1",
            "--credentials-from",
            &file,
            "--resume",
            &memory,
            "-o",
            "json",
        ]);
        assert_eq!(code, Some(0), "{stderr}");
        assert_eq!(json(&stdout)["results"][0]["login"], Value::Null);
        let kept = std::fs::read_to_string(&memory).expect("text");
        assert_eq!(kept.lines().filter(|line| line.starts_with(r#"{"refused""#)).count(), 2, "{kept}");
        assert!(!kept.contains("canary") && !kept.contains("wrong-2"), "{kept}");
    }
}

#[test]
fn a_scan_that_was_killed_goes_on() {
    let fleet = Fleet::start("127.73.0", 30, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let memory = folder.path().join("scan");
    let file = memory.to_string_lossy().into_owned();
    let arguments = [
        "discover",
        "127.73.0.[1-40]",
        "--resume",
        &file,
        "--rate",
        "20",
        "-o",
        "name",
        "--ipmi-port",
        &fleet.ipmi,
        "--https-port",
        "1",
        "--http-port",
        "1",
        "--amt-port",
        "2",
    ];
    let mut scan =
        command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("ironhand starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while lines(&memory) < 4 {
        assert!(Instant::now() < deadline, "nothing is remembered");
        std::thread::sleep(Duration::from_millis(10));
    }
    scan.kill().expect("killed");
    scan.wait().expect("it ended");
    let before = lines(&memory);
    assert!(before < 41, "the scan was over before it was killed");
    let (code, stdout, stderr) = run(&arguments);
    assert_eq!((code, stdout.lines().count()), (Some(0), 30), "{stderr}");
    let kept = std::fs::read_to_string(&memory).expect("text");
    assert_eq!(kept.lines().count(), 41, "each address is asked once, and the first line says what it is");
}

fn lines(file: &Path) -> usize {
    let mut text = String::new();
    let read = std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text));
    read.map_or(0, |_| text.matches('\n').count())
}

#[test]
fn among_a_thousand_addresses_those_that_are_alive_are_found() {
    let fleet = Fleet::start("127.74.0", 500, &["--silent", "250"]);
    let range = ["discover", "127.74.0.0/22", "--rate", "500", "-o", "json"];
    let (code, stdout, stderr) = fleet.run(&range);
    assert_eq!(code, Some(0), "{stderr}");
    let summary = &json(&stdout)["summary"];
    assert_eq!(
        (&summary["addresses"], &summary["found"]),
        (&Value::from(1022), &Value::from(250)),
        "{stderr}"
    );
}

#[test]
fn one_address_is_explained() {
    let port = web(&[
        (
            "/xmldata?item=All",
            "<?xml version=\"1.0\"?><RIMP><HSI><SBSN>CZJ7</SBSN><SPN>ProLiant DL360 Gen8</SPN></HSI>\
             <MP><PN>Integrated Lights-Out 4 (iLO 4)</PN><FWRI>2.50</FWRI></MP></RIMP>",
        ),
        ("/redfish/v1/", "{\"RedfishVersion\":\"1.0.0\",\"Oem\":{\"Hp\":{\"Type\":\"x\"}}}"),
    ]);
    let ports = ["--ipmi-port", "1", "--https-port", "1", "--amt-port", "2", "--http-port", &port];
    let (code, stdout, stderr) = run(&[&["probe", "127.0.0.1"], ports.as_slice()].concat());
    assert_eq!(code, Some(0), "{stderr}");
    for words in [
        "It is: HPE iLO 4 (confidence high)",
        "serial: CZJ7",
        "refused: nothing listens there",
        "GET /xmldata?item=All",
    ] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
    let (code, stdout, _) = run(&[&["audit", "-H", "127.0.0.1", "-o", "json"], ports.as_slice()].concat());
    let findings = json(&stdout)["findings"].clone();
    let ids: Vec<_> =
        findings.as_array().unwrap().iter().map(|found| found["id"].as_str().unwrap()).collect();
    assert_eq!(code, Some(0));
    assert!(ids.contains(&"FW-ILO4-2017-12542") && ids.contains(&"REDFISH-PLAIN"), "{ids:?}");
}

#[test]
fn descriptions_of_other_vendors_are_read() {
    let check = |pages: &'static [(&'static str, &'static str)], expected: [&str; 4]| {
        let port = web(pages);
        let (code, stdout, stderr) = run(&[
            "probe",
            "127.0.0.1",
            "-o",
            "json",
            "--ipmi-port",
            "1",
            "--https-port",
            "1",
            "--amt-port",
            "2",
            "--http-port",
            &port,
        ]);
        assert_eq!(code, Some(0), "{stderr}");
        let identity = &json(&stdout)["identity"];
        let told =
            ["vendor", "family", "generation", "model"].map(|name| identity[name].as_str().unwrap_or(""));
        assert_eq!(told, expected, "{identity:#}");
    };
    check(
        &[(
            "/sysmgmt/2015/bmc/info",
            "{\"Attributes\":{\"FwVer\":\"6.10\",\"ServerGen\":\"15G\",\"SystemModelName\":\"PowerEdge R650\"}}",
        )],
        ["Dell", "iDRAC", "9", "PowerEdge R650"],
    );
    check(
        &[(
            "/DeviceDescription.json",
            "[{\"type\":\"lenovo-xcc\",\"enclosure-machinetype-model\":\"7X06\",\"xcc-variant\":\"2\"}]",
        )],
        ["Lenovo", "XCC", "2", "7X06"],
    );
}

#[test]
fn how_controllers_are_kept_is_found_and_written_as_sarif() {
    let fleet = Fleet::start("127.75.0", 2, &["--protocol", "ipmi,redfish", "--ipmi15", "--suites", "3"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("audit.sarif");
    let sarif = file.to_string_lossy().into_owned();
    let (code, stdout, stderr) =
        fleet.run(&["audit", "-H", "127.75.0.[1-2]", "-o", "json", "--sarif", &sarif]);
    assert_eq!(code, Some(0), "{stderr}");
    let audit = json(&stdout);
    let has =
        |id: &str| audit["findings"].as_array().unwrap().iter().filter(|found| found["id"] == id).count();
    let counts =
        ["IPMI-HASH", "IPMI-AUTH15", "IPMI-SUITE", "TLS-SELF-SIGNED", "TLS-SHARED-KEY", "IPMI-C0", "TLS-OLD"]
            .map(has);
    assert_eq!(counts, [2, 2, 2, 2, 2, 0, 0], "{audit:#}");
    let document = json(&std::fs::read_to_string(&file).expect("written"));
    assert_eq!(
        document["runs"][0]["results"].as_array().unwrap().len(),
        audit["findings"].as_array().unwrap().len()
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let check = |arguments: &[&str], code: i32, words: &str| {
        let (got, stdout, stderr) = run(arguments);
        assert_eq!(got, Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(words) && stdout.is_empty(), "{arguments:?}: {stdout}{stderr}");
    };
    check(&["discover"], 2, "<RANGE>");
    check(&["discover", "10.0.0.0/16"], 2, "65534 addresses");
    check(&["discover", "10.0.0.0/8", "--yes"], 2, "too large");
    check(&["discover", "127.0.0.1:623"], 2, "names a port");
    check(&["discover", "127.0.0.1", "--rate", "0"], 2, "--rate");
    check(&["discover", "127.0.0.1", "--resume", "/dev/null/x"], 2, "cannot use");
    check(&["probe", "10.0.0.0/30"], 2, "names 2 addresses");
    check(&["audit", "-H", "10.0.0.0/16"], 2, "65534 addresses");
    check(&["audit", "-H", "127.0.0.1", "node7"], 2, "cannot be used with");
    let dead = [
        "probe",
        "127.76.0.9",
        "--ipmi-port",
        "1",
        "--https-port",
        "1",
        "--http-port",
        "1",
        "--amt-port",
        "1",
    ];
    let (code, _, stderr) = run(&dead);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("nothing of a management controller answers"), "{stderr}");
    let (code, stdout, stderr) =
        run(&[&["audit", "-H", "127.76.0.9", "-o", "json"], dead.get(2..).unwrap_or_default()].concat());
    assert_eq!(code, Some(3), "{stderr}");
    assert_eq!(json(&stdout)["summary"]["answered"], 0, "{stdout}");
}

#[test]
fn what_a_login_tells_is_audited_too() {
    let options = ["--protocol", "ipmi,redfish", "--flavour", "idrac9", "--user", "root"];
    let fleet = Fleet::start_with("127.77.0", 2, &options, "calvin");
    let audit = |more: &[&str]| {
        let base = ["audit", "-H", "127.77.0.[1-2]", "-o", "json"];
        let (code, stdout, stderr) = fleet.run(&[&base, more].concat());
        assert_eq!(code, Some(0), "{stderr}");
        assert!(
            !stdout.contains("calvin") && !stderr.contains("calvin"),
            "a password was shown: {stdout}{stderr}"
        );
        json(&stdout)
    };
    let count = |audit: &Value, id: &str| {
        audit["findings"].as_array().expect("a list").iter().filter(|found| found["id"] == id).count()
    };
    let anybody = audit(&[]);
    assert_eq!((count(&anybody, "ACC-FACTORY"), &anybody["summary"]["letIn"]), (0, &Value::Null));
    let factory = audit(&["--try-factory"]);
    assert_eq!((count(&factory, "ACC-FACTORY"), &factory["summary"]["letIn"]), (2, &0.into()));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "calvin").expect("written");
    let file = file.to_string_lossy();
    let entered = audit(&["-U", "root", "--password-file", &file, "--try-factory"]);
    assert_eq!((count(&entered, "ACC-FACTORY"), count(&entered, "ACC-SHARED")), (2, 2), "{entered:#}");
    assert_eq!(entered["summary"]["letIn"], 2);
}

/// Answers searches of 127.0.0.1 as a Redfish service.
fn announce() {
    let group = Ipv4Addr::new(239, 255, 255, 250);
    let socket = UdpSocket::bind((group, 1900)).expect("nobody else answers searches here");
    socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).expect("loopback can be joined");
    let answers = UdpSocket::bind(("127.78.0.1", 0)).expect("loopback has this address");
    std::thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            assert!(bytes[..length].starts_with(b"M-SEARCH * HTTP/1.1\r\n"));
            let answer = "HTTP/1.1 200 OK\r\nST:urn:dmtf-org:service:redfish-rest:1\r\nAL:https://127.78.0.1/redfish/v1/\r\n\r\n";
            let _ = answers.send_to(answer.as_bytes(), from);
        }
    });
}

#[test]
fn redfish_services_of_a_network_are_found_without_naming_them() {
    let fleet = Fleet::start("127.78.0", 1, &["--protocol", "redfish"]);
    announce();
    let (code, stdout, stderr) = fleet.run(&["discover", "--ssdp", "127.0.0.1", "-o", "json"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("1 Redfish services answer in the network of 127.0.0.1"), "{stderr}");
    assert!(stdout.contains("127.78.0.1"), "{stdout}");
}
