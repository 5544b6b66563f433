use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::bmc::{Bmc, BmcConfig, desk};
use crate::command::{ChassisStatus, RawCommand};
use crate::procedure::{Ask, Procedure, ProcedureError, script};

fn bmc() -> Bmc {
    let chassis = ChassisStatus { power_on: true, ..ChassisStatus::default() };
    Bmc::new(BmcConfig { chassis, ..BmcConfig::new(Vec::new()) }, Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

fn run<P: Procedure>(bmc: &mut Bmc, procedure: P) -> Result<P::Output, ProcedureError> {
    desk::run(bmc, Instant::now(), procedure)
}

#[test]
fn self_test_results_say_what_is_broken() {
    let check = |reply: [u8; 2], expected: SelfTest, failures: &[&str]| {
        assert_eq!(GetSelfTestResults::decode(&reply), Ok(expected));
        assert_eq!(expected.encode(), reply);
        assert_eq!(expected.failures(), failures);
    };
    check([0x55, 0], SelfTest::Passed, &[]);
    check([0x56, 0], SelfTest::NotImplemented, &[]);
    check([0x57, 0x81], SelfTest::Corrupt(0x81), &["operational firmware corrupt", "SEL cannot be accessed"]);
    check([0x58, 7], SelfTest::FatalHardware(7), &["fatal hardware error"]);
    check([0xA0, 1], SelfTest::Device(0xA0, 1), &["device-specific failure"]);
    assert_eq!(run(&mut bmc(), Ask::new("test it", &GetSelfTestResults)), Ok(SelfTest::Passed));
}

#[test]
fn resets_are_never_sent_twice() {
    assert!(!RawCommand::of(&ColdReset).repeatable && !RawCommand::of(&WarmReset).repeatable);
}

#[test]
fn states_are_told() {
    let mut bmc = bmc();
    let state = run(&mut bmc, Ask::new("read it", &GetAcpiPowerState)).unwrap();
    assert_eq!((state.system_text(), state.device), ("S0/G0: working", 0));
    bmc.set_chassis(ChassisStatus::default());
    let state = run(&mut bmc, Ask::new("read it", &GetAcpiPowerState)).unwrap();
    assert_eq!(state.system_text(), "S5/G2: soft off");
    let enables = run(&mut bmc, Ask::new("read them", &GetBmcGlobalEnables)).unwrap();
    assert_eq!(enables, GlobalEnables { event_logging: true, ..GlobalEnables::default() });
    assert_eq!(manufacturer_name(674), Some("Dell"));
    assert_eq!(manufacturer_name(0), None);
}

#[test]
fn texts_are_written_and_read_over_several_blocks() {
    let mut bmc = bmc();
    let parameter = SystemInfoParameter::OsName;
    let check = |bmc: &mut Bmc, text: &str| {
        assert_eq!(run(bmc, set_system_info(parameter, text.to_owned())), Ok(()));
        let expected = Some(text.to_owned()).filter(|text| !text.is_empty());
        assert_eq!(run(bmc, read_system_info(parameter)), Ok(expected));
    };
    check(&mut bmc, &"ä".repeat(32));
    check(&mut bmc, "fourteen bytes");
    check(&mut bmc, "");
    let too_long = run(&mut bmc, set_system_info(parameter, "x".repeat(65)));
    let doing = "set the system information";
    assert_eq!(too_long, Err(ProcedureError::Impossible { doing, reason: "it has at most 64 bytes" }));
    assert_eq!(run(&mut bmc, read_system_info(SystemInfoParameter::SystemName)), Ok(None));
}

#[test]
fn a_bmc_without_such_texts_has_none() {
    let (outcome, _) = script::run(read_system_info(SystemInfoParameter::BmcUrl), |_| (0xC1, Vec::new()));
    assert_eq!(outcome, Ok(None));
    let (outcome, _) = script::run(read_system_info(SystemInfoParameter::OsName), |_| {
        (0, vec![0x11, 0, 2, 4, b'o', 0, b'k', 0])
    });
    assert_eq!(outcome, Ok(Some("ok".to_owned())));
}

proptest! {
    #[test]
    fn decoders_take_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..24)) {
        let _ = GetSelfTestResults::decode(&data);
        let _ = GetAcpiPowerState::decode(&data);
        let _ = GetDeviceGuid::decode(&data);
        let _ = GetBmcGlobalEnables::decode(&data);
        for command in [0x02, 0x03, 0x04, 0x07, 0x08, 0x2E, 0x2F, 0x58, 0x59] {
            let _ = desk::ask(&mut bmc(), Instant::now(), 0x06, 0, command, &data);
        }
        let _ = script::run(read_system_info(SystemInfoParameter::OsName), |_| (0, data.clone()));
    }
}
