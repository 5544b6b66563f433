//! `ironhand bmc` against the BMC of pyghmi, the IPMI library of OpenStack: `fakebmc`, the example that comes with it.

use std::path::PathBuf;
use std::time::Duration;

use e2e::{Peer, free_udp_port, ironhand, peer, wait_until};
use serde_json::Value;

/// How long Python may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

struct FakeBmc {
    host: String,
    folder: tempfile::TempDir,
    _peer: Peer,
}

impl FakeBmc {
    /// Its user and password are fixed: `admin` and `password`.
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_udp_port().to_string();
        let log = folder.path().join("fakebmc.log");
        let peer = Peer::start(&peer("fakebmc"), &["--port", &port], &log);
        let bmc = Self { host: format!("127.0.0.1:{port}"), folder, _peer: peer };
        wait_until("pyghmi's BMC answers", STARTS_WITHIN, || {
            match bmc.ask("password", &["power", "status"]) {
                (Some(0), _) => Ok(()),
                (code, said) => Err(format!("{code:?} {said}")),
            }
        });
        bmc
    }

    /// The exit code of `ironhand bmc` and what it says about this BMC.
    fn ask(&self, password: &str, command: &[&str]) -> (Option<i32>, Value) {
        let file: PathBuf = self.folder.path().join("password");
        std::fs::write(&file, password).expect("written");
        let file = file.to_string_lossy();
        let access = ["bmc", "-H", &self.host, "-U", "admin", "--password-file", &file, "-o", "json"];
        let output = ironhand(&[&access, command].concat());
        let mut said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), said["results"][0].take())
    }

    /// What a command that must succeed leads to.
    fn outcome(&self, command: &[&str]) -> String {
        let (code, said) = self.ask("password", command);
        assert_eq!(code, Some(0), "{command:?}: {said}");
        said["outcome"].as_str().unwrap_or_default().to_owned()
    }
}

/// pyghmi has no suite 17: each command finds its way to suite 3 by itself.
#[test]
fn power_and_boot_device_of_pyghmis_bmc_follow_us() {
    let bmc = FakeBmc::start();
    for (command, expected) in [
        (["power", "status"], "off"),
        (["power", "on"], "on"),
        (["power", "status"], "on"),
        (["power", "off"], "off"),
        (["power", "status"], "off"),
        (["boot", "pxe"], "pxe"),
        (["boot", "show"], "pxe"),
        (["boot", "disk"], "disk"),
        (["boot", "show"], "disk"),
    ] {
        assert_eq!(bmc.outcome(&command), expected, "{command:?}");
    }
}

#[test]
fn a_wrong_password_is_told_from_pyghmis_proof() {
    let bmc = FakeBmc::start();
    let (code, said) = bmc.ask("wrong", &["power", "status"]);
    assert_ne!(code, Some(0));
    assert_eq!(said["code"], "ipmi.wrong_password", "{said}");
    assert_eq!(bmc.outcome(&["power", "status"]), "off");
}
