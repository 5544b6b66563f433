//! `ironhand bmc sel --follow` over Redfish: entries as a controller writes them.

use std::cell::Cell;
use std::collections::HashSet;
use std::time::Duration;

use ironhand_api::{EventLog, LogEntry, Timestamp};
use ironhand_connectors::{Device, RedfishDevice};

use super::{Entry, HEAD};
use crate::bmc::args::SelList;
use crate::bmc::redfish::{Controllers, Problem};
use crate::bmc::sel::{FIRST, Followed, Frame};
use crate::exit::Failure;
use crate::output::{Output, line};
use crate::serve::stop_asked;

/// How many of the newest entries are looked at each time: more come in no few seconds, and logs of thousands take minutes.
const LOOKED_AT: usize = 256;

/// Prints each entry on a line as it comes, until the program is told to stop.
pub(super) async fn follow(controllers: Controllers, asked: &SelList) -> Result<(), Failure> {
    let Frame { records, sweep } = Frame::of_log(controllers.sweep)?;
    let controllers = Controllers { sweep, ..controllers };
    let (first, every) = (usize::from(asked.last.unwrap_or(FIRST)), Duration::from(asked.every));
    controllers
        .each(async |device| {
            let printer = Printer { output: records, printed: Cell::new(0) };
            tokio::select! {
                problem = watch(device, &printer, first, every) => Err(problem),
                _ = stop_asked() => Ok(Followed { entries: printer.printed.get() }),
            }
        })
        .await
}

/// Reads the log again and again; ends only where that cannot go on.
async fn watch(device: &mut RedfishDevice, printer: &Printer, first: usize, every: Duration) -> Problem {
    let mut known: Option<HashSet<Mark>> = None;
    let mut silent = false;
    loop {
        match device.event_log(LOOKED_AT).await {
            Ok(EventLog { entries, .. }) => {
                silent = false;
                let marks: HashSet<Mark> = entries.iter().map(mark).collect();
                let new: Vec<LogEntry> = match &known {
                    None => entries.into_iter().rev().take(first).rev().collect(),
                    Some(known) => {
                        entries.into_iter().filter(|entry| !known.contains(&mark(entry))).collect()
                    }
                };
                let erased = known.is_some_and(|known| !known.is_empty() && known.is_disjoint(&marks));
                printer.print(new, erased);
                known = Some(marks);
            }
            // A controller that restarts comes back.
            Err(error) if known.is_some() && error.retry() => {
                if !std::mem::replace(&mut silent, true) {
                    note!("{error}; waiting for it");
                }
            }
            Err(error) => return error.into(),
        }
        tokio::time::sleep(every).await;
    }
}

/// What tells an entry from others. Identifiers alone do not: some controllers count from the start again once a log is
/// erased.
type Mark = (String, Option<Timestamp>);

fn mark(entry: &LogEntry) -> Mark {
    (entry.id.clone(), entry.at)
}

/// Where entries are printed.
struct Printer {
    output: Output,
    printed: Cell<usize>,
}

impl Printer {
    fn print(&self, entries: Vec<LogEntry>, erased: bool) {
        if erased && !self.output.is_structured() {
            note!("the log was erased");
        }
        let entries: Vec<Entry> = entries.into_iter().map(Entry::of).collect();
        if self.output.is_structured() {
            // Strings alone: it cannot fail.
            entries.iter().for_each(|entry| line(&serde_json::to_string(entry).unwrap_or_default()));
        } else if !entries.is_empty() {
            let lines = self.output.table_lines(&HEAD, entries.iter().map(Entry::row));
            // The titles stand above the first entries only.
            let titles = usize::from(self.printed.get() > 0);
            lines.iter().skip(titles).for_each(|text| line(text));
        }
        self.printed.set(self.printed.get() + entries.len());
    }
}
