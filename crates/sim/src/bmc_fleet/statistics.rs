//! What a fleet of BMCs has counted.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// What all BMCs of a fleet together have seen since they started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Statistics {
    /// Datagrams that came.
    pub received: u64,
    /// Datagrams that were sent.
    pub sent: u64,
    /// Datagrams of either way that a fault swallowed, or that a full socket buffer did not take.
    pub lost: u64,
    /// Datagrams that had no effect at a BMC.
    pub ignored: u64,
    /// Sessions that consoles opened.
    pub sessions_opened: u64,
    /// Logins that failed.
    pub failed_logins: u64,
    /// Commands that were carried out; a repeated request counts once.
    pub commands: u64,
    /// Requests to Redfish services.
    pub requests: u64,
    /// BMCs that something was sent to.
    pub bmcs_asked: u64,
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} BMCs were asked: {} datagrams in, {} out, {} lost, {} ignored; {} sessions, {} failed logins, {} commands",
            self.bmcs_asked,
            self.received,
            self.sent,
            self.lost,
            self.ignored,
            self.sessions_opened,
            self.failed_logins,
            self.commands
        )?;
        if self.requests > 0 { write!(f, ", {} Redfish requests", self.requests) } else { Ok(()) }
    }
}

/// A number that many threads count up.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        // The numbers do not depend on each other.
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// [`Statistics`] while they are counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) received: Count,
    pub(super) sent: Count,
    pub(super) lost: Count,
    pub(super) ignored: Count,
    pub(super) sessions_opened: Count,
    pub(super) failed_logins: Count,
    pub(super) commands: Count,
    pub(super) requests: Count,
    pub(super) bmcs_asked: Count,
}

impl Counters {
    pub(super) fn statistics(&self) -> Statistics {
        Statistics {
            received: self.received.get(),
            sent: self.sent.get(),
            lost: self.lost.get(),
            ignored: self.ignored.get(),
            sessions_opened: self.sessions_opened.get(),
            failed_logins: self.failed_logins.get(),
            commands: self.commands.get(),
            requests: self.requests.get(),
            bmcs_asked: self.bmcs_asked.get(),
        }
    }
}
