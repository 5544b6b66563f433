//! A BMC on loopback, ours or a stranger's, and the programs that speak IPMI to it.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::ironhand::{NO_CACHE, PASSWORD, program};
use crate::{Daemon, ironhand, peer};

/// A BMC at a port of 127.0.0.1 whose administrator is `admin`.
pub struct Controller {
    port: String,
    password_file: NamedTempFile,
    freeipmi_config: NamedTempFile,
    _daemon: Option<Daemon>,
}

/// A file that only its owner may read, as FreeIPMI wants it.
fn private_file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o600)).expect("a private file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

impl Controller {
    /// A simulated BMC of ours.
    pub fn simulated() -> Self {
        Self::simulated_on(0)
    }

    /// A simulated BMC of ours on this port; 0 for any.
    pub fn simulated_on(port: u16) -> Self {
        let port = port.to_string();
        let asked = ["sim", "bmc", "--count", "1", "--bind", "127.0.0.1", "--port", &port, "-o", "json"];
        let daemon = Daemon::start(&asked);
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
