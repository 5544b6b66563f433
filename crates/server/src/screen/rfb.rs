//! A connection to a remote framebuffer.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use ironhand_api::Reach;
use ironhand_connectors::{Error, PathHealth, Route, Stream, Taken};
use ironhand_console::Image;
use ironhand_rfb::{Client, ClientConfig, Event, Output};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant as Moment, timeout};

use super::connection::Happening;
use crate::Settings;
use crate::device::DeviceError;

/// Bytes read at a time: a raw screen of 1024x768 takes fifty turns.
const BUFFER: usize = 64 * 1024;

/// How long the other side may refuse to take what is sent, a few bytes for each key and request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection on which the handshake is done.
pub(super) struct Rfb {
    stream: Stream,
    client: Client,
    events: VecDeque<Event>,
    buffer: Vec<u8>,
    /// How much of the buffer was read and not taken in yet, or how reading failed.
    arrived: Option<io::Result<usize>>,
}

impl Rfb {
    /// Connects over the first address that works, and gets let in.
    pub(super) async fn open(
        route: &Route,
        health: &PathHealth,
        password: Option<SecretString>,
        settings: &Settings,
    ) -> Result<Self, DeviceError> {
        let (stream, taken) = connect(route, health, settings).await?;
        let client = Client::new(Instant::now(), ClientConfig { password, ..ClientConfig::default() });
        let (events, buffer) = (VecDeque::new(), vec![0; BUFFER]);
        let mut connection = Self { stream, client, events, buffer, arrived: None };
        match connection.shake_hands().await {
            Ok(()) => Ok(connection),
            Err(error) => {
                // Something took the connection that is no screen: another address is tried before this one next time.
                if error.reach() == Reach::Unreachable {
                    let (address, reason) = (taken.to_string(), error.to_string());
                    health.fails(&taken.address, &Error::Unreachable { address, reason }, Moment::now());
                }
                Err(error)
            }
        }
    }

    /// Gets let in.
    async fn shake_hands(&mut self) -> Result<(), DeviceError> {
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

    /// Waits until [`pump`](Self::pump) has something to do. Dropping the future loses nothing.
    pub(super) async fn ready(&mut self) {
        let Self { stream, client, buffer, arrived, .. } = self;
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
    }

    /// Takes what has arrived, and sends what there is to send.
    pub(super) async fn pump(&mut self) -> Result<(), DeviceError> {
        let now = Instant::now();
        match self.arrived.take() {
            None => self.client.wake(now),
            Some(Ok(length @ 1..)) => self.client.receive(now, &self.buffer[..length]),
            Some(Ok(0) | Err(_)) => self.client.closed(),
        }
        self.flush().await
    }

    /// The next thing that happened.
    pub(super) fn next_event(&mut self) -> Option<Happening> {
        loop {
            match self.events.pop_front()? {
                Event::Updated => return Some(Happening::Updated),
                Event::Failed(error) => return Some(Happening::Failed(error.into())),
                Event::Connected { .. } | Event::Resized { .. } | Event::Bell | Event::CutText(_) => {}
            }
        }
    }

    /// Asks for the whole screen, or for what changes from now on.
    pub(super) async fn request_update(&mut self, incremental: bool) -> Result<(), DeviceError> {
        self.client.request_update(Instant::now(), incremental);
        self.flush().await
    }

    /// Presses or releases a key.
    pub(super) async fn key(&mut self, keysym: u32, down: bool) -> Result<(), DeviceError> {
        self.client.key(keysym, down);
        self.flush().await
    }

    /// A copy of the screen, unless it is the same as `before`.
    pub(super) fn image(&self, before: Option<&Image>) -> Option<Image> {
        let screen = self.client.framebuffer()?;
        let (width, height) = (u32::from(screen.width()), u32::from(screen.height()));
        let same = before.is_some_and(|before| {
            (before.width, before.height) == (width, height) && before.pixels == screen.pixels()
        });
        (!same).then(|| Image { width, height, pixels: screen.pixels().to_vec() })
    }

    /// Says good-bye.
    pub(super) async fn close(mut self) {
        // The other side may be gone already.
        let _ = self.stream.shutdown().await;
    }

    async fn flush(&mut self) -> Result<(), DeviceError> {
        while let Some(output) = self.client.next_output() {
            match output {
                Output::Event(event) => self.events.push_back(event),
                Output::Send(bytes) => match timeout(WRITE_TIMEOUT, send(&mut self.stream, &bytes)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return Err(DeviceError::Connect { reason: error.to_string() }),
                    Err(_) => {
                        return Err(DeviceError::Connect {
                            reason: "it takes nothing that is sent".to_owned(),
                        });
                    }
                },
            }
        }
        Ok(())
    }
}

async fn send(stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    // A tunnel may gather what is written.
    stream.flush().await
}

/// Connects over the first address that works.
async fn connect(
    route: &Route,
    health: &PathHealth,
    settings: &Settings,
) -> Result<(Stream, Taken), DeviceError> {
    let addresses = u32::try_from(route.addresses.len()).unwrap_or(1);
    let deadline = Moment::now() + settings.connect_timeout * addresses;
    match ironhand_connectors::connect(route, health, deadline).await {
        Ok(made) => Ok(made),
        Err(error @ (Error::Unreachable { .. } | Error::Silent { .. })) => {
            Err(DeviceError::Connect { reason: error.to_string() })
        }
        Err(error) => Err(error.into()),
    }
}
