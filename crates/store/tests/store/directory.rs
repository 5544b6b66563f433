//! The data directory: what lies in it, who may read it, and what happens when it is opened again.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ironhand_api::{
    BootRepeat, Deployment, DeploymentPhase, DeploymentSpec, DeploymentStatus, Flow, Metadata, Profile,
    Secret, Span,
};
use ironhand_store::{Free, KeySource, Outcome, Record, RotationEnded, Store, StoreError};
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::samples::{NOON, credential, draft, flow, host, name, notifier, rotation};

/// A new store, and the directory that it lives in.
pub(crate) async fn fresh() -> (Store, TempDir) {
    let directory = TempDir::new().unwrap();
    (open(directory.path()).await, directory)
}

pub(crate) async fn open(directory: &Path) -> Store {
    Store::open(directory, KeySource::File).await.unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn nobody_else_may_read_what_is_made() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("var/ironhand");
    let store = open(&directory).await;
    store.apply(flow("power-supply-f1"), NOON).await.unwrap();
    assert_eq!(mode(&directory), 0o700);
    for file in fs::read_dir(&directory).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn stores_open_again_after_close_and_after_drop() {
    let (store, directory) = fresh().await;
    store.apply(flow("power-supply-f1"), NOON).await.unwrap();
    store.apply(credential("dc", Secret::Plain("correct horse".into())), NOON).await.unwrap();
    store.close().await;
    let closed = store.apply(flow("power-supply-f1"), NOON).await.err().unwrap();
    assert!(matches!(closed, StoreError::Closed), "{closed}");
    let closed = store.load().await.err().unwrap();
    assert!(matches!(closed, StoreError::Closed), "{closed}");

    let store = open(directory.path()).await;
    assert!(store.get::<Flow>(&name("power-supply-f1")).await.unwrap().is_some());
    assert_eq!(store.credential(&name("dc")).await.unwrap().1.expose_secret(), "correct horse");
    let mut record = Record::of(name("rack7-12"), NOON);
    record.events = vec![draft("after opening again")];
    assert_eq!(store.record(record.clone()).await.unwrap()[0].id, 3);
    drop(store);

    let store = open(directory.path()).await;
    assert_eq!(*store.last_event().borrow(), 3);
    assert_eq!(store.record(record).await.unwrap()[0].id, 4);
}

#[tokio::test]
async fn passwords_are_nowhere_in_the_files() {
    const CANARY: &str = "canary-5up3r-53cr3t";
    let (store, directory) = fresh().await;
    store.apply(credential("dc", Secret::Plain(CANARY.into())), NOON).await.unwrap();
    store.apply(credential("dc", Secret::Plain(format!("{CANARY}-2").into())), NOON).await.unwrap();
    store.apply(notifier("pager", CANARY), NOON).await.unwrap();
    for text in ["rack7-12", "rack7-13"] {
        store.apply(host(text, &[]), NOON).await.unwrap();
        let mut change = rotation(text, 1, "admin");
        (change.old, change.new) = (format!("{CANARY}-3").into(), format!("{CANARY}-4").into());
        assert!(!format!("{change:?}").contains(CANARY));
        store.put_rotation(&change, None, NOON).await.unwrap();
    }
    let (ended, record) =
        (RotationEnded::Committed { grace_until: NOON }, Record::of(name("rack7-12"), NOON));
    store.settle_rotation(&name("rack7-12"), ended, None, record).await.unwrap();
    let secrets = store.host_secrets(&name("rack7-12")).await.unwrap();
    assert!(!format!("{secrets:?}").contains(CANARY));
    store.rotate_key(NOON).await.unwrap();
    let check = |moment: &str| {
        for file in fs::read_dir(directory.path()).unwrap() {
            let path = file.unwrap().path();
            let content = fs::read(&path).unwrap();
            let found = content.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
            assert!(!found, "{} {moment}", path.display());
        }
    };
    check("while open");
    assert!(fs::metadata(directory.path().join("ironhand.db-wal")).unwrap().len() > 0);
    store.close().await;
    check("after closing");
}

#[tokio::test]
async fn exposed_and_damaged_key_files_are_refused() {
    let (store, directory) = fresh().await;
    store.close().await;
    let key = directory.path().join("key");
    let good = fs::read(&key).unwrap();
    let refusal = async || Store::open(directory.path(), KeySource::File).await.err().unwrap().to_string();

    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let text = refusal().await;
    assert!(text.contains("mode 0640") && text.contains("chmod 600"), "{text}");

    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, "not a key").unwrap();
    let text = refusal().await;
    assert!(text.contains("is not 32 bytes in base64") && text.contains("/key"), "{text}");
    assert!(!text.contains("not a key"), "{text}");

    fs::write(&key, good).unwrap();
    fs::write(directory.path().join("key.new"), "left over from a crash").unwrap();
    open(directory.path()).await;
    assert!(fs::remove_file(&key).is_ok());
    open(directory.path()).await;
    assert!(!directory.path().join("key.new").exists());
}

#[tokio::test]
async fn another_key_opens_the_store_but_not_its_passwords() {
    let (store, directory) = fresh().await;
    store.apply(credential("dc", Secret::Plain("correct horse".into())), NOON).await.unwrap();
    store.close().await;
    let first = fs::read_to_string(directory.path().join("key")).unwrap();
    fs::remove_file(directory.path().join("key")).unwrap();

    let store = open(directory.path()).await;
    let refused = store.credential(&name("dc")).await.err().unwrap();
    assert!(matches!(refused, StoreError::OtherKey { .. }), "{refused}");
    assert_eq!(refused.code(), "credential.other_key");
    assert!(refused.to_string().contains("`dc`"), "{refused}");
    let again = store.apply(credential("dc", Secret::Plain("correct horse".into())), NOON).await.unwrap();
    assert_eq!(again.outcome, Outcome::Configured, "applying it again, as the error advises, heals it");
    assert_eq!(store.credential(&name("dc")).await.unwrap().1.expose_secret(), "correct horse");
    store.close().await;

    let store = Store::open(directory.path(), KeySource::Value(first.into())).await.unwrap();
    let refused = store.credential(&name("dc")).await.err().unwrap();
    assert!(matches!(refused, StoreError::OtherKey { .. }), "{refused}");
}

#[tokio::test]
async fn directories_with_odd_names_are_opened() {
    let parent = TempDir::new().unwrap();
    for odd in ["with space", "question?mark=1", "hash#tag", "per%20cent", "J\u{fc}rgen"] {
        let directory = parent.path().join(odd);
        open(&directory).await.apply(flow("power-supply-f1"), NOON).await.unwrap();
        assert!(directory.join("ironhand.db").metadata().unwrap().len() > 0, "{odd}");
    }
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 5);
}

#[tokio::test]
async fn paths_that_cannot_be_used_say_so() {
    let parent = TempDir::new().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = Store::open(&file.join("below"), KeySource::File).await.err().unwrap();
    assert!(matches!(&refused, StoreError::File { .. }), "{refused}");

    let not_a_database = parent.path().join("data");
    fs::create_dir(&not_a_database).unwrap();
    fs::write(not_a_database.join("ironhand.db"), "something else entirely, and long enough to be read")
        .unwrap();
    let refused = Store::open(&not_a_database, KeySource::File).await.err().unwrap();
    assert!(matches!(&refused, StoreError::Open { .. }), "{refused}");
}

#[tokio::test]
async fn leases_are_renewed_before_all_that_waits_to_be_written() {
    let (store, _directory) = fresh().await;
    store.apply(host("n7", &[]), NOON).await.unwrap();
    let ttl = std::time::Duration::from_secs(30);
    store.acquire_leases("a", NOON, ttl, Free::OrExpired, 10).await.unwrap();
    let written = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let writes = (0..1000).map(|number| {
        let (store, written) = (store.clone(), std::sync::Arc::clone(&written));
        tokio::spawn(async move {
            store.apply(flow(&format!("flow-{number}")), NOON).await.unwrap();
            written.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        })
    });
    let writes: Vec<_> = writes.collect();
    // All of them wait in the queue, or for a place in it, before the renewal does.
    tokio::task::yield_now().await;
    let renewed = store.renew_leases("a", NOON.after(ttl / 2), ttl).await.unwrap();
    assert_eq!(renewed.len(), 1);
    let before = written.load(std::sync::atomic::Ordering::SeqCst);
    assert!(before < 1000, "the renewal came last");
    for write in writes {
        write.await.unwrap();
    }
}

#[tokio::test]
async fn a_deployment_begins_anew_when_somebody_asks_anew_and_not_when_its_deadline_moves() {
    let (store, _directory) = fresh().await;
    let profile = ironhand_api::ProfileSpec { kernel: Some("vmlinuz".to_owned()), ..Default::default() };
    store.apply(host("n7", &[]), NOON).await.unwrap();
    store.apply(Profile { metadata: Metadata::named(name("debian")), spec: profile }, NOON).await.unwrap();
    let deploy = async |secs: u64, request: Option<&str>, deadline: Option<u64>| {
        let spec = DeploymentSpec {
            host: name("n7"),
            profile: name("debian"),
            boot: BootRepeat::Once,
            deadline: deadline.map(Span::from_secs),
            request: request.map(str::to_owned),
        };
        let deployment = Deployment { metadata: Metadata::named(name("n7")), spec, status: None };
        let at = NOON.after(std::time::Duration::from_secs(secs));
        store.apply(deployment, at).await.unwrap().resource
    };
    let since = |deployment: &Deployment| deployment.status.as_ref().unwrap().since;
    let first = deploy(0, None, None).await;
    assert_eq!((first.phase(), since(&first)), (DeploymentPhase::Waiting, NOON));
    let status = DeploymentStatus { phase: DeploymentPhase::Booted, since: NOON, ..Default::default() };
    let version = first.metadata.resource_version.unwrap();
    assert!(store.put_deployment_status(&name("n7"), version, status).await.unwrap());
    assert_eq!(deploy(10, None, Some(60)).await.phase(), DeploymentPhase::Booted);
    let again = deploy(20, Some("run 4 step 1"), Some(60)).await;
    assert_eq!(again.phase(), DeploymentPhase::Waiting);
    assert_eq!(since(&again).since(NOON).as_secs(), 20);
    let same = deploy(30, Some("run 4 step 1"), Some(60)).await;
    assert_eq!(since(&same).since(NOON).as_secs(), 20, "what is asked for in the same words is the same");
}
