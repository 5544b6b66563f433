//! The case, and what its sensors say (Chassis, Sensor, Thermal, Power).

use serde_json::{Value, json};

use super::exchange::ServiceReply;
use super::machine::{Quantity, Reading};
use super::message::Refusal;
use super::odata::{collection, link};
use super::route::Route;
use super::{Call, Outcome, Service, controller, system};

pub(super) const ROUTES: &[Route] = &[
    Route::new("Chassis", list),
    Route::new("Chassis/{chassis}", show),
    Route::new("Chassis/{chassis}/Sensors", sensors),
    Route::new("Chassis/{chassis}/Sensors/*", sensor),
    Route::new("Chassis/{chassis}/Thermal", thermal),
    Route::new("Chassis/{chassis}/Power", power),
];

/// The path of the case.
pub(super) fn path(service: &Service) -> String {
    format!("/redfish/v1/Chassis/{}", service.flavour.chassis)
}

fn list(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    collection(call, "ChassisCollection", "Chassis", &[link(path(service))])
}

fn show(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let (flavour, path) = (service.flavour, path(service));
    let facts = call.machine.facts();
    let on = call.machine.is_on();
    Ok(ServiceReply::resource(json!({
        "@odata.id": path,
        "@odata.type": "#Chassis.v1_25_1.Chassis",
        "Id": flavour.chassis,
        "Name": "Chassis",
        "ChassisType": "RackMount",
        "Manufacturer": flavour.manufacturer,
        "Model": flavour.model,
        "SerialNumber": facts.serial,
        "AssetTag": facts.asset_tag,
        "PowerState": if on { "On" } else { "Off" },
        "Status": { "State": "Enabled", "Health": "OK" },
        "Sensors": link(format!("{path}/Sensors")),
        "Thermal": link(format!("{path}/Thermal")),
        "Power": link(format!("{path}/Power")),
        "Links": {
            "ComputerSystems": [link(system::path(service))],
            "ManagedBy": [link(controller::path(service))],
        },
    })))
}

/// What stands in the path for a sensor.
fn id(reading: &Reading) -> String {
    reading.name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

fn sensors(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let path = path(service);
    let readings = call.machine.sensors();
    let members: Vec<Value> =
        readings.iter().map(|reading| link(format!("{path}/Sensors/{}", id(reading)))).collect();
    collection(call, "SensorCollection", "Sensors", &members)
}

fn sensor(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    let readings = call.machine.sensors();
    let found = readings.iter().find(|reading| id(reading) == call.id());
    let reading = found.ok_or_else(|| Refusal::missing(call.path))?;
    let (kind, units) = match reading.quantity {
        Quantity::Temperature => ("Temperature", "Cel"),
        Quantity::Fan => ("Rotational", "{rev}/min"),
        Quantity::Voltage => ("Voltage", "V"),
        Quantity::Current => ("Current", "A"),
        Quantity::Power => ("Power", "W"),
    };
    let threshold = |value: Option<f64>| value.map(|value| json!({ "Reading": value }));
    let thresholds = [
        ("LowerCritical", reading.lower_critical),
        ("UpperCaution", reading.upper_caution),
        ("UpperCritical", reading.upper_critical),
    ];
    let thresholds: serde_json::Map<String, Value> = thresholds
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), threshold(value)?)))
        .collect();
    Ok(ServiceReply::resource(json!({
        "@odata.id": call.path,
        "@odata.type": "#Sensor.v1_9_1.Sensor",
        "Id": id(reading),
        "Name": reading.name,
        "ReadingType": kind,
        "ReadingUnits": units,
        "Reading": reading.value,
        "Thresholds": thresholds,
        "Status": status(reading),
    })))
}

fn status(reading: &Reading) -> Value {
    match reading.value {
        Some(_) => json!({ "State": "Enabled", "Health": reading.health() }),
        None => json!({ "State": "UnavailableOffline" }),
    }
}

/// One entry of the older resources, in which all sensors of a kind stand together.
fn entry(path: &str, list: &str, place: usize, reading: &Reading, value: &str) -> Value {
    let mut shown = json!({
        "@odata.id": format!("{path}#/{list}/{place}"),
        "MemberId": place.to_string(),
        "Name": reading.name,
        "LowerThresholdCritical": reading.lower_critical,
        "UpperThresholdNonCritical": reading.upper_caution,
        "UpperThresholdCritical": reading.upper_critical,
        "Status": status(reading),
    });
    shown[value] = reading.value.into();
    shown
}

fn entries(path: &str, list: &str, value: &str, readings: &[Reading], of: Quantity) -> Vec<Value> {
    let some = readings.iter().filter(|reading| reading.quantity == of);
    some.enumerate().map(|(place, reading)| entry(path, list, place, reading, value)).collect()
}

fn thermal(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    let readings = call.machine.sensors();
    let path = call.path;
    let mut fans = entries(path, "Fans", "Reading", &readings, Quantity::Fan);
    fans.iter_mut().for_each(|fan| {
        fan["ReadingUnits"] = "RPM".into();
        // Fans count in whole turns, in the reading and in the limits.
        for name in
            ["Reading", "LowerThresholdCritical", "UpperThresholdNonCritical", "UpperThresholdCritical"]
        {
            if let Some(value) = fan[name].as_f64() {
                fan[name] = (value.round() as i64).into();
            }
        }
    });
    Ok(ServiceReply::resource(json!({
        "@odata.id": path,
        "@odata.type": "#Thermal.v1_7_3.Thermal",
        "Id": "Thermal",
        "Name": "Thermal",
        "Temperatures": entries(path, "Temperatures", "ReadingCelsius", &readings, Quantity::Temperature),
        "Fans": fans,
    })))
}

fn power(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    let readings = call.machine.sensors();
    let path = call.path;
    let watts = readings.iter().find(|reading| reading.quantity == Quantity::Power);
    Ok(ServiceReply::resource(json!({
        "@odata.id": path,
        "@odata.type": "#Power.v1_7_3.Power",
        "Id": "Power",
        "Name": "Power",
        "PowerControl": [{
            "@odata.id": format!("{path}#/PowerControl/0"),
            "MemberId": "0",
            "Name": "System Power Control",
            "PowerConsumedWatts": watts.and_then(|reading| reading.value),
        }],
        "Voltages": entries(path, "Voltages", "ReadingVolts", &readings, Quantity::Voltage),
    })))
}
