//! Programs that UEFI starts: PE images (Microsoft Portable Executable and COFF Specification).

/// What a PE image says of itself in its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// The machine that it runs on.
    pub machine: Machine,
    /// Whether there is a certificate table, which holds an Authenticode signature. Whether the signature is right is judged
    /// by firmware.
    pub signed: bool,
}

/// The machine that a program runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// 32-bit PCs.
    Ia32,
    /// 64-bit PCs.
    X64,
    /// 32-bit ARM.
    Arm,
    /// 64-bit ARM.
    Aa64,
    /// 64-bit RISC-V.
    RiscV64,
    /// 64-bit LoongArch.
    LoongArch64,
}

impl Machine {
    /// How UEFI spells it in the names of loaders (UEFI 2.10, section 3.5.1.1), in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ia32 => "ia32",
            Self::X64 => "x64",
            Self::Arm => "arm",
            Self::Aa64 => "aa64",
            Self::RiscV64 => "riscv64",
            Self::LoongArch64 => "loongarch64",
        }
    }
}

impl Program {
    /// Reads the headers of an image, which stand in its first few KiB. `None` for what UEFI does not start.
    pub fn read(head: &[u8]) -> Option<Self> {
        if !head.starts_with(b"MZ") {
            return None;
        }
        let at = usize::try_from(u32_at(head, 0x3c)?).ok()?;
        let header = head.get(at..)?;
        if !header.starts_with(b"PE\0\0") {
            return None;
        }
        let machine = match u16_at(header, 4)? {
            0x014c => Machine::Ia32,
            0x8664 => Machine::X64,
            0x01c2 | 0x01c4 => Machine::Arm,
            0xaa64 => Machine::Aa64,
            0x5064 => Machine::RiscV64,
            0x6264 => Machine::LoongArch64,
            _ => return None,
        };
        let optional = header.get(24..)?;
        // The directories stand behind fields whose size depends on the kind of image.
        let directories = match u16_at(optional, 0)? {
            0x10b => 96,
            0x20b => 112,
            _ => return None,
        };
        // Applications, and drivers that are started alike (section 3.4 of the specification names them 10 to 12).
        if !matches!(u16_at(optional, 68)?, 10..=12) {
            return None;
        }
        let count = u32_at(optional, directories - 4)?;
        // The certificate table is the fifth directory.
        let signed = count > 4 && u32_at(optional, directories + 4 * 8 + 4)? > 0;
        Some(Self { machine, signed })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(machine: u16, subsystem: u16, certificates: u32) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3c] = 0x80;
        bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
        bytes[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
        let optional = 0x80 + 24;
        bytes[optional..optional + 2].copy_from_slice(&0x20b_u16.to_le_bytes());
        bytes[optional + 68..optional + 70].copy_from_slice(&subsystem.to_le_bytes());
        bytes[optional + 108] = 16;
        bytes[optional + 148..optional + 152].copy_from_slice(&certificates.to_le_bytes());
        bytes
    }

    #[test]
    fn programs_tell_their_machine_and_whether_they_are_signed() {
        let program = |machine, signed| Some(Program { machine, signed });
        assert_eq!(Program::read(&image(0x8664, 10, 0)), program(Machine::X64, false));
        assert_eq!(Program::read(&image(0xaa64, 10, 2_048)), program(Machine::Aa64, true));
        assert_eq!(Program::read(&image(0x8664, 3, 0)), None, "a program of Windows");
        assert_eq!(Program::read(&image(0x1234, 10, 0)), None);
        assert_eq!(Program::read(b"#!ipxe"), None);
        let whole = image(0x8664, 10, 0);
        for length in 0..whole.len() {
            let _ = Program::read(&whole[..length]);
        }
    }
}
