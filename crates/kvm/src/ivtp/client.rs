//! The viewer.

mod session;

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::packet::{self, HEAD, Head, command};
use super::{field, keyboard::Keys};
use crate::ast2100::MAX_FRAME_BYTES;
use crate::error::{self, Error, Phase, ProtocolError};
use crate::inbox::Inbox;
use crate::output::Output;
use crate::picture::Picture;
use session::Session;

/// The longest packet that is looked at. Parts of pictures have some 30 KB.
const MAX_PACKET: usize = 2 * 1024 * 1024;

/// What the packet that shows the token holds; it has to be as long as the controller expects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValidateBody {
    /// 324 bytes, reported of an AST2400.
    WithoutMac,
    /// 373 bytes, seen on ASRock Rack.
    #[default]
    Usual,
    /// 438 bytes, seen on Gigabyte.
    WithServer,
}

impl ValidateBody {
    /// All of them, the most frequent first.
    pub const ALL: [Self; 3] = [Self::Usual, Self::WithServer, Self::WithoutMac];

    /// The fields behind the token, one text each.
    fn rest(self, config: &ClientConfig) -> Vec<(&str, usize)> {
        let mut rest = vec![(config.client_address.as_str(), field::ADDRESS), (USER, field::USER)];
        if self != Self::WithoutMac {
            rest.push((NO_MAC, field::MAC));
        }
        if self == Self::WithServer {
            rest.push((&config.server_address, field::ADDRESS));
        }
        rest
    }
}

/// What the controllers' own viewers send where they know no better.
const USER: &str = "domain/username";
const NO_MAC: &str = "00-00-00-00-00-00";

/// What a [`Client`] connects with.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The token that the controller gave out for one console.
    pub token: SecretString,
    /// The session of the web pages, where the controller told it.
    pub web_session: Option<SecretString>,
    /// Our address, as the controller told it together with the token.
    pub client_address: String,
    /// The controller's address.
    pub server_address: String,
    /// How the token is shown.
    pub body: ValidateBody,
    /// How long the controller may take from the connection to [`Event::Connected`].
    pub handshake_timeout: Duration,
    /// How long the controller may take to answer a request for the whole screen, and to complete a picture that it
    /// began.
    pub update_timeout: Duration,
}

impl ClientConfig {
    /// With the usual body, 15 and 30 seconds.
    #[must_use]
    pub fn new(token: SecretString, client_address: String, server_address: String) -> Self {
        Self {
            token,
            web_session: None,
            client_address,
            server_address,
            body: ValidateBody::default(),
            handshake_timeout: Duration::from_secs(15),
            update_timeout: Duration::from_secs(30),
        }
    }
}

/// What a [`Client`] tells its caller. Events of one kind that nobody fetched are told once, with the latest content, so
/// that a controller cannot fill memory with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The controller let us in. The whole screen is asked for already, and changes are told without asking.
    Connected {
        /// Whether our keys are heard.
        is_master: bool,
    },
    /// Whether our keys are heard changed, or the answer to [`Client::request_master`] is no.
    Master {
        /// Whether our keys are heard.
        is_master: bool,
    },
    /// Another viewer asks to be master in our place. Without an answer it becomes that after a while.
    MasterWanted,
    /// There is a new picture.
    Updated,
    /// The host shows no picture.
    ScreenOff,
    /// The connection is over: close it. Nothing follows.
    Failed(Error),
}

/// The viewer's machine for one connection; it is driven as [`aten::Client`](crate::aten::Client) is.
///
/// Memory is bounded by the picture ([`Picture::MAX_PIXELS`], seven bytes each), one frame of it
/// ([`MAX_FRAME_BYTES`]), a packet of 2 MiB and the bytes of one call of `receive`.
pub struct Client {
    config: ClientConfig,
    inbox: Inbox,
    outgoing: Vec<u8>,
    notices: Notices,
    state: State,
    /// Bytes of a packet that nobody looks at.
    passing: usize,
    handshake_deadline: Option<Instant>,
}

enum State {
    /// Until the controller lets us speak.
    Waiting,
    /// Until it says what it thinks of the token.
    Validating,
    Session(Box<Session>),
    Over,
}

/// Events not yet fetched: one of each kind at most.
#[derive(Default)]
struct Notices {
    connected: Option<Event>,
    master: Option<bool>,
    master_wanted: bool,
    updated: bool,
    screen_off: bool,
    failed: Option<Error>,
}

impl Client {
    /// A machine for a connection that was opened at `now`.
    #[must_use]
    pub fn new(now: Instant, config: ClientConfig) -> Self {
        let mut client = Self {
            inbox: Inbox::default(),
            outgoing: Vec::new(),
            notices: Notices::default(),
            state: State::Waiting,
            passing: 0,
            handshake_deadline: now.checked_add(config.handshake_timeout),
            config,
        };
        // One byte of each field stays zero, which ends the text.
        let limit = field::TOKEN - 1;
        if client.config.token.expose_secret().len() > limit {
            client.fail(Error::CredentialTooLong { what: "token", limit });
        }
        client
    }

    /// Takes bytes of the controller, in pieces of any size.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if matches!(self.state, State::Over) {
            return;
        }
        self.inbox.push(bytes);
        loop {
            match self.take_packet(now) {
                Ok(true) => {
                    if let State::Session(session) = &mut self.state
                        && self.passing == 0
                    {
                        session.took_packet();
                    }
                }
                Ok(false) => break,
                Err(error) => return self.fail(error),
            }
        }
        if let State::Session(session) = &mut self.state {
            session.waits(now, self.passing > 0 || !self.inbox.is_empty());
        }
    }

    /// Says that the controller closed its side of the connection.
    pub fn closed(&mut self) {
        if let Some(during) = self.phase() {
            self.fail(Error::Closed { during });
        }
    }

    /// Lets time pass: a deadline that is reached ends the connection, a question that is due is sent. Extra calls are
    /// harmless.
    pub fn wake(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline <= now)
            && let Some(waiting_for) = self.phase()
        {
            self.fail(Error::Timeout { waiting_for });
        } else if let State::Session(session) = &mut self.state {
            session.wake(now, &mut self.outgoing);
        }
    }

    /// When [`wake`](Self::wake) is to be called next; ask again after every other call.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        let due = match &self.state {
            State::Session(session) => session.next_due(),
            State::Waiting | State::Validating | State::Over => None,
        };
        self.deadline().into_iter().chain(due).min()
    }

    /// The next thing to send or to know.
    pub fn next_output(&mut self) -> Option<Output<Event>> {
        if !self.outgoing.is_empty() {
            return Some(Output::Send(core::mem::take(&mut self.outgoing)));
        }
        self.next_event().map(Output::Event)
    }

    /// What the screen shows; `None` before the first picture, while the screen is off, and after [`Event::Failed`].
    #[must_use]
    pub fn picture(&self) -> Option<&Picture> {
        match &self.state {
            State::Session(session) => session.picture(),
            State::Waiting | State::Validating | State::Over => None,
        }
    }

    /// Whether our keys are heard.
    #[must_use]
    pub fn is_master(&self) -> bool {
        matches!(&self.state, State::Session(session) if session.is_master())
    }

    /// Asks for the whole screen; changes are told without asking. Without effect before [`Event::Connected`].
    pub fn request_full_screen(&mut self, now: Instant) {
        if let State::Session(session) = &mut self.state {
            session.request_full_screen(now, &mut self.outgoing);
        }
    }

    /// Asks the master to let us be master. Without effect before [`Event::Connected`], and as master.
    pub fn request_master(&mut self) {
        if matches!(&self.state, State::Session(session) if !session.is_master()) {
            packet::write(command::NEXT_MASTER, 0, &[], &mut self.outgoing);
        }
    }

    /// A key, by its number on the HID keyboard page, goes down or up. Without effect unless we are master.
    pub fn key(&mut self, usage: u8, down: bool) {
        if let State::Session(session) = &mut self.state
            && session.is_master()
        {
            session.key(usage, down, &mut self.outgoing);
        }
    }

    /// Ends the session: send what [`next_output`](Self::next_output) has then, and close the connection. Nothing
    /// follows. Controllers free a session at once that is ended so, and late otherwise.
    pub fn stop(&mut self) {
        if let State::Session(session) = &mut self.state {
            session.release_keys(&mut self.outgoing);
        }
        if !matches!(self.state, State::Over) {
            packet::write(command::STOP, 0, &[], &mut self.outgoing);
        }
        self.notices = Notices::default();
        self.inbox = Inbox::default();
        self.state = State::Over;
    }

    /// When the connection fails unless something happens before.
    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting | State::Validating => self.handshake_deadline,
            State::Session(session) => session.deadline(),
            State::Over => None,
        }
    }

    fn phase(&self) -> Option<Phase> {
        match &self.state {
            State::Waiting => Some(Phase::Version),
            State::Validating => Some(Phase::Authentication),
            State::Session(session) => Some(session.phase()),
            State::Over => None,
        }
    }

    fn fail(&mut self, error: Error) {
        self.notices.failed = Some(error);
        self.inbox = Inbox::default();
        self.state = State::Over;
    }

    /// Takes the next packet; says whether it was all there.
    fn take_packet(&mut self, now: Instant) -> Result<bool, Error> {
        if self.passing > 0 {
            self.passing -= self.inbox.consume(self.passing);
            return Ok(self.passing == 0);
        }
        if matches!(self.state, State::Waiting) {
            self.check_first_bytes()?;
        }
        let Some(head) = self.inbox.peek().map(Head::read) else { return Ok(false) };
        let length = head.length as usize;
        let announced = u64::from(head.length);
        if !is_known(head.command) {
            if length > MAX_FRAME_BYTES {
                return Err(ProtocolError::Length { what: "packet", announced }.into());
            }
            self.passing = HEAD + length;
            return Ok(true);
        }
        if length > MAX_PACKET {
            return Err(ProtocolError::Length { what: "packet", announced }.into());
        }
        let Some(packet) = self.inbox.take_many(HEAD + length) else { return Ok(false) };
        self.handle(now, head, packet.get(HEAD..).unwrap_or_default())?;
        Ok(!matches!(self.state, State::Over))
    }

    /// The first packet is known, so that what does not speak the protocol is found out at once.
    fn check_first_bytes(&self) -> Result<(), Error> {
        /// More than any head has; a text of another protocol makes a length of a gigabyte and more.
        const SHOWN: usize = 12;
        let pending = self.inbox.pending();
        let [low, high] = [0, 1].map(|at| pending.get(at).copied());
        // No command that comes first has a number above 255.
        let is_foreign = high.is_some_and(|high| high != 0)
            || low.is_some_and(|low| !is_known(low.into()) && !low.is_ascii_control() && low > 0x40);
        if is_foreign {
            return Err(Error::NotThisConsole { start: pending.get(..SHOWN).unwrap_or(pending).to_vec() });
        }
        Ok(())
    }

    fn handle(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<(), Error> {
        match (&mut self.state, head.command) {
            (_, command::NO_SESSION) => {
                let reason = match head.status {
                    1 => "this user has a console open already",
                    _ => "all its console sessions are taken",
                };
                return Err(Error::Refused { reason: reason.into() });
            }
            (_, command::STOP) => {
                return Err(Error::Refused {
                    reason: format!("it ended the session (status {})", head.status),
                });
            }
            (_, command::FAILED) => {
                return Err(Error::Refused { reason: error::line(payload) });
            }
            (_, command::KEEP_ALIVE) => packet::write(command::KEEP_ALIVE, 0, &[], &mut self.outgoing),
            (State::Waiting, command::ALLOWED) => {
                self.show_token();
                self.state = State::Validating;
            }
            (State::Validating, command::VALIDATED) => {
                let is_master = validated(payload)?;
                self.notices.connected = Some(Event::Connected { is_master });
                let session = Session::new(now, is_master, &self.config, &mut self.outgoing);
                self.state = State::Session(Box::new(session));
            }
            (State::Session(session), _) => {
                session.handle(now, head, payload, &mut self.notices, &mut self.outgoing)?;
            }
            // What comes out of turn before that says nothing.
            (State::Waiting | State::Validating | State::Over, _) => {}
        }
        Ok(())
    }

    fn show_token(&mut self) {
        let mut body = Zeroizing::new(vec![0]);
        push_field(self.config.token.expose_secret(), field::TOKEN, &mut body);
        for (text, room) in self.config.body.rest(&self.config) {
            push_field(text, room, &mut body);
        }
        packet::write(command::COMPLETE, 1, &[], &mut self.outgoing);
        packet::write(command::VALIDATE, 1, &body, &mut self.outgoing);
        packet::write(command::RESUME, 0, &[], &mut self.outgoing);
    }

    fn next_event(&mut self) -> Option<Event> {
        let notices = &mut self.notices;
        if let Some(connected) = notices.connected.take() {
            return Some(connected);
        }
        if let Some(is_master) = notices.master.take() {
            return Some(Event::Master { is_master });
        }
        if core::mem::take(&mut notices.master_wanted) {
            return Some(Event::MasterWanted);
        }
        if core::mem::take(&mut notices.updated) {
            return Some(Event::Updated);
        }
        if core::mem::take(&mut notices.screen_off) {
            return Some(Event::ScreenOff);
        }
        notices.failed.take().map(Event::Failed)
    }
}

/// Whether packets of a command are looked at.
fn is_known(command: u16) -> bool {
    matches!(
        command,
        command::STOP
            | command::BLANK
            | command::VALIDATED
            | command::NO_SESSION
            | command::ALLOWED
            | command::VIDEO
            | command::SHARING
            | command::POWER
            | command::VIEWERS
            | command::KEEP_ALIVE
            | command::FAILED
    )
}

/// Whether we are master, from the answer to the token.
fn validated(payload: &[u8]) -> Result<bool, Error> {
    let reason = match payload.first() {
        // Some firmware says it by the packet alone.
        None | Some(1) => return Ok(payload.get(1).is_none_or(|before_us| *before_us == 0)),
        Some(0) => "the session is not valid",
        Some(2) => "the user may not use the console",
        Some(3) => "what was told of the session is not valid",
        Some(8) => "the session is not registered",
        Some(_) => "it gave a result that is not known",
    };
    Err(Error::AuthFailed { reason: reason.into() })
}

/// A text filled up with zeros; what is beyond its room is cut, one zero always ends it.
fn push_field(text: &str, room: usize, out: &mut Vec<u8>) {
    let end = out.len() + room;
    let text = text.as_bytes();
    out.extend_from_slice(text.get(..room - 1).unwrap_or(text));
    out.resize(end, 0);
}

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
