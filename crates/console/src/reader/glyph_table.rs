//! From bitmaps back to characters.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::bitmap::Bitmap;
use crate::font::Font;

/// Takes the hash that a bitmap makes of itself: a lookup for each cell is most of the work of reading.
#[derive(Default)]
struct BitmapHasher(u64);

impl Hasher for BitmapHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What a bitmap stands for, and what with ink and ground exchanged.
#[derive(Default)]
pub(super) struct Drawings {
    pub(super) plain: Vec<Candidate>,
    pub(super) inverse: Vec<Candidate>,
}

/// All drawings of all fonts of one cell size.
pub(super) struct GlyphTable {
    pub(super) width: u32,
    pub(super) height: u32,
    /// By bitmaps whose upper left pixel is ground.
    entries: HashMap<Bitmap, Drawings, BuildHasherDefault<BitmapHasher>>,
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
            let bitmap = Bitmap::of_rows(self.width, glyph);
            if bitmap.is_blank() {
                continue;
            }
            let candidates = if bitmap.begins_inked() {
                &mut self.entries.entry(bitmap.inverse()).or_default().inverse
            } else {
                &mut self.entries.entry(bitmap).or_default().plain
            };
            let candidate = Candidate { character, font: index };
            let known = |other: &Candidate| other.character == character && (!whole || other.font == index);
            if !candidates.iter().any(known) {
                candidates.push(candidate);
            }
        }
    }

    /// Width and height of a cell.
    pub(super) const fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// What a bitmap whose upper left pixel is ground may stand for; nothing where no font draws it either way round.
    pub(super) fn either_way(&self, bitmap: &Bitmap) -> Option<&Drawings> {
        self.entries.get(bitmap)
    }

    /// What this bitmap may stand for; nothing where no font draws it.
    pub(super) fn lookup(&self, bitmap: &Bitmap) -> Option<&[Candidate]> {
        let candidates = if bitmap.begins_inked() {
            &self.entries.get(&bitmap.inverse())?.inverse
        } else {
            &self.entries.get(bitmap)?.plain
        };
        (!candidates.is_empty()).then_some(candidates)
    }

    /// The character below an underline cursor: some full rows of the lower half are the cursor's, and one ASCII character of
    /// this font alone agrees with the rows around them. A blank where only the cursor shows.
    pub(super) fn below_cursor(&self, bitmap: &Bitmap, font: u16) -> Option<char> {
        let bar = bitmap.bar()?;
        let around = bitmap.without(bar);
        if around.is_blank() {
            return Some(' ');
        }
        let of_font = |candidate: &&Candidate| candidate.font == font && candidate.character.is_ascii();
        let mut only = None;
        for (glyph, Drawings { plain, inverse }) in &self.entries {
            let plain = plain.iter().filter(of_font).map(|candidate| (*glyph, candidate));
            let inverse = inverse.iter().filter(of_font).map(|candidate| (glyph.inverse(), candidate));
            for (glyph, Candidate { character, .. }) in plain.chain(inverse) {
                if glyph.without(bar) == around && only.replace(*character).is_some_and(|c| c != *character) {
                    return None;
                }
            }
        }
        only
    }
}
