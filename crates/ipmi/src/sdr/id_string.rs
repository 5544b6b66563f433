//! Names in records: a type/length byte and what follows (IPMI 2.0 section 43.15).

use crate::fault::Fault;
use crate::text_coding;

/// Longest name in bytes: what five bits of length can say, 31 being reserved.
const LENGTH_LIMIT: usize = 30;

/// The digits of BCD plus; the last three are reserved.
const BCD_PLUS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ' ', '-', '.', '\u{FFFD}', '\u{FFFD}', '\u{FFFD}'];

/// Reads a type/length byte and the name behind it.
///
/// A name that is cut short is read as far as it goes, as records are that end early. Blanks and NULs at its end are
/// dropped; control characters, which could steer a terminal, become U+FFFD.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, Fault> {
    let (&type_length, text) = bytes.split_first().ok_or(Fault::Truncated("id string"))?;
    let text = &text[..text.len().min(usize::from(type_length & 0x1F))];
    let decoded: String = match type_length >> 6 {
        0 => text_coding::unicode(text),
        1 => text_coding::bcd_plus(text, &BCD_PLUS),
        2 => text_coding::six_bit(text),
        _ => text_coding::latin_1(text),
    };
    let trimmed = decoded.trim_end_matches(['\0', ' ']);
    Ok(trimmed.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect())
}

/// Appends a name in eight-bit Latin-1, cut off after 30 characters; those beyond Latin-1 become `?`.
pub(crate) fn encode(name: &str, record: &mut Vec<u8>) {
    let text: String = name.chars().take(LENGTH_LIMIT).collect();
    // A blank at which it is cut off would not be read back.
    let text: Vec<u8> =
        text.trim_end_matches(' ').chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    record.push(0xC0 | text.len() as u8);
    record.extend(text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_in_every_coding() {
        let check = |bytes: &[u8], expected: Result<&str, Fault>| {
            assert_eq!(decode(bytes), expected.map(str::to_owned), "{bytes:02x?}");
        };
        check(b"\xC5Fan 1", Ok("Fan 1"));
        check(b"\xC7Fan 1  ", Ok("Fan 1"));
        check(b"\xC6Fan 1\0", Ok("Fan 1"));
        check(b"\xC3\xB0C\xE9", Ok("°Cé"));
        check(b"\xC4A\x1B[m", Ok("A\u{FFFD}[m"));
        check(b"\xC9Fan", Ok("Fan"));
        check(b"\xC2Fan", Ok("Fa"));
        check(b"\xC0", Ok(""));
        check(b"", Err(Fault::Truncated("id string")));
        // BCD plus: digits, blank, dash, point.
        check(&[0x43, 0x12, 0xA3, 0xBC], Ok("12 3-."));
        // Six bits: section 43.15's own example is "IPMI".
        check(&[0x83, 0x29, 0xDC, 0xA6], Ok("IPMI"));
        check(&[0x84, 0x29, 0xDC, 0xA6, 0x11], Ok("IPMI1"));
        check(&[0x06, 0x46, 0x00, 0x61, 0x00, 0x6E, 0x00], Ok("Fan"));
        check(b"\x04FAN1", Ok("FAN1"));
        check(b"\x06PS1 AC", Ok("PS1 AC"));
    }

    proptest! {
        #[test]
        fn names_never_hold_control_characters(bytes: Vec<u8>) {
            if let Ok(name) = decode(&bytes) {
                prop_assert!(!name.chars().any(char::is_control));
            }
        }

        #[test]
        fn names_come_back(name in "[ -~]{0,29}[!-~]") {
            let mut bytes = Vec::new();
            encode(&name, &mut bytes);
            prop_assert_eq!(decode(&bytes), Ok(name));
        }
    }
}
