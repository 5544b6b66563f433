//! One record: its header and what kind it is (IPMI 2.0 chapter 43).

use crate::fault::Fault;
use crate::sdr::{
    CompactSensor, ControllerDevice, EntityAssociation, EventOnlySensor, FruDevice, FullSensor, GenericDevice,
};
use crate::wire::Reader;

/// Bytes before a record's body: id, SDR version, type, length of the body.
pub(crate) const HEADER_LENGTH: usize = 5;

/// The SDR version that this crate writes: 1.5, the one of IPMI 2.0.
const SDR_VERSION: u8 = 0x51;

/// A sensor data record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// Its id: the one that it was asked for with, as some BMCs return another.
    pub id: u16,
    /// What it says.
    pub body: RecordBody,
}

/// What a record says, by its type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordBody {
    /// 01h: a sensor with a value.
    Full(Box<FullSensor>),
    /// 02h: sensors without conversion.
    Compact(CompactSensor),
    /// 03h: sensors that only send events.
    EventOnly(EventOnlySensor),
    /// 08h and 09h: which parts make up a part.
    EntityAssociation(EntityAssociation),
    /// 10h: a device that is no controller.
    GenericDevice(GenericDevice),
    /// 11h: a FRU inventory device.
    FruDevice(FruDevice),
    /// 12h: a management controller.
    ControllerDevice(ControllerDevice),
    /// C0h: the manufacturer's own.
    Oem {
        /// IANA enterprise number: 24 bits.
        manufacturer: u32,
        /// What only the manufacturer understands.
        data: Vec<u8>,
    },
    /// Any other type, or one whose body breaks the specification.
    Opaque {
        /// Record type.
        record_type: u8,
        /// The body as it came.
        data: Vec<u8>,
        /// What is wrong with it; `None` where only the type is unknown.
        fault: Option<Fault>,
    },
}

impl Record {
    /// Reads a record that was asked for as `id`. One that ends before its length says is read as far as it goes.
    ///
    /// # Errors
    ///
    /// Only a header that is cut short: a body that makes no sense is kept as [`RecordBody::Opaque`].
    pub fn decode(id: u16, bytes: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let [_, _, _version, record_type, length] = reader.array::<HEADER_LENGTH>("SDR header")?;
        let body = reader.rest();
        let body = &body[..body.len().min(usize::from(length))];
        let decoded = RecordBody::decode(record_type, body).unwrap_or_else(|fault| RecordBody::Opaque {
            record_type,
            data: body.to_vec(),
            fault: Some(fault),
        });
        Ok(Self { id, body: decoded })
    }

    /// The record as it lies in a repository. A body of more than 255 bytes is cut off.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        self.body.encode(&mut body);
        body.truncate(usize::from(u8::MAX));
        let mut record = self.id.to_le_bytes().to_vec();
        record.extend([SDR_VERSION, self.body.record_type(), body.len() as u8]);
        record.append(&mut body);
        record
    }

    /// Its name, for the types that have one.
    pub fn name(&self) -> Option<&str> {
        match &self.body {
            RecordBody::Full(sensor) => Some(&sensor.name),
            RecordBody::Compact(sensor) => Some(&sensor.name),
            RecordBody::EventOnly(sensor) => Some(&sensor.name),
            RecordBody::GenericDevice(device) => Some(&device.name),
            RecordBody::FruDevice(device) => Some(&device.name),
            RecordBody::ControllerDevice(device) => Some(&device.name),
            RecordBody::EntityAssociation(_) | RecordBody::Oem { .. } | RecordBody::Opaque { .. } => None,
        }
    }
}

impl RecordBody {
    /// The number of its type.
    pub fn record_type(&self) -> u8 {
        match self {
            Self::Full(_) => 0x01,
            Self::Compact(_) => 0x02,
            Self::EventOnly(_) => 0x03,
            Self::EntityAssociation(association) if association.container_device.is_some() => 0x09,
            Self::EntityAssociation(_) => 0x08,
            Self::GenericDevice(_) => 0x10,
            Self::FruDevice(_) => 0x11,
            Self::ControllerDevice(_) => 0x12,
            Self::Oem { .. } => 0xC0,
            Self::Opaque { record_type, .. } => *record_type,
        }
    }

    fn decode(record_type: u8, body: &[u8]) -> Result<Self, Fault> {
        Ok(match record_type {
            0x01 => Self::Full(Box::new(FullSensor::decode(body)?)),
            0x02 => Self::Compact(CompactSensor::decode(body)?),
            0x03 => Self::EventOnly(EventOnlySensor::decode(body)?),
            0x08 | 0x09 => Self::EntityAssociation(EntityAssociation::decode(body, record_type == 0x09)?),
            0x10 => Self::GenericDevice(GenericDevice::decode(body)?),
            0x11 => Self::FruDevice(FruDevice::decode(body)?),
            0x12 => Self::ControllerDevice(ControllerDevice::decode(body)?),
            0xC0 => {
                let mut reader = Reader::new(body);
                let [m0, m1, m2] = reader.array("manufacturer id")?;
                Self::Oem { manufacturer: u32::from_le_bytes([m0, m1, m2, 0]), data: reader.rest().to_vec() }
            }
            _ => Self::Opaque { record_type, data: body.to_vec(), fault: None },
        })
    }

    fn encode(&self, body: &mut Vec<u8>) {
        match self {
            Self::Full(sensor) => sensor.encode(body),
            Self::Compact(sensor) => sensor.encode(body),
            Self::EventOnly(sensor) => sensor.encode(body),
            Self::EntityAssociation(association) => association.encode(body),
            Self::GenericDevice(device) => device.encode(body),
            Self::FruDevice(device) => device.encode(body),
            Self::ControllerDevice(device) => device.encode(body),
            Self::Oem { manufacturer, data } => {
                body.extend_from_slice(&manufacturer.to_le_bytes()[..3]);
                body.extend_from_slice(data);
            }
            Self::Opaque { data, .. } => body.extend_from_slice(data),
        }
    }
}

#[cfg(test)]
mod tests;
