//! The commands of the SDR repository (IPMI 2.0 chapter 33) and of device SDRs (sections 35.2 to 35.4).

use crate::command::{Command, netfn};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::sel::Timestamp;
use crate::wire::Reader;

/// "All of the record", in Get SDR.
pub(crate) const WHOLE_RECORD: u8 = 0xFF;

/// The id that asks for the first record.
pub(crate) const FIRST_RECORD: u16 = 0x0000;

/// The "next" id of the last record.
pub(crate) const LAST_RECORD: u16 = 0xFFFF;

/// Get SDR Repository Info (section 33.9): how many records there are and when they changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSdrRepositoryInfo;

/// The reply to [`GetSdrRepositoryInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SdrRepositoryInfo {
    /// Version of the SDR commands, as two digits: 51h for 1.5, which IPMI 2.0 keeps.
    pub version: u8,
    /// Records in the repository. Some BMCs count wrong.
    pub records: u16,
    /// Free space in bytes: FFFEh says that or more, FFFFh unspecified.
    pub free: u16,
    /// When a record was last added.
    pub last_addition: Timestamp,
    /// When a record was last deleted or the repository erased.
    pub last_erase: Timestamp,
    /// Records were lost because there was no space.
    pub overflow: bool,
    /// How it is updated: 0 unspecified, 1 at any time, 2 in an update mode of its own, 3 both ways.
    pub update_modes: u8,
    /// The BMC has Delete SDR.
    pub can_delete: bool,
    /// The BMC has Partial Add SDR.
    pub can_add_partially: bool,
    /// The BMC has Reserve SDR Repository.
    pub can_reserve: bool,
    /// The BMC has Get SDR Repository Allocation Info.
    pub has_allocation_info: bool,
}

impl Command for GetSdrRepositoryInfo {
    type Reply = SdrRepositoryInfo;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x20;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<SdrRepositoryInfo, Fault> {
        let mut reader = Reader::new(data);
        let version = reader.u8("SDR version")?;
        let records = reader.u16("number of records")?;
        let free = reader.u16("free repository space")?;
        let last_addition = Timestamp(reader.u32("most recent addition time")?);
        let last_erase = Timestamp(reader.u32("most recent erase time")?);
        let operations = reader.u8("repository operation support")?;
        let bit = |bit: u8| operations >> bit & 1 == 1;
        Ok(SdrRepositoryInfo {
            version,
            records,
            free,
            last_addition,
            last_erase,
            overflow: bit(7),
            update_modes: operations >> 5 & 3,
            can_delete: bit(3),
            can_add_partially: bit(2),
            can_reserve: bit(1),
            has_allocation_info: bit(0),
        })
    }
}

impl SdrRepositoryInfo {
    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let operations = u8::from(self.overflow) << 7
            | (self.update_modes & 3) << 5
            | u8::from(self.can_delete) << 3
            | u8::from(self.can_add_partially) << 2
            | u8::from(self.can_reserve) << 1
            | u8::from(self.has_allocation_info);
        let mut data = vec![self.version];
        data.extend(self.records.to_le_bytes());
        data.extend(self.free.to_le_bytes());
        data.extend(self.last_addition.0.to_le_bytes());
        data.extend(self.last_erase.0.to_le_bytes());
        data.push(operations);
        data
    }
}

/// Reserve SDR Repository (section 33.11); the reply is the reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReserveSdrRepository;

impl Command for ReserveSdrRepository {
    type Reply = u16;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x22;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<u16, Fault> {
        Reader::new(data).u16("reservation id")
    }
}

/// Where in which record to read: the request of [`GetSdr`] and [`GetDeviceSdr`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SdrRange {
    /// The reservation; 0 where none is needed, which is for whole records.
    pub reservation: u16,
    /// Record id; 0 is the first one.
    pub record: u16,
    /// First byte, counted from 0 with the record's header.
    pub offset: u8,
    /// How many bytes; FFh for all.
    pub count: u8,
}

impl SdrRange {
    fn encode(&self, data: &mut Vec<u8>) {
        data.extend(self.reservation.to_le_bytes());
        data.extend(self.record.to_le_bytes());
        data.extend([self.offset, self.count]);
    }

    /// Reads the request, on the BMC's side.
    pub(crate) fn decode(data: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(data);
        let reservation = reader.u16("reservation id")?;
        let record = reader.u16("record id")?;
        let [offset, count] = reader.array("offset and count")?;
        Ok(Self { reservation, record, offset, count })
    }
}

/// A part of a record: the reply to [`GetSdr`] and [`GetDeviceSdr`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SdrPart {
    /// The record behind this one; FFFFh behind the last.
    pub next: u16,
    /// The bytes.
    pub data: Vec<u8>,
}

impl SdrPart {
    fn decode(data: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(data);
        Ok(Self { next: reader.u16("next record id")?, data: reader.rest().to_vec() })
    }
}

/// Get SDR (section 33.12): a record of the repository, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSdr(pub SdrRange);

impl Command for GetSdr {
    type Reply = SdrPart;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x23;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        self.0.encode(data);
    }

    fn decode(data: &[u8]) -> Result<SdrPart, Fault> {
        SdrPart::decode(data)
    }
}

/// Get Device SDR Info (section 35.2): how many sensors a controller has that keeps their records itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetDeviceSdrInfo;

/// The reply to [`GetDeviceSdrInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceSdrInfo {
    /// Sensors on this logical unit.
    pub sensors: u8,
    /// Bits 0 to 3: logical units that have sensors.
    pub luns: u8,
    /// What changes whenever sensors come or go; `None` where they never do.
    pub change: Option<u32>,
}

impl Command for GetDeviceSdrInfo {
    type Reply = DeviceSdrInfo;
    const NETFN: u8 = netfn::SENSOR_EVENT;
    const CMD: u8 = 0x20;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<DeviceSdrInfo, Fault> {
        let mut reader = Reader::new(data);
        let [sensors, flags] = reader.array("number of sensors")?;
        let change =
            if flags & 0x80 != 0 { Some(reader.u32("sensor population change indicator")?) } else { None };
        Ok(DeviceSdrInfo { sensors, luns: flags & 0x0F, change })
    }
}

impl DeviceSdrInfo {
    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut data = vec![self.sensors, u8::from(self.change.is_some()) << 7 | self.luns & 0x0F];
        data.extend(self.change.into_iter().flat_map(u32::to_le_bytes));
        data
    }
}

/// Reserve Device SDR Repository (section 35.4); the reply is the reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReserveDeviceSdrRepository;

impl Command for ReserveDeviceSdrRepository {
    type Reply = u16;
    const NETFN: u8 = netfn::SENSOR_EVENT;
    const CMD: u8 = 0x22;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<u16, Fault> {
        Reader::new(data).u16("reservation id")
    }
}

/// Get Device SDR (section 35.3): a record that the controller keeps itself, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetDeviceSdr(pub SdrRange);

impl Command for GetDeviceSdr {
    type Reply = SdrPart;
    const NETFN: u8 = netfn::SENSOR_EVENT;
    const CMD: u8 = 0x21;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        self.0.encode(data);
    }

    fn decode(data: &[u8]) -> Result<SdrPart, Fault> {
        SdrPart::decode(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_bytes_of_the_specification() {
        let range = SdrRange { reservation: 0x1234, record: 0x0056, offset: 5, count: 16 };
        let expected = [0x34, 0x12, 0x56, 0x00, 5, 16];
        let mut data = Vec::new();
        GetSdr(range).encode(&mut data);
        assert_eq!(data, expected);
        assert_eq!(SdrRange::decode(&data), Ok(range));
        assert_eq!(SdrRange::decode(&data[..5]), Err(Fault::Truncated("offset and count")));
    }

    #[test]
    fn information_comes_back_as_the_same_bytes() {
        let check = |data: &[u8]| {
            assert_eq!(GetSdrRepositoryInfo::decode(data).map(|info| info.encode()), Ok(data.to_vec()));
        };
        check(&[0x51, 24, 0, 0xFE, 0xFF, 1, 2, 3, 4, 5, 6, 7, 8, 0x22]);
        check(&[0x51, 0, 1, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xEF]);
        for data in [&[12, 0x01][..], &[3, 0x83, 1, 2, 3, 4]] {
            assert_eq!(GetDeviceSdrInfo::decode(data).map(|info| info.encode()), Ok(data.to_vec()));
        }
        assert_eq!(
            GetDeviceSdrInfo::decode(&[3, 0x80]),
            Err(Fault::Truncated("sensor population change indicator"))
        );
        assert_eq!(GetSdr::decode(&[0xFF, 0xFF, 9]), Ok(SdrPart { next: LAST_RECORD, data: vec![9] }));
    }
}
