//! One connection that HTTP/1.1 is spoken on.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::path::{Stream, Taken};

/// What the head of an answer may take, in bytes. Controllers send cookies and policies by the kilobyte.
const LONGEST_HEAD: usize = 64 * 1024;

/// A connection, with the request that is under way on it.
///
/// Nothing moves its bytes but who waits for an answer: no task stands behind it, and to drop it is to close it.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<Stream>, Full<Bytes>>,
    ended: bool,
    /// When an answer on it ended last.
    pub(super) used: Instant,
    /// Which way it runs.
    pub(super) taken: Taken,
}

/// Why no answer came.
pub(super) struct Lost {
    /// Whether a part of the request may have gone out.
    pub(super) sent: bool,
    pub(super) error: hyper::Error,
}

impl Connection {
    pub(super) async fn new(stream: Stream, taken: Taken) -> hyper::Result<Self> {
        let (sender, driver) = http1::Builder::new()
            // Embedded servers of the older kind know header names only as specifications print them.
            .title_case_headers(true)
            .ignore_invalid_headers_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .max_buf_size(LONGEST_HEAD)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Self { sender, driver, ended: false, used: Instant::now(), taken })
    }

    /// Whether another request can be sent on it, as far as is known here.
    pub(super) async fn is_open(&mut self) -> bool {
        // One look at the socket, which tells whether the device has closed it.
        let (driver, ended) = (&mut self.driver, &mut self.ended);
        poll_fn(|cx| {
            if !*ended && pin!(&mut *driver).poll(cx).is_ready() {
                *ended = true;
            }
            Poll::Ready(())
        })
        .await;
        !self.ended && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of the answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Lost> {
        let Self { sender, driver, ended, .. } = self;
        driven(driver, ended, async {
            sender.ready().await.map_err(|error| Lost { sent: false, error })?;
            sender.try_send_request(request).await.map_err(|mut error| {
                let sent = error.take_message().is_none();
                Lost { sent, error: error.into_error() }
            })
        })
        .await
    }

    /// Moves bytes while `work` waits for them.
    pub(super) async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        driven(&mut self.driver, &mut self.ended, work).await
    }

    /// Closes it in order.
    pub(super) async fn close(self) {
        let Self { sender, driver, ended, .. } = self;
        drop(sender);
        if !ended {
            // It is closed also where the device does not take note of it.
            let _ = driver.await;
        }
    }
}

async fn driven<T>(
    driver: &mut http1::Connection<TokioIo<Stream>, Full<Bytes>>,
    ended: &mut bool,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        // How it ends is told to the work, which waits on it.
        if !*ended && pin!(&mut *driver).poll(cx).is_ready() {
            *ended = true;
            return work.as_mut().poll(cx);
        }
        Poll::Pending
    })
    .await
}
