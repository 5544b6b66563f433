//! The files of a log: numbered, appended to, read from the newest backwards.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use ironhand_api::Timestamp;

use super::{LogError, LogLimits, LogLine};

/// How names of files end.
const SUFFIX: &str = ".log";

/// What one file is read up to, whatever stands there: files that we write are far smaller.
const MOST_READ: u64 = 64 << 20;

/// The files of one host, of which the last is written to.
pub(super) struct Files {
    folder: PathBuf,
    limits: LogLimits,
    current: Option<Current>,
}

struct Current {
    file: File,
    path: PathBuf,
    size: u64,
    /// When its first line was.
    begun: Timestamp,
    /// Its last line is not whole.
    torn: bool,
}

/// One of the files, by its number.
struct Numbered {
    number: u64,
    path: PathBuf,
}

impl Files {
    pub(super) const fn new(folder: PathBuf, limits: LogLimits) -> Self {
        Self { folder, limits, current: None }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends lines.
    pub(super) fn write(&mut self, lines: &[LogLine]) -> Result<(), LogError> {
        for line in lines {
            let written = format!("{} {}\n", line.at, line.text);
            self.make_room(line.at)?;
            let Some(current) = &mut self.current else { continue };
            let text = if current.torn { format!("\n{written}") } else { written };
            if let Err(error) = current.file.write_all(text.as_bytes()) {
                current.torn = true;
                let fault = fault(&current.path)(error);
                // Whoever removed the file or made room is met by a fresh look.
                self.current = None;
                return Err(fault);
            }
            current.torn = false;
            current.size += text.len() as u64;
        }
        Ok(())
    }

    /// Makes ready to append a line of this time: to the last file, or to a new one where that is full or old.
    fn make_room(&mut self, at: Timestamp) -> Result<(), LogError> {
        // Removed by whoever prunes, or by hand.
        let is_gone = |current: &Current| current.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0);
        if self.current.as_ref().is_none_or(is_gone) {
            self.current = self.open_last(at)?;
        }
        let full = |current: &Current| {
            current.size >= self.limits.file || at.since(current.begun) >= self.limits.span
        };
        if self.current.as_ref().is_some_and(|current| !full(current)) {
            return Ok(());
        }
        self.current = None;
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(fault(&self.folder))?;
        let last = numbered(&self.folder)?.last().map_or(0, |file| file.number);
        let path = self.folder.join(format!("{:08}{SUFFIX}", last + 1));
        let opened = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path);
        let file = opened.map_err(fault(&path))?;
        self.current = Some(Current { file, path, size: 0, begun: at, torn: false });
        prune(&self.folder, self.limits, at)
    }

    /// The last file, as it was left.
    fn open_last(&self, at: Timestamp) -> Result<Option<Current>, LogError> {
        let Some(Numbered { path, .. }) = numbered(&self.folder)?.pop() else { return Ok(None) };
        let opened = (|| {
            let mut file = OpenOptions::new().read(true).append(true).open(&path)?;
            let size = file.seek(SeekFrom::End(0))?;
            let mut last = [b'\n'];
            if size > 0 {
                file.seek(SeekFrom::End(-1))?;
                file.read_exact(&mut last)?;
            }
            file.rewind()?;
            let mut head = Vec::new();
            (&file).take(64).read_to_end(&mut head)?;
            let begun = String::from_utf8_lossy(&head).split(' ').next().and_then(|time| time.parse().ok());
            Ok(Current { file, path: path.clone(), size, begun: begun.unwrap_or(at), torn: last != [b'\n'] })
        })();
        opened.map(Some).map_err(fault(&path))
    }
}

/// The last lines of which `wanted` says yes, the oldest of them first, back to a file of which it says nothing.
/// `waiting` comes behind the last of the files.
pub(super) fn last(
    folder: &Path,
    waiting: Option<LogLine>,
    limit: usize,
    wanted: impl Fn(&LogLine) -> Option<bool>,
) -> Result<Vec<LogLine>, LogError> {
    let mut search = Search { wanted, limit, found: VecDeque::new(), still_new: true };
    if let Some(line) = waiting {
        search.take(line);
    }
    search.still_new = true;
    for Numbered { path, .. } in numbered(folder)?.into_iter().rev() {
        // The clock may have been set back, so that one older line does not end the search; a whole file of them does.
        if search.is_full() || !search.still_new {
            break;
        }
        search.still_new = false;
        let text = match read(&path) {
            Ok(text) => text,
            // Removed meanwhile, as it was too old.
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) => return Err(fault(&path)(error)),
        };
        for line in text.lines().rev().filter_map(parsed) {
            if search.is_full() {
                break;
            }
            search.take(line);
        }
    }
    Ok(search.found.into())
}

/// A search from the newest line backwards.
struct Search<W> {
    wanted: W,
    limit: usize,
    found: VecDeque<LogLine>,
    /// Whether `wanted` said something of any line of the last file.
    still_new: bool,
}

impl<W: Fn(&LogLine) -> Option<bool>> Search<W> {
    fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    fn take(&mut self, line: LogLine) {
        let wanted = (self.wanted)(&line);
        self.still_new |= wanted.is_some();
        if wanted == Some(true) && !self.is_full() {
            self.found.push_front(line);
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_READ).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A line as it is written; none where it is torn.
fn parsed(line: &str) -> Option<LogLine> {
    let (time, text) = line.split_once(' ')?;
    Some(LogLine { at: time.parse().ok()?, text: text.to_owned() })
}

/// Removes what is too old or too much, of all hosts.
pub(super) fn prune_all(folder: &Path, limits: LogLimits, now: Timestamp) -> Result<(), LogError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fault(folder)(error)),
    };
    for entry in entries {
        let path = entry.map_err(fault(folder))?.path();
        if path.is_dir() {
            prune(&path, limits, now)?;
        }
    }
    Ok(())
}

/// Removes files of one host that are too old, and the oldest where all together are too large. The last one stays
/// until it is too old.
fn prune(folder: &Path, limits: LogLimits, now: Timestamp) -> Result<(), LogError> {
    let mut total = 0;
    for (behind, Numbered { path, .. }) in numbered(folder)?.into_iter().rev().enumerate() {
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(fault(&path)(error)),
        };
        total += metadata.len();
        let written = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let old = written.is_some_and(|written| now.since(of(written)) > limits.age);
        if old || (behind > 0 && total > limits.total) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(fault(&path)(error)),
                _ => {}
            }
        }
    }
    Ok(())
}

fn of(since_epoch: Duration) -> Timestamp {
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// The files of a log, the oldest first; none where there is no log.
fn numbered(folder: &Path) -> Result<Vec<Numbered>, LogError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fault(folder)(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(fault(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        // Other files are of others.
        if let Some(number) = name.and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok()) {
            files.push(Numbered { number, path });
        }
    }
    files.sort_by_key(|file| file.number);
    Ok(files)
}

fn fault(path: &Path) -> impl Fn(io::Error) -> LogError {
    let path = path.to_owned();
    move |source| LogError::File { path: path.clone(), source }
}
