//! Many simulated BMCs at once, some of them broken by the script of the guide, judged by `ipmitool` and `ipmipower`.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::process::Output;

use e2e::{Daemon, PASSWORD, free_udp_port, ironhand, private_file, run};
use serde_json::Value;

struct Rack {
    _daemon: Daemon,
    addresses: Vec<String>,
    port: String,
    password_file: tempfile::NamedTempFile,
}

impl Rack {
    fn start(bind: &str, count: usize, more: &[&str]) -> Self {
        let count = count.to_string();
        let daemon = Daemon::start_on(std::iter::repeat_with(free_udp_port), |port| {
            let arguments = ["sim", "bmc", "--count", &count, "--bind", bind, "--port", port, "-o", "json"];
            arguments.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
        });
        let ready: Value =
            serde_json::from_str(&daemon.first_line).expect("it says where it listens, as JSON");
        let places = ready["bmcs"].as_array().expect("a list").iter().map(|bmc| {
            let place: SocketAddr = bmc["ipmi"].as_str().expect("an address").parse().expect("an address");
            place
        });
        let port = places.clone().next().expect("a BMC").port().to_string();
        let addresses = places.map(|place| place.ip().to_string()).collect();
        Self { _daemon: daemon, addresses, port, password_file: private_file(PASSWORD) }
    }

    /// What `ipmitool` says to `command` at the BMC with this number: its output, or its complaint.
    fn ask_ipmitool(&self, number: usize, options: &[&str], command: &[&str]) -> Result<String, String> {
        let password = self.password_file.path().to_string_lossy().into_owned();
        let host = &self.addresses[number - 1];
        let access = ["-N", "1", "-H", host, "-p", &self.port, "-U", "admin", "-f", &password];
        words(&run("ipmitool", &[&access, options, command].concat()))
    }

    /// `ipmitool` reads the power of the BMC with this number.
    fn ipmitool(&self, number: usize, options: &[&str]) -> Result<(), String> {
        let said = self.ask_ipmitool(number, options, &["chassis", "power", "status"])?;
        if said == "Chassis Power is on" { Ok(()) } else { Err(said) }
    }

    /// `ironhand bmc` reads the power of the BMC with this number.
    fn ironhand(&self, number: usize, options: &[&str]) -> Result<(), String> {
        let password = self.password_file.path().to_string_lossy().into_owned();
        let host = format!("{}:{}", self.addresses[number - 1], self.port);
        let access = ["bmc", "-H", &host, "-U", "admin", "--password-file", &password];
        words(&ironhand(&[&access, options, &["power", "status"]].concat())).map(drop)
    }

    /// What `ipmitool` says about the power of the BMC with this number: its output, or its complaint.
    fn power_status(&self, number: usize, suite: &str, retries: &str) -> Result<String, String> {
        let options = ["-I", "lanplus", "-v", "-C", suite, "-R", retries];
        self.ask_ipmitool(number, &options, &["chassis", "power", "status"])
    }
}

/// What a program has said: its output if it succeeded, else all of it.
fn words(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let (said, complaint) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() { Ok(said) } else { Err(format!("{said}\n{complaint}")) }
}

#[test]
fn ipmipower_reads_a_thousand_bmcs() {
    let rack = Rack::start("127.91.0.1", 1000, &[]);
    let config = private_file(&format!("username admin\npassword {PASSWORD}\n"));
    let hosts: Vec<String> =
        rack.addresses.iter().map(|address| format!("{address}:{}", rack.port)).collect();
    let config = config.path().to_string_lossy().into_owned();
    let output = run(
        "ipmipower",
        &["--config-file", &config, "-D", "LAN_2_0", "-I", "17", "-h", &hosts.join(","), "--stat"],
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let on: HashSet<&str> = text.lines().filter_map(|line| line.strip_suffix(": on")).collect();
    assert_eq!(on.len(), 1000, "{text}{output:?}");
}

/// The same key as text and in hexadecimal digits.
const KG: &str = "bmc-own-key";
const KG_HEX: &str = "626D632D6F776E2D6B6579";

#[test]
fn suites_that_were_asked_for_are_spoken() {
    let rack = Rack::start("127.92.0.1", 2, &["--suites", "12,8"]);
    for suite in ["12", "8"] {
        rack.ironhand(2, &["-C", suite]).expect("the BMC answers");
    }
    rack.ipmitool(2, &["-I", "lanplus", "-C", "8"]).expect("the BMC answers");
    let refused = rack.ironhand(2, &["-C", "17"]).expect_err("there is no suite 17");
    assert!(refused.contains("cipher suite"), "{refused}");
}

#[test]
fn ipmi_15_is_spoken_where_it_was_asked_for() {
    let rack = Rack::start("127.93.0.1", 2, &["--ipmi15"]);
    for (protocol, authentication) in [("ipmi15-md5", "MD5"), ("ipmi15-password", "PASSWORD")] {
        rack.ironhand(2, &["--protocol", protocol]).expect("the BMC answers");
        rack.ipmitool(2, &["-I", "lan", "-A", authentication]).expect("the BMC answers");
    }
    rack.ironhand(2, &["-C", "17"]).expect("IPMI 2.0 is there as well");

    let rack = Rack::start("127.94.0.1", 2, &[]);
    rack.ironhand(2, &["--protocol", "ipmi15-md5"]).expect_err("nobody asked for IPMI 1.5");
    rack.ipmitool(2, &["-I", "lan", "-A", "MD5"]).expect_err("nobody asked for IPMI 1.5");
}

#[test]
fn a_key_of_the_bmcs_own_is_asked_for() {
    let (text, hexadecimal) = (private_file(KG), private_file(&format!("0x{KG_HEX}\n")));
    let paths = [&text, &hexadecimal].map(|file| file.path().to_string_lossy().into_owned());
    for (number, path) in paths.iter().enumerate() {
        let rack = Rack::start(&format!("127.95.{number}.1"), 2, &["--kg-file", path]);
        for path in &paths {
            rack.ironhand(2, &["--kg-file", path]).expect("the BMC answers");
        }
        for suite in ["3", "17"] {
            rack.ipmitool(2, &["-I", "lanplus", "-C", suite, "-k", KG]).expect("the BMC answers");
            rack.ipmitool(2, &["-I", "lanplus", "-C", suite, "-y", KG_HEX]).expect("the BMC answers");
            rack.ipmitool(2, &["-I", "lanplus", "-C", suite]).expect_err("the key is missing");
        }
        let refused = rack.ironhand(2, &[]).expect_err("the key is missing");
        assert!(refused.contains("wrong Kg"), "{refused}");
    }
}

#[test]
fn each_bmc_tells_its_own_address() {
    let rack = Rack::start("127.96.1.254", 2, &[]);
    let hardware: HashSet<String> = (1..=2)
        .map(|number| {
            let said =
                rack.ask_ipmitool(number, &["-I", "lanplus"], &["lan", "print", "1"]).expect("settings");
            let value = |name: &str| {
                let line = said.lines().find(|line| line.starts_with(name)).unwrap_or_default();
                line.split_once(": ").map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
            };
            assert_eq!(value("IP Address  "), rack.addresses[number - 1], "{said}");
            value("MAC Address")
        })
        .collect();
    assert_eq!(hardware.len(), 2, "{hardware:?}");
}

#[test]
fn the_script_of_the_guide_breaks_what_it_says() {
    let guide = include_str!("../../../docs/guides/simulated-bmcs.md");
    let (_, rest) = guide.split_once("```yaml\n").expect("a script");
    let script = private_file(rest.split_once("```").expect("the end of the script").0);
    let rack = Rack::start("127.1.0.1", 40, &["--faults", &script.path().to_string_lossy()]);
    let on = || Ok("Chassis Power is on".to_owned());
    let refused = |number: usize, suite: &str, complaint: &str| {
        let said = rack.power_status(number, suite, "1");
        assert!(said.as_ref().is_err_and(|said| said.contains(complaint)), "number {number}: {said:?}");
    };
    assert_eq!(rack.power_status(12, "17", "4"), on());
    assert_eq!(rack.power_status(12, "3", "4"), on());
    // Far away over a bad line, and patient.
    assert_eq!(rack.power_status(20, "17", "10"), on());
    refused(1, "17", "Unable to establish IPMI v2 / RMCP+ session");
    assert_eq!(rack.power_status(4, "3", "4"), on());
    refused(4, "17", "no matching cipher suite");
    refused(7, "17", "insufficient resources for session");
    refused(8, "17", "unauthorized name");
}
