//! DHCPv6 for machines that boot over IPv6 (RFC 8415, and RFC 5970 for what they boot).
//!
//! The [`Policy`] says in which subnet a client is given an address. The address itself follows from who asks, by
//! [`derived_address`], so that an offer needs no memory; what was given is a [`Lease`], which is stored before the client is
//! told.

mod bindings;
mod client;
mod foreign;
mod output;
mod policy;
mod relay;
mod reply;
mod server;

use std::net::Ipv6Addr;
use std::time::SystemTime;

use crate::LeaseState;

pub use client::{Client, Program};
pub use foreign::{ForeignServer, Inquiry};
pub use output::{Arrival, Event, Happening, Output, Ticket};
pub use policy::{Answer, Boot, Policy, Terms};
pub use server::{Server, ServerConfig};

/// Codes of options, named as in the registry of IANA.
#[allow(missing_docs, reason = "the names are those of the registry")]
pub mod code {
    pub const CLIENT_IDENTIFIER: u16 = 1;
    pub const SERVER_IDENTIFIER: u16 = 2;
    pub const IA_NA: u16 = 3;
    pub const IA_TA: u16 = 4;
    pub const IA_ADDRESS: u16 = 5;
    pub const OPTION_REQUEST: u16 = 6;
    pub const PREFERENCE: u16 = 7;
    pub const ELAPSED_TIME: u16 = 8;
    pub const RELAY_MESSAGE: u16 = 9;
    pub const STATUS_CODE: u16 = 13;
    pub const RAPID_COMMIT: u16 = 14;
    pub const USER_CLASS: u16 = 15;
    pub const VENDOR_CLASS: u16 = 16;
    pub const INTERFACE_ID: u16 = 18;
    pub const DNS_SERVERS: u16 = 23;
    pub const DOMAIN_LIST: u16 = 24;
    pub const IA_PD: u16 = 25;
    pub const BOOTFILE_URL: u16 = 59;
    pub const BOOTFILE_PARAMETERS: u16 = 60;
    pub const CLIENT_ARCHITECTURE: u16 = 61;
    pub const NETWORK_INTERFACE: u16 = 62;
    pub const CLIENT_LINK_LAYER_ADDRESS: u16 = 79;
}

/// The group of all relays and servers of a link, which clients send to (RFC 8415, section 7.1).
pub const ALL_AGENTS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// What a message says (RFC 8415, section 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MessageType {
    /// A client looks for servers.
    Solicit = 1,
    /// A server is there.
    Advertise = 2,
    /// A client asks one server for addresses.
    Request = 3,
    /// A client asks whether its addresses fit the link.
    Confirm = 4,
    /// A client goes on with the server that it has its addresses from.
    Renew = 5,
    /// A client goes on with any server.
    Rebind = 6,
    /// A server answers.
    Reply = 7,
    /// A client gives its addresses back.
    Release = 8,
    /// A client found an address in use.
    Decline = 9,
    /// A client that needs no address asks for parameters.
    InformationRequest = 11,
}

impl MessageType {
    /// The type with this number; relays' messages are none of these.
    pub fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Solicit,
            2 => Self::Advertise,
            3 => Self::Request,
            4 => Self::Confirm,
            5 => Self::Renew,
            6 => Self::Rebind,
            7 => Self::Reply,
            8 => Self::Release,
            9 => Self::Decline,
            11 => Self::InformationRequest,
            _ => return None,
        })
    }
}

/// Options, in their order; a code may occur several times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(Vec<(u16, Vec<u8>)>);

impl Options {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads options up to the end of `area`; `None` where one claims more bytes than there are.
    pub fn decode(area: &[u8]) -> Option<Self> {
        let mut options = Self::new();
        let mut rest = area;
        while !rest.is_empty() {
            let (&[a, b, c, d], after) = rest.split_first_chunk::<4>()?;
            let (value, after) = after.split_at_checked(usize::from(u16::from_be_bytes([c, d])))?;
            options.push(u16::from_be_bytes([a, b]), value);
            rest = after;
        }
        Some(options)
    }

    /// Writes all behind what `out` holds. Values are cut at 65,535 bytes, which no datagram holds more than.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for (code, value) in &self.0 {
            let value = &value[..value.len().min(usize::from(u16::MAX))];
            out.extend_from_slice(&code.to_be_bytes());
            out.extend_from_slice(&(value.len() as u16).to_be_bytes());
            out.extend_from_slice(value);
        }
    }

    /// The first value of `code`.
    pub fn get(&self, code: u16) -> Option<&[u8]> {
        self.all(code).next()
    }

    /// The values of `code`.
    pub fn all(&self, code: u16) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |(other, _)| *other == code).map(|(_, value)| value)
    }

    /// All codes and values.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.0.iter().map(|(code, value)| (*code, &value[..]))
    }

    /// Puts one more behind the others.
    pub fn push(&mut self, code: u16, value: &[u8]) -> &mut Self {
        self.0.push((code, value.to_vec()));
        self
    }
}

/// A message between client and server (RFC 8415, section 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub kind: MessageType,
    /// The transaction, of which 24 bits count.
    pub transaction: u32,
    /// The options.
    pub options: Options,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than any message.
    #[error("too short for a DHCPv6 message")]
    TooShort,
    /// A type that nobody knows.
    #[error("messages of type {0} are not known")]
    Type(u8),
    /// An option that claims more bytes than there are.
    #[error("an option is longer than the message")]
    Option,
    /// More relays than the standard lets forward a message (RFC 8415, section 7.6).
    #[error("it came through more relays than may forward a message: look for relays that send in a circle")]
    Relays,
}

impl Message {
    /// Reads a message.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (&[kind, a, b, c], area) = bytes.split_first_chunk::<4>().ok_or(DecodeError::TooShort)?;
        let kind = MessageType::of(kind).ok_or(DecodeError::Type(kind))?;
        let options = Options::decode(area).ok_or(DecodeError::Option)?;
        Ok(Self { kind, transaction: u32::from_be_bytes([0, a, b, c]), options })
    }

    /// Writes the message behind what `out` holds.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let [_, a, b, c] = self.transaction.to_be_bytes();
        out.extend_from_slice(&[self.kind as u8, a, b, c]);
        self.options.encode(out);
    }
}

/// The longest identifier of a client that is taken, in bytes: a type and 128 more (RFC 8415, section 11.1).
pub const MAX_DUID: usize = 130;

/// Who has an address of IPv6, and until when. There is one lease for each address at any time: the latest that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv6Addr,
    /// Whose it is (DUID).
    pub identifier: Box<[u8]>,
    /// The number of its association (IAID), of which a client has one for each interface.
    pub association: u32,
    /// The Ethernet address of the client, as far as it showed.
    pub mac: Option<[u8; 6]>,
    /// What has become of it.
    pub state: LeaseState,
    /// When it was given or last renewed, given back, or declined.
    pub begins: SystemTime,
    /// Until when it is the client's, or set aside.
    pub ends: SystemTime,
}

/// An address of `prefix` (of 64 bits) for a client, by its identifier and that of its association: always the same, and
/// another one for everybody else, as far as a digest goes. Where that one is taken, `attempt` 1 gives another one, and so on.
///
/// The second bit behind the prefix is set and the first is not, so that an address is neither one of those that people write
/// by hand, as `2001:db8::1`, nor one of a kind of its own (RFC 5453).
pub fn derived_address(prefix: Ipv6Addr, identifier: &[u8], association: u32, attempt: u32) -> Ipv6Addr {
    // FNV-1a: what is needed is spread, not secrecy.
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    let numbers = association.to_be_bytes().into_iter().chain(attempt.to_be_bytes());
    for byte in identifier.iter().copied().chain(numbers) {
        digest = (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    // Mixed once more, for the last bytes reach the high bits of FNV only in part.
    digest ^= digest >> 32;
    digest = digest.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    digest ^= digest >> 29;
    let host = (digest & 0x3fff_ffff_ffff_ffff) | 1 << 62;
    Ipv6Addr::from_bits(prefix_of(prefix).to_bits() | u128::from(host))
}

/// The first 64 bits of an address, and zeros.
pub(crate) fn prefix_of(address: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))
}
