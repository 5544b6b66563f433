//! What a lane has yet to make durable.

use std::sync::Arc;

use ironhand_api::{Alert, HostStatus, Job, Name, Timestamp};
use ironhand_model::{Change, Transition};
use ironhand_store::{EventDraft, HostState, Record, Store, StoreError};

use super::album::Album;
use crate::screen::Shot;

/// Events about facts that wait while the store fails. Beyond it the oldest are dropped: the facts themselves are not
/// lost, and what the store missed is told by its own error.
const WAITING: usize = 256;

/// What a lane has yet to make durable. What is in here is true already, whether it is stored or not.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) album: Album,
    events: Vec<EventDraft>,
    transitions: Vec<Transition>,
    snapshots: Vec<(u64, Arc<Shot>)>,
    jobs: Vec<Job>,
    alerts: Vec<Alert>,
}

/// A host as it is to be stored.
pub(super) struct Entry<'e> {
    pub(super) host: &'e Name,
    /// The fencing token under which the host is held.
    pub(super) token: Option<u64>,
    pub(super) at: Timestamp,
    pub(super) status: HostStatus,
    pub(super) state: HostState,
    /// What was decided, and is not to be acted on before it is durable.
    pub(super) decided: &'e [Transition],
}

impl Journal {
    pub(super) fn changes(&mut self, changes: Vec<Change>) {
        let drafts =
            changes.into_iter().map(|change| EventDraft::new(change.kind, change.severity, change.message));
        self.events.extend(drafts);
        let excess = self.events.len().saturating_sub(WAITING);
        self.events.drain(..excess);
    }

    pub(super) fn event(&mut self, event: EventDraft) {
        self.events.push(event);
    }

    pub(super) fn transitions(&mut self, transitions: Vec<Transition>) {
        self.transitions.extend(transitions);
    }

    /// A picture that a run is to keep.
    pub(super) fn snapshot(&mut self, run: u64, shot: Arc<Shot>) {
        self.snapshots.push((run, shot));
    }

    /// A job as it stands now.
    pub(super) fn job(&mut self, job: Job) {
        self.jobs.retain(|other| other.id != job.id);
        self.jobs.push(job);
    }

    /// Takes back a job that nobody was told of.
    pub(super) fn withdraw(&mut self, job: u64) {
        self.jobs.retain(|other| other.id != job);
        self.events.retain(|event| event.job != Some(job));
    }

    /// An alert as it stands now.
    pub(super) fn alert(&mut self, alert: Alert) {
        self.alerts.retain(|other| other.id != alert.id);
        self.alerts.push(alert);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.transitions.is_empty()
            && self.snapshots.is_empty()
            && self.jobs.is_empty()
            && self.alerts.is_empty()
    }

    /// Makes everything durable in one transaction, together with `entry`. On failure everything is still here.
    pub(super) async fn commit(&mut self, store: &Store, entry: Entry<'_>) -> Result<(), StoreError> {
        let mut transitions = self.transitions.clone();
        transitions.extend_from_slice(entry.decided);
        let snapshots: Vec<_> = self.snapshots.iter().map(|(_, shot)| Arc::clone(shot)).collect();
        let pictures = self.album.evidence(&transitions, &snapshots).await;
        let names: Vec<_> = pictures.iter().map(|picture| picture.digest.clone()).collect();

        let mut record = Record::of(entry.host.clone(), entry.at);
        record.token = entry.token;
        let mut status = entry.status;
        // What is not stored could not be fetched after a restart.
        status.picture =
            status.picture.filter(|digest| names.contains(digest) || self.album.is_stored(digest));
        record.status = Some(status);
        record.facts = Some(entry.state.facts);
        record.recovery = Some(entry.state.recovery);
        record.alert_state = Some(entry.state.alerts);
        record.jobs.clone_from(&self.jobs);
        record.alerts.clone_from(&self.alerts);
        record.events.clone_from(&self.events);
        for transition in &transitions {
            record.add_transition(transition.clone());
        }
        record.run_pictures = self.snapshots.iter().map(|(run, shot)| (*run, shot.digest.clone())).collect();
        record.pictures = pictures;
        store.record(record).await?;

        self.album.stored(names);
        self.events.clear();
        self.transitions.clear();
        self.snapshots.clear();
        self.jobs.clear();
        self.alerts.clear();
        for transition in &transitions {
            tracing::info!(
                host = %entry.host,
                op = transition.kind.code(),
                incident = transition.incident.id,
                run = transition.run.as_ref().map(|run| run.id),
                flow = transition.incident.flow.as_ref().map(Name::as_str),
                detail = transition.message,
                "recovery"
            );
        }
        Ok(())
    }
}
