//! One connection: in clear, or over TLS.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// What carries requests and answers.
pub(super) enum Wire {
    Clear(Clear),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection in clear.
///
/// The runtime hears of it only when there is something to wait for: under load the request is there when its connection is
/// accepted, and the system takes a short answer at once, so that nothing is.
pub(super) enum Clear {
    /// Nothing had to be waited for yet.
    Fresh(OwnedFd),
    /// The runtime tells when there is something to do.
    Watched(TcpStream),
    /// The runtime could not take it.
    Lost,
}

impl Clear {
    /// The stream as the runtime knows it, from now on.
    fn watched(&mut self) -> io::Result<&mut TcpStream> {
        if matches!(self, Self::Fresh(_))
            && let Self::Fresh(socket) = std::mem::replace(self, Self::Lost)
        {
            *self = Self::Watched(TcpStream::from_std(socket.into())?);
        }
        match self {
            Self::Watched(stream) => Ok(stream),
            Self::Fresh(_) | Self::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Does `work`, which sends, when the system takes something.
    async fn send_by<T>(&mut self, mut work: impl FnMut(BorrowedFd<'_>) -> io::Result<T>) -> io::Result<T> {
        let stream = self.watched()?;
        stream.async_io(Interest::WRITABLE, || work(stream.as_fd())).await
    }
}

impl Wire {
    /// Receives what a fresh connection has already, into what `buffer` has to spare; 0 at the end. `None` if that has to be
    /// waited for.
    pub(super) fn receive_now(&self, buffer: &mut Vec<u8>) -> Option<io::Result<usize>> {
        let Self::Clear(Clear::Fresh(socket)) = self else { return None };
        match rustix::net::recv(socket, spare_capacity(buffer), RecvFlags::empty()) {
            Ok((_, length)) => Some(Ok(length)),
            Err(Errno::WOULDBLOCK) => None,
            Err(error) => Some(Err(error.into())),
        }
    }

    /// Sends what the system takes of `bytes` at once. Gives how many; in TLS none.
    pub(super) fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        let stream = match self {
            Self::Clear(Clear::Fresh(socket)) => socket.as_fd(),
            Self::Clear(Clear::Watched(stream)) => stream.as_fd(),
            Self::Clear(Clear::Lost) | Self::Tls(_) => return Ok(0),
        };
        match rustix::net::send(stream, bytes, SendFlags::NOSIGNAL) {
            Err(Errno::WOULDBLOCK) => Ok(0),
            other => Ok(other?),
        }
    }

    /// Receives into what `buffer` has to spare; 0 at the end.
    pub(super) async fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.watched()?.read_buf(buffer).await,
            Self::Tls(stream) => stream.read_buf(buffer).await,
        }
    }

    /// Sends some of `bytes`.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => {
                stream.send_by(|socket| Ok(rustix::net::send(socket, bytes, SendFlags::NOSIGNAL)?)).await
            }
            Self::Tls(stream) => stream.write(bytes).await,
        }
    }

    /// Sends some of the `length` bytes at `offset` of `file`. `piece` is room that TLS reads them into.
    pub(super) async fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        length: usize,
        piece: &mut Vec<u8>,
    ) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => {
                let mut at = offset;
                let send = |socket: BorrowedFd<'_>| {
                    at = offset;
                    Ok(rustix::fs::sendfile(socket, file, Some(&mut at), length)?)
                };
                match stream.send_by(send).await {
                    Ok(0) => Err(shortened()),
                    other => other,
                }
            }
            Self::Tls(stream) => {
                piece.resize(length.min(super::PIECE), 0);
                let read = file.read_at(piece, offset)?;
                if read == 0 {
                    return Err(shortened());
                }
                stream.write_all(&piece[..read]).await?;
                Ok(read)
            }
        }
    }

    /// Sends what is still held back.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(_) => Ok(()),
            Self::Tls(stream) => stream.flush().await,
        }
    }

    /// Has the system hold back segments that are not full, or no longer. TLS fills its records by itself.
    pub(super) fn hold_back(&self, held: bool) -> io::Result<()> {
        let stream = match self {
            Self::Clear(Clear::Fresh(socket)) => socket.as_fd(),
            Self::Clear(Clear::Watched(stream)) => stream.as_fd(),
            Self::Clear(Clear::Lost) | Self::Tls(_) => return Ok(()),
        };
        Ok(rustix::net::sockopt::set_tcp_cork(stream, held)?)
    }

    /// Has the runtime watch it: another request is waited for.
    pub(super) fn watch(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.watched().map(drop),
            Self::Tls(_) => Ok(()),
        }
    }

    /// Tells the client that nothing follows, while what it still sends can be received.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.watched()?.shutdown().await,
            Self::Tls(stream) => stream.shutdown().await,
        }
    }

    /// Tells the client that nothing follows where closing the connection does not say so by itself.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(_) => Ok(()),
            Self::Tls(stream) => stream.shutdown().await,
        }
    }
}

/// The file got shorter than it was when the answer began.
pub(super) fn shortened() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file was cut while it was being sent")
}
