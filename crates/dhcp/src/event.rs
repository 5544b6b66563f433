//! What the server tells of its work.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;

use crate::{ClientKind, DecodeError, HardwareAddress, InterfaceId, MessageType, SubnetId};

/// Something that happened, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The client; empty where none was told.
    pub hardware: HardwareAddress,
    /// The transaction; 0 for what no packet caused.
    pub xid: u32,
    /// The interface that the packet came in by.
    pub interface: InterfaceId,
    /// The subnet, as far as it was found.
    pub subnet: Option<SubnetId>,
    /// What happened.
    pub what: Happening,
    /// How many of the same were left out since the last one of this client, because they came too fast.
    pub left_out: u32,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// An address was offered in answer to a DISCOVER.
    Offered {
        /// The address.
        address: Ipv4Addr,
        /// Which program asked.
        kind: ClientKind,
    },
    /// Boot options were offered beside another server, or given at port 4011.
    BootOffered {
        /// Which program asked.
        kind: ClientKind,
        /// Whether at port 4011.
        boot_service: bool,
        /// The address that the client has from another server: whoever asks at port 4011 has one.
        address: Option<Ipv4Addr>,
    },
    /// An address was given or renewed.
    Bound {
        /// The address.
        address: Ipv4Addr,
        /// Which program asked.
        kind: ClientKind,
        /// Whether the client had it before.
        renewed: bool,
    },
    /// Parameters were given to a client that has an address (INFORM).
    Informed {
        /// The client's own address.
        address: Ipv4Addr,
    },
    /// A request was refused by a NAK.
    Refused {
        /// The address that was asked for.
        address: Ipv4Addr,
        /// Why.
        reason: Silence,
    },
    /// A packet was not answered.
    Silent {
        /// What it was.
        message: Option<MessageType>,
        /// Why.
        reason: Silence,
    },
    /// The client took the offer of another server, and ours is free again (rule D4).
    TookOther {
        /// The other server.
        server: Ipv4Addr,
        /// The address that the client asks that server for.
        address: Option<Ipv4Addr>,
        /// Which program asks.
        kind: ClientKind,
    },
    /// The address that is reserved for a client is another one's lease, set aside, or this server's own, and it is given one of the pool until
    /// then.
    ReservedTaken {
        /// The reserved address.
        reserved: Ipv4Addr,
        /// The other one.
        given: Ipv4Addr,
    },
    /// A client gave its address back.
    Released {
        /// The address.
        address: Ipv4Addr,
    },
    /// A client, or a probe, found an address in use, and it is set aside.
    InUse {
        /// The address.
        address: Ipv4Addr,
        /// Who uses it, where that is known.
        by: Option<[u8; 6]>,
        /// Whether the client said so (DECLINE).
        declined: bool,
    },
    /// A lease ended without being renewed.
    Expired {
        /// The address.
        address: Ipv4Addr,
    },
    /// A lease could not be kept, so that the client was given no ACK.
    NotStored {
        /// The address.
        address: Ipv4Addr,
    },
}

/// Why a packet was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Silence {
    /// It is no DHCP message.
    Malformed(DecodeError),
    /// It comes from a server, or its type is missing or no client's.
    NotFromClient,
    /// No hardware address and no client identifier, or one that is too long.
    Nameless,
    /// No subnet is known for the relay or link (rule D2).
    NoSubnet(Ipv4Addr),
    /// The subnet is not served.
    Off,
    /// A proxy serves machines that boot, and nobody else (rule P1).
    NotBooting,
    /// The policy said so.
    Policy(Cow<'static, str>),
    /// No address is free.
    PoolExhausted,
    /// The address that is reserved for it belongs to another client at the moment, or to this server.
    AddressTaken(Ipv4Addr),
    /// The client asks for an address that is not its own.
    NotYours(Ipv4Addr),
    /// The client asks for an address of another network.
    WrongNetwork(Ipv4Addr),
    /// Somebody else's lease was to be given back or declined.
    Spoofed(Ipv4Addr),
    /// The circuit holds as many addresses as it may.
    CircuitLimit,
    /// The makers' prefix holds as many addresses as it may.
    PrefixLimit,
    /// Too much waits to be stored.
    Overloaded,
    /// It is for another server.
    OtherServer(Ipv4Addr),
    /// This server has no address on the interface.
    NoAddress,
    /// The client names no address, where it has to.
    NoAddressAsked,
    /// Nothing is known of the address, and this server is not alone here.
    NotKnown(Ipv4Addr),
    /// Only reservations are served, and it has none.
    NoReservation,
    /// There is nothing to boot for it.
    NothingToBoot,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "it is no DHCP message: {error}"),
            Self::NotFromClient => f.write_str("it is no message of a client"),
            Self::Nameless => {
                f.write_str("it has neither a hardware address nor a client identifier of a usual length")
            }
            Self::NoSubnet(address) if address.is_unspecified() => {
                f.write_str("no network is described for the interface that it came in by")
            }
            Self::NoSubnet(address) => write!(f, "no network is described for {address}"),
            Self::Off => f.write_str("the network is not served"),
            Self::NotBooting => f.write_str("it does not boot, and another server gives addresses here"),
            Self::Policy(reason) => f.write_str(reason),
            Self::PoolExhausted => f.write_str("no address is free in the pools"),
            Self::AddressTaken(address) => {
                write!(
                    f,
                    "{address}, which is reserved for it, is this server's own, another machine's until that lease ends, or was found in use within the hour"
                )
            }
            Self::NotYours(address) => write!(f, "it asks for {address}, which is not its own"),
            Self::WrongNetwork(address) => write!(f, "it asks for {address}, which is of another network"),
            Self::Spoofed(address) => write!(f, "it gives back {address}, which is somebody else's"),
            Self::CircuitLimit => f.write_str("the port of its relay holds as many addresses as it may"),
            Self::PrefixLimit => f.write_str(
                "machines with the same first half of their hardware address hold as many as they may",
            ),
            Self::Overloaded => f.write_str("too many leases wait to be stored"),
            Self::OtherServer(server) => write!(f, "it is for the server {server}"),
            Self::NoAddress => f.write_str("this server has no address on the interface"),
            Self::NoAddressAsked => f.write_str("it names no address"),
            Self::NotKnown(address) => {
                write!(f, "nothing is known of {address}, and another server may have given it")
            }
            Self::NoReservation => {
                f.write_str("only reserved addresses are given, and none is reserved for it")
            }
            Self::NothingToBoot => f.write_str("there is nothing to boot for it"),
        }
    }
}
