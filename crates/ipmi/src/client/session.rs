//! An open session as the console sees it: what seals and opens its packets.

use crate::command::ActivatedSession;
use crate::entropy::{self, Entropy};
use crate::fault::{Fault, IgnoreReason};
use crate::keys::{SecretKey, SessionKeys};
use crate::packet::{self, Packet15, PayloadType, PlusPacket};
use crate::privilege::PrivilegeLevel;
use crate::quirk::{Quirk, Quirks};
use crate::sequence::{CONSOLE_AHEAD, InboundWindow, OutboundSequence};
use crate::session15::{Covered, Ipmi15Authentication};
use crate::suite::CipherSuite;

/// Keys, ids and counters of an open session.
#[derive(Debug)]
pub(super) struct Session {
    /// `None` for a session of IPMI 1.5.
    pub(super) suite: Option<CipherSuite>,
    /// The highest level that the session may rise to.
    pub(super) limit: PrivilegeLevel,
    /// The level that it has: User after set-up (section 13.15).
    pub(super) privilege: PrivilegeLevel,
    pub(super) bmc_session: u32,
    protection: Protection,
    outbound: OutboundSequence,
    inbound: InboundWindow,
    next_request: u8,
}

/// What protects the session's packets.
enum Protection {
    RmcpPlus {
        console_session: u32,
        keys: SessionKeys,
    },
    /// An authentication code in each packet, or nothing.
    Ipmi15 {
        packets: Option<Ipmi15Authentication>,
        key: SecretKey,
    },
}

impl std::fmt::Debug for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RmcpPlus { .. } => "RmcpPlus { .. }",
            Self::Ipmi15 { .. } => "Ipmi15 { .. }",
        })
    }
}

impl Session {
    pub(super) fn rmcp_plus(
        suite: CipherSuite,
        limit: PrivilegeLevel,
        bmc_session: u32,
        console_session: u32,
        keys: SessionKeys,
    ) -> Self {
        Self {
            suite: Some(suite),
            limit,
            privilege: PrivilegeLevel::User.min(limit),
            bmc_session,
            protection: Protection::RmcpPlus { console_session, keys },
            outbound: OutboundSequence::default(),
            inbound: InboundWindow::new(CONSOLE_AHEAD),
            next_request: 0,
        }
    }

    /// A session whose packets from the BMC begin with the number `first`.
    pub(super) fn ipmi15(
        limit: PrivilegeLevel,
        activated: &ActivatedSession,
        first: u32,
        packets: Option<Ipmi15Authentication>,
        key: SecretKey,
    ) -> Self {
        Self {
            suite: None,
            limit,
            privilege: PrivilegeLevel::User.min(limit),
            bmc_session: activated.session,
            protection: Protection::Ipmi15 { packets, key },
            outbound: OutboundSequence::starting_at(activated.inbound),
            inbound: InboundWindow::console_15(first),
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

    /// A packet of the session. Those of IPMI 1.5 know only payloads of the type [`PayloadType::Ipmi`].
    pub(super) fn seal(
        &mut self,
        entropy: &mut dyn Entropy,
        payload_type: PayloadType,
        payload: &[u8],
    ) -> Vec<u8> {
        let sequence = self.outbound.advance();
        match &self.protection {
            Protection::RmcpPlus { keys, .. } => {
                let iv = entropy::draw(entropy);
                packet::seal(keys, payload_type, self.bmc_session, sequence, iv, payload)
            }
            Protection::Ipmi15 { packets, key } => {
                packet::seal15(*packets, key, Covered { session: self.bmc_session, sequence, payload })
            }
        }
    }

    pub(super) fn open(&mut self, packet: &PlusPacket<'_>) -> Result<Vec<u8>, IgnoreReason> {
        let unknown = IgnoreReason::UnknownSession(packet.session);
        let Protection::RmcpPlus { console_session, keys } = &self.protection else { return Err(unknown) };
        // `Quirk::IdZero`: the integrity check below shows whose packet it is.
        if packet.session != *console_session && packet.session != 0 {
            return Err(unknown);
        }
        let payload = packet.open(keys)?;
        self.inbound.accept(packet.sequence)?;
        match packet.payload_type {
            PayloadType::Ipmi | PayloadType::Sol => Ok(payload),
            _ => Err(IgnoreReason::Unexpected),
        }
    }

    pub(super) fn open15<'a>(
        &mut self,
        packet: &Packet15<'a>,
        quirks: Quirks,
    ) -> Result<&'a [u8], IgnoreReason> {
        let unknown = IgnoreReason::UnknownSession(packet.session);
        let Protection::Ipmi15 { packets, key } = &self.protection else { return Err(unknown) };
        if packet.session != self.bmc_session {
            return Err(unknown);
        }
        if packet.authentication().is_none() && packets.is_some() {
            return Err(Fault::Unprotected.into());
        }
        // A code that nobody asked for is checked as well: `Quirk::UnexpectedAuth`.
        if !quirks.contains(Quirk::NoAuthCodeCheck) {
            packet.check(key)?;
        }
        self.inbound.accept(match quirks.contains(Quirk::EndianSequence) {
            true => packet.sequence.swap_bytes(),
            false => packet.sequence,
        })?;
        Ok(packet.payload)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_request_sequence_number_comes_again_after_64_requests_and_not_before() {
        let activated = ActivatedSession { authentication: None, session: 7, inbound: 1, limit: 4 };
        let key = SecretKey::from_password(&"secret".into()).unwrap();
        let mut session = Session::ipmi15(PrivilegeLevel::Operator, &activated, 1, None, key);
        let numbers: Vec<u8> = (0..256).map(|_| session.next_request_sequence()).collect();
        for window in numbers.windows(64) {
            assert_eq!(window.iter().collect::<BTreeSet<_>>().len(), 64);
        }
        assert!(numbers.iter().all(|number| *number < 64), "six bits");
    }
}
