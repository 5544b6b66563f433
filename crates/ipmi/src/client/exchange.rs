//! One message of an open session and the wait for its reply.

use std::time::{Duration, Instant};

use crate::client::link::Link;
use crate::client::session::Session;
use crate::command::Step;
use crate::completion::CompletionCode;
use crate::fault::{Fault, IgnoreReason};
use crate::message::{Checksums, Message};
use crate::packet::PayloadType;
use crate::quirk::Quirk;

/// How often a busy BMC is asked again.
const BUSY_LIMIT: u32 = 3;

/// The least pause before that.
const BUSY_PAUSE: Duration = Duration::from_millis(500);

/// Why a message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is a step of the current request.
    Step,
    /// It raises the session's privilege level, which the current request needs.
    RaisePrivilege,
    /// It finds out whether the BMC still has the session before a command that must not be sent twice.
    ProveSession,
    /// It keeps the session alive.
    KeepAlive,
    /// It closes the session.
    Close,
}

/// The one message in flight.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) purpose: Purpose,
    pub(super) step: Step,
    request_sequence: u8,
    /// Whether it was sent more than once, or begun anew by a busy BMC's leave.
    repeated: bool,
    /// Answers of "node busy" so far.
    busy: u32,
    sent_at: Instant,
    due: Instant,
    /// When the wait for a reply is over for good.
    give_up: Instant,
    wait: Wait,
}

/// What the deadline of an exchange ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// The wait for a reply.
    Reply,
    /// The pause before the message is sent again to a BMC that was busy.
    Busy,
}

/// What a deadline led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lapse {
    /// It is waited on.
    Pending,
    /// No reply came to any transmission.
    Unanswered,
}

impl Exchange {
    /// Sends `step` for the first time.
    pub(super) fn start(
        link: &mut Link,
        session: &mut Session,
        now: Instant,
        purpose: Purpose,
        step: Step,
    ) -> Self {
        let request_sequence = session.next_request_sequence();
        let give_up = now + Self::patience(link, &step);
        let mut exchange = Self {
            purpose,
            step,
            request_sequence,
            repeated: false,
            busy: 0,
            sent_at: now,
            due: now,
            give_up,
            wait: Wait::Reply,
        };
        exchange.transmit(link, session, now);
        exchange
    }

    fn patience(link: &Link, step: &Step) -> Duration {
        match step.repeatable {
            true => link.config.retransmit.session_patience(),
            false => link.config.retransmit.patience(),
        }
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Sends the message under a new session sequence number, as a BMC drops numbers that it has seen, and under the
    /// same request sequence number, so that the reply to either transmission serves.
    fn transmit(&mut self, link: &mut Link, session: &mut Session, now: Instant) {
        let Step { netfn, lun, command, data, .. } = &self.step;
        let message = Message::request(*netfn, *lun, *command, self.request_sequence, data);
        let bytes = session.seal(&mut *link.entropy, PayloadType::Ipmi, &message.encode());
        link.send(bytes);
        self.wait = Wait::Reply;
        self.sent_at = now;
        self.due = match self.step.repeatable {
            true => (now + link.command_wait()).min(self.give_up),
            false => self.give_up,
        };
    }

    /// Acts on a deadline that passed.
    pub(super) fn wake(&mut self, link: &mut Link, session: &mut Session, now: Instant) -> Lapse {
        if now < self.due {
            return Lapse::Pending;
        }
        match self.wait {
            Wait::Busy => {
                // The BMC answered, so this is a new request and not a retransmission of the old one.
                self.request_sequence = session.next_request_sequence();
                self.repeated = false;
                self.give_up = now + Self::patience(link, &self.step);
                self.transmit(link, session, now);
                Lapse::Pending
            }
            Wait::Reply if now < self.give_up => {
                self.repeated = true;
                link.timing.retransmitted();
                self.transmit(link, session, now);
                Lapse::Pending
            }
            Wait::Reply => Lapse::Unanswered,
        }
    }

    /// Takes the completion code and data out of the reply to this message; `None` if the BMC is busy and the message
    /// will be sent again, which is safe for every command as the BMC did not begin it.
    pub(super) fn receive<'a>(
        &mut self,
        link: &mut Link,
        now: Instant,
        payload: &'a [u8],
    ) -> Result<Option<(CompletionCode, &'a [u8])>, IgnoreReason> {
        let checksums = match link.config.quirks.contains(Quirk::NoChecksumCheck) {
            true => Checksums::Ignored,
            false => Checksums::Checked,
        };
        let reply = Message::decode_as(payload, checksums)?;
        let matches = self.wait == Wait::Reply
            && reply.netfn == self.step.netfn | 1
            && reply.command == self.step.command
            && reply.sequence == self.request_sequence;
        if !matches {
            return Err(IgnoreReason::Unexpected);
        }
        let (&code, data) = reply.data.split_first().ok_or(Fault::Truncated("completion code"))?;
        let code = CompletionCode(code);
        if !self.repeated {
            link.timing.answered(now.saturating_duration_since(self.sent_at));
        }
        if code == CompletionCode::NODE_BUSY && self.busy < BUSY_LIMIT {
            self.due = now + link.open_wait(self.busy).max(BUSY_PAUSE);
            self.busy += 1;
            self.wait = Wait::Busy;
            return Ok(None);
        }
        Ok(Some((code, data)))
    }
}
