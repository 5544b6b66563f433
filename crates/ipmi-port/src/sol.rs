//! A BMC's serial console as a stream with two ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ironhand_ipmi::sol::{SolClosed, SolConfig, SolEvent};
use ironhand_ipmi::{Client, Error};
use tokio::sync::{mpsc, oneshot};

use crate::driver::Driver;
use crate::{Bmc, BmcKey, Command};

/// Bytes that may wait to be read before the BMC is asked to hold the machine's output: some screens full.
const UNREAD_LIMIT: usize = 64 * 1024;

/// The console is closed. Why, its [`SolReader`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the serial console is closed")]
pub struct SolEnded;

/// What is asked of a BMC's console.
pub(crate) enum Order {
    Open { config: SolConfig, teller: Teller },
    Write { characters: Vec<u8>, taken: oneshot::Sender<()> },
    Settle { settled: oneshot::Sender<()> },
    Break,
    Resume,
    Close,
}

/// Tells a reader what happens.
#[derive(Debug)]
pub(crate) struct Teller {
    /// Bounded: where `unread` exceeds its limit the BMC is asked to hold, and what it sends all the same is refused.
    events: mpsc::UnboundedSender<SolEvent>,
    unread: Arc<AtomicUsize>,
}

/// What an event counts against [`UNREAD_LIMIT`].
fn cost(event: &SolEvent) -> usize {
    match event {
        SolEvent::Data(characters) => characters.len() + 1,
        _ => 1,
    }
}

impl Teller {
    /// Tells an event; says how many bytes are unread then, `None` if nobody reads.
    fn tell(&self, event: SolEvent) -> Option<usize> {
        let cost = cost(&event);
        let unread = self.unread.load(Ordering::Relaxed);
        let small = !matches!(event, SolEvent::Data(_) | SolEvent::Closed(_));
        if small && unread > 2 * UNREAD_LIMIT {
            // A BMC cannot fill the memory with breaks either.
            return Some(unread);
        }
        let unread = self.unread.fetch_add(cost, Ordering::Relaxed) + cost;
        self.events.send(event).ok().map(|()| unread)
    }
}

/// The console that is open at a BMC, as the driver sees it.
#[derive(Debug)]
pub(crate) struct Console {
    teller: Teller,
    paused: bool,
    writing: Option<Writing>,
    settling: Option<oneshot::Sender<()>>,
}

/// Characters that the machine has not yet taken.
#[derive(Debug)]
struct Writing {
    characters: Vec<u8>,
    from: usize,
    taken: oneshot::Sender<()>,
}

impl Console {
    /// Does what is asked; what needs a console is dropped where there is none, which its asker sees.
    pub(crate) fn order(slot: &mut Option<Box<Self>>, client: &mut Client, now: Instant, order: Order) {
        match (order, &mut *slot) {
            (Order::Open { teller, .. }, Some(_)) => {
                // An error means that nobody waits for it.
                let _ = teller.tell(SolEvent::Closed(SolClosed::InUse));
            }
            (Order::Open { config, teller }, None) => {
                *slot = Some(Box::new(Self { teller, paused: false, writing: None, settling: None }));
                client.activate_sol(now, config);
            }
            (_, None) => {}
            (Order::Write { characters, taken }, Some(console)) => {
                // What is left of a write that was given up goes first.
                let left = console.writing.take().map(|writing| writing.characters[writing.from..].to_vec());
                let characters = [left.unwrap_or_default(), characters].concat();
                console.writing = Some(Writing { characters, from: 0, taken });
            }
            (Order::Settle { settled }, Some(console)) => console.settling = Some(settled),
            (Order::Break, Some(_)) => client.send_sol_break(now),
            (Order::Resume, Some(console)) => {
                console.paused = false;
                client.pause_sol(now, false);
            }
            (Order::Close, Some(_)) => client.deactivate_sol(now),
        }
    }

    /// Tells what happened, and holds the machine's output while nobody keeps up with it.
    pub(crate) fn tell(slot: &mut Option<Box<Self>>, client: &mut Client, now: Instant, event: SolEvent) {
        let Some(console) = slot else { return };
        let closed = matches!(event, SolEvent::Closed(_));
        match console.teller.tell(event) {
            Some(unread) if unread > UNREAD_LIMIT && !console.paused => {
                console.paused = true;
                client.pause_sol(now, true);
            }
            Some(_) => {}
            None if closed => {}
            None => client.deactivate_sol(now),
        }
        if closed {
            *slot = None;
        }
    }

    /// Gives the machine what it takes of what is being written; says whether that was anything.
    pub(crate) fn feed(&mut self, client: &mut Client, now: Instant) -> bool {
        let mut fed = false;
        if let Some(writing) = &mut self.writing {
            let taken = client.write_sol(now, &writing.characters[writing.from..]);
            writing.from += taken;
            fed = taken > 0;
        }
        if let Some(writing) = self.writing.take_if(|writing| writing.from == writing.characters.len()) {
            // An error means that the writer waits no longer.
            let _ = writing.taken.send(());
        }
        if self.writing.is_none()
            && client.sol_waiting() == 0
            && let Some(settled) = self.settling.take()
        {
            let _ = settled.send(());
        }
        fed
    }
}

impl Driver {
    pub(crate) fn order_sol(&mut self, bmc: BmcKey, order: Order) {
        let now = Instant::now();
        let Some(slot) = self.slot(bmc) else { return };
        if slot.closing {
            return;
        }
        let slot = &mut **slot;
        Console::order(&mut slot.console, &mut slot.client, now, order);
        self.settle(bmc.number, now, false);
    }
}

impl Bmc {
    /// Opens the machine's serial console, and waits until it is open. Requests can be made meanwhile and beside it.
    ///
    /// # Errors
    ///
    /// Why it could not be opened.
    pub async fn sol(&self, config: SolConfig) -> Result<SolStream, SolClosed> {
        let (events, receiver) = mpsc::unbounded_channel();
        let unread = Arc::new(AtomicUsize::new(0));
        let teller = Teller { events, unread: Arc::clone(&unread) };
        let line = Line { bmc: self.key, commands: self.commands.clone() };
        line.send(Order::Open { config, teller });
        let mut stream = SolStream {
            writer: SolWriter { line: line.clone() },
            reader: SolReader { line, events: receiver, unread, ended: false },
        };
        match stream.reader.next().await {
            Some(SolEvent::Closed(reason)) => Err(reason),
            None => Err(SolClosed::Failed(Error::Closed)),
            Some(_) => Ok(stream),
        }
    }
}

/// Where orders for a console go.
#[derive(Debug, Clone)]
struct Line {
    bmc: BmcKey,
    commands: mpsc::UnboundedSender<Command>,
}

impl Line {
    fn send(&self, order: Order) {
        // Where the driver has ended, the console is closed; the reader tells.
        let _ = self.commands.send(Command::Sol { bmc: self.bmc, order });
    }
}

/// An open serial console.
#[derive(Debug)]
pub struct SolStream {
    /// What the machine writes.
    pub reader: SolReader,
    /// What is typed. Dropping it closes the console.
    pub writer: SolWriter,
}

/// The machine's output.
#[derive(Debug)]
pub struct SolReader {
    line: Line,
    events: mpsc::UnboundedReceiver<SolEvent>,
    unread: Arc<AtomicUsize>,
    ended: bool,
}

impl SolReader {
    /// What happened next. The last event is [`SolEvent::Closed`]; after it there is none. Cancelling it loses nothing.
    ///
    /// Whoever does not call this for long has the BMC hold the machine's output.
    pub async fn next(&mut self) -> Option<SolEvent> {
        if self.ended {
            return None;
        }
        let event = self.events.recv().await.unwrap_or(SolEvent::Closed(SolClosed::Failed(Error::Closed)));
        self.ended = matches!(event, SolEvent::Closed(_));
        let cost = cost(&event);
        let before = self.unread.fetch_sub(cost, Ordering::Relaxed);
        let resumes_at = UNREAD_LIMIT / 2;
        if before >= resumes_at && before.saturating_sub(cost) < resumes_at {
            self.line.send(Order::Resume);
        }
        Some(event)
    }
}

/// The machine's input. Dropping it closes the console.
#[derive(Debug)]
pub struct SolWriter {
    line: Line,
}

impl SolWriter {
    /// Writes characters, and waits while too many are on their way.
    ///
    /// # Errors
    ///
    /// Where the console is closed.
    pub async fn write(&mut self, characters: &[u8]) -> Result<(), SolEnded> {
        let (taken, done) = oneshot::channel();
        self.line.send(Order::Write { characters: characters.to_vec(), taken });
        done.await.map_err(|_| SolEnded)
    }

    /// Waits until the BMC has accepted all that was written.
    ///
    /// # Errors
    ///
    /// Where the console was closed before that.
    pub async fn settle(&mut self) -> Result<(), SolEnded> {
        let (settled, done) = oneshot::channel();
        self.line.send(Order::Settle { settled });
        done.await.map_err(|_| SolEnded)
    }

    /// Sends a break behind what was written.
    pub fn send_break(&mut self) {
        self.line.send(Order::Break);
    }
}

impl Drop for SolWriter {
    fn drop(&mut self) {
        self.line.send(Order::Close);
    }
}

#[cfg(test)]
mod tests;
