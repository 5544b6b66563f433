//! Keeping leases: everything that has come together is written and synced at once.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use ironhand_dhcp::{Lease, StoreFailed, Ticket};

use super::statistics::{Tally, count};
use super::worker::Command;
use crate::journal::{Durability, Journal};
use crate::orders::Way;

/// Leases that are to be stored together.
pub(super) type Batch = Vec<(Ticket, Lease)>;

/// Who keeps leases.
#[derive(Debug)]
pub(super) enum Keeper {
    /// A thread, as syncing takes milliseconds in which DISCOVERs are to be answered. When the way to it goes, it stores what
    /// it was given and ends.
    Thread(mpsc::Sender<Batch>),
    /// The server's own thread: handing leases over takes longer than writing them to the system's memory.
    Here(Box<Journal>, Arc<Tally>),
}

/// What a keeper did with leases.
pub(super) type Kept = (Vec<Ticket>, Result<(), StoreFailed>);

impl Keeper {
    /// The keeper of a journal, and its thread if it has one.
    pub fn start(
        journal: Journal,
        way: Way<Command>,
        tally: Arc<Tally>,
    ) -> io::Result<(Self, Option<JoinHandle<()>>)> {
        if journal.durability() == Durability::Write {
            return Ok((Self::Here(Box::new(journal), tally), None));
        }
        let (batches, orders) = mpsc::channel();
        let keep = move || run(journal, &orders, &way, &tally);
        let thread = std::thread::Builder::new().name("dhcp-leases".to_owned()).spawn(keep)?;
        Ok((Self::Thread(batches), Some(thread)))
    }

    /// Stores leases, now or in time. What came of it is told here, or else to the server's thread by a command.
    pub fn store(&mut self, batch: Batch) -> Option<Kept> {
        match self {
            Self::Thread(batches) => {
                // The thread ends only when this value goes.
                let _ = batches.send(batch);
                None
            }
            Self::Here(journal, tally) => Some(keep(journal, std::iter::once(batch), tally)),
        }
    }
}

fn run(mut journal: Journal, orders: &mpsc::Receiver<Batch>, way: &Way<Command>, tally: &Tally) {
    while let Ok(first) = orders.recv() {
        let (tickets, result) = keep(&mut journal, std::iter::once(first).chain(orders.try_iter()), tally);
        way.send(Command::Stored(tickets, result));
    }
}

fn keep(journal: &mut Journal, batches: impl Iterator<Item = Batch>, tally: &Tally) -> Kept {
    let (tickets, leases): (Vec<Ticket>, Vec<Lease>) = batches.flatten().unzip();
    count(&tally.writes, 1);
    let result = journal.append(&leases);
    match &result {
        Ok(()) => count(&tally.stored, leases.len()),
        Err(error) => {
            count(&tally.store_failures, leases.len());
            let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            let leases = leases.len();
            tracing::error!(%error, source, leases, "leases are not stored, so their clients are given none");
        }
    }
    (tickets, result.map_err(|_| StoreFailed))
}
