//! The sockets of one interface, read and written in batches.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use ironhand_dhcp::{Departure, Destination, InterfaceId};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, LinkAddr, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::{OpenError, frame, interface_id, occupant};
use crate::interface::Interface;
use crate::link::{all, link_socket};

/// Datagrams of one system call.
const BATCH: usize = 64;

/// The longest datagram taken. What is longer is cut, and fails its checks.
const DATAGRAM: usize = 2048;

/// Buffer asked for at each socket: room for some 10,000 requests, as many machines as may be switched on at once. Without
/// privilege the system gives less.
const SOCKET_BUFFER: usize = 16 << 20;

/// The most datagrams that wait until the system takes them; of more the oldest are dropped, as clients repeat them.
const OUTBOX: usize = 16_384;

/// The port of servers, and the one that gives boot options alone.
const PORTS: [u16; 2] = [67, 4011];

/// The sockets of an interface.
#[derive(Debug)]
pub(super) struct Port {
    pub name: String,
    pub id: InterfaceId,
    pub mac: Option<[u8; 6]>,
    addresses: Vec<(Ipv4Addr, u8)>,
    /// At [`PORTS`].
    listeners: [Listener; 2],
    frames: Option<Frames>,
}

impl Port {
    pub fn open(interface: &Interface) -> Result<Self, OpenError> {
        if interface.addresses.is_empty() {
            return Err(OpenError::NoAddress(interface.name.clone()));
        }
        let [dhcp, boot] = PORTS.map(|port| Listener::open(interface, port));
        let frames = match interface.mac {
            Some(mac) => {
                Some(Frames { socket: link_socket(&interface.name, None, all())?, mac, outbox: Vec::new() })
            }
            None => None,
        };
        Ok(Self {
            name: interface.name.clone(),
            id: interface_id(interface.index),
            mac: interface.mac,
            addresses: interface.addresses.clone(),
            listeners: [dhcp?, boot?],
            frames,
        })
    }

    /// What the server must know of it.
    pub fn facts(&self) -> impl Iterator<Item = ironhand_dhcp::Interface> {
        let fact = |(address, prefix): &(Ipv4Addr, u8)| ironhand_dhcp::Interface {
            id: self.id,
            address: *address,
            prefix: *prefix,
        };
        self.addresses.iter().map(fact)
    }

    pub fn listeners(&mut self) -> &mut [Listener] {
        &mut self.listeners
    }

    /// The sockets to be waited for, each with whether something waits to be sent by it.
    pub fn sockets(&self) -> impl Iterator<Item = (BorrowedFd<'_>, bool)> {
        let listeners =
            self.listeners.iter().map(|listener| (listener.socket.as_fd(), !listener.outbox.is_empty()));
        listeners.chain(self.frames.iter().map(|frames| (frames.socket.as_fd(), !frames.outbox.is_empty())))
    }

    /// Puts a datagram into its outbox.
    pub fn send(&mut self, departure: Departure) {
        let to = match departure.to {
            Destination::Unicast(to) => to,
            Destination::Broadcast => SocketAddrV4::new(Ipv4Addr::BROADCAST, 68),
            Destination::Hardware { mac, address } => match &mut self.frames {
                Some(frames) => {
                    let mut bytes = Vec::with_capacity(departure.bytes.len() + 42);
                    frame::udp(frames.mac, mac, departure.from, address, &departure.bytes, &mut bytes);
                    frames.outbox.push(bytes);
                    return;
                }
                None => SocketAddrV4::new(Ipv4Addr::BROADCAST, 68),
            },
        };
        let listener = usize::from(departure.from.port() == PORTS[1]);
        self.listeners[listener].outbox.push(Parcel {
            from: *departure.from.ip(),
            to,
            bytes: departure.bytes,
        });
    }

    /// Sends what the system takes now. Gives how many datagrams left and how many failed; buffers of those that left go to
    /// `spare`.
    pub fn flush(&mut self, spare: &mut Vec<Vec<u8>>) -> (usize, usize) {
        let mut tally = (0, 0);
        for listener in &mut self.listeners {
            listener.flush(&mut tally, spare);
        }
        if let Some(frames) = &mut self.frames {
            frames.flush(&mut tally);
        }
        tally
    }
}

/// A datagram to be sent.
#[derive(Debug)]
struct Parcel {
    from: Ipv4Addr,
    to: SocketAddrV4,
    bytes: Vec<u8>,
}

/// A UDP socket at one of the ports of one interface.
#[derive(Debug)]
pub(super) struct Listener {
    socket: Socket,
    pub port: u16,
    index: u32,
    outbox: Vec<Parcel>,
}

impl Listener {
    fn open(interface: &Interface, port: u16) -> Result<Self, OpenError> {
        let attempt = || format!("listening at UDP port {port} of {}", interface.name);
        let open = || -> io::Result<Socket> {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            // Before the port is taken, so that another interface's may be another program's.
            socket.bind_device(Some(interface.name.as_bytes()))?;
            socket.set_broadcast(true)?;
            socket.set_nonblocking(true)?;
            for buffer in [
                setsockopt(&socket, sockopt::RcvBufForce, &SOCKET_BUFFER)
                    .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &SOCKET_BUFFER)),
                setsockopt(&socket, sockopt::SndBufForce, &SOCKET_BUFFER)
                    .or_else(|_| setsockopt(&socket, sockopt::SndBuf, &SOCKET_BUFFER)),
            ] {
                if let Err(error) = buffer {
                    tracing::debug!(%error, "socket buffers stay as they are");
                }
            }
            socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port).into())?;
            Ok(socket)
        };
        match open() {
            Ok(socket) => Ok(Self { socket, port, index: interface.index, outbox: Vec::new() }),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(OpenError::PortTaken {
                port,
                interface: interface.name.clone(),
                by: occupant::of_udp_port("udp", port),
            }),
            Err(error) => Err(OpenError::of(attempt(), error)),
        }
    }

    /// Takes datagrams that are there into `inbox`, whose old ones go.
    pub fn receive(&self, inbox: &mut Inbox) {
        inbox.datagrams.clear();
        let Inbox { buffer, datagrams, headers } = inbox;
        let mut slices: Vec<_> =
            buffer.chunks_exact_mut(DATAGRAM).map(|place| [IoSliceMut::new(place)]).collect();
        match recvmmsg(self.socket.as_raw_fd(), headers, &mut slices, MsgFlags::empty(), None) {
            Ok(messages) => {
                for message in messages {
                    let source =
                        message.address.map_or(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0), Into::into);
                    datagrams.push((source, message.bytes));
                }
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => tracing::debug!(%error, port = self.port, "nothing received"),
        }
    }

    fn flush(&mut self, tally: &mut (usize, usize), spare: &mut Vec<Vec<u8>>) {
        let mut sent = 0;
        while sent < self.outbox.len() {
            match self.send_batch(sent) {
                Ok(count) => {
                    tally.0 += count;
                    sent += count.max(1);
                }
                Err(Errno::EAGAIN | Errno::ENOBUFS) => break,
                Err(Errno::EINTR) => {}
                Err(error) => {
                    // The first one of the batch is at fault. It is repeated like one that was lost on the wire.
                    tracing::debug!(%error, to = %self.outbox[sent].to, "datagram not sent");
                    tally.1 += 1;
                    sent += 1;
                }
            }
        }
        spare.extend(self.outbox.drain(..sent).map(|parcel| parcel.bytes));
        let excess = self.outbox.len().saturating_sub(OUTBOX);
        tally.1 += excess;
        self.outbox.drain(..excess);
    }

    /// Sends datagrams that leave from the same address, from one on.
    fn send_batch(&self, begin: usize) -> Result<usize, Errno> {
        let from = self.outbox[begin].from;
        let batch: Vec<&Parcel> =
            self.outbox[begin..].iter().take(BATCH).take_while(|parcel| parcel.from == from).collect();
        let slices: Vec<_> = batch.iter().map(|parcel| [IoSlice::new(&parcel.bytes)]).collect();
        let to: Vec<Option<SockaddrIn>> = batch.iter().map(|parcel| Some(parcel.to.into())).collect();
        let source = libc::in_pktinfo {
            ipi_ifindex: i32::try_from(self.index).unwrap_or_default(),
            ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(from.octets()) },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let source = [ControlMessage::Ipv4PacketInfo(&source)];
        let room = nix::cmsg_space!(libc::in_pktinfo);
        let mut headers = MultiHeaders::<SockaddrIn>::preallocate(slices.len(), Some(room));
        let sent = sendmmsg(self.socket.as_raw_fd(), &mut headers, &slices, &to, source, MsgFlags::empty())?;
        Ok(sent.count())
    }
}

/// Datagrams that were received.
pub(super) struct Inbox {
    buffer: Vec<u8>,
    datagrams: Vec<(SocketAddrV4, usize)>,
    headers: MultiHeaders<SockaddrIn>,
}

impl Inbox {
    pub fn new() -> Self {
        Self {
            buffer: vec![0; BATCH * DATAGRAM],
            datagrams: Vec::with_capacity(BATCH),
            headers: MultiHeaders::preallocate(BATCH, None),
        }
    }

    pub fn is_full(&self) -> bool {
        self.datagrams.len() == BATCH
    }

    /// Senders and datagrams, in the order of their arrival.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = (SocketAddrV4, &[u8])> {
        let places = self.buffer.chunks_exact(DATAGRAM);
        self.datagrams.iter().zip(places).map(|((source, length), place)| (*source, &place[..*length]))
    }
}

/// A socket that sends whole frames.
#[derive(Debug)]
struct Frames {
    socket: Socket,
    mac: [u8; 6],
    outbox: Vec<Vec<u8>>,
}

impl Frames {
    fn flush(&mut self, tally: &mut (usize, usize)) {
        let mut sent = 0;
        while sent < self.outbox.len() {
            let slices: Vec<_> =
                self.outbox[sent..].iter().take(BATCH).map(|frame| [IoSlice::new(frame)]).collect();
            let mut headers = MultiHeaders::<LinkAddr>::preallocate(slices.len(), None);
            let to = vec![None::<LinkAddr>; slices.len()];
            let nothing_else: [ControlMessage<'_>; 0] = [];
            let result = sendmmsg(
                self.socket.as_raw_fd(),
                &mut headers,
                &slices,
                &to,
                nothing_else,
                MsgFlags::empty(),
            );
            match result.map(Iterator::count) {
                Ok(count) => {
                    tally.0 += count;
                    sent += count.max(1);
                }
                Err(Errno::EAGAIN | Errno::ENOBUFS) => break,
                Err(Errno::EINTR) => {}
                Err(error) => {
                    tracing::debug!(%error, "frame not sent");
                    tally.1 += 1;
                    sent += 1;
                }
            }
        }
        self.outbox.drain(..sent);
        let excess = self.outbox.len().saturating_sub(OUTBOX);
        tally.1 += excess;
        self.outbox.drain(..excess);
    }
}
