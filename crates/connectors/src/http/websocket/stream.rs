//! A WebSocket as a stream of bytes: what protocols that have messages of their own run on, as remote consoles do.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{CLOSE, LONGEST, PING, PONG, head};

/// The most bytes that one message takes.
const PIECE: usize = 16 * 1024;

/// Answers to pings are left out where so much waits to be sent already: who pings without reading gets none.
const BACKLOG: usize = 64 * 1024;

/// The payloads of a WebSocket's messages, one behind the other, whatever their kind; what is written goes out as messages of
/// one kind, a message for each call.
pub(crate) struct WebSocketStream<S> {
    inner: S,
    /// The kind of the messages that are written.
    kind: u8,
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

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketStream<S> {
    /// On a connection that has become a WebSocket.
    pub(super) fn new(inner: S, kind: u8) -> Self {
        Self {
            inner,
            kind,
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

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocketStream<S> {
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

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocketStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        let piece = bytes.get(..PIECE).unwrap_or(bytes);
        if !piece.is_empty() {
            this.queue(this.kind, piece)?;
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

impl<S> fmt::Debug for WebSocketStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketStream").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::super::BINARY;
    use super::*;

    /// What is read when a server sends these bytes and is gone, and what it was sent meanwhile.
    async fn read(bytes: &[u8]) -> (io::Result<Vec<u8>>, Vec<u8>) {
        let (near, mut far) = duplex(1024 * 1024);
        far.write_all(bytes).await.expect("there is room");
        let mut stream = WebSocketStream::new(near, BINARY);
        far.shutdown().await.expect("it is open");
        let mut read = Vec::new();
        let result = stream.read_to_end(&mut read).await.map(|_| read);
        drop(stream);
        let mut answered = Vec::new();
        far.read_to_end(&mut answered).await.expect("it is open");
        (result, answered)
    }

    /// The payload of the first frame of a client, without its mask, and what is behind it.
    fn unmasked(frame: &[u8]) -> (u8, Vec<u8>, &[u8]) {
        let (kind, length) = (frame[0], frame[1]);
        assert!(length & 0x80 != 0, "clients mask");
        let (start, length) = match length & 0x7f {
            126 => (4, usize::from(u16::from_be_bytes([frame[2], frame[3]]))),
            short => (2, usize::from(short)),
        };
        let (mask, rest) = frame[start..].split_at(4);
        let (payload, rest) = rest.split_at(length);
        (kind, payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect(), rest)
    }

    #[tokio::test]
    async fn payloads_join_and_pings_are_answered_between_them() {
        let long = [&[0x82, 126, 1, 0][..], &[7; 256]].concat();
        let frames =
            [&[0x02, 2, 1, 2][..], &[0x89, 3, 8, 8, 8], &[0x80, 1, 3], &long, &[0x8a, 1, 0], &[0x82, 0]];
        let (read, answered) = read(&frames.concat()).await;
        assert_eq!(read.expect("it makes sense"), [&[1, 2, 3][..], &[7; 256]].concat());
        let (kind, payload, rest) = unmasked(&answered);
        assert_eq!((kind, payload.as_slice(), rest), (0x8a, &[8, 8, 8][..], &[][..]));
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_an_error_and_a_close_is_the_end() {
        let check = async |bytes: &[u8], expected: Option<&[u8]>| {
            let (read, _) = read(bytes).await;
            assert_eq!(read.ok().as_deref(), expected, "{bytes:?}");
        };
        check(&[0x82, 1, 9, 0x88, 0, 0x82, 1, 5], Some(&[9])).await;
        check(&[0x82, 0x81, 0, 0, 0, 0, 1], None).await;
        check(&[0x89, 126, 0, 200], None).await;
        check(&[0x82, 5, 1, 2], Some(&[1, 2])).await;
        check(&[], Some(&[])).await;
    }

    /// Who pings without reading what it is answered is not answered any more.
    #[tokio::test]
    async fn floods_of_pings_are_not_kept() {
        let (near, mut far) = duplex(1024);
        let mut stream = WebSocketStream::new(near, BINARY);
        let flooding = tokio::spawn(async move {
            for _ in 0..10_000 {
                far.write_all(&[&[0x89, 125][..], &[0; 125]].concat()).await.expect("it is read");
            }
            far
        });
        let mut byte = [0];
        tokio::select! {
            read = stream.read(&mut byte) => panic!("{read:?}"),
            far = flooding => drop(far),
        }
        assert!(stream.outgoing.len() < BACKLOG + 200);
    }

    #[tokio::test]
    async fn what_is_written_goes_out_in_masked_messages() {
        let (near, mut far) = duplex(1024 * 1024);
        let mut stream = WebSocketStream::new(near, BINARY);
        let written: Vec<u8> = (0..40_000_u32).map(|at| at as u8).collect();
        stream.write_all(&written).await.expect("there is room");
        stream.shutdown().await.expect("it is open");
        drop(stream);
        let mut sent = Vec::new();
        far.read_to_end(&mut sent).await.expect("it is open");
        let (mut rest, mut found) = (sent.as_slice(), Vec::new());
        loop {
            let (kind, payload, behind) = unmasked(rest);
            rest = behind;
            if kind == 0x88 {
                break;
            }
            assert_eq!(kind, 0x82);
            found.extend(payload);
        }
        assert!(found == written && rest.is_empty());
    }
}
