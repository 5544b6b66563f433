//! What is kept, and for how long.

use std::time::Duration;

use ironhand_api::Timestamp;

use crate::StoreError;
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

/// Jobs, or alerts, that are dropped in one transaction.
const PRUNED_AT_ONCE: i64 = 1_000;

const PRUNE_JOBS: &str =
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)";

const PRUNE_ALERTS: &str = "DELETE FROM alerts WHERE id IN \
    (SELECT id FROM alerts WHERE cleared_at < $1 ORDER BY cleared_at LIMIT $2)";

/// What [`Store::prune`](crate::Store::prune) leaves.
///
/// Resources, incidents and runs are kept until somebody deletes them: they are few, and they are the history that
/// people ask for. So is what is not over: jobs that have not ended, alerts that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How many events are kept; of more, the oldest are dropped.
    pub events: u64,
    /// How long a picture is kept after the last status, incident or run that referred to it has let it go, so that
    /// whoever was just told of it can still fetch it.
    pub picture_grace: Duration,
    /// How long jobs are kept after their end, and alerts after they were cleared.
    pub history: Duration,
}

impl Retention {
    /// About 50 MB of events, which is months for a few hundred hosts, ten minutes for pictures, and thirty days for
    /// jobs and alerts.
    pub const DEFAULT: Self = Self {
        events: 200_000,
        picture_grace: Duration::from_secs(10 * 60),
        history: Duration::from_secs(30 * 24 * 3600),
    };
}

impl Default for Retention {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What is dropped some time after it is over.
#[derive(Clone, Copy)]
pub(crate) enum Ended {
    Jobs,
    Alerts,
}

/// Drops what has been over for `kept`, some at a time; returns how many. Done when it returns 0.
pub(crate) struct Prune {
    pub(crate) what: Ended,
    pub(crate) now: Timestamp,
    pub(crate) kept: Duration,
}

impl Write for Prune {
    type Done = u64;

    async fn run(self, turn: &mut Turn<'_>) -> Result<u64, StoreError> {
        let statement = match self.what {
            Ended::Jobs => PRUNE_JOBS,
            Ended::Alerts => PRUNE_ALERTS,
        };
        let kept = i64::try_from(self.kept.as_millis()).unwrap_or(i64::MAX);
        let dropped = sqlx::query(statement)
            .bind(self.now.as_millis().saturating_sub(kept))
            .bind(PRUNED_AT_ONCE)
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("prune jobs and alerts", error))?;
        Ok(dropped.rows_affected())
    }
}
