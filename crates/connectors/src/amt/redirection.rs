//! Redirection: the screen or the serial line of the machine, on a port of its own beside that of WS-Management.
//!
//! A session begins with a login by digest (RFC 7616, without HTTP around it); what follows is the protocol of the service
//! that was asked for.

use std::time::Duration;

use getrandom::fill;
use md5::{Digest, Md5};
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::path::Stream;
use crate::{Error, Login};

/// How long it may take to get let in.
const PATIENCE: Duration = Duration::from_secs(15);

/// How far the port of redirection is above that of WS-Management.
pub(super) const PORT_OFFSET: u16 = 2;

/// What logins are for, as their proof names it.
const PURPOSE: &str = "/RedirectionService";

/// How often the nonce was used, as the engine expects it.
const COUNT: &str = "00000002";

/// Kinds of messages.
const START: u8 = 0x10;
const STARTED: u8 = 0x11;
const AUTHENTICATE: u8 = 0x13;
const AUTHENTICATED: u8 = 0x14;
const START_SCREEN: u8 = 0x40;
const SCREEN_STARTED: u8 = 0x41;
const START_SERIAL: u8 = 0x20;
const SERIAL_STARTED: u8 = 0x21;

/// What the engine is asked for of a serial line: it gathers up to 10000 bytes for 100 ms, gives us up when it heard
/// nothing for ten seconds, hands what it got on at once, and sends no heartbeats.
const SERIAL_SETTINGS: [u16; 6] = [10_000, 100, 0, 10_000, 100, 0];

/// Ways to log in.
const QUERY: u8 = 0;
const BY_DIGEST: u8 = 4;

/// The longest message of a login.
const LONGEST: u32 = 1024;

/// Gets let in to the screen and keyboard. What follows on the stream is a remote framebuffer that asks for nothing.
///
/// # Errors
///
/// [`Error::LoginRefused`]; [`Error::Busy`] where another session has the screen; [`Error::Refused`] where the engine has
/// no such service; [`Error::Malformed`] where what answers is no redirection.
pub(super) async fn begin_screen(stream: &mut Stream, login: &Login, address: &str) -> Result<(), Error> {
    let beginning = async {
        start(stream, SCREEN).await?;
        log_in(stream, login).await?;
        stream.write_all(&[START_SCREEN, 0, 0, 0, 0, 0, 0, 0]).await.map_err(broken)?;
        stream.flush().await.map_err(broken)?;
        let [kind, ..] = take::<8>(stream).await?;
        expect(kind, SCREEN_STARTED)
    };
    let silent = |_| Error::Silent { address: address.to_owned(), after: PATIENCE };
    timeout(PATIENCE, beginning).await.map_err(silent)?
}

/// Gets let in to the serial line. What follows on the stream are messages of it.
///
/// # Errors
///
/// As of [`begin_screen`].
pub(super) async fn begin_serial(stream: &mut Stream, login: &Login, address: &str) -> Result<(), Error> {
    let beginning = async {
        start(stream, SERIAL).await?;
        log_in(stream, login).await?;
        let mut message = vec![START_SERIAL, 0, 0, 0, 0, 0, 0, 0];
        message.extend(SERIAL_SETTINGS.iter().flat_map(|setting| setting.to_le_bytes()));
        message.extend([0; 4]);
        stream.write_all(&message).await.map_err(broken)?;
        stream.flush().await.map_err(broken)?;
        // What the engine made of the settings is behind the status.
        let [kind, status, ..] = take::<23>(stream).await?;
        expect(kind, SERIAL_STARTED)?;
        match status {
            0 => Ok(()),
            _ => Err(Error::Refused { reason: format!("its serial line is refused (status {status})") }),
        }
    };
    let silent = |_| Error::Silent { address: address.to_owned(), after: PATIENCE };
    timeout(PATIENCE, beginning).await.map_err(silent)?
}

/// A service that is redirected: how asking for it begins, its name, and what it is in words.
struct Service {
    version: u8,
    name: [u8; 4],
    words: &'static str,
}

const SCREEN: Service = Service { version: 1, name: *b"KVMR", words: "screen" };
const SERIAL: Service = Service { version: 0, name: *b"SOL ", words: "serial line" };

async fn start(stream: &mut Stream, service: Service) -> Result<(), Error> {
    let Service { version, name: [s, e, r, v], words } = service;
    stream.write_all(&[START, version, 0, 0, s, e, r, v]).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let [kind, status, _, _] = take::<4>(stream).await?;
    expect(kind, STARTED)?;
    match status {
        0 => {}
        2 => return Err(Error::Busy { reason: "another redirection session has it".to_owned() }),
        1 | 3 => return Err(Error::Refused { reason: format!("the engine does not redirect its {words}") }),
        _ => return Err(Error::Refused { reason: format!("redirection is refused (status {status})") }),
    }
    // Versions, and what the manufacturer adds behind its length.
    let [.., length] = take::<9>(stream).await?;
    let mut added = vec![0; usize::from(length)];
    stream.read_exact(&mut added).await.map_err(broken).map(drop)
}

async fn log_in(stream: &mut Stream, login: &Login) -> Result<(), Error> {
    let refused = || Error::LoginRefused { username: login.username.clone(), reason: None };
    let (_, _, ways) = ask(stream, QUERY, &[]).await?;
    if !ways.contains(&BY_DIGEST) {
        return Err(Error::Refused { reason: "redirection takes no login by digest".to_owned() });
    }
    let empty = fields(&[&login.username, "", "", PURPOSE, "", "", "", ""])?;
    let (status, way, challenge) = ask(stream, BY_DIGEST, &empty).await?;
    if (status, way) != (1, BY_DIGEST) {
        return Err(refused());
    }
    let mut rest = challenge.as_slice();
    let [realm, nonce, qop] = [field(&mut rest)?, field(&mut rest)?, field(&mut rest)?];
    let mut random = [0; 16];
    fill(&mut random)
        .map_err(|error| Error::Misconfigured { reason: format!("no random numbers: {error}") })?;
    let own = hex::encode(random);
    let proof = proof(login, &realm, &nonce, &qop, &own);
    let whole = fields(&[&login.username, &realm, &nonce, PURPOSE, &own, COUNT, &proof, &qop])?;
    match ask(stream, BY_DIGEST, &whole).await? {
        (0, ..) => Ok(()),
        _ => Err(refused()),
    }
}

/// The proof of the login (RFC 7616 section 3.4.1, with MD5).
fn proof(login: &Login, realm: &str, nonce: &str, qop: &str, own: &str) -> String {
    let hash = |text: &str| Zeroizing::new(hex::encode(Md5::digest(text)));
    let secret = Zeroizing::new(format!("{}:{realm}:{}", login.username, login.password.expose_secret()));
    let (who, what) = (hash(&secret), hash(&format!("POST:{PURPOSE}")));
    let all = Zeroizing::new(format!("{}:{nonce}:{COUNT}:{own}:{qop}:{}", *who, *what));
    hash(&all).to_string()
}

/// Sends a step of the login; the status, the way and the data of the answer.
async fn ask(stream: &mut Stream, way: u8, data: &[u8]) -> Result<(u8, u8, Vec<u8>), Error> {
    let length = u32::try_from(data.len()).map_err(|_| too_long())?;
    let message = [&[AUTHENTICATE, 0, 0, 0, way][..], &length.to_le_bytes(), data].concat();
    stream.write_all(&message).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let [kind, status, _, _, way, l0, l1, l2, l3] = take::<9>(stream).await?;
    expect(kind, AUTHENTICATED)?;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    if length > LONGEST {
        return Err(malformed());
    }
    let mut data = vec![0; length as usize];
    stream.read_exact(&mut data).await.map_err(broken)?;
    Ok((status, way, data))
}

/// Texts, each behind its length in one byte.
fn fields(texts: &[&str]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.push(u8::try_from(text.len()).map_err(|_| too_long())?);
        bytes.extend_from_slice(text.as_bytes());
    }
    Ok(bytes)
}

/// Takes a text off the front.
fn field(bytes: &mut &[u8]) -> Result<String, Error> {
    let (&length, rest) = bytes.split_first().ok_or_else(malformed)?;
    let (text, rest) = rest.split_at_checked(usize::from(length)).ok_or_else(malformed)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).map_err(|_| malformed())
}

async fn take<const N: usize>(stream: &mut Stream) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.map_err(broken)?;
    Ok(bytes)
}

fn expect(found: u8, wanted: u8) -> Result<(), Error> {
    if found == wanted { Ok(()) } else { Err(malformed()) }
}

fn malformed() -> Error {
    Error::Malformed { reason: "it does not speak Intel AMT's redirection".to_owned() }
}

fn too_long() -> Error {
    Error::Misconfigured { reason: "the login is longer than redirection can carry".to_owned() }
}

fn broken(error: std::io::Error) -> Error {
    Error::Refused { reason: format!("the redirection session ended: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_the_standard() {
        let login = Login { username: "admin".to_owned(), password: "P@ssw0rd".into() };
        // echo -n "$(echo -n admin:realm:P@ssw0rd | md5sum | cut -c-32):n0nce:00000002:0wn:auth:$(echo -n
        // POST:/RedirectionService | md5sum | cut -c-32)" | md5sum
        assert_eq!(proof(&login, "realm", "n0nce", "auth", "0wn"), "226d951dbbb85c17d62bd62724fe94f0");
    }

    #[test]
    fn texts_go_behind_their_lengths() {
        let written = fields(&["admin", "", "x"]).expect("short");
        assert_eq!(written, b"\x05admin\x00\x01x");
        let mut rest = &written[..];
        assert_eq!(field(&mut rest), Ok("admin".to_owned()));
        assert_eq!(field(&mut rest), Ok(String::new()));
        assert_eq!(field(&mut &b"\x02x"[..]), Err(malformed()));
        assert_eq!(field(&mut &b""[..]), Err(malformed()));
        assert!(fields(&[&"x".repeat(256)]).is_err());
    }
}
