//! A session with an SSH server (RFC 4252 to 4254).

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse, Msg};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh::{Channel, ChannelStream, MethodKind};
use secrecy::ExposeSecret;
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};

use super::Target;
use crate::path::joined;
use crate::{CertificateProblem, Error, Login, Stream};

/// How often a server that says nothing is asked whether it is still there; the third time is the last.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Rounds of questions that a server may ask before it lets somebody in: a password, and notices without a question.
const MOST_ROUNDS: usize = 5;

/// A session that is logged in.
pub(super) struct Session(Handle<KnownHost>);

/// Accepts the one host key that was given.
struct KnownHost {
    expected: String,
    /// The fingerprint of the key that was shown instead.
    shown: Arc<Mutex<Option<String>>>,
}

impl client::Handler for KnownHost {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let shown = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.fingerprint(HashAlg::Sha256).to_string(),
            // A certificate is not the key that was given.
            PublicKeyOrCertificate::Certificate(_) => "a certificate".to_owned(),
        };
        let is_known = shown == self.expected;
        if !is_known {
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        }
        Ok(is_known)
    }
}

impl Session {
    /// Logs in over a connection to `address`, with a password or, where the password is one, a private key.
    pub(super) async fn open(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: &str,
        login: &Login,
        host_key: &str,
    ) -> Result<Self, Error> {
        let shown = Arc::new(Mutex::new(None));
        let known = KnownHost { expected: host_key.to_owned(), shown: Arc::clone(&shown) };
        let config = client::Config { keepalive_interval: Some(KEEP_ALIVE), ..client::Config::default() };
        let begun = client::connect_stream(Arc::new(config), stream, known).await;
        let mut session =
            begun.map_err(|error| match shown.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(shown) => {
                    let problem = CertificateProblem::HostKey { shown, expected: host_key.to_owned() };
                    Error::Certificate { address: address.to_owned(), problem }
                }
                None => unreachable(address, &error),
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

    /// A channel for one command.
    pub(super) async fn channel(&self) -> Result<Channel<Msg>, russh::Error> {
        self.0.channel_open_session().await
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
