//! Passwords are changed, proven by logins, and nobody else learns them.

use std::path::Path;

use ironhand_api::{
    AlertCause, EventKind, JobState, Name, PasswordRequest, PowerAction, PowerRequest, Reach, Work,
};
use ironhand_client::{Client, Endpoint, RecordFilter};
use ironhand_server::Server;
use ironhand_sim::{Fault, FleetConfig};

use crate::harness::{World, config, credential, host, logged, name, settings, soon};

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
