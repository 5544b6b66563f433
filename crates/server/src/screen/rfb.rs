//! A connection to a remote framebuffer.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use ironhand_console::Image;
use ironhand_rfb::{Client, ClientConfig, Event, Output};
use secrecy::SecretString;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::connection::Happening;
use crate::Settings;
use crate::device::DeviceError;

/// Bytes read at a time: a raw screen of 1024x768 takes fifty turns.
const BUFFER: usize = 64 * 1024;

/// How long the other side may refuse to take what is sent, a few bytes for each key and request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection on which the handshake is done.
pub(super) struct Rfb {
    stream: TcpStream,
    client: Client,
    events: VecDeque<Event>,
    buffer: Vec<u8>,
}

impl Rfb {
    /// Connects to the first address that answers, and gets let in.
    pub(super) async fn open(
        address: &str,
        port: u16,
        password: Option<SecretString>,
        settings: &Settings,
    ) -> Result<Self, DeviceError> {
        let stream = connect(address, port, settings).await?;
        let client = Client::new(Instant::now(), ClientConfig { password, ..ClientConfig::default() });
        let mut connection = Self { stream, client, events: VecDeque::new(), buffer: vec![0; BUFFER] };
        connection.flush().await?;
        loop {
            match connection.events.pop_front() {
                Some(Event::Connected { .. }) => return Ok(connection),
                Some(Event::Failed(error)) => return Err(error.into()),
                Some(_) => {}
                None => {
                    connection.ready().await;
                    connection.pump().await?;
                }
            }
        }
    }

    /// Waits until [`pump`](Self::pump) has something to do. Dropping the future loses nothing.
    pub(super) async fn ready(&self) {
        let wake = async {
            match self.client.next_wake() {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What is wrong with the stream shows when it is read.
            _ = self.stream.readable() => {}
            () = wake => {}
        }
    }

    /// Takes what has arrived, and sends what there is to send.
    pub(super) async fn pump(&mut self) -> Result<(), DeviceError> {
        let now = Instant::now();
        match self.stream.try_read(&mut self.buffer) {
            Ok(0) => self.client.closed(),
            Ok(length) => self.client.receive(now, &self.buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.client.wake(now),
            Err(_) => self.client.closed(),
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
                Output::Send(bytes) => match timeout(WRITE_TIMEOUT, self.stream.write_all(&bytes)).await {
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

async fn connect(address: &str, port: u16, settings: &Settings) -> Result<TcpStream, DeviceError> {
    let addresses = resolve(address, port, settings).await?;
    let mut last =
        DeviceError::Resolve { address: address.to_owned(), reason: "it has no addresses".to_owned() };
    for address in addresses {
        let reason = match timeout(settings.connect_timeout, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Key presses must not wait for each other; a failure only makes them slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => format!("{address}: {error}"),
            Err(_) => format!("{address}: no answer within {} s", settings.connect_timeout.as_secs()),
        };
        last = DeviceError::Connect { reason };
    }
    Err(last)
}

/// The addresses that a name, or an address in text, stands for.
pub(crate) async fn resolve(
    address: &str,
    port: u16,
    settings: &Settings,
) -> Result<Vec<std::net::SocketAddr>, DeviceError> {
    let failed = |reason: String| DeviceError::Resolve { address: address.to_owned(), reason };
    match timeout(settings.resolve_timeout, lookup_host((address, port))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", settings.resolve_timeout.as_secs()))),
    }
}
