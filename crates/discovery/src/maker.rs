//! Who makes controllers.

use std::fmt;

use ironhand_redfish::Vendor;
use serde::{Serialize, Serializer};

/// Who makes a controller or its firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maker {
    /// One whose controllers speak Redfish.
    Redfish(Vendor),
    /// One that is known by another way alone, by its name.
    Other(&'static str),
}

impl Maker {
    /// Dell.
    pub const DELL: Self = Self::Redfish(Vendor::Dell);
    /// Hewlett Packard Enterprise, and HP before.
    pub const HPE: Self = Self::Redfish(Vendor::Hpe);
    /// Lenovo.
    pub const LENOVO: Self = Self::Redfish(Vendor::Lenovo);
    /// Supermicro.
    pub const SUPERMICRO: Self = Self::Redfish(Vendor::Supermicro);
    /// AMI.
    pub const AMI: Self = Self::Redfish(Vendor::AmiMegaRac);
    /// OpenBMC.
    pub const OPENBMC: Self = Self::Redfish(Vendor::OpenBmc);
    /// Intel.
    pub const INTEL: Self = Self::Other("Intel");

    /// The name, as people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redfish(vendor) => vendor.as_str(),
            Self::Other(name) => name,
        }
    }

    /// The maker with an IANA enterprise number, of those that are seen in IPMI.
    pub const fn of_enterprise(number: u32) -> Option<Self> {
        Some(match number {
            11 => Self::HPE,
            42 => Self::Other("Oracle"),
            343 => Self::INTEL,
            674 => Self::DELL,
            2 | 20_301 => Self::Other("IBM"),
            5771 => Self::Redfish(Vendor::Cisco),
            6653 => Self::Other("Tyan"),
            7244 => Self::Other("Quanta"),
            10_368 => Self::Redfish(Vendor::Fujitsu),
            10_437 => Self::Other("Peppercon"),
            10_876 | 47_488 => Self::SUPERMICRO,
            13_742 => Self::Other("Raritan"),
            19_046 => Self::LENOVO,
            20_974 => Self::AMI,
            42_817 => Self::OPENBMC,
            _ => return None,
        })
    }

    /// Whether both may be true of one controller: firmware is made by one and sold under the name of another.
    pub fn agrees(self, other: Self) -> bool {
        match (self, other) {
            (Self::Redfish(one), Self::Redfish(two)) => {
                one == two
                    || one.is_megarac() && two.is_megarac()
                    || matches!(
                        (one, two),
                        (Vendor::OpenBmc, Vendor::Nvidia) | (Vendor::Nvidia, Vendor::OpenBmc)
                    )
            }
            // Those without Redfish build on AMI's firmware, or have names that say nothing against another's.
            (Self::Other(one), Self::Other(two)) => one == two,
            (Self::Other(_), Self::Redfish(vendor)) | (Self::Redfish(vendor), Self::Other(_)) => {
                vendor.is_megarac()
            }
        }
    }
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Maker {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
