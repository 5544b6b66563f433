//! The sensors that a BMC begins with: their records and what they say at first.

use std::collections::BTreeMap;

use crate::sdr::{Access, CompactSensor, FullSensor, Record, RecordBody, SensorDescription};
use crate::sel::Timestamp;
use crate::sensor::event_text::THRESHOLD;
use crate::sensor::{AnalogFormat, Conversion, ReadingFactors, Threshold, Thresholds};

/// When the sample's records were added: 2026-01-01 00:00 UTC.
const ADDED: Timestamp = Timestamp(1_767_225_600);

/// What a sensor is made to say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SensorInput {
    /// A value in the sensor's unit; the nearest that the sensor can say.
    Value(f64),
    /// A raw value.
    Raw(u8),
    /// The states that are set: bits 0 to 14.
    States(u16),
    /// Nothing: no reading at present.
    NoReading,
    /// Nothing: it is not scanned.
    NotScanned,
}

/// Why a sensor cannot be made to say something.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SensorInputError {
    /// The BMC has no sensor with this number that can be read.
    #[error("there is no sensor {0:#04x} that can be read")]
    NoSensor(u8),
    /// No raw value stands for it.
    #[error("sensor {sensor:#04x} cannot have the value {value}")]
    OutOfRange {
        /// The sensor.
        sensor: u8,
        /// The value.
        value: f64,
    },
}

/// The records and sensors that a BMC begins with. Many BMCs can share a set: each keeps only what it changed.
#[derive(Debug, Clone, Default)]
pub struct SensorSet {
    records: Vec<Vec<u8>>,
    sensors: BTreeMap<u8, Model>,
    /// Conversions of sensors that are not linear: from which raw value on which factors hold.
    factors: BTreeMap<(u8, u8), ReadingFactors>,
}

/// What a sensor is, to the BMC that has it.
#[derive(Debug, Clone, Copy)]
pub(in crate::bmc) struct Model {
    pub(in crate::bmc) sensor_type: u8,
    pub(in crate::bmc) event_type: u8,
    pub(in crate::bmc) format: Option<AnalogFormat>,
    pub(in crate::bmc) conversion: Option<Conversion>,
    pub(in crate::bmc) settable: u8,
    /// States whose assertion, and whose deassertion, can be events.
    pub(in crate::bmc) events: EventMasks,
    pub(in crate::bmc) can_set_hysteresis: bool,
    /// It says something only while the machine is on.
    pub(in crate::bmc) needs_power: bool,
    pub(in crate::bmc) first: Present,
}

/// States whose assertion or deassertion is an event: bits 0 to 11 for the ways through thresholds, 0 to 14 for states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::bmc) struct EventMasks {
    pub(in crate::bmc) assertion: u16,
    pub(in crate::bmc) deassertion: u16,
}

impl EventMasks {
    fn of(description: &SensorDescription) -> Self {
        // Above the events a threshold sensor's masks say which comparisons its readings show.
        let events = if description.is_threshold() { 0x0FFF } else { 0x7FFF };
        Self {
            assertion: description.assertion_mask & events,
            deassertion: description.deassertion_mask & events,
        }
    }
}

/// What a sensor says and is set to.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::bmc) struct Present {
    pub(in crate::bmc) raw: u8,
    pub(in crate::bmc) states: u16,
    pub(in crate::bmc) no_reading: bool,
    pub(in crate::bmc) not_scanned: bool,
    pub(in crate::bmc) thresholds: Thresholds<u8>,
    /// Positive and negative.
    pub(in crate::bmc) hysteresis: (u8, u8),
    /// It sends no event messages at all.
    pub(in crate::bmc) no_events: bool,
    /// Which it sends otherwise.
    pub(in crate::bmc) enabled: EventMasks,
}

impl SensorSet {
    /// A set with these records, which get ids from 1. At first sensors say 0 and no state.
    pub fn new(bodies: impl IntoIterator<Item = RecordBody>) -> Self {
        let mut set = Self::default();
        // Ids 0 and FFFFh mean the first record and none.
        for (id, body) in (1..u16::MAX).zip(bodies) {
            match &body {
                RecordBody::Full(sensor) => {
                    set.sensors.insert(sensor.description.key.number, Model::of_full(sensor));
                }
                RecordBody::Compact(sensor) => {
                    let models =
                        sensor.sensors().map(|shared| (shared.key.number, Model::of_compact(sensor)));
                    set.sensors.extend(models);
                }
                _ => {}
            }
            set.records.push(Record { id, body }.encode());
        }
        set
    }

    /// The set with a sensor that says this at first.
    ///
    /// # Errors
    ///
    /// Those of [`SensorInputError`].
    pub fn with(mut self, sensor: u8, input: SensorInput) -> Result<Self, SensorInputError> {
        let model = self.sensors.get_mut(&sensor).ok_or(SensorInputError::NoSensor(sensor))?;
        model.first = model.apply(model.first, sensor, input)?;
        Ok(self)
    }

    /// Changes what a sensor says at first.
    pub(super) fn at_first(&mut self, sensor: u8, change: impl FnOnce(&mut Present)) {
        if let Some(model) = self.sensors.get_mut(&sensor) {
            change(&mut model.first);
        }
    }

    /// The set with sensors that say something only while the machine is on.
    #[must_use]
    pub fn needing_power(mut self, sensors: &[u8]) -> Self {
        for (_, model) in self.sensors.iter_mut().filter(|(number, _)| sensors.contains(number)) {
            model.needs_power = true;
        }
        self
    }

    /// The set with the conversion of a sensor that is not linear, for raw values from `raw` on.
    #[must_use]
    pub fn with_factors(mut self, sensor: u8, raw: u8, factors: ReadingFactors) -> Self {
        self.factors.insert((sensor, raw), factors);
        self
    }

    /// The records as they lie in the repository.
    pub(crate) fn records(&self) -> &[Vec<u8>] {
        &self.records
    }

    pub(in crate::bmc) fn added(&self) -> Timestamp {
        ADDED
    }

    pub(in crate::bmc) fn sensor(&self, number: u8) -> Option<&Model> {
        self.sensors.get(&number)
    }

    /// The sensor of this type with the lowest number.
    pub(in crate::bmc) fn first_of_type(&self, sensor_type: u8) -> Option<u8> {
        self.sensors.iter().find(|(_, model)| model.sensor_type == sensor_type).map(|(number, _)| *number)
    }

    pub(in crate::bmc) fn sensor_count(&self) -> usize {
        self.sensors.len()
    }

    /// The factors that hold for a raw value: those of the record for linear sensors.
    pub(in crate::bmc) fn factors(&self, sensor: u8, raw: u8) -> Option<ReadingFactors> {
        let special = self.factors.range((sensor, 0)..=(sensor, raw)).next_back();
        special.map(|(_, factors)| *factors).or_else(|| Some(self.sensor(sensor)?.conversion?.factors))
    }
}

impl Model {
    fn of_full(sensor: &FullSensor) -> Self {
        let description = &sensor.description;
        Self {
            sensor_type: description.sensor_type,
            event_type: description.event_type,
            format: description.format,
            conversion: sensor.conversion(),
            settable: description.settable_thresholds(),
            events: EventMasks::of(description),
            can_set_hysteresis: description.capabilities.hysteresis == Access::Settable,
            needs_power: false,
            first: Present {
                thresholds: sensor.thresholds,
                hysteresis: (sensor.positive_hysteresis, sensor.negative_hysteresis),
                enabled: EventMasks::of(description),
                ..Present::default()
            },
        }
    }

    fn of_compact(sensor: &CompactSensor) -> Self {
        let description = &sensor.description;
        Self {
            sensor_type: description.sensor_type,
            event_type: description.event_type,
            format: description.format,
            conversion: None,
            settable: 0,
            events: EventMasks::of(description),
            can_set_hysteresis: description.capabilities.hysteresis == Access::Settable,
            needs_power: false,
            first: Present {
                hysteresis: (sensor.positive_hysteresis, sensor.negative_hysteresis),
                enabled: EventMasks::of(description),
                ..Present::default()
            },
        }
    }

    pub(in crate::bmc) fn is_threshold(&self) -> bool {
        self.event_type == THRESHOLD
    }

    /// What the sensor says at first, give or take two raw steps that follow from `variation`. Only where that is a small
    /// change in every format: not at the ends of the raw values.
    pub(in crate::bmc) fn varied(&self, variation: u64) -> Present {
        let middle = match self.format {
            Some(AnalogFormat::Unsigned) => 3..=0xFC,
            _ => 3..=0x7C,
        };
        let Present { raw, .. } = self.first;
        if !self.is_threshold() || !middle.contains(&raw) {
            return self.first;
        }
        // Neighbouring numbers must not give neighbouring steps: a multiplicative hash, of which the top bits count.
        let step = variation.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        Present { raw: raw - 2 + (step % 5) as u8, ..self.first }
    }

    /// What the sensor says once it is made to say `input`.
    pub(in crate::bmc) fn apply(
        &self,
        present: Present,
        sensor: u8,
        input: SensorInput,
    ) -> Result<Present, SensorInputError> {
        let heard = Present { no_reading: false, not_scanned: false, ..present };
        Ok(match input {
            SensorInput::Value(value) => {
                let raw = self.conversion.and_then(|conversion| conversion.nearest_raw(value));
                Present { raw: raw.ok_or(SensorInputError::OutOfRange { sensor, value })?, ..heard }
            }
            SensorInput::Raw(raw) => Present { raw, ..heard },
            SensorInput::States(states) => Present { states: states & 0x7FFF, ..heard },
            SensorInput::NoReading => Present { no_reading: true, ..present },
            SensorInput::NotScanned => Present { not_scanned: true, ..present },
        })
    }

    /// The states in which the sensor is: for a threshold sensor, the limits that its raw value is at or beyond.
    pub(in crate::bmc) fn states(&self, present: &Present) -> u16 {
        if !self.is_threshold() {
            return present.states;
        }
        let number = |raw| self.format.map_or(i16::from(raw), |format| format.number(raw));
        let value = number(present.raw);
        let beyond = |(threshold, limit): &(Threshold, u8)| {
            if threshold.is_upper() { value >= number(*limit) } else { value <= number(*limit) }
        };
        let bits =
            present.thresholds.iter().filter(beyond).fold(0, |bits, (threshold, _)| bits | threshold.bit());
        u16::from(bits)
    }
}
