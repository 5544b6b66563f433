//! A connection to a remote framebuffer.

mod dial;

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, Reach, Way};
use ironhand_console::Image;
use ironhand_console::keys::{Keyboard, Stroke};
use ironhand_rfb::{Client, ClientConfig, Encoding, Error as Failure, Event, Output, Phase, PixelFormat};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant as Moment, timeout};

use super::{ScreenEvent, ScreenSource};
use crate::{Error, Login, Stream, Surroundings, Taken, TlsClient};
use dial::{Dialled, dial};

/// Bytes read at a time: a raw screen of 1024x768 takes fifty turns.
const BUFFER: usize = 64 * 1024;

/// How long the other side may refuse to take what is sent, a few bytes for each key and request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long TLS within the protocol may take to begin.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);

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
    stream: Stream,
    taken: Taken,
    client: Client,
    events: VecDeque<Event>,
    buffer: Vec<u8>,
    /// How much of the buffer was read and not taken in yet, or how reading failed.
    arrived: Option<io::Result<usize>>,
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
            stream,
            taken,
            client,
            events: VecDeque::new(),
            buffer: vec![0; BUFFER],
            arrived: None,
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
            surroundings.health.fails(&connection.taken.address, &error, Moment::now());
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
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        let shaking = timeout(TLS_TIMEOUT, tls.connect(stream, &self.taken)).await;
        let silent = |_| Error::Silent { address: self.taken.to_string(), after: TLS_TIMEOUT };
        self.stream = shaking.map_err(silent)??;
        self.client.tls_started(Instant::now());
        self.flush().await
    }

    /// Asks for the first picture, and waits for it a while.
    async fn see(&mut self) -> Result<(), Error> {
        self.client.request_update(Instant::now(), false);
        self.flush().await?;
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
                Output::Event(event) => self.events.push_back(event),
                Output::Send(bytes) => {
                    let failed =
                        |reason: String| Error::Unreachable { address: self.taken.to_string(), reason };
                    match timeout(WRITE_TIMEOUT, send(&mut self.stream, &bytes)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return Err(failed(error.to_string())),
                        Err(_) => return Err(failed("it takes nothing that is sent".to_owned())),
                    }
                }
            }
        }
        Ok(())
    }
}

impl ScreenSource for Rfb {
    fn ready(&mut self) -> BoxFuture<'_, ()> {
        let Self { stream, client, buffer, arrived, events, .. } = self;
        Box::pin(async move {
            if arrived.is_some() || !events.is_empty() {
                return;
            }
            let wake = async {
                match client.next_wake() {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                read = stream.read(buffer) => *arrived = Some(read),
                () = wake => {}
            }
        })
    }

    fn pump(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            let now = Instant::now();
            match self.arrived.take() {
                None => self.client.wake(now),
                Some(Ok(length @ 1..)) => self.client.receive(now, &self.buffer[..length]),
                Some(Ok(0) | Err(_)) => self.client.closed(),
            }
            self.flush().await
        })
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

    fn image(&self, before: Option<&Image>) -> Option<Image> {
        let screen = self.client.framebuffer()?;
        let (width, height) = (u32::from(screen.width()), u32::from(screen.height()));
        let same = before.is_some_and(|before| {
            (before.width, before.height) == (width, height) && before.pixels == screen.pixels()
        });
        (!same).then(|| Image { width, height, pixels: screen.pixels().to_vec() })
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

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // The other side may be gone already, or take nothing any more.
            let _ = timeout(WRITE_TIMEOUT, self.stream.shutdown()).await;
            drop(self.stream);
            if let Some(leave) = self.leave {
                leave.await;
            }
        })
    }
}

async fn send(stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    // A tunnel may gather what is written.
    stream.flush().await
}
