//! Debian packages: installed into the system, or downloaded and unpacked beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::{peers, run};

/// Installs `packages` with apt as root or through sudo. Nothing that is installed is removed for them. Elsewhere than on
/// a Debian-like system it fails and says what to install.
pub fn install(packages: &[&str]) -> Result<()> {
    ensure!(
        is_here(),
        "this machine has no apt-get; install the programs above (Debian calls their packages: {})",
        packages.join(" ")
    );
    let plan = plan(packages, None)?;
    ensure!(
        plan.removed.is_empty(),
        "apt would remove {} for {}; install them by hand",
        plan.removed.join(" "),
        packages.join(" ")
    );
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends", "--no-remove"];
    arguments.extend(packages);
    if as_root(&arguments).is_err() {
        eprintln!("xtask: the package lists may be old; fetching new ones and trying once more");
        update()?;
        as_root(&arguments)?;
    }
    Ok(())
}

/// Whether this is a Debian-like system.
pub fn is_here() -> bool {
    peers::find("apt-get").is_some()
}

/// What apt would do.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// `NAME=VERSION` of each package that comes new or in another version.
    pub installed: Vec<String>,
    /// Names of packages that would go.
    pub removed: Vec<String>,
}

/// Simulates an installation of `packages`, against dpkg's own status or another `status` file. Fetches package lists
/// and tries again if apt knows no such plan.
pub fn plan(packages: &[&str], status: Option<&Path>) -> Result<Plan> {
    match simulate(packages, status) {
        Ok(plan) => Ok(plan),
        Err(first) => {
            update().with_context(|| format!("{first:#}"))?;
            simulate(packages, status)
        }
    }
}

fn simulate(packages: &[&str], status: Option<&Path>) -> Result<Plan> {
    let mut apt = apt_get();
    apt.args(["install", "--simulate", "--no-install-recommends"]);
    if let Some(status) = status {
        apt.arg(format!("-oDir::State::status={}", status.display()));
    }
    let output = run::read(apt.args(packages))?;
    Ok(parse_plan(&output))
}

/// Reads lines like `Inst NAME [OLD] (NEW ORIGIN [ARCH]) []` and `Remv NAME [OLD]`.
fn parse_plan(output: &str) -> Plan {
    let mut plan = Plan::default();
    for line in output.lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("Inst"), Some(name)) => {
                if let Some(version) = words.find_map(|word| word.strip_prefix('(')) {
                    plan.installed.push(format!("{name}={}", version.trim_end_matches(')')));
                }
            }
            (Some("Remv"), Some(name)) => plan.removed.push(name.to_owned()),
            _ => {}
        }
    }
    plan
}

/// Downloads `packages` (`NAME` or `NAME=VERSION`), each alone, and unpacks them into `folder` without asking dpkg to
/// install anything. Needs no root. The packages' files themselves are dropped again.
pub fn unpack(packages: &[String], folder: &Path) -> Result<()> {
    let archives = folder.join("archives");
    fs::create_dir_all(&archives).with_context(|| format!("cannot make {}", archives.display()))?;
    let download = || run::read(apt_get().current_dir(&archives).arg("download").args(packages));
    if let Err(first) = download() {
        update().with_context(|| format!("{first:#}"))?;
        download()?;
    }
    for entry in fs::read_dir(&archives)? {
        let archive: PathBuf = entry?.path();
        run::run(Command::new("dpkg").arg("--extract").arg(&archive).arg(folder))?;
    }
    fs::remove_dir_all(&archives).with_context(|| format!("cannot remove {}", archives.display()))
}

/// The first of `packages` that a package source offers, or of those that it depends on whose name starts with `prefix`.
pub fn first_dependency(packages: &[&str], prefix: &str) -> Result<String> {
    if let Some(name) = offered_dependency(packages, prefix) {
        return Ok(name);
    }
    update()?;
    offered_dependency(packages, prefix)
        .with_context(|| format!("no package source offers one of: {}", packages.join(" ")))
}

fn offered_dependency(packages: &[&str], prefix: &str) -> Option<String> {
    packages.iter().find_map(|package| {
        let output =
            run::read(Command::new("apt-cache").env("LC_ALL", "C").args(["depends", package])).ok()?;
        output
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "))
            .find(|name| name.starts_with(prefix))
            .map(str::to_owned)
    })
}

fn update() -> Result<()> {
    as_root(&["update", "--quiet"])
}

/// Runs apt-get as root: directly, or through sudo, which may ask for a password only on a terminal.
fn as_root(arguments: &[&str]) -> Result<()> {
    let mut command = if run::read(Command::new("id").arg("-u"))?.trim() == "0" {
        Command::new("apt-get")
    } else if peers::find("sudo").is_some() {
        let mut sudo = Command::new("sudo");
        if std::env::var_os("CI").is_some() {
            sudo.arg("--non-interactive");
        }
        sudo.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    } else {
        bail!("neither root nor sudo: run as root `apt-get {}`", arguments.join(" "));
    };
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(arguments)
        // What apt says while it works is no part of a task's own output.
        .stdout(Stdio::null());
    if !command.get_program().eq("sudo") {
        command.stdin(Stdio::null());
    }
    eprintln!("xtask: apt-get {}", arguments.join(" "));
    run::run(&mut command)
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("LC_ALL", "C").arg("--quiet");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_names_what_comes_and_what_goes() {
        let plan = parse_plan(
            "Reading package lists...\n\
             Remv qemu-utils [1:10.0.2+ds-2]\n\
             Inst libfdt1 (1.6.1-4+b1 Debian:12.15/oldstable [amd64])\n\
             Inst libgbm1 [22.3.6-1+deb12u1] (22.3.6-1+deb12u2 Debian-Security:12 [amd64]) []\n\
             Conf libfdt1 (1.6.1-4+b1 Debian:12.15/oldstable [amd64])\n",
        );
        assert_eq!(plan.installed, ["libfdt1=1.6.1-4+b1", "libgbm1=22.3.6-1+deb12u2"]);
        assert_eq!(plan.removed, ["qemu-utils"]);
    }
}
