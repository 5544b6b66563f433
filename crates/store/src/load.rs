//! Everything that a server needs to know when it starts.

use std::collections::BTreeMap;

use ironhand_api::{Administration, Cluster, Flow, GlobalSettings, Host, Incident, Name, Run, Zone};
use ironhand_model::{HostFacts, HostRecovery};
use serde::de::DeserializeOwned;
use sqlx::{AnyConnection, AnyPool};

use crate::StoreError;
use crate::administration;
use crate::column::{unsigned, value};
use crate::history;
use crate::resource::{Row, Stored, parse_name};
use crate::sqlite::meaning;

const RESOURCES: &str = "SELECT r.name, r.labels, r.spec, r.version, r.created_at, s.status FROM resources r \
    LEFT JOIN host_states s ON r.kind = 'Host' AND s.host = r.name WHERE r.kind = $1 ORDER BY r.name";

const STATES: &str = "SELECT host, facts, recovery FROM host_states";

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

/// What was believed of a host, and how far its recovery had come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostState {
    /// What was believed of the host.
    pub facts: HostFacts,
    /// How far its recovery had come.
    pub recovery: HostRecovery,
}

pub(crate) async fn load(pool: &AnyPool) -> Result<Snapshot, StoreError> {
    let failed = |error| meaning("read everything", error);
    // One transaction, so that all of it is of the same moment.
    let mut transaction = pool.begin().await.map_err(failed)?;
    let rows: Vec<(String, Option<String>, Option<String>)> =
        sqlx::query_as(STATES).fetch_all(&mut *transaction).await.map_err(failed)?;
    let mut states = BTreeMap::new();
    for (host, facts, recovery) in rows {
        let state = HostState {
            facts: or_new(|| format!("facts of Host {host}"), facts)?,
            recovery: or_new(|| format!("recovery of Host {host}"), recovery)?,
        };
        states.insert(parse_name(&host)?, state);
    }
    let hosts = resources(&mut transaction).await?;
    let flows = resources(&mut transaction).await?;
    let (incidents, runs) = history::unfinished(&mut transaction).await?;
    let (last_event,): (i64,) =
        sqlx::query_as(LAST_EVENT).fetch_one(&mut *transaction).await.map_err(failed)?;
    transaction.rollback().await.map_err(failed)?;
    Ok(Snapshot { hosts, flows, states, incidents, runs, last_event: unsigned(last_event)? })
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
