//! What the listener counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the listener was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpCounts {
    /// Connections that were accepted and served.
    pub connections: u64,
    /// Connections that were turned away because there were too many, in all or of one client.
    pub turned_away: u64,
    /// Requests that were read.
    pub requests: u64,
    /// Requests that follow no grammar, lead upwards, or ask for what is not spoken here.
    pub refused: u64,
    /// Connections that ended because a head did not come in time, or nothing came for long.
    pub timed_out: u64,
    /// Connections that ended because the client took what was sent too slowly.
    pub stalled: u64,
    /// TLS handshakes that failed.
    pub handshakes_failed: u64,
    /// Bytes of contents that the system took.
    pub bytes: u64,
}

/// One count.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    Connection,
    TurnedAway,
    Request,
    Refused,
    TimedOut,
    Stalled,
    HandshakeFailed,
    Bytes,
}

/// The counts that all threads add to.
#[derive(Debug, Default)]
pub(super) struct Counters([AtomicU64; 8]);

impl Counters {
    pub(super) fn add(&self, count: Count, number: u64) {
        self.0[count as usize].fetch_add(number, Ordering::Relaxed);
    }

    pub(super) fn one(&self, count: Count) {
        self.add(count, 1);
    }

    pub(super) fn counts(&self) -> HttpCounts {
        let of = |count: Count| self.0[count as usize].load(Ordering::Relaxed);
        HttpCounts {
            connections: of(Count::Connection),
            turned_away: of(Count::TurnedAway),
            requests: of(Count::Request),
            refused: of(Count::Refused),
            timed_out: of(Count::TimedOut),
            stalled: of(Count::Stalled),
            handshakes_failed: of(Count::HandshakeFailed),
            bytes: of(Count::Bytes),
        }
    }
}
