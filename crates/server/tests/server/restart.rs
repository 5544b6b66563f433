//! What was begun before a crash is taken up after it; nothing is done twice blindly.

use ironhand_api::{EventKind, Health, RunState, StepOutcome, StepRecord};
use ironhand_client::RecordFilter;
use ironhand_server::Server;
use ironhand_sim::{Fleet, FleetConfig, MachineFault};
use serde_json::json;

use crate::harness::{self, World, flow, until};

/// A world whose server runs in a runtime of its own, to be killed.
#[test]
fn a_run_that_was_killed_in_a_step_is_finished_by_the_next_server() {
    let patient = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let fleet = patient.block_on(Fleet::start(FleetConfig { pace: 20.0, ..FleetConfig::new(1) })).unwrap();
    let sim = fleet.hosts()[0].clone();

    let doomed = tokio::runtime::Runtime::new().unwrap();
    let config = || harness::config(directory.path(), harness::settings());
    let first = doomed.block_on(Server::start(config())).unwrap();
    let host = patient.block_on(async {
        let world = Watched::new(first.socket());
        let spec = json!({
            "when": { "screen": "Kernel panic - not syncing" },
            // The first step takes long enough to be killed in, however busy the machine is.
            "do": [{ "keys": "<wait 4s>" }, { "power": "cycle" }],
            "verify": { "screen": "^\\S+ login:", "timeout": "4s" },
            "limits": { "attempts": 2, "cooldown": "100ms" },
        });
        world.client.apply(&flow("kernel-panic", spec)).await.unwrap();
        world.client.apply(&harness::credential("fleet", "admin", "simulated")).await.unwrap();
        world.client.apply(&harness::host(&sim, &["fleet"])).await.unwrap();
        let host = harness::name(&sim.name);
        let mut events = world.client.follow(Some(0), None);
        until(&mut events, |event| event.kind == EventKind::PowerChanged).await;
        fleet.stage(&sim.name, MachineFault::KernelPanic).unwrap();
        until(&mut events, |event| event.kind == EventKind::StepStarted).await;
        host
    });
    // The tasks are dropped wherever they are; what they had not made durable is lost.
    doomed.shutdown_background();
    drop(first);

    patient.block_on(async {
        let second = harness::start_behind(config).await;
        let world = Watched::new(second.socket());
        let mut events = world.client.follow(Some(0), None);
        until(&mut events, |event| event.kind == EventKind::IncidentClosed).await;
        // Newest first. What was pressed before the kill is not known, so the interrupted run presses nothing again: it
        // waits for the proof, which does not come, and the next attempt heals the host.
        let runs = world.client.runs(&RecordFilter::default()).await.unwrap();
        let states: Vec<_> = runs.iter().map(|run| run.state).collect();
        assert_eq!(states, [RunState::Succeeded, RunState::Failed], "{runs:#?}");
        let interrupted = &runs[1];
        assert!(
            matches!(interrupted.steps[..], [StepRecord { outcome: Some(StepOutcome::Unknown(_)), .. }]),
            "{runs:#?}"
        );
        let kept: ironhand_api::Host = world.client.get(&host).await.unwrap();
        assert_eq!(kept.status.unwrap().health, Health::Well);
        second.shutdown().await;
        fleet.shutdown().await;
    });
}

struct Watched {
    client: ironhand_client::Client,
}

impl Watched {
    fn new(socket: &std::path::Path) -> Self {
        let endpoint = ironhand_client::Endpoint::Unix(socket.to_owned());
        Self { client: ironhand_client::Client::new(endpoint).unwrap() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_has_one_server_and_facts_outlive_it() {
    let mut world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    let mut second = harness::config(&world.directory(), harness::settings());
    second.socket = Some(world.directory().join("second.sock"));
    let refused = Server::start(second).await.err().expect("the directory is in use");
    assert!(refused.to_string().contains("another server uses the data directory"), "{refused}");

    world.server.take().unwrap().shutdown().await;
    assert!(!world.directory().join("api.sock").exists(), "the socket is removed");
    let again = harness::config(&world.directory(), harness::settings());
    world.server = Some(Server::start(again).await.unwrap());
    let status = world.status(&host).await;
    assert!(status.power.is_some() && status.screen.is_some(), "{status:#?}");
    world.until_well(&host).await;
    let mut events = world.client.follow(Some(0), None);
    events.connect().await.unwrap();
    let told = world.events().await;
    let powers = told.iter().filter(|event| event.kind == EventKind::PowerChanged).count();
    assert_eq!(powers, 1, "a restart is no news about the host: {told:#?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_others_can_reach_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = harness::config(directory.path(), harness::settings());
    config.listen = Some("0.0.0.0:0".parse().unwrap());
    let refused = Server::start(config).await.err().expect("it is refused");
    assert!(refused.to_string().contains("not a loopback address"), "{refused}");
}
