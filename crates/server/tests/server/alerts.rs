//! Alerts: one for each cause, however often it is observed, and cleared when it is over.

use std::time::Duration;

use ironhand_api::{Alert, AlertCause, EventKind, Icon, Name};
use ironhand_client::RecordFilter;
use ironhand_server::Settings;
use ironhand_sim::{Fault, FleetConfig};

use crate::harness::{self, World};

async fn alerts(world: &World) -> Vec<Alert> {
    world.client.alerts(&RecordFilter::default()).await.unwrap()
}

/// A host with a fault, until its alert is open; then for many readings; then mended.
async fn check(fault: Fault, cause: AlertCause) {
    let settings = Settings { alert_after: Duration::from_millis(500), ..harness::settings() };
    let settings = Settings {
        auth_first: Duration::from_secs(1),
        auth_longest: Duration::from_secs(2),
        dead_longest: Duration::from_secs(1),
        ..settings
    };
    let world = World::with(FleetConfig { pace: 20.0, ..FleetConfig::new(1) }, settings).await;
    let host: Name = world.adopt().await.remove(0);
    world.until_well(&host).await;
    world.fleet.stage(host.as_str(), fault).unwrap();
    let lost = world.until_status(&host, |status| status.alerts.contains(&cause)).await;
    assert_eq!(lost.icon, Icon::Unknown);
    assert!(lost.power.is_some(), "the last known value stays, with its age");
    // Further attempts, each of which fails in the same way.
    for _ in 0..3 {
        let before = world.status(&host).await.reach.unwrap().observed_at;
        world.until_status(&host, |status| status.reach.as_ref().unwrap().observed_at > before).await;
    }
    let open = alerts(&world).await;
    assert_eq!(open.len(), 1, "{open:#?}");
    assert_eq!((open[0].cause, open[0].cleared_at), (cause, None));
    assert_eq!(world.client.alert(open[0].id).await.unwrap(), open[0]);
    world.fleet.mend_connections(host.as_str()).unwrap();
    world.until_status(&host, |status| status.alerts.is_empty()).await;
    world.until_well(&host).await;
    assert!(alerts(&world).await[0].cleared_at.is_some());
    let told = world.events().await;
    let count =
        |kind| told.iter().filter(|event| event.kind == kind && event.alert == Some(open[0].id)).count();
    assert_eq!((count(EventKind::AlertOpened), count(EventKind::AlertCleared)), (1, 1), "{told:#?}");
    let outages = told.iter().filter(|event| event.kind == EventKind::ReachChanged).count();
    assert_eq!(outages, 3, "seen, lost, seen again: {told:#?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contact_that_is_lost_is_one_alert() {
    check(Fault::BmcSilent, AlertCause::ContactLost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_refused_is_one_alert() {
    check(Fault::BmcPasswordChanged, AlertCause::AuthFailed).await;
}

/// What was told before the server stopped is not told again by the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_opens_nothing_twice() {
    let settings = Settings { alert_after: Duration::from_millis(500), ..harness::settings() };
    let mut world = World::with(FleetConfig { pace: 20.0, ..FleetConfig::new(1) }, settings).await;
    let host: Name = world.adopt().await.remove(0);
    world.until_well(&host).await;
    world.fleet.stage(host.as_str(), Fault::BmcSilent).unwrap();
    world.until_status(&host, |status| status.alerts.contains(&AlertCause::ContactLost)).await;
    world.server.take().unwrap().shutdown().await;
    let again = harness::config(&world.directory(), settings);
    world.server = Some(ironhand_server::Server::start(again).await.unwrap());
    let before = world.status(&host).await.reach.unwrap().observed_at;
    let status =
        world.until_status(&host, |status| status.reach.as_ref().unwrap().observed_at > before).await;
    assert_eq!(status.alerts, [AlertCause::ContactLost]);
    assert_eq!(alerts(&world).await.len(), 1);
    world.end().await;
}
