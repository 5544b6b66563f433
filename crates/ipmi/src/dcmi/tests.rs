use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::bmc::{Bmc, BmcConfig, desk};
use crate::command::{ChassisStatus, Command};
use crate::fault::Fault;
use crate::procedure::{Ask, script};
use crate::quirk::{Quirk, Quirks};

fn bmc(quirks: Quirks) -> Bmc {
    let chassis = ChassisStatus { power_on: true, ..ChassisStatus::default() };
    let config = BmcConfig { chassis, quirks, ..BmcConfig::new(Vec::new()) };
    Bmc::new(config, Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

fn run<P: Procedure>(bmc: &mut Bmc, procedure: P) -> Result<P::Output, ProcedureError> {
    desk::run(bmc, Instant::now(), procedure)
}

#[test]
fn power_is_read() {
    let mut bmc = bmc(Quirks::NONE);
    let reading = run(&mut bmc, Ask::new("read the power", &GetPowerReading)).unwrap();
    assert!(reading.active && reading.current == 180);
    let told = PowerReading { current: 312, minimum: 90, maximum: 455, average: 300, ..reading };
    bmc.set_power_reading(told);
    assert_eq!(run(&mut bmc, Ask::new("read the power", &GetPowerReading)), Ok(told));
    let wire = [0xDC, 0x38, 0x01, 0x5A, 0, 0xC7, 0x01, 0x2C, 0x01, 0, 0, 0, 0, 0x60, 0xEA, 0, 0, 0x40];
    assert_eq!(GetPowerReading::decode(&wire), Ok(told));
    assert_eq!(GetPowerReading::decode(&[0x00; 18]), Err(Fault::Field { field: "group", value: 0 }));
}

#[test]
fn capabilities_are_told() {
    let supported = GetDcmiCapabilities(CapabilityParameter::Supported);
    let capabilities = run(&mut bmc(Quirks::NONE), Ask::new("read them", &supported)).unwrap();
    assert_eq!(capabilities.version, DcmiVersion { major: 1, minor: 5 });
    assert!(capabilities.power_management());
}

#[test]
fn a_limit_is_set_switched_on_and_off() {
    let mut bmc = bmc(Quirks::NONE);
    let limit = PowerLimit { action: ExceptionAction::Log, watts: 250, correction: 1000, sampling: 5 };
    assert_eq!(run(&mut bmc, read_power_limit()), Ok(None));
    let code = CompletionCode::WRONG_STATE;
    assert_eq!(
        run(&mut bmc, activate(true)),
        Err(ProcedureError::Refused { doing: "switch the power limit", code })
    );
    assert_eq!(run(&mut bmc, set_power_limit(limit, true)), Ok(()));
    assert_eq!(run(&mut bmc, read_power_limit()), Ok(Some(limit)));
    assert_eq!(run(&mut bmc, activate(false)), Ok(()));
    assert_eq!(run(&mut bmc, read_power_limit()), Ok(None));
    let (code, data) = desk::ask(&mut bmc, Instant::now(), 0x2C, 0, 0x03, &[0xDC, 0, 0]);
    assert_eq!((code, data), (NO_ACTIVE_LIMIT, limit.encode()), "a limit that is off is told, too");
}

#[test]
fn no_limit_is_said_in_two_ways_and_other_refusals_are_refusals() {
    assert_eq!(run(&mut bmc(Quirk::NoPowerLimit.into()), read_power_limit()), Ok(None));
    let (outcome, _) = script::run(read_power_limit(), |_| (0xD4, Vec::new()));
    let code = CompletionCode::INSUFFICIENT_PRIVILEGE;
    assert_eq!(outcome, Err(ProcedureError::Refused { doing: "read the power limit", code }));
    let limit = PowerLimit { action: ExceptionAction::None, watts: 1, correction: 0, sampling: 0 };
    let (outcome, _) = script::run(set_power_limit(limit, true), |_| (0x84, Vec::new()));
    let doing = "set the power limit";
    assert_eq!(
        outcome,
        Err(ProcedureError::Impossible { doing, reason: "the limit is out of the BMC's range" })
    );
}

#[test]
fn texts_are_written_and_read_in_parts() {
    for text in [DcmiText::AssetTag, DcmiText::ControllerId] {
        let mut bmc = bmc(Quirks::NONE);
        for value in ["", "rack 7", "sixteen bytes !!", &"x".repeat(63), "short again", ""] {
            assert_eq!(run(&mut bmc, set_text(text, value.to_owned())), Ok(()), "{text:?} {value}");
            assert_eq!(run(&mut bmc, read_text(text)).as_deref(), Ok(value));
        }
        let long = run(&mut bmc, set_text(text, "x".repeat(64)));
        assert!(matches!(long, Err(ProcedureError::Impossible { .. })));
    }
}

#[test]
fn other_groups_are_unknown() {
    let mut bmc = bmc(Quirks::NONE);
    // PICMG properties, as ipmitool asks for them first.
    let (code, _) = desk::ask(&mut bmc, Instant::now(), 0x2C, 0, 0x01, &[0x00]);
    assert_eq!(code, CompletionCode::INVALID_COMMAND);
}

proptest! {
    #[test]
    fn limits_survive_the_wire(action: u8, watts: u16, correction: u32, sampling: u16) {
        let action = GetPowerLimit::decode(&[0xDC, 0, 0, action, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap().action;
        let limit = PowerLimit { action, watts, correction, sampling };
        prop_assert_eq!(GetPowerLimit::decode(&limit.encode()), Ok(limit));
    }

    #[test]
    fn decoders_take_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..30)) {
        let _ = GetDcmiCapabilities::decode(&data);
        let _ = GetPowerReading::decode(&data);
        let _ = GetPowerLimit::decode(&data);
        let _ = script::run(read_text(DcmiText::AssetTag), |_| (0, data.clone()));
        let grouped = [&[0xDC], data.as_slice()].concat();
        for command in 0x00..0x10 {
            let _ = desk::ask(&mut bmc(Quirks::NONE), Instant::now(), 0x2C, 0, command, &data);
            let _ = desk::ask(&mut bmc(Quirks::NONE), Instant::now(), 0x2C, 0, command, &grouped);
        }
    }
}
