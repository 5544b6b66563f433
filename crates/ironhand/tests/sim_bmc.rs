//! `ironhand sim bmc` as a user runs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

fn ironhand(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ironhand"));
    command.args(arguments).env("IRONHAND_PASSWORD", "canary-5d02").stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = ironhand(arguments).output().expect("ironhand starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.code(), text(&stdout), text(&stderr))
}

/// A simulation that runs; ended when dropped.
struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = ironhand(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ironhand starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("it says something");
        line.trim_end().to_owned()
    }

    /// Asks it to end; what it still says on standard output and standard error.
    fn end(mut self) -> (String, String) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill starts");
        assert!(asked.success());
        let mut rest = (String::new(), String::new());
        self.lines.read_to_string(&mut rest.0).expect("text");
        self.child.stderr.take().expect("a pipe").read_to_string(&mut rest.1).expect("text");
        assert!(self.child.wait().expect("it ends").success());
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a presence ping (IPMI 2.0 section 13.2.3) and waits for the pong.
fn ping(address: SocketAddr) {
    let console = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    console.set_read_timeout(Some(Duration::from_secs(10))).expect("a deadline");
    console.send_to(&[0x06, 0, 0xFF, 0x06, 0, 0, 0x11, 0xBE, 0x80, 1, 0, 0], address).expect("sent");
    assert_eq!(console.recv_from(&mut [0; 64]).expect("a pong").1, address);
}

/// A port that was free on loopback a moment ago.
fn free_port() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("it is bound").port().to_string()
}

#[test]
fn programs_are_told_every_address_and_what_was_counted() {
    let port = free_port();
    let mut running = Running::start(&[
        "sim",
        "bmc",
        "--count",
        "10000",
        "--bind",
        "127.93.0.1",
        "--port",
        &port,
        "-o",
        "json",
    ]);
    let ready: Value = serde_json::from_str(&running.line()).expect("JSON");
    let bmcs = ready["bmcs"].as_array().expect("a list");
    assert_eq!((bmcs.len(), &bmcs[0]["name"]), (10_000, &Value::from("rack1-01")));
    assert_eq!(bmcs[9999]["ipmi"], Value::from(format!("127.93.39.94:{port}")));
    ping(bmcs[254]["ipmi"].as_str().and_then(|address| address.parse().ok()).expect("an address"));
    let (last, _) = running.end();
    let counted: Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(counted["statistics"]["received"], Value::from(1));
    assert_eq!(counted["statistics"]["bmcsAsked"], Value::from(1));
}

#[test]
fn people_are_told_the_range_or_each() {
    let port = free_port();
    let arguments = ["sim", "bmc", "--count", "300", "--bind", "127.94.0.1", "--port", &port];
    let mut running = Running::start(&arguments);
    let range = format!("300 simulated BMCs: IPMI at 127.94.0.1:{port} to 127.94.1.46:{port}, user admin");
    assert_eq!(running.line(), range);
    let (rest, counted) = running.end();
    assert_eq!(rest, "");
    assert!(counted.starts_with("0 BMCs were asked: 0 datagrams in"), "{counted}");

    let mut running = Running::start(&[&arguments[..], &["-v"]].concat());
    assert_eq!(running.line(), range);
    assert_eq!(running.line(), format!("rack1-01: IPMI at 127.94.0.1:{port}"));
    let (rest, _) = running.end();
    assert_eq!(rest.lines().count(), 299);
}

#[test]
fn what_cannot_be_used_is_said() {
    let mut script = tempfile::NamedTempFile::new().expect("a temporary file");
    script.write_all(b"faults:\n  - fault: silence\n").expect("written");
    let path = script.path().to_string_lossy().into_owned();
    let check = |arguments: &[&str], code: i32, complaint: &str| {
        let (ended, _, said) = output(&[&["sim", "bmc", "--port", "0"], arguments].concat());
        assert_eq!(ended, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(complaint), "{arguments:?}: {said}");
    };
    check(&["--faults", &path], 2, &format!("{path}:2:12: unknown variant `silence`"));
    check(&["--faults", "no-such-file.yaml"], 2, "cannot use no-such-file.yaml");
    check(&["--loss", "1"], 2, "write it like 1% or 0.5%");
    check(&["--delay", "20"], 2, "write it with units");
    check(&["--count", "65001"], 1, "1 to 65000");
    check(&["--bind", "192.0.2.1"], 1, "loopback");
    check(&["--suites", "17,1"], 2, "use 17, 3, 12 or 8");
    check(&["--kg-file", &path], 1, "a Kg is up to 20 bytes");
    check(&["--kg-file", "no-such-file"], 2, "cannot use no-such-file");
    check(&["--screens", "--suites", "3"], 2, "cannot be used with");
    check(&["--screens", "--loss", "1%"], 2, "cannot be used with");
}
