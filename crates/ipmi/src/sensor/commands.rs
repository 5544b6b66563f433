//! The commands of sensors (IPMI 2.0 chapter 35).

use crate::command::{Command, netfn};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::sensor::{ReadingFactors, Thresholds};
use crate::wire::Reader;

/// The states of a sensor: 15 of them, bit 15 being reserved.
const STATES: u16 = 0x7FFF;

/// Get Sensor Reading (section 35.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSensorReading {
    /// The sensor's number.
    pub sensor: u8,
}

/// The reply to [`GetSensorReading`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RawReading {
    /// The raw value; without meaning where the sensor has none.
    pub raw: u8,
    /// The sensor sends event messages.
    pub event_messages: bool,
    /// The sensor is being scanned. Some BMCs clear this of sensors that are.
    pub scanning: bool,
    /// The value and the states are not known yet, or the sensor's entity is absent.
    pub unavailable: bool,
    /// The states; for threshold sensors, in bits 0 to 5, the limits that the value is beyond, by
    /// [`Threshold::bit`](crate::sensor::Threshold::bit).
    pub states: u16,
}

impl Command for GetSensorReading {
    type Reply = RawReading;
    const NETFN: u8 = netfn::SENSOR_EVENT;
    const CMD: u8 = 0x2D;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.sensor);
    }

    fn decode(data: &[u8]) -> Result<RawReading, Fault> {
        let mut reader = Reader::new(data);
        let [raw, flags] = reader.array("sensor reading")?;
        // Sensors without states leave these away, and so do some BMCs for sensors that have states.
        let low = reader.u8("states").unwrap_or(0);
        let high = reader.u8("states").unwrap_or(0);
        Ok(RawReading {
            raw,
            event_messages: flags & 0x80 != 0,
            scanning: flags & 0x40 != 0,
            unavailable: flags & 0x20 != 0,
            states: u16::from_le_bytes([low, high]) & STATES,
        })
    }
}

impl RawReading {
    /// The reply's data, as the BMC side sends it. Reserved bits are returned as ones, as the section says.
    pub(crate) fn encode(&self, threshold_sensor: bool) -> Vec<u8> {
        let flags = u8::from(self.event_messages) << 7
            | u8::from(self.scanning) << 6
            | u8::from(self.unavailable) << 5;
        let [low, high] = self.states.to_le_bytes();
        if threshold_sensor {
            vec![self.raw, flags, 0xC0 | low]
        } else {
            vec![self.raw, flags, low, 0x80 | high]
        }
    }
}

/// Get Sensor Thresholds (section 35.9); the reply holds raw values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSensorThresholds {
    /// The sensor's number.
    pub sensor: u8,
}

impl Command for GetSensorThresholds {
    type Reply = Thresholds<u8>;
    const NETFN: u8 = netfn::SENSOR_EVENT;
    const CMD: u8 = 0x27;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.sensor);
    }

    fn decode(data: &[u8]) -> Result<Thresholds<u8>, Fault> {
        let mut reader = Reader::new(data);
        let mask = reader.u8("readable thresholds")?;
        Ok(Thresholds::from_bytes(mask, reader.array("thresholds")?))
    }
}

/// Set Sensor Thresholds (section 35.8): sets those limits that are given, in raw values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetSensorThresholds {
    /// The sensor's number.
    pub sensor: u8,
    /// The limits.
    pub thresholds: Thresholds<u8>,
}

impl Command for SetSensorThresholds {
    type Reply = ();
    const NETFN: u8 = netfn::SENSOR_EVENT;
    const CMD: u8 = 0x26;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend([self.sensor, self.thresholds.mask()]);
        data.extend(self.thresholds.to_bytes());
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

impl SetSensorThresholds {
    /// Reads the request, on the BMC's side.
    pub(crate) fn decode_request(data: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(data);
        let [sensor, mask] = reader.array("sensor number")?;
        Ok(Self { sensor, thresholds: Thresholds::from_bytes(mask, reader.array("thresholds")?) })
    }
}

/// Get Sensor Reading Factors (section 35.5): the conversion of one raw value, for sensors that are not linear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSensorReadingFactors {
    /// The sensor's number.
    pub sensor: u8,
    /// The raw value.
    pub raw: u8,
}

impl Command for GetSensorReadingFactors {
    type Reply = ReadingFactors;
    const NETFN: u8 = netfn::SENSOR_EVENT;
    const CMD: u8 = 0x23;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend([self.sensor, self.raw]);
    }

    fn decode(data: &[u8]) -> Result<ReadingFactors, Fault> {
        let mut reader = Reader::new(data);
        reader.u8("next raw value")?;
        reader.array("reading factors").map(ReadingFactors::from_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_read_and_written() {
        let check = |data: &[u8], expected: Result<RawReading, Fault>| {
            assert_eq!(GetSensorReading::decode(data), expected, "{data:02x?}");
        };
        let reading =
            RawReading { raw: 42, event_messages: true, scanning: true, unavailable: false, states: 0 };
        check(&[42, 0xC0, 0xC0], Ok(RawReading { states: 0xC0, ..reading }));
        check(&[42, 0xC0, 0x01, 0x80], Ok(RawReading { states: 0x0001, ..reading }));
        check(&[42, 0xC0, 0x00, 0xFF], Ok(RawReading { states: 0x7F00, ..reading }));
        check(&[42, 0xE0, 0x00], Ok(RawReading { unavailable: true, ..reading }));
        check(&[42, 0x00], Ok(RawReading { event_messages: false, scanning: false, ..reading }));
        check(&[42, 0xC0], Ok(reading));
        check(&[42], Err(Fault::Truncated("sensor reading")));
        assert_eq!(reading.encode(true), [42, 0xC0, 0xC0]);
        assert_eq!(RawReading { states: 0x4002, ..reading }.encode(false), [42, 0xC0, 0x02, 0xC0]);
    }

    #[test]
    fn limits_are_asked_set_and_read() {
        let thresholds = GetSensorThresholds::decode(&[0x1B, 1, 2, 3, 4, 5, 6]).unwrap();
        let set = SetSensorThresholds { sensor: 9, thresholds };
        let mut data = Vec::new();
        set.encode(&mut data);
        assert_eq!(data, [9, 0x1B, 1, 2, 0, 4, 5, 0]);
        assert_eq!(SetSensorThresholds::decode_request(&data), Ok(set));
        assert_eq!(GetSensorThresholds::decode(&[0x3F, 1, 2, 3, 4, 5]), Err(Fault::Truncated("thresholds")));
        let factors = GetSensorReadingFactors::decode(&[3, 0x02, 0x00, 0x01, 0x00, 0x00, 0xF0]).unwrap();
        assert_eq!((factors.m, factors.b, factors.r_exponent), (2, 1, -1));
    }
}
