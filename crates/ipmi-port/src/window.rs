//! How many BMCs may have an exchange outstanding at once.
//!
//! Thousands of BMCs asked in the same moment would answer into one socket buffer in the same moment, and what does not
//! fit is lost. So a BMC enters the window before it is asked and leaves it with its answer. The window grows with each
//! answer as long as answers come about as fast as the fastest did: beyond that, more questions only wait in a queue
//! somewhere. It shrinks when a BMC that had answered before has to be asked again.
//!
//! A BMC that is dead must not keep others out. It leaves the window when [`OVERTAKEN`] datagrams that were sent after its
//! own have been answered, or after [`Window::patience`]; its client goes on waiting outside.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::slot::{Place, Slot};

/// What an answer takes of a socket's buffer, as Linux counts it.
const ANSWER: usize = 768;

/// BMCs in the window at first, where the socket's buffer holds as many answers.
const FIRST: usize = 1024;

/// The window never becomes smaller, so that a lossy line does not stop the others.
const LEAST: usize = 32;

/// Nor larger, whatever the buffer.
const MOST: usize = 4096;

/// Answers to later datagrams after which an earlier one no longer counts. Answers of BMCs that are about as far away as
/// each other overtake by less.
const OVERTAKEN: u64 = 96;

/// How much later than twice the fastest an answer may come while the window still grows: what the scheduling of this
/// machine adds.
const SLACK: Duration = Duration::from_millis(5);

/// How long the fastest answer counts; routes and loads change.
const FASTEST_FOR: Duration = Duration::from_secs(10);

/// A datagram that an answer is expected to: what the BMC keeps of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// Its place among all datagrams of the port.
    place: u64,
    at: Instant,
}

/// How many BMCs may have an exchange outstanding at once.
#[derive(Debug)]
pub(crate) struct Window {
    limit: usize,
    /// The answers that the socket's buffer holds.
    most: usize,
    inside: usize,
    last_place: u64,
    /// The latest place whose datagram was answered.
    answered: u64,
    /// The places of those inside in the order of sending, and their BMCs' numbers. Entries of BMCs that have been
    /// answered or have sent again are stale.
    order: VecDeque<(Sent, usize)>,
    /// Smoothed time to an answer.
    round_trip: Option<Duration>,
    /// The fastest answer of late, and since when it counts.
    fastest: Option<(Duration, Instant)>,
    shrunk: Option<Instant>,
}

impl Window {
    /// A window for a socket whose receive buffer has so many bytes.
    pub(crate) fn new(buffer: usize) -> Self {
        let most = (buffer / ANSWER).clamp(LEAST, MOST);
        Self {
            limit: FIRST.min(most),
            most,
            inside: 0,
            last_place: 0,
            answered: 0,
            order: VecDeque::new(),
            round_trip: None,
            fastest: None,
            shrunk: None,
        }
    }

    /// Whether another BMC may enter.
    pub(crate) fn has_room(&self) -> bool {
        self.inside < self.limit
    }

    /// A BMC is asked: it enters with its first datagram. A datagram that is sent again changes nothing, so that dead BMCs
    /// do not keep coming back.
    pub(crate) fn asked(&mut self, number: usize, slot: &mut Slot, now: Instant) {
        if slot.sent.is_some() {
            slot.repeated = true;
            if slot.has_answered {
                self.lost(now);
            }
            return;
        }
        if slot.place != Place::Inside {
            slot.place = Place::Inside;
            self.inside += 1;
        }
        self.last_place += 1;
        let sent = Sent { place: self.last_place, at: now };
        self.order.push_back((sent, number));
        slot.sent = Some(sent);
        slot.repeated = false;
    }

    /// A BMC has answered. `waited_for` says whether others wait to enter.
    pub(crate) fn heard(&mut self, slot: &mut Slot, now: Instant, waited_for: bool) {
        let Some(sent) = slot.sent.take() else { return };
        slot.has_answered = true;
        // Which of several equal datagrams was answered, nobody can say.
        if !std::mem::take(&mut slot.repeated) {
            self.answered(sent, now, waited_for);
        }
    }

    /// A BMC leaves, answered or not.
    pub(crate) fn leave(&mut self) {
        self.inside = self.inside.saturating_sub(1);
    }

    fn answered(&mut self, sent: Sent, now: Instant, waited_for: bool) {
        self.answered = self.answered.max(sent.place);
        let sample = now.saturating_duration_since(sent.at);
        let smoothed = self.round_trip.map_or(sample, |before| before / 16 * 15 + sample / 16);
        self.round_trip = Some(smoothed);
        let fastest = match self.fastest {
            Some((fastest, since))
                if sample >= fastest && now.saturating_duration_since(since) < FASTEST_FOR =>
            {
                fastest
            }
            _ => {
                self.fastest = Some((sample, now));
                sample
            }
        };
        if waited_for && self.limit < self.most && smoothed < fastest * 2 + SLACK {
            self.limit += 1;
        }
    }

    /// A BMC that had answered before is asked again: something is full, or the line loses.
    fn lost(&mut self, now: Instant) {
        // Once for each round trip: what was sent in the same moment was lost in the same moment.
        let pause = self.round_trip.unwrap_or_default();
        if self.shrunk.is_none_or(|at| now.saturating_duration_since(at) > pause) {
            self.limit = (self.limit / 4 * 3).max(LEAST);
            self.shrunk = Some(now);
        }
    }

    /// How long a BMC may be silent before others take its place: long enough for those that answer, short enough for
    /// those that do not.
    fn patience(&self) -> Duration {
        match self.round_trip {
            Some(round_trip) => (round_trip * 3).clamp(Duration::from_millis(5), Duration::from_secs(1)),
            None => Duration::from_millis(50),
        }
    }

    /// The number of a BMC inside that has been silent for too long; the caller lets it leave. `counts` says whether a
    /// datagram is the last one of a BMC that is inside.
    pub(crate) fn overdue(&mut self, now: Instant, counts: impl Fn(usize, Sent) -> bool) -> Option<usize> {
        let patience = self.patience();
        while let Some(&(sent, number)) = self.order.front() {
            let late =
                sent.place + OVERTAKEN < self.answered || now.saturating_duration_since(sent.at) >= patience;
            if !counts(number, sent) {
                self.order.pop_front();
            } else if late {
                self.order.pop_front();
                return Some(number);
            } else {
                return None;
            }
        }
        None
    }

    /// When [`Window::overdue`] may next have a number.
    pub(crate) fn next_overdue(&self) -> Option<Instant> {
        self.order.front().map(|(sent, _)| sent.at + self.patience())
    }
}

impl Sent {
    /// Whether both are the same datagram.
    pub(crate) fn is(self, other: Self) -> bool {
        self.place == other.place
    }
}

#[cfg(test)]
mod tests;
