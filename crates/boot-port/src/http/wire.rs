//! One connection: in clear, or over TLS.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::net::SendFlags;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// What carries requests and answers.
pub(super) enum Wire {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Receives into what `buffer` has to spare; 0 at the end.
    pub(super) async fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read_buf(buffer).await,
            Self::Tls(stream) => stream.read_buf(buffer).await,
        }
    }

    /// Sends some of `bytes`; `more` says that others follow at once and may share a packet.
    pub(super) async fn send(&mut self, bytes: &[u8], more: bool) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => {
                let flags = SendFlags::NOSIGNAL | if more { SendFlags::MORE } else { SendFlags::empty() };
                stream.async_io(Interest::WRITABLE, || Ok(rustix::net::send(&*stream, bytes, flags)?)).await
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
                let mut send = || {
                    at = offset;
                    Ok(rustix::fs::sendfile(&*stream, file, Some(&mut at), length)?)
                };
                match stream.async_io(Interest::WRITABLE, &mut send).await {
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

    /// Tells the client that nothing follows.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.shutdown().await,
            Self::Tls(stream) => stream.shutdown().await,
        }
    }
}

/// The file got shorter than it was when the answer began.
pub(super) fn shortened() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file was cut while it was being sent")
}
