//! Where this checkout is, and how its cargo is called.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::run;

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the checkout")
}

/// The cargo that runs this program, started in the root of the checkout.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// What `cargo metadata` says, resolved for the platform that is released: x86-64 Linux.
pub fn metadata() -> Result<Value> {
    let text = run::read(cargo().args([
        "metadata",
        "--locked",
        "--format-version=1",
        "--filter-platform=x86_64-unknown-linux-gnu",
    ]))?;
    serde_json::from_str(&text).context("cannot read the output of `cargo metadata`")
}

/// Cargo's target folder, wherever the user's configuration puts it.
pub fn target() -> Result<PathBuf> {
    let text = run::read(cargo().args(["metadata", "--no-deps", "--format-version=1"]))?;
    let metadata: Value =
        serde_json::from_str(&text).context("cannot read the output of `cargo metadata`")?;
    let target = metadata["target_directory"].as_str().context("`cargo metadata` names no target folder")?;
    Ok(PathBuf::from(target))
}

/// Runs `cargo build` with `arguments` and returns the path of the `ironhand` binary that it made.
pub fn build_ironhand(arguments: &[&str]) -> Result<PathBuf> {
    let mut command = cargo();
    command
        .args(["build", "--locked", "--message-format=json-render-diagnostics"])
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command.output().context("cannot start `cargo build`")?;
    ensure!(output.status.success(), "`cargo build {}` failed", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(ironhand_executable)
        .next_back()
        .context("`cargo build` reported no binary named `ironhand`")
}

/// The path in one line of cargo's build messages, if that line reports the `ironhand` binary (not its unit tests).
fn ironhand_executable(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_binary = message["reason"] == "compiler-artifact"
        && message["target"]["name"] == "ironhand"
        && message["target"]["kind"][0] == "bin"
        && message["profile"]["test"] == false;
    is_binary.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
}
