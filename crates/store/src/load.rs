//! Everything that a server needs to know when it starts.

use std::collections::BTreeMap;

use ironhand_api::{
    Administration, Cluster, Flow, GlobalSettings, Host, Incident, Job, Kind, Name, Run, Zone,
};
use ironhand_model::{HostAlerts, HostFacts, HostRecovery};
use serde::de::DeserializeOwned;
use sqlx::{AnyConnection, AnyPool};

use crate::StoreError;
use crate::administration;
use crate::column::{unsigned, value};
use crate::history;
use crate::job;
use crate::resource::{Row, Stored, fetch, parse_name};
use crate::sqlite::meaning;

const RESOURCES: &str = "SELECT r.name, r.labels, r.spec, r.version, r.created_at, s.status FROM resources r \
    LEFT JOIN host_states s ON r.kind = 'Host' AND s.host = r.name WHERE r.kind = $1 ORDER BY r.name";

const STATES: &str = "SELECT host, facts, recovery, alerts FROM host_states";

const STATE: &str = "SELECT host, facts, recovery, alerts FROM host_states WHERE host = $1";

const ROTATIONS: &str = "SELECT host FROM rotations ORDER BY host";

const LAST_EVENT: &str = "SELECT event FROM sequences WHERE one = 1";

/// Everything that a server needs to know when it starts, as of one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// All hosts with what was last known of them, ordered by name.
    pub hosts: Vec<Host>,
    /// All flows, ordered by name.
    pub flows: Vec<Flow>,
    /// What was believed of each host, and how far its recovery had come. Hosts that were never recorded are absent.
    pub states: BTreeMap<Name, HostState>,
    /// Incidents that are not closed, by id.
    pub incidents: Vec<Incident>,
    /// Runs that have not ended, by id.
    pub runs: Vec<Run>,
    /// Jobs that have not ended, by id.
    pub jobs: Vec<Job>,
    /// Hosts with a change of password that is not over, by name.
    pub rotations: Vec<Name>,
    /// The id of the last event; 0 where there was none.
    pub last_event: u64,
}

/// Everything that is said above hosts, as of one moment.
#[derive(Clone, Debug)]
pub struct SiteSnapshot {
    /// The settings, where somebody applied them.
    pub settings: Option<GlobalSettings>,
    /// All zones, ordered by name.
    pub zones: Vec<Zone>,
    /// All clusters, ordered by name.
    pub clusters: Vec<Cluster>,
    /// What commands said of hosts, clusters and zones.
    pub administration: Vec<Administration>,
}

pub(crate) async fn site(pool: &AnyPool) -> Result<SiteSnapshot, StoreError> {
    let failed = |error| meaning("read what stands above hosts", error);
    let mut transaction = pool.begin().await.map_err(failed)?;
    let settings: Vec<GlobalSettings> = resources(&mut transaction).await?;
    let zones = resources(&mut transaction).await?;
    let clusters = resources(&mut transaction).await?;
    let administration = administration::all(&mut transaction).await?;
    transaction.rollback().await.map_err(failed)?;
    Ok(SiteSnapshot { settings: settings.into_iter().next(), zones, clusters, administration })
}

/// What was believed of a host, how far its recovery had come, and what was told of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostState {
    /// What was believed of the host.
    pub facts: HostFacts,
    /// How far its recovery had come.
    pub recovery: HostRecovery,
    /// Which alerts are open and when they were told.
    pub alerts: HostAlerts,
}

/// A row of [`STATES`].
type StateRow = (String, Option<String>, Option<String>, Option<String>);

impl HostState {
    fn from_row((host, facts, recovery, alerts): StateRow) -> Result<(Name, Self), StoreError> {
        let state = Self {
            facts: or_new(|| format!("facts of Host {host}"), facts)?,
            recovery: or_new(|| format!("recovery of Host {host}"), recovery)?,
            alerts: or_new(|| format!("alerts of Host {host}"), alerts)?,
        };
        Ok((parse_name(&host)?, state))
    }
}

pub(crate) async fn load(pool: &AnyPool) -> Result<Snapshot, StoreError> {
    let failed = |error| meaning("read everything", error);
    // One transaction, so that all of it is of the same moment.
    let mut transaction = pool.begin().await.map_err(failed)?;
    let rows: Vec<StateRow> = sqlx::query_as(STATES).fetch_all(&mut *transaction).await.map_err(failed)?;
    let states = rows.into_iter().map(HostState::from_row).collect::<Result<_, _>>()?;
    let hosts = resources(&mut transaction).await?;
    let flows = resources(&mut transaction).await?;
    let (incidents, runs) = history::unfinished(&mut transaction).await?;
    let jobs = job::unfinished(&mut transaction, None).await?;
    let rotations: Vec<(String,)> =
        sqlx::query_as(ROTATIONS).fetch_all(&mut *transaction).await.map_err(failed)?;
    let rotations = rotations.iter().map(|(host,)| parse_name(host)).collect::<Result<_, _>>()?;
    let last_event = last_event(&mut transaction).await?;
    transaction.rollback().await.map_err(failed)?;
    Ok(Snapshot { hosts, flows, states, incidents, runs, jobs, rotations, last_event })
}

/// One host with its state and its unfinished jobs, as of one moment.
pub(crate) async fn host(
    pool: &AnyPool,
    name: &Name,
) -> Result<Option<(Host, HostState, Vec<Job>)>, StoreError> {
    let failed = |error| meaning("read a host", error);
    let mut transaction = pool.begin().await.map_err(failed)?;
    let found = fetch(&mut transaction, Kind::Host, name).await?;
    let row: Option<StateRow> =
        sqlx::query_as(STATE).bind(name.as_str()).fetch_optional(&mut *transaction).await.map_err(failed)?;
    let jobs = job::unfinished(&mut transaction, Some(name)).await?;
    transaction.rollback().await.map_err(failed)?;
    let Some(found) = found else { return Ok(None) };
    let state = row.map(HostState::from_row).transpose()?.map(|(_, state)| state).unwrap_or_default();
    Ok(Some((found.resource()?, state, jobs)))
}

/// The id of the last event, whoever wrote it; 0 where there was none.
pub(crate) async fn last_event(connection: &mut AnyConnection) -> Result<u64, StoreError> {
    let (last,): (i64,) = sqlx::query_as(LAST_EVENT)
        .fetch_one(connection)
        .await
        .map_err(|error| meaning("read the number of the last event", error))?;
    unsigned(last)
}

async fn resources<T: Stored>(connection: &mut AnyConnection) -> Result<Vec<T>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(RESOURCES)
        .bind(T::KIND.to_string())
        .fetch_all(connection)
        .await
        .map_err(|error| meaning("read everything", error))?;
    rows.iter().map(Row::resource).collect()
}

/// What was stored, or what a host begins with.
fn or_new<T: DeserializeOwned + Default>(
    what: impl FnOnce() -> String,
    json: Option<String>,
) -> Result<T, StoreError> {
    json.map_or_else(|| Ok(T::default()), |json| value(what, &json))
}
