//! Flows of the library on real QEMU guests with GRUB, a Debian kernel and Debian's initial RAM disk: each boot stops in its
//! own way, and the flow as it stands in `flows/` brings the guest to a login prompt in one run. `first_recovery` does the
//! same with a kernel panic.

use std::os::unix::fs::symlink;
use std::path::Path;

use e2e::{Guest, peer_file};
use serde_json::Value;

/// Arguments of QEMU for a guest that boots from this disk, which it may write to without keeping it.
fn boots_from(disk: &Path) -> Vec<String> {
    let drive = format!("file={},format=raw,if=none,id=disk,snapshot=on", disk.display());
    ["-drive", &drive, "-device", "virtio-scsi-pci", "-device", "scsi-hd,drive=disk"]
        .map(str::to_owned)
        .into()
}

/// A guest with this disk and these network cards.
fn guest(disk: &Path, network: &[&str]) -> Guest {
    let disk = boots_from(disk);
    Guest::start(&disk.iter().map(String::as_str).chain(network.iter().copied()).collect::<Vec<_>>())
}

fn disk(name: &str) -> std::path::PathBuf {
    peer_file(&format!("guest/disks/{name}.img"))
}

const NO_NETWORK: &[&str] = &["-nic", "none"];

/// The steps that a run did, each with its outcome.
fn steps(run: &Value) -> Vec<String> {
    let steps = run["steps"].as_array().expect("a run has steps");
    for step in steps {
        assert_eq!(step["outcome"]["result"], "done", "{run:#}");
    }
    steps.iter().filter_map(|step| step["step"].as_object()?.keys().next().cloned()).collect()
}

#[test]
fn a_file_system_that_must_be_checked_by_hand() {
    let guest = guest(&disk("lost-folder"), NO_NETWORK);
    let run = guest.healed("fsck-manually", "RUN fsck MANUALLY", "machine login:");
    assert_eq!(steps(&run), ["keys", "waitFor", "keys"], "{run:#}");
}

#[test]
fn a_root_that_cannot_be_mounted() {
    let guest = guest(&disk("no-superblock"), NO_NETWORK);
    let run = guest.healed("initramfs-root-damaged", "Failed to mount /dev/sda2", "machine login:");
    assert_eq!(steps(&run), ["keys", "waitFor", "keys"], "{run:#}");
}

#[test]
fn a_boot_partition_that_was_emptied() {
    let network =
        format!("user,id=net0,restrict=on,tftp={},bootfile=rescue.ipxe", peer_file("guest/tftp").display());
    let guest = guest(&disk("lost-boot"), &["-netdev", &network, "-device", "virtio-net-pci,netdev=net0"]);
    let run = guest.healed("grub-rescue", "grub rescue>", "rescue login:");
    let steps = steps(&run);
    assert_eq!(steps.last().map(String::as_str), Some("power"), "{run:#}");
    assert!(steps.contains(&"bootDevice".to_owned()), "{run:#}");
}

#[test]
fn a_boot_partition_that_has_another_number() {
    let guest = guest(&disk("moved-boot"), NO_NETWORK);
    let run = guest.healed("grub-rescue", "grub rescue>", "machine login:");
    assert!(!steps(&run).contains(&"power".to_owned()), "keys were enough: {run:#}");
}

/// The disk answers nothing until power has been taken away: QEMU opens the whole one at its next start.
#[test]
fn a_disk_that_comes_back_with_a_cold_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let drive = folder.path().join("drive");
    symlink(disk("empty"), &drive).expect("a link");
    let devices = boots_from(&drive);
    let devices: Vec<&str> = devices.iter().map(String::as_str).chain(NO_NETWORK.iter().copied()).collect();
    let guest = Guest::start_and_change(&devices, || {
        std::fs::remove_file(&drive).expect("the link is there");
        symlink(disk("whole"), &drive).expect("a link");
    });
    let run = guest.healed("no-bootable-device", "No bootable device", "machine login:");
    assert_eq!(steps(&run).first().map(String::as_str), Some("power"), "{run:#}");
}
