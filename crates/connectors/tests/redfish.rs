//! Simulated controllers of several makes, spoken to as a host's connector does it.

use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{BootDevice, PowerAction, PowerState};
use ironhand_connectors::{
    BootOverride, Device, Error, HttpClient, HttpLimits, Login, MemorySessions, Proof, RedfishConfig,
    RedfishDevice, Route, Sessions,
};
use ironhand_redfish::bmc::Flavour;
use ironhand_sim::bmc_fleet::{PowerTimes, RedfishConfig as Spoken};
use ironhand_sim::{BmcFleet, BmcFleetConfig};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Controllers of these flavours, one each.
fn fleet(flavours: &[&'static Flavour]) -> BmcFleet {
    let spoken = Spoken { port: 0, certificate: None, flavours: flavours.to_vec() };
    let config = BmcFleetConfig {
        redfish: Some(spoken),
        times: PowerTimes::from_act(Duration::from_millis(20)),
        ..BmcFleetConfig::new(flavours.len())
    };
    BmcFleet::start(config).expect("free ports")
}

fn device(fleet: &BmcFleet, index: usize, password: &str, sessions: &Arc<MemorySessions>) -> RedfishDevice {
    let address = fleet.redfish(index).expect("it speaks Redfish");
    let route = Route::direct(address.ip().to_string(), address.port());
    let http = HttpClient::new(route, Proof::Off, HttpLimits::default());
    let config = RedfishConfig {
        controller: address.to_string(),
        login: Login { username: "admin".to_owned(), password: password.into() },
        system: None,
        sessions: Arc::clone(sessions) as Arc<dyn Sessions>,
    };
    RedfishDevice::new(http, config)
}

/// Waits until the machine shows a state of its power.
async fn reach(device: &mut RedfishDevice, wanted: PowerState) {
    let seen = async {
        while device.power_state().await != Ok(wanted) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.expect("the machine follows");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_make_is_read_and_switched() {
    let fleet = fleet(Flavour::ALL);
    for (index, flavour) in Flavour::ALL.iter().enumerate() {
        let name = flavour.name;
        let sessions = Arc::new(MemorySessions::default());
        let mut device = device(&fleet, index, "simulated", &sessions);
        assert_eq!(device.power_state().await, Ok(PowerState::On), "{name}");
        device.power(PowerAction::Off).await.expect(name);
        reach(&mut device, PowerState::Off).await;
        device.power(PowerAction::On).await.expect(name);
        reach(&mut device, PowerState::On).await;

        let wanted = BootOverride { device: BootDevice::Pxe, persistent: false, uefi: true };
        assert_eq!(device.set_boot_override(wanted).await, Ok(wanted), "{name}");
        assert!(!device.sensors().await.expect(name).sensors.is_empty(), "{name}");
        assert!(device.inventory().await.expect(name).model.is_some(), "{name}");
        assert!(!device.event_log(100).await.expect(name).entries.is_empty(), "{name}");
        device.identify(true, None).await.expect(name);
        device.set_password("admin".to_owned(), "Another-7f3a-word".into()).await.expect(name);
        Box::new(device).close().await;
        assert!(sessions.open().is_empty(), "{name}: no session is left");
    }
}

/// A session that is kept serves the next who asks, and one that is over is opened anew.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_kept_and_renewed() {
    let fleet = fleet(&[Flavour::GENERIC]);
    let sessions = Arc::new(MemorySessions::default());
    let place = fleet.redfish(0).expect("an address").to_string();
    let mut first = device(&fleet, 0, "simulated", &sessions);
    assert_eq!(first.power_state().await, Ok(PowerState::On));
    let kept = sessions.kept(&place, "admin").await.expect("a session");

    // With a kept session no login is needed, so a password that is wrong by now does not matter.
    let mut second = device(&fleet, 0, "outdated", &sessions);
    assert_eq!(second.power_state().await, Ok(PowerState::On));
    assert_eq!(sessions.kept(&place, "admin").await.as_ref(), Some(&kept));

    // Somebody ends it.
    let other = device(&fleet, 0, "simulated", &sessions);
    Box::new(other).close().await;
    assert!(sessions.open().is_empty());
    let mut third = device(&fleet, 0, "simulated", &sessions);
    assert_eq!(third.power_state().await, Ok(PowerState::On));
    assert_ne!(sessions.kept(&place, "admin").await, Some(kept));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_not_shown() {
    let fleet = fleet(&[Flavour::GENERIC]);
    let mut device = device(&fleet, 0, "Wrong-Secret-1", &Arc::default());
    let error = device.power_state().await.expect_err("the password is wrong");
    assert!(matches!(error, Error::LoginRefused { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("Secret"), "{error:?}");
    let refused = device.events().await.err();
    assert!(matches!(refused, Some(Error::LoginRefused { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_happen() {
    let fleet = fleet(&[Flavour::GENERIC, Flavour::ILO5]);
    let mut device = device(&fleet, 0, "simulated", &Arc::default());
    let mut events = device.events().await.expect("it has a stream");
    let silent = events.next(Duration::from_millis(1)).await;
    assert!(matches!(silent, Err(Error::Silent { .. })), "nothing happened yet: {silent:?}");
    device.power(PowerAction::Off).await.expect("it switches");
    let told = events.next(PATIENCE).await.expect("the stream goes on").expect("it does not end");
    let ids: Vec<_> = told.iter().filter_map(|event| event.message_id.as_deref()).collect();
    assert_eq!(ids, ["ResourceEvent.1.3.ResourcePoweredOff"]);

    let without = self::device(&fleet, 1, "simulated", &Arc::default()).events().await.err();
    assert!(matches!(without, Some(Error::Unsupported { .. })), "{without:?}");
}
