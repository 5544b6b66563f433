//! A program that serves clients while it is measured: ours or a stranger's.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::Result;
use crate::link::Namespace;

/// How long a server may take until it answers.
const STARTS: Duration = Duration::from_secs(20);

/// What kernels count processor time of processes in, for every platform that Linux runs on (USER_HZ).
const TICK: Duration = Duration::from_millis(10);

/// A running server, killed with all that it started when this goes.
pub struct Peer {
    child: Child,
    name: String,
    /// What it prints.
    log: std::path::PathBuf,
}

impl Peer {
    /// Starts `program` with `arguments` in `namespace`. It must stay in the foreground. What it prints goes to a file in
    /// `directory`, where it also runs.
    pub fn start<S: AsRef<OsStr>>(
        namespace: &Namespace,
        directory: &Path,
        program: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        Self::start_with(namespace, directory, program, arguments, &[])
    }

    /// As [`Peer::start`], with variables in its environment.
    pub fn start_with<S: AsRef<OsStr>>(
        namespace: &Namespace,
        directory: &Path,
        program: &str,
        arguments: impl IntoIterator<Item = S>,
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let found = find(program)?;
        let log = directory.join("output.log");
        let output = File::create(&log)?;
        let mut command = namespace.command(&found);
        command.args(arguments).envs(environment.iter().copied()).current_dir(directory).process_group(0);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().map_err(|error| format!("{program} does not start: {error}"))?;
        Ok(Self { child, name: program.to_owned(), log })
    }

    /// Waits until `answers` says that the server does; fails with what it printed if it ends or takes too long.
    pub fn wait(&mut self, mut answers: impl FnMut() -> Result<bool>) -> Result<()> {
        let begun = Instant::now();
        while !answers()? {
            let ended = self.child.try_wait()?;
            if ended.is_some() || begun.elapsed() > STARTS {
                let output = fs::read_to_string(&self.log).unwrap_or_default();
                let from = output.char_indices().rev().nth(2000).map_or(0, |(at, _)| at);
                let what = ended.map_or("does not answer".to_owned(), |status| format!("ended ({status})"));
                return Err(format!("{} {what}; it printed:\n{}", self.name, &output[from..]).into());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Processor time of the server so far, with all processes that it started, also those that ended.
    pub fn processor(&self) -> Result<Duration> {
        processor_of_tree(self.child.id())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let all = processes_of_tree(self.child.id()).unwrap_or_default();
        // Its process group with it: a program that changes its user or capabilities, as dnsmasq does, is not told any more
        // when the process above it ends (prctl(2), PR_SET_PDEATHSIG). The rest of its process namespace goes with it.
        if let Ok(group) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Their ports are free only then.
        let begun = Instant::now();
        let is_there = |process: &Process| Path::new(&format!("/proc/{}", process.id)).exists();
        while all.iter().any(is_there) && begun.elapsed() < STARTS {
            sleep(Duration::from_millis(1));
        }
    }
}

/// A command that runs this program again, with `arguments`, as a server in `namespace` of its own process.
pub fn ours(namespace: &Namespace, directory: &Path, arguments: &[&str]) -> Result<Peer> {
    let this = std::env::current_exe()?;
    Peer::start(namespace, directory, this.to_str().ok_or("a program with a name in UTF-8")?, arguments)
}

/// The path of a program, which may lie where only root's commands do.
pub fn find(program: &str) -> Result<String> {
    if program.contains('/') {
        return Ok(program.to_owned());
    }
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"])
        .map(|directory| format!("{directory}/{program}"))
        .find(|path| Path::new(path).is_file())
        .ok_or_else(|| {
            format!("{program} is not installed; it is one of the servers that are compared").into()
        })
}

/// A process, as far as it matters here.
struct Process {
    id: u32,
    parent: u64,
    ticks: u64,
}

fn processor_of_tree(root: u32) -> Result<Duration> {
    let ticks: u64 = processes_of_tree(root)?.iter().map(|process| process.ticks).sum();
    Ok(TICK * u32::try_from(ticks)?)
}

/// The process and all that descend from it.
fn processes_of_tree(root: u32) -> Result<Vec<Process>> {
    let mut others = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name of the program stands in parentheses and may hold anything. Behind it are the state, the parent, and as
        // the 12th to 15th the times of the process and of its children that were waited for (proc_pid_stat(5)).
        let Some((_, fields)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = fields.split(' ').collect();
        let number =
            |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        others.push(Process { id, parent: number(1), ticks: (11..15).map(number).sum() });
    }
    let mut tree: Vec<Process> = others.extract_if(.., |process| process.id == root).collect();
    let mut at = 0;
    while let Some(parent) = tree.get(at).map(|process| u64::from(process.id)) {
        tree.extend(others.extract_if(.., |process| process.parent == parent));
        at += 1;
    }
    Ok(tree)
}
