//! Boot options: Set and Get System Boot Options (IPMI 2.0 sections 28.12 to 28.14).

use crate::command::{Command, netfn};
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::wire::Reader;

/// Boot option parameters (table 28-14).
pub(crate) mod parameter {
    pub(crate) const SET_IN_PROGRESS: u8 = 0;
    pub(crate) const VALID_BIT_CLEARING: u8 = 3;
    pub(crate) const BOOT_INFO_ACKNOWLEDGE: u8 = 4;
    pub(crate) const BOOT_FLAGS: u8 = 5;
}

/// Where to boot from (boot flags data 2, bits 5:2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BootDevice {
    /// No override: the firmware's own order.
    NoOverride,
    /// The network.
    Pxe,
    /// The default disk.
    Disk,
    /// The default disk, in safe mode.
    DiskSafeMode,
    /// The diagnostic partition.
    Diagnostics,
    /// CD or DVD.
    CdRom,
    /// The firmware's setup screens.
    Setup,
    /// A remotely connected floppy or other removable medium.
    RemoteFloppy,
    /// A remotely connected CD or DVD.
    RemoteCdRom,
    /// The primary remote medium.
    RemoteMedia,
    /// A remotely connected disk.
    RemoteDisk,
    /// Floppy or the primary removable medium.
    Floppy,
    /// A number without a meaning in the specification: Ah, Ch, Dh or Eh.
    Reserved(u8),
}

impl BootDevice {
    const fn number(self) -> u8 {
        match self {
            Self::NoOverride => 0x0,
            Self::Pxe => 0x1,
            Self::Disk => 0x2,
            Self::DiskSafeMode => 0x3,
            Self::Diagnostics => 0x4,
            Self::CdRom => 0x5,
            Self::Setup => 0x6,
            Self::RemoteFloppy => 0x7,
            Self::RemoteCdRom => 0x8,
            Self::RemoteMedia => 0x9,
            Self::RemoteDisk => 0xB,
            Self::Floppy => 0xF,
            Self::Reserved(number) => number & 0xF,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number {
            0x0 => Self::NoOverride,
            0x1 => Self::Pxe,
            0x2 => Self::Disk,
            0x3 => Self::DiskSafeMode,
            0x4 => Self::Diagnostics,
            0x5 => Self::CdRom,
            0x6 => Self::Setup,
            0x7 => Self::RemoteFloppy,
            0x8 => Self::RemoteCdRom,
            0x9 => Self::RemoteMedia,
            0xB => Self::RemoteDisk,
            0xF => Self::Floppy,
            other => Self::Reserved(other),
        }
    }
}

/// The boot flags: parameter 5 of the boot options.
///
/// ```
/// use ironhand_ipmi::{BootDevice, BootFlags};
///
/// let flags = BootFlags::once(BootDevice::Pxe).uefi();
/// assert!(flags.valid && flags.uefi && !flags.persistent);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BootFlags {
    /// The flags count. Firmware clears this bit once it has followed them, unless they are persistent.
    pub valid: bool,
    /// They hold for all later boots, not only for the next one.
    pub persistent: bool,
    /// Boot by UEFI rather than by PC-compatible BIOS.
    pub uefi: bool,
    /// Where to boot from.
    pub device: BootDevice,
}

impl BootFlags {
    /// Boot from `device` the next time only, by BIOS.
    pub const fn once(device: BootDevice) -> Self {
        Self { valid: true, persistent: false, uefi: false, device }
    }

    /// No wish at all: clears what was set before.
    pub const fn cleared() -> Self {
        Self { valid: false, persistent: false, uefi: false, device: BootDevice::NoOverride }
    }

    /// The same, by UEFI.
    #[must_use]
    pub const fn uefi(self) -> Self {
        Self { uefi: true, ..self }
    }

    /// The same, for all later boots.
    #[must_use]
    pub const fn persistent(self) -> Self {
        Self { persistent: true, ..self }
    }

    /// The same with the default disk and the primary remote medium changed for each other where UEFI boots, which is how
    /// `Quirk::UefiDisk` takes them.
    pub(crate) fn with_uefi_disk_moved(self) -> Self {
        let device = match self.device {
            BootDevice::Disk if self.uefi => BootDevice::RemoteMedia,
            BootDevice::RemoteMedia if self.uefi => BootDevice::Disk,
            device => device,
        };
        Self { device, ..self }
    }

    /// Parameter 5's data, with everything that this type does not name left to the firmware.
    pub(crate) const fn bytes(self) -> [u8; 5] {
        let mode = (self.valid as u8) << 7 | (self.persistent as u8) << 6 | (self.uefi as u8) << 5;
        [mode, self.device.number() << 2, 0, 0, 0]
    }

    pub(crate) const fn from_bytes(bytes: [u8; 5]) -> Self {
        let [mode, device, _, _, _] = bytes;
        Self {
            valid: mode & 0x80 != 0,
            persistent: mode & 0x40 != 0,
            uefi: mode & 0x20 != 0,
            device: BootDevice::from_number(device >> 2 & 0xF),
        }
    }
}

/// One parameter written by Set System Boot Options (section 28.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetBootOption {
    /// Parameter 0.
    SetInProgress(bool),
    /// Parameter 3, with bit 3: keep the valid bit even if no Chassis Control comes within 60 seconds.
    KeepValidBit,
    /// Parameter 4: the boot info is there for the BIOS to take.
    OfferBootInfo,
    /// Parameter 5.
    Flags(BootFlags),
}

impl Command for SetBootOption {
    type Reply = ();
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x08;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        match self {
            Self::SetInProgress(begun) => {
                data.extend_from_slice(&[parameter::SET_IN_PROGRESS, u8::from(*begun)])
            }
            Self::KeepValidBit => data.extend_from_slice(&[parameter::VALID_BIT_CLEARING, 0x08]),
            // Write mask 01h, data 01h: the BIOS is to look at it. Firmware may ignore flags that are not offered.
            Self::OfferBootInfo => data.extend_from_slice(&[parameter::BOOT_INFO_ACKNOWLEDGE, 0x01, 0x01]),
            Self::Flags(flags) => {
                data.push(parameter::BOOT_FLAGS);
                data.extend_from_slice(&flags.bytes());
            }
        }
    }

    fn decode(_data: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

/// Get System Boot Options for parameter 5 (section 28.13).
///
/// What comes back may be a default rather than what was set; the specification lets a BMC forget the flags when they
/// have been used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetBootFlags;

impl Command for GetBootFlags {
    type Reply = BootFlags;
    const NETFN: u8 = netfn::CHASSIS;
    const CMD: u8 = 0x09;
    const PRIVILEGE: PrivilegeLevel = PrivilegeLevel::Operator;
    const REPEATABLE: bool = true;

    fn encode(&self, data: &mut Vec<u8>) {
        // Parameter, set selector and block selector; the latter two are not used by parameter 5.
        data.extend_from_slice(&[parameter::BOOT_FLAGS, 0, 0]);
    }

    fn decode(data: &[u8]) -> Result<BootFlags, Fault> {
        let mut reader = Reader::new(data);
        let [_version, selector] = reader.array("boot option parameter")?;
        if selector & 0x7F != parameter::BOOT_FLAGS {
            return Err(Fault::Field { field: "boot option parameter selector", value: selector.into() });
        }
        reader.array("boot flags").map(BootFlags::from_bytes)
    }
}
