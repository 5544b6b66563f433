//! Programs that we did not write.

use std::ffi::OsStr;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::{private_file, wait_until};

/// A foreign program in the background, ended by its own id when dropped.
pub struct Peer(Child);

impl Peer {
    /// Starts it; its output goes to `log`.
    pub fn start(program: &Path, arguments: &[&str], log: &Path) -> Self {
        let log = std::fs::File::create(log).expect("a log file");
        let errors = log.try_clone().expect("the log file, once more");
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self(child)
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)))
    }

    /// Sends it a signal, like `HUP`.
    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "it has ended before");
    }

    /// Asks it to end, and waits until it has: some have processes of their own, which only they end.
    pub fn end(mut self) {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status().expect("kill runs");
        assert!(asked.success(), "it has ended before");
        wait_until("it ends", Duration::from_secs(20), || match self.0.try_wait() {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The path of a foreign program; fails the test where it is missing.
pub fn peer(program: &str) -> PathBuf {
    let unpacked =
        std::env::var_os("IRONHAND_PEERS").map(|folder| PathBuf::from(folder).join("bin").join(program));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    unpacked
        .into_iter()
        .chain(std::env::split_paths(&on_path).map(|folder| folder.join(program)))
        .chain([Path::new("/usr/sbin").join(program)])
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{program} is missing: `cargo xtask test` installs what the tests need"))
}

/// A file that `cargo xtask` prepared for the tests, by its path below the folder of peers.
pub fn peer_file(path: &str) -> PathBuf {
    let folder = std::env::var_os("IRONHAND_PEERS").unwrap_or_else(|| {
        panic!("{path} is missing: run this test with `cargo xtask test` or `cargo xtask e2e`")
    });
    let file = PathBuf::from(folder).join(path);
    assert!(file.exists(), "{} is missing: `cargo xtask test` prepares it", file.display());
    file
}

/// A UDP port on loopback that was free a moment ago, for a peer that must be told its port.
pub fn free_udp_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
    socket.local_addr().expect("a bound socket has an address").port()
}

/// Runs a foreign program to its end.
pub fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Output {
    Command::new(peer(program)).args(arguments).stdin(Stdio::null()).output().expect("the peer starts")
}

/// What a foreign program says, line by line; or, where it fails, its complaint.
pub fn lines_of(command: &mut Command) -> Result<Vec<String>, String> {
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout).lines().map(str::to_owned).collect()),
        false => Err(text(&output.stderr)),
    }
}

/// Whether a BMC accepts this password of its user `admin`; if not, what `ipmitool` complains of.
pub fn accepts(bmc: SocketAddr, password: &str) -> Result<(), String> {
    let (host, port) = (bmc.ip().to_string(), bmc.port().to_string());
    let file = private_file(password);
    let path = file.path().to_string_lossy().into_owned();
    let access =
        ["-I", "lanplus", "-C", "17", "-N", "1", "-H", &host, "-p", &port, "-U", "admin", "-f", &path];
    let output = run("ipmitool", &[&access[..], &["chassis", "power", "status"]].concat());
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
