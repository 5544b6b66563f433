//! A session with an SSH server (RFC 4252 to 4254).

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse, Msg};
use russh::keys::ssh_key::Fingerprint;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh::{Channel, ChannelStream, Disconnect, MethodKind, Preferred, cipher, kex, mac};
use secrecy::ExposeSecret;
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};

use super::Target;
use crate::path::joined;
use crate::{CertificateProblem, Error, Login, Pins, Stream};

/// How often a server that says nothing is asked whether it is still there; the third time is the last.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Rounds of questions that a server may ask before it lets somebody in: a password, and notices without a question.
const MOST_ROUNDS: usize = 5;

/// A session that is logged in.
pub(crate) struct Session(Handle<KnownHost>);

/// By what a server is known.
pub enum HostKey {
    /// The fingerprint of its host key, as OpenSSH writes it.
    Given(String),
    /// The host key that it showed first, as kept for the name of a device.
    First {
        /// The name of the device.
        device: String,
        /// Where host keys are kept, as certificates are.
        pins: Arc<dyn Pins>,
    },
}

impl HostKey {
    /// Why a server that shows `shown` is not the one that was meant, if it is not.
    async fn refuse(&self, address: &str, shown: Option<Fingerprint>) -> Option<Error> {
        let refused = |problem| Some(Error::Certificate { address: address.to_owned(), problem });
        // A certificate is not the key that was given.
        let text = shown.map_or_else(|| "a certificate".to_owned(), |shown| shown.to_string());
        let (device, pins) = match self {
            Self::Given(expected) if *expected == text => return None,
            Self::Given(expected) => {
                let expected = expected.clone();
                return refused(CertificateProblem::HostKey { shown: text, expected });
            }
            Self::First { device, pins } => (device, pins),
        };
        let Some(Fingerprint::Sha256(digest)) = shown else {
            return refused(CertificateProblem::NotTrusted(format!(
                "it shows {text} in place of a host key"
            )));
        };
        match pins.pin(device, digest).await {
            Ok(pinned) if pinned == digest => None,
            Ok(pinned) => {
                let pinned = Fingerprint::Sha256(pinned).to_string();
                refused(CertificateProblem::HostKeyChanged { shown: text, pinned })
            }
            Err(error) => Some(error),
        }
    }
}

/// Accepts the one host key that is known, or the first.
struct KnownHost {
    key: HostKey,
    address: String,
    /// Why the key that was shown is not accepted.
    refusal: Arc<Mutex<Option<Error>>>,
}

impl client::Handler for KnownHost {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let shown = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => Some(key.fingerprint(HashAlg::Sha256)),
            PublicKeyOrCertificate::Certificate(_) => None,
        };
        let refusal = self.key.refuse(&self.address, shown).await;
        let is_known = refusal.is_none();
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
        Ok(is_known)
    }
}

/// What controllers of ten years ago know, behind everything that is better.
fn with_old_algorithms() -> Preferred {
    let better = Preferred::DEFAULT;
    Preferred {
        kex: [&better.kex[..], &[kex::DH_G14_SHA1, kex::DH_G1_SHA1]].concat().into(),
        cipher: [&better.cipher[..], &[cipher::AES_256_CBC, cipher::AES_128_CBC]].concat().into(),
        mac: [&better.mac[..], &[mac::HMAC_SHA1]].concat().into(),
        ..better
    }
}

impl Session {
    /// Logs in over a connection to `address`, with a password or, where the password is one, a private key.
    pub(crate) async fn open(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: &str,
        login: &Login,
        host_key: HostKey,
    ) -> Result<Self, Error> {
        let config = client::Config { keepalive_interval: Some(KEEP_ALIVE), ..client::Config::default() };
        Self::open_with(config, stream, address, login, host_key).await
    }

    /// Logs in as [`open`](Self::open) does, at a controller that may know nothing but old algorithms.
    pub(crate) async fn open_at_controller(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: &str,
        login: &Login,
        host_key: HostKey,
    ) -> Result<Self, Error> {
        let config = client::Config {
            keepalive_interval: Some(KEEP_ALIVE),
            preferred: with_old_algorithms(),
            ..client::Config::default()
        };
        Self::open_with(config, stream, address, login, host_key).await
    }

    async fn open_with(
        config: client::Config,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: &str,
        login: &Login,
        host_key: HostKey,
    ) -> Result<Self, Error> {
        let refusal = Arc::new(Mutex::new(None));
        let known = KnownHost { key: host_key, address: address.to_owned(), refusal: Arc::clone(&refusal) };
        let begun = client::connect_stream(Arc::new(config), stream, known).await;
        let mut session = begun.map_err(|error| {
            let refusal = refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
            refusal.unwrap_or_else(|| unreachable(address, &error))
        })?;
        let logged_in = log_in(&mut session, login).await?;
        match logged_in.map_err(|error| unreachable(address, &error))? {
            AuthResult::Success => Ok(Self(session)),
            AuthResult::Failure { .. } => {
                Err(Error::LoginRefused { username: login.username.clone(), reason: None })
            }
        }
    }

    /// A connection from the server to `target`, which keeps the session.
    pub(super) async fn tunnel(self, target: Target<'_>) -> Result<Stream, Error> {
        let (opened, address) = match target {
            // RFC 4254 section 7.2. The server is not told who asks: it has no use for it.
            Target::Tcp { address, port } => {
                let opened = self.0.channel_open_direct_tcpip(address, port.into(), "127.0.0.1", 0).await;
                (opened, joined(address, port))
            }
            // An extension of OpenSSH's.
            Target::Socket(path) => (self.0.channel_open_direct_streamlocal(path).await, path.to_owned()),
        };
        let channel = opened.map_err(|error| Error::Unreachable {
            address,
            reason: format!("the jump host did not connect: {error}"),
        })?;
        Ok(Box::new(Tunnel { stream: channel.into_stream(), _session: self }))
    }

    /// A channel for one command, or a shell.
    pub(crate) async fn channel(&self) -> Result<Channel<Msg>, russh::Error> {
        self.0.channel_open_session().await
    }

    /// Says good-bye: controllers have few sessions.
    pub(crate) async fn close(self) {
        // An error means that it is closed already.
        let _ = self.0.disconnect(Disconnect::ByApplication, "", "").await;
    }
}

async fn log_in(
    session: &mut Handle<KnownHost>,
    login: &Login,
) -> Result<Result<AuthResult, russh::Error>, Error> {
    let secret = login.password.expose_secret();
    if !secret.trim_start().starts_with("-----BEGIN ") {
        return Ok(log_in_by_password(session, &login.username, secret).await);
    }
    // What is wrong with it must not be quoted.
    let key = decode_secret_key(secret, None).map_err(|_| Error::Misconfigured {
        reason: format!(
            "the private key of {} cannot be read; it must be without a passphrase",
            login.username
        ),
    })?;
    let hash = match session.best_supported_rsa_hash().await {
        Ok(hash) => hash.flatten(),
        Err(error) => return Ok(Err(error)),
    };
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    Ok(session.authenticate_publickey(login.username.clone(), key).await)
}

/// Many servers take passwords only as the answer to a question (RFC 4256).
async fn log_in_by_password(
    session: &mut Handle<KnownHost>,
    username: &str,
    password: &str,
) -> Result<AuthResult, russh::Error> {
    use KeyboardInteractiveAuthResponse::{Failure, InfoRequest, Success};
    let refused = session.authenticate_password(username, password).await?;
    let AuthResult::Failure { remaining_methods, .. } = &refused else { return Ok(refused) };
    // One that takes passwords as such has refused this one.
    if remaining_methods.contains(&MethodKind::Password)
        || !remaining_methods.contains(&MethodKind::KeyboardInteractive)
    {
        return Ok(refused);
    }
    let mut said = session.authenticate_keyboard_interactive_start(username, None).await?;
    for _ in 0..MOST_ROUNDS {
        let answers = match said {
            Success => return Ok(AuthResult::Success),
            Failure { remaining_methods, partial_success } => {
                return Ok(AuthResult::Failure { remaining_methods, partial_success });
            }
            // A second question is one to which a password is no answer.
            InfoRequest { prompts, .. } if prompts.len() > 1 => return Ok(refused),
            InfoRequest { prompts, .. } => vec![password.to_owned(); prompts.len()],
        };
        said = session.authenticate_keyboard_interactive_respond(answers).await?;
    }
    Ok(refused)
}

fn unreachable(address: &str, error: &russh::Error) -> Error {
    Error::Unreachable { address: address.to_owned(), reason: error.to_string() }
}

/// A connection through a session, which lives as long.
struct Tunnel {
    stream: ChannelStream<Msg>,
    _session: Session,
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
