//! The simulated BMCs: `ironhand sim bmc`, as a user starts it.

use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Result;

pub const USER: &str = "admin";
pub const PASSWORD: &str = "simulated";

/// Addresses of a /24 that the simulator uses: not 0 and 255.
const PER_NET: usize = 254;

/// What the line to the BMCs is like.
pub struct Line {
    pub port: u16,
    pub delay: Duration,
    pub loss_percent: u32,
    /// BMCs that answer nothing.
    pub silent: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self { port: 623, delay: Duration::ZERO, loss_percent: 0, silent: 0 }
    }
}

pub struct Simulator {
    child: Child,
    pub port: u16,
    pub count: usize,
    folder: tempfile::TempDir,
}

impl Simulator {
    /// Starts so many BMCs at 127.31.0.1 and the addresses that follow.
    pub fn start(count: usize, line: &Line) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("password"), PASSWORD)?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_ironhand"))
            .args(["sim", "bmc", "--bind", "127.31.0.1", "--user", USER, "--count", &count.to_string()])
            .args(["--port", &line.port.to_string()])
            .args(["--delay", &format!("{}ms", line.delay.as_millis())])
            .args(["--loss", &format!("{}%", line.loss_percent), "--silent", &line.silent.to_string()])
            .arg("--password-file")
            .arg(folder.path().join("password"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("the simulator has an output")?).lines();
        let ready = lines.next().transpose()?;
        std::thread::spawn(move || lines.for_each(drop));
        match ready {
            Some(_) => Ok(Self { child, port: line.port, count, folder }),
            None => {
                child.wait()?;
                Err("the simulator did not start: is port 623 free, and allowed to this user?".into())
            }
        }
    }

    /// A place for files of the runs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address of a BMC.
    pub fn address(&self, index: usize) -> Ipv4Addr {
        let (net, host) = (index / PER_NET, index % PER_NET + 1);
        Ipv4Addr::new(127, 31, net as u8, host as u8)
    }

    /// The BMCs from one index to before another as ranges that all programs understand, separated by commas.
    pub fn ranges(&self, from: usize, until: usize) -> String {
        let mut ranges = Vec::new();
        let mut at = from;
        while at < until {
            let end = until.min((at / PER_NET + 1) * PER_NET);
            let (net, first, last) = (at / PER_NET, at % PER_NET + 1, (end - 1) % PER_NET + 1);
            ranges.push(match first == last {
                true => format!("127.31.{net}.{first}"),
                false => format!("127.31.{net}.[{first}-{last}]"),
            });
            at = end;
        }
        ranges.join(",")
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
