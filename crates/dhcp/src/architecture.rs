//! What kind of machine boots (option 93; RFC 4578, section 2.1, and the registry "Processor Architecture Types" of IANA).

/// The architecture that firmware says it loads a program for, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
#[allow(missing_docs, reason = "the names are those of the registry")]
pub enum Architecture {
    /// BIOS, and the boot loader of Raspberry Pi 3 and 4.
    X86Bios = 0,
    Nec = 1,
    Itanium = 2,
    ArcX86 = 4,
    X86Uefi = 6,
    X64Uefi = 7,
    /// EFI byte code; some firmware of x64 says so too, which RFC 4578 had the numbers of exchanged.
    EbcUefi = 9,
    Arm32Uefi = 10,
    Arm64Uefi = 11,
    PowerOpenFirmware = 12,
    PowerEpapr = 13,
    PowerOpal = 14,
    X86UefiHttp = 15,
    X64UefiHttp = 16,
    EbcUefiHttp = 17,
    Arm32UefiHttp = 18,
    Arm64UefiHttp = 19,
    X86BiosHttp = 20,
    Arm32Uboot = 21,
    Arm64Uboot = 22,
    Arm32UbootHttp = 23,
    Arm64UbootHttp = 24,
    Riscv32Uefi = 25,
    Riscv32UefiHttp = 26,
    Riscv64Uefi = 27,
    Riscv64UefiHttp = 28,
    Riscv128Uefi = 29,
    Riscv128UefiHttp = 30,
    S390Basic = 31,
    S390Extended = 32,
    Loongarch32Uefi = 37,
    Loongarch32UefiHttp = 38,
    Loongarch64Uefi = 39,
    Loongarch64UefiHttp = 40,
    RaspberryPi = 41,
}

impl Architecture {
    /// All that are known.
    pub const ALL: [Self; 35] = [
        Self::X86Bios,
        Self::Nec,
        Self::Itanium,
        Self::ArcX86,
        Self::X86Uefi,
        Self::X64Uefi,
        Self::EbcUefi,
        Self::Arm32Uefi,
        Self::Arm64Uefi,
        Self::PowerOpenFirmware,
        Self::PowerEpapr,
        Self::PowerOpal,
        Self::X86UefiHttp,
        Self::X64UefiHttp,
        Self::EbcUefiHttp,
        Self::Arm32UefiHttp,
        Self::Arm64UefiHttp,
        Self::X86BiosHttp,
        Self::Arm32Uboot,
        Self::Arm64Uboot,
        Self::Arm32UbootHttp,
        Self::Arm64UbootHttp,
        Self::Riscv32Uefi,
        Self::Riscv32UefiHttp,
        Self::Riscv64Uefi,
        Self::Riscv64UefiHttp,
        Self::Riscv128Uefi,
        Self::Riscv128UefiHttp,
        Self::S390Basic,
        Self::S390Extended,
        Self::Loongarch32Uefi,
        Self::Loongarch32UefiHttp,
        Self::Loongarch64Uefi,
        Self::Loongarch64UefiHttp,
        Self::RaspberryPi,
    ];

    /// The architecture with this number.
    pub fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.number() == number)
    }

    /// The first known one of a list as option 93 holds it (rule D13's sibling: firmware may list several).
    pub fn first_known(list: &[u8]) -> Option<Self> {
        list.as_chunks().0.iter().find_map(|number| Self::of(u16::from_be_bytes(*number)))
    }

    /// Its number in the registry.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// Whether it loads by HTTP, and so wants a URL in place of a file name.
    pub fn is_http(self) -> bool {
        matches!(
            self,
            Self::X86UefiHttp
                | Self::X64UefiHttp
                | Self::EbcUefiHttp
                | Self::Arm32UefiHttp
                | Self::Arm64UefiHttp
                | Self::X86BiosHttp
                | Self::Arm32UbootHttp
                | Self::Arm64UbootHttp
                | Self::Riscv32UefiHttp
                | Self::Riscv64UefiHttp
                | Self::Riscv128UefiHttp
                | Self::Loongarch32UefiHttp
                | Self::Loongarch64UefiHttp
        )
    }

    /// Whether it is the BIOS of a PC, by TFTP or HTTP.
    pub fn is_bios(self) -> bool {
        matches!(self, Self::X86Bios | Self::Nec | Self::ArcX86 | Self::X86BiosHttp)
    }
}
