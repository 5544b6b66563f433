//! The commands of the SEL device (IPMI 2.0 chapter 31).

use crate::command::{Command, netfn};
use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::sel::{RECORD_LENGTH, Timestamp};
use crate::wire::Reader;

/// "All of the record", in Get SEL Entry.
pub(crate) const WHOLE_RECORD: u8 = 0xFF;

/// What must stand in Clear SEL, so that nothing else can be taken for it.
const CLEAR_WORD: [u8; 3] = *b"CLR";

/// Clear SEL: begin to erase.
const INITIATE: u8 = 0xAA;

/// Clear SEL: tell how far it is.
const STATUS: u8 = 0x00;

/// Codes of this device's own.
pub(crate) mod code {
    use super::CompletionCode;

    /// Add SEL Entry and Delete SEL Entry: this record type is not supported for it (sections 31.6 and 31.8).
    pub(crate) const RECORD_TYPE_UNSUPPORTED: CompletionCode = CompletionCode(0x80);
    /// Get SEL Entry and others: the log is being erased (section 31.5).
    pub(crate) const ERASE_IN_PROGRESS: CompletionCode = CompletionCode(0x81);
}

/// Get SEL Info (section 31.2): how full the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSelInfo;

/// The reply to [`GetSelInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SelInfo {
    /// Version of the SEL commands, as two digits: 51h for 1.5, which IPMI 2.0 keeps.
    pub version: u8,
    /// Records in the log.
    pub entries: u16,
    /// Free space in bytes; FFFFh says that or more.
    pub free: u16,
    /// When a record was last added.
    pub last_addition: Timestamp,
    /// When a record was last deleted or the log erased.
    pub last_erase: Timestamp,
    /// Records were lost because there was no space.
    pub overflow: bool,
    /// The BMC has Delete SEL Entry.
    pub can_delete: bool,
    /// The BMC has Partial Add SEL Entry.
    pub can_add_partially: bool,
    /// The BMC has Reserve SEL.
    pub can_reserve: bool,
    /// The BMC has Get SEL Allocation Info.
    pub has_allocation_info: bool,
}

impl Command for GetSelInfo {
    type Reply = SelInfo;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x40;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<SelInfo, Fault> {
        let mut reader = Reader::new(data);
        let version = reader.u8("SEL version")?;
        let entries = reader.u16("number of SEL entries")?;
        let free = reader.u16("free SEL space")?;
        let last_addition = Timestamp(reader.u32("most recent addition time")?);
        let last_erase = Timestamp(reader.u32("most recent erase time")?);
        let operations = reader.u8("SEL operation support")?;
        let bit = |bit: u8| operations >> bit & 1 == 1;
        Ok(SelInfo {
            version,
            entries,
            free,
            last_addition,
            last_erase,
            overflow: bit(7),
            can_delete: bit(3),
            can_add_partially: bit(2),
            can_reserve: bit(1),
            has_allocation_info: bit(0),
        })
    }
}

impl SelInfo {
    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let operations = u8::from(self.overflow) << 7
            | u8::from(self.can_delete) << 3
            | u8::from(self.can_add_partially) << 2
            | u8::from(self.can_reserve) << 1
            | u8::from(self.has_allocation_info);
        let mut data = vec![self.version];
        data.extend(self.entries.to_le_bytes());
        data.extend(self.free.to_le_bytes());
        data.extend(self.last_addition.0.to_le_bytes());
        data.extend(self.last_erase.0.to_le_bytes());
        data.push(operations);
        data
    }
}

/// Get SEL Allocation Info (section 31.3): how the log's memory is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSelAllocationInfo;

/// The reply to [`GetSelAllocationInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SelAllocation {
    /// How many units there can be; 0 where the BMC does not say.
    pub units: u16,
    /// Size of a unit in bytes; 0 where the BMC does not say.
    pub unit_size: u16,
    /// Units that are free.
    pub free_units: u16,
    /// The most free units in one piece.
    pub largest_free_block: u16,
    /// The longest record, in units.
    pub longest_record: u8,
}

impl Command for GetSelAllocationInfo {
    type Reply = SelAllocation;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x41;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<SelAllocation, Fault> {
        let mut reader = Reader::new(data);
        Ok(SelAllocation {
            units: reader.u16("number of allocation units")?,
            unit_size: reader.u16("allocation unit size")?,
            free_units: reader.u16("number of free allocation units")?,
            largest_free_block: reader.u16("largest free block")?,
            longest_record: reader.u8("maximum record size")?,
        })
    }
}

impl SelAllocation {
    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let words = [self.units, self.unit_size, self.free_units, self.largest_free_block];
        let mut data: Vec<u8> = words.into_iter().flat_map(u16::to_le_bytes).collect();
        data.push(self.longest_record);
        data
    }
}

/// Reserve SEL (section 31.4): the id that it answers holds until the log changes.
///
/// Reading whole records does without. Some BMCs (Supermicro H8QME) let only operators reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReserveSel;

impl Command for ReserveSel {
    type Reply = u16;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x42;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<u16, Fault> {
        Reader::new(data).u16("reservation id")
    }
}

/// Get SEL Entry (section 31.5): a record, or a piece of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSelEntry {
    /// From [`ReserveSel`]; 0 does for whole records.
    pub reservation: u16,
    /// The record's id; 0 is the first one, FFFFh the last.
    pub record: u16,
    /// Where in the record to begin: 0 to 15.
    pub offset: u8,
    /// How many bytes; FFh is all of the record.
    pub count: u8,
}

/// The reply to [`GetSelEntry`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SelEntryPart {
    /// The id of the record behind this one; FFFFh for none.
    pub next: u16,
    /// The bytes, up to 16.
    pub bytes: Vec<u8>,
}

impl GetSelEntry {
    /// A whole record.
    pub const fn whole(record: u16) -> Self {
        Self { reservation: 0, record, offset: 0, count: WHOLE_RECORD }
    }
}

impl Command for GetSelEntry {
    type Reply = SelEntryPart;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x43;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend(self.reservation.to_le_bytes());
        data.extend(self.record.to_le_bytes());
        data.extend([self.offset, self.count]);
    }

    fn decode(data: &[u8]) -> Result<SelEntryPart, Fault> {
        let mut reader = Reader::new(data);
        let next = reader.u16("next SEL record id")?;
        let bytes = reader.rest();
        Ok(SelEntryPart { next, bytes: bytes[..bytes.len().min(RECORD_LENGTH)].to_vec() })
    }
}

/// Add SEL Entry (section 31.6): appends a record and answers its id. The BMC sets the id, and the time of those types
/// that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddSelEntry(pub [u8; RECORD_LENGTH]);

impl Command for AddSelEntry {
    type Reply = u16;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x44;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = false;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend(self.0);
    }

    fn decode(data: &[u8]) -> Result<u16, Fault> {
        Reader::new(data).u16("SEL record id")
    }
}

/// Delete SEL Entry (section 31.8): removes one record and answers its id. Many BMCs lack it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeleteSelEntry {
    /// From [`ReserveSel`].
    pub reservation: u16,
    /// The record's id; 0 is the first one, FFFFh the last.
    pub record: u16,
}

impl Command for DeleteSelEntry {
    type Reply = u16;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x46;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = false;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend(self.reservation.to_le_bytes());
        data.extend(self.record.to_le_bytes());
    }

    fn decode(data: &[u8]) -> Result<u16, Fault> {
        Reader::new(data).u16("SEL record id")
    }
}

/// How far Clear SEL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Erasure {
    /// The log is being erased.
    InProgress,
    /// It is erased.
    Completed,
}

impl Erasure {
    fn decode(data: &[u8]) -> Result<Self, Fault> {
        match Reader::new(data).u8("erasure progress")? & 0x0F {
            0 => Ok(Self::InProgress),
            1 => Ok(Self::Completed),
            other => Err(Fault::Field { field: "erasure progress", value: other.into() }),
        }
    }

    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(self) -> Vec<u8> {
        vec![u8::from(self == Self::Completed)]
    }
}

/// Clear SEL (section 31.9): erases the log. Answered at once; [`GetErasure`] tells when it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InitiateErase {
    /// From [`ReserveSel`]: the log is not erased if something was added since.
    pub reservation: u16,
}

impl Command for InitiateErase {
    type Reply = Erasure;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x47;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = false;

    fn encode(&self, data: &mut Vec<u8>) {
        encode_clear(self.reservation, INITIATE, data);
    }

    fn decode(data: &[u8]) -> Result<Erasure, Fault> {
        Erasure::decode(data)
    }
}

/// Clear SEL in the form that only asks how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetErasure {
    /// The one given to [`InitiateErase`].
    pub reservation: u16,
}

impl Command for GetErasure {
    type Reply = Erasure;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x47;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        encode_clear(self.reservation, STATUS, data);
    }

    fn decode(data: &[u8]) -> Result<Erasure, Fault> {
        Erasure::decode(data)
    }
}

fn encode_clear(reservation: u16, action: u8, data: &mut Vec<u8>) {
    data.extend(reservation.to_le_bytes());
    data.extend(CLEAR_WORD);
    data.push(action);
}

/// What a console asks by Clear SEL, as the BMC side reads it: the reservation, and whether to begin.
pub(crate) fn decode_clear(data: &[u8]) -> Result<(u16, bool), CompletionCode> {
    let &[r0, r1, c, l, r, action] = data else { return Err(CompletionCode::REQUEST_LENGTH_INVALID) };
    if [c, l, r] != CLEAR_WORD {
        return Err(CompletionCode::INVALID_FIELD);
    }
    match action {
        INITIATE => Ok((u16::from_le_bytes([r0, r1]), true)),
        STATUS => Ok((u16::from_le_bytes([r0, r1]), false)),
        _ => Err(CompletionCode::INVALID_FIELD),
    }
}

/// Get SEL Time (section 31.10): the BMC's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSelTime;

impl Command for GetSelTime {
    type Reply = Timestamp;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x48;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<Timestamp, Fault> {
        Reader::new(data).u32("SEL time").map(Timestamp)
    }
}

/// Set SEL Time (section 31.11): sets the BMC's clock. [`SetSelTime`](crate::sel::SetSelTime) also reads it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetTime(pub Timestamp);

impl Command for SetTime {
    type Reply = ();
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x49;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend(self.0.0.to_le_bytes());
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// How far local time is from UTC, as the BMC was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UtcOffset {
    /// Minutes east of Greenwich: -1440 to 1440.
    Minutes(i16),
    /// Nobody told; times are local ones (07FFh).
    Unspecified,
}

impl UtcOffset {
    const UNSPECIFIED: i16 = 0x07FF;
    const LIMIT: i16 = 1440;

    /// Reads the number on the wire; [`None`] where it is out of range.
    pub(crate) fn from_number(number: i16) -> Option<Self> {
        match number {
            Self::UNSPECIFIED => Some(Self::Unspecified),
            minutes => {
                (minutes.unsigned_abs() <= Self::LIMIT.unsigned_abs()).then_some(Self::Minutes(minutes))
            }
        }
    }

    pub(crate) fn number(self) -> i16 {
        match self {
            Self::Minutes(minutes) => minutes,
            Self::Unspecified => Self::UNSPECIFIED,
        }
    }
}

/// Get SEL Time UTC Offset (section 31.11a).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSelTimeUtcOffset;

impl Command for GetSelTimeUtcOffset {
    type Reply = UtcOffset;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x5C;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<UtcOffset, Fault> {
        let raw = Reader::new(data).u16("SEL time UTC offset")?;
        let fault = Fault::Field { field: "SEL time UTC offset", value: raw.into() };
        UtcOffset::from_number(raw.cast_signed()).ok_or(fault)
    }
}

/// Set SEL Time UTC Offset (section 31.11b).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetSelTimeUtcOffset(pub UtcOffset);

impl Command for SetSelTimeUtcOffset {
    type Reply = ();
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x5D;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend(self.0.number().to_le_bytes());
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}
