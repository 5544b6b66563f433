//! The one ordered record of what happened.

use std::fmt::Write as _;

use ironhand_api::{Event, EventKind, Name, Severity, Timestamp};
use sqlx::{AnyPool, AssertSqlSafe, FromRow};

use crate::StoreError;
use crate::column::{bigint, unsigned, word};
use crate::resource::parse_name;
use crate::sequence::Sequences;
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

/// Events that are dropped in one transaction, so that pruning holds up nobody for long.
const PRUNED_AT_ONCE: u64 = 2_000;

/// Events that are appended by one statement: each statement costs a turn of the thread that SQLite runs on.
const APPENDED_AT_ONCE: usize = 16;

const APPEND: &str =
    "INSERT INTO events (id, at, kind, severity, host, incident, run, message, job, alert) VALUES";

/// Columns that [`APPEND`] names.
const COLUMNS: usize = 10;

const AFTER: &str = "SELECT id, at, kind, severity, host, incident, run, message, job, alert FROM events \
    WHERE id > $1 ORDER BY id LIMIT $2";

const AFTER_OF_HOST: &str = "SELECT id, at, kind, severity, host, incident, run, message, job, alert FROM events \
    WHERE host = $3 AND id > $1 ORDER BY id LIMIT $2";

const LATEST: &str = "SELECT id, at, kind, severity, host, incident, run, message, job, alert FROM events \
    ORDER BY id DESC LIMIT $1";

const LATEST_OF_HOST: &str = "SELECT id, at, kind, severity, host, incident, run, message, job, alert FROM events \
    WHERE host = $2 ORDER BY id DESC LIMIT $1";

const FIRST: &str = "SELECT MIN(id) FROM events";

const PRUNE: &str = "DELETE FROM events WHERE id <= $1";

/// An event that is about to be recorded; id, time and host come from the record it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDraft {
    /// What kind of thing happened.
    pub kind: EventKind,
    /// How much it matters to a person.
    pub severity: Severity,
    /// The incident it belongs to.
    pub incident: Option<u64>,
    /// The run it belongs to.
    pub run: Option<u64>,
    /// The job it belongs to.
    pub job: Option<u64>,
    /// The alert that it tells of.
    pub alert: Option<u64>,
    /// What happened, in words that an operator understands.
    pub message: String,
}

impl EventDraft {
    /// An event that belongs to no incident, run, job or alert.
    pub fn new(kind: EventKind, severity: Severity, message: impl Into<String>) -> Self {
        Self { kind, severity, incident: None, run: None, job: None, alert: None, message: message.into() }
    }
}

/// The write behind [`Store::note`](crate::Store::note).
pub(crate) struct Note {
    pub(crate) draft: EventDraft,
    pub(crate) at: Timestamp,
}

impl Write for Note {
    type Done = Event;

    async fn run(self, turn: &mut Turn<'_>) -> Result<Event, StoreError> {
        append(turn, None, self.at, self.draft).await
    }
}

/// The write behind [`Store::note_all`](crate::Store::note_all).
pub(crate) struct NoteAll(pub(crate) Vec<(Option<Name>, Timestamp, EventDraft)>);

impl Write for NoteAll {
    type Done = ();

    async fn run(self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        let events: Vec<Event> =
            self.0.into_iter().map(|(host, at, draft)| numbered(turn, host, at, draft)).collect();
        for some in events.chunks(APPENDED_AT_ONCE) {
            insert(turn, some).await?;
        }
        Ok(())
    }
}

/// Appends an event under the next id.
pub(crate) async fn append(
    turn: &mut Turn<'_>,
    host: Option<Name>,
    at: Timestamp,
    draft: EventDraft,
) -> Result<Event, StoreError> {
    let event = numbered(turn, host, at, draft);
    insert(turn, std::slice::from_ref(&event)).await?;
    Ok(event)
}

/// Appends events of a host under the next ids, in their order.
pub(crate) async fn append_all(
    turn: &mut Turn<'_>,
    host: &Name,
    at: Timestamp,
    drafts: Vec<EventDraft>,
) -> Result<Vec<Event>, StoreError> {
    let events: Vec<Event> =
        drafts.into_iter().map(|draft| numbered(turn, Some(host.clone()), at, draft)).collect();
    for some in events.chunks(APPENDED_AT_ONCE) {
        insert(turn, some).await?;
    }
    Ok(events)
}

fn numbered(turn: &mut Turn<'_>, host: Option<Name>, at: Timestamp, draft: EventDraft) -> Event {
    let EventDraft { kind, severity, incident, run, job, alert, message } = draft;
    let id = Sequences::next(&mut turn.sequences.event);
    Event { id, at, kind, severity, host, incident, run, job, alert, message }
}

async fn insert(turn: &mut Turn<'_>, events: &[Event]) -> Result<(), StoreError> {
    // Made of nothing but numbers, and the same for the same count, so that it is prepared once for each.
    let mut query = sqlx::query(AssertSqlSafe(append_statement(events.len())));
    for event in events {
        query = query
            .bind(bigint(event.id))
            .bind(event.at.as_millis())
            .bind(event.kind.code())
            .bind(severity_word(event.severity))
            .bind(event.host.as_ref().map(|host| host.as_str().to_owned()))
            .bind(event.incident.map(bigint))
            .bind(event.run.map(bigint))
            .bind(event.message.clone())
            .bind(event.job.map(bigint))
            .bind(event.alert.map(bigint));
    }
    query.execute(&mut *turn.connection).await.map_err(|error| meaning("append events", error))?;
    Ok(())
}

/// The statement that appends that many events.
fn append_statement(count: usize) -> String {
    let mut statement = APPEND.to_owned();
    for row in 0..count {
        statement.push_str(if row == 0 { " (" } else { ", (" });
        for column in 1..=COLUMNS {
            let comma = if column == 1 { "" } else { ", " };
            // Writing to a String does not fail.
            let _ = write!(statement, "{comma}${}", row * COLUMNS + column);
        }
        statement.push(')');
    }
    statement
}

/// The word that stands for a severity in its column: the one that JSON carries.
const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// Events after an id, oldest first.
pub(crate) async fn after(
    pool: &AnyPool,
    id: u64,
    limit: u32,
    host: Option<&Name>,
) -> Result<Vec<Event>, StoreError> {
    let query = match host {
        None => sqlx::query_as(AFTER).bind(bigint(id)).bind(i64::from(limit)),
        Some(host) => sqlx::query_as(AFTER_OF_HOST)
            .bind(bigint(id))
            .bind(i64::from(limit))
            .bind(host.as_str().to_owned()),
    };
    let rows: Vec<Row> = query.fetch_all(pool).await.map_err(|error| meaning("read events", error))?;
    rows.into_iter().map(Event::try_from).collect()
}

/// The last events, oldest first.
pub(crate) async fn latest(
    pool: &AnyPool,
    limit: u32,
    host: Option<&Name>,
) -> Result<Vec<Event>, StoreError> {
    let query = match host {
        None => sqlx::query_as(LATEST).bind(i64::from(limit)),
        Some(host) => sqlx::query_as(LATEST_OF_HOST).bind(i64::from(limit)).bind(host.as_str().to_owned()),
    };
    let rows: Vec<Row> = query.fetch_all(pool).await.map_err(|error| meaning("read events", error))?;
    rows.into_iter().rev().map(Event::try_from).collect()
}

#[derive(FromRow)]
struct Row {
    id: i64,
    at: i64,
    kind: String,
    severity: String,
    host: Option<String>,
    incident: Option<i64>,
    run: Option<i64>,
    message: String,
    job: Option<i64>,
    alert: Option<i64>,
}

impl TryFrom<Row> for Event {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let id = unsigned(row.id)?;
        Ok(Self {
            id,
            at: Timestamp::from_millis(row.at),
            kind: word(|| format!("kind of event {id}"), row.kind)?,
            severity: word(|| format!("severity of event {id}"), row.severity)?,
            host: row.host.as_deref().map(parse_name).transpose()?,
            incident: row.incident.map(unsigned).transpose()?,
            run: row.run.map(unsigned).transpose()?,
            job: row.job.map(unsigned).transpose()?,
            alert: row.alert.map(unsigned).transpose()?,
            message: row.message,
        })
    }
}

/// Drops the oldest events beyond `keep`, some at a time; returns how many. Done when it returns 0.
pub(crate) struct Prune {
    pub(crate) keep: u64,
}

impl Write for Prune {
    type Done = u64;

    async fn run(self, turn: &mut Turn<'_>) -> Result<u64, StoreError> {
        let (first,): (Option<i64>,) = sqlx::query_as(FIRST)
            .fetch_one(&mut *turn.connection)
            .await
            .map_err(|error| meaning("find the first event", error))?;
        let Some(first) = first.map(unsigned).transpose()? else { return Ok(0) };
        // Ids have no gaps, so that counting is subtracting.
        let last_dropped = turn.sequences.event.saturating_sub(self.keep);
        if last_dropped < first {
            return Ok(0);
        }
        let dropped = sqlx::query(PRUNE)
            .bind(bigint(last_dropped.min(first.saturating_add(PRUNED_AT_ONCE - 1))))
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("prune events", error))?;
        Ok(dropped.rows_affected())
    }
}
