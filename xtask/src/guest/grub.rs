//! GRUB for the PC BIOS, written the way `grub-install` leaves it: `boot.img` in the first sector, the core image behind
//! it, before the first partition.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::run;

const SECTOR: u64 = 512;

/// Where the first partition begins, as partitioning programs place it: at one MiB.
const FIRST_PARTITION: u64 = 2048;

/// Where the table of partitions stands in the first sector; before it there is code.
const PARTITION_TABLE: usize = 446;

/// The type of a partition that Linux uses.
const LINUX: u8 = 0x83;

/// Modules within the core image: what it takes to find a folder on an ext4 partition.
const CORE_MODULES: &[&str] = &["biosdisk", "part_msdos", "ext2"];

/// GRUB, unpacked from Debian's packages.
pub struct Grub {
    program: PathBuf,
    modules: PathBuf,
}

impl Grub {
    /// GRUB among the unpacked packages `grub-common` and `grub-pc-bin`.
    pub fn among(parts: &Path) -> Self {
        Self { program: parts.join("usr/bin/grub-mkimage"), modules: parts.join("usr/lib/grub/i386-pc") }
    }

    /// Copies the modules that the core image loads into `folder`, which is `/boot/grub` of a system.
    pub fn copy_modules(&self, folder: &Path) -> Result<()> {
        let place = folder.join("i386-pc");
        fs::create_dir_all(&place)?;
        for entry in fs::read_dir(&self.modules).context("package grub-pc-bin holds no modules")? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "mod" || extension == "lst")
                && let Some(name) = file.file_name()
            {
                fs::copy(&file, place.join(name))?;
            }
        }
        Ok(())
    }

    /// Writes a disk with these partitions, which boots with modules from `prefix`, in GRUB's notation.
    pub fn write_disk(&self, disk: &Path, prefix: &str, partitions: &[&Path]) -> Result<()> {
        let core = disk.with_extension("core");
        let mut command = Command::new(&self.program);
        command.arg("--directory").arg(&self.modules).args(["--format", "i386-pc", "--prefix", prefix]);
        run::read(command.arg("--output").arg(&core).args(CORE_MODULES))?;
        let core_image = fs::read(&core)?;
        fs::remove_file(&core)?;
        let room = (FIRST_PARTITION - 1) * SECTOR;
        ensure!(core_image.len() as u64 <= room, "GRUB's core image is larger than {room} bytes");

        let mut first = fs::read(self.modules.join("boot.img")).context("GRUB has no boot.img")?;
        first.truncate(PARTITION_TABLE);
        let mut file = fs::File::create(disk)?;
        let mut start = FIRST_PARTITION;
        for partition in partitions {
            let content = fs::read(partition)?;
            let sectors = (content.len() as u64).div_ceil(SECTOR);
            first.extend(table_entry(start, sectors)?);
            file.seek(SeekFrom::Start(start * SECTOR))?;
            file.write_all(&content)?;
            start += sectors;
        }
        first.resize(SECTOR as usize - 2, 0);
        first.extend([0x55, 0xAA]);
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&first)?;
        // `boot.img` loads the next sector, and the code there the rest from the one after it.
        file.write_all(&core_image)?;
        Ok(())
    }
}

/// One of the four entries of the table. Addresses in cylinders, heads and sectors say that they are not used.
fn table_entry(start: u64, sectors: u64) -> Result<Vec<u8>> {
    const NO_CHS: [u8; 3] = [0xFE, 0xFF, 0xFF];
    let mut entry = vec![0];
    entry.extend(NO_CHS);
    entry.push(LINUX);
    entry.extend(NO_CHS);
    for number in [start, sectors] {
        let number = u32::try_from(number).context("a partition lies beyond 2 TiB")?;
        entry.extend(number.to_le_bytes());
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_names_type_start_and_length() {
        assert_eq!(
            table_entry(2048, 65536).unwrap(),
            [0, 0xFE, 0xFF, 0xFF, 0x83, 0xFE, 0xFF, 0xFF, 0, 8, 0, 0, 0, 0, 1, 0]
        );
    }
}
