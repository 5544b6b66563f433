//! Incidents and runs, newest first.

use ironhand_api::{Incident, List, Name, Run};
use sqlx::{AnyConnection, AnyPool};

use crate::StoreError;
use crate::column::bigint;
use crate::page::{Page, Row, decode, one};
use crate::sqlite::meaning;

const INCIDENT: &str = "SELECT id, body FROM incidents WHERE id = $1";

const INCIDENTS: &str = "SELECT id, body FROM incidents WHERE id < $1 ORDER BY id DESC LIMIT $2";

const OPEN_INCIDENTS: &str =
    "SELECT id, body FROM incidents WHERE closed = 0 AND id < $1 ORDER BY id DESC LIMIT $2";

const INCIDENTS_OF_HOST: &str =
    "SELECT id, body FROM incidents WHERE host = $3 AND id < $1 ORDER BY id DESC LIMIT $2";

const OPEN_INCIDENTS_OF_HOST: &str =
    "SELECT id, body FROM incidents WHERE closed = 0 AND host = $3 AND id < $1 ORDER BY id DESC LIMIT $2";

const RUN: &str = "SELECT id, body FROM runs WHERE id = $1";

const RUNS: &str = "SELECT id, body FROM runs WHERE id < $1 ORDER BY id DESC LIMIT $2";

const RUNS_OF_HOST: &str = "SELECT id, body FROM runs WHERE host = $3 AND id < $1 ORDER BY id DESC LIMIT $2";

const RUNS_OF_INCIDENT: &str =
    "SELECT id, body FROM runs WHERE incident = $3 AND id < $1 ORDER BY id DESC LIMIT $2";

const RUNNING: &str = "SELECT id, body FROM runs WHERE ended = 0 ORDER BY id";

const NOT_CLOSED: &str = "SELECT id, body FROM incidents WHERE closed = 0 ORDER BY id";

/// Which incidents to list; all by default.
#[derive(Clone, Debug, Default)]
pub struct IncidentQuery {
    /// Of this host alone.
    pub host: Option<Name>,
    /// Those that are not closed alone.
    pub open_only: bool,
    /// How many at most; all where absent.
    pub limit: Option<u32>,
    /// Where to go on: the [`List::next`] of the page before.
    pub next: Option<String>,
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunQuery {
    /// Of what.
    pub of: RunsOf,
    /// How many at most; all where absent.
    pub limit: Option<u32>,
    /// Where to go on: the [`List::next`] of the page before.
    pub next: Option<String>,
}

/// What the runs of a [`RunQuery`] belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RunsOf {
    /// Every run.
    #[default]
    All,
    /// The runs on a host.
    Host(Name),
    /// The runs of an incident.
    Incident(u64),
}

pub(crate) async fn incident(pool: &AnyPool, id: u64) -> Result<Option<Incident>, StoreError> {
    one("incident", INCIDENT, pool, id).await
}

pub(crate) async fn run(pool: &AnyPool, id: u64) -> Result<Option<Run>, StoreError> {
    one("run", RUN, pool, id).await
}

pub(crate) async fn incidents(pool: &AnyPool, query: &IncidentQuery) -> Result<List<Incident>, StoreError> {
    let page = Page::new(query.limit, query.next.as_deref())?;
    let select = |statement| sqlx::query_as(statement).bind(page.before).bind(page.fetched());
    let select = match (&query.host, query.open_only) {
        (None, false) => select(INCIDENTS),
        (None, true) => select(OPEN_INCIDENTS),
        (Some(host), false) => select(INCIDENTS_OF_HOST).bind(host.to_string()),
        (Some(host), true) => select(OPEN_INCIDENTS_OF_HOST).bind(host.to_string()),
    };
    let rows = select.fetch_all(pool).await.map_err(|error| meaning("list incidents", error))?;
    page.list("incident", rows)
}

pub(crate) async fn runs(pool: &AnyPool, query: &RunQuery) -> Result<List<Run>, StoreError> {
    let page = Page::new(query.limit, query.next.as_deref())?;
    let select = |statement| sqlx::query_as(statement).bind(page.before).bind(page.fetched());
    let select = match &query.of {
        RunsOf::All => select(RUNS),
        RunsOf::Host(host) => select(RUNS_OF_HOST).bind(host.to_string()),
        RunsOf::Incident(incident) => select(RUNS_OF_INCIDENT).bind(bigint(*incident)),
    };
    let rows = select.fetch_all(pool).await.map_err(|error| meaning("list runs", error))?;
    page.list("run", rows)
}

/// What was going on when the store was last written to, oldest first.
pub(crate) async fn unfinished(
    connection: &mut AnyConnection,
) -> Result<(Vec<Incident>, Vec<Run>), StoreError> {
    let failed = |error| meaning("read what was going on", error);
    let incidents: Vec<Row> = sqlx::query_as(NOT_CLOSED).fetch_all(&mut *connection).await.map_err(failed)?;
    let runs: Vec<Row> = sqlx::query_as(RUNNING).fetch_all(connection).await.map_err(failed)?;
    Ok((decode("incident", incidents)?, decode("run", runs)?))
}
