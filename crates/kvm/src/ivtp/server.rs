//! The controller, for simulated hosts and tests.

mod session;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::field;
use super::packet::{self, HEAD, Head, command, sharing};
use crate::ast2100::Settings;
use crate::error::{Phase, ProtocolError, ServerError};
use crate::inbox::Inbox;
use crate::output::Output;
use crate::picture::Picture;
use session::Session;

/// Events held for the caller. Packets behind them wait, so that a viewer cannot fill memory with keys.
const MAX_EVENTS: usize = 256;

/// The longest packet of a viewer.
const MAX_PACKET: usize = 4096;

/// What becomes of a viewer that shows the right token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Its keys are heard.
    Master,
    /// It sees the screen, and its keys go nowhere: another viewer was there before.
    Slave,
    /// It is turned away: all sessions are taken.
    Refused,
}

/// What a [`Server`] is told about itself.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The token that lets in.
    pub token: SecretString,
    /// What becomes of a viewer that shows it.
    pub admission: Admission,
    /// Bytes of the packet that shows the token; `None` takes all lengths that are known.
    pub body_length: Option<usize>,
    /// How finely pictures are sent; brightness and colour have one quality here, that of the brightness.
    pub settings: Settings,
    /// Whether pictures say that they are encrypted, as on controllers where that is switched on.
    pub says_encrypted: bool,
    /// Bytes of a picture in one packet.
    pub part_length: usize,
    /// How long the viewer may take from the connection to [`ServerEvent::Connected`].
    pub handshake_timeout: Duration,
}

impl ServerConfig {
    /// As controllers do: the first viewer is master, pictures in packets of 30 KB, 15 seconds; the best quality.
    #[must_use]
    pub fn new(token: SecretString) -> Self {
        Self {
            token,
            admission: Admission::Master,
            body_length: None,
            settings: Settings::BEST,
            says_encrypted: false,
            part_length: 30_000,
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
    /// The viewer asks to be master; see [`Server::answer_master`].
    MasterWanted,
    /// The connection is over: close it once all is sent. Nothing follows.
    Failed(ServerError),
}

/// The controller's machine for one connection; it is driven as [`Client`](super::Client) is.
///
/// A picture is sent when the viewer asked for the whole screen or something changed, and all earlier output was
/// fetched. Memory is bounded by three pictures (shown, sent, encoded) and the bytes of one call of `receive`.
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
    Validating,
    Session(Box<Session>),
    Over,
}

impl Server {
    /// A machine for a connection that a viewer opened at `now`, to see `picture`; `None` for a screen that is off.
    #[must_use]
    pub fn new(now: Instant, config: ServerConfig, picture: Option<Picture>) -> Self {
        let mut outgoing = Vec::new();
        packet::write(command::ALLOWED, 2, &[], &mut outgoing);
        Self {
            inbox: Inbox::default(),
            outgoing,
            events: VecDeque::new(),
            state: State::Validating,
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
            self.fail(ServerError::Timeout { waiting_for: Phase::Authentication });
        }
    }

    /// When [`wake`](Self::wake) is to be called next; ask again after every other call.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        match self.state {
            State::Validating => self.deadline,
            State::Session(_) | State::Over => None,
        }
    }

    /// The next thing to send or to know. Ask also after [`set_picture`](Self::set_picture), and again once bytes that
    /// were handed out are sent.
    pub fn next_output(&mut self) -> Option<Output<ServerEvent>> {
        if self.outgoing.is_empty()
            && let State::Session(session) = &mut self.state
        {
            session.write_due(self.picture.as_ref(), &self.config, &mut self.outgoing);
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

    /// Answers a viewer that asked to be master.
    pub fn answer_master(&mut self, is_granted: bool) {
        if let State::Session(session) = &mut self.state {
            session.is_master |= is_granted;
            let status = sharing::ANSWER | u16::from(!is_granted) << 8;
            packet::write(command::SHARING, status, &[], &mut self.outgoing);
        }
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

    /// Takes the next packet; says whether it was all there.
    fn step(&mut self) -> Result<bool, ServerError> {
        if matches!(self.state, State::Over) || self.events.len() >= MAX_EVENTS {
            return Ok(false);
        }
        let Some(head) = self.inbox.peek().map(Head::read) else { return Ok(false) };
        let length = head.length as usize;
        if length > MAX_PACKET {
            return Err(ProtocolError::Length { what: "packet", announced: head.length.into() }.into());
        }
        let Some(packet) = self.inbox.take_many(HEAD + length) else { return Ok(false) };
        let payload = packet.get(HEAD..).unwrap_or_default();
        match (&mut self.state, head.command) {
            (_, command::STOP) => return Err(ServerError::Stopped),
            (State::Validating, command::VALIDATE) => self.validate(payload)?,
            // Some viewers say so first, others do not.
            (State::Validating, command::COMPLETE) => {}
            (State::Validating, _) => return Err(ServerError::NotAViewer),
            (State::Session(session), _) => {
                session.handle(head, payload, &mut self.events, &mut self.outgoing)?
            }
            (State::Over, _) => {}
        }
        Ok(true)
    }

    fn validate(&mut self, body: &[u8]) -> Result<(), ServerError> {
        const LENGTHS: [usize; 3] = [324, 373, 438];
        let is_long_enough = match self.config.body_length {
            Some(length) => body.len() == length,
            None => LENGTHS.contains(&body.len()),
        };
        let expected = self.config.token.expose_secret().as_bytes();
        let mut field = [0; field::TOKEN];
        for (to, from) in field.iter_mut().zip(expected) {
            *to = *from;
        }
        // Compares all bytes whatever the first ones are, so that time tells nothing.
        let given = body.get(1..=field::TOKEN).unwrap_or_default();
        if !is_long_enough || !bool::from(field.ct_eq(given)) {
            packet::write(command::VALIDATED, 0, &[0], &mut self.outgoing);
            return Err(ServerError::AuthFailed);
        }
        if self.config.admission == Admission::Refused {
            packet::write(command::NO_SESSION, 0, &[], &mut self.outgoing);
            return Err(ServerError::AuthFailed);
        }
        let is_master = self.config.admission == Admission::Master;
        packet::write(command::VALIDATED, 1, &[1, u8::from(!is_master)], &mut self.outgoing);
        self.events.push_back(ServerEvent::Connected);
        self.state = State::Session(Box::new(Session::new(is_master, &mut self.outgoing)));
        Ok(())
    }
}

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Server").field("picture", &self.picture).finish_non_exhaustive()
    }
}
