//! What the server is told, and what it wants done.

use std::borrow::Cow;
use std::net::{Ipv6Addr, SocketAddrV6};

use super::{DecodeError, Lease, MessageType, Program};
use crate::InterfaceId;

/// A datagram that came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The interface that it came in by.
    pub interface: InterfaceId,
    /// Who sent it.
    pub source: SocketAddrV6,
    /// Where it was sent to: clients send to a group, relays as they like.
    pub destination: Ipv6Addr,
    /// What it says.
    pub bytes: &'a [u8],
}

/// What the server wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a datagram from port 547.
    Send {
        /// The interface that it leaves by.
        interface: InterfaceId,
        /// Where it goes.
        to: SocketAddrV6,
        /// What it says.
        bytes: Vec<u8>,
    },
    /// Keep leases, each in place of what is kept for the same address, and tell by [`Server::stored`](super::Server::stored).
    Store {
        /// Names this one request.
        ticket: Ticket,
        /// What to keep.
        leases: Vec<Lease>,
    },
    /// Something happened.
    Event(Event),
}

/// Names a request to store leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);

/// Something that happened, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The client's Ethernet address, as far as it shows.
    pub mac: Option<[u8; 6]>,
    /// Which program asked; [`Program::System`] for what no packet caused.
    pub program: Program,
    /// What happened.
    pub what: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// An address was offered (ADVERTISE).
    Offered(Ipv6Addr),
    /// An address was given or renewed (REPLY), and its lease is stored.
    Bound {
        /// The address.
        address: Ipv6Addr,
        /// Whether the client had it before.
        renewed: bool,
    },
    /// The address that is kept for a machine is somebody else's yet, or was found in use, or another interface of the machine
    /// has it: it was given another one.
    KeptElsewhere {
        /// The address that is kept for it.
        kept: Ipv6Addr,
        /// The one that it was given.
        given: Ipv6Addr,
    },
    /// Parameters were given to a client that needs no address.
    Informed,
    /// A client was told whether its addresses are of its link.
    Confirmed(bool),
    /// A client gave its address back.
    Released(Ipv6Addr),
    /// A client found an address in use, and it is set aside.
    Declined(Ipv6Addr),
    /// A lease ended without being renewed.
    Expired(Ipv6Addr),
    /// A lease could not be kept, so that the client was not told of it.
    NotStored(Ipv6Addr),
    /// A client was told that there is no address for it.
    NoAddress {
        /// What it asked.
        message: MessageType,
        /// Why there is none.
        reason: &'static str,
    },
    /// The policy said that the client is not answered.
    Silent {
        /// What it asked.
        message: MessageType,
        /// Why.
        reason: Cow<'static, str>,
    },
    /// A message that can be read was discarded, as servers must.
    Discarded {
        /// What it asked.
        message: MessageType,
        /// Why.
        reason: &'static str,
    },
    /// A datagram was not understood.
    Malformed(DecodeError),
}
