//! UDF images of every form, whole and damaged. That these are what others write, 7-Zip says in `tests/e2e`.

mod samples;
mod writer;

use ironhand_media::{Error, Family, Image, Names, Node, Source, recognise};
use samples::{FORMS, files, others, root};
use writer::{Item, Writer, compressed, reseal};

/// A form to which nothing is special.
const PLAIN: Writer = FORMS[0];
const METADATA: Writer = FORMS[2];

fn content(image: &Image, source: &[u8], path: &str) -> Option<Vec<u8>> {
    let Node::File { extents, length } = image.tree.find(path)?.node else { return None };
    let place = |at: u64| usize::try_from(at).expect("it lies in the image");
    let bytes: Vec<u8> = extents
        .iter()
        .flat_map(|extent| &source[place(extent.offset)..place(extent.offset + extent.length)])
        .copied()
        .collect();
    assert_eq!(bytes.len() as u64, length, "{path}");
    Some(bytes)
}

fn assert_whole(image: &[u8], what: &str) {
    let indexed = Image::index(&image).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!((indexed.names, indexed.label.as_str()), (Names::Udf, "WRITTEN"), "{what}");
    for (path, expected) in files() {
        assert!(content(&indexed, image, path) == Some(expected), "{what}: {path}");
    }
    assert!(content(&indexed, image, "A LINK") == content(&indexed, image, "sources/boot.wim"), "{what}");
}

/// Where the bytes `found` begin in an image.
fn all_of(image: &[u8], found: &[u8]) -> Vec<usize> {
    (32_768..image.len() - found.len()).filter(|at| image[*at..].starts_with(found)).collect()
}

/// Where the descriptors of a kind stand that say that they are at a location.
fn descriptors(image: &[u8], kind: u16, location: u32) -> Vec<usize> {
    let is_it = |at: &usize| {
        let tag = &image[*at..at + 16];
        tag[..2] == kind.to_le_bytes() && tag[2] <= 3 && tag[3] == 0 && tag[12..] == location.to_le_bytes()
    };
    (32_768..image.len()).step_by(512).filter(is_it).collect()
}

/// What is said of an image in which something was changed.
fn failed(image: &[u8]) -> String {
    Image::index(&image).map_or_else(|error| error.to_string(), |image| format!("{image:?}"))
}

#[test]
fn every_form_is_read() {
    for form in FORMS {
        let image = form.write(&[root(), others()].concat());
        assert_whole(&image, &format!("{form:?}"));
        let indexed = Image::index(&image.as_slice()).expect("it is whole");
        for (path, node) in [("hole", Node::Other), ("pipe", Node::Other), ("again", Node::Directory)] {
            assert_eq!(indexed.tree.find(path).map(|entry| entry.node), Some(node), "{form:?}: {path}");
        }
        assert!(
            indexed.tree.find("again/bootmgr").is_none(),
            "a directory that contains itself is empty there"
        );
        assert!(indexed.tree.find("deleted").is_none());
        assert_eq!(indexed.tree.len(), 16, "{form:?}");
        let medium = recognise(&(&indexed.tree, &image.as_slice() as &dyn Source));
        assert_eq!(medium.family, Some(Family::Windows), "{form:?}");
    }
}

#[test]
fn what_is_there_twice_is_read_where_one_is_damaged() {
    let check = |form: Writer, what: &str, at: Vec<usize>| {
        let mut image = form.write(&root());
        assert!(!at.is_empty(), "{what}");
        for at in at {
            image[at + 20] ^= 0x55;
        }
        assert_whole(&image, what);
    };

    let (plain, metadata) = (PLAIN.write(&root()), METADATA.write(&root()));
    check(PLAIN, "the anchor at 256", descriptors(&plain, 2, 256));
    check(PLAIN, "a partition of the main sequence", descriptors(&plain, 5, 81));
    check(PLAIN, "the volume of the main sequence", descriptors(&plain, 6, 82));
    check(PLAIN, "a partition of the reserve sequence", descriptors(&plain, 5, 97));
    check(METADATA, "the metadata file", descriptors(&metadata, 266, 0));
    let (sets, roots) = (descriptors(&metadata, 256, 0), descriptors(&metadata, 266, 1));
    check(METADATA, "the file set in the metadata file", sets[..1].to_vec());
    // The entry of the mirror is block 1 of its partition, too.
    check(METADATA, "the root in the metadata file", roots[1..2].to_vec());
    check(METADATA, "the metadata mirror", descriptors(&metadata, 266, 1)[..1].to_vec());
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let whole = PLAIN.write(&root());
    let check = |at: usize, bytes: &[u8], descriptor: usize, expected: &str| {
        let mut image = whole.clone();
        image[at..at + bytes.len()].copy_from_slice(bytes);
        reseal(&mut image[descriptor..]);
        let failed = failed(&image);
        assert!(failed.contains(expected), "{failed:.300}");
    };
    let [set] = descriptors(&whole, 256, 0)[..] else { panic!("one file set") };
    let [root] = descriptors(&whole, 261, 1)[..] else { panic!("one root") };
    let damaged = |at: usize, what: &str| format!("damaged at byte {at}: {what}");

    check(set + 406, &[1], 0, &damaged(set, "the CRC of a descriptor is wrong"));
    check(set + 404, &[0xff; 4], set, "outside of their partition");
    check(set + 408, &[7], set, "a partition that does not exist");
    check(set, &[5, 1], set, &damaged(set, "no file set descriptor is where one should be"));
    check(root + 27, &[5], root, &damaged(root, "no directory is where one should be"));
    check(root + 20, &[0, 0x10], root, "strategy 4096");
    check(root + 34, &[2], root, "extended allocation descriptors");
    check(root + 34, &[3], root, &damaged(root, "a file is longer than its entry, which holds it"));
    check(root + 56, &[0, 0, 0, 3], root, "more than 33554432 bytes in one directory");
    check(root + 57, &[0xff], root, &damaged(root, "a file has fewer extents than bytes"));
    check(root + 168, &[0xff, 0xff], root, &damaged(root, "a file entry is longer than its block"));
    check(
        root + 176,
        &[0, 2, 0, 0x40],
        root,
        &damaged(root, "a directory or link is not recorded as a whole"),
    );
}

#[test]
fn names_and_links_that_do_not_fit_are_told() {
    let check = |items: &[(&'static str, Item)], expected: &str| {
        let failed = failed(&PLAIN.write(items));
        assert!(failed.contains(expected), "{failed:.300}");
    };
    let file = Item::Embedded(Vec::new());

    check(&[("..", file.clone())], "a file has no name");
    check(&[("a/b", file.clone())], "a\u{fffd}b");
    check(&[("a\u{1b}[31m", file.clone())], "a\u{fffd}[31m");
    check(&[("link", Item::Link(vec![9, 0, 0, 0]))], "the components of a link do not fit");
    check(
        &[("link", Item::Link([&[5, 9, 0, 0][..], &compressed("x\u{7}yzabcd")].concat()))],
        "x\u{fffd}yzabcd",
    );
    // A directory whose name is of a form that nobody knows.
    let mut image = PLAIN.write(&[("unknown", file)]);
    let at = all_of(&image, b"\x08unknown")[0];
    let root = descriptors(&image, 261, 1)[0];
    image[at] = 9;
    reseal(&mut image[at - 38..]);
    reseal(&mut image[root..]);
    assert!(failed(&image).contains("a name is in no known encoding"), "{:.300}", failed(&image));
}

#[test]
fn allocation_extents_that_lead_to_themselves_come_to_an_end() {
    let mut image = PLAIN.write(&[("file", Item::Chained(vec![1; 3_000], 3))]);
    let extents: Vec<usize> =
        (32_768..image.len()).step_by(512).filter(|at| image[*at..at + 3] == [2, 1, 2]).collect();
    let extent = extents[extents.len() - 1];
    // What follows stands where this stands, and there is no more of the file on the way.
    let here = image[extent + 12..extent + 16].to_vec();
    image[extent + 20..extent + 24].copy_from_slice(&[16, 0, 0, 0]);
    image[extent + 24..extent + 28].copy_from_slice(&[0, 2, 0, 0xc0]);
    image[extent + 28..extent + 32].copy_from_slice(&here);
    image[extent + 32..extent + 40].fill(0);
    image[extent + 10] = 24;
    reseal(&mut image[extent..]);
    assert!(failed(&image).contains("more than 268435456 bytes of directories"), "{:.300}", failed(&image));
}

#[test]
fn a_volume_without_iso_9660_in_large_sectors_is_known_too() {
    // Descriptors stand a sector of 4096 bytes apart.
    let mut image = vec![0; 45_056];
    for (number, name) in [b"BEA01", b"NSR03", b"TEA01"].into_iter().enumerate() {
        image[32_769 + number * 4_096..][..5].copy_from_slice(name);
    }
    assert!(matches!(Image::index(&image.as_slice()), Err(Error::Cut { .. })));
    image.resize(2 << 20, 0);
    assert!(failed(&image).contains("there is no anchor of that"));
    image[36_869] = b'0';
    assert_eq!(Image::index(&image.as_slice()), Err(Error::NoVolume));
}
