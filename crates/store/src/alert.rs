//! Causes for alarm: at most one open alert of each cause at each host.

use ironhand_api::{Alert, EventKind, List, Name, Severity, Timestamp};
use sqlx::AnyPool;

use crate::StoreError;
use crate::column::{bigint, json, unsigned};
use crate::event::{self, EventDraft};
use crate::page::{Page, Row, decode, one};
use crate::sequence::reserved;
use crate::sqlite::meaning;
use crate::writer::Turn;

const ONE: &str = "SELECT id, body FROM alerts WHERE id = $1";

const ALL: &str = "SELECT id, body FROM alerts WHERE id < $1 ORDER BY id DESC LIMIT $2";

const OPEN: &str =
    "SELECT id, body FROM alerts WHERE cleared_at IS NULL AND id < $1 ORDER BY id DESC LIMIT $2";

const OF_HOST: &str = "SELECT id, body FROM alerts WHERE host = $3 AND id < $1 ORDER BY id DESC LIMIT $2";

const OPEN_OF_HOST: &str = "SELECT id, body FROM alerts WHERE cleared_at IS NULL AND host = $3 AND id < $1 \
    ORDER BY id DESC LIMIT $2";

const ALL_OPEN_OF_HOST: &str =
    "SELECT id, body FROM alerts WHERE host = $1 AND cleared_at IS NULL ORDER BY id";

const SAME_CAUSE: &str =
    "SELECT id FROM alerts WHERE host = $1 AND cause = $2 AND cleared_at IS NULL AND id <> $3";

const PUT: &str = "INSERT INTO alerts (id, host, cause, cleared_at, body) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (id) DO UPDATE SET cleared_at = excluded.cleared_at, body = excluded.body";

/// Which alerts to list; all by default.
#[derive(Clone, Debug, Default)]
pub struct AlertQuery {
    /// Of this host alone.
    pub host: Option<Name>,
    /// Those that are not cleared alone.
    pub open_only: bool,
    /// How many at most; all where absent.
    pub limit: Option<u32>,
    /// Where to go on: the [`List::next`] of the page before.
    pub next: Option<String>,
}

pub(crate) async fn alert(pool: &AnyPool, id: u64) -> Result<Option<Alert>, StoreError> {
    one("alert", ONE, pool, id).await
}

pub(crate) async fn alerts(pool: &AnyPool, query: &AlertQuery) -> Result<List<Alert>, StoreError> {
    let page = Page::new(query.limit, query.next.as_deref())?;
    let select = |statement| sqlx::query_as(statement).bind(page.before).bind(page.fetched());
    let select = match (&query.host, query.open_only) {
        (None, false) => select(ALL),
        (None, true) => select(OPEN),
        (Some(host), false) => select(OF_HOST).bind(host.to_string()),
        (Some(host), true) => select(OPEN_OF_HOST).bind(host.to_string()),
    };
    let rows = select.fetch_all(pool).await.map_err(|error| meaning("list alerts", error))?;
    page.list("alert", rows)
}

/// Stores an alert as it now stands.
pub(crate) async fn put(turn: &mut Turn<'_>, alert: &Alert) -> Result<(), StoreError> {
    let id = alert.id;
    reserved("alert", id, turn.sequences.alert)?;
    let failed = |error| meaning("store an alert", error);
    if alert.cleared_at.is_none() {
        let open: Option<(i64,)> = sqlx::query_as(SAME_CAUSE)
            .bind(alert.host.as_str())
            .bind(alert.cause.as_str())
            .bind(bigint(id))
            .fetch_optional(&mut *turn.connection)
            .await
            .map_err(failed)?;
        if let Some((open,)) = open {
            let (host, cause, open) = (alert.host.clone(), alert.cause, unsigned(open)?);
            return Err(StoreError::AlertOpen { host, cause, open });
        }
    }
    sqlx::query(PUT)
        .bind(bigint(id))
        .bind(alert.host.as_str())
        .bind(alert.cause.as_str())
        .bind(alert.cleared_at.map(Timestamp::as_millis))
        .bind(json(|| format!("alert {id}"), alert)?)
        .execute(&mut *turn.connection)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Clears the alerts of a host that is deleted: nobody would ever clear them otherwise.
pub(crate) async fn clear_all(turn: &mut Turn<'_>, host: &Name, now: Timestamp) -> Result<(), StoreError> {
    let rows: Vec<Row> = sqlx::query_as(ALL_OPEN_OF_HOST)
        .bind(host.as_str())
        .fetch_all(&mut *turn.connection)
        .await
        .map_err(|error| meaning("read open alerts", error))?;
    for mut alert in decode::<Alert>("alert", rows)? {
        alert.cleared_at = Some(now);
        put(turn, &alert).await?;
        let message = format!("cleared, as the host was deleted: {}", alert.message);
        let draft = EventDraft::new(EventKind::AlertCleared, Severity::Info, message);
        event::append(turn, Some(host.clone()), now, EventDraft { alert: Some(alert.id), ..draft }).await?;
    }
    Ok(())
}
