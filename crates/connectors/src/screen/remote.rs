//! Remote consoles of controllers that are no remote framebuffers.

use std::collections::VecDeque;
use std::time::Instant;

use futures_util::future::BoxFuture;
use ironhand_console::keys::{Keyboard, Stroke};
use ironhand_console::{Image, PictureMark};
use ironhand_kvm::{Output, Picture};

use super::web_session::WebSession;
use super::wire::{Arrived, Wire};
use super::{Given, ScreenEvent, ScreenSource};
use crate::Error;
use crate::path::{Stream, Taken};

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
    wire: Wire,
    viewer: V,
    events: VecDeque<Told>,
    given: Given,
    /// What the console was opened under.
    web: Option<WebSession>,
}

impl<V: Viewer> Remote<V> {
    /// Gets let in.
    pub(super) async fn open(stream: Stream, taken: Taken, viewer: V) -> Result<Self, Error> {
        let wire = Wire::new(stream, taken);
        let mut remote = Self { wire, viewer, events: VecDeque::new(), given: Given::default(), web: None };
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
                    told => {
                        if matches!(told, Told::Updated) {
                            self.given.changed();
                        }
                        self.events.push_back(told);
                    }
                },
                Output::Send(bytes) => self.wire.send(&bytes).await?,
            }
        }
        Ok(())
    }
}

impl<V: Viewer> ScreenSource for Remote<V> {
    fn ready(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(self.wire.ready(self.viewer.next_wake()))
    }

    fn pump(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        let now = Instant::now();
        match self.wire.take() {
            Arrived::Nothing => self.viewer.wake(now),
            Arrived::Bytes(bytes) => self.viewer.receive(now, bytes),
            Arrived::End => self.viewer.closed(),
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

    fn image(&mut self, before: Option<PictureMark>) -> Option<Image> {
        if self.given.is(before) {
            return None;
        }
        let picture = self.viewer.picture()?;
        self.given.unlike(before, picture.width(), picture.height(), picture.pixels())
    }

    fn rest(&mut self) {
        self.wire.rest();
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
            self.wire.close().await;
            if let Some(web) = self.web {
                web.close().await;
            }
        })
    }
}
