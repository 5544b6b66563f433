use ironhand_api::MatchEvidence;

use super::*;

const SINCE: i64 = 10 * DAY;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(SINCE + seconds * 1000)
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn incident(id: u64, host: &str, flow: &str, opened: i64, closed: Option<i64>) -> Incident {
    Incident {
        id,
        host: name(host),
        cause: "what was seen".to_owned(),
        flow: Some(name(flow)),
        state: if closed.is_some() { IncidentState::Closed } else { IncidentState::NeedsHuman },
        reason: String::new(),
        seen_well_at: (id != 3).then(|| at(opened - i64::try_from(id).unwrap())),
        opened_at: at(opened),
        closed_at: closed.map(at),
        attempts: 1,
        unknown_screen: None,
        first_picture: None,
        last_picture: None,
    }
}

fn run(incident: u64, flow: &str, state: RunState, started: i64, ended: i64) -> Run {
    Run {
        id: incident * 10,
        host: name("any"),
        incident,
        flow: name(flow),
        attempt: 1,
        state,
        reason: String::new(),
        asked: None,
        started_at: at(started),
        ended_at: Some(at(ended)),
        matched: MatchEvidence {
            text: String::new(),
            row: 0,
            column: 0,
            confidence: 1.0,
            screen_text: String::new(),
            read_at: at(started),
            picture: None,
            captures: BTreeMap::default(),
            findings: Vec::new(),
        },
        steps: Vec::new(),
        proof: None,
    }
}

#[test]
fn incidents_are_counted_by_what_became_of_them() {
    let mut report = ReportBuilder::new(at(0), at(2 * 86_400));
    let hardware =
        |vendor: Option<&str>, model: Option<&str>, bios: Option<&str>, controller: Option<&str>| {
            let [vendor, model, bios, controller] =
                [vendor, model, bios, controller].map(|text| text.map(str::to_owned));
            Some(HostHardware { vendor, model, bios, controller })
        };
    let web = Traits {
        cluster: Some(name("web")),
        hardware: hardware(Some("Dell Inc."), Some("R640"), Some("2.1"), Some("iDRAC 5.0")),
    };
    let old = Traits { cluster: None, hardware: hardware(Some("Dell Inc."), Some("R610"), None, None) };
    let nothing = Traits::default();
    report.incident(&incident(1, "n1", "panic", 0, Some(100)), &web);
    report.incident(&incident(2, "n2", "panic", 10, Some(40)), &web);
    report.incident(&incident(3, "n1", "press-f1", 90_000, None), &web);
    report.incident(&incident(4, "n3", "panic", 20, Some(25)), &old);
    // Before and behind the span.
    report.incident(&incident(5, "n9", "panic", -1, Some(5)), &nothing);
    report.incident(&incident(6, "n9", "panic", 2 * 86_400, None), &nothing);
    report.run(&run(1, "panic", RunState::Failed, 5, 20));
    report.run(&run(1, "panic", RunState::Succeeded, 30, 100));
    report.run(&run(2, "panic", RunState::Succeeded, 12, 40));
    report.run(&run(3, "press-f1", RunState::Cancelled, 90_004, 90_005));
    let report = report.build();

    let outcomes = Outcomes { opened: 4, healed: 2, ended_otherwise: 1, needs_human: 1, under_way: 0 };
    assert_eq!(report.outcomes, outcomes);
    let seconds = Duration::from_secs;
    let spread = |count, median, p90, longest| {
        Some(Spread { count, median: seconds(median), p90: seconds(p90), longest: seconds(longest) })
    };
    // Of incident 3 nobody knows when the host was well; the others were noticed after 1, 2 and 4 seconds.
    assert_eq!(report.to_notice, spread(3, 2, 4, 4));
    assert_eq!((report.causes[0].to_notice, report.causes[1].to_notice), (spread(3, 2, 4, 4), None));
    assert_eq!(report.causes[1].to_act, spread(1, 4, 4, 4));
    // Incidents 1, 2 and 3 had a first run, after 5, 2 and 4 seconds.
    assert_eq!(report.to_act, spread(3, 4, 5, 5));
    assert_eq!(report.to_recover, spread(2, 30, 100, 100));
    let opened: Vec<_> = report.days.iter().map(|day| (day.begins, day.outcomes.opened)).collect();
    assert_eq!(opened, [(at(0), 3), (at(86_400), 1)]);
    let causes: Vec<_> =
        report.causes.iter().map(|group| (group.name.as_str(), group.hosts, group.outcomes.opened)).collect();
    assert_eq!(causes, [("panic", 3, 3), ("press-f1", 1, 1)]);
    let clusters: Vec<_> =
        report.clusters.iter().map(|group| (group.name.as_str(), group.outcomes.opened)).collect();
    assert_eq!(clusters, [("web", 3)]);
    let opened = |groups: &[Group]| -> Vec<(String, u64, u64)> {
        groups.iter().map(|group| (group.name.clone(), group.hosts, group.outcomes.opened)).collect()
    };
    assert_eq!(opened(&report.vendors), [("Dell Inc.".to_owned(), 3, 4)]);
    let models = [("Dell Inc. R640".to_owned(), 2, 3), ("Dell Inc. R610".to_owned(), 1, 1)];
    assert_eq!(opened(&report.models), models);
    assert_eq!(opened(&report.firmware), [("Dell Inc. R640: BIOS 2.1, iDRAC 5.0".to_owned(), 2, 3)]);
    let flows: Vec<_> = report
        .flows
        .iter()
        .map(|flow| (flow.flow.as_str(), flow.runs, flow.succeeded, flow.failed, flow.cancelled, flow.took))
        .collect();
    assert_eq!(flows, [("panic", 3, 2, 1, 0, spread(2, 28, 70, 70)), ("press-f1", 1, 0, 0, 1, None)]);
    let offenders: Vec<_> =
        report.repeat_offenders.iter().map(|one| (one.host.as_str(), one.incidents, one.last)).collect();
    assert_eq!(offenders, [("n1", 2, at(90_000))]);
}

#[test]
fn an_empty_span_has_days_and_nothing_else() {
    let report = ReportBuilder::new(at(0), at(3 * 86_400)).build();
    assert_eq!((report.days.len(), report.outcomes, report.to_act), (3, Outcomes::default(), None));
    // A span of no length lies in one day.
    assert_eq!(ReportBuilder::new(at(5), at(5)).build().days.len(), 1);
}

#[test]
fn quantiles_are_nearest_ranks() {
    let check = |lengths: &[u64], wanted: Option<(u64, u64, u64)>| {
        let spread = spread(lengths.iter().map(|length| Duration::from_secs(*length)).collect());
        let told =
            spread.map(|spread| (spread.median.as_secs(), spread.p90.as_secs(), spread.longest.as_secs()));
        assert_eq!(told, wanted, "{lengths:?}");
    };
    check(&[], None);
    check(&[7], Some((7, 7, 7)));
    check(&[2, 1], Some((1, 2, 2)));
    check(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], Some((5, 9, 10)));
}
