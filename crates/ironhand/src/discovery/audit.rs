//! `ironhand audit`: what is wrong with how controllers are kept.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use futures_util::{StreamExt, pin_mut};
use indicatif::ProgressBar;
use ironhand_api::Name;
use ironhand_client::Client;
use ironhand_discovery::{
    Depth, Finding, Found, Gathered, Identity, Inside, Logins, Pace, Probe, Severity, Shared, findings,
    identify, sarif, scan,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::discover::{LOGINS_AT_ONCE, seconds};
use super::{addresses, args, credentials};
use crate::args::Format;
use crate::exit::{Failure, at};
use crate::output::{Field, Output, Tone, now};
use crate::serve::stop_asked;

/// How findings name the credential of the command line.
const GIVEN: &str = "command-line";

/// What an audit came to.
struct Audited {
    findings: Vec<Finding>,
    keys: Shared,
    passwords: Shared,
    /// Addresses that were asked.
    asked: usize,
    /// Addresses at which something answered.
    answered: usize,
    /// Addresses that let us in.
    entered: usize,
    /// Whether credentials were tried.
    tried: bool,
}

/// What one address showed, and told to those that it lets in.
struct Looked {
    gathered: Gathered,
    identity: Identity,
    inside: Inside,
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
    let closing = CancellationToken::new();
    let given = GIVEN.parse::<Name>().map_err(|error| Failure::Failed(error.to_string()))?;
    let logins = credentials::logins(&asked.access, &given, Vec::new(), asked.try_factory, &closing)?;
    let mut audited = Audited::new(named.len(), logins.is_some());
    let probe = Probe { ports: asked.ports.ports(), depth: Depth::Check };
    let bar = ProgressBar::new(named.len() as u64);
    let gathered = scan(probe, named, Pace { rate: asked.pace.rate });
    let looked = gathered.map(|gathered| look_inside(logins.as_ref(), asked, gathered));
    let looked = looked.buffer_unordered(LOGINS_AT_ONCE);
    let stop = stop_asked();
    pin_mut!(looked, stop);
    loop {
        tokio::select! {
            next = looked.next() => {
                let Some(looked) = next else { break };
                bar.inc(1);
                audited.take(&looked);
            }
            stopped = &mut stop => {
                stopped?;
                bar.finish_and_clear();
                return Err(Failure::Failed("interrupted; an audit is whole or it is none".to_owned()));
            }
        }
    }
    bar.finish_and_clear();
    audited.close();
    if let Some(file) = &asked.sarif {
        write_sarif(file, &audited.findings)?;
    }
    audited.print(output)?;
    if audited.asked > 0 && audited.answered == 0 {
        return Err(Failure::NotFound("nothing answers at these addresses".to_owned()));
    }
    Ok(())
}

/// Tries the credentials on an address, and asks it what it tells to those that it lets in.
async fn look_inside(logins: Option<&Logins>, asked: &args::Audit, gathered: Gathered) -> Looked {
    let identity = identify(&gathered);
    let found = Found::new(&gathered, &identity, &asked.ports.ports());
    let (Some(logins), Some(mut found)) = (logins, found) else {
        return Looked { gathered, identity, inside: Inside::default() };
    };
    // An account that refuses two passwords is left alone for the rest of this audit.
    logins.attempt(&mut found, seconds()).await;
    let mut inside = logins.inspect(&found, identity.vendor).await;
    if asked.try_factory {
        inside.factory_accounts = logins.attempt_factory(&mut found, identity.vendor, seconds()).await;
    }
    Looked { gathered, identity, inside }
}

fn write_sarif(file: &Path, findings: &[Finding]) -> Result<(), Failure> {
    let document = sarif(findings, env!("CARGO_PKG_VERSION"));
    let text = serde_json::to_string_pretty(&document).map_err(|error| Failure::Failed(error.to_string()))?;
    at(file, std::fs::write(file, text + "\n"))
}

impl Audited {
    const fn new(asked: usize, tried: bool) -> Self {
        Self {
            findings: Vec::new(),
            keys: Shared::keys(),
            passwords: Shared::passwords(),
            asked,
            answered: 0,
            entered: 0,
            tried,
        }
    }

    fn take(&mut self, Looked { gathered, identity, inside }: &Looked) {
        // An address at which nothing answers says nothing about a controller.
        if !gathered.answers() {
            return;
        }
        self.answered += 1;
        self.entered += usize::from(inside.login.is_some());
        self.findings.extend(findings(gathered, identity, inside, now().as_millis() / 1000));
        if let Some(certificate) = gathered.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) {
            self.keys.take(gathered.address, certificate.short_key());
        }
        if let Some(login) = &inside.login {
            self.passwords.take(gathered.address, login);
        }
    }

    /// Adds what shows over all addresses together, and puts the worst first.
    fn close(&mut self) {
        self.findings.extend(self.keys.findings());
        self.findings.extend(self.passwords.findings());
        self.findings.sort_by_key(|found| (std::cmp::Reverse(found.severity), found.id, found.address));
    }

    fn print(&self, output: Output) -> Result<(), Failure> {
        let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
        for found in &self.findings {
            *counts.entry(found.severity).or_default() += 1;
        }
        if output.is_structured() {
            let counts: BTreeMap<&str, usize> =
                counts.iter().map(|(severity, count)| (severity.as_str(), *count)).collect();
            let summary = json!({ "addresses": self.asked, "answered": self.answered, "letIn": self.tried.then_some(self.entered), "findings": counts });
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
        let entered = if self.tried { format!(", {} let us in", self.entered) } else { String::new() };
        note!("{} addresses, {} answered{entered}: {counts}", self.asked, self.answered);
        if !self.tried && self.answered > 0 {
            note!("  not checked: accounts and settings, which only a login tells (-U, --credentials-from)");
        }
        // Each remedy once, in the order of the findings.
        let mut told = Vec::new();
        for found in &self.findings {
            if !told.contains(&found.id) {
                told.push(found.id);
                note!("  {}: {}", found.id, found.remedy);
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
