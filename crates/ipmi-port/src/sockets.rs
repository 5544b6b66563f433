//! One UDP socket per address family.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::UdpSocket;

/// One UDP socket per address family, shared by all BMCs.
pub(super) struct Sockets {
    v4: UdpSocket,
    /// Absent where the machine has no IPv6.
    v6: Option<UdpSocket>,
}

impl Sockets {
    /// Binds both to ports that the system chooses.
    pub(super) fn bind() -> io::Result<Self> {
        let v4 = bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?;
        let v6 = bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).ok();
        Ok(Self { v4, v6 })
    }

    pub(super) fn serves(&self, peer: SocketAddr) -> bool {
        peer.is_ipv4() || self.v6.is_some()
    }

    /// Sends without waiting. A datagram that the system does not take now is lost like one on the wire, and is
    /// repeated like one.
    pub(super) fn send(&self, peer: SocketAddr, bytes: &[u8]) {
        let socket = match (&peer, &self.v6) {
            (SocketAddr::V6(_), Some(v6)) => v6,
            (SocketAddr::V6(_), None) => return,
            (SocketAddr::V4(_), _) => &self.v4,
        };
        if let Err(error) = socket.try_send_to(bytes, peer) {
            tracing::debug!(bmc = %peer, %error, "datagram not sent");
        }
    }

    /// Waits until a datagram may be there.
    pub(super) async fn readable(&self) {
        let v6 = async {
            match &self.v6 {
                Some(v6) => v6.readable().await,
                None => std::future::pending().await,
            }
        };
        let ready = tokio::select! {
            ready = self.v4.readable() => ready,
            ready = v6 => ready,
        };
        if let Err(error) = ready {
            tracing::error!(%error, "the IPMI sockets do not work");
        }
    }

    /// A datagram that is there.
    pub(super) fn try_receive(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let sockets = std::iter::once(&self.v4).chain(&self.v6);
        sockets.into_iter().find_map(|socket| socket.try_recv_from(buffer).ok())
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}
