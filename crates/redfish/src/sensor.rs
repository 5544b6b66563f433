//! What a machine measures: by the older Thermal and Power, by Sensors, or by the subsystems of the case (DSP0268).

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::listing::{expands, list_of, number, read_collections, read_each, tell_apart, told};
use crate::root::root;
use crate::system::{Place, is_side_board, last};
use crate::{Listing, Missing, Operation, Resource, Stop, Talk};

/// Cases and boards that are looked at: the largest machines have forty.
const MOST_CHASSIS: usize = 64;

/// One sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensor {
    /// Its name.
    pub name: String,
    /// What it measures, in the words of Redfish's `ReadingType`: `Temperature`, `Rotational`, `Voltage`, `Power` and others.
    pub kind: Option<String>,
    /// What it reads, where it reads something now.
    pub reading: Option<f64>,
    /// The unit: `Cel`, `RPM`, `V`, `W`, `%` and others.
    pub unit: Option<String>,
    /// What the controller thinks of it.
    pub state: SensorState,
}

/// What a controller thinks of a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SensorState {
    /// All is well, or the controller says nothing else.
    Ok,
    /// It needs attention.
    Warning,
    /// It needs attention at once.
    Critical,
    /// It cannot be read now.
    Absent,
}

/// Reads the sensors of a machine.
#[derive(Clone, Debug)]
pub struct ReadSensors {
    /// The machine.
    pub place: Place,
}

impl Operation for ReadSensors {
    type Output = Listing<Sensor>;

    fn perform(&self, talk: &mut Talk) -> Result<Listing<Sensor>, Stop> {
        let mut missing = Vec::new();
        let expand = expands(talk, &self.place)?;
        let cases = chassis(talk, &self.place, &mut missing)?;
        let mut sensors = older(talk, &cases, &mut missing)?;
        // One request for each sensor is what the older resources save, where a controller still has both of them; they tell
        // of what is inside too.
        let told: Vec<String> = inside(cases.iter().filter(|case| has_older(case)));
        let is_told = |case: &Resource| has_older(case) || told.contains(&case.path);
        let rest: Vec<_> = cases.iter().filter(|case| !is_told(case)).cloned().collect();
        let links: Vec<String> = rest.iter().filter_map(|case| path(case, "Sensors")).collect();
        for (_, resource) in read_collections(talk, &links, expand, &mut missing)? {
            sensors.push(sensor(&resource.value, resource.id()));
        }
        let rest: Vec<_> = rest.into_iter().filter(|case| case.link(&["Sensors"]).is_none()).collect();
        sensors.extend(subsystems(talk, &rest, expand, &mut missing)?);
        tell_apart(sensors.iter_mut().map(|sensor| (sensor.kind.clone(), &mut sensor.name)));
        Ok(Listing { items: sensors, missing })
    }
}

/// The cases and boards of a machine: those that say so, and what is inside them. A baseboard of accelerators belongs to a
/// machine of its own.
pub(crate) fn chassis(
    talk: &mut Talk,
    place: &Place,
    missing: &mut Vec<Missing>,
) -> Result<Vec<Arc<Resource>>, Stop> {
    let mut paths: Vec<String> = place.chassis.iter().cloned().collect();
    if let Some(collection) = root(talk)?.chassis {
        match talk.members(&collection) {
            Ok(members) => paths.extend(members),
            Err(Stop::Failed(reason)) => missing.push(Missing { path: collection, reason }),
            Err(Stop::Ask) => return Err(Stop::Ask),
        }
    }
    let is_side = |path: &String| is_side_board(last(path)) && !is_side_board(last(&place.system));
    paths.retain(|path| !is_side(path));
    let mut seen = HashSet::new();
    paths.retain(|path| seen.insert(path.trim_end_matches('/').to_owned()));
    paths.truncate(MOST_CHASSIS);
    let mut cases: Vec<Arc<Resource>> = Vec::new();
    for (path, case) in paths.iter().zip(talk.get_all(&paths)?) {
        match case {
            Ok(case) => cases.push(case),
            Err(reason) => missing.push(Missing { path: path.clone(), reason }),
        }
    }
    let is_own = |case: &Resource| {
        let systems = case.links(&["Links", "ComputerSystems"]);
        place.chassis.as_deref() == Some(case.path.as_str()) || systems.contains(&place.system)
    };
    let own: Vec<String> = cases.iter().filter(|case| is_own(case)).map(|case| case.path.clone()).collect();
    let inside: Vec<String> = inside(cases.iter().filter(|case| is_own(case)));
    cases.retain(|case| own.contains(&case.path) || inside.contains(&case.path));
    Ok(cases)
}

/// The paths of what is inside cases.
fn inside<'a>(cases: impl Iterator<Item = &'a Arc<Resource>>) -> Vec<String> {
    cases.flat_map(|case| case.links(&["Links", "Contains"])).collect()
}

/// Whether all that a case measures stands in Thermal and Power.
fn has_older(case: &Resource) -> bool {
    case.link(&["Thermal"]).is_some() && case.link(&["Power"]).is_some()
}

fn path(resource: &Resource, name: &str) -> Option<String> {
    resource.link(&[name]).map(str::to_owned)
}

/// The sensors of Thermal and Power.
fn older(talk: &mut Talk, cases: &[Arc<Resource>], missing: &mut Vec<Missing>) -> Result<Vec<Sensor>, Stop> {
    let mut links: Vec<String> = Vec::new();
    for link in cases.iter().flat_map(|case| [path(case, "Thermal"), path(case, "Power")]).flatten() {
        if !links.contains(&link) {
            links.push(link);
        }
    }
    let mut sensors = Vec::new();
    for resource in read_each(talk, &links, missing)? {
        for (list, kind, readings, unit) in OLDER {
            for entry in list_of(&resource.value, list) {
                let reading = readings.iter().find_map(|name| number(&entry[*name]));
                let units = entry["ReadingUnits"].as_str().map(unit_of);
                let unit = units.unwrap_or_else(|| (*unit).to_owned());
                let kind = if unit == "%" { "Percent" } else { kind };
                let name = told(&entry["Name"]).or_else(|| told(&entry["FanName"]));
                let name = name.or_else(|| told(&entry["MemberId"])).unwrap_or(list);
                sensors.push(measured(name, Some(kind), reading, Some(&unit), entry));
            }
        }
    }
    Ok(sensors)
}

/// The lists of Thermal and Power: their name, what is measured, in which properties, and the unit.
const OLDER: &[(&str, &str, &[&str], &str)] = &[
    ("Temperatures", "Temperature", &["ReadingCelsius"], "Cel"),
    ("Fans", "Rotational", &["Reading", "ReadingRPM"], "RPM"),
    ("Voltages", "Voltage", &["ReadingVolts"], "V"),
    ("PowerControl", "Power", &["PowerConsumedWatts"], "W"),
    ("PowerSupplies", "Power", &["PowerInputWatts", "PowerOutputWatts", "LastPowerOutputWatts"], "W"),
];

/// A resource of the schema Sensor.
fn sensor(value: &Value, id: &str) -> Sensor {
    let name = told(&value["Name"]).unwrap_or(id);
    let unit = value["ReadingUnits"].as_str().map(unit_of);
    measured(name, told(&value["ReadingType"]), number(&value["Reading"]), unit.as_deref(), value)
}

/// The sensors of ThermalSubsystem, PowerSubsystem and EnvironmentMetrics, of a case that shows no others.
fn subsystems(
    talk: &mut Talk,
    cases: &[Arc<Resource>],
    expand: bool,
    missing: &mut Vec<Missing>,
) -> Result<Vec<Sensor>, Stop> {
    let (mut subsystems, mut metrics) = (Vec::new(), Vec::new());
    for case in cases {
        subsystems
            .extend([path(case, "ThermalSubsystem"), path(case, "PowerSubsystem")].into_iter().flatten());
        metrics.extend(path(case, "EnvironmentMetrics"));
    }
    let mut collections = Vec::new();
    for subsystem in read_each(talk, &subsystems, missing)? {
        metrics.extend(path(&subsystem, "ThermalMetrics"));
        collections
            .extend([path(&subsystem, "Fans"), path(&subsystem, "PowerSupplies")].into_iter().flatten());
    }
    let mut sensors = Vec::new();
    for resource in read_each(talk, &metrics, missing)? {
        let value = &resource.value;
        for (name, kind, unit) in METRICS {
            sensors.extend(excerpt(&value[*name], name, kind, unit, &Value::Null));
        }
        for entry in list_of(value, "TemperatureReadingsCelsius") {
            let name = told(&entry["DeviceName"]).unwrap_or("Temperature");
            sensors.extend(excerpt(entry, name, "Temperature", "Cel", &Value::Null));
        }
    }
    for (_, resource) in read_collections(talk, &collections, expand, missing)? {
        let value = &resource.value;
        let name = told(&value["Name"]).unwrap_or(resource.id());
        let speed = &value["SpeedPercent"];
        let found = match number(&speed["SpeedRPM"]) {
            Some(rpm) => Some(measured(name, Some("Rotational"), Some(rpm), Some("RPM"), value)),
            None => excerpt(speed, name, "Percent", "%", value),
        };
        sensors.push(found.unwrap_or_else(|| measured(name, None, None, None, value)));
    }
    Ok(sensors)
}

/// The readings of EnvironmentMetrics.
const METRICS: &[(&str, &str, &str)] = &[
    ("TemperatureCelsius", "Temperature", "Cel"),
    ("HumidityPercent", "Humidity", "%"),
    ("PowerWatts", "Power", "W"),
    ("EnergykWh", "EnergykWh", "kW.h"),
];

/// What an excerpt of a sensor shows, where it shows a number; `of` is what it belongs to.
fn excerpt(value: &Value, name: &str, kind: &str, unit: &str, of: &Value) -> Option<Sensor> {
    let reading = number(&value["Reading"])?;
    Some(measured(name, Some(kind), Some(reading), Some(unit), of))
}

/// A sensor, with what its resource says of its state.
fn measured(
    name: &str,
    kind: Option<&str>,
    reading: Option<f64>,
    unit: Option<&str>,
    value: &Value,
) -> Sensor {
    let state = state(value, reading);
    Sensor {
        name: name.to_owned(),
        kind: kind.map(str::to_owned),
        // Controllers show 0 where nothing is plugged in.
        reading: reading.filter(|_| state != SensorState::Absent),
        unit: unit.map(str::to_owned),
        state,
    }
}

/// What a controller thinks of a sensor: its word, and the thresholds only where it gives none. It may have reasons to think
/// otherwise, as where it has turned a threshold off.
fn state(value: &Value, reading: Option<f64>) -> SensorState {
    let status = &value["Status"];
    if matches!(
        status["State"].as_str(),
        Some("Absent" | "Disabled" | "StandbyOffline" | "UnavailableOffline" | "Updating")
    ) {
        // A part that is there and has failed is not absent.
        return match status["Health"].as_str() {
            Some("Critical") => SensorState::Critical,
            _ => SensorState::Absent,
        };
    }
    match (status["Health"].as_str(), reading) {
        (Some("Warning"), _) => SensorState::Warning,
        (Some("Critical"), _) => SensorState::Critical,
        (None, Some(reading)) => by_thresholds(value, reading),
        _ => SensorState::Ok,
    }
}

/// What the thresholds say of a reading, as Sensor and as the older lists write them.
fn by_thresholds(value: &Value, reading: f64) -> SensorState {
    let threshold = |newer: &str, older: &str| {
        number(&value["Thresholds"][newer]["Reading"]).or_else(|| number(&value[older]))
    };
    let below = |newer, older| threshold(newer, older).is_some_and(|limit| reading < limit);
    let above = |newer, older| threshold(newer, older).is_some_and(|limit| reading > limit);
    if below("LowerCritical", "LowerThresholdCritical") || above("UpperCritical", "UpperThresholdCritical") {
        SensorState::Critical
    } else if below("LowerCaution", "LowerThresholdNonCritical")
        || above("UpperCaution", "UpperThresholdNonCritical")
    {
        SensorState::Warning
    } else {
        SensorState::Ok
    }
}

/// A unit in few letters.
fn unit_of(unit: &str) -> String {
    match unit {
        "{rev}/min" | "rpm" => "RPM",
        "Percent" => "%",
        unit => unit,
    }
    .to_owned()
}
