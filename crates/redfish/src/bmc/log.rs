//! The event log, the one that IPMI calls SEL (LogService).

use serde_json::{Value, json};

use super::exchange::ServiceReply;
use super::machine::LogRecord;
use super::message::Refusal;
use super::odata::{collection, date, link};
use super::route::{Privilege, Route};
use super::{Call, Outcome, Service};

pub(super) const ROUTES: &[Route] = &[
    Route::new("Systems/{system}/LogServices", list),
    Route::new("Systems/{system}/LogServices/SEL", show),
    Route::new("Systems/{system}/LogServices/SEL/Entries", entries),
    Route::new("Systems/{system}/LogServices/SEL/Entries/*", entry),
    Route::action(
        "Systems/{system}/LogServices/SEL/Actions/LogService.ClearLog",
        Privilege::ConfigureManager,
        clear,
    ),
    Route::new("Managers/{manager}/LogServices", none),
];

fn list(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    collection(call, "LogServiceCollection", "Log Services", &[link(format!("{}/SEL", call.path))])
}

/// The controller keeps no log of its own.
fn none(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    collection(call, "LogServiceCollection", "Log Services", &[])
}

fn show(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    let path = call.path;
    Ok(ServiceReply::resource(json!({
        "@odata.id": path,
        "@odata.type": "#LogService.v1_7_0.LogService",
        "Id": "SEL",
        "Name": "System Event Log",
        "LogEntryType": "SEL",
        "ServiceEnabled": true,
        "OverWritePolicy": "NeverOverWrites",
        "DateTime": date(call.now.unix),
        "DateTimeLocalOffset": "+00:00",
        "Status": { "State": "Enabled", "Health": "OK" },
        "Entries": link(format!("{path}/Entries")),
        "Actions": {
            "#LogService.ClearLog": { "target": format!("{path}/Actions/LogService.ClearLog") },
        },
    })))
}

fn resource(entries: &str, record: &LogRecord) -> Value {
    let mut shown = json!({
        "@odata.id": format!("{entries}/{}", record.id),
        "@odata.type": "#LogEntry.v1_17_0.LogEntry",
        "Id": record.id.to_string(),
        "Name": "Log Entry",
        "EntryType": "SEL",
        "Severity": if record.is_alarm { "Warning" } else { "OK" },
        "Message": record.message,
        "MessageId": record.raw,
    });
    if let Some(time) = record.time {
        shown["Created"] = date(time).into();
    }
    shown
}

fn entries(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    let records = call.machine.log();
    let members: Vec<Value> = records.iter().map(|record| resource(call.path, record)).collect();
    collection(call, "LogEntryCollection", "Log Entries", &members)
}

fn entry(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    let records = call.machine.log();
    let found = records.iter().find(|record| record.id.to_string() == call.id());
    let record = found.ok_or_else(|| Refusal::missing(call.path))?;
    let entries = call.path.rsplit_once('/').map_or(call.path, |(entries, _)| entries);
    Ok(ServiceReply::resource(resource(entries, record)))
}

fn clear(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    call.machine.clear_log();
    Ok(ServiceReply::empty(204))
}
