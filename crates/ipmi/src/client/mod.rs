//! The console's side: one [`Client`] per BMC.
//!
//! # What is sent again and what is not
//!
//! A reply that does not come leaves two possibilities: the request was lost, or the reply was. IPMI gives a console no
//! way to tell them apart. A session sequence number used again would make a strict BMC drop the copy, but then the
//! lost reply never comes either; and firmware exists that does not look at the number. A new session sequence number
//! with the old request sequence number is answered from a cache by some BMCs and carried out again by others. So:
//!
//! - a *repeatable* command (reading anything, setting a value) is transmitted again with back-off, and again on a new
//!   session if the old one turns out to be gone;
//! - a command that is *not* repeatable, such as [`ChassisControl`](crate::ChassisControl), is transmitted exactly once.
//!   If no reply comes, the result is [`Error::OutcomeUnknown`], and the caller reads the state back. The one exception
//!   is a reply of "node busy", by which the BMC says that it did not begin.
//!
//! A session that the BMC has forgotten would turn every such command into an unknown outcome. Therefore, unless the BMC
//! answered within the last two seconds, a repeatable command goes first; if that is not answered, the
//! session is opened anew before the command is sent for its first and only time.

mod config;
mod error;
mod event;
mod exchange;
mod learned;
mod link;
mod opening;
mod requests;
mod scripted;
mod session;
mod sol;
mod timing;

pub use config::{ClientConfig, IdlePolicy, RetransmitPolicy, SessionProtocol};
pub use error::{Condition, Error};
pub use event::{CloseReason, Event, Output, Ticket};
pub use learned::Learned;
pub use scripted::ScriptedPayload;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::Peer;
use crate::command::{CloseSession, GetDeviceId, RawCommand, Request, Step};
use crate::entropy::Entropy;
use crate::fault::{Fault, IgnoreReason};
use crate::packet::{Datagram, PayloadType};
use crate::quirk::Quirk;
use exchange::{Exchange, Lapse, Purpose};
use link::{Credentials, Link};
use opening::{Opening, Progress};
use requests::{Current, Pending};
use session::Session;
use sol::Sol;

/// Requests that may wait behind the one in flight. One BMC's worker asks for little at a time; more than this means
/// that nobody looks at the answers.
pub const QUEUE_LIMIT: usize = 16;

/// Outputs that may wait to be fetched before datagrams are no longer taken.
const OUTPUT_LIMIT: usize = 64;

/// How long after an answer the BMC is taken to still have the session.
const PROVEN_FOR: Duration = Duration::from_secs(2);

/// How often a request may find its session gone before the BMC is given up.
const REOPEN_LIMIT: u32 = 1;

/// A console that talks to one BMC.
///
/// Requests wait in a bounded queue and go out one at a time, as many BMCs have a single buffer. The session is opened
/// when the first request needs it, kept or closed as [`IdlePolicy`] says, and opened again when the BMC has lost it.
///
/// After each call to another method, fetch outputs until there are none and arrange for [`Client::wake`] at
/// [`Client::next_wake`].
pub struct Client {
    link: Link,
    state: State,
    queue: VecDeque<Pending>,
    current: Option<Current>,
    sol: Option<Box<Sol>>,
    /// The session that is being opened is to be closed as soon as it is open: nobody wants it any more.
    unwanted: bool,
    /// What was wrong with the last bad datagram since the last good one.
    fault: Option<Fault>,
    next_ticket: u64,
}

enum State {
    NoSession,
    Opening(Box<Opening>),
    Open(Box<Open>),
}

struct Open {
    session: Session,
    exchange: Option<Exchange>,
    last_answer: Instant,
    idle_since: Instant,
    close_reason: CloseReason,
}

impl Client {
    /// A client without a session. Nothing is sent before the first request.
    ///
    /// Credentials that IPMI cannot carry show as [`Error::CredentialTooLong`] or [`Error::CredentialMalformed`] on each
    /// request.
    pub fn new(config: ClientConfig, entropy: Box<dyn Entropy>) -> Self {
        Self {
            link: Link::new(config, entropy),
            state: State::NoSession,
            queue: VecDeque::new(),
            current: None,
            sol: None,
            unwanted: false,
            fault: None,
            next_ticket: 0,
        }
    }

    /// Asks something of the BMC. The answer comes as [`Event::Done`] with the returned ticket, always.
    ///
    /// More than [`QUEUE_LIMIT`] waiting requests are answered with [`Error::QueueFull`] at once.
    pub fn submit(&mut self, now: Instant, request: Request) -> Ticket {
        let ticket = self.take_ticket();
        let request = match request {
            Request::SetBootOptions(flags) if self.link.config.quirks.contains(Quirk::UefiDisk) => {
                Request::SetBootOptions(flags.with_uefi_disk_moved())
            }
            request => request,
        };
        let too_long = match &request {
            Request::Raw(raw) if raw.data.len() > RawCommand::DATA_LIMIT => Some(raw.data.len()),
            _ => None,
        };
        if let Some(length) = too_long {
            self.done(ticket, Err(Error::RequestTooLong { length, limit: RawCommand::DATA_LIMIT }));
        } else if self.queue.len() >= QUEUE_LIMIT {
            self.done(ticket, Err(Error::QueueFull));
        } else {
            self.queue.push_back(Pending { ticket, request });
            self.advance(now);
        }
        ticket
    }

    fn take_ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }

    /// Ends all requests with [`Error::Closed`] and closes the session politely. [`Event::SessionClosed`] follows when
    /// the BMC has answered or the wait for that is over; without a session nothing follows. A session that the BMC may
    /// have opened already is waited for and then closed.
    ///
    /// A command in flight that must not be sent twice ends with [`Error::OutcomeUnknown`]. The client stays usable: a
    /// later request opens a new session.
    pub fn close(&mut self, now: Instant) {
        if let Some(current) = self.current.take() {
            let error = match self.awaits_unrepeatable() {
                true => Error::OutcomeUnknown,
                false => Error::Closed,
            };
            self.done(current.ticket, Err(error));
        }
        self.fail_queue(Error::Closed);
        if self.closes_sol_first(now) {
            return;
        }
        match &self.state {
            State::NoSession => {}
            // Given up now, it would take one of the BMC's few places until the BMC forgets it.
            State::Opening(opening) if opening.may_be_open() => self.unwanted = true,
            State::Opening(_) => self.state = State::NoSession,
            State::Open(_) => self.start_close(now, CloseReason::Requested),
        }
    }

    /// Takes a datagram from the BMC. `from` is not judged: a session's packets prove themselves, and set-up answers
    /// must carry numbers that only the BMC has seen.
    pub fn receive(&mut self, now: Instant, _from: Peer, bytes: &[u8]) {
        if self.link.backlog() >= OUTPUT_LIMIT {
            return;
        }
        let taken = match Datagram::decode(bytes) {
            Ok(datagram) => self.take(now, &datagram),
            Err(fault) => Err(fault.into()),
        };
        match taken {
            Ok(()) => {
                self.fault = None;
                self.advance(now);
            }
            Err(reason) => {
                if let IgnoreReason::Malformed(fault) = reason {
                    self.fault = Some(fault);
                }
                self.link.event(Event::Ignored { reason });
            }
        }
    }

    /// Acts on a deadline that passed; calls before it are harmless.
    pub fn wake(&mut self, now: Instant) {
        match &mut self.state {
            State::NoSession => {}
            State::Opening(opening) => {
                let progress = opening.wake(&mut self.link, now);
                self.progress(now, progress);
            }
            State::Open(open) => match &mut open.exchange {
                Some(exchange) => {
                    if exchange.wake(&mut self.link, &mut open.session, now) == Lapse::Unanswered {
                        self.unanswered(now);
                    }
                }
                None => self.wake_idle(now),
            },
        }
        self.wake_sol(now);
        self.advance(now);
    }

    /// When to call [`Client::wake`] next; `None` while there is nothing to wait for.
    pub fn next_wake(&self) -> Option<Instant> {
        match &self.state {
            State::NoSession => None,
            State::Opening(opening) => Some(opening.next_wake()),
            State::Open(open) => {
                let due = match &open.exchange {
                    Some(exchange) => exchange.due(),
                    None => self.idle_deadline(open),
                };
                Some(self.next_sol_wake().map_or(due, |wake| wake.min(due)))
            }
        }
    }

    /// The next thing to do for this client, in order.
    pub fn next_output(&mut self) -> Option<Output> {
        self.link.next_output()
    }

    /// What has been found out about the BMC so far.
    pub fn learned(&self) -> Learned {
        self.link.learned
    }

    /// Whether a session is open.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    fn take(&mut self, now: Instant, datagram: &Datagram<'_>) -> Result<(), IgnoreReason> {
        match &mut self.state {
            State::NoSession => Err(IgnoreReason::Unexpected),
            State::Opening(opening) => {
                let progress = opening.receive(&mut self.link, now, datagram)?;
                self.progress(now, progress);
                Ok(())
            }
            State::Open(open) => {
                let payload = match datagram {
                    // The rest are late answers of the set-up.
                    Datagram::Plus(packet) if packet.session != 0 || packet.authenticated => {
                        let payload = open.session.open(packet)?;
                        if packet.payload_type == PayloadType::Sol {
                            return self.take_sol(now, packet.sequence, &payload);
                        }
                        Cow::Owned(payload)
                    }
                    Datagram::Session15(packet) => {
                        Cow::Borrowed(open.session.open15(packet, self.link.config.quirks)?)
                    }
                    _ => return Err(IgnoreReason::Unexpected),
                };
                let exchange = open.exchange.as_mut().ok_or(IgnoreReason::Unexpected)?;
                let reply = exchange.receive(&mut self.link, now, &payload)?;
                open.last_answer = now;
                if let Some((code, data)) = reply {
                    open.idle_since = now;
                    if let Some(exchange) = open.exchange.take() {
                        self.answered(now, &exchange, code, data);
                    }
                }
                Ok(())
            }
        }
    }

    fn progress(&mut self, now: Instant, progress: Progress) {
        match progress {
            Progress::Pending => {}
            Progress::Opened(session) => {
                let with_kg = self.link.credentials.as_ref().is_ok_and(Credentials::has_kg);
                self.link.learned.opened(session.suite, session.limit, with_kg);
                self.link.event(Event::SessionOpened { suite: session.suite, limit: session.limit });
                self.state = State::Open(Box::new(Open {
                    session: *session,
                    exchange: None,
                    last_answer: now,
                    idle_since: now,
                    close_reason: CloseReason::Requested,
                }));
                // Whoever has asked for something meanwhile wants it again.
                if std::mem::take(&mut self.unwanted) && self.current.is_none() {
                    self.start_close(now, CloseReason::Requested);
                }
            }
            Progress::Failed(error) => {
                self.unwanted = false;
                self.state = State::NoSession;
                self.fail(error);
            }
            Progress::Silent => {
                self.unwanted = false;
                self.state = State::NoSession;
                self.fail(self.silence(now));
            }
        }
    }

    /// The BMC answered no transmission of the message in flight.
    fn unanswered(&mut self, now: Instant) {
        let State::Open(open) = &mut self.state else { return };
        let Some(exchange) = open.exchange.take() else { return };
        match exchange.purpose {
            Purpose::Close => self.session_closed(),
            Purpose::KeepAlive if self.heard_sol() => {}
            Purpose::Step if !exchange.step.repeatable => self.finish(Err(Error::OutcomeUnknown)),
            Purpose::Step | Purpose::RaisePrivilege | Purpose::ProveSession | Purpose::KeepAlive => {
                self.session_lost(now);
            }
        }
    }

    fn session_closed(&mut self) {
        if let State::Open(open) = &self.state {
            self.link.event(Event::SessionClosed { reason: open.close_reason });
        }
        self.state = State::NoSession;
        self.lose_sol();
    }

    fn session_lost(&mut self, now: Instant) {
        if let State::Open(open) = &mut self.state
            && self.fault.is_some()
        {
            // A BMC of which only the answers are bad still has it, and has few. Its answer would be no better.
            let step = Step::of(&CloseSession(open.session.bmc_session));
            Exchange::start(&mut self.link, &mut open.session, now, Purpose::Close, step);
        }
        self.state = State::NoSession;
        self.link.event(Event::SessionClosed { reason: CloseReason::Lost });
        self.lose_sol();
        let Some(current) = &mut self.current else { return };
        // The new session begins the request anew: all its steps are repeatable, or it has only one and that was not
        // sent yet.
        current.step = 0;
        current.failure = None;
        current.reopened += 1;
        if current.reopened > REOPEN_LIMIT {
            let error = self.silence(now);
            self.fail(error);
        }
    }

    fn start_close(&mut self, now: Instant, reason: CloseReason) {
        let State::Open(open) = &mut self.state else { return };
        if matches!(&open.exchange, Some(exchange) if exchange.purpose == Purpose::Close) {
            return;
        }
        open.close_reason = reason;
        let step = Step::of(&CloseSession(open.session.bmc_session));
        open.exchange = Some(Exchange::start(&mut self.link, &mut open.session, now, Purpose::Close, step));
    }

    fn awaits_unrepeatable(&self) -> bool {
        match &self.state {
            State::Open(open) => matches!(
                &open.exchange,
                Some(exchange) if exchange.purpose == Purpose::Step && !exchange.step.repeatable
            ),
            State::NoSession | State::Opening(_) => false,
        }
    }

    fn idle_deadline(&self, open: &Open) -> Instant {
        if let Some(due) = self.sol_check_due() {
            return due;
        }
        match self.link.config.idle {
            IdlePolicy::KeepAlive(every) => open.last_answer + config::bounded(every),
            IdlePolicy::Close(after) => open.idle_since + config::bounded(after),
        }
    }

    fn wake_idle(&mut self, now: Instant) {
        let State::Open(open) = &self.state else { return };
        if now < self.idle_deadline(open) {
            return;
        }
        let check = self.begin_sol_check();
        match self.link.config.idle {
            IdlePolicy::Close(_) if check.is_none() => self.start_close(now, CloseReason::Idle),
            IdlePolicy::Close(_) | IdlePolicy::KeepAlive(_) => {
                let State::Open(open) = &mut self.state else { return };
                let step = check.unwrap_or_else(|| Step::of(&GetDeviceId));
                open.exchange =
                    Some(Exchange::start(&mut self.link, &mut open.session, now, Purpose::KeepAlive, step));
            }
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("username", &self.link.config.username)
            .field("is_open", &self.is_open())
            .field("waiting", &self.queue.len())
            .finish_non_exhaustive()
    }
}
