//! The product, as a user starts it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::Party;

/// A running `ironhand serve` with its own store and socket.
pub struct Ironhand {
    folder: tempfile::TempDir,
    _server: Daemon,
}

/// A program of ours in the background, ended when dropped.
pub struct Daemon {
    child: Child,
    /// Its first line of output: what it says when it is ready.
    pub first_line: String,
}

/// The built program: `IRONHAND_BIN`, else the one of this build's profile beside the test.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("IRONHAND_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let built = test.parent().and_then(Path::parent).map(|folder| folder.join("ironhand"));
    match built {
        Some(path) if path.exists() => path,
        _ => panic!("the ironhand program is not built: run these tests with `cargo xtask test`"),
    }
}

/// Runs a command that needs no server; gives whatever comes out.
pub fn ironhand(arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .env("XDG_CACHE_HOME", NO_CACHE)
        .stdin(Stdio::null())
        .output()
        .expect("ironhand starts")
}

/// No folder can be made there: what one test learned of a BMC must not reach another, nor the user.
pub(crate) const NO_CACHE: &str = "/dev/null";

impl Daemon {
    /// Starts `ironhand` with `arguments` and waits for its first line of output.
    pub fn start(arguments: &[&str]) -> Self {
        Self::try_start(arguments)
            .unwrap_or_else(|| panic!("ironhand {arguments:?} ended at once; its own words stand above"))
    }

    /// Starts `ironhand` on one of these ports with the arguments for it. A port that was free a moment ago may be
    /// somebody else's when it is to be used: then the next is tried, a few times.
    pub fn start_on(ports: impl IntoIterator<Item = u16>, arguments: impl Fn(&str) -> Vec<String>) -> Self {
        /// So many losses in a row are no accident.
        const TRIES: usize = 5;
        let start = |port: u16| {
            let arguments = arguments(&port.to_string());
            Self::try_start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
        };
        ports
            .into_iter()
            .take(TRIES)
            .find_map(start)
            .expect("ironhand starts on some port; its words stand above")
    }

    /// `None` if it ends without a word on its output.
    fn try_start(arguments: &[&str]) -> Option<Self> {
        Self::try_start_as(Command::new(program()).args(arguments))
    }

    fn try_start_as(command: &mut Command) -> Option<Self> {
        let mut child = command
            .env("IRONHAND_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ironhand starts");
        let output = child.stdout.take().expect("its output is a pipe");
        let mut lines = BufReader::new(output).lines();
        let Some(Ok(first_line)) = lines.next() else {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        };
        // Whatever follows is read, so that the program never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, first_line })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGTERM first, so that it closes its sessions and ends its guest; it is given no more than ten seconds.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if asked.is_ok_and(|status| status.success()) {
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
            while std::time::Instant::now() < deadline {
                if matches!(self.child.try_wait(), Ok(Some(_))) {
                    return;
                }
                std::thread::park_timeout(std::time::Duration::from_millis(20));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The password of every controller in these tests.
pub const PASSWORD: &str = "canary-7f3a";

impl Ironhand {
    /// Starts a server.
    pub fn serve() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let socket = folder.path().join("api.sock");
        let server = Daemon::start(&[
            "serve",
            "--data",
            &data.to_string_lossy(),
            "--socket",
            &socket.to_string_lossy(),
        ]);
        Self { folder, _server: server }
    }

    /// Starts a server on a machine of a network of the test, with further options.
    pub fn serve_at(party: &Party, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = party.command(&program());
        command.arg("serve").arg("--data").arg(folder.path().join("data"));
        command.arg("--socket").arg(folder.path().join("api.sock"));
        let server = Daemon::try_start_as(command.args(options));
        let server = server.expect("the server is ready; its own words stand above");
        Self { folder, _server: server }
    }

    /// A folder for files of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command at this server, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .arg("--server")
            .arg(format!("unix:{}", self.folder.path().join("api.sock").display()))
            .args(arguments)
            .env("IRONHAND_PASSWORD", PASSWORD)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command as a user would; gives whatever comes out.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("ironhand starts")
    }

    /// Runs a command that must succeed; gives its output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "ironhand {arguments:?}: {}\n{text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// Runs a command that must succeed, with `-o json`; gives its value.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut with_format = arguments.to_vec();
        with_format.extend(["-o", "json"]);
        let text = self.ok(&with_format);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("ironhand {arguments:?}: {error}\n{text}"))
    }

    /// Applies a manifest.
    pub fn apply(&self, manifest: &str) {
        // A file for each call: tests apply from several threads.
        let mut file = tempfile::Builder::new()
            .suffix(".yaml")
            .tempfile_in(self.folder.path())
            .expect("a file in the temporary folder");
        file.write_all(manifest.as_bytes()).expect("it is written");
        self.ok(&["apply", "-f", &file.path().to_string_lossy()]);
    }

    /// Describes a host behind controllers on loopback, with the user and password of these tests.
    pub fn apply_host(&self, name: &str, connectors: &[String]) {
        self.apply(&format!(
            "apiVersion: ironhand/v1\nkind: Credential\nmetadata: {{ name: peers }}\n\
             spec: {{ username: admin, password: {{ fromEnv: IRONHAND_PASSWORD }} }}\n---\n\
             apiVersion: ironhand/v1\nkind: Host\nmetadata: {{ name: {name} }}\n\
             spec:\n  credentials: [peers]\n  connectors:\n{}",
            connectors.iter().map(|connector| format!("    - {connector}\n")).collect::<String>()
        ));
    }
}
