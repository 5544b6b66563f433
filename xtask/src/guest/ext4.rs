//! ext4 file systems in files, made and damaged by e2fsprogs.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::{peers, run};

/// Makes a file system of so many MiB that holds a copy of `content`, or nothing. Blocks of one KiB, so that the copies of
/// the superblock lie near; no journal, which would be most of it.
pub fn make(image: &Path, mebibytes: u64, content: Option<&Path>) -> Result<()> {
    fs::File::create(image)?.set_len(mebibytes << 20)?;
    let mut mke2fs = tool("mke2fs");
    mke2fs.args(["-q", "-F", "-t", "ext4", "-b", "1024", "-O", "^has_journal", "-E", "root_owner=0:0"]);
    if let Some(content) = content {
        mke2fs.arg("-d").arg(content);
    }
    run::read(mke2fs.arg(image))?;
    Ok(())
}

/// Clears the inode of `folder`, as a write that went astray does. What lay in it belongs to no folder any more, which
/// `e2fsck -p` does not mend by itself. The file system is marked as one with errors, as the kernel does that meets them.
pub fn lose_folder(image: &Path, folder: &str) -> Result<()> {
    for request in [format!("clri {folder}"), "set_super_value state 2".to_owned()] {
        run::read(tool("debugfs").args(["-w", "-R", &request]).arg(image))?;
    }
    // A judge before any test: this is the damage that is meant.
    let copy = image.with_extension("judged");
    fs::copy(image, &copy)?;
    let judged = tool("e2fsck").arg("-p").arg(&copy).output()?;
    fs::remove_file(&copy)?;
    let said = String::from_utf8_lossy(&judged.stdout) + String::from_utf8_lossy(&judged.stderr);
    ensure!(said.contains("RUN fsck MANUALLY"), "e2fsck -p mends what should be too much for it: {said}");
    Ok(())
}

/// Overwrites the superblock with zeros. Its copies stay.
pub fn erase_superblock(image: &Path) -> Result<()> {
    const PLACE: u64 = 1024;
    const LENGTH: usize = 1024;
    let mut file = fs::OpenOptions::new().write(true).open(image)?;
    file.seek(SeekFrom::Start(PLACE))?;
    file.write_all(&[0; LENGTH])?;
    Ok(())
}

/// A program of e2fsprogs, which each Debian-like system has.
fn tool(name: &str) -> Command {
    Command::new(peers::find(name).unwrap_or_else(|| name.into()))
}
