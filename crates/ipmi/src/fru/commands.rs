//! The commands of FRU devices (IPMI 2.0 chapter 34).

use crate::command::{Command, netfn};
use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::wire::Reader;

/// Codes of these commands' own.
pub(crate) mod code {
    use super::CompletionCode;

    /// Write FRU Data: the offset is protected (section 34.3).
    pub(crate) const WRITE_PROTECTED: CompletionCode = CompletionCode(0x80);
    /// The device is busy; asking again helps (sections 34.2 and 34.3).
    pub(crate) const DEVICE_BUSY: CompletionCode = CompletionCode(0x81);
}

/// Get FRU Inventory Area Info (section 34.1): how large a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetFruInventoryAreaInfo {
    /// The device's id; 0 is the BMC's own board. FFh is reserved.
    pub device: u8,
}

/// The reply to [`GetFruInventoryAreaInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FruAreaInfo {
    /// Size in bytes.
    pub size: u16,
    /// Offsets and counts of the other commands are in words of two bytes.
    pub words: bool,
}

impl Command for GetFruInventoryAreaInfo {
    type Reply = FruAreaInfo;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x10;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.device);
    }

    fn decode(data: &[u8]) -> Result<FruAreaInfo, Fault> {
        let mut reader = Reader::new(data);
        let size = reader.u16("FRU inventory area size")?;
        Ok(FruAreaInfo { size, words: reader.u8("FRU access")? & 1 == 1 })
    }
}

impl FruAreaInfo {
    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(self) -> Vec<u8> {
        let [low, high] = self.size.to_le_bytes();
        vec![low, high, u8::from(self.words)]
    }
}

/// Read FRU Data (section 34.2): a piece of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadFruData {
    /// The device's id.
    pub device: u8,
    /// Where to begin, in bytes or words as [`FruAreaInfo::words`] says.
    pub offset: u16,
    /// How many bytes or words.
    pub count: u8,
}

/// The reply to [`ReadFruData`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FruData {
    /// How many bytes or words came, as the BMC says.
    pub count: u8,
    /// The bytes that came.
    pub bytes: Vec<u8>,
}

impl Command for ReadFruData {
    type Reply = FruData;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x11;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.device);
        data.extend(self.offset.to_le_bytes());
        data.push(self.count);
    }

    fn decode(data: &[u8]) -> Result<FruData, Fault> {
        let mut reader = Reader::new(data);
        let count = reader.u8("count of FRU data")?;
        Ok(FruData { count, bytes: reader.rest().to_vec() })
    }
}

/// Write FRU Data (section 34.3): replaces a piece of a device, and answers how much of it was written. The checksums
/// are the writer's business.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WriteFruData {
    /// The device's id.
    pub device: u8,
    /// Where to begin, in bytes or words as [`FruAreaInfo::words`] says.
    pub offset: u16,
    /// What to write.
    pub bytes: Vec<u8>,
}

impl Command for WriteFruData {
    type Reply = u8;
    const NETFN: u8 = netfn::STORAGE;
    const CMD: u8 = 0x12;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.device);
        data.extend(self.offset.to_le_bytes());
        data.extend(&self.bytes);
    }

    fn decode(data: &[u8]) -> Result<u8, Fault> {
        Reader::new(data).u8("count of FRU data written")
    }
}
