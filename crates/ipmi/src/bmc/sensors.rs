//! The BMC's sensors (IPMI 2.0 chapter 35).

mod events;
mod sample;
mod set;

pub use set::{SensorInput, SensorInputError, SensorSet};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bmc::Bmc;
use crate::bmc::commands::{Access, Answer, Caller, Handler, handler, untyped};
use crate::command::netfn;
use crate::completion::CompletionCode;
use crate::privilege::PrivilegeLevel;
use crate::quirk::Quirk;
use crate::sensor::commands::{
    GetSensorReading, GetSensorReadingFactors, GetSensorThresholds, RawReading, SetSensorThresholds,
};
use set::{Model, Present};

/// The event/reading type that fans claim on a BMC with [`Quirk::DiscreteReading`]: availability states.
pub(super) const AVAILABILITY: u8 = 0x0A;

/// The sensor type of fans.
pub(super) const FAN: u8 = 0x04;

/// The sensors of one BMC.
#[derive(Debug)]
pub(super) struct Sensors {
    set: Arc<SensorSet>,
    /// What makes these sensors differ a little from those of another BMC with the same set.
    variation: Option<u64>,
    /// Those that say something else, or have other limits, than at first.
    changed: BTreeMap<u8, Present>,
}

impl Sensors {
    pub(super) fn new(set: Arc<SensorSet>, variation: Option<u64>) -> Self {
        Self { set, variation, changed: BTreeMap::new() }
    }

    pub(super) fn set(&self) -> &SensorSet {
        &self.set
    }

    /// The states in which a sensor is; `None` where there is no such sensor.
    pub(super) fn states(&self, number: u8) -> Option<u16> {
        Some(self.model(number).ok()?.states(&self.present(number).ok()?))
    }

    fn model(&self, number: u8) -> Result<&Model, CompletionCode> {
        self.set.sensor(number).ok_or(CompletionCode::NOT_PRESENT)
    }

    fn present(&self, number: u8) -> Result<Present, CompletionCode> {
        let model = self.model(number)?;
        Ok(self.changed.get(&number).copied().unwrap_or_else(|| match self.variation {
            Some(variation) => model.varied(variation.wrapping_add(number.into())),
            None => model.first,
        }))
    }
}

impl Bmc {
    /// Makes a sensor say this from now on.
    ///
    /// # Errors
    ///
    /// Those of [`SensorInputError`].
    pub fn set_sensor(&mut self, number: u8, input: SensorInput) -> Result<(), SensorInputError> {
        let absent = SensorInputError::NoSensor(number);
        let present = self.sensors.present(number).map_err(|_| absent)?;
        let model = self.sensors.model(number).map_err(|_| absent)?;
        let present = model.apply(present, number, input)?;
        self.sensors.changed.insert(number, present);
        Ok(())
    }
}

/// The commands of sensors.
pub(super) const HANDLERS: &[Handler] = &[
    handler::<GetSensorReadingFactors>(|bmc, _, data| {
        let &[number, raw] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
        let factors = bmc.sensors.set.factors(number, raw).ok_or(CompletionCode::NOT_PRESENT)?;
        let mut reply = vec![raw.wrapping_add(1)];
        reply.extend(factors.to_bytes());
        Ok(reply)
    }),
    writable(0x24, set_hysteresis),
    readable(0x25, hysteresis),
    handler::<SetSensorThresholds>(set_thresholds),
    handler::<GetSensorThresholds>(|bmc, _, data| {
        let number = sensor_number(data)?;
        bmc.sensors
            .model(number)
            .ok()
            .filter(|model| model.is_threshold())
            .ok_or(CompletionCode::NOT_PRESENT)?;
        let thresholds = bmc.sensors.present(number)?.thresholds;
        let mut reply = vec![thresholds.mask()];
        reply.extend(thresholds.to_bytes());
        Ok(reply)
    }),
    writable(0x28, events::set_enable),
    readable(0x29, events::enable),
    writable(0x2A, events::rearm),
    readable(0x2B, events::status),
    handler::<GetSensorReading>(reading),
    readable(0x2F, |bmc, _, data| {
        let model = bmc.sensors.model(sensor_number(data)?)?;
        Ok(vec![model.sensor_type, model.event_type])
    }),
];

/// A command of sensors that has no type of its own.
const fn readable(command: u8, answer: fn(&mut Bmc, Caller, &[u8]) -> Answer) -> Handler {
    untyped((netfn::SENSOR_EVENT, command), Access::From(PrivilegeLevel::User), answer)
}

/// A command that changes sensors and has no type of its own.
const fn writable(command: u8, answer: fn(&mut Bmc, Caller, &[u8]) -> Answer) -> Handler {
    untyped((netfn::SENSOR_EVENT, command), Access::From(PrivilegeLevel::Operator), answer)
}

fn sensor_number(data: &[u8]) -> Result<u8, CompletionCode> {
    match data {
        &[number] => Ok(number),
        _ => Err(CompletionCode::REQUEST_LENGTH_INVALID),
    }
}

fn reading(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let number = sensor_number(data)?;
    let present = bmc.sensors.present(number)?;
    let model = bmc.sensors.model(number)?;
    let discrete_fan = bmc.config.quirks.contains(Quirk::DiscreteReading) && model.sensor_type == FAN;
    let reading = RawReading {
        raw: present.raw,
        event_messages: !present.no_events,
        scanning: !present.not_scanned && !bmc.config.quirks.contains(Quirk::IgnoreScanningDisabled),
        unavailable: is_unavailable(bmc, model, &present),
        // "Running", where it is to have states.
        states: if discrete_fan { 1 } else { model.states(&present) },
    };
    Ok(reading.encode(model.is_threshold() && !discrete_fan))
}

fn is_unavailable(bmc: &Bmc, model: &Model, present: &Present) -> bool {
    present.no_reading || model.needs_power && !bmc.chassis.power_on
}

fn set_thresholds(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let asked =
        SetSensorThresholds::decode_request(data).map_err(|_| CompletionCode::REQUEST_LENGTH_INVALID)?;
    let mut present = bmc.sensors.present(asked.sensor)?;
    if asked.thresholds.mask() & !bmc.sensors.model(asked.sensor)?.settable != 0 {
        return Err(CompletionCode::INVALID_FIELD);
    }
    for (threshold, raw) in asked.thresholds.iter() {
        present.thresholds.set(threshold, Some(raw));
    }
    bmc.sensors.changed.insert(asked.sensor, present);
    Ok(Vec::new())
}

/// Get Sensor Hysteresis (section 35.7). The second byte of the request is a reserved mask.
fn hysteresis(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let (&number, _) = data.split_first().ok_or(CompletionCode::REQUEST_LENGTH_INVALID)?;
    let (positive, negative) = bmc.sensors.present(number)?.hysteresis;
    Ok(vec![positive, negative])
}

/// Set Sensor Hysteresis (section 35.6).
fn set_hysteresis(bmc: &mut Bmc, _: Caller, data: &[u8]) -> Answer {
    let &[number, _mask, positive, negative] = data else {
        return Err(CompletionCode::REQUEST_LENGTH_INVALID);
    };
    if !bmc.sensors.model(number)?.can_set_hysteresis {
        return Err(CompletionCode::ILLEGAL_FOR_SENSOR);
    }
    let present = bmc.sensors.present(number)?;
    bmc.sensors.changed.insert(number, Present { hysteresis: (positive, negative), ..present });
    Ok(Vec::new())
}

#[cfg(test)]
mod tests;
