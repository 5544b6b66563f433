//! Hardware addresses as the header of a message carries them (`htype`, `hlen`, `chaddr`; RFC 2131, section 2).

use std::fmt;

/// The longest address that the field `chaddr` holds, in bytes.
const LONGEST: usize = 16;

/// The hardware type of Ethernet (IANA "Hardware Types").
const ETHERNET: u8 = 1;

/// The hardware type of InfiniBand, whose clients hear nothing but broadcasts before they have an address (RFC 4390).
const INFINIBAND: u8 = 32;

/// A hardware address: its type, and up to sixteen bytes.
///
/// It is empty where a client gives none and is known by its client identifier alone, as InfiniBand has it (RFC 4390).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HardwareAddress {
    kind: u8,
    length: u8,
    bytes: [u8; LONGEST],
}

impl HardwareAddress {
    /// An Ethernet address.
    pub const fn ethernet(mac: [u8; 6]) -> Self {
        let mut bytes = [0; LONGEST];
        let mut at = 0;
        while at < mac.len() {
            bytes[at] = mac[at];
            at += 1;
        }
        Self { kind: ETHERNET, length: 6, bytes }
    }

    /// An address of the hardware type `kind`; of more than sixteen bytes only the first sixteen are kept, which is all that
    /// a message can carry.
    pub fn new(kind: u8, address: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        let length = address.len().min(LONGEST);
        bytes[..length].copy_from_slice(&address[..length]);
        Self { kind, length: length as u8, bytes }
    }

    /// The hardware type (`htype`): 1 is Ethernet, 32 InfiniBand.
    pub fn kind(&self) -> u8 {
        self.kind
    }

    /// The address, without padding.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The six bytes of an Ethernet address; `None` for every other kind and length.
    pub fn mac(&self) -> Option<[u8; 6]> {
        match self {
            Self { kind: ETHERNET, length: 6, bytes: [a, b, c, d, e, f, ..] } => {
                Some([*a, *b, *c, *d, *e, *f])
            }
            _ => None,
        }
    }

    /// Whether there is no address at all.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether its owner can only be reached by broadcast until it has an address of its own.
    pub fn needs_broadcast(&self) -> bool {
        self.kind == INFINIBAND || self.mac().is_none()
    }
}

impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != ETHERNET {
            write!(f, "{}-", self.kind)?;
        }
        for (at, byte) in self.bytes().iter().enumerate() {
            let separator = if at == 0 { "" } else { ":" };
            write!(f, "{separator}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
