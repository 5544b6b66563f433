//! What is read of a volume while it is indexed, and how much of it.

use super::partition::{Address, Map, MetadataCopy, Partitions, Piece};
use super::tag;
use super::volume::Volume;
use crate::limits::{ENTRY_LIMIT, Meter, Metered, NAME_LIMIT};
use crate::source::{Error, Source};
use crate::wire::{le16, le32};

/// Bytes of file entries that are read of an image at most: as many blocks of 2048 bytes as there may be entries.
const FILE_ENTRIES_LIMIT: u64 = 2 << 30;

/// A volume whose partitions are known.
pub(super) struct FileSystem<'a> {
    pub(super) source: Metered<'a>,
    pub(super) partitions: Partitions,
    /// Bytes of file entries.
    pub(super) entries: Meter,
    /// Extents of files.
    pub(super) extents: Meter,
    /// Bytes of the targets of links.
    pub(super) targets: Meter,
}

impl<'a> FileSystem<'a> {
    /// Looks up the partitions of a volume, through the metadata file that is asked for where there is one (UDF 2.2.13).
    pub(super) fn open(source: &'a dyn Source, volume: &Volume, copy: MetadataCopy) -> Result<Self, Error> {
        let mut file_system = Self {
            source: Metered::new(source),
            partitions: Partitions::new(volume.block, volume.maps.len()),
            entries: Meter::new("bytes of file entries", FILE_ENTRIES_LIMIT),
            extents: Meter::new("extents", ENTRY_LIMIT as u64 * 2),
            targets: Meter::new("bytes of links", NAME_LIMIT as u64),
        };
        // The files of metadata partitions lie in the others.
        for (number, map) in volume.maps.iter().enumerate() {
            let Map::Physical { offset, length } = *map else { continue };
            file_system.partitions.set(number, vec![Piece { offset: Some(offset), length }]);
        }
        for (number, map) in volume.maps.iter().enumerate() {
            let Map::Metadata { partition, main, mirror } = *map else { continue };
            let block = if copy == MetadataCopy::Main { main } else { mirror };
            let entry = file_system.entry(Address { block, partition }, volume.offset)?;
            let pieces = file_system.pieces(&entry)?;
            file_system.partitions.set(number, pieces);
        }
        Ok(file_system)
    }

    /// Where the entry of the root directory stands, by the file set descriptor (4/14.1).
    pub(super) fn root(&self, volume: &Volume) -> Result<Address, Error> {
        let offset = self.partitions.locate_block(volume.file_set, volume.offset)?;
        let bytes = self.source.read("the file set", offset, self.partitions.block as usize)?;
        let what = "no file set descriptor is where one should be";
        tag::expect(tag::FILE_SET, what, &bytes, offset, Some(volume.file_set.block))?;
        Ok(long_address(&bytes, 400))
    }
}

/// The address in a long allocation descriptor (4/14.14.2); `at` and 16 bytes more lie within `bytes`.
pub(super) fn long_address(bytes: &[u8], at: usize) -> Address {
    Address { block: le32(bytes, at + 4), partition: le16(bytes, at + 8) }
}
