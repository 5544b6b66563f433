//! What was done.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a port counts, and how it is read.
macro_rules! counters {
    ($(#[$about:meta])* $statistics:ident { $($(#[$text:meta])* $name:ident,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $statistics {
            $($(#[$text])* pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        pub(super) struct Tally {
            $(pub $name: std::sync::atomic::AtomicU64,)*
        }

        impl Tally {
            pub fn snapshot(&self) -> $statistics {
                $statistics { $($name: self.$name.load(std::sync::atomic::Ordering::Relaxed),)* }
            }
        }
    };
}

pub(crate) use counters;

counters! {
    /// What a [`DhcpPort`](crate::dhcp::DhcpPort) has done since it was opened.
    DhcpStatistics {
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
}}

/// Counts.
pub(crate) fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Relaxed);
}
