//! Hosts fall ill and are healed, once; or are left to people.

use std::time::Duration;

use ironhand_api::{
    Event, EventKind, Health, IncidentState, PictureDigest, RecoveryRequest, RunRequest, RunState, Settings,
    StepOutcome,
};
use ironhand_client::RecordFilter;
use ironhand_sim::{FleetConfig, MachineFault};
use serde_json::json;

use crate::harness::{PACE, World, flow, settings, until, until_kind};

async fn assert_png(world: &World, digest: Option<&PictureDigest>) {
    let png = world.client.picture(digest.expect("a picture is kept")).await.unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_panics_is_recovered_and_then_left_alone() {
    let world = World::new(2).await;
    let spec = json!({
        "when": { "screen": "Kernel panic - not syncing" },
        "do": [{ "snapshot": "before" }, { "power": "cycle" }],
        "verify": { "screen": "^\\S+ login:", "power": "on", "timeout": "60s" },
        "limits": { "attempts": 2, "cooldown": "1s" },
    });
    world.client.apply(&flow("kernel-panic", spec)).await.unwrap();
    let hosts = world.adopt_well().await;
    let mut events = world.follow().await;
    world.fleet.stage(hosts[0].as_str(), MachineFault::KernelPanic).unwrap();

    let story = until(&mut events, |event| event.kind == EventKind::IncidentClosed).await;
    let kinds: Vec<_> =
        story.iter().filter(|event| event.incident.is_some()).map(|event| event.kind).collect();
    let wanted = [
        EventKind::IncidentOpened,
        EventKind::RunStarted,
        EventKind::StepStarted,
        EventKind::StepEnded,
        EventKind::StepStarted,
        EventKind::StepEnded,
        EventKind::RunEnded,
        EventKind::IncidentClosed,
    ];
    assert_eq!(kinds, wanted, "{story:#?}");
    let of_others = |event: &&Event| event.incident.is_some() && event.host.as_ref() != Some(&hosts[0]);
    assert_eq!(story.iter().find(of_others), None, "the other host is well");

    let run = world.client.runs(&RecordFilter::default()).await.unwrap().remove(0);
    assert_eq!(run.state, RunState::Succeeded, "{run:#?}");
    assert!(run.matched.text.contains("Kernel panic - not syncing"));
    assert!(run.steps.iter().all(|step| matches!(step.outcome, Some(StepOutcome::Done(_)))), "{run:#?}");
    let proof = run.proof.as_ref().expect("a proof is kept");
    assert!(proof.screen_text.contains("login:"), "{proof:#?}");
    assert_png(&world, run.matched.picture.as_ref()).await;
    assert_png(&world, proof.picture.as_ref()).await;
    let incident = world.client.incident(run.incident).await.unwrap();
    assert_eq!(incident.state, IncidentState::Closed);
    assert_png(&world, incident.first_picture.as_ref()).await;
    assert_png(&world, incident.last_picture.as_ref()).await;
    assert!(world.fleet.state(hosts[0].as_str()).unwrap().well);

    let before = world.events().await.len();
    world.ten_cycles(&hosts[0]).await;
    let after = world.events().await;
    let later: Vec<_> =
        after[before..].iter().filter(|event| event.kind != EventKind::ScreenChanged).collect();
    assert!(later.is_empty(), "{later:#?}");
    assert_eq!(world.status(&hosts[0]).await.health, Health::Well);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_has_its_hosts_looked_at_more_often_than_the_setting_says() {
    let settings = Settings { screen_interval: Duration::from_secs(3600), ..settings() };
    let world = World::with(FleetConfig { pace: PACE, ..FleetConfig::new(1) }, settings).await;
    let spec = json!({
        "when": { "screen": "Kernel panic - not syncing" },
        "lookEvery": "1s",
        "do": [{ "power": "cycle" }],
        "verify": { "screen": "^\\S+ login:", "power": "on", "timeout": "60s" },
    });
    world.client.apply(&flow("kernel-panic", spec)).await.unwrap();
    let hosts = world.adopt_well().await;
    let mut events = world.follow().await;
    world.fleet.stage(hosts[0].as_str(), MachineFault::KernelPanic).unwrap();
    until_kind(&mut events, EventKind::IncidentClosed).await;
    assert!(world.fleet.state(hosts[0].as_str()).unwrap().well);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_chooses_repeats_and_calls() {
    let world = World::new(1).await;
    let called = json!({
        "when": { "screen": "nothing shows this" },
        "do": [{ "power": "cycle" }],
        "verify": { "screen": "login:", "timeout": "60s" },
    });
    world.client.apply(&flow("power-cycle", called)).await.unwrap();
    let spec = json!({
        "when": { "any": [{ "screen": "Kernel panic" }], "not": { "screen": "no such words" }, "power": "on" },
        "do": [{ "choose": {
            "branches": [
                { "when": { "screen": "no such words" }, "do": [{ "snapshot": "never" }] },
                { "when": { "screen": "Kernel panic" }, "do": [{ "repeat": {
                    "do": [{ "call": "power-cycle" }],
                    "until": { "not": { "screen": "Kernel panic" }, "screenKind": "text" },
                    "times": 3,
                    "timeout": "60s",
                } }] },
            ],
        } }],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
    });
    world.client.apply(&flow("kernel-panic", spec)).await.unwrap();
    let hosts = world.adopt_well().await;
    let mut events = world.follow().await;
    world.fleet.stage(hosts[0].as_str(), MachineFault::KernelPanic).unwrap();
    until(&mut events, |event| event.kind == EventKind::IncidentClosed).await;
    let run = world.client.runs(&RecordFilter::default()).await.unwrap().remove(0);
    assert_eq!(run.state, RunState::Succeeded, "{run:#?}");
    let places: Vec<&str> = run.steps.iter().map(|step| step.place.as_str()).collect();
    assert_eq!(places[..2], ["1", "1.1.1.1 round 1"], "{run:#?}");
    assert_eq!(run.matched.findings.len(), 3, "{run:#?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_pauses_where_too_many_hosts_fall_ill_and_a_person_lets_it_go_on() {
    let settings = Settings { blast_hosts: 1, ..settings() };
    let world = World::with(FleetConfig { pace: PACE, ..FleetConfig::new(2) }, settings).await;
    let spec = json!({
        "when": { "screen": "Kernel panic - not syncing" },
        "do": [{ "power": "cycle" }],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
    });
    world.client.apply(&flow("kernel-panic", spec)).await.unwrap();
    let hosts = world.adopt_well().await;
    let mut events = world.follow().await;
    for host in &hosts {
        world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();
    }
    let paused = until_kind(&mut events, EventKind::RecoveryChanged).await;
    assert_eq!(
        paused.message,
        "recovery of all hosts is paused: in all, runs began on 1 of 2 hosts within 10m, and may on 1"
    );
    until_kind(&mut events, EventKind::IncidentClosed).await;
    let said = world.client.recovery(None).await.unwrap();
    assert!(!said.recovery.on, "{said:?}");
    let held = world.client.incidents(&RecordFilter { open: true, ..RecordFilter::default() }).await.unwrap();
    assert_eq!((held.len(), held[0].attempts, held[0].state), (1, 0, IncidentState::Open), "{held:#?}");

    let mut events = world.follow().await;
    let resume = RecoveryRequest { on: true, reason: Some("a bad switch".to_owned()) };
    world.client.set_recovery(None, &resume).await.unwrap();
    until_kind(&mut events, EventKind::IncidentClosed).await;
    assert_eq!(world.client.runs(&RecordFilter::default()).await.unwrap().len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_asks_a_person_and_a_person_stops_another() {
    let world = World::new(2).await;
    let spec = json!({
        "when": { "screen": "Kernel panic - not syncing" },
        "do": [{ "approve": { "ask": "may it be reset?", "timeout": "1h" } }, { "power": "cycle" }],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
    });
    world.client.apply(&flow("kernel-panic", spec)).await.unwrap();
    let hosts = world.adopt_well().await;
    let mut events = world.follow().await;
    let mut asked = Vec::new();
    for host in &hosts {
        world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();
        let wanted = until_kind(&mut events, EventKind::ApprovalWanted).await;
        assert!(wanted.message.contains("may it be reset?"), "{wanted:?}");
        asked.push(wanted.run.unwrap());
    }
    let alice = RunRequest { by: "alice".to_owned(), reason: Some("ticket 7".to_owned()) };
    let refused = world.client.approve(77, &alice).await.unwrap_err().problem().cloned().unwrap();
    assert_eq!((refused.status, refused.code.as_str()), (404, "record.not_found"));
    let run = world.client.approve(asked[0], &alice).await.unwrap();
    assert_eq!(run.steps[0].outcome, Some(StepOutcome::Done("alice agreed: ticket 7".to_owned())));
    let stopped = world.client.cancel(asked[1], &alice).await.unwrap();
    assert_eq!((stopped.state, stopped.reason.as_str()), (RunState::Cancelled, "stopped by alice: ticket 7"));
    let refused = world.client.approve(asked[1], &alice).await.unwrap_err().problem().cloned().unwrap();
    assert_eq!((refused.status, refused.code.as_str()), (409, "run.not_awaited"));

    until_kind(&mut events, EventKind::IncidentClosed).await;
    assert_eq!(world.client.run(asked[0]).await.unwrap().state, RunState::Succeeded);
    assert_eq!(world.status(&hosts[1]).await.health, Health::NeedsHuman);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_does_not_help_stops_at_its_limit_and_asks_for_a_person() {
    let world = World::new(1).await;
    let spec = json!({
        "when": { "screen": "Kernel panic - not syncing" },
        "do": [{ "keys": "<Enter>" }],
        "verify": { "screen": "login:", "timeout": "300ms" },
        "limits": { "attempts": 2, "cooldown": "100ms" },
    });
    world.client.apply(&flow("hopeless", spec)).await.unwrap();
    let host = world.adopt_well().await.remove(0);
    let mut events = world.follow().await;
    world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();

    let asked = until_kind(&mut events, EventKind::IncidentNeedsHuman).await;
    let incident = world.client.incident(asked.incident.unwrap()).await.unwrap();
    assert_eq!((incident.state, incident.attempts), (IncidentState::NeedsHuman, 2), "{incident:#?}");
    assert_png(&world, incident.last_picture.as_ref()).await;
    let runs = world.client.runs(&RecordFilter::default()).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.state).collect::<Vec<_>>(), [RunState::Failed, RunState::Failed]);
    world
        .until_status(&host, |status| {
            status.health == Health::NeedsHuman && status.incident == Some(incident.id)
        })
        .await;

    let before = world.events().await.len();
    world.ten_cycles(&host).await;
    let after = world.events().await;
    let later: Vec<_> =
        after[before..].iter().filter(|event| event.kind != EventKind::ScreenChanged).collect();
    assert!(later.is_empty(), "nothing more is tried: {later:#?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_may_heal_what_ironhand_could_not() {
    let world = World::new(1).await;
    let spec = json!({
        "when": { "screen": "Kernel panic - not syncing" },
        "do": [{ "sleep": "10ms" }],
        "verify": { "screen": "login:", "timeout": "200ms" },
        "limits": { "attempts": 1, "cooldown": "100ms" },
    });
    world.client.apply(&flow("hopeless", spec)).await.unwrap();
    let host = world.adopt_well().await.remove(0);
    let mut events = world.follow().await;
    world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();
    until_kind(&mut events, EventKind::IncidentNeedsHuman).await;

    let cycle = ironhand_api::PowerRequest::new(ironhand_api::PowerAction::Cycle);
    world.client.power(&host, &cycle).await.unwrap();
    let closed = until_kind(&mut events, EventKind::IncidentClosed).await;
    assert_eq!(closed.host, Some(host.clone()));
    world.until_status(&host, |status| status.health == Health::Well && status.incident.is_none()).await;
    world.end().await;
}
