//! What a controller is told to be, with a login and without.

use ironhand_redfish::{Answer, Error, Quirk, ReadInventory, Talk, Told, Vendor, identify, locate, root};
use serde_json::json;

use crate::recorded::Recorded;

fn check(name: &str, vendor: Vendor, product: Option<&str>, firmware: &str, system: &str) {
    let place = Recorded::load(name).play(|talk: &mut Talk| locate(talk, None)).expect(name);
    let identity = &place.identity;
    assert_eq!((identity.vendor, identity.product.as_deref()), (vendor, product), "{name}: {identity:?}");
    assert_eq!(identity.firmware.as_deref(), Some(firmware), "{name}");
    assert_eq!(place.system, format!("/redfish/v1/Systems/{system}"), "{name}");
    assert!(place.manager.is_some(), "{name}");
    assert_eq!(identity.evidence.is_empty(), vendor == Vendor::Generic, "{name}: {identity:?}");
}

#[test]
fn controllers_are_told_by_what_they_show() {
    use Vendor::*;
    check("dell/idrac8", Dell, Some("iDRAC 8"), "2.83.83.83", "System.Embedded.1");
    check("dell/idrac9", Dell, Some("iDRAC 9"), "7.00.30.00", "System.Embedded.1");
    check("dell/idrac10", Dell, Some("iDRAC 10"), "1.20.25.00", "System.Embedded.1");
    check("hpe/ilo4", Hpe, Some("iLO 4"), "2.82", "1/");
    check("hpe/ilo5", Hpe, Some("iLO 5"), "2.72", "1");
    check("hpe/ilo6", Hpe, Some("iLO 6"), "1.62", "1");
    check("lenovo/xcc", Lenovo, Some("XCC"), "CDI3A6N 2.83 2023-11-20", "1");
    check("lenovo/xcc2", Lenovo, Some("XCC2"), "KAX338O 4.20 2024-06-11", "1");
    check("lenovo/xcc3", Lenovo, Some("XCC3"), "IHX402J 1.20 2025-01-15", "1");
    check("supermicro/x10", Supermicro, Some("X10"), "3.90", "1");
    check("supermicro/x11", Supermicro, Some("X11"), "1.74.06", "1");
    check("supermicro/x12", Supermicro, Some("X12"), "01.01.06", "1");
    check("supermicro/x13", Supermicro, Some("X13"), "01.03.18", "1");
    check("supermicro/ars-111gl", Supermicro, None, "01.03.11", "1");
    check("ami/dgx-h100", AmiMegaRac, Some("MegaRAC"), "24.01.05", "DGX");
    check("asrockrack/megarac", AsrockRack, Some("MegaRAC"), "2.04.00", "Self");
    check("gigabyte/megarac", Gigabyte, Some("MegaRAC"), "12.61.06", "Self");
    check("openbmc/upstream", OpenBmc, Some("OpenBMC"), "2.14.0", "system");
    check("openbmc/gb200", Nvidia, Some("OpenBMC"), "GB200Nvl-25.06-5", "System_0");
    check("nvidia/bluefield3", Nvidia, Some("OpenBMC"), "BF-24.04-5", "Bluefield");
    check("cisco/cimc", Cisco, Some("CIMC"), "4.2(3b)", "WZP00000AAA");
    check("fujitsu/irmc-s5", Fujitsu, Some("iRMC S5"), "3.37P", "0");
    check("huawei/ibmc", Huawei, Some("iBMC"), "6.45", "1");
    check("huawei/xfusion", Huawei, Some("iBMC"), "3.08.01.12", "1");
    check("h3c/hdm", H3c, Some("HDM2"), "HDM2_2.03", "1");
}

#[test]
fn the_service_root_alone_tells_the_vendor() {
    let check = |name: &str, vendor: Vendor, product: Option<&str>| {
        let root = Recorded::load(name).play(|talk: &mut Talk| root(talk)).expect(name);
        let identity = identify(&root.resource, None, None);
        assert_eq!((identity.vendor, identity.product.as_deref()), (vendor, product), "{name}: {identity:?}");
    };
    check("dell/idrac9", Vendor::Dell, Some("iDRAC"));
    check("hpe/ilo4", Vendor::Hpe, Some("iLO 4"));
    check("hpe/ilo6", Vendor::Hpe, Some("iLO 6"));
    check("lenovo/xcc2", Vendor::Lenovo, Some("XCC"));
    check("supermicro/x11", Vendor::Supermicro, None);
    check("ami/dgx-h100", Vendor::AmiMegaRac, Some("MegaRAC"));
    check("openbmc/upstream", Vendor::OpenBmc, Some("OpenBMC"));
    check("cisco/cimc", Vendor::Cisco, Some("CIMC"));
    check("fujitsu/irmc-s5", Vendor::Fujitsu, Some("iRMC"));
    check("huawei/xfusion", Vendor::Huawei, Some("iBMC"));
    check("generic/two-nodes", Vendor::Generic, Some("Example Rack Controller"));
}

#[test]
fn the_machine_is_the_named_one_or_the_only_host() {
    let locate = |name: &str, wanted: Option<&str>| {
        let found = Recorded::load(name).play(|talk: &mut Talk| locate(talk, wanted));
        found.map(|place| place.system.rsplit('/').next().unwrap_or_default().to_owned())
    };
    let nodes = || vec!["node1".to_owned(), "node2".to_owned()];
    assert_eq!(locate("generic/two-nodes", None), Err(Error::Ambiguous { there: nodes() }));
    assert_eq!(locate("generic/two-nodes", Some("node2")), Ok("node2".to_owned()));
    let wanted = Some("node3".to_owned());
    assert_eq!(locate("generic/two-nodes", Some("node3")), Err(Error::NoSystem { wanted, there: nodes() }));
    assert_eq!(locate("openbmc/gb200", Some("HGX_Baseboard_0")), Ok("HGX_Baseboard_0".to_owned()));
}

/// GPU baseboards and cards are passed over, unless there is nothing else.
pub fn side_systems() {
    for (name, system) in
        [("ami/dgx-h100", "DGX"), ("openbmc/gb200", "System_0"), ("nvidia/bluefield3", "Bluefield")]
    {
        let place = Recorded::load(name).play(|talk: &mut Talk| locate(talk, None)).expect(name);
        assert_eq!(place.system, format!("/redfish/v1/Systems/{system}"), "{name}");
    }
    // Also where they have a power button of their own.
    let button = json!({ "Actions": { "#ComputerSystem.Reset": { "target": "/reset" } } });
    for (name, side) in [("ami/dgx-h100", "HGX_Baseboard_0"), ("openbmc/gb200", "HGX_Baseboard_0")] {
        let mut recorded = Recorded::load(name);
        recorded.merge(&format!("/redfish/v1/Systems/{side}"), button.clone());
        let place = recorded.play(|talk: &mut Talk| locate(talk, None)).expect(name);
        assert!(!place.system.ends_with(side), "{name}");
    }
}

#[test]
fn a_machine_that_cannot_be_read_is_not_taken_for_another_one() {
    let mut recorded = Recorded::load("generic/two-nodes");
    let node = |number: u8| format!("/redfish/v1/Systems/node{number}");
    recorded.page(&node(1), json!({ "status": 500 }));
    let found = recorded.play(|talk: &mut Talk| locate(talk, None));
    assert!(matches!(found, Err(Error::Refused { status: 500, .. })), "{found:?}");
    let found = recorded.afresh().play(|talk: &mut Talk| locate(talk, Some("node1")));
    assert!(matches!(found, Err(Error::Refused { status: 500, .. })), "{found:?}");
    let found = recorded.afresh().play(|talk: &mut Talk| locate(talk, Some("node2")));
    assert_eq!(found.map(|place| place.system), Ok(node(2)));
    // One that is listed and is not there is none.
    let found = recorded.afresh().without(&node(1)).play(|talk: &mut Talk| locate(talk, None));
    assert_eq!(found.map(|place| place.system), Ok(node(2)));
}

#[test]
fn a_board_without_a_power_button_is_no_machine() {
    let mut recorded = Recorded::load("generic/two-nodes");
    recorded.merge("/redfish/v1/Systems/node1", json!({ "Actions": null }));
    let found = recorded.play(|talk: &mut Talk| locate(talk, None));
    assert_eq!(found.map(|place| place.system), Ok("/redfish/v1/Systems/node2".to_owned()));
}

/// What wants a licence is told from what the account may not do, and a login that wants one from a wrong password.
pub fn licence() {
    let mut recorded = Recorded::load("supermicro/x10");
    let place = recorded.place();
    let parts = recorded.play(ReadInventory { place }).expect("the other parts are read");
    let reasons: Vec<String> = parts.missing.iter().map(|missing| missing.reason.to_string()).collect();
    let told = "the controller wants a licence for this: Not licensed to perform this request: one of the licences DCMS, OOB \
                is needed.";
    assert!(reasons.iter().any(|reason| reason == told), "{reasons:?}");
    let page = recorded.page_of("/redfish/v1/Systems/1/Storage").clone();
    assert_eq!(Told::by(&Answer::json(403, page["body"].clone())), Told::Full);
    recorded.page("/redfish/v1/Systems/1", page);
    let found = recorded.afresh().play(|talk: &mut Talk| locate(talk, None));
    assert!(matches!(found, Err(Error::Unlicensed { .. })), "{found:?}");
}

/// The manager is found where the machine does not link to it.
pub fn missing_links() {
    let place = Recorded::load("gigabyte/megarac").play(|talk: &mut Talk| locate(talk, None));
    let place = place.expect("the machine is found");
    assert_eq!(place.manager.as_deref(), Some("/redfish/v1/Managers/Self"));
}

/// Faults that decide how a controller is asked are known by what it is.
pub fn known(name: &str, quirk: Quirk) {
    let place = Recorded::load(name).play(|talk: &mut Talk| locate(talk, None)).expect(name);
    assert!(place.quirks.contains(quirk), "{name}: {:?}", place.quirks);
    let other =
        Recorded::load("fujitsu/irmc-s5").play(|talk: &mut Talk| locate(talk, None)).expect("an iRMC");
    assert!(other.quirks.is_empty(), "{:?}", other.quirks);
}
