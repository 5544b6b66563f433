//! WebSockets (RFC 6455): as far as units need them, where short messages go out and what comes in is passed over, and as
//! streams of bytes for protocols that run on them.

mod stream;

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use http::header::{
    CONNECTION, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::{HttpClient, HttpRequest, HttpResponse, chain};
use crate::path::{Stream, Taken};
use crate::{Error, path};
use stream::WebSocketStream;

/// What the server proves with that it speaks the protocol (RFC 6455 section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The longest message that is sent, and the longest ping that is answered: both fit the shortest kind of frame.
const LONGEST: usize = 125;

/// How long the device may refuse to take a few bytes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kinds of frames (RFC 6455 section 5.2).
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// What comes of asking for a WebSocket.
#[derive(Debug)]
pub(crate) enum Upgrade {
    /// It is open.
    Open(Box<WebSocket>),
    /// Another answer.
    Answer(HttpResponse),
}

/// An open WebSocket. To drop it is to close it.
pub(crate) struct WebSocket {
    stream: TokioIo<Upgraded>,
    arriving: Arriving,
    address: String,
}

/// A stream of bytes through a WebSocket, or another answer.
pub(crate) enum Opening {
    /// It is open; with the way that it took.
    Open(Stream, Taken),
    /// Another answer.
    Answer(HttpResponse),
}

/// What became of the connection that was asked to become a WebSocket.
enum Shaken {
    Upgraded(Upgraded, Taken),
    Answer(HttpResponse),
}

impl HttpClient {
    /// Asks for a WebSocket. It does not count as a request under way.
    ///
    /// # Errors
    ///
    /// As [`HttpClient::send`]; [`Error::Malformed`] where the device does not prove that it speaks the protocol.
    pub(crate) async fn websocket(&self, request: HttpRequest) -> Result<Upgrade, Error> {
        Ok(match self.upgraded(request).await? {
            Shaken::Answer(answer) => Upgrade::Answer(answer),
            Shaken::Upgraded(upgraded, taken) => Upgrade::Open(Box::new(WebSocket {
                stream: TokioIo::new(upgraded),
                arriving: Arriving::default(),
                address: taken.to_string(),
            })),
        })
    }

    /// Asks for a WebSocket that carries bytes both ways, for a page of the device itself: that is what it says where it
    /// comes from. It does not count as a request under way.
    ///
    /// # Errors
    ///
    /// As [`HttpClient::websocket`].
    pub(crate) async fn websocket_stream(&self, request: HttpRequest) -> Result<Opening, Error> {
        self.websocket_of(request, BINARY).await
    }

    /// As [`HttpClient::websocket_stream`], with messages of text: each call to write is one, up to 16 KiB.
    ///
    /// # Errors
    ///
    /// As [`HttpClient::websocket`].
    pub(crate) async fn websocket_texts(&self, request: HttpRequest) -> Result<Opening, Error> {
        self.websocket_of(request, TEXT).await
    }

    async fn websocket_of(&self, request: HttpRequest, kind: u8) -> Result<Opening, Error> {
        Ok(match self.upgraded(request).await? {
            Shaken::Answer(answer) => Opening::Answer(answer),
            Shaken::Upgraded(upgraded, taken) => {
                Opening::Open(Box::new(WebSocketStream::new(TokioIo::new(upgraded), kind)), taken)
            }
        })
    }

    async fn upgraded(&self, request: HttpRequest) -> Result<Shaken, Error> {
        let deadline = Instant::now() + self.limits.connect;
        let (stream, taken) =
            path::connect_over(&self.route, &self.health, Some(&self.tls), deadline).await?;
        let address = taken.to_string();
        let unreachable =
            |error: hyper::Error| Error::Unreachable { address: address.clone(), reason: chain(&error) };
        let silent = || Error::Silent { address: address.clone(), after: self.limits.connect };
        let shaking =
            http1::Builder::new().title_case_headers(true).handshake::<_, Full<Bytes>>(TokioIo::new(stream));
        let (mut sender, connection) = shaking.await.map_err(unreachable)?;
        // It ends when the connection becomes a WebSocket, or when the sender is dropped.
        tokio::spawn(connection.with_upgrades());
        let unsuited = |_| Error::Misconfigured { reason: "the key is none that HTTP can carry".to_owned() };
        let key = HeaderValue::try_from(STANDARD.encode(random::<16>()?)).map_err(unsuited)?;
        let host = self.host(&taken)?;
        let scheme = if self.default_port == 443 { "https" } else { "http" };
        let origin = format!("{scheme}://{}", host.to_str().unwrap_or_default());
        let origin = HeaderValue::try_from(origin).map_err(unsuited)?;
        let built = request
            .header(ORIGIN, origin)
            .header(CONNECTION, HeaderValue::from_static("Upgrade"))
            .header(UPGRADE, HeaderValue::from_static("websocket"))
            .header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
            .header(SEC_WEBSOCKET_KEY, key.clone())
            .built(host, None)?;
        let answer = timeout_at(deadline, sender.send_request(built)).await;
        let answer = answer.map_err(|_| silent())?.map_err(unreachable)?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            let (head, body) = answer.into_parts();
            let body = timeout_at(deadline, self.read(body)).await.map_err(|_| silent())??;
            return Ok(Shaken::Answer(HttpResponse {
                status: head.status.as_u16(),
                headers: head.headers,
                body,
            }));
        }
        let proof = STANDARD.encode(Sha1::digest([key.as_bytes(), GUID.as_bytes()].concat()));
        if answer.headers().get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes) != Some(proof.as_bytes()) {
            return Err(Error::Malformed { reason: "it does not speak WebSocket".to_owned() });
        }
        let upgraded = hyper::upgrade::on(answer).await.map_err(unreachable)?;
        Ok(Shaken::Upgraded(upgraded, taken))
    }
}

impl WebSocket {
    /// Sends a message of at most [`LONGEST`] bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] where the device has closed it: then nothing was sent. [`Error::OutcomeUnknown`] where it
    /// breaks meanwhile.
    pub(crate) async fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        self.keep().await?;
        self.write(BINARY, message).await.map_err(|_| Error::OutcomeUnknown)
    }

    /// Reads what has arrived and answers pings, so that the device does not think that nobody is there.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] where the device has closed it.
    pub(crate) async fn keep(&mut self) -> Result<(), Error> {
        let closed =
            |address: &str, reason: String| Error::Unreachable { address: address.to_owned(), reason };
        let mut buffer = [0; 4096];
        while let Some(read) = self.stream.read(&mut buffer).now_or_never() {
            let pings = match read {
                Ok(0) => return Err(closed(&self.address, "it closed the WebSocket".to_owned())),
                Ok(length) => self.arriving.take(&buffer[..length]),
                Err(error) => return Err(closed(&self.address, error.to_string())),
            };
            for ping in pings.map_err(|reason| closed(&self.address, reason.to_owned()))? {
                self.write(PONG, &ping).await.map_err(|error| closed(&self.address, error.to_string()))?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, kind: u8, message: &[u8]) -> std::io::Result<()> {
        let mask = random::<4>().map_err(std::io::Error::other)?;
        let frame = frame(kind, message, mask)?;
        timeout(PATIENCE, async {
            self.stream.write_all(&frame).await?;
            self.stream.flush().await
        })
        .await?
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebSocket").field(&self.address).finish()
    }
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Misconfigured { reason: format!("no random numbers: {error}") })?;
    Ok(bytes)
}

/// A whole message as a client sends it: masked.
fn frame(kind: u8, message: &[u8], mask: [u8; 4]) -> std::io::Result<Vec<u8>> {
    let length = u8::try_from(message.len()).ok().filter(|length| usize::from(*length) <= LONGEST);
    let length = length.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    let masked = message.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    Ok([0x80 | kind, 0x80 | length].into_iter().chain(mask).chain(masked).collect())
}

/// What has arrived and is not understood yet. Messages are passed over, however long they are.
#[derive(Default)]
struct Arriving {
    head: Vec<u8>,
    /// Bytes of a message that are still to come, which nobody wants.
    passing: u64,
}

impl Arriving {
    /// Takes bytes; gives the payloads of the pings among them.
    fn take(&mut self, mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
        let mut pings = Vec::new();
        while !bytes.is_empty() {
            let passed = usize::try_from(self.passing).map_or(bytes.len(), |left| left.min(bytes.len()));
            bytes = &bytes[passed..];
            self.passing -= passed as u64;
            let Some((first, rest)) = bytes.split_first() else { break };
            self.head.push(*first);
            bytes = rest;
            let Some((kind, start, length)) = head(&self.head)? else { continue };
            match kind {
                CLOSE => return Err("it closed the WebSocket"),
                PING => {
                    let end = start + usize::try_from(length).unwrap_or(usize::MAX);
                    if self.head.len() < end {
                        continue;
                    }
                    pings.push(self.head.split_off(start));
                }
                _ => self.passing = length,
            }
            self.head.clear();
        }
        Ok(pings)
    }
}

/// The kind of a frame, where its payload starts, and how long that is; nothing where more bytes are needed.
fn head(bytes: &[u8]) -> Result<Option<(u8, usize, u64)>, &'static str> {
    let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
    let kind = first & 0x0f;
    if second & 0x80 != 0 {
        return Err("it masks what it sends, which no server does");
    }
    let long = match second {
        126 => 2,
        127 => 8,
        length if usize::from(length) <= LONGEST => return Ok(Some((kind, 2, u64::from(length)))),
        _ => return Err("its frames make no sense"),
    };
    if kind & 0x8 != 0 {
        return Err("its frames make no sense");
    }
    let Some(length) = rest.get(..long) else { return Ok(None) };
    let length = length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    Ok(Some((kind, 2 + long, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks which pings are found however the bytes are cut.
    fn check(bytes: &[u8], wanted: Result<&[&[u8]], &str>) {
        for size in [1, 2, 3, 1000] {
            let mut arriving = Arriving::default();
            let mut pings = Vec::new();
            let taken = bytes.chunks(size).try_for_each(|chunk| {
                pings.extend(arriving.take(chunk)?);
                Ok(())
            });
            assert_eq!(
                taken.map(|()| pings.iter().map(Vec::as_slice).collect::<Vec<_>>()),
                wanted.map(<[_]>::to_vec)
            );
        }
    }

    #[test]
    fn pings_are_found_between_messages() {
        let text = [&[0x81, 5][..], b"hello"].concat();
        let long = [&[0x82, 126, 1, 0][..], &[0x89; 256]].concat();
        let longest = [&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[0x88; 65536]].concat();
        check(&[], Ok(&[]));
        check(&[&text[..], &[0x89, 0]].concat(), Ok(&[b""]));
        check(&[&long[..], &[0x89, 2, 1, 2], &longest, &[0x89, 1, 7]].concat(), Ok(&[&[1, 2], &[7]]));
        check(&[&text[..], &[0x88, 0]].concat(), Err("it closed the WebSocket"));
        check(&[0x81, 0x85, 0, 0, 0, 0], Err("it masks what it sends, which no server does"));
        check(&[0x89, 126, 0, 200], Err("its frames make no sense"));
    }

    #[test]
    fn what_is_sent_is_masked_and_short() {
        let sent = frame(BINARY, &[1, 0, 0xff], [0xf0, 0x0f, 1, 2]).expect("a short message");
        assert_eq!(sent, [0x82, 0x83, 0xf0, 0x0f, 1, 2, 0xf1, 0x0f, 0xfe]);
        assert!(frame(BINARY, &[0; 126], [0; 4]).is_err());
    }
}
