//! The wrappings of relays (RFC 8415, sections 9 and 19).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv6Addr;

use super::{DecodeError, Message, Options, code};

const RELAY_FORWARD: u8 = 12;
const RELAY_REPLY: u8 = 13;
/// The most relays in a row: the first counts 0, and none forwards what counts 8 (RFC 8415, sections 7.6 and 19.1.2:
/// HOP_COUNT_LIMIT).
const MAX_RELAYS: usize = 9;

/// The relays that a message came through, the outermost first.
#[derive(Default)]
pub(super) struct Relays(Vec<Relay>);

/// What one relay wrote around the message.
pub(super) struct Relay {
    hops: u8,
    link: Ipv6Addr,
    pub(super) peer: Ipv6Addr,
    interface_id: Option<Vec<u8>>,
    mac: Option<[u8; 6]>,
}

impl Relays {
    /// Takes the wrappings off and reads what is within.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, Message), DecodeError> {
        let mut relays = Self::default();
        let mut inner: Vec<u8>;
        let mut bytes = bytes;
        while bytes.first() == Some(&RELAY_FORWARD) {
            if relays.0.len() == MAX_RELAYS {
                return Err(DecodeError::Relays);
            }
            let (head, area) = bytes.split_first_chunk::<34>().ok_or(DecodeError::TooShort)?;
            let options = Options::decode(area).ok_or(DecodeError::Option)?;
            let address = |at: usize| {
                let mut octets = [0; 16];
                octets.copy_from_slice(&head[at..at + 16]);
                Ipv6Addr::from(octets)
            };
            relays.0.push(Relay {
                hops: head[1],
                link: address(2),
                peer: address(18),
                interface_id: options.get(code::INTERFACE_ID).map(<[u8]>::to_vec),
                mac: options.get(code::CLIENT_LINK_LAYER_ADDRESS).and_then(|value| match value {
                    [0, 1, mac @ ..] => mac.try_into().ok(),
                    _ => None,
                }),
            });
            inner = options.get(code::RELAY_MESSAGE).ok_or(DecodeError::Option)?.to_vec();
            bytes = &inner;
        }
        Ok((relays, Message::decode(bytes)?))
    }

    /// Puts an answer into the wrappings again, so that each relay finds its own.
    pub(super) fn wrap(&self, reply: &Message) -> Vec<u8> {
        let mut bytes = Vec::new();
        reply.encode(&mut bytes);
        for relay in self.0.iter().rev() {
            let mut outer = vec![RELAY_REPLY, relay.hops];
            outer.extend_from_slice(&relay.link.octets());
            outer.extend_from_slice(&relay.peer.octets());
            let mut options = Options::new();
            if let Some(interface) = &relay.interface_id {
                options.push(code::INTERFACE_ID, interface);
            }
            options.push(code::RELAY_MESSAGE, &bytes);
            options.encode(&mut outer);
            bytes = outer;
        }
        bytes
    }

    /// The relay next to the client.
    pub(super) fn nearest(&self) -> Option<&Relay> {
        self.0.last()
    }

    /// The link that the client is on: what the nearest relay says that says any. A switch between the client and the router
    /// has no address there, and says none (RFC 6221; RFC 8415, section 13.1). Unspecified where no relay says one.
    pub(super) fn link(&self) -> Ipv6Addr {
        let mut links = self.0.iter().rev().map(|relay| relay.link);
        links.find(|link| !link.is_unspecified()).unwrap_or(Ipv6Addr::UNSPECIFIED)
    }

    /// The Ethernet address of the client, from the nearest relay that tells it (RFC 6939).
    pub(super) fn mac(&self) -> Option<[u8; 6]> {
        self.0.iter().rev().find_map(|relay| relay.mac)
    }

    /// The port of a switch, or whatever the relay next to the client tells its clients apart by, as a digest; nothing where
    /// it does not.
    pub(super) fn circuit(&self) -> Option<u64> {
        let interface = self.nearest()?.interface_id.as_ref()?;
        let mut digest = DefaultHasher::new();
        (self.link(), interface).hash(&mut digest);
        Some(digest.finish())
    }

    /// Whether the message came straight from the client.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
