//! The brake on what is done without a person: one for all lanes of a server, and the task that makes durable that it held.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironhand_api::{Host, Kind, LabelKey, Name, Settings, Timestamp};
use ironhand_model::{Blast, BlastHold, BlastLevel, BlastRequest, Outbreak, OutbreakBound, Outbreaks, Place};
use ironhand_store::{Administer, IncidentQuery, RunQuery, RunsOf, Store, StoreError};
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
    outbreaks: Arc<Mutex<Outbreaks>>,
    trips: mpsc::Sender<BlastHold>,
}

impl Brake {
    /// The brake, and where its trips come out.
    pub(crate) fn new() -> (Self, mpsc::Receiver<BlastHold>) {
        let (trips, tripped) = mpsc::channel(TRIPS);
        (Self { blast: Arc::default(), outbreaks: Arc::default(), trips }, tripped)
    }

    fn blast(&self) -> MutexGuard<'_, Blast> {
        // A lane that panicked has changed all of it or nothing.
        self.blast.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outbreaks(&self) -> MutexGuard<'_, Outbreaks> {
        // As above.
        self.outbreaks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A host is there.
    pub(crate) fn join(&self, host: &Host) {
        let (name, cluster) = (&host.metadata.name, host.spec.cluster.clone());
        self.blast().join(name.clone(), cluster.clone());
        self.outbreaks().join(name.clone(), Place { cluster, labels: host.metadata.labels.clone() });
    }

    /// A host is gone, or no longer this server's.
    pub(crate) fn leave(&self, host: &Name) {
        self.blast().leave(host);
        self.outbreaks().leave(host);
    }

    /// An incident of a host opened.
    pub(crate) fn fell_ill(&self, at: Timestamp, host: &Name) {
        self.outbreaks().fell_ill(at, host);
    }

    /// A person lets recovery go on there.
    pub(crate) fn forgive(&self, now: Timestamp, kind: Kind, name: &Name) {
        let cluster = (kind == Kind::Cluster).then(|| name.clone());
        let level = cluster.clone().map_or(BlastLevel::Fleet, BlastLevel::Cluster);
        self.blast().forgive(&level);
        self.outbreaks().forgive(now, cluster);
    }

    /// Whether a run may begin as far as the hosts around are well; else why not, and when to ask again.
    pub(crate) fn ask_around(
        &self,
        now: Timestamp,
        (host, by): (&Name, &LabelKey),
        bound: OutbreakBound,
    ) -> Result<(), (String, Timestamp)> {
        let asked = self.outbreaks().ask(now, host, by.as_str(), bound);
        asked.map_err(|Outbreak { cluster, reason, until }| {
            let level = cluster.map_or(BlastLevel::Fleet, BlastLevel::Cluster);
            self.trip(BlastHold { level, reason: reason.clone(), until });
            (reason, until)
        })
    }

    fn trip(&self, hold: BlastHold) {
        // An error means that it is being told already, or that the server stops.
        let _ = self.trips.try_send(hold);
    }

    /// Whether a run may begin; else why not, and when to ask again.
    pub(crate) fn ask(&self, now: Timestamp, asked: &BlastRequest<'_>) -> Result<(), (String, Timestamp)> {
        let held = self.blast().ask(now, asked);
        held.map_err(|hold| {
            let told = (hold.reason.clone(), hold.until);
            if !matches!(hold.level, BlastLevel::Flow(_)) {
                self.trip(hold);
            }
            told
        })
    }

    /// Counts what an earlier start of the server began within the longest window, and who was ill then.
    ///
    /// # Errors
    ///
    /// Where the store fails.
    pub(crate) async fn recall(&self, store: &Store) -> Result<(), StoreError> {
        let query = RunQuery { of: RunsOf::All, limit: Some(RECALLED), next: None };
        for run in store.runs(&query).await?.items {
            self.blast().recall(run.started_at, run.host, run.flow);
        }
        for said in store.site().await?.administration {
            if let Some(at) = said.recovery.at.filter(|_| said.recovery.on) {
                self.outbreaks().forgive(at, (said.kind == Kind::Cluster).then_some(said.name));
            }
        }
        let query = IncidentQuery { host: None, open_only: true, limit: Some(RECALLED), next: None };
        for incident in store.incidents(&query).await?.items {
            self.fell_ill(incident.opened_at, &incident.host);
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
