//! The UUID that firmware tells of its machine (option 97; RFC 4578, section 2.3).

use std::fmt;

/// UUIDs that many machines have alike, because nobody set one; as they are printed.
const DUMMIES: [[u8; 16]; 5] = [
    *b"\x03\x00\x02\x00\x04\x00\x05\x00\x00\x06\x00\x07\x00\x08\x00\x09",
    *b"\x00\x02\x00\x03\x00\x04\x00\x05\x00\x06\x00\x07\x00\x08\x00\x09",
    *b"\x12\x34\x56\x78\x12\x34\x56\x78\x90\xab\xcd\xde\xef\xaa\xbb\xcc",
    *b"\x11\x11\x11\x11\x22\x22\x33\x33\x44\x44\x55\x55\x55\x55\x55\x55",
    *b"\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe",
];

/// A UUID as it came.
///
/// SMBIOS stores the first three fields with the low byte first, and firmware sends what is stored; but not all of it does,
/// so that whoever looks a machine up tries both orders (rule D13).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MachineUuid([u8; 16]);

impl MachineUuid {
    /// Reads the value of option 97. `None` where it has another form or length, or is one of those that mean nothing: all
    /// zeros, all ones, and what boards are delivered with.
    pub fn read(value: &[u8]) -> Option<Self> {
        let (&[kind], bytes) = value.split_first_chunk::<1>()?;
        let wire: [u8; 16] = bytes.try_into().ok()?;
        let uuid = Self(wire);
        let orders = [uuid.mixed_endian(), uuid.big_endian()];
        let dummy =
            wire == [0; 16] || wire == [0xFF; 16] || orders.iter().any(|order| DUMMIES.contains(order));
        (kind == 0 && !dummy).then_some(uuid)
    }

    /// The bytes as they came.
    pub fn wire(&self) -> [u8; 16] {
        self.0
    }

    /// The UUID in the order in which it is printed, where the wire had the order of SMBIOS. This is the usual case.
    pub fn mixed_endian(&self) -> [u8; 16] {
        let [a, b, c, d, e, f, g, h, rest @ ..] = self.0;
        let mut bytes = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes[8..].copy_from_slice(&rest);
        bytes
    }

    /// The UUID in the order in which it is printed, where the wire had the same order.
    pub fn big_endian(&self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for MachineUuid {
    /// As SMBIOS has it: see [`Self::mixed_endian`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.mixed_endian().iter().enumerate() {
            let separator = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{separator}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MachineUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
