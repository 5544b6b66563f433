//! `ironhand bmc sel` over Redfish: the event log of a machine.

mod follow;

use std::borrow::Cow;

use ironhand_api::{LogEntry, Severity};
use ironhand_connectors::Device;
use ironhand_redfish::{Log as Service, Stop, Talk, logs};
use serde::Serialize;

use super::{Controllers, Problem};
use crate::bmc::args::{Sel, SelAction, SelList};
use crate::bmc::report::{Finding, Shown};
use crate::bmc::sel::Cleared;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone};

/// Titles of the table.
const HEAD: [&str; 5] = ["id", "time", "severity", "about", "event"];

/// `ironhand bmc sel`.
pub async fn sel(controllers: Controllers, asked: &Sel) -> Result<(), Failure> {
    match &asked.action {
        None => list(controllers, &asked.list).await,
        Some(SelAction::List(asked)) => list(controllers, asked).await,
        Some(SelAction::Info) => {
            let read =
                |talk: &mut Talk, place: &_| -> Result<Logs, Stop> { Ok(Logs::of(logs(talk, place)?.items)) };
            controllers.each(async |device| Ok(device.at_place(read).await?)).await
        }
        Some(SelAction::Clear { yes }) => clear(&controllers, *yes).await,
        Some(SelAction::Time { .. }) => Err(super::over_ipmi_only("sel time")),
    }
}

async fn list(controllers: Controllers, asked: &SelList) -> Result<(), Failure> {
    if asked.names {
        return Err(super::over_ipmi_only("sel --names"));
    }
    if asked.follow {
        return follow::follow(controllers, asked).await;
    }
    controllers
        .each(async |device| {
            let newest = asked.last.map_or(usize::MAX, usize::from);
            let entries = device.event_log(newest).await?.entries;
            Ok(Log { entries: entries.into_iter().map(Entry::of).collect() })
        })
        .await
}

async fn clear(controllers: &Controllers, yes: bool) -> Result<(), Failure> {
    crate::bmc::sel::check_clear(&controllers.sweep, yes)?;
    controllers
        .change(async |device| -> Result<Cleared, Problem> {
            let erased = device.event_log(usize::MAX).await?.entries.len();
            device.clear_event_log().await?;
            Ok(Cleared { erased })
        })
        .await
}

/// The entries of one machine's log.
#[derive(Serialize)]
struct Log {
    entries: Vec<Entry>,
}

/// One entry.
#[derive(Serialize)]
struct Entry {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    /// RFC 3339; nothing where the controller did not know the time.
    time: Option<String>,
    severity: &'static str,
    #[serde(skip)]
    tone: Tone,
    /// The part that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    event: String,
}

impl Entry {
    fn of(entry: LogEntry) -> Self {
        let LogEntry { id, log, at, severity, message, about } = entry;
        // In the words of sensors' states.
        let (severity, tone) = match severity {
            Severity::Info => ("ok", Tone::Good),
            Severity::Warning => ("warning", Tone::Warn),
            Severity::Critical => ("critical", Tone::Bad),
        };
        // Most controllers count whole seconds.
        let time = at.map(|at| at.to_string().replace(".000Z", "Z"));
        Self { id, log, time, severity, tone, about, event: message }
    }

    fn row(&self) -> Vec<Field> {
        vec![
            self.id.as_str().into(),
            self.time.as_deref().unwrap_or("unknown").into(),
            Field::toned(self.severity, self.tone),
            self.about.clone().unwrap_or_default().into(),
            self.event.as_str().into(),
        ]
    }
}

impl Finding for Log {
    fn outcome(&self) -> Cow<'static, str> {
        if self.entries.is_empty() { "empty".into() } else { "read".into() }
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Table { head: &HEAD, rows: self.entries.iter().map(Entry::row).collect() }
    }
}

/// The logs of one machine and its controller.
#[derive(Serialize)]
struct Logs {
    logs: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// Whether it can be emptied.
    clearable: bool,
}

impl Logs {
    fn of(found: Vec<Service>) -> Self {
        let row =
            |log: Service| Row { id: log.id, name: log.name, kind: log.kind, clearable: log.clear.is_some() };
        Self { logs: found.into_iter().map(row).collect() }
    }
}

impl Finding for Logs {
    fn outcome(&self) -> Cow<'static, str> {
        "listed".into()
    }

    fn shown(&self, _: Output) -> Shown {
        let row = |log: &Row| {
            vec![
                log.id.as_str().into(),
                log.name.as_str().into(),
                log.kind.clone().unwrap_or_default().into(),
                if log.clearable { "yes" } else { "no" }.into(),
            ]
        };
        Shown::Table {
            head: &["log", "name", "type", "clearable"],
            rows: self.logs.iter().map(row).collect(),
        }
    }
}
