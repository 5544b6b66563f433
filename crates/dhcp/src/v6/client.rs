//! What a client says of itself.

use std::net::{Ipv6Addr, SocketAddrV6};

use super::relay::Relays;
use super::{Message, MessageType, code};
use crate::ra::mac_of;
use crate::{Architecture, InterfaceId};

/// A client that asks.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// What it asks.
    pub message: MessageType,
    /// Its identifier (DUID); empty where it asks for parameters alone and gives none.
    pub identifier: &'a [u8],
    /// Its Ethernet address, as its identifier, its relay or its own address shows it.
    pub mac: Option<[u8; 6]>,
    /// The UUID of its machine, where its identifier holds one (RFC 6355), in the order of the wire.
    pub uuid: Option<[u8; 16]>,
    /// What it loads programs for (option 61; RFC 5970).
    pub architecture: Option<Architecture>,
    /// Which program asks.
    pub program: Program,
    /// The text of its vendor class (option 16): the first, without the number of its enterprise.
    pub vendor_class: Option<&'a [u8]>,
    /// The link that it is on: an address of the nearest relay that tells one, or unspecified for that of the interface.
    pub link: Ipv6Addr,
    /// The interface of ours that it came in by.
    pub interface: InterfaceId,
}

/// Which program of a machine asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Program {
    /// Firmware, by PXE: it says what it loads programs for (option 61).
    Pxe,
    /// Firmware, for HTTP boot: its vendor class begins with `HTTPClient`.
    Http,
    /// iPXE: its user class says so.
    Ipxe,
    /// Anything else, such as an operating system.
    #[default]
    System,
}

impl<'a> Client<'a> {
    /// Reads what a message says of its sender.
    pub(super) fn read(
        (interface, source): (InterfaceId, SocketAddrV6),
        relays: &Relays,
        message: &'a Message,
        identifier: &'a [u8],
    ) -> Self {
        let options = &message.options;
        let nearest = relays.nearest();
        let from = nearest.map_or(*source.ip(), |relay| relay.peer);
        let class = options.get(code::VENDOR_CLASS).unwrap_or_default();
        let user = options.get(code::USER_CLASS).unwrap_or_default();
        let architecture = options.get(code::CLIENT_ARCHITECTURE).and_then(Architecture::first_known);
        let says = |area: &[u8], words: &[u8]| area.windows(words.len()).any(|window| window == words);
        let program = if says(user, b"iPXE") {
            Program::Ipxe
        } else if says(class, b"HTTPClient") {
            Program::Http
        } else if architecture.is_some() || says(class, b"PXEClient") {
            Program::Pxe
        } else {
            Program::System
        };
        // What lies closest to the wire tells which interface it is: an identifier is one for the whole machine.
        let mac = relays.mac().or_else(|| mac_of(from));
        Self {
            message: message.kind,
            identifier,
            mac: mac.or_else(|| mac_of_identifier(identifier)),
            uuid: match identifier {
                [0, 4, uuid @ ..] => uuid.try_into().ok(),
                _ => None,
            },
            architecture,
            program,
            vendor_class: first_of(class.get(4..).unwrap_or_default()),
            link: relays.link(),
            interface,
        }
    }
}

/// The first of several texts, each behind its length (RFC 8415, section 21.16).
fn first_of(area: &[u8]) -> Option<&[u8]> {
    let (length, rest) = area.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

/// The Ethernet address that an identifier was made from (RFC 8415, sections 11.2 and 11.4).
fn mac_of_identifier(identifier: &[u8]) -> Option<[u8; 6]> {
    match identifier {
        [0, 1, 0, 1, _, _, _, _, mac @ ..] | [0, 3, 0, 1, mac @ ..] => mac.try_into().ok(),
        _ => None,
    }
}
