//! The logs of a machine and of its controller (DSP0268: LogService, LogEntry).

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::listing::{get_one, read_collections, told};
use crate::system::Place;
use crate::task::settle;
use crate::time::parse;
use crate::{Error, Listing, Method, Missing, Operation, Request, Resource, Stop, Talk};

/// The action that empties a log.
const CLEAR: &str = "LogService.ClearLog";

/// How often is looked whether a log was emptied, and how long is waited between.
const LOOKS: u32 = 5;
const LOOK_PAUSE: Duration = Duration::from_secs(2);

/// A log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Where it stands.
    pub path: String,
    /// Its identifier: `Sel`, `IML`, `EventLog`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What kind of entries it has: `SEL`, `Event`, `Oem`, `Multiple`.
    pub kind: Option<String>,
    /// Where its entries stand.
    pub entries: Option<String>,
    /// Where it is emptied, if it can be.
    pub clear: Option<String>,
}

impl Log {
    fn of(resource: &Resource) -> Self {
        let text = |name: &str| resource.text(&[name]).map(str::to_owned);
        Self {
            path: resource.path.clone(),
            id: resource.id().to_owned(),
            name: text("Name").unwrap_or_else(|| resource.id().to_owned()),
            kind: text("LogEntryType"),
            entries: resource.link(&["Entries"]).map(str::to_owned),
            clear: resource.action(CLEAR).map(str::to_owned),
        }
    }
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its identifier in the log.
    pub id: String,
    /// When it happened by the controller's clock, in milliseconds since 1970-01-01T00:00:00Z.
    pub at: Option<i64>,
    /// How bad it is.
    pub severity: LogSeverity,
    /// What happened.
    pub message: String,
    /// The message in the words of a registry: `PSU0003`, `ResourceEvent.1.0.ResourceErrorsDetected`.
    pub message_id: Option<String>,
    /// The resource, or the kind of sensor, that it is about.
    pub about: Option<String>,
}

/// How bad an entry of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogSeverity {
    /// All is well, or well again.
    Ok,
    /// It needs attention.
    Warning,
    /// It needs attention at once.
    Critical,
}

impl LogSeverity {
    /// By the words of Redfish and of vendors; what no word says is taken for well.
    pub(crate) fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "critical" | "fatal" | "error" => Self::Critical,
            "warning" | "caution" => Self::Warning,
            _ => Self::Ok,
        }
    }
}

impl LogEntry {
    fn of(resource: &Resource) -> Self {
        let value = &resource.value;
        let text = |name: &str| told(&value[name]).map(str::to_owned);
        let message_id = text("MessageId");
        let origin = resource.link(&["Links", "OriginOfCondition"]).map(str::to_owned);
        Self {
            id: resource.id().to_owned(),
            at: ["Created", "EventTimestamp"].iter().find_map(|name| parse(value[*name].as_str()?)),
            severity: LogSeverity::of(resource.text(&["Severity"]).unwrap_or_default()),
            message: text("Message")
                .or_else(|| message_id.clone())
                .unwrap_or_else(|| "(no message)".to_owned()),
            message_id,
            about: origin.or_else(|| text("SensorType")),
        }
    }
}

/// Finds the logs of a machine, its controller and its case.
///
/// # Errors
///
/// What [`Operation::perform`] says.
pub fn logs(talk: &mut Talk, place: &Place) -> Result<Listing<Log>, Stop> {
    let mut missing = Vec::new();
    let mut collections: Vec<String> = Vec::new();
    for holder in [Some(&place.system), place.manager.as_ref(), place.chassis.as_ref()] {
        let holder = get_one(talk, holder.map(String::as_str), &mut missing)?;
        let link = holder.and_then(|holder| holder.link(&["LogServices"]).map(str::to_owned));
        collections.extend(link.filter(|link| !collections.contains(link)));
    }
    let members = read_collections(talk, &collections, false, &mut missing)?;
    let items = members.iter().map(|(_, resource)| Log::of(resource)).collect();
    Ok(Listing { items, missing })
}

/// The log that tells of the machine's hardware, which IPMI calls the system event log, among those of a controller.
pub fn event_log(logs: &[Log]) -> Option<&Log> {
    /// What vendors call it.
    const NAMES: [&str; 7] = ["iml", "platformlog", "sel", "eventlog", "log1", "standardlog", "activelog"];
    let named = |name: &str| logs.iter().find(|log| log.id.eq_ignore_ascii_case(name));
    let of_kind = logs.iter().find(|log| log.kind.as_deref() == Some("SEL"));
    of_kind.or_else(|| NAMES.into_iter().find_map(named)).or_else(|| logs.first())
}

/// The log of an identifier, or the one that tells of the hardware, with what of the logs could not be had.
fn find(talk: &mut Talk, place: &Place, wanted: Option<&str>) -> Result<(Log, Vec<Missing>), Stop> {
    let Listing { items: logs, missing } = logs(talk, place)?;
    let found = match wanted {
        Some(wanted) => logs.iter().find(|log| log.id.eq_ignore_ascii_case(wanted) || log.path == wanted),
        None => event_log(&logs),
    };
    if let Some(log) = found {
        return Ok((log.clone(), missing));
    }
    if let Some(missing) = missing.into_iter().next() {
        return Err(missing.reason.into());
    }
    let ids: Vec<&str> = logs.iter().map(|log| log.id.as_str()).collect();
    let what = match wanted {
        Some(wanted) if !ids.is_empty() => format!("show a log {wanted:?}: its logs are {}", ids.join(", ")),
        _ => "show a log: it keeps none".to_owned(),
    };
    Err(Error::Unsupported { what }.into())
}

/// Reads a log, from the oldest entry to the newest.
#[derive(Clone, Debug)]
pub struct ReadLog {
    /// The machine.
    pub place: Place,
    /// The identifier of the log; none is the one that tells of the hardware.
    pub log: Option<String>,
    /// How many entries at most: the newest.
    pub newest: usize,
}

impl Operation for ReadLog {
    type Output = (Log, Listing<LogEntry>);

    fn perform(&self, talk: &mut Talk) -> Result<(Log, Listing<LogEntry>), Stop> {
        let (log, mut missing) = find(talk, &self.place, self.log.as_deref())?;
        let entries: Vec<String> = log.entries.iter().cloned().collect();
        // Pages of logs carry their entries whole without being asked to.
        let members = read_collections(talk, &entries, false, &mut missing)?;
        let mut items: Vec<LogEntry> = members.iter().map(|(_, resource)| LogEntry::of(resource)).collect();
        // Some controllers begin with the newest, and entries without a time stay beside their neighbours.
        if is_newest_first(&items) {
            items.reverse();
        }
        let surplus = items.len().saturating_sub(self.newest);
        items.drain(..surplus);
        Ok((log, Listing { items, missing }))
    }
}

/// Whether entries come with the newest first: by their times, and where these say nothing by their numbers.
fn is_newest_first(entries: &[LogEntry]) -> bool {
    let times = || entries.iter().filter_map(|entry| entry.at);
    let numbers = || entries.iter().filter_map(|entry| entry.id.parse::<u64>().ok());
    match (times().next(), times().next_back()) {
        (Some(first), Some(last)) if first != last => first > last,
        _ => numbers().next() > numbers().next_back(),
    }
}

/// Empties a log.
#[derive(Clone, Debug)]
pub struct ClearLog {
    /// The machine.
    pub place: Place,
    /// The identifier of the log; none is the one that tells of the hardware.
    pub log: Option<String>,
}

impl Operation for ClearLog {
    type Output = Log;

    fn perform(&self, talk: &mut Talk) -> Result<Log, Stop> {
        let (log, missing) = find(talk, &self.place, self.log.as_deref())?;
        // The log that was meant may be the one that could not be read.
        let may_be_it = |missing: &Missing| {
            !matches!(missing.reason, Error::Missing { .. } | Error::Forbidden { .. } | Error::Refused { .. })
        };
        if let (None, Some(missing)) = (&self.log, missing.into_iter().find(may_be_it)) {
            return Err(missing.reason.into());
        }
        let Some(clear) = &log.clear else {
            return Err(Error::Unsupported { what: format!("empty the log {}", log.id) }.into());
        };
        let before = count(talk, &log)?;
        let answer = talk.done(Request::with(Method::Post, clear.clone(), json!({})))?;
        settle(talk, &answer)?;
        let Some(before) = before else { return Ok(log) };
        let mut look = 1;
        loop {
            // The one entry that is left may say that the log was emptied.
            let left = count(talk, &log)?.unwrap_or(0);
            if left <= 1 || left < before {
                return Ok(log);
            }
            if look == LOOKS {
                let what = format!("the log {}", log.id);
                return Err(Error::NotKept { what, seen: format!("{left} entries") }.into());
            }
            look += 1;
            talk.pause(LOOK_PAUSE)?;
        }
    }
}

/// How many entries a log shows, where it shows any.
fn count(talk: &mut Talk, log: &Log) -> Result<Option<u64>, Stop> {
    let Some(entries) = &log.entries else { return Ok(None) };
    let page: Arc<Resource> = match talk.read(entries) {
        Ok(page) => page,
        Err(Stop::Failed(Error::Missing { .. })) => return Ok(None),
        Err(stop) => return Err(stop),
    };
    let shown = page.at(&["Members"]).as_array().map_or(0, Vec::len) as u64;
    Ok(Some(page.at(&["Members@odata.count"]).as_u64().unwrap_or(shown).max(shown)))
}
