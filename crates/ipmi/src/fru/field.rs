//! Fields with a type/length byte (FRU chapter 13).

use crate::fru::{END_OF_FIELDS, EncodeError};
use crate::text_coding;

/// Language code of English; 0 means the same (FRU chapter 15).
pub const LANGUAGE_ENGLISH: u8 = 25;

/// Longest field in bytes: the length has six bits.
const LENGTH_LIMIT: u8 = 0x3F;

/// The digits of BCD plus, by their value.
const BCD_PLUS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ' ', '-', '.', ':', ',', '_'];

/// A field of an area, in the coding in which it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// Bytes whose meaning is not said (type 0).
    Binary(Vec<u8>),
    /// Digits and ` -.:,_`, two to a byte (type 1).
    BcdPlus(String),
    /// Upper case ASCII without control characters, four characters to three bytes (type 2).
    SixBit(String),
    /// Latin-1 where the language is English, else UTF-16 (type 3).
    Text(String),
}

impl Default for Field {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Field {
    /// What it says: without the blanks and NULs that firmware fills fields up with, control characters, which could
    /// steer a terminal, as U+FFFD, and binary fields in hexadecimal.
    pub fn text(&self) -> String {
        match self {
            Self::Binary(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            Self::BcdPlus(text) | Self::SixBit(text) | Self::Text(text) => printable(text),
        }
    }

    /// Whether it says nothing.
    pub fn is_blank(&self) -> bool {
        self.text().is_empty()
    }

    /// Splits the first field off `bytes`: `None` at the end mark, an error where `bytes` end before the field does.
    pub(super) fn split(bytes: &[u8], language: u8) -> Result<Option<(Self, &[u8])>, CutOff> {
        let (&head, rest) = bytes.split_first().ok_or(CutOff)?;
        if head == END_OF_FIELDS {
            return Ok(None);
        }
        let (data, rest) = rest.split_at_checked(usize::from(head & LENGTH_LIMIT)).ok_or(CutOff)?;
        let field = match head >> 6 {
            0 => Self::Binary(data.to_vec()),
            1 => Self::BcdPlus(text_coding::bcd_plus(data, &BCD_PLUS)),
            2 => Self::SixBit(text_coding::six_bit(data)),
            _ => Self::Text(decode_text(data, language)),
        };
        Ok(Some((field, rest)))
    }

    /// Appends the field with its type/length byte.
    pub(super) fn encode(&self, language: u8, into: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (number, data) = match self {
            Self::Binary(bytes) => (0, bytes.clone()),
            Self::BcdPlus(text) => (1, encode_bcd_plus(text)?),
            Self::SixBit(text) => (2, encode_six_bit(text)?),
            Self::Text(text) => (3, encode_text(text, language)?),
        };
        if data.len() > usize::from(LENGTH_LIMIT) {
            return Err(EncodeError::TooLong { length: data.len(), limit: LENGTH_LIMIT.into() });
        }
        into.push(number << 6 | data.len() as u8);
        into.extend(data);
        Ok(())
    }
}

/// The bytes end within a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CutOff;

/// Text from a device as it may be shown.
pub(super) fn printable(text: &str) -> String {
    let trimmed = text.trim_end_matches(|c: char| c == '\0' || c.is_whitespace());
    trimmed.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn is_english(language: u8) -> bool {
    matches!(language, 0 | LANGUAGE_ENGLISH)
}

fn decode_text(data: &[u8], language: u8) -> String {
    if is_english(language) { text_coding::latin_1(data) } else { text_coding::unicode(data) }
}

fn encode_bcd_plus(text: &str) -> Result<Vec<u8>, EncodeError> {
    let digit = |character: char| {
        BCD_PLUS.iter().position(|known| *known == character).ok_or(EncodeError::Character { character })
    };
    let mut digits = text.chars().map(digit).collect::<Result<Vec<_>, _>>()?;
    if digits.len() % 2 == 1 {
        digits.push(digit(' ')?);
    }
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect())
}

fn encode_six_bit(text: &str) -> Result<Vec<u8>, EncodeError> {
    let mut bits = 0u32;
    let mut held = 0;
    let mut data = Vec::new();
    for character in text.chars() {
        let code = u32::from(character).checked_sub(0x20).filter(|code| *code < 0x40);
        bits |= code.ok_or(EncodeError::Character { character })? << held;
        held += 6;
        while held >= 8 {
            data.push(bits as u8);
            bits >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        data.push(bits as u8);
    }
    Ok(data)
}

fn encode_text(text: &str, language: u8) -> Result<Vec<u8>, EncodeError> {
    if !is_english(language) {
        return Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    }
    let byte = |character: char| u8::try_from(character).map_err(|_| EncodeError::Character { character });
    let mut data = text.chars().map(byte).collect::<Result<Vec<_>, _>>()?;
    // One character would look like the end of the fields.
    if data.len() == 1 {
        data.push(b' ');
    }
    Ok(data)
}
