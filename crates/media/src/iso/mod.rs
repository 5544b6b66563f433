//! ISO 9660 images (ECMA-119), with the names of Joliet or Rock Ridge where there are such, and El Torito boot images.

mod boot;
mod directory;
mod rock_ridge;
mod volume;

use std::collections::HashSet;

use crate::source::{Error, Source};
use crate::tree::{NewNode, Tree};

pub use boot::{BootImage, BootPlatform};

use directory::Reader;

/// The unit of everything before the first volume descriptor says otherwise, in bytes.
const SECTOR: u64 = 2_048;
/// The first volume descriptor (ECMA-119, section 6.2.1).
const FIRST_DESCRIPTOR: u64 = 16 * SECTOR;
/// Entries of an image at most. The largest images of distributions have under 100,000.
pub const ENTRY_LIMIT: usize = 1 << 20;
/// Bytes of all names and targets of links of an image at most.
pub const NAME_LIMIT: usize = 64 << 20;
/// Bytes of the records of one directory at most.
pub const DIRECTORY_LIMIT: usize = 32 << 20;

/// Which names the files of an image go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Rock Ridge: as they were on the system that the image was made on, with symbolic links and deep directories.
    RockRidge,
    /// Joliet: up to 103 characters of Unicode.
    Joliet,
    /// Plain ISO 9660, without version numbers.
    Plain,
    /// UDF.
    Udf,
}

/// What is in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The label of the volume.
    pub label: String,
    /// Which names the files go by.
    pub names: Names,
    /// The files.
    pub tree: Tree,
    /// What firmware would boot from a disc.
    pub boot: Vec<BootImage>,
}

impl Image {
    /// Indexes an image.
    ///
    /// # Errors
    ///
    /// Where it is none, is cut or damaged, or is larger than the limits of this crate.
    pub fn index(source: &dyn Source) -> Result<Self, Error> {
        let volumes = volume::read_all(source)?;
        let reader = Reader::new(source, &volumes)?;
        let (tree, names) = (fill(&reader)?, reader.names());
        let boot = match volumes.boot_catalog {
            Some(catalog) => boot::read_catalog(source, catalog, &tree)?,
            None => Vec::new(),
        };
        let label = reader.volume().label.clone();
        if volumes.udf && only_a_note(&tree) {
            return Err(Error::Udf("beside a note under ISO 9660"));
        }
        Ok(Self { label, names, tree, boot })
    }
}

/// Reads all directories, from the root down. Each is read once.
fn fill(reader: &Reader<'_>) -> Result<Tree, Error> {
    let mut tree = Tree::new(ENTRY_LIMIT, NAME_LIMIT);
    let mut seen = HashSet::new();
    let mut open = vec![(Tree::ROOT, reader.volume().root)];
    seen.insert(reader.volume().root.offset);
    while let Some((at, place)) = open.pop() {
        let entries = reader.entries(place)?;
        let names: Vec<_> = entries.iter().map(|entry| entry.new.clone()).collect();
        for (number, index) in tree.fill(at, &names)? {
            let entry = &entries[index];
            let (NewNode::Directory, Some(place)) = (&entry.new.node, entry.directory) else { continue };
            // One that was met before contains itself; its entries stand where it was met first.
            if seen.insert(place.offset) {
                open.push((number, place));
            }
        }
    }
    Ok(tree)
}

/// Whether there is nothing but a text that says that the disc should be read as UDF.
fn only_a_note(tree: &Tree) -> bool {
    tree.len() <= 1 && tree.walk().all(|(path, _)| path.to_ascii_lowercase().starts_with("readme"))
}
