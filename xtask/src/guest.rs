//! What the guest of the end-to-end tests boots, in `target/peers/guest/`:
//!
//! - `broken.img`, a disk whose Debian kernel finds no root and panics;
//! - `tftp/`, what QEMU's network answers a network boot with: a Debian kernel and a rescue system that asks for a login;
//! - `disks/`, disks with GRUB and an installed system, most of them damaged.
//!
//! All keep the VGA text console, as most servers show it.

pub mod cpio;
mod ext4;
mod grub;
mod initrd;
mod installed;
mod rescue;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::peers::apt;
use crate::run;

/// Packages that depend on the current kernel, best first: Debian's smallest, Debian's, Ubuntu's.
const KERNELS: &[&str] = &["linux-image-cloud-amd64", "linux-image-amd64", "linux-image-virtual"];

/// Unpacked beside the system: `busybox-static` collides with `busybox`, and a kernel has no business in `/boot` here.
const PARTS: &[&str] = &[
    "busybox-static",
    "grub-common",
    "grub-pc-bin",
    "initramfs-tools-core",
    "klibc-utils",
    "kmod",
    "libklibc",
    "mtools",
    "syslinux",
];

/// Emulated timers can be so late on a busy machine that the kernel believes them broken and panics for a reason of its
/// own.
const KERNEL_ARGUMENTS: &str = "no_timer_check";

/// No device of the guest has this name. `panic=0`: stay on the panic's screen for good.
const BROKEN_ROOT: &str = "root=/dev/vda9 panic=0";

const BROKEN_DISK_MIB: u64 = 24;

/// Makes the guest's files in `peers/guest`; quick when they are there already.
pub fn prepare(peers: &Path) -> Result<()> {
    let folder = peers.join("guest");
    let stamp = folder.join("recipe");
    let recipe = recipe();
    if fs::read_to_string(&stamp).is_ok_and(|made| made == recipe) {
        return Ok(());
    }
    if !apt::is_here() {
        bail!(
            "this machine has no apt-get, and the guest of the end-to-end tests is made of Debian packages"
        );
    }
    eprintln!("xtask: making the guest of the end-to-end tests in {}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let parts = folder.join("parts");
    let mut packages: Vec<String> = PARTS.iter().map(|&part| part.to_owned()).collect();
    packages.push(apt::first_dependency(KERNELS, "linux-image-")?);
    apt::unpack(&packages, &parts)?;
    let kernel = kernel(&parts.join("boot"))?;

    make_broken_disk(&folder.join("broken.img"), &kernel, &parts)?;
    let busybox = busybox(&parts)?;
    make_tftp_folder(&folder.join("tftp"), &kernel, &busybox)?;
    installed::make_disks(&folder.join("disks"), &kernel, &busybox, &parts)?;
    fs::remove_dir_all(&parts)?;
    // Last: its presence says that the rest is complete.
    fs::write(&stamp, recipe)?;
    Ok(())
}

/// All that decides what the files hold, so that a change of this program makes them anew.
fn recipe() -> String {
    [&syslinux_configuration(), &ipxe_script(), rescue::RECIPE, initrd::RECIPE, installed::RECIPE].join("\n")
}

fn syslinux_configuration() -> String {
    format!("DEFAULT linux\nLABEL linux\n  KERNEL vmlinuz\n  APPEND {BROKEN_ROOT} {KERNEL_ARGUMENTS}\n")
}

fn ipxe_script() -> String {
    format!("#!ipxe\nkernel vmlinuz {KERNEL_ARGUMENTS}\ninitrd rescue.cpio\nboot\n")
}

fn kernel(boot: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(boot).with_context(|| format!("cannot list {}", boot.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("vmlinuz-") {
            return Ok(entry.path());
        }
    }
    bail!("the kernel's package holds no vmlinuz")
}

/// A FAT disk without partitions, whose boot sector SYSLINUX starts the kernel.
fn make_broken_disk(image: &Path, kernel: &Path, parts: &Path) -> Result<()> {
    let configuration = parts.join("syslinux.cfg");
    fs::write(&configuration, syslinux_configuration())?;
    fs::File::create(image)?.set_len(BROKEN_DISK_MIB << 20)?;

    // The unpacked SYSLINUX calls the unpacked mtools.
    let programs = parts.join("usr/bin");
    let path = std::env::join_paths(
        std::iter::once(programs.clone())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )?;
    let tool = |name: &str| {
        let mut command = Command::new(programs.join(name));
        command.env("PATH", &path);
        command
    };
    let sectors = (BROKEN_DISK_MIB << 11).to_string();
    run::read(tool("mformat").arg("-i").arg(image).args(["-T", &sectors, "-h", "64", "-s", "32", "::"]))?;
    run::read(tool("mcopy").arg("-i").arg(image).arg(kernel).arg("::vmlinuz"))?;
    run::read(tool("mcopy").arg("-i").arg(image).arg(&configuration).arg("::syslinux.cfg"))?;
    run::read(tool("syslinux").arg("--install").arg(image))?;
    Ok(())
}

fn make_tftp_folder(folder: &Path, kernel: &Path, busybox: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::copy(kernel, folder.join("vmlinuz")).context("cannot copy the kernel")?;
    fs::write(folder.join("rescue.ipxe"), ipxe_script())?;
    fs::write(folder.join("rescue.cpio"), rescue::initramfs(&fs::read(busybox)?))?;
    Ok(())
}

fn busybox(parts: &Path) -> Result<PathBuf> {
    ["bin/busybox", "usr/bin/busybox"]
        .iter()
        .map(|place| parts.join(place))
        .find(|place| place.is_file())
        .context("package busybox-static holds no busybox")
}
