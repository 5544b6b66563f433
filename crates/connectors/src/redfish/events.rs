//! What a controller tells on its own, as it happens (DSP0266 section 13.4).

use std::time::Duration;

use http::header::CONTENT_TYPE;
use ironhand_redfish::{Event, Request, Sse, event_stream};

use super::RedfishDevice;
use super::transport::Stream;
use crate::{Error, HttpStream};

/// Events of one controller, as they come. To drop it is to end it.
///
/// Controllers lose events and send them late: an event is a hint to look, and none is no proof that nothing happened.
pub struct RedfishEvents {
    stream: Box<HttpStream>,
    sse: Sse,
}

impl RedfishEvents {
    /// Waits for the next events, which come one or a few at a time; `None` when the controller has ended the stream.
    ///
    /// # Errors
    ///
    /// As [`HttpStream::next`]: after [`Error::Silent`] the stream can still be read.
    pub async fn next(&mut self, patience: Duration) -> Result<Option<Vec<Event>>, Error> {
        loop {
            let Some(bytes) = self.stream.next(patience).await? else { return Ok(None) };
            let messages = self.sse.receive(&bytes);
            let events: Vec<Event> = messages.iter().flat_map(|message| message.events()).collect();
            if !events.is_empty() {
                return Ok(Some(events));
            }
        }
    }

    /// How long the controller wants to be left alone before the stream is opened again, where it said so.
    pub const fn retry(&self) -> Option<Duration> {
        self.sse.retry()
    }
}

impl RedfishDevice {
    /// Opens the stream of the controller's events.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where it has none, and as [`RedfishDevice::run`].
    pub async fn events(&mut self) -> Result<RedfishEvents, Error> {
        let Some(path) = self.run(event_stream).await? else {
            return Err(Error::Unsupported {
                what: "tell events as they happen: it has no stream".to_owned(),
            });
        };
        let request = Request::get(path);
        let mut credentials = self.broker.credentials(&self.transport).await?;
        let mut opened = self.transport.open(&request, self.broker.authorization(&credentials)).await?;
        if let Stream::Refused(answer) = &opened
            && self.broker.is_over(&credentials, answer).await
        {
            credentials = self.broker.credentials(&self.transport).await?;
            opened = self.transport.open(&request, self.broker.authorization(&credentials)).await?;
        }
        match opened {
            Stream::Refused(answer) => {
                self.broker.is_over(&credentials, &answer).await;
                Err(self.broker.named(answer.error(&request)))
            }
            Stream::Began(stream) if is_of_events(&stream) => {
                Ok(RedfishEvents { stream, sse: Sse::default() })
            }
            Stream::Began(_) => Err(Error::Malformed { reason: "it is no stream of events".to_owned() }),
        }
    }
}

fn is_of_events(stream: &HttpStream) -> bool {
    let kind = stream.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}
