//! Images that machines boot from, made by others and read by ours.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ironhand_media::{Extent, Image, Node, Source, SourceError};
use tempfile::TempDir;

use crate::{peer, run};

/// An image that was opened.
pub struct Opened(pub File);

impl Source for Opened {
    fn length(&self) -> u64 {
        self.0.metadata().expect("it is open").len()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        self.0.read_exact_at(buffer, offset).map_err(|error| SourceError(error.to_string()))
    }
}

/// A folder with all that is hard to bring into an image, and the files in it that are no links.
pub fn awkward(folder: &Path) -> Vec<String> {
    let long = format!("{}-{}", "a-name-that-no-plain-image-can-hold".repeat(2), "end.txt");
    let deep = "one/two/three/four/five/six/seven/eight/nine/ten/eleven/twelve";
    let files = [
        ("readme.txt".to_owned(), 10),
        ("empty".to_owned(), 0),
        ("block".to_owned(), 2_048),
        ("casper/vmlinuz".to_owned(), 100_001),
        ("casper/initrd".to_owned(), 3_000_000),
        (".disk/info".to_owned(), 300),
        ("EFI/BOOT/BOOTx64.EFI".to_owned(), 5_000),
        (format!("{deep}/bottom.txt"), 77),
        (format!("long/{long}"), 1_234),
        (format!("long/{long}2"), 1_235),
        ("collide/Readme".to_owned(), 11),
        ("collide/README".to_owned(), 12),
        ("collide/readme".to_owned(), 13),
        ("ümlaut/größe.txt".to_owned(), 99),
        ("spaces and; signs/a file;1".to_owned(), 5),
    ];
    for (number, (path, length)) in files.iter().enumerate() {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().expect("it has one")).expect("a folder");
        fs::write(file, bytes(number as u64, *length)).expect("a file");
    }
    for number in 0..400 {
        fs::create_dir_all(folder.join("many")).expect("a folder");
        fs::write(folder.join(format!("many/file-{number:04}-of-a-long-list.conf")), number.to_string())
            .expect("a file");
    }
    symlink("casper/vmlinuz", folder.join("vmlinuz")).expect("a link");
    symlink("../casper", folder.join("EFI/kernels")).expect("a link");
    symlink(".", folder.join("debian")).expect("a link");
    symlink("/casper/initrd", folder.join("long/absolute")).expect("a link");
    symlink("one/../one/./two", folder.join("dotted")).expect("a link");
    symlink("l".repeat(250), folder.join("dangling")).expect("a link");
    files.into_iter().map(|(path, _)| path).collect()
}

/// What a medium of Windows has that matters to whoever boots it, and one name that plain images cannot hold.
pub const WINDOWS: [&str; 8] = [
    "bootmgr",
    "bootmgr.efi",
    "boot/bcd",
    "boot/boot.sdi",
    "efi/boot/bootx64.efi",
    "efi/microsoft/boot/bcd",
    "sources/boot.wim",
    "support/logging/en-us/a name that is longer than plain images can have it.dll.mui",
];

/// A folder like a medium of Windows; each file holds its own path, many times.
pub fn windows(folder: &Path) {
    for path in WINDOWS {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().expect("it has one")).expect("a folder");
        fs::write(file, path.repeat(500)).expect("a file");
    }
}

/// So many bytes, others for each seed.
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| ((at + 1).wrapping_mul(2_654_435_761 + seed) >> 13) as u8).collect()
}

/// Has xorriso or genisoimage make an image of a folder.
pub fn image(program: &str, options: &[&str], folder: &Path, into: &TempDir) -> PathBuf {
    let path = into.path().join("image.iso");
    let mut arguments: Vec<&str> = if program == "xorriso" { vec!["-as", "mkisofs"] } else { Vec::new() };
    arguments.extend(options);
    arguments.extend(["-o", path.to_str().expect("text"), folder.to_str().expect("text")]);
    let output = run(program, &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

/// Has xorriso or genisoimage make an image that takes no more room than there is in it that is not zero.
pub fn sparse_image(program: &str, options: &[&str], folder: &Path, into: &TempDir) -> PathBuf {
    let path = into.path().join("image.iso");
    let mut maker = Command::new(peer(program))
        .args(options)
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let sparse = Command::new("dd")
        .args(["conv=sparse", "bs=1M", "iflag=fullblock", "status=none"])
        .arg(format!("of={}", path.display()))
        .stdin(maker.stdout.take().expect("it is piped"))
        .status();
    assert!(sparse.expect("dd runs").success() && maker.wait().expect("it ends").success());
    path
}

/// Opens an image and indexes it.
pub fn index(path: &Path) -> (Image, Opened) {
    let opened = Opened(File::open(path).expect("the image"));
    (Image::index(&opened).expect("an image"), opened)
}

/// The bytes of a file of an image.
pub fn content(image: &Image, source: &dyn Source, path: &str) -> Option<Vec<u8>> {
    let Node::File { extents, length } = image.tree.find(path)?.node else { return None };
    let mut bytes = Vec::new();
    for extent in extents {
        let begin = bytes.len();
        bytes.resize(begin + extent.length as usize, 0);
        source.read(extent.offset, &mut bytes[begin..]).expect("it lies in the image");
    }
    assert_eq!(bytes.len() as u64, length);
    Some(bytes)
}

/// So many bytes of a file, from one of them on.
pub fn read_at(source: &dyn Source, extents: &[Extent], at: u64, length: u64) -> Vec<u8> {
    let byte = |mut skip: u64| {
        for extent in extents {
            match skip.checked_sub(extent.length) {
                Some(rest) => skip = rest,
                None => {
                    let mut one = [0];
                    source.read(extent.offset + skip, &mut one).expect("it can be read");
                    return one[0];
                }
            }
        }
        panic!("byte {at} and {length} more do not lie within the file");
    };
    (at..at + length).map(byte).collect()
}
