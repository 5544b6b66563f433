//! Writing cpio archives in the "newc" format, which the Linux kernel unpacks as an initramfs
//! (Documentation/driver-api/early-userspace/buffer-format.rst in the kernel's sources).
//!
//! Own code, because device nodes must be written without being root.

const FOLDER: u32 = 0o040_000;
const CHARACTER_DEVICE: u32 = 0o020_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// An archive in the making. Every entry belongs to root and has the modification time 0, so the same entries give the
/// same bytes.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// A folder, mode 755. Parents come before what they hold.
    pub fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER | 0o755, (0, 0), &[]);
    }

    /// A regular file.
    pub fn file(&mut self, path: &str, permissions: u32, content: &[u8]) {
        self.entry(path, FILE | permissions, (0, 0), content);
    }

    /// A symbolic link to `target`.
    pub fn link(&mut self, path: &str, target: &str) {
        self.entry(path, LINK | 0o777, (0, 0), target.as_bytes());
    }

    /// A character device, mode 600.
    pub fn character_device(&mut self, path: &str, major: u32, minor: u32) {
        self.entry(path, CHARACTER_DEVICE | 0o600, (major, minor), &[]);
    }

    /// The archive, closed by its trailer.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.entries += 1;
        let length = |length: usize| u32::try_from(length).expect("an initramfs entry is smaller than 4 GiB");
        let fields = [
            self.entries, // inode number: every entry its own, as none are hard links
            mode,
            0, // user
            0, // group
            1, // links
            0, // modification time
            length(content.len()),
            0, // major number of the disk that held the entry
            0, // its minor number
            device.0,
            device.1,
            length(path.len() + 1),
            0, // checksum, unused in this format
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").into_bytes());
        }
        self.bytes.extend(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    /// What GNU cpio lists, without dates.
    fn listed(archive: &[u8]) -> String {
        let mut cpio = Command::new("cpio")
            .env("LC_ALL", "C")
            .args(["--list", "--verbose", "--numeric-uid-gid", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cpio runs (cargo xtask test installs it)");
        cpio.stdin.take().unwrap().write_all(archive).unwrap();
        let output = cpio.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        rows.map(|row| row.replace(" Jan 1 1970", "") + "\n").collect()
    }

    #[test]
    fn gnu_cpio_lists_what_was_written() {
        let mut archive = Archive::default();
        archive.folder("dev");
        archive.character_device("dev/tty1", 4, 1);
        archive.file("init", 0o755, b"#!/bin/sh\n");
        archive.file("odd", 0o644, b"12345");
        archive.file("empty", 0o600, b"");
        archive.link("sh", "bin/busybox");
        assert_eq!(
            listed(&archive.finish()),
            "drwxr-xr-x 1 0 0 0 dev\n\
             crw------- 1 0 0 4, 1 dev/tty1\n\
             -rwxr-xr-x 1 0 0 10 init\n\
             -rw-r--r-- 1 0 0 5 odd\n\
             -rw------- 1 0 0 0 empty\n\
             lrwxrwxrwx 1 0 0 11 sh -> bin/busybox\n"
        );
    }
}
