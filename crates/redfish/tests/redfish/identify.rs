//! The light of a machine.

use ironhand_redfish::{SetIndicator, Talk, indicator};
use serde_json::json;

use crate::recorded::Recorded;

/// Switches the light, and checks what was written.
fn check(recorded: &mut Recorded, on: bool, written: &[(&str, serde_json::Value)]) {
    let place = recorded.place();
    recorded.sent.clear();
    recorded.play(SetIndicator { place: place.clone(), on }).expect("the light is switched");
    let written: Vec<_> =
        written.iter().map(|(path, body)| (format!("PATCH /redfish/v1/{path}"), body.clone())).collect();
    assert_eq!(recorded.sent, written);
    let shown = recorded.play(|talk: &mut Talk| indicator(talk, &place));
    assert_eq!(shown, Ok(Some(on)));
}

#[test]
fn the_light_is_switched_by_the_property_that_there_is() {
    let active = json!({ "LocationIndicatorActive": true });
    let dell = &mut Recorded::load("dell/idrac9");
    check(dell, true, &[("Systems/System.Embedded.1", active)]);
    check(dell, false, &[("Systems/System.Embedded.1", json!({ "LocationIndicatorActive": false }))]);
    check(&mut Recorded::load("hpe/ilo5"), true, &[("Systems/1", json!({ "IndicatorLED": "Blinking" }))]);
    check(&mut Recorded::load("hpe/ilo5"), false, &[("Systems/1", json!({ "IndicatorLED": "Off" }))]);
    // The machine shows none, its case does.
    check(
        &mut Recorded::load("ami/dgx-h100"),
        true,
        &[("Chassis/DGX", json!({ "IndicatorLED": "Blinking" }))],
    );
}

#[test]
fn a_refused_word_or_property_is_not_the_last() {
    let refuses = json!({ "status": 400, "body": { "error": { "message": "no" } } });
    let mut recorded = Recorded::load("supermicro/x13");
    recorded.page("PATCH /redfish/v1/Systems/1", refuses);
    let active = json!({ "LocationIndicatorActive": true });
    check(&mut recorded, true, &[("Systems/1", active.clone()), ("Chassis/1", active)]);

    // It is taken, and changes nothing.
    let mut recorded = Recorded::load("supermicro/x13");
    recorded.page("PATCH /redfish/v1/Systems/1", json!({ "status": 200 }));
    recorded.page("PATCH /redfish/v1/Chassis/1", json!({ "status": 200 }));
    let place = recorded.place();
    let error = recorded.play(SetIndicator { place, on: true }).expect_err("no light is switched");
    let expected = "the controller took the change of the light, and shows \"Off\" when asked";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_machine_without_a_light_says_so() {
    let mut recorded = Recorded::load("openbmc/gb200");
    recorded.merge("/redfish/v1/Systems/System_0", json!({ "LocationIndicatorActive": null }));
    recorded
        .merge("/redfish/v1/Chassis/Chassis_0", json!({ "LocationIndicatorActive": "x", "IndicatorLED": 7 }));
    let place = recorded.place();
    assert_eq!(recorded.play(|talk: &mut Talk| indicator(talk, &place)), Ok(None));
    let error = recorded.play(SetIndicator { place, on: true }).expect_err("there is no light");
    assert_eq!(error.to_string(), "the controller cannot switch a light of the machine");
}
