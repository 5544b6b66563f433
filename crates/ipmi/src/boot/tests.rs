use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::bmc::{Bmc, BmcConfig, desk};
use crate::command::BootDevice;
use crate::completion::CompletionCode;
use crate::procedure::script;

fn bmc() -> Bmc {
    Bmc::new(BmcConfig::new(Vec::new()), Box::new(|bytes: &mut [u8]| bytes.fill(1)))
}

#[test]
fn settings_have_the_bytes_of_the_specification() {
    let check = |settings: BootSettings, expected: [u8; 5]| {
        assert_eq!(settings.bytes(), expected, "{settings:?}");
        assert_eq!(BootSettings::from_bytes(expected), settings);
    };
    let disk = BootSettings::new(BootFlags::once(BootDevice::Disk).uefi());
    check(BootSettings { instance: 2, ..disk }, [0xA0, 0x08, 0, 0, 2]);
    check(BootSettings { clear_cmos: true, lock_keyboard: true, ..disk }, [0xA0, 0xC8, 0, 0, 0]);
    check(BootSettings { blank_screen: true, lock_reset: true, ..disk }, [0xA0, 0x0B, 0, 0, 0]);
    check(
        BootSettings { lock_power: true, verbosity: 2, lock_sleep: true, ..disk },
        [0xA0, 0x08, 0xC4, 0, 0],
    );
    let quiet = BootSettings { progress_traps: true, bypass_password: true, console_redirection: 1, ..disk };
    check(quiet, [0xA0, 0x08, 0x19, 0, 0]);
}

#[test]
fn settings_are_set_kept_read_back_and_cleared() {
    let (mut bmc, now) = (bmc(), Instant::now());
    let settings =
        BootSettings { instance: 3, ..BootSettings::new(BootFlags::once(BootDevice::RemoteCdRom)) };
    let kept = ValidBitKept { without_control: true, ..ValidBitKept::default() };
    assert_eq!(desk::run(&mut bmc, now, set(settings, kept)), Ok(settings));
    let expected = BootOptions {
        set_in_progress: Some(false),
        valid_bit_kept: Some(kept),
        waiting: Some(1),
        settings: Some(settings),
    };
    bmc.wake(now + Duration::from_secs(100));
    assert_eq!(desk::run(&mut bmc, now, read()), Ok(expected));
    assert_eq!(bmc.boot_flags(), Some(settings.flags));

    assert!(!desk::run(&mut bmc, now, clear()).unwrap().flags.valid);
    assert_eq!(bmc.boot_flags(), None);
    assert_eq!(desk::run(&mut bmc, now, set(settings, ValidBitKept::default())), Ok(settings));
    bmc.wake(now + Duration::from_secs(60));
    assert_eq!(bmc.boot_flags(), None, "without Chassis Control they lapse");
}

#[test]
fn a_bmc_needs_the_flags_alone_and_is_told_the_end_in_any_case() {
    let settings = BootSettings::new(BootFlags::once(BootDevice::Pxe));
    let (outcome, _) =
        script::run(set(settings, ValidBitKept::default()), |asked| match (asked.cmd, asked.data[0]) {
            (0x08, 5) => (0, Vec::new()),
            // An HP DL380 G5 sends surplus bytes.
            (0x09, 5) => (0, [&[1, 5, 0x80, 0x04, 0, 0, 0][..], &[0; 12]].concat()),
            _ => (0x80, Vec::new()),
        });
    assert_eq!(outcome, Ok(settings));
    let (outcome, asked) = script::run(set(settings, ValidBitKept::default()), |asked| {
        (if asked.data[0] == 5 { 0xD4 } else { 0 }, Vec::new())
    });
    let code = CompletionCode::INSUFFICIENT_PRIVILEGE;
    assert_eq!(outcome, Err(ProcedureError::Refused { doing: "set the boot options", code }));
    assert_eq!(asked.last().map(|command| command.data.as_slice()), Some(&[0, 0][..]));
}

#[test]
fn a_device_that_does_not_hold_is_told() {
    let settings = BootSettings::new(BootFlags::once(BootDevice::Pxe).uefi().persistent());
    // Some firmware drops one of UEFI and persistence.
    let (outcome, _) = script::run(set(settings, ValidBitKept::default()), |asked| match asked.cmd {
        0x09 => (0, vec![1, 5, 0xA0, 0x04, 0, 0, 0]),
        _ => (0, Vec::new()),
    });
    assert_eq!(outcome, Err(ProcedureError::NotKept { doing: "set the boot options" }));
}

proptest! {
    #[test]
    fn any_bytes_are_some_options(data in proptest::collection::vec(any::<u8>(), 0..12), bytes: [u8; 5]) {
        let settings = BootSettings::from_bytes(bytes);
        prop_assert_eq!(BootSettings::from_bytes(settings.bytes()), settings);
        let _ = script::run(read(), |_| (0, data.clone()));
        let _ = script::run(clear(), |_| (0, data.clone()));
    }
}
