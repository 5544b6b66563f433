//! Runs that people ask for by hand.

use ironhand_api::{
    Asked, EventKind, Host, IncidentState, MaintenanceRequest, Manifest, QuietHours, RecoverRequest,
    RecoveryMode, RecoveryRequest, RunState, Settings, StepOutcome,
};
use ironhand_client::{Error, RecordFilter};
use ironhand_sim::{FleetConfig, MachineFault};
use serde_json::json;

use crate::harness::{PACE, World, flow, name, settings, until, until_kind};

fn order(flow: Option<&str>, force: bool) -> RecoverRequest {
    let reason = Some("ticket 7".to_owned());
    RecoverRequest { by: "alice".to_owned(), reason, flow: flow.map(name), force, dry_run: false }
}

/// The status and the code of what was refused.
fn refused<T>(answer: Result<T, Error>) -> (u16, String) {
    let problem = answer.err().and_then(|error| error.problem().cloned()).expect("it is refused");
    assert!(problem.status == 404 || problem.hint.is_some(), "{problem:?}");
    (problem.status, problem.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_runs_a_flow_while_recovery_is_paused() {
    let world = World::new(2).await;
    let spec = json!({
        "when": { "screen": "Kernel panic - not syncing" },
        "do": [{ "power": "cycle" }],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
    });
    world.client.apply(&flow("kernel-panic", spec)).await.unwrap();
    let hosts = world.adopt().await;
    for host in &hosts {
        world.until_well(host).await;
    }
    let pause = RecoveryRequest { on: false, reason: Some("we look first".to_owned()) };
    world.client.set_recovery(None, &pause).await.unwrap();
    let not_there = refused(world.client.recover(&hosts[0], &order(Some("gone"), false)).await);
    assert_eq!(not_there, (404, "resource.not_found".to_owned()));
    let well = refused(world.client.recover(&hosts[0], &order(None, false)).await);
    assert_eq!(well, (409, "recover.not_recognised".to_owned()));
    let well = refused(world.client.recover(&hosts[0], &order(Some("kernel-panic"), false)).await);
    assert_eq!(well, (409, "recover.does_not_apply".to_owned()));
    let nobody = RecoverRequest { by: " ".to_owned(), ..order(None, false) };
    assert_eq!(refused_form(world.client.recover(&hosts[0], &nobody).await), 422);

    let mut events = world.client.follow(None, None);
    events.connect().await.unwrap();
    world.fleet.stage(hosts[0].as_str(), MachineFault::KernelPanic).unwrap();
    until_kind(&mut events, EventKind::IncidentOpened).await;
    let plan = world.client.plan_recovery(&hosts[0], &order(None, false)).await.unwrap();
    let steps: Vec<_> = plan.steps.iter().map(|step| step.does.as_str()).collect();
    assert_eq!((plan.applies, plan.flow.as_str(), &steps[..]), (true, "kernel-panic", &["power cycle"][..]));
    assert!(world.client.runs(&RecordFilter::default()).await.unwrap().is_empty(), "nothing was done");

    let run = world.client.recover(&hosts[0], &order(None, false)).await.unwrap();
    let asked = Asked { by: "alice".to_owned(), reason: Some("ticket 7".to_owned()) };
    assert_eq!((run.state, run.asked.as_ref()), (RunState::Running, Some(&asked)));
    let twice = refused(world.client.recover(&hosts[0], &order(None, false)).await);
    assert_eq!(twice, (409, "recover.under_way".to_owned()));
    until_kind(&mut events, EventKind::IncidentClosed).await;
    let run = world.client.run(run.id).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{run:#?}");
    assert!(matches!(run.steps[0].outcome, Some(StepOutcome::Done(_))), "{run:#?}");
    assert!(run.matched.picture.is_some() && run.proof.is_some_and(|proof| proof.picture.is_some()));
    world.end().await;
}

/// The status of what is not a request at all.
fn refused_form<T>(answer: Result<T, Error>) -> u16 {
    answer.err().and_then(|error| error.problem().map(|problem| problem.status)).expect("it is refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_does_not_apply_is_forced_but_not_on_a_host_in_maintenance() {
    let world = World::new(1).await;
    let spec = json!({
        "when": { "screen": "nothing shows this" },
        "do": [{ "power": "cycle" }],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
    });
    world.client.apply(&flow("power-cycle", spec)).await.unwrap();
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    let maintain = MaintenanceRequest { on: true, reason: None };
    world.client.maintain(&host, &maintain).await.unwrap();
    world.until_status(&host, |status| status.maintenance.is_some()).await;
    let reserved = refused(world.client.recover(&host, &order(Some("power-cycle"), true)).await);
    assert_eq!(reserved, (409, "recover.reserved".to_owned()));
    world.client.maintain(&host, &MaintenanceRequest { on: false, reason: None }).await.unwrap();
    world.until_status(&host, |status| status.maintenance.is_none()).await;

    let mut events = world.client.follow(None, None);
    events.connect().await.unwrap();
    let run = world.client.recover(&host, &order(Some("power-cycle"), true)).await.unwrap();
    until_kind(&mut events, EventKind::IncidentClosed).await;
    let run = world.client.run(run.id).await.unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{run:#?}");
    let incident = world.client.incident(run.incident).await.unwrap();
    assert_eq!(incident.cause, "alice asked for flow power-cycle");
    world.end().await;
}

/// A host that panics under these settings, and the first event of a kind that comes of it.
async fn panics_under(settings: Settings, kind: EventKind) -> (World, ironhand_api::Event) {
    let world = World::with(FleetConfig { pace: PACE, ..FleetConfig::new(1) }, settings).await;
    let spec = json!({
        "when": { "screen": "Kernel panic - not syncing" },
        "do": [{ "power": "cycle" }],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
    });
    world.client.apply(&flow("kernel-panic", spec)).await.unwrap();
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    let mut events = world.client.follow(None, None);
    events.connect().await.unwrap();
    world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();
    let event = until_kind(&mut events, kind).await;
    (world, event)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_observes_tells_what_would_be_done() {
    let settings = Settings { mode: RecoveryMode::Observe, ..settings() };
    let (world, told) = panics_under(settings, EventKind::RunWouldBegin).await;
    let wanted =
        "flow kernel-panic would begin, and nothing is done since the mode is `observe`: 1. power cycle";
    assert_eq!(told.message, wanted);
    assert!(world.client.runs(&RecordFilter::default()).await.unwrap().is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_are_waited_for_and_the_incident_says_so() {
    let always = r#"[{ "from": "00:00", "to": "24:00", "timeZone": "Europe/Amsterdam" }]"#;
    let quiet_hours: QuietHours = serde_json::from_str(always).unwrap();
    let settings = Settings { quiet_hours, ..settings() };
    let (world, told) = panics_under(settings, EventKind::IncidentWaits).await;
    let incident = world.client.incident(told.incident.unwrap()).await.unwrap();
    assert_eq!(incident.state, IncidentState::Open);
    assert!(
        incident.reason.starts_with("flow kernel-panic does not begin: the hours are quiet until"),
        "{incident:?}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_fall_ill_together_are_left_to_a_person_who_lets_it_go_on() {
    let settings = Settings {
        correlate_hosts: 2,
        correlate_share: 50,
        correlate_by: "rack".to_owned().try_into().unwrap(),
        ..settings()
    };
    let world = World::with(FleetConfig { pace: PACE, ..FleetConfig::new(3) }, settings).await;
    let spec = json!({
        "when": { "screen": "Kernel panic - not syncing" },
        "do": [{ "power": "cycle" }],
        "verify": { "screen": "^\\S+ login:", "timeout": "60s" },
    });
    world.client.apply(&flow("kernel-panic", spec)).await.unwrap();
    let hosts = world.adopt().await;
    for host in &hosts {
        let mut found: Host = world.client.get(host).await.unwrap();
        found.metadata.labels.insert("rack".to_owned(), "7".to_owned());
        found.metadata.resource_version = None;
        found.status = None;
        world.client.apply(&Manifest::Host(found)).await.unwrap();
        world.until_well(host).await;
    }
    // Nothing begins until all are known to be ill.
    let pause = RecoveryRequest { on: false, reason: None };
    world.client.set_recovery(None, &pause).await.unwrap();
    let mut events = world.client.follow(None, None);
    events.connect().await.unwrap();
    for host in &hosts[..2] {
        world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();
        until_kind(&mut events, EventKind::IncidentOpened).await;
    }
    // What was ill before a person let it go on is seen; a third host alone is no outbreak.
    let resume = RecoveryRequest { on: true, reason: None };
    world.client.set_recovery(None, &resume).await.unwrap();
    for _ in 0..2 {
        until_kind(&mut events, EventKind::IncidentClosed).await;
    }
    assert_eq!(world.client.runs(&RecordFilter::default()).await.unwrap().len(), 2);

    for host in &hosts {
        world.fleet.stage(host.as_str(), MachineFault::KernelPanic).unwrap();
    }
    let paused = until(&mut events, |event| {
        event.kind == EventKind::RecoveryChanged && event.message.contains("is paused")
    })
    .await;
    let message = &paused.last().unwrap().message;
    assert!(message.contains("of 3 hosts with rack=7 became unwell within 5m"), "{message}");
    world.end().await;
}
