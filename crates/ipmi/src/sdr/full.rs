//! Full sensor records, type 01h (IPMI 2.0 section 43.1).

use crate::fault::Fault;
use crate::sdr::{SensorDescription, id_string};
use crate::sensor::{Conversion, Linearization, ReadingFactors, Thresholds};
use crate::wire::Reader;

/// A sensor with a value: all that is known of it before it is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FullSensor {
    /// What it is.
    pub description: SensorDescription,
    /// Number of the linearisation: 0 to 11, 70h to 7Fh; others are reserved.
    pub linearization: u8,
    /// The numbers of the conversion.
    pub factors: ReadingFactors,
    /// Direction: 0 unspecified, 1 input, 2 output.
    pub direction: u8,
    /// Usual raw value, where it is known.
    pub nominal: Option<u8>,
    /// Lower end of the usual raw values.
    pub normal_minimum: Option<u8>,
    /// Upper end of the usual raw values.
    pub normal_maximum: Option<u8>,
    /// The highest raw value that it can give.
    pub sensor_maximum: u8,
    /// The lowest raw value that it can give.
    pub sensor_minimum: u8,
    /// Raw limits when the record was made. Those in force are told by
    /// [`GetSensorThresholds`](crate::sensor::commands::GetSensorThresholds).
    pub thresholds: Thresholds<u8>,
    /// Raw counts by which a reading must fall below an upper limit again.
    pub positive_hysteresis: u8,
    /// Raw counts by which a reading must rise above a lower limit again.
    pub negative_hysteresis: u8,
    /// A byte for the manufacturer's use.
    pub oem: u8,
    /// Its name.
    pub name: String,
}

impl FullSensor {
    /// How raw bytes become values; `None` for a sensor without analogue reading or with a reserved linearisation.
    pub fn conversion(&self) -> Option<Conversion> {
        Some(Conversion {
            format: self.description.format?,
            linearization: Linearization::from_number(self.linearization)?,
            factors: self.factors,
        })
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let description = SensorDescription::decode(&mut reader)?;
        let linearization = reader.u8("linearization")? & 0x7F;
        let factors: [u8; 6] = reader.array("conversion factors")?;
        let [flags, nominal, normal_maximum, normal_minimum, sensor_maximum, sensor_minimum] =
            reader.array("analog characteristics")?;
        let thresholds = reader.array("thresholds")?;
        let [positive_hysteresis, negative_hysteresis] = reader.array("hysteresis")?;
        let [_, _, oem] = reader.array("reserved bytes")?;
        let specified = |bit: u8, value: u8| (flags >> bit & 1 == 1).then_some(value);
        Ok(Self {
            linearization,
            factors: ReadingFactors::from_bytes(factors),
            direction: factors[4] & 3,
            nominal: specified(0, nominal),
            normal_maximum: specified(1, normal_maximum),
            normal_minimum: specified(2, normal_minimum),
            sensor_maximum,
            sensor_minimum,
            thresholds: Thresholds::from_record(description.readable_thresholds(), thresholds),
            positive_hysteresis,
            negative_hysteresis,
            oem,
            name: id_string::decode(reader.rest())?,
            description,
        })
    }

    pub(super) fn encode(&self, record: &mut Vec<u8>) {
        self.description.encode(record);
        record.push(self.linearization);
        let mut factors = self.factors.to_bytes();
        factors[4] |= self.direction & 3;
        record.extend(factors);
        let specified = [self.nominal, self.normal_maximum, self.normal_minimum];
        record.push(specified.iter().rev().fold(0, |flags, value| flags << 1 | u8::from(value.is_some())));
        record.extend(specified.map(Option::unwrap_or_default));
        record.extend([self.sensor_maximum, self.sensor_minimum]);
        record.extend(self.thresholds.to_record());
        record.extend([self.positive_hysteresis, self.negative_hysteresis, 0, 0, self.oem]);
        id_string::encode(&self.name, record);
    }
}
