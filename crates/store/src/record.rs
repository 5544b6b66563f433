//! What belongs to one decision about a host, written in one transaction.

use std::collections::BTreeSet;

use ironhand_api::{
    Alert, Event, HostStatus, Incident, IncidentState, Job, Name, PictureDigest, Run, RunState, Timestamp,
};
use ironhand_model::{Change, HostAlerts, HostFacts, HostRecovery, Transition};
use serde::Serialize;

use crate::StoreError;
use crate::alert;
use crate::column::{bigint, json};
use crate::event::{self, EventDraft};
use crate::job;
use crate::lease;
use crate::picture::{self, Holder, Picture};
use crate::sequence::reserved;
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

/// Finds nothing to insert where the host was deleted meanwhile: what is observed of it then has no place.
const PUT_STATE: &str = "INSERT INTO host_states (host, status, facts, recovery, alerts) \
    SELECT name, $2, $3, $4, $5 FROM resources WHERE kind = 'Host' AND name = $1 \
    ON CONFLICT (host) DO UPDATE SET status = COALESCE(excluded.status, host_states.status), \
    facts = COALESCE(excluded.facts, host_states.facts), \
    recovery = COALESCE(excluded.recovery, host_states.recovery), \
    alerts = COALESCE(excluded.alerts, host_states.alerts)";

const PUT_INCIDENT: &str = "INSERT INTO incidents (id, host, closed, body) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (id) DO UPDATE SET closed = excluded.closed, body = excluded.body";

const PUT_RUN: &str = "INSERT INTO runs (id, host, incident, ended, body) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, body = excluded.body";

/// What belongs to one decision about a host: all of it becomes durable, or none.
///
/// Start from [`Record::of`] and fill in what there is.
#[derive(Clone, Debug)]
pub struct Record {
    /// The host.
    pub host: Name,
    /// When it was decided; the time of the events.
    pub at: Timestamp,
    /// The fencing token of the [`Lease`](crate::Lease) under which it was decided. Where the host has another by now,
    /// the record is refused. Unchecked where absent: for what is not decided by the server that works on the host.
    pub token: Option<u64>,
    /// What people are shown of the host; it keeps the picture that it names. This and the next three are not stored
    /// where the host was deleted meanwhile, and stay as they were where they are absent.
    pub status: Option<HostStatus>,
    /// What is believed of the host.
    pub facts: Option<HostFacts>,
    /// How far its recovery has come.
    pub recovery: Option<HostRecovery>,
    /// Which alerts are open and when they were told.
    pub alert_state: Option<HostAlerts>,
    /// Incidents as they now stand, under ids from
    /// [`Store::next_incident_id`](crate::Store::next_incident_id). Each keeps its two pictures.
    pub incidents: Vec<Incident>,
    /// Runs as they now stand, under ids from [`Store::next_run_id`](crate::Store::next_run_id). Each keeps the
    /// pictures of its evidence.
    pub runs: Vec<Run>,
    /// Other pictures that a run is to keep, by the id of the run.
    pub run_pictures: Vec<(u64, PictureDigest)>,
    /// Jobs as they now stand, under ids from [`Store::next_job_id`](crate::Store::next_job_id).
    pub jobs: Vec<Job>,
    /// Alerts as they now stand, under ids from [`Store::next_alert_id`](crate::Store::next_alert_id).
    pub alerts: Vec<Alert>,
    /// What happened, in order.
    pub events: Vec<EventDraft>,
    /// Pictures that the above refer to; those that are stored already are not stored again.
    pub pictures: Vec<Picture>,
}

impl Record {
    /// A record about `host` with nothing in it yet.
    pub const fn of(host: Name, at: Timestamp) -> Self {
        Self {
            host,
            at,
            token: None,
            status: None,
            facts: None,
            recovery: None,
            alert_state: None,
            incidents: Vec::new(),
            runs: Vec::new(),
            run_pictures: Vec::new(),
            jobs: Vec::new(),
            alerts: Vec::new(),
            events: Vec::new(),
            pictures: Vec::new(),
        }
    }

    /// Adds the event of a changed fact.
    pub fn add_change(&mut self, change: Change) {
        let Change { kind, severity, message } = change;
        self.events.push(EventDraft::new(kind, severity, message));
    }

    /// Adds the event of a transition, and the incident and the run as it left them. Their ids must be given to the
    /// transition before; see [`HostRecovery::number`].
    pub fn add_transition(&mut self, transition: Transition) {
        let Transition { kind, severity, message, incident, run } = transition;
        let (incident_id, run_id) = (Some(incident.id), run.as_ref().map(|run| run.id));
        let draft = EventDraft::new(kind, severity, message);
        self.events.push(EventDraft { incident: incident_id, run: run_id, ..draft });
        self.incidents.retain(|other| other.id != incident.id);
        self.incidents.push(incident);
        if let Some(run) = run {
            self.runs.retain(|other| other.id != run.id);
            self.runs.push(run);
        }
    }
}

impl Write for Record {
    type Done = Vec<Event>;

    async fn run(self, turn: &mut Turn<'_>) -> Result<Vec<Event>, StoreError> {
        let Self { host, at, token, status, facts, recovery, incidents, runs, .. } = self;
        let Self { alert_state, run_pictures, jobs, alerts, events, pictures, .. } = self;
        lease::check(turn.connection, &host, token).await?;
        for picture in pictures {
            picture::put(turn.connection, picture, at).await?;
        }
        let state = State {
            status: text(|| format!("status of Host {host}"), status.as_ref())?,
            facts: text(|| format!("facts of Host {host}"), facts.as_ref())?,
            recovery: text(|| format!("recovery of Host {host}"), recovery.as_ref())?,
            alerts: text(|| format!("alerts of Host {host}"), alert_state.as_ref())?,
        };
        let stored = state.put(turn, &host).await?;
        if let Some(status) = status
            && stored
        {
            let pictures = status.picture.iter().collect();
            picture::hold_only(turn.connection, &Holder::host(&host), &pictures, at).await?;
        }
        for incident in &incidents {
            put_incident(turn, incident, at).await?;
        }
        for run in &runs {
            put_run(turn, run).await?;
        }
        for (run, digest) in &run_pictures {
            picture::hold(turn.connection, &Holder::run(*run), &BTreeSet::from([digest])).await?;
        }
        for job in &jobs {
            job::put(turn, job).await?;
        }
        for alert in &alerts {
            alert::put(turn, alert).await?;
        }
        event::append_all(turn, &host, at, events).await
    }
}

/// A row of `host_states`; what is absent stays as it was.
struct State {
    status: Option<String>,
    facts: Option<String>,
    recovery: Option<String>,
    alerts: Option<String>,
}

impl State {
    /// Says whether there was a host to store it for.
    async fn put(self, turn: &mut Turn<'_>, host: &Name) -> Result<bool, StoreError> {
        let Self { status, facts, recovery, alerts } = self;
        if status.is_none() && facts.is_none() && recovery.is_none() && alerts.is_none() {
            return Ok(false);
        }
        let put = sqlx::query(PUT_STATE)
            .bind(host.as_str())
            .bind(status)
            .bind(facts)
            .bind(recovery)
            .bind(alerts)
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("store the state of a host", error))?;
        Ok(put.rows_affected() > 0)
    }
}

fn text<T: Serialize>(
    what: impl FnOnce() -> String,
    value: Option<&T>,
) -> Result<Option<String>, StoreError> {
    value.map(|value| json(what, value)).transpose()
}

async fn put_incident(turn: &mut Turn<'_>, incident: &Incident, at: Timestamp) -> Result<(), StoreError> {
    let id = incident.id;
    reserved("incident", id, turn.sequences.incident)?;
    sqlx::query(PUT_INCIDENT)
        .bind(bigint(id))
        .bind(incident.host.as_str())
        .bind(i64::from(incident.state == IncidentState::Closed))
        .bind(json(|| format!("incident {id}"), incident)?)
        .execute(&mut *turn.connection)
        .await
        .map_err(|error| meaning("store an incident", error))?;
    let pictures = incident.first_picture.iter().chain(&incident.last_picture).collect();
    picture::hold_only(turn.connection, &Holder::incident(id), &pictures, at).await
}

async fn put_run(turn: &mut Turn<'_>, run: &Run) -> Result<(), StoreError> {
    let id = run.id;
    reserved("run", id, turn.sequences.run)?;
    sqlx::query(PUT_RUN)
        .bind(bigint(id))
        .bind(run.host.as_str())
        .bind(bigint(run.incident))
        .bind(i64::from(run.state != RunState::Running))
        .bind(json(|| format!("run {id}"), run)?)
        .execute(&mut *turn.connection)
        .await
        .map_err(|error| meaning("store a run", error))?;
    let proof = run.proof.as_ref().and_then(|proof| proof.picture.as_ref());
    let pictures = run.matched.picture.iter().chain(proof).collect();
    picture::hold(turn.connection, &Holder::run(id), &pictures).await
}
