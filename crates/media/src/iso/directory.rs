//! Directory records (ECMA-119, section 9.1).

use super::rock_ridge::{self, Facts, SystemUse};
use super::volume::{Volume, Volumes};
use super::{Names, SECTOR};
use crate::directories::{Directories, Found};
use crate::limits::{Metered, directory_length};
use crate::source::{Error, Source, within};
use crate::text::{file_name, harmless, utf16_be};
use crate::tree::{Extent, NewEntry, NewNode, join};
use crate::wire::le32;

/// The bytes of a record before its identifier.
const FIXED: usize = 33;
/// Flags of a record (section 9.1.6).
const DIRECTORY: u8 = 0x02;
const ASSOCIATED: u8 = 0x04;
const MORE_EXTENTS: u8 = 0x80;
/// Where a directory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Reads the directories of one volume.
pub(super) struct Reader<'a> {
    source: Metered<'a>,
    volume: &'a Volume,
    names: Names,
    /// Bytes of a system use area that are not of Rock Ridge (SUSP, section 5.3).
    skip: usize,
}

/// A record, as it stands there.
struct Record<'a> {
    /// Where it stands.
    offset: u64,
    flags: u8,
    interleaved: bool,
    extent: Extent,
    identifier: &'a [u8],
    system_use: &'a [u8],
}

/// A record with all its extents, which stand in records one behind the other.
struct Whole<'a> {
    record: Record<'a>,
    extents: Vec<Extent>,
}

impl Directories for Reader<'_> {
    type Place = Place;

    fn root(&self) -> Place {
        self.volume.root
    }

    fn offset(place: &Place) -> u64 {
        place.offset
    }

    fn entries(&self, place: Place) -> Result<Vec<Found<Place>>, Error> {
        let bytes = self.source.read("a directory", place.offset, directory_length(place.length)?)?;
        let mut found = Vec::new();
        for whole in self.whole_records(&bytes, place.offset)? {
            // The first two records are of the directory itself and of the one above.
            if matches!(whole.record.identifier, [0] | [1]) || whole.record.flags & ASSOCIATED != 0 {
                continue;
            }
            found.extend(self.found(whole)?);
        }
        Ok(found)
    }
}

impl<'a> Reader<'a> {
    /// Chooses the volume to be read: Rock Ridge says most, then Joliet.
    pub(super) fn new(source: &'a dyn Source, volumes: &'a Volumes) -> Result<Self, Error> {
        let plain =
            Self { source: Metered::new(source), volume: &volumes.primary, names: Names::Plain, skip: 0 };
        if let Some(skip) = plain.rock_ridge()? {
            return Ok(Self { names: Names::RockRidge, skip, ..plain });
        }
        Ok(match &volumes.joliet {
            Some(volume) => Self { volume, names: Names::Joliet, ..plain },
            None => plain,
        })
    }

    pub(super) fn names(&self) -> Names {
        self.names
    }

    pub(super) fn volume(&self) -> &'a Volume {
        self.volume
    }

    /// Whether the root says that there are names of Rock Ridge, and how many bytes to skip before them.
    fn rock_ridge(&self) -> Result<Option<usize>, Error> {
        let root = self.volume.root;
        let length = root.length.min(SECTOR) as usize;
        let bytes = self.source.read("the root directory", root.offset, length)?;
        let Some(first) = record(&bytes, 0, root.offset, self.volume.block)? else { return Ok(None) };
        rock_ridge::announced(&self.source, self.volume.block, first.system_use)
    }

    /// All records of a directory, with those of one file taken together.
    fn whole_records<'b>(&self, bytes: &'b [u8], offset: u64) -> Result<Vec<Whole<'b>>, Error> {
        let mut whole: Vec<Whole<'b>> = Vec::new();
        let mut goes_on = false;
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at] == 0 {
                // No record crosses a sector; what is left of one is filled with zeros.
                at = (at / SECTOR as usize + 1) * SECTOR as usize;
                continue;
            }
            let Some(record) = record(bytes, at, offset, self.volume.block)? else { break };
            at += usize::from(bytes[at]);
            let more = record.flags & MORE_EXTENTS != 0;
            let last = whole.last_mut().filter(|last| goes_on && last.record.identifier == record.identifier);
            goes_on = more;
            match last {
                Some(last) => {
                    join(&mut last.extents, record.extent);
                    if last.record.system_use.is_empty() {
                        last.record.system_use = record.system_use;
                    }
                }
                None => whole.push(Whole { extents: vec![record.extent], record }),
            }
        }
        Ok(whole)
    }

    /// What a record stands for; nothing for a directory that was moved elsewhere and is found there.
    fn found(&self, whole: Whole<'_>) -> Result<Option<Found<Place>>, Error> {
        let record = &whole.record;
        let facts = match self.names {
            Names::RockRidge => {
                let area = record.system_use.get(self.skip..).unwrap_or_default();
                SystemUse { source: &self.source, block: self.volume.block }.facts(area, record.offset)?
            }
            _ => Facts::default(),
        };
        if facts.relocated {
            return Ok(None);
        }
        let name = match facts.name {
            Some(name) => name,
            None => self.identifier(record.identifier),
        };
        let name = file_name(&name, record.offset)?;
        let moved = facts.child.map(|block| self.moved(block)).transpose()?;
        let is_directory = record.flags & DIRECTORY != 0;
        let (node, directory) = match (facts.link, moved) {
            (Some(target), _) => (NewNode::Link(harmless(&target)), None),
            (None, Some(place)) => (NewNode::Directory, Some(place)),
            (None, None) if is_directory => {
                let place = Place { offset: record.extent.offset, length: record.extent.length };
                (NewNode::Directory, Some(place))
            }
            (None, None) if facts.special || record.interleaved => (NewNode::Other, None),
            (None, None) => (NewNode::File(self.extents(whole.extents, &name)?), None),
        };
        Ok(Some(Found { new: NewEntry { name, node }, directory }))
    }

    /// The name that a record has by itself.
    fn identifier(&self, bytes: &[u8]) -> String {
        let text = match self.names {
            Names::Joliet => utf16_be(bytes),
            // ISO 9660 knows capitals, digits and `_`; what others write is mostly UTF-8.
            _ => String::from_utf8_lossy(bytes).into_owned(),
        };
        let text = match text.rsplit_once(';') {
            Some((name, version)) if version.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &text,
        };
        match text.strip_suffix('.') {
            Some(name) if !name.is_empty() && self.names != Names::Joliet => name.to_owned(),
            _ => text.to_owned(),
        }
    }

    /// The extents of a file that has bytes, all within the image.
    fn extents(&self, extents: Vec<Extent>, name: &str) -> Result<Vec<Extent>, Error> {
        let mut kept = Vec::with_capacity(extents.len());
        // Files without bytes have extents anywhere.
        for extent in extents.into_iter().filter(|extent| extent.length > 0) {
            within(self.source.source, name, extent.offset, extent.length)?;
            kept.push(extent);
        }
        Ok(kept)
    }

    /// Where a directory lies that was moved to `block`; its length stands in its own first record.
    fn moved(&self, block: u32) -> Result<Place, Error> {
        let offset = u64::from(block) * self.volume.block;
        let bytes = self.source.read("a directory that was moved", offset, SECTOR as usize)?;
        match record(&bytes, 0, offset, self.volume.block)? {
            Some(first) if first.identifier == [0] && first.flags & DIRECTORY != 0 => {
                Ok(Place { offset, length: first.extent.length })
            }
            _ => Err(Error::Damaged { offset, what: "there is no directory where one was moved to" }),
        }
    }
}

/// The record at `at` of the bytes of a directory that begins at `offset` of the image; `None` where there is no room for one.
fn record(bytes: &[u8], at: usize, offset: u64, block: u64) -> Result<Option<Record<'_>>, Error> {
    let here = offset + at as u64;
    let Some(length) = bytes.get(at).map(|length| usize::from(*length)).filter(|length| *length > 0) else {
        return Ok(None);
    };
    let damaged = |what| Error::Damaged { offset: here, what };
    let bytes = bytes.get(at..at + length).ok_or_else(|| damaged("a record of a directory is cut"))?;
    if length < FIXED + 1 {
        return Err(damaged("a record of a directory is too short"));
    }
    let identifier = usize::from(bytes[32]);
    let end = FIXED + identifier;
    let identifier = bytes.get(FIXED..end).ok_or_else(|| damaged("a name is longer than its record"))?;
    // A byte fills up where the identifier has an even length (section 9.1.12).
    let system_use = bytes.get(end + (end & 1)..).unwrap_or_default();
    Ok(Some(Record {
        offset: here,
        flags: bytes[25],
        interleaved: bytes[26] != 0 || bytes[27] != 0,
        extent: Extent {
            offset: (u64::from(le32(bytes, 2)) + u64::from(bytes[1])) * block,
            length: u64::from(le32(bytes, 10)),
        },
        identifier,
        system_use,
    }))
}
