//! From bitmaps back to characters.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::font::Font;

/// The tallest cell of any font.
pub(super) const TALLEST_CELL: usize = 32;

/// Rows of a line that is thin.
const THICKEST_LINE: usize = 2;

/// The bitmap of one cell; rows past the height of the cell are zero.
pub(super) type Mask = [u32; TALLEST_CELL];

/// Hashes bitmaps. A lookup for each cell is most of the work of reading, and the keys are our own fonts, so nobody can
/// choose them to collide: a multiplication for each two rows will do.
#[derive(Default)]
struct MaskHasher(u64);

impl Hasher for MaskHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks_exact(8) {
            let rows = chunk.iter().rev().fold(0, |rows, byte| rows << 8 | u64::from(*byte));
            self.0 = (self.0.rotate_left(5) ^ rows).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// All drawings of all fonts of one cell size.
pub(super) struct GlyphTable {
    pub(super) width: u32,
    pub(super) height: u32,
    entries: HashMap<Mask, Vec<Candidate>, BuildHasherDefault<MaskHasher>>,
}

/// What a bitmap may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) character: char,
    /// The index of the font in the reader's list.
    pub(super) font: u16,
}

impl GlyphTable {
    /// One table for each cell size, in the order of the fonts. Of the first `whole` fonts every drawing is kept, of the others
    /// those that are new.
    pub(super) fn all<'f>(fonts: impl Iterator<Item = &'f Font>, whole: usize) -> Vec<Self> {
        let mut tables: Vec<Self> = Vec::new();
        for (font, index) in fonts.zip(0..=u16::MAX) {
            let place = tables.iter().position(|t| (t.width, t.height) == (font.width(), font.height()));
            let place = place.unwrap_or_else(|| {
                let (width, height) = (font.width(), font.height());
                tables.push(Self { width, height, entries: HashMap::default() });
                tables.len() - 1
            });
            tables[place].add(index, font, usize::from(index) < whole);
        }
        tables
    }

    fn add(&mut self, index: u16, font: &Font, whole: bool) {
        for (character, glyph) in font.drawings() {
            let mut mask = Mask::default();
            mask[..glyph.len()].copy_from_slice(glyph);
            if mask == Mask::default() {
                continue;
            }
            let candidates = self.entries.entry(mask).or_default();
            let candidate = Candidate { character, font: index };
            let known = |other: &Candidate| other.character == character && (!whole || other.font == index);
            if !candidates.iter().any(known) {
                candidates.push(candidate);
            }
        }
    }

    /// What this bitmap may stand for; nothing where no font draws it.
    pub(super) fn lookup(&self, mask: &Mask) -> Option<&[Candidate]> {
        self.entries.get(mask).map(Vec::as_slice)
    }

    /// The bitmap with ink and ground exchanged.
    pub(super) fn inverse(&self, mask: &Mask) -> Mask {
        let full = if self.width == 32 { u32::MAX } else { (1 << self.width) - 1 };
        let mut inverse = *mask;
        for row in &mut inverse[..self.height as usize] {
            *row = !*row & full;
        }
        inverse
    }

    /// Whether nothing but full rows in the lower half is inked: an underline cursor over a blank.
    pub(super) fn is_bar(&self, mask: &Mask) -> bool {
        let full = (1 << self.width) - 1;
        let height = self.height as usize;
        mask[..height / 2].iter().all(|row| *row == 0)
            && mask[height / 2..height].iter().all(|row| *row == 0 || *row == full)
    }

    /// Whether the ink is straight lines from edge to edge, or a thin one to an edge: part of a frame or of a picture's border,
    /// and no character.
    pub(super) fn is_rule(&self, mask: &Mask) -> bool {
        let full = (1 << self.width) - 1;
        let rows = &mask[..self.height as usize];
        rows.iter().all(|row| *row == 0 || *row == full)
            || rows.iter().all(|row| *row == rows[0])
            || self.is_end_of_line(rows)
            || self.is_border(rows)
    }

    /// Whether nothing is inked but the outermost pixels, as in the corner of a frame.
    fn is_border(&self, rows: &[u32]) -> bool {
        let inside = ((1 << self.width) - 1) & !(1 | 1 << (self.width - 1));
        rows.iter().skip(1).take(rows.len().saturating_sub(2)).all(|row| row & inside == 0)
    }

    /// Whether the ink is one thin level line that ends at the left or right edge.
    fn is_end_of_line(&self, rows: &[u32]) -> bool {
        let mut inked = rows.iter().filter(|row| **row != 0);
        let Some(line) = inked.next() else { return false };
        let thick = 1 + inked.clone().count();
        let from_right = (line + 1).is_power_of_two();
        let from_left = (!line & ((1 << self.width) - 1)).wrapping_add(1).is_power_of_two();
        thick <= THICKEST_LINE && inked.all(|row| row == line) && (from_left || from_right)
    }

    /// The character below an underline cursor, and the first row of the cursor: some full rows of the lower half are
    /// the cursor's, and one ASCII character alone agrees with the rows around them. A blank where only the cursor shows.
    pub(super) fn below_cursor(&self, mask: &Mask, font: u16) -> Option<char> {
        let height = self.height as usize;
        let full = (1 << self.width) - 1;
        let last = (height / 2..height).rev().find(|row| mask[*row] == full)?;
        let first = (height / 2..=last).rev().take_while(|row| mask[*row] == full).last()?;
        let mut around = *mask;
        around[first..=last].fill(0);
        if around == Mask::default() {
            return Some(' ');
        }
        let agrees = |glyph: &Mask| {
            let mut glyph = *glyph;
            glyph[first..=last].fill(0);
            glyph == around
        };
        let mut found = self.entries.iter().filter(|(glyph, _)| agrees(glyph)).flat_map(|(_, candidates)| {
            candidates.iter().filter(|c| c.font == font && c.character.is_ascii()).map(|c| c.character)
        });
        let only = found.next()?;
        found.all(|other| other == only).then_some(only)
    }
}
