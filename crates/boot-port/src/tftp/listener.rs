//! The socket that requests come to.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg, sendmsg,
    setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::TftpConfig;
use ironhand_tftp::MAX_REQUEST;

/// Datagrams of one system call.
const BATCH: usize = 32;

/// Room for one datagram: one octet more than a request may have, so that longer ones are told from whole ones.
const ROOM: usize = MAX_REQUEST + 1;

/// Receive buffer asked for: some 4,000 requests that arrive at once, as after a power failure.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Which socket of an address a listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// The first of this server: nobody else may have the address.
    First,
    /// One of a further thread, which shares the address with the first.
    Further,
}

#[derive(Debug)]
pub(super) struct Listener {
    socket: Socket,
    address: SocketAddr,
}

/// Datagrams that were received.
pub(super) struct Inbox {
    buffer: Vec<u8>,
    datagrams: Vec<Datagram>,
}

#[derive(Clone, Copy)]
struct Datagram {
    client: SocketAddr,
    local: SocketAddr,
    length: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; BATCH * ROOM], datagrams: Vec::with_capacity(BATCH) }
    }

    pub(super) fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Sender, addressed address, and octets.
    pub(super) fn get(&self, at: usize) -> (SocketAddr, SocketAddr, &[u8]) {
        let Datagram { client, local, length } = self.datagrams[at];
        (client, local, &self.buffer[at * ROOM..at * ROOM + length])
    }
}

impl Listener {
    pub(super) fn bind(address: SocketAddr, config: &TftpConfig, claim: Claim) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        if address.is_ipv6() {
            // IPv4 has sockets of its own: what fits a packet is different.
            socket.set_only_v6(true)?;
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        }
        if claim == Claim::Further {
            setsockopt(&socket, sockopt::ReusePort, &true)?;
        }
        if let Some(interface) = &config.interface {
            socket.bind_device(Some(interface.as_bytes()))?;
        }
        if let Err(error) = setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)
            .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER))
        {
            tracing::debug!(%error, "the receive buffer of TFTP stays as it is");
        }
        socket.bind(&address.into())?;
        if claim == Claim::First && config.threads > 1 {
            // Not before it is bound: it would share the port with another server of the same user, and clients be spread over
            // both.
            setsockopt(&socket, sockopt::ReusePort, &true)?;
        }
        let address = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Self { socket, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether answers from `local` leave by this socket.
    pub(super) fn serves(&self, local: SocketAddr) -> bool {
        local.port() == self.address.port()
            && local.is_ipv4() == self.address.is_ipv4()
            && (self.address.ip().is_unspecified() || self.address.ip() == local.ip())
    }

    /// Takes the datagrams that are there into `inbox`, whose old ones go.
    pub(super) fn receive(&self, inbox: &mut Inbox) -> io::Result<()> {
        let Inbox { buffer, datagrams } = inbox;
        datagrams.clear();
        let mut places: Vec<_> =
            buffer.chunks_exact_mut(ROOM).map(|place| [IoSliceMut::new(place)]).collect();
        let control = cmsg_space!(libc::in6_pktinfo);
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, Some(control));
        let taken =
            recvmmsg(self.socket.as_raw_fd(), &mut headers, &mut places, MsgFlags::MSG_DONTWAIT, None)?;
        for message in taken {
            // Each has an address; what had none would keep its place, and be taken for an empty datagram.
            let client = message.address.as_ref().and_then(socket_address);
            let client = client.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
            let local = self.local(&message, client);
            datagrams.push(Datagram { client, local, length: message.bytes });
        }
        Ok(())
    }

    /// The address of ours that a datagram was sent to. Of one to a broadcast address it is that of the interface.
    fn local(&self, message: &RecvMsg<'_, '_, SockaddrStorage>, client: SocketAddr) -> SocketAddr {
        let port = self.address.port();
        for control in message.cmsgs().into_iter().flatten() {
            match control {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    let ip = Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr));
                    return SocketAddr::new(ip.into(), port);
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    // Link-local addresses mean something on one interface only, which that of the client names.
                    let scope = match client {
                        SocketAddr::V6(client) => client.scope_id(),
                        SocketAddr::V4(_) => 0,
                    };
                    return SocketAddrV6::new(info.ipi6_addr.s6_addr.into(), port, 0, scope).into();
                }
                _ => {}
            }
        }
        self.address
    }

    /// Sends a datagram, in pieces, from the address of ours that the client wrote to.
    pub(super) fn send(
        &self,
        local: SocketAddr,
        client: SocketAddr,
        pieces: &[IoSlice<'_>],
    ) -> io::Result<()> {
        let (v4, v6);
        let source = match local {
            SocketAddr::V4(local) => {
                let address = libc::in_addr { s_addr: u32::from(*local.ip()).to_be() };
                v4 = libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: address,
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                ControlMessage::Ipv4PacketInfo(&v4)
            }
            SocketAddr::V6(local) => {
                let address = libc::in6_addr { s6_addr: local.ip().octets() };
                v6 = libc::in6_pktinfo { ipi6_addr: address, ipi6_ifindex: local.scope_id() };
                ControlMessage::Ipv6PacketInfo(&v6)
            }
        };
        let source = match local.ip().is_unspecified() {
            true => &[][..],
            false => std::slice::from_ref(&source),
        };
        let to = SockaddrStorage::from(client);
        let descriptor = self.socket.as_raw_fd();
        loop {
            match sendmsg(descriptor, pieces, source, MsgFlags::MSG_DONTWAIT, Some(&to)) {
                Err(Errno::EINTR) => {}
                other => return Ok(other.map(drop)?),
            }
        }
    }
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| SocketAddr::V4((*address).into()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| SocketAddr::V6((*address).into())))
}
