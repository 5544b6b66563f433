//! `ironhand bmc --protocol redfish` against simulated controllers, as a user runs both.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const PASSWORD: &str = "canary-c41d";

/// Simulated controllers on consecutive addresses that speak both protocols, ended when dropped.
struct Controllers {
    sim: Child,
    hosts: String,
    ipmi: String,
    redfish: String,
    password_file: tempfile::NamedTempFile,
}

impl Controllers {
    /// `network` is one that no other test uses: the first three numbers of the addresses.
    fn start(network: &str, count: u16) -> Self {
        let first = format!("{network}.1");
        let udp = UdpSocket::bind((first.as_str(), 0)).expect("loopback has this address");
        let tcp = TcpListener::bind((first.as_str(), 0)).expect("loopback has this address");
        let ipmi = udp.local_addr().expect("it is bound").port().to_string();
        let redfish = tcp.local_addr().expect("it is bound").port().to_string();
        drop((udp, tcp));
        let mut sim = Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .args(["sim", "bmc", "--protocol", "ipmi,redfish", "--bind", &first, "--port", &ipmi])
            .args(["--redfish-port", &redfish, "--count", &count.to_string()])
            .args(["--flavour", "generic,idrac9,ilo5,supermicro"])
            .env("IRONHAND_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ironhand starts");
        let mut lines = BufReader::new(sim.stdout.take().expect("a pipe")).lines();
        lines.next().expect("it says where it listens").expect("it can be read");
        std::thread::spawn(move || lines.for_each(drop));
        let mut password_file = tempfile::NamedTempFile::new().expect("a temporary file");
        writeln!(password_file, "{PASSWORD}").expect("written");
        Self { sim, hosts: format!("{network}.[1-{count}]"), ipmi, redfish, password_file }
    }

    fn run(&self, cache: &Path, protocol: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
        let port = if protocol == "redfish" { &self.redfish } else { &self.ipmi };
        let output: Output = Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .args(["bmc", "--protocol", protocol, "-H", &self.hosts, "-p", port, "-U", "admin"])
            .arg("--password-file")
            .arg(self.password_file.path())
            .args(arguments)
            .env_remove("IRONHAND_PASSWORD")
            .env("XDG_CACHE_HOME", cache)
            .stdin(Stdio::null())
            .output()
            .expect("ironhand starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, errors) = (text(&output.stdout), text(&output.stderr));
        assert!(!out.contains("canary") && !errors.contains("canary"), "{arguments:?}: {out}{errors}");
        (output.status.code(), out, errors)
    }

    /// The rows of a verb with `-o json`, by their BMCs.
    fn rows(&self, protocol: &str, arguments: &[&str]) -> Vec<Value> {
        let cache = tempfile::tempdir().expect("a temporary folder");
        let (_, text, errors) = self.run(cache.path(), protocol, &[&["-o", "json"], arguments].concat());
        let mut document: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{errors}"));
        let mut rows = match document["results"].take() {
            Value::Array(rows) => rows,
            other => panic!("no rows: {other}"),
        };
        rows.sort_by_key(|row| row["bmc"].as_str().map(str::to_owned));
        rows
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        let _ = self.sim.kill();
        let _ = self.sim.wait();
    }
}

#[test]
fn a_range_answers_as_over_ipmi() {
    let controllers = Controllers::start("127.91.0", 12);
    let check = |arguments: &[&str]| {
        let (ipmi, redfish) = (controllers.rows("ipmi", arguments), controllers.rows("redfish", arguments));
        assert_eq!(ipmi.len(), 12, "{arguments:?}");
        let parts =
            |row: &Value| ["bmc", "ok", "outcome", "power", "detail", "device"].map(|key| row[key].clone());
        for (ipmi, redfish) in ipmi.iter().zip(&redfish) {
            assert_eq!(parts(ipmi), parts(redfish), "{arguments:?}");
        }
    };
    check(&["power", "status"]);
    check(&["power", "on"]);
    // What one protocol did, the other shows.
    assert!(controllers.rows("redfish", &["power", "off"]).iter().all(|row| row["detail"] == "switched"));
    check(&["power", "status"]);
    check(&["power", "off"]);
    check(&["power", "cycle"]);
    assert!(controllers.rows("redfish", &["boot", "pxe"]).iter().all(|row| row["ok"] == true));
    check(&["boot"]);
}

#[test]
fn rows_are_summed_up_and_refusals_come_first() {
    let controllers = Controllers::start("127.92.0", 3);
    let cache = tempfile::tempdir().expect("a temporary folder");
    let (code, text, errors) = controllers.run(cache.path(), "redfish", &["power", "status"]);
    assert_eq!((code, text.lines().count()), (Some(0), 3), "{text}{errors}");
    assert!(errors.contains("3 BMCs in") && errors.contains("3 on"), "{errors}");
    let kept = std::fs::read_to_string(cache.path().join("ironhand/certificates")).expect("pins are kept");
    assert_eq!(kept.lines().count(), 3, "{kept}");

    // Other certificates than the first time.
    let changed = kept
        .replace("sha256:", "sha256:00")
        .lines()
        .map(|line| &line[..line.len() - 2])
        .collect::<Vec<_>>()
        .join("\n");
    std::fs::write(cache.path().join("ironhand/certificates"), changed + "\n").expect("written");
    let (code, text, errors) = controllers.run(cache.path(), "redfish", &["power", "status"]);
    assert_eq!(code, Some(4), "{text}{errors}");
    assert!(
        text.contains("its certificate changed: SHA-256") && errors.contains("--tls sha256:"),
        "{text}{errors}"
    );

    for arguments in [
        &["sdr"][..],
        &["sol"],
        &["sel", "time"],
        &["chassis", "hours"],
        &["mc", "guid"],
        &["boot", "safe"],
        &["-C", "3", "power", "status"],
        &["sensors", "--thresholds"],
        &["raw", "0x06", "0x01"],
    ] {
        let (code, text, errors) = controllers.run(cache.path(), "redfish", arguments);
        assert_eq!((code, text.as_str()), (Some(2), ""), "{arguments:?}: {errors}");
    }
    for arguments in [&["media", "list"][..], &["bios", "get"], &["events"], &["boot", "usb"]] {
        let (code, text, errors) = controllers.run(cache.path(), "ipmi", arguments);
        assert_eq!((code, text.as_str()), (Some(2), ""), "{arguments:?}: {errors}");
        assert!(errors.contains("--protocol redfish"), "{errors}");
    }
}
