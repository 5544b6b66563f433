//! One UDP socket per address family, shared by all BMCs, read and written in batches.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, getsockopt, recvmmsg, sendmmsg, setsockopt,
    sockopt,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Datagrams of one system call.
const BATCH: usize = 64;

/// The longest datagram taken: an RMCP+ packet with a full IPMI message is under 400 bytes. What is longer is cut, and
/// fails its checks.
const DATAGRAM: usize = 2048;

/// Buffer asked for at each socket, which holds about 5,000 answers as Linux counts. Without privilege the system gives
/// less; [`crate::window`] goes by what it gave.
const SOCKET_BUFFER: usize = 4 << 20;

/// The sockets.
pub(crate) struct Sockets {
    v4: Socket,
    /// Absent where the machine has no IPv6.
    v6: Option<Socket>,
}

impl Sockets {
    /// Binds both to ports that the system chooses.
    pub(crate) fn bind() -> io::Result<Self> {
        let v4 = Socket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?;
        let v6 = Socket::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).ok();
        Ok(Self { v4, v6 })
    }

    /// The bytes that the system gave to the receive buffer of IPv4; that of IPv6 is as large.
    pub(crate) fn buffer(&self) -> usize {
        getsockopt(&self.v4.udp, sockopt::RcvBuf).unwrap_or_default()
    }

    pub(crate) fn serves(&self, peer: SocketAddr) -> bool {
        peer.is_ipv4() || self.v6.is_some()
    }

    /// Puts a datagram into the outbox; [`Sockets::flush`] sends it.
    pub(crate) fn send(&mut self, peer: SocketAddr, bytes: Vec<u8>) {
        let socket = match (peer, &mut self.v6) {
            (SocketAddr::V6(_), Some(v6)) => v6,
            (SocketAddr::V6(_), None) => return,
            (SocketAddr::V4(_), _) => &mut self.v4,
        };
        socket.outbox.push(bytes);
        socket.addressees.push(Some(peer.into()));
    }

    /// Sends what the system takes now; the rest stays for when the sockets are writable.
    pub(crate) fn flush(&mut self) {
        self.each().for_each(Socket::flush);
    }

    /// Waits until datagrams may be there, or may be sent where some are left.
    pub(crate) async fn ready(&self) {
        let v6 = async {
            match &self.v6 {
                Some(v6) => v6.ready().await,
                None => std::future::pending().await,
            }
        };
        let ready = tokio::select! {
            ready = self.v4.ready() => ready,
            ready = v6 => ready,
        };
        if let Err(error) = ready {
            tracing::error!(%error, "the IPMI sockets do not work");
        }
    }

    /// Takes datagrams that are there into `inbox`, whose old ones go. Says whether there may be more.
    pub(crate) fn receive(&mut self, inbox: &mut Inbox) -> bool {
        inbox.datagrams.clear();
        let mut more = false;
        for socket in self.each() {
            more |= socket.receive(inbox);
        }
        more
    }

    fn each(&mut self) -> impl Iterator<Item = &mut Socket> {
        std::iter::once(&mut self.v4).chain(&mut self.v6)
    }
}

/// Datagrams that were received.
pub(crate) struct Inbox {
    /// Room for a batch of each family.
    buffer: Vec<u8>,
    /// Senders, and where in the buffer their datagrams stand.
    datagrams: Vec<(SocketAddr, usize, usize)>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; 2 * BATCH * DATAGRAM], datagrams: Vec::with_capacity(2 * BATCH) }
    }

    /// What stands in for it while its datagrams are worked on.
    pub(crate) fn empty() -> Self {
        Self { buffer: Vec::new(), datagrams: Vec::new() }
    }

    /// Senders and datagrams in the order of their arrival at each socket.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        self.datagrams.iter().map(|(peer, start, length)| (*peer, &self.buffer[*start..*start + *length]))
    }
}

struct Socket {
    udp: UdpSocket,
    outbox: Vec<Vec<u8>>,
    /// Of each datagram in the outbox.
    addressees: Vec<Option<SockaddrStorage>>,
}

impl Socket {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        for enlarge in [enlarge_receiving, enlarge_sending] {
            if let Err(error) = enlarge(&socket) {
                tracing::debug!(%error, "socket buffers stay as they are");
            }
        }
        Ok(Self { udp: UdpSocket::from_std(socket)?, outbox: Vec::new(), addressees: Vec::new() })
    }

    async fn ready(&self) -> io::Result<()> {
        let interest = match self.outbox.is_empty() {
            true => Interest::READABLE,
            false => Interest::READABLE | Interest::WRITABLE,
        };
        self.udp.ready(interest).await.map(drop)
    }

    fn receive(&mut self, inbox: &mut Inbox) -> bool {
        let Inbox { buffer, datagrams } = inbox;
        let first = datagrams.len();
        let places = buffer.chunks_exact_mut(DATAGRAM).skip(first).take(BATCH);
        let mut slices: Vec<_> = places.map(|place| [IoSliceMut::new(place)]).collect();
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(slices.len(), None);
        let descriptor = self.udp.as_raw_fd();
        let taken = self.udp.try_io(Interest::READABLE, || {
            let taken = recvmmsg(descriptor, &mut headers, &mut slices, MsgFlags::empty(), None)?;
            for (place, message) in taken.enumerate() {
                // One without an address cannot be told apart; it does not exist on these sockets.
                if let Some(peer) = message.address.as_ref().and_then(socket_address) {
                    datagrams.push((peer, (first + place) * DATAGRAM, message.bytes));
                }
            }
            match datagrams.len() - first {
                BATCH => Ok(()),
                // The socket is empty: tokio may wait for the next datagram at once, without another call that fails.
                _ => Err(io::ErrorKind::WouldBlock.into()),
            }
        });
        match taken {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => {
                tracing::debug!(%error, "nothing received");
                false
            }
        }
    }

    fn flush(&mut self) {
        let mut sent = 0;
        while sent < self.outbox.len() {
            match self.send_batch(sent) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // The first one of the batch is at fault. It is repeated like one that was lost on the wire.
                    tracing::debug!(%error, "datagram not sent");
                    sent += 1;
                }
            }
        }
        self.outbox.drain(..sent);
        self.addressees.drain(..sent);
    }

    fn send_batch(&self, from: usize) -> io::Result<usize> {
        let until = self.outbox.len().min(from + BATCH);
        let slices: Vec<_> = self.outbox[from..until].iter().map(|bytes| [IoSlice::new(bytes)]).collect();
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(slices.len(), None);
        let descriptor = self.udp.as_raw_fd();
        let nothing_else: [ControlMessage<'_>; 0] = [];
        self.udp.try_io(Interest::WRITABLE, || {
            let addressees = &self.addressees[from..until];
            let sent =
                sendmmsg(descriptor, &mut headers, &slices, addressees, nothing_else, MsgFlags::empty())?;
            Ok(sent.count())
        })
    }
}

fn enlarge_receiving(socket: &impl AsFd) -> Result<(), Errno> {
    setsockopt(socket, sockopt::RcvBufForce, &SOCKET_BUFFER)
        .or_else(|_| setsockopt(socket, sockopt::RcvBuf, &SOCKET_BUFFER))
}

fn enlarge_sending(socket: &impl AsFd) -> Result<(), Errno> {
    setsockopt(socket, sockopt::SndBufForce, &SOCKET_BUFFER)
        .or_else(|_| setsockopt(socket, sockopt::SndBuf, &SOCKET_BUFFER))
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| SocketAddr::V4((*address).into()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| SocketAddr::V6((*address).into())))
}
