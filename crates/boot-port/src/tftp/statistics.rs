//! What the listeners count.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What TFTP did since it was opened.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct TftpStatistics {
            $($(#[$doc])* pub $name: u64,)*
        }

        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
        }

        impl Counters {
            pub(super) fn read(&self) -> TftpStatistics {
                TftpStatistics { $($name: self.$name.read(),)* }
            }
        }
    };
}

counters! {
    /// Requests that the shelf was asked about.
    requests,
    /// Files that arrived whole.
    done,
    /// Clients that asked only for the size.
    size_only,
    /// Requests that the shelf refused, absent files among them.
    refused,
    /// Transfers that ended before the file was whole.
    broken,
    /// Octets of files that clients acknowledged.
    octets,
    /// DATA packets sent.
    blocks,
    /// Datagrams sent again.
    repeated,
    /// Datagrams that were no TFTP packet, a path that leads out, a request to write and the like.
    malformed,
    /// Datagrams for no transfer, repetitions, acknowledgements of nothing new.
    idle,
    /// Requests that were not answered, because all transfers or those of the client were taken.
    turned_away,
    /// Transfers that stayed on the port of the requests, because the system gave no socket.
    no_socket,
    /// Windows of which the system did not take all at once.
    waits,
    /// Reads that waited for the disk.
    disk_waits,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
