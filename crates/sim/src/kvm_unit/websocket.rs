//! WebSockets from the side of a unit (RFC 6455).

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::front::Asked;

/// What a server proves with that it speaks the protocol.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The longest message that is taken.
const LONGEST: u64 = 64 * 1024;

/// The longest message that is sent: its length takes two bytes.
const LONGEST_SENT: usize = 65535;

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// The proof for a client that asks for a WebSocket.
pub(super) fn accept(asked: &Asked) -> Option<HeaderValue> {
    let wants = asked.header("upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
    proof(asked.header("sec-websocket-key").filter(|_| wants)?)
}

/// What a server proves with that it understood the key of a client.
pub(crate) fn proof(key: &str) -> Option<HeaderValue> {
    let proof = Sha1::digest([key.as_bytes(), GUID].concat());
    HeaderValue::try_from(STANDARD.encode(proof)).ok()
}

/// What a client sent.
pub(super) enum Frame {
    /// A message, or a part of one.
    Payload(Vec<u8>),
    /// To be answered by the same payload.
    Ping(Vec<u8>),
    /// Good-bye.
    Close,
}

/// The next message; pings are answered meanwhile. Nothing where the client says good-bye.
pub(crate) async fn message<S>(stream: &mut S) -> io::Result<Option<Vec<u8>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match frame(stream).await? {
            Frame::Close => return Ok(None),
            Frame::Ping(payload) => pong(stream, &payload).await?,
            Frame::Payload(payload) => return Ok(Some(payload)),
        }
    }
}

/// The next frame; answers to pings are passed over.
pub(super) async fn frame<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Frame> {
    loop {
        let kind = stream.read_u8().await? & 0x0f;
        let second = stream.read_u8().await?;
        let length = match second & 0x7f {
            126 => u64::from(stream.read_u16().await?),
            127 => stream.read_u64().await?,
            short => u64::from(short),
        };
        // Clients that do not mask what they send are to be sent away.
        if second & 0x80 == 0 || length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut mask = [0; 4];
        stream.read_exact(&mut mask).await?;
        let mut payload = vec![0; usize::try_from(length).unwrap_or_default()];
        stream.read_exact(&mut payload).await?;
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        match kind {
            CLOSE => return Ok(Frame::Close),
            PING => return Ok(Frame::Ping(payload)),
            PONG => {}
            _ => return Ok(Frame::Payload(payload)),
        }
    }
}

/// Answers a ping.
pub(super) async fn pong<S: AsyncWrite + Unpin>(stream: &mut S, payload: &[u8]) -> io::Result<()> {
    send(stream, PONG, payload).await
}

/// Sends bytes, in as many messages as they take.
pub(crate) async fn send_bytes<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    for piece in bytes.chunks(LONGEST_SENT) {
        send(stream, BINARY, piece).await?;
    }
    Ok(())
}

/// Sends a message of text.
pub(super) async fn say<S: AsyncWrite + Unpin>(stream: &mut S, text: &str) -> io::Result<()> {
    send(stream, TEXT, text.as_bytes()).await
}

/// Asks whether the client is there.
pub(super) async fn ping<S: AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    send(stream, PING, &[]).await
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, kind: u8, payload: &[u8]) -> io::Result<()> {
    let mut frame = vec![0x80 | kind];
    match u16::try_from(payload.len()) {
        Ok(length) if length < 126 => frame.extend(u8::try_from(length)),
        Ok(length) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => return Err(io::ErrorKind::InvalidInput.into()),
    }
    frame.extend_from_slice(payload);
    stream.write_all(&frame).await?;
    stream.flush().await
}
