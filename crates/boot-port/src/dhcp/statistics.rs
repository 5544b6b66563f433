//! What was done.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$text:meta])* $name:ident,)*) => {
        /// What a [`DhcpPort`](crate::dhcp::DhcpPort) has done since it was opened.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct DhcpStatistics {
            $($(#[$text])* pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        pub(super) struct Tally {
            $(pub $name: AtomicU64,)*
        }

        impl Tally {
            pub fn snapshot(&self) -> DhcpStatistics {
                DhcpStatistics { $($name: self.$name.load(Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Datagrams that came in.
    received,
    /// Datagrams that the system took.
    sent,
    /// Datagrams that the system did not take, or that found no room.
    send_failures,
    /// Leases that were stored, renewals and releases included.
    stored,
    /// Leases that could not be stored.
    store_failures,
    /// Writes of the lease file, each of all the leases that had come together.
    writes,
    /// Addresses that were probed.
    probes,
    /// Events that nobody read in time.
    events_dropped,
}

/// Counts.
pub(super) fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Relaxed);
}
