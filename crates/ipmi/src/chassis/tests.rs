use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::bmc::{Bmc, BmcConfig, desk};
use crate::command::{ChassisControl, ChassisStatus, FrontPanelButtons, GetChassisStatus, IdentifyState};
use crate::completion::CompletionCode;
use crate::procedure::{Ask, script};

fn bmc() -> Bmc {
    Bmc::new(BmcConfig::new(Vec::new()), Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

fn ask<C: Command>(bmc: &mut Bmc, now: Instant, command: &C) -> C::Reply {
    desk::run(bmc, now, Ask::new("try it", command)).unwrap()
}

fn light(bmc: &mut Bmc, now: Instant) -> IdentifyState {
    bmc.wake(now);
    ask(bmc, now, &GetChassisStatus).identify.unwrap()
}

#[test]
fn the_identify_light_goes_off_by_itself_or_when_told() {
    let (mut bmc, start) = (bmc(), Instant::now());
    let after = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(light(&mut bmc, start), IdentifyState::Off);
    assert_eq!(desk::run(&mut bmc, start, identify(ChassisIdentify::DEFAULT)), Ok(Some(15)));
    assert_eq!(light(&mut bmc, after(14)), IdentifyState::Temporary);
    assert_eq!(bmc.next_wake(), Some(after(15)));
    assert_eq!(light(&mut bmc, after(15)), IdentifyState::Off);
    assert_eq!(desk::run(&mut bmc, start, identify(ChassisIdentify::On)), Ok(None));
    assert_eq!(light(&mut bmc, after(1000)), IdentifyState::Indefinite);
    assert_eq!(desk::run(&mut bmc, start, identify(ChassisIdentify::Seconds(0))), Ok(Some(0)));
    assert_eq!(light(&mut bmc, after(1000)), IdentifyState::Off);
}

#[test]
fn a_bmc_without_an_indefinite_light_is_lit_for_the_longest_time() {
    let (outcome, asked) = script::run(identify(ChassisIdentify::On), |asked| {
        (if asked.data.len() == 1 { 0 } else { 0xC7 }, Vec::new())
    });
    assert_eq!(outcome, Ok(Some(255)));
    assert_eq!(asked[1].data, [255]);
    let (outcome, _) = script::run(identify(ChassisIdentify::Seconds(3)), |_| (0xC1, Vec::new()));
    let code = CompletionCode::INVALID_COMMAND;
    assert_eq!(outcome, Err(ProcedureError::Refused { doing: "switch the identify light", code }));
}

#[test]
fn the_restore_policy_is_set_and_read_back() {
    let (mut bmc, now) = (bmc(), Instant::now());
    let all = SupportedPolicies { stay_off: true, previous: true, power_up: true };
    assert_eq!(desk::run(&mut bmc, now, set_restore_policy(RestorePolicy::Previous)), Ok(all));
    assert_eq!(ask(&mut bmc, now, &GetChassisStatus).restore_policy, RestorePolicy::Previous);
    assert_eq!(desk::run(&mut bmc, now, set_restore_policy(RestorePolicy::Unknown)), Ok(all));
    assert_eq!(ask(&mut bmc, now, &GetChassisStatus).restore_policy, RestorePolicy::Previous);
    let (outcome, _) = script::run(set_restore_policy(RestorePolicy::PowerUp), |asked| match asked.cmd {
        0x06 => (0, vec![7]),
        _ => (0, vec![0x21, 0, 0]),
    });
    assert_eq!(outcome, Err(ProcedureError::NotKept { doing: "set the power restore policy" }));
}

#[test]
fn disabled_buttons_and_the_restart_cause_show() {
    let (mut bmc, now) = (bmc(), Instant::now());
    let locked = ButtonSet { reset: true, power_off: true, ..ButtonSet::default() };
    ask(&mut bmc, now, &SetFrontPanelEnables(locked));
    let status = ask(&mut bmc, now, &GetChassisStatus);
    assert!(status.front_panel_lockout);
    let buttons = FrontPanelButtons { can_disable: ButtonSet::ALL, disabled: locked };
    assert_eq!(status.buttons, Some(buttons));
    bmc.set_chassis(ChassisStatus { power_on: true, ..Default::default() });
    assert_eq!(
        ask(&mut bmc, now, &GetChassisStatus).buttons,
        Some(buttons),
        "the machine does not unlock them"
    );

    assert_eq!(ask(&mut bmc, now, &GetSystemRestartCause), RestartCause::Unknown);
    ask(&mut bmc, now, &ChassisControl::HardReset);
    assert_eq!(ask(&mut bmc, now, &GetSystemRestartCause), RestartCause::ChassisControl { channel: 1 });
    bmc.set_restart_cause(RestartCause::PowerButton);
    assert_eq!(ask(&mut bmc, now, &GetSystemRestartCause), RestartCause::PowerButton);
}

#[test]
fn replies_are_read() {
    let capabilities = GetChassisCapabilities::decode(&[0x06, 0x20, 0x20, 0x22, 0x20, 0x24]).unwrap();
    assert!(capabilities.diagnostic_interrupt && capabilities.front_panel_lockout);
    assert_eq!((capabilities.sel_address, capabilities.bridge_address), (0x22, Some(0x24)));
    assert_eq!(capabilities.encode(), [0x06, 0x20, 0x20, 0x22, 0x20, 0x24]);
    let counter = GetPohCounter::decode(&[60, 0x10, 0x27, 0, 0]).unwrap();
    assert_eq!(counter.time(), Duration::from_secs(10_000 * 3600));
    assert_eq!(GetSystemRestartCause::decode(&[4]), Ok(RestartCause::Watchdog), "without the channel");
    assert_eq!(GetSystemRestartCause::decode(&[0x1E, 1]), Ok(RestartCause::Reserved(14)));
}

proptest! {
    #[test]
    fn restart_causes_survive_the_wire(bytes: [u8; 2]) {
        let cause = GetSystemRestartCause::decode(&bytes).unwrap();
        prop_assert_eq!(GetSystemRestartCause::decode(&cause.encode()), Ok(cause));
    }

    #[test]
    fn decoders_take_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..20)) {
        let _ = GetChassisCapabilities::decode(&data);
        let _ = SetPowerRestorePolicy::decode(&data);
        let _ = GetSystemRestartCause::decode(&data);
        let _ = GetPohCounter::decode(&data);
        for command in 0x00..0x10 {
            let _ = desk::ask(&mut bmc(), Instant::now(), 0x00, 0, command, &data);
        }
    }
}

#[test]
fn a_status_tells_whether_a_command_switched_the_machine_on() {
    let check = |control: Option<u8>, before: bool, expected: u8| {
        let mut bmc = bmc();
        bmc.set_chassis(ChassisStatus { power_on: before, ..bmc.chassis() });
        if let Some(number) = control {
            assert!(desk::ask(&mut bmc, Instant::now(), 0x00, 0, 0x02, &[number]).0.is_ok());
        }
        for power_on in [false, true] {
            bmc.set_chassis(ChassisStatus { power_on, ..bmc.chassis() });
        }
        assert_eq!(bmc.chassis().last_power_event, expected, "{control:?}");
        // Switched off and on by hand.
        for power_on in [false, true] {
            bmc.set_chassis(ChassisStatus { power_on, ..bmc.chassis() });
        }
        assert_eq!(bmc.chassis().last_power_event, 0);
    };
    check(None, false, 0);
    check(Some(1), false, 0x10);
    check(Some(2), true, 0x10);
    check(Some(1), true, 0);
    check(Some(0), true, 0);
}
