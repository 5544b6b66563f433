use ironhand_ipmi::BmcEvent;
use ironhand_ipmi::BmcOutput;
use ironhand_ipmi::bmc::FruConfig;

use super::*;
use crate::controller::bmc;

fn events(bmc: &mut Bmc) -> Vec<ChassisControl> {
    let mut events = Vec::new();
    while let Some(output) = bmc.next_output() {
        if let BmcOutput::Event(event) = output {
            events.extend(BmcEvent::control(&event));
        }
    }
    events
}

#[test]
fn buttons_reach_the_machine_as_ipmi_has_them() {
    let check = |on: bool, reset: ResetType, expected: ChassisControl| {
        let mut bmc = bmc("admin", "secret".into(), [7; 16], FruConfig::sample(), on, true);
        Board { bmc: &mut bmc, now: Instant::now(), name: "r1", serial: "S1", screen: None }.reset(reset);
        assert_eq!(events(&mut bmc), [expected], "{reset:?} while on is {on}");
    };
    check(false, ResetType::On, ChassisControl::PowerUp);
    check(true, ResetType::ForceOff, ChassisControl::PowerDown);
    check(true, ResetType::ForceRestart, ChassisControl::HardReset);
    check(true, ResetType::PushPowerButton, ChassisControl::SoftShutdown);
    check(false, ResetType::PushPowerButton, ChassisControl::PowerUp);
    check(true, ResetType::Nmi, ChassisControl::DiagnosticInterrupt);
}

#[test]
fn boot_overrides_are_the_boot_flags() {
    let mut bmc = bmc("admin", "secret".into(), [7; 16], FruConfig::sample(), true, true);
    let mut board = Board { bmc: &mut bmc, now: Instant::now(), name: "r1", serial: "S1", screen: None };
    assert_eq!(board.boot(), BootOverride::default());
    let wish = BootOverride { enabled: BootEnabled::Once, target: BootTarget::Pxe, mode: BootMode::Uefi };
    board.set_boot(wish).unwrap();
    assert_eq!(board.boot(), wish);
    let flags = bmc.boot_flags().unwrap();
    assert_eq!((flags.device, flags.uefi, flags.persistent), (BootDevice::Pxe, true, false));
    let mut board = Board { bmc: &mut bmc, now: Instant::now(), name: "r1", serial: "S1", screen: None };
    board.set_boot(BootOverride { enabled: BootEnabled::Disabled, ..wish }).unwrap();
    assert_eq!(board.boot(), BootOverride::default());
    let shell = BootOverride { target: BootTarget::UefiShell, ..wish };
    assert_eq!(board.set_boot(shell), Err(Unsupported));
}

#[test]
fn users_are_those_of_ipmi() {
    let mut bmc = bmc("admin", "secret".into(), [7; 16], FruConfig::sample(), true, true);
    let mut board = Board { bmc: &mut bmc, now: Instant::now(), name: "r1", serial: "S1", screen: None };
    let accounts = board.accounts();
    assert_eq!(accounts.len(), 1);
    assert_eq!((accounts[0].name.as_str(), accounts[0].role), ("admin", Role::Administrator));
    let id = accounts[0].id;
    assert!(board.knows_password(id, &"secret".into()));
    assert!(!board.knows_password(id, &"Secret".into()));
    assert!(!board.knows_password(id, &"more than IPMI keeps of any password".into()));
}

#[test]
fn the_identify_light_is_one() {
    let mut bmc = bmc("admin", "secret".into(), [7; 16], FruConfig::sample(), true, true);
    let mut board = Board { bmc: &mut bmc, now: Instant::now(), name: "r1", serial: "S1", screen: None };
    for lit in [true, false] {
        board.identify(lit);
        assert_eq!(board.is_identified(), lit);
    }
}

#[test]
fn accounts_are_changed_for_ipmi_too() {
    let mut bmc = bmc("admin", "secret".into(), [7; 16], FruConfig::sample(), true, true);
    let mut board = Board { bmc: &mut bmc, now: Instant::now(), name: "r1", serial: "S1", screen: None };
    let id = board.create_account("operator", &"first password".into(), Role::Operator).unwrap();
    assert!(board.knows_password(id, &"first password".into()));
    let again = board.create_account("operator", &"first password".into(), Role::Operator);
    assert_eq!(again, Err(AccountFault::Taken));
    let change = AccountChange { password: Some("second password".into()), ..AccountChange::default() };
    board.change_account(id, change).unwrap();
    assert!(board.knows_password(id, &"second password".into()));
    let change =
        AccountChange { role: Some(Role::ReadOnly), enabled: Some(false), ..AccountChange::default() };
    board.change_account(id, change).unwrap();
    let found = board.accounts().into_iter().find(|account| account.id == id).unwrap();
    assert_eq!((found.role, found.enabled), (Role::ReadOnly, false));
    board.delete_account(id).unwrap();
    assert_eq!(board.accounts().len(), 1);
}

#[test]
fn sensors_and_log_are_those_of_ipmi() {
    let mut bmc = bmc("admin", "secret".into(), [7; 16], FruConfig::sample(), true, true);
    let mut board = Board { bmc: &mut bmc, now: Instant::now(), name: "r1", serial: "S1", screen: None };
    let readings = board.sensors();
    for quantity in [Quantity::Temperature, Quantity::Fan, Quantity::Voltage, Quantity::Power] {
        assert!(
            readings.iter().any(|reading| reading.quantity == quantity && reading.value.is_some()),
            "{quantity:?}: {readings:?}"
        );
    }
    let event = sel::SystemEvent::of_bmc(0x22, 0x72, 0x6F, [0, 0xFF, 0xFF]);
    board.bmc.log_event(board.now, event);
    let log = board.log();
    assert_eq!(log.len(), 1, "{log:?}");
    board.clear_log();
    assert_eq!(board.log(), []);
}
