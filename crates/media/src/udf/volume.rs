//! The anchor, and the sequence of volume descriptors that it leads to (3/8.4).

use super::file_system::long_address;
use super::partition::{Address, Map};
use super::text::dstring;
use super::{RECOGNITION, tag};
use crate::source::{Error, Source, read};
use crate::text;
use crate::wire::{le16, le32};

/// Bytes of a sector, the most usual first: discs, hard disks, hard disks of late, magneto-optical ones.
const SECTORS: [u64; 4] = [2_048, 512, 4_096, 1_024];
/// Where an anchor stands (3/8.4.2.1); 512 is where discs have it that are not closed yet (UDF 6.10.2).
const ANCHORS: [u64; 2] = [256, 512];
/// Descriptors of a sequence at most; images have six or seven.
const DESCRIPTOR_LIMIT: usize = 256;
/// Partitions of a volume at most; it has one or two.
const PARTITION_LIMIT: usize = 16;
/// Where the partition maps begin in the descriptor of a logical volume (3/10.6.13).
const MAPS: usize = 440;

/// What the descriptors of a volume say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) label: String,
    /// Bytes of a block.
    pub(super) block: u64,
    pub(super) maps: Vec<Map>,
    /// Where the file set descriptor stands.
    pub(super) file_set: Address,
    /// Where the descriptor of the logical volume stands in the image, which says all this.
    pub(super) offset: u64,
}

impl Volume {
    pub(super) fn has_metadata_mirror(&self) -> bool {
        self.maps.iter().any(|map| matches!(map, Map::Metadata { main, mirror, .. } if main != mirror))
    }
}

/// An extent of sectors (3/7.1).
#[derive(Clone, Copy, Debug)]
struct Sectors {
    length: u32,
    first: u32,
}

/// A partition (3/10.5).
#[derive(Clone, Copy, Debug)]
struct Partition {
    /// By which number a later descriptor prevails (3/8.4.3).
    sequence: u32,
    number: u16,
    first: u32,
    sectors: u32,
}

/// Finds the volume of an image.
pub(super) fn find(source: &dyn Source) -> Result<Volume, Error> {
    let (sector, anchor) = find_anchor(source)?;
    let [main, reserve] =
        [16, 24].map(|at| Sectors { length: le32(&anchor, at), first: le32(&anchor, at + 4) });
    match sequence(source, sector, main) {
        // Both sequences say the same (3/8.4.2.2), for the case that one is damaged.
        Err(failed @ (Error::Damaged { .. } | Error::Cut { .. })) => {
            sequence(source, sector, reserve).map_err(|_| failed)
        }
        other => other,
    }
}

/// The bytes of a sector, and the anchor volume descriptor pointer (3/10.2).
fn find_anchor(source: &dyn Source) -> Result<(u64, Vec<u8>), Error> {
    let mut failed = None;
    for sector in SECTORS {
        let sectors = source.length() / sector;
        let last = sectors.checked_sub(1).into_iter().chain(sectors.checked_sub(257));
        for number in ANCHORS.into_iter().chain(last) {
            let offset = number * sector;
            let Ok(number) = u32::try_from(number) else { continue };
            if offset + 512 > source.length() {
                continue;
            }
            let length = sector.min(source.length() - offset);
            let bytes = read(source, "the anchor of UDF", offset, length as usize)?;
            if le16(&bytes, 0) != tag::ANCHOR {
                continue;
            }
            match tag::expect(tag::ANCHOR, "there is no anchor of UDF", &bytes, offset, Some(number)) {
                Ok(()) => return Ok((sector, bytes)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
    }
    let offset = ANCHORS[0] * SECTORS[0];
    Err(match failed {
        Some(error) => error,
        None if source.length() < offset + 512 => {
            Error::Cut { what: "the anchor of UDF".to_owned(), end: offset + 512, length: source.length() }
        }
        None => Error::Damaged {
            offset: RECOGNITION,
            what: "it is said to be UDF, but there is no anchor of that",
        },
    })
}

/// Reads a sequence of volume descriptors.
fn sequence(source: &dyn Source, sector: u64, mut extent: Sectors) -> Result<Volume, Error> {
    let begin = u64::from(extent.first) * sector;
    let mut partitions: Vec<Partition> = Vec::new();
    let mut logical: Option<(u64, Vec<u8>)> = None;
    let mut at = 0;
    for _ in 0..DESCRIPTOR_LIMIT {
        if (at + 1) * sector > u64::from(extent.length) {
            break;
        }
        let number = u64::from(extent.first) + at;
        let offset = number * sector;
        let bytes = read(source, "a volume descriptor", offset, sector as usize)?;
        at += 1;
        // An unrecorded sector ends the sequence as well (3/8.4.2).
        if bytes[..tag::LENGTH].iter().all(|byte| *byte == 0) {
            break;
        }
        match tag::check(&bytes, offset, u32::try_from(number).ok())? {
            tag::TERMINATING => break,
            tag::SEQUENCE_POINTER => {
                (extent, at) = (Sectors { length: le32(&bytes, 20), first: le32(&bytes, 24) }, 0);
            }
            tag::PARTITION => keep(&mut partitions, &bytes, offset)?,
            tag::LOGICAL_VOLUME
                if logical.as_ref().is_none_or(|(_, known)| le32(known, 16) <= le32(&bytes, 16)) =>
            {
                logical = Some((offset, bytes));
            }
            _ => {}
        }
    }
    let (offset, logical) =
        logical.ok_or(Error::Damaged { offset: begin, what: "there is no logical volume" })?;
    volume(&logical, offset, sector, &partitions)
}

fn keep(partitions: &mut Vec<Partition>, bytes: &[u8], offset: u64) -> Result<(), Error> {
    let new = Partition {
        sequence: le32(bytes, 16),
        number: le16(bytes, 22),
        first: le32(bytes, 188),
        sectors: le32(bytes, 192),
    };
    if let Some(known) = partitions.iter_mut().find(|known| known.number == new.number) {
        if known.sequence <= new.sequence {
            *known = new;
        }
        return Ok(());
    }
    if partitions.len() == PARTITION_LIMIT {
        return Err(Error::Damaged { offset, what: "there are more partitions than volumes have" });
    }
    partitions.push(new);
    Ok(())
}

/// What the descriptor of a logical volume says (3/10.6).
fn volume(bytes: &[u8], offset: u64, sector: u64, partitions: &[Partition]) -> Result<Volume, Error> {
    let damaged = |what| Error::Damaged { offset, what };
    // UDF 2.2.4.2.
    if u64::from(le32(bytes, 212)) != sector {
        return Err(damaged("blocks are of another size than sectors"));
    }
    let Some(mut maps) = bytes.get(MAPS..).and_then(|rest| rest.get(..le32(bytes, 264) as usize)) else {
        return Err(damaged("partition maps do not fit their descriptor"));
    };
    let count = le32(bytes, 268) as usize;
    let mut known: Vec<Map> = Vec::new();
    let mut numbers: Vec<u16> = Vec::new();
    while known.len() < count {
        let length = usize::from(maps.get(1).copied().unwrap_or(0));
        let Some((map, rest)) = maps.split_at_checked(length).filter(|_| known.len() < PARTITION_LIMIT)
        else {
            return Err(damaged("partition maps do not fit their descriptor"));
        };
        maps = rest;
        let number = match (map, length) {
            ([1, ..], 6) => le16(map, 4),
            ([2, ..], 64) => le16(map, 38),
            _ => return Err(damaged("a partition map is of no known form")),
        };
        known.push(if map[0] == 1 {
            physical(partitions, number, sector).ok_or_else(|| damaged("a partition has no descriptor"))?
        } else {
            let partition = numbers
                .iter()
                .zip(&known)
                .position(|(other, map)| *other == number && matches!(map, Map::Physical { .. }));
            typed(map, partition).unwrap_or_else(|| Err(damaged("a metadata partition lies in none")))?
        });
        numbers.push(number);
    }
    Ok(Volume {
        label: text::label(&dstring(&bytes[84..212])),
        block: sector,
        maps: known,
        file_set: long_address(bytes, 248),
        offset,
    })
}

fn physical(partitions: &[Partition], number: u16, sector: u64) -> Option<Map> {
    let partition = partitions.iter().find(|partition| partition.number == number)?;
    Some(Map::Physical {
        offset: u64::from(partition.first) * sector,
        length: u64::from(partition.sectors) * sector,
    })
}

/// A partition map of type 2, which says by a name what it is (3/10.7.3, UDF 2.2.8 to 2.2.10); `None` where the `partition`
/// that it needs is not there.
fn typed(map: &[u8], partition: Option<usize>) -> Option<Result<Map, Error>> {
    let name = &map[5..28];
    let refused = |what| Some(Err(Error::Udf(what)));
    if name.starts_with(b"*UDF Virtual Partition") {
        return refused("a virtual partition, as on write-once discs that files were added to");
    }
    if name.starts_with(b"*UDF Sparable Partition") {
        return refused("a sparable partition, as packet writing makes on rewritable discs");
    }
    if !name.starts_with(b"*UDF Metadata Partition") {
        return refused("a partition of a kind that OSTA does not define");
    }
    Some(Ok(Map::Metadata { partition: partition? as u16, main: le32(map, 40), mirror: le32(map, 44) }))
}
