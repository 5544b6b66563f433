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
        Self::simulated_with(&[])
    }

    /// A simulated BMC of ours with further options of `sim bmc`.
    pub fn simulated_with(options: &[&str]) -> Self {
        Self::simulated_on([0], options)
    }

    /// A simulated BMC of ours on the first free port from this one on that `ipmiconsole` takes: it calls addresses with
    /// a port above 32767 invalid.
    pub fn simulated_for_ipmiconsole(from: u16) -> Self {
        let is_free = |port: &u16| UdpSocket::bind(("127.0.0.1", *port)).is_ok();
        Self::simulated_on((from..=32_767).filter(is_free), &[])
    }

    fn simulated_on(ports: impl IntoIterator<Item = u16>, options: &[&str]) -> Self {
        let daemon = Daemon::start_on(ports, |port| {
            let fixed = ["sim", "bmc", "--count", "1", "--bind", "127.0.0.1", "--port", port, "-o", "json"];
            fixed.iter().chain(options).map(|word| (*word).to_owned()).collect()
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

    /// The same BMC, spoken to by `ipmitool` and ours with another password.
    pub fn with_password(self, password: &str) -> Self {
        Self { password_file: private_file(password), ..self }
    }

    /// `ipmitool` with this cipher suite and times in UTC, to be started.
    pub fn ipmitool_command(&self, suite: &str, command: &[&str]) -> Command {
        let mut ipmitool = Command::new(peer("ipmitool"));
        ipmitool.args([
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
        ipmitool.arg(self.password_file.path()).args(command).env("TZ", "UTC").stdin(Stdio::null());
        ipmitool
    }

    /// What `ipmitool` says, with this cipher suite and times in UTC; it must succeed.
    pub fn ipmitool(&self, suite: &str, command: &[&str]) -> String {
        said(self.ipmitool_command(suite, command))
    }

    /// What a program of FreeIPMI says, with this cipher suite and times in UTC; it must succeed.
    pub fn freeipmi(&self, program: &str, suite: &str, command: &[&str]) -> String {
        let mut freeipmi = Command::new(peer(program));
        freeipmi.arg("--config-file").arg(self.freeipmi_config.path());
        freeipmi.args(["-D", "LAN_2_0", "-I", suite, "-h", &format!("127.0.0.1:{}", self.port)]);
        freeipmi.args(command).env("TZ", "UTC").stdin(Stdio::null());
        said(freeipmi)
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
fn said(mut program: Command) -> String {
    let output = program.output().expect("the peer starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program:?}: {text}{output:?}");
    text
}
