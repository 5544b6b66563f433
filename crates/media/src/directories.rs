//! The directories of a file system, read into a tree.

use std::collections::HashSet;

use crate::limits::{ENTRY_LIMIT, NAME_LIMIT};
use crate::source::Error;
use crate::tree::{NewEntry, NewNode, Tree};

/// An entry of a directory.
#[derive(Clone, Debug)]
pub(crate) struct Found<P> {
    pub(crate) new: NewEntry,
    /// Where its own entries lie, for a directory.
    pub(crate) directory: Option<P>,
}

/// What reads the directories of one file system.
pub(crate) trait Directories {
    /// Where a directory lies.
    type Place: Copy;

    /// Where the root lies.
    fn root(&self) -> Self::Place;

    /// The byte of the image by which a directory is known when it is met again.
    fn offset(place: &Self::Place) -> u64;

    /// The entries of a directory, in the order of the image.
    fn entries(&self, place: Self::Place) -> Result<Vec<Found<Self::Place>>, Error>;
}

/// Reads all directories, from the root down. Each is read once.
pub(crate) fn gather<D: Directories>(directories: &D) -> Result<Tree, Error> {
    let mut tree = Tree::new(ENTRY_LIMIT, NAME_LIMIT);
    let root = directories.root();
    let mut seen = HashSet::from([D::offset(&root)]);
    let mut open = vec![(Tree::ROOT, root)];
    while let Some((at, place)) = open.pop() {
        let entries = directories.entries(place)?;
        let (new, places): (Vec<_>, Vec<_>) =
            entries.into_iter().map(|entry| (entry.new, entry.directory)).unzip();
        for (number, index) in tree.fill(at, &new)? {
            let (NewNode::Directory, Some(place)) = (&new[index].node, places[index]) else { continue };
            // One that was met before contains itself; its entries stand where it was met first.
            if seen.insert(D::offset(&place)) {
                open.push((number, place));
            }
        }
    }
    Ok(tree)
}
