//! Answers that do not end, such as server-sent events.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use tokio::time::timeout;

use super::chain;
use super::connection::Connection;
use super::message::HttpResponse;
use crate::Error;

/// What comes of asking for an answer that does not end.
#[derive(Debug)]
pub enum Opened {
    /// It began.
    Stream(Box<HttpStream>),
    /// Another answer than one of success.
    Answer(HttpResponse),
}

/// An answer that arrives piece by piece, on a connection of its own. To drop it is to close that.
pub struct HttpStream {
    /// The headers.
    pub headers: HeaderMap,
    pub(super) connection: Connection,
    pub(super) body: Incoming,
}

impl HttpStream {
    /// Waits for the next piece; `None` when the device has ended the answer.
    ///
    /// # Errors
    ///
    /// [`Error::Silent`] where nothing comes within `patience`, after which the stream can still be read;
    /// [`Error::Unreachable`] where the connection breaks.
    pub async fn next(&mut self, patience: Duration) -> Result<Option<Bytes>, Error> {
        let Self { connection, body, .. } = self;
        let address = connection.taken.to_string();
        loop {
            let Ok(frame) = timeout(patience, connection.drive(body.frame())).await else {
                return Err(Error::Silent { address, after: patience });
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Error::Unreachable { address, reason: chain(&error) }),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    return Ok(Some(data));
                }
            }
        }
    }
}

impl fmt::Debug for HttpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpStream").field(&self.connection.taken.to_string()).finish()
    }
}
