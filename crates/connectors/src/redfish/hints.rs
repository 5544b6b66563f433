//! The stream of a controller's events as hints that something should be read.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream;

use super::{RedfishDevice, RedfishEvents};
use crate::{Error, Hints};

/// After so long without a byte a stream is taken for dead. Most controllers send something to keep it alive each minute.
const SILENCE: Duration = Duration::from_secs(600);

/// A stream that is open, and the events of it that were not asked for yet.
struct Reading {
    events: RedfishEvents,
    waiting: VecDeque<String>,
    is_over: bool,
}

impl RedfishDevice {
    /// Opens the stream of events; none where the controller has none.
    pub(super) async fn open_hints(&mut self) -> Result<Option<Hints>, Error> {
        let events = match self.events().await {
            Err(error) if error.is_unsupported() => return Ok(None),
            events => events?,
        };
        let reading = Reading { events, waiting: VecDeque::new(), is_over: false };
        Ok(Some(Box::pin(stream::unfold(reading, next))))
    }
}

async fn next(mut reading: Reading) -> Option<(Result<String, Error>, Reading)> {
    loop {
        if let Some(hint) = reading.waiting.pop_front() {
            return Some((Ok(hint), reading));
        }
        if reading.is_over {
            return None;
        }
        match reading.events.next(SILENCE).await {
            Ok(None) => reading.is_over = true,
            Ok(Some(events)) => reading.waiting.extend(
                events
                    .into_iter()
                    .map(|event| event.message.or(event.message_id).unwrap_or_else(|| "an event".to_owned())),
            ),
            Err(error) => {
                reading.is_over = true;
                return Some((Err(error), reading));
            }
        }
    }
}
