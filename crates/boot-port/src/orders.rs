//! Orders for a thread that waits on sockets: they wake it.

use std::fmt;
use std::os::fd::AsFd as _;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::dhcp::OpenError;

/// The way to a thread that takes orders.
pub(crate) struct Way<O> {
    orders: mpsc::Sender<O>,
    wake: Arc<EventFd>,
}

/// The orders of a thread, as it takes them.
pub(crate) struct Orders<O> {
    orders: mpsc::Receiver<O>,
    wake: Arc<EventFd>,
}

/// A way, and its end.
///
/// # Errors
/// Where the system gives no event descriptor.
pub(crate) fn orders<O>() -> Result<(Way<O>, Orders<O>), OpenError> {
    let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
        .map_err(|error| OpenError::of("making an event descriptor", error.into()))?;
    let wake = Arc::new(wake);
    let (sender, receiver) = mpsc::channel();
    Ok((Way { orders: sender, wake: Arc::clone(&wake) }, Orders { orders: receiver, wake }))
}

impl<O> Clone for Way<O> {
    fn clone(&self) -> Self {
        Self { orders: self.orders.clone(), wake: Arc::clone(&self.wake) }
    }
}

impl<O> fmt::Debug for Way<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").finish_non_exhaustive()
    }
}

impl<O> Way<O> {
    pub(crate) fn send(&self, order: O) {
        // Neither fails before the thread has ended, after which nothing is left to be told.
        let _ = self.orders.send(order);
        let _ = self.wake.write(1);
    }
}

impl<O> Orders<O> {
    /// The next order that is there.
    pub(crate) fn next(&self) -> Option<O> {
        self.orders.try_recv().ok()
    }

    /// Waits for an order, for one of some sockets, or until a moment.
    pub(crate) fn wait<'s>(&'s self, until: Option<Instant>, sockets: impl Iterator<Item = PollFd<'s>>) {
        let timeout = until.map_or(PollTimeout::NONE, |at| {
            // A moment later than it is due rather than once before.
            let wait = at.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
            PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)
        });
        let mut waited = vec![PollFd::new(self.wake.as_fd(), PollFlags::POLLIN)];
        waited.extend(sockets);
        match poll(&mut waited, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => tracing::error!(%error, "sockets cannot be waited for"),
        }
        if waited[0].revents().is_some_and(|events| !events.is_empty()) {
            // The number of calls that it tells means nothing: the orders are in their channel.
            let _ = self.wake.read();
        }
    }
}
