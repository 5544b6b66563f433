//! What full and compact sensor records have in common (IPMI 2.0 sections 43.1 and 43.2, bytes 6 to 23).

use crate::fault::Fault;
use crate::message::BMC_ADDRESS;
use crate::sdr::Entity;
use crate::sensor::event_text::THRESHOLD;
use crate::sensor::{AnalogFormat, Unit};
use crate::wire::Reader;

/// Where a sensor is: who owns it, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SensorKey {
    /// The owner: the slave address of a controller, which is even, or an odd software id.
    pub owner: u8,
    /// The channel by which the owner is reached; 0 is the primary IPMB.
    pub channel: u8,
    /// The owner's logical unit: 0 to 3.
    pub lun: u8,
    /// The sensor's number: 0 to 254.
    pub number: u8,
}

impl SensorKey {
    /// A sensor of the BMC itself, on its LUN 0.
    pub const fn of_bmc(number: u8) -> Self {
        Self { owner: BMC_ADDRESS, channel: 0, lun: 0, number }
    }

    /// Whether the BMC itself answers for the sensor, so that no bridging is needed.
    pub fn is_of_bmc(self) -> bool {
        self.owner == BMC_ADDRESS && self.channel == 0
    }

    pub(crate) fn from_bytes([owner, place, number]: [u8; 3]) -> Self {
        Self { owner, channel: place >> 4, lun: place & 3, number }
    }

    pub(crate) fn to_bytes(self) -> [u8; 3] {
        [self.owner, self.channel << 4 | self.lun & 3, self.number]
    }
}

/// Whether a property of a sensor can be read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Access {
    /// The sensor does not have it.
    #[default]
    Absent,
    /// It can be read.
    Readable,
    /// It can be read and set.
    Settable,
    /// It is built in and cannot be read.
    Fixed,
}

impl Access {
    fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Absent,
            1 => Self::Readable,
            2 => Self::Settable,
            _ => Self::Fixed,
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Absent => 0,
            Self::Readable => 1,
            Self::Settable => 2,
            Self::Fixed => 3,
        }
    }

    /// Whether it can be read by a command.
    pub fn is_readable(self) -> bool {
        matches!(self, Self::Readable | Self::Settable)
    }
}

/// "Sensor capabilities" (byte 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SensorCapabilities {
    /// The sensor means nothing while its entity is absent.
    pub ignored_without_entity: bool,
    /// It rearms itself for the next event.
    pub auto_rearm: bool,
    /// Its hysteresis.
    pub hysteresis: Access,
    /// Its thresholds.
    pub thresholds: Access,
    /// Event message control: 0 for each state, 1 for the whole sensor, 2 only for all sensors, 3 no events.
    pub event_control: u8,
}

impl SensorCapabilities {
    fn from_byte(byte: u8) -> Self {
        Self {
            ignored_without_entity: byte & 0x80 != 0,
            auto_rearm: byte & 0x40 != 0,
            hysteresis: Access::from_bits(byte >> 4),
            thresholds: Access::from_bits(byte >> 2),
            event_control: byte & 3,
        }
    }

    fn to_byte(self) -> u8 {
        u8::from(self.ignored_without_entity) << 7
            | u8::from(self.auto_rearm) << 6
            | self.hysteresis.bits() << 4
            | self.thresholds.bits() << 2
            | self.event_control & 3
    }
}

/// What a sensor is, but for its conversion and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SensorDescription {
    /// Where it is.
    pub key: SensorKey,
    /// What it belongs to.
    pub entity: Entity,
    /// "Sensor initialization" (byte 11), bit for bit.
    pub initialization: u8,
    /// What can be done with it.
    pub capabilities: SensorCapabilities,
    /// What it senses: a number of table 42-3, see [`event_text`](crate::sensor::event_text).
    pub sensor_type: u8,
    /// How it tells: 01h by thresholds, 02h to 0Ch and 6Fh by states, 70h to 7Fh by the manufacturer's states.
    pub event_type: u8,
    /// States whose assertion is an event; for threshold sensors the lower limits' in bits 0 to 6.
    pub assertion_mask: u16,
    /// States whose deassertion is an event; for threshold sensors the upper limits'.
    pub deassertion_mask: u16,
    /// States that readings can show; for threshold sensors the limits that can be read in bits 0 to 5 and those that
    /// can be set in bits 8 to 13.
    pub reading_mask: u16,
    /// How its raw byte holds a number; `None` where it has no analogue reading.
    pub format: Option<AnalogFormat>,
    /// The unit of its value.
    pub unit: Unit,
}

impl SensorDescription {
    /// Whether it compares its reading with thresholds.
    pub fn is_threshold(&self) -> bool {
        self.event_type == THRESHOLD
    }

    /// The limits that can be read, by [`Threshold::bit`](crate::sensor::Threshold::bit).
    pub fn readable_thresholds(&self) -> u8 {
        if self.is_threshold() { self.reading_mask as u8 & 0x3F } else { 0 }
    }

    /// The limits that can be set.
    pub fn settable_thresholds(&self) -> u8 {
        if self.is_threshold() { (self.reading_mask >> 8) as u8 & 0x3F } else { 0 }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let key = SensorKey::from_bytes(reader.array("sensor owner and number")?);
        let entity = Entity::from_bytes(reader.array("entity")?);
        let [initialization, capabilities, sensor_type, event_type] = reader.array("sensor type")?;
        let assertion_mask = reader.u16("assertion event mask")?;
        let deassertion_mask = reader.u16("deassertion event mask")?;
        let reading_mask = reader.u16("reading mask")?;
        let units = reader.array("sensor units")?;
        Ok(Self {
            key,
            entity,
            initialization,
            capabilities: SensorCapabilities::from_byte(capabilities),
            sensor_type,
            // Bit 7 is reserved, and set by some.
            event_type: event_type & 0x7F,
            assertion_mask,
            deassertion_mask,
            reading_mask,
            format: AnalogFormat::from_units(units[0]),
            unit: Unit::from_bytes(units),
        })
    }

    pub(super) fn encode(&self, record: &mut Vec<u8>) {
        record.extend(self.key.to_bytes());
        record.extend(self.entity.to_bytes());
        record.extend([self.initialization, self.capabilities.to_byte(), self.sensor_type, self.event_type]);
        for mask in [self.assertion_mask, self.deassertion_mask, self.reading_mask] {
            record.extend(mask.to_le_bytes());
        }
        let [flags, base, modifier] = self.unit.to_bytes();
        record.extend([flags | AnalogFormat::to_units(self.format), base, modifier]);
    }
}
