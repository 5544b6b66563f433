//! One record, for people and for programs.

use ironhand_api::Timestamp as Time;
use ironhand_ipmi::sel::{Entry as Decoded, Moment, Record, SystemEvent, Timestamp};
use serde::Serialize;

use super::sensors::{Sensors, value};
use crate::output::{Field, Tone};

/// Titles of the table.
pub const HEAD: [&str; 6] = ["id", "time", "sensor", "direction", "event", "details"];

/// One record.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    id: u16,
    record_type: u8,
    /// RFC 3339, or seconds since the BMC's start with a plus sign before them.
    time: Option<String>,
    #[serde(flatten)]
    contents: Contents,
    /// The record's 16 bytes.
    raw: String,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Contents {
    Event {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        sensor_type: &'static str,
        sensor_type_number: u8,
        sensor: u8,
        event_type: u8,
        offset: u8,
        direction: &'static str,
        event: String,
        details: Vec<String>,
        generator: String,
        /// The record's type does not exist; it was read as an event.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        reserved_type: bool,
    },
    Oem {
        #[serde(skip_serializing_if = "Option::is_none")]
        manufacturer: Option<u32>,
        oem: String,
    },
}

impl Entry {
    /// A record, with what is known of its sensor.
    pub fn new(entry: &Decoded, sensors: &Sensors) -> Self {
        let contents = match &entry.record {
            Record::Event(event) => event_contents(event, sensors),
            Record::TimestampedOem { manufacturer, data, .. } => {
                Contents::Oem { manufacturer: Some(*manufacturer), oem: hex::encode(data) }
            }
            Record::Oem { data, .. } => Contents::Oem { manufacturer: None, oem: hex::encode(data) },
        };
        Self {
            id: entry.id,
            record_type: entry.record.record_type(),
            time: entry.record.time().and_then(moment),
            contents,
            raw: hex::encode(entry.encode()),
        }
    }
}

fn event_contents(event: &SystemEvent, sensors: &Sensors) -> Contents {
    let sensor = sensors.of(event);
    Contents::Event {
        name: sensor.map(|sensor| sensor.name.clone()),
        sensor_type: event.sensor_type_name(),
        sensor_type_number: event.sensor_type,
        sensor: event.sensor_number,
        event_type: event.event_type,
        offset: event.data.offset(),
        direction: if event.asserted { "asserted" } else { "deasserted" },
        event: event.state_text(),
        details: event.details(|raw| value(sensor?, raw)),
        generator: event.generator.to_string(),
        reserved_type: event.has_reserved_type(),
    }
}

impl Entry {
    /// A row of the table.
    pub fn row(&self) -> Vec<Field> {
        let time = self.time.clone().unwrap_or_else(|| "unknown".to_owned());
        let mut row: Vec<Field> = vec![format!("{:04x}", self.id).into(), time.into()];
        match &self.contents {
            Contents::Event {
                name,
                sensor_type,
                sensor,
                direction,
                event,
                details,
                generator,
                reserved_type,
                ..
            } => {
                let by_others = (generator != "BMC").then(|| format!("by {generator}"));
                let reserved = reserved_type.then(|| format!("record type {:02X}h", self.record_type));
                let details: Vec<_> = details.iter().cloned().chain(by_others).chain(reserved).collect();
                let tone = if *direction == "asserted" { Tone::Plain } else { Tone::Dim };
                row.extend([
                    match name {
                        Some(name) => format!("{sensor_type} {name}").into(),
                        None => format!("{sensor_type} {sensor:02X}h").into(),
                    },
                    Field::toned(*direction, tone),
                    event.as_str().into(),
                    details.join(", ").into(),
                ]);
            }
            Contents::Oem { manufacturer, oem } => {
                let manufacturer = manufacturer.map(|number| format!("manufacturer {number}"));
                row.extend([
                    format!("OEM {:02X}h", self.record_type).into(),
                    "".into(),
                    oem.as_str().into(),
                    manufacturer.unwrap_or_default().into(),
                ]);
            }
        }
        row
    }
}

/// A time as RFC 3339, or as seconds since the BMC's start; nothing where it is not known.
pub fn moment(time: Timestamp) -> Option<String> {
    match time.moment() {
        Moment::Clock(seconds) => {
            let time = Time::from_millis(i64::from(seconds) * 1000).to_string();
            // BMCs count whole seconds.
            Some(time.replace(".000Z", "Z"))
        }
        Moment::SinceStart(since) => Some(format!("+{}s", since.as_secs())),
        Moment::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_clock_or_count_from_the_start() {
        let check = |raw, expected: Option<&str>| assert_eq!(moment(Timestamp(raw)).as_deref(), expected);
        check(1_772_438_400, Some("2026-03-02T08:00:00Z"));
        check(12, Some("+12s"));
        check(0xFFFF_FFFF, None);
    }
}
