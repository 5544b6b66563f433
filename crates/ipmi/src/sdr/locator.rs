//! Records of devices rather than sensors: locators, types 10h to 12h, and entity associations, types 08h and 09h (IPMI 2.0
//! sections 43.4, 43.5 and 43.7 to 43.9).

use crate::fault::Fault;
use crate::sdr::{Entity, id_string};
use crate::wire::Reader;

/// Which parts make up a part: types 08h and 09h.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntityAssociation {
    /// The whole.
    pub container: Entity,
    /// The controller that the whole's instance counts in: slave address and channel. Only type 09h says so.
    pub container_device: Option<(u8, u8)>,
    /// Bit 7: [`EntityAssociation::contained`] holds first and last of ranges; bit 6: further records follow for the
    /// same container; bit 5: the container's presence sensor can always be read.
    pub flags: u8,
    /// The parts, up to four: with their controllers for type 09h.
    pub contained: Vec<(Entity, Option<(u8, u8)>)>,
}

impl EntityAssociation {
    pub(super) fn decode(body: &[u8], device_relative: bool) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let container = Entity::from_bytes(reader.array("container entity")?);
        let device = |reader: &mut Reader<'_>| -> Result<Option<(u8, u8)>, Fault> {
            if !device_relative {
                return Ok(None);
            }
            let [address, channel] = reader.array("entity's controller")?;
            Ok(Some((address, channel)))
        };
        let container_device = device(&mut reader)?;
        let flags = reader.u8("entity association flags")?;
        let mut contained = Vec::new();
        for _ in 0..4 {
            // A shorter list ends the record early or is filled up with zeros.
            let Ok(device) = device(&mut reader) else { break };
            let Ok(bytes) = reader.array("contained entity") else { break };
            if bytes != [0, 0] {
                contained.push((Entity::from_bytes(bytes), device));
            }
        }
        Ok(Self { container, container_device, flags, contained })
    }

    pub(super) fn encode(&self, record: &mut Vec<u8>) {
        record.extend(self.container.to_bytes());
        record.extend(self.container_device.into_iter().flat_map(|(address, channel)| [address, channel]));
        record.push(self.flags);
        let relative = self.container_device.is_some();
        let mut contained = self.contained.iter().copied();
        for _ in 0..4 {
            let (entity, device) = contained.next().unwrap_or_default();
            if relative {
                let (address, channel) = device.unwrap_or_default();
                record.extend([address, channel]);
            }
            record.extend(entity.to_bytes());
        }
        if relative {
            record.extend([0; 6]);
        }
    }
}

/// A device on an IPMB or a private bus that is not a management controller: type 10h.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GenericDevice {
    /// Slave address of the controller that reaches it.
    pub access_address: u8,
    /// Its own slave address.
    pub slave_address: u8,
    /// The controller's channel.
    pub channel: u8,
    /// The controller's logical unit.
    pub lun: u8,
    /// The controller's private bus; 0 is the IPMB.
    pub bus: u8,
    /// How many further addresses it takes.
    pub address_span: u8,
    /// Device type and its modifier: table 43-12.
    pub device_type: (u8, u8),
    /// What it belongs to.
    pub entity: Entity,
    /// A byte for the manufacturer's use.
    pub oem: u8,
    /// Its name.
    pub name: String,
}

impl GenericDevice {
    pub(super) fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let [access, slave, place, span, _, kind, modifier] = reader.array("generic device")?;
        let entity = Entity::from_bytes(reader.array("entity")?);
        let oem = reader.u8("OEM byte")?;
        Ok(Self {
            access_address: access & 0xFE,
            slave_address: slave & 0xFE,
            // The channel's highest bit lies in the slave address's byte.
            channel: (slave & 1) << 3 | place >> 5,
            lun: place >> 3 & 3,
            bus: place & 7,
            address_span: span & 7,
            device_type: (kind, modifier),
            entity,
            oem,
            name: id_string::decode(reader.rest())?,
        })
    }

    pub(super) fn encode(&self, record: &mut Vec<u8>) {
        record.extend([
            self.access_address & 0xFE,
            self.slave_address & 0xFE | self.channel >> 3 & 1,
            self.channel << 5 | (self.lun & 3) << 3 | self.bus & 7,
            self.address_span & 7,
            0,
            self.device_type.0,
            self.device_type.1,
        ]);
        record.extend(self.entity.to_bytes());
        record.push(self.oem);
        id_string::encode(&self.name, record);
    }
}

/// A FRU inventory device: type 11h.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FruDevice {
    /// Slave address of the controller that holds or reaches it.
    pub access_address: u8,
    /// A logical device's FRU device id, for the FRU commands; a physical one's slave address.
    pub device: u8,
    /// Whether the controller's FRU commands read it.
    pub logical: bool,
    /// The controller's logical unit.
    pub lun: u8,
    /// The controller's private bus; 0 is the IPMB.
    pub bus: u8,
    /// The controller's channel.
    pub channel: u8,
    /// Device type and its modifier: table 43-12.
    pub device_type: (u8, u8),
    /// What it describes.
    pub entity: Entity,
    /// A byte for the manufacturer's use.
    pub oem: u8,
    /// Its name.
    pub name: String,
}

impl FruDevice {
    pub(super) fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let [access, device, place, channel, _, kind, modifier] = reader.array("FRU device")?;
        let entity = Entity::from_bytes(reader.array("entity")?);
        let oem = reader.u8("OEM byte")?;
        Ok(Self {
            access_address: access & 0xFE,
            device,
            logical: place & 0x80 != 0,
            lun: place >> 3 & 3,
            bus: place & 7,
            channel: channel >> 4,
            device_type: (kind, modifier),
            entity,
            oem,
            name: id_string::decode(reader.rest())?,
        })
    }

    pub(super) fn encode(&self, record: &mut Vec<u8>) {
        record.extend([
            self.access_address & 0xFE,
            self.device,
            u8::from(self.logical) << 7 | (self.lun & 3) << 3 | self.bus & 7,
            self.channel << 4,
            0,
            self.device_type.0,
            self.device_type.1,
        ]);
        record.extend(self.entity.to_bytes());
        record.push(self.oem);
        id_string::encode(&self.name, record);
    }
}

/// A management controller: type 12h.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ControllerDevice {
    /// Slave address.
    pub slave_address: u8,
    /// Channel.
    pub channel: u8,
    /// "Power state notification, global initialization" (byte 8), bit for bit.
    pub initialization: u8,
    /// What it can do, as in [`DeviceId::additional_support`](crate::DeviceId::additional_support).
    pub capabilities: u8,
    /// What it belongs to.
    pub entity: Entity,
    /// A byte for the manufacturer's use.
    pub oem: u8,
    /// Its name.
    pub name: String,
}

impl ControllerDevice {
    pub(super) fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let [slave, channel, initialization, capabilities, _, _, _] =
            reader.array("management controller")?;
        let entity = Entity::from_bytes(reader.array("entity")?);
        let oem = reader.u8("OEM byte")?;
        Ok(Self {
            slave_address: slave & 0xFE,
            channel: channel & 0x0F,
            initialization,
            capabilities,
            entity,
            oem,
            name: id_string::decode(reader.rest())?,
        })
    }

    pub(super) fn encode(&self, record: &mut Vec<u8>) {
        record.extend([
            self.slave_address & 0xFE,
            self.channel & 0x0F,
            self.initialization,
            self.capabilities,
            0,
            0,
            0,
        ]);
        record.extend(self.entity.to_bytes());
        record.push(self.oem);
        id_string::encode(&self.name, record);
    }
}
