//! What tells machines apart when they boot, and how each wants to be booted.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LoaderPreference, MacAddress};

/// What a host needs for booting over the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostBoot {
    /// The address that is kept for it, on whichever of its interfaces asks in the network of the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
    /// The address of IPv6 that is kept for it, in the same way: one that lies in the `ipv6` of its network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address6: Option<Ipv6Addr>,
    /// The UUID of the machine (SMBIOS), by which it is known beside its `macs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<MachineUuid>,
    /// The serial number of the machine, by which it is known where neither address nor UUID tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The interface that it boots from, one of `macs`; any where absent. The others are given addresses and nothing to boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nic: Option<MacAddress>,
    /// How it is told to boot from its disk.
    #[serde(default, skip_serializing_if = "LocalBoot::is_usual")]
    pub local_boot: LocalBoot,
    /// The loader that it is given; what its profile or its network says where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loader: Option<LoaderPreference>,
    /// Whose network driver iPXE uses.
    #[serde(default, skip_serializing_if = "NicDriver::is_usual")]
    pub nic_driver: NicDriver,
}

/// How a machine is told to boot from its disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LocalBoot {
    /// With a BIOS by `drive`, with UEFI by `exit`.
    #[default]
    Usual,
    /// The loader ends, and the firmware goes on with its next boot entry.
    Exit,
    /// The loader starts the first disk.
    Drive,
    /// Nothing to boot is offered to the firmware at all.
    NoOffer,
}

impl LocalBoot {
    fn is_usual(&self) -> bool {
        *self == Self::Usual
    }
}

/// Whose network driver iPXE uses. Either fails on machines where the other works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NicDriver {
    /// That of the firmware: `undionly.kpxe`, `snponly.efi`.
    #[default]
    Firmware,
    /// iPXE's own: `ipxe.pxe`, `ipxe.efi`.
    Ipxe,
}

impl NicDriver {
    fn is_usual(&self) -> bool {
        *self == Self::Firmware
    }
}

/// What kind of firmware a machine has, as far as it decides which program it can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BootArchitecture {
    /// A PC with a BIOS.
    Bios,
    /// UEFI on 32-bit x86.
    X86,
    /// UEFI on 64-bit x86.
    X64,
    /// UEFI on 32-bit ARM.
    Arm32,
    /// UEFI on 64-bit ARM.
    Arm64,
    /// UEFI on 32-bit RISC-V.
    Riscv32,
    /// UEFI on 64-bit RISC-V.
    Riscv64,
    /// UEFI on 32-bit LoongArch.
    Loongarch32,
    /// UEFI on 64-bit LoongArch.
    Loongarch64,
    /// A Raspberry Pi that boots by its own firmware.
    RaspberryPi,
}

impl BootArchitecture {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Bios,
        Self::X86,
        Self::X64,
        Self::Arm32,
        Self::Arm64,
        Self::Riscv32,
        Self::Riscv64,
        Self::Loongarch32,
        Self::Loongarch64,
        Self::RaspberryPi,
    ];

    /// The word in manifests and in the paths of loaders.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bios => "bios",
            Self::X86 => "x86",
            Self::X64 => "x64",
            Self::Arm32 => "arm32",
            Self::Arm64 => "arm64",
            Self::Riscv32 => "riscv32",
            Self::Riscv64 => "riscv64",
            Self::Loongarch32 => "loongarch32",
            Self::Loongarch64 => "loongarch64",
            Self::RaspberryPi => "raspberryPi",
        }
    }

    /// As people read it, like `UEFI x64`.
    pub fn words(self) -> String {
        match self {
            Self::Bios => "BIOS".to_owned(),
            Self::RaspberryPi => "Raspberry Pi".to_owned(),
            uefi => format!("UEFI {uefi}"),
        }
    }

    /// Whether it starts EFI programs.
    pub const fn is_uefi(self) -> bool {
        !matches!(self, Self::Bios | Self::RaspberryPi)
    }
}

impl fmt::Display for BootArchitecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for BootArchitecture {
    type Err = UnknownArchitecture;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| UnknownArchitecture { text: text.to_owned() })
    }
}

/// A text that names no architecture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an architecture; one of: {}",
    BootArchitecture::ALL.map(BootArchitecture::as_str).join(", ")
)]
pub struct UnknownArchitecture {
    text: String,
}

/// The UUID of a machine (SMBIOS, section 7.2.1), written `4c4c4544-0044-4a10-8058-b4c04f4c4d32` as tools show it.
///
/// On the wire its first three fields have the other byte order (RFC 4578, section 2.3), and firmware that mistook one for
/// the other is not rare: [`matches`](Self::matches) takes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub struct MachineUuid(pub [u8; 16]);

/// Why a text is no UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a UUID; write it like 4c4c4544-0044-4a10-8058-b4c04f4c4d32")]
pub struct MachineUuidError(String);

/// What boards have whose maker gave none, in the order in which they are shown. One board in two has it, so it tells nothing.
const DUMMY_UUIDS: [&str; 8] = [
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    "01234567-89ab-cdef-0123-456789abcdef",
    "12345678-1234-5678-90ab-cddeefaabbcc",
    "12345678-1234-1234-1234-123456789abc",
    "11111111-2222-3333-4444-555555555555",
    "00112233-4455-6677-8899-aabbccddeeff",
    "fefefefe-fefe-fefe-fefe-fefefefefefe",
];

impl MachineUuid {
    /// The UUID with the first three fields in the other byte order.
    #[must_use]
    pub const fn swapped(self) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = self.0;
        Self([d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
    }

    /// Whether both mean one machine, whichever byte order either was read in.
    pub fn matches(self, other: Self) -> bool {
        self == other || self.swapped() == other
    }

    /// The one of both byte orders that comes first: the same for all that [match](Self::matches).
    #[must_use]
    pub fn canonical(self) -> Self {
        self.min(self.swapped())
    }

    /// Whether it tells nothing: all bytes alike, or one of those that boards have whose maker gave none.
    pub fn is_dummy(self) -> bool {
        let [first, ..] = self.0;
        self.0.iter().all(|byte| *byte == first)
            || DUMMY_UUIDS.iter().any(|dummy| dummy.parse().is_ok_and(|dummy: Self| dummy.matches(self)))
    }
}

impl FromStr for MachineUuid {
    type Err = MachineUuidError;

    /// Reads 32 hexadecimal digits, with dashes after the 8th, 12th, 16th and 20th, or nowhere.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || MachineUuidError(text.to_owned());
        let digits = match text.len() {
            32 => text.to_owned(),
            36 => {
                let dashes = text.char_indices().filter(|(_, c)| *c == '-').map(|(at, _)| at);
                if !dashes.eq([8, 13, 18, 23]) {
                    return Err(wrong());
                }
                text.replace('-', "")
            }
            _ => return Err(wrong()),
        };
        let mut bytes = [0; 16];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| wrong())?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for MachineUuid {
    type Error = MachineUuidError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MachineUuid> for String {
    fn from(uuid: MachineUuid) -> Self {
        uuid.to_string()
    }
}

impl fmt::Display for MachineUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = hex::encode(self.0);
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| text.get(part).unwrap_or_default());
        f.write_str(&parts.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_read_and_written_and_known_in_both_byte_orders() {
        let text = "4c4c4544-0044-4a10-8058-b4c04f4c4d32";
        let uuid: MachineUuid = text.parse().unwrap();
        assert_eq!(uuid.to_string(), text);
        assert_eq!("4C4C454400444A108058B4C04F4C4D32".parse(), Ok(uuid));
        assert_eq!(uuid.swapped().to_string(), "44454c4c-4400-104a-8058-b4c04f4c4d32");
        assert!(uuid.matches(uuid.swapped()) && uuid.matches(uuid) && !uuid.is_dummy());
        assert_eq!(uuid.canonical(), uuid.swapped().canonical());
        for text in
            ["", "4c4c4544", "4c4c45440044-4a10-8058-b4c04f4c4d32-", "4c4c4544-0044-4a10-8058-b4c04f4c4d3g"]
        {
            assert!(text.parse::<MachineUuid>().is_err(), "{text}");
        }
    }

    #[test]
    fn dummy_uuids_tell_nothing() {
        for dummy in DUMMY_UUIDS {
            let dummy: MachineUuid = dummy.parse().unwrap();
            assert!(dummy.is_dummy() && dummy.swapped().is_dummy(), "{dummy}");
        }
        assert!(MachineUuid([0; 16]).is_dummy() && MachineUuid([0xff; 16]).is_dummy());
    }

    #[test]
    fn architectures_are_read_as_they_are_written() {
        for one in BootArchitecture::ALL {
            assert_eq!(one.to_string().parse(), Ok(one));
            assert_eq!(one.words().starts_with("UEFI "), one.is_uefi());
        }
        assert_eq!("X64".parse(), Ok(BootArchitecture::X64));
        assert!("amd64".parse::<BootArchitecture>().is_err());
    }
}
