//! How old the facts are.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ironhand_api::{Host, Timestamp};

use crate::hosts::Plan;

/// The ages of the power states of all live hosts at one moment, sorted.
pub struct Staleness(Vec<Duration>);

impl Staleness {
    pub fn of(hosts: &[Host], plan: &Plan) -> Self {
        let now = now();
        let live = hosts
            .iter()
            .filter(|host| Plan::index(host.metadata.name.as_str()).is_some_and(|index| plan.is_live(index)));
        let observed = live.filter_map(|host| host.status.as_ref()?.power.as_ref());
        let mut ages: Vec<Duration> = observed.map(|power| now.since(power.observed_at)).collect();
        ages.sort();
        Self(ages)
    }

    fn at(&self, percent: usize) -> f64 {
        let place = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).copied().unwrap_or_default().as_secs_f64()
    }
}

impl fmt::Display for Staleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, all] = [50, 99, 100].map(|percent| self.at(percent));
        write!(f, "p50 {half:.1} s, p99 {most:.1} s, oldest {all:.1} s of {}", self.0.len())
    }
}

/// This moment, as facts are stamped.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
