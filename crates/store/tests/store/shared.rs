//! Several handles on one database.

use ironhand_api::Host;
use ironhand_store::{KeySource, Record, Store, StoreError};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::directory::{fresh, open};
use crate::samples::{NOON, draft, host, name};

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
