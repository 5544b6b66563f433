use ironhand_store::KeySource;

use super::*;

async fn recordings(directory: &Path) -> Recordings {
    Recordings::new(directory, Store::open(directory, KeySource::File).await.unwrap())
}

async fn all(recordings: &Recordings) -> Vec<Recording> {
    recordings.list(&RecordingQuery::default()).await.unwrap()
}

#[tokio::test]
async fn what_is_typed_is_stars_and_characters_stay_whole() {
    let directory = tempfile::tempdir().unwrap();
    let recordings = recordings(directory.path()).await;
    let host: Name = "web-1".parse().unwrap();
    let mut recorder = recordings.begin(&host, "ann", Some(7)).await.unwrap();
    recorder.output("Stra\u{df}e".as_bytes().split_at(5).0).await.unwrap();
    recorder.output("Stra\u{df}e".as_bytes().split_at(5).1).await.unwrap();
    recorder.input(b"hunter2\r").await.unwrap();
    recorder.output(&[0xff, b'!']).await.unwrap();
    let [recording] = &all(&recordings).await[..] else { panic!("one is made") };
    assert!(recording.ended_at.is_none() && recording.bytes > 0, "{recording:?}");
    recorder.end().await;
    let [recording] = &all(&recordings).await[..] else { panic!("one was made") };
    let told = (recording.by.as_str(), &recording.host, recording.kind, recording.incident);
    assert_eq!(told, ("ann", &host, RecordingKind::Serial, Some(7)));
    assert!(recording.ended_at.is_some());
    let (_, cast) = recordings.read(&host, recording.id).await.unwrap().unwrap();
    assert_eq!(recording.bytes, cast.len() as u64);
    let cast = String::from_utf8(cast).unwrap();
    let events: Vec<(f64, String, String)> =
        cast.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = events.iter().map(|(_, kind, text)| (kind.as_str(), text.as_str())).collect();
    assert_eq!(told, [("o", "Stra"), ("o", "\u{df}e"), ("i", "********"), ("o", "\u{fffd}!")]);
}

#[tokio::test]
async fn recordings_are_dropped_by_age_and_by_size_but_not_while_they_are_made() {
    let directory = tempfile::tempdir().unwrap();
    let recordings = recordings(directory.path()).await;
    let host: Name = "web-1".parse().unwrap();
    let mut recorder = recordings.begin(&host, "ann", None).await.unwrap();
    recorder.output(b"something").await.unwrap();
    let (hour, now) = (Duration::from_secs(3600), clock::now());
    recordings.prune(now.after(hour), hour, 0).await.unwrap();
    assert_eq!(all(&recordings).await.len(), 1);
    recorder.end().await;
    let bytes = all(&recordings).await[0].bytes;
    let check = async |at: Timestamp, total: u64, left: usize| {
        recordings.prune(at, hour, total).await.unwrap();
        assert_eq!(all(&recordings).await.len(), left, "{at} {total}");
    };
    check(now, bytes, 1).await;
    let screens = recordings.begin_screen(&host, "bob", None).await.unwrap();
    let (deeds, done) = tokio::sync::mpsc::channel(1);
    let (_hands, no_screen) = tokio::sync::watch::channel(None);
    drop(deeds);
    screens.run(crate::console::Viewer::new(no_screen), done).await;
    let newest = all(&recordings).await.remove(0);
    assert_eq!(newest.kind, RecordingKind::Screen);
    // The oldest goes first.
    check(now, newest.bytes, 1).await;
    assert_eq!(all(&recordings).await[0].id, newest.id);
    check(now.after(hour + hour), u64::MAX, 0).await;
    assert!(recordings.read(&host, newest.id).await.unwrap().is_none());
    assert!(children(&directory.path().join(FOLDER).join("web-1")).await.unwrap().is_empty());
}

#[tokio::test]
async fn rows_and_files_agree_after_a_start() {
    let directory = tempfile::tempdir().unwrap();
    let recordings = recordings(directory.path()).await;
    let host: Name = "web-1".parse().unwrap();
    // Cut short.
    drop(recordings.begin(&host, "ann", Some(3)).await.unwrap());
    let screens = recordings.begin_screen(&host, "bob", None).await.unwrap();
    let listed = all(&recordings).await;
    drop(screens);
    // Not listed.
    let [cut, unlisted] = ["ann", "bob"].map(|by| listed.iter().find(|row| row.by == by).unwrap().clone());
    recordings.store.drop_recording(&host, unlisted.id).await.unwrap();
    // Files that are gone, and others that are none of ours.
    let gone = Recording { id: 5, ..cut.clone() };
    recordings.store.put_recording(gone).await.unwrap();
    let folder = directory.path().join(FOLDER).join("web-1");
    for stray in ["notes.txt", "x.cast", "7.cast"] {
        fs::write(folder.join(stray), "{").await.unwrap();
    }
    recordings.find_again().await.unwrap();
    let mut found = all(&recordings).await;
    found.sort_by(|one, other| one.by.cmp(&other.by));
    let told: Vec<_> = found.iter().map(|row| (row.id, row.by.as_str(), row.kind, row.incident)).collect();
    assert_eq!(
        told,
        [(cut.id, "ann", RecordingKind::Serial, Some(3)), (unlisted.id, "bob", RecordingKind::Screen, None),]
    );
    assert!(found.iter().all(|row| row.ended_at.is_some() && row.bytes > 0), "{found:#?}");
}

#[tokio::test]
async fn pictures_lead_to_no_other_file() {
    let directory = tempfile::tempdir().unwrap();
    let recordings = recordings(directory.path()).await;
    let host: Name = "web-1".parse().unwrap();
    let recorder = recordings.begin_screen(&host, "ann", None).await.unwrap();
    let id = recorder.row.recording.id;
    fs::write(recorder.folder.join("00ff.png"), "picture").await.unwrap();
    fs::write(directory.path().join("key.png"), "secret").await.unwrap();
    let check = async |digest: &str, there: bool| {
        let read = recordings.picture(&host, id, &PictureDigest(digest.to_owned())).await.unwrap();
        assert_eq!(read.is_some(), there, "{digest:?}");
    };
    check("00ff", true).await;
    check("00fe", false).await;
    check("", false).await;
    check("../../../key", false).await;
    check("/etc/hosts", false).await;
}
