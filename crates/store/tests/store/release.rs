//! Databases of other releases.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ironhand_api::{
    AlertCause, Flow, Host, IncidentState, JobState, Kind, MatchEvidence, PinnedCertificate, Recording,
    RecordingKind, Repository, Secret,
};
use ironhand_model::HostAlerts;
use ironhand_store::{
    Administer, AlertQuery, Free, IncidentQuery, KeySource, NotifierField, Outcome, Record, RecordingQuery,
    RotationEnded, RunQuery, SessionOwner, Store, StoreError,
};
use secrecy::ExposeSecret;
use sqlx::{AnyConnection, Connection, Executor};
use tempfile::TempDir;

use crate::samples::{
    NOON, alert, cluster, credential, delivery, digest, draft, evidence, facts, flow, host, job, name, names,
    notifier, picture, recovery, repository, rotation, status, zone,
};

/// The database that release 0.1.0 wrote when it was given what [`fill`] gave then, as SQL text so that it can be read.
const RELEASE_0_1_0: &str = include_str!("release/0.1.0.sql");

/// The same of release 0.2.0, which knows of fleets.
const RELEASE_0_2_0: &str = include_str!("release/0.2.0.sql");

/// The same of release 0.3.0, which knows several ways to a host.
const RELEASE_0_3_0: &str = include_str!("release/0.3.0.sql");

/// The same with what release 0.4.0 adds, which knows of recordings.
const RELEASE_0_4_0: &str = include_str!("release/0.4.0.sql");

/// The same with what release 0.5.0 adds, which knows of repositories.
const RELEASE_0_5_0: &str = include_str!("release/0.5.0.sql");

/// The same with what release 0.6.0 adds, which knows of machines that are no hosts.
const RELEASE_0_6_0: &str = include_str!("release/0.6.0.sql");

/// The key that its password was sealed under.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// How long a lease and a password that was changed last in these databases.
const GRACE: Duration = Duration::from_secs(15);

/// What each release's database holds.
async fn fill(store: &Store) {
    let mut host = host("rack7-12", &[("rack", "7")]);
    host.spec.credentials = vec![name("dc-standard")];
    store.apply(credential("dc-standard", Secret::Plain("correct horse".into())), NOON).await.unwrap();
    store.apply(flow("power-supply-f1"), NOON).await.unwrap();
    store.apply(host, NOON).await.unwrap();
    let incident_id = store.next_incident_id().await.unwrap();
    let run_id = store.next_run_id().await.unwrap();
    let mut record = Record::of(name("rack7-12"), NOON);
    record.status = Some(status(Some("now")));
    record.facts = Some(facts());
    let (recovery, decided) = recovery(incident_id, run_id);
    record.recovery = Some(recovery);
    for transition in decided.transitions {
        record.add_transition(transition);
    }
    record.pictures = vec![picture("then"), picture("now")];
    store.record(record).await.unwrap();
    fill_fleet(store).await;
    fill_ways(store).await;
    fill_recordings(store).await;
    fill_repositories(store).await;
    let mut record = Record::of(name("rack7-12"), NOON);
    record.events.push(draft("the screen changed"));
    store.record(record).await.unwrap();
}

/// What databases hold since release 0.2.0.
async fn fill_fleet(store: &Store) {
    store.apply(zone("hall-2"), NOON).await.unwrap();
    store.apply(cluster("rack7", "hall-2"), NOON).await.unwrap();
    store.apply(notifier("pager", "signing horse"), NOON).await.unwrap();
    let off = Administer::Management { enabled: false, reason: Some("moved".into()) };
    store.administer(Kind::Zone, &name("hall-2"), off, NOON).await.unwrap();
    let leases = store.acquire_leases("first", NOON, GRACE, Free::OrExpired, 10).await.unwrap();
    let token = Some(leases[0].token);
    let mut record = Record::of(name("rack7-12"), NOON);
    record.token = token;
    let (job_id, alert_id) = (store.next_job_id().await.unwrap(), store.next_alert_id().await.unwrap());
    record.jobs = vec![job(job_id, "rack7-12", JobState::Running)];
    record.alerts = vec![alert(alert_id, "rack7-12", AlertCause::AuthFailed)];
    record.alert_state = Some(HostAlerts::default());
    store.record(record).await.unwrap();
    for username in ["admin", "operator"] {
        store.put_rotation(&rotation("rack7-12", job_id, username), token, NOON).await.unwrap();
        if username == "admin" {
            let ended = RotationEnded::Committed { grace_until: NOON.after(GRACE) };
            let record = Record::of(name("rack7-12"), NOON);
            store.settle_rotation(&name("rack7-12"), ended, token, record).await.unwrap();
        }
    }
    store.put_delivery(&delivery("pager", 7)).await.unwrap();
}

/// What databases hold since release 0.3.0.
async fn fill_ways(store: &Store) {
    let digest = "5e".repeat(32);
    store.pin_certificate(&name("rack7-12"), DEVICE, digest, NOON).await.unwrap();
    store.put_device_session(&session(), Some("a token".into()), NOON).await.unwrap();
}

/// Checks what [`fill_ways`] wrote.
async fn check_ways(store: &Store) {
    let pins = store.pinned_certificates(&name("rack7-12")).await.unwrap();
    let pinned = PinnedCertificate { connector: DEVICE.into(), sha256: "5e".repeat(32), pinned_at: NOON };
    assert_eq!(pins, [pinned]);
    let token = store.device_session(&session()).await.unwrap();
    assert_eq!(token.unwrap().expose_secret(), "a token");
}

/// What databases hold since release 0.4.0.
async fn fill_recordings(store: &Store) {
    store.put_recording(recording()).await.unwrap();
}

/// Checks what [`fill_recordings`] wrote.
async fn check_recordings(store: &Store) {
    assert_eq!(store.recordings(&RecordingQuery::default()).await.unwrap(), [recording()]);
}

/// What databases hold since release 0.5.0.
async fn fill_repositories(store: &Store) {
    store.apply(repository("site"), NOON).await.unwrap();
    assert_eq!(store.want_repository(&name("site")).await.unwrap(), 1);
}

/// Checks what [`fill_repositories`] wrote.
async fn check_repositories(store: &Store) {
    let kept: Repository = store.get(&name("site")).await.unwrap().unwrap();
    assert_eq!(kept.spec.url, repository("site").spec.url);
    assert_eq!(store.want_repository(&name("site")).await.unwrap(), 2);
}

fn recording() -> Recording {
    Recording {
        id: NOON.as_millis(),
        host: name("rack7-12"),
        by: "ann".to_owned(),
        kind: RecordingKind::Screen,
        begun_at: NOON,
        ended_at: Some(NOON.after(GRACE)),
        bytes: 7,
        incident: Some(1),
    }
}

const DEVICE: &str = "redfish 192.0.2.7";

fn session() -> SessionOwner {
    SessionOwner { host: name("rack7-12"), device: DEVICE.into(), username: "admin".into() }
}

/// Checks what [`fill_fleet`] wrote.
async fn check_fleet(store: &Store) {
    let site = store.site().await.unwrap();
    assert_eq!((site.zones.len(), site.clusters.len()), (1, 1));
    assert_eq!(site.administration[0].management.reason.as_deref(), Some("moved"));
    let secret = store.notifier_secret(&name("pager"), NotifierField::WebhookSecret).await.unwrap();
    assert_eq!(secret.unwrap().expose_secret(), "signing horse");
    let leases = store.leases().await.unwrap();
    assert_eq!((leases[0].owner.as_str(), leases[0].token), ("first", 1));
    let snapshot = store.load().await.unwrap();
    assert_eq!(snapshot.jobs, [job(1, "rack7-12", JobState::Running)]);
    assert_eq!(snapshot.rotations, [name("rack7-12")]);
    let alerts = store.alerts(&AlertQuery::default()).await.unwrap().items;
    assert_eq!(alerts, [alert(1, "rack7-12", AlertCause::AuthFailed)]);
    let secrets = store.host_secrets(&name("rack7-12")).await.unwrap();
    assert_eq!((secrets[0].username.as_str(), secrets[0].password.expose_secret()), ("admin", "new horse"));
    assert_eq!(secrets[0].previous.as_ref().unwrap().expose_secret(), "old horse");
    let open = store.rotation(&name("rack7-12")).await.unwrap().unwrap();
    assert_eq!((open.username.as_str(), open.new.expose_secret()), ("operator", "new horse"));
    assert_eq!(store.delivery(&name("pager")).await.unwrap(), Some(delivery("pager", 7)));
}

/// Opens the database file of a data directory without the store.
async fn connect(directory: &Path) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}?mode=rwc", directory.join("ironhand.db").display());
    AnyConnection::connect(&url).await.unwrap()
}

#[tokio::test]
async fn databases_of_every_release_open_with_all_they_hold() {
    for dump in [RELEASE_0_1_0, RELEASE_0_2_0, RELEASE_0_3_0, RELEASE_0_4_0, RELEASE_0_5_0, RELEASE_0_6_0] {
        let directory = TempDir::new().unwrap();
        let mut connection = connect(directory.path()).await;
        connection.execute(dump).await.unwrap();
        connection.close().await.unwrap();

        let store = Store::open(directory.path(), KeySource::Value(KEY.into())).await.unwrap();
        let kept: Host = store.get(&name("rack7-12")).await.unwrap().unwrap();
        assert_eq!(kept.metadata.labels["rack"], "7");
        assert_eq!(kept.status, Some(status(Some("now"))));
        let (username, password) = store.credential(&name("dc-standard")).await.unwrap();
        assert_eq!((username.as_str(), password.expose_secret()), ("admin", "correct horse"));
        let kept: Flow = store.get(&name("power-supply-f1")).await.unwrap().unwrap();
        assert_eq!(kept.spec, flow("power-supply-f1").spec);
        let incidents = store.incidents(&IncidentQuery::default()).await.unwrap().items;
        assert_eq!((incidents.len(), incidents[0].state), (1, IncidentState::Recovering));
        let runs = store.runs(&RunQuery::default()).await.unwrap().items;
        // The run in them is of a time when patterns captured nothing.
        let matched = MatchEvidence { captures: BTreeMap::default(), ..evidence(Some("then")) };
        assert_eq!((runs.len(), &runs[0].matched), (1, &matched));
        assert_eq!(store.picture(&digest("then")).await.unwrap(), Some(picture("then").png));
        let events = store.events_after(0, 100, None).await.unwrap();
        assert_eq!(names(&events).last(), Some(&"the screen changed"));
        let snapshot = store.load().await.unwrap();
        let state = &snapshot.states[&name("rack7-12")];
        assert_eq!(state.facts, facts());
        assert_eq!(state.recovery.incident(), incidents.first());
        assert_eq!(state.recovery.run(), runs.first());

        if dump != RELEASE_0_1_0 {
            check_fleet(&store).await;
        }
        if ![RELEASE_0_1_0, RELEASE_0_2_0].contains(&dump) {
            check_ways(&store).await;
        }
        if [RELEASE_0_4_0, RELEASE_0_5_0, RELEASE_0_6_0].contains(&dump) {
            check_recordings(&store).await;
        }
        if [RELEASE_0_5_0, RELEASE_0_6_0].contains(&dump) {
            check_repositories(&store).await;
        }
        if dump == RELEASE_0_6_0 {
            let machines = store.machines().await.unwrap();
            assert_eq!((machines.len(), machines[0].serial.as_deref()), (1, Some("A1")));
        }

        let again = credential("dc-standard", Secret::Plain("correct horse".into()));
        assert_eq!(store.apply(again, NOON).await.unwrap().outcome, Outcome::Unchanged);
        assert_eq!(store.next_run_id().await.unwrap(), 2);
        let refused = store.delete(Kind::Credential, &name("dc-standard"), NOON).await.err().unwrap();
        assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    }
}

#[tokio::test]
async fn this_release_writes_what_the_last_dump_shows() {
    let columns = async |directory: &Path| {
        let mut connection = connect(directory).await;
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT t.name || '.' || c.name || ' ' || c.type FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' ORDER BY 1",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        connection.close().await.unwrap();
        rows
    };
    let (dumped, fresh) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    connect(dumped.path()).await.execute(RELEASE_0_6_0).await.unwrap();
    let store = Store::open(fresh.path(), KeySource::Value(KEY.into())).await.unwrap();
    fill(&store).await;
    store.close().await;
    assert_eq!(columns(fresh.path()).await, columns(dumped.path()).await);
}

#[tokio::test]
async fn databases_of_later_releases_are_left_alone() {
    let directory = TempDir::new().unwrap();
    Store::open(directory.path(), KeySource::File).await.unwrap().close().await;
    let mut connection = connect(directory.path()).await;
    connection
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'from the future', 1, x'00', 0)",
        )
        .await
        .unwrap();
    connection.close().await.unwrap();
    let refused = Store::open(directory.path(), KeySource::File).await.err().unwrap();
    assert!(matches!(&refused, StoreError::LaterRelease { found: 9999, .. }), "{refused}");
    assert_eq!(refused.code(), "store.later_release");
}
