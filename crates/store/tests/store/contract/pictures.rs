//! Pictures, and what keeps them.

use std::time::Duration;

use ironhand_api::{IncidentState, Kind, RunState, Timestamp};
use ironhand_store::{Record, Retention, Store};

use crate::samples::{NOON, digest, evidence, host, incident, name, picture, run, status};

/// Ends the grace of what was released up to a minute after noon.
const LATER: Timestamp = Timestamp::from_millis(NOON.as_millis() + 3_600_000);

/// Which of these pictures are kept after pruning.
async fn kept(store: &Store, now: Timestamp, pictures: &str) -> String {
    store.prune(now, Retention::DEFAULT).await.unwrap();
    let mut kept = String::new();
    for letter in pictures.chars() {
        if let Some(png) = store.picture(&digest(&letter.to_string())).await.unwrap() {
            assert_eq!(png, picture(&letter.to_string()).png);
            kept.push(letter);
        }
    }
    kept
}

async fn see(store: &Store, at: Timestamp, letter: &str) {
    let mut record = Record::of(name("rack7-12"), at);
    record.status = Some(status(Some(letter)));
    record.pictures = vec![picture(letter)];
    store.record(record).await.unwrap();
}

pub(super) async fn pictures_are_kept_as_long_as_something_refers_to_them(store: &Store) {
    store.apply(host("rack7-12", &[]), NOON).await.unwrap();
    see(store, NOON, "a").await;
    assert_eq!(kept(store, LATER, "a").await, "a", "the status refers to it");

    see(store, LATER, "b").await;
    assert_eq!(kept(store, LATER, "ab").await, "ab", "whoever was just told of it may still fetch it");
    let grace = Retention::DEFAULT.picture_grace;
    assert_eq!(kept(store, LATER.after(grace), "ab").await, "ab");
    assert_eq!(kept(store, LATER.after(grace + Duration::from_millis(1)), "ab").await, "b");

    let id = store.next_incident_id().await.unwrap();
    let mut record = Record::of(name("rack7-12"), NOON);
    record.incidents = vec![incident(id, "rack7-12", IncidentState::Open)];
    record.incidents[0].first_picture = Some(digest("b"));
    record.incidents[0].last_picture = Some(digest("c"));
    record.pictures = vec![picture("c")];
    store.record(record.clone()).await.unwrap();
    see(store, NOON, "d").await;
    assert_eq!(kept(store, LATER, "abcd").await, "bcd");

    record.incidents[0].last_picture = Some(digest("d"));
    record.pictures.clear();
    store.record(record).await.unwrap();
    assert_eq!(kept(store, LATER, "abcd").await, "bd");

    store.delete(Kind::Host, &name("rack7-12"), NOON).await.unwrap();
    assert_eq!(kept(store, LATER, "abcd").await, "bd", "the incident outlives the host");

    let mut unheld = Record::of(name("rack7-12"), NOON);
    unheld.pictures = vec![picture("e")];
    store.record(unheld).await.unwrap();
    assert_eq!(kept(store, NOON, "e").await, "e");
    assert_eq!(kept(store, LATER, "e").await, "");
}

pub(super) async fn runs_keep_every_picture_that_was_given_to_them(store: &Store) {
    let id = store.next_run_id().await.unwrap();
    let mut record = Record::of(name("rack7-12"), NOON);
    record.runs = vec![run(id, 1, "rack7-12", RunState::Running)];
    record.runs[0].matched = evidence(Some("a"));
    record.pictures = vec![picture("a")];
    store.record(record.clone()).await.unwrap();

    record.run_pictures = vec![(id, digest("b"))];
    record.pictures = vec![picture("b")];
    store.record(record.clone()).await.unwrap();

    record.run_pictures.clear();
    record.runs[0].proof = Some(evidence(Some("c")));
    record.pictures = vec![picture("c"), picture("d")];
    store.record(record).await.unwrap();
    assert_eq!(kept(store, LATER, "abcd").await, "abc");
}
