//! A BMC on loopback, ours or a stranger's, and the programs that speak IPMI to it.

use std::net::UdpSocket;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::ironhand::{NO_CACHE, PASSWORD, program};
use crate::{Daemon, ironhand, peer, private_file};

/// A BMC at a port of 127.0.0.1 whose administrator is `admin`.
pub struct Controller {
    port: String,
    password_file: NamedTempFile,
    freeipmi_config: NamedTempFile,
    _daemon: Option<Daemon>,
}

impl Controller {
    /// A simulated BMC of ours.
    pub fn simulated() -> Self {
        Self::simulated_on([0])
    }

    /// A simulated BMC of ours on the first free port from this one on that `ipmiconsole` takes: it calls addresses with
    /// a port above 32767 invalid.
    pub fn simulated_for_ipmiconsole(from: u16) -> Self {
        let is_free = |port: &u16| UdpSocket::bind(("127.0.0.1", *port)).is_ok();
        Self::simulated_on((from..=32_767).filter(is_free))
    }

    fn simulated_on(ports: impl IntoIterator<Item = u16>) -> Self {
        let daemon = Daemon::start_on(ports, |port| {
            ["sim", "bmc", "--count", "1", "--bind", "127.0.0.1", "--port", port, "-o", "json"]
                .map(str::to_owned)
                .to_vec()
        });
        let ready: Value =
            serde_json::from_str(&daemon.first_line).expect("it says where it listens, as JSON");
        let address = ready["bmcs"][0]["ipmi"].as_str().expect("an address");
        let port = address.rsplit(':').next().expect("an address has a port").to_owned();
        Self { _daemon: Some(daemon), ..Self::at(port) }
    }

    /// A BMC that something else runs, with the password of these tests.
    pub fn at(port: String) -> Self {
        let freeipmi_config = private_file(&format!("username admin\npassword {PASSWORD}\n"));
        Self { port, password_file: private_file(PASSWORD), freeipmi_config, _daemon: None }
    }

    /// What `ipmitool` says, with this cipher suite and times in UTC.
    pub fn ipmitool(&self, suite: &str, command: &[&str]) -> String {
        let password = self.password_file.path().to_string_lossy().into_owned();
        let access = [
            "-I",
            "lanplus",
            "-C",
            suite,
            "-H",
            "127.0.0.1",
            "-p",
            &self.port,
            "-U",
            "admin",
            "-f",
            &password,
        ];
        said("ipmitool", &[&access, command].concat())
    }

    /// What a program of FreeIPMI says, with this cipher suite and times in UTC.
    pub fn freeipmi(&self, program: &str, suite: &str, command: &[&str]) -> String {
        let config = self.freeipmi_config.path().to_string_lossy().into_owned();
        let host = format!("127.0.0.1:{}", self.port);
        let access = ["--config-file", &config, "-D", "LAN_2_0", "-I", suite, "-h", &host];
        said(program, &[&access, command].concat())
    }

    /// `ipmitool`'s console, to be started.
    pub fn ipmitool_console(&self, suite: &str) -> Command {
        let mut command = Command::new(peer("ipmitool"));
        command.args([
            "-I",
            "lanplus",
            "-C",
            suite,
            "-H",
            "127.0.0.1",
            "-p",
            &self.port,
            "-U",
            "admin",
            "-f",
        ]);
        command.arg(self.password_file.path()).args(["sol", "activate"]);
        command
    }

    /// FreeIPMI's console, to be started.
    pub fn ipmiconsole(&self, suite: &str) -> Command {
        let mut command = Command::new(peer("ipmiconsole"));
        command.arg("--config-file").arg(self.freeipmi_config.path());
        command.args(["-I", suite, "-h", &format!("127.0.0.1:{}", self.port)]);
        command
    }

    /// Our console, to be started.
    pub fn ironhand_console(&self, options: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.env("XDG_CACHE_HOME", NO_CACHE);
        command.args(["bmc", "-H", &format!("127.0.0.1:{}", self.port), "-U", "admin", "--password-file"]);
        command.arg(self.password_file.path()).arg("sol").args(options);
        command
    }

    /// Its port.
    pub fn port(&self) -> &str {
        &self.port
    }

    /// What `ironhand bmc` says about the BMC, with this cipher suite; it must succeed.
    pub fn ironhand(&self, suite: &str, command: &[&str]) -> Value {
        self.try_ironhand(suite, command)
            .unwrap_or_else(|said| panic!("ironhand bmc -C {suite} {command:?}: {said}"))
    }

    /// What `ironhand bmc` says about the BMC, with this cipher suite.
    ///
    /// # Errors
    ///
    /// All that it says, where it fails.
    pub fn try_ironhand(&self, suite: &str, command: &[&str]) -> Result<Value, String> {
        let password = self.password_file.path().to_string_lossy().into_owned();
        let host = format!("127.0.0.1:{}", self.port);
        let access =
            ["bmc", "-H", &host, "-U", "admin", "--password-file", &password, "-C", suite, "-o", "json"];
        let output = ironhand(&[&access, command].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            return Err(format!("{text}{output:?}"));
        }
        let mut said: Value = serde_json::from_str(&text).expect("a document");
        Ok(said["results"][0].take())
    }
}

/// The output of a foreign program that must succeed.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(peer(program))
        .args(arguments)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .expect("the peer starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {text}{output:?}");
    text
}
