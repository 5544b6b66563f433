//! Settings of the firmware.

use ironhand_redfish::{Attributes, Bios, Error, SetBios, Staged, Talk, bios};
use serde_json::{Value, json};

use crate::recorded::Recorded;

fn read(recorded: &mut Recorded) -> Bios {
    let place = recorded.place();
    recorded.play(|talk: &mut Talk| bios(talk, &place)).expect("the settings are read")
}

fn attributes(value: Value) -> Attributes {
    serde_json::from_value(value).expect("attributes")
}

/// Stages settings, and checks what was sent and what came of it.
fn check(recorded: &mut Recorded, set: Value, sent: &[(&str, Value)], job: Option<&str>, unseen: &[&str]) {
    let place = recorded.place();
    recorded.sent.clear();
    let staged =
        recorded.play(SetBios { place, attributes: attributes(set) }).expect("the settings are staged");
    let sent: Vec<_> = sent.iter().map(|(name, body)| ((*name).to_owned(), body.clone())).collect();
    assert_eq!(recorded.sent, sent);
    let unseen = unseen.iter().map(ToString::to_string).collect();
    assert_eq!(staged, Staged { job: job.map(str::to_owned), unseen });
}

#[test]
fn settings_are_shown_with_those_that_will_be() {
    let dell = read(&mut Recorded::load("dell/idrac9"));
    assert_eq!(dell.attributes["NumLock"], "On");
    assert_eq!(dell.attributes["AcPwrRcvryUserDelay"], 60);
    assert_eq!(dell.pending, attributes(json!({ "NumLock": "Off" })));
    assert_eq!(dell.registry.as_deref(), Some("BiosAttributeRegistry.v1_0_0"));
    // All are repeated where they will be, or none.
    assert_eq!(read(&mut Recorded::load("hpe/ilo5")).pending, Attributes::new());
    assert_eq!(read(&mut Recorded::load("supermicro/x13")).pending, Attributes::new());
    let mut recorded = Recorded::load("openbmc/gb200");
    recorded.without("/redfish/v1/Systems/System_0/Bios/Settings");
    let shown = read(&mut recorded);
    assert_eq!((shown.attributes.len(), shown.pending.len()), (3, 0));
}

#[test]
fn settings_are_staged_where_they_belong() {
    check(
        &mut Recorded::load("hpe/ilo5"),
        json!({ "ProcHyperthreading": "Disabled" }),
        &[(
            "PATCH /redfish/v1/Systems/1/Bios/settings",
            json!({ "Attributes": { "ProcHyperthreading": "Disabled" } }),
        )],
        None,
        &[],
    );
    check(
        &mut Recorded::load("supermicro/x13"),
        json!({ "QuietBoot": false }),
        &[(
            "PATCH /redfish/v1/Systems/1/Bios/SD",
            json!({ "Attributes": { "QuietBoot": false }, "@Redfish.SettingsApplyTime": { "ApplyTime": "OnReset" } }),
        )],
        None,
        &[],
    );
    // The controller takes them, and shows nothing of it.
    let mut recorded = Recorded::load("ami/dgx-h100");
    recorded.page("PATCH /redfish/v1/Systems/DGX/Bios/SD", json!({ "status": 202 }));
    check(
        &mut recorded,
        json!({ "TCG001": "Disabled" }),
        &[("PATCH /redfish/v1/Systems/DGX/Bios/SD", json!({ "Attributes": { "TCG001": "Disabled" } }))],
        None,
        &["TCG001"],
    );
}

/// A job takes staged settings over: the one that the controller makes by itself, or one that it is asked for.
pub fn bios_job() {
    let settings = "/redfish/v1/Systems/System.Embedded.1/Bios/Settings";
    let patch = format!("PATCH {settings}");
    let jobs = "/redfish/v1/Managers/iDRAC.Embedded.1/Oem/Dell/Jobs";
    let apply = json!({ "Attributes": { "NumLock": "Off" }, "@Redfish.SettingsApplyTime": { "ApplyTime": "OnReset" } });
    let plain = json!({ "Attributes": { "NumLock": "Off" } });
    let set = json!({ "NumLock": "Off" });

    let mut newer = Recorded::load("dell/idrac9");
    let location = json!({ "status": 202, "headers": { "Location": format!("{jobs}/JID_1") } });
    newer.page(&patch, location);
    check(&mut newer, set.clone(), &[(&patch, apply.clone())], Some(&format!("{jobs}/JID_1")), &[]);

    let mut older = Recorded::load("dell/idrac9");
    let knows_no_times =
        json!({ "demands": { "without": ["@Redfish.SettingsApplyTime"], "else": { "status": 400 } } });
    older.page(&patch, knows_no_times);
    older.page(&format!("POST {jobs}"), json!({ "headers": { "Location": format!("{jobs}/JID_2") } }));
    let job = json!({ "TargetSettingsURI": settings });
    let sent = [(patch.as_str(), apply), (patch.as_str(), plain), (&format!("POST {jobs}"), job)];
    check(&mut older, set, &sent, Some(&format!("{jobs}/JID_2")), &[]);
}

#[test]
fn what_cannot_be_staged_is_said_before_anything_is_written() {
    let check = |recorded: &mut Recorded, set: Value, expected: &str, sent: usize| {
        let place = recorded.place();
        let error =
            recorded.play(SetBios { place, attributes: attributes(set) }).expect_err("nothing is staged");
        assert_eq!(error.to_string(), expected);
        assert_eq!(recorded.sent.len(), sent);
    };
    let mut hpe = Recorded::load("hpe/ilo5");
    let expected = "the controller cannot set BIOS attributes that it does not have: Bot, Moed";
    check(&mut hpe, json!({ "Moed": 1, "Bot": 2, "BootMode": "Uefi" }), expected, 0);
    hpe.merge("/redfish/v1/Systems/1/Bios", json!({ "@Redfish.Settings": "later" }));
    let expected = "the controller cannot stage settings of the firmware: it shows no place for them";
    check(&mut hpe, json!({ "BootMode": "LegacyBios" }), expected, 0);

    let mut hpe = Recorded::load("hpe/ilo5");
    hpe.page("PATCH /redfish/v1/Systems/1/Bios/settings", json!({ "status": 200 }));
    let expected =
        "the controller took the change of the BIOS attribute BootMode, and shows \"Uefi\" when asked";
    check(&mut hpe, json!({ "BootMode": "LegacyBios" }), expected, 1);

    let mut none = Recorded::load("cisco/cimc");
    check(&mut none, json!({ "a": 1 }), "the controller cannot show the settings of the firmware", 0);
}

#[test]
fn words_of_people_become_values_of_the_attribute() {
    let bios = Bios {
        attributes: attributes(json!({ "flag": true, "count": 3, "word": "a", "unset": null })),
        ..Bios::default()
    };
    let check = |name: &str, text: &str, value: Value| assert_eq!(bios.value(name, text), Ok(value));
    check("flag", "false", json!(false));
    check("count", "60", json!(60));
    check("count", "1.5", json!(1.5));
    check("word", "60", json!("60"));
    check("unset", "Enabled", json!("Enabled"));
    let refused = |name: &str, text: &str, expected: &str| {
        let error: Error = bios.value(name, text).expect_err("it is none");
        assert_eq!(error.to_string(), format!("the controller cannot set {expected}"));
    };
    refused("flag", "yes", "the BIOS attribute flag to \"yes\": it is true or false");
    refused("count", "many", "the BIOS attribute count to \"many\": it is a number");
    refused("x", "1", "BIOS attributes that it does not have: x");
}
