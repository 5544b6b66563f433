//! The glyphs of all fonts as patterns of light that cells are compared with.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use crate::font::Font;

/// Columns and rows of the coarse pattern of a cell, by which grids are found and most glyphs are ruled out.
pub(super) const COARSE_COLUMNS: usize = 4;
pub(super) const COARSE_ROWS: usize = 8;
pub(super) const COARSE: usize = COARSE_COLUMNS * COARSE_ROWS;

/// The length of all patterns, so that their products are parts of `UNIT` squared.
const UNIT: f32 = 8192.0;

/// The characters by which fonts and grids are judged: the commonest of consoles.
const COMMON: &str = "etaoinsrlcdupmfghbvkwyxETAOINSRLCDPMFB0123456789";

/// What a cell or a glyph looks like: its light less the mean, of unit length.
pub(super) type Pattern<const N: usize> = [i16; N];

/// How alike two patterns are: from -1, where light and dark are exchanged, to 1.
pub(super) fn likeness(one: &[i16], other: &[i16]) -> f32 {
    let sum: i32 = one.iter().zip(other).map(|(one, other)| i32::from(*one) * i32::from(*other)).sum();
    sum as f32 / (UNIT * UNIT)
}

/// Writes the pattern of some samples; tells the length that they had, which is nothing in cells of one colour.
pub(super) fn pattern(samples: &[f32], pattern: &mut [i16]) -> f32 {
    let mean = total(samples, |sample| sample) / samples.len().max(1) as f32;
    let length = total(samples, |sample| (sample - mean) * (sample - mean)).sqrt();
    let scale = if length < 1e-3 { 0.0 } else { UNIT / length };
    for (place, sample) in pattern.iter_mut().zip(samples) {
        *place = ((sample - mean) * scale) as i16;
    }
    length
}

/// Numbers that are added up side by side: each sum by itself would wait for the one before.
pub(super) const LANES: usize = 8;

/// The sum of what is made of each value.
pub(super) fn total(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().map(|value| of(*value)).sum();
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += of(chunk[lane]);
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// A glyph with ink on less than this part of its cell is slight: stops, quotes, dashes, accents.
const SLIGHT: f32 = 0.1;

/// One drawing.
pub(super) struct Glyph {
    pub(super) character: char,
    /// 1 where there is ink, row by row, as wide as the distance of cells.
    pub(super) ink: Box<[f32]>,
    /// Whether it covers so little of a cell that noise and neighbours hide it from a comparison by likeness.
    pub(super) is_slight: bool,
    pub(super) coarse: Pattern<COARSE>,
}

impl Glyph {
    fn new(character: char, ink: Box<[f32]>, spread: &Spread) -> Self {
        let coarse = spread.coarse(&ink);
        let is_slight = total(&ink, |ink| ink) < SLIGHT * ink.len() as f32;
        Self { character, ink, is_slight, coarse }
    }

    /// The pixel with most ink around it, and the one with least, in a drawing of this width.
    pub(super) fn extremes(&self, width: usize) -> (usize, usize) {
        let height = self.ink.len() / width;
        let around = |index: usize| -> f32 {
            let (x, y) = (index % width, index / width);
            let rows = y.saturating_sub(1)..=(y + 1).min(height - 1);
            let columns = x.saturating_sub(1)..=(x + 1).min(width - 1);
            // The pixel itself counts most.
            rows.flat_map(|y| columns.clone().map(move |x| y * width + x)).map(|at| self.ink[at]).sum::<f32>()
                + 9.0 * self.ink[index]
        };
        let inked: Vec<f32> = (0..self.ink.len()).map(around).collect();
        let order = |one: &usize, other: &usize| inked[*one].total_cmp(&inked[*other]);
        let darkest = (0..self.ink.len()).max_by(order).unwrap_or_default();
        let emptiest = (0..self.ink.len()).min_by(order).unwrap_or_default();
        (darkest, emptiest)
    }

    /// The columns and the rows that have ink, in a drawing of this width.
    pub(super) fn inked(&self, width: usize) -> (Range<usize>, Range<usize>) {
        let (mut columns, mut rows) = (width..0, self.ink.len() / width..0);
        for (index, _) in self.ink.iter().enumerate().filter(|(_, ink)| **ink > 0.0) {
            let (x, y) = (index % width, index / width);
            columns = columns.start.min(x)..columns.end.max(x + 1);
            rows = rows.start.min(y)..rows.end.max(y + 1);
        }
        (columns, rows)
    }
}

/// A font at one distance of its cells.
pub(super) struct Face {
    /// The name of the font.
    pub(super) name: Box<str>,
    /// The width of its drawings.
    pub(super) font_width: usize,
    /// The distance of cells in pixels of the font: its width, or one more.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Each drawing once.
    pub(super) glyphs: Vec<Glyph>,
    /// The indices of what comparing patterns misses: ASCII marks that cover little of a cell, as the full stop, and shades, which
    /// are even when blurred.
    pub(super) slight: Vec<usize>,
    /// The coarse patterns of common letters and digits.
    pub(super) common: Vec<Pattern<COARSE>>,
    /// The characters beyond ASCII that are drawn most like each ASCII character; found when they are first asked for.
    pub(super) rivals: OnceLock<Vec<[usize; RIVALS]>>,
    /// How much of the ink of usual text begins and ends at each part of a cell's width, and of its height.
    pub(super) across: Profile,
    pub(super) down: Profile,
}

/// How many characters beyond ASCII are compared with a cell that is like an ASCII character.
pub(super) const RIVALS: usize = 8;

/// Places along a cell's width or height in a [`Profile`].
pub(super) const PLACES: usize = 32;

/// How the ink of text is spread over a side of its cells, less the mean.
pub(super) type Profile = [f32; PLACES];

/// Text as consoles show it, by which the profiles of faces are made.
const USUAL: &str = "Started the device of systemd: failed to load boot option 0x00000010 [ 12.345678] error in network \
    Kernel panic at address, unable to mount root from disk; press any key for setup or wait 15 seconds. UEFI PXE ACPI CPU";

impl Face {
    /// The distances of columns and rows, in pixels of the font.
    pub(super) const fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn new(font: &Font, width: usize) -> Self {
        let height = font.height() as usize;
        let mut drawn: HashMap<&[u32], char> = HashMap::new();
        for (character, glyph) in font.drawings().filter(|(character, glyph)| is_printed(*character, glyph)) {
            let known = drawn.entry(glyph).or_insert(character);
            if rank(character) < rank(*known) {
                *known = character;
            }
        }
        let spread = Spread::of(width, height);
        let mut glyphs: Vec<Glyph> = drawn
            .into_iter()
            .map(|(rows, character)| {
                let ink = ink(rows, font.width() as usize, width, character);
                Glyph::new(character, ink, &spread)
            })
            .collect();
        for ink in cursors(font.width() as usize, width, height) {
            if !glyphs.iter().any(|glyph| glyph.ink == ink) {
                glyphs.push(Glyph::new(CURSOR, ink, &spread));
            }
        }
        glyphs.sort_by_key(|glyph| rank(glyph.character));
        let slight = (0..glyphs.len()).filter(|index| glyphs[*index].is_slight);
        let mut slight: Vec<usize> = slight.filter(|index| glyphs[*index].character.is_ascii()).collect();
        slight.extend((0..glyphs.len()).filter(|index| is_shade(glyphs[*index].character)));
        let common = glyphs.iter().filter(|glyph| COMMON.contains(glyph.character));
        let common = common.map(|glyph| glyph.coarse).collect();
        let (across, down) = profiles(&glyphs, width, height);
        let (name, font_width) = (font.name().into(), font.width() as usize);
        Self {
            name,
            font_width,
            width,
            height,
            glyphs,
            slight,
            common,
            rivals: OnceLock::new(),
            across,
            down,
        }
    }
}

/// The profiles of usual text: changes from row to row in each column, and from column to column in each row.
fn profiles(glyphs: &[Glyph], width: usize, height: usize) -> (Profile, Profile) {
    let (mut columns, mut rows) = (vec![0.0_f32; width], vec![0.0_f32; height]);
    for character in USUAL.chars() {
        let Some(glyph) = glyphs.iter().find(|glyph| glyph.character == character) else { continue };
        let ink = |x: usize, y: usize| if x < width && y < height { glyph.ink[y * width + x] } else { 0.0 };
        for (index, ink_here) in glyph.ink.iter().enumerate() {
            let (x, y) = (index % width, index / width);
            columns[x] += (ink_here - ink(x, y + 1)).abs();
            rows[y] += (ink_here - ink(x + 1, y)).abs();
        }
    }
    let spread = |sums: &[f32]| {
        let mut profile = [0.0; PLACES];
        for (part, value) in profile.iter_mut().enumerate() {
            *value = sums[(2 * part + 1) * sums.len() / (2 * PLACES)];
        }
        centred(profile)
    };
    (spread(&columns), spread(&rows))
}

/// A profile less its mean.
pub(super) fn centred(mut profile: Profile) -> Profile {
    let mean = profile.iter().sum::<f32>() / PLACES as f32;
    profile.iter_mut().for_each(|value| *value -= mean);
    profile
}

/// Whether a drawing is one of a character that texts show: what looks like a soft hyphen is a hyphen, and what looks like
/// a broken bar is the bar of a font that breaks it.
fn is_printed(character: char, glyph: &[u32]) -> bool {
    !matches!(character, '\u{a6}' | '\u{ad}') && glyph.iter().any(|row| *row != 0)
}

/// What stands for an underline cursor.
const CURSOR: char = '\u{2581}';

/// Whether a drawing is a bar at the foot of a cell: cursors are, and as characters nobody prints them.
pub(super) const fn is_cursor(character: char) -> bool {
    matches!(character, '\u{2581}'..='\u{2583}' | '\u{23bd}' | '\u{25ac}')
}

/// Whether a drawing is an even pattern of dots.
pub(super) const fn is_shade(character: char) -> bool {
    matches!(character, '\u{2591}'..='\u{2593}')
}

/// Underline cursors: a few full rows at the foot of the cell, over its ninth column or not.
fn cursors(font_width: usize, width: usize, height: usize) -> impl Iterator<Item = Box<[f32]>> {
    // Those of VGA and of Linux, and of EDK2, whose cells alone are 19 pixels high.
    let rows: &[(usize, usize)] = match height {
        19 => &[(3, 1), (2, 1), (2, 0), (1, 0), (3, 0), (4, 1), (4, 0)],
        _ => &[(3, 1), (2, 0), (1, 0)],
    };
    let sizes =
        [font_width, width].into_iter().flat_map(move |wide| rows.iter().map(move |rows| (wide, *rows)));
    sizes.map(move |(wide, (first, last))| {
        let inked =
            |index: usize| index % width < wide && (height - first..height - last).contains(&(index / width));
        (0..width * height).map(|index| if inked(index) { 1.0 } else { 0.0 }).collect()
    })
}

/// Of two characters that are drawn alike, the one with the lower rank is meant.
const fn rank(character: char) -> (u8, char) {
    let block = match character {
        '\u{20}'..='\u{7e}' => 0,
        '\u{a0}'..='\u{ff}' => 1,
        '\u{2500}'..='\u{25ff}' => 2,
        _ => 3,
    };
    (block, character)
}

/// The ink of a drawing in a cell of this width. A ninth column repeats the eighth in lines and blocks, as VGA has it.
fn ink(rows: &[u32], font_width: usize, width: usize, character: char) -> Box<[f32]> {
    let goes_on = matches!(character, '\u{2500}'..='\u{259f}');
    let row_ink = |row: &u32| {
        let row = *row;
        (0..width).map(move |x| {
            let x = if x >= font_width && goes_on { font_width - 1 } else { x };
            let inked = x < font_width && row >> (font_width - 1 - x) & 1 == 1;
            if inked { 1.0 } else { 0.0 }
        })
    };
    let mut ink = Vec::with_capacity(rows.len() * width);
    for row in rows {
        ink.extend(row_ink(row));
    }
    ink.into()
}

/// How the pixels of drawings of one size are spread over the parts of their coarse patterns.
struct Spread {
    /// How much of each column lies in each part of the width. A pixel on a border counts on both sides of it by its parts.
    across: Vec<[f32; COARSE_COLUMNS]>,
    /// How much of each row lies in each part of the height.
    down: Vec<[f32; COARSE_ROWS]>,
}

impl Spread {
    fn of(width: usize, height: usize) -> Self {
        Self {
            across: (0..width).map(|x| parts(x, width)).collect(),
            down: (0..height).map(|y| parts(y, height)).collect(),
        }
    }

    /// The coarse pattern of a drawing of this size.
    fn coarse(&self, ink: &[f32]) -> Pattern<COARSE> {
        let mut sums = [[0.0; COARSE_COLUMNS]; COARSE_ROWS];
        for (line, down) in ink.chunks_exact(self.across.len()).zip(&self.down) {
            let mut line_sums = [0.0; COARSE_COLUMNS];
            for (ink, across) in line.iter().zip(&self.across) {
                for (sum, part) in line_sums.iter_mut().zip(across) {
                    *sum += ink * part;
                }
            }
            for (sums, part) in sums.iter_mut().zip(down).filter(|(_, part)| **part > 0.0) {
                for (sum, line_sum) in sums.iter_mut().zip(line_sums) {
                    *sum += line_sum * part;
                }
            }
        }
        let mut coarse = [0; COARSE];
        pattern(sums.as_flattened(), &mut coarse);
        coarse
    }
}

/// How much of a unit of a length lies in each of so many equal parts of it.
fn parts<const COUNT: usize>(unit: usize, length: usize) -> [f32; COUNT] {
    // In steps of one part of a unit: each part has `length` of them, each unit as many as there are parts.
    let (from, to) = (unit * COUNT, (unit + 1) * COUNT);
    std::array::from_fn(|part| {
        let inside = to.min((part + 1) * length).saturating_sub(from.max(part * length));
        inside as f32 / COUNT as f32
    })
}

/// All faces.
pub(in crate::reader) struct Bank {
    pub(super) faces: Vec<Face>,
}

impl Bank {
    /// The faces of some fonts. Cells of eight pixels stand nine apart in the 720-pixel text modes.
    pub(in crate::reader) fn of<'f>(fonts: impl IntoIterator<Item = &'f Font>) -> Self {
        let faces = fonts.into_iter().flat_map(|font| {
            let ninth = font.width() == 8 && matches!(font.height(), 8 | 14 | 16);
            let width = font.width() as usize;
            [Some(width), ninth.then_some(width + 1)]
                .into_iter()
                .flatten()
                .map(move |width| Face::new(font, width))
        });
        Self { faces: faces.collect() }
    }

    /// Those whose cells are as large as those of this one, itself too.
    pub(super) fn faces_like(&self, face: &Face) -> impl Iterator<Item = &Face> {
        let size = face.size();
        self.faces.iter().filter(move |other| other.size() == size)
    }
}
