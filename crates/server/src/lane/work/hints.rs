//! The stream of events that a controller sends: whatever it tells of, the host is read at once. Without a stream, and
//! beside it, the host is read as often as it would be anyway.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use ironhand_connectors::{Error, Hints};
use tokio::sync::OwnedSemaphorePermit;

use super::Lane;
use crate::clock;
use crate::credentials::BackOff;
use crate::device::DeviceError;

/// How long after a stream was lost another one is opened; doubles up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(600);

/// How long after it a controller that has no stream is asked again, as new firmware may have one.
const WITHOUT: Duration = Duration::from_secs(24 * 3600);

/// Between two readings for the sake of events: controllers tell of one thing in several.
const APART: Duration = Duration::from_secs(1);

/// A host's stream of events.
pub(super) struct HintWatch {
    open: Option<(Hints, OwnedSemaphorePermit)>,
    back_off: BackOff,
    /// When it may be opened.
    due: Instant,
    /// When the host was read for an event last.
    read: Option<Instant>,
}

/// What came of opening a stream, with the place that it takes among all.
pub(super) type HintsOpened = Option<(Result<Option<Hints>, DeviceError>, OwnedSemaphorePermit)>;

impl HintWatch {
    pub(super) fn new() -> Self {
        Self { open: None, back_off: BackOff::new(FIRST_REST, LONGEST_REST), due: Instant::now(), read: None }
    }

    /// Whether one is to be opened now.
    pub(super) fn is_due(&self) -> bool {
        self.open.is_none() && self.due <= Instant::now()
    }

    /// Takes in what came of opening one.
    pub(super) fn opened(&mut self, opened: HintsOpened) {
        let Some((opened, permit)) = opened else { return };
        match opened {
            Ok(Some(hints)) => self.open = Some((hints, permit)),
            Ok(None) => self.due = Instant::now() + WITHOUT,
            Err(_) => self.due = Instant::now() + self.back_off.failed(),
        }
    }

    /// Whether one is open.
    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The next thing that it tells; waits for ever where there is none. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Result<String, Error>> {
        match &mut self.open {
            Some((hints, _)) => hints.next().await,
            None => std::future::pending().await,
        }
    }

    /// Ends the stream; another one is opened with the next reading.
    pub(super) fn renew(&mut self) {
        *self = Self::new();
    }
}

impl Lane {
    /// Takes in what a stream tells, or that it has ended.
    pub(super) fn hinted(&mut self, told: Option<Result<String, Error>>) {
        let now = Instant::now();
        match told {
            Some(Ok(event)) => {
                tracing::debug!(host = %self.name, event, "told of an event");
                self.hints.back_off.worked();
                self.facts.hear(clock::now(), &event);
                self.judge();
                let at = self.hints.read.map_or(now, |read| now.max(read + APART));
                self.hints.read = Some(at);
                self.times.power = self.times.power.min(at);
            }
            ended => {
                let reason = ended.and_then(Result::err).map(|error| error.to_string());
                tracing::debug!(host = %self.name, reason, "the stream of events ended");
                self.hints.open = None;
                self.facts.listen(false);
                self.hints.due = now + self.hints.back_off.failed();
            }
        }
    }
}
