//! The fonts that come with the program.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::{Font, hex};

/// Name, cell width, cell height and drawings of the built-in fonts.
const SOURCES: &[(&str, u32, u32, &str)] = &[
    ("qemu-vga16", 8, 16, include_str!("../../fonts/qemu-vga16.hex")),
    ("linux-8x16", 8, 16, include_str!("../../fonts/linux-8x16.hex")),
    ("console-setup-fixed16", 8, 16, include_str!("../../fonts/console-setup-fixed16.hex")),
    ("console-setup-vga16", 8, 16, include_str!("../../fonts/console-setup-vga16.hex")),
    ("console-setup-terminus16", 8, 16, include_str!("../../fonts/console-setup-terminus16.hex")),
    ("console-setup-terminusbold16", 8, 16, include_str!("../../fonts/console-setup-terminusbold16.hex")),
    (
        "console-setup-terminusboldvga16",
        8,
        16,
        include_str!("../../fonts/console-setup-terminusboldvga16.hex"),
    ),
    ("unifont", 8, 16, include_str!("../../fonts/unifont.hex")),
    ("edk2", 8, 19, include_str!("../../fonts/edk2.hex")),
    ("linux-ter16x32", 16, 32, include_str!("../../fonts/linux-ter16x32.hex")),
    ("console-setup-terminus32x16", 16, 32, include_str!("../../fonts/console-setup-terminus32x16.hex")),
    (
        "console-setup-terminusbold32x16",
        16,
        32,
        include_str!("../../fonts/console-setup-terminusbold32x16.hex"),
    ),
    ("qemu-vga14", 8, 14, include_str!("../../fonts/qemu-vga14.hex")),
    ("console-setup-vga14", 8, 14, include_str!("../../fonts/console-setup-vga14.hex")),
    ("console-setup-fixed14", 8, 14, include_str!("../../fonts/console-setup-fixed14.hex")),
    ("console-setup-terminus14", 8, 14, include_str!("../../fonts/console-setup-terminus14.hex")),
    ("console-setup-terminusbold14", 8, 14, include_str!("../../fonts/console-setup-terminusbold14.hex")),
    (
        "console-setup-terminusboldvga14",
        8,
        14,
        include_str!("../../fonts/console-setup-terminusboldvga14.hex"),
    ),
    ("qemu-vga8", 8, 8, include_str!("../../fonts/qemu-vga8.hex")),
    ("linux-8x8", 8, 8, include_str!("../../fonts/linux-8x8.hex")),
    ("console-setup-vga8", 8, 8, include_str!("../../fonts/console-setup-vga8.hex")),
    ("console-setup-fixed13", 8, 13, include_str!("../../fonts/console-setup-fixed13.hex")),
    ("console-setup-fixed15", 8, 15, include_str!("../../fonts/console-setup-fixed15.hex")),
    ("console-setup-fixed18", 8, 18, include_str!("../../fonts/console-setup-fixed18.hex")),
    ("console-setup-terminus12x6", 6, 12, include_str!("../../fonts/console-setup-terminus12x6.hex")),
    ("console-setup-terminus18x10", 10, 18, include_str!("../../fonts/console-setup-terminus18x10.hex")),
    ("console-setup-terminus20x10", 10, 20, include_str!("../../fonts/console-setup-terminus20x10.hex")),
    ("console-setup-terminus22x11", 11, 22, include_str!("../../fonts/console-setup-terminus22x11.hex")),
    ("console-setup-terminus24x12", 12, 24, include_str!("../../fonts/console-setup-terminus24x12.hex")),
    ("console-setup-terminus28x14", 14, 28, include_str!("../../fonts/console-setup-terminus28x14.hex")),
    (
        "console-setup-terminusbold18x10",
        10,
        18,
        include_str!("../../fonts/console-setup-terminusbold18x10.hex"),
    ),
    (
        "console-setup-terminusbold20x10",
        10,
        20,
        include_str!("../../fonts/console-setup-terminusbold20x10.hex"),
    ),
    (
        "console-setup-terminusbold22x11",
        11,
        22,
        include_str!("../../fonts/console-setup-terminusbold22x11.hex"),
    ),
    (
        "console-setup-terminusbold24x12",
        12,
        24,
        include_str!("../../fonts/console-setup-terminusbold24x12.hex"),
    ),
    (
        "console-setup-terminusbold28x14",
        14,
        28,
        include_str!("../../fonts/console-setup-terminusbold28x14.hex"),
    ),
];

/// The same of fonts that consoles have only where somebody, or a distribution, loads them.
///
/// They are read exactly. Damaged pictures are not compared with them: there are many, most differ from a font above in a few
/// letters, and each makes that comparison slower.
const LOADED: &[(&str, u32, u32, &str)] = &[
    ("kbd-eurlatgr", 8, 16, include_str!("../../fonts/kbd-eurlatgr.hex")),
    ("kbd-latarcyrheb-sun16", 8, 16, include_str!("../../fonts/kbd-latarcyrheb-sun16.hex")),
    ("kbd-cp850-8x16", 8, 16, include_str!("../../fonts/kbd-cp850-8x16.hex")),
    ("kbd-sun12x22", 12, 22, include_str!("../../fonts/kbd-sun12x22.hex")),
    ("spleen-8x16", 8, 16, include_str!("../../fonts/spleen-8x16.hex")),
    ("spleen-12x24", 12, 24, include_str!("../../fonts/spleen-12x24.hex")),
    ("spleen-16x32", 16, 32, include_str!("../../fonts/spleen-16x32.hex")),
];

/// The built-in fonts of firmware, loaders and kernels, the commonest first. Decoded at the first call.
pub fn fonts() -> &'static [Font] {
    static FONTS: OnceLock<Vec<Font>> = OnceLock::new();
    FONTS.get_or_init(|| decoded(SOURCES))
}

/// The built-in fonts that are loaded into consoles later. Decoded at the first call.
pub(crate) fn loaded_fonts() -> &'static [Font] {
    static FONTS: OnceLock<Vec<Font>> = OnceLock::new();
    FONTS.get_or_init(|| decoded(LOADED))
}

fn decoded(sources: &'static [(&str, u32, u32, &str)]) -> Vec<Font> {
    let font = |(name, width, height, source): &'static (&str, u32, u32, &str)| Font {
        name: Cow::Borrowed(name),
        width: *width,
        height: *height,
        glyphs: hex::glyphs(*width, *height, source),
    };
    sources.iter().map(font).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn all() -> impl Iterator<Item = &'static Font> {
        fonts().iter().chain(loaded_fonts())
    }

    #[test]
    fn every_line_of_the_data_files_is_a_glyph() {
        for ((name, _, _, source), font) in SOURCES.iter().chain(LOADED).zip(all()) {
            let lines = source.lines().filter(|line| !line.starts_with('#')).count();
            assert_eq!(font.drawings().count(), lines, "{name}");
        }
    }

    #[test]
    fn every_font_draws_ascii_and_tells_its_characters_apart() {
        for font in all() {
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
        for font in all() {
            for (character, glyph) in font.drawings().filter(|(character, _)| character.is_ascii_graphic()) {
                let other = *seen.entry((font.width, glyph)).or_insert(character);
                assert_eq!(other, character, "{}", font.name);
            }
        }
    }
}
