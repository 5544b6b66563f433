//! One connection to a screen: what was asked of it, who waits for it, and what is typed on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::arrival::Arrival;
use super::connection::Connection;
use super::typing::Typing;
use super::{Attempt, Reply, Seen};
use crate::device::DeviceError;
use crate::entrance::late;

/// How long a server may take to tell of a change that has happened already. A screen that is still for so long after
/// it was asked for changes is taken as unchanged.
const STILL: Duration = Duration::from_millis(150);

/// How often the whole screen is asked for. A dead connection looks like a still screen until then.
const WHOLE: Duration = Duration::from_secs(30);

/// How long a connection may take to send a few bytes.
const SEND: Duration = Duration::from_secs(10);

/// How long the whole screen may take to come: a few megabytes over a line of a megabit a second.
pub(super) const ANSWER: Duration = Duration::from_secs(60);

/// What was asked of the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Whole,
    Changes,
}

/// A look that is under way.
#[derive(Clone, Copy)]
pub(super) enum Look {
    None,
    /// Until the answer comes, or, where only changes were asked for, until the screen has been still for long enough.
    Waiting {
        until: Option<Instant>,
    },
}

/// One connection, from its beginning to its end.
pub(super) struct Visit {
    /// The place of its way.
    pub(super) at: usize,
    /// Its connector, as facts name it.
    pub(super) source: Arc<str>,
    pub(super) connection: Connection,
    /// Held until the first picture was read.
    pub(super) arrival: Option<Arrival>,
    pub(super) begun: Instant,
    pub(super) look: Look,
    /// A request that the server has not answered.
    pub(super) asked: Option<Kind>,
    /// When the connection is given up unless the whole screen has come.
    pub(super) answer_by: Option<Instant>,
    pub(super) next_look: Instant,
    /// When the whole screen is to be asked for again.
    pub(super) whole_at: Instant,
    pub(super) lookers: Vec<Reply<Arc<Seen>>>,
    pub(super) typing: Typing,
    pub(super) over: bool,
}

impl Visit {
    pub(super) fn new(at: usize, source: Arc<str>, typing: Typing, connection: Connection) -> Self {
        let now = Instant::now();
        Self {
            at,
            typing,
            source,
            connection,
            arrival: None,
            begun: now,
            look: Look::None,
            asked: None,
            answer_by: None,
            next_look: now,
            whole_at: now,
            lookers: Vec::new(),
            over: false,
        }
    }

    /// When something is due, or a way that is to be preferred is tried again.
    pub(super) fn deadline(&self, better: Option<Instant>) -> Instant {
        let look = match self.look {
            Look::None => Some(self.next_look),
            Look::Waiting { until } => until,
        };
        let times = [look, self.typing.due(), self.answer_by, better.filter(|_| self.typing.is_idle())];
        // Without any, the connection and its own deadline decide what is next.
        times.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + WHOLE)
    }

    /// Begins a look. A request for changes that is still open serves for another look at changes.
    pub(super) async fn look(&mut self, kind: Kind) -> Result<(), DeviceError> {
        let now = Instant::now();
        let kind = if self.connection.tells_changes() { kind } else { Kind::Whole };
        if kind == Kind::Whole || self.asked.is_none() {
            if self.asked != Some(Kind::Whole) {
                match timeout(SEND, self.connection.request_update(kind == Kind::Changes)).await {
                    Ok(asked) => asked?,
                    Err(_) => return Err(late(&self.source, SEND)),
                }
            }
            self.asked = Some(kind);
        }
        if kind == Kind::Whole {
            self.whole_at = now + WHOLE;
            self.answer_by.get_or_insert(now + ANSWER);
        }
        let until = (self.asked == Some(Kind::Changes)).then(|| now + STILL);
        self.look = Look::Waiting { until };
        Ok(())
    }

    /// Tells everybody who waits for a look what came of it.
    pub(super) fn tell_lookers(&mut self, result: &Result<Arc<Seen>, DeviceError>) {
        for looker in self.lookers.drain(..) {
            // An error means that nobody waits for the answer any more.
            let _ = looker.send(Attempt { through: Arc::clone(&self.source), result: result.clone() });
        }
    }

    /// Tells everybody who waits why it will not come.
    pub(super) fn fail_all(&mut self, error: &DeviceError) {
        self.tell_lookers(&Err(error.clone()));
        self.typing.fail(error);
    }
}
