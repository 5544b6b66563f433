//! One sensor, whatever record it is described by.

use crate::sdr::{Access, CompactSensor, Entity, EventOnlySensor, FullSensor, SensorKey, SharedSensor};
use crate::sensor::event_text::{self, THRESHOLD};
use crate::sensor::{Conversion, Thresholds, Unit};

/// A sensor: what a record says of it, or of one of those that share the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensor {
    /// The record's id.
    pub record: u16,
    /// Where it is.
    pub key: SensorKey,
    /// What it belongs to.
    pub entity: Entity,
    /// Its name, made unique where several share the record.
    pub name: String,
    /// What it senses: a number of table 42-3.
    pub sensor_type: u8,
    /// How it tells: 01h by thresholds, others by states.
    pub event_type: u8,
    /// Whether it can be read; those that cannot only send events.
    pub readable: bool,
    /// The unit of its value.
    pub unit: Unit,
    /// How its raw byte becomes a value; `None` where it has no value.
    pub conversion: Option<Conversion>,
    /// The limits that can be read, by [`Threshold::bit`](crate::sensor::Threshold::bit).
    pub readable_thresholds: u8,
    /// The limits that can be set.
    pub settable_thresholds: u8,
    /// Whether its limits can be read and set at all.
    pub threshold_access: Access,
    /// Raw limits when its record was made.
    pub thresholds: Thresholds<u8>,
    /// Raw counts of hysteresis: below upper limits and above lower ones.
    pub hysteresis: (u8, u8),
}

impl Sensor {
    pub(crate) fn of_full(record: u16, sensor: &FullSensor) -> Self {
        let description = &sensor.description;
        Self {
            record,
            key: description.key,
            entity: description.entity,
            name: sensor.name.clone(),
            sensor_type: description.sensor_type,
            event_type: description.event_type,
            readable: true,
            unit: description.unit,
            conversion: sensor.conversion(),
            readable_thresholds: description.readable_thresholds(),
            settable_thresholds: description.settable_thresholds(),
            threshold_access: description.capabilities.thresholds,
            thresholds: sensor.thresholds,
            hysteresis: (sensor.positive_hysteresis, sensor.negative_hysteresis),
        }
    }

    pub(crate) fn of_compact(record: u16, sensor: &CompactSensor) -> impl Iterator<Item = Self> {
        let description = &sensor.description;
        sensor.sensors().map(move |SharedSensor { key, entity, name }| Self {
            record,
            key,
            entity,
            name,
            sensor_type: description.sensor_type,
            event_type: description.event_type,
            readable: true,
            unit: description.unit,
            conversion: None,
            readable_thresholds: description.readable_thresholds(),
            settable_thresholds: description.settable_thresholds(),
            threshold_access: description.capabilities.thresholds,
            thresholds: Thresholds::default(),
            hysteresis: (sensor.positive_hysteresis, sensor.negative_hysteresis),
        })
    }

    pub(crate) fn of_event_only(record: u16, sensor: &EventOnlySensor) -> impl Iterator<Item = Self> {
        sensor.sensors().map(move |SharedSensor { key, entity, name }| Self {
            record,
            key,
            entity,
            name,
            sensor_type: sensor.sensor_type,
            event_type: sensor.event_type,
            readable: false,
            unit: Unit::default(),
            conversion: None,
            readable_thresholds: 0,
            settable_thresholds: 0,
            threshold_access: Access::Absent,
            thresholds: Thresholds::default(),
            hysteresis: (0, 0),
        })
    }

    /// Whether it compares its value with limits.
    pub fn is_threshold(&self) -> bool {
        self.event_type == THRESHOLD
    }

    /// What it senses, in words.
    pub fn type_name(&self) -> &'static str {
        event_text::sensor_type_name(self.sensor_type)
    }

    /// The states that are set in `bits`, in words; those without a text by their number. For threshold sensors the
    /// worst limit that the value is beyond.
    pub fn state_texts(&self, bits: u16) -> Vec<String> {
        if self.is_threshold() {
            let beyond = crate::sensor::Threshold::most_severe(bits as u8);
            return beyond.map(|threshold| threshold.name().to_owned()).into_iter().collect();
        }
        (0..15)
            .filter(|offset| bits >> offset & 1 == 1)
            .map(|offset| match event_text::state_text(self.event_type, self.sensor_type, offset) {
                Some(text) => text.to_owned(),
                None => format!("state {offset}"),
            })
            .collect()
    }
}
