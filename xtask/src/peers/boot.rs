//! What machines boot in tests, in `target/peers/boot/`: firmware, loaders, Debian's network installer. The paths below it
//! are those of Debian's packages, which are unpacked and never installed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::guest::cpio::Archive;
use crate::peers::apt;

const PACKAGES: &[&str] = &[
    // Static: a whole small system in one file.
    "busybox-static",
    // 133 MB: the kernel that Secure Boot accepts, and the initrd of the installer.
    "debian-installer-12-netboot-amd64",
    // 128 MB: a kernel and a signed GRUB for 64-bit ARM.
    "debian-installer-12-netboot-arm64",
    "grub-efi-amd64-signed",
    // Loaders, and the boot ROMs of network cards.
    "ipxe",
    "ipxe-qemu",
    // The smallest real boot file.
    "memtest86+",
    // UEFI, plain and with Microsoft's keys.
    "ovmf",
    // UEFI on 64-bit ARM.
    "qemu-efi-aarch64",
    "seabios",
    "shim-signed",
    "shim-unsigned",
];

/// The installers for a graphical screen, of which the textual ones are a part.
const UNUSED: [&str; 2] =
    ["usr/lib/debian-installer/images/12/amd64/gtk", "usr/lib/debian-installer/images/12/arm64/gtk"];

/// What the kernel starts from `marker.cpio`, which follows the installer's initrd, and from `small.cpio`, which stands
/// alone: it says on the console that it runs and what the kernel was told, and switches off. Behind the installer's initrd,
/// which has drivers, and with `url=` on its command line, `small.cpio` reads that URL before and shows it.
const MARKER: &str = "#!/bin/sh\n\
    b=/bin/busybox\n\
    $b mkdir -p /proc /sys\n\
    $b mount -t proc proc /proc\n\
    echo \"marker: $($b cat /proc/cmdline)\"\n\
    for word in $($b cat /proc/cmdline); do\n\
    case $word in url=*)\n\
    $b mount -t sysfs sysfs /sys\n\
    for module in virtio_pci virtio_net; do /sbin/modprobe $module; done\n\
    $b ip link set eth0 up\n\
    $b udhcpc -i eth0 -n -q -f -t 10 -s /lease >/dev/null\n\
    $b wget -q -O - \"${word#url=}\" | $b sed 's/^/read: /'\n\
    esac\n\
    done\n\
    $b poweroff -f\n";

/// What `udhcpc` calls when it has an address.
const LEASE: &str = "#!/bin/sh\n\
    [ \"$1\" = bound ] && /bin/busybox ip address add \"$ip/$mask\" dev \"$interface\"\n";

/// Makes the boot files. Quick when they are there.
pub fn install(folder: &Path) -> Result<()> {
    let place = folder.join("boot");
    let stamp = place.join("recipe");
    let recipe = format!("{}\n{MARKER}{LEASE}", PACKAGES.join("\n"));
    if fs::read_to_string(&stamp).is_ok_and(|made| made == recipe) {
        return Ok(());
    }
    ensure!(
        apt::is_here(),
        "this machine has no apt-get, and what machines boot in tests comes from Debian's packages"
    );
    eprintln!("xtask: unpacking what machines boot in tests into {} (280 MB)", place.display());
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let packages: Vec<String> = PACKAGES.iter().map(|&package| package.to_owned()).collect();
    apt::unpack(&packages, &place)?;
    for unused in UNUSED.map(|path| place.join(path)).iter().filter(|path| path.exists()) {
        fs::remove_dir_all(unused).with_context(|| format!("cannot remove {}", unused.display()))?;
    }
    let busybox = fs::read(place.join("bin/busybox")).context("package busybox-static holds no busybox")?;
    fs::write(place.join("marker.cpio"), marker())?;
    fs::write(place.join("small.cpio"), small(&busybox))?;
    // Last: its presence says that the rest is complete.
    fs::write(&stamp, recipe)?;
    Ok(())
}

/// Only the script, for behind an initrd that has BusyBox: boot with `rdinit=/marker`.
fn marker() -> Vec<u8> {
    let mut archive = Archive::default();
    archive.file("marker", 0o755, MARKER.as_bytes());
    archive.finish()
}

/// A whole system that only runs the script.
fn small(busybox: &[u8]) -> Vec<u8> {
    let mut archive = Archive::default();
    archive.folder("bin");
    archive.folder("dev");
    archive.character_device("dev/console", 5, 1);
    archive.file("bin/busybox", 0o755, busybox);
    archive.link("bin/sh", "busybox");
    archive.file("marker", 0o755, MARKER.as_bytes());
    archive.file("lease", 0o755, LEASE.as_bytes());
    archive.link("init", "marker");
    archive.finish()
}
