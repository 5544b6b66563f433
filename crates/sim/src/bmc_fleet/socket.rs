//! UDP sockets that answer for many addresses, and receive many datagrams with one system call.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockFlag, SockType,
    SockaddrIn, SockaddrStorage, bind, recvmmsg, sendmsg, setsockopt, socket, sockopt,
};

/// Datagrams taken with one system call.
const BATCH: usize = 64;

/// Longest datagram taken in: RMCP+ messages are far below, and Ethernet carries no more at once.
const MAX_DATAGRAM: usize = 1500;

/// What a socket asks the kernel to hold for it: a burst from some thousand consoles. The kernel gives less
/// to processes without privilege.
const RECEIVE_BUFFER: usize = 8 << 20;

/// A socket that does not block.
pub(super) struct Socket {
    socket: UdpSocket,
    /// The one BMC behind it; `None` where the address that was asked says which one is meant.
    pub(super) only: Option<usize>,
}

impl Socket {
    /// The first of several sockets that listen on `port` of every address of the loopback device, and on
    /// nothing else. Nobody else has the port then.
    ///
    /// # Errors
    ///
    /// The port is not free on one of the addresses, or the system does not give us such a socket: old kernels keep
    /// `SO_BINDTODEVICE` for root.
    pub(super) fn shared(port: u16) -> io::Result<Self> {
        let first = Self::loopback(|_| Ok(()), port)?;
        // Set only after the port was taken alone: two simulators on one port would share datagrams by
        // chance.
        setsockopt(&first.socket, sockopt::ReusePort, &true)?;
        Ok(first)
    }

    /// A further socket beside one of [`Self::shared`]; see [`Self::spread_by_address`].
    ///
    /// # Errors
    ///
    /// As [`Self::shared`].
    pub(super) fn another(port: u16) -> io::Result<Self> {
        Self::loopback(|socket| setsockopt(&socket, sockopt::ReusePort, &true), port)
    }

    /// Has the kernel choose between `count` sockets that share a port by the address that was asked. By itself it
    /// goes by the console alone, and one console then fills the buffer of one socket.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub(super) fn spread_by_address(&self, count: u32) -> io::Result<()> {
        /// Where an IPv4 header has the destination address.
        const DESTINATION: libc::c_int = libc::SKF_NET_OFF + 16;
        let instruction = |code: u32, k: u32| libc::sock_filter {
            // The codes have 16 bits.
            code: (code & 0xFFFF) as u16,
            jt: 0,
            jf: 0,
            k,
        };
        let mut program = [
            instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, DESTINATION.cast_unsigned()),
            instruction(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K, count.max(1)),
            instruction(libc::BPF_RET | libc::BPF_A, 0),
        ];
        let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        Ok(setsockopt(&self.socket, sockopt::AttachReusePortCbpf, &program)?)
    }

    fn loopback(prepare: impl FnOnce(BorrowedFd<'_>) -> nix::Result<()>, port: u16) -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Inet, SockType::Datagram, flags, None)?;
        setsockopt(&socket, sockopt::BindToDevice, &OsString::from("lo"))?;
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        prepare(socket.as_fd())?;
        let any = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port));
        bind(socket.as_raw_fd(), &any)?;
        let socket = UdpSocket::from(socket);
        widen(&socket);
        Ok(Self { socket, only: None })
    }

    /// A socket of BMC `index` alone.
    pub(super) fn single(at: SocketAddr, index: usize) -> io::Result<Self> {
        let socket = UdpSocket::bind(at)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, only: Some(index) })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Sends from address `from`, which is only needed where the socket has several.
    pub(super) fn send(&self, from: Option<Ipv4Addr>, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let Some(from) = from.filter(|_| self.only.is_none()) else {
            return self.socket.send_to(bytes, to).map(drop);
        };
        let source = libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr { s_addr: from.to_bits().to_be() },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let source = [ControlMessage::Ipv4PacketInfo(&source)];
        let to = SockaddrStorage::from(to);
        sendmsg(self.socket.as_raw_fd(), &[IoSlice::new(bytes)], &source, MsgFlags::empty(), Some(&to))?;
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Asks for a larger receive buffer, past the limit where the process may. What it gets is enough or is not;
/// datagrams may be lost on every network.
fn widen(socket: &UdpSocket) {
    let _ = setsockopt(socket, sockopt::RcvBuf, &RECEIVE_BUFFER);
    let _ = setsockopt(socket, sockopt::RcvBufForce, &RECEIVE_BUFFER);
}

/// A datagram as it came.
pub(super) struct Datagram<'a> {
    /// The address that was asked, where the socket has several.
    pub(super) to: Option<Ipv4Addr>,
    pub(super) from: SocketAddr,
    pub(super) bytes: &'a [u8],
}

/// Room for one system call's datagrams. Stays in one thread.
pub(super) struct Receiver {
    buffers: Vec<[u8; MAX_DATAGRAM]>,
    headers: MultiHeaders<SockaddrStorage>,
}

impl Receiver {
    pub(super) fn new() -> Self {
        let control = cmsg_space!(libc::in_pktinfo);
        Self {
            buffers: vec![[0; MAX_DATAGRAM]; BATCH],
            headers: MultiHeaders::preallocate(BATCH, Some(control)),
        }
    }

    /// Hands datagrams that wait at `socket` to `take`: at most as many as one system call brings.
    pub(super) fn receive(&mut self, socket: &Socket, mut take: impl FnMut(Datagram<'_>)) -> io::Result<()> {
        let mut slices: Vec<_> = self.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let flags = MsgFlags::MSG_DONTWAIT;
        let fd = socket.socket.as_raw_fd();
        let messages = match recvmmsg(fd, &mut self.headers, &mut slices, flags, None) {
            Ok(messages) => messages,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for message in messages {
            let Some(from) = message.address.and_then(peer) else { continue };
            let to = message.cmsgs()?.find_map(|control| match control {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    Some(Ipv4Addr::from_bits(u32::from_be(info.ipi_addr.s_addr)))
                }
                _ => None,
            });
            take(Datagram { to, from, bytes: message.iovs().next().unwrap_or_default() });
        }
        Ok(())
    }
}

fn peer(address: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|address| SocketAddrV4::from(*address).into());
    v4.or_else(|| address.as_sockaddr_in6().map(|address| SocketAddr::V6((*address).into())))
}
