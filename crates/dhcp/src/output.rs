//! What the server wants done.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::{Event, InterfaceId, Lease};

/// A datagram that came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The interface that it came in by.
    pub interface: InterfaceId,
    /// Who sent it.
    pub source: SocketAddrV4,
    /// The port of ours that it was sent to: 67, or 4011.
    pub port: u16,
    /// What it says.
    pub bytes: &'a [u8],
}

/// One thing that the server wants done, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a datagram.
    Send(Departure),
    /// Keep a lease, in place of what is kept for the same address, and tell by [`Server::stored`](crate::Server::stored).
    Store {
        /// Names this one request.
        ticket: Ticket,
        /// What to keep.
        lease: Lease,
    },
    /// Find out whether anybody uses an address, and tell by [`Server::probed`](crate::Server::probed). No answer within
    /// [`ServerConfig::probe_wait`](crate::ServerConfig::probe_wait) is taken as nobody.
    Probe {
        /// The address.
        address: Ipv4Addr,
        /// The interface that it is asked on, by ARP if the address is on its link, or else by ICMP echo.
        interface: InterfaceId,
        /// Whether the address is behind a relay.
        relayed: bool,
    },
    /// Something happened.
    Event(Event),
}

/// Names a request to store a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

/// A datagram to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The interface that it leaves by.
    pub interface: InterfaceId,
    /// Our address and port.
    pub from: SocketAddrV4,
    /// Where it goes.
    pub to: Destination,
    /// What it says. [`Server::recycle`](crate::Server::recycle) takes it back when it was sent, so that the next answer
    /// needs no room of its own.
    pub bytes: Vec<u8>,
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An address that answers ARP, or is behind a router.
    Unicast(SocketAddrV4),
    /// A machine that has no address yet, and so answers no ARP: a frame to its hardware address (RFC 2131, section 4.1).
    Hardware {
        /// Its Ethernet address.
        mac: [u8; 6],
        /// The address that it is being given, and the port of clients.
        address: SocketAddrV4,
    },
    /// Everybody on the link of the interface, at the port of clients.
    Broadcast,
}
