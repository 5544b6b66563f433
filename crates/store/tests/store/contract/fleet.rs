//! Leases, jobs and alerts.

use std::collections::BTreeSet;
use std::time::Duration;

use ironhand_api::{Alert, AlertCause, EventKind, Host, JobState, Kind};
use ironhand_store::{Administer, AlertQuery, Free, JobQuery, Lease, Record, Retention, Store, StoreError};

use crate::samples::{NOON, alert, draft, facts, host, job, name, status};

const TTL: Duration = Duration::from_secs(15);

async fn hosts(store: &Store, names: &[&str]) {
    for name in names {
        store.apply(host(name, &[]), NOON).await.unwrap();
    }
}

fn held(leases: &[Lease]) -> Vec<&str> {
    leases.iter().map(|lease| lease.host.as_str()).collect()
}

pub(super) async fn what_is_said_already_changes_nothing(store: &Store) {
    hosts(store, &["a"]).await;
    let manage = |enabled, reason: Option<&str>| {
        let reason = reason.map(str::to_owned);
        Administer::Management { enabled, reason }
    };
    let recover = |on| Administer::Recovery { on, reason: None };
    let maintain = |on| Administer::Maintenance { on, reason: None };
    let cases = [
        (manage(true, None), false),
        (manage(false, Some("moved")), true),
        (manage(false, Some("moved")), false),
        (manage(false, Some("sold")), true),
        (maintain(false), false),
        (maintain(true), true),
        (maintain(true), false),
        (manage(false, Some("sold")), false),
        (manage(true, Some("sold")), true),
        (recover(true), false),
        (recover(false), true),
        (recover(false), false),
    ];
    let mut now = NOON;
    let (mut management_at, mut maintenance_at, mut recovery_at) = (None, None, None);
    for (what, changes) in cases {
        now = now.after(Duration::from_secs(1));
        let last = *store.last_event().borrow();
        let (said, event) = store.administer(Kind::Host, &name("a"), what.clone(), now).await.unwrap();
        assert_eq!((event.is_some(), *store.last_event().borrow() > last), (changes, changes), "{what:?}");
        let at = match what {
            Administer::Management { .. } => &mut management_at,
            Administer::Maintenance { .. } => &mut maintenance_at,
            Administer::Recovery { .. } => &mut recovery_at,
        };
        *at = if changes { Some(now) } else { *at };
        assert_eq!((said.management.at, said.maintenance.at), (management_at, maintenance_at), "{what:?}");
        assert_eq!(said.recovery.at, recovery_at, "{what:?}");
    }
    // Of all hosts it can be said before there are settings, and is not forgotten with them.
    let pause = Administer::Recovery { on: false, reason: Some("storm".into()) };
    let (said, event) = store.administer(Kind::Settings, &name("global"), pause, now).await.unwrap();
    assert_eq!((said.recovery.on, event.unwrap().kind), (false, EventKind::RecoveryChanged));
}

pub(super) async fn hosts_without_a_lease_are_taken(store: &Store) {
    hosts(store, &["c", "a", "b"]).await;
    let first = store.acquire_leases("first", NOON, TTL, Free::OrExpired, 2).await.unwrap();
    assert_eq!(held(&first), ["a", "b"]);
    assert!(first.iter().all(|lease| lease.owner == "first" && lease.expires_at == NOON.after(TTL)));
    let second = store.acquire_leases("second", NOON, TTL, Free::OrExpired, 10).await.unwrap();
    assert_eq!(held(&second), ["c"]);
    assert!(second[0].token > first[1].token && first[1].token > first[0].token);
    for owner in ["first", "second"] {
        assert_eq!(store.acquire_leases(owner, NOON, TTL, Free::OrExpired, 10).await.unwrap(), []);
    }
    let all = [first, second].concat();
    assert_eq!(store.leases().await.unwrap(), all);

    store.release_leases("first").await.unwrap();
    let free = store.acquire_leases("second", NOON, TTL, Free::OrExpired, 10).await.unwrap();
    assert_eq!(held(&free), ["a", "b"]);
    assert!(free[0].token > all[2].token, "a token is never given out twice");
}

pub(super) async fn expired_leases_change_hands(store: &Store) {
    hosts(store, &["a", "b"]).await;
    store.acquire_leases("first", NOON, TTL, Free::OrExpired, 10).await.unwrap();
    let just_before = NOON.after(TTL - Duration::from_millis(1));
    assert_eq!(store.acquire_leases("second", just_before, TTL, Free::OrExpired, 10).await.unwrap(), []);
    let seen = store.acquire_lease("second", &name("a"), just_before, TTL).await.unwrap();
    assert_eq!(seen.owner, "first", "the lease in force is shown to whoever asks");

    let expired = NOON.after(TTL);
    assert_eq!(store.renew_leases("first", expired, TTL).await.unwrap(), BTreeSet::new(), "too late");
    assert!(
        store.has_free_hosts(expired, Free::OrExpired).await.unwrap()
            && !store.has_free_hosts(expired, Free::Unleased).await.unwrap()
    );
    let unleased = store.acquire_leases("first", expired, TTL, Free::Unleased, 10).await.unwrap();
    assert_eq!(unleased, [], "whoever is alone has them still");
    let event = store.newest_event().await.unwrap();
    let taken = store.acquire_leases("second", expired, TTL, Free::OrExpired, 1).await.unwrap();
    assert_eq!(held(&taken), ["a"]);
    let told = store.events_after(event, 10, None).await.unwrap();
    assert_eq!(
        (told.len(), told[0].kind, told[0].host.clone()),
        (1, EventKind::OwnerChanged, Some(name("a")))
    );
    assert_eq!(told[0].message, "server second works on Host a now; server first did before");
    let back = store.acquire_lease("first", &name("b"), expired, TTL).await.unwrap();
    assert_eq!(back.owner, "first");
    assert_eq!(store.newest_event().await.unwrap(), told[0].id, "nobody else had it in between");
}

pub(super) async fn renewing_keeps_what_is_held(store: &Store) {
    hosts(store, &["a", "b", "c"]).await;
    store.acquire_leases("first", NOON, TTL, Free::OrExpired, 2).await.unwrap();
    let later = NOON.after(Duration::from_secs(10));
    let last = store.acquire_leases("first", later, TTL, Free::OrExpired, 10).await.unwrap();
    assert_eq!(held(&last), ["c"]);
    let renewed = store.renew_leases("first", NOON.after(TTL), TTL).await.unwrap();
    assert_eq!(renewed, BTreeSet::from([last[0].token]), "a and b have expired");
    let renewed = store.leases().await.unwrap();
    assert_eq!((renewed[2].token, renewed[2].expires_at), (last[0].token, NOON.after(TTL * 2)));
    let all: BTreeSet<_> = renewed.iter().map(|lease| lease.token).collect();
    assert_eq!(store.keep_leases("first", NOON.after(TTL), TTL).await.unwrap(), all);
    assert_eq!(store.keep_leases("second", NOON, TTL).await.unwrap(), BTreeSet::new());
}

pub(super) async fn seizing_takes_every_host(store: &Store) {
    hosts(store, &["a", "b"]).await;
    let before = store.acquire_leases("dead", NOON, TTL, Free::OrExpired, 1).await.unwrap();
    let seized = store.seize_leases("alive", NOON, TTL).await.unwrap();
    assert_eq!(held(&seized), ["a", "b"]);
    assert!(seized.iter().all(|lease| lease.token > before[0].token));
    assert_eq!(store.leases().await.unwrap(), seized);
    let missing = store.acquire_lease("alive", &name("x"), NOON, TTL).await.err().unwrap();
    assert!(matches!(missing, StoreError::NotFound { kind: Kind::Host, .. }), "{missing}");
}

pub(super) async fn a_write_with_an_old_token_leaves_no_trace(store: &Store) {
    hosts(store, &["a"]).await;
    let old = store.acquire_lease("stalled", &name("a"), NOON, TTL).await.unwrap();
    let (job_id, alert_id) = (store.next_job_id().await.unwrap(), store.next_alert_id().await.unwrap());
    let record = |token: Option<u64>| {
        let mut record = Record::of(name("a"), NOON);
        record.token = token;
        record.status = Some(status(None));
        record.facts = Some(facts());
        record.jobs = vec![job(job_id, "a", JobState::Running)];
        record.alerts = vec![alert(alert_id, "a", AlertCause::ContactLost)];
        record.events = vec![draft("late")];
        record
    };
    let new = store.acquire_lease("alive", &name("a"), NOON.after(TTL), TTL).await.unwrap();
    let check = async |token: u64, owner: Option<&str>| {
        let event = store.newest_event().await.unwrap();
        let refused = store.record(record(Some(token))).await.err().unwrap();
        match &refused {
            StoreError::LeaseLost { host, owner: found } => {
                assert_eq!((host.as_str(), found.as_deref()), ("a", owner));
            }
            other => panic!("{other}"),
        }
        assert_eq!(store.newest_event().await.unwrap(), event);
        assert_eq!(store.job(job_id).await.unwrap(), None);
        assert_eq!(store.alert(alert_id).await.unwrap(), None);
        assert_eq!(store.get::<Host>(&name("a")).await.unwrap().unwrap().status, None);
    };
    check(old.token, Some("alive")).await;
    store.release_leases("alive").await.unwrap();
    check(new.token, None).await;
    let again = store.acquire_lease("alive", &name("a"), NOON, TTL).await.unwrap();
    store.record(record(Some(again.token))).await.unwrap();
    assert!(store.job(job_id).await.unwrap().is_some());

    store.delete(Kind::Host, &name("a"), NOON).await.unwrap();
    let refused = store.record(record(Some(again.token))).await.err().unwrap();
    assert!(matches!(refused, StoreError::LeaseLost { owner: None, .. }), "{refused}");
}

pub(super) async fn jobs_are_listed_and_found_at_start(store: &Store) {
    hosts(store, &["a", "b"]).await;
    let mut record = Record::of(name("a"), NOON);
    for (host, state) in [("a", JobState::Done), ("b", JobState::Queued), ("a", JobState::Running)] {
        record.jobs.push(job(store.next_job_id().await.unwrap(), host, state));
    }
    store.record(record.clone()).await.unwrap();
    assert_eq!(store.job(2).await.unwrap().as_ref(), Some(&record.jobs[1]));
    assert_eq!(store.load().await.unwrap().jobs, record.jobs[1..]);
    let (found, state, jobs) = store.host(&name("a")).await.unwrap().unwrap();
    assert_eq!((found.metadata.name, state), (name("a"), Default::default()));
    assert_eq!(jobs, record.jobs[2..]);
    assert!(store.host(&name("x")).await.unwrap().is_none());

    let check = async |host: Option<&str>, open_only: bool, limit: Option<u32>, pages: &[&[u64]]| {
        let mut query = JobQuery { host: host.map(name), open_only, limit, next: None };
        for page in pages {
            let list = store.jobs(&query).await.unwrap();
            assert_eq!(list.items.iter().map(|job| job.id).collect::<Vec<_>>(), *page, "{query:?}");
            query.next = list.next;
        }
        assert_eq!(query.next, None);
    };
    check(None, false, Some(2), &[&[3, 2], &[1]]).await;
    check(None, true, None, &[&[3, 2]]).await;
    check(Some("a"), false, None, &[&[3, 1]]).await;
    check(Some("a"), true, Some(1), &[&[3]]).await;

    let mut stranger = Record::of(name("a"), NOON);
    stranger.jobs = vec![job(9, "a", JobState::Queued)];
    let refused = store.record(stranger).await.err().unwrap();
    assert!(matches!(refused, StoreError::IdNotReserved { series: "job", id: 9 }), "{refused}");
}

pub(super) async fn one_alert_of_a_cause_is_open_at_a_time(store: &Store) {
    hosts(store, &["a", "b"]).await;
    let put = async |alert: Alert| {
        let mut record = Record::of(alert.host.clone(), NOON);
        record.alerts = vec![alert];
        store.record(record).await
    };
    let id = async || store.next_alert_id().await.unwrap();
    let mut first = alert(id().await, "a", AlertCause::AuthFailed);
    put(first.clone()).await.unwrap();
    put(alert(id().await, "a", AlertCause::ContactLost)).await.unwrap();
    put(alert(id().await, "b", AlertCause::AuthFailed)).await.unwrap();
    let refused = put(alert(id().await, "a", AlertCause::AuthFailed)).await.err().unwrap();
    assert!(matches!(refused, StoreError::AlertOpen { open: 1, .. }), "{refused}");

    first.repeats = 1;
    put(first.clone()).await.unwrap();
    first.cleared_at = Some(NOON);
    put(first.clone()).await.unwrap();
    let again = alert(id().await, "a", AlertCause::AuthFailed);
    put(again.clone()).await.unwrap();
    first.cleared_at = None;
    let refused = put(first).await.err().unwrap();
    assert!(matches!(&refused, StoreError::AlertOpen { open, .. } if *open == again.id), "{refused}");

    let ids = async |host: Option<&str>, open_only: bool| {
        let query = AlertQuery { host: host.map(name), open_only, ..AlertQuery::default() };
        let list = store.alerts(&query).await.unwrap().items;
        list.iter().map(|alert| alert.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, false).await, [5, 3, 2, 1]);
    assert_eq!(ids(None, true).await, [5, 3, 2]);
    assert_eq!(ids(Some("a"), false).await, [5, 2, 1]);
    assert_eq!(ids(Some("b"), true).await, [3]);
}

pub(super) async fn a_deleted_host_leaves_nothing_open(store: &Store) {
    hosts(store, &["a"]).await;
    let mut record = Record::of(name("a"), NOON);
    for state in [JobState::Queued, JobState::Running] {
        record.jobs.push(job(store.next_job_id().await.unwrap(), "a", state));
    }
    record.alerts = vec![alert(store.next_alert_id().await.unwrap(), "a", AlertCause::AuthFailed)];
    store.record(record).await.unwrap();
    store.delete(Kind::Host, &name("a"), NOON).await.unwrap();
    let states: Vec<_> = store.jobs(&JobQuery::default()).await.unwrap().items;
    let states: Vec<_> = states.iter().map(|job| (job.state, job.ended_at)).collect();
    assert_eq!(states, [(JobState::Unknown, Some(NOON)), (JobState::Failed, Some(NOON))]);
    assert_eq!(store.alert(1).await.unwrap().unwrap().cleared_at, Some(NOON));
    assert!(store.load().await.unwrap().jobs.is_empty());
    hosts(store, &["a"]).await;
    let mut record = Record::of(name("a"), NOON);
    record.alerts = vec![alert(store.next_alert_id().await.unwrap(), "a", AlertCause::AuthFailed)];
    store.record(record).await.unwrap();
}

pub(super) async fn what_is_over_is_pruned_in_time(store: &Store) {
    hosts(store, &["a"]).await;
    let mut record = Record::of(name("a"), NOON);
    for state in [JobState::Done, JobState::Queued] {
        record.jobs.push(job(store.next_job_id().await.unwrap(), "a", state));
    }
    for (cause, cleared_at) in [(AlertCause::AuthFailed, Some(NOON)), (AlertCause::ContactLost, None)] {
        let id = store.next_alert_id().await.unwrap();
        record.alerts.push(Alert { cleared_at, ..alert(id, "a", cause) });
    }
    store.record(record).await.unwrap();
    let check = async |after: Duration, jobs: &[u64], alerts: &[u64]| {
        let retention = Retention { history: TTL, ..Retention::DEFAULT };
        store.prune(NOON.after(after), retention).await.unwrap();
        let kept = store.jobs(&JobQuery::default()).await.unwrap().items;
        assert_eq!(kept.iter().map(|job| job.id).collect::<Vec<_>>(), jobs);
        let kept = store.alerts(&AlertQuery::default()).await.unwrap().items;
        assert_eq!(kept.iter().map(|alert| alert.id).collect::<Vec<_>>(), alerts);
    };
    check(TTL, &[2, 1], &[2, 1]).await;
    check(TTL + Duration::from_millis(1), &[2], &[2]).await;
}
