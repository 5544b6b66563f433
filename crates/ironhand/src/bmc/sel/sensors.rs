//! The sensors behind a log's events.

use std::sync::Arc;

use ironhand_ipmi::sdr::{ReadSdr, SdrRepository, SensorKey};
use ironhand_ipmi::sel::SystemEvent;
use ironhand_ipmi::sensor::Sensor;
use ironhand_ipmi_port::{Bmc, RunError};

use crate::bmc::Problem;
use crate::bmc::sensors::number;

/// What is known of a BMC's sensors; nothing where nobody asked, or the BMC does not say.
pub struct Sensors(Option<Arc<SdrRepository>>);

impl Sensors {
    /// Reads them if they are `wanted`.
    pub async fn read(bmc: &Bmc, wanted: bool) -> Result<Self, Problem> {
        if !wanted {
            return Ok(Self(None));
        }
        match bmc.run(ReadSdr::new(None)).await {
            Ok(repository) => Ok(Self(Some(repository))),
            // The log is worth reading without names.
            Err(RunError::Procedure(_)) => Ok(Self(None)),
            Err(error) => Err(error.into()),
        }
    }

    /// The sensor that an event is about.
    pub fn of(&self, event: &SystemEvent) -> Option<&Sensor> {
        let repository = self.0.as_ref()?;
        // Firmware and software report for sensors that the BMC's records call the BMC's.
        let as_of_bmc = || repository.sensor(SensorKey::of_bmc(event.sensor_number));
        let sensor = repository.sensor(event.sensor_key()).or_else(as_of_bmc);
        sensor.filter(|sensor| sensor.sensor_type == event.sensor_type)
    }
}

/// A raw reading of a sensor as a value with its unit.
pub fn value(sensor: &Sensor, raw: u8) -> Option<String> {
    let value = number(sensor.conversion?.value(raw)?);
    let unit = sensor.unit.to_string();
    Some(if unit.is_empty() { value } else { format!("{value} {unit}") })
}
