//! A recording of a screen: a folder with a line of JSON for each event, and each picture once.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ironhand_api::{PictureDigest, Recorded, RecordedEvent};
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::{LONGEST, Row, first_line};
use crate::console::{Viewer, shows_the_same, told};
use crate::screen::{Seen, View};

/// The file of the events.
pub(super) const EVENTS: &str = "events.jsonl";

/// Bytes of the first line that are looked at.
const FIRST: u64 = 4096;

/// What a person did, as it is recorded: notes that wait are dropped with the recording where the disk is too slow.
pub(crate) type Deeds = mpsc::Sender<Recorded>;

/// Makes a recording of a screen until the last of the [`Deeds`] is dropped.
pub(crate) struct ScreenRecorder {
    pub(super) folder: PathBuf,
    pub(super) file: fs::File,
    pub(super) row: Row,
    pub(super) begun: Instant,
    pub(super) written: u64,
    /// The pictures that are in the folder.
    pub(super) pictures: HashSet<PictureDigest>,
}

impl ScreenRecorder {
    /// Records what is seen and done. A recording that cannot be written ends; the console does not.
    pub(crate) async fn run(mut self, mut viewer: Viewer, mut deeds: mpsc::Receiver<Recorded>) {
        let host = self.row.recording.host.clone();
        if let Err(error) = self.follow(&mut viewer, &mut deeds).await {
            tracing::error!(%host, %error, "the recording of a screen ends");
        }
        self.row.end(self.written).await;
    }

    async fn follow(&mut self, viewer: &mut Viewer, deeds: &mut mpsc::Receiver<Recorded>) -> io::Result<()> {
        let mut last: Option<Arc<Seen>> = None;
        let mut watching = true;
        loop {
            tokio::select! {
                biased;
                deed = deeds.recv() => match deed {
                    Some(deed) => self.event(deed).await?,
                    None => return Ok(()),
                },
                view = viewer.next(), if watching => match view {
                    Some(View::Seen(seen)) => {
                        if last.as_ref().is_some_and(|last| shows_the_same(last, &seen, false)) {
                            continue;
                        }
                        self.screen(&seen).await?;
                        last = Some(seen);
                    }
                    Some(View::Lost { error, .. }) => {
                        // Told once for each time that the screen was seen.
                        if last.take().is_some() {
                            self.event(Recorded::Note(format!("not seen: {error}"))).await?;
                        }
                    }
                    Some(View::Connecting) => {}
                    None => watching = false,
                },
            }
        }
    }

    async fn screen(&mut self, seen: &Seen) -> io::Result<()> {
        let digest = &seen.shot.digest;
        let room = self.written < LONGEST;
        if room
            && !self.pictures.contains(digest)
            && let Some(picture) = seen.shot.file().await
        {
            let path = self.folder.join(format!("{}.png", digest.0));
            let mut file = new_file(path).await?;
            file.write_all(&picture).await?;
            file.flush().await?;
            self.written += picture.len() as u64;
            self.pictures.insert(digest.clone());
        }
        let kept = self.pictures.contains(digest);
        self.event(Recorded::Screen(Box::new(told(seen, kept)))).await
    }

    /// Adds an event, unless the recording is as long as one may be.
    pub(super) async fn event(&mut self, what: Recorded) -> io::Result<()> {
        if self.written >= LONGEST {
            return Ok(());
        }
        self.line(what).await?;
        if self.written >= LONGEST {
            self.line(Recorded::Note("the recording ends here: it became too long".to_owned())).await?;
        }
        Ok(())
    }

    async fn line(&mut self, what: Recorded) -> io::Result<()> {
        let after = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let line = serde_json::to_string(&RecordedEvent { after, what })? + "\n";
        self.file.write_all(line.as_bytes()).await?;
        self.file.flush().await?;
        self.written += line.len() as u64;
        Ok(())
    }
}

/// A file that nobody else reads.
pub(super) async fn new_file(path: PathBuf) -> io::Result<fs::File> {
    fs::OpenOptions::new().create_new(true).append(true).mode(0o600).open(path).await
}

/// Who had the console; none where the first line is torn.
pub(super) async fn by(path: &Path) -> Option<String> {
    let first = first_line(path, FIRST).await.ok()?;
    match serde_json::from_str::<RecordedEvent>(&first).ok()?.what {
        Recorded::Begun { by, .. } => Some(by),
        _ => None,
    }
}
