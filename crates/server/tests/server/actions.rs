//! What people ask for is done, and done means that it was seen.

use ironhand_api::{
    BootDevice, BootDeviceRequest, EventKind, KeysRequest, PowerAction, PowerRequest, PowerState, Screen,
    Span,
};
use ironhand_sim::Fault;

use crate::harness::{World, eventually, soon};

#[tokio::test(flavor = "multi_thread")]
async fn power_actions_are_done_when_they_are_seen() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    let truth = || world.fleet.state(host.as_str()).unwrap().power_on;
    let act = async |action| soon(world.client.power(&host, &PowerRequest::new(action))).await;

    let report = act(PowerAction::Off).await.unwrap();
    assert_eq!((report.power, truth()), (Some(PowerState::Off), false), "{report:#?}");
    assert_eq!(report.receipts.len(), 1);
    let report = act(PowerAction::Off).await.unwrap();
    assert!(report.detail.contains("already") && report.receipts.is_empty(), "{report:#?}");
    let refused = act(PowerAction::Reset).await.unwrap_err();
    assert_eq!(
        refused.problem().map(|problem| (problem.code.as_str(), problem.status)),
        Some(("power.not_now", 409))
    );
    let report = act(PowerAction::On).await.unwrap();
    assert_eq!((report.power, truth()), (Some(PowerState::On), true), "{report:#?}");
    act(PowerAction::Cycle).await.unwrap();
    act(PowerAction::Reset).await.unwrap();
    world.until_well(&host).await;
    let report = act(PowerAction::Soft).await.unwrap();
    assert_eq!((report.power, truth()), (Some(PowerState::Off), false), "{report:#?}");

    let request = PowerRequest { action: PowerAction::On, wait: false, timeout: None };
    let job = soon(world.client.start_power(&host, &request)).await.unwrap();
    assert!(!job.state.is_final(), "{job:#?}");
    world.until_well(&host).await;
    let told = world.events().await;
    let count = |kind| told.iter().filter(|event| event.kind == kind).count();
    assert_eq!((count(EventKind::JobAccepted), count(EventKind::ActionDone)), (8, 0));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_seen_in_time_is_told() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    world.fleet.stage(host.as_str(), Fault::BmcSilent).unwrap();
    let request = PowerRequest { action: PowerAction::Off, wait: true, timeout: Some(Span::from_secs(1)) };
    let problem = soon(world.client.power(&host, &request)).await.unwrap_err().problem().cloned().unwrap();
    assert_eq!((problem.code.as_str(), problem.status), ("ipmi.timeout", 502), "{problem:#?}");
    assert_eq!((problem.fault, problem.retry), (ironhand_api::Fault::Network, true));
    assert!(problem.request_id.is_some());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boot_devices_keys_and_screens() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    let request = BootDeviceRequest { device: BootDevice::Pxe, persistent: false, uefi: false };
    let report = soon(world.client.boot_device(&host, &request)).await.unwrap();
    assert!(report.detail.contains("pxe is read back"), "{}", report.detail);

    soon(world.client.keys(&host, "root")).await.unwrap();
    let shows = |screen: &Screen| screen.rows.iter().any(|row| row.contains("login: root"));
    eventually("the screen", async || world.client.read_screen(&host).await.unwrap(), shows).await;
    let screen = world.client.screen(&host).await.unwrap();
    assert!(screen.reliable && screen.font.is_some(), "{screen:#?}");
    assert_eq!(&world.client.picture(&screen.picture).await.unwrap()[1..4], b"PNG");

    let secret = KeysRequest { secret: Some("h<2".into()), ..KeysRequest::new("<Backspace*4>") };
    let report = soon(world.client.type_keys(&host, &secret)).await.unwrap();
    assert_eq!(report.detail, "4 keys pressed, and a secret typed");
    let shows = |screen: &Screen| screen.rows.iter().any(|row| row.contains("login: h<2"));
    eventually("the screen", async || world.client.read_screen(&host).await.unwrap(), shows).await;
    assert!(!format!("{report:?}").contains("h<2"), "{report:#?}");

    let wrong = world.client.keys(&host, "<secret>").await.unwrap_err();
    assert_eq!(wrong.problem().map(|problem| problem.code.as_str()), Some("keys.invalid"));
    let wrong = world.client.keys(&host, "<NoSuchKey>").await.unwrap_err();
    assert_eq!(
        wrong.problem().map(|problem| (problem.code.as_str(), problem.status)),
        Some(("keys.invalid", 422))
    );
    world.end().await;
}
