//! Connections through a SOCKS 5 proxy (RFC 1928, RFC 1929).

use std::net::IpAddr;

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

use super::{AsyncReadWrite, Hop, joined};
use crate::{Error, Login};

const VERSION: u8 = 5;

/// Nobody logs in (RFC 1928 section 3).
const NO_LOGIN: u8 = 0;

/// User name and password (RFC 1929).
const PASSWORD: u8 = 2;

/// No way to log in that was offered suits the proxy.
const NONE_SUITS: u8 = 0xff;

/// Asks the proxy at the other end of `stream` to connect to `address`. Names are looked up there.
pub(super) async fn connect(
    stream: &mut impl AsyncReadWrite,
    hop: &Hop,
    login: Option<&Login>,
    address: &str,
    port: u16,
) -> Result<(), Error> {
    let request = request(address, port)?;
    let spoken = async {
        let methods: &[u8] =
            if login.is_some() { &[VERSION, 2, NO_LOGIN, PASSWORD] } else { &[VERSION, 1, NO_LOGIN] };
        stream.write_all(methods).await?;
        match (answer(stream).await?, login) {
            (NO_LOGIN, _) => {}
            (PASSWORD, Some(login)) => log_in(stream, login).await?,
            (NONE_SUITS, None) => return Err(Problem::Said("it wants a login".to_owned())),
            (NONE_SUITS, Some(_)) => return Err(Problem::Said("it takes no password".to_owned())),
            (other, _) => return Err(Problem::Said(format!("it wants a login of the unknown kind {other}"))),
        }
        stream.write_all(&request).await?;
        let said = answer(stream).await?;
        // Reserved, and the address that it connects from.
        let mut kind = [0; 2];
        stream.read_exact(&mut kind).await?;
        let length = match kind[1] {
            1 => 4,
            3 => usize::from(stream.read_u8().await?),
            4 => 16,
            other => {
                return Err(Problem::Said(format!("it answers with an address of the unknown kind {other}")));
            }
        };
        let mut from = vec![0; length + 2];
        stream.read_exact(&mut from).await?;
        Ok(said)
    };
    match spoken.await {
        Ok(0) => Ok(()),
        Ok(reply) => Err(refusal(reply, hop, address, port)),
        Err(problem) => Err(Error::Hop { hop: hop.to_string(), reason: problem.to_string() }),
    }
}

/// What keeps the proxy from being used.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{0}")]
    Said(String),
    #[error("the connection ended: {0}")]
    Ended(#[from] std::io::Error),
}

/// The version, and the byte after it that says how it went.
async fn answer(stream: &mut impl AsyncReadWrite) -> Result<u8, Problem> {
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await?;
    match answer {
        [VERSION, said] => Ok(said),
        _ => Err(Problem::Said("what it answers is not SOCKS 5".to_owned())),
    }
}

async fn log_in(stream: &mut impl AsyncReadWrite, login: &Login) -> Result<(), Problem> {
    let mut message = Zeroizing::new(vec![1]);
    for text in [login.username.as_str(), login.password.expose_secret()] {
        let length = u8::try_from(text.len());
        let length = length.map_err(|_| {
            Problem::Said("user name and password can have 255 bytes each at most".to_owned())
        })?;
        message.push(length);
        message.extend_from_slice(text.as_bytes());
    }
    stream.write_all(&message).await?;
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await?;
    match answer {
        [_, 0] => Ok(()),
        _ => Err(Problem::Said(format!("it refused the login of {}", login.username))),
    }
}

/// The request to connect (RFC 1928 section 4).
fn request(address: &str, port: u16) -> Result<Vec<u8>, Error> {
    let mut request = vec![VERSION, 1, 0];
    match address.parse() {
        Ok(IpAddr::V4(ip)) => {
            request.push(1);
            request.extend_from_slice(&ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(4);
            request.extend_from_slice(&ip.octets());
        }
        Err(_) => {
            let length = u8::try_from(address.len()).map_err(|_| Error::Misconfigured {
                reason: "a host name can have 255 bytes at most".to_owned(),
            })?;
            request.extend_from_slice(&[3, length]);
            request.extend_from_slice(address.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    Ok(request)
}

/// What an unsuccessful reply means (RFC 1928 section 6).
fn refusal(reply: u8, hop: &Hop, address: &str, port: u16) -> Error {
    let beyond = match reply {
        3 => "the network cannot be reached",
        4 => "the host cannot be reached",
        5 => "the connection is refused",
        6 => "the time to live has run out",
        _ => {
            let reason = match reply {
                1 => "it failed".to_owned(),
                2 => format!("its rules do not allow {}", joined(address, port)),
                8 => "it does not take addresses of this kind".to_owned(),
                other => format!("it refused with the code {other}"),
            };
            return Error::Hop { hop: hop.to_string(), reason };
        }
    };
    Error::Unreachable { address: joined(address, port), reason: format!("{hop} says that {beyond}") }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    fn hop() -> Hop {
        Hop::Socks5 { address: "192.0.2.9".to_owned(), port: 1080, login: None }
    }

    /// What is sent to a proxy that says `answers` whatever it hears, and what comes of it.
    async fn spoken(answers: &[u8], login: Option<&Login>, address: &str) -> (Vec<u8>, Result<(), Error>) {
        let (mut ours, mut proxy) = duplex(1024);
        proxy.write_all(answers).await.unwrap();
        let done = connect(&mut ours, &hop(), login, address, 443).await;
        drop(ours);
        let mut heard = Vec::new();
        proxy.read_to_end(&mut heard).await.unwrap();
        (heard, done)
    }

    #[tokio::test]
    async fn proxies_are_asked_as_the_rfc_has_it() {
        let login = Login { username: "bob".to_owned(), password: "pw".into() };
        let taken = [5, 0, 5, 0, 0, 1, 127, 0, 0, 1, 4, 56];
        let (heard, done) = spoken(&taken, None, "10.0.7.12").await;
        assert_eq!(done, Ok(()));
        assert_eq!(heard, [&[5, 1, 0, 5, 1, 0, 1, 10, 0, 7, 12, 1, 187][..]].concat());
        let (heard, done) =
            spoken(&[5, 2, 1, 0, 5, 0, 0, 3, 1, b'x', 0, 0], Some(&login), "bmc.example").await;
        assert_eq!(done, Ok(()));
        let asked =
            [&[5, 2, 0, 2, 1, 3][..], b"bob", &[2], b"pw", &[5, 1, 0, 3, 11], b"bmc.example", &[1, 187]];
        assert_eq!(heard, asked.concat());
        let (heard, done) = spoken(&taken, Some(&login), "fd00::12").await;
        assert_eq!(done, Ok(()));
        assert_eq!(heard[4..8], [5, 1, 0, 4]);
        assert_eq!(heard.len(), 4 + 4 + 16 + 2);
    }

    #[tokio::test]
    async fn proxies_refuse_with_a_reason() {
        let login = Login { username: "bob".to_owned(), password: "sesame".into() };
        let check = async |answers: &[u8], login: Option<&Login>, code: &str, said: &str| {
            let error = spoken(answers, login, "10.0.7.12").await.1.unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains(said), "{error}");
            assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
        };
        check(&[5, 0xff], None, "connector.hop", "wants a login").await;
        check(&[5, 0xff], Some(&login), "connector.hop", "takes no password").await;
        check(&[5, 1], None, "connector.hop", "unknown kind 1").await;
        check(&[5, 2], None, "connector.hop", "unknown kind 2").await;
        check(&[5, 2, 1, 1], Some(&login), "connector.hop", "refused the login of bob").await;
        check(b"HTTP/1.1 400 Bad Request", None, "connector.hop", "not SOCKS 5").await;
        let refused = |reply| [5, 0, 5, reply, 0, 1, 0, 0, 0, 0, 0, 0];
        check(&refused(1), None, "connector.hop", "it failed").await;
        check(&refused(2), None, "connector.hop", "rules do not allow 10.0.7.12:443").await;
        check(&refused(4), None, "connector.unreachable", "SOCKS proxy 192.0.2.9:1080 says that the host")
            .await;
        check(&refused(5), None, "connector.unreachable", "the connection is refused").await;
        check(&[5, 0, 5, 0, 0, 9], None, "connector.hop", "unknown kind 9").await;
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_refused_before() {
        let login = Login { username: "b".repeat(256), password: "sesame".into() };
        let error = spoken(&[5, 2], Some(&login), "10.0.7.12").await.1.unwrap_err();
        assert!(error.to_string().contains("255 bytes"), "{error}");
        let error = spoken(&[], None, &"b".repeat(256)).await.1.unwrap_err();
        assert_eq!(error.code(), "connector.misconfigured");
    }
}
