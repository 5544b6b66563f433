//! Setting up an IPMI 1.5 session: authentication capabilities, challenge, activation (IPMI 2.0 section 6.12.7).
//!
//! The password is proven by the code over Activate Session, and a BMC that dislikes the code says nothing. So a BMC
//! that answers all but that has another password, or packets were lost. Each try counts as a failed login there:
//! there are two of them.

use std::time::Instant;

use crate::client::error::Error;
use crate::client::link::{Credentials, Link};
use crate::client::opening::Progress;
use crate::client::session::Session;
use crate::command::{
    ActivateSession, ActivatedSession, Command, GetChannelAuthenticationCapabilities, GetSessionChallenge,
    SessionChallenge, padded_name,
};
use crate::completion::CompletionCode;
use crate::entropy;
use crate::fault::{Fault, IgnoreReason};
use crate::message::Message;
use crate::packet::{self, Datagram};
use crate::privilege::PrivilegeLevel;
use crate::quirk::Quirk;
use crate::session15::{Covered, Ipmi15Authentication};

/// How often Activate Session may go unanswered.
const ACTIVATIONS: u32 = 2;

/// A set-up under way.
#[derive(Debug)]
pub(in crate::client) struct Ipmi15 {
    credentials: Credentials,
    authentication: Ipmi15Authentication,
    /// The privilege level asked for.
    privilege: PrivilegeLevel,
    /// The lowest level that is of use.
    needed: PrivilegeLevel,
    stage: Stage,
    request_sequence: u8,
    sent_at: Instant,
    /// Waits in vain for the answer to this step.
    attempt: u32,
    /// Activations without an answer.
    activations: u32,
    due: Instant,
    give_up: Instant,
}

/// What is waited for.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Capabilities,
    Challenge,
    Activation {
        challenge: SessionChallenge,
        /// The number that the BMC is to begin with.
        outbound: u32,
    },
}

impl Ipmi15 {
    pub(super) fn start(
        link: &mut Link,
        now: Instant,
        authentication: Ipmi15Authentication,
        needed: PrivilegeLevel,
        wanted: PrivilegeLevel,
    ) -> Result<Self, Error> {
        let [request_sequence] = entropy::draw(&mut *link.entropy);
        let mut opening = Self {
            credentials: link.credentials.clone()?,
            authentication,
            privilege: wanted.max(PrivilegeLevel::User),
            needed,
            stage: Stage::Capabilities,
            request_sequence,
            sent_at: now,
            attempt: 0,
            activations: 0,
            due: now,
            give_up: now,
        };
        opening.enter(link, now, Stage::Capabilities);
        Ok(opening)
    }

    /// The BMC has a session from the moment that it takes Activate Session.
    pub(super) fn may_be_open(&self) -> bool {
        matches!(self.stage, Stage::Activation { .. })
    }

    pub(super) fn next_wake(&self) -> Instant {
        self.due
    }

    fn enter(&mut self, link: &mut Link, now: Instant, stage: Stage) {
        self.stage = stage;
        self.attempt = 0;
        self.give_up = now + link.config.retransmit.patience();
        self.transmit(link, now);
    }

    fn transmit(&mut self, link: &mut Link, now: Instant) {
        self.request_sequence = self.request_sequence.wrapping_add(1) & 0x3F;
        let authentication = self.authentication;
        let bytes = match self.stage {
            // The form of IPMI 1.5, which all understand.
            Stage::Capabilities => {
                packet::encode_sessionless(&self.message(&GetChannelAuthenticationCapabilities {
                    extended: false,
                    privilege: self.privilege,
                }))
            }
            Stage::Challenge => {
                let name = padded_name(&self.credentials.name);
                packet::encode_sessionless(&self.message(&GetSessionChallenge { authentication, name }))
            }
            Stage::Activation { challenge, outbound } => {
                let SessionChallenge { session, challenge } = challenge;
                let privilege = self.privilege;
                let payload =
                    self.message(&ActivateSession { authentication, privilege, challenge, outbound });
                let covered = Covered { session, sequence: 0, payload: &payload };
                packet::seal15(Some(authentication), self.credentials.password(), covered)
            }
        };
        link.send(bytes);
        self.sent_at = now;
        let wait = match self.stage {
            Stage::Capabilities | Stage::Challenge => link.open_wait(self.attempt),
            // Nothing comes after the second, so it is waited for longer.
            Stage::Activation { .. } => link.handshake_wait(2 * self.activations),
        };
        self.due = (now + wait).min(self.give_up);
    }

    fn message<C: Command>(&self, command: &C) -> Vec<u8> {
        let mut data = Vec::new();
        command.encode(&mut data);
        Message::request(C::NETFN, 0, C::CMD, self.request_sequence, &data).encode()
    }

    /// Acts on a deadline that passed.
    pub(super) fn wake(&mut self, link: &mut Link, now: Instant) -> Progress {
        if now < self.due {
            return Progress::Pending;
        }
        if let Stage::Activation { .. } = self.stage {
            // A BMC that did activate the session does not do so again: another challenge, another session.
            self.activations += 1;
            if self.activations >= ACTIVATIONS {
                return Progress::Failed(Error::ActivationUnanswered);
            }
            self.enter(link, now, Stage::Challenge);
            return Progress::Pending;
        }
        if now >= self.give_up {
            return Progress::Silent;
        }
        self.attempt += 1;
        self.transmit(link, now);
        Progress::Pending
    }

    pub(super) fn receive(
        &mut self,
        link: &mut Link,
        now: Instant,
        datagram: &Datagram<'_>,
    ) -> Result<Progress, IgnoreReason> {
        let payload = match (datagram, self.stage) {
            (Datagram::Sessionless(payload), Stage::Capabilities | Stage::Challenge) => *payload,
            (Datagram::Session15(packet), Stage::Activation { challenge, .. })
                if packet.session == challenge.session =>
            {
                if !link.config.quirks.contains(Quirk::NoAuthCodeCheck) {
                    packet.check(self.credentials.password())?;
                }
                packet.payload
            }
            // A refusal may come outside the session, as nothing else of it exists.
            (Datagram::Sessionless(payload), Stage::Activation { .. }) => *payload,
            _ => return Err(IgnoreReason::Unexpected),
        };
        let message = Message::decode(payload)?;
        if !message.is_reply() {
            return Err(Fault::Reflected.into());
        }
        let command = match self.stage {
            Stage::Capabilities => GetChannelAuthenticationCapabilities::CMD,
            Stage::Challenge => GetSessionChallenge::CMD,
            Stage::Activation { .. } => ActivateSession::CMD,
        };
        // All three are of the same network function.
        let expected = message.netfn == ActivateSession::NETFN | 1
            && message.command == command
            && message.sequence == self.request_sequence;
        if !expected {
            return Err(IgnoreReason::Unexpected);
        }
        let (&code, data) = message.data.split_first().ok_or(Fault::Truncated("completion code"))?;
        let code = CompletionCode(code);
        let is_proven = matches!(datagram, Datagram::Session15(_));
        match self.stage {
            Stage::Capabilities => self.take_capabilities(link, now, code, data),
            Stage::Challenge => self.take_challenge(link, now, code, data),
            Stage::Activation { .. } if code.is_ok() && !is_proven => Err(Fault::Unprotected.into()),
            Stage::Activation { outbound, .. } => self.take_activation(link, now, code, data, outbound),
        }
    }

    fn take_capabilities(
        &mut self,
        link: &mut Link,
        now: Instant,
        code: CompletionCode,
        data: &[u8],
    ) -> Result<Progress, IgnoreReason> {
        if !code.is_ok() {
            return Ok(Progress::Failed(Error::Completion(code)));
        }
        let capabilities = GetChannelAuthenticationCapabilities::decode(data)?;
        link.timing.answered(now.saturating_duration_since(self.sent_at));
        // What is not offered is not tried: the password may be in it.
        if !capabilities.types.contains(self.authentication.authentication_type()) {
            return Ok(Progress::Failed(Error::AuthenticationNotOffered));
        }
        self.enter(link, now, Stage::Challenge);
        Ok(Progress::Pending)
    }

    fn take_challenge(
        &mut self,
        link: &mut Link,
        now: Instant,
        code: CompletionCode,
        data: &[u8],
    ) -> Result<Progress, IgnoreReason> {
        /// Codes of this command's own (section 22.16).
        const INVALID_USER_NAME: u8 = 0x81;
        const NULL_USER_NOT_ENABLED: u8 = 0x82;
        match code.0 {
            0x00 => {}
            INVALID_USER_NAME | NULL_USER_NOT_ENABLED => return Ok(Progress::Failed(Error::UnknownUser)),
            _ => return Ok(Progress::Failed(Error::Completion(code))),
        }
        let challenge = GetSessionChallenge::decode(data)?;
        let outbound = entropy::draw_session_id(&mut *link.entropy);
        self.enter(link, now, Stage::Activation { challenge, outbound });
        Ok(Progress::Pending)
    }

    fn take_activation(
        &mut self,
        link: &mut Link,
        now: Instant,
        code: CompletionCode,
        data: &[u8],
        outbound: u32,
    ) -> Result<Progress, IgnoreReason> {
        /// Codes of this command's own (section 22.17).
        const NO_SLOT: u8 = 0x81;
        const NO_SLOT_FOR_USER: u8 = 0x82;
        const NO_SLOT_FOR_PRIVILEGE: u8 = 0x83;
        const INVALID_SEQUENCE: u8 = 0x84;
        const INVALID_SESSION_ID: u8 = 0x85;
        const EXCEEDS_LIMIT: u8 = 0x86;
        match code.0 {
            0x00 => {}
            NO_SLOT | NO_SLOT_FOR_USER | NO_SLOT_FOR_PRIVILEGE => {
                return Ok(Progress::Failed(Error::SessionsExhausted));
            }
            INVALID_SEQUENCE | INVALID_SESSION_ID if self.activations + 1 < ACTIVATIONS => {
                // It forgot the challenge, or took a copy for the session's next packet.
                self.activations += 1;
                self.enter(link, now, Stage::Challenge);
                return Ok(Progress::Pending);
            }
            EXCEEDS_LIMIT => return Ok(self.lower_privilege(link, now)),
            _ => return Ok(Progress::Failed(Error::Completion(code))),
        }
        let activated = ActivateSession::decode(data)?;
        link.timing.shook_hands(now.saturating_duration_since(self.sent_at));
        Ok(Progress::Opened(Box::new(self.session(link, activated, outbound))))
    }

    fn lower_privilege(&mut self, link: &mut Link, now: Instant) -> Progress {
        link.learned.refused(self.privilege);
        match self.privilege.lower().filter(|lower| *lower >= self.needed) {
            Some(lower) => {
                self.privilege = lower;
                self.enter(link, now, Stage::Challenge);
                Progress::Pending
            }
            None => Progress::Failed(Error::PrivilegeRefused { needed: self.needed }),
        }
    }

    fn session(&self, link: &Link, activated: ActivatedSession, outbound: u32) -> Session {
        let forced = link.config.quirks.contains(Quirk::ForcePerMessage);
        let packets = (forced || activated.authentication.is_some()).then_some(self.authentication);
        let granted = PrivilegeLevel::from_number(activated.limit).unwrap_or(self.privilege);
        let limit = self.privilege.min(granted);
        Session::ipmi15(limit, &activated, outbound, packets, self.credentials.password().clone())
    }
}
