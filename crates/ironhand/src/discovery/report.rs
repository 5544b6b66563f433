//! What is printed while a scan runs, and the summary at its end.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ironhand_api::{Manifest, Name};
use ironhand_discovery::{Found, Proposals};
use serde_json::json;

use crate::args::Format;
use crate::exit::Failure;
use crate::output::{Output, write_line};

/// How often the progress bar moves.
pub const TICK: Duration = Duration::from_millis(200);

/// How long a scan may take before it shows a progress bar.
const BAR_AFTER: Duration = Duration::from_secs(1);

/// Prints what is found.
pub struct Report {
    output: Output,
    begun: Instant,
    expected: usize,
    done: usize,
    /// How many were found of each kind.
    kinds: BTreeMap<String, usize>,
    printed: usize,
    proposals: Proposals,
    /// The credential of proposed manifests.
    credential: Name,
    bar: Option<ProgressBar>,
}

impl Report {
    /// Nothing printed yet.
    pub fn new(output: Output, expected: usize, credential: Name) -> Self {
        Self {
            output,
            begun: Instant::now(),
            expected,
            done: 0,
            kinds: BTreeMap::new(),
            printed: 0,
            proposals: Proposals::default(),
            credential,
            bar: None,
        }
    }

    /// Takes something that was found, and prints it.
    pub fn found(&mut self, found: &Found) -> Result<(), Failure> {
        self.done += 1;
        *self.kinds.entry(found.what()).or_default() += 1;
        let text = match self.output.format {
            Format::Json => {
                let row = serde_json::to_string(found).map_err(unprintable)?;
                // A row stands on a line, so that what came is there even if the program is killed.
                let before = if self.printed == 0 { "{\"results\":[\n" } else { "," };
                format!("{before}{row}")
            }
            Format::Yaml => match self.proposals.host(found, &self.credential) {
                Some(host) => {
                    let host = serde_saphyr::to_string(&Manifest::Host(host)).map_err(unprintable)?;
                    format!("---\n# {}: {}\n{}", found.address, found.what(), host.trim_end())
                }
                None => return Ok(()),
            },
            Format::Name => found.address.to_string(),
            Format::Table | Format::Wide => row(found),
        };
        if self.printed == 0 && matches!(self.output.format, Format::Table | Format::Wide) {
            self.print(HEAD)?;
        }
        self.printed += 1;
        self.print(&text)
    }

    /// Nothing answers at an address.
    pub const fn silent(&mut self) {
        self.done += 1;
    }

    fn print(&self, text: &str) -> Result<(), Failure> {
        match &self.bar {
            Some(bar) => bar.suspend(|| write_line(text)),
            None => write_line(text),
        }
    }

    /// To be called now and then: shows how far the scan is, where a person looks on.
    pub fn tick(&mut self) {
        if self.bar.is_none() && self.begun.elapsed() >= BAR_AFTER && std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(self.expected as u64).with_elapsed(self.begun.elapsed());
            if let Ok(style) =
                ProgressStyle::with_template("{bar:30} {pos} of {len} addresses, {elapsed}, {msg}")
            {
                bar.set_style(style);
            }
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done as u64);
            bar.set_message(format!("{} found", self.kinds.values().sum::<usize>()));
        }
    }

    /// Ends the document, and tells how many were found.
    pub fn finish(mut self) -> Result<(), Failure> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let found: usize = self.kinds.values().sum();
        let seconds = (self.begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        if self.output.format == Format::Json {
            let summary = json!({
                "addresses": self.done, "found": found, "seconds": seconds, "kinds": self.kinds,
            });
            let before = if self.printed == 0 { "{\"results\":[" } else { "" };
            write_line(&format!("{before}],\"summary\":{summary}}}"))?;
        }
        let kinds: Vec<_> = self.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) };
        note!("{} addresses in {seconds:.1} s, {found} found{kinds}", self.done);
        Ok(())
    }
}

/// The titles of the columns of [`row`].
const HEAD: &str = "ADDRESS          CONTROLLER             FIRMWARE        MODEL                     SERIAL          SPEAKS";

/// Something that was found on one line; what is longer than its column moves the rest.
fn row(found: &Found) -> String {
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let speaks: Vec<&str> = found.speaks.iter().map(|spoken| spoken.protocol.as_str()).collect();
    let doubt = if found.conflicts.is_empty() { "" } else { " (?)" };
    let login = found.login.as_ref().map(|login| format!(", login {login}")).unwrap_or_default();
    format!(
        "{:15}  {:21}  {:14}  {:24}  {:14}  {}{login}",
        found.address,
        found.what() + doubt,
        shown(&found.firmware),
        shown(&found.model),
        shown(&found.serial),
        if speaks.is_empty() { "-".to_owned() } else { speaks.join(" ") },
    )
}

fn unprintable(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(format!("the result cannot be printed: {error}"))
}
