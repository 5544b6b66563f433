//! Work that was asked for.

use ironhand_api::{EventKind, Job, JobState, List, Name, Severity, Timestamp};
use sqlx::{AnyConnection, AnyPool};

use crate::StoreError;
use crate::column::{bigint, json};
use crate::event::{self, EventDraft};
use crate::page::{Page, Row, decode, one};
use crate::sequence::reserved;
use crate::sqlite::meaning;
use crate::writer::Turn;

const ONE: &str = "SELECT id, body FROM jobs WHERE id = $1";

const ALL: &str = "SELECT id, body FROM jobs WHERE id < $1 ORDER BY id DESC LIMIT $2";

const OPEN: &str = "SELECT id, body FROM jobs WHERE ended_at IS NULL AND id < $1 ORDER BY id DESC LIMIT $2";

const OF_HOST: &str = "SELECT id, body FROM jobs WHERE host = $3 AND id < $1 ORDER BY id DESC LIMIT $2";

const OPEN_OF_HOST: &str = "SELECT id, body FROM jobs WHERE ended_at IS NULL AND host = $3 AND id < $1 \
    ORDER BY id DESC LIMIT $2";

const UNFINISHED: &str = "SELECT id, body FROM jobs WHERE ended_at IS NULL ORDER BY id";

const UNFINISHED_OF_HOST: &str = "SELECT id, body FROM jobs WHERE ended_at IS NULL AND host = $1 ORDER BY id";

const PUT: &str = "INSERT INTO jobs (id, host, ended_at, body) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, body = excluded.body";

/// Which jobs to list; all by default.
#[derive(Clone, Debug, Default)]
pub struct JobQuery {
    /// Of this host alone.
    pub host: Option<Name>,
    /// Those that have not ended alone.
    pub open_only: bool,
    /// How many at most; all where absent.
    pub limit: Option<u32>,
    /// Where to go on: the [`List::next`] of the page before.
    pub next: Option<String>,
}

pub(crate) async fn job(pool: &AnyPool, id: u64) -> Result<Option<Job>, StoreError> {
    one("job", ONE, pool, id).await
}

pub(crate) async fn jobs(pool: &AnyPool, query: &JobQuery) -> Result<List<Job>, StoreError> {
    let page = Page::new(query.limit, query.next.as_deref())?;
    let select = |statement| sqlx::query_as(statement).bind(page.before).bind(page.fetched());
    let select = match (&query.host, query.open_only) {
        (None, false) => select(ALL),
        (None, true) => select(OPEN),
        (Some(host), false) => select(OF_HOST).bind(host.to_string()),
        (Some(host), true) => select(OPEN_OF_HOST).bind(host.to_string()),
    };
    let rows = select.fetch_all(pool).await.map_err(|error| meaning("list jobs", error))?;
    page.list("job", rows)
}

/// The jobs that have not ended, oldest first; of one host where it is given.
pub(crate) async fn unfinished(
    connection: &mut AnyConnection,
    host: Option<&Name>,
) -> Result<Vec<Job>, StoreError> {
    let select = match host {
        None => sqlx::query_as(UNFINISHED),
        Some(host) => sqlx::query_as(UNFINISHED_OF_HOST).bind(host.to_string()),
    };
    let rows: Vec<Row> =
        select.fetch_all(connection).await.map_err(|error| meaning("read unfinished jobs", error))?;
    decode("job", rows)
}

/// Stores a job as it now stands.
pub(crate) async fn put(turn: &mut Turn<'_>, job: &Job) -> Result<(), StoreError> {
    let id = job.id;
    reserved("job", id, turn.sequences.job)?;
    sqlx::query(PUT)
        .bind(bigint(id))
        .bind(job.host.as_str())
        .bind(job.ended_at.map(Timestamp::as_millis))
        .bind(json(|| format!("job {id}"), job)?)
        .execute(&mut *turn.connection)
        .await
        .map_err(|error| meaning("store a job", error))?;
    Ok(())
}

/// Ends the jobs of a host that is deleted: nobody works on them any more, and nobody waits for ever.
pub(crate) async fn end_all(turn: &mut Turn<'_>, host: &Name, now: Timestamp) -> Result<(), StoreError> {
    for mut job in unfinished(turn.connection, Some(host)).await? {
        job.state = match job.state {
            JobState::Queued => JobState::Failed,
            _ => JobState::Unknown,
        };
        job.ended_at = Some(now);
        job.detail = Some("the host was deleted".to_owned());
        put(turn, &job).await?;
        let message = format!("job {} ({}) {}: the host was deleted", job.id, job.work, job.state);
        let draft = EventDraft::new(EventKind::JobEnded, Severity::Warning, message);
        event::append(turn, Some(host.clone()), now, EventDraft { job: Some(job.id), ..draft }).await?;
    }
    Ok(())
}
