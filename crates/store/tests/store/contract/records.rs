//! Decisions, and the history that they make.

use std::collections::BTreeMap;

use ironhand_api::{EventKind, Host, IncidentState, Kind, RunState, Severity};
use ironhand_model::Change;
use ironhand_store::{HostState, IncidentQuery, Record, RunQuery, RunsOf, Store, StoreError};

use crate::samples::{
    NOON, digest, draft, facts, flow, host, incident, name, names, picture, recovery, run, status,
};

pub(super) async fn a_decision_is_stored_whole(store: &Store) {
    store.apply(host("rack7-12", &[]), NOON).await.unwrap();
    let incident_id = store.next_incident_id().await.unwrap();
    let run_id = store.next_run_id().await.unwrap();
    assert_eq!((incident_id, run_id), (1, 1));

    let mut record = Record::of(name("rack7-12"), NOON);
    let (recovery, decided) = recovery(incident_id, run_id);
    record.status = Some(status(Some("now")));
    record.facts = Some(facts());
    record.recovery = Some(recovery.clone());
    record.add_change(Change {
        kind: EventKind::PowerChanged,
        severity: Severity::Info,
        message: "power is on".into(),
    });
    for transition in decided.transitions.clone() {
        record.add_transition(transition);
    }
    record.pictures = vec![picture("then"), picture("now")];
    let events = store.record(record.clone()).await.unwrap();

    let mut told = vec![(EventKind::PowerChanged, None, None)];
    told.extend(
        decided
            .transitions
            .iter()
            .map(|transition| (transition.kind, Some(incident_id), transition.run.as_ref().map(|_| run_id))),
    );
    assert_eq!(events.iter().map(|event| (event.kind, event.incident, event.run)).collect::<Vec<_>>(), told);
    assert!(events.iter().map(|event| event.id).eq(2..2 + u64::try_from(told.len()).unwrap()));
    assert!(events.iter().all(|event| event.at == NOON && event.host == Some(name("rack7-12"))));
    assert_eq!(store.events_after(1, 100, None).await.unwrap(), events);
    assert_eq!((record.incidents.len(), record.runs.len()), (1, 1), "the last state of each is stored");
    assert_eq!(record.incidents.first(), recovery.incident());
    assert_eq!(store.incident(incident_id).await.unwrap().as_ref(), record.incidents.first());
    assert_eq!(store.run(run_id).await.unwrap().as_ref(), record.runs.first());
    let kept: Host = store.get(&name("rack7-12")).await.unwrap().unwrap();
    assert_eq!(kept.status, record.status);
    assert_eq!(store.picture(&digest("now")).await.unwrap(), Some(picture("now").png));

    let mut next = Record::of(name("rack7-12"), NOON);
    next.runs = vec![run(run_id, incident_id, "rack7-12", RunState::Succeeded)];
    assert_eq!(store.record(next.clone()).await.unwrap(), []);
    assert_eq!(store.run(run_id).await.unwrap().as_ref(), next.runs.first());
    let kept: Host = store.get(&name("rack7-12")).await.unwrap().unwrap();
    assert_eq!(kept.status, record.status, "what a record does not name stays");
    let state = HostState { facts: facts(), recovery, ..HostState::default() };
    assert_eq!(store.load().await.unwrap().states, BTreeMap::from([(name("rack7-12"), state)]));
}

pub(super) async fn a_refused_record_leaves_nothing(store: &Store) {
    store.apply(host("rack7-12", &[]), NOON).await.unwrap();
    let check = async |incidents, runs| {
        let mut record = Record::of(name("rack7-12"), NOON);
        record.status = Some(status(Some("now")));
        record.pictures = vec![picture("now")];
        record.incidents = incidents;
        record.runs = runs;
        record.events = vec![draft("opened")];
        let refused = store.record(record).await.err().unwrap();
        assert!(matches!(refused, StoreError::IdNotReserved { .. }), "{refused}");
        assert_eq!(store.picture(&digest("now")).await.unwrap(), None);
        assert_eq!(store.get::<Host>(&name("rack7-12")).await.unwrap().unwrap().status, None);
        assert_eq!(store.events_after(1, 10, None).await.unwrap(), []);
    };
    check(vec![incident(0, "rack7-12", IncidentState::Open)], vec![]).await;
    check(vec![incident(9, "rack7-12", IncidentState::Open)], vec![]).await;
    check(vec![], vec![run(9, 1, "rack7-12", RunState::Running)]).await;
}

pub(super) async fn a_refused_record_harms_no_other(store: &Store) {
    let good = |number: u32| {
        let mut record = Record::of(name("rack7-12"), NOON);
        record.events = vec![draft(&format!("good {number}"))];
        store.record(record)
    };
    let bad = |number: u32| {
        let mut record = Record::of(name("rack7-12"), NOON);
        record.events = vec![draft(&format!("bad {number}"))];
        record.runs = vec![run(9, 1, "rack7-12", RunState::Running)];
        record.pictures = vec![picture("bad")];
        store.record(record)
    };
    // `join!` hands all of them in before the first is answered, so that they share transactions.
    let results = tokio::join!(good(1), bad(2), good(3), bad(4), good(5));
    let ids = |result: Result<Vec<ironhand_api::Event>, StoreError>| result.map(|events| events[0].id).ok();
    assert_eq!(ids(results.0), Some(1));
    assert_eq!(ids(results.1), None);
    assert_eq!(ids(results.2), Some(2));
    assert_eq!(ids(results.3), None);
    assert_eq!(ids(results.4), Some(3));
    let kept = store.events_after(0, 10, None).await.unwrap();
    assert_eq!(names(&kept), ["good 1", "good 3", "good 5"]);
    assert_eq!(store.picture(&digest("bad")).await.unwrap(), None);
}

pub(super) async fn a_deleted_host_gets_no_state(store: &Store) {
    store.apply(host("rack7-12", &[]), NOON).await.unwrap();
    store.delete(Kind::Host, &name("rack7-12"), NOON).await.unwrap();
    let mut record = Record::of(name("rack7-12"), NOON);
    record.status = Some(status(Some("late")));
    record.facts = Some(facts());
    record.events = vec![draft("a reading that was under way")];
    assert_eq!(store.record(record).await.unwrap().len(), 1);
    store.apply(host("rack7-12", &[]), NOON).await.unwrap();
    assert_eq!(store.get::<Host>(&name("rack7-12")).await.unwrap().unwrap().status, None);
    assert!(store.load().await.unwrap().states.is_empty());
}

pub(super) async fn history_is_listed_newest_first(store: &Store) {
    for host in ["a", "b", "a"] {
        let incident_id = store.next_incident_id().await.unwrap();
        let run_id = store.next_run_id().await.unwrap();
        let mut record = Record::of(name(host), NOON);
        let state = if incident_id == 1 { IncidentState::Closed } else { IncidentState::Open };
        record.incidents = vec![incident(incident_id, host, state)];
        record.runs = vec![run(run_id, incident_id, host, RunState::Failed)];
        store.record(record).await.unwrap();
    }

    let check = async |host: Option<&str>, open_only: bool, limit: Option<u32>, pages: &[&[u64]]| {
        let mut query = IncidentQuery { host: host.map(name), open_only, limit, next: None };
        for (index, page) in pages.iter().enumerate() {
            let list = store.incidents(&query).await.unwrap();
            let found: Vec<_> = list.items.iter().map(|incident| incident.id).collect();
            assert_eq!(&found, page, "{query:?}");
            assert_eq!(list.next.is_some(), index + 1 < pages.len(), "{query:?}");
            query.next = list.next;
        }
    };
    check(None, false, None, &[&[3, 2, 1]]).await;
    check(None, false, Some(2), &[&[3, 2], &[1]]).await;
    check(None, true, None, &[&[3, 2]]).await;
    check(Some("a"), false, Some(1), &[&[3], &[1]]).await;
    check(Some("a"), true, Some(1), &[&[3]]).await;
    check(Some("c"), false, None, &[&[]]).await;

    let runs = async |of: RunsOf| {
        let list = store.runs(&RunQuery { of, limit: Some(5), next: None }).await.unwrap();
        list.items.iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(runs(RunsOf::All).await, [3, 2, 1]);
    assert_eq!(runs(RunsOf::Host(name("a"))).await, [3, 1]);
    assert_eq!(runs(RunsOf::Incident(2)).await, [2]);
    assert_eq!(store.incident(4).await.unwrap(), None);
    assert_eq!(store.incident(u64::MAX).await.unwrap(), None);
    assert_eq!(store.run(0).await.unwrap(), None);

    let query = RunQuery { next: Some("-1".into()), ..RunQuery::default() };
    let refused = store.runs(&query).await.err().unwrap();
    assert!(matches!(refused, StoreError::ContinueInvalid { .. }), "{refused}");
}

pub(super) async fn everything_is_there_at_start(store: &Store) {
    let empty = store.load().await.unwrap();
    assert!(empty.hosts.is_empty() && empty.flows.is_empty() && empty.states.is_empty());
    assert_eq!(empty.last_event, 0);

    store.apply(host("b", &[]), NOON).await.unwrap();
    store.apply(host("a", &[]), NOON).await.unwrap();
    store.apply(flow("power-supply-f1"), NOON).await.unwrap();
    let mut record = Record::of(name("b"), NOON);
    for state in [IncidentState::Closed, IncidentState::Recovering, IncidentState::NeedsHuman] {
        let incident_id = store.next_incident_id().await.unwrap();
        record.incidents.push(incident(incident_id, "b", state));
    }
    for state in [RunState::Failed, RunState::Running, RunState::Cancelled] {
        let run_id = store.next_run_id().await.unwrap();
        record.runs.push(run(run_id, 2, "b", state));
    }
    record.status = Some(status(None));
    record.facts = Some(facts());
    store.record(record.clone()).await.unwrap();

    let snapshot = store.load().await.unwrap();
    let hosts: Vec<_> =
        snapshot.hosts.iter().map(|host| (host.metadata.name.as_str(), host.status.is_some())).collect();
    assert_eq!(hosts, [("a", false), ("b", true)]);
    assert_eq!(snapshot.flows.len(), 1);
    assert_eq!(
        snapshot.states,
        BTreeMap::from([(name("b"), HostState { facts: facts(), ..HostState::default() })])
    );
    assert_eq!(snapshot.incidents, record.incidents[1..]);
    assert_eq!(snapshot.runs, record.runs[1..2]);
    assert_eq!(snapshot.last_event, 3);
}
