//! `ironhand bmc sel --follow`: records as a BMC writes them.

use std::borrow::Cow;
use std::cell::Cell;
use std::time::Duration;

use ironhand_ipmi::Error;
use ironhand_ipmi::sel::{ReadSel, SelReading, Start};
use ironhand_ipmi_port::{Bmc, RunError};
use serde::Serialize;

use super::entry::{Entry, HEAD};
use super::sensors::Sensors;
use crate::args::Format;
use crate::bmc::args::SelList;
use crate::bmc::{Finding, Fleet, Problem, Shown, Sweep};
use crate::exit::Failure;
use crate::output::{Output, line};
use crate::serve::stop_asked;

/// How many records come first where nobody says.
pub const FIRST: u16 = 10;

/// How many records came, when it is over.
#[derive(Serialize)]
pub struct Followed {
    pub entries: usize,
}

impl Finding for Followed {
    fn outcome(&self) -> Cow<'static, str> {
        "followed".into()
    }

    fn is_said(&self) -> bool {
        true
    }

    fn shown(&self, _: Output) -> Shown {
        Shown::Line(format!("{} events came", self.entries).into())
    }
}

/// How what comes one by one is printed: the records are the document, and what is said at the end is for people.
pub struct Frame {
    /// How records are printed.
    pub records: Output,
    /// The BMCs, with how the end is printed.
    pub sweep: Sweep,
}

impl Frame {
    pub fn of(sweep: Sweep) -> Result<Self, Failure> {
        let records = sweep.output;
        if matches!(records.format, Format::Yaml | Format::Name) {
            return Err(Failure::Usage {
                message: "what is followed is printed as a table or as JSON".to_owned(),
                hint: Some("-o json gives one document a line".to_owned()),
            });
        }
        let format = if records.is_structured() { Format::Name } else { records.format };
        Ok(Self { records, sweep: Sweep { output: Output { format, ..records }, ..sweep } })
    }

    /// As [`Frame::of`], for a log: of several the records would be one heap.
    pub fn of_log(sweep: Sweep) -> Result<Self, Failure> {
        if sweep.targets.len() > 1 {
            return Err(Failure::Usage {
                message: "one log is followed at a time".to_owned(),
                hint: Some("name one BMC with -H".to_owned()),
            });
        }
        Self::of(sweep)
    }
}

/// Prints each record on a line as it comes, until the program is told to stop.
pub async fn follow(fleet: Fleet, asked: &SelList) -> Result<(), Failure> {
    let Frame { records: output, sweep } = Frame::of_log(fleet.sweep)?;
    let fleet = Fleet { sweep, ..fleet };
    let (first, every) = (asked.last.unwrap_or(FIRST), Duration::from(asked.every));
    fleet
        .each(async |bmc| {
            let sensors = Sensors::read(bmc, asked.names).await?;
            let printer = Printer { output, sensors, printed: Cell::new(0) };
            tokio::select! {
                problem = watch(bmc, &printer, first, every) => Err(problem),
                _ = stop_asked() => Ok(Followed { entries: printer.printed.get() }),
            }
        })
        .await
}

/// Reads what is new again and again; ends only where that cannot go on.
async fn watch(bmc: &Bmc, printer: &Printer, first: u16, every: Duration) -> Problem {
    let mut start = Start::Last(first);
    let mut silent = false;
    loop {
        match bmc.run(ReadSel::new(start.clone())).await {
            Ok(reading) => {
                silent = false;
                start = match reading.entries.last() {
                    Some(last) => Start::After(last.clone()),
                    // Nothing new, or nothing at all: then whatever comes is new.
                    None if matches!(start, Start::After(_)) && !reading.erased => start,
                    None => Start::First,
                };
                if let Err(problem) = printer.print(&reading) {
                    return problem;
                }
            }
            // A BMC that restarts comes back.
            Err(RunError::Client(Error::Timeout { .. })) => {
                if !std::mem::replace(&mut silent, true) {
                    note!("the BMC does not answer; waiting for it");
                }
            }
            Err(error) => return error.into(),
        }
        tokio::time::sleep(every).await;
    }
}

/// Where records are printed.
struct Printer {
    output: Output,
    sensors: Sensors,
    printed: Cell<usize>,
}

impl Printer {
    fn print(&self, reading: &SelReading) -> Result<(), Problem> {
        if reading.erased && !self.output.is_structured() {
            note!("the log was erased");
        }
        let entries: Vec<_> = reading.entries.iter().map(|entry| Entry::new(entry, &self.sensors)).collect();
        if self.output.is_structured() {
            for entry in &entries {
                let text = serde_json::to_string(entry).map_err(|error| {
                    Problem::failed(
                        "sel.unprintable",
                        "failed",
                        format!("a record cannot be printed: {error}"),
                    )
                })?;
                line(&text);
            }
        } else if !entries.is_empty() {
            let lines = self.output.table_lines(&HEAD, entries.iter().map(Entry::row));
            // The titles stand above the first records only.
            let titles = usize::from(self.printed.get() > 0);
            lines.iter().skip(titles).for_each(|text| line(text));
        }
        self.printed.set(self.printed.get() + entries.len());
        Ok(())
    }
}
