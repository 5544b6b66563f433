//! UDF: ECMA-167, 3rd edition, as the OSTA UDF specifications 1.02 to 2.60 use it. Sections of the former are cited as
//! `4/14.9` (part and section), those of the latter as of revision 2.60.
//!
//! Read are volumes of one partition on one medium, with a metadata partition or without. Refused are virtual partitions, as
//! on write-once discs that were added to, and sparable ones, as packet writing makes on rewritable discs: nobody boots
//! from either.

mod allocation;
mod directory;
mod entry;
mod file_system;
mod partition;
mod tag;
mod text;
mod volume;

use crate::directories::gather;
use crate::source::{Error, Source, read};
use crate::tree::Tree;

use directory::{Place, Reader};
use file_system::FileSystem;
use partition::MetadataCopy;

/// The first descriptor of the volume recognition sequence (2/8.3.1), which is that of ISO 9660 too.
const RECOGNITION: u64 = 32_768;
/// Descriptors of that sequence at most; images have three to eight.
const RECOGNITION_LIMIT: u64 = 64;
/// From one of them to the next: their own size, or that of a sector where that is larger (2/8.1, 2/8.3).
const STRIDES: [u64; 2] = [2_048, 4_096];

/// What an image holds under UDF.
pub(crate) struct Volume {
    pub(crate) label: String,
    pub(crate) tree: Tree,
}

/// Whether the image says that it can be read as UDF (3/9.1).
pub(crate) fn is_announced(source: &dyn Source) -> Result<bool, Error> {
    for stride in STRIDES {
        for number in 0..RECOGNITION_LIMIT {
            let offset = RECOGNITION + number * stride;
            if offset + 7 > source.length() {
                break;
            }
            match &read(source, "a volume descriptor", offset, 7)?[1..6] {
                b"NSR02" | b"NSR03" => return Ok(true),
                b"CD001" | b"BEA01" | b"BOOT2" | b"CDW02" => {}
                _ => break,
            }
        }
    }
    Ok(false)
}

/// Indexes what an image holds under UDF.
pub(crate) fn index(source: &dyn Source) -> Result<Volume, Error> {
    let volume = volume::find(source)?;
    let failed = match whole(source, &volume, MetadataCopy::Main) {
        Ok(tree) => return Ok(Volume { label: volume.label, tree }),
        Err(error) => error,
    };
    // A metadata partition is there twice (UDF 2.2.13), for the case that one copy is damaged.
    let tree = match failed {
        Error::Damaged { .. } if volume.has_metadata_mirror() => {
            whole(source, &volume, MetadataCopy::Mirror).map_err(|_| failed)?
        }
        _ => return Err(failed),
    };
    Ok(Volume { label: volume.label, tree })
}

fn whole(source: &dyn Source, volume: &volume::Volume, copy: MetadataCopy) -> Result<Tree, Error> {
    let file_system = FileSystem::open(source, volume, copy)?;
    let address = file_system.root(volume)?;
    let offset = file_system.partitions.locate_block(address, volume.offset)?;
    gather(&Reader { file_system, root: Place { address, offset } })
}
