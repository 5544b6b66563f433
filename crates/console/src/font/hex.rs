//! The text form of fonts.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Font, FontError, Glyph, Glyphs, check_size};

/// Hexadecimal digits of a row.
const fn digits(width: u32) -> usize {
    width.div_ceil(4) as usize
}

/// The glyphs of all lines that hold one; others are left out.
pub(super) fn glyphs(width: u32, height: u32, source: &str) -> Glyphs {
    let mut glyphs = Glyphs::new();
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if let Some((character, glyph)) = glyph(width, height, line) {
            glyphs.entry(character).or_default().push(glyph);
        }
    }
    glyphs
}

fn glyph(width: u32, height: u32, line: &str) -> Option<(char, Glyph)> {
    let (code, rows) = line.split_once(':')?;
    let character = u32::from_str_radix(code, 16).ok().and_then(char::from_u32)?;
    let rows = rows.trim_end().as_bytes().chunks(digits(width));
    let rows: Glyph = rows
        .map(|row| {
            let row = u32::from_str_radix(std::str::from_utf8(row).ok()?, 16).ok()?;
            (u64::from(row) < 1 << width).then_some(row)
        })
        .collect::<Option<_>>()?;
    (rows.len() == height as usize).then_some((character, rows))
}

/// Name, width and height of `# NAME WIDTHxHEIGHT; ORIGIN`.
fn heading(line: &str) -> Option<(&str, u32, u32)> {
    let (heading, _) = line.strip_prefix("# ")?.split_once(';')?;
    let (name, size) = heading.trim_end().rsplit_once(' ')?;
    let (width, height) = size.split_once('x')?;
    Some((name, width.parse().ok()?, height.parse().ok()?))
}

pub(super) fn decode(text: &str) -> Result<Font, FontError> {
    let first = text.lines().next().unwrap_or_default();
    let (name, width, height) = heading(first).ok_or(FontError::NoHeading)?;
    check_size(width, height)?;
    let mut glyphs = Glyphs::new();
    for (at, line) in text.lines().enumerate() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let (character, glyph) = glyph(width, height, line)
            .ok_or(FontError::NotAGlyph { line: at + 1, digits: digits(width) * height as usize })?;
        let drawings = glyphs.entry(character).or_default();
        if !drawings.contains(&glyph) {
            drawings.push(glyph);
        }
    }
    if glyphs.is_empty() {
        return Err(FontError::Empty);
    }
    Ok(Font { name: Cow::Owned(name.to_owned()), width, height, glyphs })
}

pub(super) fn encode(font: &Font, origin: &str) -> String {
    let origin = origin.replace(['\r', '\n'], " ");
    let mut text = format!("# {} {}x{}; {origin}\n", font.name, font.width, font.height);
    let digits = digits(font.width);
    for (character, glyph) in font.drawings() {
        write!(text, "{:04X}:", u32::from(character)).unwrap_or_default();
        for row in glyph {
            write!(text, "{row:0digits$X}").unwrap_or_default();
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::font::fonts;

    #[test]
    fn every_font_comes_back_from_its_text() {
        for font in fonts() {
            let text = font.to_hex("a test");
            assert!(text.starts_with(&format!("# {} {}x{}; a test\n", font.name, font.width, font.height)));
            let back = decode(&text).unwrap();
            assert_eq!((back.name(), back.len()), (font.name(), font.len()));
            assert_eq!(back.glyph('A'), font.glyph('A'));
        }
    }

    #[test]
    fn what_is_no_font_is_refused_with_its_line() {
        let check = |text: &str, error| assert_eq!(decode(text), Err(error), "{text}");
        check("", FontError::NoHeading);
        check("0041:00", FontError::NoHeading);
        check("# name 8x16 without an origin", FontError::NoHeading);
        check("# name 3x8; o", FontError::CellSize { width: 3, height: 8 });
        check("# name 8x33; o", FontError::CellSize { width: 8, height: 33 });
        check("# name 8x8; o\n# nothing\n", FontError::Empty);
        let not_a_glyph = |line| FontError::NotAGlyph { line, digits: 16 };
        check("# name 8x8; o\n0041:0018243C\n", not_a_glyph(2));
        check("# name 8x8; o\n\nD800:0018243C42424200\n", not_a_glyph(3));
        check("# name 8x8; o\n0041:0018243C4242420g\n", not_a_glyph(2));
        // Six pixels wide, and a row of seven.
        check("# name 6x4; o\n0041:00404000\n", FontError::NotAGlyph { line: 2, digits: 8 });
    }
}
