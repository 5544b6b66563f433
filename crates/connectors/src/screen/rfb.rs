//! A connection to a remote framebuffer.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ironhand_api::{Connector, Reach};
use ironhand_console::Image;
use ironhand_console::keys::{Keyboard, Stroke};
use ironhand_rfb::{Client, ClientConfig, Event, Output};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant as Moment, timeout};

use super::{ScreenEvent, ScreenSource};
use crate::{Error, Login, PathHealth, Route, Stream, Surroundings, Taken, connect};

/// Bytes read at a time: a raw screen of 1024x768 takes fifty turns.
const BUFFER: usize = 64 * 1024;

/// How long the other side may refuse to take what is sent, a few bytes for each key and request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection on which the handshake is done.
pub(super) struct Rfb {
    stream: Stream,
    /// Where it leads to.
    address: String,
    client: Client,
    events: VecDeque<Event>,
    buffer: Vec<u8>,
    /// How much of the buffer was read and not taken in yet, or how reading failed.
    arrived: Option<io::Result<usize>>,
}

impl Rfb {
    /// Connects over the first address that works, and gets let in.
    pub(super) async fn open(
        connector: &Connector,
        login: Option<Login>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let route = Route::of(connector, surroundings.hop.clone())?;
        let health = &surroundings.health;
        let (stream, taken) = connected(&route, health, surroundings.connect).await?;
        let password = login.map(|login| login.password);
        let client = Client::new(Instant::now(), ClientConfig { password, ..ClientConfig::default() });
        let (events, buffer) = (VecDeque::new(), vec![0; BUFFER]);
        let address = taken.to_string();
        let mut connection = Self { stream, address, client, events, buffer, arrived: None };
        match connection.shake_hands().await {
            Ok(()) => Ok(connection),
            Err(error) => {
                // Something took the connection that is no screen: another address is tried before this one next time.
                if error.reach() == Reach::Unreachable {
                    health.fails(&taken.address, &error, Moment::now());
                }
                Err(error)
            }
        }
    }

    /// Gets let in.
    async fn shake_hands(&mut self) -> Result<(), Error> {
        self.flush().await?;
        loop {
            match self.events.pop_front() {
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

    async fn flush(&mut self) -> Result<(), Error> {
        while let Some(output) = self.client.next_output() {
            match output {
                Output::Event(event) => self.events.push_back(event),
                Output::Send(bytes) => {
                    let failed =
                        |reason: String| Error::Unreachable { address: self.address.clone(), reason };
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
        let Self { stream, client, buffer, arrived, .. } = self;
        Box::pin(async move {
            if arrived.is_some() {
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
        self.client.request_update(Instant::now(), incremental);
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

    fn keyboard(&self) -> Option<Keyboard> {
        Some(Keyboard::Keysyms)
    }

    fn key(&mut self, stroke: Stroke) -> BoxFuture<'_, Result<(), Error>> {
        self.client.key(stroke.keysym, stroke.down);
        Box::pin(self.flush())
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // The other side may be gone already.
            let _ = self.stream.shutdown().await;
        })
    }
}

async fn send(stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    // A tunnel may gather what is written.
    stream.flush().await
}

/// Connects over the first address that works; each may take so long.
async fn connected(route: &Route, health: &PathHealth, each: Duration) -> Result<(Stream, Taken), Error> {
    let addresses = u32::try_from(route.addresses.len()).unwrap_or(1);
    connect(route, health, Moment::now() + each * addresses).await
}
