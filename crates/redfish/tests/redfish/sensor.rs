//! What a machine measures, however its controller shows it.

use ironhand_redfish::{Listing, ReadSensors, Sensor};
use serde_json::json;

use crate::recorded::Recorded;

fn sensors(recorded: &mut Recorded) -> Listing<Sensor> {
    let place = recorded.place();
    recorded.play(ReadSensors { place }).expect("the sensors are read")
}

/// As lines: name, kind, reading, unit, state.
fn lines(listing: &Listing<Sensor>) -> Vec<String> {
    let line = |sensor: &Sensor| {
        let reading = sensor.reading.map_or("-".to_owned(), |reading| reading.to_string());
        let (kind, unit) = (sensor.kind.as_deref().unwrap_or("-"), sensor.unit.as_deref().unwrap_or("-"));
        format!("{} | {kind} | {reading} {unit} | {:?}", sensor.name, sensor.state)
    };
    listing.items.iter().map(line).collect()
}

fn check(recording: &str, expected: &[&str], missing: &[&str]) {
    let listing = sensors(&mut Recorded::load(recording));
    assert_eq!(lines(&listing), expected, "{recording}");
    let paths: Vec<_> = listing.missing.iter().map(|missing| missing.path.as_str()).collect();
    assert_eq!(paths, missing, "{recording}");
}

#[test]
fn sensors_of_thermal_and_power() {
    check(
        "dell/idrac9",
        &[
            "System Board Inlet Temp | Temperature | 22 Cel | Ok",
            "CPU1 Temp | Temperature | 61 Cel | Ok",
            "System Board Fan1A | Rotational | 7560 RPM | Ok",
            "PS1 Voltage 1 | Voltage | 230 V | Ok",
            "System Power Control | Power | 246 W | Ok",
            "PS1 Status | Power | 130 W | Ok",
            "PS2 Status | Power | 121 W | Ok",
        ],
        &[],
    );
    check(
        "hpe/ilo5",
        &[
            "01-Inlet Ambient | Temperature | 21 Cel | Ok",
            "02-CPU 1 | Temperature | 40 Cel | Ok",
            "05-P1 DIMM 7-12 | Temperature | - Cel | Absent",
            "Fan 1 | Percent | 14 % | Ok",
            "Fan 2 | Percent | 0 % | Critical",
            "PowerControl | Power | 187 W | Ok",
            "HpeServerPowerSupply | Power | 187 W | Ok",
            "HpeServerPowerSupply 2 | Power | 0 W | Critical",
        ],
        &[],
    );
}

#[test]
fn sensors_one_by_one_and_of_the_boards_inside() {
    check(
        "openbmc/gb200",
        &[
            "Inlet Temp 0 | Temperature | 24.187 Cel | Ok",
            "Fan 1 | Rotational | 10250 RPM | Ok",
            "Fan 3 | Rotational | 900 RPM | Ok",
            "Total Power 0 | Power | 1180.5 W | Ok",
            "OCP 0 | Temperature | - Cel | Absent",
            "PDB 0 HSC 0 Volt In | Voltage | 50.1 V | Ok",
        ],
        &["/redfish/v1/Chassis/Chassis_0/Sensors/voltage_Gone"],
    );
}

#[test]
fn sensors_of_the_subsystems_where_there_are_no_others() {
    let chassis = "/redfish/v1/Chassis/Chassis_0";
    let mut recorded = Recorded::load("openbmc/gb200");
    recorded.merge(chassis, json!({ "Sensors": null, "Links": { "Contains": [] } }));
    let expected = [
        "Inlet_Temp_0 | Temperature | 24.187 Cel | Ok",
        "PowerWatts | Power | 1180.5 W | Ok",
        "Fan_1 | Rotational | 10250 RPM | Ok",
        "Fan_3 | Rotational | 10250 RPM | Critical",
    ];
    let listing = sensors(&mut recorded);
    let (mut seen, mut expected) = (lines(&listing), expected.map(str::to_owned).to_vec());
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
}

#[test]
fn boards_belong_to_the_machine_that_they_name() {
    let chassis = "/redfish/v1/Chassis";
    let mut recorded = Recorded::load("openbmc/gb200");
    recorded.merge(&format!("{chassis}/Chassis_0"), json!({ "Links": { "Contains": null } }));
    let system = |id: &str| json!({ "Links": { "ComputerSystems": [{ "@odata.id": format!("/redfish/v1/Systems/{id}") }] } });
    let names = |recorded: &mut Recorded| -> Vec<String> {
        sensors(recorded.afresh()).items.into_iter().map(|sensor| sensor.name).collect()
    };
    assert_eq!(names(&mut recorded).len(), 5);
    recorded.merge(&format!("{chassis}/PDB_0"), system("System_0"));
    assert_eq!(names(&mut recorded).last().map(String::as_str), Some("PDB 0 HSC 0 Volt In"));
    recorded.merge(&format!("{chassis}/PDB_0"), system("HGX_Baseboard_0"));
    assert_eq!(names(&mut recorded).len(), 5);
    assert!(!recorded.asked.iter().any(|asked| asked.contains("HGX_Chassis_0")), "{:?}", recorded.asked);
}

#[test]
fn older_lists_tell_of_what_is_inside_too() {
    let chassis = "/redfish/v1/Chassis";
    let mut recorded = Recorded::load("hpe/ilo5");
    recorded.merge(&format!("{chassis}/1"), json!({ "Links": { "Contains": [{ "@odata.id": "/inside" }] } }));
    recorded.merge(
        chassis,
        json!({ "Members": [{ "@odata.id": "/redfish/v1/Chassis/1" }, { "@odata.id": "/inside" }] }),
    );
    recorded.page("/inside", json!({ "body": { "Sensors": { "@odata.id": "/inside/Sensors" } } }));
    assert_eq!(sensors(&mut recorded).items.len(), 8);
    assert!(!recorded.asked.iter().any(|asked| asked.contains("/inside/Sensors")), "{:?}", recorded.asked);
}

#[test]
fn an_expanded_collection_takes_one_request() {
    let sensors_of = "/redfish/v1/Chassis/System.Embedded.1/Sensors";
    let mut recorded = Recorded::load("dell/idrac9");
    recorded.merge("/redfish/v1/Chassis/System.Embedded.1", json!({ "Thermal": null }));
    let members: Vec<_> =
        recorded.paths().into_iter().filter(|path| path.starts_with(&format!("{sensors_of}/"))).collect();
    let members: Vec<_> = members.iter().map(|path| recorded.body(path).clone()).collect();
    let body = json!({ "body": { "Members": members } });
    recorded.page(&format!("{sensors_of}?$expand=.($levels=1)"), body);
    let listing = sensors(&mut recorded);
    assert_eq!(listing.missing, []);
    assert!(lines(&listing).contains(&"CPU2 VCORE PG | Voltage | - V | Ok".to_owned()));
    let about = recorded.asked.iter().filter(|asked| asked.contains("/Sensors"));
    assert_eq!(about.count(), 1, "{:?}", recorded.asked);
}

/// A controller that says that it expands, and then loses what tells members apart, is asked for each member.
pub fn expand() {
    let says = json!({ "ProtocolFeaturesSupported": { "ExpandQuery": { "NoLinks": true } } });
    for (name, is_expanded) in [("ami/dgx-h100", false), ("openbmc/gb200", false), ("dell/idrac9", true)] {
        let mut recorded = Recorded::load(name);
        recorded.merge("/redfish/v1", says.clone());
        let chassis = recorded.place().chassis.expect("its case is known");
        recorded.merge(&chassis, json!({ "Thermal": null }));
        sensors(&mut recorded);
        let asks = recorded.asked.iter().any(|asked| asked.contains("$expand"));
        assert_eq!(asks, is_expanded, "{name}: {:?}", recorded.asked);
    }
}

#[test]
fn what_a_controller_gets_wrong_costs_no_other_sensor() {
    let thermal = "/redfish/v1/Chassis/1/Thermal";
    let mut recorded = Recorded::load("supermicro/x13");
    recorded.page("/redfish/v1/Chassis/1/Power", json!({ "body": "<html>login</html>" }));
    recorded.merge(
        thermal,
        json!({ "Fans": null, "Temperatures": [
            null,
            "hot",
            { "Name": 7, "MemberId": "a", "ReadingCelsius": "48.5", "Status": "fine" },
            { "Name": "b", "ReadingCelsius": [], "UpperThresholdCritical": 10 },
            { "Name": "c", "ReadingCelsius": 12, "UpperThresholdCritical": 10 },
            { "Name": "d", "ReadingCelsius": 9, "UpperThresholdNonCritical": 8, "UpperThresholdCritical": null },
            { "Name": "d", "ReadingCelsius": 9, "UpperThresholdNonCritical": 8, "Status": { "Health": "OK" } },
        ] }),
    );
    let listing = sensors(&mut recorded);
    let expected = [
        "a | Temperature | 48.5 Cel | Ok",
        "b | Temperature | - Cel | Ok",
        "c | Temperature | 12 Cel | Critical",
        "d | Temperature | 9 Cel | Warning",
        "d 2 | Temperature | 9 Cel | Ok",
    ];
    assert_eq!(lines(&listing), expected);
    let missing: Vec<_> = listing.missing.iter().map(ToString::to_string).collect();
    let expected = "/redfish/v1/Chassis/1/Power: the answer to GET /redfish/v1/Chassis/1/Power makes no sense: \
                    it is a page for people";
    assert_eq!(missing, [expected]);
}

#[test]
fn a_collection_whose_pages_lead_in_a_circle_ends() {
    let sensors_of = "/redfish/v1/Chassis/Chassis_0/Sensors";
    let mut recorded = Recorded::load("openbmc/gb200");
    recorded.merge(sensors_of, json!({ "Members@odata.nextLink": format!("{sensors_of}?$skip=1") }));
    let page = json!({
        "Members": [{ "@odata.id": sensors_of }, { "@odata.id": "//elsewhere/x" }, { "@odata.id": 1 }, 7],
        "Members@odata.nextLink": sensors_of,
    });
    recorded.page(&format!("{sensors_of}?$skip=1"), json!({ "body": page }));
    let listing = sensors(&mut recorded);
    assert_eq!(listing.items.len(), 6);
    let asked = recorded.asked.iter().filter(|asked| asked.contains("?$skip=1")).count();
    assert_eq!(asked, 1, "{:?}", recorded.asked);

    // Pages without end, each with another address.
    recorded.afresh();
    for at in 0..2000 {
        let page =
            json!({ "Members": [], "Members@odata.nextLink": format!("{sensors_of}?$skip={}", at + 1) });
        recorded.page(&format!("{sensors_of}?$skip={at}"), json!({ "body": page }));
    }
    recorded.merge(sensors_of, json!({ "Members@odata.nextLink": format!("{sensors_of}?$skip=0") }));
    let listing = sensors(&mut recorded);
    assert_eq!(listing.items.len(), 6);
    assert!(recorded.asked.len() < 300, "{} requests", recorded.asked.len());
}

#[test]
fn refused_credentials_are_no_missing_sensor() {
    let mut recorded = Recorded::load("supermicro/x13");
    let place = recorded.place();
    recorded.page("/redfish/v1/Chassis/1/Thermal", json!({ "status": 401 }));
    let error = recorded.play(ReadSensors { place }).expect_err("the credentials are refused");
    assert_eq!(error, ironhand_redfish::Error::Unauthorized);
}
