//! The BMC as a device: its maker, its self test, its resets, what it says of the machine's operating system
//! (IPMI 2.0 chapters 20 and 22).

mod system_info;

pub(crate) use system_info::SetSystemInfoParameter;
pub use system_info::{
    GetSystemInfoParameter, SystemInfoBlock, SystemInfoParameter, read_system_info, set_system_info,
};

use crate::command::{Command, netfn};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::wire::Reader;

/// The name of a manufacturer by its IANA enterprise number, as [`DeviceId::manufacturer`](crate::DeviceId::manufacturer)
/// has it; `None` for those that make few BMCs. Boards of many brands carry the number of the firmware's maker.
pub const fn manufacturer_name(number: u32) -> Option<&'static str> {
    Some(match number {
        2 | 20301 => "IBM",
        11 => "Hewlett-Packard",
        42 => "Sun Microsystems",
        343 => "Intel",
        674 => "Dell",
        5771 => "Cisco",
        6653 => "Tyan",
        7154 => "IPMI forum",
        7244 => "Quanta",
        10368 => "Fujitsu Siemens",
        10437 => "Peppercon",
        10876 | 47488 => "Supermicro",
        13742 => "Raritan",
        19046 => "Lenovo",
        20974 => "American Megatrends",
        42817 => "OpenBMC",
        _ => return None,
    })
}

/// Get Self Test Results (section 20.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetSelfTestResults;

/// The reply to [`GetSelfTestResults`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SelfTest {
    /// Everything works.
    Passed,
    /// The BMC has no self test.
    NotImplemented,
    /// Data or parts are corrupt or cannot be reached: bit 7 SEL, 6 SDR repository, 5 the BMC's FRU, 4 IPMB lines,
    /// 3 SDR repository is empty, 2 internal use area of the BMC's FRU, 1 update firmware, 0 operational firmware.
    Corrupt(u8),
    /// The hardware is broken in a way that the device defines.
    FatalHardware(u8),
    /// A code of the device's own, and its detail.
    Device(u8, u8),
}

impl SelfTest {
    /// What was found, in words; nothing where the test passed.
    pub fn failures(self) -> Vec<&'static str> {
        const CORRUPT: [&str; 8] = [
            "operational firmware corrupt",
            "update firmware corrupt",
            "internal use area of the BMC's FRU corrupt",
            "SDR repository empty",
            "IPMB lines do not respond",
            "BMC's FRU cannot be accessed",
            "SDR repository cannot be accessed",
            "SEL cannot be accessed",
        ];
        match self {
            Self::Passed | Self::NotImplemented => Vec::new(),
            Self::Corrupt(bits) => CORRUPT
                .into_iter()
                .enumerate()
                .filter_map(|(bit, text)| (bits >> bit & 1 == 1).then_some(text))
                .collect(),
            Self::FatalHardware(_) => vec!["fatal hardware error"],
            Self::Device(..) => vec!["device-specific failure"],
        }
    }

    /// The reply's data, as the BMC side sends it.
    pub(crate) const fn encode(self) -> [u8; 2] {
        match self {
            Self::Passed => [0x55, 0],
            Self::NotImplemented => [0x56, 0],
            Self::Corrupt(bits) => [0x57, bits],
            Self::FatalHardware(detail) => [0x58, detail],
            Self::Device(code, detail) => [code, detail],
        }
    }
}

impl Command for GetSelfTestResults {
    type Reply = SelfTest;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x04;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<SelfTest, Fault> {
        let [code, detail] = Reader::new(data).array("self test results")?;
        Ok(match code {
            0x55 => SelfTest::Passed,
            0x56 => SelfTest::NotImplemented,
            0x57 => SelfTest::Corrupt(detail),
            0x58 => SelfTest::FatalHardware(detail),
            code => SelfTest::Device(code, detail),
        })
    }
}

/// Cold Reset (section 20.2) and Warm Reset (section 20.3) of the BMC. The machine goes on running. Sessions are lost, and
/// no answer may come; never sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ColdReset;

/// See [`ColdReset`]; a warm reset keeps what the BMC has configured and may be refused (C1h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WarmReset;

impl Command for ColdReset {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x02;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Administrator;
    const REPEATABLE: bool = false;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

impl Command for WarmReset {
    type Reply = ();
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x03;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Administrator;
    const REPEATABLE: bool = false;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Get ACPI Power State (section 20.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetAcpiPowerState;

/// The reply to [`GetAcpiPowerState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AcpiPowerState {
    /// The machine's state: 0 to 5 for S0 to S5, 6 for S4 or S5, 7 for G3, 8 for a sleeping state, 9 for G1, Ah override,
    /// 20h legacy on, 21h legacy off, 2Ah unknown.
    pub system: u8,
    /// The device's state: 0 to 3 for D0 to D3, 2Ah unknown.
    pub device: u8,
}

impl AcpiPowerState {
    /// The machine's state in words.
    pub const fn system_text(self) -> &'static str {
        match self.system {
            0x00 => "S0/G0: working",
            0x01 => "S1: hardware context kept",
            0x02 => "S2: processor context lost",
            0x03 => "S3: suspended to RAM",
            0x04 => "S4: suspended to disk",
            0x05 => "S5/G2: soft off",
            0x06 => "S4 or S5: soft off",
            0x07 => "G3: mechanical off",
            0x08 => "sleeping",
            0x09 => "G1: sleeping",
            0x0A => "S5: entered by override",
            0x20 => "legacy on",
            0x21 => "legacy off",
            _ => "unknown",
        }
    }
}

impl Command for GetAcpiPowerState {
    type Reply = AcpiPowerState;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x07;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<AcpiPowerState, Fault> {
        let [system, device] = Reader::new(data).array("ACPI power state")?;
        Ok(AcpiPowerState { system: system & 0x7F, device: device & 0x7F })
    }
}

/// Get Device GUID (section 20.8): the BMC's own id, where [`GetSystemGuid`](crate::command::GetSystemGuid) gives the
/// machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetDeviceGuid;

impl Command for GetDeviceGuid {
    type Reply = crate::command::SystemGuid;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x08;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<Self::Reply, Fault> {
        Reader::new(data).array("device GUID").map(crate::command::SystemGuid)
    }
}

/// Get BMC Global Enables (section 22.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetBmcGlobalEnables;

/// What the BMC has enabled towards its machine: the reply to [`GetBmcGlobalEnables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct GlobalEnables {
    /// The manufacturer's bits 2 to 0.
    pub oem: u8,
    /// Events are logged in the SEL.
    pub event_logging: bool,
    /// The machine can read events from a buffer.
    pub event_message_buffer: bool,
    /// A full buffer raises an interrupt.
    pub event_message_buffer_interrupt: bool,
    /// A waiting message raises an interrupt.
    pub receive_queue_interrupt: bool,
}

impl GlobalEnables {
    /// The byte of both commands.
    pub(crate) const fn bits(self) -> u8 {
        (self.oem & 7) << 5
            | (self.event_logging as u8) << 3
            | (self.event_message_buffer as u8) << 2
            | (self.event_message_buffer_interrupt as u8) << 1
            | self.receive_queue_interrupt as u8
    }

    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self {
            oem: bits >> 5,
            event_logging: bits & 8 != 0,
            event_message_buffer: bits & 4 != 0,
            event_message_buffer_interrupt: bits & 2 != 0,
            receive_queue_interrupt: bits & 1 != 0,
        }
    }
}

impl Command for GetBmcGlobalEnables {
    type Reply = GlobalEnables;
    const NETFN: u8 = netfn::APP;
    const CMD: u8 = 0x2F;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::User;
    const REPEATABLE: bool = true;

    fn encode(&self, _data: &mut Vec<u8>) {}

    fn decode(data: &[u8]) -> Result<GlobalEnables, Fault> {
        Reader::new(data).u8("global enables").map(GlobalEnables::from_bits)
    }
}

#[cfg(test)]
mod tests;
