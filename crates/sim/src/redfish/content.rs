//! What stands behind the headers of a reply, and how it gets to the client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use ironhand_redfish::bmc::Delivery;
use tokio::time::{Instant, Sleep, sleep_until};

/// How often a stream is asked for events: they are hints, and a client that hears of them so much later loses nothing.
const LOOK: Duration = Duration::from_millis(200);

/// Where the events of a stream come from.
pub(crate) trait EventSource: Send + Sync {
    /// The next one, if there is one now.
    fn next(&self) -> Option<String>;
}

/// How long a connection lives on that is to break: what was written before must have left.
const LAST_BREATH: Duration = Duration::from_millis(100);

/// A body: at once, byte by byte, broken off, or without an end.
pub(crate) enum Content {
    Bytes(Part),
    Events { source: Box<dyn EventSource>, look: Pin<Box<Sleep>> },
}

/// Bytes that may come one by one, and may break off.
#[derive(Default)]
pub(crate) struct Part {
    rest: Bytes,
    /// What the header says of its length.
    length: u64,
    breaks: Option<Pin<Box<Sleep>>>,
    drip: Option<Drip>,
}

struct Drip {
    pause: Duration,
    next: Pin<Box<Sleep>>,
}

impl Default for Content {
    fn default() -> Self {
        Self::Bytes(Part::default())
    }
}

impl Content {
    pub(crate) fn new(bytes: Vec<u8>, delivery: Delivery) -> Self {
        let length = bytes.len() as u64;
        let mut rest = Bytes::from(bytes);
        if let Some(most) = delivery.cut_at {
            rest.truncate(most);
        }
        let breaks = (rest.len() as u64) < length;
        let breaks = breaks.then(|| Box::pin(sleep_until(Instant::now() + LAST_BREATH)));
        let first = |pause| Drip { pause, next: Box::pin(sleep_until(Instant::now() + pause)) };
        Self::Bytes(Part { rest, length, breaks, drip: delivery.drip.map(first) })
    }

    pub(crate) fn events(source: Box<dyn EventSource>) -> Self {
        Self::Events { source, look: Box::pin(sleep_until(Instant::now())) }
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, io::Error>>>;

impl Part {
    fn poll(&mut self, context: &mut Context<'_>) -> Polled {
        if self.rest.is_empty() {
            let Some(end) = &mut self.breaks else { return Poll::Ready(None) };
            ready!(end.as_mut().poll(context));
            self.breaks = None;
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        let part = match &mut self.drip {
            None => std::mem::take(&mut self.rest),
            Some(drip) => {
                ready!(drip.next.as_mut().poll(context));
                drip.next.as_mut().reset(Instant::now() + drip.pause);
                self.rest.split_to(1)
            }
        };
        self.length = self.length.saturating_sub(part.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        match &mut *self {
            Self::Bytes(part) => part.poll(context),
            Self::Events { source, look } => loop {
                if let Some(event) = source.next() {
                    return Poll::Ready(Some(Ok(Frame::data(event.into()))));
                }
                ready!(look.as_mut().poll(context));
                look.as_mut().reset(Instant::now() + LOOK);
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Bytes(part) if part.rest.is_empty() && part.breaks.is_none())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(part) => SizeHint::with_exact(part.length),
            Self::Events { .. } => SizeHint::default(),
        }
    }
}
