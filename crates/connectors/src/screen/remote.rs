//! Remote consoles of controllers that are no remote framebuffers.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use ironhand_console::Image;
use ironhand_console::keys::{Keyboard, Stroke};
use ironhand_kvm::{Output, Picture};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::web_session::WebSession;
use super::{ScreenEvent, ScreenSource};
use crate::Error;
use crate::path::{Stream, Taken};

/// Bytes read at a time: a picture of 1024x768 takes a few turns.
const BUFFER: usize = 64 * 1024;

/// How long the other side may refuse to take what is sent, a few bytes for each key and request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a machine of `ironhand_kvm` tells, in the words that all have in common.
pub(super) enum Told {
    /// The controller let us in.
    Connected,
    Updated,
    ScreenOff,
    /// Nothing that matters here.
    Nothing,
    Failed(ironhand_kvm::Error),
}

/// A viewer's machine.
pub(super) trait Viewer: Send + 'static {
    /// What it tells.
    type Event: Send;
    fn receive(&mut self, now: Instant, bytes: &[u8]);
    fn closed(&mut self);
    fn wake(&mut self, now: Instant);
    fn next_wake(&self) -> Option<Instant>;
    fn next_output(&mut self) -> Option<Output<Self::Event>>;
    fn picture(&self) -> Option<&Picture>;
    fn request(&mut self, now: Instant, incremental: bool);
    /// Presses or releases a key; says why where its keys go nowhere at present.
    fn key(&mut self, usage: u8, down: bool) -> Result<(), Error>;
    /// Prepares the good-bye.
    fn stop(&mut self);
    fn told(event: Self::Event) -> Told;
}

/// A console that lets us in.
pub(super) struct Remote<V: Viewer> {
    stream: Stream,
    taken: Taken,
    viewer: V,
    events: VecDeque<Told>,
    buffer: Vec<u8>,
    /// How much of the buffer was read and not taken in yet, or how reading failed.
    arrived: Option<io::Result<usize>>,
    /// What the console was opened under.
    web: Option<WebSession>,
}

impl<V: Viewer> Remote<V> {
    /// Gets let in.
    pub(super) async fn open(stream: Stream, taken: Taken, viewer: V) -> Result<Self, Error> {
        let mut remote = Self {
            stream,
            taken,
            viewer,
            events: VecDeque::new(),
            buffer: vec![0; BUFFER],
            arrived: None,
            web: None,
        };
        remote.flush().await?;
        loop {
            match remote.events.pop_front() {
                Some(Told::Connected) => return Ok(remote),
                Some(Told::Failed(error)) => return Err(error.into()),
                Some(_) => {}
                None => {
                    remote.ready().await;
                    remote.pump().await?;
                }
            }
        }
    }

    /// With the session that ends when the console is closed.
    pub(super) fn under(mut self, web: WebSession) -> Self {
        self.web = Some(web);
        self
    }

    async fn flush(&mut self) -> Result<(), Error> {
        while let Some(output) = self.viewer.next_output() {
            match output {
                Output::Event(event) => match V::told(event) {
                    Told::Nothing => {}
                    told => self.events.push_back(told),
                },
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

impl<V: Viewer> ScreenSource for Remote<V> {
    fn ready(&mut self) -> BoxFuture<'_, ()> {
        let Self { stream, viewer, buffer, arrived, .. } = self;
        let wake = viewer.next_wake();
        Box::pin(async move {
            if arrived.is_some() {
                return;
            }
            let wake = async {
                match wake {
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
        let now = Instant::now();
        match self.arrived.take() {
            None => self.viewer.wake(now),
            Some(Ok(length @ 1..)) => {
                self.viewer.receive(now, self.buffer.get(..length).unwrap_or_default());
            }
            Some(Ok(0) | Err(_)) => self.viewer.closed(),
        }
        Box::pin(self.flush())
    }

    fn next_event(&mut self) -> Option<ScreenEvent> {
        loop {
            match self.events.pop_front()? {
                Told::Updated => return Some(ScreenEvent::Updated),
                Told::ScreenOff => {
                    let reason = "the host shows nothing".to_owned();
                    return Some(ScreenEvent::NoPicture(Error::NoPicture { reason }));
                }
                Told::Failed(error) => return Some(ScreenEvent::Failed(error.into())),
                Told::Connected | Told::Nothing => {}
            }
        }
    }

    fn request_update(&mut self, incremental: bool) -> BoxFuture<'_, Result<(), Error>> {
        self.viewer.request(Instant::now(), incremental);
        Box::pin(self.flush())
    }

    fn image(&self, before: Option<&Image>) -> Option<Image> {
        let picture = self.viewer.picture()?;
        let (width, height) = (u32::from(picture.width()), u32::from(picture.height()));
        let same = before.is_some_and(|before| {
            (before.width, before.height) == (width, height) && before.pixels == picture.pixels()
        });
        (!same).then(|| Image { width, height, pixels: picture.pixels().to_vec() })
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn is_lossy(&self) -> bool {
        true
    }

    fn keyboard(&self) -> Option<Keyboard> {
        Some(Keyboard::Positions)
    }

    fn key(&mut self, stroke: Stroke) -> BoxFuture<'_, Result<(), Error>> {
        let pressed = match stroke.usage {
            Some(usage) => self.viewer.key(usage, stroke.down),
            None => {
                Err(Error::Unsupported { what: "press a key that has no place on a keyboard".to_owned() })
            }
        };
        Box::pin(async move {
            self.flush().await?;
            pressed
        })
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.viewer.stop();
            // The other side may be gone already.
            let _ = self.flush().await;
            let _ = timeout(WRITE_TIMEOUT, self.stream.shutdown()).await;
            if let Some(web) = self.web.take() {
                web.close().await;
            }
        })
    }
}

async fn send(stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    // A tunnel may gather what is written.
    stream.flush().await
}
