//! `ironhand audit`: what is wrong with how controllers are kept.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use futures_util::{StreamExt, pin_mut};
use indicatif::ProgressBar;
use ironhand_client::Client;
use ironhand_discovery::{
    Depth, Finding, Pace, Probe, Severity, SharedKeys, findings, identify, sarif, scan,
};
use serde_json::json;

use super::{addresses, args};
use crate::args::Format;
use crate::exit::{Failure, at};
use crate::output::{Field, Output, Tone, now};
use crate::serve::stop_asked;

/// What an audit came to.
#[derive(Default)]
struct Audited {
    findings: Vec<Finding>,
    keys: SharedKeys,
    /// Addresses that were asked.
    asked: usize,
    /// Addresses at which something answered.
    answered: usize,
}

/// `ironhand audit`, of addresses.
pub async fn audit(asked: &args::Audit, output: Output) -> Result<(), Failure> {
    let named = addresses(&asked.ranges, asked.pace.yes).await?;
    check(named, asked, output).await
}

/// `ironhand audit`, of the hosts of a server.
pub async fn audit_hosts(client: &Client, asked: &args::Audit, output: Output) -> Result<(), Failure> {
    let named = super::hosts::addresses(client, &asked.selector, asked.pace.yes).await?;
    check(named, asked, output).await
}

async fn check(named: Vec<IpAddr>, asked: &args::Audit, output: Output) -> Result<(), Failure> {
    let mut audited = Audited { asked: named.len(), ..Audited::default() };
    let probe = Probe { ports: asked.ports.ports(), depth: Depth::Check };
    let bar = ProgressBar::new(named.len() as u64);
    let answers = scan(probe, named, Pace { rate: asked.pace.rate });
    let stop = stop_asked();
    pin_mut!(answers, stop);
    loop {
        tokio::select! {
            next = answers.next() => {
                let Some(gathered) = next else { break };
                bar.inc(1);
                let found = findings(&gathered, &identify(&gathered), now().as_millis() / 1000);
                audited.answered += usize::from(gathered.answers());
                audited.keys.take(&gathered);
                // An address at which nothing answers says nothing about a controller.
                audited.findings.extend(found.into_iter().filter(|_| gathered.answers()));
            }
            stopped = &mut stop => {
                stopped?;
                bar.finish_and_clear();
                return Err(Failure::Failed("interrupted; an audit is whole or it is none".to_owned()));
            }
        }
    }
    bar.finish_and_clear();
    audited.findings.extend(audited.keys.findings());
    audited.findings.sort_by_key(|found| (std::cmp::Reverse(found.severity), found.id, found.address));
    if let Some(file) = &asked.sarif {
        write_sarif(file, &audited.findings)?;
    }
    audited.print(output)
}

fn write_sarif(file: &Path, findings: &[Finding]) -> Result<(), Failure> {
    let document = sarif(findings, env!("CARGO_PKG_VERSION"));
    let text = serde_json::to_string_pretty(&document).map_err(|error| Failure::Failed(error.to_string()))?;
    at(file, std::fs::write(file, text + "\n"))
}

impl Audited {
    fn print(&self, output: Output) -> Result<(), Failure> {
        let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
        for found in &self.findings {
            *counts.entry(found.severity).or_default() += 1;
        }
        if output.is_structured() {
            let counts: BTreeMap<&str, usize> =
                counts.iter().map(|(severity, count)| (severity.as_str(), *count)).collect();
            let summary = json!({ "addresses": self.asked, "answered": self.answered, "findings": counts });
            return output.value(&json!({ "findings": self.findings, "summary": summary }));
        }
        let row = |found: &Finding| {
            vec![
                Field::toned(found.severity.as_str(), tone(found.severity)),
                found.address.to_string().into(),
                found.id.into(),
                found.evidence.as_str().into(),
            ]
        };
        let head = ["severity", "address", "check", "evidence"];
        output.list(&self.findings, &head, |found| format!("{} {}", found.address, found.id), row)?;
        if output.format == Format::Name {
            return Ok(());
        }
        let counts: Vec<String> =
            counts.iter().rev().map(|(severity, count)| format!("{count} {}", severity.as_str())).collect();
        let counts = if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") };
        eprintln!("{} addresses, {} answered: {counts}", self.asked, self.answered);
        // Each remedy once, in the order of the findings.
        let mut told = Vec::new();
        for found in &self.findings {
            if !told.contains(&found.id) {
                told.push(found.id);
                eprintln!("  {}: {}", found.id, found.remedy);
            }
        }
        Ok(())
    }
}

const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Critical | Severity::High => Tone::Bad,
        Severity::Medium => Tone::Warn,
        Severity::Low => Tone::Plain,
        Severity::Info => Tone::Dim,
    }
}
