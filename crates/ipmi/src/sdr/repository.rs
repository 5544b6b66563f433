//! All records of a BMC, and when they may be used again.

use std::sync::Arc;

use crate::command::DeviceId;
use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::sdr::{Record, RecordBody, SensorKey};
use crate::sel::Timestamp;
use crate::sensor::Sensor;

/// What tells that a BMC's records are still those that were read: they are read again when any of it differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SdrKey {
    /// IANA enterprise number of the manufacturer.
    pub manufacturer: u32,
    /// Product id.
    pub product: u16,
    /// Device id and revision.
    pub device: (u8, u8),
    /// Firmware revision: major, minor and auxiliary.
    pub firmware: (u8, u8, Option<[u8; 4]>),
    /// How many records there are and when they changed.
    pub stamp: SdrStamp,
}

/// What a BMC says of its records before they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SdrStamp {
    /// An SDR repository (section 33.9).
    Repository {
        /// Records that it claims to have.
        records: u16,
        /// When one was last added.
        last_addition: Timestamp,
        /// When one was last deleted.
        last_erase: Timestamp,
    },
    /// Device SDRs (section 35.2).
    Device {
        /// Sensors that it claims to have.
        sensors: u8,
        /// Changes whenever sensors come or go.
        change: Option<u32>,
    },
}

impl SdrKey {
    pub(super) fn new(device: &DeviceId, stamp: SdrStamp) -> Self {
        Self {
            manufacturer: device.manufacturer,
            product: device.product,
            device: (device.device_id, device.device_revision),
            firmware: (device.firmware_major, device.firmware_minor, device.auxiliary_revision),
            stamp,
        }
    }
}

/// Something that is wrong with how a BMC keeps its records. What could be read was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SdrFlaw {
    /// The repository holds another number of records than it says.
    #[error("the repository claims to have {claimed} records and has {found}")]
    Count {
        /// What it says.
        claimed: u16,
        /// What it has.
        found: u16,
    },
    /// A record carries another id than the one under which it was read, which is kept.
    #[error("record {asked:#06x} says that it is record {answered:#06x}")]
    OtherId {
        /// The id under which it was read.
        asked: u16,
        /// The id that it carries.
        answered: u16,
    },
    /// A record is shorter than its length byte says.
    #[error("record {record:#06x} says that it has {claimed} bytes and has {found}")]
    Length {
        /// The record.
        record: u16,
        /// The length that it claims, with its header.
        claimed: u16,
        /// The length that it has.
        found: u16,
    },
    /// A record cannot be made sense of.
    #[error("record {record:#06x} is malformed: {fault}")]
    Malformed {
        /// The record.
        record: u16,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The BMC does not give out a record that the one before leads to. Those behind it are not known.
    #[error("record {record:#06x} cannot be read: {code}")]
    Unreadable {
        /// The record.
        record: u16,
        /// Its verdict.
        code: CompletionCode,
    },
    /// The last record leads to one that was read already, or to one that repeats another.
    #[error("the repository has no end: record {record:#06x} leads back")]
    NoEnd {
        /// The record that leads back.
        record: u16,
    },
    /// There are more records than any repository has use for.
    #[error("there are more than {0} records")]
    TooMany(usize),
    /// The records changed each time that they were read.
    #[error("the records changed while they were read")]
    Unsteady,
}

/// All records of a BMC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdrRepository {
    key: Option<SdrKey>,
    records: Vec<Record>,
    sensors: Vec<Sensor>,
    flaws: Vec<SdrFlaw>,
}

impl SdrRepository {
    /// A repository of these records. Without a key it is read anew each time.
    pub fn new(key: Option<SdrKey>, records: Vec<Record>, flaws: Vec<SdrFlaw>) -> Self {
        let mut sensors = Vec::new();
        for record in &records {
            match &record.body {
                RecordBody::Full(sensor) => sensors.push(Sensor::of_full(record.id, sensor)),
                RecordBody::Compact(sensor) => sensors.extend(Sensor::of_compact(record.id, sensor)),
                RecordBody::EventOnly(sensor) => sensors.extend(Sensor::of_event_only(record.id, sensor)),
                _ => {}
            }
        }
        Self { key, records, sensors, flaws }
    }

    /// What tells that it still holds; `None` where the BMC gives nothing to tell it by, or not all could be read.
    pub fn key(&self) -> Option<SdrKey> {
        self.key
    }

    /// The records in the BMC's order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The sensors in the order of their records.
    pub fn sensors(&self) -> &[Sensor] {
        &self.sensors
    }

    /// The sensor with this key: for the names of sensors in a SEL.
    pub fn sensor(&self, key: SensorKey) -> Option<&Sensor> {
        self.sensors.iter().find(|sensor| sensor.key == key)
    }

    /// What is wrong with how the BMC keeps them.
    pub fn flaws(&self) -> &[SdrFlaw] {
        &self.flaws
    }
}

/// An earlier reading that may still hold.
pub(super) fn holds(cached: Option<&Arc<SdrRepository>>, key: Option<SdrKey>) -> Option<Arc<SdrRepository>> {
    cached.filter(|repository| key.is_some() && repository.key == key).cloned()
}
