//! Options of a message, in the order in which they were put there.

use std::fmt;
use std::net::Ipv4Addr;

use crate::code;

/// The longest value that one option field holds; longer ones take several (RFC 3396).
const LONGEST_FIELD: usize = 255;

/// The options of a message: each code once, with its value.
///
/// Values of any length are kept whole: what came in several fields was joined, and what is longer than 255 bytes leaves in
/// several (RFC 3396). Nothing is kept apart on the heap for each option, and [`Options::clear`] keeps the room, so that one
/// value serves for message after message.
#[derive(Clone, Default)]
pub struct Options {
    fields: Vec<Field>,
    data: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Field {
    code: u8,
    start: u32,
    length: u32,
}

impl Field {
    fn of(self, data: &[u8]) -> &[u8] {
        &data[self.start as usize..(self.start + self.length) as usize]
    }
}

impl Options {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Takes all out and keeps the room.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.data.clear();
    }

    /// The codes and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.fields.iter().map(|field| (field.code, field.of(&self.data)))
    }

    /// The value of `code`.
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        self.fields.iter().find(|field| field.code == code).map(|field| field.of(&self.data))
    }

    /// The first byte of the value of `code`.
    pub fn byte(&self, code: u8) -> Option<u8> {
        self.get(code)?.first().copied()
    }

    /// The first two bytes of the value of `code` as a number.
    pub fn u16(&self, code: u8) -> Option<u16> {
        self.get(code)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// The first four bytes of the value of `code` as a number.
    pub fn u32(&self, code: u8) -> Option<u32> {
        self.get(code)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// The first address in the value of `code`.
    pub fn address(&self, code: u8) -> Option<Ipv4Addr> {
        self.u32(code).map(Ipv4Addr::from_bits)
    }

    /// The value of `code` without the NULs that some clients and servers end texts with.
    pub fn text(&self, code: u8) -> Option<&[u8]> {
        let value = self.get(code)?;
        let end = value.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        Some(&value[..end])
    }

    /// Sets the value of `code`, in its old place where there was one. [`code::PAD`] and [`code::END`] are no options and
    /// are left out.
    pub fn set(&mut self, code: u8, value: &[u8]) -> &mut Self {
        if matches!(code, code::PAD | code::END) {
            return self;
        }
        let start = self.data.len() as u32;
        self.data.extend_from_slice(value);
        let field = Field { code, start, length: value.len() as u32 };
        match self.fields.iter_mut().find(|field| field.code == code) {
            Some(old) => *old = field,
            None => self.fields.push(field),
        }
        self
    }

    /// Sets a number of four bytes.
    pub fn set_u32(&mut self, code: u8, value: u32) -> &mut Self {
        self.set(code, &value.to_be_bytes())
    }

    /// Sets a number of two bytes.
    pub fn set_u16(&mut self, code: u8, value: u16) -> &mut Self {
        self.set(code, &value.to_be_bytes())
    }

    /// Sets a text, without a NUL at its end.
    pub fn set_text(&mut self, code: u8, value: &str) -> &mut Self {
        self.set(code, value.as_bytes())
    }

    /// Sets a list of addresses.
    pub fn set_addresses(&mut self, code: u8, addresses: &[Ipv4Addr]) -> &mut Self {
        let value: Vec<u8> = addresses.iter().flat_map(Ipv4Addr::octets).collect();
        self.set(code, &value)
    }

    /// Takes `code` out.
    pub fn remove(&mut self, code: u8) {
        self.fields.retain(|field| field.code != code);
    }

    /// Reads the fields in `area`, up to its end or to [`code::END`], as further pieces of what is there already. Returns
    /// `false` where a field claims more bytes than there are, which is then left out.
    pub(crate) fn read(&mut self, area: &[u8]) -> bool {
        let mut rest = area;
        while let [code, after @ ..] = rest {
            match (*code, after) {
                (code::PAD, _) => rest = after,
                (code::END, _) => return true,
                (_, []) => return false,
                (code, [length, after @ ..]) => {
                    let Some((value, after)) = after.split_at_checked(usize::from(*length)) else {
                        return false;
                    };
                    let start = self.data.len() as u32;
                    self.data.extend_from_slice(value);
                    self.fields.push(Field { code, start, length: value.len() as u32 });
                    rest = after;
                }
            }
        }
        true
    }

    /// Joins pieces of one code (RFC 3396, section 7).
    pub(crate) fn join(&mut self) {
        let mut seen = OptionSet::default();
        if self.fields.iter().all(|field| seen.insert(field.code)) {
            return;
        }
        // How long each value is, then where it begins: each byte is copied once whatever the number of pieces.
        let mut lengths = [0_u32; 256];
        for field in &self.fields {
            lengths[usize::from(field.code)] += field.length;
        }
        let mut fields: Vec<Field> = Vec::new();
        let mut ends = [0_u32; 256];
        let (mut start, mut placed) = (0, OptionSet::default());
        for &Field { code, .. } in &self.fields {
            if placed.insert(code) {
                let length = lengths[usize::from(code)];
                fields.push(Field { code, start, length });
                ends[usize::from(code)] = start;
                start += length;
            }
        }
        let mut data = vec![0; start as usize];
        for field in &self.fields {
            let end = &mut ends[usize::from(field.code)];
            data[*end as usize..(*end + field.length) as usize].copy_from_slice(field.of(&self.data));
            *end += field.length;
        }
        (self.fields, self.data) = (fields, data);
    }

    /// Writes all fields, option 82 behind the others (RFC 3046, section 2.1), without [`code::END`].
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for (code, value) in self.iter().filter(|(code, _)| *code != code::RELAY_AGENT_INFORMATION) {
            write_field(code, value, out);
        }
        if let Some(value) = self.get(code::RELAY_AGENT_INFORMATION) {
            write_field(code::RELAY_AGENT_INFORMATION, value, out);
        }
    }
}

/// How many bytes `value` takes as an option.
pub(crate) fn field_length(value: &[u8]) -> usize {
    value.len() + 2 * value.len().div_ceil(LONGEST_FIELD).max(1)
}

/// Writes one option, in several fields where it is long (RFC 3396, section 5).
pub(crate) fn write_field(code: u8, value: &[u8], out: &mut Vec<u8>) {
    if value.is_empty() {
        out.extend_from_slice(&[code, 0]);
    }
    for piece in value.chunks(LONGEST_FIELD) {
        out.extend_from_slice(&[code, piece.len() as u8]);
        out.extend_from_slice(piece);
    }
}

impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Options {}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<(u8, &'a [u8])> for Options {
    fn from_iter<I: IntoIterator<Item = (u8, &'a [u8])>>(values: I) -> Self {
        let mut options = Self::new();
        for (code, value) in values {
            options.set(code, value);
        }
        options
    }
}

/// A set of codes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct OptionSet([u64; 4]);

impl OptionSet {
    /// Puts `code` in, and tells whether it was not there before.
    pub fn insert(&mut self, code: u8) -> bool {
        let (word, bit) = (&mut self.0[usize::from(code >> 6)], 1 << (code & 63));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Whether `code` is in it.
    pub fn contains(&self, code: u8) -> bool {
        self.0[usize::from(code >> 6)] & 1 << (code & 63) != 0
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }
}

impl FromIterator<u8> for OptionSet {
    fn from_iter<I: IntoIterator<Item = u8>>(codes: I) -> Self {
        let mut set = Self::default();
        for code in codes {
            set.insert(code);
        }
        set
    }
}

impl fmt::Debug for OptionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries((0..=u8::MAX).filter(|code| self.contains(*code))).finish()
    }
}
