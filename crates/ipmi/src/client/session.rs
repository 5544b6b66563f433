//! An open session as the console sees it: what seals and opens its packets.

use crate::entropy::{self, Entropy};
use crate::fault::IgnoreReason;
use crate::keys::SessionKeys;
use crate::packet::{self, PayloadType, PlusPacket};
use crate::privilege::PrivilegeLevel;
use crate::sequence::{CONSOLE_AHEAD, InboundWindow, OutboundSequence};
use crate::suite::CipherSuite;

/// Keys, ids and counters of an open session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) suite: CipherSuite,
    /// The highest level that the session may rise to.
    pub(super) limit: PrivilegeLevel,
    /// The level that it has: User after set-up (section 13.15).
    pub(super) privilege: PrivilegeLevel,
    pub(super) bmc_session: u32,
    console_session: u32,
    keys: SessionKeys,
    outbound: OutboundSequence,
    inbound: InboundWindow,
    next_request: u8,
}

impl Session {
    pub(super) fn new(
        suite: CipherSuite,
        limit: PrivilegeLevel,
        bmc_session: u32,
        console_session: u32,
        keys: SessionKeys,
    ) -> Self {
        Self {
            suite,
            limit,
            privilege: PrivilegeLevel::User.min(limit),
            bmc_session,
            console_session,
            keys,
            outbound: OutboundSequence::default(),
            inbound: InboundWindow::new(CONSOLE_AHEAD),
            next_request: 0,
        }
    }

    /// A request sequence number that none of the last 63 requests of the session had, so that a late copy of one of
    /// their replies is not taken for the answer to this one.
    pub(super) fn next_request_sequence(&mut self) -> u8 {
        let sequence = self.next_request;
        self.next_request = (sequence + 1) & 0x3F;
        sequence
    }

    pub(super) fn seal(
        &mut self,
        entropy: &mut dyn Entropy,
        payload_type: PayloadType,
        payload: &[u8],
    ) -> Vec<u8> {
        let iv = entropy::draw(entropy);
        let sequence = self.outbound.advance();
        packet::seal(&self.keys, payload_type, self.bmc_session, sequence, iv, payload)
    }

    pub(super) fn open(&mut self, packet: &PlusPacket<'_>) -> Result<Vec<u8>, IgnoreReason> {
        // `Quirk::IdZero`: the integrity check below shows whose packet it is.
        if packet.session != self.console_session && packet.session != 0 {
            return Err(IgnoreReason::UnknownSession(packet.session));
        }
        let payload = packet.open(&self.keys)?;
        self.inbound.accept(packet.sequence)?;
        match packet.payload_type {
            PayloadType::Ipmi | PayloadType::Sol => Ok(payload),
            _ => Err(IgnoreReason::Unexpected),
        }
    }
}
