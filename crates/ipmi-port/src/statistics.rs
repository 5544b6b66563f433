//! What went through a port.

use std::sync::atomic::{AtomicU64, Ordering};

/// What went through a port since it was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Datagrams sent, those of [`Statistics::retransmitted`] among them.
    pub sent: u64,
    /// Datagrams received from BMCs that are open.
    pub received: u64,
    /// Datagrams sent because nothing had come to the one before.
    pub retransmitted: u64,
}

/// The counters behind it: written by the driver, read by anybody.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) retransmitted: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Statistics {
        Statistics {
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            retransmitted: self.retransmitted.load(Ordering::Relaxed),
        }
    }
}
