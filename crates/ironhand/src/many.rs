//! Commands on many hosts: asks several at a time, prints a row for each as answers come, goes on past failures, and
//! stops where the server is gone.

mod block;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use ironhand_api::{ActionReceipt, BootDevice, FenceEvidence, Kind, Name, PowerState};
use ironhand_client::{Client, Error};
use serde::Serialize;

use crate::args::Format;
use crate::exit::{Failure, code_of};
use crate::output::{Field, Output, Tone, write_line};

pub use block::Block;

/// How many hosts are asked at the same time; the server keeps its own limits toward the controllers.
const HOSTS_AT_ONCE: usize = 64;

/// How long a command may take before it shows a progress bar.
const BAR_AFTER: Duration = Duration::from_secs(1);

/// How often the bar moves: as often as an eye notices.
const TICK: Duration = Duration::from_millis(200);

/// What became of one host.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The power state afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerState>,
    /// The device of the next boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<BootDevice>,
    /// The job under which it was done, or will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<u64>,
    /// The run that was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// What was done and seen, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What the person who asked should know though it was done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Each attempt, where the first connector did not do it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<ActionReceipt>,
    /// What proves, or fails to prove, that the host is without power.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<FenceEvidence>,
    /// What was read.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub read: Option<Box<Block>>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The stable code of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How the command would have ended, had this been its only host.
    #[serde(skip)]
    pub exit: u8,
}

impl Outcome {
    /// It came true; this was seen of it.
    pub fn done(detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::default() }
    }

    /// It did not come true.
    pub fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), exit: 1, ..Self::default() }
    }

    /// The server said no.
    pub fn refused(error: &Error) -> Self {
        Self {
            code: error.problem().map(|problem| problem.code.clone()),
            hint: error.problem().and_then(|problem| problem.hint.clone()),
            exit: code_of(error),
            ..Self::failed(error.to_string())
        }
    }

    fn field(&self) -> Field {
        let field = match (&self.error, &self.detail, self.power) {
            (Some(error), ..) => Field::toned(error.clone(), Tone::Bad),
            (None, Some(detail), _) => detail.clone().into(),
            (None, None, power) => power.unwrap_or_default().to_string().into(),
        };
        // Devices have a say in it.
        field.printable()
    }

    /// The word under which the summary counts it.
    fn word(&self) -> String {
        match (&self.read, &self.code) {
            (Some(read), _) => read.word.to_owned(),
            (None, Some(code)) => code.replace(['.', '_'], " "),
            (None, None) => if self.exit == 0 { "done" } else { "failed" }.to_owned(),
        }
    }
}

/// One host, cluster or zone in a document for programs.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a Name>,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

impl<'a> Row<'a> {
    fn of(kind: Kind, name: &'a Name, outcome: &'a Outcome) -> Self {
        let (cluster, zone) = (kind == Kind::Cluster, kind == Kind::Zone);
        Self {
            host: (!cluster && !zone).then_some(name),
            cluster: cluster.then_some(name),
            zone: zone.then_some(name),
            outcome,
        }
    }
}

/// How a command goes about its hosts.
pub struct Pace {
    /// How many at the same time.
    pub at_once: usize,
    /// After how many failures no further host is begun.
    pub most_failures: Option<usize>,
    /// Whether much is read of each host: then several hosts are blocks that begin with their names, and are counted at
    /// the end.
    pub reading: bool,
    /// What the names are of.
    pub kind: Kind,
}

impl Pace {
    /// That of a command that reads much of each host.
    pub fn reading() -> Self {
        Self { reading: true, ..Self::default() }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self { at_once: HOSTS_AT_ONCE, most_failures: None, reading: false, kind: Kind::Host }
    }
}

/// Asks for each of `hosts` and prints what comes of it.
///
/// # Errors
///
/// [`Failure::Some`] where some failed, all said; [`Failure::Client`] where the server is gone.
pub async fn each(
    client: &Client,
    hosts: &[Name],
    pace: Pace,
    output: Output,
    ask: impl AsyncFn(Name) -> Result<Outcome, Error>,
) -> Result<(), Failure> {
    let mut report = Report::new(output, hosts, &pace);
    let begun = std::cell::Cell::new(0);
    let stopped = std::cell::Cell::new(false);
    let mut answers = stream::iter(hosts)
        .take_while(|_| std::future::ready(!stopped.get()))
        .map(|host| {
            begun.set(begun.get() + 1);
            let answer = ask(host.clone());
            async move { (host, answer.await) }
        })
        .buffer_unordered(pace.at_once);
    let mut tick = tokio::time::interval(TICK);
    loop {
        let answer = tokio::select! {
            answer = answers.next() => answer,
            _ = tick.tick() => {
                report.tick();
                continue;
            }
        };
        let Some((host, answer)) = answer else { break };
        let outcome = match answer {
            Ok(outcome) => outcome,
            // One broken connection is a failure of one host; a server that is gone fails all.
            Err(error)
                if error.is_unreachable() && client.ready().await.is_err_and(|e| e.is_unreachable()) =>
            {
                return report.server_gone(begun.get(), error);
            }
            Err(error) => Outcome::refused(&error),
        };
        report.add(host, &outcome)?;
        stopped.set(pace.most_failures.is_some_and(|most| report.exits.len() >= most));
    }
    let untouched = hosts.get(begun.get()..).unwrap_or_default();
    report.finish(untouched)
}

/// Prints rows as they come.
struct Report {
    output: Output,
    kind: Kind,
    begun: Instant,
    expected: usize,
    /// Width of the longest name.
    width: usize,
    printed: usize,
    /// The exit codes of those that failed.
    exits: Vec<u8>,
    /// How many hosts came out how, where much is read of each.
    outcomes: Option<BTreeMap<String, usize>>,
    /// Hints and how many hosts each is for.
    hints: BTreeMap<String, usize>,
    /// Shown on a terminal once the command takes a while.
    bar: Option<ProgressBar>,
}

impl Report {
    fn new(output: Output, hosts: &[Name], pace: &Pace) -> Self {
        let width = hosts.iter().map(|host| host.as_str().len()).max().unwrap_or_default();
        Self {
            output,
            kind: pace.kind,
            begun: Instant::now(),
            expected: hosts.len(),
            width: width.max("NAME".len()),
            printed: 0,
            exits: Vec::new(),
            outcomes: pace.reading.then(BTreeMap::new),
            hints: BTreeMap::new(),
            bar: None,
        }
    }

    fn tick(&mut self) {
        if self.bar.is_none()
            && self.expected > 1
            && self.begun.elapsed() >= BAR_AFTER
            && std::io::stderr().is_terminal()
        {
            let bar = ProgressBar::new(self.expected as u64).with_elapsed(self.begun.elapsed());
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} hosts, {elapsed}") {
                bar.set_style(style);
            }
            self.bar = Some(bar);
        }
        self.advance();
    }

    fn advance(&self) {
        if let Some(bar) = &self.bar {
            bar.set_position(self.printed as u64);
        }
    }

    fn line(&self, text: &str) -> Result<(), Failure> {
        match &self.bar {
            Some(bar) => bar.suspend(|| write_line(text)),
            None => write_line(text),
        }
    }

    fn warn(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note!("{text}")),
            None => note!("{text}"),
        }
    }

    fn add(&mut self, host: &Name, outcome: &Outcome) -> Result<(), Failure> {
        if outcome.exit != 0 {
            self.exits.push(outcome.exit);
        }
        if let Some(hint) = &outcome.hint {
            *self.hints.entry(hint.clone()).or_default() += 1;
        }
        if let Some(outcomes) = &mut self.outcomes {
            *outcomes.entry(outcome.word()).or_default() += 1;
        }
        for warning in &outcome.warnings {
            self.warn(&format!("warning: {host}: {warning}"));
        }
        self.print(host, outcome)
    }

    fn print(&mut self, host: &Name, outcome: &Outcome) -> Result<(), Failure> {
        let unprintable = |error: String| Failure::Failed(format!("the result cannot be printed: {error}"));
        match self.output.format {
            // The comma comes first, so that every row is whole on its line as soon as it is there.
            Format::Json => {
                let row = serde_json::to_string(&Row::of(self.kind, host, outcome))
                    .map_err(|e| unprintable(e.to_string()))?;
                self.line(&format!("{}{row}", if self.printed == 0 { "[ " } else { ", " }))?;
            }
            Format::Yaml => {
                let row = serde_saphyr::to_string(&[Row::of(self.kind, host, outcome)]);
                self.line(row.map_err(|error| unprintable(error.to_string()))?.trim_end())?;
            }
            Format::Name => match &outcome.error {
                None => self.line(host.as_str())?,
                Some(error) => self.warn(&format!("{host}: {error}")),
            },
            Format::Table | Format::Wide if self.outcomes.is_some() => self.block(host, outcome)?,
            Format::Table | Format::Wide => {
                if self.printed == 0 {
                    self.line(&format!("{:width$}  RESULT", "NAME", width = self.width))?;
                }
                let result = self.output.inline(&outcome.field());
                self.line(&format!("{:width$}  {result}", host.as_str(), width = self.width))?;
                for ActionReceipt { connector, error, .. } in &outcome.receipts {
                    let text = format!("{connector}: {}", error.as_deref().unwrap_or("done"));
                    self.line(&format!("{:width$}  {text}", "", width = self.width))?;
                }
                for evidence in &outcome.evidence {
                    let text = crate::fence::words(evidence);
                    self.line(&format!("{:width$}  {text}", "", width = self.width))?;
                }
            }
        }
        self.printed += 1;
        self.advance();
        Ok(())
    }

    /// What was read of a host: on its own where there is one, else with the host's name before each line.
    fn block(&self, host: &Name, outcome: &Outcome) -> Result<(), Failure> {
        let several = self.expected > 1;
        let prefix = if several { format!("{host}: ") } else { String::new() };
        match &outcome.read {
            Some(read) => {
                for text in read.lines(self.output, prefix.len()) {
                    self.line(format!("{prefix}{text}").trim_end())?;
                }
                Ok(())
            }
            None => self.line(&format!("{host}: {}", self.output.inline(&outcome.field()))),
        }
    }

    /// Ends the document.
    fn close(&mut self) -> Result<(), Failure> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        match (self.output.format, self.printed) {
            (Format::Json, 0) => write_line("[]"),
            (Format::Json, _) => write_line("]"),
            (Format::Yaml, 0) => write_line("[]"),
            _ => Ok(()),
        }
    }

    /// The summary goes to standard error: what is piped on are the results.
    fn summarise(&self) {
        let Some(outcomes) = self.outcomes.as_ref().filter(|_| self.expected > 1) else { return };
        let outcomes: Vec<_> = outcomes.iter().map(|(word, count)| format!("{count} {word}")).collect();
        let took = self.begun.elapsed().as_secs_f64();
        note!("{} hosts in {took:.3} s: {}", self.printed, outcomes.join(", "));
    }

    /// The server is gone: the hosts that have no answer may or may not have been worked on.
    fn server_gone(mut self, begun: usize, error: Error) -> Result<(), Failure> {
        self.close()?;
        if self.expected > 1 {
            note!(
                "{} of {} hosts answered; {} may have been asked; {} were not",
                self.printed,
                self.expected,
                begun - self.printed,
                self.expected - begun
            );
        }
        Err(Failure::Client(error))
    }

    /// Ends the document, and tells what is to be done about failures, and which hosts were not begun with.
    fn finish(mut self, untouched: &[Name]) -> Result<(), Failure> {
        let failures = match self.exits.len() {
            1 => "1 failure".to_owned(),
            count => format!("{count} failures"),
        };
        for host in untouched {
            let skipped = Outcome {
                code: Some("not_begun".to_owned()),
                ..Outcome::failed(format!("not touched: the command stopped after {failures}"))
            };
            self.print(host, &skipped)?;
        }
        self.close()?;
        if !self.output.is_structured() {
            self.summarise();
            for (hint, count) in &self.hints {
                let which = if self.expected > 1 { format!(" ({count} of them)") } else { String::new() };
                note!("  hint{which}: {hint}");
            }
        }
        if !untouched.is_empty() {
            note!(
                "stopped after {failures}: {} of {} hosts were not touched",
                untouched.len(),
                self.expected
            );
        }
        match exit_of(&self.exits) {
            0 => Ok(()),
            code => Err(Failure::Some { code }),
        }
    }
}

/// The exit code of all hosts that failed, where they failed alike.
pub fn exit_of(exits: &[u8]) -> u8 {
    match exits {
        [] => 0,
        [first, rest @ ..] if rest.iter().all(|exit| exit == first) => *first,
        _ => 1,
    }
}
