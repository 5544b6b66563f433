//! Conditions on a screen of one line, as tables.

use ironhand_api::PictureDigest;
use proptest::prelude::*;

use super::*;

const AT: Timestamp = Timestamp::from_millis(1_772_331_247_120);

/// A pattern is found where the screen contains it; each `?` before the match was read badly.
fn find(text: &str, pattern: &ScreenPattern) -> Option<MatchEvidence> {
    let column = text.find(pattern.source())?;
    Some(MatchEvidence {
        text: pattern.source().to_owned(),
        row: 2,
        column: u32::try_from(column).unwrap(),
        confidence: if text.starts_with('?') { 0.899 } else { 1.0 },
        screen_text: text.to_owned(),
        read_at: AT,
        picture: Some(PictureDigest("aa".to_owned())),
        captures: Default::default(),
        findings: Vec::new(),
    })
}

fn sight<'a>(find: Find<'a>) -> Sight<'a> {
    Sight {
        find: Ok(find),
        kind: Ok(ScreenKind::Text),
        unchanged_for: Ok(Duration::from_secs(90)),
        power: Ok(PowerState::On),
        reach: Err("the management controller was not reached yet".to_owned()),
        power_for: Duration::from_secs(60),
        reach_for: Duration::ZERO,
        checks: vec![
            seen("ping", CheckKind::Ping, CheckState::Failing, 40),
            seen("web", CheckKind::Http, CheckState::Passing, 7),
            CheckSeen { state: None, ..seen("heartbeat", CheckKind::Heartbeat, CheckState::Passing, 0) },
        ],
        events: vec![told("DIMM A1: Uncorrectable ECC", 300), told("PSU 1: power lost", 3600)],
        watched: BTreeSet::from([EventSource::Sel]),
        deployment: Ok(Some(DeployedAt {
            phase: DeploymentPhase::Booting,
            lasted: Duration::from_secs(1200),
            overdue: true,
        })),
        serial: Ok(vec![
            (wrote("Kernel panic - not syncing: Oops"), Duration::from_secs(700)),
            (wrote("n1 login: "), Duration::from_secs(5)),
        ]),
    }
}

fn told(text: &str, age: u64) -> Lately {
    (EventSeen { source: EventSource::Sel, text: text.to_owned(), at: AT }, Duration::from_secs(age))
}

fn wrote(text: &str) -> SerialLine {
    SerialLine { at: AT, text: text.to_owned() }
}

fn seen(name: &str, kind: CheckKind, state: CheckState, lasted: u64) -> CheckSeen {
    let lasted = Duration::from_secs(lasted);
    CheckSeen { name: name.to_owned(), kind, state: Some(state), lasted, at: None }
}

fn check(screen: &str, condition: &str, truth: Truth, reason: &str) {
    let condition: Condition = serde_json::from_str(condition).expect("a condition");
    let find = |pattern: &ScreenPattern| find(screen, pattern);
    let judged = judge(&condition, &sight(&find));
    assert_eq!((judged.truth, judged.reason.as_str()), (truth, reason), "{condition}");
}

#[test]
fn leaves_say_what_was_seen() {
    use Truth::{No, Unknown, Yes};
    check("a b", r#"{ "screen": "b" }"#, Yes, "`b` stands in row 3");
    check("a b", r#"{ "screen": "c" }"#, No, "the screen does not show `c`");
    check("a b", r#"{ "screenKind": "text" }"#, Yes, "the screen is text");
    check("a b", r#"{ "screenKind": "blank" }"#, No, "the screen is text, not blank");
    check("a b", r#"{ "unchangedFor": "1m30s" }"#, Yes, "the screen has not changed for 1m30s");
    check("a b", r#"{ "unchangedFor": "91s" }"#, No, "the screen has not changed for 1m30s");
    check("a b", r#"{ "power": "on" }"#, Yes, "power is on");
    check("a b", r#"{ "power": "off" }"#, No, "power is on, not off");
    check("a b", r#"{ "reach": "ok" }"#, Unknown, "the management controller was not reached yet");
}

#[test]
fn checks_are_judged_with_how_long_they_came_to_it() {
    use Truth::{No, Unknown, Yes};
    check("a", r#"{ "ping": false }"#, Yes, "ping fails");
    check("a", r#"{ "ping": true }"#, No, "ping fails");
    check("a", r#"{ "not": { "ping": true } }"#, Yes, "ping fails");
    check("a", r#"{ "ping": false, "since": "30s" }"#, Yes, "ping fails for 30s or more");
    check("a", r#"{ "ping": false, "since": "1m" }"#, No, "ping fails for 40s so far, not 1m");
    check("a", r#"{ "check": "web" }"#, Yes, "web passes");
    check("a", r#"{ "check": { "name": "web", "state": "failing" } }"#, No, "web passes");
    check("a", r#"{ "check": "db" }"#, Unknown, "no check `db` is known");
    check("a", r#"{ "heartbeat": false }"#, Unknown, "it is not known what heartbeat comes to");
    check("a", r#"{ "not": { "heartbeat": true } }"#, Unknown, "it is not known what heartbeat comes to");
    check("a", r#"{ "power": "on", "since": "1m" }"#, Yes, "power is on for 1m or more");
    check("a", r#"{ "power": "on", "since": "2m" }"#, No, "power is on for 1m so far, not 2m");
}

#[test]
fn deployments_are_judged_by_phase_time_and_deadline() {
    use Truth::{No, Yes};
    let is = "the deployment is booting, past its deadline";
    check("a", r#"{ "deployment": "booting" }"#, Yes, is);
    let not = format!("{is}, and not a deployment booted");
    check("a", r#"{ "deployment": "booted" }"#, No, &not);
    check(
        "a",
        r#"{ "deployment": { "phase": ["waiting", "booting"], "since": "20m" } }"#,
        Yes,
        &format!("{is} for 20m or more"),
    );
    check(
        "a",
        r#"{ "deployment": { "phase": ["booting"], "since": "1h" } }"#,
        No,
        &format!("{is} for 20m so far, not 1h"),
    );
    check("a", r#"{ "deployment": { "overdue": true } }"#, Yes, is);
    check(
        "a",
        r#"{ "deployment": { "overdue": false } }"#,
        No,
        &format!("{is}, and not a deployment in time"),
    );
    let find = |pattern: &ScreenPattern| find("a", pattern);
    let condition: Condition = serde_json::from_str(r#"{ "not": { "deployment": "booted" } }"#).unwrap();
    let none = Sight { deployment: Ok(None), ..sight(&find) };
    assert_eq!(judge(&condition, &none).truth, Yes, "nothing is deployed");
    let unknown = Sight { deployment: Err("not yet".to_owned()), ..sight(&find) };
    assert_eq!(judge(&condition, &unknown).truth, Truth::Unknown);
}

#[test]
fn what_was_read_badly_is_no_match() {
    let wanted = |least: &str| format!(r#"{{ "screen": {{ "pattern": "b", "minConfidence": {least} }} }}"#);
    check("?b", &wanted("0.8"), Truth::Yes, "`b` stands in row 3");
    let reason = "`b` stands in row 3, but was read with confidence 0.89, less than 0.90";
    check("?b", &wanted("0.9"), Truth::No, reason);
}

#[test]
fn trees_are_decided_by_the_part_that_matters() {
    use Truth::{No, Unknown, Yes};
    let all = r#"{ "screen": "a", "all": [{ "screen": "b" }, { "power": "on" }] }"#;
    check("a b", all, Yes, "`a` stands in row 3 and `b` stands in row 3 and power is on");
    check("a", all, No, "the screen does not show `b`");
    let any = r#"{ "any": [{ "screen": "x" }, { "screen": "b" }] }"#;
    check("a b", any, Yes, "`b` stands in row 3");
    check("a", any, No, "the screen does not show `x`, and the screen does not show `b`");
    let not = r#"{ "screen": "a", "not": { "screen": "b" } }"#;
    check("a b", not, No, "`b` stands in row 3, which rules it out");
    check("a", not, Yes, "`a` stands in row 3 and the screen does not show `b`");
    // What is not known decides only where nothing that is known does.
    let unknown = "the management controller was not reached yet";
    check("a", r#"{ "screen": "a", "reach": "ok" }"#, Unknown, unknown);
    check("b", r#"{ "screen": "a", "reach": "ok" }"#, No, "the screen does not show `a`");
    check("a", r#"{ "any": [{ "reach": "ok" }, { "screen": "a" }] }"#, Yes, "`a` stands in row 3");
    check("a", r#"{ "not": { "reach": "unreachable" } }"#, Unknown, unknown);
}

#[test]
fn each_leaf_is_a_finding_with_its_place() {
    let when: When = serde_json::from_str(
        r#"{ "any": [{ "screen": "x" }, { "all": [{ "screen": "b" }, { "not": { "power": "off" } }] }],
             "unless": "c" }"#,
    )
    .unwrap();
    let on = |screen: &'static str| {
        let find = |pattern: &ScreenPattern| find(screen, pattern);
        judge_when(&when, &sight(&find))
    };
    let judged = on("a b");
    assert_eq!((judged.truth, judged.evidence.unwrap().text.as_str()), (Truth::Yes, "b"));
    let places: Vec<_> =
        judged.findings.iter().map(|finding| (finding.place.as_str(), finding.truth)).collect();
    assert_eq!(
        places,
        [
            ("any[0].screen", Truth::No),
            ("any[1].all[0].screen", Truth::Yes),
            ("any[1].all[1].not.power", Truth::No),
            ("unless", Truth::Yes),
        ]
    );
    let judged = on("a b c");
    assert_eq!(
        (judged.truth, judged.reason.as_str()),
        (Truth::No, "`c` stands in row 3, which rules it out")
    );
    assert_eq!(judged.evidence.unwrap().text, "c");
}

fn tree() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["a", "b", "x"]).prop_map(Condition::on_screen),
        prop::sample::select(vec![PowerState::On, PowerState::Off])
            .prop_map(|power| Condition { power: Some(power), ..Condition::default() }),
        Just(Condition { reach: Some(Reach::Ok), ..Condition::default() }),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            parts.clone().prop_map(|all| Condition { all, ..Condition::default() }),
            parts.prop_map(|any| Condition { any, ..Condition::default() }),
            inner.prop_map(|not| Condition { not: Some(Box::new(not)), ..Condition::default() }),
        ]
    })
}

proptest! {
    /// `not (a or b)` is `(not a) and (not b)`, also where something is not known.
    #[test]
    fn negation_distributes(parts in prop::collection::vec(tree(), 1..4)) {
        let find = |pattern: &ScreenPattern| find("a b", pattern);
        let not = |condition: Condition| Condition { not: Some(Box::new(condition)), ..Condition::default() };
        let any = not(Condition { any: parts.clone(), ..Condition::default() });
        let all = Condition { all: parts.into_iter().map(not).collect(), ..Condition::default() };
        prop_assert_eq!(judge(&any, &sight(&find)).truth, judge(&all, &sight(&find)).truth);
    }

    /// Learning what was not known never turns a yes into a no, nor a no into a yes.
    #[test]
    fn what_is_decided_stays_decided(condition in tree(), reach in prop::sample::select(vec![Reach::Ok, Reach::Unreachable])) {
        let find = |pattern: &ScreenPattern| find("a b", pattern);
        let before = judge(&condition, &sight(&find)).truth;
        let after = judge(&condition, &Sight { reach: Ok(reach), ..sight(&find) }).truth;
        prop_assert!(before == Truth::Unknown || before == after, "{before} {after}");
    }
}

#[test]
fn events_count_for_so_long_and_where_they_are_listened_for() {
    let yes = |condition: &str, reason: &str| check("", condition, Truth::Yes, reason);
    yes(
        r#"{ "event": { "source": "sel", "pattern": "uncorrectable ecc" } }"#,
        "the controller told `DIMM A1: Uncorrectable ECC` 5m ago",
    );
    yes(
        r#"{ "event": { "pattern": "ECC$", "within": "5m" } }"#,
        "the controller told `DIMM A1: Uncorrectable ECC` 5m ago",
    );
    yes(
        r#"{ "event": { "pattern": "power lost", "within": "1h" } }"#,
        "the controller told `PSU 1: power lost` 1h ago",
    );
    check(
        "",
        r#"{ "event": { "pattern": "power lost" } }"#,
        Truth::No,
        "there was no event `power lost` within 10m",
    );
    for condition in [
        r#"{ "event": { "source": "redfish", "pattern": "ECC" } }"#,
        r#"{ "not": { "event": { "source": "redfish", "pattern": "ECC" } } }"#,
    ] {
        check("", condition, Truth::Unknown, "the controller was not asked for its Redfish events yet");
    }
}

#[test]
fn lines_of_the_serial_console_count_for_so_long_and_while_somebody_listens() {
    check(
        "",
        r#"{ "serial": "LOGIN:" }"#,
        Truth::Yes,
        "the host wrote `n1 login: ` on its serial console 5s ago",
    );
    check(
        "",
        r#"{ "serial": "^kernel panic" }"#,
        Truth::No,
        "the host did not write `^kernel panic` on the serial console within 10m",
    );
    let panic = r#"{ "serial": { "pattern": "^kernel panic", "within": "1h" } }"#;
    let told = "the host wrote `Kernel panic - not syncing: Oops` on its serial console 11m40s ago";
    check("", panic, Truth::Yes, told);
    let find = |pattern: &ScreenPattern| find("", pattern);
    let deaf = Sight { serial: Err("nobody listens".to_owned()), ..sight(&find) };
    for condition in [panic.to_owned(), format!(r#"{{ "not": {panic} }}"#)] {
        let condition: Condition = serde_json::from_str(&condition).expect("a condition");
        assert_eq!(judge(&condition, &deaf).truth, Truth::Unknown);
    }
}
