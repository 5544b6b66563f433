//! The viewer.

mod handshake;
mod session;

use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::VideoQuality;
use crate::error::{Error, Phase};
use crate::inbox::Inbox;
use crate::output::Output;
use crate::picture::Picture;
use handshake::Handshake;
use session::Session;

/// What a [`Client`] connects with.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The name, or the token that the controller's pages gave out for this session.
    pub user: SecretString,
    /// The password; empty where the name is a token.
    pub password: SecretString,
    /// How finely pictures are to be sent; `None` leaves it as the controller has it.
    pub quality: Option<VideoQuality>,
    /// How long the controller may take from the connection to [`Event::Connected`].
    pub handshake_timeout: Duration,
    /// How long the controller may take to answer a request for the whole screen, and to complete a message that it
    /// began. A request for changes alone is not timed: a still screen has none.
    pub update_timeout: Duration,
    /// How often the controller is told that somebody is there.
    pub keep_alive: Duration,
}

impl ClientConfig {
    /// With the best quality, 15 and 30 seconds, and a sign of life every three seconds.
    #[must_use]
    pub fn new(user: SecretString, password: SecretString) -> Self {
        Self {
            user,
            password,
            quality: Some(VideoQuality::BEST),
            handshake_timeout: Duration::from_secs(15),
            update_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(3),
        }
    }
}

/// What a [`Client`] tells its caller. Events of one kind that nobody fetched are told once, so that a controller cannot
/// fill memory with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The controller let us in. Nothing is known of the screen until an update was asked for.
    Connected {
        /// The console's name.
        name: String,
    },
    /// The controller answered a request. It sends the next picture only when asked ([`Client::request_update`]).
    Updated,
    /// The controller answered a request: the host shows no picture. Requests are held back to one a second.
    ScreenOff,
    /// The connection is over: close it. Nothing follows.
    Failed(Error),
}

/// The viewer's machine for one connection.
///
/// Bytes that arrive go into [`receive`](Self::receive), [`wake`](Self::wake) is called at [`next_wake`](Self::next_wake),
/// and after each call [`next_output`](Self::next_output) is called until it has nothing more. No call fails or panics.
/// Memory is bounded by the picture ([`Picture::MAX_PIXELS`], seven bytes each), one frame of it
/// ([`MAX_FRAME_BYTES`](crate::ast2100::MAX_FRAME_BYTES)) and the bytes of one call of `receive`.
pub struct Client {
    config: ClientConfig,
    inbox: Inbox,
    outgoing: Vec<u8>,
    notices: Notices,
    state: State,
    handshake_deadline: Option<Instant>,
}

enum State {
    Handshake(Handshake),
    Session(Box<Session>),
    Over,
}

/// Events not yet fetched: one of each kind at most.
#[derive(Default)]
struct Notices {
    connected: Option<Event>,
    updated: bool,
    screen_off: bool,
    failed: Option<Error>,
}

impl Client {
    /// A machine for a connection that was opened at `now`.
    #[must_use]
    pub fn new(now: Instant, config: ClientConfig) -> Self {
        let handshake_deadline = now.checked_add(config.handshake_timeout);
        let mut client = Self {
            inbox: Inbox::default(),
            outgoing: Vec::new(),
            notices: Notices::default(),
            state: State::Over,
            handshake_deadline,
            config,
        };
        match Handshake::new(&client.config) {
            Ok(handshake) => client.state = State::Handshake(handshake),
            Err(error) => client.fail(error),
        }
        client
    }

    /// Takes bytes of the controller, in pieces of any size.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if !matches!(self.state, State::Over) {
            self.inbox.push(bytes);
            if let Err(error) = self.advance(now) {
                self.fail(error);
            }
        }
    }

    /// Says that the controller closed its side of the connection.
    pub fn closed(&mut self) {
        if let Some(during) = self.phase() {
            self.fail(self.refusal().unwrap_or(Error::Closed { during }));
        }
    }

    /// Lets time pass: a deadline that is reached ends the connection, a sign of life or a request that is due is sent.
    /// Extra calls are harmless.
    pub fn wake(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline <= now)
            && let Some(waiting_for) = self.phase()
        {
            self.fail(self.refusal().unwrap_or(Error::Timeout { waiting_for }));
        } else if let State::Session(session) = &mut self.state {
            session.wake(now, &mut self.outgoing);
        }
    }

    /// When [`wake`](Self::wake) is to be called next; ask again after every other call.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        let due = match &self.state {
            State::Session(session) => session.next_due(),
            State::Handshake(_) | State::Over => None,
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
            State::Handshake(_) | State::Over => None,
        }
    }

    /// Asks for the whole screen, or for what changes from now on. Requests merge until one is answered. Without
    /// effect before [`Event::Connected`].
    pub fn request_update(&mut self, now: Instant, incremental: bool) {
        if let State::Session(session) = &mut self.state {
            session.request(now, incremental, &mut self.outgoing);
        }
    }

    /// A key, by its number on the HID keyboard page, goes down or up. Without effect before [`Event::Connected`].
    pub fn key(&mut self, usage: u8, down: bool) {
        if let State::Session(_) = self.state {
            let mut message = [0; 18];
            message[0] = super::said::KEY;
            message[2] = u8::from(down);
            message[8] = usage;
            self.outgoing.extend_from_slice(&message);
        }
    }

    /// When the connection fails unless something happens before.
    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Handshake(_) => self.handshake_deadline,
            State::Session(session) => session.deadline(),
            State::Over => None,
        }
    }

    fn phase(&self) -> Option<Phase> {
        match &self.state {
            State::Handshake(handshake) => Some(handshake.phase()),
            State::Session(session) => Some(session.phase()),
            State::Over => None,
        }
    }

    /// A refusal whose reason did not arrive is a refusal all the same.
    fn refusal(&self) -> Option<Error> {
        match &self.state {
            State::Handshake(handshake) => handshake.refusal(),
            State::Session(_) | State::Over => None,
        }
    }

    fn fail(&mut self, error: Error) {
        self.notices.failed = Some(error);
        self.inbox = Inbox::default();
        self.state = State::Over;
    }

    fn advance(&mut self, now: Instant) -> Result<(), Error> {
        if let State::Handshake(handshake) = &mut self.state {
            let Some(start) = handshake.advance(&mut self.inbox, &mut self.outgoing)? else {
                return Ok(());
            };
            self.notices.connected = Some(Event::Connected { name: start.name });
            let session = Session::new(now, start.size, &self.config, &mut self.outgoing);
            self.state = State::Session(Box::new(session));
        }
        if let State::Session(session) = &mut self.state {
            session.advance(now, &mut self.inbox, &mut self.notices)?;
            session.send_due_request(now, &mut self.outgoing);
        }
        Ok(())
    }

    fn next_event(&mut self) -> Option<Event> {
        let notices = &mut self.notices;
        if let Some(connected) = notices.connected.take() {
            return Some(connected);
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

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client").field("phase", &self.phase()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
