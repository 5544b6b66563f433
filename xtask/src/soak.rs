//! `cargo xtask soak`: the soak of `tests/e2e/tests/soak.rs` at full size. Tests run it small.

use anyhow::{Result, bail};

use crate::{run, workspace};

/// Builds ironhand, with optimisation where `--release` is given, and soaks it; prints what it took.
pub fn run(arguments: &[String]) -> Result<()> {
    let build: &[&str] = match arguments {
        [] => &["--bin", "ironhand"],
        [flag] if flag == "--release" => &["--bin", "ironhand", "--release"],
        _ => bail!("`soak` takes `--release` or nothing, got `{}`", arguments.join(" ")),
    };
    let ironhand = workspace::build_ironhand(build)?;
    let mut soak = workspace::cargo();
    soak.args(["test", "--locked", "--package", "e2e", "--test", "soak", "--", "--nocapture"])
        .env("IRONHAND_BIN", ironhand)
        .env("IRONHAND_SOAK", "full");
    run::run(&mut soak)
}
