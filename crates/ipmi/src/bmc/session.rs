//! The BMC's sessions, half-open and active.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::Peer;
use crate::bmc::session15::{Challenged15, Packets15};
use crate::entropy::{self, Entropy};
use crate::fault::IgnoreReason;
use crate::keys::{Handshake, SessionKeys};
use crate::packet::{self, Packet15, PayloadType, PlusPacket};
use crate::privilege::PrivilegeLevel;
use crate::quirk::{Quirk, Quirks};
use crate::sequence::{BMC_AHEAD, InboundWindow, OutboundSequence};
use crate::setup::{OpenSessionRequest, Rakp1};
use crate::suite::CipherSuite;

/// Sessions that may be between Open Session and RAKP message 4. Anybody can begin one without a password, so beyond this
/// the oldest gives way.
pub(super) const HALF_OPEN_LIMIT: usize = 16;

/// How long a set-up may stand still; consoles start over after a few seconds.
pub(super) const HALF_OPEN_FOR: Duration = Duration::from_secs(20);

/// Replies that a session keeps for retransmitted requests. Consoles have one request in flight, few a handful.
const REPLIES_KEPT: usize = 4;

/// How long a reply is kept. Request sequence numbers are used again after 64 requests (section 13.8: a requester may
/// reuse one after the response or a timeout; five seconds is the IPMB's limit).
const REPLY_KEPT_FOR: Duration = Duration::from_secs(5);

/// A session in any phase.
#[derive(Debug)]
pub(super) struct Session {
    /// The BMC's id of the session.
    pub(super) id: u32,
    pub(super) peer: Peer,
    pub(super) phase: Phase,
    /// When it ends if nothing more comes.
    pub(super) deadline: Instant,
}

/// How far a session's set-up has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// Waits for RAKP message 1.
    Opened(Opened),
    /// Waits for RAKP message 3.
    Challenged(Box<Challenged>),
    /// Waits for Activate Session of IPMI 1.5.
    Challenged15(Box<Challenged15>),
    /// Set up.
    Active(Box<Active>),
}

/// A session that waits for the console's user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    pub(super) suite: CipherSuite,
    /// What opened it; a copy of it gets the same answer.
    pub(super) request: OpenSessionRequest,
}

/// A session that waits for the console's proof.
#[derive(Debug, Clone)]
pub(super) struct Challenged {
    pub(super) suite: CipherSuite,
    pub(super) rakp1: Rakp1,
    /// Message 2, for copies of message 1.
    pub(super) rakp2: Vec<u8>,
    pub(super) handshake: Handshake,
    /// Index into the users.
    pub(super) user: usize,
    pub(super) limit: PrivilegeLevel,
}

/// A session that is set up.
#[derive(Debug)]
pub(super) struct Active {
    /// What set it up as it came, RAKP message 3 or Activate Session, and the answer, for copies of it.
    pub(super) set_up_by: Vec<u8>,
    pub(super) set_up_answer: Vec<u8>,
    /// Index into the users.
    pub(super) user: usize,
    /// The highest level that the session may rise to.
    pub(super) limit: PrivilegeLevel,
    pub(super) privilege: PrivilegeLevel,
    /// Close Session was carried out; its reply is the last packet.
    pub(super) closing: bool,
    protection: Protection,
    outbound: OutboundSequence,
    inbound: InboundWindow,
    replies: VecDeque<KeptReply>,
}

/// What protects a session's packets.
enum Protection {
    RmcpPlus { console_session: u32, keys: SessionKeys },
    Ipmi15(Packets15),
}

impl std::fmt::Debug for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RmcpPlus { .. } => "RmcpPlus { .. }",
            Self::Ipmi15(_) => "Ipmi15(..)",
        })
    }
}

#[derive(Debug)]
struct KeptReply {
    request: Vec<u8>,
    reply: Vec<u8>,
    at: Instant,
}

impl Active {
    pub(super) fn new(challenged: &Challenged, keys: SessionKeys, rakp3: Vec<u8>, rakp4: Vec<u8>) -> Self {
        Self {
            set_up_by: rakp3,
            set_up_answer: rakp4,
            user: challenged.user,
            limit: challenged.limit,
            privilege: PrivilegeLevel::User.min(challenged.limit),
            closing: false,
            protection: Protection::RmcpPlus { console_session: challenged.handshake.console_session, keys },
            outbound: OutboundSequence::default(),
            inbound: InboundWindow::new(BMC_AHEAD),
            replies: VecDeque::new(),
        }
    }

    /// A session of IPMI 1.5, in which the console's packets begin with the number `inbound` and the BMC's with
    /// `outbound`.
    pub(super) fn new15(
        (user, limit): (usize, PrivilegeLevel),
        packets: Packets15,
        inbound: u32,
        outbound: u32,
        set_up_by: Vec<u8>,
    ) -> Self {
        Self {
            set_up_by,
            set_up_answer: Vec::new(),
            user,
            limit,
            privilege: PrivilegeLevel::User.min(limit),
            closing: false,
            protection: Protection::Ipmi15(packets),
            outbound: OutboundSequence::starting_at(outbound),
            inbound: InboundWindow::ipmi_15(inbound),
            replies: VecDeque::new(),
        }
    }

    pub(super) fn open(&mut self, packet: &PlusPacket<'_>) -> Result<Vec<u8>, IgnoreReason> {
        let Protection::RmcpPlus { keys, .. } = &self.protection else {
            return Err(IgnoreReason::UnknownSession(packet.session));
        };
        let payload = packet.open(keys)?;
        self.inbound.accept(packet.sequence)?;
        match packet.payload_type {
            PayloadType::Ipmi | PayloadType::Sol => Ok(payload),
            _ => Err(IgnoreReason::Unexpected),
        }
    }

    pub(super) fn next_sequence(&mut self) -> u32 {
        self.outbound.advance()
    }

    pub(super) fn open15(&mut self, packet: &Packet15<'_>, quirks: Quirks) -> Result<Vec<u8>, IgnoreReason> {
        let Protection::Ipmi15(packets) = &self.protection else {
            return Err(IgnoreReason::UnknownSession(packet.session));
        };
        packets.check(packet, quirks)?;
        self.inbound.accept(packet.sequence)?;
        Ok(packet.payload.to_vec())
    }

    pub(super) fn seal(
        &mut self,
        entropy: &mut dyn Entropy,
        quirks: Quirks,
        payload_type: PayloadType,
        payload: &[u8],
    ) -> Vec<u8> {
        let sequence = self.outbound.advance();
        if quirks.contains(Quirk::OddSequence) {
            self.outbound.advance();
        }
        match &self.protection {
            Protection::RmcpPlus { console_session, keys } => {
                let iv = entropy::draw(entropy);
                let console_session = if quirks.contains(Quirk::IdZero) { 0 } else { *console_session };
                packet::seal(keys, payload_type, console_session, sequence, iv, payload)
            }
            Protection::Ipmi15(packets) => packets.seal(sequence, payload, quirks),
        }
    }

    /// The reply to an earlier transmission of the same request, which must not be carried out again.
    pub(super) fn kept_reply(&self, now: Instant, request: &[u8]) -> Option<Vec<u8>> {
        self.replies
            .iter()
            .find(|kept| kept.request == request && now.saturating_duration_since(kept.at) < REPLY_KEPT_FOR)
            .map(|kept| kept.reply.clone())
    }

    pub(super) fn keep_reply(&mut self, now: Instant, request: Vec<u8>, reply: Vec<u8>) {
        if self.replies.len() >= REPLIES_KEPT {
            self.replies.pop_front();
        }
        self.replies.push_back(KeptReply { request, reply, at: now });
    }
}

/// All sessions. A session's place, counted from 1, is its handle in Get Session Info.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    slots: Vec<Option<Session>>,
}

impl Sessions {
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Session)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(place, slot)| slot.as_ref().map(|session| (place, session)))
    }

    pub(super) fn place_of(&self, id: u32) -> Option<usize> {
        self.iter().find(|(_, session)| session.id == id).map(|(place, _)| place)
    }

    pub(super) fn get(&self, place: usize) -> Option<&Session> {
        self.slots.get(place)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Session> {
        self.slots.get_mut(place)?.as_mut()
    }

    pub(super) fn active(&self, place: usize) -> Option<&Active> {
        match &self.get(place)?.phase {
            Phase::Active(active) => Some(active),
            Phase::Opened(_) | Phase::Challenged(_) | Phase::Challenged15(_) => None,
        }
    }

    pub(super) fn active_mut(&mut self, place: usize) -> Option<&mut Active> {
        match &mut self.get_mut(place)?.phase {
            Phase::Active(active) => Some(active),
            Phase::Opened(_) | Phase::Challenged(_) | Phase::Challenged15(_) => None,
        }
    }

    pub(super) fn active_places(&self) -> impl Iterator<Item = usize> {
        self.iter().filter(|(_, session)| matches!(session.phase, Phase::Active(_))).map(|(place, _)| place)
    }

    /// Adds a half-open session; if there are too many of them, the oldest is dropped.
    pub(super) fn insert(&mut self, session: Session) {
        let half_open = || self.iter().filter(|(_, session)| !matches!(session.phase, Phase::Active(_)));
        if half_open().count() >= HALF_OPEN_LIMIT
            && let Some((oldest, _)) = half_open().min_by_key(|(_, session)| session.deadline)
        {
            self.slots[oldest] = None;
        }
        match self.slots.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some(session),
            None => self.slots.push(Some(session)),
        }
    }

    pub(super) fn remove(&mut self, place: usize) -> Option<Session> {
        let removed = self.slots.get_mut(place)?.take();
        while matches!(self.slots.last(), Some(None)) {
            self.slots.pop();
        }
        removed
    }

    /// A session whose time has passed.
    pub(super) fn lapsed(&self, now: Instant) -> Option<usize> {
        self.iter().find(|(_, session)| session.deadline <= now).map(|(place, _)| place)
    }

    /// A session that Close Session named.
    pub(super) fn closing(&self) -> Option<usize> {
        self.active_places().find(|place| self.active(*place).is_some_and(|active| active.closing))
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.iter().map(|(_, session)| session.deadline).min()
    }
}
