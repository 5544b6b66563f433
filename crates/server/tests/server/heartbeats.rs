//! Hosts that fall silent are looked at, healed or left to people; and only genuine heartbeats count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use ironhand_api::{
    CheckState, EventKind, Heartbeat, HeartbeatKeyRequest, HostStatus, IncidentState, Manifest, Name,
    Notifier, RunState, Settings, UnknownScreen,
};
use ironhand_client::{Client, RecordFilter};
use ironhand_server::heartbeat_signature;
use ironhand_sim::{FleetConfig, MachineFault};
use secrecy::SecretString;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::harness::{PACE, World, eventually, flow, host, settings, until};
use crate::notify::receiver::Receiver;

/// The agent of a host: it sends heartbeats while the machine works.
struct Agent {
    works: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Agent {
    async fn start(world: &World, host: &Name) -> Self {
        let key = world.client.heartbeat_key(host, HeartbeatKeyRequest::default()).await.unwrap();
        let key = SecretString::from(key.key);
        let works = Arc::new(AtomicBool::new(true));
        let (client, host, working) = (world.client.clone(), host.clone(), Arc::clone(&works));
        let task = tokio::spawn(async move {
            loop {
                if working.load(Ordering::Relaxed) {
                    // The server may be stopping.
                    let _ = beat(&client, &host, &key).await;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { works, task }
    }

    /// Follows the machine for as long as this is awaited.
    async fn follow(&self, world: &World, host: &Name) {
        loop {
            let well = world.fleet.state(host.as_str()).unwrap().well;
            self.works.store(well, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn beat(client: &Client, host: &Name, key: &SecretString) -> Result<(), ironhand_client::Error> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let at = client.heartbeat_status(host).await?.at;
    let nonce = format!("{:032x}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let body = serde_json::to_vec(&Heartbeat { at, nonce }).unwrap();
    let signature = heartbeat_signature(key, &body);
    client.send_heartbeat(host, body, &signature).await.map(|_| ())
}

/// The fleet's hosts, of which a heartbeat is expected.
async fn adopt(world: &World, after: &str) -> Vec<Name> {
    let hosts = world.adopt().await;
    for sim in world.fleet.hosts() {
        let Manifest::Host(mut manifest) = host(sim, &["fleet"]) else { unreachable!("it is a host") };
        let health = json!([{ "heartbeat": { "every": "500ms" }, "timeout": "1s", "after": after }]);
        manifest.spec.health = serde_json::from_value(health).unwrap();
        world.client.apply(&Manifest::Host(manifest)).await.unwrap();
    }
    hosts
}

fn heartbeat(status: &HostStatus) -> Option<CheckState> {
    status.checks.first()?.state.as_ref().map(|fact| fact.value)
}

fn patient() -> Settings {
    let boot_time = Duration::from_millis(100);
    Settings { boot_time, ask_after: Duration::from_secs(2), ..settings() }
}

fn f1(keys: &str, proven_within: &str) -> Manifest {
    flow(
        "power-supply-f1",
        json!({
            "when": { "screen": "Press F1 to continue", "heartbeat": false },
            "do": [{ "keys": keys }],
            "verify": { "screen": "^\\S+ login:", "heartbeat": true, "timeout": proven_within },
            "limits": { "attempts": 2, "cooldown": "500ms" },
        }),
    )
}

async fn runs(world: &World) -> Vec<ironhand_api::Run> {
    world.client.runs(&RecordFilter::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_falls_silent_is_matched_healed_and_proven_well_once() {
    let world = World::with(FleetConfig { pace: PACE, ..FleetConfig::new(1) }, patient()).await;
    world.client.apply(&f1("<F1>", "60s")).await.unwrap();
    let host = adopt(&world, "60s").await.remove(0);
    world.until_well(&host).await;
    let agent = Agent::start(&world, &host).await;
    world.until_status(&host, |status| heartbeat(status) == Some(CheckState::Passing)).await;
    let mut events = world.client.follow(None, None);
    events.connect().await.unwrap();
    world.fleet.stage(host.as_str(), MachineFault::PowerSupplyF1).unwrap();
    let story = tokio::select! {
        () = agent.follow(&world, &host) => unreachable!("it follows for ever"),
        story = until(&mut events, |event| event.kind == EventKind::IncidentClosed) => story,
    };
    let at = |wanted: EventKind| story.iter().position(|event| event.kind == wanted).unwrap();
    let missed = story.iter().position(|event| {
        event.kind == EventKind::CheckChanged && event.message.contains("heartbeat every 500ms fails")
    });
    assert!(missed.unwrap() < at(EventKind::RunStarted), "{story:#?}");
    let made = runs(&world).await;
    assert_eq!((made.len(), made[0].state), (1, RunState::Succeeded), "{made:#?}");
    let found = &made[0].matched.findings;
    assert!(found.iter().any(|finding| finding.place == "heartbeat"), "{found:?}");
    // Ten more readings, and nothing more is done.
    tokio::select! {
        () = agent.follow(&world, &host) => unreachable!("it follows for ever"),
        () = world.ten_cycles(&host) => {}
    }
    assert_eq!(runs(&world).await.len(), 1);
    assert_eq!(world.client.incidents(&RecordFilter::default()).await.unwrap().len(), 1);
    drop(agent);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_help_is_tried_as_often_as_allowed_and_told_to_a_person() {
    let world = World::with(FleetConfig { pace: PACE, ..FleetConfig::new(1) }, patient()).await;
    let receiver = Receiver::start().await;
    let spec = json!({ "webhook": { "url": receiver.url("/") }, "events": ["incident.needs-human"] });
    let notifier: Notifier =
        serde_json::from_value(json!({ "metadata": { "name": "oncall" }, "spec": spec })).unwrap();
    world.client.apply(&Manifest::Notifier(notifier)).await.unwrap();
    world.client.apply(&f1("<F9>", "5s")).await.unwrap();
    let host = adopt(&world, "60s").await.remove(0);
    world.until_well(&host).await;
    let agent = Agent::start(&world, &host).await;
    world.until_status(&host, |status| heartbeat(status) == Some(CheckState::Passing)).await;
    agent.works.store(false, Ordering::Relaxed);
    world.fleet.stage(host.as_str(), MachineFault::PowerSupplyF1).unwrap();
    let told = receiver.until(1).await.remove(0);
    assert!(told.message().contains("flow power-supply-f1 was tried 2 times"), "{told:?}");
    let mut made = runs(&world).await;
    made.reverse();
    assert_eq!(made.iter().map(|run| run.state).collect::<Vec<_>>(), [RunState::Failed; 2], "{made:#?}");
    let rest = made[1].started_at.since(made[0].ended_at.unwrap());
    assert!(rest >= Duration::from_millis(500), "{rest:?}");
    world.ten_cycles(&host).await;
    assert_eq!(runs(&world).await.len(), 2);
    assert_eq!(receiver.until(1).await.len(), 1);
    drop(agent);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_show_the_same_unknown_screen_are_shown_together_and_one_flow_heals_all() {
    let world = World::with(FleetConfig { pace: PACE, ..FleetConfig::new(4) }, patient()).await;
    let hosts = adopt(&world, "500ms").await;
    let mut agents = Vec::new();
    for host in &hosts {
        world.until_well(host).await;
        agents.push(Agent::start(&world, host).await);
        world.until_status(host, |status| heartbeat(status) == Some(CheckState::Passing)).await;
    }
    let ill = &hosts[..3];
    for (host, agent) in ill.iter().zip(&agents) {
        agent.works.store(false, Ordering::Relaxed);
        world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();
    }
    for host in ill {
        world.until_status(host, |status| status.health == ironhand_api::Health::NeedsHuman).await;
    }
    // A host may be told of before its screen was read again.
    let unknown = async || world.client.unknown_screens().await.unwrap();
    let together = |unknown: &Vec<UnknownScreen>| unknown.len() == 1 && unknown[0].hosts == ill;
    let unknown = eventually("what is told of all three", unknown, together).await;
    assert!(unknown[0].text.contains("Kernel panic - not syncing"), "{unknown:#?}");
    let open = world.client.incidents(&RecordFilter::default()).await.unwrap();
    assert!(open.iter().all(|incident| incident.flow.is_none() && incident.attempts == 0), "{open:#?}");
    assert_eq!(world.status(&hosts[3]).await.incident, None, "a host that is well has none");

    let spec = json!({
        "when": { "screen": "Kernel panic - not syncing" },
        "do": [{ "power": "cycle" }],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
    });
    world.client.apply(&flow("kernel-panic", spec)).await.unwrap();
    let healed = async {
        for host in ill {
            world.until_status(host, |status| status.incident.is_none()).await;
        }
    };
    let follow = ill.iter().zip(&agents).map(|(host, agent)| agent.follow(&world, host));
    tokio::select! {
        _ = join_all(follow) => unreachable!("they follow for ever"),
        () = healed => {}
    }
    let closed = world.client.incidents(&RecordFilter::default()).await.unwrap();
    assert!(closed.iter().all(|incident| incident.state == IncidentState::Closed), "{closed:#?}");
    assert_eq!(world.client.unknown_screens().await.unwrap(), []);
    drop(agents);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_that_are_forged_changed_or_repeated_are_refused_and_change_nothing() {
    let world = World::new(1).await;
    let host = adopt(&world, "60s").await.remove(0);
    let key = world.client.heartbeat_key(&host, HeartbeatKeyRequest::default()).await.unwrap();
    let again = world.client.heartbeat_key(&host, HeartbeatKeyRequest::default()).await.unwrap();
    assert_eq!((key.key.len(), &key), (64, &again));
    let before: ironhand_api::Host = world.client.get(&host).await.unwrap();
    let at = world.client.heartbeat_status(&host).await.unwrap().at;
    let secret = SecretString::from(key.key.clone());
    let body = serde_json::to_vec(&Heartbeat { at, nonce: "ab".repeat(16) }).unwrap();
    let signature = heartbeat_signature(&secret, &body);
    let check = async |body: &[u8], signature: &str, code: &str| {
        let refused = world.client.send_heartbeat(&host, body.to_vec(), signature).await.unwrap_err();
        assert!(refused.to_string().contains(code) || format!("{refused:?}").contains(code), "{refused:?}");
    };
    let rogue = br#"{"at":"2026-03-01T02:14:07Z","nonce":"00","address":"203.0.113.9"}"#;
    check(rogue, &signature, "heartbeat.not_genuine").await;
    check(rogue, &heartbeat_signature(&secret, rogue), "heartbeat.malformed").await;
    check(&body, "v1=00", "heartbeat.not_genuine").await;
    world.client.send_heartbeat(&host, body.clone(), &signature).await.unwrap();
    check(&body, &signature, "heartbeat.not_new").await;
    world.until_status(&host, |status| heartbeat(status) == Some(CheckState::Passing)).await;
    let rotated = world.client.heartbeat_key(&host, HeartbeatKeyRequest { rotate: true }).await.unwrap();
    assert_ne!(rotated.key, key.key);
    check(&body, &signature, "heartbeat.not_genuine").await;
    let after: ironhand_api::Host = world.client.get(&host).await.unwrap();
    assert_eq!(before.spec, after.spec);
    assert!(!crate::harness::logged().contains(&key.key), "keys are not logged");
    world.end().await;
}
