//! One BMC at the port: its machine, who waits for what, and where it stands.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use ironhand_ipmi::client::QUEUE_LIMIT;
use ironhand_ipmi::{Client, ClientConfig, Error, Output, Reply, Request, Ticket};
use tokio::sync::oneshot;

use crate::entropy::OsEntropy;
use crate::sol::Console;
use crate::timers::Armed;
use crate::warm::Rest;
use crate::window::Sent;

/// Who waits for an answer.
pub(crate) type Asker = oneshot::Sender<Result<Reply, Error>>;

/// Where a BMC stands with regard to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It has nothing to do, or it has been silent for so long that it no longer counts.
    Outside,
    /// It has something to do and waits for room.
    Queued,
    /// It was asked and is expected to answer.
    Inside,
}

/// One BMC at the port.
pub(crate) struct Slot {
    /// Tells it from others that had its number before.
    pub(crate) serial: u64,
    pub(crate) peer: SocketAddr,
    pub(crate) client: Client,
    /// Requests that its machine does not know yet: it is given one at a time, and others have their turn between them.
    requests: VecDeque<(Request, Asker)>,
    /// The request that the machine works on.
    current: Option<(Ticket, Asker)>,
    /// The serial console that is open or about to be.
    pub(crate) console: Option<Box<Console>>,
    pub(crate) armed: Armed,
    pub(crate) place: Place,
    /// The last datagram, while nothing has come back.
    pub(crate) sent: Option<Sent>,
    /// It was sent more than once.
    pub(crate) repeated: bool,
    /// Something came back at some time.
    pub(crate) has_answered: bool,
    /// Its last request ended in silence.
    pub(crate) is_dead: bool,
    /// Its session has no work.
    pub(crate) rest: Option<Rest>,
    /// Its session is to be closed although its owner may ask again.
    pub(crate) cooling: bool,
    /// Its owner has let go of it; it is forgotten when its session is closed.
    pub(crate) closing: bool,
    /// Its machine was told so. It says its farewell by itself, or has done so already, and needs time alone.
    pub(crate) told_to_close: bool,
    /// Who waits for that.
    pub(crate) closed: Option<oneshot::Sender<()>>,
}

impl Slot {
    pub(crate) fn new(serial: u64, peer: SocketAddr, config: ClientConfig) -> Self {
        Self {
            serial,
            peer,
            client: Client::new(config, Box::new(OsEntropy)),
            requests: VecDeque::new(),
            current: None,
            console: None,
            armed: Armed::default(),
            place: Place::Outside,
            sent: None,
            repeated: false,
            has_answered: false,
            is_dead: false,
            rest: None,
            cooling: false,
            closing: false,
            told_to_close: false,
            closed: None,
        }
    }

    /// Keeps a request for its turn.
    pub(crate) fn keep(&mut self, request: Request, asker: Asker) {
        let refusal = if self.closing {
            Error::Closed
        } else if self.requests.len() >= QUEUE_LIMIT {
            Error::QueueFull
        } else {
            self.requests.push_back((request, asker));
            return;
        };
        // An error means that the caller waits no longer.
        let _ = asker.send(Err(refusal));
    }

    /// The next request that somebody still waits for.
    pub(crate) fn next_request(&mut self) -> Option<(Request, Asker)> {
        while let Some((request, asker)) = self.requests.pop_front() {
            if !asker.is_closed() {
                return Some((request, asker));
            }
        }
        // The room for a burst of requests is not kept for a quiet time.
        self.requests = VecDeque::new();
        None
    }

    /// Notes which request the machine works on.
    pub(crate) fn works_on(&mut self, ticket: Ticket, asker: Asker) {
        self.current = Some((ticket, asker));
    }

    /// Tells who asked. Silence makes the BMC count as dead until it answers a request.
    pub(crate) fn answer(&mut self, ticket: Ticket, result: Result<Reply, Error>) {
        self.is_dead = matches!(result, Err(Error::Timeout { .. }));
        self.sent = None;
        if let Some((_, asker)) = self.current.take_if(|(current, _)| *current == ticket) {
            // An error means that the caller waits no longer.
            let _ = asker.send(result);
        }
    }

    /// Ends requests that the machine was not given.
    pub(crate) fn refuse_requests(&mut self) {
        for (_, asker) in std::mem::take(&mut self.requests) {
            // An error means that the caller waits no longer.
            let _ = asker.send(Err(Error::Closed));
        }
    }

    /// The next thing that its machine wants, which is given what is typed as it has room.
    pub(crate) fn next_output(&mut self, now: Instant) -> Option<Output> {
        loop {
            let output = self.client.next_output();
            let console = self.console.as_mut().filter(|_| output.is_none());
            if !console.is_some_and(|console| console.feed(&mut self.client, now)) {
                return output;
            }
        }
    }

    /// Whether an answer or a deadline will move it without anybody's doing.
    pub(crate) fn is_under_way(&self) -> bool {
        self.sent.is_some() || self.current.is_some()
    }

    /// Tells its machine to close the session.
    pub(crate) fn tell_to_close(&mut self, now: Instant) {
        self.told_to_close = true;
        self.client.close(now);
    }

    /// Whether its machine is to be given something.
    pub(crate) fn has_work(&self) -> bool {
        !self.requests.is_empty() || self.cooling || (self.closing && !self.told_to_close)
    }
}
