//! Calls about media of the server.

use std::io;

use futures_util::{Stream, StreamExt};
use http::Method;
use http::header::CONTENT_TYPE;
use ironhand_api::{List, Media, MediaEntry, MediaRequest, MediaState, Name};
use reqwest::Body;

use crate::{Client, Error};

/// What is uploaded as a medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaUpload {
    /// The name of the file that the bytes are from.
    pub file: String,
    /// The SHA-256 digest that they must have, in hexadecimal digits.
    pub sha256: Option<String>,
    /// The lengths of the archives with loaders that the bytes are; none for one file.
    pub loaders: Option<Vec<u64>>,
}

impl Client {
    /// All media.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn server_media(&self) -> Result<Vec<Media>, Error> {
        Ok(self.fetch::<List<Media>>(&["api", "v1", "media"], &[]).await?.items)
    }

    /// The medium of that name.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none.
    pub async fn server_medium(&self, name: &Name) -> Result<Media, Error> {
        self.fetch(&["api", "v1", "media", name.as_str()], &[]).await
    }

    /// Adds a medium whose bytes are sent.
    ///
    /// # Errors
    ///
    /// A problem with status 409 where there is one of that name, 422 where the bytes are damaged or are not those that
    /// were meant.
    pub async fn upload_media(
        &self,
        name: &Name,
        upload: &MediaUpload,
        bytes: impl Stream<Item = io::Result<Vec<u8>>> + Send + 'static,
    ) -> Result<Media, Error> {
        let mut query = vec![("file", upload.file.clone())];
        query.extend(upload.sha256.clone().map(|digest| ("sha256", digest)));
        query.extend(upload.loaders.as_ref().map(|lengths| {
            let lengths: Vec<String> = lengths.iter().map(u64::to_string).collect();
            ("loaders", lengths.join(","))
        }));
        // Where there is one, the server says so before it has taken the bytes, and closes: what it said could be lost with
        // the connection while they are sent. None are sent then.
        let known = self.server_medium(name).await;
        let is_there = known.is_ok_and(|medium| medium.status.state != MediaState::Failed);
        let bytes = if is_there { Body::default() } else { Body::wrap_stream(bytes) };
        let request = self
            .request(Method::PUT, &["api", "v1", "media", name.as_str()], &query)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(bytes);
        self.parse(self.call(request).await?).await
    }

    /// Has the server fetch or link a medium, and does not wait until it has.
    ///
    /// # Errors
    ///
    /// A problem with status 409 where there is one of that name, 403 where the server links only for its own user.
    pub async fn start_media(&self, name: &Name, request: &MediaRequest) -> Result<Media, Error> {
        let path = ["api", "v1", "media", name.as_str()];
        self.parse(self.call(self.request(Method::POST, &path, &[]).json(request)).await?).await
    }

    /// Removes a medium.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none.
    pub async fn remove_media(&self, name: &Name) -> Result<(), Error> {
        self.call(self.request(Method::DELETE, &["api", "v1", "media", name.as_str()], &[])).await.map(drop)
    }

    /// What stands in a folder of a medium.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none.
    pub async fn media_entries(&self, name: &Name, folder: &str) -> Result<Vec<MediaEntry>, Error> {
        let path = ["api", "v1", "media", name.as_str(), "files"];
        Ok(self.fetch::<List<MediaEntry>>(&path, &[("path", folder.to_owned())]).await?.items)
    }

    /// Hands over the bytes of a file of a medium as they come, until `each` says that it is enough.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is none; where the connection breaks off in the middle.
    pub async fn media_file(
        &self,
        name: &Name,
        file: &str,
        mut each: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), Error> {
        let mut path = vec!["api", "v1", "media", name.as_str(), "files"];
        path.extend(file.split('/').filter(|part| !part.is_empty()));
        let mut bytes = self.call(self.request(Method::GET, &path, &[])).await?.bytes_stream();
        while let Some(piece) = bytes.next().await {
            if !each(&piece.map_err(|source| self.unreachable(source))?) {
                break;
            }
        }
        Ok(())
    }
}
