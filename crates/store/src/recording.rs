//! Recordings of consoles: what is known of each. What was recorded lies in files beside the database.

use ironhand_api::{Name, Recording, Timestamp};
use sqlx::AnyPool;

use crate::StoreError;
use crate::column::json;
use crate::page::{Row, decode};
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

/// More than the files of a data directory ever are: each is kept for a time, and all together up to a size.
const MOST: i64 = 100_000;

const PUT: &str = "INSERT INTO recordings (host, id, ended_at, body) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (host, id) DO UPDATE SET ended_at = excluded.ended_at, body = excluded.body";

const DROP: &str = "DELETE FROM recordings WHERE host = $1 AND id = $2";

/// Rows whose time overlaps with the one that is asked for.
const LIST: &str = "SELECT id, body FROM recordings WHERE id <= $1 AND (ended_at IS NULL OR ended_at >= $2) \
    ORDER BY id DESC, host LIMIT $3";

const LIST_OF_HOST: &str = "SELECT id, body FROM recordings WHERE host = $4 AND id <= $1 \
    AND (ended_at IS NULL OR ended_at >= $2) ORDER BY id DESC LIMIT $3";

/// Which recordings to list; all by default.
#[derive(Clone, Debug, Default)]
pub struct RecordingQuery {
    /// Of this host alone.
    pub host: Option<Name>,
    /// Those that had not ended before.
    pub from: Option<Timestamp>,
    /// Those that had begun by then.
    pub until: Option<Timestamp>,
}

/// The newest first.
pub(crate) async fn recordings(pool: &AnyPool, query: &RecordingQuery) -> Result<Vec<Recording>, StoreError> {
    let from = query.from.map_or(i64::MIN, Timestamp::as_millis);
    let until = query.until.map_or(i64::MAX, Timestamp::as_millis);
    let select = |statement| sqlx::query_as(statement).bind(until).bind(from).bind(MOST);
    let select = match &query.host {
        None => select(LIST),
        Some(host) => select(LIST_OF_HOST).bind(host.to_string()),
    };
    let rows: Vec<Row> = select.fetch_all(pool).await.map_err(|error| meaning("list recordings", error))?;
    decode("recording", rows)
}

/// Stores what is known of a recording now.
pub(crate) struct PutRecording(pub(crate) Recording);

impl Write for PutRecording {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let Self(recording) = self;
        sqlx::query(PUT)
            .bind(recording.host.as_str())
            .bind(recording.id)
            .bind(recording.ended_at.map(Timestamp::as_millis))
            .bind(json(|| format!("recording {}/{}", recording.host, recording.id), &recording)?)
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("store a recording", error))?;
        Ok(())
    }
}

/// Forgets a recording.
pub(crate) struct DropRecording {
    pub(crate) host: Name,
    pub(crate) id: i64,
}

impl Write for DropRecording {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        sqlx::query(DROP)
            .bind(self.host.as_str())
            .bind(self.id)
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("forget a recording", error))?;
        Ok(())
    }
}
