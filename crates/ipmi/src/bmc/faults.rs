//! Misbehaviour on demand, for trying consoles against: what a BMC does wrong by itself. What a network does wrong
//! belongs to whoever carries the datagrams; faults of particular vendors are [`Quirks`].

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::Peer;
use crate::bmc::{Bmc, BmcOutput};
use crate::quirk::Quirks;

/// The longest delay, silence or erasure that may be asked for, so that adding it to any instant stays in range.
pub(super) const SPAN_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What a [`Bmc`] does wrong from now on; the default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Every Open Session Request is refused with "insufficient resources", as if others held all sessions.
    pub sessions_full: bool,
    /// Every user is locked out, as failed logins by somebody else may have done.
    pub users_locked: bool,
    /// A proof that it makes with a wrong key.
    pub wrong_proof: Option<Proof>,
    /// Every answer is replaced by as many random bytes.
    pub garbage: bool,
    /// It carries the next command of a session out and restarts before it answers, silent for this long. Happens
    /// once.
    pub restart_at_command: Option<Duration>,
    /// It keeps no replies: a request that a console sends again is carried out again.
    pub repeats_commands: bool,
    /// How long it takes to answer anything.
    pub latency: Duration,
    /// How long erasing its System Event Log takes, as it does where the log is flash memory. Until it is over, the
    /// commands of the log answer "erase in progress" (81h).
    pub erase_time: Duration,
}

/// A proof that a BMC makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// The key exchange authentication code of RAKP message 2: to a console, the password is wrong.
    Rakp2,
    /// The integrity check value of RAKP message 4: to a console, Kg is wrong.
    Rakp4,
    /// The authentication code of every packet in a session.
    Packets,
}

impl Proof {
    /// Spoils `code` if this is the proof that `faults` ask to be wrong.
    pub(super) fn spoil(self, faults: &Faults, code: &mut [u8]) {
        if faults.wrong_proof == Some(self)
            && let Some(last) = code.last_mut()
        {
            *last ^= 1;
        }
    }
}

/// What misbehaving needs to remember.
#[derive(Debug)]
pub(super) struct Misbehaviour {
    pub(super) faults: Faults,
    /// When it hears and says nothing.
    silent: Option<Range<Instant>>,
    /// Answers that are not due yet, in order.
    held: VecDeque<(Instant, Peer, Vec<u8>)>,
}

impl Misbehaviour {
    pub(super) fn new(faults: Faults) -> Self {
        Self { faults, silent: None, held: VecDeque::new() }
    }

    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.silent.as_ref().is_some_and(|silent| silent.contains(&now))
    }

    pub(super) fn held_count(&self) -> usize {
        self.held.len()
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.held.front().map(|(due, ..)| *due)
    }
}

impl Bmc {
    /// Says what it does wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.misbehaviour.faults = faults;
    }

    /// What it does wrong.
    pub fn faults(&self) -> Faults {
        self.misbehaviour.faults
    }

    /// Says which vendor faults it shows from now on; the first are those of
    /// [`BmcConfig::quirks`](crate::BmcConfig::quirks).
    pub fn set_quirks(&mut self, quirks: Quirks) {
        self.config.quirks = quirks;
    }

    /// Restarts: all sessions and unsent answers are forgotten without a word, and nothing is heard or said for
    /// `silent_for`. Settings and boot flags stay.
    pub fn restart(&mut self, now: Instant, silent_for: Duration) {
        self.forget_sessions();
        self.misbehaviour.held.clear();
        self.outputs.retain(|output| !matches!(output, BmcOutput::Send { .. }));
        self.fall_silent(now, silent_for);
    }

    /// Hears and says nothing for `span` from `start` on; answers on their way still come.
    pub(super) fn fall_silent(&mut self, start: Instant, span: Duration) {
        self.misbehaviour.silent = Some(start..start + span.min(SPAN_LIMIT));
    }

    /// Makes those outputs wrong or late that came behind the first `before`.
    pub(super) fn misbehave(&mut self, now: Instant, before: usize) {
        let Faults { garbage, latency, .. } = self.misbehaviour.faults;
        if garbage {
            for output in self.outputs.iter_mut().skip(before) {
                if let BmcOutput::Send { bytes, .. } = output {
                    self.entropy.fill(bytes);
                }
            }
        }
        if latency.is_zero() && self.misbehaviour.held.is_empty() {
            return;
        }
        // Answers keep their order also when the latency becomes shorter.
        let last = self.misbehaviour.held.back().map(|(due, ..)| *due);
        let due = (now + latency.min(SPAN_LIMIT)).max(last.unwrap_or(now));
        for output in self.outputs.split_off(before.min(self.outputs.len())) {
            match output {
                BmcOutput::Send { to, bytes } => self.misbehaviour.held.push_back((due, to, bytes)),
                BmcOutput::Event(_) => self.outputs.push_back(output),
            }
        }
    }

    /// Lets the answers go that are due.
    pub(super) fn release_held(&mut self, now: Instant) {
        while let Some((_, to, bytes)) = self.misbehaviour.held.pop_front_if(|(due, ..)| *due <= now) {
            self.send(to, bytes);
        }
    }
}
