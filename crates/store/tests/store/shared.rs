//! Several handles on one database.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ironhand_api::{AlertCause, EventKind, Host, JobState, Name, Timestamp};
use ironhand_model::HostAlerts;
use ironhand_store::{AlertQuery, Free, KeySource, Lease, Record, Store, StoreError};
use sqlx::{AnyConnection, Connection, Executor};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::directory::{fresh, open};
use crate::samples::{NOON, alert, draft, facts, host, job, name, rotation, status};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_through_two_handles_are_all_kept_in_order() {
    const EACH: u64 = 40;
    const WRITERS: u64 = 8;
    let (first, directory) = fresh().await;
    let second = open(directory.path()).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = if writer % 2 == 0 { first.clone() } else { second.clone() };
        writers.spawn(async move {
            let mut ids = Vec::new();
            for number in 0..EACH {
                let mut record = Record::of(name("rack7-12"), NOON);
                record.events = vec![draft(&format!("writer {writer} event {number}"))];
                ids.push(store.record(record).await.unwrap()[0].id);
            }
            assert!(ids.is_sorted(), "one writer's events come in its order");
            ids
        });
    }
    let mut ids: Vec<u64> = writers.join_all().await.into_iter().flatten().collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=WRITERS * EACH).collect::<Vec<_>>());
    assert_eq!(first.events_after(0, 1_000, None).await.unwrap().len(), ids.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_updates_of_the_same_version_one_wins() {
    let (first, directory) = fresh().await;
    let second = open(directory.path()).await;
    for round in 0..10 {
        let kept =
            first.apply(host("rack7-12", &[("round", &round.to_string())]), NOON).await.unwrap().resource;
        let update = |by: &str| {
            let mut host = host("rack7-12", &[("by", by)]);
            host.metadata.resource_version = kept.metadata.resource_version;
            host
        };
        let results = tokio::join!(first.apply(update("first"), NOON), second.apply(update("second"), NOON));
        let winner = match results {
            (Ok(_), Err(StoreError::Conflict { .. })) => "first",
            (Err(StoreError::Conflict { .. }), Ok(_)) => "second",
            _ => panic!("both updates won, or none"),
        };
        let kept: Host = second.get(&name("rack7-12")).await.unwrap().unwrap();
        assert_eq!(kept.metadata.labels["by"], winner);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_starts_at_the_same_time_make_one_key_and_one_schema() {
    let directory = TempDir::new().unwrap();
    let mut opening = JoinSet::new();
    for _ in 0..6 {
        let path = directory.path().to_owned();
        opening.spawn(async move { Store::open(&path, KeySource::File).await.map(|_| ()) });
    }
    for opened in opening.join_all().await {
        opened.unwrap();
    }
}

#[tokio::test]
async fn an_abandoned_write_is_done_whole_or_not_at_all() {
    let (store, directory) = fresh().await;
    for number in 0..50 {
        let mut record = Record::of(name("rack7-12"), NOON);
        record.events = vec![draft(&format!("{number} a")), draft(&format!("{number} b"))];
        let write = store.record(record);
        // Polled some times, then dropped.
        tokio::select! {
            biased;
            _ = write => {}
            () = async { for _ in 0..number % 5 { tokio::task::yield_now().await } } => {}
        }
    }
    store.close().await;
    let store = open(directory.path()).await;
    let events = store.events_after(0, 1_000, None).await.unwrap();
    assert!(events.len() % 2 == 0);
    for pair in events.chunks(2) {
        assert_eq!(pair[0].message.replace(" a", " b"), pair[1].message);
        assert_eq!(pair[0].id + 1, pair[1].id);
    }
}

/// A server as the store sees it: what it believes to hold, on a clock that may lag.
struct Owner {
    store: Store,
    name: &'static str,
    /// Tokens, and until when each may be used, as this server was told.
    held: BTreeMap<Name, (u64, Timestamp)>,
    /// A server that is stopped neither renews nor notices that its leases run out.
    stopped: bool,
}

impl Owner {
    fn hold(&mut self, leases: Vec<Lease>) {
        for lease in leases {
            assert_eq!(lease.owner, self.name);
            self.held.insert(lease.host, (lease.token, lease.expires_at));
        }
    }
}

const LEASE: Duration = Duration::from_secs(10);

/// Numbers that look random and are the same for the same seed (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// No host may have two owners whose leases are in force, as each of them was told.
fn assert_one_owner_each(owners: &[Owner], now: Timestamp, seed: u64) {
    let mut owned = BTreeMap::new();
    for owner in owners {
        for (host, (_, until)) in &owner.held {
            if *until > now
                && let Some(other) = owned.insert(host.clone(), owner.name)
            {
                panic!("seed {seed}: {other} and {} both work on {host}", owner.name);
            }
        }
    }
}

#[tokio::test]
async fn a_host_never_has_two_owners_and_late_writes_leave_no_trace() {
    for seed in 1..=40 {
        let (first, directory) = fresh().await;
        let second = open(directory.path()).await;
        for text in ["a", "b", "c", "d"] {
            first.apply(host(text, &[]), NOON).await.unwrap();
        }
        let mut owners = [("first", first.clone()), ("second", second), ("third", first.clone())]
            .map(|(name, store)| Owner { store, name, held: BTreeMap::new(), stopped: false });
        let (mut dice, mut now) = (Dice(seed), NOON);
        let (mut written, mut refused) = (0, 0);
        for _ in 0..60 {
            let index = usize::try_from(dice.below(3)).unwrap();
            let owner = &mut owners[index];
            match dice.below(10) {
                0 | 1 => now = now.after(Duration::from_secs(dice.below(8))),
                2 => owner.stopped = !owner.stopped,
                3 if !owner.stopped => {
                    owner.store.release_leases(owner.name).await.unwrap();
                    owner.held.clear();
                }
                4 | 5 if !owner.stopped => {
                    let kept = owner.store.renew_leases(owner.name, now, LEASE).await.unwrap();
                    owner.held.retain(|_, (token, _)| kept.contains(token));
                    assert_eq!(owner.held.len(), kept.len(), "seed {seed}: what a server has it was told of");
                    owner.held.values_mut().for_each(|(_, until)| *until = now.after(LEASE));
                }
                6 | 7 if !owner.stopped => {
                    let taken =
                        owner.store.acquire_leases(owner.name, now, LEASE, Free::OrExpired, 2).await.unwrap();
                    owner.hold(taken);
                }
                // A stopped server goes on with what it was about to write.
                _ => {
                    let truth = first.leases().await.unwrap();
                    for (host, (token, _)) in &owner.held {
                        let mut record = Record::of(host.clone(), now);
                        record.token = Some(*token);
                        record.events = vec![draft(&format!("{host} {token}"))];
                        let before = first.newest_event().await.unwrap();
                        let valid = truth.iter().any(|lease| lease.host == *host && lease.token == *token);
                        match owner.store.record(record).await {
                            Ok(_) => written += u32::from(valid),
                            Err(StoreError::LeaseLost { .. }) => {
                                assert_eq!(first.newest_event().await.unwrap(), before, "seed {seed}");
                                refused += u32::from(!valid);
                            }
                            Err(other) => panic!("{other}"),
                        }
                    }
                }
            }
            assert_one_owner_each(&owners, now, seed);
        }
        let told = first.events_after(0, 10_000, None).await.unwrap();
        let late = told.iter().filter(|event| event.kind == EventKind::ScreenChanged).count();
        assert_eq!(u32::try_from(late).unwrap(), written, "seed {seed}: {refused} were refused");
        // Whoever wrote about a host later did so under a higher token: no late write came between.
        let mut last = BTreeMap::new();
        for event in told.iter().filter(|event| event.kind == EventKind::ScreenChanged) {
            let (host, token) = event.message.split_once(' ').unwrap();
            let token: u64 = token.parse().unwrap();
            assert!(last.insert(host, token).is_none_or(|before| before <= token), "seed {seed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_together_share_the_hosts() {
    let (first, directory) = fresh().await;
    let second = open(directory.path()).await;
    for number in 0..60 {
        first.apply(host(&format!("host-{number:02}"), &[]), NOON).await.unwrap();
    }
    let mut taking = JoinSet::new();
    for (owner, store) in [("first", first.clone()), ("second", second)] {
        taking.spawn(async move {
            let mut held = Vec::new();
            loop {
                let taken = store.acquire_leases(owner, NOON, LEASE, Free::OrExpired, 7).await.unwrap();
                if taken.is_empty() {
                    return held;
                }
                held.extend(taken);
            }
        });
    }
    let held: Vec<Lease> = taking.join_all().await.into_iter().flatten().collect();
    let hosts: BTreeSet<_> = held.iter().map(|lease| lease.host.clone()).collect();
    let tokens: BTreeSet<_> = held.iter().map(|lease| lease.token).collect();
    assert_eq!((held.len(), hosts.len(), tokens.len()), (60, 60, 60));
}

#[tokio::test]
async fn a_takeover_keeps_what_was_known_and_asked_for() {
    let (first, directory) = fresh().await;
    let second = open(directory.path()).await;
    first.apply(host("a", &[]), NOON).await.unwrap();
    let lease = first.acquire_lease("first", &name("a"), NOON, LEASE).await.unwrap();
    let mut record = Record::of(name("a"), NOON);
    record.token = Some(lease.token);
    record.status = Some(status(None));
    record.facts = Some(facts());
    record.alert_state = Some(HostAlerts::default());
    record.jobs = vec![job(first.next_job_id().await.unwrap(), "a", JobState::Running)];
    record.alerts = vec![alert(first.next_alert_id().await.unwrap(), "a", AlertCause::AuthFailed)];
    first.record(record.clone()).await.unwrap();
    first.put_rotation(&rotation("a", 1, "admin"), record.token, NOON).await.unwrap();

    let later = NOON.after(LEASE);
    let taken = second.acquire_leases("second", later, LEASE, Free::OrExpired, 10).await.unwrap();
    assert!(taken[0].token > lease.token);
    let (kept, state, jobs) = second.host(&name("a")).await.unwrap().unwrap();
    assert_eq!((kept.status, Some(state.facts)), (record.status, record.facts));
    assert_eq!((Some(state.alerts), jobs), (record.alert_state, record.jobs));
    let open = second.alerts(&AlertQuery { open_only: true, ..AlertQuery::default() }).await.unwrap();
    assert_eq!(open.items, record.alerts);
    assert!(second.rotation(&name("a")).await.unwrap().is_some());
    let late = first.put_rotation(&rotation("a", 1, "admin"), record.token, later).await.err().unwrap();
    assert!(
        matches!(&late, StoreError::LeaseLost { owner, .. } if owner.as_deref() == Some("second")),
        "{late}"
    );
}

#[tokio::test]
async fn the_database_itself_keeps_a_second_open_alert_out() {
    let (store, directory) = fresh().await;
    let mut record = Record::of(name("a"), NOON);
    record.alerts = vec![alert(store.next_alert_id().await.unwrap(), "a", AlertCause::AuthFailed)];
    store.record(record).await.unwrap();
    let url = format!("sqlite://{}", directory.path().join("ironhand.db").display());
    let mut stranger = AnyConnection::connect(&url).await.unwrap();
    let mut insert = async |statement: &'static str| stranger.execute(statement).await.map(|_| ());
    let refused = insert("INSERT INTO alerts VALUES (7, 'a', 'auth_failed', NULL, '{}')").await;
    assert!(refused.err().unwrap().to_string().contains("UNIQUE"));
    insert("INSERT INTO alerts VALUES (7, 'a', 'contact_lost', NULL, '{}')").await.unwrap();
    insert("INSERT INTO alerts VALUES (8, 'a', 'auth_failed', 1, '{}')").await.unwrap();
}
