//! Commands to the BMC itself (IPMI 2.0 chapters 20 and 22).

use crate::command::{Command, netfn};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::wire::Reader;

/// The IPMI version that a BMC says it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpmiVersion {
    /// 1 or 2.
    pub major: u8,
    /// 0 or 5.
    pub minor: u8,
}

/// Get Device ID (section 20.1): who made the BMC and which firmware it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetDeviceId;

/// The reply to [`GetDeviceId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceId {
    /// Device id, chosen by the manufacturer; 0 is unspecified.
    pub device_id: u8,
    /// Whether the BMC provides device SDRs.
    pub provides_device_sdrs: bool,
    /// Device revision: 0 to 15.
    pub device_revision: u8,
    /// Whether the device works normally; `false` while firmware is updated or the BMC starts.
    pub available: bool,
    /// Major firmware revision: 0 to 127.
    pub firmware_major: u8,
    /// Minor firmware revision: 0 to 99 (two BCD digits on the wire).
    pub firmware_minor: u8,
    /// IPMI version.
    pub ipmi_version: IpmiVersion,
    /// Additional device support bits: chassis 80h, bridge 40h, event generator 20h and receiver 10h, FRU 08h, SEL 04h,
    /// SDR repository 02h, sensors 01h.
    pub additional_support: u8,
    /// IANA enterprise number of the manufacturer: 20 bits.
    pub manufacturer: u32,
    /// Product id, given by the manufacturer.
    pub product: u16,
    /// Auxiliary firmware revision, in the manufacturer's format.
    pub auxiliary_revision: Option<[u8; 4]>,
}

impl Command for GetDeviceId {
    type Reply = DeviceId;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x01;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<DeviceId, Fault> {
        let mut reader = Reader::new(data);
        let [device_id, revision, major, minor, version, additional_support] = reader.array("device id")?;
        let [m0, m1, m2] = reader.array("manufacturer id")?;
        let product = reader.u16("product id")?;
        Ok(DeviceId {
            device_id,
            provides_device_sdrs: revision & 0x80 != 0,
            device_revision: revision & 0x0F,
            available: major & 0x80 == 0,
            firmware_major: major & 0x7F,
            // Some firmware counts in hexadecimal here; a digit above 9 then still gives a growing number.
            firmware_minor: (minor >> 4).saturating_mul(10) + (minor & 0x0F),
            ipmi_version: IpmiVersion { major: version & 0x0F, minor: version >> 4 },
            additional_support,
            manufacturer: u32::from_le_bytes([m0, m1, m2 & 0x0F, 0]),
            product,
            auxiliary_revision: reader.array("auxiliary firmware revision").ok(),
        })
    }
}

impl DeviceId {
    /// The reply's data, as the BMC side sends it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let [m0, m1, m2, _] = self.manufacturer.to_le_bytes();
        let minor = self.firmware_minor.min(99);
        let mut data = vec![
            self.device_id,
            u8::from(self.provides_device_sdrs) << 7 | self.device_revision & 0x0F,
            u8::from(!self.available) << 7 | self.firmware_major & 0x7F,
            minor / 10 * 0x10 + minor % 10,
            self.ipmi_version.minor << 4 | self.ipmi_version.major & 0x0F,
            self.additional_support,
            m0,
            m1,
            m2 & 0x0F,
        ];
        data.extend_from_slice(&self.product.to_le_bytes());
        data.extend(self.auxiliary_revision.into_iter().flatten());
        data
    }
}

/// Get System GUID (section 22.14): the machine's own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSystemGuid;

/// The reply to [`GetSystemGuid`]: 16 bytes in the order of the wire.
///
/// IPMI numbers a GUID's bytes from the least significant one, yet much firmware sends the bytes in SMBIOS order; which
/// of the two it is cannot be told from the bytes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SystemGuid(pub [u8; 16]);

impl Command for GetSystemGuid {
    type Reply = SystemGuid;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x37;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<SystemGuid, Fault> {
        Reader::new(data).array("system GUID").map(SystemGuid)
    }
}

/// Set Session Privilege Level (section 22.18); the reply is the level that holds from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetSessionPrivilegeLevel(pub(crate) PrivilegeLevel);

impl Command for SetSessionPrivilegeLevel {
    type Reply = PrivilegeLevel;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x3B;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.push(self.0.number());
    }

    fn decode(data: &[u8]) -> Result<PrivilegeLevel, Fault> {
        let number = Reader::new(data).u8("new privilege level")? & 0x0F;
        PrivilegeLevel::from_number(number)
            .ok_or(Fault::Field { field: "new privilege level", value: number.into() })
    }
}

/// Close Session (section 22.19), naming the session by the BMC's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CloseSession(pub(crate) u32);

impl Command for CloseSession {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x3C;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Callback;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&self.0.to_le_bytes());
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}
