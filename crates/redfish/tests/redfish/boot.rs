//! Choices of what to boot from on controllers of several vendors.

use ironhand_redfish::{
    Answer, BootEnabled, BootMode, BootTarget, Error, Method, SetBoot, Talk, boot_state, locate,
};
use serde_json::{Value, json};

use crate::recorded::Recorded;

fn set(recorded: &mut Recorded, target: BootTarget, persistent: bool) -> SetBoot {
    let node = recorded.paths().iter().any(|path| path.ends_with("node1")).then_some("node1");
    let place = recorded.play(|talk: &mut Talk| locate(talk, node)).expect("the machine is found");
    recorded.asked.clear();
    SetBoot { place, target, persistent, mode: None, source: None }
}

/// What is written, as `target enabled`.
fn check(name: &str, target: BootTarget, persistent: bool, written: &str) {
    let mut recorded = Recorded::load(name);
    let operation = set(&mut recorded, target, persistent);
    let done = recorded.play(operation);
    let boot = recorded.sent.last().map(|(_, body)| body["Boot"].clone()).unwrap_or_default();
    let text = |name: &str| boot[name].as_str().unwrap_or("-").to_owned();
    let sent = format!("{} {}", text("BootSourceOverrideTarget"), text("BootSourceOverrideEnabled"));
    assert_eq!(sent, written, "{name}: {done:?}");
    let done = done.expect(name);
    match target {
        BootTarget::None => assert_eq!(done.enabled, BootEnabled::Disabled, "{name}"),
        _ => assert_eq!(done.target, Some(target), "{name}"),
    }
}

#[test]
fn what_to_boot_from_is_written_as_the_controller_takes_it_and_read_back() {
    use BootTarget::{BiosSetup, Cd, Hdd, None, Pxe, UefiHttp};
    check("dell/idrac9", Pxe, false, "Pxe Once");
    check("dell/idrac9", Hdd, true, "Hdd Continuous");
    check("dell/idrac9", None, false, "None Disabled");
    check("dell/idrac8", BiosSetup, false, "BiosSetup Once");
    check("hpe/ilo5", UefiHttp, false, "UefiHttp Once");
    check("lenovo/xcc", Cd, false, "Cd Once");
    check("supermicro/x13", None, false, "None Disabled");
    check("openbmc/upstream", Cd, true, "Cd Continuous");
    check("fujitsu/irmc-s5", Pxe, true, "Pxe Continuous");
    check("huawei/xfusion", Hdd, false, "Hdd Once");
}

#[test]
fn what_it_cannot_boot_from_is_refused_before_anything_is_sent() {
    let check = |name: &str, target: BootTarget, persistent: bool| {
        let mut recorded = Recorded::load(name);
        let operation = set(&mut recorded, target, persistent);
        let done = recorded.play(operation);
        assert!(matches!(done, Err(Error::Unsupported { .. })), "{name}: {done:?}");
        assert!(recorded.sent.is_empty(), "{name}: {:?}", recorded.sent);
    };
    check("lenovo/xcc", BootTarget::UefiHttp, false);
    check("openbmc/upstream", BootTarget::Floppy, false);
    no_continuous();
}

/// Some can be told for how long, or from what, and not both.
#[test]
fn the_firmwares_own_order_is_chosen_by_what_there_is_for_it() {
    let check = |name: &str, allowed: Value, written: &str| {
        let mut recorded = Recorded::load("dell/idrac9");
        let operation = set(&mut recorded, BootTarget::None, false);
        let property = format!("{name}@Redfish.AllowableValues");
        recorded.merge(&operation.place.system, json!({ "Boot": { property: allowed } }));
        recorded.play(operation).expect("it is taken");
        assert_eq!(recorded.sent[0].1.to_string(), format!(r#"{{"Boot":{{{written}}}}}"#));
    };
    let enabled = "BootSourceOverrideEnabled";
    check(enabled, json!(["Once", "Continuous"]), r#""BootSourceOverrideTarget":"None""#);
    check("BootSourceOverrideTarget", json!(["Pxe"]), r#""BootSourceOverrideEnabled":"Disabled""#);
}

#[test]
fn the_mode_and_the_address_go_with_the_choice() {
    let mut recorded = Recorded::load("supermicro/x13");
    let operation = set(&mut recorded, BootTarget::UefiHttp, false);
    let source = Some("http://192.0.2.7/boot.efi".to_owned());
    let done = recorded.play(SetBoot { mode: Some(BootMode::Legacy), source, ..operation });
    assert_eq!(done.expect("it is taken").mode, Some(BootMode::Legacy));
    let boot = &recorded.sent[0].1["Boot"];
    assert_eq!(boot["BootSourceOverrideMode"], "Legacy");
    assert_eq!(boot["HttpBootUri"], "http://192.0.2.7/boot.efi");
}

#[test]
fn a_choice_that_does_not_show_is_an_error_that_says_what_does() {
    let mut recorded = Recorded::load("dell/idrac9");
    let operation = set(&mut recorded, BootTarget::Pxe, true);
    let place = operation.place.clone();
    let done = recorded
        .play_with(operation, |_, request| (request.method == Method::Patch).then(|| Answer::new(200, b"")));
    let seen = "None (Disabled)".to_owned();
    assert_eq!(done, Err(Error::NotKept { what: "the boot device".to_owned(), seen }));
    let state = recorded.play(|talk: &mut Talk| boot_state(talk, &place)).expect("it can be read");
    assert_eq!((state.target, state.enabled), (Some(BootTarget::None), BootEnabled::Disabled));
}

/// For how long stands in every write.
pub fn boot_reverts() {
    for name in ["supermicro/x10", "supermicro/x11", "supermicro/x12", "supermicro/x13"] {
        check(name, BootTarget::Pxe, true, "Pxe Continuous");
    }
}

/// The virtual CD has a name of its own on some, and not on others.
pub fn usb_cd() {
    check("supermicro/x11", BootTarget::Cd, false, "UsbCd Once");
    check("supermicro/x13", BootTarget::Cd, false, "UsbCd Once");
    check("supermicro/ars-111gl", BootTarget::Cd, false, "Cd Once");
}

/// The virtual CD of an iDRAC is chosen by an attribute.
pub fn cd_attribute() {
    let mut recorded = Recorded::load("dell/idrac10");
    let operation = set(&mut recorded, BootTarget::Cd, false);
    let done = recorded.play(operation.clone()).expect("it is taken");
    assert_eq!((done.target, done.enabled), (Some(BootTarget::Cd), BootEnabled::Once));
    let (_, body) = recorded.sent.last().expect("it is written");
    assert_eq!(body["Attributes"]["ServerBoot.1.FirstBootDevice"], "VCD-DVD");
    assert_eq!(body["Attributes"]["ServerBoot.1.BootOnce"], "Enabled");
    let forgets = |_: &mut Recorded, request: &ironhand_redfish::Request| {
        (request.method == Method::Patch).then(|| Answer::new(200, b""))
    };
    let done = recorded.play_with(SetBoot { persistent: true, ..operation }, forgets);
    assert!(matches!(done, Err(Error::NotKept { .. })), "{done:?}");
}

/// The choice is written to the settings resource, and read back there.
pub fn boot_in_settings() {
    for name in ["asrockrack/megarac", "gigabyte/megarac"] {
        check(name, BootTarget::Pxe, false, "Pxe Once");
    }
}

/// A choice for every boot is refused.
pub fn no_continuous() {
    let mut recorded = Recorded::load("lenovo/xcc");
    let operation = set(&mut recorded, BootTarget::Pxe, true);
    let done = recorded.play(operation);
    assert!(matches!(done, Err(Error::Unsupported { .. })), "{done:?}");
    assert!(recorded.sent.is_empty(), "{:?}", recorded.sent);
}

/// A choice is made again while the machine starts, and not for ever.
pub fn boot_during_post() {
    let mut recorded = Recorded::load("hpe/ilo6");
    let operation = set(&mut recorded, BootTarget::Pxe, false);
    let path = operation.place.system.clone();
    let mut refusals = 4;
    let done = recorded.play_with(operation.clone(), |recorded, request| {
        refusals -= i32::from(request.method == Method::Patch);
        (refusals < 0 && request.method == Method::Patch).then(|| {
            recorded.merge(&path, request.body.clone().unwrap_or(Value::Null));
            Answer::new(200, b"")
        })
    });
    assert_eq!(done.expect("it is taken in the end").target, Some(BootTarget::Pxe));
    let mut recorded = Recorded::load("hpe/ilo6");
    let done = recorded.play(operation);
    assert!(matches!(done, Err(Error::Refused { .. })), "{done:?}");
    assert!(recorded.waited.as_secs() <= 120, "{:?}", recorded.waited);
}

/// What is allowed is read where the older schema writes it.
pub fn boot_supported() {
    check("hpe/ilo4", BootTarget::Pxe, false, "Pxe Once");
    let mut recorded = Recorded::load("hpe/ilo4");
    let operation = set(&mut recorded, BootTarget::UefiHttp, false);
    let source = |path: &str| SetBoot {
        target: BootTarget::UefiTarget,
        source: Some(path.to_owned()),
        ..operation.clone()
    };
    for operation in [operation.clone(), source("PciRoot(0x1)")] {
        let done = recorded.play(operation);
        assert!(matches!(done, Err(Error::Unsupported { .. })), "{done:?}");
    }
    assert!(recorded.sent.is_empty(), "{:?}", recorded.sent);
    let done = recorded.play(source("PciRoot(0x0)/Pci(0x2,0x0)/Sata(0x0,0x0,0x0)"));
    assert_eq!(done.expect("it is taken").target, Some(BootTarget::UefiTarget));
}

#[test]
fn a_device_is_chosen_by_its_uefi_path_and_read_back() {
    let mut recorded = Recorded::load("dell/idrac9");
    let path = "PciRoot(0x0)/Pci(0x1,0x0)/NVMe(0x1,00-00-00-00-00-00-00-00)";
    let operation = set(&mut recorded, BootTarget::UefiTarget, false);
    let nameless = recorded.play(operation.clone());
    assert!(matches!(nameless, Err(Error::Unsupported { .. })), "{nameless:?}");
    let operation = SetBoot { source: Some(path.to_owned()), ..operation };
    let done = recorded.play(operation.clone()).expect("it is taken");
    assert_eq!((done.target, done.enabled), (Some(BootTarget::UefiTarget), BootEnabled::Once));
    assert_eq!(recorded.sent[0].1["Boot"]["UefiTargetBootSourceOverride"], path);
    // A controller that takes the target and drops the device would boot from another one.
    let system = operation.place.system.clone();
    let other = SetBoot { source: Some("PciRoot(0x7)".to_owned()), ..operation };
    let done = recorded.play_with(other, |recorded, request| {
        let mut body = request.body.clone().filter(|_| request.method == Method::Patch)?;
        body["Boot"].as_object_mut()?.remove("UefiTargetBootSourceOverride");
        recorded.merge(&system, body);
        Some(Answer::new(200, b""))
    });
    let seen = format!("UefiTarget (Once) from {path}");
    assert_eq!(done, Err(Error::NotKept { what: "the boot device".to_owned(), seen }));
}

/// The mode is left out where it is refused.
pub fn boot_mode() {
    let mut recorded = Recorded::load("cisco/cimc");
    let operation = set(&mut recorded, BootTarget::Cd, false);
    let path = operation.place.system.clone();
    let done =
        recorded.play_with(SetBoot { mode: Some(BootMode::Uefi), ..operation }, |recorded, request| {
            let body = request.body.as_ref()?;
            let is_taken =
                request.method == Method::Patch && body["Boot"]["BootSourceOverrideMode"].is_null();
            is_taken.then(|| {
                recorded.merge(&path, body.clone());
                Answer::json(200, json!({}))
            })
        });
    assert_eq!(done.expect("it is taken without").target, Some(BootTarget::Cd));
}
