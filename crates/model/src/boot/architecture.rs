//! Client architectures (option 93, RFC 4578 section 2.1 and IANA's registry).

use ironhand_api::BootArchitecture;

/// A number of option 93.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Architecture(pub u16);

/// What a number means: the firmware, whether it asks for HTTP boot, and whether it is U-Boot's.
struct Row(u16, BootArchitecture, bool, bool);

const ROWS: [Row; 24] = {
    use BootArchitecture as A;
    [
        Row(0, A::Bios, false, false),
        Row(6, A::X86, false, false),
        Row(7, A::X64, false, false),
        // RFC 4578 printed 7 and 9 the other way round than firmware sends them; some x64 firmware sends 9.
        Row(9, A::X64, false, false),
        Row(10, A::Arm32, false, false),
        Row(11, A::Arm64, false, false),
        Row(15, A::X86, true, false),
        Row(16, A::X64, true, false),
        Row(18, A::Arm32, true, false),
        Row(19, A::Arm64, true, false),
        Row(20, A::Bios, true, false),
        Row(21, A::Arm32, false, true),
        Row(22, A::Arm64, false, true),
        Row(23, A::Arm32, true, true),
        Row(24, A::Arm64, true, true),
        Row(25, A::Riscv32, false, false),
        Row(26, A::Riscv32, true, false),
        Row(27, A::Riscv64, false, false),
        Row(28, A::Riscv64, true, false),
        Row(37, A::Loongarch32, false, false),
        Row(38, A::Loongarch32, true, false),
        Row(39, A::Loongarch64, false, false),
        Row(40, A::Loongarch64, true, false),
        Row(41, A::RaspberryPi, false, false),
    ]
};

impl Architecture {
    fn row(self) -> Option<&'static Row> {
        static TABLE: [Row; 24] = ROWS;
        TABLE.iter().find(|row| row.0 == self.0)
    }

    /// What firmware it is; none where no program is known that it could start.
    pub fn firmware(self) -> Option<BootArchitecture> {
        self.row().map(|row| row.1)
    }

    /// Whether it is the number of machines that ask for a URL (UEFI HTTP boot).
    pub fn is_http(self) -> bool {
        self.row().is_some_and(|row| row.2)
    }

    /// Whether it is U-Boot, which reads the names of PXELINUX.
    pub fn is_u_boot(self) -> bool {
        self.row().is_some_and(|row| row.3)
    }

    /// The number that firmware sends, by PXE or for HTTP boot; none where there is no such firmware.
    pub fn of(firmware: BootArchitecture, http: bool) -> Option<Self> {
        ROWS.iter().find(|row| row.1 == firmware && row.2 == http && !row.3).map(|row| Self(row.0))
    }

    /// What iPXE says of itself by `${buildarch}` and `${platform}`.
    pub fn of_ipxe(build: &str, platform: &str) -> Option<Self> {
        let firmware = match (platform, build) {
            ("pcbios", _) => BootArchitecture::Bios,
            (_, "i386") => BootArchitecture::X86,
            (_, "x86_64") => BootArchitecture::X64,
            (_, "arm32") => BootArchitecture::Arm32,
            (_, "arm64") => BootArchitecture::Arm64,
            (_, "riscv32") => BootArchitecture::Riscv32,
            (_, "riscv64") => BootArchitecture::Riscv64,
            (_, "loong64") => BootArchitecture::Loongarch64,
            _ => return None,
        };
        Self::of(firmware, false)
    }
}

/// The ending of EFI file names, as in `grubx64.efi` (UEFI 2.10, table 3.5).
pub(super) const fn efi_suffix(firmware: BootArchitecture) -> Option<&'static str> {
    Some(match firmware {
        BootArchitecture::X86 => "ia32",
        BootArchitecture::X64 => "x64",
        BootArchitecture::Arm32 => "arm",
        BootArchitecture::Arm64 => "aa64",
        BootArchitecture::Riscv32 => "riscv32",
        BootArchitecture::Riscv64 => "riscv64",
        BootArchitecture::Loongarch32 => "loongarch32",
        BootArchitecture::Loongarch64 => "loongarch64",
        BootArchitecture::Bios | BootArchitecture::RaspberryPi => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the notes on provisioning peers, section 3.1.
    #[test]
    fn numbers_of_option_93_tell_firmware_and_transport() {
        let check = |number: u16, firmware: Option<BootArchitecture>, http: bool| {
            let architecture = Architecture(number);
            assert_eq!((architecture.firmware(), architecture.is_http()), (firmware, http), "{number}");
        };
        check(0, Some(BootArchitecture::Bios), false);
        check(6, Some(BootArchitecture::X86), false);
        check(7, Some(BootArchitecture::X64), false);
        check(9, Some(BootArchitecture::X64), false);
        check(10, Some(BootArchitecture::Arm32), false);
        check(11, Some(BootArchitecture::Arm64), false);
        check(15, Some(BootArchitecture::X86), true);
        check(16, Some(BootArchitecture::X64), true);
        check(18, Some(BootArchitecture::Arm32), true);
        check(19, Some(BootArchitecture::Arm64), true);
        check(20, Some(BootArchitecture::Bios), true);
        check(22, Some(BootArchitecture::Arm64), false);
        check(0x19, Some(BootArchitecture::Riscv32), false);
        check(0x1b, Some(BootArchitecture::Riscv64), false);
        check(0x25, Some(BootArchitecture::Loongarch32), false);
        check(0x27, Some(BootArchitecture::Loongarch64), false);
        check(41, Some(BootArchitecture::RaspberryPi), false);
        check(2, None, false);
        check(0xffff, None, false);
        assert!(Architecture(22).is_u_boot() && !Architecture(11).is_u_boot());
    }

    #[test]
    fn each_firmware_has_its_number_and_ipxe_names_it() {
        for firmware in BootArchitecture::ALL {
            assert_eq!(Architecture::of(firmware, false).unwrap().firmware(), Some(firmware));
        }
        assert_eq!(Architecture::of(BootArchitecture::X64, true), Some(Architecture(16)));
        assert_eq!(Architecture::of(BootArchitecture::RaspberryPi, true), None);
        assert_eq!(Architecture::of_ipxe("x86_64", "efi"), Some(Architecture(7)));
        assert_eq!(Architecture::of_ipxe("i386", "pcbios"), Some(Architecture(0)));
        assert_eq!(Architecture::of_ipxe("", ""), None);
    }
}
