//! Directories: file identifier descriptors (4/14.4), and what they lead to.

use super::allocation::recorded;
use super::entry::{Entry, FileKind};
use super::file_system::{FileSystem, long_address};
use super::partition::{Address, Piece};
use super::tag;
use super::text::{compressed, path};
use crate::directories::{Directories, Found};
use crate::limits::{TARGET_LIMIT, directory_length};
use crate::source::Error;
use crate::text::{file_name, harmless};
use crate::tree::{Extent, NewEntry, NewNode};
use crate::wire::le16;

/// The bytes of a descriptor before what varies in length.
const FIXED: usize = 38;
/// File characteristics (4/14.4.3). Hidden files are served: firmware looks for some.
const DELETED: u8 = 0x04;
const PARENT: u8 = 0x08;

/// Reads the directories of a volume, each of which is known by where its entry stands.
pub(super) struct Reader<'a> {
    pub(super) file_system: FileSystem<'a>,
    /// The root directory.
    pub(super) root: Place,
}

/// Where a directory lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) address: Address,
    /// Where its entry stands in the image.
    pub(super) offset: u64,
}

impl Directories for Reader<'_> {
    type Place = Place;

    fn root(&self) -> Place {
        self.root
    }

    fn offset(place: &Place) -> u64 {
        place.offset
    }

    fn entries(&self, place: Place) -> Result<Vec<Found<Place>>, Error> {
        let entry = self.file_system.entry(place.address, place.offset)?;
        if entry.kind != FileKind::Directory {
            return Err(Error::Damaged { offset: entry.offset, what: "no directory is where one should be" });
        }
        let (bytes, extents) = self.content(&entry, directory_length(entry.length)?)?;
        let mut offsets = Offsets::new(extents);
        let mut found = Vec::new();
        let mut at = 0;
        // Some writers fill up what is left with zeros.
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        while at < end {
            let (length, new) = self.identified(&bytes[at..], offsets.of(at as u64))?;
            at += length;
            found.extend(new);
        }
        Ok(found)
    }
}

impl Reader<'_> {
    /// The bytes of a directory or link, and where they lie.
    fn content(&self, entry: &Entry, length: usize) -> Result<(Vec<u8>, Vec<Extent>), Error> {
        let what = "a directory or link is not recorded as a whole";
        let extents = recorded(&self.file_system.pieces(entry)?)
            .ok_or(Error::Damaged { offset: entry.offset, what })?;
        let mut bytes = Vec::with_capacity(length);
        for extent in &extents {
            let source = &self.file_system.source;
            bytes.extend(source.read("a directory", extent.offset, extent.length as usize)?);
        }
        Ok((bytes, extents))
    }

    /// The descriptor that begins `bytes`, which stand at `offset`: its length, and what it stands for.
    fn identified(&self, bytes: &[u8], offset: u64) -> Result<(usize, Option<Found<Place>>), Error> {
        let damaged = |what| Error::Damaged { offset, what };
        let fixed = bytes.get(..FIXED).ok_or_else(|| damaged("an entry of a directory is cut"))?;
        let begin = FIXED + usize::from(le16(fixed, 36));
        let end = begin + usize::from(fixed[19]);
        let length = end.next_multiple_of(4);
        let whole = bytes.get(..length).ok_or_else(|| damaged("an entry of a directory is cut"))?;
        let what = "no entry of a directory is where one should be";
        tag::expect(tag::FILE_IDENTIFIER, what, whole, offset, None)?;
        if fixed[18] & (DELETED | PARENT) != 0 {
            return Ok((length, None));
        }
        let name = compressed(&whole[begin..end]).ok_or_else(|| damaged("a name is in no known encoding"))?;
        let name = file_name(&name, offset)?;
        let entry = self.file_system.entry(long_address(fixed, 20), offset)?;
        let (node, directory) = match entry.kind {
            FileKind::Directory => {
                (NewNode::Directory, Some(Place { address: entry.address, offset: entry.offset }))
            }
            FileKind::File => (self.file(&self.file_system.pieces(&entry)?), None),
            FileKind::Link => (NewNode::Link(self.target(&entry)?), None),
            FileKind::Other => (NewNode::Other, None),
        };
        Ok((length, Some(Found { new: NewEntry { name, node }, directory })))
    }

    /// A file; one with holes cannot be served from where it lies, since no zeros lie there.
    fn file(&self, pieces: &[Piece]) -> NewNode {
        recorded(pieces).map_or(NewNode::Other, NewNode::File)
    }

    /// Where a symbolic link leads (4/8.7).
    fn target(&self, entry: &Entry) -> Result<String, Error> {
        let damaged = |what| Error::Damaged { offset: entry.offset, what };
        // Components have four bytes before their names.
        if entry.length > TARGET_LIMIT as u64 * 4 {
            return Err(damaged("a link is longer than links are"));
        }
        let (components, _) = self.content(entry, entry.length as usize)?;
        let target = path(&components).ok_or_else(|| damaged("the components of a link do not fit"))?;
        self.file_system.targets.take(target.len() as u64)?;
        Ok(harmless(&target))
    }
}

/// The bytes of the image that are the bytes of a file, which are asked for in order.
struct Offsets {
    extents: std::vec::IntoIter<Extent>,
    /// Where in the file the extent begins that was looked at last, and where in the image.
    begin: u64,
    extent: Extent,
}

impl Offsets {
    fn new(extents: Vec<Extent>) -> Self {
        Self { extents: extents.into_iter(), begin: 0, extent: Extent { offset: 0, length: 0 } }
    }

    fn of(&mut self, at: u64) -> u64 {
        while at - self.begin >= self.extent.length
            && let Some(next) = self.extents.next()
        {
            self.begin += self.extent.length;
            self.extent = next;
        }
        self.extent.offset + (at - self.begin)
    }
}
