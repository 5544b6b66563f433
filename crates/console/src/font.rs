//! Console fonts: the bitmaps of characters, as data files with their origin stated in `fonts/ORIGIN.md`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A console font: one face in one cell size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Font {
    name: &'static str,
    width: u32,
    height: u32,
    /// The drawings of each character; never empty.
    glyphs: BTreeMap<char, Vec<Glyph>>,
}

/// A bitmap: its rows from top to bottom, the leftmost of `width` pixels in bit `width - 1`.
pub(crate) type Glyph = Box<[u32]>;

/// Name, cell width, cell height and drawings of the built-in fonts.
const SOURCES: &[(&str, u32, u32, &str)] = &[
    ("qemu-vga16", 8, 16, include_str!("../fonts/qemu-vga16.hex")),
    ("linux-8x16", 8, 16, include_str!("../fonts/linux-8x16.hex")),
    ("console-setup-fixed16", 8, 16, include_str!("../fonts/console-setup-fixed16.hex")),
    ("console-setup-vga16", 8, 16, include_str!("../fonts/console-setup-vga16.hex")),
    ("console-setup-terminus16", 8, 16, include_str!("../fonts/console-setup-terminus16.hex")),
    ("console-setup-terminusbold16", 8, 16, include_str!("../fonts/console-setup-terminusbold16.hex")),
    ("console-setup-terminusboldvga16", 8, 16, include_str!("../fonts/console-setup-terminusboldvga16.hex")),
    ("unifont", 8, 16, include_str!("../fonts/unifont.hex")),
    ("edk2", 8, 19, include_str!("../fonts/edk2.hex")),
    ("linux-ter16x32", 16, 32, include_str!("../fonts/linux-ter16x32.hex")),
    ("console-setup-terminus32x16", 16, 32, include_str!("../fonts/console-setup-terminus32x16.hex")),
    ("console-setup-terminusbold32x16", 16, 32, include_str!("../fonts/console-setup-terminusbold32x16.hex")),
    ("qemu-vga14", 8, 14, include_str!("../fonts/qemu-vga14.hex")),
    ("console-setup-vga14", 8, 14, include_str!("../fonts/console-setup-vga14.hex")),
    ("console-setup-fixed14", 8, 14, include_str!("../fonts/console-setup-fixed14.hex")),
    ("console-setup-terminus14", 8, 14, include_str!("../fonts/console-setup-terminus14.hex")),
    ("console-setup-terminusbold14", 8, 14, include_str!("../fonts/console-setup-terminusbold14.hex")),
    ("console-setup-terminusboldvga14", 8, 14, include_str!("../fonts/console-setup-terminusboldvga14.hex")),
    ("qemu-vga8", 8, 8, include_str!("../fonts/qemu-vga8.hex")),
    ("linux-8x8", 8, 8, include_str!("../fonts/linux-8x8.hex")),
    ("console-setup-vga8", 8, 8, include_str!("../fonts/console-setup-vga8.hex")),
    ("console-setup-fixed13", 8, 13, include_str!("../fonts/console-setup-fixed13.hex")),
    ("console-setup-fixed15", 8, 15, include_str!("../fonts/console-setup-fixed15.hex")),
    ("console-setup-fixed18", 8, 18, include_str!("../fonts/console-setup-fixed18.hex")),
    ("console-setup-terminus12x6", 6, 12, include_str!("../fonts/console-setup-terminus12x6.hex")),
    ("console-setup-terminus18x10", 10, 18, include_str!("../fonts/console-setup-terminus18x10.hex")),
    ("console-setup-terminus20x10", 10, 20, include_str!("../fonts/console-setup-terminus20x10.hex")),
    ("console-setup-terminus22x11", 11, 22, include_str!("../fonts/console-setup-terminus22x11.hex")),
    ("console-setup-terminus24x12", 12, 24, include_str!("../fonts/console-setup-terminus24x12.hex")),
    ("console-setup-terminus28x14", 14, 28, include_str!("../fonts/console-setup-terminus28x14.hex")),
    ("console-setup-terminusbold18x10", 10, 18, include_str!("../fonts/console-setup-terminusbold18x10.hex")),
    ("console-setup-terminusbold20x10", 10, 20, include_str!("../fonts/console-setup-terminusbold20x10.hex")),
    ("console-setup-terminusbold22x11", 11, 22, include_str!("../fonts/console-setup-terminusbold22x11.hex")),
    ("console-setup-terminusbold24x12", 12, 24, include_str!("../fonts/console-setup-terminusbold24x12.hex")),
    ("console-setup-terminusbold28x14", 14, 28, include_str!("../fonts/console-setup-terminusbold28x14.hex")),
];

/// The built-in fonts, the commonest first. Decoded at the first call.
pub fn fonts() -> &'static [Font] {
    static FONTS: OnceLock<Vec<Font>> = OnceLock::new();
    FONTS.get_or_init(|| {
        SOURCES
            .iter()
            .map(|(name, width, height, source)| Font::decode(name, *width, *height, source))
            .collect()
    })
}

impl Font {
    /// Reads the form of the data files: `0041:0018243C...`, comments begin with `#`. Lines that do not fit are left out.
    fn decode(name: &'static str, width: u32, height: u32, source: &str) -> Self {
        let digits = width.div_ceil(4) as usize;
        let mut glyphs: BTreeMap<char, Vec<Glyph>> = BTreeMap::new();
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            let Some((code, rows)) = line.split_once(':') else { continue };
            let Some(character) = u32::from_str_radix(code, 16).ok().and_then(char::from_u32) else {
                continue;
            };
            let rows: Option<Vec<u32>> = rows
                .as_bytes()
                .chunks(digits)
                .map(|row| std::str::from_utf8(row).ok().and_then(|row| u32::from_str_radix(row, 16).ok()))
                .collect();
            if let Some(rows) = rows.filter(|rows| rows.len() == height as usize) {
                glyphs.entry(character).or_default().push(rows.into());
            }
        }
        Self { name, width, height, glyphs }
    }

    /// The built-in font of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        fonts().iter().find(|font| font.name == name)
    }

    /// The name, as in `fonts/ORIGIN.md`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Width of a cell in pixels; VGA text modes of 720 pixels add a ninth column to a width of 8.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height of a cell in pixels.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The bitmap of a character: its rows from top to bottom, the leftmost pixel in bit `width - 1`.
    pub fn glyph(&self, character: char) -> Option<&[u32]> {
        self.glyphs.get(&character).and_then(|drawings| drawings.first()).map(AsRef::as_ref)
    }

    /// Every drawing with its character.
    pub(crate) fn drawings(&self) -> impl Iterator<Item = (char, &Glyph)> {
        self.glyphs.iter().flat_map(|(character, drawings)| drawings.iter().map(|glyph| (*character, glyph)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_line_of_the_data_files_is_a_glyph() {
        for ((name, _, _, source), font) in SOURCES.iter().zip(fonts()) {
            let lines = source.lines().filter(|line| !line.starts_with('#')).count();
            assert_eq!(font.drawings().count(), lines, "{name}");
        }
    }

    #[test]
    fn every_font_draws_ascii_and_tells_its_characters_apart() {
        for font in fonts() {
            let mut seen: HashMap<&[u32], char> = HashMap::new();
            for character in '!'..='~' {
                let glyph =
                    font.glyph(character).unwrap_or_else(|| panic!("{} lacks {character:?}", font.name));
                if let Some(other) = seen.insert(glyph, character) {
                    panic!("{}: {character:?} and {other:?} look the same", font.name);
                }
            }
        }
    }

    #[test]
    fn no_bitmap_of_any_font_stands_for_two_ascii_characters() {
        let mut seen: HashMap<(u32, &[u32]), char> = HashMap::new();
        for font in fonts() {
            for (character, glyph) in font.drawings().filter(|(character, _)| character.is_ascii_graphic()) {
                let other = *seen.entry((font.width, glyph)).or_insert(character);
                assert_eq!(other, character, "{}", font.name);
            }
        }
    }
}
