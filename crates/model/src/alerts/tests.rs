use std::time::Duration;

use ironhand_api::{Management, PowerAction, PowerState, Span};
use proptest::prelude::*;

use super::*;
use crate::Observation;

fn at(length: Duration) -> Timestamp {
    Timestamp::from_millis(1_772_331_247_120).after(length)
}

fn parse(what: &str) -> Observation {
    let reach = |reach| Observation::Reach(reach, Some("why".to_owned()));
    match what {
        "ok" => reach(Reach::Ok),
        "silent" => reach(Reach::Unreachable),
        "refused" => reach(Reach::AuthFailed),
        "garbage" => reach(Reach::ProtocolError),
        "busy" => reach(Reach::Throttled),
        "power on" => Observation::Power(PowerState::On),
        "power off" => Observation::Power(PowerState::Off),
        "ask on" => Observation::PowerAsked { action: PowerAction::On, until: at(Duration::MAX) },
        "fence" => Observation::Fenced { detail: "off was read twice".to_owned() },
        "lift" => Observation::FenceLifted,
        "disable" => Observation::Management(Management::DisabledAtCluster, None),
        "enable" => Observation::Management(Management::Enabled, None),
        _ => panic!("{what}"),
    }
}

/// Plays a transcript of lines `time | what happens | alerts that change`.
fn check(transcript: &str) {
    let settings = Settings::default();
    let mut facts = HostFacts::new();
    let mut alerts = HostAlerts::default();
    let mut needs_human = None;
    let (mut got, mut wanted) = (Vec::new(), Vec::new());
    for line in transcript.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let now = at(cells[0].parse::<Span>().unwrap().duration());
        let mut changes = Vec::new();
        match cells[1] {
            "time" => {}
            "human" => needs_human = Some("the flow did not help"),
            "well" => needs_human = None,
            "doubt" => {
                let message = "both passwords are refused".to_owned();
                changes.extend(alerts.raise(now, AlertCause::PasswordIndeterminate, message));
            }
            "resolved" => {
                changes.extend(alerts.clear(now, AlertCause::PasswordIndeterminate, "the new one works"));
            }
            "not fenced" => {
                let message = "off was read once".to_owned();
                changes.extend(alerts.raise(now, AlertCause::FenceRefused, message));
            }
            what => drop(facts.observe(now, "ipmi", parse(what))),
        }
        changes.extend(alerts.consider(now, &facts, needs_human, &settings));
        assert_eq!(alerts.consider(now, &facts, needs_human, &settings), [], "{line}: asked again");
        let changes: Vec<String> =
            changes.iter().map(|one| format!("{:?} {}", one.step, one.cause)).collect();
        got.push([cells[0], cells[1], &changes.join(", ")].join(" | "));
        wanted.push([cells[0], cells[1], cells.get(2).unwrap_or(&"")].join(" | "));
    }
    assert_eq!(got, wanted);
}

#[test]
fn an_outage_is_one_alert_after_its_time() {
    check(
        "
        0s    | ok
        10s   | silent
        20s   | garbage
        69s   | busy
        70s   | silent  | Opened contact_lost
        1h    | silent
        6h    | time
        6h2m  | time    | Repeated contact_lost
        12h   | silent
        12h3m | silent  | Repeated contact_lost
        13h   | ok      | Cleared contact_lost
        14h   | silent
        14h1s | ok
        15h   | silent
        15h1m | silent  | Opened contact_lost
        16h   | ok      | Cleared contact_lost
        ",
    );
}

#[test]
fn refused_credentials_are_told_at_once_and_until_one_is_accepted() {
    check(
        "
        0s    | refused | Opened auth_failed
        5s    | refused
        10s   | silent
        70s   | silent  | Opened contact_lost
        80s   | refused | Cleared contact_lost
        90s   | refused
        2m    | ok      | Cleared auth_failed
        3m    | refused | Opened auth_failed
        4m    | ok      | Cleared auth_failed
        ",
    );
}

#[test]
fn a_host_that_is_not_managed_has_no_alerts_but_those_that_stay_true() {
    check(
        "
        0s    | refused    | Opened auth_failed
        1s    | human      | Opened needs_human
        2s    | doubt      | Opened password_indeterminate
        3s    | not fenced | Opened fence_refused
        4s    | doubt
        10s   | disable    | Cleared auth_failed, Cleared needs_human
        11s   | silent
        2m    | silent
        6h2s  | time       | Repeated password_indeterminate
        7h    | enable     | Repeated fence_refused, Opened needs_human
        8h    | silent
        8h1m  | silent     | Opened contact_lost
        8h2m  | resolved   | Cleared password_indeterminate
        8h3m  | well       | Cleared needs_human
        8h4m  | resolved
        8h5m  | disable    | Cleared contact_lost
        8h6m  | fence      | Cleared fence_refused
        ",
    );
}

#[test]
fn that_a_fence_is_broken_is_told_until_a_person_decides_managed_or_not() {
    check(
        "
        0s    | fence
        1s    | power on   | Opened fence_broken
        2s    | not fenced | Opened fence_refused
        3s    | disable
        4s    | enable
        5s    | disable
        6h1s  | time       | Repeated fence_broken
        6h2s  | fence      | Cleared fence_refused, Cleared fence_broken
        ",
    );
}

#[test]
fn power_on_a_fenced_host_is_told_until_a_person_decides() {
    check(
        "
        0s    | power on
        1s    | not fenced | Opened fence_refused
        2s    | power off
        3s    | fence      | Cleared fence_refused
        4s    | silent
        10s   | power on   | Opened fence_broken
        11s   | power on
        12s   | power off
        13s   | power on
        20s   | fence      | Cleared fence_broken
        21s   | power on   | Opened fence_broken
        22s   | lift       | Cleared fence_broken
        30s   | fence
        31s   | ask on
        32s   | power on
        40s   | not fenced | Opened fence_refused
        41s   | power on
        42s   | lift       | Cleared fence_refused
        50s   | not fenced | Opened fence_refused
        51s   | ask on     | Cleared fence_refused
        ",
    );
}

#[test]
fn rows_are_numbered_and_told() {
    let settings = Settings::default();
    let host: Name = "rack7-12".parse().unwrap();
    let mut alerts = HostAlerts::default();
    let now = |seconds| at(Duration::from_secs(seconds));
    assert_eq!(alerts.next_wake(&settings), None);
    let opened = alerts.raise(now(0), AlertCause::FenceRefused, "off was read once".to_owned()).unwrap();
    assert_eq!(alerts.alert(&host, &opened), None, "it has no number yet");
    alerts.number(AlertCause::FenceRefused, 7);
    alerts.number(AlertCause::FenceRefused, 8);
    alerts.number(AlertCause::NeedsHuman, 9);
    let row = alerts.alert(&host, &opened).unwrap();
    assert_eq!((row.id, row.severity, row.opened_at, row.cleared_at), (7, Severity::Critical, now(0), None));
    assert_eq!(alerts.raise(now(5), AlertCause::FenceRefused, "nothing answers".to_owned()), None);
    assert_eq!(alerts.next_wake(&settings), Some(now(6 * 3600)));

    let repeated = alerts.consider(now(6 * 3600), &HostFacts::new(), None, &settings);
    assert_eq!(repeated[0].message, "for 6h: nothing answers");
    let row = alerts.alert(&host, &repeated[0]).unwrap();
    assert_eq!((row.repeats, row.told_at, row.message.as_str()), (1, now(6 * 3600), "nothing answers"));

    let cleared =
        alerts.clear(now(6 * 3600 + 60), AlertCause::FenceRefused, "alice lifted the fence").unwrap();
    assert_eq!(cleared.message, "alice lifted the fence; the alert was open for 6h1m");
    assert_eq!(cleared.severity, Severity::Info);
    let row = alerts.alert(&host, &cleared).unwrap();
    assert_eq!((row.id, row.severity, row.cleared_at), (7, Severity::Critical, Some(now(6 * 3600 + 60))));
    assert_eq!(alerts.next_wake(&settings), None);

    let reopened = alerts.raise(now(30_000), AlertCause::FenceRefused, "again".to_owned()).unwrap();
    assert_eq!(alerts.alert(&host, &reopened), None, "another alert has another number");
}

#[test]
fn the_words_tell_how_long_and_why() {
    let settings = Settings::default();
    let mut facts = HostFacts::new();
    let mut alerts = HostAlerts::default();
    let now = |seconds| at(Duration::from_secs(seconds));
    facts.observe(now(0), "ipmi", parse("silent"));
    assert_eq!(alerts.consider(now(0), &facts, None, &settings), []);
    assert_eq!(alerts.next_wake(&settings), Some(now(60)));
    let opened = alerts.consider(now(61), &facts, None, &settings);
    assert_eq!(opened[0].message, "the management controller cannot be used for 1m1s, unreachable: why");
    facts.observe(now(70), "ipmi", parse("refused"));
    let changes = alerts.consider(now(70), &facts, None, &settings);
    assert_eq!(changes[0].message, "the management controller refuses every credential: why");
    facts.observe(now(80), "alice", parse("disable"));
    let changes = alerts.consider(now(80), &facts, None, &settings);
    assert_eq!(changes[0].message, "the host is not managed; the alert was open for 10s");
}

#[derive(Clone, Debug)]
enum Act {
    See(&'static str),
    NeedsHuman(bool),
    Raise(AlertCause),
    Clear(AlertCause),
}

fn act() -> impl Strategy<Value = Act> {
    let seen = vec![
        "ok",
        "ok",
        "ok",
        "silent",
        "silent",
        "refused",
        "garbage",
        "busy",
        "power on",
        "power off",
        "ask on",
        "fence",
        "lift",
        "disable",
        "enable",
        "enable",
    ];
    let raised = || prop::sample::select(vec![AlertCause::PasswordIndeterminate, AlertCause::FenceRefused]);
    prop_oneof![
        8 => prop::sample::select(seen).prop_map(Act::See),
        1 => prop::bool::ANY.prop_map(Act::NeedsHuman),
        1 => raised().prop_map(Act::Raise),
        1 => raised().prop_map(Act::Clear),
    ]
}

/// Keeps its own account of what is open.
#[derive(Default)]
struct Judge {
    /// When each open alert was told last.
    open: BTreeMap<AlertCause, Timestamp>,
    lost_since: Option<Timestamp>,
    /// Rows as the store would hold them.
    rows: BTreeMap<u64, Alert>,
}

impl Judge {
    fn judge(
        &mut self,
        now: Timestamp,
        alerts: &mut HostAlerts,
        changes: &[AlertChange],
        settings: &Settings,
    ) -> Result<(), TestCaseError> {
        for change in changes {
            match change.step {
                AlertStep::Opened => {
                    prop_assert_eq!(self.open.insert(change.cause, now), None, "opened twice");
                    alerts.number(change.cause, u64::try_from(self.rows.len()).unwrap() + 1);
                    if change.cause == AlertCause::ContactLost {
                        let since = self.lost_since.expect("contact is lost");
                        prop_assert!(now.since(since) >= settings.alert_after);
                    }
                }
                AlertStep::Repeated => {
                    let told = self.open.insert(change.cause, now).expect("it is open");
                    prop_assert!(now.since(told) >= settings.alert_repeat);
                }
                AlertStep::Cleared => {
                    prop_assert!(self.open.remove(&change.cause).is_some(), "cleared, and not open");
                }
            }
            let row = alerts.alert(&"h".parse().unwrap(), change).expect("it is numbered");
            prop_assert_eq!(row.cleared_at.is_some(), change.step == AlertStep::Cleared);
            self.rows.insert(row.id, row);
        }
        let open: Vec<AlertCause> = alerts.open().collect();
        prop_assert_eq!(&open, &self.open.keys().copied().collect::<Vec<_>>());
        for cause in AlertCause::ALL {
            let rows = self.rows.values().filter(|row| row.cause == cause && row.cleared_at.is_none());
            prop_assert_eq!(rows.count(), usize::from(open.contains(&cause)), "one open row of each cause");
        }
        Ok(())
    }

    fn judge_facts(
        &self,
        now: Timestamp,
        facts: &HostFacts,
        settings: &Settings,
    ) -> Result<(), TestCaseError> {
        let open = |cause| self.open.contains_key(&cause);
        prop_assert_eq!(open(AlertCause::FenceBroken), facts.fence_broken().is_some());
        if !facts.management().is_enabled() {
            let none = [AlertCause::AuthFailed, AlertCause::ContactLost, AlertCause::NeedsHuman];
            prop_assert!(!none.into_iter().any(open));
            return Ok(());
        }
        match facts.reach().map(|fact| fact.value) {
            Some(Reach::Ok) => prop_assert!(!open(AlertCause::ContactLost) && !open(AlertCause::AuthFailed)),
            Some(Reach::AuthFailed) => {
                prop_assert!(!open(AlertCause::ContactLost) && open(AlertCause::AuthFailed));
            }
            _ => {
                let overdue = self.lost_since.is_some_and(|since| now.since(since) >= settings.alert_after);
                prop_assert!(!overdue || open(AlertCause::ContactLost));
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn of_each_cause_one_alert_is_open_at_most(
        acts in prop::collection::vec((prop::sample::select(vec![0u64, 1, 20, 70, 3600, 25_000]), act()), 1..100)
    ) {
        let settings = Settings::default();
        let mut facts = HostFacts::new();
        let mut alerts = HostAlerts::default();
        let mut judge = Judge::default();
        let mut needs_human = None;
        let mut length = Duration::ZERO;
        for (seconds, act) in acts {
            // Up to the time at which it wants to be asked again, there is nothing to tell.
            let next = at(length + Duration::from_secs(seconds));
            if alerts.next_wake(&settings).is_none_or(|wake| next < wake) {
                prop_assert_eq!(alerts.clone().consider(next, &facts, needs_human, &settings), []);
            }
            length += Duration::from_secs(seconds);
            let now = at(length);
            let mut changes = Vec::new();
            match act {
                Act::See(what) => drop(facts.observe(now, "ipmi", parse(what))),
                Act::NeedsHuman(wanted) => needs_human = wanted.then_some("the flow did not help"),
                Act::Raise(cause) => changes.extend(alerts.raise(now, cause, "raised".to_owned())),
                Act::Clear(cause) => changes.extend(alerts.clear(now, cause, "cleared")),
            }
            judge.judge(now, &mut alerts, &changes, &settings)?;
            let lost = facts.reach().is_some_and(|fact| !matches!(fact.value, Reach::Ok | Reach::AuthFailed));
            let lost = lost && facts.management().is_enabled();
            judge.lost_since = lost.then(|| judge.lost_since.unwrap_or(now));
            // Every state must survive being written and read.
            let written = serde_json::to_string(&alerts).unwrap();
            let mut read: HostAlerts = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(&read, &alerts);
            let changes = alerts.consider(now, &facts, needs_human, &settings);
            prop_assert_eq!(&read.consider(now, &facts, needs_human, &settings), &changes);
            judge.judge(now, &mut alerts, &changes, &settings)?;
            judge.judge_facts(now, &facts, &settings)?;
            prop_assert_eq!(alerts.consider(now, &facts, needs_human, &settings), [], "asked again at once");
        }
    }
}
