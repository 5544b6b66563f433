//! Network boot against the servers that people use: `cargo xtask bench boot [PART ...] [OPTION ...]`.
//!
//! Servers and clients run in network namespaces of their own with a veth pair between them, which needs root (see `link`).
//! In each round every server has its turn, so that what else the machine does strikes all of them; what counts are medians
//! of the rounds' ratios. The work is checked: what was lost or wrong is printed, and such a run counts in no ratio.
//! A server that is not installed is an error. Where a bar is missed, the program ends with status 1.
//!
//! Options: `--rounds N` (3), `--seconds N` of each run (3), `--machines N` of `boots` (1,000), `--directory DIR` where servers
//! keep their leases and what they serve (the system's place for temporary files; /dev/shm leaves the disk out), `--only TEXT`
//! for those contests whose title holds it.

mod boots;
mod contest;
mod dhcp;
mod http;
mod link;
mod load;
mod peer;
mod pools;
mod storm;
mod tftp;

use std::path::PathBuf;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What the parts are told.
#[derive(Clone)]
pub struct Options {
    /// How often every program runs.
    pub rounds: usize,
    /// How long a run lasts where that is free, in seconds.
    pub seconds: u64,
    /// How many machines boot at the same moment.
    pub machines: u32,
    /// What the title of a contest must hold to be run.
    pub only: String,
    /// Where directories are made.
    directory: PathBuf,
}

impl Options {
    /// An empty directory, removed with the value.
    pub fn directory(&self) -> Result<tempfile::TempDir> {
        Ok(tempfile::Builder::new().prefix("bench-boot-").tempdir_in(&self.directory)?)
    }
}

/// A part measures something and says whether its bars hold.
type Part = fn(&Options) -> Result<bool>;

/// The parts by name, in the order in which they run.
const PARTS: &[(&str, Part)] = &[
    ("dhcp", dhcp::run),
    ("pools", pools::run),
    ("storm", storm::run),
    ("tftp", tftp::run),
    ("http", http::run),
    ("boots", boots::run),
];

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<bool> {
    match arguments {
        [command, rest @ ..] if command == dhcp::SERVE => return dhcp::serve(rest),
        [command, folder] if command == boots::SERVE => return boots::serve(folder.as_ref()),
        [command, folder] if command == http::SERVE => return http::serve(folder.as_ref()),
        [command, folder] if command == tftp::SERVE => return tftp::serve(folder.as_ref()),
        _ => {}
    }
    let mut options = Options {
        rounds: 3,
        seconds: 3,
        machines: 1_000,
        only: String::new(),
        directory: std::env::temp_dir(),
    };
    let mut chosen = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            // Cargo adds the one, its users the other.
            "--bench" | "--" => {}
            "--rounds" => options.rounds = value()?.parse()?,
            "--seconds" => options.seconds = value()?.parse()?,
            "--machines" => options.machines = value()?.parse()?,
            "--only" => options.only.clone_from(value()?),
            "--directory" => options.directory = value()?.into(),
            name => match PARTS.iter().find(|(part, _)| *part == name) {
                Some(part) => chosen.push(part),
                None => {
                    let names: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
                    return Err(format!("there is no part {name}; there are: {}", names.join(", ")).into());
                }
            },
        }
    }
    if chosen.is_empty() {
        chosen.extend(PARTS);
    }
    let mut is_well = true;
    for (name, part) in chosen {
        println!("\n== {name}");
        is_well &= part(&options).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(is_well)
}
