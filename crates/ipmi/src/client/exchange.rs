//! One message of an open session and the wait for its reply.

use std::time::Instant;

use crate::client::link::Link;
use crate::client::session::Session;
use crate::command::Step;
use crate::completion::CompletionCode;
use crate::fault::{Fault, IgnoreReason};
use crate::message::Message;

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
    /// Transmissions so far, less one.
    attempt: u32,
    due: Instant,
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
        let mut exchange = Self { purpose, step, request_sequence, attempt: 0, due: now, wait: Wait::Reply };
        exchange.transmit(link, session, now);
        exchange
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Sends the message under a new session sequence number, as a BMC drops numbers that it has seen, and under the
    /// same request sequence number, so that the reply to either transmission serves.
    fn transmit(&mut self, link: &mut Link, session: &mut Session, now: Instant) {
        let Step { netfn, lun, command, data, .. } = &self.step;
        let message = Message::request(*netfn, *lun, *command, self.request_sequence, data);
        let bytes = session.seal(&mut *link.entropy, &message.encode());
        link.send(bytes);
        self.wait = Wait::Reply;
        self.due = now
            + match self.step.repeatable {
                true => link.wait(self.attempt),
                false => link.config.retransmit.patience(),
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
                self.transmit(link, session, now);
                Lapse::Pending
            }
            Wait::Reply if self.step.repeatable && self.may_repeat(link) => {
                self.attempt += 1;
                self.transmit(link, session, now);
                Lapse::Pending
            }
            Wait::Reply => Lapse::Unanswered,
        }
    }

    fn may_repeat(&self, link: &Link) -> bool {
        self.attempt + 1 < link.config.retransmit.attempts()
    }

    /// Takes the completion code and data out of the reply to this message; `None` if the BMC is busy and the message
    /// will be sent again, which is safe for every command as the BMC did not begin it.
    pub(super) fn receive<'a>(
        &mut self,
        link: &mut Link,
        now: Instant,
        payload: &'a [u8],
    ) -> Result<Option<(CompletionCode, &'a [u8])>, IgnoreReason> {
        let reply = Message::decode(payload)?;
        let matches = self.wait == Wait::Reply
            && reply.netfn == self.step.netfn | 1
            && reply.command == self.step.command
            && reply.sequence == self.request_sequence;
        if !matches {
            return Err(IgnoreReason::Unexpected);
        }
        let (&code, data) = reply.data.split_first().ok_or(Fault::Truncated("completion code"))?;
        let code = CompletionCode(code);
        if code == CompletionCode::NODE_BUSY && self.may_repeat(link) {
            self.due = now + link.wait(self.attempt);
            self.attempt += 1;
            self.wait = Wait::Busy;
            return Ok(None);
        }
        Ok(Some((code, data)))
    }
}
