//! Makes of machines: what their firmware writes, in which mode, and how long it takes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::keyboard::Key;
use crate::screen::Mode;

/// A make of machine. The names say what each is modelled on; all wording on its screens is our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Make {
    /// A rack server with VGA text firmware and a slow power-on self test.
    R740Like,
    /// A rack server whose firmware writes on the UEFI console at 1024 x 768.
    Dl380Like,
    /// A board with terse VGA text firmware, and no framebuffer in its kernel either.
    X11Like,
    /// A white-box server with open BMC firmware and a bare UEFI console at 800 x 600.
    OpenBmcLike,
}

impl Make {
    /// All makes.
    pub const ALL: [Self; 4] = [Self::R740Like, Self::Dl380Like, Self::X11Like, Self::OpenBmcLike];

    /// Its name, like `r740-like`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::R740Like => "r740-like",
            Self::Dl380Like => "dl380-like",
            Self::X11Like => "x11-like",
            Self::OpenBmcLike => "openbmc-like",
        }
    }

    pub(crate) const fn traits(self) -> &'static Traits {
        match self {
            Self::R740Like => &R740_LIKE,
            Self::Dl380Like => &DL380_LIKE,
            Self::X11Like => &X11_LIKE,
            Self::OpenBmcLike => &OPENBMC_LIKE,
        }
    }
}

impl fmt::Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no [`Make`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "no make of machine is named {name:?}; there are {}", Make::ALL.map(Make::name).join(", ")
)]
pub struct UnknownMake {
    /// The name that was given.
    pub name: String,
}

impl FromStr for Make {
    type Err = UnknownMake;

    fn from_str(name: &str) -> Result<Self, UnknownMake> {
        Self::ALL
            .into_iter()
            .find(|make| make.name() == name)
            .ok_or_else(|| UnknownMake { name: name.to_owned() })
    }
}

/// A line of firmware and the milliseconds before it comes. `{host}`, `{serial}` and `{mac}` stand for the
/// machine's.
pub(crate) type PostLine = (u64, &'static str);

/// What makes a make. Times are milliseconds at pace 1.
pub(crate) struct Traits {
    /// What the kernel calls the hardware.
    pub(crate) product: &'static str,
    /// Mode of firmware and loader.
    pub(crate) firmware_mode: Mode,
    /// Mode of the kernel's console.
    pub(crate) console_mode: Mode,
    /// From the power button to the first picture.
    pub(crate) dark: u64,
    /// How long a power cycle keeps it off.
    pub(crate) off: u64,
    /// The power-on self test.
    pub(crate) post: &'static [PostLine],
    /// The key that opens setup.
    pub(crate) setup: Key,
    /// What it says when a power supply has failed; the last line is the question.
    pub(crate) power_supply: &'static [&'static str],
    /// What firmware says when it finds nothing to boot.
    pub(crate) no_device: &'static [&'static str],
}

const R740_LIKE: Traits = Traits {
    product: "Simulated R740-like Rack Server, BIOS 2.19.1 11/03/2023",
    firmware_mode: Mode::VgaText,
    console_mode: Mode::Framebuffer1024,
    dark: 2500,
    off: 5000,
    post: &[
        (0, "\u{1B}[1mR740-like Rack Server\u{1B}[0m   BIOS 2.19.1   Service number {serial}\n\n"),
        (500, "F2 = System Setup    F11 = Boot Manager    F12 = PXE Boot\n\n"),
        (700, "Two 2.10 GHz Twelve-core Processors, Bus Speed 10.40 GT/s\n"),
        (400, "System Memory Size: 192.0 GB, System Memory Speed: 2666 MHz, Voltage: 1.20V\n\n"),
        (1200, "Initializing firmware interfaces...\n"),
        (900, "Initializing storage controller (bus 5E dev 00)\n"),
        (900, "  0 non-RAID disk(s), 1 virtual disk(s) handled by BIOS\n"),
        (600, "Embedded NIC 1: {mac}  Link up 10 Gbps\n"),
        (700, "BMC address from DHCP, firmware 6.10\n"),
    ],
    setup: Key::Function(2),
    power_supply: &[
        "\u{1B}[33mPSU0003: Power supply 2 failed: the input voltage is outside of its range.\u{1B}[0m",
        "PSU0037: Power supply redundancy is lost.",
        "",
        "Press F1 to continue, F2 to run System Setup",
    ],
    no_device: &[
        "No boot device available.",
        "Current boot mode is set to BIOS. A compatible bootable medium is needed.",
        "",
        "Strike F1 to retry boot, F2 for system setup, F12 for PXE boot",
    ],
};

const DL380_LIKE: Traits = Traits {
    product: "Simulated DL380-like Gen10 Server, BIOS U30 09/21/2023",
    firmware_mode: Mode::Uefi1024,
    console_mode: Mode::Framebuffer1024,
    dark: 3500,
    off: 6000,
    post: &[
        (0, "\u{1B}[1;36mDL380-like Gen10 Server\u{1B}[0m\n"),
        (200, "System ROM U30 v2.90   Serial Number: {serial}   Product ID: 868703-B21\n\n"),
        (1200, "Early system initialization, please wait...\n"),
        (1200, "\u{1B}[32m100%\u{1B}[0m complete: Starting drivers, discovering devices\n\n"),
        (600, "2 Processor(s) detected, 32 total cores enabled\n"),
        (300, "Processor 1: 16 cores, 2.30 GHz     Processor 2: 16 cores, 2.30 GHz\n"),
        (500, "Installed memory: 256 GB (256 GB usable), Advanced ECC\n"),
        (900, "Slot 0: Smart array controller, 2 logical drives, battery charged\n"),
        (400, "Embedded LOM 1 Port 1: {mac}\n"),
        (400, "Management processor: 10 GbE shared port, firmware 2.98\n\n"),
        (500, "F9 System Utilities   F10 Provisioning   F11 Boot Menu   F12 Network Boot\n"),
    ],
    setup: Key::Function(9),
    power_supply: &[
        "\u{1B}[1;33m292 - Power Supply Fault: bay 2 has no output. Redundancy is lost.\u{1B}[0m",
        "Action: check the power cord, then the power supply of bay 2.",
        "",
        "Press F1 to continue",
    ],
    no_device: &[
        "Boot order: no bootable device found.",
        "Checked: Embedded RAID 1, Internal USB, Generic USB boot.",
        "",
        "F1 retry   F9 System Utilities   F12 Network Boot",
    ],
};

const X11_LIKE: Traits = Traits {
    product: "Simulated X11-like Board/X11DPi, BIOS 3.3 02/21/2020",
    firmware_mode: Mode::VgaText,
    console_mode: Mode::VgaText,
    dark: 1500,
    off: 4000,
    post: &[
        (0, "X11-like BIOS 3.3   Build 02/21/2020   S/N {serial}\n"),
        (300, "CPU : 2.20GHz x 20   Speed : 2.20 GHz\n"),
        (800, "DXE--CPU Initialization..[63]\n"),
        (800, "DXE--PCI Bus Enumeration..[92]\n"),
        (900, "DXE--SATA Initialization..[A2]\n"),
        (300, "  P0: SATA disk 480 GB   P1: SATA disk 480 GB\n"),
        (500, "DXE--LAN {mac}..[9C]\n"),
        (400, "Press <DEL> to run Setup, <F11> for Boot Menu, <F12> for PXE/LAN\n"),
    ],
    setup: Key::Delete,
    power_supply: &[
        "\u{1B}[31mPOST error: Power supply failure detected (PS2, PMBus status 0800h)\u{1B}[0m",
        "",
        "Strike the F1 key to continue",
    ],
    no_device: &[
        "",
        "No bootable device.",
        "Insert boot media in the selected boot device, then press F1 to retry.",
    ],
};

const OPENBMC_LIKE: Traits = Traits {
    product: "Simulated OpenBMC-like Server, BIOS edk2-stable 202308",
    firmware_mode: Mode::Uefi800,
    console_mode: Mode::Framebuffer1024,
    dark: 1200,
    off: 3000,
    post: &[
        (0, "OpenBMC-like open firmware, host {host}, serial {serial}\n"),
        (300, "Memory training: channels A-H ok, 128 GiB\n"),
        (700, "PCIe: 14 devices, 0 retraining\n"),
        (600, "NVMe: 2 namespaces\n"),
        (400, "NIC0: {mac}, link up\n"),
        (400, "Esc: setup   F12: network boot\n"),
    ],
    setup: Key::Escape,
    power_supply: &[
        "\u{1B}[93mwarning: psu1: no power good within 5000 ms; running on psu0 alone\u{1B}[0m",
        "Press F1 to continue",
    ],
    no_device: &[
        "BdsDxe: no bootable device found in BootOrder",
        "Boot0000, Boot0001: not found",
        "Press F1 to retry.",
    ],
};
