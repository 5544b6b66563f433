//! The lease file: what was promised to clients, kept over every end of the process.
//!
//! Records are appended, one a change, each with a checksum; many are written and synced at once. When most records were
//! overtaken by later ones, the file is written anew beside the old one and put in its place.

mod record;
mod record6;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ironhand_dhcp::Lease;

pub use record::Record;

/// A file with fewer records is never written anew.
const SMALL: usize = 131_072;

/// What has happened when [`Journal::append`] returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// The records are on the disk, and stay over a loss of power.
    #[default]
    Sync,
    /// The records are with the system, and stay over the end of this process, but not over a loss of power.
    Write,
}

/// An open lease file, of which this process is the only user.
#[derive(Debug)]
pub struct Journal<R: Record = Lease> {
    path: PathBuf,
    durability: Durability,
    file: File,
    /// How many bytes of it are whole records.
    length: u64,
    records: usize,
    addresses: HashSet<R::Address>,
    /// Whether something failed after which the file's end is not known, so that it is to be written anew first.
    is_doubtful: bool,
    buffer: Vec<u8>,
    /// Held as long as the file is open.
    lock: File,
    records_of: PhantomData<R>,
}

impl<R: Record> Drop for Journal<R> {
    /// Gives the lock up by itself: a program that was just started by another thread has the file open, too, until it
    /// becomes that program, and would hold the lock for that moment.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

/// What was found in a lease file.
#[derive(Debug)]
pub struct Recovered<R = Lease> {
    /// The latest record of each address.
    pub leases: Vec<R>,
    /// Bytes at the end that are no whole record: what was being written when the process or the machine ended, and was
    /// acknowledged to nobody.
    pub torn: usize,
    /// Lines before the end that are no records. The disk or a hand has changed them, and the leases in them are lost; the
    /// file as it was is kept beside, with `.damaged` at the end of its name.
    pub damaged: usize,
}

/// Why the lease file does not work.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused; a full disk, or rights that are missing, are the usual reasons.
    #[error("the lease file {} cannot be {attempt}", .path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What was tried: `opened`, `written`.
        attempt: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open: stop that one, or give this one a file of its own.
    #[error("the lease file {} is in use by another process: stop that one, or name another file", .0.display())]
    InUse(PathBuf),
    /// It is no lease file, or of a later release: nothing was changed.
    #[error("{} is no lease file that this release reads: move it away, or name another file", .0.display())]
    Foreign(PathBuf),
}

impl<R: Record> Journal<R> {
    /// Opens the file at `path`, or makes it, and reads what is in it.
    ///
    /// # Errors
    /// Where it cannot be read or written, another process uses it, or it is no lease file.
    pub fn open(path: &Path, durability: Durability) -> Result<(Self, Recovered<R>), JournalError> {
        let opened = |source| system(path, "opened", source);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(beside(path, "lock"));
        let lock = lock.map_err(opened)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(opened(source)),
        }
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                rewrite::<R>(path, &HashMap::new()).map_err(opened)?
            }
            Err(error) => return Err(opened(error)),
        };
        let replay = Replay::<R>::of(&mut file)
            .map_err(opened)?
            .ok_or_else(|| JournalError::Foreign(path.to_owned()))?;
        if replay.damaged > 0 {
            fs::copy(path, beside(path, "damaged")).map_err(opened)?;
        }
        let mut journal = Self {
            path: path.to_owned(),
            durability,
            file,
            length: replay.whole,
            records: replay.records,
            addresses: replay.leases.keys().copied().collect(),
            is_doubtful: replay.damaged > 0 || replay.is_fresh,
            buffer: Vec::new(),
            lock,
            records_of: PhantomData,
        };
        journal.settle()?;
        let leases = replay.leases.into_values().collect();
        Ok((journal, Recovered { leases, torn: replay.torn, damaged: replay.damaged }))
    }

    /// What has happened when [`Journal::append`] returns.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Writes leases, each in place of what is kept for its address. When this returns they are kept as the durability says:
    /// all of them, or after an error none that the caller may count on.
    ///
    /// # Errors
    /// Where the system does not write. The next call tries everything anew.
    pub fn append<'a>(&mut self, leases: impl IntoIterator<Item = &'a R>) -> Result<(), JournalError>
    where
        R: 'a,
    {
        if self.is_doubtful || self.records > SMALL.max(8 * self.addresses.len()) {
            self.renew()?;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let mut records = 0;
        for lease in leases {
            lease.write(&mut buffer);
            self.addresses.insert(lease.address());
            records += 1;
        }
        let written = self.file.write_all(&buffer).and_then(|()| match self.durability {
            Durability::Sync => self.file.sync_data(),
            Durability::Write => Ok(()),
        });
        self.length += buffer.len() as u64;
        self.records += records;
        self.buffer = buffer;
        written.map_err(|source| {
            // What is in the file now is not known: a part of the records, or all but not on the disk.
            self.is_doubtful = true;
            system(&self.path, "written", source)
        })
    }

    /// Cuts off what is no record and goes to the end.
    fn settle(&mut self) -> Result<(), JournalError> {
        let settled = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::End(0)));
        settled.map(drop).map_err(|source| system(&self.path, "opened", source))
    }

    /// Writes the file anew, with the latest record of each address alone, and without what means nothing any more.
    fn renew(&mut self) -> Result<(), JournalError> {
        let failed = |source| system(&self.path, "written", source);
        let mut old = File::open(&self.path).map_err(failed)?;
        let replay = Replay::<R>::of(&mut old).map_err(failed)?;
        let mut replay = replay.ok_or_else(|| JournalError::Foreign(self.path.clone()))?;
        let now = SystemTime::now();
        replay.leases.retain(|_, lease| !lease.is_done(now));
        self.addresses = replay.leases.keys().copied().collect();
        self.file = rewrite(&self.path, &replay.leases).map_err(failed)?;
        self.length = self.file.stream_position().map_err(failed)?;
        self.records = replay.leases.len();
        self.is_doubtful = false;
        Ok(())
    }
}

fn system(path: &Path, attempt: &'static str, source: io::Error) -> JournalError {
    JournalError::System { path: path.to_owned(), attempt, source }
}

/// The file's name with an ending behind it.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Puts a file with these leases in the place of what is at `path`: at every moment there is the old one or the new one.
fn rewrite<R: Record>(path: &Path, leases: &HashMap<R::Address, R>) -> io::Result<File> {
    let new = beside(path, "new");
    let mut buffer = R::HEADER.to_vec();
    leases.values().for_each(|lease| lease.write(&mut buffer));
    let mut file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&new)?;
    file.write_all(&buffer)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()?;
    Ok(file)
}

/// What a file says.
struct Replay<R: Record> {
    leases: HashMap<R::Address, R>,
    records: usize,
    /// Up to where it is whole records, or damaged lines with records behind them.
    whole: u64,
    torn: usize,
    damaged: usize,
    /// Whether there is nothing, not even a whole first line.
    is_fresh: bool,
}

impl<R: Record> Replay<R> {
    /// Reads `file` from its beginning; `None` if it is no lease file.
    fn of(file: &mut File) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        Ok(Self::read(&bytes))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut replay =
            Self { leases: HashMap::new(), records: 0, whole: 0, torn: 0, damaged: 0, is_fresh: false };
        let Some(mut rest) = bytes.strip_prefix(R::HEADER) else {
            // Nothing was acknowledged before the first line was whole.
            let is_begun = R::HEADER.starts_with(bytes);
            return is_begun.then_some(Self { torn: bytes.len(), is_fresh: true, ..replay });
        };
        replay.whole = R::HEADER.len() as u64;
        let mut doubtful = 0;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, behind) = rest.split_at(end + 1);
            rest = behind;
            match R::read(&line[..end]) {
                Some(lease) => {
                    replay.leases.insert(lease.address(), lease);
                    replay.records += 1;
                    replay.damaged += std::mem::take(&mut doubtful);
                    replay.whole = (bytes.len() - rest.len()) as u64;
                }
                None => doubtful += 1,
            }
        }
        replay.torn = bytes.len() - replay.whole as usize;
        Some(replay)
    }
}
