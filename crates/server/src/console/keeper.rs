//! Serial consoles that are kept open though nobody looks: for their logs (`consoleLog: always`), and for flows that ask what the
//! host writes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ironhand_api::Timestamp;
use ironhand_model::SerialLine;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::Attachment;
use crate::clock;
use crate::credentials::BackOff;
use crate::device::DeviceError;
use crate::screen::SerialDoor;
use crate::serial::log::{Cutter, LogLine};

/// Consoles that are opened at the same time for their logs: a fleet that is taken up must not open all of them at once,
/// while people wait for theirs.
static OPENING: Semaphore = Semaphore::const_new(32);

/// The first wait before a console that was closed is opened again; doubles up to [`LONGEST_WAIT`]. Longer than for a
/// console that somebody holds: a BMC that is asked for its console every few seconds has kept machines from booting.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// A controller that has no serial console gets one by new firmware or another setting, if at all.
const UNSUPPORTED: Duration = Duration::from_secs(3600);

/// A console that was open for so long worked: what ends it does not make the next wait longer.
const STEADY: Duration = Duration::from_secs(60);

/// Lines that are kept for flows: more than a screen shows.
const LINES: usize = 64;

/// What the host writes is handed on so much later, together with what it writes meanwhile: a kernel that boots writes hundreds of
/// lines in a second.
const GATHERED: Duration = Duration::from_millis(150);

/// The last lines that a host wrote, the newest last; none while its console is not open.
type Heard = Option<Vec<SerialLine>>;

/// Keeps the serial console of a host open. Dropping it lets go of the console, which others may use on.
pub(crate) struct Keeper {
    /// What is heard, where somebody wants to know.
    heard: Option<watch::Receiver<Heard>>,
    _task: AbortOnDropHandle<()>,
}

impl Keeper {
    /// Opens the console again and again; what is heard is told where `listens`.
    pub(crate) fn start(door: SerialDoor, listens: bool) -> Self {
        let (tell, heard) = watch::channel(None);
        let task = tokio::spawn(keep(door, listens.then_some(tell)));
        Self { heard: listens.then_some(heard), _task: AbortOnDropHandle::new(task) }
    }

    /// Whether what is heard is told.
    pub(crate) const fn listens(&self) -> bool {
        self.heard.is_some()
    }

    /// Waits until the host wrote something, or its console was opened or closed; for ever where that is not told.
    pub(crate) async fn heard(&mut self) -> Heard {
        let Some(heard) = &mut self.heard else { return std::future::pending().await };
        if heard.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        heard.borrow_and_update().clone()
    }
}

/// What was heard on an open console.
#[derive(Default)]
struct Ear {
    cutter: Cutter,
    lines: VecDeque<LogLine>,
    /// When what is new is told.
    due: Option<Instant>,
}

impl Ear {
    fn hear(&mut self, at: Timestamp, bytes: &[u8]) {
        self.lines.extend(self.cutter.cut(at, bytes));
        while self.lines.len() > LINES {
            self.lines.pop_front();
        }
        self.due.get_or_insert_with(|| Instant::now() + GATHERED);
    }

    /// The last lines, with the one that has no end yet, as a prompt has none.
    fn heard(&self) -> Vec<SerialLine> {
        let all = self.lines.iter().cloned().chain(self.cutter.waiting());
        all.map(|LogLine { at, text }| SerialLine { at, text }).collect()
    }
}

/// Listens until the console is closed; tells why it was.
async fn listen(attached: &mut Attachment, tell: &watch::Sender<Heard>) -> DeviceError {
    let mut ear = Ear::default();
    // What was written before has no time, and does not count.
    tell.send_replace(Some(Vec::new()));
    loop {
        let due = ear.due.unwrap_or_else(Instant::now);
        tokio::select! {
            written = attached.output.recv() => match written {
                Ok(bytes) => ear.hear(clock::now(), &bytes),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            },
            () = sleep_until(due.into()), if ear.due.is_some() => {
                ear.due = None;
                tell.send_replace(Some(ear.heard()));
            }
        }
    }
    tell.send_replace(None);
    attached.closed().await
}

async fn keep(mut door: SerialDoor, tell: Option<watch::Sender<Heard>>) {
    let mut back_off = BackOff::new(FIRST_WAIT, LONGEST_WAIT);
    loop {
        // An error cannot be: nobody closes the semaphore.
        let turn = OPENING.acquire().await;
        let opened = door.open_console().await;
        drop(turn);
        let (error, wait) = match opened {
            Ok(mut attached) => {
                let begun = Instant::now();
                let why = match &tell {
                    Some(tell) => listen(&mut attached, tell).await,
                    None => attached.closed().await,
                };
                if begun.elapsed() >= STEADY {
                    back_off.worked();
                }
                (why, back_off.failed())
            }
            Err((error, Some(wait))) => (error, wait),
            Err((error, None)) if error.is_unsupported() => (error, UNSUPPORTED),
            Err((error, None)) => (error, back_off.failed()),
        };
        tracing::info!(host = %door.host, %error, ?wait, "what the machine writes is neither logged nor heard for now");
        sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_the_prompt_behind_them_are_heard() {
        let mut ear = Ear::default();
        let at = Timestamp::from_millis;
        ear.hear(at(1), b"\x1b[2JKernel panic\r\nnot syncing\r\nn1 log");
        ear.hear(at(2), b"in: ");
        let heard: Vec<_> = ear.heard().into_iter().map(|line| (line.at.as_millis(), line.text)).collect();
        assert_eq!(
            heard,
            [(1, "Kernel panic".to_owned()), (1, "not syncing".to_owned()), (1, "n1 login:".to_owned())]
        );
        ear.hear(at(3), "row\n".repeat(1000).as_bytes());
        assert_eq!(ear.heard().len(), LINES, "the newest are kept");
    }
}
