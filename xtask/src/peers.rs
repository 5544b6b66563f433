//! Strangers' programs that tests talk to: which, from which Debian package, why, and how they get here.
//!
//! Programs that any machine may have are installed with apt. QEMU is, too, unless that would remove or change packages
//! of this machine; then it is unpacked below `target/peers/` and the system stays as it is.
//! DHCP and TFTP servers are never installed: their packages would start them. They are unpacked there, as are firmware
//! and boot files. Python packages and the schemas of Redfish always lie there.

pub mod apt;
mod boot;
mod programs;
mod python;
mod qemu;
mod schemas;
mod servers;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace;
use programs::{PEERS, Peer};

/// Where QEMU may come from when this machine has none.
#[derive(Clone, Copy, PartialEq)]
pub enum QemuPlace {
    /// Installed with apt if that removes nothing, else unpacked.
    AptFirst,
    /// Unpacked below `target/peers/`.
    Beside,
}

/// `cargo xtask peers [--beside]`: installs what tests need and says where it is.
pub fn run(arguments: &[String]) -> Result<()> {
    let place = match arguments {
        [] => QemuPlace::AptFirst,
        [flag] if flag == "--beside" => QemuPlace::Beside,
        _ => bail!("`peers` takes `--beside` or nothing, got `{}`", arguments.join(" ")),
    };
    let peers = workspace::target()?.join("peers");
    install(&peers, place)?;
    crate::guest::prepare(&peers)?;
    println!("IRONHAND_PEERS={}", peers.display());
    println!("PATH={}", search_path(&peers)?.display());
    Ok(())
}

/// Makes every peer available; `folder` is `target/peers`. Quick when nothing is missing.
pub fn install(folder: &Path, place: QemuPlace) -> Result<()> {
    let missing: Vec<&Peer> = PEERS.iter().filter(|peer| find(peer.program).is_none()).collect();
    if !missing.is_empty() {
        eprintln!("xtask: tests need programs that this machine has not:");
        for peer in &missing {
            eprintln!("  {:12} package {:28} {}", peer.program, peer.package, peer.why);
        }
        let packages: Vec<&str> = missing.iter().map(|peer| peer.package).collect();
        apt::install(&packages)?;
        for peer in &missing {
            find(peer.program).with_context(|| {
                format!("package {} is installed, but no `{}` is found", peer.package, peer.program)
            })?;
        }
    }
    servers::install(folder)?;
    boot::install(folder)?;
    python::install(folder)?;
    schemas::install(folder)?;
    qemu::install(folder, place)
}

/// `PATH` for tests: peers unpacked in `folder` first, and the places of system programs, which a user's may lack.
pub fn search_path(folder: &Path) -> Result<OsString> {
    let mut places = vec![folder.join("bin")];
    places.extend(system_places());
    std::env::join_paths(places).context("the path of the target folder holds a colon")
}

/// The path of a program of this machine.
pub fn find(program: &str) -> Option<PathBuf> {
    system_places().map(|place| place.join(program)).find(|path| path.is_file())
}

fn system_places() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for place in ["/usr/sbin", "/sbin"] {
        if !places.iter().any(|known| known == Path::new(place)) {
            places.push(place.into());
        }
    }
    places.into_iter()
}
