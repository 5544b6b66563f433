//! File entries (4/14.9) and extended file entries (4/14.17), with their ICB tags (4/14.6).

use super::file_system::FileSystem;
use super::partition::Address;
use super::tag;
use crate::source::{Error, read};
use crate::wire::{le16, le32, le64};

/// Where things stand in a descriptor.
struct Layout {
    attributes_length: usize,
    allocation_length: usize,
    /// Where the extended attributes begin.
    end: usize,
}

const FILE_ENTRY: Layout = Layout { attributes_length: 168, allocation_length: 172, end: 176 };
const EXTENDED_FILE_ENTRY: Layout = Layout { attributes_length: 208, allocation_length: 212, end: 216 };

/// What a file is (4/14.6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Directory,
    File,
    Link,
    Other,
}

/// How the bytes of a file are recorded (4/14.6.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In the entry itself, at this byte of the image.
    Embedded { offset: u64 },
    /// By short allocation descriptors.
    Short(Vec<u8>),
    /// By long allocation descriptors.
    Long(Vec<u8>),
}

/// What is known of a file beside its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where the entry stands, in the image and in its partition.
    pub(super) offset: u64,
    pub(super) address: Address,
    pub(super) kind: FileKind,
    /// Bytes of the file.
    pub(super) length: u64,
    pub(super) form: Form,
}

impl FileSystem<'_> {
    /// The entry at `address`. `said` is the byte of the image that speaks of it.
    pub(super) fn entry(&self, address: Address, said: u64) -> Result<Entry, Error> {
        let offset = self.partitions.locate_block(address, said)?;
        self.entries.take(self.partitions.block)?;
        let bytes = read(self.source.source, "a file entry", offset, self.partitions.block as usize)?;
        let layout = match tag::check(&bytes, offset, Some(address.block))? {
            tag::FILE_ENTRY => FILE_ENTRY,
            tag::EXTENDED_FILE_ENTRY => EXTENDED_FILE_ENTRY,
            tag::INDIRECT_ENTRY => return Err(STRATEGY),
            _ => return Err(Error::Damaged { offset, what: "no file entry is where one should be" }),
        };
        decode(&bytes, &layout, offset, address)
    }
}

const STRATEGY: Error =
    Error::Udf("entries of files are chained (ICB strategy 4096), as on write-once media");

fn decode(bytes: &[u8], layout: &Layout, offset: u64, address: Address) -> Result<Entry, Error> {
    // The strategy of UDF (2.3.5.1) is 4: there is one entry for a file.
    if le16(bytes, 20) != 4 {
        return Err(STRATEGY);
    }
    let attributes = le32(bytes, layout.attributes_length) as usize;
    let allocation = le32(bytes, layout.allocation_length) as usize;
    let begin = layout.end.saturating_add(attributes);
    let Some(area) = bytes.get(begin..).and_then(|rest| rest.get(..allocation)) else {
        return Err(Error::Damaged { offset, what: "a file entry is longer than its block" });
    };
    let length = le64(bytes, 56);
    let form = match le16(bytes, 34) & 0b111 {
        0 => Form::Short(area.to_vec()),
        1 => Form::Long(area.to_vec()),
        3 if length <= allocation as u64 => Form::Embedded { offset: offset + begin as u64 },
        3 => return Err(Error::Damaged { offset, what: "a file is longer than its entry, which holds it" }),
        _ => return Err(Error::Udf("extended allocation descriptors, which UDF does not allow")),
    };
    let kind = match bytes[27] {
        4 => FileKind::Directory,
        // Not specified, a file, or one that is read in real time (UDF 2.3.5.2).
        0 | 5 | 249 => FileKind::File,
        12 => FileKind::Link,
        _ => FileKind::Other,
    };
    Ok(Entry { offset, address, kind, length, form })
}
