//! The sockets of one link: UDP at port 547, and ICMPv6.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use ironhand_dhcp::v6::ALL_AGENTS;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg, sendmsg, setsockopt, sockopt,
};
use nix::{cmsg_space, libc};
use socket2::{Domain, Protocol, Socket, Type};

use super::attempt;
use crate::dhcp::{OpenError, occupant_of_udp6};

/// The port of servers and relays (RFC 8415, section 7.2).
pub(super) const SERVER_PORT: u16 = 547;
/// All servers of a site (RFC 8415, section 7.1).
const ALL_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, 3);
/// All routers of a link (RFC 4291, section 2.7.1).
pub(super) const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// What a neighbour's message must have (RFC 4861, section 6.1).
const HOP_LIMIT: u32 = 255;

/// A datagram that came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) source: SocketAddrV6,
    pub(super) destination: Ipv6Addr,
    pub(super) length: usize,
}

/// A UDP socket at port 547 of one interface.
#[derive(Debug)]
pub(super) struct DhcpSocket(Socket);

impl DhcpSocket {
    pub(super) fn open(name: &str, index: u32) -> Result<Self, OpenError> {
        let open = || -> io::Result<Socket> {
            let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
            // Before the port is taken, so that another interface's may be another program's.
            socket.bind_device(Some(name.as_bytes()))?;
            socket.set_only_v6(true)?;
            socket.set_nonblocking(true)?;
            // Where a datagram was sent to counts: clients must send to the group.
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            socket.bind(&SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, SERVER_PORT, 0, 0).into())?;
            socket.join_multicast_v6(&ALL_AGENTS, index)?;
            socket.join_multicast_v6(&ALL_SERVERS, index)?;
            Ok(socket)
        };
        match open() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(OpenError::PortTaken {
                port: SERVER_PORT,
                interface: name.to_owned(),
                by: occupant_of_udp6(SERVER_PORT),
            }),
            done => attempt(format!("listening at UDP port {SERVER_PORT} of {name}"), done).map(Self),
        }
    }

    /// Takes a datagram into `buffer`, if there is one.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Option<Received> {
        let (length, source, said) = receive(&self.0, buffer)?;
        Some(Received { source, destination: said.destination?, length })
    }

    pub(super) fn send(&self, to: SocketAddrV6, bytes: &[u8]) -> io::Result<()> {
        self.0.send_to(bytes, &to.into()).map(drop)
    }
}

impl AsFd for DhcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A socket for the messages of routers on one interface.
#[derive(Debug)]
pub(super) struct IcmpSocket {
    socket: Socket,
    index: u32,
    /// Our link-local address, which advertisements come from (RFC 4861, section 4.2).
    address: Ipv6Addr,
}

impl IcmpSocket {
    pub(super) fn open(name: &str, index: u32, address: Ipv6Addr) -> Result<Self, OpenError> {
        let open = || -> io::Result<Socket> {
            let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
            socket.bind_device(Some(name.as_bytes()))?;
            socket.set_nonblocking(true)?;
            socket.set_unicast_hops_v6(HOP_LIMIT)?;
            socket.set_multicast_hops_v6(HOP_LIMIT)?;
            socket.set_multicast_loop_v6(false)?;
            socket.set_multicast_if_v6(index)?;
            setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
            socket.join_multicast_v6(&ALL_ROUTERS, index)?;
            Ok(socket)
        };
        let socket = attempt(format!("opening a socket of ICMPv6 on {name}"), open())?;
        Ok(Self { socket, index, address })
    }

    /// Takes a message into `buffer`, if there is one: who sent it, how long it is, and its hop limit.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Option<(Ipv6Addr, usize, u8)> {
        let (length, from, said) = receive(&self.socket, buffer)?;
        Some((*from.ip(), length, said.hop_limit.unwrap_or_default()))
    }

    pub(super) fn send(&self, to: Ipv6Addr, bytes: &[u8]) -> io::Result<()> {
        let source = libc::in6_addr { s6_addr: self.address.octets() };
        let from = libc::in6_pktinfo { ipi6_addr: source, ipi6_ifindex: self.index };
        let to = SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, self.index));
        let pieces = [IoSlice::new(bytes)];
        let from = [ControlMessage::Ipv6PacketInfo(&from)];
        let descriptor = self.socket.as_raw_fd();
        Ok(sendmsg(descriptor, &pieces, &from, MsgFlags::MSG_DONTWAIT, Some(&to)).map(drop)?)
    }
}

impl AsFd for IcmpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What the system tells of a datagram beside its words, as far as the socket asks for it.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    hop_limit: Option<u8>,
    destination: Option<Ipv6Addr>,
}

/// A datagram, if there is one, with its sender. What the system says instead is of no use to anybody: the sender asks again.
fn receive(socket: &Socket, buffer: &mut [u8]) -> Option<(usize, SocketAddrV6, Said)> {
    let mut control = cmsg_space!(libc::c_int, libc::in6_pktinfo);
    let mut pieces = [IoSliceMut::new(buffer)];
    let received =
        recvmsg::<SockaddrIn6>(socket.as_raw_fd(), &mut pieces, Some(&mut control), MsgFlags::MSG_DONTWAIT);
    let message = received.ok()?;
    let from = message.address.map(SocketAddrV6::from)?;
    let mut said = Said::default();
    for control in message.cmsgs().into_iter().flatten() {
        match control {
            ControlMessageOwned::Ipv6HopLimit(limit) => said.hop_limit = u8::try_from(limit).ok(),
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                said.destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr));
            }
            _ => {}
        }
    }
    Some((message.bytes, from, said))
}
