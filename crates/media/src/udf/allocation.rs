//! Allocation descriptors (4/14.14.1, 4/14.14.2), which say where the bytes of a file lie.

use super::entry::{Entry, Form};
use super::file_system::FileSystem;
use super::partition::{Address, Piece};
use super::tag;
use crate::source::{Error, within};
use crate::tree::Extent;
use crate::wire::{le16, le32};

/// Bytes of an allocation extent descriptor before the allocation descriptors in it (4/14.5).
const CONTINUATION: usize = 24;

/// One extent of a file, as an allocation descriptor has it (4/14.14.1.1).
struct Allocated {
    /// How it is recorded: 0 as it is, 1 and 2 not at all, and 3 is where the descriptors go on.
    kind: u32,
    length: u64,
    address: Address,
}

impl FileSystem<'_> {
    /// The bytes of a file as pieces, up to its length.
    pub(super) fn pieces(&self, entry: &Entry) -> Result<Vec<Piece>, Error> {
        let damaged = |what| Error::Damaged { offset: entry.offset, what };
        let (mut descriptors, form) = match &entry.form {
            Form::Embedded { offset } => {
                let mut pieces = Vec::new();
                self.put(&mut pieces, Piece { offset: Some(*offset), length: entry.length })?;
                return Ok(pieces);
            }
            Form::Short(descriptors) => (descriptors.clone(), 8),
            Form::Long(descriptors) => (descriptors.clone(), 16),
        };
        let mut pieces = Vec::new();
        let mut left = entry.length;
        loop {
            let mut goes_on = None;
            for bytes in descriptors.chunks_exact(form) {
                let extent = allocated(bytes, entry.address.partition);
                if extent.length == 0 {
                    break;
                }
                if extent.kind == 3 {
                    goes_on = Some(extent);
                    break;
                }
                // What is allocated behind the end of a file is no part of it (4/12.1).
                let length = extent.length.min(left);
                if length == 0 {
                    continue;
                }
                left -= length;
                if extent.kind == 0 {
                    for found in self.partitions.locate(extent.address, length, entry.offset)? {
                        self.put(&mut pieces, Piece { offset: Some(found.offset), length: found.length })?;
                    }
                } else {
                    self.put(&mut pieces, Piece { offset: None, length })?;
                }
            }
            match goes_on {
                Some(extent) if left > 0 => descriptors = self.continuation(&extent, entry.offset)?,
                _ if left > 0 => return Err(damaged("a file has fewer extents than bytes")),
                _ => return Ok(pieces),
            }
        }
    }

    /// Puts a piece behind others. What is recorded lies within the image.
    fn put(&self, pieces: &mut Vec<Piece>, next: Piece) -> Result<(), Error> {
        if next.length == 0 {
            return Ok(());
        }
        if let Some(offset) = next.offset {
            within(self.source.source, "a file", offset, next.length)?;
        }
        if let Some(last) = pieces.last_mut()
            && last.offset.map(|offset| offset + last.length) == next.offset
        {
            last.length += next.length;
            return Ok(());
        }
        self.extents.take(1)?;
        pieces.push(next);
        Ok(())
    }

    /// The descriptors that those before go on with (4/14.5). Each is read at the cost of the meter, so that going in a circle ends.
    fn continuation(&self, extent: &Allocated, said: u64) -> Result<Vec<u8>, Error> {
        let offset = self.partitions.locate_block(extent.address, said)?;
        let mut bytes = self.source.read("an allocation extent", offset, self.partitions.block as usize)?;
        let what = "no allocation extent is where one should be";
        tag::expect(tag::ALLOCATION_EXTENT, what, &bytes, offset, Some(extent.address.block))?;
        let length = le32(&bytes, 20) as usize;
        if length > bytes.len() - CONTINUATION {
            return Err(Error::Damaged { offset, what: "allocation descriptors do not fit their extent" });
        }
        bytes.truncate(CONTINUATION + length);
        Ok(bytes.split_off(CONTINUATION))
    }
}

fn allocated(bytes: &[u8], here: u16) -> Allocated {
    let length = le32(bytes, 0);
    // A short descriptor speaks of the partition that it stands in.
    let partition = if bytes.len() == 8 { here } else { le16(bytes, 8) };
    Allocated {
        kind: length >> 30,
        length: u64::from(length & 0x3fff_ffff),
        address: Address { block: le32(bytes, 4), partition },
    }
}

/// The extents of a file of which all is recorded; `None` where not.
pub(super) fn recorded(pieces: &[Piece]) -> Option<Vec<Extent>> {
    pieces.iter().map(|piece| Some(Extent { offset: piece.offset?, length: piece.length })).collect()
}
