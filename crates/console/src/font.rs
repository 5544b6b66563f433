//! Console fonts: the bitmaps of characters, as data files with their origin stated in `fonts/ORIGIN.md`, from PSF files, or
//! learned from a screen.

mod builtin;
mod hex;
mod psf;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use builtin::fonts;
pub(crate) use builtin::loaded_fonts;

/// The smallest and the largest width or height of a cell that is read.
pub(crate) const CELL_SIDES: std::ops::RangeInclusive<u32> = 4..=32;

/// A console font: one face in one cell size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Font {
    name: Cow<'static, str>,
    width: u32,
    height: u32,
    /// The drawings of each character; never empty.
    glyphs: Glyphs,
}

/// The drawings of each character of a font.
type Glyphs = BTreeMap<char, Vec<Glyph>>;

/// A bitmap: its rows from top to bottom, the leftmost of `width` pixels in bit `width - 1`.
pub(crate) type Glyph = Box<[u32]>;

/// Why bytes are no font.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FontError {
    /// Neither PSF 1 nor PSF 2.
    #[error("not a PSF font (a file that ends in .gz is to be unpacked first)")]
    NotPsf,
    /// Ends before its last glyph.
    #[error("the font ends too early")]
    Truncated,
    /// Cells that no console has, or that are too large for this reader.
    #[error("cells of {width} x {height} pixels: widths and heights of 4 to 32 can be read")]
    CellSize {
        /// Width of a cell in pixels.
        width: u32,
        /// Height of a cell in pixels.
        height: u32,
    },
    /// A font in text form without its first line.
    #[error("the first line is to be `# NAME WIDTHxHEIGHT; ORIGIN`")]
    NoHeading,
    /// A line of a font in text form is no glyph of its size.
    #[error(
        "line {line}: not `CODE:ROWS`, with the code point and {digits} digits for the rows in hexadecimal"
    )]
    NotAGlyph {
        /// The line, from 1.
        line: usize,
        /// Hexadecimal digits of a glyph.
        digits: usize,
    },
    /// No glyph at all.
    #[error("the font draws no character")]
    Empty,
}

impl Font {
    /// Reads a PC screen font, version 1 or 2, as the Linux console loads them: with its table of Unicode characters, or by
    /// code page 437 where it has none. Sequences of several characters are left out.
    ///
    /// # Errors
    ///
    /// [`FontError`] where the bytes are no such font, or hold cells of less than 4 or more than 32 pixels.
    pub fn from_psf(name: impl Into<String>, bytes: &[u8]) -> Result<Self, FontError> {
        psf::decode(name.into(), bytes)
    }

    /// Reads the text form of a font, which [`to_hex`](Self::to_hex) writes: the name and the size of a cell in the first line,
    /// `# NAME WIDTHxHEIGHT; ORIGIN`, then lines as `0041:0018243C...`, a code point and the rows of the bitmap from top to
    /// bottom; other lines that begin with `#` are comments.
    ///
    /// # Errors
    ///
    /// [`FontError`] names the line that does not fit.
    pub fn from_hex(text: &str) -> Result<Self, FontError> {
        hex::decode(text)
    }

    /// The font in text form. `origin` states where it comes from, in one line.
    pub fn to_hex(&self, origin: &str) -> String {
        hex::encode(self, origin)
    }

    /// The built-in font of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        fonts().iter().chain(loaded_fonts()).find(|font| font.name == name)
    }

    /// The name; of a built-in font as in `fonts/ORIGIN.md`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Width of a cell in pixels; VGA text modes of 720 pixels add a ninth column to a width of 8.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height of a cell in pixels.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// How many drawings of characters it holds.
    pub fn len(&self) -> usize {
        self.glyphs.values().map(Vec::len).sum()
    }

    /// Whether it draws nothing.
    pub fn is_empty(&self) -> bool {
        self.glyphs.is_empty()
    }

    /// The bitmap of a character: its rows from top to bottom, the leftmost pixel in bit `width - 1`.
    pub fn glyph(&self, character: char) -> Option<&[u32]> {
        self.glyphs.get(&character).and_then(|drawings| drawings.first()).map(AsRef::as_ref)
    }

    /// A font of these drawings, each of `height` rows.
    pub(crate) const fn of_glyphs(name: String, width: u32, height: u32, glyphs: Glyphs) -> Self {
        Self { name: Cow::Owned(name), width, height, glyphs }
    }

    /// Adds drawings.
    pub(crate) fn add(&mut self, drawings: impl IntoIterator<Item = (char, Glyph)>) {
        for (character, glyph) in drawings {
            self.glyphs.entry(character).or_default().push(glyph);
        }
    }

    /// Every drawing with its character.
    pub(crate) fn drawings(&self) -> impl Iterator<Item = (char, &Glyph)> {
        self.glyphs.iter().flat_map(|(character, drawings)| drawings.iter().map(|glyph| (*character, glyph)))
    }
}

/// Whether cells of this size are read.
fn check_size(width: u32, height: u32) -> Result<(), FontError> {
    if CELL_SIDES.contains(&width) && CELL_SIDES.contains(&height) {
        Ok(())
    } else {
        Err(FontError::CellSize { width, height })
    }
}
