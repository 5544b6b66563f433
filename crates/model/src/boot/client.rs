//! What is known of a machine that asks.

use std::net::IpAddr;

use ironhand_api::{BootArchitecture, MacAddress, MachineUuid, Name};

use super::architecture::Architecture;

/// What a machine says of itself when it asks, and what is known of the boot that is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The Network that it asks in.
    pub network: Option<Name>,
    /// Its hardware addresses; the one that asks comes first.
    pub macs: Vec<MacAddress>,
    /// Its UUID (option 97, SMBIOS), in either byte order.
    pub uuid: Option<MachineUuid>,
    /// Its serial number, as iPXE reads it.
    pub serial: Option<String>,
    /// Its maker, as iPXE reads it.
    pub manufacturer: Option<String>,
    /// Its model, as iPXE reads it.
    pub product: Option<String>,
    /// Its asset tag, as iPXE reads it.
    pub asset: Option<String>,
    /// What it is (option 93); the first number that is known.
    pub architecture: Option<Architecture>,
    /// Which program asks.
    pub stage: Stage,
    /// Option 60.
    pub vendor_class: Option<String>,
    /// Whether the hardware type is InfiniBand (32).
    pub infiniband: bool,
    /// Whether option 125 names ONIE (enterprise 42623).
    pub onie: bool,
    /// The address that it has.
    pub address: Option<IpAddr>,
    /// Whether it asks over IPv6, and so is told of servers by their addresses of IPv6.
    pub ipv6: bool,
    /// What is known of the boot that is under way.
    pub session: Session,
}

/// Which program of a machine asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Firmware, by PXE (option 60 begins `PXEClient`).
    Pxe,
    /// Firmware, for HTTP boot (option 60 begins `HTTPClient`).
    HttpBoot,
    /// iPXE (user class `iPXE`, or option 175).
    Ipxe,
    /// GRUB.
    Grub,
    /// PXELINUX, or U-Boot, which reads the same names.
    Pxelinux,
    /// Anything else, such as an operating system.
    #[default]
    Os,
}

impl Stage {
    /// Whether it is a part of booting.
    pub const fn boots(self) -> bool {
        !matches!(self, Self::Os)
    }
}

/// What is known of the boot of a machine that is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// The interface whose request was answered with what is booted, a short while ago.
    pub script_to: Option<MacAddress>,
}

impl Client {
    /// The hardware address that asks.
    pub fn mac(&self) -> Option<MacAddress> {
        self.macs.first().copied()
    }

    /// Its firmware.
    pub fn firmware(&self) -> Option<BootArchitecture> {
        self.architecture.and_then(Architecture::firmware)
    }

    /// Its UUID, where that tells machines apart.
    pub fn telling_uuid(&self) -> Option<MachineUuid> {
        self.uuid.filter(|uuid| !uuid.is_dummy())
    }
}
