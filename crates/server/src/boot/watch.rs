//! What is seen of boots: taken from the threads that serve packets without holding them up, followed as timelines, told as
//! events in batches.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ironhand_api::{BootRecord, EventKind, MacAddress, Machine, Name, Severity, Timestamp};
use ironhand_model::{BootNews, BootProgress, BootSighting, BootTold};
use ironhand_store::{EventDraft, Store, StoreError};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::registrar::Registrar;
use super::told::draft;
use crate::clock;
use crate::http::chain;

/// Sightings that wait to be followed: those of some thousand machines at once. What comes beyond is counted and left out,
/// as the machines themselves must not wait.
const WAITING: usize = 65_536;

/// Sightings that are taken at a time.
const AT_ONCE: usize = 1_024;

/// How long news are gathered before they are written in one transaction.
const GATHERED: Duration = Duration::from_millis(250);

/// Events that wait for a store that fails. What comes beyond is left out: the timelines have it.
const MOST_EVENTS: usize = 100_000;

/// Something that the watch takes note of.
pub(crate) enum Note {
    /// Of a machine that boots.
    Sighting(BootSighting),
    /// A machine that no host describes, with what it said of itself.
    Machine(Box<Machine>),
    /// Something to tell beside, of a host or of none.
    Event(Option<Name>, Timestamp, Box<EventDraft>),
}

/// The watch over boots; cheap to clone.
#[derive(Clone)]
pub(crate) struct BootWatch {
    notes: mpsc::Sender<Note>,
    book: Arc<Mutex<Book>>,
    left_out: Arc<AtomicU64>,
}

/// What is known.
struct Book {
    progress: BootProgress,
    registrar: Registrar,
}

impl BootWatch {
    /// Begins to watch, with the machines that the store knows; gives the work to be spawned.
    ///
    /// # Errors
    ///
    /// Where the store fails.
    pub(crate) async fn start(
        store: Store,
        stop: CancellationToken,
    ) -> Result<(Self, impl Future<Output = ()> + Send), StoreError> {
        let (notes, waiting) = mpsc::channel(WAITING);
        let registrar = Registrar::new(store.machines().await?);
        let book = Arc::new(Mutex::new(Book { progress: BootProgress::new(), registrar }));
        let watch = Self { notes, book: Arc::clone(&book), left_out: Arc::default() };
        let work = follow(Follower { store, book, events: Vec::new() }, waiting, stop);
        Ok((watch, work))
    }

    /// Takes note of something. Never waits.
    pub(crate) fn note(&self, note: Note) {
        if self.notes.try_send(note).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The boots that are wanted, the newest first.
    pub(crate) fn records(&self, limit: usize, wanted: impl Fn(&BootRecord) -> bool) -> Vec<BootRecord> {
        let book = lock(&self.book);
        book.progress.records().filter(|record| wanted(record)).take(limit).cloned().collect()
    }

    /// The machines that booted, and that may have become hosts since.
    pub(crate) fn machines(&self) -> Vec<Machine> {
        lock(&self.book).registrar.machines()
    }

    /// Forgets a machine; says whether it was known.
    ///
    /// # Errors
    ///
    /// Where the store fails.
    pub(crate) async fn forget(&self, store: &Store, mac: MacAddress) -> Result<bool, StoreError> {
        let known = lock(&self.book).registrar.forget(mac);
        Ok(store.drop_machine(mac).await? || known)
    }

    /// What was left out since the server was started: notes that came too fast, and machines beyond the bounds.
    pub(crate) fn left_out(&self) -> (u64, u64) {
        (self.left_out.load(Ordering::Relaxed), lock(&self.book).registrar.left_out())
    }

    /// How many boots stand where.
    pub(crate) fn states(&self) -> Vec<(ironhand_api::BootState, u64)> {
        let mut counts = std::collections::BTreeMap::new();
        for record in lock(&self.book).progress.records() {
            *counts.entry(record.state).or_default() += 1;
        }
        counts.into_iter().collect()
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    // Whoever panicked left whole timelines behind: each note is taken in one go.
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The one who writes.
struct Follower {
    store: Store,
    book: Arc<Mutex<Book>>,
    events: Vec<(Option<Name>, Timestamp, EventDraft)>,
}

async fn follow(mut follower: Follower, mut waiting: mpsc::Receiver<Note>, stop: CancellationToken) {
    let mut notes = Vec::with_capacity(AT_ONCE);
    let mut flush = Instant::now() + GATHERED;
    loop {
        let wake = follower.next_wake().min(flush);
        tokio::select! {
            count = waiting.recv_many(&mut notes, AT_ONCE) => if count == 0 { break },
            () = sleep_until(wake) => {}
            () = stop.cancelled() => break,
        }
        follower.take(&mut notes);
        if Instant::now() >= flush {
            follower.write().await;
            flush = Instant::now() + GATHERED;
        }
    }
    waiting.close();
    while let Ok(note) = waiting.try_recv() {
        notes.push(note);
    }
    follower.take(&mut notes);
    follower.write().await;
}

impl Follower {
    fn next_wake(&self) -> Instant {
        let now = clock::now();
        let due = lock(&self.book).progress.next_wake();
        Instant::now() + due.map_or(Duration::from_secs(3600), |due| due.since(now))
    }

    /// Takes notes into the book, and what is to be told out of it.
    fn take(&mut self, notes: &mut Vec<Note>) {
        let now = clock::now();
        let mut book = lock(&self.book);
        for note in notes.drain(..) {
            match note {
                Note::Sighting(sighting) => book.progress.see(sighting),
                Note::Event(host, at, draft) => self.events.push((host, at, *draft)),
                Note::Machine(machine) => {
                    let mac = machine.mac;
                    if let Some(found) = book.registrar.register(*machine) {
                        self.events.push((None, now, found_draft(&found)));
                    }
                    if let Some(boot) = book.progress.boot_of(mac) {
                        book.registrar.booted(mac, boot);
                    }
                }
            }
        }
        book.progress.wake(now);
        while let Some(news) = book.progress.next_output() {
            let BootNews { at, host, mac, boot, what } = &news;
            if matches!(what, BootTold::Began { .. }) {
                book.registrar.booted(*mac, *boot);
            }
            self.events.push((host.clone(), *at, draft(&news)));
        }
        if self.events.len() > MOST_EVENTS {
            tracing::warn!("events of boots are left out: the store does not take them");
            self.events.truncate(MOST_EVENTS);
        }
    }

    async fn write(&mut self) {
        let machines = lock(&self.book).registrar.take_changed();
        if !machines.is_empty() {
            let most = u64::try_from(super::registrar::MOST_MACHINES).unwrap_or(u64::MAX);
            if let Err(error) = self.store.put_machines(machines.clone(), most).await {
                tracing::error!(error = %chain(&error), "machines that booted were not kept: the store failed");
                lock(&self.book).registrar.not_kept(&machines);
            }
        }
        if self.events.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_all(self.events.clone()).await {
            tracing::error!(error = %chain(&error), "boots are not told of: the store failed");
            return;
        }
        self.events.clear();
    }
}

fn found_draft(machine: &Machine) -> EventDraft {
    let mut words = format!("{} booted over the network and is no host: it is free", machine.mac);
    let what: Vec<&str> = [&machine.manufacturer, &machine.product, &machine.architecture]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    if !what.is_empty() {
        words.push_str(&format!(" ({})", what.join(", ")));
    }
    if let Some(network) = &machine.network {
        words.push_str(&format!("; network {network}"));
    }
    EventDraft::new(EventKind::MachineFound, Severity::Info, words)
}
