//! The programs that are compared, each started as its users start it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::run::{Outcome, time};
use crate::simulator::{PASSWORD, Simulator, USER};

/// How long powerman's daemon may take to start its coprocesses.
const POWERMAN_STARTS: Duration = Duration::from_secs(60);

/// Where powerman's daemon listens.
const POWERMAN: &str = "127.0.0.1:10101";

fn ours(simulator: &Simulator, suite: u8) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ironhand"));
    command
        .args([
            "bmc",
            "-p",
            &simulator.port.to_string(),
            "-U",
            USER,
            "-C",
            &suite.to_string(),
            "--password-file",
        ])
        .arg(simulator.path("password"));
    for range in simulator.ranges(0, simulator.count).split(',') {
        command.args(["-H", range]);
    }
    command.args(["power", "status"]);
    command
}

/// `ironhand bmc power status`.
pub fn ironhand(simulator: &Simulator, suite: u8) -> Result<Outcome> {
    time(&mut ours(simulator, suite), |line| line.ends_with(" on"))
}

/// How long `ironhand bmc power status` takes until it has printed so many answers.
pub fn until_answered(simulator: &Simulator, answers: usize) -> Result<Duration> {
    let begun = Instant::now();
    let mut child =
        ours(simulator, 3).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let output = BufReader::new(child.stdout.take().ok_or("it has an output")?);
    let mut seen = 0;
    for line in output.lines() {
        seen += usize::from(line?.ends_with(" on"));
        if seen == answers {
            break;
        }
    }
    let took = begun.elapsed();
    child.kill()?;
    child.wait()?;
    match seen == answers {
        true => Ok(took),
        false => Err(format!("{seen} of {answers} live BMCs answered").into()),
    }
}

/// `ipmipower --stat`.
pub fn ipmipower(simulator: &Simulator, suite: u8, more: &[&str]) -> Result<Outcome> {
    let mut command = Command::new("/usr/sbin/ipmipower");
    command
        .args(["-D", "LAN_2_0", "-u", USER, "-p", PASSWORD, "-I", &suite.to_string()])
        .args(["-h", &simulator.ranges(0, simulator.count), "--stat"])
        .args(more);
    time(&mut command, |line| line.ends_with(": on"))
}

/// `ipmitool`, fifty at a time.
pub fn ipmitool_xargs(simulator: &Simulator) -> Result<Outcome> {
    let hosts: String = (0..simulator.count).map(|index| format!("{}\n", simulator.address(index))).collect();
    let file = simulator.path("hosts");
    std::fs::write(&file, hosts)?;
    let mut command = Command::new("xargs");
    command
        .arg("-a")
        .arg(file)
        .args(["-P", "50", "-I", "{}", "ipmitool", "-I", "lanplus", "-C", "3", "-U", USER]);
    command.arg("-f").arg(simulator.path("password")).args(["-H", "{}", "chassis", "power", "status"]);
    time(&mut command, |line| line.ends_with("is on"))
}

/// powerman's daemon with ipmipower coprocesses behind it.
pub struct Powerman {
    daemon: Child,
    count: usize,
}

impl Powerman {
    /// Starts it and waits until it knows every BMC.
    pub fn start(simulator: &Simulator, coprocesses: usize) -> Result<Self> {
        let file = simulator.path("powerman.conf");
        let mut config = std::fs::File::create(&file)?;
        writeln!(config, "listen \"{POWERMAN}\"\ninclude \"/etc/powerman/ipmipower.dev\"")?;
        let share = simulator.count.div_ceil(coprocesses);
        for number in 0..coprocesses {
            let (from, until) = (number * share, simulator.count.min((number + 1) * share));
            let ranges = simulator.ranges(from, until);
            writeln!(
                config,
                "device \"d{number}\" \"ipmipower\" \"/usr/sbin/ipmipower -D LAN_2_0 -u {USER} -p {PASSWORD} -I 3 -h {ranges} |&\""
            )?;
            for (index, address) in (from..until).map(|index| (index, simulator.address(index))) {
                writeln!(config, "node \"n{index}\" \"d{number}\" \"{address}\"")?;
            }
        }
        drop(config);
        let daemon = Command::new("/usr/sbin/powermand")
            .arg("-f")
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let powerman = Self { daemon, count: simulator.count };
        let deadline = Instant::now() + POWERMAN_STARTS;
        while powerman.query().map(|outcome| outcome.answered).unwrap_or_default() < powerman.count {
            if Instant::now() > deadline {
                return Err("powerman does not come to know all BMCs".into());
            }
            std::thread::park_timeout(Duration::from_millis(200));
        }
        Ok(powerman)
    }

    /// `powerman -q`.
    pub fn query(&self) -> Result<Outcome> {
        let mut command = Command::new("/usr/bin/powerman");
        command.args(["-h", POWERMAN, "-q"]);
        let begun = Instant::now();
        let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // The work is done by the daemon's coprocesses, so the query's own processor time says nothing.
        Ok(Outcome { wall: begun.elapsed(), processor: None, answered: on_nodes(&text) })
    }
}

impl Drop for Powerman {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// Nodes in a line like `on:      n[0-499,501]`.
fn on_nodes(output: &str) -> usize {
    let Some(nodes) = output.lines().find_map(|line| line.strip_prefix("on:")) else { return 0 };
    let nodes = nodes.trim().trim_start_matches('n').trim_start_matches('[').trim_end_matches(']');
    let count = |range: &str| match range.split_once('-') {
        Some((first, last)) => Some(last.parse::<usize>().ok()? + 1 - first.parse::<usize>().ok()?),
        None => range.parse::<usize>().ok().map(|_| 1),
    };
    nodes.split(',').filter_map(count).sum()
}
