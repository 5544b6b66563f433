//! Hosts that fall ill together: a switch, a rack or a bad update, which no flow mends. Nothing is begun on them before a
//! person has looked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use ironhand_api::{Name, Timestamp};

use crate::facts::in_words;

/// Illnesses that are remembered at most: more than any bound, so that a fleet that flaps for days costs no more.
const MOST_REMEMBERED: usize = 100_000;

/// Where hosts fall ill together.
#[derive(Clone, Debug, Default)]
pub struct Outbreaks {
    members: BTreeMap<Name, Place>,
    /// Hosts with the time when they fell ill, the longest ago first.
    ill: VecDeque<(Timestamp, Name)>,
    /// Until when a person has seen what happened in a cluster, or everywhere.
    seen: BTreeMap<Option<Name>, Timestamp>,
}

/// Where a host stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its cluster.
    pub cluster: Option<Name>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// How many hosts that fall ill together are no matter for flows: both must be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutbreakBound {
    /// So many hosts.
    pub hosts: u32,
    /// And this share of those that there are, in percent.
    pub share: u32,
    /// Within this time.
    pub window: Duration,
}

/// Hosts that fell ill together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbreak {
    /// The cluster in which nothing may begin; none for all hosts.
    pub cluster: Option<Name>,
    /// Why, in words.
    pub reason: String,
    /// When the first of them is no longer counted.
    pub until: Timestamp,
}

impl Outbreaks {
    /// A host is there.
    pub fn join(&mut self, host: Name, place: Place) {
        self.members.insert(host, place);
    }

    /// A host is gone.
    pub fn leave(&mut self, host: &Name) {
        self.members.remove(host);
    }

    /// A host fell ill: an incident opened. Told again, it is counted once.
    pub fn fell_ill(&mut self, at: Timestamp, host: &Name) {
        if self.ill.iter().any(|(known, ill)| ill == host && *known == at) {
            return;
        }
        let place = self.ill.partition_point(|(known, _)| *known <= at);
        self.ill.insert(place, (at, host.clone()));
        if self.ill.len() > MOST_REMEMBERED {
            self.ill.pop_front();
        }
    }

    /// A person has looked at `now` and lets it go on, in a cluster or everywhere: what happened there before is not counted
    /// any more.
    pub fn forgive(&mut self, now: Timestamp, cluster: Option<Name>) {
        self.seen.insert(cluster, now);
    }

    /// Whether a person has seen that a host fell ill at that time.
    fn is_seen(&self, at: Timestamp, place: &Place) -> bool {
        let until = |cluster: &Option<Name>| self.seen.get(cluster).is_some_and(|seen| at <= *seen);
        until(&None) || until(&place.cluster)
    }

    /// Whether a run may begin on `host`, as far as those around it are well: those of its cluster, and those with the same
    /// value of the label `by`.
    ///
    /// # Errors
    ///
    /// An [`Outbreak`] where too many of them fell ill within the window.
    pub fn ask(&self, now: Timestamp, host: &Name, by: &str, bound: OutbreakBound) -> Result<(), Outbreak> {
        let Some(place) = self.members.get(host) else { return Ok(()) };
        let cluster = place.cluster.clone();
        if let Some((key, value)) = place.labels.get_key_value(by) {
            let (size, ill, until) = self.count(now, bound, |other| other.labels.get(key) == Some(value));
            if bound.is_reached(ill, size) {
                let reason = told(&format!("with {key}={value}"), ill, size, bound);
                return Err(Outbreak { cluster, reason, until });
            }
        }
        let Some(name) = &cluster else { return Ok(()) };
        let (size, ill, until) = self.count(now, bound, |other| other.cluster == cluster);
        if !bound.is_reached(ill, size) {
            return Ok(());
        }
        let reason = told(&format!("in cluster {name}"), ill, size, bound);
        Err(Outbreak { cluster, reason, until })
    }

    /// How many hosts there are of some kind, how many of them fell ill within the window, and until when the first of
    /// those counts.
    fn count(
        &self,
        now: Timestamp,
        bound: OutbreakBound,
        is_meant: impl Fn(&Place) -> bool,
    ) -> (usize, usize, Timestamp) {
        let meant = |(at, host): &&(Timestamp, Name)| {
            let place = self.members.get(host).filter(|place| is_meant(place));
            now.since(*at) < bound.window && place.is_some_and(|place| !self.is_seen(*at, place))
        };
        let size = self.members.values().filter(|place| is_meant(place)).count();
        let mut first = None;
        let hosts: BTreeSet<&Name> = self
            .ill
            .iter()
            .filter(meant)
            .map(|(at, host)| {
                first.get_or_insert(*at);
                host
            })
            .collect();
        (size, hosts.len(), first.unwrap_or(now).after(bound.window))
    }
}

impl OutbreakBound {
    fn is_reached(self, ill: usize, size: usize) -> bool {
        // One host alone is no outbreak, whatever is set.
        ill > 1 && ill >= self.hosts as usize && ill * 100 >= size.saturating_mul(self.share as usize)
    }
}

fn told(place: &str, ill: usize, size: usize, bound: OutbreakBound) -> String {
    format!("{ill} of {size} hosts {place} became unwell within {}", in_words(bound.window))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Timestamp = Timestamp::from_millis(1_772_331_247_120);

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        EPOCH.after(Duration::from_secs(seconds))
    }

    /// Ten hosts of cluster `a`, of which `a0` to `a3` stand in rack 7; ten of no cluster, of which `b0` to `b3` stand in
    /// rack 8.
    fn fleet() -> Outbreaks {
        let mut outbreaks = Outbreaks::default();
        for index in 0..10 {
            let labels = |rack: &str| {
                let rack = (index < 4).then(|| ("rack".to_owned(), rack.to_owned()));
                rack.into_iter().collect()
            };
            let a = Place { cluster: Some(name("a")), labels: labels("7") };
            outbreaks.join(name(&format!("a{index}")), a);
            outbreaks.join(name(&format!("b{index}")), Place { cluster: None, labels: labels("8") });
        }
        outbreaks
    }

    /// Hosts that fall ill in order, each `second host`, and what each is told when it asks at once.
    fn check(outbreaks: &mut Outbreaks, (hosts, share): (u32, u32), asked: &[(&str, &str)]) {
        let bound = OutbreakBound { hosts, share, window: Duration::from_secs(60) };
        for (what, wanted) in asked {
            let (second, host) = what.split_once(' ').unwrap();
            let now = at(second.parse().unwrap());
            outbreaks.fell_ill(now, &name(host));
            let told = match outbreaks.ask(now, &name(host), "rack", bound) {
                Ok(()) => "yes".to_owned(),
                Err(outbreak) => {
                    let cluster = outbreak.cluster.map_or_else(|| "all".to_owned(), |name| name.to_string());
                    format!(
                        "{cluster}: {} (until {}s)",
                        outbreak.reason,
                        outbreak.until.since(EPOCH).as_secs()
                    )
                }
            };
            assert_eq!(told, *wanted, "{what}");
        }
    }

    #[test]
    fn hosts_of_a_cluster_that_fall_ill_together_are_left_to_a_person() {
        let held = "a: 3 of 10 hosts in cluster a became unwell within 1m (until 60s)";
        let asked = [
            ("0 a4", "yes"),
            ("1 a4", "yes"),
            ("5 a5", "yes"),
            ("6 b9", "yes"),
            ("7 a6", held),
            ("66 a7", "yes"),
        ];
        check(&mut fleet(), (3, 0), &asked);
        check(&mut fleet(), (1, 30), &asked);
    }

    #[test]
    fn count_and_share_must_both_be_reached() {
        let asked = [("0 a4", "yes"), ("1 a5", "yes"), ("2 a6", "yes")];
        check(&mut fleet(), (3, 50), &asked);
        check(&mut fleet(), (4, 10), &asked);
    }

    #[test]
    fn hosts_that_share_a_label_are_a_group_of_their_own() {
        let held = "a: 2 of 4 hosts with rack=7 became unwell within 1m (until 60s)";
        check(&mut fleet(), (2, 50), &[("0 a0", "yes"), ("1 a9", "yes"), ("2 a1", held)]);
        // Without a cluster, all hosts are meant.
        let held = "all: 2 of 4 hosts with rack=8 became unwell within 1m (until 60s)";
        check(&mut fleet(), (2, 50), &[("0 b0", "yes"), ("2 b1", held)]);
    }

    #[test]
    fn one_host_is_no_outbreak_and_hosts_that_share_nothing_are_none() {
        check(&mut fleet(), (1, 1), &[("0 a0", "yes"), ("1 a0", "yes")]);
        check(&mut fleet(), (1, 1), &[("0 b8", "yes"), ("1 b9", "yes")]);
    }

    #[test]
    fn what_a_person_has_seen_is_not_counted() {
        let mut outbreaks = fleet();
        let held = "a: 2 of 10 hosts in cluster a became unwell within 1m (until 60s)";
        check(&mut outbreaks, (2, 20), &[("0 a8", "yes"), ("1 a9", held)]);
        outbreaks.forgive(at(2), Some(name("b")));
        check(&mut outbreaks, (2, 20), &[("2 a9", held)]);
        outbreaks.forgive(at(3), Some(name("a")));
        // What is told again was seen all the same.
        check(&mut outbreaks, (2, 20), &[("1 a9", "yes"), ("4 a7", "yes")]);
        let held = "a: 2 of 10 hosts in cluster a became unwell within 1m (until 64s)";
        check(&mut outbreaks, (2, 20), &[("5 a6", held)]);
    }
}
