//! Who is managed, who says so, and what becomes of a host that is not.

use std::time::Duration;

use ironhand_api::{
    EventKind, Host, Icon, Kind, MaintenanceRequest, Management, ManagementRequest, Manifest, Name,
    PowerAction, PowerRequest, PowerState, Problem, SettingsSpec, Span,
};
use serde_json::json;

use crate::harness::{World, credential, host, name, soon};

/// A cluster `web` of a zone `ams`, and the first host of the fleet in it.
async fn placed(world: &World) -> Name {
    let client = &world.client;
    client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    let zone = json!({ "metadata": { "name": "ams" }, "spec": {} });
    client.apply(&Manifest::Zone(serde_json::from_value(zone).unwrap())).await.unwrap();
    let cluster = json!({ "metadata": { "name": "web" }, "spec": { "zone": "ams" } });
    client.apply(&Manifest::Cluster(serde_json::from_value(cluster).unwrap())).await.unwrap();
    let Manifest::Host(mut placed) = host(&world.sim(0), &["fleet"]) else { unreachable!() };
    placed.spec.cluster = Some(name("web"));
    client.apply(&Manifest::Host(placed)).await.unwrap();
    name(&world.sim(0).name)
}

async fn say(world: &World, kind: Kind, name: &Name, enabled: bool) {
    let reason = (!enabled).then(|| format!("the {kind} is moved"));
    let said = world.client.manage(kind, name, &ManagementRequest { enabled, reason }).await.unwrap();
    assert_eq!((said.kind, said.management.on), (kind, enabled));
}

async fn refusal(world: &World, host: &Name) -> Problem {
    let on = PowerRequest::new(PowerAction::On);
    soon(world.client.power(host, &on)).await.unwrap_err().problem().cloned().unwrap()
}

/// Scenarios A3 to A7: each level keeps its own word, and the refusal names the highest that refuses.
#[tokio::test(flavor = "multi_thread")]
async fn every_level_must_agree_and_the_refusal_names_the_one_that_does_not() {
    let world = World::new(1).await;
    let host = placed(&world).await;
    world.until_well(&host).await;
    let (zone, cluster) = (name("ams"), name("web"));
    let levels = [(Kind::Zone, &zone), (Kind::Cluster, &cluster), (Kind::Host, &host)];
    for (kind, name) in levels {
        say(&world, kind, name, false).await;
        let status = world.status(&host).await;
        assert_eq!(status.icon, Icon::Disabled, "at once, not with the next reading");
        assert!(status.power.is_some(), "what was known is kept");
    }
    let expected = [Management::DisabledAtZone, Management::DisabledAtCluster, Management::DisabledAtHost];
    for ((kind, level), management) in levels.into_iter().zip(expected) {
        let status = world.status(&host).await;
        assert_eq!(status.management.map(|fact| fact.value), Some(management));
        let problem = refusal(&world, &host).await;
        assert_eq!((problem.status, problem.code.as_str()), (409, "management.disabled"));
        let named = format!("{kind} {level} is disabled: the {kind} is moved");
        assert!(problem.detail.contains(&named), "{}", problem.detail);
        for error in [
            world.client.screen(&host).await.map(drop),
            world.client.read_screen(&host).await.map(drop),
            world.client.keys(&host, "x").await.map(drop),
        ] {
            assert_eq!(error.unwrap_err().problem().unwrap().code, "management.disabled");
        }
        say(&world, kind, level, true).await;
    }
    let begun = std::time::Instant::now();
    let status = world.until_status(&host, |status| status.icon == Icon::On).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "a first reading comes at once: {status:#?}");
    world.until_well(&host).await;

    let told = world.events().await.into_iter().filter(|event| event.kind == EventKind::ManagementChanged);
    // Six commands; and the host's own way: from managed to the zone's word, down the levels, and back.
    let of_levels = told.filter(|event| event.message.starts_with("management of ")).count();
    assert_eq!(of_levels, 6);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_not_there_are_told_with_their_kind() {
    let world = World::new(0).await;
    for kind in [Kind::Host, Kind::Cluster, Kind::Zone] {
        for enabled in [true, false] {
            let request = ManagementRequest { enabled, reason: None };
            let error = world.client.manage(kind, &name("nowhere"), &request).await.unwrap_err();
            let problem = error.problem().unwrap();
            assert_eq!((problem.status, problem.code.as_str()), (404, "resource.not_found"));
            assert!(problem.detail.contains(&kind.to_string()), "{}", problem.detail);
        }
        assert!(world.client.administration(kind, &name("nowhere")).await.is_err());
    }
    world.end().await;
}

/// A host that is not managed costs its controller nothing, and its sessions are given back.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_managed_is_left_alone() {
    let world = World::new(1).await;
    let host = placed(&world).await;
    world.until_well(&host).await;
    say(&world, Kind::Host, &host, false).await;
    let quiet = world.until_status(&host, |status| status.reach.is_none()).await;
    let before = quiet.power.unwrap().observed_at;
    // Many intervals of its readings.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.status(&host).await.power.unwrap().observed_at, before);
    say(&world, Kind::Host, &host, true).await;
    world.until_status(&host, |status| status.power.as_ref().unwrap().observed_at > before).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_warns_people_and_is_seen() {
    let world = World::new(1).await;
    let host = placed(&world).await;
    world.until_well(&host).await;
    let begin = MaintenanceRequest { on: true, reason: Some("disk is replaced".to_owned()) };
    assert!(world.client.maintain(&host, &begin).await.unwrap().maintenance.on);
    assert!(world.status(&host).await.maintenance.is_some());
    let report = soon(world.client.power(&host, &PowerRequest::new(PowerAction::Off))).await.unwrap();
    assert_eq!(report.power, Some(PowerState::Off));
    assert!(report.warnings[0].contains("in maintenance since"), "{report:#?}");
    assert!(report.warnings[0].ends_with(": disk is replaced"), "{report:#?}");
    let end = MaintenanceRequest { on: false, reason: None };
    world.client.maintain(&host, &end).await.unwrap();
    let report = soon(world.client.power(&host, &PowerRequest::new(PowerAction::On))).await.unwrap();
    assert_eq!(report.warnings, Vec::<String>::new());
    let told = world.events().await.into_iter().filter(|event| event.kind == EventKind::MaintenanceChanged);
    assert_eq!(told.count(), 2);
    world.end().await;
}

/// Settings change while the server runs, at each level, and are shown with what sets them.
#[tokio::test(flavor = "multi_thread")]
async fn settings_change_while_the_server_runs() {
    let world = World::new(1).await;
    let host = placed(&world).await;
    world.until_well(&host).await;
    let definitions = world.client.setting_definitions().await.unwrap();
    assert!(definitions.iter().any(|one| one.name == "actionTimeout" && !one.description.is_empty()));
    let mut kept: Host = world.client.get(&host).await.unwrap();
    kept.status = None;
    let minute = Some(Span::from_secs(60));
    kept.spec.settings = Box::new(SettingsSpec { power_interval: minute, ..SettingsSpec::default() });
    world.client.apply(&Manifest::Host(kept)).await.unwrap();
    let cluster = json!({ "metadata": { "name": "web" }, "spec": { "zone": "ams", "settings": { "actionTimeout": "7s" } } });
    world.client.apply(&Manifest::Cluster(serde_json::from_value(cluster).unwrap())).await.unwrap();
    let in_force = world.client.settings_of(&host).await.unwrap();
    let origin = |name: &str| in_force.iter().find(|one| one.name == name).unwrap().origin.clone();
    assert_eq!(origin("powerInterval"), Some(format!("Host {host}")));
    assert_eq!(origin("actionTimeout"), Some("Cluster web".to_owned()));
    assert_eq!(origin("fenceGap"), None);
    world.end().await;
}
