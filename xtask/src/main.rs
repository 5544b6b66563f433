//! Repository tasks, run as `cargo xtask TASK`. Each task is one module; `USAGE` lists them.
//!
//! `xtask` is compiled before anything else happens, so it stays light: `anyhow`, `serde_json` and the standard library.

mod bench;
mod ci;
mod e2e;
mod guest;
mod peers;
mod run;
mod sandbox;
mod soak;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

const USAGE: &str = "\
Usage: cargo xtask TASK

  sandbox [ARGS..]   build ironhand and run `ironhand sandbox ARGS`
  test [FILTER..]    install what tests need, then run all tests (those named by FILTER)
  e2e [NAME..]       run the end-to-end tests (all, or e.g. `first-recovery`) against real peers and guests
  bench [AREA..]     measure; without AREA: list the areas; what follows the last area goes to its program
  soak [--release]   break 200 of 1,000 simulated hosts within ten minutes while the server is killed 20 times
  tidy               check the rules of this repository that no compiler checks
  ci                 tidy, format, clippy, documentation, then test
  peers [--beside]   only install what tests need; --beside unpacks QEMU below target/ even where apt would install it
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match task.as_str() {
        "sandbox" => sandbox::run(&rest),
        "test" => test::run(&rest, None),
        "e2e" => e2e::run(&rest),
        "bench" => bench::run(&rest),
        "soak" => soak::run(&rest),
        "tidy" => no_arguments("tidy", &rest).and_then(|()| tidy::run()),
        "ci" => no_arguments("ci", &rest).and_then(|()| ci::run()),
        "peers" => peers::run(&rest),
        "" | "help" | "-h" | "--help" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        unknown => {
            eprint!("xtask: there is no task `{unknown}`\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {task}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn no_arguments(task: &str, rest: &[String]) -> Result<()> {
    anyhow::ensure!(rest.is_empty(), "`{task}` takes no arguments, got `{}`", rest.join(" "));
    Ok(())
}
