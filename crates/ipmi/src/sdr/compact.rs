//! Compact sensor records, type 02h, and event-only records, type 03h: one record for several alike sensors (IPMI 2.0
//! sections 43.2 and 43.3).

use crate::fault::Fault;
use crate::sdr::{Entity, SensorDescription, SensorKey, id_string};
use crate::wire::Reader;

/// How one record stands for several sensors with consecutive numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Sharing {
    /// How many sensors share the record: 0 to 15. 0 and 1 both mean a sensor of its own.
    pub count: u8,
    /// What is put behind the name.
    pub modifier: InstanceModifier,
    /// The first one's number or letter, counted from 0: 0 to 127.
    pub offset: u8,
    /// Whether the entity's instance counts up too.
    pub entity_instances: bool,
}

/// What tells the names of sensors apart that share a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum InstanceModifier {
    /// A decimal number.
    #[default]
    Numeric,
    /// A letter from `A`; two from the 27th on.
    Alpha,
}

/// One of the sensors that share a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SharedSensor {
    /// Where it is.
    pub key: SensorKey,
    /// What it belongs to.
    pub entity: Entity,
    /// Its name.
    pub name: String,
}

impl Sharing {
    fn from_bytes([first, second]: [u8; 2]) -> Self {
        Self {
            count: first & 0x0F,
            modifier: if first >> 4 & 3 == 1 { InstanceModifier::Alpha } else { InstanceModifier::Numeric },
            offset: second & 0x7F,
            entity_instances: second & 0x80 != 0,
        }
    }

    fn to_bytes(self, direction: u8) -> [u8; 2] {
        let modifier = match self.modifier {
            InstanceModifier::Numeric => 0,
            InstanceModifier::Alpha => 1,
        };
        [
            direction << 6 | modifier << 4 | self.count & 0x0F,
            u8::from(self.entity_instances) << 7 | self.offset & 0x7F,
        ]
    }

    /// The sensors that share a record with this key, entity and name. Numbers beyond 255 do not exist.
    fn sensors(self, key: SensorKey, entity: Entity, name: &str) -> impl Iterator<Item = SharedSensor> {
        (0..self.count.max(1)).map_while(move |index| {
            let number = key.number.checked_add(index)?;
            let instance = if self.entity_instances {
                entity.instance.wrapping_add(index) & 0x7F
            } else {
                entity.instance
            };
            let name = if self.count > 1 { format!("{name}{}", self.suffix(index)) } else { name.to_owned() };
            Some(SharedSensor {
                key: SensorKey { number, ..key },
                entity: Entity { instance, ..entity },
                name,
            })
        })
    }

    fn suffix(self, index: u8) -> String {
        let number = self.offset + index;
        match self.modifier {
            InstanceModifier::Numeric => number.to_string(),
            InstanceModifier::Alpha => {
                let letter = |number: u8| char::from(b'A' + number % 26);
                let first = (number / 26).checked_sub(1).map(letter);
                first.into_iter().chain([letter(number)]).collect()
            }
        }
    }
}

/// Sensors without conversion: states, or a raw count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CompactSensor {
    /// What the first of them is.
    pub description: SensorDescription,
    /// Direction: 0 unspecified, 1 input, 2 output.
    pub direction: u8,
    /// How many there are.
    pub sharing: Sharing,
    /// Raw counts by which a reading must fall below an upper limit again.
    pub positive_hysteresis: u8,
    /// Raw counts by which a reading must rise above a lower limit again.
    pub negative_hysteresis: u8,
    /// A byte for the manufacturer's use.
    pub oem: u8,
    /// The name, without what [`Sharing`] puts behind it.
    pub name: String,
}

impl CompactSensor {
    /// Each of the sensors.
    pub fn sensors(&self) -> impl Iterator<Item = SharedSensor> {
        self.sharing.sensors(self.description.key, self.description.entity, &self.name)
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let description = SensorDescription::decode(&mut reader)?;
        let sharing: [u8; 2] = reader.array("record sharing")?;
        let [positive_hysteresis, negative_hysteresis, _, _, _, oem] = reader.array("hysteresis")?;
        Ok(Self {
            description,
            direction: sharing[0] >> 6,
            sharing: Sharing::from_bytes(sharing),
            positive_hysteresis,
            negative_hysteresis,
            oem,
            name: id_string::decode(reader.rest())?,
        })
    }

    pub(super) fn encode(&self, record: &mut Vec<u8>) {
        self.description.encode(record);
        record.extend(self.sharing.to_bytes(self.direction));
        record.extend([self.positive_hysteresis, self.negative_hysteresis, 0, 0, 0, self.oem]);
        id_string::encode(&self.name, record);
    }
}

/// Sensors that cannot be read: they only send events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventOnlySensor {
    /// Where the first of them is.
    pub key: SensorKey,
    /// What it belongs to.
    pub entity: Entity,
    /// What they sense: a number of table 42-3.
    pub sensor_type: u8,
    /// What kind of events they send.
    pub event_type: u8,
    /// Direction: 0 unspecified, 1 input, 2 output.
    pub direction: u8,
    /// How many there are.
    pub sharing: Sharing,
    /// A byte for the manufacturer's use.
    pub oem: u8,
    /// The name, without what [`Sharing`] puts behind it.
    pub name: String,
}

impl EventOnlySensor {
    /// Each of the sensors.
    pub fn sensors(&self) -> impl Iterator<Item = SharedSensor> {
        self.sharing.sensors(self.key, self.entity, &self.name)
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let key = SensorKey::from_bytes(reader.array("sensor owner and number")?);
        let entity = Entity::from_bytes(reader.array("entity")?);
        let [sensor_type, event_type] = reader.array("sensor type")?;
        let sharing: [u8; 2] = reader.array("record sharing")?;
        let [_, oem] = reader.array("reserved byte")?;
        Ok(Self {
            key,
            entity,
            sensor_type,
            event_type: event_type & 0x7F,
            direction: sharing[0] >> 6,
            sharing: Sharing::from_bytes(sharing),
            oem,
            name: id_string::decode(reader.rest())?,
        })
    }

    pub(super) fn encode(&self, record: &mut Vec<u8>) {
        record.extend(self.key.to_bytes());
        record.extend(self.entity.to_bytes());
        record.extend([self.sensor_type, self.event_type]);
        record.extend(self.sharing.to_bytes(self.direction));
        record.extend([0, self.oem]);
        id_string::encode(&self.name, record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensors_that_share_a_record_have_numbers_and_names_of_their_own() {
        let check = |bytes, expected: &[(u8, u8, &str)]| {
            let sharing = Sharing::from_bytes(bytes);
            assert_eq!(sharing.to_bytes(bytes[0] >> 6), bytes);
            let sensors = sharing.sensors(SensorKey::of_bmc(0xFC), Entity::new(8, 1), "DIMM ");
            let found: Vec<_> =
                sensors.map(|sensor| (sensor.key.number, sensor.entity.instance, sensor.name)).collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(number, instance, name)| (*number, *instance, (*name).to_owned()))
                .collect();
            assert_eq!(found, expected, "{bytes:02x?}");
        };
        check([0x00, 0x00], &[(0xFC, 1, "DIMM ")]);
        check([0x41, 0x05], &[(0xFC, 1, "DIMM ")]);
        check([0x03, 0x81], &[(0xFC, 1, "DIMM 1"), (0xFD, 2, "DIMM 2"), (0xFE, 3, "DIMM 3")]);
        check([0x12, 0x19], &[(0xFC, 1, "DIMM Z"), (0xFD, 1, "DIMM AA")]);
        // Numbers end at 255.
        check(
            [0x0F, 0x00],
            &[(0xFC, 1, "DIMM 0"), (0xFD, 1, "DIMM 1"), (0xFE, 1, "DIMM 2"), (0xFF, 1, "DIMM 3")],
        );
    }
}
