//! Replacing the key: whatever happens on the way, every secret opens afterwards and the old key is needed no more.

use std::fs;
use std::path::Path;

use ironhand_api::{EventKind, Secret};
use ironhand_store::{KeySource, NotifierField, Record, RotationEnded, Store, StoreError};
use secrecy::ExposeSecret;
use sqlx::{AnyConnection, Connection, Executor};
use tempfile::TempDir;

use crate::directory::{fresh, open};
use crate::samples::{NOON, credential, host, name, notifier, rotation};

/// One secret in each place that has one.
async fn fill(store: &Store) {
    store.apply(credential("dc", Secret::Plain("correct horse".into())), NOON).await.unwrap();
    store.apply(notifier("pager", "signing horse"), NOON).await.unwrap();
    for text in ["rack7-12", "rack7-13"] {
        store.apply(host(text, &[]), NOON).await.unwrap();
        store.put_rotation(&rotation(text, 1, "admin"), None, NOON).await.unwrap();
    }
    let ended = RotationEnded::Committed { grace_until: NOON };
    let record = Record::of(name("rack7-12"), NOON);
    store.settle_rotation(&name("rack7-12"), ended, None, record).await.unwrap();
}

async fn check_secrets(store: &Store, moment: &str) {
    let (_, password) = store.credential(&name("dc")).await.unwrap();
    assert_eq!(password.expose_secret(), "correct horse", "{moment}");
    let secret = store.notifier_secret(&name("pager"), NotifierField::WebhookSecret).await.unwrap();
    assert_eq!(secret.unwrap().expose_secret(), "signing horse", "{moment}");
    let secrets = store.host_secrets(&name("rack7-12")).await.unwrap();
    assert_eq!(secrets[0].password.expose_secret(), "new horse", "{moment}");
    assert_eq!(secrets[0].previous.as_ref().unwrap().expose_secret(), "old horse", "{moment}");
    let open = store.rotation(&name("rack7-13")).await.unwrap().unwrap();
    assert_eq!((open.old.expose_secret(), open.new.expose_secret()), ("old horse", "new horse"), "{moment}");
}

fn key(directory: &Path) -> String {
    fs::read_to_string(directory.join("key")).unwrap()
}

/// The database file of a store that is closed.
fn database(directory: &Path) -> Vec<u8> {
    fs::read(directory.join("ironhand.db")).unwrap()
}

#[tokio::test]
async fn everything_is_sealed_anew() {
    let (store, directory) = fresh().await;
    fill(&store).await;
    let before = key(directory.path());
    let id = store.rotate_key(NOON).await.unwrap();
    assert_ne!(key(directory.path()), before);
    assert_eq!(key(directory.path()).lines().count(), 1);
    check_secrets(&store, "at once").await;
    let events = store.latest_events(1, None).await.unwrap();
    assert_eq!(events[0].kind, EventKind::KeyRotated);
    assert_eq!(events[0].message, format!("6 secrets were sealed anew under key {id}"));
    store.close().await;

    let store = open(directory.path()).await;
    check_secrets(&store, "after opening again").await;
    store.close().await;
    let store = Store::open(directory.path(), KeySource::Value(before.into())).await.unwrap();
    let refused = store.credential(&name("dc")).await.err().unwrap();
    assert!(matches!(refused, StoreError::OtherKey { .. }), "the old key opens nothing: {refused}");
}

/// What lies on the disk after a crash between any two steps, put together from before and after a replacement.
#[tokio::test]
async fn a_crash_between_any_two_steps_is_finished_by_the_next_start() {
    let (store, directory) = fresh().await;
    fill(&store).await;
    store.close().await;
    let (old_key, old_database) = (key(directory.path()), database(directory.path()));
    let store = open(directory.path()).await;
    store.rotate_key(NOON).await.unwrap();
    store.close().await;
    let (new_key, new_database) = (key(directory.path()), database(directory.path()));
    let both = format!("{old_key}{new_key}");

    let check = async |moment: &str, key_file: &str, beside: Option<&str>, content: &[u8], kept: &str| {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("ironhand.db"), content).unwrap();
        for (file, text) in [("key", Some(key_file)), ("key.new", beside)] {
            let path = directory.path().join(file);
            if let Some(text) = text {
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            }
        }
        for start in ["the first", "the second"] {
            let store = open(directory.path()).await;
            check_secrets(&store, &format!("{moment}, {start} start")).await;
            assert_eq!(key(directory.path()), kept, "{moment}");
            let told = store.latest_events(100, None).await.unwrap();
            let told = told.iter().filter(|event| event.kind == EventKind::KeyRotated).count();
            assert_eq!(told, usize::from(kept == new_key), "{moment}");
            store.close().await;
        }
    };
    check("before anything", &old_key, None, &old_database, &old_key).await;
    check("while the file is written", &old_key, Some(&both[..50]), &old_database, &old_key).await;
    check("before the file is moved", &old_key, Some(&both), &old_database, &old_key).await;
    check("before the transaction", &both, None, &old_database, &new_key).await;
    check("after the transaction", &both, None, &new_database, &new_key).await;
    check("before the old key is dropped", &both, Some(&new_key), &new_database, &new_key).await;
    check("at the end", &new_key, None, &new_database, &new_key).await;
}

#[tokio::test]
async fn a_replacement_that_fails_leaves_a_store_that_works() {
    let (store, directory) = fresh().await;
    fill(&store).await;
    let before = key(directory.path());
    let url = format!("sqlite://{}", directory.path().join("ironhand.db").display());
    let mut saboteur = AnyConnection::connect(&url).await.unwrap();
    // The last rows that are sealed anew.
    saboteur
        .execute("CREATE TRIGGER fails BEFORE UPDATE ON rotations BEGIN SELECT RAISE(ABORT, 'no'); END")
        .await
        .unwrap();
    let refused = store.rotate_key(NOON).await.err().unwrap();
    assert!(matches!(refused, StoreError::Database { .. }), "{refused}");
    check_secrets(&store, "after the failure").await;
    assert!(key(directory.path()).starts_with(&before), "the old key is still there");
    store.apply(credential("new", Secret::Plain("correct horse".into())), NOON).await.unwrap();

    saboteur.execute("DROP TRIGGER fails").await.unwrap();
    store.rotate_key(NOON).await.unwrap();
    check_secrets(&store, "after the second try").await;
    assert_eq!(store.credential(&name("new")).await.unwrap().1.expose_secret(), "correct horse");
    assert_eq!(key(directory.path()).lines().count(), 1);
    assert_ne!(key(directory.path()), before);
}

#[tokio::test]
async fn other_handles_follow() {
    let (first, directory) = fresh().await;
    let second = open(directory.path()).await;
    fill(&first).await;
    for round in 0..3 {
        first.rotate_key(NOON).await.unwrap();
        check_secrets(&second, "by reading").await;
        first.rotate_key(NOON).await.unwrap();
        let plain = format!("horse {round}");
        second.apply(credential("by-second", Secret::Plain(plain.clone().into())), NOON).await.unwrap();
        for store in [&first, &second] {
            let (_, password) = store.credential(&name("by-second")).await.unwrap();
            assert_eq!(password.expose_secret(), plain);
        }
    }
    let (first_id, second_id) = tokio::join!(first.rotate_key(NOON), second.rotate_key(NOON));
    assert_ne!(first_id.unwrap(), second_id.unwrap());
    for store in [&first, &second] {
        check_secrets(store, "after both replaced the key").await;
    }
}

#[tokio::test]
async fn a_key_that_was_given_is_not_replaced_but_a_stale_one_seals_nothing() {
    let (store, directory) = fresh().await;
    fill(&store).await;
    let given = KeySource::Value(key(directory.path()).trim().into());
    let other = Store::open(directory.path(), given).await.unwrap();
    let refused = other.rotate_key(NOON).await.err().unwrap();
    assert!(matches!(refused, StoreError::KeyGiven), "{refused}");
    check_secrets(&other, "after the refusal").await;

    store.rotate_key(NOON).await.unwrap();
    let sealing = other.apply(credential("dc", Secret::Plain("correct horse".into())), NOON).await;
    let refused = sealing.err().unwrap();
    assert!(matches!(refused, StoreError::KeyReplaced { .. }), "{refused}");
    check_secrets(&store, "after the stale handle tried").await;
}
