//! A server that a test kills, and starts again on what it left.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::PASSWORD;
use crate::ironhand::program;

/// A running `ironhand serve` on a folder that outlives it, with its socket `api.sock` in that folder. Dropping it
/// stops it in order.
pub struct Served {
    folder: PathBuf,
    child: Child,
}

impl Served {
    /// Starts a server and does not wait until it is ready.
    pub fn begin(folder: &Path) -> Self {
        let child = Command::new(program())
            .arg("serve")
            .arg("--data")
            .arg(folder.join("data"))
            .arg("--socket")
            .arg(folder.join("api.sock"))
            .env("IRONHAND_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ironhand starts");
        Self { folder: folder.to_owned(), child }
    }

    /// Starts a server and waits until it is ready.
    pub fn start(folder: &Path) -> Self {
        let mut server = Self::begin(folder);
        let output = server.child.stdout.take().expect("its output is a pipe");
        let ready = BufReader::new(output).lines().next();
        assert!(matches!(ready, Some(Ok(_))), "ironhand serve ended at once; its own words stand above");
        server
    }

    /// The id of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without warning when it has lived for a while, and waits until it is gone.
    pub fn kill_after(mut self, life: Duration) {
        // Not to wait for anything: the moment of the kill is what a test chooses.
        std::thread::sleep(life);
        self.child.kill().expect("it is ours to kill");
        self.child.wait().expect("it is ours to wait for");
    }

    /// Applies a manifest.
    pub fn apply(&self, manifest: &str) {
        let file = self.folder.join("applied.yaml");
        std::fs::write(&file, manifest).expect("a file in the temporary folder");
        let Output { status, stderr, .. } = Command::new(program())
            .arg("--server")
            .arg(format!("unix:{}", self.folder.join("api.sock").display()))
            .args(["apply", "-f"])
            .arg(file)
            .env("IRONHAND_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .output()
            .expect("ironhand starts");
        assert!(status.success(), "apply: {status}: {}\n{manifest}", String::from_utf8_lossy(&stderr));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // An error of either shows in the test: the next server finds its place taken.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
