//! Loaders out of archives: Debian packages (deb(5): an `ar` archive with a compressed `tar` in it) and plain `tar`.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::GzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;

use crate::program::Program;

/// Bytes of one loader at most. The largest there are, those with a whole kernel in them, have under 100 MiB.
pub const LOADER_LIMIT: u64 = 128 << 20;
/// Bytes of all loaders of a medium at most.
pub const LOADERS_LIMIT: u64 = 512 << 20;
/// Bytes that an archive may unpack to.
const UNPACKED_LIMIT: u64 = 2 << 30;
/// Members of an archive at most.
const MEMBER_LIMIT: usize = 200_000;
/// The block of a tar archive.
const BLOCK: usize = 512;
/// Bytes of a name that is given in a member of its own.
const NAME_LIMIT: u64 = 64 * 1024;

/// Why nothing can be taken out of an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read, or breaks off.
    #[error("the archive cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is of a kind that is not read.
    #[error("this is neither a Debian package nor a tar archive")]
    Kind,
    /// It is damaged.
    #[error("the archive is damaged: {0}")]
    Damaged(&'static str),
    /// It is larger than archives of loaders are.
    #[error("the archive has more than {0}")]
    TooLarge(&'static str),
    /// It has no loader in it.
    #[error(
        "there are no loaders in it: files that end in .efi, .efi.signed, .kpxe, .pxe, .lkrn, .0 or .c32 are looked for"
    )]
    Empty,
    /// Something is called a loader of UEFI and is none.
    #[error("{0} is not a program that UEFI starts")]
    NotAProgram(String),
}

/// A loader that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loader {
    /// Its path: the machine that it runs on, and its name without `.signed`.
    pub path: String,
    /// The machine, as UEFI spells it, or `bios`.
    pub machine: &'static str,
    /// Whether it carries an Authenticode signature.
    pub signed: bool,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Loaders, taken out of archives one after the other.
#[derive(Debug, Default)]
pub struct Loaders {
    found: BTreeMap<String, Loader>,
    bytes: u64,
}

impl Loaders {
    /// Takes the loaders out of one archive, which is read to its end.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is larger than the limits.
    pub fn take(&mut self, archive: &mut dyn Read) -> Result<(), ArchiveError> {
        let mut head = [0; 8];
        archive.read_exact(&mut head)?;
        if &head == b"!<arch>\n" {
            self.take_package(archive)?;
        } else {
            self.take_tar(&mut Read::chain(&head[..], &mut *archive))?;
        }
        io::copy(archive, &mut io::sink())?;
        Ok(())
    }

    /// What was found, by path.
    ///
    /// # Errors
    ///
    /// Where it is nothing.
    pub fn finish(self) -> Result<Vec<Loader>, ArchiveError> {
        if self.found.is_empty() {
            return Err(ArchiveError::Empty);
        }
        Ok(self.found.into_values().collect())
    }

    /// The members of an `ar` archive, of which `data.tar` holds the files.
    fn take_package(&mut self, archive: &mut dyn Read) -> Result<(), ArchiveError> {
        for _ in 0..MEMBER_LIMIT {
            let mut header = [0; 60];
            if !read_or_end(archive, &mut header)? {
                return Ok(());
            }
            if header[58..] != *b"`\n" {
                return Err(ArchiveError::Damaged("a member of the package has no header"));
            }
            let text =
                |range: std::ops::Range<usize>| String::from_utf8_lossy(&header[range]).trim().to_owned();
            let name = text(0..16);
            let length: u64 = text(48..58)
                .parse()
                .map_err(|_| ArchiveError::Damaged("a member of the package has no length"))?;
            let mut member = Read::take(&mut *archive, length + (length & 1));
            match name.trim_end_matches('/') {
                "data.tar" => self.take_tar(&mut member)?,
                "data.tar.gz" => self.take_tar(&mut GzDecoder::new(&mut member))?,
                "data.tar.xz" => self.take_tar(&mut XzReader::new(&mut member, true))?,
                "data.tar.zst" => {
                    let decoder = StreamingDecoder::new(&mut member).map_err(|_| {
                        ArchiveError::Damaged("its files are not compressed as their name says")
                    })?;
                    self.take_tar(&mut { decoder })?;
                }
                _ => {}
            }
            io::copy(&mut member, &mut io::sink())?;
        }
        Err(ArchiveError::TooLarge("members than packages have"))
    }

    /// The members of a tar archive (POSIX.1-1988 ustar, with the long names of GNU and of pax).
    fn take_tar(&mut self, archive: &mut dyn Read) -> Result<(), ArchiveError> {
        let mut archive = Read::take(archive, UNPACKED_LIMIT);
        let mut long_name = None;
        for number in 0..MEMBER_LIMIT {
            let mut header = [0; BLOCK];
            if !read_or_end(&mut archive, &mut header)? || header.iter().all(|byte| *byte == 0) {
                return Ok(());
            }
            if header[257..262] != *b"ustar" {
                return Err(if number == 0 {
                    ArchiveError::Kind
                } else {
                    ArchiveError::Damaged("a member has no header")
                });
            }
            let length = octal(&header[124..136]).ok_or(ArchiveError::Damaged("a member has no length"))?;
            let padded = length
                .checked_next_multiple_of(BLOCK as u64)
                .ok_or(ArchiveError::Damaged("a member has no end"))?;
            let mut member = Read::take(&mut archive, padded);
            match header[156] {
                b'L' | b'x' if length > NAME_LIMIT => {
                    return Err(ArchiveError::Damaged("a name is longer than names are"));
                }
                b'L' => long_name = Some(text(&read_whole(&mut member, length)?)),
                b'x' => long_name = pax_path(&read_whole(&mut member, length)?).or(long_name),
                kind => {
                    let name = long_name.take().unwrap_or_else(|| ustar_name(&header));
                    if matches!(kind, b'0' | 0) {
                        self.take_file(&name, length, &mut member)?;
                    }
                }
            }
            io::copy(&mut member, &mut io::sink())?;
        }
        Err(ArchiveError::TooLarge("files than archives of loaders have"))
    }

    /// Keeps a file that is a loader by its name.
    fn take_file(&mut self, path: &str, length: u64, member: &mut dyn Read) -> Result<(), ArchiveError> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = name.strip_suffix(".signed").unwrap_or(name);
        let lower = name.to_ascii_lowercase();
        let efi = lower.ends_with(".efi");
        let bios = [".kpxe", ".pxe", ".lkrn", ".0", ".c32"].iter().any(|suffix| lower.ends_with(suffix));
        let harmless =
            name.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c)) && !name.starts_with('.');
        if !(efi || bios) || !harmless || length == 0 {
            return Ok(());
        }
        self.bytes += length;
        if length > LOADER_LIMIT || self.bytes > LOADERS_LIMIT {
            return Err(ArchiveError::TooLarge("bytes than loaders have"));
        }
        let bytes = read_whole(member, length)?;
        let program = Program::read(&bytes);
        let (machine, signed) = match program {
            Some(program) => (program.machine.name(), program.signed),
            None if efi => return Err(ArchiveError::NotAProgram(path.to_owned())),
            None => ("bios", false),
        };
        let path = format!("{machine}/{name}");
        let loader = Loader { path: path.clone(), machine, signed, bytes };
        // Packages have some loaders twice; the one that starts under Secure Boot is worth more.
        if self.found.get(&path).is_none_or(|before| signed || !before.signed) {
            self.found.insert(path, loader);
        }
        Ok(())
    }
}

/// Fills `buffer`; false where the archive ended before it.
fn read_or_end(archive: &mut dyn Read, buffer: &mut [u8]) -> Result<bool, ArchiveError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match archive.read(&mut buffer[filled..])? {
            0 if filled == 0 => return Ok(false),
            0 => return Err(ArchiveError::Damaged("it breaks off")),
            count => filled += count,
        }
    }
    Ok(true)
}

/// The next `length` bytes, for which memory is taken as they come.
fn read_whole(member: &mut dyn Read, length: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::new();
    Read::take(member, length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(ArchiveError::Damaged("it breaks off"));
    }
    Ok(bytes)
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = text(field);
    let digits = digits.trim();
    (!digits.is_empty()).then(|| u64::from_str_radix(digits, 8).ok()).flatten()
}

/// Text that ends at the first zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn ustar_name(header: &[u8; BLOCK]) -> String {
    match text(&header[345..500]).as_str() {
        "" => text(&header[..100]),
        prefix => format!("{prefix}/{}", text(&header[..100])),
    }
}

/// The value of `path` in records like `25 path=some/long/name\n` (POSIX.1-2001, pax).
fn pax_path(records: &[u8]) -> Option<String> {
    let records = String::from_utf8_lossy(records);
    records.lines().find_map(|record| record.split_once(' ')?.1.strip_prefix("path=").map(str::to_owned))
}
