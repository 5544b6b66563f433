//! Serial consoles that are kept open for their logs alone (`consoleLog: always`).

use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::credentials::BackOff;
use crate::screen::SerialDoor;

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

/// Keeps the serial console of a host open. Dropping it lets go of the console, which others may use on.
pub(crate) struct Keeper {
    _task: AbortOnDropHandle<()>,
}

impl Keeper {
    pub(crate) fn start(door: SerialDoor) -> Self {
        Self { _task: AbortOnDropHandle::new(tokio::spawn(keep(door))) }
    }
}

async fn keep(mut door: SerialDoor) {
    let mut back_off = BackOff::new(FIRST_WAIT, LONGEST_WAIT);
    loop {
        // An error cannot be: nobody closes the semaphore.
        let turn = OPENING.acquire().await;
        let opened = door.open_console().await;
        drop(turn);
        let (error, wait) = match opened {
            Ok(mut attached) => {
                let begun = Instant::now();
                let why = attached.closed().await;
                if begun.elapsed() >= STEADY {
                    back_off.worked();
                }
                (why, back_off.failed())
            }
            Err((error, Some(wait))) => (error, wait),
            Err((error, None)) if error.is_unsupported() => (error, UNSUPPORTED),
            Err((error, None)) => (error, back_off.failed()),
        };
        tracing::info!(host = %door.host, %error, ?wait, "what the machine writes is not logged for now");
        sleep(wait).await;
    }
}
