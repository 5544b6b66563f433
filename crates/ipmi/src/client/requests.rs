//! Working on requests: from the queue to messages of a session, from replies to results.

use std::time::{Duration, Instant};

use crate::client::exchange::{Exchange, Purpose};
use crate::client::link;
use crate::client::opening::Opening;
use crate::client::{Client, CloseReason, Error, Event, IdlePolicy, PROVEN_FOR, State, Ticket};
use crate::command::{Command, GetDeviceId, Reply, Request, SetSessionPrivilegeLevel, Step};
use crate::completion::CompletionCode;
use crate::privilege::PrivilegeLevel;
use crate::quirk::Quirk;
use crate::sol::GetSolInstanceInfo;

pub(super) struct Pending {
    pub(super) ticket: Ticket,
    pub(super) request: Request,
}

/// The request being worked on; it outlives a session that is lost under it.
pub(super) struct Current {
    pub(super) ticket: Ticket,
    pub(super) request: Request,
    pub(super) begun: Instant,
    /// Which of the request's messages is next.
    pub(super) step: usize,
    pub(super) reopened: u32,
    /// A step failed; the steps behind it that tidy up still run.
    pub(super) failure: Option<CompletionCode>,
}

impl Drop for Current {
    fn drop(&mut self) {
        if let Request::Raw(raw) = &mut self.request {
            raw.wipe();
        }
    }
}

impl Client {
    pub(super) fn done(&mut self, ticket: Ticket, result: Result<Reply, Error>) {
        if let Some(result) = self.keep_sol_answer(ticket, result) {
            self.link.event(Event::Done { ticket, result });
        }
    }

    pub(super) fn finish(&mut self, result: Result<Reply, Error>) {
        if let Some(current) = self.current.take() {
            self.done(current.ticket, result);
        }
        self.fault = None;
    }

    pub(super) fn fail_queue(&mut self, error: Error) {
        while let Some(pending) = self.queue.pop_front() {
            self.done(pending.ticket, Err(error));
        }
        link::give_back(&mut self.queue);
    }

    /// What silence means, given what else was heard.
    pub(super) fn silence(&self, now: Instant) -> Error {
        match (self.fault, &self.current) {
            (Some(fault), _) => Error::Protocol(fault),
            (None, Some(current)) => Error::Timeout { after: now.saturating_duration_since(current.begun) },
            (None, None) => Error::Timeout { after: Duration::ZERO },
        }
    }

    /// Begins whatever can begin: the next request, a session for it, its next message.
    pub(super) fn advance(&mut self, now: Instant) {
        self.advance_sol(now);
        if self.current.is_none() {
            self.current = self.queue.pop_front().map(|Pending { ticket, request }| Current {
                ticket,
                request,
                begun: now,
                step: 0,
                reopened: 0,
                failure: None,
            });
        }
        link::give_back(&mut self.queue);
        match (&self.state, &self.current) {
            (State::NoSession, Some(current)) => {
                let needed = current.request.privilege();
                let wanted = self.wanted_privilege(needed);
                match Opening::start(&mut self.link, now, needed, wanted) {
                    Ok(opening) => self.state = State::Opening(Box::new(opening)),
                    Err(error) => self.fail(error),
                }
            }
            (State::Open(_), Some(_)) => self.send_next(now),
            (State::Open(open), None)
                if open.exchange.is_none()
                    && self.link.config.idle == IdlePolicy::Close(Duration::ZERO)
                    && !self.has_sol() =>
            {
                self.start_close(now, CloseReason::Idle);
            }
            _ => {}
        }
    }

    /// The level that one session needs for all requests at hand, of which the current one needs `needed`, unless the
    /// user is known not to have it.
    fn wanted_privilege(&self, needed: PrivilegeLevel) -> PrivilegeLevel {
        let waiting = self.queue.iter().map(|pending| pending.request.privilege()).max();
        let limit = self.link.learned.privilege.unwrap_or(self.link.config.privilege);
        waiting.map_or(needed, |waiting| waiting.min(limit).min(self.link.config.privilege).max(needed))
    }

    /// Sends what the current request needs next, unless an answer is still waited for.
    pub(super) fn send_next(&mut self, now: Instant) {
        let (State::Open(open), Some(current)) = (&mut self.state, &self.current) else { return };
        let Some(step) = current.request.step(current.step) else { return };
        if open.exchange.is_some() {
            return;
        }
        if step.privilege > open.session.limit {
            if self.has_open_sol() {
                // A session with a console is not given up for a request.
                self.finish(Err(Error::PrivilegeRefused { needed: step.privilege }));
                return self.advance(now);
            }
            return self.start_close(now, CloseReason::Privilege);
        }
        let proven = now.saturating_duration_since(open.last_answer) < PROVEN_FOR;
        let (purpose, step) = if step.privilege > open.session.privilege {
            (Purpose::RaisePrivilege, Step::of(&SetSessionPrivilegeLevel(step.privilege)))
        } else if !step.repeatable && !proven {
            (Purpose::ProveSession, Step::of(&GetDeviceId))
        } else {
            (Purpose::Step, step)
        };
        open.exchange = Some(Exchange::start(&mut self.link, &mut open.session, now, purpose, step));
    }

    /// No session can be had. Those who wait for it all get the same answer, for asking again would take as long again.
    pub(super) fn fail(&mut self, error: Error) {
        self.finish(Err(error));
        // A request behind it may need less privilege.
        if !matches!(error, Error::PrivilegeRefused { .. } | Error::PrivilegeCapped { .. }) {
            self.fail_queue(error);
        }
    }

    /// The BMC answered the message in flight.
    pub(super) fn answered(&mut self, now: Instant, exchange: &Exchange, code: CompletionCode, data: &[u8]) {
        match exchange.purpose {
            Purpose::Step => self.answered_step(&exchange.step, code, data),
            Purpose::RaisePrivilege => self.answered_privilege(code, data),
            // Any answer proves the session.
            Purpose::KeepAlive if exchange.step.command == GetSolInstanceInfo::CMD => {
                self.answered_sol_check(now, code, data);
            }
            Purpose::ProveSession | Purpose::KeepAlive => {}
            Purpose::Close => self.session_closed(),
        }
    }

    pub(super) fn answered_step(&mut self, step: &Step, code: CompletionCode, data: &[u8]) {
        let Some(current) = &mut self.current else { return };
        if !step.repeatable && code.leaves_outcome_open() {
            return self.finish(Err(Error::OutcomeUnknown));
        }
        if !step.tolerates(code) {
            current.failure = current.failure.or(Some(code));
        }
        current.step += 1;
        if current.request.step(current.step).is_some() {
            return;
        }
        let result = match current.failure {
            Some(code) => Err(Error::Completion(code)),
            None => current.request.decode_reply(data).map_err(Error::Protocol),
        };
        let result = result.map(|reply| match reply {
            Reply::BootFlags(flags) if self.link.config.quirks.contains(Quirk::UefiDisk) => {
                Reply::BootFlags(flags.with_uefi_disk_moved())
            }
            reply => reply,
        });
        self.finish(result);
    }

    pub(super) fn answered_privilege(&mut self, code: CompletionCode, data: &[u8]) {
        let (State::Open(open), Some(current)) = (&mut self.state, &self.current) else { return };
        let needed = current.request.privilege();
        if code == CompletionCode::INVALID_COMMAND {
            // Firmware without the command gives the session its limit from the start.
            open.session.privilege = needed;
            return;
        }
        if !code.is_ok() {
            return self.finish(Err(Error::PrivilegeRefused { needed }));
        }
        match SetSessionPrivilegeLevel::decode(data) {
            Ok(level) if level >= needed => open.session.privilege = level,
            Ok(_) => self.finish(Err(Error::PrivilegeRefused { needed })),
            Err(fault) => self.finish(Err(Error::Protocol(fault))),
        }
    }
}
