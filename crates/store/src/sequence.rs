//! The numbers that the store gives out: ids of incidents, runs, jobs, alerts and events, versions of
//! resources, fencing tokens. Beside them, in the row that orders all writers: the key that seals.

use sqlx::{AnyConnection, FromRow};

use crate::StoreError;
use crate::column::{bigint, unsigned};
use crate::seal::KeyId;
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

/// Locks the row before reading it: on a database with several writers this is what puts them in order, so that
/// events become visible in the order of their ids, without gaps.
const LOCK: &str = "UPDATE sequences SET event = event WHERE one = 1 \
    RETURNING resource, incident, run, event, job, alert, lease, sealed_under";

const ADVANCE: &str = "UPDATE sequences SET resource = $1, incident = $2, run = $3, event = $4, job = $5, \
    alert = $6, lease = $7, sealed_under = $8 WHERE one = 1";

/// The last number given out of each series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sequences {
    pub(crate) resource: u64,
    pub(crate) incident: u64,
    pub(crate) run: u64,
    pub(crate) event: u64,
    pub(crate) job: u64,
    pub(crate) alert: u64,
    /// Fencing tokens: one for each time that a host changes its owner.
    pub(crate) lease: u64,
    /// The key under which secrets are sealed; none before the first start of a release that notes it.
    pub(crate) sealed_under: Option<KeyId>,
}

#[derive(FromRow)]
struct Row {
    resource: i64,
    incident: i64,
    run: i64,
    event: i64,
    job: i64,
    alert: i64,
    lease: i64,
    sealed_under: Option<String>,
}

impl Sequences {
    pub(crate) async fn lock(connection: &mut AnyConnection) -> Result<Self, StoreError> {
        let row: Row = sqlx::query_as(LOCK)
            .fetch_one(connection)
            .await
            .map_err(|error| meaning("lock the sequences", error))?;
        Ok(Self {
            resource: unsigned(row.resource)?,
            incident: unsigned(row.incident)?,
            run: unsigned(row.run)?,
            event: unsigned(row.event)?,
            job: unsigned(row.job)?,
            alert: unsigned(row.alert)?,
            lease: unsigned(row.lease)?,
            sealed_under: row.sealed_under.as_deref().and_then(KeyId::from_text),
        })
    }

    pub(crate) async fn advance(self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        sqlx::query(ADVANCE)
            .bind(bigint(self.resource))
            .bind(bigint(self.incident))
            .bind(bigint(self.run))
            .bind(bigint(self.event))
            .bind(bigint(self.job))
            .bind(bigint(self.alert))
            .bind(bigint(self.lease))
            .bind(self.sealed_under.map(|id| id.to_string()))
            .execute(connection)
            .await
            .map_err(|error| meaning("advance the sequences", error))?;
        Ok(())
    }

    /// The next number of a series.
    pub(crate) fn next(series: &mut u64) -> u64 {
        *series += 1;
        *series
    }
}

/// Refuses an id that the store did not give out: it would one day be given out to something else.
pub(crate) fn reserved(series: &'static str, id: u64, last: u64) -> Result<(), StoreError> {
    if (1..=last).contains(&id) { Ok(()) } else { Err(StoreError::IdNotReserved { series, id }) }
}

/// Gives out the next id of a series.
pub(crate) enum Reserve {
    Incident,
    Run,
    Job,
    Alert,
}

impl Write for Reserve {
    type Done = u64;

    async fn run(self, turn: &mut Turn<'_>) -> Result<u64, StoreError> {
        Ok(Sequences::next(match self {
            Self::Incident => &mut turn.sequences.incident,
            Self::Run => &mut turn.sequences.run,
            Self::Job => &mut turn.sequences.job,
            Self::Alert => &mut turn.sequences.alert,
        }))
    }
}
