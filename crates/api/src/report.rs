//! How the recoveries of a span of time went.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::millis;
use crate::{Name, Timestamp};

/// How the recoveries of a span of time went: of the incidents that opened in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The beginning of the span.
    pub since: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// What became of the incidents.
    pub outcomes: Outcomes,
    /// From when the host was last seen without it to the opening of an incident, of those of which that is known: no incident took longer to be noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_notice: Option<Spread>,
    /// From the opening of an incident to its first run, of those that had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_act: Option<Spread>,
    /// From the opening of an incident to its end, of those that a run healed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_recover: Option<Spread>,
    /// Each day of the span, in UTC, oldest first.
    pub days: Vec<Day>,
    /// What hosts fell ill of, the most frequent first.
    pub causes: Vec<Group>,
    /// The clusters that they belong to, the most frequent first; hosts of no cluster are left out.
    pub clusters: Vec<Group>,
    /// Who made them, the most frequent first; what is not known is left out, here and in the next two.
    #[serde(default)]
    pub vendors: Vec<Group>,
    /// Their models, with who made them.
    #[serde(default)]
    pub models: Vec<Group>,
    /// Their models with the versions of their firmware.
    #[serde(default)]
    pub firmware: Vec<Group>,
    /// What flows did, the busiest first.
    pub flows: Vec<FlowRecord>,
    /// Hosts that fell ill more than once, the most frequent first.
    pub repeat_offenders: Vec<Offender>,
}

/// What became of incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcomes {
    /// All of them.
    pub opened: u64,
    /// A run healed the host.
    pub healed: u64,
    /// It ended otherwise: the host came back by itself, or a person closed it.
    pub ended_otherwise: u64,
    /// A person is waited for.
    pub needs_human: u64,
    /// Ironhand is still at it.
    pub under_way: u64,
}

/// How long something took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// How often it was measured.
    pub count: u64,
    /// Half of them took no longer.
    #[serde(with = "millis", rename = "medianMs")]
    pub median: Duration,
    /// Nine of ten took no longer.
    #[serde(with = "millis", rename = "p90Ms")]
    pub p90: Duration,
    /// The longest.
    #[serde(with = "millis", rename = "longestMs")]
    pub longest: Duration,
}

/// Incidents of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    /// Midnight, in UTC.
    pub begins: Timestamp,
    /// What became of the incidents that opened on it.
    pub outcomes: Outcomes,
}

/// Incidents that have something in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What it is.
    pub name: String,
    /// How many hosts fell ill.
    pub hosts: u64,
    /// What became of the incidents.
    pub outcomes: Outcomes,
    /// From when the host was last seen without it to the opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_notice: Option<Spread>,
    /// From the opening to the first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_act: Option<Spread>,
    /// From the opening to the end, of those that a run healed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_recover: Option<Spread>,
}

/// What one flow did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowRecord {
    /// The flow.
    pub flow: Name,
    /// Runs that began in the span.
    pub runs: u64,
    /// Those that proved the host well.
    pub succeeded: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that a person stopped.
    pub cancelled: u64,
    /// From the beginning to the end of those that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Spread>,
}

/// A host that fell ill more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offender {
    /// The host.
    pub host: Name,
    /// How often.
    pub incidents: u64,
    /// When it last did.
    pub last: Timestamp,
    /// What it fell ill of, each once.
    pub causes: Vec<String>,
}
