//! ISO images that xorriso and genisoimage made, read by ours, by bsdtar and by isoinfo.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use e2e::medium::{Opened, awkward, bytes, content, image, index, read_at, sparse_image};
use e2e::{peer, run};
use ironhand_media::{BootPlatform, Error, Family, Image, Names, Node, Source, recognise};
use tempfile::TempDir;

/// What bsdtar lists, without the root and without slashes at the ends.
fn listed_by_bsdtar(path: &Path) -> BTreeSet<String> {
    let output = Command::new(peer("bsdtar"))
        .env("LC_ALL", "C.UTF-8")
        .arg("-tf")
        .arg(path)
        .output()
        .expect("bsdtar runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are text");
    text.lines().map(|line| line.trim_end_matches('/').to_owned()).filter(|line| line != ".").collect()
}

fn read_by_bsdtar(path: &Path, file: &str) -> Vec<u8> {
    Command::new(peer("bsdtar"))
        .env("LC_ALL", "C.UTF-8")
        .arg("-xOf")
        .arg(path)
        .arg(file)
        .output()
        .expect("bsdtar runs")
        .stdout
}

#[test]
fn rock_ridge_images_hold_what_went_into_them() {
    for (program, options) in [
        ("xorriso", &["-R", "-J", "-joliet-long"][..]),
        ("xorriso", &["-R", "-iso-level", "3", "--norock", "--rock"][..3]),
        ("genisoimage", &["-quiet", "-R"]),
        ("genisoimage", &["-quiet", "-R", "-J", "-joliet-long", "-D"]),
    ] {
        let (folder, into) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
        let files = awkward(folder.path());
        let path = image(program, options, folder.path(), &into);
        let (image, source) = index(&path);
        assert_eq!(image.names, Names::RockRidge, "{program} {options:?}");
        for file in &files {
            let expected = fs::read(folder.path().join(file)).expect("the file");
            assert!(
                content(&image, &source, file).as_ref() == Some(&expected),
                "{program} {options:?}: {file}"
            );
        }
        for (link, leads_to) in [
            ("vmlinuz", "casper/vmlinuz"),
            ("EFI/kernels/initrd", "casper/initrd"),
            ("debian/debian/block", "block"),
            ("long/absolute", "casper/initrd"),
            (
                "dotted/three/four/five/six/seven/eight/nine/ten/eleven/twelve/bottom.txt",
                "one/two/three/four/five/six/seven/eight/nine/ten/eleven/twelve/bottom.txt",
            ),
            ("efi/boot/bootx64.efi", "EFI/BOOT/BOOTx64.EFI"),
        ] {
            let expected = fs::read(folder.path().join(leads_to)).expect("the file");
            assert!(content(&image, &source, link) == Some(expected), "{program} {options:?}: {link}");
        }
        assert!(image.tree.find("dangling").is_none());
        // The others know no better: the same names, and for one deep file the same bytes.
        let ours: BTreeSet<String> =
            image.tree.walk().map(|(path, _)| path).filter(|path| !path.starts_with("rr_moved")).collect();
        let theirs: BTreeSet<String> =
            listed_by_bsdtar(&path).into_iter().filter(|path| !path.starts_with("rr_moved")).collect();
        assert_eq!(ours, theirs, "{program} {options:?}");
        assert!(
            read_by_bsdtar(&path, &files[7]) == content(&image, &source, &files[7]).expect("it is there")
        );
        let isoinfo = run("isoinfo", &["-R", "-i", path.to_str().expect("text"), "-x", "/casper/initrd"]);
        assert!(
            isoinfo.stdout == content(&image, &source, "casper/initrd").expect("it is there"),
            "{program} {options:?}"
        );
        let medium = recognise(&(&image.tree, &source as &dyn Source));
        assert_eq!(
            (medium.family, medium.kernel.as_deref()),
            (Some(Family::UbuntuLive), Some("casper/vmlinuz"))
        );
    }
}

#[test]
fn joliet_alone_and_plain_names_serve_too() {
    let (folder, into) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let files = awkward(folder.path());
    fs::remove_file(folder.path().join("debian")).expect("it is there");
    let path = image("genisoimage", &["-quiet", "-J", "-joliet-long", "-D"], folder.path(), &into);
    let (joliet, source) = index(&path);
    assert_eq!(joliet.names, Names::Joliet);
    for file in files.iter().filter(|file| !file.starts_with("collide") && !file.contains(';')) {
        let expected = fs::read(folder.path().join(file)).expect("the file");
        assert!(content(&joliet, &source, file).as_ref() == Some(&expected), "{file}");
    }

    let path = image("genisoimage", &["-quiet", "-D"], folder.path(), &into);
    let (plain, source) = index(&path);
    assert_eq!(plain.names, Names::Plain);
    for file in ["readme.txt", "casper/vmlinuz", "EFI/BOOT/BOOTx64.EFI", "block"] {
        let expected = fs::read(folder.path().join(file)).expect("the file");
        assert!(content(&plain, &source, file) == Some(expected), "{file}");
    }
    assert!(content(&plain, &source, "READMe.TXT").is_some());
}

#[test]
fn a_file_over_four_gigabytes_is_found_whole() {
    const LENGTH: u64 = (4 << 30) + 300_000_001;
    let (folder, into) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let large = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(folder.path().join("large.img"))
        .expect("a file");
    large.set_len(LENGTH).expect("it is sparse");
    let marks =
        [0, (4 << 30) - 2_049, (4 << 30) - 2_048, (4 << 30) - 1, 4 << 30, (4 << 30) + 2_048, LENGTH - 8];
    for mark in marks {
        large.write_all_at(b"here", mark).expect("it is written");
    }
    fs::write(folder.path().join("zz-small.txt"), "small").expect("a file");
    let options = ["-as", "mkisofs", "-quiet", "-iso-level", "3", "-R"];
    let path = sparse_image("xorriso", &options, folder.path(), &into);

    let (image, source) = index(&path);
    let Some(Node::File { extents, length }) = image.tree.find("LARGE.IMG").map(|entry| entry.node) else {
        panic!("it is a file")
    };
    assert_eq!(length, LENGTH);
    assert!(extents.len() <= 2, "extents that follow each other are one: {extents:?}");
    for mark in marks {
        let (seen, mut expected) = (read_at(&source, extents, mark, 4), [0; 4]);
        large.read_exact_at(&mut expected, mark).expect("it can be read");
        assert_eq!(seen, expected, "at {mark}");
    }
    assert_eq!(content(&image, &source, "zz-small.txt").as_deref(), Some(&b"small"[..]));
    let listing = Command::new(peer("bsdtar")).arg("-tvf").arg(&path).output().expect("bsdtar runs");
    assert!(String::from_utf8_lossy(&listing.stdout).contains(&LENGTH.to_string()));
}

#[test]
fn boot_images_are_found_with_their_whole_length() {
    let (folder, into) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    fs::write(folder.path().join("isolinux.bin"), bytes(1, 40_000)).expect("a file");
    fs::write(folder.path().join("efi.img"), bytes(2, 2_880_000)).expect("a file");
    let options = [
        "-R",
        "-b",
        "isolinux.bin",
        "-no-emul-boot",
        "-boot-load-size",
        "4",
        "-eltorito-alt-boot",
        "-e",
        "efi.img",
        "-no-emul-boot",
        "-V",
        "BOOT_ME",
    ];
    let path = image("xorriso", &options, folder.path(), &into);
    let (image, _source) = index(&path);
    assert_eq!(image.label, "BOOT_ME");
    let boot: Vec<_> = image
        .boot
        .iter()
        .map(|image| (image.platform, image.bootable, image.file.as_deref(), image.extent.length))
        .collect();
    assert_eq!(
        boot,
        [
            (BootPlatform::Bios, true, Some("isolinux.bin"), 40_000),
            (BootPlatform::Uefi, true, Some("efi.img"), 2_880_000),
        ]
    );
}

#[test]
fn an_image_that_was_cut_says_so() {
    let (folder, into) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    awkward(folder.path());
    let path = image("xorriso", &["-R", "-J"], folder.path(), &into);
    let length = fs::metadata(&path).expect("it is there").len();
    File::options().write(true).open(&path).expect("it opens").set_len(length / 2).expect("it shrinks");
    let failed = Image::index(&Opened(File::open(&path).expect("the image")));
    assert!(matches!(failed, Err(Error::Cut { .. })), "{failed:?}");
}
