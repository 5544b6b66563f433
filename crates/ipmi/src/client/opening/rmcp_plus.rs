//! Setting up an RMCP+ session: Open Session, RAKP 1 and 2, RAKP 3 and 4 (IPMI 2.0 section 13.15).
//!
//! Once the BMC has moved on to the next step, the messages of the one before cannot be repeated: a second RAKP message 1
//! gets another random number, and the proof made with the first one would count as a failed login. So an unanswered
//! RAKP message makes a second run begin under new numbers, beside the first, whose answer is still welcome: whichever
//! is answered goes on. A BMC that was only slow answers the first run before it looks at the second, and has lost
//! nothing but one Open Session Request. There are never more than two runs.

use std::time::Instant;

use crate::client::error::Error;
use crate::client::link::{Credentials, Link};
use crate::client::opening::Progress;
use crate::client::opening::probe::Probe;
use crate::client::opening::run::{Proposal, Run, Verdict};
use crate::fault::IgnoreReason;
use crate::packet::{Datagram, PlusPacket};
use crate::privilege::PrivilegeLevel;
use crate::setup::RakpStatus;
use crate::suite::CipherSuite;

/// Waits in vain for an Open Session Response, with the BMC known to be there, until it is taken to drop the suite in
/// silence.
const SILENT_REFUSAL: u32 = 3;

/// How often a BMC may forget a session between two steps of its set-up.
const FORGOTTEN_LIMIT: u32 = 3;

/// A set-up under way.
#[derive(Debug)]
pub(in crate::client) struct RmcpPlus {
    credentials: Credentials,
    /// The privilege level asked for.
    privilege: PrivilegeLevel,
    /// The lowest level that is of use.
    needed: PrivilegeLevel,
    /// Suites not refused yet at this privilege level; the first is being tried.
    suites: Vec<CipherSuite>,
    all_suites: Vec<CipherSuite>,
    refusals: Refusals,
    /// The user is refused at the level needed; what is asked for is only whether there is such a user.
    only_name: bool,
    newest: Run,
    /// The run before, while its answer may still come.
    older: Option<Run>,
    /// Waits in vain since the set-up came further than ever before.
    attempt: u32,
    /// The most answers that a run got.
    furthest: u8,
    forgotten: u32,
    due: Instant,
    give_up: Instant,
    probe: Probe,
}

/// Refusals so far at this privilege level; they decide what the final error is.
#[derive(Debug, Default)]
struct Refusals {
    privilege: bool,
    resources: bool,
    /// Not a refusal, but no answer to a suite either: it may have been the network.
    silence: bool,
}

impl RmcpPlus {
    /// Begins a set-up for a session of level `wanted`, or a lower one down to `needed`, and sends its first message.
    pub(super) fn start(
        link: &mut Link,
        now: Instant,
        needed: PrivilegeLevel,
        wanted: PrivilegeLevel,
    ) -> Result<Self, Error> {
        let mut all_suites = link.config.suites.clone();
        all_suites.sort_by_key(|suite| Some(*suite) != link.learned.suite);
        let suite = *all_suites.first().ok_or(Error::NoCommonSuite)?;
        let credentials = link.credentials.clone()?;
        let privilege = wanted.max(PrivilegeLevel::User);
        let proposal = Proposal { suite, privilege, only_name: false };
        Ok(Self {
            credentials,
            privilege,
            needed,
            suites: all_suites.clone(),
            all_suites,
            refusals: Refusals::default(),
            only_name: false,
            newest: Run::begin(link, now, proposal, None),
            older: None,
            attempt: 0,
            furthest: 0,
            forgotten: 0,
            due: now + link.open_wait(0),
            give_up: now + link.config.retransmit.patience(),
            probe: Probe::default(),
        })
    }

    /// The BMC has a session from the moment that it takes RAKP message 3.
    pub(super) fn may_be_open(&self) -> bool {
        [Some(&self.newest), self.older.as_ref()].into_iter().flatten().any(Run::awaits_proof)
    }

    pub(super) fn next_wake(&self) -> Instant {
        self.due
    }

    /// Begins a run for what is to be proposed now. The one before stays welcome if it proposed the same.
    fn begin_run(&mut self, link: &mut Link, now: Instant) -> Progress {
        let Some(&suite) = self.suites.first() else { return self.final_refusal() };
        let proposal = Proposal { suite, privilege: self.privilege, only_name: self.only_name };
        let run = Run::begin(link, now, proposal, Some(&self.newest));
        self.older = Some(std::mem::replace(&mut self.newest, run));
        self.set_due(link, now);
        Progress::Pending
    }

    /// Starts over with another proposal.
    fn propose(&mut self, link: &mut Link, now: Instant) -> Progress {
        self.attempt = 0;
        self.furthest = 0;
        self.give_up = now + link.config.retransmit.patience();
        let progress = self.begin_run(link, now);
        self.older = None;
        progress
    }

    fn set_due(&mut self, link: &mut Link, now: Instant) {
        let wait = match self.newest.progress() {
            // What decides whether a suite is dropped in silence is not whether the line is bad.
            0 if self.may_be_dropped() => link.open_wait(0),
            0 => link.open_wait(self.attempt),
            _ => link.handshake_wait(self.attempt),
        };
        self.due = (now + wait).min(self.give_up);
    }

    /// Whether the BMC is there, says nothing to this suite, and another is left.
    fn may_be_dropped(&self) -> bool {
        self.furthest == 0 && self.probe.is_answered() && self.suites.len() > 1
    }

    /// The deadline passed without an answer.
    pub(super) fn wake(&mut self, link: &mut Link, now: Instant) -> Progress {
        if now < self.due {
            return Progress::Pending;
        }
        self.attempt += 1;
        if self.newest.progress() > 0 {
            return if now < self.give_up { self.begin_run(link, now) } else { Progress::Silent };
        }
        if self.may_be_dropped() && (self.attempt >= SILENT_REFUSAL || now >= self.give_up) {
            // It is there and says nothing to this suite: perhaps it drops what it does not know.
            self.refusals.silence = true;
            self.suites.remove(0);
            self.attempt = 0;
            self.give_up = now + link.config.retransmit.patience();
            return self.begin_run(link, now);
        }
        if now >= self.give_up {
            return Progress::Silent;
        }
        self.newest.repeat_open(link);
        if self.furthest == 0 && self.attempt % 2 == 1 && !self.probe.is_answered() {
            self.probe.send(link, now, self.privilege);
        }
        self.set_due(link, now);
        Progress::Pending
    }

    pub(super) fn receive(
        &mut self,
        link: &mut Link,
        now: Instant,
        datagram: &Datagram<'_>,
    ) -> Result<Progress, IgnoreReason> {
        match datagram {
            Datagram::Sessionless(payload) => {
                if let Err(error) = self.probe.receive(link, now, self.privilege, payload)? {
                    return Ok(Progress::Failed(error));
                }
                if self.probe.is_answered() && self.furthest == 0 {
                    // It is awake: an answer to the request that went out with the question must follow at once.
                    self.due = (now + link.open_wait(0)).min(self.due);
                }
                Ok(Progress::Pending)
            }
            Datagram::Plus(packet) => self.receive_step(link, now, packet),
            Datagram::Ping { .. } | Datagram::Pong { .. } | Datagram::Session15(_) => {
                Err(IgnoreReason::Unexpected)
            }
        }
    }

    fn receive_step(
        &mut self,
        link: &mut Link,
        now: Instant,
        packet: &PlusPacket<'_>,
    ) -> Result<Progress, IgnoreReason> {
        if packet.session != 0 {
            return Err(IgnoreReason::UnknownSession(packet.session));
        }
        match self.newest.receive(link, &self.credentials, now, packet) {
            Ok(verdict) => Ok(self.judge(link, now, verdict)),
            Err(IgnoreReason::Unexpected) => self.receive_for_older(link, now, packet),
            Err(reason) => Err(reason),
        }
    }

    fn receive_for_older(
        &mut self,
        link: &mut Link,
        now: Instant,
        packet: &PlusPacket<'_>,
    ) -> Result<Progress, IgnoreReason> {
        let Some(mut run) = self.older.take() else { return Err(IgnoreReason::Unexpected) };
        match run.receive(link, &self.credentials, now, packet) {
            // Its refusal decides nothing, as the newest one will get its own.
            Ok(Verdict::Refused(_)) => Ok(Progress::Pending),
            Ok(verdict) => {
                self.older = Some(std::mem::replace(&mut self.newest, run));
                Ok(self.judge(link, now, verdict))
            }
            Err(reason) => {
                self.older = Some(run);
                Err(reason)
            }
        }
    }

    /// What the newest run's answer leads to.
    fn judge(&mut self, link: &mut Link, now: Instant, verdict: Verdict) -> Progress {
        match verdict {
            Verdict::Next => {
                if self.newest.progress() > self.furthest {
                    self.furthest = self.newest.progress();
                    self.attempt = 0;
                    self.give_up = now + link.config.retransmit.patience();
                }
                if self.newest.progress() > 1 {
                    // Two proofs would open two sessions.
                    self.older = None;
                }
                self.set_due(link, now);
                Progress::Pending
            }
            Verdict::Opened(session) => Progress::Opened(session),
            Verdict::Refused(status) => self.refused(link, now, status),
            Verdict::UserKnown => {
                link.learned.refused(self.needed);
                Progress::Failed(Error::PrivilegeRefused { needed: self.needed })
            }
            Verdict::WrongPassword => Progress::Failed(Error::WrongPassword),
            Verdict::WrongKg => {
                link.learned.kg_is_set = (!self.credentials.has_kg()).then_some(true);
                Progress::Failed(Error::WrongKg)
            }
        }
    }

    /// The BMC refused. Which of several things it dislikes is not always what it says, so what may be the suite is
    /// tried with the next suite, what may be the privilege level with a lower one.
    fn refused(&mut self, link: &mut Link, now: Instant, status: RakpStatus) -> Progress {
        let may_be_crowded =
            matches!(status, RakpStatus::INSUFFICIENT_RESOURCES | RakpStatus::INVALID_SESSION_ID);
        if may_be_crowded && let Some(older) = self.older.take() {
            // Two runs may be more than it has room for.
            self.newest = older;
            return Progress::Pending;
        }
        if status == RakpStatus::INVALID_SESSION_ID {
            // It forgot the session between two steps.
            self.forgotten += 1;
            return match self.forgotten < FORGOTTEN_LIMIT {
                true => self.propose(link, now),
                false => Progress::Failed(Error::SetupRefused(status)),
            };
        }
        if status == RakpStatus::UNAUTHORIZED_NAME {
            return self.refused_name(link, now);
        }
        if !status.may_refuse_suite() && !status.refuses_privilege() {
            return Progress::Failed(Error::SetupRefused(status));
        }
        self.refusals.privilege |= status.refuses_privilege();
        self.refusals.resources |= status == RakpStatus::INSUFFICIENT_RESOURCES;
        self.suites.retain(|suite| *suite != self.newest.suite());
        if self.suites.is_empty() {
            if self.refusals.privilege && !self.only_name {
                link.learned.refused(self.privilege);
            }
            match self.privilege.lower().filter(|lower| *lower >= self.needed) {
                Some(lower) if self.refusals.privilege => {
                    self.privilege = lower;
                    self.suites = self.all_suites.clone();
                    self.refusals = Refusals::default();
                }
                _ => return self.final_refusal(),
            }
        }
        self.propose(link, now)
    }

    /// The BMC says that there is no such user. Some say it of a user who may not have the level asked for: then the
    /// user exists at the lowest one, which is asked for to tell the two apart.
    fn refused_name(&mut self, link: &mut Link, now: Instant) -> Progress {
        let Some(lower) = self.privilege.lower().filter(|_| !self.only_name) else {
            return Progress::Failed(Error::UnknownUser);
        };
        if lower >= self.needed {
            self.privilege = lower;
        } else {
            self.privilege = PrivilegeLevel::User;
            self.only_name = true;
        }
        self.propose(link, now)
    }

    fn final_refusal(&self) -> Progress {
        if self.refusals.privilege {
            Progress::Failed(Error::PrivilegeRefused { needed: self.needed })
        } else if self.refusals.resources {
            Progress::Failed(Error::SessionsExhausted)
        } else if self.refusals.silence {
            Progress::Silent
        } else {
            Progress::Failed(Error::NoCommonSuite)
        }
    }
}
