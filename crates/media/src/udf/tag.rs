//! Descriptor tags (3/7.2, 4/7.2), by which every structure of UDF says what it is and whether it is whole.

use crate::source::Error;
use crate::wire::{le16, le32};

/// Bytes of a tag.
pub(super) const LENGTH: usize = 16;

/// Tag identifiers (3/7.2.1, 4/7.2.1).
pub(super) const ANCHOR: u16 = 2;
pub(super) const SEQUENCE_POINTER: u16 = 3;
pub(super) const PARTITION: u16 = 5;
pub(super) const LOGICAL_VOLUME: u16 = 6;
pub(super) const TERMINATING: u16 = 8;
pub(super) const FILE_SET: u16 = 256;
pub(super) const FILE_IDENTIFIER: u16 = 257;
pub(super) const ALLOCATION_EXTENT: u16 = 258;
pub(super) const INDIRECT_ENTRY: u16 = 259;
pub(super) const FILE_ENTRY: u16 = 261;
pub(super) const EXTENDED_FILE_ENTRY: u16 = 266;

/// Checks the tag at the beginning of `bytes`, which stand at `offset` of the image, and gives its identifier.
///
/// `location` is the block in which the descriptor has to say that it stands, where that is checked.
pub(super) fn check(bytes: &[u8], offset: u64, location: Option<u32>) -> Result<u16, Error> {
    let damaged = |what| Err(Error::Damaged { offset, what });
    let Some(tag) = bytes.get(..LENGTH) else { return damaged("a descriptor is cut") };
    let sum = tag
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != 4)
        .fold(0_u8, |sum, (_, byte)| sum.wrapping_add(*byte));
    if sum != tag[4] || tag.iter().all(|byte| *byte == 0) {
        return damaged("the checksum of a descriptor tag is wrong");
    }
    let Some(body) = bytes[LENGTH..].get(..usize::from(le16(tag, 10))) else {
        return damaged("a descriptor is longer than the room that it has");
    };
    if crc(body) != le16(tag, 8) {
        return damaged("the CRC of a descriptor is wrong");
    }
    if location.is_some_and(|location| location != le32(tag, 12)) {
        return damaged("a descriptor belongs to another place");
    }
    Ok(le16(tag, 0))
}

/// Checks a tag, and that it is of the kind `expected`.
pub(super) fn expect(
    expected: u16,
    what: &'static str,
    bytes: &[u8],
    offset: u64,
    location: Option<u32>,
) -> Result<(), Error> {
    match check(bytes, offset, location)? {
        kind if kind == expected => Ok(()),
        _ => Err(Error::Damaged { offset, what }),
    }
}

/// The CRC of ITU-T V.41 as UDF has it (3/7.2.6): polynomial 0x1021, beginning with zero.
pub(super) fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| crc << 8 ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_comes_out() {
        // ECMA-167, part 3, section 7.2.6: the CRC of these three bytes.
        assert_eq!(crc(&[0x70, 0x6a, 0x77]), 0x3299);
        assert_eq!(crc(&[]), 0);
    }

    #[test]
    fn damage_of_a_descriptor_is_told() {
        let mut whole = vec![0; 64];
        whole[..4].copy_from_slice(&[1, 1, 3, 0]);
        whole[10] = 40;
        whole[12] = 7;
        whole[20] = 9;
        let seal = |bytes: &mut [u8]| {
            let crc = crc(&bytes[16..56]).to_le_bytes();
            bytes[8..10].copy_from_slice(&crc);
            bytes[4] = 0;
            bytes[4] = bytes[..16].iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        };
        seal(&mut whole);
        let check = |change: &dyn Fn(&mut Vec<u8>), expected: Result<u16, &'static str>| {
            let mut bytes = whole.clone();
            change(&mut bytes);
            let checked = check(&bytes, 5, Some(7));
            assert_eq!(checked, expected.map_err(|what| Error::Damaged { offset: 5, what }));
        };

        check(&|_| {}, Ok(257));
        check(&|bytes| bytes[60] = 1, Ok(257));
        check(&|bytes| bytes[20] = 8, Err("the CRC of a descriptor is wrong"));
        check(&|bytes| bytes[0] = 2, Err("the checksum of a descriptor tag is wrong"));
        check(&|bytes| bytes.fill(0), Err("the checksum of a descriptor tag is wrong"));
        check(&|bytes| bytes.truncate(50), Err("a descriptor is longer than the room that it has"));
        check(&|bytes| bytes.truncate(10), Err("a descriptor is cut"));
        check(
            &|bytes| {
                bytes[12] = 8;
                seal(bytes);
            },
            Err("a descriptor belongs to another place"),
        );
    }
}
