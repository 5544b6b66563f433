//! What belongs to one decision about a host, written in one transaction.

use std::collections::BTreeSet;

use ironhand_api::{
    Event, HostStatus, Incident, IncidentState, Name, PictureDigest, Run, RunState, Timestamp,
};

use crate::StoreError;
use crate::column::{bigint, json};
use crate::event::{self, EventDraft};
use crate::picture::{self, Holder, Picture};
use crate::sequence::Sequences;
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

/// Finds nothing to insert where the host was deleted meanwhile: what is observed of it then has no place.
const PUT_STATE: &str = "INSERT INTO host_states (host, status, recovery) \
    SELECT name, $2, $3 FROM resources WHERE kind = 'Host' AND name = $1 \
    ON CONFLICT (host) DO UPDATE SET status = COALESCE(excluded.status, host_states.status), \
    recovery = COALESCE(excluded.recovery, host_states.recovery)";

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
    /// What is now known of the host. Not stored where the host was deleted meanwhile.
    pub status: Option<HostStatus>,
    /// How far its recovery has come, as the caller writes it; given back by
    /// [`Store::load`](crate::Store::load). Not stored where the host was deleted meanwhile.
    pub recovery: Option<serde_json::Value>,
    /// Incidents as they now stand, under ids from
    /// [`Store::next_incident_id`](crate::Store::next_incident_id). Each keeps its two pictures.
    pub incidents: Vec<Incident>,
    /// Runs as they now stand, under ids from [`Store::next_run_id`](crate::Store::next_run_id). Each keeps the
    /// pictures of its evidence.
    pub runs: Vec<Run>,
    /// Other pictures that a run is to keep, by the id of the run.
    pub run_pictures: Vec<(u64, PictureDigest)>,
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
            status: None,
            recovery: None,
            incidents: Vec::new(),
            runs: Vec::new(),
            run_pictures: Vec::new(),
            events: Vec::new(),
            pictures: Vec::new(),
        }
    }
}

impl Write for Record {
    type Done = Vec<Event>;

    async fn run(self, turn: &mut Turn<'_>) -> Result<Vec<Event>, StoreError> {
        let Self { host, at, status, recovery, incidents, runs, run_pictures, events, pictures } = self;
        for picture in pictures {
            picture::put(turn.connection, picture, at).await?;
        }
        if status.is_some() || recovery.is_some() {
            put_state(turn, &host, at, status, recovery).await?;
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
        let mut recorded = Vec::with_capacity(events.len());
        for draft in events {
            recorded.push(event::append(turn, Some(host.clone()), at, draft).await?);
        }
        Ok(recorded)
    }
}

async fn put_state(
    turn: &mut Turn<'_>,
    host: &Name,
    at: Timestamp,
    status: Option<HostStatus>,
    recovery: Option<serde_json::Value>,
) -> Result<(), StoreError> {
    let text = status.as_ref().map(|status| json(|| format!("status of Host {host}"), status)).transpose()?;
    let put = sqlx::query(PUT_STATE)
        .bind(host.as_str())
        .bind(text)
        .bind(recovery.map(|recovery| recovery.to_string()))
        .execute(&mut *turn.connection)
        .await
        .map_err(|error| meaning("store the state of a host", error))?;
    if let Some(status) = status
        && put.rows_affected() > 0
    {
        let pictures = status.picture.iter().collect();
        picture::hold_only(turn.connection, &Holder::host(host), &pictures, at).await?;
    }
    Ok(())
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

/// An id that the store did not give out would one day be given out to something else.
fn reserved(series: &'static str, id: u64, last: u64) -> Result<(), StoreError> {
    if (1..=last).contains(&id) { Ok(()) } else { Err(StoreError::IdNotReserved { series, id }) }
}

/// Gives out the next id of a series.
pub(crate) enum Reserve {
    Incident,
    Run,
}

impl Write for Reserve {
    type Done = u64;

    async fn run(self, turn: &mut Turn<'_>) -> Result<u64, StoreError> {
        Ok(Sequences::next(match self {
            Self::Incident => &mut turn.sequences.incident,
            Self::Run => &mut turn.sequences.run,
        }))
    }
}
