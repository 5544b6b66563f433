//! Power, and what is booted from.

use ironhand_redfish::bmc::{BootTarget as Shown, Flavour, ResetType};
use ironhand_redfish::{
    BootEnabled, BootMode, BootTarget, Error, PowerState, Quirk, ResetAction, SetBoot, SetPower, Talk,
    Vendor, boot_state, power_state,
};

use super::machine::TAKES;
use super::{Pair, each_flavour};

#[test]
fn each_flavour_is_known_for_what_it_is() {
    let check = |flavour, vendor, product: &str, quirk: Option<Quirk>| {
        let place = Pair::logged_in(flavour).place();
        assert_eq!(place.identity.vendor, vendor, "{}", flavour.name);
        assert_eq!(place.identity.product.as_deref(), Some(product), "{}", flavour.name);
        assert!(place.identity.firmware.is_some(), "{}", flavour.name);
        assert!(quirk.is_none_or(|quirk| place.quirks.contains(quirk)), "{}", flavour.name);
    };
    check(Flavour::GENERIC, Vendor::Generic, "Simulated Controller", None);
    check(Flavour::IDRAC9, Vendor::Dell, "iDRAC 9", Some(Quirk::CdAttribute));
    check(Flavour::ILO5, Vendor::Hpe, "iLO 5", Some(Quirk::SpuriousRefusal));
    check(Flavour::XCC, Vendor::Lenovo, "XCC", Some(Quirk::MediaPatch));
    check(Flavour::SUPERMICRO, Vendor::Supermicro, "X13", Some(Quirk::OneAtATime));
    check(Flavour::OPENBMC, Vendor::OpenBmc, "OpenBMC", Some(Quirk::ResetActionInfo));
    check(Flavour::MEGARAC, Vendor::AmiMegaRac, "MegaRAC", Some(Quirk::Expand));
    check(Flavour::IBMC, Vendor::Huawei, "iBMC", Some(Quirk::TagRequired));
    check(Flavour::CIMC, Vendor::Cisco, "CIMC", None);
    check(Flavour::IRMC, Vendor::Fujitsu, "iRMC S5", None);
    check(Flavour::ASROCKRACK, Vendor::AsrockRack, "MegaRAC", None);
    check(Flavour::GIGABYTE, Vendor::Gigabyte, "MegaRAC", None);
    check(Flavour::HDM, Vendor::H3c, "HDM2", None);
    check(Flavour::GB200, Vendor::Nvidia, "OpenBMC", None);
    for flavour in Flavour::ALL.iter().filter(|flavour| flavour.name != Flavour::GENERIC.name) {
        let identity = Pair::logged_in(flavour).place().identity;
        assert_ne!(identity.vendor, Vendor::Generic, "{}: {identity:?}", flavour.name);
    }
}

#[test]
fn a_machine_is_switched_as_asked() {
    each_flavour(|pair, place| {
        let set = |action: ResetAction| SetPower { place: place.clone(), action };
        let name = pair.flavour();
        assert_eq!(pair.play(|talk: &mut Talk| power_state(talk, place)), Ok(PowerState::Off), "{name}");
        for (action, state) in [
            (ResetAction::On, PowerState::On),
            (ResetAction::PowerCycle, PowerState::On),
            (ResetAction::ForceRestart, PowerState::On),
            (ResetAction::GracefulShutdown, PowerState::Off),
        ] {
            let sent = pair.play(set(action)).expect("it is accepted");
            assert!(!sent.is_empty(), "{name}: {action}");
            pair.now += TAKES;
            let seen = pair.play(|talk: &mut Talk| power_state(talk, place));
            assert_eq!(seen, Ok(state), "{name}: {action}: {sent:?}");
        }
        assert_eq!(pair.play(set(ResetAction::ForceOff)), Ok(Vec::new()), "{name}");
        let before = pair.asked.len();
        assert_eq!(pair.play(|talk: &mut Talk| power_state(talk, place)), Ok(PowerState::Off));
        assert_eq!(pair.asked.len() - before, 1, "a warm reading is one request");
    });
}

/// Flavours that cannot boot over HTTP.
const WITHOUT_HTTP: &[&Flavour] =
    &[Flavour::XCC, Flavour::CIMC, Flavour::IRMC, Flavour::ASROCKRACK, Flavour::GIGABYTE, Flavour::HDM];

fn is_one_of(name: &str, flavours: &[&Flavour]) -> bool {
    flavours.iter().any(|flavour| flavour.name == name)
}

#[test]
fn a_diagnostic_interrupt_is_raised_where_the_controller_can() {
    each_flavour(|pair, place| {
        pair.play(SetPower { place: place.clone(), action: ResetAction::On }).expect("it comes on");
        pair.now += TAKES;
        pair.machine.resets.clear();
        let raised = pair.play(SetPower { place: place.clone(), action: ResetAction::Nmi });
        if is_one_of(pair.flavour(), &[Flavour::MEGARAC, Flavour::ASROCKRACK, Flavour::GIGABYTE]) {
            assert!(matches!(raised, Err(Error::Unsupported { .. })), "{raised:?}");
            assert_eq!(pair.machine.resets, []);
        } else {
            assert_eq!(raised, Ok(vec!["Nmi"]), "{}", pair.flavour());
            assert_eq!(pair.machine.resets, [ResetType::Nmi]);
        }
    });
}

#[test]
fn what_a_machine_boots_from_is_kept() {
    each_flavour(|pair, place| {
        let name = pair.flavour();
        for (target, persistent, mode) in [
            (BootTarget::Pxe, false, None),
            (BootTarget::Hdd, true, None),
            (BootTarget::Cd, false, Some(BootMode::Uefi)),
            (BootTarget::BiosSetup, false, Some(BootMode::Legacy)),
            (BootTarget::UefiHttp, false, Some(BootMode::Uefi)),
            (BootTarget::None, false, None),
        ] {
            let set = SetBoot { place: place.clone(), target, persistent, mode, source: None };
            let is_once_alone = name == Flavour::XCC.name && persistent;
            let lacks_http = is_one_of(name, WITHOUT_HTTP);
            let kept = pair.play(set);
            if is_once_alone || kept.is_err() && lacks_http && target == BootTarget::UefiHttp {
                assert!(matches!(kept, Err(Error::Unsupported { .. })), "{name}: {target}: {kept:?}");
                continue;
            }
            let kept = kept.unwrap_or_else(|error| panic!("{name}: {target}: {error}"));
            assert_eq!(pair.play(|talk: &mut Talk| boot_state(talk, place)), Ok(kept), "{name}");
            let enabled = match (target, persistent) {
                (BootTarget::None, _) => BootEnabled::Disabled,
                (_, true) => BootEnabled::Continuous,
                (_, false) => BootEnabled::Once,
            };
            assert_eq!(kept.enabled, enabled, "{name}: {target}");
            assert!(mode.is_none() || kept.mode == mode, "{name}: {target}: {kept:?}");
        }
    });
}

#[test]
fn the_address_of_a_boot_over_http_is_kept() {
    each_flavour(|pair, place| {
        let name = pair.flavour();
        let set = |source: &str| SetBoot {
            place: place.clone(),
            target: BootTarget::UefiHttp,
            persistent: false,
            mode: Some(BootMode::Uefi),
            source: Some(source.to_owned()),
        };
        let kept = pair.play(set("http://192.0.2.7/boot.efi"));
        if is_one_of(name, WITHOUT_HTTP) {
            assert!(matches!(kept, Err(Error::Unsupported { .. })), "{kept:?}");
            return;
        }
        assert_eq!(kept.expect("it is kept").target, Some(BootTarget::UefiHttp), "{name}");
        // One that the controller drops is not taken for kept.
        let dropped = pair.play(set(&format!("http://192.0.2.7/{}", "x".repeat(2000))));
        assert!(matches!(dropped, Err(Error::NotKept { .. })), "{name}: {dropped:?}");
    });
}

/// A Supermicro's virtual CD is a target of its own.
#[test]
fn the_virtual_cd_of_a_supermicro_is_chosen() {
    let mut pair = Pair::logged_in(Flavour::SUPERMICRO);
    let place = pair.place();
    let set = SetBoot { place, target: BootTarget::Cd, persistent: false, mode: None, source: None };
    assert!(pair.play(set).is_ok());
    assert_eq!(pair.machine.boot.target, Shown::UsbCd);
}
