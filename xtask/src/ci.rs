//! `cargo xtask ci`: what a change must pass. `.ci/run` calls it.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::{run, test, tidy, workspace};

struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

/// What property tests draw their cases from here, so that the same change passes or fails each time.
const SEED: u64 = 1;

const STEPS: &[Step] = &[
    Step { name: "tidy", run: tidy::run },
    Step { name: "format", run: format },
    Step { name: "clippy", run: clippy },
    Step { name: "documentation", run: documentation },
    Step { name: "test", run: || test::run(&[], Some(SEED)) },
];

/// Runs every step and stops at the first that fails; prints how long each took.
pub fn run() -> Result<()> {
    let mut summary = String::new();
    for Step { name, run } in STEPS {
        println!("== {name}");
        let start = Instant::now();
        let outcome = run();
        let seconds = start.elapsed().as_secs_f64();
        println!("== {name}: {seconds:.1} s");
        outcome.with_context(|| format!("step `{name}` failed"))?;
        summary += &format!("  {name} {seconds:.1} s");
    }
    println!("== ci passed:{summary}");
    Ok(())
}

fn format() -> Result<()> {
    run::run(workspace::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    run::run(workspace::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--locked",
        "--",
        "--deny=warnings",
    ]))
}

fn documentation() -> Result<()> {
    run::run(
        workspace::cargo()
            .args(["doc", "--workspace", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "--deny=warnings"),
    )
}
