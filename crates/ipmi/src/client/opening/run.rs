//! One run through the steps of a set-up: its numbers, what it sends, and whether an answer is for it.

use std::time::Instant;

use crate::client::link::{Credentials, Link};
use crate::client::session::Session;
use crate::entropy;
use crate::fault::{Fault, IgnoreReason};
use crate::keys::Handshake;
use crate::mac::HmacKey;
use crate::packet::{self, PayloadType, PlusPacket};
use crate::privilege::PrivilegeLevel;
use crate::quirk::{Quirk, Quirks};
use crate::setup::{
    NAME_ONLY_LOOKUP, OpenSessionRequest, OpenSessionResponse, OpenedSession, Rakp1, Rakp2, Rakp2Proof,
    Rakp3, Rakp4, RakpStatus,
};
use crate::suite::CipherSuite;

/// What an answer means for its run.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The next message was sent.
    Next,
    /// The session is open.
    Opened(Box<Session>),
    /// The BMC refuses.
    Refused(RakpStatus),
    /// The BMC's proof in RAKP message 2 is right, and that is all that was to be found out.
    UserKnown,
    WrongPassword,
    WrongKg,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) suite: CipherSuite,
    pub(super) privilege: PrivilegeLevel,
    /// Only RAKP message 2 is of interest: whether the BMC knows the user.
    pub(super) only_name: bool,
}

/// One run through the steps.
#[derive(Debug)]
pub(super) struct Run {
    proposal: Proposal,
    tag: u8,
    console_session: u32,
    stage: Stage,
    /// When the last message was sent for the first time.
    sent_at: Instant,
    /// Whether it was sent again, which only the Open Session Request is.
    repeated: bool,
}

/// What is waited for.
#[derive(Debug)]
enum Stage {
    OpenSessionResponse,
    Rakp2 { bmc_session: u32, console_random: [u8; 16] },
    Rakp4(Box<Proving>),
}

/// What RAKP message 4 is checked with, and the session made from.
#[derive(Debug)]
struct Proving {
    handshake: Handshake,
    sik: HmacKey,
}

impl Run {
    /// Sends an Open Session Request under new numbers. `other` is a run that goes on beside this one: its answers must
    /// not be taken for this one's.
    pub(super) fn begin(link: &mut Link, now: Instant, proposal: Proposal, other: Option<&Self>) -> Self {
        let [tag] = entropy::draw(&mut *link.entropy);
        // A run takes three tags in a row.
        let tag = other.map_or(tag, |other| other.tag.wrapping_add(0x80 | tag & 0x3F));
        let console_session = entropy::draw_session_id(&mut *link.entropy);
        let stage = Stage::OpenSessionResponse;
        let run = Self { proposal, tag, console_session, stage, sent_at: now, repeated: false };
        run.send_open(link);
        run
    }

    fn send_open(&self, link: &mut Link) {
        let Proposal { suite, privilege, .. } = self.proposal;
        let request =
            OpenSessionRequest::proposing(suite, self.tag, privilege.number(), self.console_session);
        link.send(packet::encode_clear(PayloadType::OpenSessionRequest, &request.encode()));
    }

    /// Sends the Open Session Request once more as it was. A BMC that got both copies answers both alike, or has two
    /// sessions begun, of which one lapses.
    pub(super) fn repeat_open(&mut self, link: &mut Link) {
        self.repeated = true;
        self.send_open(link);
    }

    /// How many answers the BMC has given: 0 to 2.
    pub(super) fn progress(&self) -> u8 {
        match self.stage {
            Stage::OpenSessionResponse => 0,
            Stage::Rakp2 { .. } => 1,
            Stage::Rakp4(_) => 2,
        }
    }

    /// Whether RAKP message 3 was sent, and its answer has not come.
    pub(super) fn awaits_proof(&self) -> bool {
        matches!(self.stage, Stage::Rakp4(_))
    }

    pub(super) fn suite(&self) -> CipherSuite {
        self.proposal.suite
    }

    /// Takes an answer. One that is not for this run is [`IgnoreReason::Unexpected`].
    pub(super) fn receive(
        &mut self,
        link: &mut Link,
        credentials: &Credentials,
        now: Instant,
        packet: &PlusPacket<'_>,
    ) -> Result<Verdict, IgnoreReason> {
        let payload = packet.clear_payload()?;
        match (packet.payload_type, &self.stage) {
            (PayloadType::OpenSessionResponse, Stage::OpenSessionResponse) => {
                let response = OpenSessionResponse::decode(payload)?;
                self.expect(response.tag, response.console_session)?;
                let took = now.saturating_duration_since(self.sent_at);
                match self.repeated {
                    false => link.timing.answered(took),
                    true => link.timing.answered_late(took),
                }
                Ok(match response.outcome {
                    Ok(opened) => self.take_opened(link, credentials, now, opened),
                    Err(status) => Verdict::Refused(status),
                })
            }
            (PayloadType::Rakp2, Stage::Rakp2 { bmc_session, console_random }) => {
                let (bmc_session, console_random) = (*bmc_session, *console_random);
                let rakp2 = Rakp2::decode(payload)?;
                self.expect(rakp2.tag, rakp2.console_session)?;
                let proof = match rakp2.outcome {
                    Ok(proof) => proof,
                    Err(status) => return Ok(Verdict::Refused(status)),
                };
                let handshake = self.handshake(link, credentials, bmc_session, console_random, &proof);
                self.take_proof(link, credentials, now, handshake, &proof.code)
            }
            (PayloadType::Rakp4, Stage::Rakp4(proving)) => {
                let rakp4 = Rakp4::decode(payload)?;
                self.expect(rakp4.tag, rakp4.console_session)?;
                let value = match rakp4.outcome {
                    Ok(value) => value,
                    Err(status) => return Ok(Verdict::Refused(status)),
                };
                if !proving.handshake.rakp4_matches(&proving.sik, &value)? {
                    return Ok(Verdict::WrongKg);
                }
                link.timing.shook_hands(now.saturating_duration_since(self.sent_at));
                Ok(Verdict::Opened(Box::new(self.session(credentials, proving))))
            }
            (PayloadType::OpenSessionRequest | PayloadType::Rakp1 | PayloadType::Rakp3, _) => {
                Err(Fault::Reflected.into())
            }
            _ => Err(IgnoreReason::Unexpected),
        }
    }

    /// Whether an answer belongs to this run. A refusal may leave the session id zero: then the tag decides.
    fn expect(&self, tag: u8, console_session: u32) -> Result<(), IgnoreReason> {
        let ours = tag == self.tag && (console_session == self.console_session || console_session == 0);
        if ours { Ok(()) } else { Err(IgnoreReason::Unexpected) }
    }

    /// The same explicit level as in the Open Session Request: some BMCs make their keys with that one.
    fn role(&self, quirks: Quirks) -> u8 {
        let by_name_and_level = quirks.contains(Quirk::Intel20) || quirks.contains(Quirk::Intel82571);
        self.proposal.privilege.number() | if by_name_and_level { 0 } else { NAME_ONLY_LOOKUP }
    }

    fn advance(&mut self, now: Instant, stage: Stage) {
        self.stage = stage;
        self.sent_at = now;
    }

    fn take_opened(
        &mut self,
        link: &mut Link,
        credentials: &Credentials,
        now: Instant,
        opened: OpenedSession,
    ) -> Verdict {
        if opened != OpenedSession::accepting(self.proposal.suite, opened.bmc_session) {
            return Verdict::Refused(RakpStatus::NO_CIPHER_SUITE_MATCH);
        }
        let bmc_session = opened.bmc_session;
        let console_random = entropy::draw(&mut *link.entropy);
        self.tag = self.tag.wrapping_add(1);
        let name = credentials.name.clone();
        let role = self.role(link.config.quirks);
        let mut message = Rakp1 { tag: self.tag, bmc_session, console_random, role, name }.encode();
        if link.config.quirks.contains(Quirk::Intel82571) {
            message.resize(Rakp1::FULL_LENGTH, 0);
        }
        link.send(packet::encode_clear(PayloadType::Rakp1, &message));
        self.advance(now, Stage::Rakp2 { bmc_session, console_random });
        Verdict::Next
    }

    fn handshake(
        &self,
        link: &Link,
        credentials: &Credentials,
        bmc_session: u32,
        console_random: [u8; 16],
        proof: &Rakp2Proof,
    ) -> Handshake {
        Handshake {
            algorithms: self.proposal.suite.algorithms(),
            console_session: self.console_session,
            bmc_session,
            console_random,
            bmc_random: proof.bmc_random,
            guid: proof.guid,
            role: self.role(link.config.quirks),
            name: credentials.name.clone(),
        }
    }

    fn take_proof(
        &mut self,
        link: &mut Link,
        credentials: &Credentials,
        now: Instant,
        handshake: Handshake,
        code: &[u8],
    ) -> Result<Verdict, IgnoreReason> {
        let user_key = credentials.user_key(self.suite());
        if !handshake.rakp2_matches(&user_key, code)? {
            // Going on would count as a failed login at the BMC, and the answer is known.
            return Ok(Verdict::WrongPassword);
        }
        link.timing.shook_hands(now.saturating_duration_since(self.sent_at));
        if self.proposal.only_name {
            return Ok(Verdict::UserKnown);
        }
        self.tag = self.tag.wrapping_add(1);
        let rakp3 = Rakp3 {
            tag: self.tag,
            bmc_session: handshake.bmc_session,
            outcome: Ok(handshake.rakp3_code(&user_key).to_vec()),
        };
        link.send(packet::encode_clear(PayloadType::Rakp3, &rakp3.encode()));
        let sik = handshake.session_integrity_key(&credentials.kg(self.suite()));
        self.advance(now, Stage::Rakp4(Box::new(Proving { handshake, sik })));
        Ok(Verdict::Next)
    }

    fn session(&self, credentials: &Credentials, Proving { handshake, sik }: &Proving) -> Session {
        Session::rmcp_plus(
            self.proposal.suite,
            self.proposal.privilege,
            handshake.bmc_session,
            handshake.console_session,
            handshake.session_keys(sik, &credentials.user_key(self.suite())),
        )
    }
}
