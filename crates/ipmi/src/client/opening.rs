//! Setting up a session: Open Session, RAKP 1 and 2, RAKP 3 and 4 (IPMI 2.0 section 13.15).
//!
//! Once the BMC has moved on to the next step, the messages of the one before cannot be repeated: a second RAKP message 1
//! gets another random number or is refused. So silence restarts the set-up as a whole, with new ids and numbers, and
//! answers to the abandoned run no longer fit.

use std::time::Instant;

use crate::client::error::Error;
use crate::client::link::{Credentials, Link};
use crate::client::session::Session;
use crate::command::{Command, GetChannelAuthenticationCapabilities};
use crate::completion::CompletionCode;
use crate::entropy;
use crate::fault::{Fault, IgnoreReason};
use crate::keys::{Digest, Handshake};
use crate::message::Message;
use crate::packet::{self, Datagram, PayloadType, PlusPacket};
use crate::privilege::PrivilegeLevel;
use crate::setup::{
    NAME_ONLY_LOOKUP, OpenSessionRequest, OpenSessionResponse, OpenedSession, Rakp1, Rakp2, Rakp3, Rakp4,
    RakpStatus,
};
use crate::suite::CipherSuite;

/// What became of a set-up.
#[derive(Debug)]
pub(super) enum Progress {
    /// It goes on.
    Pending,
    /// The session is open.
    Opened(Box<Session>),
    /// It cannot succeed.
    Failed(Error),
    /// All attempts went unanswered.
    Silent,
}

/// A set-up under way.
#[derive(Debug)]
pub(super) struct Opening {
    credentials: Credentials,
    /// The privilege level asked for.
    privilege: PrivilegeLevel,
    /// The lowest level that is of use.
    needed: PrivilegeLevel,
    /// Suites not refused yet at this privilege level; the first is being tried.
    suites: Vec<CipherSuite>,
    all_suites: Vec<CipherSuite>,
    refusals: Refusals,
    /// Runs with the first suite that got stuck.
    attempt: u32,
    run: Run,
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

/// One run through the steps.
#[derive(Debug)]
struct Run {
    tag: u8,
    console_session: u32,
    stage: Stage,
    due: Instant,
}

/// What is waited for.
#[derive(Debug)]
enum Stage {
    OpenSessionResponse,
    Rakp2 { bmc_session: u32, console_random: [u8; 16] },
    Rakp4 { handshake: Box<Handshake>, sik: Digest },
}

/// Get Channel Authentication Capabilities, asked beside an Open Session Request that got no answer: it tells a BMC
/// that does not like the request from one that is not there.
#[derive(Debug, Default)]
struct Probe {
    answered: bool,
    /// The BMC refused the IPMI 2.0 form of the question.
    plain: bool,
}

/// Sequence number of the probe's inner message; nothing else outside a session has one.
const PROBE_SEQUENCE: u8 = 0x3F;

impl Opening {
    /// Begins a set-up and sends its first message. `first` is the suite to try before the others.
    pub(super) fn start(
        link: &mut Link,
        now: Instant,
        first: Option<CipherSuite>,
        needed: PrivilegeLevel,
    ) -> Result<Self, Error> {
        let mut all_suites = link.config.suites.clone();
        all_suites.sort_by_key(|suite| Some(*suite) != first);
        let mut opening = Self {
            credentials: link.credentials.clone()?,
            privilege: link.config.privilege.max(PrivilegeLevel::User),
            needed,
            suites: all_suites.clone(),
            all_suites,
            refusals: Refusals::default(),
            attempt: 0,
            run: Run { tag: 0, console_session: 0, stage: Stage::OpenSessionResponse, due: now },
            probe: Probe::default(),
        };
        opening.restart(link, now).map(|()| opening)
    }

    pub(super) fn next_wake(&self) -> Instant {
        self.run.due
    }

    fn restart(&mut self, link: &mut Link, now: Instant) -> Result<(), Error> {
        let suite = *self.suites.first().ok_or(Error::NoCommonSuite)?;
        let [tag] = entropy::draw(&mut *link.entropy);
        let console_session = entropy::draw_session_id(&mut *link.entropy);
        let privilege = self.privilege.number();
        let request = OpenSessionRequest::proposing(suite, tag, privilege, console_session);
        link.send(packet::encode_clear(PayloadType::OpenSessionRequest, &request.encode()));
        if self.attempt > 0 && !self.probe.answered {
            self.send_probe(link);
        }
        let due = now + link.wait(self.attempt);
        self.run = Run { tag, console_session, stage: Stage::OpenSessionResponse, due };
        Ok(())
    }

    fn send_probe(&self, link: &mut Link) {
        let command =
            GetChannelAuthenticationCapabilities { extended: !self.probe.plain, privilege: self.privilege };
        let mut data = Vec::new();
        command.encode(&mut data);
        let (netfn, cmd) =
            (GetChannelAuthenticationCapabilities::NETFN, GetChannelAuthenticationCapabilities::CMD);
        let message = Message::request(netfn, 0, cmd, PROBE_SEQUENCE, &data);
        link.send(packet::encode_sessionless(&message.encode()));
    }

    fn retry(&mut self, link: &mut Link, now: Instant) -> Progress {
        match self.restart(link, now) {
            Ok(()) => Progress::Pending,
            Err(error) => Progress::Failed(error),
        }
    }

    /// The deadline passed without an answer.
    pub(super) fn wake(&mut self, link: &mut Link, now: Instant) -> Progress {
        if now < self.run.due {
            return Progress::Pending;
        }
        self.attempt += 1;
        if self.attempt < link.config.retransmit.attempts() {
            return self.retry(link, now);
        }
        let at_first_step = matches!(self.run.stage, Stage::OpenSessionResponse);
        if self.probe.answered && at_first_step && self.suites.len() > 1 {
            // It is there and says nothing to this suite: perhaps it drops what it does not know.
            self.refusals.silence = true;
            self.suites.remove(0);
            self.attempt = 0;
            return self.retry(link, now);
        }
        Progress::Silent
    }

    pub(super) fn receive(
        &mut self,
        link: &mut Link,
        now: Instant,
        datagram: &Datagram<'_>,
    ) -> Result<Progress, IgnoreReason> {
        match datagram {
            Datagram::Sessionless(payload) => self.receive_probe(link, payload),
            Datagram::Plus(packet) => self.receive_step(link, now, packet),
            Datagram::Ping { .. } | Datagram::Pong { .. } => Err(IgnoreReason::Unexpected),
        }
    }

    fn receive_probe(&mut self, link: &mut Link, payload: &[u8]) -> Result<Progress, IgnoreReason> {
        let message = Message::decode(payload)?;
        if message.netfn & 1 == 0 {
            return Err(Fault::Reflected.into());
        }
        let expected = message.netfn == GetChannelAuthenticationCapabilities::NETFN | 1
            && message.command == GetChannelAuthenticationCapabilities::CMD
            && message.sequence == PROBE_SEQUENCE;
        if !expected || self.attempt == 0 || self.probe.answered {
            return Err(IgnoreReason::Unexpected);
        }
        let (&code, data) = message.data.split_first().ok_or(Fault::Truncated("completion code"))?;
        if CompletionCode(code) == CompletionCode::INVALID_FIELD && !self.probe.plain {
            self.probe.plain = true;
            self.send_probe(link);
            return Ok(Progress::Pending);
        }
        self.probe.answered = true;
        if !CompletionCode(code).is_ok() {
            return Ok(Progress::Pending);
        }
        let capabilities = GetChannelAuthenticationCapabilities::decode(data)?;
        // Only an answer in the 2.0 form that denies 2.0 is believed.
        Ok(match capabilities.extended && !capabilities.rmcp_plus {
            true => Progress::Failed(Error::NoRmcpPlus),
            false => Progress::Pending,
        })
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
        let payload = packet.clear_payload()?;
        match (packet.payload_type, &self.run.stage) {
            (PayloadType::OpenSessionResponse, Stage::OpenSessionResponse) => {
                let response = OpenSessionResponse::decode(payload)?;
                self.expect(response.tag, response.console_session)?;
                Ok(self.take_open_session_response(link, now, response.outcome))
            }
            (PayloadType::Rakp2, Stage::Rakp2 { bmc_session, console_random }) => {
                let (bmc_session, console_random) = (*bmc_session, *console_random);
                let rakp2 = Rakp2::decode(payload)?;
                self.expect(rakp2.tag, rakp2.console_session)?;
                self.take_rakp2(link, now, bmc_session, console_random, rakp2)
            }
            (PayloadType::Rakp4, Stage::Rakp4 { handshake, sik }) => {
                let rakp4 = Rakp4::decode(payload)?;
                self.expect(rakp4.tag, rakp4.console_session)?;
                match rakp4.outcome {
                    Ok(value) if handshake.rakp4_matches(sik, &value)? => {
                        Ok(Progress::Opened(Box::new(self.session(handshake, sik)?)))
                    }
                    Ok(_) => Ok(Progress::Failed(Error::WrongKg)),
                    Err(status) => Ok(self.refused(link, now, status)),
                }
            }
            (PayloadType::OpenSessionRequest | PayloadType::Rakp1 | PayloadType::Rakp3, _) => {
                Err(Fault::Reflected.into())
            }
            _ => Err(IgnoreReason::Unexpected),
        }
    }

    /// Whether an answer belongs to this run. A refusal may leave the session id zero: then the tag decides.
    fn expect(&self, tag: u8, console_session: u32) -> Result<(), IgnoreReason> {
        let ours =
            tag == self.run.tag && (console_session == self.run.console_session || console_session == 0);
        if ours { Ok(()) } else { Err(IgnoreReason::Unexpected) }
    }

    fn suite(&self) -> Result<CipherSuite, Fault> {
        self.suites.first().copied().ok_or(Fault::Field { field: "cipher suite", value: 0 })
    }

    fn take_open_session_response(
        &mut self,
        link: &mut Link,
        now: Instant,
        outcome: Result<OpenedSession, RakpStatus>,
    ) -> Progress {
        let opened = match outcome {
            Ok(opened) => opened,
            Err(status) => return self.refused(link, now, status),
        };
        let offered = self.suites.first().map(|suite| OpenedSession::accepting(*suite, opened.bmc_session));
        if offered != Some(opened) {
            return self.refused(link, now, RakpStatus::NO_CIPHER_SUITE_MATCH);
        }
        let console_random = entropy::draw(&mut *link.entropy);
        self.run.tag = self.run.tag.wrapping_add(1);
        let rakp1 = Rakp1 {
            tag: self.run.tag,
            bmc_session: opened.bmc_session,
            console_random,
            role: self.role(),
            name: self.credentials.name.clone(),
        };
        link.send(packet::encode_clear(PayloadType::Rakp1, &rakp1.encode()));
        self.run.due = now + link.handshake_wait(self.attempt);
        self.run.stage = Stage::Rakp2 { bmc_session: opened.bmc_session, console_random };
        Progress::Pending
    }

    /// The same explicit level as in the Open Session Request: some BMCs make their keys with that one.
    fn role(&self) -> u8 {
        NAME_ONLY_LOOKUP | self.privilege.number()
    }

    fn take_rakp2(
        &mut self,
        link: &mut Link,
        now: Instant,
        bmc_session: u32,
        console_random: [u8; 16],
        rakp2: Rakp2,
    ) -> Result<Progress, IgnoreReason> {
        let proof = match rakp2.outcome {
            Ok(proof) => proof,
            Err(status) => return Ok(self.refused(link, now, status)),
        };
        let handshake = Handshake {
            algorithms: self.suite()?.algorithms(),
            console_session: self.run.console_session,
            bmc_session,
            console_random,
            bmc_random: proof.bmc_random,
            guid: proof.guid,
            role: self.role(),
            name: self.credentials.name.clone(),
        };
        if !handshake.rakp2_matches(&self.credentials.user_key, &proof.code)? {
            // Going on would count as a failed login at the BMC, and the answer is known.
            return Ok(Progress::Failed(Error::WrongPassword));
        }
        self.run.tag = self.run.tag.wrapping_add(1);
        let rakp3 = Rakp3 {
            tag: self.run.tag,
            bmc_session,
            outcome: Ok(handshake.rakp3_code(&self.credentials.user_key).to_vec()),
        };
        link.send(packet::encode_clear(PayloadType::Rakp3, &rakp3.encode()));
        let sik = handshake.session_integrity_key(self.credentials.kg());
        self.run.due = now + link.handshake_wait(self.attempt);
        self.run.stage = Stage::Rakp4 { handshake: Box::new(handshake), sik };
        Ok(Progress::Pending)
    }

    fn session(&self, handshake: &Handshake, sik: &Digest) -> Result<Session, Fault> {
        Ok(Session::new(
            self.suite()?,
            self.privilege,
            handshake.bmc_session,
            handshake.console_session,
            handshake.session_keys(sik),
        ))
    }

    /// The BMC refused. Which of several things it dislikes is not always what it says, so what may be the suite is
    /// tried with the next suite, what may be the privilege level with a lower one.
    fn refused(&mut self, link: &mut Link, now: Instant, status: RakpStatus) -> Progress {
        if status == RakpStatus::INVALID_SESSION_ID {
            // It forgot the session between two steps.
            self.attempt += 1;
            return match self.attempt < link.config.retransmit.attempts() {
                true => self.retry(link, now),
                false => Progress::Failed(Error::SetupRefused(status)),
            };
        }
        if status == RakpStatus::UNAUTHORIZED_NAME {
            return Progress::Failed(Error::UnknownUser);
        }
        if !status.may_refuse_suite() && !status.refuses_privilege() {
            return Progress::Failed(Error::SetupRefused(status));
        }
        self.refusals.privilege |= status.refuses_privilege();
        self.refusals.resources |= status == RakpStatus::INSUFFICIENT_RESOURCES;
        self.suites.remove(0);
        self.attempt = 0;
        if self.suites.is_empty() {
            let lower = self.privilege.lower().filter(|lower| *lower >= self.needed);
            match lower {
                Some(lower) if self.refusals.privilege => {
                    self.privilege = lower;
                    self.suites = self.all_suites.clone();
                    self.refusals = Refusals::default();
                }
                _ => return self.final_refusal(),
            }
        }
        self.retry(link, now)
    }

    fn final_refusal(&self) -> Progress {
        if self.refusals.privilege {
            Progress::Failed(Error::PrivilegeRefused { needed: self.privilege })
        } else if self.refusals.resources {
            Progress::Failed(Error::SessionsExhausted)
        } else if self.refusals.silence {
            Progress::Silent
        } else {
            Progress::Failed(Error::NoCommonSuite)
        }
    }
}
