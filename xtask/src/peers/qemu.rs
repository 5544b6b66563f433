//! QEMU, which runs the guests of the end-to-end tests.
//!
//! Debian's `qemu-system-x86` can collide with a newer `qemu-utils` from another release: apt then refuses, or removes
//! the latter. No test is worth that, so QEMU is unpacked beside the system instead, with every library that is missing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::peers::{self, QemuPlace, apt};
use crate::run;

/// The programs, for PCs and for 64-bit ARM.
const PROGRAMS: [&str; 2] = ["qemu-system-x86_64", "qemu-system-aarch64"];
const PACKAGES: [&str; 2] = ["qemu-system-x86", "qemu-system-arm"];

/// Starts the unpacked QEMU with its own libraries, modules, firmware and boot ROMs.
const WRAPPER: &str = r#"#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")/../qemu" && pwd) || exit 1
for place in "$here"/usr/lib/*-linux-gnu "$here"/lib/*-linux-gnu; do
    if [ -d "$place" ]; then LD_LIBRARY_PATH=$place${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; fi
    if [ -d "$place/qemu" ]; then export QEMU_MODULE_DIR="$place/qemu"; fi
done
export LD_LIBRARY_PATH
exec "$here/usr/bin/$(basename -- "$0")" \
    -L "$here/usr/share/qemu" -L "$here/usr/share/seabios" -L "$here/usr/lib/ipxe/qemu" "$@"
"#;

/// Makes QEMU available: this machine's own, else as `place` says.
pub fn install(folder: &Path, place: QemuPlace) -> Result<()> {
    if PROGRAMS.iter().all(|program| folder.join("bin").join(program).is_file())
        && folder.join("qemu/packages").is_file()
    {
        return Ok(());
    }
    if place == QemuPlace::AptFirst {
        if PROGRAMS.iter().all(|program| peers::find(program).is_some()) {
            return Ok(());
        }
        eprintln!(
            "xtask: tests need {} (packages {}): they run the guests of the end-to-end tests",
            PROGRAMS.join(" and "),
            PACKAGES.join(" and ")
        );
        match apt::plan(&PACKAGES, None) {
            Ok(plan) if plan.removed.is_empty() => match apt::install(&PACKAGES) {
                Ok(()) => return Ok(()),
                Err(refusal) => eprintln!("xtask: apt cannot install it ({refusal:#})"),
            },
            Ok(plan) => eprintln!("xtask: apt would remove {} for it", plan.removed.join(" ")),
            Err(refusal) => eprintln!("xtask: apt cannot install it ({refusal:#})"),
        }
    }
    unpack(folder)
}

fn unpack(folder: &Path) -> Result<()> {
    ensure!(
        apt::is_here(),
        "this machine has no apt-get; install {} (QEMU 7 or newer)",
        PROGRAMS.join(" and ")
    );
    let place = folder.join("qemu");
    eprintln!(
        "xtask: unpacking {} into {}; the system stays as it is",
        PACKAGES.join(" and "),
        place.display()
    );
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;

    let status = fs::read_to_string("/var/lib/dpkg/status")
        .context("cannot read dpkg's list of installed packages")?;
    let reduced = place.join("status-without-qemu");
    fs::write(&reduced, without_qemu(&status))?;
    let plan = apt::plan(&PACKAGES, Some(&reduced))?;
    apt::unpack(&plan.installed, &place)?;

    fs::create_dir_all(folder.join("bin"))?;
    for program in PROGRAMS {
        let wrapper = folder.join("bin").join(program);
        fs::write(&wrapper, WRAPPER)?;
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
        run::read(Command::new(&wrapper).arg("--version"))
            .with_context(|| format!("the unpacked {program} does not start"))?;
    }
    // Last, and only when it starts: its presence says that the rest is complete.
    fs::write(place.join("packages"), plan.installed.join("\n") + "\n")?;
    Ok(())
}

/// dpkg's status file as if nothing of QEMU and its firmware were installed: apt then has nothing to collide with, and
/// its plan holds exactly QEMU, its firmware, and the libraries that this machine lacks.
fn without_qemu(status: &str) -> String {
    let dropped = ["Package: qemu-", "Package: seabios\n", "Package: ipxe-qemu\n"];
    status
        .split_inclusive("\n\n")
        .filter(|paragraph| !dropped.iter().any(|start| paragraph.starts_with(start)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_qemu_are_left_out_of_the_status() {
        let status =
            "Package: libc6\nVersion: 2.36\n\nPackage: qemu-utils\nVersion: 1:10.0.2\n\nPackage: zlib1g\n\n";
        assert_eq!(without_qemu(status), "Package: libc6\nVersion: 2.36\n\nPackage: zlib1g\n\n");
    }
}
