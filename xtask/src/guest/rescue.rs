//! The rescue system: BusyBox, started by the kernel from memory, with a login prompt on the first screen.

use crate::guest::cpio::Archive;

/// All of the rescue system but BusyBox itself.
pub const RECIPE: &str = concat!("init\n", include_str!("rescue/init"), include_str!("rescue/inittab"));

const INIT: &str = include_str!("rescue/init");
const INITTAB: &str = include_str!("rescue/inittab");

/// The initramfs, uncompressed: unpacking costs an emulated machine more than loading does.
pub fn initramfs(busybox: &[u8]) -> Vec<u8> {
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "etc", "proc", "root", "sbin", "sys", "usr", "usr/bin", "usr/sbin"] {
        archive.folder(folder);
    }
    // The kernel opens /dev/console for init before anything is mounted.
    archive.character_device("dev/console", 5, 1);
    archive.character_device("dev/null", 1, 3);
    archive.character_device("dev/tty1", 4, 1);
    archive.file("bin/busybox", 0o755, busybox);
    archive.link("bin/sh", "busybox");
    archive.file("init", 0o755, INIT.as_bytes());
    archive.file("etc/inittab", 0o644, INITTAB.as_bytes());
    archive.file("etc/issue", 0o644, b"Ironhand rescue system\n\n");
    // Without a password: the guest's only screen and network are this machine's loopback.
    archive.file("etc/passwd", 0o644, b"root::0:0:root:/:/bin/sh\n");
    archive.finish()
}
