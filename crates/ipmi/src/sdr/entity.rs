//! The parts of a machine that sensors and other records belong to (IPMI 2.0 section 43.14, table 43-13).

use std::fmt;

/// A part of the machine: what it is, and which of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Entity {
    /// What it is: a number of table 43-13.
    pub id: u8,
    /// Which one: 0 to 127. From 60h on it counts within the controller that the record belongs to.
    pub instance: u8,
    /// The entity is a logical one, a container of others.
    pub logical: bool,
}

impl Entity {
    /// A physical part.
    pub const fn new(id: u8, instance: u8) -> Self {
        Self { id, instance, logical: false }
    }

    pub(crate) fn from_bytes([id, instance]: [u8; 2]) -> Self {
        Self { id, instance: instance & 0x7F, logical: instance & 0x80 != 0 }
    }

    pub(crate) fn to_bytes(self) -> [u8; 2] {
        [self.id, u8::from(self.logical) << 7 | self.instance & 0x7F]
    }

    /// What the part is, in words.
    pub fn name(self) -> &'static str {
        match self.id {
            0x90..=0xAF => "chassis-specific",
            0xB0..=0xCF => "board-set specific",
            0xD0..=0xFF => "OEM",
            id => NAMES.get(usize::from(id)).copied().unwrap_or("reserved"),
        }
    }
}

/// As `7.1`: id and instance in decimal.
impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.instance)
    }
}

const NAMES: [&str; 0x43] = [
    "unspecified",
    "other",
    "unknown",
    "processor",
    "disk",
    "peripheral bay",
    "system management module",
    "system board",
    "memory module",
    "processor module",
    "power supply",
    "add-in card",
    "front panel board",
    "back panel board",
    "power system board",
    "drive backplane",
    "system internal expansion board",
    "other system board",
    "processor board",
    "power unit",
    "power module",
    "power management board",
    "chassis back panel board",
    "system chassis",
    "sub-chassis",
    "other chassis board",
    "disk drive bay",
    "peripheral bay",
    "device bay",
    "fan",
    "cooling unit",
    "cable",
    "memory device",
    "system management software",
    "system firmware",
    "operating system",
    "system bus",
    "group",
    "remote management communication device",
    "external environment",
    "battery",
    "processing blade",
    "connectivity switch",
    "processor/memory module",
    "I/O module",
    "processor/I/O module",
    "management controller firmware",
    "IPMI channel",
    "PCI bus",
    "PCI Express bus",
    "SCSI bus",
    "SATA/SAS bus",
    "processor front-side bus",
    "real time clock",
    "reserved",
    "air inlet",
    "reserved",
    "reserved",
    "reserved",
    "reserved",
    "reserved",
    "reserved",
    "reserved",
    "reserved",
    "air inlet",
    "processor",
    "baseboard",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_names_and_places() {
        let check = |bytes, name, place| {
            let entity = Entity::from_bytes(bytes);
            assert_eq!((entity.name(), entity.to_string().as_str()), (name, place));
            assert_eq!(entity.to_bytes(), bytes);
        };
        check([0x07, 0x01], "system board", "7.1");
        check([0x1D, 0x82], "fan", "29.2");
        check([0x37, 0x01], "air inlet", "55.1");
        check([0x42, 0x01], "baseboard", "66.1");
        check([0x43, 0x60], "reserved", "67.96");
        check([0x90, 0x00], "chassis-specific", "144.0");
        check([0xD0, 0x7F], "OEM", "208.127");
    }
}
