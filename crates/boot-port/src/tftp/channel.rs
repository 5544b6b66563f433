//! The socket of one transfer.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use ironhand_tftp::DATA_HEADER;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg};
use rustix::net::{RecvFlags, SendFlags};
use socket2::{Domain, Protocol, Socket, Type};

use super::TftpConfig;

/// Datagrams that the system cuts one buffer into (UDP_MAX_SEGMENTS of Linux before 6.9).
const SEGMENTS: usize = 64;
/// Octets of such a buffer: what one IPv4 packet may hold.
const SEGMENTED: usize = 65_535 - 20 - 8;
/// Ports of a range that are tried before the transfer is served from the port of the requests.
const TRIES: u16 = 64;

#[derive(Debug)]
pub(super) struct Channel {
    socket: Socket,
}

/// What all transfers of a thread send with.
#[derive(Debug)]
pub(super) struct Press {
    /// The system cuts windows into datagrams.
    segmentation: bool,
    /// One datagram, put together.
    datagram: Vec<u8>,
}

impl Press {
    pub(super) fn new() -> Self {
        Self { segmentation: true, datagram: Vec::new() }
    }
}

impl Channel {
    /// A socket that speaks with `client` from the address `local`.
    pub(super) fn open(
        local: SocketAddr,
        client: SocketAddr,
        config: &TftpConfig,
        next_port: &mut u16,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(local), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        if let Some(interface) = &config.interface {
            socket.bind_device(Some(interface.as_bytes()))?;
        }
        match &config.ports {
            Some(ports) => bind_within(&socket, local, *ports.start()..=*ports.end(), next_port)?,
            None => socket.bind(&with_port(local, 0).into())?,
        }
        socket.connect(&client.into())?;
        Ok(Self { socket })
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Octets of the largest packet on the path to the client.
    pub(super) fn mtu(&self, client: SocketAddr) -> io::Result<u32> {
        let mtu = match client {
            SocketAddr::V4(_) => rustix::net::sockopt::ip_mtu(&self.socket),
            SocketAddr::V6(_) => rustix::net::sockopt::ipv6_mtu(&self.socket),
        };
        Ok(mtu?)
    }

    /// Takes one datagram.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (length, _) = rustix::net::recv(&self.socket, buffer, RecvFlags::DONTWAIT)?;
        Ok(length)
    }

    /// Sends one datagram.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        loop {
            match rustix::net::send(&self.socket, bytes, SendFlags::DONTWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                other => return Ok(other.map(drop)?),
            }
        }
    }

    /// Sends blocks of `blksize` octets, the last one perhaps shorter, each behind its header. Returns how many left; fewer
    /// than all when the system takes no more at the moment.
    pub(super) fn send_blocks(
        &self,
        headers: &[[u8; DATA_HEADER]],
        data: &[u8],
        blksize: usize,
        press: &mut Press,
    ) -> io::Result<usize> {
        if let [header] = headers {
            // In one piece: the copy costs less than the system's work with two.
            press.datagram.clear();
            press.datagram.extend_from_slice(header);
            press.datagram.extend_from_slice(data);
            return match self.send(&press.datagram) {
                Ok(()) => Ok(1),
                Err(error) if is_full(&error) => Ok(0),
                Err(error) => Err(error),
            };
        }
        let most = match press.segmentation {
            true => (SEGMENTED / (blksize + DATA_HEADER)).clamp(1, SEGMENTS),
            false => 1,
        };
        let mut pieces = Vec::with_capacity(2 * most.min(headers.len()));
        let mut sent = 0;
        while sent < headers.len() {
            let until = headers.len().min(sent + most);
            pieces.clear();
            for (at, header) in headers.iter().enumerate().take(until).skip(sent) {
                pieces.push(IoSlice::new(header));
                pieces.push(IoSlice::new(
                    &data[(at * blksize).min(data.len())..data.len().min((at + 1) * blksize)],
                ));
            }
            let segment = (until - sent > 1).then_some((blksize + DATA_HEADER) as u16);
            match self.send_pieces(&pieces, segment) {
                Ok(()) => sent = until,
                Err(error) if is_full(&error) => return Ok(sent),
                Err(error) if segment.is_some() && is_unsegmentable(&error) => {
                    tracing::debug!(%error, "a network interface does not cut windows: each block is sent by itself");
                    press.segmentation = false;
                    let sent_before = sent;
                    let rest = &data[(sent * blksize).min(data.len())..];
                    return Ok(sent_before + self.send_blocks(&headers[sent..], rest, blksize, press)?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    fn send_pieces(&self, pieces: &[IoSlice<'_>], segment: Option<u16>) -> io::Result<()> {
        let descriptor = self.socket.as_raw_fd();
        loop {
            let control = segment.as_ref().map(ControlMessage::UdpGsoSegments);
            let sent = sendmsg::<SockaddrStorage>(
                descriptor,
                pieces,
                control.as_slice(),
                MsgFlags::MSG_DONTWAIT,
                None,
            );
            match sent {
                Err(Errno::EINTR) => {}
                other => return Ok(other.map(drop)?),
            }
        }
    }
}

/// The system takes no more at the moment.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        Errno::from_raw(error.raw_os_error().unwrap_or_default()),
        Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM
    )
}

fn is_unsegmentable(error: &io::Error) -> bool {
    matches!(
        Errno::from_raw(error.raw_os_error().unwrap_or_default()),
        Errno::EIO | Errno::EINVAL | Errno::EMSGSIZE | Errno::EOPNOTSUPP | Errno::ENOPROTOOPT
    )
}

/// Binds to the next free port of a range, so that no port is used again soon.
fn bind_within(
    socket: &Socket,
    local: SocketAddr,
    ports: std::ops::RangeInclusive<u16>,
    next_port: &mut u16,
) -> io::Result<()> {
    let mut result = Err(io::ErrorKind::AddrInUse.into());
    for _ in 0..TRIES {
        if !ports.contains(next_port) {
            *next_port = *ports.start();
        }
        result = socket.bind(&with_port(local, *next_port).into());
        *next_port = next_port.wrapping_add(1);
        if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::AddrInUse) {
            break;
        }
    }
    result
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}
