//! `ironhand describe flow`: what a flow is for, where it may run, and how it fared.

use std::collections::BTreeMap;
use std::time::Duration;

use ironhand_api::{
    Cluster, Flow, FlowRecord, Host, LabelSelector, Manifest, Name, RunState, Timestamp, Whereabouts,
};
use ironhand_client::{Client, RecordFilter};

use super::pair;
use crate::exit::Failure;
use crate::flow::tell_steps;
use crate::output::{Field, Output, Tone, age, now};

/// How far back runs are looked at.
const OF_LATE: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many of its newest runs are shown, out of how many of all flows.
const NEWEST_RUNS: usize = 5;
const LOOKED_AT: usize = 500;

/// How many of the hosts are named.
const NAMED: usize = 10;

pub(super) async fn describe(client: &Client, name: &Name, output: Output) -> Result<(), Failure> {
    let flow: Flow = client.get(name).await?;
    if output.is_structured() {
        return output.value(&Manifest::Flow(flow));
    }
    let everything = LabelSelector::default();
    let hosts: Vec<Host> = client.list(&everything).await?;
    let clusters: Vec<Cluster> = client.list(&everything).await?;
    let zones: BTreeMap<&Name, &Name> = clusters
        .iter()
        .filter_map(|cluster| Some((&cluster.metadata.name, cluster.spec.zone.as_ref()?)))
        .collect();
    let selected: Vec<&Host> = hosts.iter().filter(|host| selects(&flow, host, &zones)).collect();
    pair(output, "name", name.as_str());
    pair(output, "selects", which(&flow, &selected, hosts.len()));
    pair(output, "when", when(&flow));
    let mut others: Vec<Flow> = client.list(&everything).await?;
    others.retain(|other| {
        selected.iter().any(|host| selects(other, host, &zones)) || other.metadata.name == *name
    });
    others.sort_by_key(|flow| (-i64::from(flow.spec.priority), flow.metadata.name.clone()));
    pair(output, "precedence", precedence(&flow, &others));
    pair(output, "limits", limits(&flow));
    if flow.spec.dry_run {
        pair(output, "dry run", Field::toned("it only tells what it would do", Tone::Warn));
    }
    if flow.spec.even_in_quiet_hours {
        pair(output, "quiet hours", "it may begin in them");
    }
    pair(output, "does", "");
    tell_steps(&flow.spec.steps, "              ");
    pair(output, "verify", format!("{}, within {}", flow.spec.verify.condition, flow.spec.verify.timeout));
    fared(client, name, output).await
}

fn selects(flow: &Flow, host: &Host, zones: &BTreeMap<&Name, &Name>) -> bool {
    let cluster = host.spec.cluster.as_ref();
    let zone = cluster.and_then(|cluster| zones.get(cluster).copied());
    let hardware = host.status.as_ref().and_then(|status| status.hardware.as_ref());
    flow.spec.select.matches(&Whereabouts { labels: &host.metadata.labels, cluster, zone, hardware })
}

fn which(flow: &Flow, selected: &[&Host], all: usize) -> String {
    let by = if flow.spec.select.is_all() { "all hosts".to_owned() } else { flow.spec.select.to_string() };
    let names: Vec<&str> = selected.iter().take(NAMED).map(|host| host.metadata.name.as_str()).collect();
    let more = if selected.len() > NAMED { ", ..." } else { "" };
    format!("{by}: {} of {all} now: {}{more}", selected.len(), names.join(", "))
}

fn when(flow: &Flow) -> String {
    let when = &flow.spec.when;
    let unless = when.unless.as_ref().map(|barred| format!(", unless `{barred}` stands there"));
    let readings =
        if when.stable == 1 { "1 reading".to_owned() } else { format!("{} readings in a row", when.stable) };
    format!("{}{}, on {readings}", when.condition, unless.unwrap_or_default())
}

/// Where it stands among the flows that select any of its hosts.
fn precedence(flow: &Flow, ordered: &[Flow]) -> String {
    let name = &flow.metadata.name;
    let place = ordered.iter().position(|other| other.metadata.name == *name).unwrap_or_default();
    let neighbour = |index: Option<usize>| Some(ordered.get(index?)?.metadata.name.to_string());
    let before = neighbour(place.checked_sub(1)).map(|other| format!(", after {other}"));
    let behind = neighbour(Some(place + 1)).map(|other| format!(", before {other}"));
    format!(
        "{} of {} that may work on these hosts (priority {}){}{}",
        place + 1,
        ordered.len(),
        flow.spec.priority,
        before.unwrap_or_default(),
        behind.unwrap_or_default()
    )
}

fn limits(flow: &Flow) -> String {
    let limits = &flow.spec.limits;
    let hosts = limits.hosts.map(|hosts| format!(", {hosts} hosts within blastWindow")).unwrap_or_default();
    format!("{} attempts in an incident, {} apart{hosts}", limits.attempts, limits.cooldown)
}

/// Its runs of late.
async fn fared(client: &Client, name: &Name, output: Output) -> Result<(), Failure> {
    let now = now();
    let since =
        Timestamp::from_millis(now.as_millis() - i64::try_from(OF_LATE.as_millis()).unwrap_or_default());
    let report = client.report(since, now).await?;
    let told = match report.flows.iter().find(|record| record.flow == *name) {
        None => "none in 30 days".to_owned(),
        Some(FlowRecord { runs, succeeded, failed, cancelled, .. }) => {
            format!("{runs} in 30 days: {succeeded} succeeded, {failed} failed, {cancelled} cancelled")
        }
    };
    pair(output, "runs", told);
    let newest = RecordFilter { limit: Some(LOOKED_AT), ..RecordFilter::default() };
    let runs = client.runs(&newest).await?;
    for run in runs.iter().filter(|run| run.flow == *name).take(NEWEST_RUNS) {
        let tone = match run.state {
            RunState::Succeeded => Tone::Good,
            RunState::Running => Tone::Warn,
            RunState::Failed | RunState::Cancelled => Tone::Bad,
        };
        let begun = age(now, run.started_at);
        let text = format!("{} on {} {begun} ago, {}: {}", run.id, run.host, run.state, run.reason);
        pair(output, "", Field::toned(text, tone));
    }
    Ok(())
}
