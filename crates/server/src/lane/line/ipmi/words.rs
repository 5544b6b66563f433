//! What a BMC tells of its machine, in the words of all connectors.

mod fru;

use ironhand_api::{LogEntry, Sensor, SensorState, Severity, Timestamp};
use ironhand_ipmi::sdr::{SdrRepository, SensorKey};
use ironhand_ipmi::sel::{Entry, Moment, Record, SystemEvent};
use ironhand_ipmi::sensor::{
    Sensor as Described, SensorReading, SensorReport, StateSeverity, Threshold, Unit, state_severity,
};

pub(super) use fru::inventory;

/// Units of table 43-15 that Redfish spells in another way, or has a word for what they measure.
const CELSIUS: u8 = 1;
const FAHRENHEIT: u8 = 2;
const WATTS: u8 = 6;
const REVOLUTIONS_PER_MINUTE: u8 = 18;

/// States of a sensor without thresholds: one bit each.
const STATES: u8 = 15;

/// One sensor.
pub(super) fn sensor(sensor: &Described, report: &SensorReport) -> Sensor {
    let reading = report.reading.as_ref().ok();
    let number = reading.and_then(|reading| reading.value);
    let states = reading.filter(|_| !sensor.is_threshold()).map(|reading| reading.states);
    Sensor {
        name: sensor.name.clone(),
        kind: Some(kind(sensor)),
        reading: number,
        unit: number.and_then(|_| unit(sensor.unit)),
        state: reading.map_or(SensorState::Absent, |reading| state(sensor, reading)),
        events: states.map(|bits| sensor.state_texts(bits)).unwrap_or_default(),
    }
}

/// What the states that a sensor is in come to.
fn state(sensor: &Described, reading: &SensorReading) -> SensorState {
    if sensor.is_threshold() {
        // The six comparison bits are the low ones.
        return match Threshold::most_severe(reading.states as u8) {
            None => SensorState::Ok,
            Some(Threshold::LowerNonCritical | Threshold::UpperNonCritical) => SensorState::Warning,
            Some(_) => SensorState::Critical,
        };
    }
    let set = (0..STATES).filter(|offset| reading.states >> offset & 1 == 1);
    match set.map(|offset| state_severity(sensor.event_type, sensor.sensor_type, offset)).max() {
        Some(StateSeverity::Critical) => SensorState::Critical,
        Some(StateSeverity::Warning) => SensorState::Warning,
        Some(StateSeverity::Info) | None => SensorState::Ok,
    }
}

/// What a sensor measures, in the words of Redfish's `ReadingType` where it has one for it.
fn kind(sensor: &Described) -> String {
    let word = match sensor.type_name() {
        "Fan" if sensor.is_threshold() => "Rotational",
        _ if sensor.unit == Unit::base(WATTS) => "Power",
        name => name,
    };
    word.to_owned()
}

/// A unit as Redfish spells it.
fn unit(unit: Unit) -> Option<String> {
    let text = if unit == Unit::base(CELSIUS) {
        "Cel".to_owned()
    } else if unit == Unit::base(FAHRENHEIT) {
        "[degF]".to_owned()
    } else if unit == Unit::base(REVOLUTIONS_PER_MINUTE) {
        "RPM".to_owned()
    } else {
        unit.to_string()
    };
    Some(text).filter(|text| !text.is_empty())
}

/// An entry of the log, with the names of the sensors where they are known.
pub(super) fn entry(entry: &Entry, names: Option<&SdrRepository>) -> LogEntry {
    let at = entry.record.time().and_then(|time| match time.moment() {
        Moment::Clock(seconds) => Some(Timestamp::from_millis(i64::from(seconds) * 1000)),
        Moment::SinceStart(_) | Moment::Unknown => None,
    });
    let (severity, message, about) = match &entry.record {
        Record::Event(event) => told(event, names),
        Record::TimestampedOem { manufacturer, data, .. } => {
            (Severity::Info, format!("of manufacturer {manufacturer}: {}", hex::encode(data)), None)
        }
        Record::Oem { data, .. } => {
            (Severity::Info, format!("of the manufacturer: {}", hex::encode(data)), None)
        }
    };
    LogEntry { id: entry.id.to_string(), log: None, at, severity, message, about }
}

/// How bad an event is, what happened, and to what.
fn told(event: &SystemEvent, names: Option<&SdrRepository>) -> (Severity, String, Option<String>) {
    let sensor = names.and_then(|names| {
        // Firmware and software report for sensors that the BMC's records call the BMC's.
        let as_of_bmc = || names.sensor(SensorKey::of_bmc(event.sensor_number));
        names.sensor(event.sensor_key()).or_else(as_of_bmc)
    });
    let sensor = sensor.filter(|sensor| sensor.sensor_type == event.sensor_type);
    let value = |raw: u8| {
        let sensor = sensor?;
        let value = sensor.conversion?.value(raw)?;
        // Two decimals at most, and none that say nothing.
        let number = (value * 100.0).round() / 100.0;
        Some(format!("{number} {}", sensor.unit).trim_end().to_owned())
    };
    let severity = match state_severity(event.event_type, event.sensor_type, event.data.offset()) {
        StateSeverity::Warning if event.asserted => Severity::Warning,
        StateSeverity::Critical if event.asserted => Severity::Critical,
        _ => Severity::Info,
    };
    let over = if event.asserted { "" } else { ": no longer" };
    let details = match event.details(value).as_slice() {
        [] => String::new(),
        details => format!(" ({})", details.join(", ")),
    };
    let message = format!("{}{over}{details}", event.state_text());
    let about = match sensor {
        Some(sensor) => format!("{} {}", event.sensor_type_name(), sensor.name),
        None => format!("{} {:02X}h", event.sensor_type_name(), event.sensor_number),
    };
    (severity, message, Some(about))
}

#[cfg(test)]
mod tests {
    use ironhand_ipmi::sel::EventData;

    use super::*;

    #[test]
    fn units_are_spelled_as_redfish_does() {
        let check = |base, text: Option<&str>| assert_eq!(unit(Unit::base(base)).as_deref(), text, "{base}");
        check(0, None);
        check(1, Some("Cel"));
        check(4, Some("V"));
        check(6, Some("W"));
        check(18, Some("RPM"));
        let percent = Unit { percentage: true, ..Unit::default() };
        assert_eq!(unit(percent).as_deref(), Some("%"));
    }

    #[test]
    fn events_are_told_without_names_and_after_they_are_over() {
        let check = |event: SystemEvent, severity, message: &str, about: &str| {
            let told = entry(&Entry { id: 7, record: Record::Event(event) }, None);
            assert_eq!((told.severity, told.message.as_str()), (severity, message));
            assert_eq!((told.about.as_deref(), told.id.as_str()), (Some(about), "7"));
        };
        let lost = SystemEvent::of_bmc(0x08, 3, 0x6F, [3, 0xFF, 0xFF]);
        assert_eq!(lost.data, EventData([3, 0xFF, 0xFF]));
        check(lost, Severity::Critical, "Power supply input lost", "Power Supply 03h");
        let back = lost.deasserted();
        check(back, Severity::Info, "Power supply input lost: no longer", "Power Supply 03h");
        let hot = SystemEvent::of_bmc(0x01, 0x30, 0x01, [0x57, 0x2B, 0x2A]);
        let words = "Upper non-critical, going high (reading 2Bh raw, threshold 2Ah raw)";
        check(hot, Severity::Warning, words, "Temperature 30h");
    }
}
