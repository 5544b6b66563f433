//! Bytes of a serial line to characters, whichever of two codes the machine writes.
//!
//! Linux, GRUB and UEFI firmware write UTF-8; older firmware writes code page 437 as it would to its screen. Nothing says
//! which, and a machine changes from one to the other while it starts, so each byte is judged by what came before it.

/// What the upper half of code page 437 means, from 0x80.
const CP437: [char; 128] = [
    'Ç', 'ü', 'é', 'â', 'ä', 'à', 'å', 'ç', 'ê', 'ë', 'è', 'ï', 'î', 'ì', 'Ä', 'Å', //
    'É', 'æ', 'Æ', 'ô', 'ö', 'ò', 'û', 'ù', 'ÿ', 'Ö', 'Ü', '¢', '£', '¥', '₧', 'ƒ', //
    'á', 'í', 'ó', 'ú', 'ñ', 'Ñ', 'ª', 'º', '¿', '⌐', '¬', '½', '¼', '¡', '«', '»', //
    '░', '▒', '▓', '│', '┤', '╡', '╢', '╖', '╕', '╣', '║', '╗', '╝', '╜', '╛', '┐', //
    '└', '┴', '┬', '├', '─', '┼', '╞', '╟', '╚', '╔', '╩', '╦', '╠', '═', '╬', '╧', //
    '╨', '╤', '╥', '╙', '╘', '╒', '╓', '╫', '╪', '┘', '┌', '█', '▄', '▌', '▐', '▀', //
    'α', 'ß', 'Γ', 'π', 'Σ', 'σ', 'µ', 'τ', 'Φ', 'Θ', 'Ω', 'δ', '∞', 'φ', 'ε', '∩', //
    '≡', '±', '≥', '≤', '⌠', '⌡', '÷', '≈', '°', '∙', '·', '√', 'ⁿ', '²', '■', '\u{a0}',
];

/// What the machine writes at present, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Code {
    /// UTF-8, or nothing beyond ASCII yet.
    #[default]
    Utf8,
    /// Code page 437.
    Cp437,
}

/// Turns what a machine writes on a serial line into characters, however the bytes are cut into pieces: UTF-8, and code
/// page 437 where they cannot be that.
#[derive(Clone, Debug, Default)]
pub struct SerialDecoder {
    code: Code,
    /// The beginning of a character of UTF-8.
    pending: [u8; 4],
    length: usize,
}

impl SerialDecoder {
    /// Hands on each character that is complete.
    pub fn feed(&mut self, bytes: &[u8], mut character: impl FnMut(char)) {
        for &byte in bytes {
            self.take(byte, &mut character);
        }
    }

    fn take(&mut self, byte: u8, character: &mut impl FnMut(char)) {
        if byte.is_ascii() {
            self.not_utf8(character);
            character(char::from(byte));
            return;
        }
        let continues = (0x80..0xc0).contains(&byte);
        if continues != (self.length > 0) {
            self.not_utf8(character);
        }
        if continues && self.length == 0 {
            self.code = Code::Cp437;
            character(of_cp437(byte));
            return;
        }
        self.pending[self.length] = byte;
        self.length += 1;
        match (std::str::from_utf8(&self.pending[..self.length]), self.length) {
            (Ok(text), length) => {
                // Two bytes may as well be two characters of the code page, as `─┐` is: what came before decides. Three
                // that are UTF-8 by chance are no words and no frame in it.
                if length > 2 {
                    self.code = Code::Utf8;
                }
                if self.code == Code::Cp437 {
                    self.not_utf8(character);
                } else {
                    text.chars().for_each(character);
                    self.length = 0;
                }
            }
            (Err(error), _) if error.error_len().is_some() => self.not_utf8(character),
            (Err(_), _) => {}
        }
    }

    /// What is pending is no character of UTF-8.
    fn not_utf8(&mut self, character: &mut impl FnMut(char)) {
        if self.length == 0 {
            return;
        }
        self.code = Code::Cp437;
        self.pending[..self.length].iter().copied().map(of_cp437).for_each(character);
        self.length = 0;
    }
}

fn of_cp437(byte: u8) -> char {
    CP437.get(usize::from(byte & 0x7f)).copied().unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> String {
        let (mut decoder, mut text) = (SerialDecoder::default(), String::new());
        for piece in pieces {
            decoder.feed(piece, |character| text.push(character));
        }
        text
    }

    #[test]
    fn both_codes_are_told_apart() {
        let check = |bytes: &[u8], wanted: &str| assert_eq!(decoded([bytes]), wanted, "{bytes:02x?}");
        check(b"plain\r\n", "plain\r\n");
        check("größer └─┘ 日本 🖥".as_bytes(), "größer └─┘ 日本 🖥");
        // The frame of a setup screen: c4 bf by itself would be a letter of UTF-8.
        check(b"\xda\xc4\xc4\xbf\r\n\xb3 \xb3\r\n", "┌──┐\r\n│ │\r\n");
        check(b"\xc9\xcd\xcd\xbb\xba", "╔══╗║");
        // Firmware, then GRUB.
        check(b"\xcd\xcd\xbb \xe2\x94\x8c \xc3\xa9", "══╗ ┌ é");
        check(b"\xe2\x94", "");
        check(b"\xe2\x94 ", "Γö ");
        check(b"\xff\x80", "\u{a0}Ç");
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in "\\PC*", cut in any::<prop::sample::Index>()) {
            let bytes = text.as_bytes();
            let (left, right) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(decoded([left, right]), text.as_str());
        }

        #[test]
        fn no_byte_is_lost_for_long(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let text = decoded([&bytes[..], b"."]);
            prop_assert!(text.ends_with('.'));
            prop_assert!(text.chars().count() * 4 >= bytes.len());
        }
    }
}
