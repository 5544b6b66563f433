//! The controller, for simulated hosts and tests.

mod session;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::{BANNER, CREDENTIAL_BYTES, OPAQUE, SECURITY};
use crate::error::{Phase, ServerError};
use crate::inbox::Inbox;
use crate::output::Output;
use crate::picture::Picture;
use session::Session;

/// Events held for the caller. Messages behind them wait undecoded, so that a viewer cannot fill memory with keys.
const MAX_EVENTS: usize = 256;

/// How a controller codes its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// ASPEED's coding (0x57), of X10 boards and later.
    Ast2100,
    /// Pixels of 15 bits (0x59), of older boards.
    Hermon,
}

/// What a [`Server`] is told about itself.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The name or token that lets in.
    pub user: SecretString,
    /// The password that lets in.
    pub password: SecretString,
    /// The console's name.
    pub name: String,
    /// The twelve bytes to greet with.
    pub banner: [u8; BANNER],
    /// How pictures are coded.
    pub kind: PictureKind,
    /// How long the viewer may take from the connection to [`ServerEvent::Connected`].
    pub handshake_timeout: Duration,
}

impl ServerConfig {
    /// As HTML5 firmware of AST2400 and later: `RFB 055.008`, ASPEED's coding, 15 seconds.
    #[must_use]
    pub fn new(user: SecretString, password: SecretString) -> Self {
        Self {
            user,
            password,
            name: "ATEN iKVM Server".into(),
            banner: *b"RFB 055.008\n",
            kind: PictureKind::Ast2100,
            handshake_timeout: Duration::from_secs(15),
        }
    }
}

/// What a [`Server`] tells its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// The viewer is in.
    Connected,
    /// A key, by its number on the HID keyboard page, went down or up.
    Key {
        /// Which key.
        usage: u8,
        /// Down or up.
        down: bool,
    },
    /// The connection is over: close it once all is sent. Nothing follows.
    Failed(ServerError),
}

/// The controller's machine for one connection; it is driven as [`Client`](super::Client) is.
///
/// A picture is sent only when the viewer asked for one and all earlier output was fetched. Memory is bounded by three
/// pictures (shown, sent, encoded) and the bytes of one call of `receive`.
pub struct Server {
    config: ServerConfig,
    inbox: Inbox,
    outgoing: Vec<u8>,
    events: VecDeque<ServerEvent>,
    state: State,
    deadline: Option<Instant>,
    picture: Option<Picture>,
}

enum State {
    Banner,
    SecurityType,
    Credentials,
    ClientInit,
    Session(Box<Session>),
    Over,
}

impl Server {
    /// A machine for a connection that a viewer opened at `now`, to see `picture`; `None` for a screen that is off.
    #[must_use]
    pub fn new(now: Instant, config: ServerConfig, picture: Option<Picture>) -> Self {
        Self {
            inbox: Inbox::default(),
            outgoing: config.banner.to_vec(),
            events: VecDeque::new(),
            state: State::Banner,
            deadline: now.checked_add(config.handshake_timeout),
            picture,
            config,
        }
    }

    /// Takes bytes of the viewer, in pieces of any size.
    pub fn receive(&mut self, _now: Instant, bytes: &[u8]) {
        if !matches!(self.state, State::Over) {
            self.inbox.push(bytes);
            self.advance();
        }
    }

    /// Lets time pass: a viewer that did not complete the handshake by its deadline is given up. Extra calls are
    /// harmless.
    pub fn wake(&mut self, now: Instant) {
        if self.next_wake().is_some_and(|deadline| deadline <= now) {
            let waiting_for = match self.state {
                State::Banner => Phase::Version,
                State::SecurityType => Phase::Security,
                State::Credentials => Phase::Authentication,
                State::ClientInit | State::Session(_) | State::Over => Phase::Initialisation,
            };
            self.fail(ServerError::Timeout { waiting_for });
        }
    }

    /// When [`wake`](Self::wake) is to be called next; ask again after every other call.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        match self.state {
            State::Session(_) | State::Over => None,
            _ => self.deadline,
        }
    }

    /// The next thing to send or to know. Ask also after [`set_picture`](Self::set_picture), and again once bytes that
    /// were handed out are sent.
    pub fn next_output(&mut self) -> Option<Output<ServerEvent>> {
        if self.outgoing.is_empty()
            && let State::Session(session) = &mut self.state
        {
            session.write_due(self.picture.as_ref(), self.config.kind, &mut self.outgoing);
        }
        if !self.outgoing.is_empty() {
            return Some(Output::Send(core::mem::take(&mut self.outgoing)));
        }
        let event = self.events.pop_front()?;
        self.advance();
        Some(Output::Event(event))
    }

    /// Shows another picture; `None` for a screen that is off.
    pub fn set_picture(&mut self, picture: Option<Picture>) {
        self.picture = picture;
    }

    fn fail(&mut self, error: ServerError) {
        self.events.push_back(ServerEvent::Failed(error));
        self.inbox = Inbox::default();
        self.state = State::Over;
    }

    fn advance(&mut self) {
        loop {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.fail(error),
            }
        }
    }

    /// Takes the next unit; says whether it was all there.
    fn step(&mut self) -> Result<bool, ServerError> {
        self.state = match &mut self.state {
            State::Over => return Ok(false),
            State::Session(session) => {
                return Ok(self.events.len() < MAX_EVENTS && session.take(&mut self.inbox, &mut self.events)?);
            }
            State::Banner => {
                let pending = self.inbox.pending();
                if !pending.iter().zip(&self.config.banner).all(|(found, expected)| found == expected) {
                    return Err(ServerError::NotAViewer);
                }
                let Some([..]) = self.inbox.take::<BANNER>() else { return Ok(false) };
                self.outgoing.extend_from_slice(&[1, SECURITY]);
                State::SecurityType
            }
            State::SecurityType => {
                let Some([chosen]) = self.inbox.take() else { return Ok(false) };
                if chosen != SECURITY {
                    return Err(ServerError::NotAViewer);
                }
                self.outgoing.extend_from_slice(&[0x70; OPAQUE]);
                State::Credentials
            }
            State::Credentials => {
                let Some(given) = self.inbox.take::<{ 2 * CREDENTIAL_BYTES }>() else { return Ok(false) };
                let is_known = is_known(&given, &self.config);
                self.outgoing.extend_from_slice(&u32::from(!is_known).to_be_bytes());
                if !is_known {
                    return Err(ServerError::AuthFailed);
                }
                State::ClientInit
            }
            State::ClientInit => {
                let Some([_shared]) = self.inbox.take() else { return Ok(false) };
                write_server_init(&self.config.name, &mut self.outgoing);
                self.events.push_back(ServerEvent::Connected);
                State::Session(Box::new(Session::new(&mut self.outgoing)))
            }
        };
        Ok(true)
    }
}

/// Compares all bytes whatever the first ones are, so that time tells nothing.
fn is_known(given: &[u8; 2 * CREDENTIAL_BYTES], config: &ServerConfig) -> bool {
    let (user, password) = given.split_at(CREDENTIAL_BYTES);
    let is_same = |given: &[u8], expected: &SecretString| {
        let expected = expected.expose_secret().as_bytes();
        let mut field = [0; CREDENTIAL_BYTES];
        for (to, from) in field.iter_mut().zip(expected) {
            *to = *from;
        }
        field.ct_eq(given) & subtle::Choice::from(u8::from(expected.len() <= CREDENTIAL_BYTES))
    };
    (is_same(user, &config.user) & is_same(password, &config.password)).into()
}

fn write_server_init(name: &str, out: &mut Vec<u8>) {
    // What a real controller was seen to name, whatever its screen shows.
    out.extend_from_slice(&[480_u16, 640].map(u16::to_be_bytes).concat());
    out.extend_from_slice(&[32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
    out.extend_from_slice(&(name.len() as u32).to_be_bytes());
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
}

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Server").field("picture", &self.picture).finish_non_exhaustive()
    }
}
