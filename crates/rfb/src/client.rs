//! The client side: sees a server's screen and types on its keyboard.

mod colour_map;
mod handshake;
mod scancode;
mod session;

use std::time::{Duration, Instant};

use secrecy::SecretString;

use crate::encoding::Encoding;
use crate::error::{Error, Phase};
use crate::framebuffer::Framebuffer;
use crate::inbox::Inbox;
use crate::output::Output;
use crate::pixel_format::PixelFormat;
use crate::version::ProtocolVersion;
use handshake::Handshake;
use session::Session;

/// What a [`Client`] connects with.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The password of VNC Authentication; `None` to use servers without one. Only its first eight bytes count, as
    /// the scheme has no room for more: longer passwords are cut, and so do the servers that accept them.
    pub password: Option<SecretString>,
    /// Who logs in, for servers that ask for a name and a password. Both travel as they are, so they are sent within
    /// TLS only.
    pub user: Option<String>,
    /// What keeps others from reading the connection and from changing it.
    pub protection: Protection,
    /// Whether other viewers of the server may stay connected.
    pub shared: bool,
    /// What to offer the server, best first. Rectangles in an encoding that is not offered are read all the same.
    pub encodings: Vec<Encoding>,
    /// How good JPEG pictures shall be, from 0 to 9, for servers that know Tight; with `None` they are asked to send
    /// none, and what is seen is exact. Some send them all the same: [`Client::is_lossy`].
    pub jpeg_quality: Option<u8>,
    /// How the server shall write pixels. The default is what servers get right: QEMU 7.2, for one, sends 32-bit pixels
    /// in its own byte order whatever is asked for.
    pub pixel_format: PixelFormat,
    /// The highest version to speak; lower it for servers that announce more than they do.
    pub highest_version: ProtocolVersion,
    /// How long the server may take from the connection to [`Event::Connected`].
    pub handshake_timeout: Duration,
    /// How long the server may take to answer a request for the whole screen, and to complete a message that it began.
    /// A request for changes alone is not timed: a still screen has none.
    pub update_timeout: Duration,
}

impl Default for ClientConfig {
    /// No password and no TLS, others stay connected, all encodings, no JPEG, 32-bit pixels, version 3.8, 15 and 30 seconds.
    fn default() -> Self {
        Self {
            password: None,
            user: None,
            protection: Protection::Nothing,
            shared: true,
            encodings: Encoding::ALL.to_vec(),
            jpeg_quality: None,
            pixel_format: PixelFormat::TRUE_COLOUR_32,
            highest_version: ProtocolVersion::V3_8,
            handshake_timeout: Duration::from_secs(15),
            update_timeout: Duration::from_secs(30),
        }
    }
}

/// What protects a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Nothing does.
    Nothing,
    /// TLS within the protocol, by VeNCrypt with a certificate: the caller starts it at [`Event::StartTls`]. Servers that
    /// do not offer it are not entered, since whoever sits between could leave out the offer.
    Vencrypt,
    /// The caller encrypted the connection before its first byte.
    Around,
}

/// What a [`Client`] tells its caller. Events of one kind that nobody fetched are told once, with the latest content,
/// so that a server cannot fill memory with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Once all output is sent, the connection is to be encrypted by TLS: the server expects the client's first message
    /// and shows a certificate, which is for the caller to judge. Then call [`Client::tls_started`].
    StartTls,
    /// The server let us in. Nothing is known of the screen until an update was asked for.
    Connected {
        /// The desktop's name.
        name: String,
        /// Pixels per row of the screen.
        width: u16,
        /// Rows of the screen.
        height: u16,
    },
    /// The screen has another size now and is black; its content was asked for.
    Resized {
        /// Pixels per row.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The picture changed. The server sends the next change only when asked ([`Client::request_update`]).
    Updated,
    /// The server rang the bell.
    Bell,
    /// The server's clipboard has new text; what is beyond 64 KiB is cut.
    CutText(String),
    /// The connection is over: close it. Nothing follows.
    Failed(Error),
}

/// The client's machine for one connection.
///
/// Bytes that arrive go into [`receive`](Self::receive), [`wake`](Self::wake) is called at [`next_wake`](Self::next_wake),
/// and after each call [`next_output`](Self::next_output) is called until it has nothing more. No call fails or panics.
/// Memory is bounded by the picture ([`Framebuffer::MAX_PIXELS`]), 64 KiB for each text, for
/// decompression up to 500 KiB and a JPEG picture of at most 4 MiB with its pixels, and the bytes of one call of `receive`.
pub struct Client {
    config: ClientConfig,
    inbox: Inbox,
    outgoing: Vec<u8>,
    notices: Notices,
    state: State,
    /// When the connection fails unless something happens before.
    deadline: Option<Instant>,
}

enum State {
    Handshake(Handshake),
    Session(Box<Session>),
    Over,
}

/// Events not yet fetched: one of each kind at most.
#[derive(Default)]
struct Notices {
    start_tls: bool,
    connected: Option<Event>,
    resized: bool,
    updated: bool,
    bell: bool,
    cut_text: Option<String>,
    failed: Option<Error>,
}

impl Client {
    /// A machine for a connection that was opened at `now`.
    #[must_use]
    pub fn new(now: Instant, config: ClientConfig) -> Self {
        let deadline = now.checked_add(config.handshake_timeout);
        Self {
            config,
            inbox: Inbox::default(),
            outgoing: Vec::new(),
            notices: Notices::default(),
            state: State::Handshake(Handshake::new()),
            deadline,
        }
    }

    /// Takes bytes of the server, in pieces of any size.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if !matches!(self.state, State::Over) {
            self.inbox.push(bytes);
            if let Err(error) = self.advance(now) {
                self.fail(error);
            }
        }
    }

    /// Says that the connection is encrypted, as [`Event::StartTls`] asked for; what is received from now on is what
    /// came within TLS. Without effect at any other time.
    pub fn tls_started(&mut self, now: Instant) {
        if let State::Handshake(handshake) = &mut self.state
            && let Err(error) =
                handshake.tls_started(&self.config, &mut self.outgoing).and_then(|()| self.advance(now))
        {
            self.fail(error);
        }
    }

    /// Says that the server closed its side of the connection.
    pub fn closed(&mut self) {
        if let Some(during) = self.phase() {
            self.fail(self.refusal().unwrap_or(Error::Closed { during }));
        }
    }

    /// Lets time pass: a deadline that is reached ends the connection. Extra calls are harmless.
    pub fn wake(&mut self, now: Instant) {
        if self.next_wake().is_some_and(|deadline| deadline <= now)
            && let Some(waiting_for) = self.phase()
        {
            self.fail(self.refusal().unwrap_or(Error::Timeout { waiting_for }));
        }
    }

    /// When [`wake`](Self::wake) is to be called next; ask again after every other call.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        match &self.state {
            State::Handshake(_) => self.deadline,
            State::Session(session) => session.deadline(),
            State::Over => None,
        }
    }

    /// The next thing to send or to know.
    pub fn next_output(&mut self) -> Option<Output<Event>> {
        if let State::Session(session) = &mut self.state {
            session.write_request(&mut self.outgoing);
        }
        if !self.outgoing.is_empty() {
            return Some(Output::Send(core::mem::take(&mut self.outgoing)));
        }
        self.next_event().map(Output::Event)
    }

    /// The server's screen as far as it was sent; `None` before [`Event::Connected`] and after [`Event::Failed`]. A picture that
    /// [rests](Self::rest) is unpacked for it.
    #[must_use]
    pub fn framebuffer(&self) -> Option<&Framebuffer> {
        match &self.state {
            State::Session(session) => Some(session.framebuffer()),
            State::Handshake(_) | State::Over => None,
        }
    }

    /// Packs the picture until something arrives or somebody asks for it, for those who keep many screens and look at each
    /// now and then: a text screen takes some kilobytes then instead of four bytes a pixel. Without effect in the middle of a message,
    /// on pictures of more than 256 colours, and on those through a colour map.
    pub fn rest(&mut self) {
        if self.inbox.is_empty()
            && let State::Session(session) = &mut self.state
        {
            session.rest();
            self.inbox = Inbox::default();
        }
    }

    /// Whether a part of the picture came as JPEG since it last changed its size, so that it is only nearly what the
    /// server shows.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        match &self.state {
            State::Session(session) => session.is_lossy(),
            State::Handshake(_) | State::Over => false,
        }
    }

    /// Asks for the whole screen, or with `incremental` for what changes from now on; [`Event::Updated`] tells of the
    /// answer. Without effect before [`Event::Connected`].
    ///
    /// An answer that paints nothing (pointer shapes, the size) is not reported as an update: the client goes on asking
    /// until the server sent pixels.
    pub fn request_update(&mut self, now: Instant, incremental: bool) {
        if let State::Session(session) = &mut self.state {
            session.request_update(now, incremental);
        }
    }

    /// Presses (`down`) or releases the key with the X11 `keysym` (RFC 6143 section 7.5.4). Without effect before
    /// [`Event::Connected`].
    pub fn key(&mut self, keysym: u32, down: bool) {
        if let State::Session(_) = self.state {
            self.outgoing.extend_from_slice(&[4, u8::from(down), 0, 0]);
            self.outgoing.extend_from_slice(&keysym.to_be_bytes());
        }
    }

    /// Presses (`down`) or releases a key by its place, the `usage` of USB's page of keyboards, where the server takes
    /// places ([`Client::takes_places`]) and common keyboards have the key; else by the X11 `keysym`.
    pub fn key_at(&mut self, keysym: u32, usage: u8, down: bool) {
        let scancode = scancode::of_usage(usage).filter(|_| self.takes_places());
        let Some(scancode) = scancode else { return self.key(keysym, down) };
        self.outgoing.extend_from_slice(&[255, 0, 0, u8::from(down)]);
        self.outgoing.extend_from_slice(&keysym.to_be_bytes());
        self.outgoing.extend_from_slice(&u32::from(scancode).to_be_bytes());
    }

    /// Whether the server said that it takes keys by their places, which makes it independent of the layout that it
    /// believes the keyboard to have. It says so with its first update.
    #[must_use]
    pub fn takes_places(&self) -> bool {
        match &self.state {
            State::Session(session) => session.takes_places(),
            State::Handshake(_) | State::Over => false,
        }
    }

    /// Moves the pointer to column `x` and row `y` with those buttons down whose bits are set in `buttons`: bit 0 left,
    /// 1 middle, 2 right, 3 and 4 the wheel (RFC 6143 section 7.5.5). Without effect before [`Event::Connected`].
    pub fn pointer(&mut self, buttons: u8, x: u16, y: u16) {
        if let State::Session(_) = self.state {
            self.outgoing.extend_from_slice(&[5, buttons]);
            self.outgoing.extend_from_slice(&x.to_be_bytes());
            self.outgoing.extend_from_slice(&y.to_be_bytes());
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
        // There is nothing left to encrypt.
        self.notices.start_tls = false;
        self.notices.failed = Some(error);
        self.inbox = Inbox::default();
        self.state = State::Over;
    }

    fn advance(&mut self, now: Instant) -> Result<(), Error> {
        if let State::Handshake(handshake) = &mut self.state {
            let awaited = handshake.awaits_tls();
            let start = handshake.advance(&mut self.inbox, &self.config, &mut self.outgoing)?;
            self.notices.start_tls |= !awaited && handshake.awaits_tls();
            let Some(start) = start else { return Ok(()) };
            self.notices.connected = Some(Event::Connected {
                name: start.name,
                width: start.screen.width(),
                height: start.screen.height(),
            });
            let session = Session::new(start.screen, &self.config, &mut self.outgoing);
            self.state = State::Session(Box::new(session));
        }
        if let State::Session(session) = &mut self.state {
            session.advance(now, &mut self.inbox, &mut self.notices)?;
        }
        Ok(())
    }

    fn next_event(&mut self) -> Option<Event> {
        let notices = &mut self.notices;
        if core::mem::take(&mut notices.start_tls) {
            return Some(Event::StartTls);
        }
        if let Some(connected) = notices.connected.take() {
            return Some(connected);
        }
        if core::mem::take(&mut notices.resized)
            && let State::Session(session) = &self.state
        {
            let (width, height) = session.size();
            return Some(Event::Resized { width, height });
        }
        if core::mem::take(&mut notices.updated) {
            return Some(Event::Updated);
        }
        if core::mem::take(&mut notices.bell) {
            return Some(Event::Bell);
        }
        if let Some(text) = notices.cut_text.take() {
            return Some(Event::CutText(text));
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
