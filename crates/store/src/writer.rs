//! The one task that writes. Writes that arrive while another transaction is being synced to the disk share the next
//! one, so a busy fleet pays for one sync where it would have paid for dozens, and nobody waits for a write that
//! arrived later.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use sqlx::{AnyConnection, AnyPool, Connection};
use tokio::sync::{mpsc, oneshot, watch};

use crate::StoreError;
use crate::keyring::Keyring;
use crate::seal::{KeyId, Sealer};
use crate::sequence::Sequences;
use crate::sqlite::{BEGIN_WRITING, meaning};

/// Writes that wait for their turn. Beyond it, callers wait to queue: a slow disk must slow its writers down, not
/// fill the memory.
const QUEUE: usize = 256;

/// Writes that share a transaction at most, so that the first of them does not wait for ever: some dozen milliseconds
/// of work, about what it takes a disk to sync.
const BATCH: usize = 512;

/// One write, as a value that the writer runs when its turn comes.
///
/// A write that fails leaves no trace: it runs inside a savepoint. It waits for nothing but the database.
pub(crate) trait Write: Send + 'static {
    /// What the caller gets back when it is durable.
    type Done: Send + 'static;

    fn run(self, turn: &mut Turn<'_>) -> impl Future<Output = Result<Self::Done, StoreError>> + Send;
}

/// What a write works with while it is its turn.
pub(crate) struct Turn<'t> {
    pub(crate) connection: &'t mut AnyConnection,
    pub(crate) sequences: &'t mut Sequences,
    /// The keys of this transaction.
    pub(crate) sealer: &'t mut Sealer,
}

/// Writes that come before all others and wait for their turn: a server has few of them under way at once.
const URGENT: usize = 16;

/// Where writes are handed in.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    urgent: mpsc::Sender<Box<dyn Job>>,
    announce: watch::Sender<u64>,
}

enum Message {
    Write(Box<dyn Job>),
    /// A write that comes before all others.
    First(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the task; it ends when the last `Writer` is dropped or [`close`](Self::close)d.
    ///
    /// Notes the key that seals where the database wants another one that is not at hand: whoever brings it a new key
    /// file has lost the old one.
    pub(crate) async fn start(pool: AnyPool, keyring: Arc<Keyring>) -> Result<Self, StoreError> {
        let failed = |error| meaning("begin to write", error);
        let mut transaction = pool.begin_with(BEGIN_WRITING).await.map_err(failed)?;
        let mut sequences = Sequences::lock(&mut transaction).await?;
        let sealer = keyring.sealer().sealing_under(sequences.sealed_under);
        if sequences.sealed_under != Some(sealer.id()) {
            sequences.sealed_under = Some(sealer.id());
            sequences.advance(&mut transaction).await?;
        }
        transaction.commit().await.map_err(failed)?;
        keyring.put(sealer.sealing_under(sequences.sealed_under));
        let (queue, messages) = mpsc::channel(QUEUE);
        let (hurry, urgent) = mpsc::channel(URGENT);
        let announce = watch::Sender::new(sequences.event);
        tokio::spawn(Task { pool, keyring, messages, urgent, announce: announce.clone() }.run());
        Ok(Self { queue, urgent: hurry, announce })
    }

    /// Queues a write and waits until it is durable. A caller that stops waiting does not stop the write.
    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Done, StoreError> {
        let (reply, done) = oneshot::channel();
        let job = Box::new(Queued { write, reply });
        self.queue.send(Message::Write(job)).await.map_err(|_| StoreError::Closed)?;
        done.await.map_err(|_| StoreError::Closed)?
    }

    /// Like [`write`](Self::write), before all that waits: it waits for the write that is being run, and for one sync. For what
    /// is worth nothing when it comes late, like the renewal of a lease.
    pub(crate) async fn write_first<W: Write>(&self, write: W) -> Result<W::Done, StoreError> {
        let (reply, done) = oneshot::channel();
        let job = Box::new(Queued { write, reply });
        self.urgent.send(job).await.map_err(|_| StoreError::Closed)?;
        done.await.map_err(|_| StoreError::Closed)?
    }

    /// Lets the queued writes finish, then closes the connection.
    pub(crate) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_ok() {
            // An error means that the task has ended already.
            let _ = closed.await;
        }
    }

    /// The id of the last durable event, as it rises.
    pub(crate) fn last_event(&self) -> watch::Receiver<u64> {
        self.announce.subscribe()
    }

    /// Lets everybody know of an event that is durable.
    pub(crate) fn announce(&self, event: u64) {
        announce(&self.announce, event);
    }
}

/// Two may know of events at the same time: the id only rises.
fn announce(to: &watch::Sender<u64>, event: u64) {
    to.send_if_modified(|last| {
        let risen = *last < event;
        *last = event.max(*last);
        risen
    });
}

struct Task {
    pool: AnyPool,
    keyring: Arc<Keyring>,
    messages: mpsc::Receiver<Message>,
    urgent: mpsc::Receiver<Box<dyn Job>>,
    announce: watch::Sender<u64>,
}

impl Task {
    async fn run(mut self) {
        let mut next = self.next().await;
        loop {
            let (job, is_urgent) = match next {
                Some(Message::Write(job)) => (job, false),
                Some(Message::First(job)) => (job, true),
                Some(Message::Close(_)) | None => break,
            };
            next = match self.run_batch(job, is_urgent).await {
                Some(message) => Some(message),
                None => self.next().await,
            };
        }
        self.messages.close();
        self.urgent.close();
        self.pool.close().await;
        if let Some(Message::Close(reply)) = next {
            // An error means that the caller waits no longer.
            let _ = reply.send(());
        }
    }

    /// What is to be done next; none where nobody can ask for anything any more.
    async fn next(&mut self) -> Option<Message> {
        tokio::select! {
            biased;
            Some(job) = self.urgent.recv() => Some(Message::First(job)),
            message = self.messages.recv() => message,
        }
    }

    /// The keys of a transaction, given the key under which the database wants its secrets: another handle may have
    /// replaced the one that was used so far.
    async fn sealer(&self, wanted: Option<KeyId>) -> Result<Sealer, StoreError> {
        let sealer = self.keyring.sealer();
        if wanted == Some(sealer.id()) {
            return Ok(sealer);
        }
        Ok(self.keyring.reload().await?.sealing_under(wanted))
    }

    /// Runs `first` and what else waits in one transaction, or `first` alone where it is urgent. Returns a message that is not a write, if one came.
    async fn run_batch(&mut self, first: Box<dyn Job>, mut is_urgent: bool) -> Option<Message> {
        let begun = async {
            let mut transaction = self
                .pool
                .begin_with(BEGIN_WRITING)
                .await
                .map_err(|error| meaning("begin a transaction", error))?;
            let sequences = Sequences::lock(&mut transaction).await?;
            let sealer = self.sealer(sequences.sealed_under).await?;
            Ok((transaction, sequences, sealer))
        };
        let (mut transaction, before, mut sealer) = match begun.await {
            Ok(begun) => begun,
            Err(error) => {
                first.refuse(error);
                return None;
            }
        };
        let mut sequences = before;
        let mut settled = Vec::new();
        let mut other = None;
        let mut job = first;
        let ran = loop {
            match run_in_savepoint(job, &mut transaction, &mut sequences, &mut sealer).await {
                (reply, Ok(())) => settled.push(reply),
                (reply, Err(error)) => {
                    settled.push(reply);
                    break Err(error);
                }
            }
            // What is urgent waits for nothing that could come behind it.
            if settled.len() == BATCH || is_urgent {
                break Ok(());
            }
            if let Ok(next) = self.urgent.try_recv() {
                (job, is_urgent) = (next, true);
                continue;
            }
            match self.messages.try_recv() {
                Ok(Message::Write(next)) => job = next,
                Ok(message) => {
                    other = Some(message);
                    break Ok(());
                }
                Err(_) => break Ok(()),
            }
        };
        let committed = match ran {
            Ok(()) if sequences == before => Ok(()),
            Ok(()) => sequences.advance(&mut transaction).await,
            Err(error) => Err(error),
        };
        let committed = match committed {
            Ok(()) => transaction.commit().await.map_err(|error| meaning("commit", error)),
            // Dropping the transaction rolls it back before the connection is used again.
            Err(error) => Err(error),
        };
        if committed.is_ok() {
            if sequences.sealed_under != before.sealed_under {
                self.keyring.put(sealer);
            }
            announce(&self.announce, sequences.event);
        }
        for reply in settled {
            reply(committed.clone());
        }
        other
    }
}

/// Runs one write. Where it fails it alone is undone; the error returned is one that ends the whole batch.
async fn run_in_savepoint(
    job: Box<dyn Job>,
    connection: &mut AnyConnection,
    sequences: &mut Sequences,
    sealer: &mut Sealer,
) -> (Reply, Result<(), StoreError>) {
    let before = (*sequences, sealer.clone());
    let mut savepoint = match connection.begin().await {
        Ok(savepoint) => savepoint,
        Err(error) => {
            let error = meaning("set a savepoint", error);
            let refusal = error.clone();
            return (Box::new(move |_| job.refuse(refusal)), Err(error));
        }
    };
    let (done, reply) =
        job.run(&mut Turn { connection: &mut savepoint, sequences, sealer: &mut *sealer }).await;
    if done {
        return (reply, savepoint.commit().await.map_err(|error| meaning("release a savepoint", error)));
    }
    (*sequences, *sealer) = before;
    (reply, savepoint.rollback().await.map_err(|error| meaning("undo a write", error)))
}

/// Tells the caller of a write how it went, given how the commit of its transaction went.
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A [`Write`] with its type forgotten.
trait Job: Send {
    /// Runs it; says whether it is to be kept.
    fn run<'t>(
        self: Box<Self>,
        turn: &'t mut Turn<'_>,
    ) -> Pin<Box<dyn Future<Output = (bool, Reply)> + Send + 't>>;

    /// Tells the caller that it could not even be begun.
    fn refuse(self: Box<Self>, error: StoreError);
}

struct Queued<W: Write> {
    write: W,
    reply: oneshot::Sender<Result<W::Done, StoreError>>,
}

impl<W: Write> Job for Queued<W> {
    fn run<'t>(
        self: Box<Self>,
        turn: &'t mut Turn<'_>,
    ) -> Pin<Box<dyn Future<Output = (bool, Reply)> + Send + 't>> {
        Box::pin(async move {
            let Self { write, reply } = *self;
            let result = write.run(turn).await;
            let done = result.is_ok();
            let tell: Reply = Box::new(move |committed| {
                // An error means that the caller waits no longer.
                let _ = reply.send(result.and_then(|done| committed.map(|()| done)));
            });
            (done, tell)
        })
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}
