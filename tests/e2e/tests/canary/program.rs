//! The programs: a server and simulated BMCs that say all that they can, into files.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::secret::CONTROLLER;

/// An answer that has not ended by then is a stream.
const ANSWERED: Duration = Duration::from_secs(30);

pub struct Program {
    folder: tempfile::TempDir,
    bmcs: Child,
    server: Option<Child>,
}

impl Program {
    /// Three simulated BMCs at 127.97.0.1 and the addresses that follow, the third of which is silent; and a server.
    pub fn start(port: u16) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("words")).expect("a folder");
        let password = e2e::private_file(CONTROLLER.value);
        let script = folder.path().join("faults.yaml");
        std::fs::write(&script, "faults:\n  - { fault: silent, bmcs: 3 }\n").expect("a file");
        let bmcs = Spoken { folder: folder.path(), name: "sim" };
        let bmcs = bmcs.start(&[
            "sim",
            "bmc",
            "--bind",
            "127.97.0.1",
            "--count",
            "3",
            "--port",
            &port.to_string(),
            "--faults",
            &script.to_string_lossy(),
            "--password-file",
            &password.path().to_string_lossy(),
        ]);
        let mut program = Self { folder, bmcs, server: None };
        program.serve();
        program
    }

    /// Starts the server, on what an earlier one left.
    pub fn serve(&mut self) {
        let server = Spoken { folder: self.folder(), name: "serve" };
        let (data, socket) = (self.data(), self.socket());
        let (data, socket) = (data.to_string_lossy(), socket.to_string_lossy());
        self.server = Some(server.start(&["serve", "-vv", "--data", &data, "--socket", &socket]));
    }

    /// Ends the server with a signal that it cannot, or does not, answer.
    pub fn kill(&mut self, signal: &str) {
        let mut server = self.server.take().expect("a server runs");
        let told = Command::new("kill")
            .args(["-s", signal, &server.id().to_string()])
            .status()
            .expect("kill starts");
        assert!(told.success(), "{told}");
        server.wait().expect("it ends");
    }

    /// Those that run, with what they are.
    pub fn processes(&self) -> Vec<(u32, &'static str)> {
        let server = self.server.iter().map(|server| (server.id(), "the server"));
        server.chain([(self.bmcs.id(), "the simulated BMCs")]).collect()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    pub fn socket(&self) -> PathBuf {
        self.folder().join("api.sock")
    }

    /// The path of a file in the folder.
    pub fn path(&self, file: &str) -> String {
        self.folder().join(file).to_string_lossy().into_owned()
    }

    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder().join(file), text).expect("a file");
    }

    /// Runs a command that talks as much as it can.
    pub fn command(&self, arguments: &[&str]) -> Output {
        Command::new(e2e::program())
            .args(["-vv", "--server", &format!("unix:{}", self.socket().display())])
            .args(arguments)
            .env("RUST_LOG", "trace")
            .stdin(Stdio::null())
            .output()
            .expect("ironhand starts")
    }

    pub fn apply(&self, file: &str, text: &str) {
        self.write(file, text);
        let output = self.command(&["apply", "-f", &self.path(file)]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        for child in self.server.iter_mut().chain([&mut self.bmcs]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A program whose words are kept, and whose memory would be, were it to crash.
struct Spoken<'s> {
    folder: &'s Path,
    name: &'s str,
}

impl Spoken<'_> {
    fn file(&self, ending: &str) -> File {
        let path = self.folder.join("words").join(format!("{}.{ending}", self.name));
        OpenOptions::new().create(true).append(true).open(path).expect("a file for its words")
    }

    /// Starts `ironhand`, and waits for its first line.
    fn start(&self, arguments: &[&str]) -> Child {
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\""])
            .arg(e2e::program())
            .args(arguments)
            .current_dir(self.folder.join("words"))
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(self.file("err"))
            .spawn()
            .expect("sh starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let mut first = String::new();
        output.read_line(&mut first).expect("its first line");
        assert!(!first.is_empty(), "{arguments:?} ended at once");
        let mut file = self.file("out");
        file.write_all(first.as_bytes()).expect("written");
        std::thread::spawn(move || std::io::copy(&mut output, &mut file));
        child
    }
}

/// One call of the API over the local socket: the status and the whole answer, head and body.
pub fn request(socket: &Path, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(socket).expect("the server listens");
    stream.set_read_timeout(Some(ANSWERED)).expect("a limit");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .expect("the server takes it");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (status.unwrap_or_else(|| panic!("{method} {path}: {answer:?}")), body.to_owned())
}
