//! The brake on what is done without a person: one for all lanes of a server, and the task that makes durable that it held.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironhand_api::{Kind, Name, Settings, Timestamp};
use ironhand_model::{Blast, BlastHold, BlastLevel, BlastRequest};
use ironhand_store::{Administer, RunQuery, RunsOf, Store, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::fleet::Fleet;

/// Runs of an earlier start that are counted on at most: more than any bound.
const RECALLED: u32 = 1000;

/// Trips that wait to be made durable. One that finds no room comes again with the next host that is held.
const TRIPS: usize = 16;

/// What was done of late without a person; cheap to clone.
#[derive(Clone)]
pub(crate) struct Brake {
    blast: Arc<Mutex<Blast>>,
    trips: mpsc::Sender<BlastHold>,
}

impl Brake {
    /// The brake, and where its trips come out.
    pub(crate) fn new() -> (Self, mpsc::Receiver<BlastHold>) {
        let (trips, tripped) = mpsc::channel(TRIPS);
        (Self { blast: Arc::default(), trips }, tripped)
    }

    fn blast(&self) -> MutexGuard<'_, Blast> {
        // A lane that panicked has changed all of it or nothing.
        self.blast.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A host is there.
    pub(crate) fn join(&self, host: &Name, cluster: Option<&Name>) {
        self.blast().join(host.clone(), cluster.cloned());
    }

    /// A host is gone, or no longer this server's.
    pub(crate) fn leave(&self, host: &Name) {
        self.blast().leave(host);
    }

    /// A person lets recovery go on there.
    pub(crate) fn forgive(&self, kind: Kind, name: &Name) {
        let level = match kind {
            Kind::Cluster => BlastLevel::Cluster(name.clone()),
            _ => BlastLevel::Fleet,
        };
        self.blast().forgive(&level);
    }

    /// Whether a run may begin; else why not, and when to ask again.
    pub(crate) fn ask(&self, now: Timestamp, asked: &BlastRequest<'_>) -> Result<(), (String, Timestamp)> {
        let held = self.blast().ask(now, asked);
        held.map_err(|hold| {
            let told = (hold.reason.clone(), hold.until);
            if !matches!(hold.level, BlastLevel::Flow(_)) {
                // An error means that it is being told already, or that the server stops.
                let _ = self.trips.try_send(hold);
            }
            told
        })
    }

    /// Counts what an earlier start of the server began within the longest window.
    ///
    /// # Errors
    ///
    /// Where the store fails.
    pub(crate) async fn recall(&self, store: &Store) -> Result<(), StoreError> {
        let query = RunQuery { of: RunsOf::All, limit: Some(RECALLED), next: None };
        for run in store.runs(&query).await?.items {
            self.blast().recall(run.started_at, run.host, run.flow);
        }
        Ok(())
    }
}

/// Pauses recovery where the brake held, until a person lets it go on.
pub(crate) async fn keep(
    mut tripped: mpsc::Receiver<BlastHold>,
    store: Store,
    fleet: Fleet,
    stop: CancellationToken,
) {
    while let Some(Some(hold)) = stop.run_until_cancelled(tripped.recv()).await {
        let said = match &hold.level {
            BlastLevel::Cluster(cluster) => Ok((Kind::Cluster, cluster.clone())),
            BlastLevel::Fleet => Settings::GLOBAL.parse().map(|name| (Kind::Settings, name)),
            BlastLevel::Flow(_) => continue,
        };
        // The name of the settings is a name.
        let Ok((kind, name)) = said else { continue };
        if fleet.site().said(kind, &name).is_some_and(|said| !said.recovery.on) {
            continue;
        }
        tracing::error!(%kind, %name, reason = hold.reason, "recovery is paused");
        let pause = Administer::Recovery { on: false, reason: Some(hold.reason) };
        let done = store.administer(kind, &name, pause, clock::now()).await;
        if let Err(error) = done {
            // Held all the same; the next host that asks brings it here again.
            tracing::error!(error = %crate::http::chain(&error), "that recovery is paused was not stored");
            continue;
        }
        if let Err(error) = fleet.govern().await {
            tracing::error!(error = %crate::http::chain(&error), "lanes do not know that recovery is paused");
        }
    }
}
