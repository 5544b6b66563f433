//! Images, whichever file systems are in them.

use std::collections::HashSet;

use crate::iso::{self, BootImage};
use crate::source::{Error, Source};
use crate::tree::{Node, Tree};
use crate::udf;

/// Which names the files of an image go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Rock Ridge: as they were on the system that the image was made on, with symbolic links and deep directories.
    RockRidge,
    /// Joliet: up to 103 characters of Unicode.
    Joliet,
    /// Plain ISO 9660, without version numbers.
    Plain,
    /// UDF: up to 254 bytes of Unicode.
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
    /// Why what the image holds under UDF was left out, where it holds other files under ISO 9660.
    pub left_out: Option<Error>,
}

impl Image {
    /// Indexes an image.
    ///
    /// Many hold the same files under ISO 9660 and under UDF. Rock Ridge comes first then, since it alone has the links
    /// and names of Unix; UDF next, since it has names whole that Joliet and plain ISO 9660 cut; but the one that comes first gives way
    /// to another with more bytes of files. So UDF is read where there is only a note under ISO 9660, and where files
    /// over 4 GiB stand under UDF alone, as in images of Windows.
    ///
    /// # Errors
    ///
    /// Where it is none, is cut or damaged, or is larger than the limits of this crate. What is wrong under UDF alone is no
    /// error where there are files under ISO 9660: see [`Image::left_out`].
    pub fn index(source: &dyn Source) -> Result<Self, Error> {
        let iso = iso::index(source)?;
        let udf = if udf::is_announced(source)? { Some(udf::index(source)) } else { None };
        match (iso, udf) {
            (None, None) => Err(Error::NoVolume),
            (None, Some(udf)) => Ok(Self::udf(udf?)),
            (Some(iso), None) => Self::iso(source, iso, None),
            // A cut image misses files, whichever names they go by.
            (Some(_), Some(Err(error @ (Error::Read { .. } | Error::Cut { .. })))) => Err(error),
            (Some(iso), Some(Err(error))) if only_a_note(&iso.tree) => Err(error),
            (Some(iso), Some(Err(error))) => Self::iso(source, iso, Some(error)),
            (Some(iso), Some(Ok(udf))) if prefers_udf(&iso, &udf.tree) => {
                let label = iso.label;
                let mut image = Self::udf(udf);
                image.boot = iso::read_boot_images(source, iso.boot_catalog, &image.tree)?;
                if image.label.is_empty() {
                    image.label = label;
                }
                Ok(image)
            }
            (Some(iso), Some(Ok(_))) => Self::iso(source, iso, None),
        }
    }

    fn iso(source: &dyn Source, iso: iso::Volume, left_out: Option<Error>) -> Result<Self, Error> {
        let boot = iso::read_boot_images(source, iso.boot_catalog, &iso.tree)?;
        Ok(Self { label: iso.label, names: iso.names, tree: iso.tree, boot, left_out })
    }

    fn udf(udf: udf::Volume) -> Self {
        Self { label: udf.label, names: Names::Udf, tree: udf.tree, boot: Vec::new(), left_out: None }
    }
}

/// Whether there is nothing but a text that says that the disc should be read as UDF.
fn only_a_note(tree: &Tree) -> bool {
    tree.len() <= 1 && tree.walk().all(|(path, _)| path.to_ascii_lowercase().starts_with("readme"))
}

fn prefers_udf(iso: &iso::Volume, udf: &Tree) -> bool {
    let (in_udf_alone, in_iso_alone) = (bytes_beyond(udf, &iso.tree), bytes_beyond(&iso.tree, udf));
    match iso.names {
        Names::RockRidge => in_udf_alone > in_iso_alone,
        _ => in_udf_alone >= in_iso_alone,
    }
}

/// Bytes of the files of `tree` that are no file's bytes in `other`. Names tell nothing: plain ISO 9660 changes them.
fn bytes_beyond(tree: &Tree, other: &Tree) -> u64 {
    let known: HashSet<(u64, u64)> = extents(other).collect();
    extents(tree).filter(|extent| !known.contains(extent)).map(|(_, length)| length).sum()
}

fn extents(tree: &Tree) -> impl Iterator<Item = (u64, u64)> {
    tree.walk()
        .flat_map(|(_, entry)| match entry.node {
            Node::File { extents, .. } => extents,
            _ => &[],
        })
        .map(|extent| (extent.offset, extent.length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Extent, NewEntry, NewNode};

    #[test]
    fn of_two_file_systems_that_with_more_bytes_of_files_is_used() {
        let tree = |files: &[(u64, u64)]| {
            let mut tree = Tree::new(100, 1_000);
            let files: Vec<NewEntry> = files
                .iter()
                .enumerate()
                .map(|(number, (offset, length))| NewEntry {
                    name: number.to_string(),
                    node: NewNode::File(vec![Extent { offset: *offset, length: *length }]),
                })
                .collect();
            tree.fill(Tree::ROOT, &files).expect("it fits");
            tree
        };
        let check = |names, iso: &[(u64, u64)], udf: &[(u64, u64)], expected| {
            let iso_9660 = iso::Volume { label: String::new(), names, tree: tree(iso), boot_catalog: None };
            assert_eq!(prefers_udf(&iso_9660, &tree(udf)), expected, "{names:?} {iso:?} {udf:?}");
        };
        let same: &[(u64, u64)] = &[(2_048, 10), (4_096, 20)];

        check(Names::RockRidge, same, same, false);
        check(Names::Joliet, same, same, true);
        check(Names::Plain, same, same, true);
        // A note, and a file that is larger than ISO 9660 can say.
        check(Names::Plain, &[(1_024, 5)], same, true);
        check(Names::RockRidge, &[(2_048, 10), (4_096, 19)], same, true);
        // Files that are missing under UDF.
        check(Names::Joliet, same, &[(2_048, 10)], false);
        check(Names::RockRidge, same, &[(2_048, 10)], false);
    }
}
