//! One transfer of the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Arrival, End, Ended, Offer, Road, TransferId};
use crate::options::{BLKSIZE_DEFAULT, Options};
use crate::packet::{ErrorCode, Mode, Request};

/// Until anything is known of how long the client takes (rule of thumb of most implementations).
const TIMEOUT_FIRST: Duration = Duration::from_secs(1);
/// Never sooner: the client may be writing to flash memory.
const TIMEOUT_LEAST: Duration = Duration::from_millis(200);
/// Never later, unless the client asked for more.
const TIMEOUT_MOST: Duration = Duration::from_secs(8);

/// What was agreed on with a client.
pub(super) struct Agreed {
    pub(super) granted: Options,
    /// The interval that the client asked for.
    pub(super) timeout: Option<Duration>,
}

/// Blocks that are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Blocks that come before.
    pub(super) before: u64,
    pub(super) count: u32,
}

/// What follows from something that happened.
#[derive(Debug)]
pub(super) enum Step {
    Nothing,
    Options(Options),
    Window(Window),
    Done,
}

#[derive(Debug)]
enum State {
    /// The file is being looked for.
    Asked,
    /// The options were granted, and the client has not said whether it agrees.
    Negotiating(Options),
    /// Blocks are under way.
    Sending,
}

#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) client: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) road: Road,
    pub(super) mode: Mode,
    pub(super) options: Options,
    pub(super) blksize: u16,
    pub(super) length: u64,
    /// When the last thing that was sent is sent again.
    pub(super) deadline: Option<Instant>,
    /// The earliest entry among the timers.
    pub(super) timer: Option<Instant>,
    path: String,
    state: State,
    began: Instant,
    windowsize: u16,
    /// Blocks of the file. The last one is shorter than the others, if need be empty.
    blocks: u64,
    /// Blocks that the client has.
    acknowledged: u64,
    /// Blocks that were sent.
    sent: u64,
    /// When the window that is under way was sent.
    sent_at: Instant,
    /// The window that is under way was sent more than once, or began with blocks of the one before.
    again: bool,
    /// The window before this one was.
    again_before: bool,
    /// From a window to its acknowledgement, smoothed.
    round_trip: Option<Duration>,
    /// The interval that the client asked for.
    fixed: Option<Duration>,
    retries: u8,
    repeated: u64,
}

impl Transfer {
    pub(super) fn new(now: Instant, arrival: Arrival, path: String, request: &Request<'_>) -> Self {
        Self {
            client: arrival.client,
            local: arrival.local,
            road: arrival.road,
            mode: request.mode,
            options: request.options.clone(),
            blksize: BLKSIZE_DEFAULT,
            length: 0,
            deadline: None,
            timer: None,
            path,
            state: State::Asked,
            began: now,
            windowsize: 1,
            blocks: 0,
            acknowledged: 0,
            sent: 0,
            sent_at: now,
            again: false,
            again_before: false,
            round_trip: None,
            fixed: None,
            retries: 0,
            repeated: 0,
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        matches!(self.state, State::Asked)
    }

    pub(super) fn arrival(&self) -> Arrival {
        Arrival { client: self.client, local: self.local, road: self.road }
    }

    /// The file is there: grants options, or sends the first block where none were asked for.
    pub(super) fn begin(&mut self, now: Instant, offer: &Offer, agreed: Agreed) -> Step {
        let Agreed { granted, timeout } = agreed;
        self.road = offer.road;
        self.length = offer.length;
        self.blksize = granted.blksize.unwrap_or(BLKSIZE_DEFAULT);
        self.windowsize = granted.windowsize.unwrap_or(1);
        self.blocks = self.length / u64::from(self.blksize) + 1;
        self.fixed = timeout;
        if granted.is_empty() {
            self.state = State::Sending;
            return self.send(now);
        }
        self.state = State::Negotiating(granted.clone());
        self.sent_at = now;
        self.deadline = Some(now + self.timeout());
        Step::Options(granted)
    }

    /// The same client asks again. `None` if it wants something else, or has begun to read.
    pub(super) fn asked_again(&mut self, now: Instant, path: &str, request: &Request<'_>) -> Option<Step> {
        let same = self.path == path && self.mode == request.mode && self.options == request.options;
        match &self.state {
            State::Asked if same => Some(Step::Nothing),
            State::Negotiating(granted) if same => {
                self.repeated += 1;
                self.again = true;
                Some(Step::Options(granted.clone()))
            }
            // The first block is the answer, and the timer repeats it.
            State::Sending if same && self.acknowledged == 0 && self.options.is_empty() => {
                Some(Step::Nothing)
            }
            // A copy that the network kept for a while. A machine does not start again so soon.
            State::Sending if same && now.saturating_duration_since(self.began) < TIMEOUT_FIRST => {
                Some(Step::Nothing)
            }
            _ => None,
        }
    }

    pub(super) fn acknowledge(&mut self, now: Instant, block: u16) -> Step {
        match self.state {
            State::Asked => Step::Nothing,
            State::Negotiating(_) if block == 0 => {
                self.measure(now);
                self.state = State::Sending;
                self.advance(now)
            }
            State::Negotiating(_) => Step::Nothing,
            State::Sending => {
                let ahead = u64::from(block.wrapping_sub(self.acknowledged as u16));
                let outstanding = self.sent - self.acknowledged;
                if ahead > outstanding {
                    // Of blocks long acknowledged, or never sent.
                    return Step::Nothing;
                }
                if ahead == 0 {
                    return self.duplicate(now);
                }
                if ahead == outstanding {
                    self.measure(now);
                }
                self.acknowledged += ahead;
                if self.acknowledged == self.blocks {
                    return Step::Done;
                }
                let step = self.advance(now);
                if ahead < outstanding {
                    // What follows was lost and is under way again. Each block of the rest of the old window may make the
                    // client say so once more.
                    self.again = true;
                    self.repeated += (outstanding - ahead).min(u64::from(self.windowsize));
                }
                step
            }
        }
    }

    /// An acknowledgement of what was acknowledged before.
    ///
    /// Block by block it says nothing: to answer it would send each block twice from there on (RFC 1123, section 4.2.3.1).
    /// With windows it may say that the first block of the window was lost (RFC 7440, section 4). It is believed when the
    /// window can have been seen by the client, once for each window, and not when a window before was sent twice, whose
    /// second acknowledgement it would be. Where it is not believed, the timer helps.
    fn duplicate(&mut self, now: Instant) -> Step {
        let seen = self.round_trip.unwrap_or(TIMEOUT_LEAST) / 2;
        let early = now.saturating_duration_since(self.sent_at) < seen;
        if self.windowsize == 1 || self.again || self.again_before || early {
            return Step::Nothing;
        }
        self.again = true;
        self.repeated += self.sent - self.acknowledged;
        self.window(now)
    }

    /// Sends the window behind what was just acknowledged.
    fn advance(&mut self, now: Instant) -> Step {
        self.again_before = std::mem::take(&mut self.again);
        self.retries = 0;
        self.send(now)
    }

    fn send(&mut self, now: Instant) -> Step {
        self.sent = (self.acknowledged + u64::from(self.windowsize)).min(self.blocks);
        self.window(now)
    }

    fn window(&mut self, now: Instant) -> Step {
        self.sent_at = now;
        self.deadline = Some(now + self.timeout());
        let count = (self.sent - self.acknowledged) as u32;
        Step::Window(Window { before: self.acknowledged, count })
    }

    /// The deadline has passed: sends the last thing again. `None` if that was done often enough.
    pub(super) fn retransmit(&mut self, now: Instant, limit: u8) -> Option<Step> {
        if self.retries >= limit {
            return None;
        }
        self.retries += 1;
        self.again = true;
        match &self.state {
            State::Asked => {
                self.deadline = None;
                Some(Step::Nothing)
            }
            State::Negotiating(granted) => {
                let granted = granted.clone();
                self.repeated += 1;
                self.sent_at = now;
                self.deadline = Some(now + self.timeout());
                Some(Step::Options(granted))
            }
            State::Sending => {
                self.repeated += self.sent - self.acknowledged;
                Some(self.window(now))
            }
        }
    }

    /// How long to wait for an answer to what is sent now: what the client asked for, or by how long it took before, and
    /// twice as long each time that it does not come.
    fn timeout(&self) -> Duration {
        // Who asks for an interval has agreed to it when it answers. Whoever makes up addresses would hold places for half an
        // hour each.
        let agreed = self.fixed.filter(|_| matches!(self.state, State::Sending));
        let first = agreed.unwrap_or_else(|| match self.round_trip {
            Some(round_trip) => (round_trip * 4).clamp(TIMEOUT_LEAST, TIMEOUT_FIRST),
            None => TIMEOUT_FIRST,
        });
        let longest = TIMEOUT_MOST.max(first);
        first.saturating_mul(1 << self.retries.min(16)).min(longest)
    }

    /// Learns from an acknowledgement, unless it may be that of an earlier copy.
    fn measure(&mut self, now: Instant) {
        if !self.again {
            let took = now.saturating_duration_since(self.sent_at);
            self.round_trip = Some(self.round_trip.map_or(took, |known| (known * 7 + took) / 8));
        }
    }

    pub(super) fn end_by_client(&self, code: ErrorCode, message: &str) -> End {
        match &self.state {
            State::Negotiating(granted) if code == ErrorCode::OPTIONS || granted.tsize.is_some() => {
                End::SizeOnly
            }
            _ => End::Error(code, message.chars().take(200).collect()),
        }
    }

    pub(super) fn end_by_closed_port(&self) -> End {
        match &self.state {
            State::Negotiating(granted) if granted.tsize.is_some() => End::SizeOnly,
            _ => End::Closed { all_sent: self.all_sent() },
        }
    }

    pub(super) fn end_by_silence(&self) -> End {
        End::Silent { all_sent: self.all_sent() }
    }

    fn all_sent(&self) -> bool {
        matches!(self.state, State::Sending) && self.sent == self.blocks
    }

    pub(super) fn ended(self, now: Instant, id: TransferId, end: End) -> Ended {
        Ended {
            transfer: id,
            client: self.client,
            path: self.path,
            acknowledged: (self.acknowledged * u64::from(self.blksize)).min(self.length),
            length: self.length,
            repeated: self.repeated,
            took: now.saturating_duration_since(self.began),
            end,
        }
    }
}
