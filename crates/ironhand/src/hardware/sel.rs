//! `ironhand sel`: the event logs of hosts' controllers.

use std::time::Duration;

use ironhand_api::{EventLog, HardwareReport, LogEntry, Name, Severity};
use ironhand_client::{Client, LogFilter};

use super::{notes, or_dash, read};
use crate::args::{Format, Sel, SelAction, SelClear, SelList};
use crate::exit::Failure;
use crate::many::{Block, Outcome, Pace, each};
use crate::output::{Field, Output, Tone, line, now};
use crate::select::selected;
use crate::serve::stop_asked;

/// How many entries come first where nobody says.
const FIRST: usize = 10;

/// How many of the newest entries are looked at for new ones: more do not come within seconds.
const LOOK_BACK: usize = 200;

/// `ironhand sel`.
pub async fn sel(client: &Client, asked: &Sel, output: Output) -> Result<(), Failure> {
    match &asked.action {
        None => list(client, &asked.list, output).await,
        Some(SelAction::List(asked)) => list(client, asked, output).await,
        Some(SelAction::Clear(asked)) => clear(client, asked, output).await,
    }
}

async fn list(client: &Client, asked: &SelList, output: Output) -> Result<(), Failure> {
    let hosts = selected(client, &asked.selector).await?;
    let since = asked.since.map(|since| since.before(now()));
    let filter = LogFilter { newest: asked.last.map(usize::from), since };
    if !asked.follow {
        return each(client, &hosts, Pace::reading(), output, async |host| {
            client.event_log(&host, &filter).await.map(|report| told(&report, output))
        })
        .await;
    }
    let [host] = hosts.as_slice() else {
        return Err(Failure::Usage {
            message: "one log is followed at a time".to_owned(),
            hint: Some("name one host".to_owned()),
        });
    };
    if matches!(output.format, Format::Yaml | Format::Name) {
        return Err(Failure::Usage {
            message: "a log that is followed is printed as a table or as JSON".to_owned(),
            hint: Some("-o json gives one document a line".to_owned()),
        });
    }
    let filter = LogFilter { newest: filter.newest.or(Some(FIRST)), ..filter };
    tokio::select! {
        failure = follow(client, host, filter, asked.every.into(), output) => failure,
        _ = stop_asked() => Ok(()),
    }
}

fn told(report: &HardwareReport<EventLog>, output: Output) -> Outcome {
    let entries = &report.found.entries;
    let word = if entries.is_empty() { "empty" } else { "read" };
    let rows = entries.iter().map(|entry| row(entry, output.is_wide())).collect();
    let block = Block::table(word, head(output), rows).with_notes(notes(&report.found.missing));
    read(report, block)
}

fn head(output: Output) -> Vec<&'static str> {
    let mut head = vec!["id", "time", "severity", "about", "event"];
    head.extend(output.is_wide().then_some("log"));
    head
}

fn row(entry: &LogEntry, wide: bool) -> Vec<Field> {
    let (word, tone) = match entry.severity {
        Severity::Info => ("info", Tone::Plain),
        Severity::Warning => ("warning", Tone::Warn),
        Severity::Critical => ("critical", Tone::Bad),
    };
    // Controllers count whole seconds.
    let at = entry.at.map(|at| at.to_string().replace(".000Z", "Z"));
    let mut row = vec![
        entry.id.as_str().into(),
        at.map_or_else(|| Field::toned("unknown", Tone::Dim), Field::from),
        Field::toned(word, tone),
        or_dash(entry.about.as_deref()),
        entry.message.as_str().into(),
    ];
    row.extend(wide.then(|| or_dash(entry.log.as_deref())));
    row
}

/// Shows entries as they come; ends only where that cannot go on.
async fn follow(
    client: &Client,
    host: &Name,
    first: LogFilter,
    every: Duration,
    output: Output,
) -> Result<(), Failure> {
    let mut last: Option<LogEntry> = None;
    let (mut filter, mut begun, mut silent) = (first, false, false);
    loop {
        match client.event_log(host, &filter).await {
            Ok(report) => {
                silent = false;
                let entries = report.found.entries;
                let new = unseen(&entries, last.as_ref());
                if new.is_none() && begun {
                    note!("the log was cleared, or more was written than could be followed");
                }
                print(new.unwrap_or(&entries), begun, output)?;
                last = entries.last().cloned();
                begun = true;
                filter.newest = Some(LOOK_BACK);
            }
            // A controller that restarts comes back.
            Err(error) if begun && error.problem().is_some_and(|problem| problem.retry) => {
                if !std::mem::replace(&mut silent, true) {
                    note!("{error}; waiting for it");
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(every).await;
    }
}

/// The entries behind the last one that was seen; nothing where that is no longer there.
fn unseen<'e>(entries: &'e [LogEntry], last: Option<&LogEntry>) -> Option<&'e [LogEntry]> {
    let Some(last) = last else { return Some(entries) };
    let at = entries.iter().rposition(|entry| entry == last)?;
    entries.get(at + 1..)
}

fn print(entries: &[LogEntry], headless: bool, output: Output) -> Result<(), Failure> {
    if output.is_structured() {
        for entry in entries {
            line(&serde_json::to_string(entry).map_err(|error| Failure::Failed(error.to_string()))?);
        }
    } else if !(headless && entries.is_empty()) {
        let rows = entries.iter().map(|entry| row(entry, output.is_wide()));
        let lines = output.table_lines(&head(output), rows);
        lines.iter().skip(usize::from(headless)).for_each(|text| line(text));
    }
    Ok(())
}

async fn clear(client: &Client, asked: &SelClear, output: Output) -> Result<(), Failure> {
    let hosts = selected(client, &asked.selector).await?;
    if hosts.len() > 1 && !asked.yes {
        return Err(Failure::Usage {
            message: format!("this would erase the event logs of {} hosts", hosts.len()),
            hint: Some("add --yes to do it; `sel list -o json` keeps a copy".to_owned()),
        });
    }
    each(client, &hosts, Pace::default(), output, async |host| {
        client.clear_event_log(&host).await.map(Outcome::from)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_stands_behind_what_was_seen() {
        let entry = |id: &str| LogEntry {
            id: id.to_owned(),
            log: None,
            at: None,
            severity: Severity::Info,
            message: "x".to_owned(),
            about: None,
        };
        let entries = ["1", "2", "3"].map(entry);
        let check = |last: Option<&str>, wanted: Option<&[LogEntry]>| {
            assert_eq!(unseen(&entries, last.map(entry).as_ref()), wanted, "{last:?}");
        };
        check(None, Some(&entries));
        check(Some("1"), Some(&entries[1..]));
        check(Some("3"), Some(&[]));
        check(Some("9"), None);
        assert_eq!(unseen(&[], Some(&entry("1"))), None);
    }
}
