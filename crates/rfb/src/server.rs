//! The server side: shows a screen to one viewer and hears its keys.

mod damage;
mod handshake;
mod session;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use thiserror::Error;

use crate::error::{Phase, ProtocolError};
use crate::framebuffer::Framebuffer;
use crate::inbox::Inbox;
use crate::output::Output;
use crate::security::vencrypt::VencryptSubtype;
use crate::security::{SecurityType, vnc_authentication};
use crate::version::ProtocolVersion;
use handshake::Handshake;
use session::Session;

/// Events held for the caller. Messages behind them wait undecoded, so that a viewer cannot fill memory with keys.
const MAX_EVENTS: usize = 256;

/// What a [`Server`] is told about itself.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The password to ask for by VNC Authentication, of which only the first eight bytes count; `None` lets anyone in.
    pub password: Option<SecretString>,
    /// The name to ask for together with the password, all of which counts then, by the Plain types of VeNCrypt.
    /// Without [`tls`](Self::tls) both travel as they are. Of no effect without a password.
    pub user: Option<String>,
    /// Whether to let in over TLS only, by the X509 types of VeNCrypt: the caller starts it at
    /// [`ServerEvent::StartTls`].
    pub tls: bool,
    /// The desktop's name.
    pub name: String,
    /// The highest version to announce.
    pub highest_version: ProtocolVersion,
    /// How long the viewer may take from the connection to [`ServerEvent::Connected`].
    pub handshake_timeout: Duration,
}

impl Default for ServerConfig {
    /// No password, no user, no TLS, no name, version 3.8, 15 seconds.
    fn default() -> Self {
        Self {
            password: None,
            user: None,
            tls: false,
            name: String::new(),
            highest_version: ProtocolVersion::V3_8,
            handshake_timeout: Duration::from_secs(15),
        }
    }
}

/// What a [`Server`] tells its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// Once all output is sent, the connection is to be encrypted by TLS, in which the caller is the server and shows a
    /// certificate. Then call [`Server::tls_started`].
    StartTls,
    /// The viewer is in.
    Connected {
        /// Whether it lets other viewers stay connected.
        shared: bool,
    },
    /// A key with an X11 keysym went down or up (RFC 6143 section 7.5.4).
    Key {
        /// Which key.
        keysym: u32,
        /// Down or up.
        down: bool,
    },
    /// The pointer moved or its buttons changed (section 7.5.5).
    Pointer {
        /// A bit for each button that is down, the left one lowest.
        buttons: u8,
        /// Column.
        x: u16,
        /// Row.
        y: u16,
    },
    /// The viewer's clipboard has new text; what is beyond 64 KiB is cut.
    CutText(String),
    /// The connection is over: close it once all is sent. Nothing follows.
    Failed(ServerError),
}

/// Why a [`Server`] gave up its connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ServerError {
    /// The viewer does not know the password.
    #[error("the viewer gave a wrong password")]
    AuthFailed,
    /// What connected does not speak RFB.
    #[error("what connected is not an RFB viewer; it begins with \"{}\"", .start.escape_ascii())]
    NotRfb {
        /// The first bytes received, up to twelve.
        start: Vec<u8>,
    },
    /// The viewer broke the protocol.
    #[error("the viewer broke the protocol")]
    Protocol(#[from] ProtocolError),
    /// The viewer chose a security type that was not offered.
    #[error("the viewer chose security {chosen}, which was not offered")]
    SecurityNotOffered {
        /// Its choice.
        chosen: SecurityType,
    },
    /// The viewer did not complete the handshake in time.
    #[error("the viewer did not complete {waiting_for} in time")]
    Timeout {
        /// What was waited for.
        waiting_for: Phase,
    },
    /// The viewer chose a way of VeNCrypt that was not offered.
    #[error("the viewer chose {chosen} of VeNCrypt, which was not offered")]
    SubtypeNotOffered {
        /// Its choice.
        chosen: VencryptSubtype,
    },
    /// The viewer speaks a version of the protocol from before 3.3.
    #[error("the viewer speaks RFB {major}.{minor}, older than 3.3")]
    UnsupportedVersion {
        /// The major version it named.
        major: u16,
        /// The minor version it named.
        minor: u16,
    },
}

/// The server's machine for one connection.
///
/// It is driven as [`crate::Client`] is. An update is made only when the viewer asked for one and all earlier output
/// was fetched, and it has the newest picture: a slow viewer skips pictures, and output never piles up. Memory is
/// bounded by two pictures ([`Framebuffer::MAX_PIXELS`]: the one shown and one encoded), some 400 KiB for compression
/// and the bytes of one call of `receive`.
///
/// A viewer that cannot follow a change of size sees the part of the picture that its first size holds.
pub struct Server {
    inbox: Inbox,
    outgoing: Vec<u8>,
    events: VecDeque<ServerEvent>,
    state: State,
    /// When the handshake must be over.
    deadline: Option<Instant>,
}

enum State {
    Handshake(Box<Handshake>),
    Session(Box<Session>),
    Over,
}

impl Server {
    /// A machine for a connection that a viewer opened at `now`, to see `picture`. `challenge` is sixteen bytes that
    /// nobody can foresee and that are used for this connection only: knowing them beforehand, a replayed response
    /// would open the door.
    #[must_use]
    pub fn new(
        now: Instant,
        config: ServerConfig,
        picture: Framebuffer,
        challenge: [u8; vnc_authentication::CHALLENGE_LENGTH],
    ) -> Self {
        let deadline = now.checked_add(config.handshake_timeout);
        let mut outgoing = Vec::new();
        let handshake = Handshake::new(config, picture, challenge, &mut outgoing);
        Self {
            inbox: Inbox::default(),
            outgoing,
            events: VecDeque::new(),
            state: State::Handshake(Box::new(handshake)),
            deadline,
        }
    }

    /// Takes bytes of the viewer, in pieces of any size.
    pub fn receive(&mut self, _now: Instant, bytes: &[u8]) {
        if !matches!(self.state, State::Over) {
            self.inbox.push(bytes);
            self.advance();
        }
    }

    /// Says that the connection is encrypted, as [`ServerEvent::StartTls`] asked for; what is received from now on is
    /// what came within TLS. Without effect at any other time.
    pub fn tls_started(&mut self) {
        if let State::Handshake(handshake) = &mut self.state {
            handshake.tls_started(&mut self.outgoing);
            self.advance();
        }
    }

    /// Lets time pass: a viewer that did not complete the handshake by its deadline is given up. Extra calls are
    /// harmless.
    pub fn wake(&mut self, now: Instant) {
        if let State::Handshake(handshake) = &self.state
            && self.deadline.is_some_and(|deadline| deadline <= now)
        {
            let waiting_for = handshake.phase();
            self.fail(ServerError::Timeout { waiting_for });
        }
    }

    /// When [`wake`](Self::wake) is to be called next; ask again after every other call.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        match self.state {
            State::Handshake(_) => self.deadline,
            State::Session(_) | State::Over => None,
        }
    }

    /// The next thing to send or to know. Ask also after [`set_framebuffer`](Self::set_framebuffer), and again once
    /// bytes that were handed out are sent.
    pub fn next_output(&mut self) -> Option<Output<ServerEvent>> {
        if self.outgoing.is_empty()
            && let State::Session(session) = &mut self.state
        {
            session.write_due(&mut self.outgoing);
        }
        if !self.outgoing.is_empty() {
            return Some(Output::Send(core::mem::take(&mut self.outgoing)));
        }
        let event = self.events.pop_front()?;
        self.advance();
        Some(Output::Event(event))
    }

    /// Shows another picture. Only what differs is sent, when the viewer asks.
    pub fn set_framebuffer(&mut self, picture: &Framebuffer) {
        match &mut self.state {
            State::Handshake(handshake) => handshake.set_picture(picture),
            State::Session(session) => session.set_picture(picture),
            State::Over => {}
        }
    }

    /// What the viewer sees, or will see once it asks; `None` after [`ServerEvent::Failed`].
    #[must_use]
    pub fn framebuffer(&self) -> Option<&Framebuffer> {
        match &self.state {
            State::Handshake(handshake) => Some(handshake.picture()),
            State::Session(session) => Some(session.picture()),
            State::Over => None,
        }
    }

    fn fail(&mut self, error: ServerError) {
        // There is nothing left to encrypt.
        self.events.retain(|event| *event != ServerEvent::StartTls);
        self.events.push_back(ServerEvent::Failed(error));
        self.inbox = Inbox::default();
        self.state = State::Over;
    }

    fn advance(&mut self) {
        if let Err(error) = self.try_advance() {
            self.fail(error);
        }
    }

    fn try_advance(&mut self) -> Result<(), ServerError> {
        if let State::Handshake(handshake) = &mut self.state {
            let awaited = handshake.awaits_tls();
            let start = handshake.advance(&mut self.inbox, &mut self.outgoing)?;
            if !awaited && handshake.awaits_tls() {
                self.events.push_back(ServerEvent::StartTls);
            }
            let Some(start) = start else { return Ok(()) };
            self.events.push_back(ServerEvent::Connected { shared: start.shared });
            self.state = State::Session(Box::new(Session::new(start.picture)));
        }
        if let State::Session(session) = &mut self.state {
            while self.events.len() < MAX_EVENTS && session.take(&mut self.inbox, &mut self.events)? {}
        }
        Ok(())
    }
}

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Server").field("picture", &self.framebuffer()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
