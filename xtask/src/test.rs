//! `cargo xtask test`: every test of the workspace, with the peers that tests talk to.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{guest, peers, workspace};

/// Installs what is missing, builds everything, and runs all tests, or those whose names contain one of `filters`.
/// Property tests draw the same cases in each run with the same `seed`, and others each time without one.
pub fn run(filters: &[String], seed: Option<u64>) -> Result<()> {
    // The same choice of targets as `cargo test` makes, so that it finds everything built with the same features.
    let surroundings = Surroundings::prepare(&["--workspace", "--bins", "--examples", "--tests"])?;
    let mut tests = workspace::cargo();
    tests.args(["test", "--workspace", "--locked", "--no-fail-fast", "--"]).args(filters);
    surroundings.tell(&mut tests)?;
    if let Some(seed) = seed {
        tests.env("PROPTEST_RNG_SEED", seed.to_string());
    }
    let (passed, tally) = run_counting(&mut tests)?;
    // Last and alone on its line: continuous integration reads it.
    println!("{} passed, {} failed", tally.passed, tally.failed);
    ensure!(passed && tally.failed == 0, "tests failed");
    ensure!(tally.ignored == 0, "{} tests were skipped: a test runs or is removed", tally.ignored);
    ensure!(tally.passed > 0, "no test is named like {}", filters.join(" or "));
    Ok(())
}

/// What tests find outside the workspace: peers, guest images, and the `ironhand` binary.
pub struct Surroundings {
    peers: PathBuf,
    ironhand: PathBuf,
}

impl Surroundings {
    /// Makes all of it; `build` are the arguments of the `cargo build` that makes the binary.
    pub fn prepare(build: &[&str]) -> Result<Self> {
        let peers = workspace::target()?.join("peers");
        // Downloads and the compiler do not wait for each other.
        let (fetched, built) = std::thread::scope(|scope| {
            let fetched = scope.spawn(|| {
                peers::install(&peers, peers::QemuPlace::AptFirst)?;
                guest::prepare(&peers)
            });
            let built = workspace::build_ironhand(build);
            (fetched.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), built)
        });
        fetched?;
        Ok(Self { ironhand: built?, peers })
    }

    /// Hands it to `command`: `IRONHAND_PEERS`, `IRONHAND_BIN`, and the peers' programs on `PATH`.
    pub fn tell(&self, command: &mut Command) -> Result<()> {
        command
            .env("IRONHAND_PEERS", &self.peers)
            .env("IRONHAND_BIN", &self.ironhand)
            .env("PATH", peers::search_path(&self.peers)?);
        Ok(())
    }
}

/// The sum of the `test result:` lines of all test binaries.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in counts.split(';') {
            let mut words = part.split_whitespace();
            let Some(count) = words.next().and_then(|word| word.parse::<u64>().ok()) else {
                continue;
            };
            match words.next() {
                Some("passed") => self.passed += count,
                Some("failed") => self.failed += count,
                Some("ignored") => self.ignored += count,
                _ => {}
            }
        }
    }
}

/// Runs `command`, passes its output on as it comes, and adds up its test results. The flag tells if it exited with 0.
fn run_counting(command: &mut Command) -> Result<(bool, Tally)> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start `cargo test`")?;
    let output = child.stdout.take().context("`cargo test` has no output")?;
    let mut tally = Tally::default();
    let mut terminal = std::io::stdout().lock();
    for line in BufReader::new(output).split(b'\n') {
        let mut line = line.context("cannot read the output of `cargo test`")?;
        tally.add(&String::from_utf8_lossy(&line));
        line.push(b'\n');
        terminal.write_all(&line)?;
        terminal.flush()?;
    }
    Ok((child.wait()?.success(), tally))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_test_binaries_are_added() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 40 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out; finished in 1.20s",
            "test result: is what a test printed",
        ] {
            tally.add(line);
        }
        assert_eq!(tally, Tally { passed: 43, failed: 2, ignored: 1 });
    }
}
