//! Units at the buttons of simulated machines, through the connectors of a host.

use std::time::Duration;

use ironhand_api::{Connector, IpKvmOptions, Name, PowerAction, PowerState, Tls, Way};
use ironhand_connectors::{Device, Error, Login, Surroundings, open};
use ironhand_console::Image;
use ironhand_console::keys::{self, Keyboard, Layout, Stroke};
use ironhand_sim::kvm_unit::{Button, KvmUnit, KvmUnitConfig, UnitFault, UnitKind};
use ironhand_sim::{Certificate, MachineConfig, Make};

const PASSWORD: &str = "c0rrect: horse";

const ALL: [UnitKind; 3] = [UnitKind::Pikvm, UnitKind::Nanokvm, UnitKind::Jetkvm];

async fn unit(kind: UnitKind, running: bool, certificate: Option<Certificate>) -> KvmUnit {
    let machine =
        MachineConfig { name: "rack7-12".to_owned(), make: Make::R740Like, seed: 1, pace: 50.0, running };
    let config = KvmUnitConfig::new(kind, PASSWORD.into(), machine);
    KvmUnit::start(KvmUnitConfig { certificate, ..config }).await.expect("a free port")
}

fn device(unit: &KvmUnit, kind: UnitKind, tls: Tls, password: Option<&str>) -> Box<dyn Device> {
    let options = IpKvmOptions { tls: Some(tls) };
    let way = match kind {
        UnitKind::Pikvm => Way::Pikvm(options),
        UnitKind::Nanokvm => Way::Nanokvm(options),
        UnitKind::Jetkvm => Way::Jetkvm(options),
        UnitKind::Aten | UnitKind::Ivtp => panic!("{kind:?} has no buttons"),
    };
    let mut connector = Connector::new(way, "127.0.0.1");
    connector.port = Some(unit.address().port());
    connector.credentials = Some(vec!["kvm".parse::<Name>().expect("a name")]);
    let login = password.map(|password| Login { username: "admin".to_owned(), password: password.into() });
    open(&connector, login, &Surroundings::default()).expect("a connector that can be used")
}

fn plain(unit: &KvmUnit, kind: UnitKind) -> Box<dyn Device> {
    device(unit, kind, Tls::Off, Some(PASSWORD))
}

/// Looks until the power light says so.
async fn wait_for(device: &mut dyn Device, wanted: PowerState) {
    let looking = async {
        while device.power_state().await.expect("the light can be read") != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looking).await.expect("the light follows in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn buttons_do_what_they_do_on_machines() {
    for kind in ALL {
        let unit = unit(kind, true, None).await;
        let mut device = plain(&unit, kind);
        assert_eq!(device.power_state().await, Ok(PowerState::On));
        assert_eq!(device.power(PowerAction::On).await, Ok(()));
        assert_eq!(unit.presses(), [], "{kind:?}: a machine that is on is not pressed for on");
        assert_eq!(device.power(PowerAction::Soft).await, Ok(()));
        wait_for(&mut *device, PowerState::Off).await;
        for action in [PowerAction::Soft, PowerAction::Reset, PowerAction::Cycle] {
            let refused = device.power(action).await.expect_err("it is off");
            assert!(refused.is_unsupported(), "{refused}");
        }
        assert_eq!(device.power(PowerAction::Off).await, Ok(()));
        assert_eq!(unit.presses().len(), 1);
        assert_eq!(device.power(PowerAction::On).await, Ok(()));
        wait_for(&mut *device, PowerState::On).await;
        assert_eq!(device.power(PowerAction::Reset).await, Ok(()));
        assert_eq!(device.power(PowerAction::Off).await, Ok(()));
        wait_for(&mut *device, PowerState::Off).await;
        let pressed: Vec<_> = unit.presses().iter().map(|press| (press.button, press.was_on)).collect();
        let (power, reset) = (Button::Power, Button::Reset);
        assert_eq!(pressed, [(power, true), (power, false), (reset, true), (power, true)], "{kind:?}");
        assert!(device.power(PowerAction::Nmi).await.is_err_and(|error| error.is_unsupported()));
        device.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cycle_holds_the_button_waits_and_presses_again() {
    for kind in ALL {
        let unit = unit(kind, true, None).await;
        let mut device = plain(&unit, kind);
        assert_eq!(device.power(PowerAction::Cycle).await, Ok(()));
        let presses = unit.presses();
        assert_eq!(presses.len(), 2, "{presses:?}");
        assert!(presses[0].held > Duration::from_secs(4) && presses[0].was_on);
        assert!(presses[1].held < Duration::from_secs(1) && !presses[1].was_on);
        wait_for(&mut *device, PowerState::On).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_is_seen_and_keys_arrive() {
    for kind in ALL {
        let unit = unit(kind, true, None).await;
        let mut device = plain(&unit, kind);
        for _ in 0..2 {
            let picture = device.picture().await.expect("a picture");
            if kind == UnitKind::Jetkvm {
                assert_eq!(picture.media_type, "video/h264");
                let image = Image::decode(&picture.file).expect("a frame");
                assert!(image.width >= 640 && image.height >= 400, "{}x{}", image.width, image.height);
                continue;
            }
            assert_eq!(picture.media_type, "image/jpeg");
            assert!(picture.file.starts_with(&[0xff, 0xd8]) && picture.file.ends_with(&[0xff, 0xd9]));
        }
        let pressed: Vec<Stroke> = ["A", "<Enter>"].into_iter().flat_map(strokes).collect();
        for stroke in &pressed {
            assert_eq!(device.key(*stroke).await, Ok(()), "{kind:?}");
        }
        let keys: Vec<_> = pressed.iter().map(|stroke| (stroke.keysym, stroke.down)).collect();
        let arrived = async {
            while unit.keys().len() < keys.len() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), arrived).await.expect("the keys arrive");
        assert_eq!(unit.keys(), keys);
        let nowhere = Stroke { keysym: 0xfc, usage: None, down: true };
        assert!(device.key(nowhere).await.is_err_and(|error| error.is_unsupported()));

        unit.break_unit(Some(UnitFault::NoSignal));
        // A NanoKVM keeps silent then, so this waits.
        let unseen = device.picture().await.expect_err("there is no signal");
        assert_eq!(unseen.code(), "connector.no_picture", "{kind:?}: {unseen}");
        assert_eq!(device.key(strokes("a")[0]).await, Ok(()));
    }
}

/// What typing a text presses on the US layout.
fn strokes(text: &str) -> Vec<Stroke> {
    let steps = keys::parse(text).expect("keys");
    let pressed = |step| keys::strokes(step, Keyboard::Positions, Layout::Us).expect("a position");
    steps.iter().flat_map(pressed).collect()
}

/// Checks what a fault of a unit comes to: of reading, and of a press.
async fn check(kind: UnitKind, fault: UnitFault, reading: Result<PowerState, &str>, press: Result<(), &str>) {
    let unit = unit(kind, true, None).await;
    unit.break_unit(Some(fault));
    let mut device = plain(&unit, kind);
    let code = |error: Error| {
        let told = format!("{error} {error:?}");
        assert!(!told.contains("c0rrect"), "{told}");
        error.code()
    };
    assert_eq!(device.power_state().await.map_err(code), reading, "{kind:?} {fault:?}");
    assert_eq!(device.power(PowerAction::Off).await.map_err(code), press, "{kind:?} {fault:?}");
    assert!(unit.is_on());
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_units_are_told_apart() {
    use UnitKind::{Jetkvm, Nanokvm, Pikvm};
    let (on, unknown) = (Ok(PowerState::On), Ok(PowerState::Unknown));
    let unsupported = "connector.unsupported";
    check(Pikvm, UnitFault::AtxDisabled, Err(unsupported), Err(unsupported)).await;
    check(Jetkvm, UnitFault::AtxDisabled, Err(unsupported), Err(unsupported)).await;
    check(Jetkvm, UnitFault::NotSetUp, Err("connector.refused"), Err("connector.refused")).await;
    check(Pikvm, UnitFault::LightUnknown, unknown, Err(unsupported)).await;
    check(Nanokvm, UnitFault::LightUnknown, unknown, Err(unsupported)).await;
    check(Pikvm, UnitFault::Busy, on, Err("connector.busy")).await;
    check(Nanokvm, UnitFault::Busy, on, Err("connector.refused")).await;
    let refused = "connector.login_refused";
    check(Pikvm, UnitFault::SecondFactor, Err(refused), Err(refused)).await;
    for kind in ALL {
        check(kind, UnitFault::Down, Err("connector.busy"), Err("connector.busy")).await;
        // The press is taken; that nothing came of it shows in the light.
        check(kind, UnitFault::ButtonsLoose, on, Ok(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_with_a_wrong_password() {
    for kind in ALL {
        let unit = unit(kind, true, None).await;
        for password in [Some("hunter2"), None] {
            let mut device = device(&unit, kind, Tls::Off, password);
            let refusals = [
                device.power_state().await.expect_err("it is wrong"),
                device.power(PowerAction::Off).await.expect_err("it is wrong"),
                device.picture().await.expect_err("it is wrong"),
                device.key(strokes("a")[0]).await.expect_err("it is wrong"),
            ];
            for refusal in refusals {
                let told = format!("{refusal} {refusal:?}");
                assert!(refusal.is_refusal() && !told.contains("hunter2"), "{kind:?}: {told}");
            }
        }
        assert!(unit.is_on() && unit.keys().is_empty());
        let mut other = device(&unit, kind, Tls::Off, Some("once more"));
        other.power_state().await.expect_err("it is wrong");
        let mut right = plain(&unit, kind);
        let locked = kind == UnitKind::Nanokvm;
        let read = right.power_state().await.map_err(|error| error.code());
        assert_eq!(read, if locked { Err("connector.busy") } else { Ok(PowerState::On) }, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn units_are_reached_over_tls() {
    let certificate = Certificate::self_signed().expect("a certificate");
    for kind in ALL {
        let unit = unit(kind, true, Some(certificate.clone())).await;
        let mut pinned = device(&unit, kind, Tls::Default, Some(PASSWORD));
        assert_eq!(pinned.power_state().await, Ok(PowerState::On));
        pinned.picture().await.expect("a picture");
        assert_eq!(pinned.key(strokes("a")[0]).await, Ok(()));
        let mut untrusted = device(&unit, kind, Tls::Ca("system".to_owned()), Some(PASSWORD));
        let refused = untrusted.power_state().await.expect_err("nobody vouches for it");
        assert!(matches!(refused.code(), "connector.certificate" | "connector.misconfigured"), "{refused}");
    }
}
