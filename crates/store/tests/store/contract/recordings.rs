//! What is known of recordings.

use ironhand_api::{Recording, RecordingKind, Timestamp};
use ironhand_store::{RecordingQuery, Store};

use crate::samples::name;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn recording(host: &str, from: i64, until: Option<i64>) -> Recording {
    Recording {
        id: at(from).as_millis(),
        host: name(host),
        by: "ann".to_owned(),
        kind: RecordingKind::Screen,
        begun_at: at(from),
        ended_at: until.map(at),
        bytes: 7,
        incident: Some(3),
    }
}

pub(super) async fn recordings_are_found_by_host_and_time(store: &Store) {
    let all = [
        recording("web-1", 10, Some(20)),
        recording("web-1", 30, None),
        recording("web-2", 15, Some(40)),
        recording("web-2", 30, Some(31)),
    ];
    for recording in &all {
        store.put_recording(recording.clone()).await.unwrap();
    }
    let check = async |host: Option<&str>, from: Option<i64>, until: Option<i64>, wanted: &[(&str, i64)]| {
        let query = RecordingQuery { host: host.map(name), from: from.map(at), until: until.map(at) };
        let found = store.recordings(&query).await.unwrap();
        let told: Vec<_> =
            found.iter().map(|row| (row.host.as_str(), row.begun_at.as_millis() / 1000)).collect();
        assert_eq!(told, wanted, "{query:?}");
    };
    check(None, None, None, &[("web-1", 30), ("web-2", 30), ("web-2", 15), ("web-1", 10)]).await;
    check(Some("web-1"), None, None, &[("web-1", 30), ("web-1", 10)]).await;
    // One that goes on overlaps with everything behind its beginning.
    check(Some("web-1"), Some(50), None, &[("web-1", 30)]).await;
    check(Some("web-1"), Some(20), Some(29), &[("web-1", 10)]).await;
    check(Some("web-2"), Some(32), Some(33), &[("web-2", 15)]).await;
    check(Some("web-3"), None, None, &[]).await;

    let ended = Recording { ended_at: Some(at(35)), bytes: 9, ..all[1].clone() };
    store.put_recording(ended.clone()).await.unwrap();
    check(Some("web-1"), Some(50), None, &[]).await;
    assert!(store.recordings(&RecordingQuery::default()).await.unwrap().contains(&ended));
    store.drop_recording(&name("web-1"), ended.id).await.unwrap();
    store.drop_recording(&name("web-1"), ended.id).await.unwrap();
    check(Some("web-1"), None, None, &[("web-1", 10)]).await;
}
