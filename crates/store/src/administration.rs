//! What commands said of hosts, clusters and zones.

use ironhand_api::{Administration, Event, EventKind, Kind, Name, Said, Severity, Timestamp};
use sqlx::AnyConnection;

use crate::StoreError;
use crate::column::{json, value};
use crate::event::{self, EventDraft};
use crate::resource::fetch;
use crate::sqlite::meaning;
use crate::writer::{Turn, Write};

const ALL: &str = "SELECT kind, name, body FROM administration";

const ONE: &str = "SELECT kind, name, body FROM administration WHERE kind = $1 AND name = $2";

const PUT: &str = "INSERT INTO administration (kind, name, body) VALUES ($1, $2, $3) \
    ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body";

const FORGET: &str = "DELETE FROM administration WHERE kind = $1 AND name = $2";

/// What a command says of a host, a cluster or a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Administer {
    /// Whether it is to be managed.
    Management {
        /// Whether it is.
        enabled: bool,
        /// Why.
        reason: Option<String>,
    },
    /// Whether somebody works on it.
    Maintenance {
        /// Whether somebody does.
        on: bool,
        /// Why.
        reason: Option<String>,
    },
    /// Whether flows may begin there without a person. Said of `Settings global`, it is of all hosts.
    Recovery {
        /// Whether they may.
        on: bool,
        /// Why.
        reason: Option<String>,
    },
}

impl Administer {
    /// Whether this is what was said last, for the same reason.
    fn repeats(&self, said: &Said) -> bool {
        let (Self::Management { enabled: on, reason }
        | Self::Maintenance { on, reason }
        | Self::Recovery { on, reason }) = self;
        (*on, reason) == (said.on, &said.reason)
    }
}

/// The write behind [`Store::administer`](crate::Store::administer).
pub(crate) struct Say {
    pub(crate) kind: Kind,
    pub(crate) name: Name,
    pub(crate) what: Administer,
    pub(crate) now: Timestamp,
}

impl Write for Say {
    type Done = (Administration, Option<Event>);

    async fn run(self, turn: &mut Turn<'_>) -> Result<Self::Done, StoreError> {
        let Self { kind, name, what, now } = self;
        // All hosts are there, whether there are settings for them or not.
        if kind != Kind::Settings && fetch(turn.connection, kind, &name).await?.is_none() {
            return Err(StoreError::NotFound { kind, name });
        }
        let row: Option<(String, String, String)> = sqlx::query_as(ONE)
            .bind(kind.to_string())
            .bind(name.as_str())
            .fetch_optional(&mut *turn.connection)
            .await
            .map_err(|error| meaning("read what was said of a resource", error))?;
        let mut said = match row {
            Some((_, _, body)) => value(|| format!("administration of {kind} {name}"), &body)?,
            None => Administration::unsaid(kind, name.clone()),
        };
        let before = match what {
            Administer::Management { .. } => &said.management,
            Administer::Maintenance { .. } => &said.maintenance,
            Administer::Recovery { .. } => &said.recovery,
        };
        if what.repeats(before) {
            return Ok((said, None));
        }
        let (event, severity, message) = match what {
            Administer::Management { enabled, reason } => {
                let word = if enabled { "enabled" } else { "disabled" };
                let message = format!("management of {kind} {name} {word}{}", because(reason.as_deref()));
                said.management = Said { on: enabled, at: Some(now), reason };
                (EventKind::ManagementChanged, Severity::Info, message)
            }
            Administer::Maintenance { on, reason } => {
                let word = if on { "begun" } else { "ended" };
                let message = format!("maintenance of {kind} {name} {word}{}", because(reason.as_deref()));
                said.maintenance = Said { on, at: Some(now), reason };
                (EventKind::MaintenanceChanged, Severity::Info, message)
            }
            Administer::Recovery { on, reason } => {
                let word = if on { "goes on" } else { "is paused" };
                let place = match kind {
                    Kind::Settings => "of all hosts".to_owned(),
                    _ => format!("of {kind} {name}"),
                };
                let message = format!("recovery {place} {word}{}", because(reason.as_deref()));
                said.recovery = Said { on, at: Some(now), reason };
                (EventKind::RecoveryChanged, if on { Severity::Info } else { Severity::Critical }, message)
            }
        };
        sqlx::query(PUT)
            .bind(kind.to_string())
            .bind(name.as_str())
            .bind(json(|| format!("administration of {kind} {name}"), &said)?)
            .execute(&mut *turn.connection)
            .await
            .map_err(|error| meaning("store what was said of a resource", error))?;
        let host = (kind == Kind::Host).then_some(name);
        let event = event::append(turn, host, now, EventDraft::new(event, severity, message)).await?;
        Ok((said, Some(event)))
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

/// Everything that was said.
pub(crate) async fn all(connection: &mut AnyConnection) -> Result<Vec<Administration>, StoreError> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(ALL)
        .fetch_all(connection)
        .await
        .map_err(|error| meaning("read what was said of resources", error))?;
    rows.into_iter()
        .map(|(kind, name, body)| value(|| format!("administration of {kind} {name}"), &body))
        .collect()
}

/// Forgets what was said of a resource that is deleted: one of the same name later is another one.
pub(crate) async fn forget(
    connection: &mut AnyConnection,
    kind: Kind,
    name: &Name,
) -> Result<(), StoreError> {
    sqlx::query(FORGET)
        .bind(kind.to_string())
        .bind(name.as_str())
        .execute(connection)
        .await
        .map_err(|error| meaning("forget what was said of a resource", error))?;
    Ok(())
}
