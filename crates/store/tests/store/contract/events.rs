//! The ordered record.

use ironhand_api::EventKind;
use ironhand_store::{EventDraft, Record, Retention, Store};

use crate::samples::{NOON, draft, name, names};

async fn tell(store: &Store, host: &str, messages: &[&str]) {
    let mut record = Record::of(name(host), NOON);
    record.events = messages.iter().map(|message| draft(message)).collect();
    store.record(record).await.unwrap();
}

pub(super) async fn events_have_ids_without_gaps(store: &Store) {
    tell(store, "a", &["1", "2"]).await;
    tell(store, "b", &["3"]).await;
    tell(store, "a", &["4"]).await;
    let check = async |after: u64, limit: u32, host: Option<&str>, wanted: &[&str]| {
        let events = store.events_after(after, limit, host.map(name).as_ref()).await.unwrap();
        assert_eq!(names(&events), wanted, "after {after}, {limit} of {host:?}");
        assert!(events.iter().all(|event| event.message == event.id.to_string()));
    };
    check(0, 10, None, &["1", "2", "3", "4"]).await;
    check(0, 2, None, &["1", "2"]).await;
    check(2, 10, None, &["3", "4"]).await;
    check(4, 10, None, &[]).await;
    check(u64::MAX, 10, None, &[]).await;
    check(0, 0, None, &[]).await;
    check(1, 10, Some("a"), &["2", "4"]).await;
    check(0, 10, Some("c"), &[]).await;
    assert_eq!(names(&store.latest_events(3, None).await.unwrap()), ["2", "3", "4"]);
    assert_eq!(names(&store.latest_events(2, Some(&name("a"))).await.unwrap()), ["2", "4"]);

    let mut record = Record::of(name("a"), NOON);
    for &kind in EventKind::ALL {
        record.events.push(EventDraft { kind, ..draft(kind.code()) });
    }
    let told = store.record(record).await.unwrap();
    assert_eq!(store.events_after(4, 100, None).await.unwrap(), told);
}

pub(super) async fn followers_are_told_of_new_events(store: &Store) {
    let mut last = store.last_event();
    assert_eq!(*last.borrow_and_update(), 0);
    let follower = tokio::spawn({
        let store = store.clone();
        async move {
            let (mut seen, mut messages) = (0, Vec::new());
            while messages.len() < 20 {
                last.wait_for(|id| *id > seen).await.unwrap();
                for event in store.events_after(seen, 3, None).await.unwrap() {
                    assert_eq!(event.id, seen + 1);
                    seen = event.id;
                    messages.push(event.message);
                }
            }
            messages
        }
    });
    let mut wanted = Vec::new();
    for number in 0..10 {
        let pair = [format!("{number} a"), format!("{number} b")];
        tell(store, "a", &[pair[0].as_str(), pair[1].as_str()]).await;
        wanted.extend(pair);
    }
    assert_eq!(follower.await.unwrap(), wanted);
}

pub(super) async fn old_events_are_pruned(store: &Store) {
    const TOLD: u64 = 4_500;
    for thousand in 0..TOLD / 500 {
        let messages: Vec<_> = (1..=500).map(|number| (thousand * 500 + number).to_string()).collect();
        tell(store, "a", &messages.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    let kept = async |events: u64, first: Option<&str>| {
        store.prune(NOON, Retention { events, ..Retention::DEFAULT }).await.unwrap();
        let oldest = store.events_after(0, 1, None).await.unwrap();
        assert_eq!(names(&oldest).first().copied(), first, "{events} kept");
    };
    kept(TOLD, Some("1")).await;
    kept(TOLD - 1, Some("2")).await;
    kept(10, Some("4491")).await;
    kept(0, None).await;
    tell(store, "a", &["4501"]).await;
    assert_eq!(store.events_after(0, 10, None).await.unwrap()[0].id, TOLD + 1);
}
