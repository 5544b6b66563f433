//! `ironhand describe`: everything that is known of one host, on one page; flows, repositories and what machines boot have
//! pages of their own.

mod boot;
mod flow;

use ironhand_api::{
    CheckState, CheckStatus, Fact, Host, HostStatus, Kind, Manifest, Name, PathStatus, ScreenWay, Timestamp,
    WayStatus,
};
use ironhand_client::{Client, RecordFilter, RecordingsOf};

use crate::args;
use crate::exit::Failure;
use crate::get::{health_field, power_field, reach_field};
use crate::output::{Field, Output, Tone, age, line, now};
use crate::recordings::called;
use crate::repository;
use crate::schema::parse_kind;
use crate::select::host_name;

/// How many of the newest jobs are shown.
const NEWEST_JOBS: usize = 5;

/// `ironhand describe`.
pub async fn describe(client: &Client, asked: &args::Describe, output: Output) -> Result<(), Failure> {
    let kind = parse_kind(&asked.kind)?;
    let name = host_name(&asked.name)?;
    match kind {
        Kind::Host => host(client, &name, output).await,
        Kind::Flow => flow::describe(client, &name, output).await,
        Kind::Repository => repository::describe(client, &name, output).await,
        Kind::Network => boot::network(client, &name, output).await,
        Kind::Profile => boot::profile(client, &name, output).await,
        Kind::Deployment => boot::deployment(client, &name, output).await,
        _ => Err(Failure::Usage {
            message: format!(
                "only hosts, flows, repositories, networks, profiles and deployments are described, not {}",
                kind.plural()
            ),
            hint: Some(format!("ironhand get {} {} -o yaml shows all there is", kind.plural(), asked.name)),
        }),
    }
}

async fn host(client: &Client, name: &Name, output: Output) -> Result<(), Failure> {
    let host: Host = client.get(name).await?;
    if output.is_structured() {
        return output.value(&Manifest::Host(host));
    }
    let now = now();
    said(&host, output);
    if let Some(status) = &host.status {
        observed(status, now, output);
        ways(&status.ways, now, output);
        screens(&status.screens, now, output);
        if let Some(holder) = &status.console {
            let text = format!(
                "{} has it for {}, last used {} ago",
                holder.by,
                age(now, holder.since),
                age(now, holder.used_at)
            );
            pair(output, "console", text);
        }
    }
    if let Some(incident) = host.status.as_ref().and_then(|status| status.incident) {
        for recording in client.recordings(&RecordingsOf::Incident(incident)).await? {
            let (called, kind) = (called(&recording), recording.kind.as_str());
            let begun = age(now, recording.begun_at);
            pair(output, "recording", format!("{called}: {kind}, {}, begun {begun} ago", recording.by));
        }
    }
    for pin in client.pins(name).await? {
        pair(
            output,
            "pin",
            format!("{} SHA-256 {}, {} ago", pin.connector, pin.sha256, age(now, pin.pinned_at)),
        );
    }
    for setting in client.settings_of(name).await?.iter().filter(|setting| setting.origin.is_some()) {
        let origin = setting.origin.as_deref().unwrap_or_default();
        pair(output, "setting", format!("{} is {}, set by {origin}", setting.name, setting.value));
    }
    let alerts = RecordFilter { host: Some(name.clone()), open: true, limit: None };
    for alert in client.alerts(&alerts).await? {
        let text = format!("{} for {}: {}", alert.cause, age(now, alert.opened_at), alert.message);
        pair(output, "alert", Field::toned(text, Tone::Bad));
    }
    let jobs = RecordFilter { host: Some(name.clone()), open: false, limit: Some(NEWEST_JOBS) };
    for job in client.jobs(&jobs).await? {
        let detail = job.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
        let text =
            format!("{} {}, {} {} ago{detail}", job.id, job.work, job.state, age(now, job.accepted_at));
        pair(output, "job", text);
    }
    Ok(())
}

/// What people said of it.
fn said(host: &Host, output: Output) {
    pair(output, "name", host.metadata.name.as_str());
    let labels: Vec<String> =
        host.metadata.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if !labels.is_empty() {
        pair(output, "labels", labels.join(" "));
    }
    if let Some(cluster) = &host.spec.cluster {
        pair(output, "cluster", cluster.as_str());
    }
    let credentials: Vec<&str> = host.spec.credentials.iter().map(|name| name.as_str()).collect();
    pair(output, "credentials", credentials.join(", "));
    for connector in &host.spec.connectors {
        let through = connector.through.as_ref().map(|hop| format!(" through {hop}")).unwrap_or_default();
        pair(output, "connector", format!("{connector}{through}"));
    }
}

/// How each of several ways to it is reached, and over which of its addresses.
fn ways(ways: &[WayStatus], now: Timestamp, output: Output) {
    for way in ways {
        let reach = output.inline(&reach_field(way.reach.as_ref(), true));
        let since =
            way.reach.as_ref().map(|fact| format!(" for {}", age(now, fact.since))).unwrap_or_default();
        pair(output, "way", format!("{}: {reach}{since}", way.connector));
        for path in &way.paths {
            pair(output, "", path_field(path, now));
        }
    }
}

/// How each of several connectors to its screen fares, and which of them is in use.
fn screens(screens: &[ScreenWay], now: Timestamp, output: Output) {
    for way in screens {
        let told = match &way.error {
            Some(error) if way.unsupported => {
                Field::toned(format!("{} shows no screen: {error}", way.connector), Tone::Dim)
            }
            error => standing(&way.connector, way.works, way.in_use, way.since, error, now),
        };
        pair(output, "screen way", told);
    }
}

/// One address of a device: whether it is the one in use, and how it fares.
fn path_field(path: &PathStatus, now: Timestamp) -> Field {
    standing(&path.address, path.works, path.in_use, path.since, &path.error, now)
}

/// How one of several ways fares.
fn standing(
    name: &str,
    works: Option<bool>,
    in_use: bool,
    since: Option<Timestamp>,
    error: &Option<String>,
    now: Timestamp,
) -> Field {
    let since = since.map(|since| format!(" for {}", age(now, since))).unwrap_or_default();
    let used = if in_use { ", in use" } else { "" };
    let (word, tone) = match works {
        None => ("not tried yet", Tone::Dim),
        Some(true) => ("works", if in_use { Tone::Good } else { Tone::Plain }),
        Some(false) => ("fails", Tone::Bad),
    };
    let error = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    Field::toned(format!("{name} {word}{since}{used}{error}"), tone)
}

/// What was observed of it, each fact with its time and source.
fn observed(status: &HostStatus, now: Timestamp, output: Output) {
    if let Some(management) = &status.management {
        let text = fact_words(&management.value.to_string(), management, now);
        let tone = if management.value.is_enabled() { Tone::Plain } else { Tone::Warn };
        pair(output, "management", Field::toned(text, tone));
    }
    if let Some(maintenance) = &status.maintenance {
        let since = maintenance.at.map(|at| format!(" for {}", age(now, at))).unwrap_or_default();
        let reason = maintenance.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        pair(output, "maintenance", Field::toned(format!("on{since}{reason}"), Tone::Warn));
    }
    pair(output, "power", power_field(status, now));
    if let Some(power) = &status.power {
        pair(output, "", Field::toned(seen_words(power, now), Tone::Dim));
    }
    if let Some(fenced) = &status.fenced {
        pair(output, "fenced", Field::toned(fact_words("yes", fenced, now), Tone::Warn));
    }
    pair(output, "controller", reach_field(status.reach.as_ref(), true));
    if let Some(reach) = &status.reach {
        pair(output, "", Field::toned(seen_words(reach, now), Tone::Dim));
    }
    pair(output, "screen", reach_field(status.screen_reach.as_ref(), true));
    if let Some(screen) = &status.screen {
        let text = format!("read {} ago: {}", age(now, screen.read_at), screen.headline);
        pair(output, "", Field::toned(text, Tone::Dim));
    }
    if let Some(hardware) = &status.hardware {
        let parts = [&hardware.vendor, &hardware.model, &hardware.bios, &hardware.controller];
        let parts: Vec<&str> = parts.into_iter().filter_map(Option::as_deref).collect();
        pair(output, "hardware", parts.join(", "));
    }
    for check in &status.checks {
        pair(output, "check", check_field(check, now));
    }
    let incident = status.incident.map(|id| format!(", incident {id}")).unwrap_or_default();
    pair(output, "health", format!("{}{incident}", output.inline(&health_field(status.health))));
    if let Some(owner) = &status.owner {
        pair(output, "server", owner.as_str());
    }
}

/// What the host itself was asked, and what came of it.
fn check_field(check: &CheckStatus, now: Timestamp) -> Field {
    let name = if check.name == check.kind.to_string() { String::new() } else { format!("{} (", check.name) };
    let close = if name.is_empty() { "" } else { ")" };
    let asks = format!("{name}{}{close}", check.asks);
    let Some(state) = &check.state else { return Field::toned(format!("{asks}: not made yet"), Tone::Dim) };
    let tone = match state.value {
        CheckState::Passing => Tone::Good,
        CheckState::Failing => Tone::Bad,
        CheckState::Unknown => Tone::Warn,
    };
    Field::toned(format!("{asks}: {}", fact_words(&state.value.to_string(), state, now)), tone)
}

fn fact_words<T>(value: &str, fact: &Fact<T>, now: Timestamp) -> String {
    let detail = fact.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{value} for {}{detail}", age(now, fact.since))
}

fn seen_words<T>(fact: &Fact<T>, now: Timestamp) -> String {
    format!("seen {} ago by {}, so for {}", age(now, fact.observed_at), fact.source, age(now, fact.since))
}

fn pair(output: Output, name: &str, value: impl Into<Field>) {
    line(&format!("{name:<12}  {}", output.inline(&value.into())));
}
