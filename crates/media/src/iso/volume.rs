//! Volume descriptors (ECMA-119, section 8).

use super::directory::Place;
use super::{FIRST_DESCRIPTOR, SECTOR};
use crate::source::{Error, Source, read};
use crate::text::{self, utf16_be};
use crate::wire::{le16, le32};

/// Volume descriptors at most; images have three to five.
const DESCRIPTOR_LIMIT: u64 = 64;
/// The escape sequences by which Joliet says which of its levels it has; all are read alike.
const JOLIET: [&[u8]; 3] = [b"%/@", b"%/C", b"%/E"];

/// One volume: the primary one, or that of Joliet.
#[derive(Clone, Debug)]
pub(super) struct Volume {
    pub(super) label: String,
    /// Bytes of a logical block.
    pub(super) block: u64,
    pub(super) root: Place,
}

/// What the descriptors say.
#[derive(Clone, Debug)]
pub(super) struct Volumes {
    pub(super) primary: Volume,
    pub(super) joliet: Option<Volume>,
    /// Where the boot catalog of El Torito lies.
    pub(super) boot_catalog: Option<u64>,
}

/// Reads the descriptors; `None` where there is no primary one.
pub(super) fn read_all(source: &dyn Source) -> Result<Option<Volumes>, Error> {
    let (mut primary, mut joliet, mut boot_catalog) = (None, None, None);
    for number in 0..DESCRIPTOR_LIMIT {
        let offset = FIRST_DESCRIPTOR + number * SECTOR;
        if offset + SECTOR > source.length() {
            break;
        }
        let sector = read(source, "a volume descriptor", offset, SECTOR as usize)?;
        match &sector[1..6] {
            b"CD001" => match sector[0] {
                0 if sector[7..].starts_with(b"EL TORITO SPECIFICATION") => {
                    boot_catalog.get_or_insert(u64::from(le32(&sector, 71)) * SECTOR);
                }
                1 if primary.is_none() => primary = Some(volume(&sector, offset, false)?),
                2 if joliet.is_none() && JOLIET.iter().any(|escape| sector[88..].starts_with(escape)) => {
                    joliet = Some(volume(&sector, offset, true)?);
                }
                255 => break,
                _ => {}
            },
            b"BEA01" | b"NSR02" | b"NSR03" | b"BOOT2" => {}
            _ => break,
        }
    }
    Ok(primary.map(|primary| Volumes { primary, joliet, boot_catalog }))
}

fn volume(sector: &[u8], offset: u64, joliet: bool) -> Result<Volume, Error> {
    let block = u64::from(le16(sector, 128));
    if !matches!(block, 512 | 1_024 | 2_048) {
        return Err(Error::Damaged {
            offset: offset + 128,
            what: "blocks are of a size that does not exist",
        });
    }
    let label = &sector[40..72];
    let label = if joliet { utf16_be(label) } else { String::from_utf8_lossy(label).into_owned() };
    let root = Place {
        offset: (u64::from(le32(sector, 158)) + u64::from(sector[157])) * block,
        length: u64::from(le32(sector, 166)),
    };
    Ok(Volume { label: text::label(&label), block, root })
}
