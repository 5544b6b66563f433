//! The thread of the lease file: everything that has come together is written and synced at once.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use ironhand_dhcp::{Lease, StoreFailed, Ticket};

use super::Link;
use super::statistics::{Counters, count};
use super::worker::Command;
use crate::journal::Journal;

/// Leases that are to be stored together.
pub(super) type Batch = Vec<(Ticket, Lease)>;

#[derive(Debug)]
enum Work {
    Batch(Batch),
    /// A lease whose storing nobody waits for.
    Untold(Lease),
}

/// The way to the thread. When it goes, the thread stores what it was given and ends.
#[derive(Debug)]
pub(super) struct Keeper {
    work: mpsc::Sender<Work>,
}

impl Keeper {
    pub fn start(
        journal: Journal,
        link: Link,
        counters: Arc<Counters>,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (work, orders) = mpsc::channel();
        let keep = move || run(journal, &orders, &link, &counters);
        let thread = std::thread::Builder::new().name("dhcp-leases".to_owned()).spawn(keep)?;
        Ok((Self { work }, thread))
    }

    /// Stores the leases in time, and tells the server's thread.
    pub fn store(&self, batch: Batch) {
        // The thread ends only when this value goes.
        let _ = self.work.send(Work::Batch(batch));
    }

    /// Stores a lease without telling.
    pub fn store_untold(&self, lease: Lease) {
        let _ = self.work.send(Work::Untold(lease));
    }
}

fn run(mut journal: Journal, orders: &mpsc::Receiver<Work>, link: &Link, counters: &Counters) {
    let (mut leases, mut tickets) = (Vec::new(), Vec::new());
    while let Ok(first) = orders.recv() {
        for work in std::iter::once(first).chain(orders.try_iter()) {
            match work {
                Work::Batch(batch) => batch.into_iter().for_each(|(ticket, lease)| {
                    tickets.push(ticket);
                    leases.push(lease);
                }),
                Work::Untold(lease) => leases.push(lease),
            }
        }
        count(&counters.writes, 1);
        let result = journal.append(&leases);
        match &result {
            Ok(()) => count(&counters.stored, leases.len()),
            Err(error) => {
                count(&counters.store_failures, leases.len());
                let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
                let leases = leases.len();
                tracing::error!(%error, source, leases, "leases are not stored, so their clients are given none");
            }
        }
        leases.clear();
        link.send(Command::Stored(std::mem::take(&mut tickets), result.map_err(|_| StoreFailed)));
    }
}
