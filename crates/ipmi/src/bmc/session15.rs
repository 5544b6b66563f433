//! IPMI 1.5 sessions at the BMC: challenge, activation, packets (IPMI 2.0 sections 6.12, 22.16, 22.17).

use std::time::Instant;

use crate::Peer;
use crate::bmc::commands::{Access, Answer, Caller, Handler, handler};
use crate::bmc::session::{Active, HALF_OPEN_FOR, Phase, Session};
use crate::bmc::{Bmc, BmcEvent, decode_request};
use crate::command::{
    ActivateSession, ActivatedSession, AuthenticationTypes, Command, GetSessionChallenge, SessionChallenge,
};
use crate::completion::CompletionCode;
use crate::entropy;
use crate::fault::{Fault, IgnoreReason};
use crate::keys::{SHORT_SECRET_LIMIT, SecretKey};
use crate::packet::{self, Packet15};
use crate::privilege::PrivilegeLevel;
use crate::quirk::{Quirk, Quirks};
use crate::session15::{Covered, Ipmi15Authentication};

/// The two that open a session. Both come outside one; Activate Session is looked at before it gets to the table.
pub(super) const HANDLERS: &[Handler] = &[
    sessionless::<GetSessionChallenge>(session_challenge),
    sessionless::<ActivateSession>(|_, _, _| Err(NO_SUCH_SESSION)),
];

/// Codes of the two commands' own.
const INVALID_USER_NAME: CompletionCode = CompletionCode(0x81);
const NULL_USER_NOT_ENABLED: CompletionCode = CompletionCode(0x82);
const NO_SLOT: CompletionCode = CompletionCode(0x81);
const INVALID_SEQUENCE: CompletionCode = CompletionCode(0x84);
const NO_SUCH_SESSION: CompletionCode = CompletionCode(0x85);
const EXCEEDS_LIMIT: CompletionCode = CompletionCode(0x86);

/// What a BMC offers of IPMI 1.5 sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ipmi15Config {
    /// How sessions may be authenticated. None by default, as on BMCs of today: then there are no such sessions.
    pub authentications: Vec<Ipmi15Authentication>,
    /// Whether every packet has its code, not only the one that opens the session.
    pub per_message: bool,
}

impl Default for Ipmi15Config {
    fn default() -> Self {
        Self { authentications: Vec::new(), per_message: true }
    }
}

impl Ipmi15Config {
    /// Its offer in the words of Get Channel Authentication Capabilities.
    pub(super) fn types(&self) -> AuthenticationTypes {
        self.authentications.iter().map(|kind| kind.authentication_type()).collect()
    }

    /// Whether it says that every packet has its code.
    pub(super) fn claims_per_message(&self, quirks: Quirks) -> bool {
        let claims_none = quirks.contains(Quirk::ForcePerMessage) || quirks.contains(Quirk::UnexpectedAuth);
        self.per_message && !claims_none
    }
}

/// A session that waits for Activate Session.
#[derive(Debug, Clone)]
pub(super) struct Challenged15 {
    authentication: Ipmi15Authentication,
    challenge: [u8; 16],
    /// Index into the users.
    user: usize,
    name: Vec<u8>,
}

/// What seals and checks the packets of a session.
pub(super) struct Packets15 {
    session: u32,
    authentication: Ipmi15Authentication,
    per_message: bool,
    key: SecretKey,
}

impl Packets15 {
    pub(super) fn check(&self, packet: &Packet15<'_>, quirks: Quirks) -> Result<(), IgnoreReason> {
        let needs_code = self.per_message || quirks.contains(Quirk::ForcePerMessage);
        if packet.authentication().is_none() && needs_code {
            return Err(Fault::Unprotected.into());
        }
        Ok(packet.check(&self.key)?)
    }

    pub(super) fn seal(&self, sequence: u32, payload: &[u8], quirks: Quirks) -> Vec<u8> {
        let shows = |quirk| quirks.contains(quirk);
        let has_code = self.per_message || shows(Quirk::ForcePerMessage) || shows(Quirk::UnexpectedAuth);
        let sequence = if shows(Quirk::EndianSequence) { sequence.swap_bytes() } else { sequence };
        let covered = Covered { session: self.session, sequence, payload };
        let mut bytes = packet::seal15(has_code.then_some(self.authentication), &self.key, covered);
        if has_code
            && shows(Quirk::NoAuthCodeCheck)
            && let Some(byte) = bytes.get_mut(packet::CODE_15_AT)
        {
            *byte = !*byte;
        }
        bytes
    }
}

const fn sessionless<C: Command>(answer: fn(&mut Bmc, Caller, &[u8]) -> Answer) -> Handler {
    Handler { access: Access::Anybody, ..handler::<C>(answer) }
}

/// Get Session Challenge.
fn session_challenge(bmc: &mut Bmc, caller: Caller, data: &[u8]) -> Answer {
    let (kind, name) =
        GetSessionChallenge::decode_request(data).ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
    let authentication = Ipmi15Authentication::from_number(kind)
        .filter(|kind| bmc.config.ipmi15.authentications.contains(kind))
        .ok_or(CompletionCode::INVALID_FIELD)?;
    let unknown = if name.is_empty() { NULL_USER_NOT_ENABLED } else { INVALID_USER_NAME };
    let found =
        bmc.users.find(name, PrivilegeLevel::Callback, true, bmc.config.quirks).map_err(|_| unknown)?;
    let (user, key) = (found.index, found.key);
    if bmc.is_locked_out(caller.now, user) {
        return Err(unknown);
    }
    // A password of 20 bytes cannot be proven here, so its user cannot log in.
    if key.clone().truncated(SHORT_SECRET_LIMIT) != key {
        return Err(unknown);
    }
    let session = bmc.new_session_id();
    let challenge = entropy::draw(&mut *bmc.entropy);
    let challenged = Challenged15 { authentication, challenge, user, name: name.to_vec() };
    bmc.sessions.insert(Session {
        id: session,
        peer: caller.from,
        phase: Phase::Challenged15(Box::new(challenged)),
        deadline: caller.now + HALF_OPEN_FOR,
    });
    Ok(SessionChallenge { session, challenge }.encode())
}

impl Bmc {
    /// Takes a packet that names a session of IPMI 1.5.
    pub(super) fn receive_15(
        &mut self,
        now: Instant,
        from: Peer,
        packet: &Packet15<'_>,
    ) -> Result<(), IgnoreReason> {
        let unknown = IgnoreReason::UnknownSession(packet.session);
        let place = self.sessions.place_of(packet.session).ok_or(unknown)?;
        let session = self.sessions.get_mut(place).ok_or(unknown)?;
        match &mut session.phase {
            Phase::Challenged15(challenged) => {
                let challenged = Challenged15::clone(challenged);
                self.take_activation(now, from, place, packet, &challenged)
            }
            Phase::Active(active) if packet.sequence == 0 && active.set_up_by == packet.payload => {
                let answer = active.set_up_answer.clone();
                self.send(from, answer);
                Ok(())
            }
            Phase::Active(active) => {
                let payload = active.open15(packet, self.config.quirks)?;
                session.peer = from;
                session.deadline = now + self.inactivity;
                self.carry_out_in_session(now, from, place, payload)
            }
            Phase::Opened(_) | Phase::Challenged(_) => Err(unknown),
        }
    }

    fn take_activation(
        &mut self,
        now: Instant,
        from: Peer,
        place: usize,
        packet: &Packet15<'_>,
        challenged: &Challenged15,
    ) -> Result<(), IgnoreReason> {
        let request = decode_request(packet.payload)?;
        if (request.netfn, request.command) != (ActivateSession::NETFN, ActivateSession::CMD) {
            return Err(IgnoreReason::OutOfStep);
        }
        let unknown = IgnoreReason::UnknownSession(packet.session);
        let key = self.users.key(challenged.user, self.config.quirks).ok_or(unknown)?;
        if packet.authentication() != Some(challenged.authentication) {
            return Err(Fault::Unprotected.into());
        }
        if packet.check(&key).is_err() {
            // Nobody is told why, as the specification wants it: packets without the right code are dropped.
            self.wrong_password(now, from, challenged.user, &challenged.name);
            return Ok(());
        }
        let authentication = challenged.authentication;
        let session = packet.session;
        match self.activated(challenged, request.data) {
            Ok((limit, outbound)) => {
                let inbound = entropy::draw_session_id(&mut *self.entropy);
                let claims = self.config.ipmi15.claims_per_message(self.config.quirks);
                let activated = ActivatedSession {
                    authentication: claims.then_some(authentication),
                    session,
                    inbound,
                    limit: limit.number(),
                };
                let reply = request.encode_reply(CompletionCode::OK, &activated.encode());
                let per_message = self.config.ipmi15.per_message;
                let packets = Packets15 { session, authentication, per_message, key: key.clone() };
                let set_up_by = packet.payload.to_vec();
                let user = (challenged.user, limit);
                let mut active = Active::new15(user, packets, inbound, outbound, set_up_by);
                // The answer is the first of the numbered packets.
                let covered = Covered { session, sequence: active.next_sequence(), payload: &reply };
                active.set_up_answer = packet::seal15(Some(authentication), &key, covered);
                let answer = active.set_up_answer.clone();
                self.opened_15(now, from, place, active, challenged);
                self.send(from, answer);
            }
            Err(code) => {
                let reply = request.encode_reply(code, &[]);
                let covered = Covered { session, sequence: 0, payload: &reply };
                self.send(from, packet::seal15(Some(authentication), &key, covered));
            }
        }
        Ok(())
    }

    /// The privilege level of the session that `data` asks to activate, and the number that its packets begin with.
    fn activated(
        &self,
        challenged: &Challenged15,
        data: &[u8],
    ) -> Result<(PrivilegeLevel, u32), CompletionCode> {
        let (kind, level, challenge, outbound) =
            ActivateSession::decode_request(data).map_err(|_| CompletionCode::REQUEST_LENGTH_INVALID)?;
        let level = PrivilegeLevel::from_number(level).ok_or(CompletionCode::INVALID_FIELD)?;
        if kind != challenged.authentication.number() || challenge != challenged.challenge {
            return Err(CompletionCode::INVALID_FIELD);
        }
        if outbound == 0 {
            return Err(INVALID_SEQUENCE);
        }
        if self.is_full() || self.misbehaviour.faults.sessions_full {
            return Err(NO_SLOT);
        }
        let may = self.users.find(&challenged.name, level, true, self.config.quirks).is_ok();
        if !may || Some(level) > self.channel.limit() {
            return Err(EXCEEDS_LIMIT);
        }
        Ok((level, outbound))
    }

    fn opened_15(
        &mut self,
        now: Instant,
        from: Peer,
        place: usize,
        active: Active,
        challenged: &Challenged15,
    ) {
        let Some(session) = self.sessions.get_mut(place) else { return };
        let limit = active.limit;
        session.phase = Phase::Active(Box::new(active));
        session.peer = from;
        session.deadline = now + self.inactivity;
        self.lockout.succeeded(challenged.user);
        let user = self.user_name(challenged.user);
        self.event(BmcEvent::SessionOpened { peer: from, user, suite: None, limit });
    }
}
