//! The outside of every datagram: RMCP, ASF ping and pong, and the IPMI 1.5 and RMCP+ session wrappers
//! (IPMI 2.0 sections 13.1, 13.2, 13.6).

mod session15;

pub(crate) use session15::{CODE_15_AT, Packet15, seal15};

use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};

use crate::fault::Fault;
use crate::keys::SessionKeys;
use crate::session15::Ipmi15Authentication;
use crate::suite::Confidentiality;
use crate::wire::Reader;

const RMCP_VERSION: u8 = 0x06;
/// "No RMCP acknowledgement wanted", which IPMI always uses (section 13.1.3).
const RMCP_NO_ACK: u8 = 0xFF;
const CLASS_ASF: u8 = 0x06;
const CLASS_IPMI: u8 = 0x07;

/// IANA enterprise number of ASF, 4542, as ASF messages carry it: most significant byte first.
const ASF_IANA: [u8; 4] = 4542u32.to_be_bytes();
const ASF_PONG: u8 = 0x40;
const ASF_PING: u8 = 0x80;

/// Authentication type "none" of the IPMI 1.5 wrapper.
const AUTH_NONE: u8 = 0x00;
/// Authentication type that marks the RMCP+ wrapper.
const AUTH_RMCP_PLUS: u8 = 0x06;

const ENCRYPTED: u8 = 0x80;
const AUTHENTICATED: u8 = 0x40;

/// What follows the RMCP+ session trailer; always 07h (table 13-8).
const NEXT_HEADER: u8 = 0x07;

const AES_BLOCK: usize = 16;

/// Where the low byte of the payload length is in an RMCP+ datagram.
pub(crate) const PLUS_LENGTH_AT: usize = 14;

/// Longest datagram that is looked at. IPMI messages stay far below; what is longer is not for us and must not be
/// copied, decrypted or kept.
pub(crate) const DATAGRAM_LIMIT: usize = 2048;

/// What an RMCP+ packet carries (table 13-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayloadType {
    Ipmi,
    Sol,
    OpenSessionRequest,
    OpenSessionResponse,
    Rakp1,
    Rakp2,
    Rakp3,
    Rakp4,
}

impl PayloadType {
    const fn number(self) -> u8 {
        match self {
            Self::Ipmi => 0x00,
            Self::Sol => 0x01,
            Self::OpenSessionRequest => 0x10,
            Self::OpenSessionResponse => 0x11,
            Self::Rakp1 => 0x12,
            Self::Rakp2 => 0x13,
            Self::Rakp3 => 0x14,
            Self::Rakp4 => 0x15,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        match number {
            0x00 => Some(Self::Ipmi),
            0x01 => Some(Self::Sol),
            0x10 => Some(Self::OpenSessionRequest),
            0x11 => Some(Self::OpenSessionResponse),
            0x12 => Some(Self::Rakp1),
            0x13 => Some(Self::Rakp2),
            0x14 => Some(Self::Rakp3),
            0x15 => Some(Self::Rakp4),
            _ => None,
        }
    }
}

/// A datagram, taken apart as far as is possible without keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Datagram<'a> {
    /// ASF presence ping (section 13.2.3).
    Ping { tag: u8 },
    /// ASF presence pong (section 13.2.4).
    Pong { tag: u8 },
    /// An inner message in the IPMI 1.5 wrapper without authentication and outside any session.
    Sessionless(&'a [u8]),
    /// A packet of an IPMI 1.5 session.
    Session15(Packet15<'a>),
    /// An RMCP+ packet.
    Plus(PlusPacket<'a>),
}

/// An RMCP+ packet, perhaps still encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlusPacket<'a> {
    pub(crate) payload_type: PayloadType,
    pub(crate) encrypted: bool,
    pub(crate) authenticated: bool,
    pub(crate) session: u32,
    pub(crate) sequence: u32,
    payload: &'a [u8],
    /// From the authentication type to the datagram's end: what the authentication code covers, and the code.
    whole: &'a [u8],
    trailer: &'a [u8],
}

impl<'a> Datagram<'a> {
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Fault> {
        if bytes.len() > DATAGRAM_LIMIT {
            return Err(Fault::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(bytes);
        let version = reader.u8("RMCP header")?;
        if version != RMCP_VERSION {
            return Err(Fault::RmcpVersion(version));
        }
        let [_reserved, _sequence, class] = reader.array("RMCP header")?;
        match class {
            CLASS_ASF => decode_asf(reader),
            CLASS_IPMI => decode_ipmi(reader),
            other => Err(Fault::RmcpClass(other)),
        }
    }
}

fn decode_asf(mut reader: Reader<'_>) -> Result<Datagram<'_>, Fault> {
    let iana: [u8; 4] = reader.array("ASF IANA number")?;
    if iana != ASF_IANA {
        return Err(Fault::Field { field: "ASF IANA number", value: u32::from_be_bytes(iana) });
    }
    let message_type = reader.u8("ASF message type")?;
    let tag = reader.u8("ASF message tag")?;
    match message_type {
        ASF_PING => Ok(Datagram::Ping { tag }),
        ASF_PONG => Ok(Datagram::Pong { tag }),
        other => Err(Fault::AsfType(other)),
    }
}

fn decode_ipmi(mut reader: Reader<'_>) -> Result<Datagram<'_>, Fault> {
    let whole = reader.rest();
    match reader.u8("authentication type")? {
        AUTH_NONE => match Packet15::decode(None, reader)? {
            Packet15 { session: 0, sequence: 0, payload, .. } => Ok(Datagram::Sessionless(payload)),
            Packet15 { session: 0, sequence, .. } => {
                Err(Fault::Field { field: "session sequence number outside a session", value: sequence })
            }
            packet => Ok(Datagram::Session15(packet)),
        },
        AUTH_RMCP_PLUS => {
            let kind = reader.u8("payload type")?;
            let number = kind & !(ENCRYPTED | AUTHENTICATED);
            let payload_type = PayloadType::from_number(number).ok_or(Fault::PayloadType(number))?;
            let session = reader.u32("session id")?;
            let sequence = reader.u32("session sequence number")?;
            let length = reader.u16("payload length")?;
            let payload = match usize::from(length) {
                // `Quirk::Supermicro20`. The proof at the payload's end shows whether it is all there.
                length if payload_type == PayloadType::Rakp2 && length == reader.rest().len() + 1 => {
                    reader.take(length - 1, "payload")?
                }
                length => reader.take(length, "payload")?,
            };
            Ok(Datagram::Plus(PlusPacket {
                payload_type,
                encrypted: kind & ENCRYPTED != 0,
                authenticated: kind & AUTHENTICATED != 0,
                session,
                sequence,
                payload,
                whole,
                trailer: reader.rest(),
            }))
        }
        other => {
            let kind = Ipmi15Authentication::from_number(other).ok_or(Fault::AuthenticationType(other))?;
            Packet15::decode(Some(kind), reader).map(Datagram::Session15)
        }
    }
}

impl<'a> PlusPacket<'a> {
    /// The payload of a packet outside any session, which nothing protects.
    pub(crate) fn clear_payload(&self) -> Result<&'a [u8], Fault> {
        if self.encrypted || self.authenticated {
            return Err(Fault::Field { field: "payload type of a message outside a session", value: 0xC0 });
        }
        Ok(self.payload)
    }

    /// Checks the packet's authentication code and decrypts its payload.
    pub(crate) fn open(&self, keys: &SessionKeys) -> Result<Vec<u8>, Fault> {
        if !self.authenticated || !self.encrypted {
            return Err(Fault::Unprotected);
        }
        let code_length = keys.algorithms.integrity.code_length();
        let (signed, code) = self
            .whole
            .len()
            .checked_sub(code_length)
            .and_then(|at| self.whole.split_at_checked(at))
            .ok_or(Fault::Truncated("authentication code"))?;
        // Pad length and next header stand before the code. Their values are not judged: the code covers them, and
        // some BMCs pad without counting these two bytes.
        if self.trailer.len() < code_length + 2 {
            return Err(Fault::Truncated("session trailer"));
        }
        if !keys.integrity.matches(signed, code)? {
            return Err(Fault::Integrity);
        }
        match keys.algorithms.confidentiality {
            Confidentiality::AesCbc128 => decrypt(&keys.aes, self.payload),
        }
    }
}

fn decrypt(key: &[u8; AES_BLOCK], payload: &[u8]) -> Result<Vec<u8>, Fault> {
    let (iv, ciphertext) = payload.split_first_chunk::<AES_BLOCK>().ok_or(Fault::Encryption)?;
    let mut plain = ciphertext.to_vec();
    cbc::Decryptor::<aes::Aes128>::new(key.into(), iv.into())
        .decrypt_padded::<NoPadding>(&mut plain)
        .map_err(|_| Fault::Encryption)?;
    // The confidentiality trailer is 0 to 15 pad bytes and their count. The pad's values are not judged, as the
    // packet is authentic by now and some BMCs fill it with other values.
    let pad = usize::from(*plain.last().ok_or(Fault::Encryption)?);
    let length = plain.len().checked_sub(pad + 1).filter(|_| pad < AES_BLOCK).ok_or(Fault::Encryption)?;
    plain.truncate(length);
    Ok(plain)
}

fn encrypt(key: &[u8; AES_BLOCK], iv: [u8; AES_BLOCK], payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&iv);
    let start = out.len();
    out.extend_from_slice(payload);
    let pad = AES_BLOCK - 1 - payload.len() % AES_BLOCK;
    out.extend((1..).take(pad));
    out.push(pad as u8);
    let length = out.len() - start;
    cbc::Encryptor::<aes::Aes128>::new(key.into(), &iv.into())
        .encrypt_padded::<NoPadding>(&mut out[start..], length)
        .expect("the pad makes the length a multiple of the block");
}

fn header(class: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(&[RMCP_VERSION, 0x00, RMCP_NO_ACK, class]);
    bytes
}

/// An ASF presence ping.
pub(crate) fn encode_ping(tag: u8) -> Vec<u8> {
    let mut bytes = header(CLASS_ASF);
    bytes.extend_from_slice(&ASF_IANA);
    bytes.extend_from_slice(&[ASF_PING, tag, 0x00, 0x00]);
    bytes
}

/// An ASF presence pong of a device that speaks IPMI and nothing else of ASF.
pub(crate) fn encode_pong(tag: u8) -> Vec<u8> {
    let mut bytes = header(CLASS_ASF);
    bytes.extend_from_slice(&ASF_IANA);
    bytes.extend_from_slice(&[ASF_PONG, tag, 0x00, 0x10]);
    bytes.extend_from_slice(&ASF_IANA);
    // OEM-defined (4), supported entities (IPMI, ASF 1.0), supported interactions, reserved (6).
    bytes.extend_from_slice(&[0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

/// An inner message in the IPMI 1.5 wrapper, outside any session. `payload` is at most 255 bytes.
pub(crate) fn encode_sessionless(payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(CLASS_IPMI);
    bytes.extend_from_slice(&[AUTH_NONE, 0, 0, 0, 0, 0, 0, 0, 0, payload.len() as u8]);
    bytes.extend_from_slice(payload);
    bytes
}

/// An RMCP+ packet outside any session: set-up messages, and commands that need no session.
pub(crate) fn encode_clear(payload_type: PayloadType, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(CLASS_IPMI);
    bytes.extend_from_slice(&[AUTH_RMCP_PLUS, payload_type.number(), 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&(payload.len() as u16).to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// An authenticated and encrypted RMCP+ packet. `iv` must be unpredictable and new for each packet.
pub(crate) fn seal(
    keys: &SessionKeys,
    payload_type: PayloadType,
    session: u32,
    sequence: u32,
    iv: [u8; AES_BLOCK],
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = header(CLASS_IPMI);
    let start = bytes.len();
    bytes.extend_from_slice(&[AUTH_RMCP_PLUS, payload_type.number() | ENCRYPTED | AUTHENTICATED]);
    bytes.extend_from_slice(&session.to_le_bytes());
    bytes.extend_from_slice(&sequence.to_le_bytes());
    let length_at = bytes.len();
    bytes.extend_from_slice(&[0, 0]);
    match keys.algorithms.confidentiality {
        Confidentiality::AesCbc128 => encrypt(&keys.aes, iv, payload, &mut bytes),
    }
    let length = (bytes.len() - length_at - 2) as u16;
    bytes[length_at..length_at + 2].copy_from_slice(&length.to_le_bytes());
    // What is authenticated is a multiple of four bytes long, pad length and next header included (table 13-8).
    let pad = (4 - (bytes.len() - start + 2) % 4) % 4;
    bytes.extend(std::iter::repeat_n(0xFF, pad));
    bytes.extend_from_slice(&[pad as u8, NEXT_HEADER]);
    let code = keys.integrity.code(&bytes[start..]);
    bytes.extend_from_slice(&code[..keys.algorithms.integrity.code_length()]);
    bytes
}

#[cfg(test)]
mod tests;
