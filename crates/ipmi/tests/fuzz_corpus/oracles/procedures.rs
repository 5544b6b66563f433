//! Procedures whose questions are answered with anything.

use std::fmt::Debug;
use std::sync::Arc;

use ironhand_ipmi::channel;
use ironhand_ipmi::chassis::{ChassisIdentify, identify, set_restore_policy};
use ironhand_ipmi::command::RestorePolicy;
use ironhand_ipmi::dcmi::{self, DcmiText, ExceptionAction, PowerLimit};
use ironhand_ipmi::device::{SystemInfoParameter, read_system_info, set_system_info};
use ironhand_ipmi::fru::{ReadFru, ReadFrus};
use ironhand_ipmi::lan::{self, LanChange};
use ironhand_ipmi::procedure::{Answer, Procedure, Turn};
use ironhand_ipmi::sdr::{ReadSdr, Record, SdrRepository};
use ironhand_ipmi::sel::{ClearSel, Entry, ReadSel, ReadSelStatus, SetSelTime, Start};
use ironhand_ipmi::sensor::{ReadSensors, SensorSelection, SetThresholds, Threshold, Thresholds};
use ironhand_ipmi::sol::ReadSolInfo;
use ironhand_ipmi::user::{self, AccessChange, NewUser, PasswordSize, UserId, UserName, UserPassword};
use ironhand_ipmi::{CompletionCode, PrivilegeLevel, RawCommand};

use super::script::Script;

/// More turns than any procedure takes, whatever the BMC answers. The longest is a log of 65,535 entries.
const TURNS: usize = 200_000;

/// The LAN channel.
const CHANNEL: u8 = 1;

/// A BMC that answers from the input, over and over.
fn run<P: Procedure>(mut procedure: P, answers: &[u8])
where
    P::Output: Debug,
{
    let mut script = Script(answers);
    for _ in 0..TURNS {
        match procedure.next() {
            Turn::Ask(command) => {
                check(&command);
                assert!(matches!(procedure.next(), Turn::Ask(again) if again == command), "until answered");
                if script.is_over() {
                    script = Script(answers);
                }
                let code = CompletionCode(script.byte());
                let data = script.chunk();
                procedure.answer(Answer { code, data: if code.is_ok() { data } else { &[] } });
            }
            Turn::Wait(_) => {}
            Turn::Done(result) => {
                // What is shown to people does not fail either.
                match result {
                    Ok(output) => drop(format!("{output:?}")),
                    Err(error) => drop(error.to_string()),
                }
                return;
            }
        }
    }
    panic!("the procedure does not end");
}

fn check(command: &RawCommand) {
    assert!(command.data.len() <= RawCommand::DATA_LIMIT, "{command:?}");
    assert!(command.netfn.is_multiple_of(2) && command.netfn < 0x40 && command.lun < 4, "{command:?}");
}

fn password(text: &str) -> UserPassword {
    UserPassword::new(&text.into()).expect("it is short enough")
}

/// For the first sensor that the input's record describes.
fn set_thresholds(operand: u8, mut script: Script<'_>) {
    let record = Record::decode(1, script.chunk()).ok();
    let repository = SdrRepository::new(None, record.into_iter().collect(), Vec::new());
    let mut values = Thresholds::default();
    values.set(Threshold::UpperCritical, Some(f64::from(operand)));
    let procedure = repository.sensors().first().map(|sensor| SetThresholds::new(sensor, &values));
    if let Some(Ok(procedure)) = procedure {
        run(procedure, script.rest());
    }
}

fn changes() -> Vec<LanChange> {
    vec![
        LanChange::Address([192, 0, 2, 7].into()),
        LanChange::Vlan(Some(7)),
        LanChange::Community("public".to_owned()),
    ]
}

/// A procedure ends, within a bounded number of turns, whatever a BMC answers.
pub fn procedures(data: &[u8]) {
    let mut script = Script(data);
    let (which, operand) = (script.byte(), script.byte());
    let answers = script.rest();
    let id = UserId::new(operand % 62 + 1).expect("it is in range");
    match which % 37 {
        0 => run(ReadSel::new(Start::First), answers),
        1 => run(ReadSel::new(Start::Last(operand.into())), answers),
        2 => run(ReadSel::new(Start::After(Entry::decode(&[operand; 16]))), answers),
        3 => run(ReadSelStatus::new(), answers),
        4 => run(ClearSel::new(), answers),
        5 => run(SetSelTime::new(0x6000_0000), answers),
        6 => run(ReadFru::new(operand), answers),
        7 => run(ReadFrus::new((0..operand % 4).collect()), answers),
        8 => run(user::list(CHANNEL), answers),
        9 => {
            let name = UserName::new("somebody").expect("it is short enough");
            let size = if operand % 2 == 0 { PasswordSize::Sixteen } else { PasswordSize::Twenty };
            let limit = PrivilegeLevel::Operator;
            run(user::create(CHANNEL, NewUser { name, password: password("secret"), size, limit }), answers);
        }
        10 => run(user::delete(CHANNEL, id), answers),
        11 => run(user::enable(id, Some(password("secret"))), answers),
        12 => run(user::set_password(id, password("eighteen letters"), PasswordSize::Twenty), answers),
        13 => run(user::test_password(id, password("secret")), answers),
        14 => run(user::set_access(CHANNEL, id, AccessChange::default()), answers),
        15 => run(identify(ChassisIdentify::Seconds(operand)), answers),
        16 => run(set_restore_policy(RestorePolicy::StayOff), answers),
        17 => run(read_system_info(SystemInfoParameter::OsName), answers),
        18 => run(set_system_info(SystemInfoParameter::SystemName, "x".repeat(operand.into())), answers),
        19 => run(user::disable(id, None), answers),
        20 => run(ReadSdr::new(None), answers),
        21 | 22 => {
            let records = (0..operand % 16).filter_map(|id| Record::decode(id.into(), script.chunk()).ok());
            let repository = Arc::new(SdrRepository::new(None, records.collect(), Vec::new()));
            let selection = SensorSelection { thresholds: which % 2 == 0, ..SensorSelection::default() };
            run(ReadSensors::new(repository, selection), script.rest());
        }
        23 => run(lan::read(CHANNEL), answers),
        24 => run(lan::alerts_off(CHANNEL), answers),
        25 => run(lan::set(CHANNEL, changes()), answers),
        26 => run(lan::move_to(CHANNEL, changes()), answers),
        27 => run(dcmi::read_power_limit(), answers),
        28 => run(dcmi::read_text(DcmiText::AssetTag), answers),
        29 => run(dcmi::set_text(DcmiText::ControllerId, "x".repeat(operand.into())), answers),
        30 => run(dcmi::activate(true), answers),
        31 => run(user::set_name(id, UserName::new("anybody").expect("it is short enough")), answers),
        32 => {
            let limit =
                PowerLimit { action: ExceptionAction::Log, watts: 500, correction: 1000, sampling: 1 };
            run(dcmi::set_power_limit(limit, operand % 2 == 0), answers);
        }
        33 => set_thresholds(operand, script),
        34 => run(channel::cipher_suites(CHANNEL), answers),
        35 => run(channel::current(), answers),
        _ => run(ReadSolInfo::default(), answers),
    }
}
