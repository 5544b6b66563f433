//! Who has which console, and who is told when somebody else takes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ironhand_api::{ConsoleHolder, EventKind, Name, Severity, Timestamp};
use ironhand_model::{ConsoleHold, ConsoleTaken, Taker};
use ironhand_store::{EventDraft, Record, Store};
use tokio::sync::oneshot;

use crate::clock;
use crate::device::DeviceError;

/// The longest name of a person that is kept; longer ones are cut.
const LONGEST_NAME: usize = 64;

/// Who has which console; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Desks {
    desks: Arc<Mutex<HashMap<Name, Desk>>>,
}

#[derive(Default)]
struct Desk {
    hold: ConsoleHold,
    /// Tells the holder why it is theirs no longer.
    oust: Option<oneshot::Sender<Ousted>>,
}

/// Why a console is no longer somebody's.
#[derive(Clone, Debug)]
pub(crate) struct Ousted {
    pub(crate) code: &'static str,
    pub(crate) reason: String,
}

/// The console of a host is somebody's. Dropping it gives it back.
pub(crate) struct Hold {
    desks: Desks,
    host: Name,
    id: u64,
    by: String,
    ousted: oneshot::Receiver<Ousted>,
}

impl Desks {
    /// Who has the console of a host.
    pub(crate) fn holder(&self, host: &Name) -> Option<ConsoleHolder> {
        self.lock().get(host).and_then(|desk| desk.hold.holder().cloned())
    }

    /// Takes the console of a host for `by`. Also returns from whom it was taken.
    pub(crate) fn take(
        &self,
        host: &Name,
        by: &str,
        taker: Taker,
        idle: Duration,
    ) -> Result<(Hold, Option<ConsoleHolder>), DeviceError> {
        let by = printable(by);
        let mut desks = self.lock();
        let desk = desks.entry(host.clone()).or_default();
        match desk.hold.take(clock::now(), &by, taker, idle) {
            ConsoleTaken::Refused(holder) => {
                Err(DeviceError::ConsoleHeld { by: holder.by, since: holder.since })
            }
            ConsoleTaken::Taken { id, from } => {
                let reason = format!("the console was taken over by {by}");
                desk.tell(Ousted { code: "console.taken_over", reason });
                let (oust, ousted) = oneshot::channel();
                desk.oust = Some(oust);
                Ok((Hold { desks: self.clone(), host: host.clone(), id, by, ousted }, from))
            }
        }
    }

    /// Takes the console of a host from whoever has it.
    pub(crate) fn release(&self, host: &Name, by: &str) -> Option<ConsoleHolder> {
        let mut desks = self.lock();
        let desk = desks.get_mut(host)?;
        let holder = desk.hold.clear();
        let reason = format!("the console was released by {}", printable(by));
        desk.tell(Ousted { code: "console.released", reason });
        holder
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Desk>> {
        // Nothing in here panics while the map is half changed.
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn tell(&mut self, ousted: Ousted) {
        if let Some(oust) = self.oust.take() {
            // An error means that the holder has left.
            let _ = oust.send(ousted);
        }
    }
}

impl Hold {
    /// Who has it.
    pub(crate) fn by(&self) -> &str {
        &self.by
    }

    /// Something was typed.
    pub(crate) fn used(&self) {
        if let Some(desk) = self.desks.lock().get_mut(&self.host) {
            desk.hold.used(self.id, clock::now());
        }
    }

    /// When it is given back unless something is typed before; none where it is somebody else's already.
    pub(crate) fn idle_at(&self, idle: Duration) -> Option<Timestamp> {
        self.desks.lock().get(&self.host).and_then(|desk| desk.hold.idle_at(self.id, idle))
    }

    /// Waits until it is somebody else's, or nobody's.
    pub(crate) async fn ousted(&mut self) -> Ousted {
        let released = || Ousted { code: "console.released", reason: "the console was released".to_owned() };
        (&mut self.ousted).await.unwrap_or_else(|_| released())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(desk) = self.desks.lock().get_mut(&self.host)
            && desk.hold.release(self.id).is_some()
        {
            desk.oust = None;
        }
    }
}

/// A name that cannot steer a terminal.
fn printable(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect()
}

/// Records that a console changed hands. It is told even where the store fails.
pub(crate) async fn tell(store: &Store, host: &Name, kind: EventKind, message: String) {
    tracing::info!(host = %host, op = kind.code(), detail = message, "console");
    let mut record = Record::of(host.clone(), clock::now());
    record.events.push(EventDraft::new(kind, Severity::Info, message));
    if let Err(error) = store.record(record).await {
        tracing::error!(host = %host, %error, "who has the console was not recorded");
    }
}
