//! Partitions, and where the blocks lie that are counted in them.

use crate::source::Error;
use crate::tree::{Extent, join};

/// A block of a partition (4/7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) block: u32,
    /// The partition, by its place in the table of partition maps.
    pub(super) partition: u16,
}

/// What a partition map says (3/10.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Map {
    /// A run of bytes of the image.
    Physical { offset: u64, length: u64 },
    /// A metadata partition (UDF 2.2.10): the partition that its files lie in, by its map, and their blocks there.
    Metadata { partition: u16, main: u32, mirror: u32 },
}

/// Which of the two files of a metadata partition is read (UDF 2.2.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetadataCopy {
    Main,
    Mirror,
}

/// A run of bytes of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where they lie in the image; `None` where nothing is recorded.
    pub(super) offset: Option<u64>,
    pub(super) length: u64,
}

/// What partition maps lead to, in their order (3/10.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partitions {
    /// Bytes of a block.
    pub(super) block: u64,
    /// The pieces of each in order, and where in the partition each begins.
    maps: Vec<Vec<(u64, Piece)>>,
}

impl Partitions {
    /// So many partitions, without a block as yet.
    pub(super) fn new(block: u64, count: usize) -> Self {
        Self { block, maps: vec![Vec::new(); count] }
    }

    /// Says of which pieces a partition is made.
    pub(super) fn set(&mut self, partition: usize, pieces: Vec<Piece>) {
        let mut begin = 0;
        let placed = pieces.into_iter().map(|piece| {
            begin += piece.length;
            (begin - piece.length, piece)
        });
        self.maps[partition] = placed.collect();
    }

    /// Where `length` bytes from the beginning of a block on lie. `said` is the byte of the image that speaks of them.
    pub(super) fn locate(&self, address: Address, length: u64, said: u64) -> Result<Vec<Extent>, Error> {
        let damaged = |what| Error::Damaged { offset: said, what };
        let pieces = self
            .maps
            .get(usize::from(address.partition))
            .ok_or_else(|| damaged("it speaks of a partition that does not exist"))?;
        let mut at = u64::from(address.block) * self.block;
        let mut left = length;
        let mut extents = Vec::new();
        // A metadata partition may have many pieces, and is asked for each file.
        let first = pieces.partition_point(|(begin, piece)| begin + piece.length <= at);
        for (begin, piece) in &pieces[first..] {
            if left == 0 {
                break;
            }
            let taken = left.min(begin + piece.length - at);
            let offset = piece.offset.ok_or_else(|| damaged("it speaks of a block that is not recorded"))?;
            join(&mut extents, Extent { offset: offset + (at - begin), length: taken });
            (at, left) = (at + taken, left - taken);
        }
        match left {
            0 => Ok(extents),
            _ => Err(damaged("it speaks of blocks outside of their partition")),
        }
    }

    /// Where a block lies. `said` is the byte of the image that speaks of it.
    pub(super) fn locate_block(&self, address: Address, said: u64) -> Result<u64, Error> {
        // Pieces hold whole blocks.
        Ok(self.locate(address, self.block, said)?[0].offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_through_the_pieces_of_a_partition() {
        let piece = |offset, length| Piece { offset, length };
        let mut partitions = Partitions::new(512, 2);
        partitions.set(0, vec![piece(Some(10_240), 5_120)]);
        let apart = [
            piece(Some(20_480), 1_024),
            piece(None, 512),
            piece(Some(21_504), 512),
            piece(Some(22_016), 512),
        ];
        partitions.set(1, apart.to_vec());
        let check = |partition, block, length, expected: Result<&[(u64, u64)], &'static str>| {
            let found = partitions.locate(Address { block, partition }, length, 7);
            let expected = expected
                .map(|all| {
                    all.iter().map(|(offset, length)| Extent { offset: *offset, length: *length }).collect()
                })
                .map_err(|what| Error::Damaged { offset: 7, what });
            assert_eq!(found, expected, "{length} bytes at block {block} of partition {partition}");
        };

        check(0, 0, 512, Ok(&[(10_240, 512)]));
        check(0, 9, 512, Ok(&[(14_848, 512)]));
        check(0, 9, 513, Err("it speaks of blocks outside of their partition"));
        check(0, u32::MAX, 1, Err("it speaks of blocks outside of their partition"));
        check(1, 1, 512, Ok(&[(20_992, 512)]));
        check(1, 2, 512, Err("it speaks of a block that is not recorded"));
        check(1, 1, 513, Err("it speaks of a block that is not recorded"));
        check(1, 3, 1_000, Ok(&[(21_504, 1_000)]));
        check(1, 5, 512, Err("it speaks of blocks outside of their partition"));
        check(2, 0, 512, Err("it speaks of a partition that does not exist"));
    }
}
