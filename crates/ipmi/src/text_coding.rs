//! The codings that a type/length byte names, in sensor data records (IPMI 2.0 section 43.15) and FRU inventories (FRU
//! chapter 13) alike.

/// Two bytes a character, the lower one first.
///
/// Much firmware says so and writes eight-bit text: an odd length, or nothing but printable ASCII, gives it away. A
/// name of nothing but such characters as 中 (4E2Dh), of which both bytes are ASCII, is misread for that: they are few.
pub(crate) fn unicode(data: &[u8]) -> String {
    let (pairs, odd) = data.as_chunks::<2>();
    if !odd.is_empty() || data.iter().all(|byte| matches!(byte, 0x20..=0x7E)) {
        return latin_1(data);
    }
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// One byte a character: the first 256 of Unicode.
pub(crate) fn latin_1(data: &[u8]) -> String {
    data.iter().copied().map(char::from).collect()
}

/// Two of `digits` a byte, the higher half first.
pub(crate) fn bcd_plus(data: &[u8], digits: &[char; 16]) -> String {
    data.iter().flat_map(|byte| [byte >> 4, byte & 0xF]).map(|digit| digits[usize::from(digit)]).collect()
}

/// Four characters in three bytes, the first one in the lowest bits; what is left of the last byte is no character.
pub(crate) fn six_bit(data: &[u8]) -> String {
    let characters = |chunk: &[u8]| {
        let bits = chunk.iter().rev().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let count = chunk.len() * 8 / 6;
        (0..count).map(move |index| char::from(0x20 + (bits >> (6 * index) & 0x3F) as u8))
    };
    data.chunks(3).flat_map(characters).collect()
}
