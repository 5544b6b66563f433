//! PC screen fonts, the files that the Linux console loads (`setfont`).

use std::borrow::Cow;

use super::{Font, FontError, Glyph, Glyphs, check_size};

const MAGIC_1: [u8; 2] = [0x36, 0x04];
const MAGIC_2: [u8; 4] = [0x72, 0xb5, 0x4a, 0x86];

/// PSF 1: 512 glyphs instead of 256.
const MODE_512: u8 = 1;
/// PSF 1: a table of characters follows, or one with sequences.
const MODE_TABLE: u8 = 2 | 4;
/// PSF 2: a table of characters follows.
const FLAG_TABLE: u32 = 1;

/// In the table of PSF 1: ends a glyph's entry, and begins a sequence of characters in it.
const SEPARATOR_1: u16 = 0xffff;
const SEQUENCE_1: u16 = 0xfffe;
/// The same in the table of PSF 2.
const SEPARATOR_2: u8 = 0xff;
const SEQUENCE_2: u8 = 0xfe;

/// The header of either version.
struct Header {
    glyphs: usize,
    /// Where the first glyph starts.
    start: usize,
    /// Bytes of a glyph.
    size: usize,
    width: u32,
    height: u32,
    table: Table,
}

enum Table {
    None,
    Utf16,
    Utf8,
}

pub(super) fn decode(name: String, bytes: &[u8]) -> Result<Font, FontError> {
    let header = header(bytes)?;
    check_size(header.width, header.height)?;
    let row_bytes = header.width.div_ceil(8) as usize;
    if header.size != row_bytes * header.height as usize {
        return Err(FontError::NotPsf);
    }
    let length = header.glyphs.checked_mul(header.size).ok_or(FontError::Truncated)?;
    let end = header.start.checked_add(length).ok_or(FontError::Truncated)?;
    let bitmaps = bytes.get(header.start..end).ok_or(FontError::Truncated)?;
    let rest = &bytes[end..];
    let mut glyphs = Glyphs::new();
    let mut add = |index: usize, character: char| {
        let Some(bitmap) = bitmaps.chunks_exact(header.size).nth(index) else { return };
        // A replacement character or one for private use says nothing of what the drawing means.
        if character.is_control() || matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{fffd}') {
            return;
        }
        let drawings = glyphs.entry(character).or_default();
        let glyph = glyph(bitmap, row_bytes, header.width);
        if !drawings.contains(&glyph) {
            drawings.push(glyph);
        }
    };
    match header.table {
        Table::None => {
            CODE_PAGE_437.chars().enumerate().for_each(|(index, character)| add(index, character));
        }
        Table::Utf16 => characters_1(rest, &mut add),
        Table::Utf8 => characters_2(rest, &mut add),
    }
    if glyphs.is_empty() {
        return Err(FontError::Empty);
    }
    Ok(Font { name: Cow::Owned(name), width: header.width, height: header.height, glyphs })
}

fn header(bytes: &[u8]) -> Result<Header, FontError> {
    if bytes.starts_with(&MAGIC_1) {
        let [_, _, mode, height, ..] = *bytes else { return Err(FontError::Truncated) };
        let table = if mode & MODE_TABLE == 0 { Table::None } else { Table::Utf16 };
        let glyphs = if mode & MODE_512 == 0 { 256 } else { 512 };
        return Ok(Header {
            glyphs,
            start: 4,
            size: usize::from(height),
            width: 8,
            height: height.into(),
            table,
        });
    }
    if !bytes.starts_with(&MAGIC_2) {
        return Err(FontError::NotPsf);
    }
    let field = |index: usize| {
        let field = bytes.get(index * 4..index * 4 + 4).and_then(|field| field.try_into().ok());
        field.map(u32::from_le_bytes).ok_or(FontError::Truncated)
    };
    // magic, version, header size, flags, glyphs, bytes of a glyph, height, width
    let flags = field(3)?;
    Ok(Header {
        glyphs: field(4)? as usize,
        start: field(2)? as usize,
        size: field(5)? as usize,
        width: field(7)?,
        height: field(6)?,
        table: if flags & FLAG_TABLE == 0 { Table::None } else { Table::Utf8 },
    })
}

fn glyph(bitmap: &[u8], row_bytes: usize, width: u32) -> Glyph {
    let padding = row_bytes * 8 - width as usize;
    let row = |bytes: &[u8]| bytes.iter().fold(0, |row, byte| row << 8 | u64::from(*byte)) >> padding;
    bitmap.chunks_exact(row_bytes).map(|bytes| u32::try_from(row(bytes)).unwrap_or_default()).collect()
}

fn characters_1(table: &[u8], add: &mut impl FnMut(usize, char)) {
    let (mut index, mut in_sequence) = (0, false);
    for unit in table.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])) {
        match unit {
            SEPARATOR_1 => (index, in_sequence) = (index + 1, false),
            SEQUENCE_1 => in_sequence = true,
            _ if in_sequence => {}
            unit => char::from_u32(unit.into()).into_iter().for_each(|character| add(index, character)),
        }
    }
}

fn characters_2(table: &[u8], add: &mut impl FnMut(usize, char)) {
    for (index, entry) in table.split(|byte| *byte == SEPARATOR_2).enumerate() {
        let single = entry.split(|byte| *byte == SEQUENCE_2).next().unwrap_or_default();
        String::from_utf8_lossy(single).chars().for_each(|character| add(index, character));
    }
}

/// The characters of IBM's code page 437, those of the graphics cards, by their numbers; control characters as drawn.
const CODE_PAGE_437: &str = concat!(
    "\0☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼",
    " !\"#$%&'()*+,-./0123456789:;<=>?",
    "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_",
    "`abcdefghijklmnopqrstuvwxyz{|}~⌂",
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ",
    "áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐",
    "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
    "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::font::fonts;

    /// A font as PSF 2 with the characters of its glyphs, each with a sequence behind.
    fn psf_2(font: &Font) -> Vec<u8> {
        let row_bytes = font.width.div_ceil(8) as usize;
        let count = u32::try_from(font.len()).unwrap();
        let size = u32::try_from(row_bytes).unwrap() * font.height;
        let mut bytes = MAGIC_2.to_vec();
        for field in [0, 32, FLAG_TABLE, count, size, font.height, font.width] {
            bytes.extend(field.to_le_bytes());
        }
        let mut table = Vec::new();
        for (character, glyph) in font.drawings() {
            for row in glyph {
                let row = u64::from(*row) << (row_bytes * 8 - font.width as usize);
                bytes.extend(&row.to_be_bytes()[8 - row_bytes..]);
            }
            table.extend(character.to_string().into_bytes());
            table.push(SEQUENCE_2);
            table.extend("e\u{301}".as_bytes());
            table.push(SEPARATOR_2);
        }
        bytes.extend(table);
        bytes
    }

    /// A font of 256 glyphs as PSF 1, by code page 437.
    fn psf_1(font: &Font, table: bool) -> Vec<u8> {
        let mut bytes = MAGIC_1.to_vec();
        bytes.extend([if table { MODE_TABLE } else { 0 }, u8::try_from(font.height).unwrap()]);
        let blank = vec![0; font.height as usize];
        for character in CODE_PAGE_437.chars() {
            let glyph = font.glyph(character).unwrap_or(&blank);
            bytes.extend(glyph.iter().map(|row| u8::try_from(*row).unwrap()));
        }
        for character in CODE_PAGE_437.chars().filter(|_| table) {
            for unit in [u16::try_from(u32::from(character)).unwrap(), SEQUENCE_1, 0x65, 0x301, SEPARATOR_1] {
                bytes.extend(unit.to_le_bytes());
            }
        }
        bytes
    }

    #[test]
    fn fonts_of_every_size_come_back() {
        for font in fonts() {
            let back = Font::from_psf(font.name(), &psf_2(font)).unwrap();
            assert_eq!((back.width, back.height), (font.width, font.height));
            for (character, glyph) in font.drawings().filter(|(character, _)| *character != '\u{fffd}') {
                assert!(back.glyphs[&character].contains(glyph), "{} {character:?}", font.name());
            }
            assert_eq!(back.glyph('\u{fffd}'), None);
        }
    }

    #[test]
    fn old_fonts_come_back_with_a_table_and_without() {
        let font = Font::named("linux-8x16").unwrap();
        for table in [false, true] {
            let back = Font::from_psf("old", &psf_1(font, table)).unwrap();
            assert_eq!((back.width(), back.height()), (8, 16));
            for character in CODE_PAGE_437.chars().skip(1).filter(|c| font.glyph(*c).is_some()) {
                assert_eq!(back.glyph(character), font.glyph(character), "{character:?} {table}");
            }
        }
    }

    #[test]
    fn code_page_437_has_256_characters() {
        assert_eq!(CODE_PAGE_437.chars().count(), 256);
        assert_eq!(CODE_PAGE_437.chars().nth(0x41), Some('A'));
        assert_eq!(CODE_PAGE_437.chars().nth(0xdb), Some('█'));
    }

    #[test]
    fn what_is_no_font_is_refused() {
        let check = |bytes: &[u8], error| assert_eq!(Font::from_psf("x", bytes), Err(error), "{bytes:?}");
        check(b"", FontError::NotPsf);
        check(&[0x1f, 0x8b, 8, 0], FontError::NotPsf);
        check(&MAGIC_1, FontError::Truncated);
        check(&MAGIC_2, FontError::Truncated);
        check(&[0x36, 4, 0, 16, 0, 0], FontError::Truncated);
        check(&[0x36, 4, 0, 33], FontError::CellSize { width: 8, height: 33 });
        let whole = psf_2(Font::named("edk2").unwrap());
        check(&whole[..2000], FontError::Truncated);
        let mut huge = whole.clone();
        huge[16..20].fill(0xff);
        check(&huge, FontError::Truncated);
        let mut wide = whole.clone();
        wide[28] = 200;
        check(&wide, FontError::CellSize { width: 200, height: 19 });
        // No bytes stand for a glyph.
        let mut empty = whole[..32].to_vec();
        empty[16] = 0;
        empty[17] = 0;
        check(&empty, FontError::Empty);
    }
}
