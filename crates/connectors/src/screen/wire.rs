//! The stream that a screen's protocol runs over.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::path::{Stream, Taken};
use crate::{Error, TlsClient};

/// Bytes read at a time while much arrives: a raw screen of 1024x768 takes fifty turns.
const BUFFER: usize = 64 * 1024;

/// Bytes read at a time on a line that was still: most of the screens that are kept in view are.
const STILL_BUFFER: usize = 2 * 1024;

/// How long the other side may refuse to take what is sent, a few bytes for each key and request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long TLS within the protocol may take to begin.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);

/// A stream, with what was read of it and not taken in yet.
pub(super) struct Wire {
    stream: Stream,
    taken: Taken,
    buffer: Vec<u8>,
    /// How much of the buffer was read, or how reading failed.
    arrived: Option<io::Result<usize>>,
}

/// What came of waiting.
pub(super) enum Arrived<'w> {
    /// Nothing: it was waited for the time.
    Nothing,
    Bytes(&'w [u8]),
    /// The other side sends no more.
    End,
}

impl Wire {
    pub(super) fn new(stream: Stream, taken: Taken) -> Self {
        Self { stream, taken, buffer: vec![0; STILL_BUFFER], arrived: None }
    }

    /// Where it leads to.
    pub(super) const fn taken(&self) -> &Taken {
        &self.taken
    }

    /// Keeps no room for much until much arrives.
    pub(super) fn rest(&mut self) {
        if self.arrived.is_none() {
            self.buffer.truncate(STILL_BUFFER);
            self.buffer.shrink_to_fit();
        }
    }

    /// Waits until something arrived, or the time has come. Dropping the future loses nothing.
    pub(super) async fn ready(&mut self, wake: Option<Instant>) {
        if self.arrived.is_some() {
            return;
        }
        let wake = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = self.stream.read(&mut self.buffer) => self.arrived = Some(read),
            () = wake => {}
        }
    }

    /// Takes what arrived.
    pub(super) fn take(&mut self) -> Arrived<'_> {
        // More is there than there was room for.
        if matches!(&self.arrived, Some(Ok(length)) if *length == self.buffer.len()) {
            self.buffer.resize(BUFFER, 0);
        }
        match self.arrived.take() {
            None => Arrived::Nothing,
            Some(Ok(length @ 1..)) => Arrived::Bytes(self.buffer.get(..length).unwrap_or_default()),
            Some(Ok(0) | Err(_)) => Arrived::End,
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Self { stream, taken, .. } = self;
        let failed = |reason: String| Error::Unreachable { address: taken.to_string(), reason };
        let sending = async {
            stream.write_all(bytes).await?;
            // A tunnel may gather what is written.
            stream.flush().await
        };
        match timeout(WRITE_TIMEOUT, sending).await {
            Ok(sent) => sent.map_err(|error: io::Error| failed(error.to_string())),
            Err(_) => Err(failed("it takes nothing that is sent".to_owned())),
        }
    }

    /// Begins TLS in the middle of the protocol.
    pub(super) async fn start_tls(&mut self, tls: &TlsClient) -> Result<(), Error> {
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        let silent = |_| Error::Silent { address: self.taken.to_string(), after: TLS_TIMEOUT };
        self.stream = timeout(TLS_TIMEOUT, tls.connect(stream, &self.taken)).await.map_err(silent)??;
        Ok(())
    }

    /// Ends the stream.
    pub(super) async fn close(mut self) {
        // The other side may be gone already, or take nothing any more.
        let _ = timeout(WRITE_TIMEOUT, self.stream.shutdown()).await;
    }
}
