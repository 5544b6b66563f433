//! `cargo xtask sandbox`: a server and a simulated fleet in one process.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace;

/// Builds `ironhand` and becomes `ironhand sandbox ARGUMENTS`, so Ctrl-C and the exit code are the sandbox's own.
pub fn run(arguments: &[String]) -> Result<()> {
    // The dev profile compiles in a fraction of the release profile's time, and the screen reader is optimised in both.
    eprintln!("xtask: building ironhand (dev profile), then starting `ironhand sandbox`");
    let ironhand = workspace::build_ironhand(&["--bin", "ironhand"])?;
    let error = Command::new(&ironhand).arg("sandbox").args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", ironhand.display()))
}
