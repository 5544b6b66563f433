//! The messages that set up an RMCP+ session: Open Session and RAKP 1 to 4 (IPMI 2.0 sections 13.17 to 13.24).
//!
//! Only their bytes are here; what they mean is decided by the two machines, their proofs are made in `keys`.

use std::fmt;

use crate::fault::Fault;
use crate::keys::NAME_LIMIT;
use crate::suite::{Algorithms, CipherSuite};
use crate::wire::Reader;

/// RMCP+ and RAKP status codes (table 13-15): why a BMC does not go on with a session set-up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RakpStatus(pub u8);

impl RakpStatus {
    /// No error.
    pub const OK: Self = Self(0x00);
    /// Insufficient resources to create a session. Some BMCs say this of a suite that they do not like.
    pub const INSUFFICIENT_RESOURCES: Self = Self(0x01);
    /// Invalid session id.
    pub const INVALID_SESSION_ID: Self = Self(0x02);
    /// Invalid authentication algorithm.
    pub const INVALID_AUTHENTICATION_ALGORITHM: Self = Self(0x04);
    /// Invalid integrity algorithm.
    pub const INVALID_INTEGRITY_ALGORITHM: Self = Self(0x05);
    /// Invalid role.
    pub const INVALID_ROLE: Self = Self(0x09);
    /// Unauthorised role or privilege level requested.
    pub const UNAUTHORIZED_ROLE: Self = Self(0x0A);
    /// Invalid name length.
    pub const INVALID_NAME_LENGTH: Self = Self(0x0C);
    /// Unauthorised name: no such user, or not enabled.
    pub const UNAUTHORIZED_NAME: Self = Self(0x0D);
    /// Invalid integrity check value: the console's proof is wrong.
    pub const INVALID_INTEGRITY_CHECK_VALUE: Self = Self(0x0F);
    /// Invalid confidentiality algorithm.
    pub const INVALID_CONFIDENTIALITY_ALGORITHM: Self = Self(0x10);
    /// No cipher suite match with the proposed algorithms.
    pub const NO_CIPHER_SUITE_MATCH: Self = Self(0x11);
    /// Illegal or unrecognised parameter.
    pub const ILLEGAL_PARAMETER: Self = Self(0x12);

    /// Whether it may mean that the proposed suite is not to the BMC's liking. Beside the codes made for this, BMCs in
    /// the field refuse a disabled suite with 01h, 0Ah and 12h.
    pub(crate) fn may_refuse_suite(self) -> bool {
        matches!(
            self,
            Self::INSUFFICIENT_RESOURCES
                | Self::INVALID_AUTHENTICATION_ALGORITHM
                | Self::INVALID_INTEGRITY_ALGORITHM
                | Self::UNAUTHORIZED_ROLE
                | Self::INVALID_CONFIDENTIALITY_ALGORITHM
                | Self::NO_CIPHER_SUITE_MATCH
                | Self::ILLEGAL_PARAMETER
        )
    }

    /// Whether it refuses the privilege level that was asked for.
    pub(crate) fn refuses_privilege(self) -> bool {
        matches!(self, Self::INVALID_ROLE | Self::UNAUTHORIZED_ROLE)
    }

    /// The meaning that table 13-15 gives the code.
    pub fn meaning(self) -> &'static str {
        match self.0 {
            0x00 => "no error",
            0x01 => "insufficient resources to create a session",
            0x02 => "invalid session id",
            0x03 => "invalid payload type",
            0x04 => "invalid authentication algorithm",
            0x05 => "invalid integrity algorithm",
            0x06 => "no matching authentication payload",
            0x07 => "no matching integrity payload",
            0x08 => "inactive session id",
            0x09 => "invalid role",
            0x0A => "unauthorised role or privilege level",
            0x0B => "insufficient resources for the requested role",
            0x0C => "invalid name length",
            0x0D => "unauthorised name",
            0x0E => "unauthorised GUID",
            0x0F => "invalid integrity check value",
            0x10 => "invalid confidentiality algorithm",
            0x11 => "no cipher suite match",
            0x12 => "illegal or unrecognised parameter",
            _ => "reserved code",
        }
    }
}

impl fmt::Debug for RakpStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RakpStatus({:#04x})", self.0)
    }
}

impl fmt::Display for RakpStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}h ({})", self.0, self.meaning())
    }
}

/// One algorithm of a proposal: a number, or the BMC's choice.
pub(crate) type Proposed = Option<u8>;

/// Open Session Request (section 13.17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenSessionRequest {
    pub(crate) tag: u8,
    /// Requested maximum privilege level; 0 asks for the highest that the suite allows.
    pub(crate) privilege: u8,
    pub(crate) console_session: u32,
    pub(crate) authentication: Proposed,
    pub(crate) integrity: Proposed,
    pub(crate) confidentiality: Proposed,
}

impl OpenSessionRequest {
    pub(crate) fn proposing(suite: CipherSuite, tag: u8, privilege: u8, console_session: u32) -> Self {
        let Algorithms { authentication, integrity, confidentiality } = suite.algorithms();
        Self {
            tag,
            privilege,
            console_session,
            authentication: Some(authentication.number()),
            integrity: Some(integrity.number()),
            confidentiality: Some(confidentiality.number()),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.tag, self.privilege, 0, 0];
        bytes.extend_from_slice(&self.console_session.to_le_bytes());
        for (kind, proposed) in (0u8..).zip([self.authentication, self.integrity, self.confidentiality]) {
            encode_record(kind, proposed, &mut bytes);
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let [tag, privilege, _, _] = reader.array("Open Session Request")?;
        let console_session = reader.u32("console session id")?;
        Ok(Self {
            tag,
            privilege: privilege & 0x0F,
            console_session,
            authentication: decode_record(0, &mut reader)?,
            integrity: decode_record(1, &mut reader)?,
            confidentiality: decode_record(2, &mut reader)?,
        })
    }
}

fn encode_record(kind: u8, algorithm: Proposed, bytes: &mut Vec<u8>) {
    // A length of 0 leaves the choice to the BMC; otherwise it is that of the record.
    let length = if algorithm.is_some() { 8 } else { 0 };
    bytes.extend_from_slice(&[kind, 0, 0, length, algorithm.unwrap_or(0) & 0x3F, 0, 0, 0]);
}

fn decode_record(kind: u8, reader: &mut Reader<'_>) -> Result<Proposed, Fault> {
    let [found, _, _, length, algorithm, _, _, _] = reader.array("algorithm proposal")?;
    if found != kind {
        return Err(Fault::Field { field: "algorithm proposal type", value: found.into() });
    }
    Ok((length != 0).then_some(algorithm & 0x3F))
}

/// Open Session Response (section 13.18).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenSessionResponse {
    pub(crate) tag: u8,
    pub(crate) privilege: u8,
    pub(crate) console_session: u32,
    pub(crate) outcome: Result<OpenedSession, RakpStatus>,
}

/// What a BMC that accepts an Open Session Request adds to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenedSession {
    pub(crate) bmc_session: u32,
    pub(crate) authentication: u8,
    pub(crate) integrity: u8,
    pub(crate) confidentiality: u8,
}

impl OpenedSession {
    pub(crate) fn accepting(suite: CipherSuite, bmc_session: u32) -> Self {
        let Algorithms { authentication, integrity, confidentiality } = suite.algorithms();
        Self {
            bmc_session,
            authentication: authentication.number(),
            integrity: integrity.number(),
            confidentiality: confidentiality.number(),
        }
    }
}

impl OpenSessionResponse {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let status = self.outcome.err().unwrap_or(RakpStatus::OK);
        let mut bytes = vec![self.tag, status.0, self.privilege, 0];
        bytes.extend_from_slice(&self.console_session.to_le_bytes());
        if let Ok(opened) = self.outcome {
            bytes.extend_from_slice(&opened.bmc_session.to_le_bytes());
            for (kind, algorithm) in
                (0u8..).zip([opened.authentication, opened.integrity, opened.confidentiality])
            {
                encode_record(kind, Some(algorithm), &mut bytes);
            }
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let [tag, status] = reader.array("Open Session Response")?;
        if let Some(console_session) = refused_session(status, reader) {
            return Ok(Self { tag, privilege: 0, console_session, outcome: Err(RakpStatus(status)) });
        }
        let [privilege, _] = reader.array("maximum privilege level")?;
        let console_session = reader.u32("console session id")?;
        let bmc_session = reader.u32("BMC session id")?;
        if bmc_session == 0 {
            return Err(Fault::Field { field: "BMC session id", value: 0 });
        }
        let mut accepted = |kind| decode_record(kind, &mut reader).map(|number| number.unwrap_or(0));
        let outcome = Ok(OpenedSession {
            bmc_session,
            authentication: accepted(0)?,
            integrity: accepted(1)?,
            confidentiality: accepted(2)?,
        });
        Ok(Self { tag, privilege: privilege & 0x0F, console_session, outcome })
    }
}

/// RAKP message 1 (section 13.20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rakp1 {
    pub(crate) tag: u8,
    pub(crate) bmc_session: u32,
    pub(crate) console_random: [u8; 16],
    /// The whole role byte: privilege level, and [`NAME_ONLY_LOOKUP`].
    pub(crate) role: u8,
    /// User name; empty for the null user.
    pub(crate) name: Vec<u8>,
}

/// Bit of RAKP message 1's role byte: find the user by name alone, not by name and privilege.
pub(crate) const NAME_ONLY_LOOKUP: u8 = 0x10;

impl Rakp1 {
    /// Length in bytes with the longest name.
    pub(crate) const FULL_LENGTH: usize = 28 + NAME_LIMIT;

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.tag, 0, 0, 0];
        bytes.extend_from_slice(&self.bmc_session.to_le_bytes());
        bytes.extend_from_slice(&self.console_random);
        bytes.extend_from_slice(&[self.role, 0, 0, self.name.len() as u8]);
        bytes.extend_from_slice(&self.name);
        bytes
    }

    /// Decodes; a name longer than [`NAME_LIMIT`] is kept up to one byte more, so that it is seen to be too long.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let [tag, _, _, _] = reader.array("RAKP message 1")?;
        let bmc_session = reader.u32("BMC session id")?;
        let console_random = reader.array("console random number")?;
        let [role, _, _, length] = reader.array("RAKP message 1 role")?;
        let name = reader.take(usize::from(length).min(NAME_LIMIT + 1), "user name")?.to_vec();
        Ok(Self { tag, bmc_session, console_random, role, name })
    }
}

/// RAKP message 2 (section 13.21).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rakp2 {
    pub(crate) tag: u8,
    pub(crate) console_session: u32,
    pub(crate) outcome: Result<Rakp2Proof, RakpStatus>,
}

/// The part of RAKP message 2 that only a success has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rakp2Proof {
    pub(crate) bmc_random: [u8; 16],
    pub(crate) guid: [u8; 16],
    pub(crate) code: Vec<u8>,
}

impl Rakp2 {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let status = self.outcome.as_ref().err().copied().unwrap_or(RakpStatus::OK);
        let mut bytes = vec![self.tag, status.0, 0, 0];
        bytes.extend_from_slice(&self.console_session.to_le_bytes());
        if let Ok(proof) = &self.outcome {
            bytes.extend_from_slice(&proof.bmc_random);
            bytes.extend_from_slice(&proof.guid);
            bytes.extend_from_slice(&proof.code);
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let [tag, status] = reader.array("RAKP message 2")?;
        if let Some(console_session) = refused_session(status, reader) {
            return Ok(Self { tag, console_session, outcome: Err(RakpStatus(status)) });
        }
        reader.take(2, "RAKP message 2")?;
        let console_session = reader.u32("console session id")?;
        let outcome = Ok(Rakp2Proof {
            bmc_random: reader.array("BMC random number")?,
            guid: reader.array("BMC GUID")?,
            code: reader.rest().to_vec(),
        });
        Ok(Self { tag, console_session, outcome })
    }
}

/// RAKP message 3 (section 13.22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rakp3 {
    pub(crate) tag: u8,
    pub(crate) bmc_session: u32,
    /// The console's proof, or why it gives up.
    pub(crate) outcome: Result<Vec<u8>, RakpStatus>,
}

impl Rakp3 {
    pub(crate) fn encode(&self) -> Vec<u8> {
        encode_proof(self.tag, self.bmc_session, &self.outcome)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let (tag, bmc_session, outcome) = decode_proof("RAKP message 3", bytes)?;
        Ok(Self { tag, bmc_session, outcome })
    }
}

/// RAKP message 4 (section 13.23).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rakp4 {
    pub(crate) tag: u8,
    pub(crate) console_session: u32,
    /// The integrity check value, or why the BMC refuses.
    pub(crate) outcome: Result<Vec<u8>, RakpStatus>,
}

impl Rakp4 {
    pub(crate) fn encode(&self) -> Vec<u8> {
        encode_proof(self.tag, self.console_session, &self.outcome)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let (tag, console_session, outcome) = decode_proof("RAKP message 4", bytes)?;
        Ok(Self { tag, console_session, outcome })
    }
}

fn encode_proof(tag: u8, session: u32, outcome: &Result<Vec<u8>, RakpStatus>) -> Vec<u8> {
    let status = outcome.as_ref().err().copied().unwrap_or(RakpStatus::OK);
    let mut bytes = vec![tag, status.0, 0, 0];
    bytes.extend_from_slice(&session.to_le_bytes());
    bytes.extend_from_slice(outcome.as_deref().unwrap_or_default());
    bytes
}

type Proof = (u8, u32, Result<Vec<u8>, RakpStatus>);

fn decode_proof(what: &'static str, bytes: &[u8]) -> Result<Proof, Fault> {
    let mut reader = Reader::new(bytes);
    let [tag, status] = reader.array(what)?;
    if let Some(session) = refused_session(status, reader) {
        return Ok((tag, session, Err(RakpStatus(status))));
    }
    reader.take(2, what)?;
    let session = reader.u32("session id")?;
    Ok((tag, session, Ok(reader.rest().to_vec())))
}

/// The receiver's session id in a refusal, whose status is not zero; `None` in anything else.
///
/// Refusals are short, and shorter than they should be from some: OpenIPMI's Open Session Response ends before the id.
/// What is missing reads as zero, and the tag alone says what is refused.
fn refused_session(status: u8, behind_status: Reader<'_>) -> Option<u32> {
    let mut reader = behind_status;
    let id = |reader: &mut Reader<'_>| {
        reader.take(2, "reserved bytes")?;
        reader.u32("session id")
    };
    (status != RakpStatus::OK.0).then(|| id(&mut reader).unwrap_or(0))
}

#[cfg(test)]
mod tests;
