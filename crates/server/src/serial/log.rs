//! What machines wrote on their serial consoles, line by line with the time, in files of each host.
//!
//! A line of a file is the time at which its first character arrived, a blank, and the text without control sequences:
//! people read and search the files with what they have. Files are numbered and only appended to; a line that a crash
//! tore is closed at the next start and passed over by whoever reads.

mod file;
mod line;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ironhand_api::{Name, Timestamp};
use regex::{Regex, RegexBuilder};
use tokio::task::spawn_blocking;

use file::Files;
pub(crate) use line::Cutter;

/// The folder of the logs in the data directory.
const FOLDER: &str = "consoles";

/// Lines that one search or look back gives at most: as many as a person could go through.
const MOST_LINES: usize = 10_000;

/// What a pattern may take when it is compiled: far more than any that a person writes.
const PATTERN_SIZE: usize = 1 << 20;

/// How much is kept of each host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogLimits {
    /// Bytes after which another file is begun.
    pub(crate) file: u64,
    /// The time after which another file is begun.
    pub(crate) span: Duration,
    /// Bytes of all files of a host.
    pub(crate) total: u64,
    /// Files that were last written to before that long are removed.
    pub(crate) age: Duration,
}

impl Default for LogLimits {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        // A console at 115,200 baud writes a gigabyte a day only where something is badly wrong; a boot is some 100 KiB.
        Self { file: 4 << 20, span: DAY, total: 64 << 20, age: DAY * 30 }
    }
}

/// A line that a machine wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// When its first character arrived.
    pub(crate) at: Timestamp,
    /// The text, without control sequences.
    pub(crate) text: String,
}

/// Why a log could not be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// The files cannot be used.
    #[error("the console log {} cannot be used: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The pattern is none.
    #[error("`{pattern}` is not a regular expression: {reason}")]
    Pattern {
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// The logs of all hosts; cheap to clone.
#[derive(Clone)]
pub(crate) struct ConsoleLogs {
    folder: PathBuf,
    limits: LogLimits,
    open: Arc<Mutex<HashMap<Name, ConsoleLog>>>,
}

impl ConsoleLogs {
    /// The logs in a data directory.
    pub(crate) fn new(data_dir: &Path, limits: LogLimits) -> Self {
        Self { folder: data_dir.join(FOLDER), limits, open: Arc::default() }
    }

    /// The log of a host. Nothing is opened before something is written.
    pub(crate) fn of(&self, host: &Name) -> ConsoleLog {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let log = open
            .entry(host.clone())
            .or_insert_with(|| ConsoleLog::new(Files::new(self.folder.join(host.as_str()), self.limits)));
        log.clone()
    }

    /// Removes what is older than the limits allow, also of hosts that are gone.
    pub(crate) async fn prune(&self, now: Timestamp) -> Result<(), LogError> {
        let (folder, limits) = (self.folder.clone(), self.limits);
        blocking(move || file::prune_all(&folder, limits, now)).await
    }
}

/// The log of one host; cheap to clone.
#[derive(Clone)]
pub(crate) struct ConsoleLog {
    cutter: Arc<Mutex<Cutter>>,
    files: Arc<Mutex<Files>>,
    folder: PathBuf,
}

impl ConsoleLog {
    fn new(files: Files) -> Self {
        let folder = files.folder().to_owned();
        Self { cutter: Arc::default(), files: Arc::new(Mutex::new(files)), folder }
    }

    /// Takes what the machine wrote and arrived `at`. Lines that are complete are in their file when this ends; the rest
    /// waits for its end.
    ///
    /// # Errors
    ///
    /// Where they could not be written; they are lost, and later ones are written where they can be.
    pub(crate) async fn append(&self, at: Timestamp, bytes: &[u8]) -> Result<(), LogError> {
        let lines = self.cutter.lock().unwrap_or_else(PoisonError::into_inner).cut(at, bytes);
        self.write(lines).await
    }

    /// Ends the line that waits, as when the console is closed.
    pub(crate) async fn end_line(&self) -> Result<(), LogError> {
        let line = self.cutter.lock().unwrap_or_else(PoisonError::into_inner).end();
        self.write(line.into_iter().collect()).await
    }

    async fn write(&self, lines: Vec<LogLine>) -> Result<(), LogError> {
        if lines.is_empty() {
            return Ok(());
        }
        let files = Arc::clone(&self.files);
        blocking(move || files.lock().unwrap_or_else(PoisonError::into_inner).write(&lines)).await
    }

    /// The last lines in which a regular expression is found, not older than `since`, the oldest of them first: `limit`
    /// at most, and never more than 10,000.
    pub(crate) async fn search(
        &self,
        pattern: &str,
        since: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<LogLine>, LogError> {
        let compiled = RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).build();
        let regex: Regex = compiled
            .map_err(|error| LogError::Pattern { pattern: pattern.to_owned(), reason: error.to_string() })?;
        self.last(limit, move |line| {
            (since.is_none_or(|since| line.at >= since)).then(|| regex.is_match(&line.text))
        })
        .await
    }

    /// The last lines, the oldest of them first.
    pub(crate) async fn tail(&self, lines: usize) -> Result<Vec<LogLine>, LogError> {
        self.last(lines, |_| Some(true)).await
    }

    /// The last lines that are `wanted`, back to the first of which it says nothing.
    async fn last(
        &self,
        limit: usize,
        wanted: impl Fn(&LogLine) -> Option<bool> + Send + 'static,
    ) -> Result<Vec<LogLine>, LogError> {
        let limit = limit.min(MOST_LINES);
        let waiting = self.cutter.lock().unwrap_or_else(PoisonError::into_inner).waiting();
        let folder = self.folder.clone();
        blocking(move || file::last(&folder, waiting, limit, wanted)).await
    }
}

/// Does what waits for the disk beside what waits for the network.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    spawn_blocking(work).await.unwrap_or(Err(LogError::Stopping))
}
