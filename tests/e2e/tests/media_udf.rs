//! UDF images that genisoimage and mkudffs made, read by ours and by 7-Zip. What neither writes (metadata partitions, chained
//! allocation descriptors, files in their entries) the writer of our tests does, and 7-Zip and libudfread judge it.

#[path = "../../../crates/media/tests/udf/samples.rs"]
mod samples;
#[path = "../../../crates/media/tests/udf/writer.rs"]
mod writer;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use e2e::medium::{Opened, WINDOWS, awkward, content, image, index, read_at, sparse_image, windows};
use e2e::{lines_of, peer, run};
use ironhand_media::{Error, Family, Image, Names, Node, recognise};
use tempfile::TempDir;
use writer::Item;

/// What 7-Zip lists: paths, and the lengths of what is no folder.
fn listed_by_7z(path: &Path) -> BTreeMap<String, Option<u64>> {
    let output = run("7z", &["l", "-slt", "-tudf", path.to_str().expect("text")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are text");
    let (_, entries) = text.split_once("----------\n").expect("a list of entries");
    let mut listed = BTreeMap::new();
    for entry in entries.split("\n\n") {
        let value = |key: &str| entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        let Some(path) = value("Path") else { continue };
        let length =
            (value("Folder") != Some("+")).then(|| value("Size").expect("a size").parse().expect("a number"));
        listed.insert(path.to_owned(), length);
    }
    listed
}

/// The bytes of a file, by 7-Zip.
fn read_by_7z(path: &Path, file: &str) -> Vec<u8> {
    let output = Command::new(peer("7z"))
        .args(["e", "-so", "-tudf"])
        .arg(path)
        .arg(file)
        .output()
        .expect("7-Zip runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The same names, lengths and bytes in both, but for the bytes of files that are beyond 7-Zip.
fn judge_by_7z(path: &Path, what: &str, beyond: &[&str]) -> (Image, Opened) {
    let (image, source) = index(path);
    assert_eq!((image.names, &image.left_out), (Names::Udf, &None), "{what}");
    let ours: BTreeMap<String, Option<u64>> = image
        .tree
        .walk()
        .map(|(path, entry)| match entry.node {
            Node::File { length, .. } => (path, Some(length)),
            _ => (path, None),
        })
        .collect();
    assert_eq!(ours, listed_by_7z(path), "{what}");
    for (file, length) in &ours {
        if length.is_some() && !file.starts_with("many/") && !beyond.contains(&file.as_str()) {
            assert!(content(&image, &source, file) == Some(read_by_7z(path, file)), "{what}: {file}");
        }
    }
    (image, source)
}

/// What libudfread finds: paths, and the bytes of what is no folder.
fn listed_by_libudfread(path: &Path) -> BTreeMap<String, Option<String>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/media_udf/libudfread.py");
    let lines = lines_of(Command::new(peer("python3")).arg("-X").arg("utf8").arg(script).arg(path));
    let lines = lines.unwrap_or_else(|failed| panic!("{failed}"));
    let entries = lines.iter().map(|line| line.split_once('\t').unwrap_or((line, "")));
    entries.map(|(path, bytes)| (path.to_owned(), (bytes != "folder").then(|| bytes.to_owned()))).collect()
}

#[test]
fn what_our_tests_write_is_what_others_read() {
    let into = TempDir::new().expect("a folder");
    let path = into.path().join("image.udf");
    for form in samples::FORMS {
        let mut items = samples::root();
        // 7-Zip reads no image with a link, and libudfread takes one for a file.
        items.retain(|(_, item)| !matches!(item, Item::Link(_)));
        if form.metadata == 0 {
            fs::write(&path, form.write(&items)).expect("a file");
            judge_by_7z(&path, &format!("{form:?}"), &["sources/install.wim", "with-room"]);
        }
        // libudfread knows discs alone, and metadata partitions of one piece.
        if form.block != 2_048 {
            continue;
        }
        // What goes in a circle, and what was deleted, it goes into.
        items.extend(samples::others());
        items.retain(|(_, item)| !matches!(item, Item::Root | Item::Deleted));
        fs::write(&path, form.write(&items)).expect("a file");
        let (image, source) = index(&path);
        let hex = |path: &str| {
            let bytes = content(&image, &source, path)?;
            Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        };
        let mut ours: BTreeMap<String, Option<String>> =
            image.tree.walk().map(|(path, _)| (path.clone(), hex(&path))).collect();
        // What is not recorded is read as zeros; ours does not serve it.
        assert_eq!(ours.insert("hole".to_owned(), Some("00".repeat(5_000))), Some(None), "{form:?}");
        assert_eq!(ours.insert("pipe".to_owned(), Some(String::new())), Some(None), "{form:?}");
        assert_eq!(ours, listed_by_libudfread(&path), "{form:?}");
    }
}

#[test]
fn images_of_genisoimage_hold_what_went_into_them() {
    for options in [
        // Nothing stands under ISO 9660, as in images of Windows.
        &["-quiet", "-udf", "-D", "-V", "ONLY_UDF", "-hide", "*"][..],
        &["-quiet", "-udf", "-D", "-V", "PLAIN"],
        &["-quiet", "-udf", "-D", "-V", "JOLIET", "-J", "-joliet-long"],
    ] {
        let (folder, into) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
        let files = awkward(folder.path());
        let path = image("genisoimage", options, folder.path(), &into);
        let (image, source) = judge_by_7z(&path, &format!("{options:?}"), &[]);
        assert_eq!(image.label, options[4]);
        // genisoimage writes another character for what Joliet cannot have.
        for file in files.iter().filter(|file| !file.contains(';')) {
            let expected = fs::read(folder.path().join(file)).expect("the file");
            assert!(content(&image, &source, file).as_ref() == Some(&expected), "{options:?}: {file}");
        }
    }
}

#[test]
fn rock_ridge_comes_first_where_it_misses_nothing() {
    let (folder, into) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    awkward(folder.path());
    let path = image("genisoimage", &["-quiet", "-udf", "-R"], folder.path(), &into);
    let (rock_ridge, source) = index(&path);
    assert_eq!((rock_ridge.names, &rock_ridge.left_out), (Names::RockRidge, &None));
    assert!(content(&rock_ridge, &source, "vmlinuz").is_some(), "UDF of genisoimage has no links");

    let path = image("genisoimage", &["-quiet", "-udf", "-R", "-hide", "EFI"], folder.path(), &into);
    judge_by_7z(&path, "a folder under UDF alone", &[]);
}

#[test]
fn where_udf_is_damaged_the_files_of_iso_9660_stand_and_a_note_alone_does_not() {
    let (folder, into) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    windows(folder.path());
    let damaged = |options: &[&str]| {
        let path = image("genisoimage", options, folder.path(), &into);
        let mut bytes = fs::read(&path).expect("the image");
        // The volume is described twice, among the first sectors behind the descriptors of ISO 9660.
        let volumes: Vec<usize> = (16..256)
            .map(|sector| sector * 2_048)
            .filter(|at| bytes[*at..*at + 4] == [6, 0, 2, 0] && bytes[*at + 21..].starts_with(b"OSTA"))
            .collect();
        assert_eq!(volumes.len(), 2, "{options:?}");
        for at in volumes {
            bytes[at + 100] ^= 1;
        }
        fs::write(&path, bytes).expect("the image");
        Image::index(&Opened(File::open(&path).expect("the image")))
    };

    let joliet = damaged(&["-quiet", "-udf", "-J", "-joliet-long"]).expect("it has files under Joliet");
    assert_eq!((joliet.names, joliet.tree.find(WINDOWS[7]).is_some()), (Names::Joliet, true));
    assert!(matches!(joliet.left_out, Some(Error::Damaged { .. })), "{:?}", joliet.left_out);
    let hidden = damaged(&["-quiet", "-udf", "-hide", "*"]);
    assert!(matches!(hidden, Err(Error::Damaged { .. })), "{hidden:?}");
}

#[test]
fn an_install_wim_over_four_gigabytes_is_found_whole() {
    const LENGTH: u64 = (4 << 30) + 300_000_001;
    let (folder, into) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    windows(folder.path());
    let install = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(folder.path().join("sources/install.wim"))
        .expect("a file");
    install.set_len(LENGTH).expect("it is sparse");
    // Extents of UDF end below each GiB.
    let marks =
        [0, (1 << 30) - 2_050, (1 << 30) - 2, (2 << 30) - 4_098, (4 << 30) - 8_194, 4 << 30, LENGTH - 8];
    for mark in marks {
        install.write_all_at(b"here", mark).expect("it is written");
    }
    let options = ["-quiet", "-udf", "-J", "-joliet-long", "-allow-limited-size"];
    let path = sparse_image("genisoimage", &options, folder.path(), &into);
    let (image, source) = index(&path);
    assert_eq!(image.names, Names::Udf, "ISO 9660 has no files of such a length");
    let Some(Node::File { extents, length }) = image.tree.find("SOURCES/INSTALL.WIM").map(|entry| entry.node)
    else {
        panic!("it is a file")
    };
    assert_eq!((length, extents.len()), (LENGTH, 1));
    for mark in marks {
        assert_eq!(read_at(&source, extents, mark, 4), b"here", "at {mark}");
    }
    assert_eq!(listed_by_7z(&path)["sources/install.wim"], Some(LENGTH));
    let medium = recognise(&(&image.tree, &source as &dyn ironhand_media::Source));
    assert_eq!(
        (medium.family, medium.second_stage.as_deref(), medium.architecture),
        (Some(Family::Windows), Some("sources/install.wim"), Some("amd64"))
    );
}

#[test]
fn every_form_of_mkudffs_is_read_or_refused() {
    let into = TempDir::new().expect("a folder");
    let check = |options: &str, expected: Result<&str, &str>| {
        let path = into.path().join("image.img");
        let _ = fs::remove_file(&path);
        let mut arguments: Vec<&str> = options.split(' ').collect();
        arguments.extend(["--new-file", path.to_str().expect("text"), "4000"]);
        let made = run("mkudffs", &arguments);
        assert!(made.status.success(), "{options}: {}", String::from_utf8_lossy(&made.stderr));
        match (Image::index(&Opened(File::open(&path).expect("the image"))), expected) {
            (Ok(image), Ok(label)) => {
                let seen = (image.label.as_str(), image.names, image.tree.len());
                assert_eq!(seen, (label, Names::Udf, 0), "{options}");
                let told = run("udfinfo", &[&path]);
                let told = String::from_utf8_lossy(&told.stdout).into_owned();
                assert!(told.contains(&format!("\nlabel={label}\n")), "{options}: {told}");
            }
            (Err(Error::Udf(what)), Err(expected)) => assert!(what.contains(expected), "{options}: {what}"),
            (got, _) => panic!("{options}: {got:?}"),
        }
    };

    for revision in ["1.02", "1.50", "2.00", "2.01"] {
        for block in ["512", "1024", "2048", "4096"] {
            for ad in ["inicb", "short", "long"] {
                let options = format!("-m hd -r {revision} -b {block} --ad={ad} -l Größe-{revision}");
                check(&options, Ok(&format!("Größe-{revision}")));
            }
        }
    }
    check("-m dvd -r 2.01 -l disc", Ok("disc"));
    check("-m bdr -r 2.60 -l disc", Err("virtual partition"));
    check("-m cdr -r 1.50 -l disc", Err("virtual partition"));
    check("-m cdr -r 1.50 --closed -l disc", Err("virtual partition"));
    check("-m cdrw -r 2.01 -l disc", Err("sparable partition"));
    check("-m hd -r 2.01 --strategy=4096 -l disc", Err("strategy 4096"));
}

#[test]
fn an_image_that_was_cut_says_so() {
    let (folder, into) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    awkward(folder.path());
    let options = ["-quiet", "-udf", "-D", "-hide", "*"];
    let path = image("genisoimage", &options, folder.path(), &into);
    let whole = fs::metadata(&path).expect("it is there").len();
    for length in [whole / 2, 600_000, 400_000, 100_000] {
        File::options().write(true).open(&path).expect("it opens").set_len(length).expect("it shrinks");
        let failed = Image::index(&Opened(File::open(&path).expect("the image")));
        assert!(matches!(failed, Err(Error::Cut { .. })), "{length}: {failed:?}");
    }
}
