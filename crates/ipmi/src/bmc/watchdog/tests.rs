use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::bmc::{Bmc, BmcConfig, BmcEvent, BmcOutput, SensorSet, desk};
use crate::chassis::{GetSystemRestartCause, RestartCause};
use crate::command::{ChassisControl, Command};
use crate::procedure::{Ask, ProcedureError};
use crate::watchdog::{
    GetWatchdogTimer, NEVER_SET, PretimeoutInterrupt, ResetWatchdogTimer, SetWatchdogTimer, TimeoutAction,
    TimerUse, WatchdogSettings, WatchdogTimer,
};

fn bmc() -> Bmc {
    Bmc::new(BmcConfig::new(Vec::new()), Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

/// Two seconds until a hard reset, with an interrupt one second before.
const SETTINGS: WatchdogSettings = WatchdogSettings {
    dont_log: true,
    timer_use: TimerUse::Sms,
    action: TimeoutAction::HardReset,
    pretimeout_interrupt: PretimeoutInterrupt::Nmi,
    pretimeout: 1,
    expired: 0,
    countdown: 20,
};

fn ask<C: Command>(bmc: &mut Bmc, now: Instant, command: &C) -> Result<C::Reply, ProcedureError> {
    desk::run(bmc, now, Ask::new("try it", command))
}

fn events(bmc: &mut Bmc) -> Vec<BmcEvent> {
    let outputs = std::iter::from_fn(|| bmc.next_output());
    outputs
        .map(|output| match output {
            BmcOutput::Event(event) => event,
            BmcOutput::Send { .. } => panic!("nothing is sent"),
        })
        .collect()
}

#[test]
fn a_timer_that_nobody_restarts_expires_once() {
    let (mut bmc, start) = (bmc(), Instant::now());
    let at = |tenths: u64| start + Duration::from_millis(tenths * 100);
    assert_eq!(ask(&mut bmc, start, &GetWatchdogTimer).unwrap().settings.expired, 0);
    let refused = ask(&mut bmc, start, &ResetWatchdogTimer);
    assert_eq!(refused, Err(ProcedureError::Refused { doing: "try it", code: NEVER_SET }));

    ask(&mut bmc, start, &SetWatchdogTimer { keep_running: false, settings: SETTINGS }).unwrap();
    assert_eq!(bmc.next_wake(), None, "setting does not start it");
    ask(&mut bmc, at(5), &ResetWatchdogTimer).unwrap();
    ask(&mut bmc, at(10), &ResetWatchdogTimer).unwrap();
    assert_eq!(bmc.next_wake(), Some(at(20)), "the interrupt comes a second before the end");
    let timer = ask(&mut bmc, at(14), &GetWatchdogTimer).unwrap();
    assert_eq!(timer, WatchdogTimer { running: true, settings: SETTINGS, present: 16 });

    bmc.wake(at(20));
    let interrupt = PretimeoutInterrupt::Nmi;
    assert_eq!(events(&mut bmc), [BmcEvent::WatchdogPretimeout { interrupt }]);
    assert_eq!(bmc.next_wake(), Some(at(30)));
    bmc.wake(at(30));
    let expired = BmcEvent::WatchdogExpired { action: TimeoutAction::HardReset, timer_use: TimerUse::Sms };
    assert_eq!(expired.control(), Some(ChassisControl::HardReset));
    assert_eq!(events(&mut bmc), [expired]);
    bmc.wake(at(1000));
    assert_eq!((events(&mut bmc), bmc.next_wake()), (Vec::new(), None));

    let timer = ask(&mut bmc, at(1000), &GetWatchdogTimer).unwrap();
    let flagged = WatchdogSettings { expired: 1 << 4, ..SETTINGS };
    assert_eq!(timer, WatchdogTimer { running: false, settings: flagged, present: 0 });
    assert_eq!(ask(&mut bmc, at(1000), &GetSystemRestartCause), Ok(RestartCause::Watchdog));
    ask(&mut bmc, at(1000), &SetWatchdogTimer::STOP).unwrap();
    assert_eq!(ask(&mut bmc, at(1000), &GetWatchdogTimer).unwrap().settings.expired, 0, "cleared by its bit");
}

#[test]
fn an_expiry_is_logged_unless_it_is_not_to_be() {
    let check = |dont_log: bool, logged: usize| {
        let (mut bmc, now) = (bmc(), Instant::now());
        let before = bmc.log_length();
        let settings = WatchdogSettings { dont_log, ..SETTINGS };
        ask(&mut bmc, now, &SetWatchdogTimer { keep_running: false, settings }).unwrap();
        ask(&mut bmc, now, &ResetWatchdogTimer).unwrap();
        bmc.wake(now + Duration::from_secs(2));
        assert_eq!(bmc.log_length() - before, logged);
        assert_eq!(watchdog_states(&mut bmc, now), 1 << 1, "hard reset");
        ask(&mut bmc, now, &SetWatchdogTimer::STOP).unwrap();
        assert_eq!(watchdog_states(&mut bmc, now), 0, "cleared with the flag");
    };
    check(true, 0);
    check(false, 1);
}

/// What the sample's watchdog sensor shows.
fn watchdog_states(bmc: &mut Bmc, now: Instant) -> u8 {
    desk::ask(bmc, now, 0x04, 0, 0x2D, &[0x71]).1[2]
}

#[test]
fn an_expiry_is_logged_for_the_sensor_that_shows_it() {
    let check = |sensors: Arc<SensorSet>, number: u8| {
        let config = BmcConfig { sensors, ..BmcConfig::new(Vec::new()) };
        let (mut bmc, now) = (Bmc::new(config, Box::new(|bytes: &mut [u8]| bytes.fill(1))), Instant::now());
        let settings = WatchdogSettings { dont_log: false, ..SETTINGS };
        ask(&mut bmc, now, &SetWatchdogTimer { keep_running: false, settings }).unwrap();
        ask(&mut bmc, now, &ResetWatchdogTimer).unwrap();
        bmc.wake(now + Duration::from_secs(2));
        let (_, record) = desk::ask(&mut bmc, now, 0x0A, 0, 0x43, &[0, 0, 0xFF, 0xFF, 0, 0xFF]);
        assert_eq!(record[12..16], [0x23, number, 0x6F, 0xC1]);
    };
    check(SensorSet::sample(), 0x71);
    check(Arc::default(), 0x00);
}

#[test]
fn setting_stops_the_timer_unless_it_is_to_go_on() {
    let check = |keep_running: bool, wake: Option<u64>| {
        let (mut bmc, start) = (bmc(), Instant::now());
        let quiet = WatchdogSettings { pretimeout_interrupt: PretimeoutInterrupt::None, ..SETTINGS };
        ask(&mut bmc, start, &SetWatchdogTimer { keep_running: true, settings: quiet }).unwrap();
        assert_eq!(bmc.next_wake(), None, "a timer that does not run is not started by it");
        ask(&mut bmc, start, &ResetWatchdogTimer).unwrap();
        let settings = WatchdogSettings { countdown: 100, ..quiet };
        ask(&mut bmc, start + Duration::from_secs(1), &SetWatchdogTimer { keep_running, settings }).unwrap();
        assert_eq!(bmc.next_wake(), wake.map(|seconds| start + Duration::from_secs(seconds)));
    };
    check(false, None);
    check(true, Some(11));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let check = |settings: WatchdogSettings, code: u8| {
        let raw = crate::command::RawCommand::of(&SetWatchdogTimer { keep_running: false, settings });
        assert_eq!(desk::ask(&mut bmc(), Instant::now(), 0x06, 0, 0x24, &raw.data).0.0, code, "{settings:?}");
    };
    check(SETTINGS, 0);
    check(WatchdogSettings { action: TimeoutAction::Reserved(5), ..SETTINGS }, 0xCC);
    check(WatchdogSettings { pretimeout: 3, ..SETTINGS }, 0xCC);
}

proptest! {
    #[test]
    fn the_timer_survives_the_wire(bytes: [u8; 8]) {
        let timer = GetWatchdogTimer::decode(&bytes).unwrap();
        prop_assert_eq!(GetWatchdogTimer::decode(&timer.encode()), Ok(timer));
    }

    #[test]
    fn any_settings_run_to_an_end(data: [u8; 6]) {
        let (mut bmc, now) = (bmc(), Instant::now());
        let _ = desk::ask(&mut bmc, now, 0x06, 0, 0x24, &data);
        let _ = desk::ask(&mut bmc, now, 0x06, 0, 0x22, &[]);
        bmc.wake(now + Duration::from_secs(6554));
        prop_assert_eq!(bmc.next_wake(), None);
    }
}
