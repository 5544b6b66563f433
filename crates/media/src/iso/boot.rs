//! Boot images of El Torito ("El Torito" Bootable CD-ROM Format Specification 1.0; UEFI 2.10, section 13.3.2.1).

use super::SECTOR;
use crate::source::{Error, Source, read};
use crate::tree::{Extent, Node, Tree};
use crate::wire::{le16, le32};

/// The unit in which the catalog tells how much is to be loaded.
const LOADED: u64 = 512;
/// Entries of a catalog that are read: a sector of them.
const ENTRIES: usize = SECTOR as usize / 32;
/// The signature of a FAT file system or of a boot sector.
const BOOT_SIGNATURE: [u8; 2] = [0x55, 0xaa];

/// What firmware a boot image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootPlatform {
    /// BIOS of PCs.
    Bios,
    /// UEFI; the image is a FAT file system.
    Uefi,
    /// Another, by its number.
    Other(u8),
}

/// A boot image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootImage {
    /// What firmware it is for.
    pub platform: BootPlatform,
    /// Whether firmware is to boot it.
    pub bootable: bool,
    /// Where it lies, as far as can be told: the catalog often says less than there is, so a file that begins there
    /// or the file system in it decides.
    pub extent: Extent,
    /// The file that it is, where one begins there.
    pub file: Option<String>,
}

/// Reads the catalog at `offset`. What has no valid first entry is no catalog, and no fault: nothing is served from it.
pub(super) fn read_catalog(source: &dyn Source, offset: u64, tree: &Tree) -> Result<Vec<BootImage>, Error> {
    let sector = read(source, "the boot catalog", offset, SECTOR as usize)?;
    let entries: Vec<&[u8]> = sector.chunks_exact(32).take(ENTRIES).collect();
    let mut images = Vec::new();
    let valid = entries[0][0] == 1 && entries[0][30..] == BOOT_SIGNATURE;
    if !valid {
        return Ok(images);
    }
    let mut platform = entries[0][1];
    let mut left = 1;
    let mut last_section = false;
    for (number, entry) in entries.iter().enumerate().skip(1) {
        if left == 0 {
            // A header of a section, or the end.
            if !matches!(entry[0], 0x90 | 0x91) || last_section {
                break;
            }
            last_section = entry[0] == 0x91;
            platform = entry[1];
            left = usize::from(le16(entry, 2));
            continue;
        }
        // Extensions of an entry belong to the one before.
        if entry[0] == 0x44 && number > 1 {
            continue;
        }
        left -= 1;
        images.extend(image(source, entry, platform));
    }
    for (path, entry) in tree.walk() {
        let Node::File { extents: [extent], .. } = entry.node else { continue };
        for image in
            images.iter_mut().filter(|image| image.extent.offset == extent.offset && image.file.is_none())
        {
            image.extent = *extent;
            image.file = Some(path.clone());
        }
    }
    Ok(images)
}

fn image(source: &dyn Source, entry: &[u8], platform: u8) -> Option<BootImage> {
    let begin = u64::from(le32(entry, 8)) * SECTOR;
    if begin == 0 || begin >= source.length() {
        return None;
    }
    let told = u64::from(le16(entry, 6)) * LOADED;
    let length = file_system(source, begin).unwrap_or(0).max(told);
    Some(BootImage {
        platform: match platform {
            0 => BootPlatform::Bios,
            0xef => BootPlatform::Uefi,
            other => BootPlatform::Other(other),
        },
        bootable: entry[0] == 0x88,
        extent: Extent { offset: begin, length: length.min(source.length() - begin) },
        file: None,
    })
}

/// The length of the FAT file system that begins at `offset`, if there is one.
fn file_system(source: &dyn Source, offset: u64) -> Option<u64> {
    let sector = read(source, "a boot image", offset, 512).ok()?;
    let bytes = u64::from(le16(&sector, 11));
    if sector[510..512] != BOOT_SIGNATURE || !matches!(bytes, 512 | 1_024 | 2_048 | 4_096) {
        return None;
    }
    let sectors = match le16(&sector, 19) {
        0 => u64::from(le32(&sector, 32)),
        few => u64::from(few),
    };
    Some(sectors * bytes)
}
