//! A connection to a remote framebuffer.

mod dial;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, Reach, Way};
use ironhand_console::keys::{Keyboard, Stroke};
use ironhand_console::{Image, PictureMark};
use ironhand_rfb::{Client, ClientConfig, Encoding, Error as Failure, Event, Output, Phase, PixelFormat};
use tokio::time::Instant as Moment;

use super::wire::{Arrived, Wire};
use super::{Given, ScreenEvent, ScreenSource};
use crate::{Error, Login, Surroundings, TlsClient};
use dial::{Dialled, dial};

/// How long it is waited for the first picture before the connection is handed over. A server that cannot bear what it
/// is offered ends the connection before; one whose machine is off may have no picture to send.
const FIRST_PICTURE: Duration = Duration::from_secs(3);

/// A first picture that is younger answers the first request.
const FRESH: Duration = Duration::from_secs(2);

/// What a server is offered: encodings, and how pixels are to be written.
type Offer = (&'static [Encoding], PixelFormat);

/// What Intel AMT knows, and wants to be offered.
const AMT_ENCODINGS: [Encoding; 3] = [Encoding::Zrle, Encoding::Raw, Encoding::DesktopSize];

/// A connection on which the handshake is done.
pub(super) struct Rfb {
    wire: Wire,
    client: Client,
    events: VecDeque<Event>,
    given: Given,
    /// How the server proves who it is, where TLS is to begin within the protocol.
    tls: Option<TlsClient>,
    /// What is to be done when the connection is over.
    leave: Option<BoxFuture<'static, ()>>,
    /// When the first picture came, until a request was answered by it.
    first_picture: Option<Instant>,
}

impl Rfb {
    /// Connects over the first address that works, and gets let in.
    pub(super) async fn open(
        connector: &Connector,
        login: Option<Login>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        // Intel AMT has two formats, and may not bear the longer one on a large screen.
        let offers: [Offer; 2] = match connector.way {
            Way::Amt(_) => {
                [(&AMT_ENCODINGS, PixelFormat::TRUE_COLOUR_16), (&AMT_ENCODINGS, PixelFormat::RGB_332)]
            }
            _ => {
                [(&Encoding::ALL, PixelFormat::TRUE_COLOUR_32), (&Encoding::FEW, PixelFormat::TRUE_COLOUR_32)]
            }
        };
        let [all, few] = offers;
        match Self::attempt(connector, login.clone(), surroundings, all).await {
            // Such a server says nothing of what it cannot bear.
            Err(Error::Rfb(Failure::Closed { during: Phase::Encodings })) => {
                tracing::debug!(%connector, "the server takes less than it was offered");
                Self::attempt(connector, login, surroundings, few).await
            }
            result => result,
        }
    }

    async fn attempt(
        connector: &Connector,
        login: Option<Login>,
        surroundings: &Surroundings,
        (encodings, pixel_format): Offer,
    ) -> Result<Self, Error> {
        let Dialled { stream, begun, taken, protection, tls, leave } =
            dial(connector, login.clone(), surroundings).await?;
        // What opens a controller's pages is not asked for again.
        let login = login.filter(|_| leave.is_none());
        let (user, password) = login.map(|login| (login.username, login.password)).unzip();
        let config = ClientConfig {
            password,
            user: user.filter(|user| !user.is_empty()),
            protection,
            encodings: encodings.to_vec(),
            pixel_format,
            ..ClientConfig::default()
        };
        let mut client = Client::new(Instant::now(), config);
        client.receive(Instant::now(), &begun);
        let mut connection = Self {
            wire: Wire::new(stream, taken),
            client,
            events: VecDeque::new(),
            given: Given::default(),
            tls,
            leave,
            first_picture: None,
        };
        let begun = match connection.shake_hands().await {
            Ok(()) => connection.see().await,
            Err(error) => Err(error),
        };
        let Err(error) = begun else { return Ok(connection) };
        // Something took the connection that is no screen: another address is tried before this one next time.
        if error.reach() == Reach::Unreachable {
            surroundings.health.fails(&connection.wire.taken().address, &error, Moment::now());
        }
        Box::new(connection).close().await;
        Err(error)
    }

    /// Gets let in.
    async fn shake_hands(&mut self) -> Result<(), Error> {
        self.flush().await?;
        loop {
            match self.events.pop_front() {
                Some(Event::StartTls) => self.start_tls().await?,
                Some(Event::Connected { .. }) => return Ok(()),
                Some(Event::Failed(error)) => return Err(error.into()),
                Some(_) => {}
                None => {
                    self.ready().await;
                    self.pump().await?;
                }
            }
        }
    }

    async fn start_tls(&mut self) -> Result<(), Error> {
        let Some(tls) = &self.tls else {
            return Err(Error::Malformed { reason: "it begins TLS within TLS".to_owned() });
        };
        self.wire.start_tls(tls).await?;
        self.client.tls_started(Instant::now());
        self.flush().await
    }

    /// Asks for the first picture, and waits for it a while.
    async fn see(&mut self) -> Result<(), Error> {
        self.client.request_update(Instant::now(), false);
        if self.flush().await.is_err() {
            // It left before it could be asked: the encodings were the last that it was told.
            return Err(Failure::Closed { during: Phase::Encodings }.into());
        }
        let until = Moment::now() + FIRST_PICTURE;
        loop {
            match self.events.pop_front() {
                Some(Event::Updated) => {
                    self.first_picture = Some(Instant::now());
                    return Ok(());
                }
                Some(Event::Failed(error)) => return Err(error.into()),
                Some(_) => {}
                None => match tokio::time::timeout_at(until, self.ready()).await {
                    Ok(()) => self.pump().await?,
                    Err(_) => return Ok(()),
                },
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        while let Some(output) = self.client.next_output() {
            match output {
                Output::Event(event) => {
                    if event == Event::Updated {
                        self.given.changed();
                    }
                    self.events.push_back(event);
                }
                Output::Send(bytes) => self.wire.send(&bytes).await?,
            }
        }
        Ok(())
    }
}

impl ScreenSource for Rfb {
    fn ready(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if self.events.is_empty() {
                self.wire.ready(self.client.next_wake()).await;
            }
        })
    }

    fn pump(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        let now = Instant::now();
        match self.wire.take() {
            Arrived::Nothing => self.client.wake(now),
            Arrived::Bytes(bytes) => self.client.receive(now, bytes),
            Arrived::End => self.client.closed(),
        }
        Box::pin(self.flush())
    }

    fn next_event(&mut self) -> Option<ScreenEvent> {
        loop {
            match self.events.pop_front()? {
                Event::Updated => return Some(ScreenEvent::Updated),
                Event::Failed(error) => return Some(ScreenEvent::Failed(error.into())),
                Event::StartTls
                | Event::Connected { .. }
                | Event::Resized { .. }
                | Event::Bell
                | Event::CutText(_) => {}
            }
        }
    }

    fn request_update(&mut self, incremental: bool) -> BoxFuture<'_, Result<(), Error>> {
        if self.first_picture.take().is_some_and(|at| at.elapsed() < FRESH) {
            self.events.push_back(Event::Updated);
        } else {
            self.client.request_update(Instant::now(), incremental);
        }
        Box::pin(self.flush())
    }

    fn image(&mut self, before: Option<PictureMark>) -> Option<Image> {
        if self.given.is(before) {
            return None;
        }
        let screen = self.client.framebuffer()?;
        self.given.unlike(before, screen.width(), screen.height(), screen.pixels())
    }

    fn pack(&mut self) {
        self.client.rest();
    }

    fn rest(&mut self) {
        self.client.rest();
        self.wire.rest();
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn is_lossy(&self) -> bool {
        self.client.is_lossy()
    }

    /// Places where the server takes them: what it makes of a keysym depends on the layout that it believes in.
    fn keyboard(&self) -> Option<Keyboard> {
        Some(if self.client.takes_places() { Keyboard::Positions } else { Keyboard::Keysyms })
    }

    fn key(&mut self, stroke: Stroke) -> BoxFuture<'_, Result<(), Error>> {
        match stroke.usage {
            Some(usage) => self.client.key_at(stroke.keysym, usage, stroke.down),
            None => self.client.key(stroke.keysym, stroke.down),
        }
        Box::pin(self.flush())
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.wire.close().await;
            if let Some(leave) = self.leave {
                leave.await;
            }
        })
    }
}
