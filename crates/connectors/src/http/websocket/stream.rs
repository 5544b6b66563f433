//! A WebSocket as a stream of bytes: what protocols that have messages of their own run on, as remote consoles do.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{BINARY, CLOSE, LONGEST, PING, PONG, head};

/// The most bytes that one message takes.
const PIECE: usize = 16 * 1024;

/// Answers to pings are left out where so much waits to be sent already: who pings without reading gets none.
const BACKLOG: usize = 64 * 1024;

/// The payloads of a WebSocket's messages, one behind the other, whatever their kind; what is written goes out as binary
/// messages.
pub(crate) struct WebSocketStream {
    inner: TokioIo<Upgraded>,
    /// The beginning of a frame, with its payload where it is a ping.
    head: Vec<u8>,
    /// Bytes of a message that are still to come.
    missing: u64,
    /// Whether the device has closed it.
    is_over: bool,
    outgoing: Vec<u8>,
    sent: usize,
    is_closed: bool,
}

impl WebSocketStream {
    pub(super) fn new(upgraded: Upgraded) -> Self {
        Self {
            inner: TokioIo::new(upgraded),
            head: Vec::new(),
            missing: 0,
            is_over: false,
            outgoing: Vec::new(),
            sent: 0,
            is_closed: false,
        }
    }

    fn queue(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        let mut mask = [0; 4];
        getrandom::fill(&mut mask).map_err(io::Error::other)?;
        self.outgoing.push(0x80 | kind);
        match u16::try_from(payload.len()) {
            Ok(length) if usize::from(length) <= LONGEST => self.outgoing.push(0x80 | length as u8),
            Ok(length) => {
                self.outgoing.push(0x80 | 126);
                self.outgoing.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => return Err(io::ErrorKind::InvalidInput.into()),
        }
        self.outgoing.extend_from_slice(&mask);
        self.outgoing.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        Ok(())
    }

    /// Sends what waits to be sent.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.outgoing.get(self.sent..) {
            let count = ready!(Pin::new(&mut self.inner).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        self.outgoing.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Takes the next byte of a frame's head.
    fn take(&mut self, byte: u8) -> io::Result<()> {
        let senseless = |reason| io::Error::new(io::ErrorKind::InvalidData, reason);
        self.head.push(byte);
        let Some((kind, start, length)) = head(&self.head).map_err(senseless)? else { return Ok(()) };
        match kind {
            CLOSE => self.is_over = true,
            PING | PONG => {
                // Their payloads fit the shortest kind of frame.
                if (self.head.len() - start) as u64 != length {
                    return Ok(());
                }
                let payload = self.head.split_off(start);
                if kind == PING && self.outgoing.len() < BACKLOG {
                    self.queue(PONG, &payload)?;
                }
            }
            _ => self.missing = length,
        }
        self.head.clear();
        Ok(())
    }
}

impl AsyncRead for WebSocketStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            // What answers pings must not wait for somebody to write.
            if let Poll::Ready(Err(error)) = this.poll_send(cx) {
                return Poll::Ready(Err(error));
            }
            if this.is_over || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if this.missing > 0 {
                let most = usize::try_from(this.missing).unwrap_or(usize::MAX).min(buffer.remaining());
                let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
                ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
                let count = part.filled().len();
                buffer.advance(count);
                this.missing -= count as u64;
                return Poll::Ready(Ok(()));
            }
            let mut byte = [0];
            let mut part = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
            match part.filled() {
                &[byte] => this.take(byte)?,
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl AsyncWrite for WebSocketStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        let piece = bytes.get(..PIECE).unwrap_or(bytes);
        if !piece.is_empty() {
            this.queue(BINARY, piece)?;
        }
        match this.poll_send(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // What is queued goes out with the next call.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(piece.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_closed {
            this.is_closed = true;
            this.queue(CLOSE, &[])?;
        }
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

impl fmt::Debug for WebSocketStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketStream").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}
