//! Many simulated BMCs at once, some of them broken by the script of the guide, judged by `ipmitool` and `ipmipower`.

use std::collections::HashSet;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use e2e::{Daemon, free_udp_port, run};
use serde_json::Value;

const PASSWORD: &str = "canary-7f3a";

struct Rack {
    _daemon: Daemon,
    addresses: Vec<String>,
    port: String,
    password_file: tempfile::NamedTempFile,
}

/// A private file with this text.
fn file_of(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o600)).expect("a private file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

impl Rack {
    fn start(bind: &str, count: usize, more: &[&str]) -> Self {
        let (port, count) = (free_udp_port().to_string(), count.to_string());
        let mut arguments =
            vec!["sim", "bmc", "--count", &count, "--bind", bind, "--port", &port, "-o", "json"];
        arguments.extend(more);
        let daemon = Daemon::start(&arguments);
        let ready: Value =
            serde_json::from_str(&daemon.first_line).expect("it says where it listens, as JSON");
        let addresses = ready["bmcs"].as_array().expect("a list").iter();
        let addresses = addresses
            .map(|bmc| {
                bmc["ipmi"].as_str().expect("an address").trim_end_matches(&format!(":{port}")).to_owned()
            })
            .collect();
        Self { _daemon: daemon, addresses, port, password_file: file_of(PASSWORD) }
    }

    /// What `ipmitool` says about the power of the BMC with this number: its output, or its complaint.
    fn power_status(&self, number: usize, suite: &str, retries: &str) -> Result<String, String> {
        let password = self.password_file.path().to_string_lossy().into_owned();
        let host = &self.addresses[number - 1];
        let output = run(
            "ipmitool",
            &[
                "-I", "lanplus", "-v", "-C", suite, "-N", "1", "-R", retries, "-H", host, "-p", &self.port,
                "-U", "admin", "-f", &password, "chassis", "power", "status",
            ],
        );
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

#[test]
fn ipmipower_reads_a_thousand_bmcs() {
    let rack = Rack::start("127.91.0.1", 1000, &[]);
    let config = file_of(&format!("username admin\npassword {PASSWORD}\n"));
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

#[test]
fn the_script_of_the_guide_breaks_what_it_says() {
    let guide = include_str!("../../../docs/guides/simulated-bmcs.md");
    let (_, rest) = guide.split_once("```yaml\n").expect("a script");
    let script = file_of(rest.split_once("```").expect("the end of the script").0);
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
