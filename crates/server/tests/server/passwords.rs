//! Passwords are changed, proven by logins, and nobody else learns them.

use std::path::Path;

use ironhand_api::{
    AlertCause, EventKind, Job, JobState, Manifest, Name, PasswordRequest, PowerAction, PowerRequest, Reach,
    RotationPhase, Timestamp, Work,
};
use ironhand_client::{Client, Endpoint, RecordFilter};
use ironhand_ipmi::user::{UserId, UserName, set_name};
use ironhand_server::Server;
use ironhand_sim::bmc_fleet::{BmcFault, BmcSelector, FaultPlan, FaultRule};
use ironhand_sim::{BmcFleet, BmcFleetConfig, Fault, FleetConfig};
use ironhand_store::{KeySource, Record, Rotation, Store};
use serde_json::json;

use crate::harness::{World, behind_its_back, config, credential, host, logged, name, settings, soon};

const CANARY: &str = "Canary-77d01e";

fn request(new: Option<&str>) -> PasswordRequest {
    PasswordRequest { user: None, new: new.map(Into::into), wait: true }
}

async fn code(world: &World, host: &Name, request: &PasswordRequest) -> (String, u16) {
    let refused = soon(world.client.rotate_password(host, request)).await.unwrap_err();
    let problem = refused.problem().cloned().unwrap();
    (problem.code, problem.status)
}

/// Whether the host's BMC is reached by a server that begins anew.
async fn check_reached(world: &World, host: &Name) {
    let report = soon(world.client.power(host, &PowerRequest::new(PowerAction::On))).await.unwrap();
    assert!(report.receipts.iter().all(|receipt| receipt.error.is_none()), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_password_replaces_the_one_of_the_manifest() {
    let mut world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    let job = soon(world.client.rotate_password(&host, &request(None))).await.unwrap();
    assert_eq!((job.work, job.state), (Work::Password, JobState::Done), "{job:#?}");
    check_reached(&world, &host).await;
    let told = world.events().await;
    assert_eq!(told.iter().filter(|event| event.kind == EventKind::PasswordChanged).count(), 1);

    // What the next start logs in with is the made one as well, and no login is refused for it.
    world.server.take().unwrap().shutdown().await;
    let server = Server::start(config(&world.directory(), settings())).await.unwrap();
    world.client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
    world.server = Some(server);
    world.until_well(&host).await;
    check_reached(&world, &host).await;
    let again = soon(world.client.rotate_password(&host, &request(Some("Password12345")))).await.unwrap();
    assert_eq!(again.state, JobState::Done);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ipmi_a_password_is_changed_over_redfish() {
    let world = World::new(1).await;
    world.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    let sim = world.sim(0);
    let connector = json!({ "type": "redfish", "address": sim.redfish.ip(), "port": sim.redfish.port() });
    let spec = json!({ "credentials": ["fleet"], "connectors": [connector] });
    let manifest = json!({ "metadata": { "name": sim.name }, "spec": spec });
    world.client.apply(&Manifest::Host(serde_json::from_value(manifest).unwrap())).await.unwrap();
    let host = name(&sim.name);
    check_reached(&world, &host).await;
    let job = soon(world.client.rotate_password(&host, &request(None))).await.unwrap();
    assert_eq!((job.work, job.state), (Work::Password, JobState::Done), "{job:#?}");
    check_reached(&world, &host).await;
    // The account is the same over IPMI, where the old password is refused.
    let old = ironhand_ipmi_port::IpmiPort::start(Default::default(), Default::default()).unwrap().0;
    let old =
        old.open(sim.ipmi, ironhand_ipmi::ClientConfig::new("admin", "simulated".into())).await.unwrap();
    let refused = soon(old.request(ironhand_ipmi::Request::GetDeviceId)).await.unwrap_err();
    assert_eq!(refused.condition(), ironhand_ipmi::Condition::AuthFailed, "{refused}");
    let given = soon(world.client.rotate_password(&host, &request(Some("Password12345")))).await.unwrap();
    assert_eq!(given.state, JobState::Done, "{given:#?}");
    check_reached(&world, &host).await;
    world.end().await;
}

/// The sixteenth scenario of acceptance: a password that is changed behind the back is told once.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_no_longer_valid_is_one_alert_and_the_one_before_is_tried() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    soon(world.client.rotate_password(&host, &request(Some("Password12345")))).await.unwrap();
    check_reached(&world, &host).await;

    world.fleet.stage(host.as_str(), Fault::BmcPasswordChanged).unwrap();
    world.until_status(&host, |status| status.alerts.contains(&AlertCause::AuthFailed)).await;
    let alerts = world.client.alerts(&RecordFilter::default()).await.unwrap();
    assert_eq!(alerts.len(), 1, "{alerts:#?}");

    // The simulator goes back to the password it began with, which is kept for a while.
    world.fleet.mend_connections(host.as_str()).unwrap();
    world.client.apply(&credential("fleet", "admin", "another-one")).await.unwrap();
    world
        .until_status(&host, |status| status.reach.as_ref().is_some_and(|fact| fact.value == Reach::Ok))
        .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_before_anything_is_sent() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    for (new, wanted) in [
        ("", ("password.invalid", 422)),
        ("7-chars", ("password.invalid", 422)),
        ("with a blank", ("password.invalid", 422)),
        ("a-password-of-21-byte", ("password.invalid", 422)),
        ("simulated", ("password.refused", 409)),
    ] {
        let (code, status) = code(&world, &host, &request(Some(new))).await;
        assert_eq!((code.as_str(), status), wanted, "{} characters", new.len());
    }
    let other = PasswordRequest { user: Some("somebody".to_owned()), ..request(None) };
    assert_eq!(code(&world, &host, &other).await, ("host.no_account".to_owned(), 409));
    let long = "a-password-of-20-byt";
    let job = soon(world.client.rotate_password(&host, &request(Some(long)))).await.unwrap();
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    check_reached(&world, &host).await;

    world.fleet.stage(host.as_str(), Fault::BmcSilent).unwrap();
    let (code, _) = code(&world, &host, &request(None)).await;
    assert_eq!(code, "ipmi.timeout");
    world.fleet.mend_connections(host.as_str()).unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_told_from_another_is_left_alone() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    let again = set_name(UserId::new(5).unwrap(), UserName::new("admin").unwrap());
    behind_its_back(world.sim(0).ipmi, async |bmc| bmc.run(again).await).await.unwrap();
    let refused = soon(world.client.rotate_password(&host, &request(None))).await.unwrap_err();
    let problem = refused.problem().cloned().unwrap();
    assert_eq!((problem.code.as_str(), problem.status), ("password.refused", 409), "{problem:#?}");
    assert!(format!("{problem:?}").contains("and 5"), "{problem:#?}");
    check_reached(&world, &host).await;
    world.end().await;
}

/// One that a BMC keeps only in part is taken back: nobody could log in with all of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_the_bmc_cuts_off_is_not_kept() {
    let world = World::new(1).await;
    let rule = FaultRule::always(BmcSelector::all(), BmcFault::TruncatingPasswords);
    let plan = FaultPlan::none().and([rule]);
    let bmcs = BmcFleet::start(BmcFleetConfig { plan, ..BmcFleetConfig::new(1) }).unwrap();
    let manifest = serde_json::from_value(serde_json::json!({
        "metadata": { "name": "cutting" },
        "spec": {
            "credentials": ["fleet"],
            "connectors": [{ "type": "ipmi", "address": "127.0.0.1", "port": bmcs.address(0).unwrap().port() }],
        },
    }));
    world.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    world.client.apply(&Manifest::Host(manifest.unwrap())).await.unwrap();
    let host = name("cutting");
    let reached =
        |status: &ironhand_api::HostStatus| status.reach.as_ref().is_some_and(|fact| fact.value == Reach::Ok);
    world.until_status(&host, reached).await;
    let (code, _) = code(&world, &host, &request(Some("seventeen-letters"))).await;
    assert_eq!(code, "password.not_changed");
    check_reached(&world, &host).await;
    let job = soon(world.client.rotate_password(&host, &request(Some("sixteen-letters-")))).await.unwrap();
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    check_reached(&world, &host).await;
    world.end().await;
}

/// A change as a server left it that died when it had told the BMC: neither of its passwords is valid.
async fn leave_in_doubt(world: &World, host: &Name) -> u64 {
    let store = Store::open(&world.directory().join("data"), KeySource::File).await.unwrap();
    let id = store.next_job_id().await.unwrap();
    let now = Timestamp::from_millis(0);
    let job: Job = serde_json::from_value(serde_json::json!({
        "id": id, "host": host, "work": Work::Password, "state": JobState::Running,
        "requestedBy": "the API", "acceptedAt": now,
    }))
    .unwrap();
    let mut record = Record::of(host.clone(), now);
    record.jobs.push(job);
    store.record(record).await.unwrap();
    let rotation = Rotation {
        host: host.clone(),
        job: id,
        username: "admin".to_owned(),
        phase: RotationPhase::Sent,
        old_credential: Some(name("fleet")),
        old: "not-the-old-one".into(),
        new: "not-the-new-one".into(),
        attempts: 1,
        changed_at: now,
    };
    store.put_rotation(&rotation, None, now).await.unwrap();
    store.close().await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_doubt_is_an_alert_until_it_is_known_again() {
    let mut world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    world.client.apply(&credential("fleet", "admin", "wrong")).await.unwrap();
    world.server.take().unwrap().shutdown().await;
    let id = leave_in_doubt(&world, &host).await;

    let server = Server::start(config(&world.directory(), settings())).await.unwrap();
    world.client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
    world.server = Some(server);
    let doubt = AlertCause::PasswordIndeterminate;
    world.until_status(&host, |status| status.alerts.contains(&doubt)).await;
    let job = world.client.job(id).await.unwrap();
    assert_eq!(job.state, JobState::Unknown, "{job:#?}");

    // Somebody says which password is valid.
    world.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    world.until_status(&host, |status| !status.alerts.contains(&doubt)).await;
    let job = world.client.job(id).await.unwrap();
    assert_eq!(
        (job.state, job.code.as_deref()),
        (JobState::Failed, Some("password.not_changed")),
        "{job:#?}"
    );
    check_reached(&world, &host).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_learns_a_password() {
    let fleet = FleetConfig { password: format!("{CANARY}a").into(), ..FleetConfig::new(1) };
    let world = World::with(fleet, settings()).await;
    world.client.apply(&credential("fleet", "admin", &format!("{CANARY}a"))).await.unwrap();
    world.client.apply(&host(&world.sim(0), &["fleet"])).await.unwrap();
    let host = name(&world.sim(0).name);
    world.until_well(&host).await;
    let job = world.client.rotate_password(&host, &request(Some(&format!("{CANARY}b")))).await.unwrap();
    let refused = world.client.rotate_password(&host, &request(Some(&format!("{CANARY} c")))).await;
    let replies = [
        format!("{job:?}"),
        format!("{:?}", refused.unwrap_err()),
        serde_json::to_string(&world.events().await).unwrap(),
        serde_json::to_string(&world.client.jobs(&RecordFilter::default()).await.unwrap()).unwrap(),
        serde_json::to_string(&world.client.alerts(&RecordFilter::default()).await.unwrap()).unwrap(),
    ];
    for reply in replies {
        assert!(!reply.contains(CANARY), "{reply}");
    }
    assert!(search(&world.directory()) > 1, "the database was searched");
    assert_eq!(logged().lines().find(|line| line.contains(CANARY)), None);
    world.end().await;
}

/// Looks into every file; how many there are.
fn search(directory: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files += search(&entry.path());
        } else if kind.is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            let found = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
            assert!(!found, "{} holds a password", entry.path().display());
            files += 1;
        }
    }
    files
}
