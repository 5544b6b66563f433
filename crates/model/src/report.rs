//! How the recoveries of a span of time went, counted from incidents and runs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ironhand_api::{
    Day, FlowRecord, Group, HostHardware, Incident, IncidentState, Name, Offender, Outcomes, Report, Run,
    RunState, Spread, Timestamp,
};

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Hosts that are named as repeat offenders at most: who reads of more does not read on.
const MOST_OFFENDERS: usize = 50;

/// The cause of incidents that no flow recognised.
const UNRECOGNISED: &str = "not recognised";

/// What a host fell ill of, as reports and metrics group incidents: the flow that recognised it.
pub fn cause_of(incident: &Incident) -> String {
    incident.flow.as_ref().map_or_else(|| UNRECOGNISED.to_owned(), ToString::to_string)
}

/// A report that is being counted. Incidents and runs come in any order; each is to come once.
#[derive(Debug)]
pub struct ReportBuilder {
    since: Timestamp,
    until: Timestamp,
    all: Tally,
    days: BTreeMap<i64, Outcomes>,
    causes: BTreeMap<String, Tally>,
    clusters: BTreeMap<Name, Tally>,
    vendors: BTreeMap<String, Tally>,
    models: BTreeMap<String, Tally>,
    firmware: BTreeMap<String, Tally>,
    flows: BTreeMap<Name, Effort>,
    hosts: BTreeMap<Name, Illness>,
    /// When the first run of an incident began.
    first_runs: BTreeMap<u64, Timestamp>,
    /// Incidents that a run healed.
    healed: BTreeSet<u64>,
    /// What is told once all runs are known.
    incidents: Vec<Ended>,
}

/// What incidents of a host are counted under, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Traits {
    /// The cluster that it belongs to.
    pub cluster: Option<Name>,
    /// What was read of its hardware.
    pub hardware: Option<HostHardware>,
}

impl Traits {
    fn vendor(&self) -> Option<String> {
        self.hardware.as_ref()?.vendor.clone()
    }

    /// The model, behind who made it: what is called the same is not the same with everybody.
    fn model(&self) -> Option<String> {
        let model = self.hardware.as_ref()?.model.as_deref()?;
        Some(self.vendor().map_or_else(|| model.to_owned(), |vendor| format!("{vendor} {model}")))
    }

    /// The model with its firmware: a version alone says nothing.
    fn firmware(&self) -> Option<String> {
        let HostHardware { bios, controller, .. } = self.hardware.as_ref()?;
        let bios = bios.as_ref().map(|version| format!("BIOS {version}"));
        let versions: Vec<String> = bios.into_iter().chain(controller.clone()).collect();
        (!versions.is_empty()).then_some(format!("{}: {}", self.model()?, versions.join(", ")))
    }
}

/// What is kept of an incident until all runs are known.
#[derive(Debug)]
struct Ended {
    id: u64,
    host: Name,
    traits: Traits,
    cause: String,
    state: IncidentState,
    seen_well_at: Option<Timestamp>,
    opened_at: Timestamp,
    closed_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Tally {
    hosts: BTreeSet<Name>,
    outcomes: Outcomes,
    notices: Vec<Duration>,
    acts: Vec<Duration>,
    recoveries: Vec<Duration>,
}

#[derive(Debug, Default)]
struct Effort {
    runs: u64,
    failed: u64,
    cancelled: u64,
    successes: Vec<Duration>,
}

#[derive(Debug)]
struct Illness {
    incidents: u64,
    last: Timestamp,
    causes: BTreeSet<String>,
}

impl ReportBuilder {
    /// A report of what opened from `since` on and before `until`.
    pub fn new(since: Timestamp, until: Timestamp) -> Self {
        Self {
            since,
            until,
            all: Tally::default(),
            days: BTreeMap::new(),
            causes: BTreeMap::new(),
            clusters: BTreeMap::new(),
            vendors: BTreeMap::new(),
            models: BTreeMap::new(),
            firmware: BTreeMap::new(),
            flows: BTreeMap::new(),
            hosts: BTreeMap::new(),
            first_runs: BTreeMap::new(),
            healed: BTreeSet::new(),
            incidents: Vec::new(),
        }
    }

    fn covers(&self, time: Timestamp) -> bool {
        self.since <= time && time < self.until
    }

    /// Counts an incident of a host of which `traits` are known.
    pub fn incident(&mut self, incident: &Incident, traits: &Traits) {
        if !self.covers(incident.opened_at) {
            return;
        }
        self.incidents.push(Ended {
            id: incident.id,
            host: incident.host.clone(),
            traits: traits.clone(),
            cause: cause_of(incident),
            state: incident.state,
            seen_well_at: incident.seen_well_at,
            opened_at: incident.opened_at,
            closed_at: incident.closed_at,
        });
    }

    /// Counts a run.
    pub fn run(&mut self, run: &Run) {
        let first = self.first_runs.entry(run.incident).or_insert(run.started_at);
        *first = run.started_at.min(*first);
        if run.state == RunState::Succeeded {
            self.healed.insert(run.incident);
        }
        if !self.covers(run.started_at) {
            return;
        }
        let effort = self.flows.entry(run.flow.clone()).or_default();
        effort.runs += 1;
        match run.state {
            RunState::Running => {}
            RunState::Failed => effort.failed += 1,
            RunState::Cancelled => effort.cancelled += 1,
            RunState::Succeeded => {
                effort.successes.push(run.ended_at.unwrap_or(run.started_at).since(run.started_at));
            }
        }
    }

    /// The report.
    pub fn build(mut self) -> Report {
        for incident in std::mem::take(&mut self.incidents) {
            self.settle(incident);
        }
        let days = self.every_day();
        Report {
            since: self.since,
            until: self.until,
            outcomes: self.all.outcomes,
            to_notice: spread(self.all.notices),
            to_act: spread(self.all.acts),
            to_recover: spread(self.all.recoveries),
            days,
            causes: groups(self.causes),
            clusters: groups(self.clusters.into_iter().map(|(name, tally)| (name.to_string(), tally))),
            vendors: groups(self.vendors),
            models: groups(self.models),
            firmware: groups(self.firmware),
            flows: flows(self.flows),
            repeat_offenders: offenders(self.hosts),
        }
    }

    fn settle(&mut self, incident: Ended) {
        let is_healed = incident.closed_at.is_some() && self.healed.contains(&incident.id);
        let recovery = incident.closed_at.filter(|_| is_healed).map(|at| at.since(incident.opened_at));
        let notice = incident.seen_well_at.map(|at| incident.opened_at.since(at));
        let act = self.first_runs.get(&incident.id).map(|at| at.since(incident.opened_at));
        let mut tallies = vec![&mut self.all, self.causes.entry(incident.cause.clone()).or_default()];
        let traits = incident.traits;
        let of_hardware = [
            (traits.vendor(), &mut self.vendors),
            (traits.model(), &mut self.models),
            (traits.firmware(), &mut self.firmware),
        ];
        for (name, groups) in of_hardware {
            tallies.extend(name.map(|name| groups.entry(name).or_default()));
        }
        tallies.extend(traits.cluster.map(|cluster| self.clusters.entry(cluster).or_default()));
        for tally in tallies {
            tally.hosts.insert(incident.host.clone());
            count(&mut tally.outcomes, incident.state, is_healed);
            tally.notices.extend(notice);
            tally.acts.extend(act);
            tally.recoveries.extend(recovery);
        }
        let day = incident.opened_at.as_millis().div_euclid(DAY);
        count(self.days.entry(day).or_default(), incident.state, is_healed);
        let illness = self.hosts.entry(incident.host).or_insert_with(|| Illness {
            incidents: 0,
            last: incident.opened_at,
            causes: BTreeSet::new(),
        });
        illness.incidents += 1;
        illness.last = illness.last.max(incident.opened_at);
        illness.causes.insert(incident.cause);
    }

    /// The days of the span, those without incidents as well.
    fn every_day(&self) -> Vec<Day> {
        let first = self.since.as_millis().div_euclid(DAY);
        let last = self.until.as_millis().saturating_sub(1).max(self.since.as_millis()).div_euclid(DAY);
        let day = |day: i64| Day {
            begins: Timestamp::from_millis(day.saturating_mul(DAY)),
            outcomes: self.days.get(&day).copied().unwrap_or_default(),
        };
        (first..=last).map(day).collect()
    }
}

fn count(outcomes: &mut Outcomes, state: IncidentState, is_healed: bool) {
    outcomes.opened += 1;
    match state {
        IncidentState::Closed if is_healed => outcomes.healed += 1,
        IncidentState::Closed => outcomes.ended_otherwise += 1,
        IncidentState::NeedsHuman => outcomes.needs_human += 1,
        IncidentState::Open | IncidentState::Recovering => outcomes.under_way += 1,
    }
}

/// The quantiles by the nearest rank; none of nothing.
fn spread(mut lengths: Vec<Duration>) -> Option<Spread> {
    lengths.sort_unstable();
    let rank = |tenths: usize| lengths.get((lengths.len() * tenths).div_ceil(10).saturating_sub(1)).copied();
    Some(Spread { count: lengths.len() as u64, median: rank(5)?, p90: rank(9)?, longest: *lengths.last()? })
}

fn groups(tallies: impl IntoIterator<Item = (String, Tally)>) -> Vec<Group> {
    let group = |(name, tally): (String, Tally)| Group {
        name,
        hosts: tally.hosts.len() as u64,
        outcomes: tally.outcomes,
        to_notice: spread(tally.notices),
        to_act: spread(tally.acts),
        to_recover: spread(tally.recoveries),
    };
    let mut groups: Vec<Group> = tallies.into_iter().map(group).collect();
    // Stable: of equals the first by name.
    groups.sort_by_key(|group| Reverse(group.outcomes.opened));
    groups
}

fn flows(efforts: BTreeMap<Name, Effort>) -> Vec<FlowRecord> {
    let record = |(flow, effort): (Name, Effort)| FlowRecord {
        flow,
        runs: effort.runs,
        succeeded: effort.successes.len() as u64,
        failed: effort.failed,
        cancelled: effort.cancelled,
        took: spread(effort.successes),
    };
    let mut records: Vec<FlowRecord> = efforts.into_iter().map(record).collect();
    records.sort_by_key(|record| Reverse(record.runs));
    records
}

fn offenders(hosts: BTreeMap<Name, Illness>) -> Vec<Offender> {
    let again = hosts.into_iter().filter(|(_, illness)| illness.incidents > 1);
    let offender = |(host, illness): (Name, Illness)| Offender {
        host,
        incidents: illness.incidents,
        last: illness.last,
        causes: illness.causes.into_iter().collect(),
    };
    let mut offenders: Vec<Offender> = again.map(offender).collect();
    offenders.sort_by_key(|offender| Reverse((offender.incidents, offender.last)));
    offenders.truncate(MOST_OFFENDERS);
    offenders
}

#[cfg(test)]
mod tests;
