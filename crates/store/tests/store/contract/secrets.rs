//! Changed passwords and notifiers.

use std::time::Duration;

use ironhand_api::{Email, JobState, Kind, Name, Notifier, RotationPhase, Secret, SmtpSecurity};
use ironhand_store::{
    HostSecret, NotifierField, Outcome, Record, Retention, RotationEnded, Store, StoreError,
};
use secrecy::ExposeSecret;

use crate::samples::{NOON, cluster, delivery, draft, host, job, name, notifier, rotation, zone};

const GRACE: Duration = Duration::from_secs(60);

async fn begin(store: &Store, text: &str) -> (Name, u64) {
    store.apply(host(text, &[]), NOON).await.unwrap();
    let lease = store.acquire_lease("first", &name(text), NOON, GRACE).await.unwrap();
    (name(text), lease.token)
}

fn plain(secrets: &[HostSecret]) -> Vec<(&str, &str, Option<&str>)> {
    secrets
        .iter()
        .map(|secret| {
            let previous = secret.previous.as_ref().map(ExposeSecret::expose_secret);
            (secret.username.as_str(), secret.password.expose_secret(), previous)
        })
        .collect()
}

pub(super) async fn a_change_of_a_password_is_kept_until_it_is_over(store: &Store) {
    let (host, token) = begin(store, "rack7-12").await;
    assert!(store.rotation(&host).await.unwrap().is_none());
    let mut change = rotation("rack7-12", 1, "admin");
    for phase in [RotationPhase::Prepared, RotationPhase::Sent, RotationPhase::Indeterminate] {
        (change.phase, change.attempts) = (phase, change.attempts + 1);
        store.put_rotation(&change, Some(token), NOON).await.unwrap();
        let kept = store.rotation(&host).await.unwrap().unwrap();
        assert_eq!((kept.phase, kept.attempts, kept.job), (phase, change.attempts, 1));
        assert_eq!((kept.username.as_str(), kept.old_credential), ("admin", Some(name("dc-standard"))));
        assert_eq!((kept.old.expose_secret(), kept.new.expose_secret()), ("old horse", "new horse"));
        assert_eq!(store.load().await.unwrap().rotations, std::slice::from_ref(&host));
    }
    let other = store.put_rotation(&rotation("rack7-12", 2, "admin"), Some(token), NOON).await.err().unwrap();
    assert!(matches!(other, StoreError::RotationOpen { job: 1, .. }), "{other}");
    assert!(store.host_secrets(&host).await.unwrap().is_empty());

    let ended = RotationEnded::Committed { grace_until: NOON.after(GRACE) };
    let mut record = Record::of(host.clone(), NOON);
    record.jobs = vec![job(store.next_job_id().await.unwrap(), "rack7-12", JobState::Done)];
    record.events = vec![draft("changed")];
    let events = store.settle_rotation(&host, ended, Some(token), record.clone()).await.unwrap();
    assert_eq!(events.len(), 1);
    assert!(store.job(1).await.unwrap().is_some());
    assert!(store.rotation(&host).await.unwrap().is_none());
    let check = async |now, previous| {
        store.prune(now, Retention::DEFAULT).await.unwrap();
        assert_eq!(plain(&store.host_secrets(&host).await.unwrap()), [("admin", "new horse", previous)]);
    };
    check(NOON, Some("old horse")).await;
    check(NOON.after(GRACE), None).await;
    let none = store.settle_rotation(&host, ended, Some(token), record).await.err().unwrap();
    assert!(matches!(none, StoreError::NoRotation { .. }), "{none}");
}

pub(super) async fn a_change_that_was_undone_leaves_what_was(store: &Store) {
    let (host, token) = begin(store, "rack7-12").await;
    let grace_until = NOON.after(GRACE);
    for ended in [RotationEnded::Committed { grace_until }, RotationEnded::RolledBack] {
        let mut change = rotation("rack7-12", 1, "admin");
        if ended == RotationEnded::RolledBack {
            (change.old, change.new) = ("new horse".into(), "newest horse".into());
        }
        store.put_rotation(&change, Some(token), NOON).await.unwrap();
        let record = Record::of(host.clone(), NOON);
        store.settle_rotation(&host, ended, Some(token), record).await.unwrap();
        assert!(store.rotation(&host).await.unwrap().is_none());
        let secrets = store.host_secrets(&host).await.unwrap();
        assert_eq!(plain(&secrets), [("admin", "new horse", Some("old horse"))]);
        assert_eq!(secrets[0].previous_until, Some(grace_until));
    }
}

pub(super) async fn a_server_that_lost_the_host_changes_no_password(store: &Store) {
    let (host, token) = begin(store, "rack7-12").await;
    store.put_rotation(&rotation("rack7-12", 1, "admin"), Some(token), NOON).await.unwrap();
    let stale = Some(token - 1);
    let refused = store.put_rotation(&rotation("rack7-12", 1, "root"), stale, NOON).await.err().unwrap();
    assert!(matches!(refused, StoreError::LeaseLost { .. }), "{refused}");
    let record = Record::of(host.clone(), NOON);
    let ending = store.settle_rotation(&host, RotationEnded::RolledBack, stale, record).await;
    let refused = ending.err().unwrap();
    assert!(matches!(refused, StoreError::LeaseLost { .. }), "{refused}");
    let kept = store.rotation(&host).await.unwrap().unwrap();
    assert_eq!(kept.username, "admin");

    let mut record = Record::of(host.clone(), NOON);
    record.jobs = vec![job(9, "rack7-12", JobState::Done)];
    let ended = RotationEnded::Committed { grace_until: NOON };
    let refused = store.settle_rotation(&host, ended, Some(token), record).await.err().unwrap();
    assert!(matches!(refused, StoreError::IdNotReserved { .. }), "{refused}");
    assert!(store.rotation(&host).await.unwrap().is_some(), "all of it, or nothing");
    assert!(store.host_secrets(&host).await.unwrap().is_empty());
}

pub(super) async fn passwords_outlive_their_host(store: &Store) {
    let (host, token) = begin(store, "rack7-12").await;
    store.put_rotation(&rotation("rack7-12", 1, "admin"), Some(token), NOON).await.unwrap();
    store.delete(Kind::Host, &host, NOON).await.unwrap();
    let gone = store.put_rotation(&rotation("rack7-12", 1, "admin"), None, NOON).await.err().unwrap();
    assert!(matches!(gone, StoreError::NotFound { .. }), "{gone}");
    let kept = store.rotation(&host).await.unwrap().unwrap();
    assert_eq!(kept.new.expose_secret(), "new horse", "there may be no other copy");
}

fn email(password: Secret) -> Notifier {
    let mut notifier = notifier("on-call", "unused");
    notifier.spec.webhook = None;
    notifier.spec.email = Some(Email {
        server: "mail.example".into(),
        port: None,
        security: SmtpSecurity::Tls,
        username: Some("ironhand".into()),
        password: Some(password),
        from: "ironhand@mail.example".into(),
        to: vec!["on-call@mail.example".into()],
    });
    notifier
}

pub(super) async fn secrets_of_notifiers_are_sealed(store: &Store) {
    let secret = async |text: &str, field| {
        let secret = store.notifier_secret(&name(text), field).await.unwrap();
        secret.map(|secret| secret.expose_secret().to_owned())
    };
    let applied = store.apply(notifier("pager", "signing horse"), NOON).await.unwrap();
    let sealed = applied.resource.spec.webhook.and_then(|webhook| webhook.secret);
    assert!(matches!(sealed, Some(Secret::Sealed(text)) if text.starts_with("v1:")));
    let again = store.apply(notifier("pager", "signing horse"), NOON).await.unwrap();
    assert_eq!(again.outcome, Outcome::Unchanged);
    assert_eq!(secret("pager", NotifierField::WebhookSecret).await.as_deref(), Some("signing horse"));
    assert_eq!(secret("pager", NotifierField::EmailPassword).await, None);
    let other = store.apply(notifier("pager", "other horse"), NOON).await.unwrap();
    assert_eq!(other.outcome, Outcome::Configured);
    assert_eq!(secret("pager", NotifierField::WebhookSecret).await.as_deref(), Some("other horse"));

    store.apply(email(Secret::Plain("mail horse".into())), NOON).await.unwrap();
    assert_eq!(secret("on-call", NotifierField::EmailPassword).await.as_deref(), Some("mail horse"));
    let stolen = other.resource.spec.webhook.and_then(|webhook| webhook.secret).unwrap();
    let refused = store.apply(email(stolen), NOON).await.err().unwrap();
    assert!(matches!(refused, StoreError::SealBroken { .. }), "{refused}");
    for reference in [Secret::FromFile("/etc/shadow".into()), Secret::FromEnv("HOME".into())] {
        let refused = store.apply(email(reference), NOON).await.err().unwrap();
        assert!(matches!(refused, StoreError::SecretReference { .. }), "{refused}");
        assert!(refused.to_string().contains("email.password of Notifier `on-call`"), "{refused}");
    }
    let missing = store.notifier_secret(&name("x"), NotifierField::WebhookSecret).await.err().unwrap();
    assert!(matches!(missing, StoreError::NotFound { kind: Kind::Notifier, .. }), "{missing}");
}

pub(super) async fn how_far_a_notifier_was_told_goes_with_it(store: &Store) {
    let pager = name("pager");
    store.put_delivery(&delivery("pager", 3)).await.unwrap();
    assert_eq!(store.delivery(&pager).await.unwrap(), None, "there is no such notifier");
    store.apply(notifier("pager", "signing horse"), NOON).await.unwrap();
    for told in [4, 9] {
        store.put_delivery(&delivery("pager", told)).await.unwrap();
        assert_eq!(store.delivery(&pager).await.unwrap(), Some(delivery("pager", told)));
    }
    store.delete(Kind::Notifier, &pager, NOON).await.unwrap();
    store.apply(notifier("pager", "signing horse"), NOON).await.unwrap();
    assert_eq!(store.delivery(&pager).await.unwrap(), None);
}

pub(super) async fn one_server_at_a_time_tells_a_notifier(store: &Store) {
    let (pager, ttl) = (name("pager"), Duration::from_secs(15));
    let later = |seconds| NOON.after(Duration::from_secs(seconds));
    store.apply(notifier("pager", "signing horse"), NOON).await.unwrap();
    assert!(!store.claim_delivery(&pager, "first", NOON, ttl).await.unwrap(), "it was never told anything");
    store.put_delivery(&delivery("pager", 4)).await.unwrap();
    let check = async |owner: &str, seconds: u64, wanted: bool| {
        let claimed = store.claim_delivery(&pager, owner, later(seconds), ttl).await.unwrap();
        assert_eq!(claimed, wanted, "{owner} after {seconds} s");
    };
    check("first", 0, true).await;
    check("second", 1, false).await;
    check("first", 10, true).await;
    check("second", 24, false).await;
    store.put_delivery(&delivery("pager", 9)).await.unwrap();
    check("second", 24, false).await;
    check("second", 25, true).await;
    check("first", 26, false).await;
    store.release_delivery(&pager, "first").await.unwrap();
    check("first", 27, false).await;
    store.release_delivery(&pager, "second").await.unwrap();
    check("first", 27, true).await;
    assert_eq!(store.delivery(&pager).await.unwrap(), Some(delivery("pager", 9)));
}

pub(super) async fn clusters_and_zones_must_be_there_before_they_are_named(store: &Store) {
    let mut host = host("rack7-12", &[]);
    host.spec.cluster = Some(name("rack7"));
    let check = async |refused: Option<StoreError>, target: &str| match refused {
        Some(StoreError::MissingReference { target_kind, target: found, .. }) => {
            assert_eq!(format!("{target_kind} {found}"), target);
        }
        _ => panic!("not refused"),
    };
    check(store.apply(host.clone(), NOON).await.err(), "Cluster rack7").await;
    check(store.apply(cluster("rack7", "hall-2"), NOON).await.err(), "Zone hall-2").await;
    store.apply(zone("hall-2"), NOON).await.unwrap();
    store.apply(cluster("rack7", "hall-2"), NOON).await.unwrap();
    store.apply(host, NOON).await.unwrap();
    for (kind, target, user) in [(Kind::Zone, "hall-2", "rack7"), (Kind::Cluster, "rack7", "rack7-12")] {
        let refused = store.delete(kind, &name(target), NOON).await.err().unwrap();
        assert!(matches!(&refused, StoreError::InUse { users, .. } if *users == [name(user)]), "{refused}");
    }
}
