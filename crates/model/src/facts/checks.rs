//! What checks say of a host, and when that makes it unwell.

use std::collections::BTreeMap;
use std::time::Duration;

use ironhand_api::{
    Check, CheckKind, CheckState, CheckStatus, EventKind, Fact, PowerState, Severity, Span, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{Change, HostFacts, in_words, set};

/// How often in a row a check must pass before it counts for the host being well.
const PASSES: u32 = 2;

/// A check, and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckFact {
    kind: CheckKind,
    asks: String,
    after: Span,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Fact<CheckState>>,
    /// How often in a row it passed.
    #[serde(default)]
    passes: u32,
    /// Of a heartbeat: within which time after one the next is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Span>,
    /// Since when it is waited for: what came while nobody listened is not known.
    #[serde(default)]
    watched: Timestamp,
}

impl CheckFact {
    /// When the next heartbeat is late; none for what is asked, before the first one, and while one is late.
    fn late_at(&self) -> Option<Timestamp> {
        let fact = self.state.as_ref().filter(|fact| fact.value == CheckState::Passing)?;
        Some(fact.observed_at.max(self.watched).after(self.expected?.duration()))
    }
}

/// A check as conditions see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSeen {
    /// What conditions call it.
    pub name: String,
    /// What sort of thing it asks.
    pub kind: CheckKind,
    /// What it came to last; none before it was made.
    pub state: Option<CheckState>,
    /// For how long it has come to that.
    pub lasted: Duration,
    /// When it was made last.
    pub at: Option<Timestamp>,
}

/// Whether the checks of a host make it unwell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Illness {
    /// They do not.
    None,
    /// They will at this time, unless something changes; what there is, in words.
    From(Timestamp, &'static str),
    /// They do: what fails and for how long, in words.
    Now(String),
}

impl HostFacts {
    /// Follows the manifest: checks that are gone say nothing any more, and those that ask something else begin anew.
    /// Heartbeats are waited for from `now` on.
    pub fn keep_checks(&mut self, now: Timestamp, checks: &[Check]) {
        let mut before = std::mem::take(&mut self.checks);
        for check in checks {
            let (name, asks, after) = (check.name(), check.probe.to_string(), Span::from(check.after()));
            let kept = before.remove(&name).filter(|kept| kept.asks == asks);
            let kind = check.probe.kind();
            let expected =
                (kind == CheckKind::Heartbeat).then(|| Span::from(check.every() + check.timeout()));
            let (state, passes) = kept.map_or((None, 0), |kept| (kept.state, kept.passes));
            let fact = CheckFact { kind, asks, after, state, passes, expected, watched: now };
            self.checks.insert(name, fact);
        }
    }

    /// What checks came to, by their names.
    pub fn checks(&self) -> Vec<CheckSeen> {
        let looked_at = self.reach().map(|fact| fact.observed_at);
        let seen = |(name, check): (&String, &CheckFact)| {
            let state = check.state.as_ref();
            // That no heartbeat comes is observed once, and so at each moment until one does.
            let silent = check.kind == CheckKind::Heartbeat;
            let silent = silent && state.is_some_and(|fact| fact.value == CheckState::Failing);
            let until = |fact: &Fact<CheckState>| {
                looked_at
                    .filter(|_| silent)
                    .map_or(fact.observed_at, |looked_at| looked_at.max(fact.observed_at))
            };
            CheckSeen {
                name: name.clone(),
                kind: check.kind,
                state: state.map(|fact| fact.value),
                lasted: state.map_or(Duration::ZERO, |fact| until(fact).since(fact.since)),
                at: state.map(|fact| fact.observed_at),
            }
        };
        self.checks.iter().map(seen).collect()
    }

    /// When a check last came to something.
    pub(super) fn checked_at(&self) -> Option<Timestamp> {
        self.checks.values().filter_map(|check| check.state.as_ref()).map(|fact| fact.observed_at).max()
    }

    /// Whether a check began to fail within this time: it is worth to look closely.
    pub fn is_alarmed(&self, now: Timestamp, within: Duration) -> bool {
        self.failing().any(|(_, fact)| now.since(fact.since) <= within)
    }

    /// Whether a check fails, for however long.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing().next().is_some()
    }

    /// Since when the first of the checks has failed that fail now.
    pub(crate) fn failing_since(&self) -> Option<Timestamp> {
        self.failing().map(|(_, fact)| fact.since).min()
    }

    /// Whether there are checks and all of them pass, more than once in a row.
    pub(crate) fn checks_pass(&self) -> bool {
        !self.checks.is_empty() && self.checks.values().all(|check| check.passes >= PASSES)
    }

    /// Whether checks, or a deployment past its deadline, make the host unwell. Checks that began to fail before the host was started, or before `settled`,
    /// when it was last taken for well, count from then on, and not before it had `boot` to start. A host without power
    /// is not unwell: it is off.
    pub(crate) fn illness(&self, now: Timestamp, settled: Option<Timestamp>, boot: Duration) -> Illness {
        match (self.check_illness(now, settled, boot), self.deployment_illness(now, settled)) {
            (now @ Illness::Now(_), _) | (_, now @ Illness::Now(_)) => now,
            (Illness::From(one, what), Illness::From(other, _)) => Illness::From(one.min(other), what),
            (from @ Illness::From(..), Illness::None) | (Illness::None, from) => from,
        }
    }

    fn check_illness(&self, now: Timestamp, settled: Option<Timestamp>, boot: Duration) -> Illness {
        if matches!(self.power(), PowerState::Off | PowerState::TurningOff | PowerState::TurningOn) {
            return Illness::None;
        }
        let started = self.started.into_iter().chain(settled).max();
        let due = |(name, fact): (&String, &Fact<CheckState>)| {
            let check = &self.checks[name];
            let from = match started {
                Some(started) if started.after(boot) > fact.since => started.after(boot).max(fact.since),
                _ => fact.since,
            };
            (from.after(check.after.duration()), check, fact.clone())
        };
        let Some((at, check, fact)) = self.failing().map(due).min_by_key(|(at, ..)| *at) else {
            return Illness::None;
        };
        if now < at {
            return Illness::From(at, "a check fails, though not for long enough");
        }
        let lasts = in_words(now.since(fact.since));
        let detail = fact.detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        Illness::Now(format!("{} has failed for {lasts}{detail}", check.asks))
    }

    fn failing(&self) -> impl Iterator<Item = (&String, &Fact<CheckState>)> {
        self.checks.iter().filter_map(|(name, check)| {
            let fact = check.state.as_ref().filter(|fact| fact.value == CheckState::Failing)?;
            Some((name, fact))
        })
    }

    pub(super) fn see_check(
        &mut self,
        at: Timestamp,
        source: &str,
        name: &str,
        state: CheckState,
        detail: Option<String>,
    ) -> Option<Change> {
        let check = self.checks.get_mut(name)?;
        check.passes = if state == CheckState::Passing { check.passes.saturating_add(1) } else { 0 };
        let before = check.state.as_ref().map(|fact| (fact.value, fact.since));
        set(&mut check.state, at, source, state, detail.clone());
        if before.is_some_and(|(value, _)| value == state) {
            return None;
        }
        let asks = &check.asks;
        let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        let (severity, message) = match (state, before) {
            (CheckState::Passing, Some((CheckState::Failing, since))) => {
                (Severity::Info, format!("{asks} passes again, after {}", in_words(at.since(since))))
            }
            (CheckState::Passing, _) => (Severity::Info, format!("{asks} passes")),
            (CheckState::Failing, _) => (Severity::Warning, format!("{asks} fails{detail}")),
            (CheckState::Unknown, _) => (Severity::Warning, format!("{asks} cannot be checked{detail}")),
        };
        Some(Change::new(EventKind::CheckChanged, severity, message))
    }

    /// Whether there is a check of this sort.
    pub fn has_check(&self, kind: CheckKind) -> bool {
        self.checks.values().any(|check| check.kind == kind)
    }

    /// Takes in a heartbeat that is genuine.
    pub(super) fn see_heartbeat(&mut self, at: Timestamp, source: &str) -> Vec<Change> {
        let beats = self.checks.iter().filter(|(_, check)| check.kind == CheckKind::Heartbeat);
        let names: Vec<String> = beats.map(|(name, _)| name.clone()).collect();
        let seen = |name: String| self.see_check(at, source, &name, CheckState::Passing, None);
        names.into_iter().filter_map(seen).collect()
    }

    /// Takes in which heartbeats are late.
    pub(super) fn miss_heartbeats(&mut self, now: Timestamp) -> Vec<Change> {
        let late = self.checks.iter().filter(|(_, check)| check.late_at().is_some_and(|at| at <= now));
        let late: Vec<_> = late
            .map(|(name, check)| {
                let last = check.state.as_ref().map_or(now, |fact| fact.observed_at);
                (name.clone(), format!("none has come for {}", in_words(now.since(last))))
            })
            .collect();
        let missed = |(name, reason): (String, String)| {
            self.see_check(now, "the server", &name, CheckState::Failing, Some(reason))
        };
        late.into_iter().filter_map(missed).collect()
    }

    /// When the next heartbeat is late.
    pub(super) fn heartbeat_due(&self) -> Option<Timestamp> {
        self.checks.values().filter_map(CheckFact::late_at).min()
    }

    pub(super) fn check_statuses(&self) -> Vec<CheckStatus> {
        let told = |(name, check): (&String, &CheckFact)| CheckStatus {
            name: name.clone(),
            kind: check.kind,
            asks: check.asks.clone(),
            after: check.after,
            state: check.state.clone(),
        };
        self.checks.iter().map(told).collect()
    }
}

/// The checks of a host by their names.
pub(super) type CheckFacts = BTreeMap<String, CheckFact>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Observation;

    const START: Timestamp = Timestamp::from_millis(1_772_331_247_120);

    fn at(secs: u64) -> Timestamp {
        START.after(Duration::from_secs(secs))
    }

    fn host(checks: &str) -> HostFacts {
        let mut facts = HostFacts::new();
        facts.keep_checks(START, &serde_json::from_str::<Vec<Check>>(checks).expect("checks"));
        facts
    }

    fn told(changes: Vec<Change>) -> Vec<String> {
        changes.into_iter().map(|change| change.message).collect()
    }

    #[test]
    fn heartbeats_are_late_after_the_first_one_and_told_once() {
        let mut facts = host(r#"[{ "heartbeat": { "every": "30s" } }]"#);
        assert_eq!((facts.next_wake(), facts.wake(at(500))), (None, Vec::new()));
        let beat = |facts: &mut HostFacts, secs| told(facts.observe(at(secs), "n7", Observation::Heartbeat));
        assert_eq!(beat(&mut facts, 1000), ["heartbeat every 30s passes"]);
        assert_eq!(beat(&mut facts, 1030), Vec::<String>::new());
        assert_eq!((facts.next_wake(), facts.wake(at(1089))), (Some(at(1090)), Vec::new()));
        assert_eq!(told(facts.wake(at(1090))), ["heartbeat every 30s fails: none has come for 1m"]);
        assert_eq!((facts.wake(at(2000)), facts.next_wake()), (Vec::new(), None));
        assert_eq!(beat(&mut facts, 2010), ["heartbeat every 30s passes again, after 15m20s"]);
        // The server was stopped: what came meanwhile is not known.
        facts.keep_checks(
            at(9000),
            &serde_json::from_str::<Vec<Check>>(r#"[{ "heartbeat": { "every": "30s" } }]"#).unwrap(),
        );
        assert_eq!((facts.next_wake(), facts.wake(at(9059))), (Some(at(9060)), Vec::new()));
    }

    #[test]
    fn what_a_check_came_to_is_told_when_it_changes() {
        let mut facts = host(r#"[{ "ping": "10.1.7.12" }]"#);
        let check = |facts: &mut HostFacts, secs, state, detail: Option<&str>, expected: &[&str]| {
            let detail = detail.map(str::to_owned);
            let seen = Observation::Check { name: "ping".to_owned(), state, detail };
            assert_eq!(told(facts.observe(at(secs), "ping 10.1.7.12", seen)), expected, "{secs}");
        };
        let (passing, failing, unknown) = (CheckState::Passing, CheckState::Failing, CheckState::Unknown);
        check(&mut facts, 1, unknown, Some("no route"), &["ping 10.1.7.12 cannot be checked: no route"]);
        check(&mut facts, 2, passing, None, &["ping 10.1.7.12 passes"]);
        check(&mut facts, 3, passing, None, &[]);
        check(&mut facts, 4, failing, Some("no reply"), &["ping 10.1.7.12 fails: no reply"]);
        check(&mut facts, 9, failing, Some("no route"), &[]);
        check(&mut facts, 64, passing, None, &["ping 10.1.7.12 passes again, after 1m"]);
        let gone = Observation::Check { name: "tcp".to_owned(), state: failing, detail: None };
        assert!(facts.observe(at(65), "tcp", gone).is_empty());
        let seen = facts.checks();
        assert_eq!(
            (seen[0].state, seen[0].lasted, seen[0].at),
            (Some(passing), Duration::ZERO, Some(at(64)))
        );
    }
}
