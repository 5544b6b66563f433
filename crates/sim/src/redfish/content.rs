//! What stands behind the headers of a reply, and how it gets to the client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use ironhand_redfish::bmc::Delivery;
use tokio::time::{Instant, Sleep, sleep_until};

/// A body that may come byte by byte, and may break off.
#[derive(Default)]
pub(crate) struct Content {
    rest: Bytes,
    /// What the header says of its length.
    length: u64,
    breaks: bool,
    drip: Option<Drip>,
}

struct Drip {
    pause: std::time::Duration,
    next: Pin<Box<Sleep>>,
}

impl Content {
    pub(crate) fn new(bytes: Vec<u8>, delivery: Delivery) -> Self {
        let length = bytes.len() as u64;
        let mut rest = Bytes::from(bytes);
        if let Some(most) = delivery.cut_at {
            rest.truncate(most);
        }
        let breaks = (rest.len() as u64) < length;
        let drip =
            delivery.drip.map(|pause| Drip { pause, next: Box::pin(sleep_until(Instant::now() + pause)) });
        Self { rest, length, breaks, drip }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest.is_empty() {
            let broken = std::mem::take(&mut self.breaks);
            return Poll::Ready(broken.then(|| Err(io::ErrorKind::ConnectionAborted.into())));
        }
        let part = match &mut self.drip {
            None => std::mem::take(&mut self.rest),
            Some(drip) => {
                ready!(drip.next.as_mut().poll(context));
                let next = Instant::now() + drip.pause;
                drip.next.as_mut().reset(next);
                self.rest.split_to(1)
            }
        };
        self.length = self.length.saturating_sub(part.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && !self.breaks
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
