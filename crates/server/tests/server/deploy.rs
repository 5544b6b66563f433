//! Flows that deploy, and hosts whose deployment is late.

use ironhand_api::{
    Deployment, DeploymentPhase, DeploymentStatus, EventKind, Manifest, Profile, RunState, Timestamp,
};
use ironhand_client::RecordFilter;
use ironhand_sim::MachineFault;
use ironhand_store::{KeySource, Store};
use serde_json::json;

use crate::harness::{World, flow, name, until, until_kind};

fn profile(text: &str) -> Manifest {
    let spec = json!({ "kernel": "http://boot.example.net/vmlinuz" });
    let profile: Profile =
        serde_json::from_value(json!({ "metadata": { "name": text }, "spec": spec })).unwrap();
    Manifest::Profile(profile)
}

fn now() -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(now.as_millis() as i64)
}

/// What another server on the same store would write that has served the host.
async fn came_to(store: &Store, deployment: &str, phase: DeploymentPhase) {
    let kept: Deployment = store.get(&name(deployment)).await.unwrap().expect("a deployment");
    let status = DeploymentStatus { phase, since: now(), ..DeploymentStatus::default() };
    let version = kept.metadata.resource_version.unwrap();
    assert!(store.put_deployment_status(&name(deployment), version, status).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_deploys_once_and_goes_on_when_the_host_has_booted() {
    let world = World::new(1).await;
    let hosts = world.adopt_well().await;
    let client = &world.client;
    let spec = json!({
        "when": { "screen": "Kernel panic" },
        "do": [
            { "deploy": { "profile": "debian", "deadline": "10m", "timeout": "5m" } },
            { "power": "cycle" },
        ],
        "verify": { "screen": "login:", "deployment": "booted", "timeout": "60s" },
    });
    let missing = client.apply(&flow("reinstall", spec.clone())).await.unwrap_err().to_string();
    assert!(missing.contains("no profile debian"), "{missing}");
    client.apply(&profile("debian")).await.unwrap();
    client.apply(&profile("rescue")).await.unwrap();
    // What was deployed before gives way, and keeps its name.
    let before: Deployment = serde_json::from_value(json!({
        "metadata": { "name": "first", "labels": { "by": "hand" } },
        "spec": { "host": hosts[0], "profile": "rescue" },
    }))
    .unwrap();
    client.apply(&Manifest::Deployment(before)).await.unwrap();
    client.apply(&flow("reinstall", spec)).await.unwrap();
    let mut events = world.follow().await;
    world.fleet.stage(hosts[0].as_str(), MachineFault::KernelPanic).unwrap();
    until(&mut events, |event| {
        event.kind == EventKind::StepStarted && event.message.contains("a deployment booted or stopped")
    })
    .await;
    let store = Store::open(&world.directory().join("data"), KeySource::File).await.unwrap();
    let deployed: Deployment = store.get(&name("first")).await.unwrap().expect("a deployment");
    let run = client.runs(&RecordFilter::default()).await.unwrap().remove(0);
    assert_eq!(deployed.spec.profile, name("debian"));
    assert_eq!(deployed.spec.request, Some(format!("run {} step 1", run.id)));
    assert_eq!((deployed.phase(), &*deployed.metadata.labels["by"]), (DeploymentPhase::Waiting, "hand"));
    came_to(&store, "first", DeploymentPhase::Booting).await;
    came_to(&store, "first", DeploymentPhase::Booted).await;
    until_kind(&mut events, EventKind::IncidentClosed).await;
    let run = client.runs(&RecordFilter::default()).await.unwrap().remove(0);
    let places: Vec<&str> = run.steps.iter().map(|record| &*record.place).collect();
    assert_eq!((run.state, &places[..]), (RunState::Succeeded, &["1", "1.1", "2"][..]), "{run:#?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_deployment_is_late_is_an_incident_until_it_has_booted() {
    let world = World::new(1).await;
    let hosts = world.adopt_well().await;
    let client = &world.client;
    client.apply(&profile("debian")).await.unwrap();
    let mut events = world.follow().await;
    let late: Deployment = serde_json::from_value(json!({
        "metadata": { "name": "late" },
        "spec": { "host": hosts[0], "profile": "debian", "deadline": "1s" },
    }))
    .unwrap();
    client.apply(&Manifest::Deployment(late)).await.unwrap();
    let opened = until_kind(&mut events, EventKind::IncidentOpened).await;
    assert!(opened.message.contains("Deployment late of Profile debian is past its deadline"), "{opened:?}");
    let store = Store::open(&world.directory().join("data"), KeySource::File).await.unwrap();
    came_to(&store, "late", DeploymentPhase::Booted).await;
    until_kind(&mut events, EventKind::IncidentClosed).await;
    world.end().await;
}
