//! Recordings of consoles that were held: of serial lines as asciicasts, of screens as folders of events and pictures.
//! The files lie in the data directory; the store has a row for each, so that lists look at no file.

mod cast;
mod screens;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use ironhand_api::{Name, PictureDigest, Recorded, Recording, RecordingKind, Timestamp};
use ironhand_store::{RecordingQuery, Store, StoreError};
use tokio::fs;

use crate::clock;
pub(crate) use cast::Recorder;
pub(crate) use screens::{Deeds, ScreenRecorder};
use screens::{EVENTS, new_file};

/// The folder of the recordings in the data directory; in it one for each host.
const FOLDER: &str = "recordings";

/// How files of asciicasts, and folders of screens, end.
const CAST: &str = ".cast";
const SCREENS: &str = ".screens";

/// Bytes of one recording: a day of a console that never stops. What is written beyond is left out, and said so.
const LONGEST: u64 = 64 << 20;

/// Names that are tried for a recording: of those that begin within the same millisecond each has another.
const NAMES: i64 = 100;

/// The recordings of all hosts; cheap to clone.
#[derive(Clone)]
pub(crate) struct Recordings {
    folder: PathBuf,
    store: Store,
}

/// Why recordings cannot be listed or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordingError {
    /// The files.
    #[error("the files of recordings: {0}")]
    Files(#[from] io::Error),
    /// The rows.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the store knows of a recording that is being made.
struct Row {
    store: Store,
    recording: Recording,
}

impl Row {
    /// Where the store fails, the next start finds the files.
    async fn put(&self) {
        let (host, id) = (&self.recording.host, self.recording.id);
        if let Err(error) = self.store.put_recording(self.recording.clone()).await {
            tracing::error!(%host, id, %error, "a recording is not listed");
        }
    }

    /// The recording is over.
    async fn end(&mut self, bytes: u64) {
        self.recording.ended_at = Some(clock::now());
        self.recording.bytes = bytes;
        self.put().await;
    }
}

impl Recordings {
    /// The recordings in a data directory.
    pub(crate) fn new(data_dir: &Path, store: Store) -> Self {
        Self { folder: data_dir.join(FOLDER), store }
    }

    /// Begins a recording of the serial console of a host, which `by` has; `incident` is open there.
    pub(crate) async fn begin(&self, host: &Name, by: &str, incident: Option<u64>) -> io::Result<Recorder> {
        let (recording, path) = self.name(host, by, RecordingKind::Serial, incident).await?;
        let file = new_file(path).await?;
        let row = Row { store: self.store.clone(), recording };
        row.put().await;
        Recorder::begin(file, row).await
    }

    /// Begins a recording of the screen of a host.
    pub(crate) async fn begin_screen(
        &self,
        host: &Name,
        by: &str,
        incident: Option<u64>,
    ) -> io::Result<ScreenRecorder> {
        let (recording, folder) = self.name(host, by, RecordingKind::Screen, incident).await?;
        fs::create_dir(&folder).await?;
        let file = new_file(folder.join(EVENTS)).await?;
        let (at, by) = (recording.begun_at, by.to_owned());
        let row = Row { store: self.store.clone(), recording };
        row.put().await;
        let begun = Instant::now();
        let mut recorder = ScreenRecorder { folder, file, row, begun, written: 0, pictures: HashSet::new() };
        recorder.event(Recorded::Begun { host: host.clone(), by, at }).await?;
        Ok(recorder)
    }

    /// A name that no other recording has, and where its files are to lie.
    async fn name(
        &self,
        host: &Name,
        by: &str,
        kind: RecordingKind,
        incident: Option<u64>,
    ) -> io::Result<(Recording, PathBuf)> {
        let folder = self.folder.join(host.as_str());
        fs::create_dir_all(&folder).await?;
        let begun_at = clock::now();
        let first = begun_at.as_millis();
        for id in first..first + NAMES {
            let [cast, screens] = [CAST, SCREENS].map(|ending| folder.join(format!("{id}{ending}")));
            if fs::try_exists(&cast).await? || fs::try_exists(&screens).await? {
                continue;
            }
            let by = by.to_owned();
            let recording =
                Recording { id, host: host.clone(), by, kind, begun_at, ended_at: None, bytes: 0, incident };
            return Ok((recording, if kind == RecordingKind::Serial { cast } else { screens }));
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Recordings, the newest first.
    pub(crate) async fn list(&self, query: &RecordingQuery) -> Result<Vec<Recording>, RecordingError> {
        let mut recordings = self.store.recordings(query).await?;
        for recording in recordings.iter_mut().filter(|recording| recording.ended_at.is_none()) {
            recording.bytes = size(&self.path(recording)).await?;
        }
        Ok(recordings)
    }

    /// One recording: an asciicast, or the events of a screen; none where there is none.
    pub(crate) async fn read(&self, host: &Name, id: i64) -> io::Result<Option<(RecordingKind, Vec<u8>)>> {
        let folder = self.folder.join(host.as_str());
        if let Some(cast) = found(fs::read(folder.join(format!("{id}{CAST}"))).await)? {
            return Ok(Some((RecordingKind::Serial, cast)));
        }
        let events = found(fs::read(folder.join(format!("{id}{SCREENS}")).join(EVENTS)).await)?;
        Ok(events.map(|events| (RecordingKind::Screen, events)))
    }

    /// A picture of a recording of a screen, as a PNG file; none where it is not kept.
    pub(crate) async fn picture(
        &self,
        host: &Name,
        id: i64,
        digest: &PictureDigest,
    ) -> io::Result<Option<Vec<u8>>> {
        // What is no digest may lead to another folder.
        if digest.0.is_empty() || !digest.0.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let folder = self.folder.join(host.as_str()).join(format!("{id}{SCREENS}"));
        found(fs::read(folder.join(format!("{}.png", digest.0))).await)
    }

    /// Removes what began before `age`, and the oldest of what is more than `total` bytes; not what is being made.
    pub(crate) async fn prune(
        &self,
        now: Timestamp,
        age: Duration,
        total: u64,
    ) -> Result<(), RecordingError> {
        let mut bytes: u64 = 0;
        for recording in self.list(&RecordingQuery::default()).await? {
            bytes = bytes.saturating_add(recording.bytes);
            let old = now.since(recording.begun_at) >= age || bytes > total;
            if old && recording.ended_at.is_some() {
                remove(&self.path(&recording), recording.kind).await?;
                self.store.drop_recording(&recording.host, recording.id).await?;
            }
        }
        Ok(())
    }

    /// Makes the rows of the store agree with the files, when the server starts: a recording that was cut short has
    /// ended, one that is not listed is listed again, and one whose files are gone is forgotten.
    pub(crate) async fn find_again(&self) -> Result<(), RecordingError> {
        let rows = self.store.recordings(&RecordingQuery::default()).await?;
        let mut rows: HashMap<(Name, i64), Recording> =
            rows.into_iter().map(|row| ((row.host.clone(), row.id), row)).collect();
        for (name, folder) in children(&self.folder).await? {
            let Ok(host) = name.parse::<Name>() else { continue };
            for (name, path) in children(&folder).await? {
                let Some((id, kind)) = parsed(&name) else { continue };
                let row = rows.remove(&(host.clone(), id));
                if row.as_ref().is_some_and(|row| row.ended_at.is_some()) {
                    continue;
                }
                let by = match kind {
                    RecordingKind::Serial => cast::by(&path).await,
                    RecordingKind::Screen => screens::by(&path.join(EVENTS)).await,
                };
                // One whose first line is torn tells nothing.
                let Some(by) = row.as_ref().map(|row| row.by.clone()).or(by) else { continue };
                let incident = row.and_then(|row| row.incident);
                let (begun_at, bytes) = (Timestamp::from_millis(id), size(&path).await?);
                let ended_at = Some(changed_at(&path, kind).await.unwrap_or(begun_at));
                let host = host.clone();
                let recording = Recording { id, host, by, kind, begun_at, ended_at, bytes, incident };
                self.store.put_recording(recording).await?;
            }
        }
        for (host, id) in rows.into_keys() {
            self.store.drop_recording(&host, id).await?;
        }
        Ok(())
    }

    fn path(&self, recording: &Recording) -> PathBuf {
        let ending = if recording.kind == RecordingKind::Serial { CAST } else { SCREENS };
        self.folder.join(recording.host.as_str()).join(format!("{}{ending}", recording.id))
    }
}

/// The name and the kind that a file or folder has.
fn parsed(name: &str) -> Option<(i64, RecordingKind)> {
    let cast = name.strip_suffix(CAST).map(|id| (id, RecordingKind::Serial));
    let (id, kind) = cast.or_else(|| Some((name.strip_suffix(SCREENS)?, RecordingKind::Screen)))?;
    Some((id.parse().ok()?, kind))
}

/// When the last thing was recorded.
async fn changed_at(path: &Path, kind: RecordingKind) -> io::Result<Timestamp> {
    let file = if kind == RecordingKind::Serial { path.to_owned() } else { path.join(EVENTS) };
    let since = fs::metadata(file).await?.modified()?.duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.map(|since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)).unwrap_or(0);
    Ok(Timestamp::from_millis(millis))
}

/// The bytes of a file, or of those in a folder; none where it is not there.
async fn size(path: &Path) -> io::Result<u64> {
    let Some(told) = found(fs::metadata(path).await)? else { return Ok(0) };
    if told.is_file() {
        return Ok(told.len());
    }
    let mut bytes = 0;
    for (_, path) in children(path).await? {
        bytes += found(fs::metadata(path).await)?.map_or(0, |told| told.len());
    }
    Ok(bytes)
}

async fn remove(path: &Path, kind: RecordingKind) -> io::Result<()> {
    let removed = match kind {
        RecordingKind::Serial => fs::remove_file(path).await,
        RecordingKind::Screen => fs::remove_dir_all(path).await,
    };
    found(removed).map(drop)
}

/// None where there is nothing of this name.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a folder holds, by name; nothing where there is none.
async fn children(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let Some(mut entries) = found(fs::read_dir(folder).await)? else { return Ok(Vec::new()) };
    let mut children = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        children.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    Ok(children)
}

/// The first line of a file, of which so many bytes are looked at.
async fn first_line(path: &Path, most: u64) -> io::Result<String> {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
    let mut first = String::new();
    BufReader::new(fs::File::open(path).await?.take(most)).read_line(&mut first).await?;
    Ok(first)
}

#[cfg(test)]
mod tests;
