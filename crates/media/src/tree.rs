//! The files of a medium, found by their paths whatever the case of their letters.

use std::cmp::Ordering;
use std::ops::Range;

use crate::source::Error;

/// Symbolic links that are followed on the way to one file, as Linux does.
pub const LINK_LIMIT: usize = 40;

/// A run of bytes of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first byte.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

/// What stands under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Where its bytes lie, in order.
        extents: &'a [Extent],
        /// How many there are.
        length: u64,
    },
    /// A symbolic link.
    Link {
        /// Where it leads, as it was written.
        target: &'a str,
    },
    /// A device, a pipe, or a file that is recorded compressed or interleaved: nothing that could be served.
    Other,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub node: Node<'a>,
    at: u32,
}

/// All files of a medium. The root is there always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    slots: Vec<Slot>,
    /// All names and targets of links, one behind the other.
    text: String,
    extents: Vec<Extent>,
    entry_limit: usize,
    text_limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Slot {
    parent: u32,
    name: Range<u32>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// The slots of the entries of a directory stand together, sorted by name without regard to case.
    Directory(Range<u32>),
    File {
        extents: Range<u32>,
        length: u64,
    },
    Link(Range<u32>),
    Other,
}

/// An entry that is to be put into a tree.
#[derive(Clone, Debug)]
pub(crate) struct NewEntry {
    pub(crate) name: String,
    pub(crate) node: NewNode,
}

#[derive(Clone, Debug)]
pub(crate) enum NewNode {
    Directory,
    File(Vec<Extent>),
    Link(String),
    Other,
}

/// Puts an extent behind others; one that goes on where the last ends becomes a part of it.
pub(crate) fn join(extents: &mut Vec<Extent>, next: Extent) {
    match extents.last_mut() {
        Some(last) if last.offset + last.length == next.offset => last.length += next.length,
        _ => extents.push(next),
    }
}

impl Tree {
    /// The number of the root.
    pub(crate) const ROOT: u32 = 0;

    /// A tree of an empty root, that takes so many entries and bytes of names. Neither limit may be beyond `u32`.
    pub(crate) fn new(entry_limit: usize, text_limit: usize) -> Self {
        let root = Slot { parent: Self::ROOT, name: 0..0, kind: Kind::Directory(0..0) };
        Self { slots: vec![root], text: String::new(), extents: Vec::new(), entry_limit, text_limit }
    }

    /// Fills the directory `at`, which is empty. Of entries of the very same name the first stays, as with other readers.
    /// Gives the numbers of the entries, and which of `entries` each was.
    pub(crate) fn fill(&mut self, at: u32, entries: &[NewEntry]) -> Result<Vec<(u32, usize)>, Error> {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by(|one, other| by_name(&entries[*one].name, &entries[*other].name));
        order.dedup_by(|later, earlier| entries[*later].name == entries[*earlier].name);
        if self.slots.len() + order.len() > self.entry_limit {
            return Err(Error::TooLarge { what: "entries", limit: self.entry_limit as u64 });
        }
        let first = self.slots.len() as u32;
        let mut numbers = Vec::with_capacity(order.len());
        for index in order {
            let entry = &entries[index];
            let name = self.keep(&entry.name)?;
            let kind = match &entry.node {
                NewNode::Directory => Kind::Directory(0..0),
                NewNode::Other => Kind::Other,
                NewNode::Link(target) => Kind::Link(self.keep(target)?),
                NewNode::File(extents) => {
                    let begin = self.extents.len() as u32;
                    self.extents.extend_from_slice(extents);
                    if self.extents.len() > self.entry_limit * 2 {
                        return Err(Error::TooLarge { what: "extents", limit: self.entry_limit as u64 * 2 });
                    }
                    let length = extents.iter().map(|extent| extent.length).sum();
                    Kind::File { extents: begin..self.extents.len() as u32, length }
                }
            };
            numbers.push((self.slots.len() as u32, index));
            self.slots.push(Slot { parent: at, name, kind });
        }
        self.slots[at as usize].kind = Kind::Directory(first..self.slots.len() as u32);
        Ok(numbers)
    }

    fn keep(&mut self, text: &str) -> Result<Range<u32>, Error> {
        let begin = self.text.len() as u32;
        if self.text.len() + text.len() > self.text_limit {
            return Err(Error::TooLarge { what: "bytes of names", limit: self.text_limit as u64 });
        }
        self.text.push_str(text);
        Ok(begin..self.text.len() as u32)
    }

    /// How many entries there are below the root.
    pub fn len(&self) -> usize {
        self.slots.len() - 1
    }

    /// Whether there is not one entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Finds what `path` leads to: a file or directory, behind all symbolic links.
    ///
    /// Parts are divided by `/`. A name that is spelled exactly so comes before one that differs in the case of letters;
    /// of several of these, the first by code points is found. Links that lead out of the medium begin at its root, since
    /// there is nothing above it. `None` where there is nothing, or where links lead in a circle.
    pub fn find(&self, path: &str) -> Option<Entry<'_>> {
        // What is still to be walked, the next part last.
        let mut rest: Vec<&str> = parts(path).rev().collect();
        let mut at = Self::ROOT;
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part == ".." {
                at = self.slots[at as usize].parent;
                continue;
            }
            let next = self.child(at, part)?;
            match &self.slots[next as usize].kind {
                Kind::Link(target) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return None;
                    }
                    let target = self.text(target);
                    if target.starts_with('/') {
                        at = Self::ROOT;
                    }
                    rest.extend(parts(target).rev());
                }
                _ => at = next,
            }
        }
        Some(self.entry(at))
    }

    /// The path of an entry, as it is spelled in the medium, without a leading slash.
    pub fn path(&self, entry: &Entry<'_>) -> String {
        let mut names = Vec::new();
        let mut at = entry.at;
        while at != Self::ROOT {
            let slot = &self.slots[at as usize];
            names.push(self.text(&slot.name));
            at = slot.parent;
        }
        names.reverse();
        names.join("/")
    }

    /// What stands in a directory, sorted by name; nothing for what is none.
    pub fn list(&self, directory: &Entry<'_>) -> impl Iterator<Item = Entry<'_>> {
        self.children(directory.at).map(|at| self.entry(at))
    }

    /// Everything there is, each directory before what stands in it. Links are not followed.
    pub fn walk(&self) -> Walk<'_> {
        Walk { tree: self, open: vec![(String::new(), self.children(Self::ROOT))] }
    }

    fn children(&self, at: u32) -> Range<u32> {
        match &self.slots[at as usize].kind {
            Kind::Directory(children) => children.clone(),
            _ => 0..0,
        }
    }

    fn child(&self, at: u32, name: &str) -> Option<u32> {
        let children = self.children(at);
        let slots = &self.slots[children.start as usize..children.end as usize];
        let begin = slots.partition_point(|slot| folded(self.text(&slot.name), name).is_lt());
        let alike = || slots[begin..].iter().take_while(|slot| folded(self.text(&slot.name), name).is_eq());
        alike().next()?;
        let exact = alike().position(|slot| self.text(&slot.name) == name).unwrap_or(0);
        Some(children.start + (begin + exact) as u32)
    }

    fn entry(&self, at: u32) -> Entry<'_> {
        let slot = &self.slots[at as usize];
        let node = match &slot.kind {
            Kind::Directory(_) => Node::Directory,
            Kind::File { extents, length } => Node::File {
                extents: &self.extents[extents.start as usize..extents.end as usize],
                length: *length,
            },
            Kind::Link(target) => Node::Link { target: self.text(target) },
            Kind::Other => Node::Other,
        };
        Entry { name: self.text(&slot.name), node, at }
    }

    fn text(&self, range: &Range<u32>) -> &str {
        &self.text[range.start as usize..range.end as usize]
    }
}

/// Goes through a tree; see [`Tree::walk`].
pub struct Walk<'a> {
    tree: &'a Tree,
    /// The directories that are open, with their paths and what is left of them.
    open: Vec<(String, Range<u32>)>,
}

impl<'a> Iterator for Walk<'a> {
    /// The path, without a leading slash, and what stands there.
    type Item = (String, Entry<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (path, rest) = self.open.last_mut()?;
            let Some(at) = rest.next() else {
                self.open.pop();
                continue;
            };
            let entry = self.tree.entry(at);
            let path = if path.is_empty() { entry.name.to_owned() } else { format!("{path}/{}", entry.name) };
            if entry.node == Node::Directory {
                self.open.push((path.clone(), self.tree.children(at)));
            }
            return Some((path, entry));
        }
    }
}

fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

/// Without regard to case first, so that alike names stand together; then by code points.
fn by_name(one: &str, other: &str) -> Ordering {
    folded(one, other).then_with(|| one.cmp(other))
}

fn folded(one: &str, other: &str) -> Ordering {
    if one.is_ascii() && other.is_ascii() {
        return one
            .bytes()
            .map(|byte| byte.to_ascii_lowercase())
            .cmp(other.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    one.chars().flat_map(char::to_lowercase).cmp(other.chars().flat_map(char::to_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, offset: u64) -> NewEntry {
        NewEntry { name: name.to_owned(), node: NewNode::File(vec![Extent { offset, length: 1 }]) }
    }

    fn link(name: &str, target: &str) -> NewEntry {
        NewEntry { name: name.to_owned(), node: NewNode::Link(target.to_owned()) }
    }

    fn directory(name: &str) -> NewEntry {
        NewEntry { name: name.to_owned(), node: NewNode::Directory }
    }

    fn tree() -> Tree {
        let mut tree = Tree::new(100, 10_000);
        let root = [
            file("readme.txt", 1),
            file("README.TXT", 2),
            file("ReadMe.txt", 3),
            file("ReadMe.txt", 4),
            file("MÜLL", 5),
            directory("EFI"),
            link("debian", "."),
            link("loop", "loop"),
            link("ping", "pong"),
            link("pong", "./ping"),
            link("loader", "EFI/boot.efi"),
            link("up", "../../../EFI"),
            link("absolute", "/EFI/./BOOT.EFI"),
            link("dangling", "nowhere"),
            NewEntry { name: "null".to_owned(), node: NewNode::Other },
        ];
        let numbers = tree.fill(Tree::ROOT, &root).expect("it fits");
        let efi = numbers.iter().find(|(_, index)| *index == 5).expect("it is there").0;
        tree.fill(efi, &[file("BOOT.EFI", 6), link("back", "../readme.txt")]).expect("it fits");
        tree
    }

    #[test]
    fn files_are_found_whatever_the_case_and_behind_links() {
        let tree = tree();
        let check = |path: &str, expected: Option<u64>| {
            let found = tree.find(path).map(|entry| match entry.node {
                Node::File { extents, .. } => extents[0].offset,
                other => panic!("{path}: {other:?}"),
            });
            assert_eq!(found, expected, "{path}");
        };

        check("readme.txt", Some(1));
        check("README.TXT", Some(2));
        check("ReadMe.txt", Some(3));
        check("rEADmE.txt", Some(2));
        check("//efi//boot.efi", Some(6));
        check("müll", Some(5));
        check("debian/debian/./debian/efi/boot.efi", Some(6));
        check("loader", Some(6));
        check("UP/boot.efi", Some(6));
        check("absolute", Some(6));
        check("EFI/back", Some(1));
        check("EFI/../readme.txt", Some(1));
        check("loop", None);
        check("ping", None);
        check("dangling", None);
        check("readme.txt/x", None);
        check("efi/boot", None);
        check("efi/boot.efi2", None);
        assert_eq!(tree.find("").map(|entry| entry.node), Some(Node::Directory));
        assert_eq!(tree.find("null").map(|entry| entry.node), Some(Node::Other));
    }

    #[test]
    fn listings_are_sorted_and_have_no_name_twice() {
        let tree = tree();
        let root = tree.find("/").expect("the root");
        let names: Vec<&str> = tree.list(&root).map(|entry| entry.name).collect();
        let sorted =
            ["absolute", "dangling", "debian", "EFI", "loader", "loop", "MÜLL", "null", "ping", "pong"];
        assert_eq!(names[..10], sorted);
        assert_eq!(names[10..], ["README.TXT", "ReadMe.txt", "readme.txt", "up"]);
        let paths: Vec<String> = tree.walk().map(|(path, _)| path).collect();
        assert_eq!(paths.len(), tree.len());
        assert_eq!(paths[3..6], ["EFI", "EFI/back", "EFI/BOOT.EFI"]);
    }

    #[test]
    fn limits_hold() {
        let entries: Vec<NewEntry> = (0..50).map(|number| file(&format!("{number:04}"), number)).collect();
        assert!(matches!(Tree::new(50, 1_000).fill(0, &entries), Err(Error::TooLarge { limit: 50, .. })));
        assert!(matches!(Tree::new(100, 100).fill(0, &entries), Err(Error::TooLarge { limit: 100, .. })));
        assert_eq!(Tree::new(51, 200).fill(0, &entries).map(|numbers| numbers.len()), Ok(50));
    }
}
