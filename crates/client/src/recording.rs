//! Recordings of consoles.

use http::Method;
use http::header::CONTENT_TYPE;
use ironhand_api::{List, Name, PictureDigest, Recording, RecordingKind};

use crate::{Client, Error};

/// Which recordings to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RecordingsOf {
    /// Every one.
    #[default]
    All,
    /// Those of a host.
    Host(Name),
    /// Those that were made of its host while an incident was open.
    Incident(u64),
    /// Those that were made of its host while a run was under way.
    Run(u64),
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingFile {
    /// What it shows.
    pub kind: RecordingKind,
    /// An asciicast, or the events of a screen: a [`RecordedEvent`](ironhand_api::RecordedEvent) a line.
    pub content: Vec<u8>,
}

impl Client {
    /// The recordings of consoles that somebody had, the newest first.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such incident or run.
    pub async fn recordings(&self, of: &RecordingsOf) -> Result<Vec<Recording>, Error> {
        let query = match of {
            RecordingsOf::All => None,
            RecordingsOf::Host(host) => Some(("host", host.to_string())),
            RecordingsOf::Incident(id) => Some(("incident", id.to_string())),
            RecordingsOf::Run(id) => Some(("run", id.to_string())),
        };
        let query: Vec<_> = query.into_iter().collect();
        Ok(self.fetch::<List<Recording>>(&["api", "v1", "recordings"], &query).await?.items)
    }

    /// One recording.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none.
    pub async fn recording(&self, host: &Name, id: i64) -> Result<RecordingFile, Error> {
        let path = ["api", "v1", "recordings", host.as_str(), &id.to_string()];
        let reply = self.call(self.request(Method::GET, &path, &[])).await?;
        let kind = match reply.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) {
            Some("application/x-ndjson") => RecordingKind::Screen,
            _ => RecordingKind::Serial,
        };
        let content = reply.bytes().await.map_err(|source| self.unreachable(source))?.into();
        Ok(RecordingFile { kind, content })
    }

    /// A picture of the recording of a screen, as a PNG file.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none.
    pub async fn recorded_picture(
        &self,
        host: &Name,
        id: i64,
        picture: &PictureDigest,
    ) -> Result<Vec<u8>, Error> {
        let id = id.to_string();
        let path = ["api", "v1", "recordings", host.as_str(), &id, "pictures", &picture.0];
        let reply = self.call(self.request(Method::GET, &path, &[])).await?;
        Ok(reply.bytes().await.map_err(|source| self.unreachable(source))?.into())
    }
}
