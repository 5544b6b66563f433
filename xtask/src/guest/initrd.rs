//! The initial RAM disk of the guests with a system on their disk: Debian's own `init` and scripts (initramfs-tools), the
//! `fsck` and `e2fsck` of this machine, BusyBox and klibc's tools, put together as `mkinitramfs` does, which would want to be
//! root. What stops in it asks as on any Debian machine.
//!
//! There is no udev in it: the kernel makes the device nodes, and [`MOVE_DEV`] does what udev's script would.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::guest::cpio::Archive;
use crate::{peers, run};

/// Drivers of the guests' disks, loaded by name.
const DRIVERS: &[&str] = &["virtio_pci", "virtio_scsi", "sd_mod"];

/// Programs that are taken from this machine, as `mkinitramfs` takes them.
const PROGRAMS: &[&str] = &["fsck", "e2fsck", "logsave", "blkid"];

/// Of initramfs-tools: what is sourced at each boot.
const SCRIPTS: &[&str] = &["functions", "local", "nfs"];

/// klibc's programs that the scripts call.
const KLIBC: &[&str] = &["fstype", "run-init", "nfsmount", "ipconfig"];

const MOVE_DEV: &str = include_str!("installed/move-dev");

/// All of ours that is in it.
pub const RECIPE: &str = concat!("initrd\n", include_str!("installed/move-dev"), include_str!("initrd.rs"));

/// The archive, uncompressed; `kernel` is the version whose modules lie among `parts`.
pub fn archive(parts: &Path, kernel: &str, busybox: &Path) -> Result<Vec<u8>> {
    let mut disk = Disk::default();
    for applet in run::read(Command::new(busybox).arg("--list-full"))?.lines() {
        disk.add(applet, Content::Link("/bin/busybox".to_owned()));
    }
    // After the links: it lists itself.
    disk.add("bin/busybox", Content::Program(fs::read(busybox)?));
    let tools = parts.join("usr/share/initramfs-tools");
    disk.add("init", Content::Program(fs::read(tools.join("init")).context("no initramfs-tools-core")?));
    for script in SCRIPTS {
        disk.add(&format!("scripts/{script}"), Content::File(fs::read(tools.join("scripts").join(script))?));
    }
    disk.add("scripts/init-bottom/dev", Content::Program(MOVE_DEV.as_bytes().to_vec()));
    disk.add("scripts/init-bottom/ORDER", Content::File(b"/scripts/init-bottom/dev \"$@\"\n".to_vec()));
    disk.add(
        "conf/initramfs.conf",
        Content::File(fs::read(parts.join("etc/initramfs-tools/initramfs.conf"))?),
    );
    disk.add("conf/arch.conf", Content::File(b"DPKG_ARCH=amd64\n".to_vec()));
    disk.add("conf/modules", Content::File(format!("{}\n", DRIVERS.join("\n")).into_bytes()));
    add_klibc(&mut disk, parts)?;
    add_programs(&mut disk)?;
    add_drivers(&mut disk, parts, kernel)?;
    Ok(disk.finish())
}

fn add_klibc(disk: &mut Disk, parts: &Path) -> Result<()> {
    for program in KLIBC {
        let path = parts.join("usr/lib/klibc/bin").join(program);
        let content = fs::read(&path).with_context(|| format!("package klibc-utils has no {program}"))?;
        disk.add(&format!("bin/{program}"), Content::Program(content));
    }
    for folder in [parts.join("lib"), parts.join("usr/lib")] {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("klibc-") {
                disk.add(&format!("lib/{name}"), Content::Program(fs::read(entry.path())?));
            }
        }
    }
    Ok(())
}

/// The programs with the libraries that the loader of this machine finds for them.
fn add_programs(disk: &mut Disk) -> Result<()> {
    let mut libraries = BTreeSet::new();
    for name in PROGRAMS {
        let path = peers::find(name).with_context(|| format!("this machine has no {name}"))?;
        disk.add(&format!("sbin/{name}"), Content::Program(fs::read(&path)?));
        let listed = run::read(Command::new("ldd").arg(&path))?;
        libraries.extend(listed.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from));
    }
    disk.add("sbin/fsck.ext4", Content::Link("e2fsck".to_owned()));
    for library in libraries {
        let content = fs::read(&library)?;
        disk.add(library.to_string_lossy().trim_start_matches('/'), Content::Program(content));
    }
    Ok(())
}

/// The drivers, what they need, and the list that tells `modprobe` so.
fn add_drivers(disk: &mut Disk, parts: &Path, kernel: &str) -> Result<()> {
    let base = if parts.join("lib/modules").is_dir() { parts.to_owned() } else { parts.join("usr") };
    // The package's `depmod` is a link to `/bin/kmod` of a system that has the package installed, which this need not be.
    let kmod = ["bin/kmod", "usr/bin/kmod"].map(|place| parts.join(place));
    let kmod = kmod.iter().find(|path| path.is_file()).context("package kmod holds no program kmod")?;
    run::read(Command::new(kmod).arg0("depmod").arg("-b").arg(&base).arg(kernel))?;
    let folder = base.join("lib/modules").join(kernel);
    let listed = fs::read_to_string(folder.join("modules.dep"))?;
    let mut kept = String::new();
    for line in listed.lines() {
        let Some((module, needed)) = line.split_once(':') else { continue };
        let stem = Path::new(module).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !DRIVERS.iter().any(|driver| stem.split('.').next() == Some(*driver)) {
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
        for file in std::iter::once(module).chain(needed.split_whitespace()) {
            let content = fs::read(folder.join(file))?;
            disk.add(&format!("lib/modules/{kernel}/{file}"), Content::File(content));
        }
    }
    // What is needed needs nothing further: `depmod` lists all of it, in order.
    let needed: BTreeSet<&str> = kept
        .lines()
        .filter_map(|line| line.split_once(':'))
        .flat_map(|(_, needed)| needed.split_whitespace())
        .collect();
    let own: String = needed
        .into_iter()
        .filter_map(|file| listed.lines().find(|line| line.split(':').next() == Some(file)))
        .filter(|line| !kept.lines().any(|known| known == *line))
        .map(|line| format!("{line}\n"))
        .collect();
    disk.add(&format!("lib/modules/{kernel}/modules.dep"), Content::File((kept + &own).into_bytes()));
    Ok(())
}

enum Content {
    File(Vec<u8>),
    Program(Vec<u8>),
    Link(String),
}

/// What is in the archive; what is added again replaces what was there.
#[derive(Default)]
struct Disk {
    entries: std::collections::BTreeMap<String, Content>,
}

impl Disk {
    fn add(&mut self, path: &str, content: Content) {
        self.entries.insert(path.to_owned(), content);
    }

    fn finish(self) -> Vec<u8> {
        let mut folders: BTreeSet<String> =
            ["conf/conf.d", "dev", "etc", "proc", "root", "run", "sys", "tmp"].map(str::to_owned).into();
        for path in self.entries.keys().chain(&folders.clone()) {
            let mut at = 0;
            while let Some(slash) = path[at..].find('/') {
                folders.insert(path[..at + slash].to_owned());
                at += slash + 1;
            }
        }
        let mut archive = Archive::default();
        // Sorted, so that parents come first.
        folders.iter().for_each(|folder| archive.folder(folder));
        archive.character_device("dev/console", 5, 1);
        archive.character_device("dev/null", 1, 3);
        for (path, content) in &self.entries {
            match content {
                Content::File(bytes) => archive.file(path, 0o644, bytes),
                Content::Program(bytes) => archive.file(path, 0o755, bytes),
                Content::Link(target) => archive.link(path, target),
            }
        }
        archive.finish()
    }
}
