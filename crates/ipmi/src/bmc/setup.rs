//! The BMC's part in setting up a session (IPMI 2.0 sections 13.17 to 13.24).
//!
//! Every step may come twice, as networks copy datagrams and consoles repeat themselves: the same bytes get the same
//! answer and change nothing.

use std::time::Instant;

use crate::Peer;
use crate::bmc::session::{Active, Challenged, HALF_OPEN_FOR, Opened, Phase, Session};
use crate::bmc::{AuthFailure, Bmc, BmcEvent, Proof};
use crate::entropy;
use crate::fault::{Fault, IgnoreReason};
use crate::keys::{Handshake, NAME_LIMIT, SHORT_SECRET_LIMIT, SecretKey};
use crate::packet::{self, PayloadType};
use crate::privilege::PrivilegeLevel;
use crate::quirk::Quirk;
use crate::setup::{
    NAME_ONLY_LOOKUP, OpenSessionRequest, OpenSessionResponse, OpenedSession, Rakp1, Rakp2, Rakp2Proof,
    Rakp3, Rakp4, RakpStatus,
};
use crate::suite::CipherSuite;

impl Bmc {
    pub(super) fn open_session(
        &mut self,
        now: Instant,
        from: Peer,
        payload: &[u8],
    ) -> Result<(), IgnoreReason> {
        let request = OpenSessionRequest::decode(payload)?;
        let outcome = match self.opened_session(now, from, request) {
            Err(RakpStatus::NO_CIPHER_SUITE_MATCH) if self.shows(Quirk::SuiteSilence) => return Ok(()),
            Err(RakpStatus::NO_CIPHER_SUITE_MATCH) if self.shows(Quirk::SuiteStatus) => {
                Err(RakpStatus::INSUFFICIENT_RESOURCES)
            }
            outcome => outcome,
        };
        let response = OpenSessionResponse {
            tag: request.tag,
            privilege: granted(request.privilege),
            console_session: request.console_session,
            outcome,
        };
        self.send(from, packet::encode_clear(PayloadType::OpenSessionResponse, &response.encode()));
        Ok(())
    }

    fn opened_session(
        &mut self,
        now: Instant,
        from: Peer,
        request: OpenSessionRequest,
    ) -> Result<OpenedSession, RakpStatus> {
        let known = self.sessions.iter().find_map(|(_, session)| match session.phase {
            Phase::Opened(opened) if session.peer == from && opened.request == request => {
                Some(OpenedSession::accepting(opened.suite, session.id))
            }
            _ => None,
        });
        if let Some(known) = known {
            return Ok(known);
        }
        if request.console_session == 0 {
            return Err(RakpStatus::INVALID_SESSION_ID);
        }
        if request.privilege != 0 && PrivilegeLevel::from_number(request.privilege).is_none() {
            return Err(RakpStatus::INVALID_ROLE);
        }
        let suite = self.choose_suite(&request)?;
        if self.is_full() || self.misbehaviour.faults.sessions_full {
            return Err(RakpStatus::INSUFFICIENT_RESOURCES);
        }
        let id = self.new_session_id();
        self.sessions.insert(Session {
            id,
            peer: from,
            phase: Phase::Opened(Opened { suite, request }),
            deadline: now + HALF_OPEN_FOR,
        });
        Ok(OpenedSession::accepting(suite, id))
    }

    pub(super) fn shows(&self, quirk: Quirk) -> bool {
        self.config.quirks.contains(quirk)
    }

    /// The first suite that fits the proposal, in which each algorithm may be left to the BMC.
    pub(super) fn choose_suite(&self, request: &OpenSessionRequest) -> Result<CipherSuite, RakpStatus> {
        let fits = |proposed: Option<u8>, number: u8| proposed.is_none_or(|proposed| proposed == number);
        self.config
            .suites
            .iter()
            .copied()
            .filter(|suite| self.suite_limit(*suite).is_some())
            .find(|suite| {
                let algorithms = suite.algorithms();
                fits(request.authentication, algorithms.authentication.number())
                    && fits(request.integrity, algorithms.integrity.number())
                    && fits(request.confidentiality, algorithms.confidentiality.number())
            })
            .ok_or(RakpStatus::NO_CIPHER_SUITE_MATCH)
    }

    pub(super) fn is_full(&self) -> bool {
        self.sessions.active_places().count() >= usize::from(self.session_limit())
    }

    pub(super) fn new_session_id(&mut self) -> u32 {
        loop {
            let id = entropy::draw_session_id(&mut *self.entropy);
            if self.sessions.place_of(id).is_none() {
                return id;
            }
        }
    }

    pub(super) fn rakp1(&mut self, now: Instant, from: Peer, payload: &[u8]) -> Result<(), IgnoreReason> {
        if self.shows(Quirk::Intel82571) && payload.len() < Rakp1::FULL_LENGTH {
            return Err(Fault::Truncated("RAKP message 1").into());
        }
        let rakp1 = Rakp1::decode(payload)?;
        let tag = rakp1.tag;
        let refuse = |console_session, status| Rakp2 { tag, console_session, outcome: Err(status) }.encode();
        let Some(place) = self.sessions.place_of(rakp1.bmc_session) else {
            let rakp2 = refuse(0, RakpStatus::INVALID_SESSION_ID);
            self.send(from, packet::encode_clear(PayloadType::Rakp2, &rakp2));
            return Ok(());
        };
        let session = self.sessions.get(place).ok_or(IgnoreReason::UnknownSession(rakp1.bmc_session))?;
        let rakp2 = match &session.phase {
            Phase::Opened(opened) => {
                let opened = *opened;
                let console_session = opened.request.console_session;
                let name = rakp1.name.clone();
                match self.challenge(now, rakp1, opened) {
                    Ok(challenged) => {
                        let rakp2 = challenged.rakp2.clone();
                        if let Some(session) = self.sessions.get_mut(place) {
                            session.phase = Phase::Challenged(Box::new(challenged));
                            session.deadline = now + HALF_OPEN_FOR;
                        }
                        rakp2
                    }
                    Err(status) => {
                        self.sessions.remove(place);
                        let reason = match status.refuses_privilege() {
                            true => AuthFailure::Privilege,
                            false => AuthFailure::UnknownUser,
                        };
                        self.auth_failed(from, &name, reason);
                        refuse(console_session, status)
                    }
                }
            }
            Phase::Challenged(challenged) if challenged.rakp1 == rakp1 => challenged.rakp2.clone(),
            Phase::Challenged(_) | Phase::Challenged15(_) | Phase::Active(_) => {
                return Err(IgnoreReason::OutOfStep);
            }
        };
        let mut bytes = packet::encode_clear(PayloadType::Rakp2, &rakp2);
        if self.shows(Quirk::Supermicro20)
            && let Some(length) = bytes.get_mut(packet::PLUS_LENGTH_AT)
        {
            *length += 1;
        }
        self.send(from, bytes);
        Ok(())
    }

    /// Looks the user up and makes message 2.
    fn challenge(&mut self, now: Instant, rakp1: Rakp1, opened: Opened) -> Result<Challenged, RakpStatus> {
        if rakp1.name.len() > NAME_LIMIT {
            return Err(RakpStatus::INVALID_NAME_LENGTH);
        }
        let asked = PrivilegeLevel::from_number(rakp1.role & 0x0F).ok_or(RakpStatus::INVALID_ROLE)?;
        let by_name_alone = rakp1.role & NAME_ONLY_LOOKUP != 0;
        let mut name = rakp1.name.as_slice();
        if self.shows(Quirk::Intel20) {
            if by_name_alone || name.len() != NAME_LIMIT {
                return Err(RakpStatus::UNAUTHORIZED_NAME);
            }
            let length = name.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            name = &name[..length];
        }
        let found = self.users.find(name, asked, by_name_alone, self.config.quirks)?;
        if self.is_locked_out(now, found.index) {
            return Err(RakpStatus::UNAUTHORIZED_NAME);
        }
        if Some(asked) > self.channel.limit().min(self.suite_limit(opened.suite)) {
            return Err(RakpStatus::UNAUTHORIZED_ROLE);
        }
        let handshake = Handshake {
            algorithms: opened.suite.algorithms(),
            console_session: opened.request.console_session,
            bmc_session: rakp1.bmc_session,
            console_random: rakp1.console_random,
            bmc_random: entropy::draw(&mut *self.entropy),
            guid: self.config.guid,
            role: self.hashed_role(rakp1.role, opened.request.privilege),
            name: rakp1.name.clone(),
        };
        let mut code = handshake.rakp2_code(&self.counted(&handshake, found.key)).to_vec();
        code.extend_from_slice(self.surplus());
        Proof::Rakp2.spoil(&self.misbehaviour.faults, &mut code);
        let proof = Rakp2Proof { bmc_random: handshake.bmc_random, guid: handshake.guid, code };
        let rakp2 = Rakp2 { tag: rakp1.tag, console_session: handshake.console_session, outcome: Ok(proof) };
        Ok(Challenged {
            suite: opened.suite,
            rakp2: rakp2.encode(),
            rakp1,
            handshake,
            user: found.index,
            limit: asked,
        })
    }

    /// The role byte that goes into the keys: that of RAKP message 1, where a vendor did not think otherwise.
    fn hashed_role(&self, role: u8, opened: u8) -> u8 {
        if self.shows(Quirk::Intel82571) {
            role & !NAME_ONLY_LOOKUP
        } else if self.shows(Quirk::OpenSessionPrivilege) || self.shows(Quirk::Sun20) {
            role & NAME_ONLY_LOOKUP | granted(opened)
        } else {
            role
        }
    }

    /// A user's key as far as this BMC looks at it with the suite of `handshake`.
    fn counted(&self, handshake: &Handshake, key: SecretKey) -> SecretKey {
        match self.shows(Quirk::Intel20) && handshake.algorithms.authentication.is_md5() {
            true => key.truncated(SHORT_SECRET_LIMIT),
            false => key,
        }
    }

    /// What stands behind a proof.
    fn surplus(&self) -> &'static [u8] {
        if self.shows(Quirk::Sun20) { &[0xA5; 4] } else { &[] }
    }

    pub(super) fn rakp3(&mut self, now: Instant, from: Peer, payload: &[u8]) -> Result<(), IgnoreReason> {
        let rakp3 = Rakp3::decode(payload)?;
        let rakp4 = match self.sessions.place_of(rakp3.bmc_session) {
            None => {
                let outcome = Err(RakpStatus::INVALID_SESSION_ID);
                Rakp4 { tag: rakp3.tag, console_session: 0, outcome }.encode()
            }
            Some(place) => match self.sessions.get(place).map(|session| &session.phase) {
                Some(Phase::Active(active)) if active.set_up_by == payload => active.set_up_answer.clone(),
                Some(Phase::Challenged(_)) => {
                    let Ok(code) = &rakp3.outcome else {
                        // The console gives up, which is its right at this step, and waits for no answer.
                        self.sessions.remove(place);
                        return Ok(());
                    };
                    match self.check_proof(place, code) {
                        Ok(proven) => self.activate(now, from, place, proven, rakp3.tag, payload),
                        Err(status) => self.refuse_proof(now, from, place, rakp3.tag, status),
                    }
                }
                Some(Phase::Opened(_) | Phase::Challenged15(_) | Phase::Active(_)) | None => {
                    return Err(IgnoreReason::OutOfStep);
                }
            },
        };
        self.send(from, packet::encode_clear(PayloadType::Rakp4, &rakp4));
        Ok(())
    }

    /// Whether the console knows the password and a session is free; returns what the session is made from.
    fn check_proof(&self, place: usize, code: &[u8]) -> Result<(Challenged, SecretKey), RakpStatus> {
        let wrong = RakpStatus::INVALID_INTEGRITY_CHECK_VALUE;
        let Some(Phase::Challenged(challenged)) = self.sessions.get(place).map(|session| &session.phase)
        else {
            return Err(wrong);
        };
        let key = self.users.key(challenged.user, self.config.quirks).ok_or(wrong)?;
        let key = self.counted(&challenged.handshake, key);
        match challenged.handshake.rakp3_matches(&key, code) {
            Ok(true) if self.is_full() => Err(RakpStatus::INSUFFICIENT_RESOURCES),
            Ok(true) => Ok((Challenged::clone(challenged), key)),
            Ok(false) | Err(_) => Err(wrong),
        }
    }

    /// Opens the session; returns RAKP message 4.
    fn activate(
        &mut self,
        now: Instant,
        from: Peer,
        place: usize,
        (challenged, key): (Challenged, SecretKey),
        tag: u8,
        rakp3: &[u8],
    ) -> Vec<u8> {
        let kg = self.kg();
        let handshake = &challenged.handshake;
        let sik = handshake.session_integrity_key(kg.as_ref().unwrap_or(&key));
        let mut value = handshake.rakp4_check_value(&sik);
        Proof::Rakp4.spoil(&self.misbehaviour.faults, &mut value);
        value.extend_from_slice(self.surplus());
        let rakp4 = Rakp4 { tag, console_session: handshake.console_session, outcome: Ok(value) }.encode();
        let mut active =
            Active::new(&challenged, handshake.session_keys(&sik, &key), rakp3.to_vec(), rakp4.clone());
        if self.shows(Quirk::Intel82571) {
            active.privilege = challenged.limit;
        }
        if let Some(session) = self.sessions.get_mut(place) {
            self.lockout.succeeded(challenged.user);
            session.phase = Phase::Active(Box::new(active));
            session.peer = from;
            session.deadline = now + self.inactivity;
            let suite = Some(challenged.suite);
            let (user, limit) = (self.user_name(challenged.user), challenged.limit);
            self.event(BmcEvent::SessionOpened { peer: from, user, suite, limit });
        }
        rakp4
    }

    /// Drops the session; returns RAKP message 4.
    fn refuse_proof(
        &mut self,
        now: Instant,
        from: Peer,
        place: usize,
        tag: u8,
        status: RakpStatus,
    ) -> Vec<u8> {
        let mut console_session = 0;
        if let Some(Session { phase: Phase::Challenged(challenged), .. }) = self.sessions.remove(place) {
            console_session = challenged.handshake.console_session;
            if status == RakpStatus::INVALID_INTEGRITY_CHECK_VALUE {
                self.wrong_password(now, from, challenged.user, &challenged.handshake.name);
            }
        }
        Rakp4 { tag, console_session, outcome: Err(status) }.encode()
    }

    /// Whether failed logins lock the user out.
    pub(super) fn is_locked_out(&mut self, now: Instant, user: usize) -> bool {
        let locked = |rule| self.lockout.is_locked(rule, now, user);
        self.misbehaviour.faults.users_locked
            || self.config.bad_password_threshold.as_ref().is_some_and(locked)
    }

    /// Counts a failed login.
    pub(super) fn wrong_password(&mut self, now: Instant, from: Peer, user: usize, name: &[u8]) {
        if let Some(rule) = &self.config.bad_password_threshold {
            self.lockout.failed(rule, now, user);
        }
        self.auth_failed(from, name, AuthFailure::WrongPassword);
    }

    fn auth_failed(&mut self, peer: Peer, name: &[u8], reason: AuthFailure) {
        let user = String::from_utf8_lossy(name).into_owned();
        self.event(BmcEvent::AuthFailed { peer, user, reason });
    }
}

/// The level that an Open Session Request for `asked` gets, where 0 asks for the highest.
fn granted(asked: u8) -> u8 {
    match asked {
        0 => PrivilegeLevel::Administrator.number(),
        asked => asked,
    }
}
