//! What is printed as BMCs answer, and the summary at the end.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::args::Format;
use crate::bmc::problem::Problem;
use crate::exit::Failure;
use crate::many::exit_of;
use crate::output::{Field, Output, Tone, write_line};

/// What a command learned of one BMC, or did there.
pub trait Finding: Serialize {
    /// The word under which the summary counts it.
    fn outcome(&self) -> Cow<'static, str> {
        "done".into()
    }

    /// What people read.
    fn shown(&self, output: Output) -> Shown;

    /// Whether all of it was printed already, as it came.
    fn is_said(&self) -> bool {
        false
    }

    /// What people are told below that.
    fn note(&self) -> Option<String> {
        None
    }
}

/// What people read of one BMC.
pub enum Shown {
    /// A few words.
    Line(Field),
    /// Lines that are no rows, as they are: other programs may read them.
    Text(String),
    /// Named values.
    Pairs(Vec<(&'static str, Field)>),
    /// Several things of a kind.
    Table {
        /// Titles of the columns.
        head: &'static [&'static str],
        /// The rows; without any, the table says so.
        rows: Vec<Vec<Field>>,
    },
}

/// One BMC in a document for programs.
#[derive(Serialize)]
struct Row<'a, F> {
    bmc: &'a str,
    /// Whether what was asked came true.
    ok: bool,
    outcome: &'a str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    finding: Option<&'a F>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// All BMCs together, in a document for programs.
#[derive(Serialize)]
struct Summary<'a> {
    bmcs: usize,
    seconds: f64,
    outcomes: &'a BTreeMap<String, usize>,
}

/// Prints results as they come.
pub struct Report {
    output: Output,
    begun: Instant,
    /// How many BMCs there are.
    expected: usize,
    /// Width of the longest name.
    width: usize,
    printed: usize,
    outcomes: BTreeMap<String, usize>,
    /// The exit codes of those that failed.
    exits: Vec<u8>,
    /// Hints and how many BMCs each is for.
    hints: BTreeMap<&'static str, usize>,
    /// Rows of a document that cannot be printed piece by piece.
    rows: Vec<serde_json::Value>,
    /// Lines that are not printed yet: thousands of BMCs answer within one system call's time.
    lines: String,
    /// Shown on a terminal once the command takes a while.
    bar: Option<ProgressBar>,
}

/// How long a command may take before it shows a progress bar.
const BAR_AFTER: Duration = Duration::from_secs(1);

impl Report {
    /// Nothing printed yet. `width` is that of the longest name.
    pub fn new(output: Output, expected: usize, width: usize) -> Self {
        let document = output.format == Format::Json;
        Self {
            output,
            begun: Instant::now(),
            expected,
            width,
            printed: 0,
            outcomes: BTreeMap::new(),
            exits: Vec::new(),
            hints: BTreeMap::new(),
            rows: Vec::new(),
            lines: if document { "{\"results\":[\n".to_owned() } else { String::new() },
            bar: None,
        }
    }

    /// To be called now and then while nothing comes: shows how far the command is, where a person looks on.
    pub fn tick(&mut self) {
        if self.bar.is_none()
            && self.expected > 1
            && self.begun.elapsed() >= BAR_AFTER
            && std::io::stderr().is_terminal()
        {
            let bar = ProgressBar::new(self.expected as u64).with_elapsed(self.begun.elapsed());
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} BMCs, {elapsed}") {
                bar.set_style(style);
            }
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.printed as u64);
        }
    }

    fn line(&mut self, text: &str) {
        self.lines.push_str(text);
        self.lines.push('\n');
    }

    /// Prints the lines that have come together, above the bar.
    ///
    /// # Errors
    ///
    /// Where nobody reads them, or they cannot be written.
    pub fn flush(&mut self) -> Result<(), Failure> {
        let Some(text) = self.lines.strip_suffix('\n') else { return Ok(()) };
        match &self.bar {
            Some(bar) => bar.suspend(|| write_line(text))?,
            None => write_line(text)?,
        }
        self.lines.clear();
        Ok(())
    }

    /// Takes what became of one BMC; [`Report::flush`] prints it.
    pub fn add<F: Finding>(&mut self, bmc: &str, result: &Result<F, Problem>) -> Result<(), Failure> {
        let outcome = match result {
            Ok(finding) => finding.outcome(),
            Err(problem) => problem.outcome.into(),
        };
        *self.outcomes.entry(outcome.clone().into_owned()).or_default() += 1;
        if let Err(problem) = result {
            self.exits.push(problem.exit);
            if let Some(hint) = problem.hint {
                *self.hints.entry(hint).or_default() += 1;
            }
        }
        match self.output.format {
            Format::Json => self.json(&row(bmc, &outcome, result))?,
            Format::Yaml => {
                self.rows.push(serde_json::to_value(row(bmc, &outcome, result)).map_err(unprintable)?)
            }
            Format::Name if result.as_ref().is_ok_and(|finding| !finding.is_said()) => self.line(bmc),
            Format::Name => {
                // Standard output is a list of names, or what was printed as it came.
                if let Err(problem) = result {
                    note!("{bmc}: {}", problem.message);
                }
            }
            Format::Table | Format::Wide => self.text(bmc, result),
        }
        self.printed += 1;
        Ok(())
    }

    /// One row on one line, so that what came is there even if the program is killed.
    fn json<F: Finding>(&mut self, row: &Row<'_, F>) -> Result<(), Failure> {
        let text = serde_json::to_string(row).map_err(unprintable)?;
        let comma = if self.printed + 1 < self.expected { "," } else { "" };
        self.line(&format!("{text}{comma}"));
        Ok(())
    }

    fn text<F: Finding>(&mut self, bmc: &str, result: &Result<F, Problem>) {
        let one = self.expected == 1;
        let shown = match result {
            Ok(finding) => finding.shown(self.output),
            Err(problem) => Shown::Line(Field::toned(problem.message.clone(), Tone::Bad)),
        };
        match shown {
            Shown::Line(field) => {
                let field = field.printable();
                let text = format!("{bmc:width$}  {}", self.output.inline(&field), width = self.width);
                self.line(&text);
            }
            Shown::Text(text) => {
                for text in text.lines() {
                    let text = self.output.inline(&Field::from(text).printable());
                    self.line(&if one { text } else { format!("{bmc}: {text}") });
                }
            }
            Shown::Pairs(pairs) => {
                let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
                for (name, field) in pairs {
                    let field = field.printable();
                    let text = format!("{name:width$}  {}", self.output.inline(&field));
                    self.line(&if one { text } else { format!("{bmc}: {text}") });
                }
            }
            Shown::Table { rows, .. } if rows.is_empty() => {
                let text = format!("{bmc:width$}  none", width = self.width);
                self.line(&text);
            }
            Shown::Table { head, rows } => {
                let rows = rows.into_iter().map(|row| row.into_iter().map(Field::printable).collect());
                for text in self.output.table_lines(head, rows) {
                    self.line(&if one { text } else { format!("{bmc}: {text}") });
                }
            }
        }
        if let Some(note) = result.as_ref().ok().and_then(Finding::note) {
            self.line(&if one { note } else { format!("{bmc}: {note}") });
        }
    }

    /// Ends the document, and tells how many BMCs came to which end.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.flush()?;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let took = self.begun.elapsed();
        let summary = Summary {
            bmcs: self.printed,
            seconds: (took.as_secs_f64() * 1000.0).round() / 1000.0,
            outcomes: &self.outcomes,
        };
        match self.output.format {
            Format::Json => {
                let summary = serde_json::to_string(&summary).map_err(unprintable)?;
                write_line(&format!("],\"summary\":{summary}}}"))?;
            }
            Format::Yaml => {
                self.output.value(&serde_json::json!({ "results": self.rows, "summary": summary }))?;
            }
            Format::Name => {}
            Format::Table | Format::Wide => self.summarise(took),
        }
        match exit_of(&self.exits) {
            0 => Ok(()),
            code => Err(Failure::Some { code }),
        }
    }

    /// The summary goes to standard error: what is piped on are the results.
    fn summarise(&self, took: Duration) {
        if self.expected > 1 {
            let outcomes: Vec<_> =
                self.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
            note!("{} BMCs in {:.3} s: {}", self.printed, took.as_secs_f64(), outcomes.join(", "));
        }
        for (hint, count) in &self.hints {
            let which = if self.expected > 1 { format!(" ({count} of them)") } else { String::new() };
            note!("  hint{which}: {hint}");
        }
    }
}

fn row<'a, F: Finding>(bmc: &'a str, outcome: &'a str, result: &'a Result<F, Problem>) -> Row<'a, F> {
    let problem = result.as_ref().err();
    Row {
        bmc,
        ok: problem.is_none(),
        outcome,
        finding: result.as_ref().ok(),
        error: problem.map(|problem| problem.message.as_str()),
        code: problem.map(|problem| problem.code),
        hint: problem.and_then(|problem| problem.hint),
    }
}

fn unprintable(error: serde_json::Error) -> Failure {
    Failure::Failed(format!("the result cannot be printed: {error}"))
}
