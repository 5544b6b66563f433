//! Disks with a system on them, most of them damaged, in `guest/disks/`: GRUB, a partition for `/boot`, and a root
//! whose `init` asks for a login.
//!
//! | disk | what is wrong |
//! | --- | --- |
//! | `lost-folder.img` | a folder's inode is gone: `e2fsck -p` gives up |
//! | `no-superblock.img` | the root's superblock is gone: it cannot be mounted |
//! | `lost-boot.img` | nothing is left on the partition of `/boot` |
//! | `moved-boot.img` | GRUB looks for its modules on a partition that is not there |
//! | `empty.img` | nothing was ever written to it |
//! | `whole.img` | nothing |

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::guest::grub::Grub;
use crate::guest::{ext4, initrd};

const BOOT_MIB: u64 = 32;
const ROOT_MIB: u64 = 16;
const EMPTY_MIB: u64 = 16;

const GRUB_CONFIGURATION: &str = include_str!("installed/grub.cfg");
const INITTAB: &str = include_str!("installed/inittab");

/// Where `/boot` is, as GRUB names it.
const BOOT_PREFIX: &str = "(hd0,msdos1)/grub";
/// Where it was before the disk was partitioned anew.
const FORMER_PREFIX: &str = "(hd0,msdos5)/grub";

/// The folder that gets lost, with what lies in it.
const LOST_FOLDER: &str = "srv/records";
const RECORDS: u8 = 6;

/// All that decides what is on the disks, but for the packages.
pub const RECIPE: &str = concat!(
    "installed\n",
    include_str!("installed/grub.cfg"),
    include_str!("installed/inittab"),
    include_str!("installed.rs"),
    include_str!("ext4.rs"),
    include_str!("grub.rs")
);

/// Makes all disks in `folder`.
pub fn make_disks(folder: &Path, kernel: &Path, busybox: &Path, parts: &Path) -> Result<()> {
    let work = parts.join("installed");
    fs::create_dir_all(folder)?;
    fs::create_dir_all(&work)?;
    let version =
        kernel.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("vmlinuz-"));
    let version = version.context("the kernel's file names no version")?;
    let grub = Grub::among(parts);

    let boot = work.join("boot.ext4");
    let content = work.join("boot");
    grub.copy_modules(&content.join("grub"))?;
    fs::write(content.join("grub/grub.cfg"), GRUB_CONFIGURATION)?;
    fs::copy(kernel, content.join("vmlinuz"))?;
    fs::write(content.join("initrd.img"), initrd::archive(parts, version, busybox)?)?;
    ext4::make(&boot, BOOT_MIB, Some(&content))?;
    let lost_boot = work.join("lost-boot.ext4");
    ext4::make(&lost_boot, BOOT_MIB, None)?;

    let root = work.join("root.ext4");
    write_root(&work.join("root"), busybox)?;
    ext4::make(&root, ROOT_MIB, Some(&work.join("root")))?;
    let lost_folder = work.join("lost-folder.ext4");
    fs::copy(&root, &lost_folder)?;
    ext4::lose_folder(&lost_folder, &format!("/{LOST_FOLDER}"))?;
    let no_superblock = work.join("no-superblock.ext4");
    fs::copy(&root, &no_superblock)?;
    ext4::erase_superblock(&no_superblock)?;

    let disk = |name: &str| folder.join(name).with_extension("img");
    grub.write_disk(&disk("whole"), BOOT_PREFIX, &[&boot, &root])?;
    grub.write_disk(&disk("lost-folder"), BOOT_PREFIX, &[&boot, &lost_folder])?;
    grub.write_disk(&disk("no-superblock"), BOOT_PREFIX, &[&boot, &no_superblock])?;
    grub.write_disk(&disk("lost-boot"), BOOT_PREFIX, &[&lost_boot, &root])?;
    grub.write_disk(&disk("moved-boot"), FORMER_PREFIX, &[&boot, &root])?;
    fs::File::create(disk("empty"))?.set_len(EMPTY_MIB << 20)?;
    Ok(())
}

/// The files of a system that does nothing but ask for a login.
fn write_root(root: &Path, busybox: &Path) -> Result<()> {
    for folder in ["bin", "dev", "etc", "proc", "root", "run", "sbin", "sys", "tmp", "usr/bin", "usr/sbin"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::create_dir_all(root.join(LOST_FOLDER))?;
    for record in 0..RECORDS {
        fs::write(root.join(LOST_FOLDER).join(format!("record{record}")), [record; 9000])?;
    }
    fs::copy(busybox, root.join("bin/busybox"))?;
    std::os::unix::fs::symlink("../bin/busybox", root.join("sbin/init"))?;
    std::os::unix::fs::symlink("busybox", root.join("bin/sh"))?;
    fs::write(root.join("etc/inittab"), INITTAB)?;
    fs::write(root.join("etc/issue"), "Debian GNU/Linux\n\n")?;
    // Without a password, as in the rescue system.
    fs::write(root.join("etc/passwd"), "root::0:0:root:/:/bin/sh\n")?;
    Ok(())
}
