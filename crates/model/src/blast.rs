//! How many hosts are acted on without a person, at most: a wrong flow, or a failure that many hosts share, must not
//! reach them all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use ironhand_api::{Name, Timestamp};

use crate::facts::in_words;

/// Hosts on which runs began of late, and which hosts there are.
#[derive(Clone, Debug, Default)]
pub struct Blast {
    members: BTreeMap<Name, Option<Name>>,
    begun: VecDeque<Begun>,
}

/// A run that began.
#[derive(Clone, Debug)]
struct Begun {
    at: Timestamp,
    host: Name,
    flow: Name,
}

/// On how many hosts runs may begin within a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlastBound {
    /// So many hosts.
    pub hosts: u32,
    /// And no more than this share of those that there are, in percent; one host may always be acted on.
    pub share: u32,
    /// Within this time.
    pub window: Duration,
}

impl BlastBound {
    fn of(self, size: usize) -> usize {
        let share = size.saturating_mul(self.share as usize) / 100;
        share.max(1).min(self.hosts as usize)
    }
}

/// What a run is asked for on.
#[derive(Clone, Copy, Debug)]
pub struct BlastRequest<'r> {
    /// The host.
    pub host: &'r Name,
    /// The flow.
    pub flow: &'r Name,
    /// On how many hosts the flow may begin within the window, where it says so itself.
    pub flow_hosts: Option<u32>,
    /// What holds in the host's cluster; of a host without one, what holds among such hosts.
    pub in_cluster: BlastBound,
    /// What holds for all hosts together.
    pub in_fleet: BlastBound,
}

/// Where too many hosts were acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlastLevel {
    /// By one flow.
    Flow(Name),
    /// In one cluster.
    Cluster(Name),
    /// In all.
    Fleet,
}

/// Why a run does not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlastHold {
    /// Where it is too much.
    pub level: BlastLevel,
    /// Why, in words.
    pub reason: String,
    /// When the first of the hosts is no longer counted.
    pub until: Timestamp,
}

impl Blast {
    /// A host is there, in this cluster.
    pub fn join(&mut self, host: Name, cluster: Option<Name>) {
        self.members.insert(host, cluster);
    }

    /// A host is gone.
    pub fn leave(&mut self, host: &Name) {
        self.members.remove(host);
    }

    /// A run began at a time before this was asked: of an earlier start of the server.
    pub fn recall(&mut self, at: Timestamp, host: Name, flow: Name) {
        let place = self.begun.partition_point(|begun| begun.at <= at);
        self.begun.insert(place, Begun { at, host, flow });
    }

    /// A person has looked at a level and lets it go on: what was done there before is not counted any more.
    pub fn forgive(&mut self, level: &BlastLevel) {
        let Self { members, begun } = self;
        begun.retain(|begun| match level {
            BlastLevel::Flow(flow) => begun.flow != *flow,
            BlastLevel::Cluster(cluster) => {
                members.get(&begun.host).and_then(Option::as_ref) != Some(cluster)
            }
            BlastLevel::Fleet => false,
        });
    }

    /// Whether a run may begin now; one that may is counted. A host on which a run began within the window already is not
    /// another one.
    ///
    /// # Errors
    ///
    /// A [`BlastHold`] where too many hosts were acted on.
    pub fn ask(&mut self, now: Timestamp, asked: &BlastRequest<'_>) -> Result<(), BlastHold> {
        let longest = asked.in_cluster.window.max(asked.in_fleet.window);
        while self.begun.front().is_some_and(|begun| now.since(begun.at) >= longest) {
            self.begun.pop_front();
        }
        let cluster = self.members.get(asked.host).cloned().flatten();
        if let Some(hosts) = asked.flow_hosts {
            let bound = BlastBound { hosts, share: 100, window: asked.in_cluster.window };
            self.check(now, asked, BlastLevel::Flow(asked.flow.clone()), bound, |begun| {
                begun.flow == *asked.flow
            })?;
        }
        if let Some(cluster) = cluster {
            let of = |begun: &Begun| self.members.get(&begun.host).and_then(Option::as_ref) == Some(&cluster);
            self.check(now, asked, BlastLevel::Cluster(cluster.clone()), asked.in_cluster, of)?;
        }
        self.check(now, asked, BlastLevel::Fleet, asked.in_fleet, |_| true)?;
        self.begun.push_back(Begun { at: now, host: asked.host.clone(), flow: asked.flow.clone() });
        Ok(())
    }

    fn check(
        &self,
        now: Timestamp,
        asked: &BlastRequest<'_>,
        level: BlastLevel,
        bound: BlastBound,
        counts: impl Fn(&Begun) -> bool,
    ) -> Result<(), BlastHold> {
        let size = match &level {
            BlastLevel::Cluster(cluster) => {
                self.members.values().filter(|of| of.as_ref() == Some(cluster)).count()
            }
            BlastLevel::Flow(_) | BlastLevel::Fleet => self.members.len(),
        };
        let most = bound.of(size);
        let recent = || self.begun.iter().filter(|begun| now.since(begun.at) < bound.window && counts(begun));
        let hosts: BTreeSet<&Name> = recent().map(|begun| &begun.host).collect();
        if hosts.contains(asked.host) || hosts.len() < most {
            return Ok(());
        }
        let first = recent().next().map_or(now, |begun| begun.at);
        let place = match &level {
            BlastLevel::Flow(flow) => format!("flow {flow} ran on"),
            BlastLevel::Cluster(cluster) => format!("in cluster {cluster} runs began on"),
            BlastLevel::Fleet => "in all, runs began on".to_owned(),
        };
        let reason = format!(
            "{place} {} of {size} hosts within {}, and may on {most}",
            hosts.len(),
            in_words(bound.window)
        );
        Err(BlastHold { level, reason, until: first.after(bound.window) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Timestamp = Timestamp::from_millis(1_772_331_247_120);

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    /// Twenty hosts: `a0` to `a9` in cluster `a`, `b0` to `b9` in none.
    fn fleet() -> Blast {
        let mut blast = Blast::default();
        for index in 0..10 {
            blast.join(name(&format!("a{index}")), Some(name("a")));
            blast.join(name(&format!("b{index}")), None);
        }
        blast
    }

    /// Asks for runs in order, each `second host`, and compares what became of each.
    fn check(
        blast: &mut Blast,
        cluster: (u32, u32),
        fleet: (u32, u32),
        flow_hosts: Option<u32>,
        asked: &[(&str, &str)],
    ) {
        let bound = |(hosts, share)| BlastBound { hosts, share, window: Duration::from_secs(60) };
        for (what, wanted) in asked {
            let (second, host) = what.split_once(' ').unwrap();
            let request = BlastRequest {
                host: &name(host),
                flow: &name("f"),
                flow_hosts,
                in_cluster: bound(cluster),
                in_fleet: bound(fleet),
            };
            let told = match blast.ask(EPOCH.after(Duration::from_secs(second.parse().unwrap())), &request) {
                Ok(()) => "yes".to_owned(),
                Err(hold) => format!("{} (until {}s)", hold.reason, hold.until.since(EPOCH).as_secs()),
            };
            assert_eq!(told, *wanted, "{what}");
        }
    }

    #[test]
    fn so_many_hosts_of_a_cluster_are_acted_on_in_a_while() {
        let held = "in cluster a runs began on 2 of 10 hosts within 1m, and may on 2 (until 60s)";
        let asked = [
            ("0 a0", "yes"),
            ("5 a1", "yes"),
            ("6 a2", held),
            ("7 a0", "yes"),
            ("8 b0", "yes"),
            ("59 a2", held),
            ("60 a2", "in cluster a runs began on 2 of 10 hosts within 1m, and may on 2 (until 65s)"),
            ("67 a2", "yes"),
        ];
        check(&mut fleet(), (2, 100), (100, 100), None, &asked);
        // The same as a share.
        check(&mut fleet(), (100, 25), (100, 100), None, &asked);
    }

    #[test]
    fn the_fleet_and_a_flow_have_bounds_of_their_own() {
        let held = "in all, runs began on 2 of 20 hosts within 1m, and may on 2 (until 60s)";
        check(&mut fleet(), (9, 100), (2, 100), None, &[("0 a0", "yes"), ("1 b0", "yes"), ("2 b1", held)]);
        let held = "flow f ran on 1 of 20 hosts within 1m, and may on 1 (until 60s)";
        check(&mut fleet(), (9, 100), (9, 100), Some(1), &[("0 a0", "yes"), ("1 b0", held)]);
    }

    #[test]
    fn one_host_may_always_be_acted_on() {
        check(&mut fleet(), (9, 1), (9, 1), None, &[("0 a0", "yes"), ("1 a0", "yes")]);
    }

    #[test]
    fn what_an_earlier_start_did_counts_and_what_a_person_has_seen_does_not() {
        let mut blast = fleet();
        blast.recall(EPOCH, name("a0"), name("f"));
        let held = "in cluster a runs began on 1 of 10 hosts within 1m, and may on 1 (until 60s)";
        check(&mut blast, (1, 100), (9, 100), None, &[("1 a1", held)]);
        blast.forgive(&BlastLevel::Cluster(name("b")));
        check(&mut blast, (1, 100), (9, 100), None, &[("2 a1", held)]);
        blast.forgive(&BlastLevel::Cluster(name("a")));
        check(&mut blast, (1, 100), (9, 100), None, &[("3 a1", "yes")]);
    }
}
