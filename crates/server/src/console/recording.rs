//! Recordings of consoles that were held, as asciicast (version 2): a line for each thing that was written or typed, with
//! the time since the beginning.
//!
//! What was typed is recorded as so many stars: what the machine echoed of it is in what it wrote, and what it did not
//! echo, as a password, appears nowhere.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ironhand_api::{Name, Recording, Timestamp};
use serde::Deserialize;
use serde_json::json;
use tokio::fs;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::clock;

/// The folder of the recordings in the data directory.
const FOLDER: &str = "recordings";

/// How the files end.
const EXTENSION: &str = "cast";

/// Characters in a row and rows of the terminal that a recording is played on: those that firmware writes for.
const SIZE: (u16, u16) = (80, 25);

/// Bytes of one recording: a day of a console that never stops. What is written beyond is left out, and said so.
const LONGEST: u64 = 64 << 20;

/// Bytes of the first line of a recording that are looked at.
const HEADER: u64 = 4096;

/// The recordings of all hosts; cheap to clone.
#[derive(Clone)]
pub(crate) struct Recordings {
    folder: PathBuf,
}

/// A recording that is being made.
pub(crate) struct Recorder {
    file: fs::File,
    begun: Instant,
    /// The start of a character whose rest has not come.
    torn: Vec<u8>,
    written: u64,
}

#[derive(Deserialize)]
struct Header {
    timestamp: i64,
    #[serde(default)]
    title: String,
}

impl Recordings {
    /// The recordings in a data directory.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { folder: data_dir.join(FOLDER) }
    }

    /// Begins a recording of the console of a host, which `by` has.
    pub(crate) async fn begin(&self, host: &Name, by: &str) -> io::Result<Recorder> {
        let folder = self.folder.join(host.as_str());
        fs::create_dir_all(&folder).await?;
        let now = clock::now();
        let path = folder.join(format!("{}.{EXTENSION}", now.as_millis()));
        let file = fs::OpenOptions::new().create_new(true).append(true).mode(0o600).open(path).await?;
        let mut recorder = Recorder { file, begun: Instant::now(), torn: Vec::new(), written: 0 };
        let (width, height) = SIZE;
        let timestamp = now.as_millis().div_euclid(1000);
        let header =
            json!({ "version": 2, "width": width, "height": height, "timestamp": timestamp, "title": by });
        recorder.line(&header.to_string()).await?;
        Ok(recorder)
    }

    /// All recordings, or those of one host, the newest first.
    pub(crate) async fn list(&self, host: Option<&Name>) -> io::Result<Vec<Recording>> {
        let mut found = Vec::new();
        for (name, folder) in self.folders().await? {
            if host.is_some_and(|host| *host != name) {
                continue;
            }
            for (id, path) in files(&folder).await? {
                found.extend(told(&name, id, &path).await?);
            }
        }
        found.sort_by_key(|recording: &Recording| std::cmp::Reverse((recording.begun_at, recording.id)));
        Ok(found)
    }

    /// One recording; none where there is none.
    pub(crate) async fn read(&self, host: &Name, id: i64) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.folder.join(host.as_str()).join(format!("{id}.{EXTENSION}"))).await {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes what began before `age`, and the oldest of what is more than `total` bytes.
    pub(crate) async fn prune(&self, now: Timestamp, age: Duration, total: u64) -> io::Result<()> {
        let mut bytes = 0;
        for recording in self.list(None).await? {
            bytes += recording.bytes;
            if now.since(recording.begun_at) >= age || bytes > total {
                let folder = self.folder.join(recording.host.as_str());
                fs::remove_file(folder.join(format!("{}.{EXTENSION}", recording.id))).await?;
            }
        }
        Ok(())
    }

    async fn folders(&self) -> io::Result<Vec<(Name, PathBuf)>> {
        let entries = children(&self.folder).await?;
        Ok(entries.into_iter().filter_map(|(name, path)| Some((name.parse().ok()?, path))).collect())
    }
}

impl Recorder {
    /// The machine wrote this.
    pub(crate) async fn output(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.torn.extend_from_slice(bytes);
        let taken = std::mem::take(&mut self.torn);
        // The last character may go on in what comes next.
        let whole = match std::str::from_utf8(&taken) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => taken.len(),
        };
        let (text, rest) = taken.split_at(whole);
        self.torn = rest.to_vec();
        self.event("o", &String::from_utf8_lossy(text)).await
    }

    /// So many bytes were typed.
    pub(crate) async fn input(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.event("i", &"*".repeat(bytes.len())).await
    }

    /// Something happened that is neither written nor typed.
    pub(crate) async fn mark(&mut self, what: &str) -> io::Result<()> {
        self.event("m", what).await
    }

    /// The terminal on which it is shown has this size from now on.
    pub(crate) async fn size(&mut self, columns: u16, rows: u16) -> io::Result<()> {
        self.event("r", &format!("{columns}x{rows}")).await
    }

    async fn event(&mut self, kind: &str, text: &str) -> io::Result<()> {
        if text.is_empty() || self.written >= LONGEST {
            return Ok(());
        }
        let at = self.begun.elapsed().as_secs_f64();
        self.line(&json!([at, kind, text]).to_string()).await?;
        if self.written >= LONGEST {
            self.line(&json!([at, "m", "the recording ends here: it became too long"]).to_string()).await?;
        }
        Ok(())
    }

    async fn line(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(format!("{line}\n").as_bytes()).await?;
        self.file.flush().await?;
        self.written += line.len() as u64 + 1;
        Ok(())
    }
}

/// What a folder holds, by name; nothing where there is none.
async fn children(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut entries = match fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    Ok(found)
}

async fn files(folder: &Path) -> io::Result<Vec<(i64, PathBuf)>> {
    let number = |name: &str| name.strip_suffix(EXTENSION)?.strip_suffix('.')?.parse().ok();
    let entries = children(folder).await?;
    Ok(entries.into_iter().filter_map(|(name, path)| Some((number(&name)?, path))).collect())
}

/// What is known of a recording; nothing where its first line is torn.
async fn told(host: &Name, id: i64, path: &Path) -> io::Result<Option<Recording>> {
    use tokio::io::AsyncReadExt;
    let file = fs::File::open(path).await?;
    let bytes = file.metadata().await?.len();
    let mut first = String::new();
    let read = BufReader::new(file.take(HEADER)).read_line(&mut first).await;
    let header = read.ok().and_then(|_| serde_json::from_str::<Header>(&first).ok());
    Ok(header.map(|Header { timestamp, title }| Recording {
        id,
        host: host.clone(),
        by: title,
        begun_at: Timestamp::from_millis(timestamp.saturating_mul(1000)),
        bytes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_typed_is_stars_and_characters_stay_whole() {
        let directory = tempfile::tempdir().unwrap();
        let recordings = Recordings::new(directory.path());
        let host: Name = "web-1".parse().unwrap();
        let mut recorder = recordings.begin(&host, "ann").await.unwrap();
        recorder.output("Stra\u{df}e".as_bytes().split_at(5).0).await.unwrap();
        recorder.output("Stra\u{df}e".as_bytes().split_at(5).1).await.unwrap();
        recorder.input(b"hunter2\r").await.unwrap();
        recorder.output(&[0xff, b'!']).await.unwrap();
        drop(recorder);
        let [recording] = &recordings.list(Some(&host)).await.unwrap()[..] else { panic!("one was made") };
        assert_eq!((recording.by.as_str(), &recording.host), ("ann", &host));
        let cast = String::from_utf8(recordings.read(&host, recording.id).await.unwrap().unwrap()).unwrap();
        let events: Vec<(f64, String, String)> =
            cast.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<_> = events.iter().map(|(_, kind, text)| (kind.as_str(), text.as_str())).collect();
        assert_eq!(told, [("o", "Stra"), ("o", "\u{df}e"), ("i", "********"), ("o", "\u{fffd}!")]);

        let now = clock::now();
        recordings.prune(now, Duration::from_secs(3600), recording.bytes).await.unwrap();
        assert_eq!(recordings.list(None).await.unwrap().len(), 1);
        recordings.prune(now, Duration::from_secs(3600), recording.bytes - 1).await.unwrap();
        assert!(recordings.list(None).await.unwrap().is_empty());
        assert!(recordings.read(&host, 1).await.unwrap().is_none());
    }
}
