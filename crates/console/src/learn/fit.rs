//! The grid on which a picture shows a text.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::font::Glyph;
use crate::{Image, Place};

/// Widths and heights of cells that are tried.
const PITCHES: RangeInclusive<usize> = 6..=16;
const HEIGHTS: RangeInclusive<usize> = 8..=32;

/// Heights of cells in VGA's text modes, where characters of 8 pixels stand 9 apart.
const TEXT_MODE_HEIGHTS: [usize; 3] = [8, 14, 16];

/// A grid on which more than one cell in so many contradicts the text is none.
const CELLS_A_CONTRADICTION: usize = 25;

/// A line of text, and where its cells are.
pub(super) struct Sheet<'i> {
    image: &'i Image,
    lines: &'i [Vec<char>],
    ground: u32,
    x: usize,
    y: usize,
    pitch: usize,
    /// Width of a character's bitmap: the pitch, or one less in text modes.
    pub(super) width: u32,
    height: usize,
    pub(super) cell_height: u32,
}

/// Steps and starts along one axis that agree with where the text has ink and where it has none.
struct Axis {
    start: usize,
    step: usize,
}

/// The grid that contradicts the text least, and not much; of several the one that lies as consoles do.
pub(super) fn find<'i>(image: &'i Image, lines: &'i [Vec<char>]) -> Option<Sheet<'i>> {
    if image.pixels.len() != image.width as usize * image.height as usize {
        return None;
    }
    let ground = commonest(&image.pixels)?;
    let rows = lines.iter().map(|line| line.iter().any(|c| *c != ' ')).collect::<Vec<_>>();
    let width = lines.iter().map(Vec::len).max()?;
    let columns: Vec<bool> = (0..width)
        .map(|column| lines.iter().any(|line| line.get(column).is_some_and(|c| *c != ' ')))
        .collect();
    let (mut inked_y, mut inked_x) = (vec![false; image.height as usize], vec![false; image.width as usize]);
    for (at, _) in image.pixels.iter().enumerate().filter(|(_, pixel)| **pixel != ground) {
        inked_y[at / image.width as usize] = true;
        inked_x[at % image.width as usize] = true;
    }
    let vertical = axes(&inked_y, &rows, HEIGHTS, 0);
    // The last cell of a row may lack the ninth column.
    let horizontal = axes(&inked_x, &columns, PITCHES, 1);
    let mut best: Option<(usize, u32, Sheet<'i>)> = None;
    for down in &vertical {
        for right in &horizontal {
            let sheet = Sheet::new(image, lines, ground, right, down);
            let most = best.as_ref().map_or(usize::MAX, |(bad, ..)| *bad);
            let Some(bad) = sheet.contradictions(most) else { continue };
            let oddness = sheet.oddness();
            if best.as_ref().is_none_or(|(least, odd, _)| (bad, oddness) < (*least, *odd)) {
                best = Some((bad, oddness, sheet));
            }
        }
    }
    best.map(|(.., sheet)| sheet)
}

/// Starts and steps with which every marked unit has ink, and the outermost ink lies in the outermost units. Units that are
/// not marked may have ink of a highlight's ground; `slack` is how far the last unit may reach beyond the edge.
fn axes(inked: &[bool], marked: &[bool], steps: RangeInclusive<usize>, slack: usize) -> Vec<Axis> {
    let mut axes = Vec::new();
    let Some(last_marked) = marked.iter().rposition(|marked| *marked) else { return axes };
    let sums: Vec<usize> = std::iter::once(0)
        .chain(inked.iter().scan(0, |sum, inked| {
            *sum += usize::from(*inked);
            Some(*sum)
        }))
        .collect();
    let ink = |from: usize, to: usize| sums[to.min(inked.len())] - sums[from.min(inked.len())];
    for step in steps {
        let length = (last_marked + 1) * step;
        for start in 0..(inked.len() + slack + 1).saturating_sub(length) {
            let unit = |at: usize| ink(start + at * step, start + (at + 1) * step);
            if (0..=last_marked).all(|at| !marked[at] || unit(at) > 0) && ink(0, start) == 0 {
                axes.push(Axis { start, step });
            }
        }
    }
    axes
}

impl<'i> Sheet<'i> {
    fn new(image: &'i Image, lines: &'i [Vec<char>], ground: u32, right: &Axis, down: &Axis) -> Self {
        let ninth = right.step == 9 && TEXT_MODE_HEIGHTS.contains(&down.step);
        let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Self {
            image,
            lines,
            ground,
            x: right.start,
            y: down.start,
            pitch: right.step,
            width: side(right.step - usize::from(ninth)),
            height: down.step,
            cell_height: side(down.step),
        }
    }

    /// Every cell of the text with its character, blanks between characters too.
    pub(super) fn characters(&self) -> impl Iterator<Item = (Place, char)> {
        let rows = self.lines.iter().enumerate();
        rows.flat_map(|(row, line)| {
            line.iter().enumerate().map(move |(column, character)| (Place { row, column }, *character))
        })
    }

    fn pixel(&self, place: Place, x: usize, y: usize) -> u32 {
        let (left, top) = (self.x + place.column * self.pitch, self.y + place.row * self.height);
        let at = (top + y) * self.image.width as usize + left + x;
        self.image.pixels.get(at).copied().unwrap_or(self.ground)
    }

    fn pixels(&self, place: Place) -> impl Iterator<Item = u32> {
        let width = self.width as usize;
        (0..self.height)
            .flat_map(move |y| (0..width).map(move |x| (x, y)))
            .map(move |(x, y)| self.pixel(place, x, y))
    }

    /// Whether a cell is of one colour, or shows nothing but the bar of a cursor in its lower half.
    pub(super) fn is_blank(&self, place: Place) -> bool {
        let first = self.pixel(place, 0, 0);
        (0..self.height).all(|y| {
            let start = self.pixel(place, 0, y);
            let uniform = (1..self.width as usize).all(|x| self.pixel(place, x, y) == start);
            uniform && (start == first || y >= self.height / 2)
        })
    }

    /// The bitmap of a cell in two colours.
    pub(super) fn glyph(&self, place: Place) -> Option<Glyph> {
        let first = self.pixel(place, 0, 0);
        let second = self.pixels(place).find(|pixel| *pixel != first)?;
        if self.pixels(place).any(|pixel| pixel != first && pixel != second) {
            return None;
        }
        let ground = self.ground_at(place, first, second);
        let width = self.width as usize;
        let row = |y| (0..width).fold(0, |bits, x| bits << 1 | u32::from(self.pixel(place, x, y) != ground));
        Some((0..self.height).map(row).collect())
    }

    /// Which of two colours is behind the character: that of the nearest blank cell of its row, else that of the picture, else
    /// the commoner one.
    fn ground_at(&self, place: Place, first: u32, second: u32) -> u32 {
        let line = &self.lines[place.row];
        let blank = |column: usize| {
            let cell = Place { column, ..place };
            (line[column] == ' ' && self.is_blank(cell)).then(|| self.pixel(cell, 0, 0))
        };
        let fits = |color: &u32| *color == first || *color == second;
        let left = (0..place.column).rev().find_map(blank).filter(fits);
        let near = left.or_else(|| (place.column + 1..line.len()).find_map(blank).filter(fits));
        near.or(Some(self.ground).filter(fits)).unwrap_or_else(|| {
            let firsts = self.pixels(place).filter(|pixel| *pixel == first).count();
            if firsts * 2 >= self.height * self.width as usize { first } else { second }
        })
    }

    /// How many cells contradict the text or one another; none where it is more than `most`, or too many for a grid.
    fn contradictions(&self, most: usize) -> Option<usize> {
        let cells = self.lines.iter().map(Vec::len).sum::<usize>();
        let most = most.min(cells / CELLS_A_CONTRADICTION);
        let mut drawings: BTreeMap<char, Glyph> = BTreeMap::new();
        let mut characters: BTreeMap<Glyph, char> = BTreeMap::new();
        let mut bad = 0;
        for (place, character) in self.characters() {
            let fits = if character == ' ' {
                self.is_blank(place)
            } else {
                self.glyph(place).is_some_and(|glyph| {
                    let known = drawings.entry(character).or_insert_with(|| glyph.clone());
                    let same = *known == glyph;
                    let other = *characters.entry(glyph).or_insert(character);
                    same && (other == character || !other.is_ascii() || !character.is_ascii())
                })
            };
            bad += usize::from(!fits);
            if bad > most {
                return None;
            }
        }
        Some(bad)
    }

    /// How far the grid lies from where consoles begin: 0 for the corner of the picture or a place that centres whole cells.
    fn oddness(&self) -> u32 {
        let off = |start: usize, step: usize, length: usize| {
            let (start, centred) = (start % step, length % step / 2);
            u32::try_from(start.abs_diff(centred).min(start).min(step - start)).unwrap_or(u32::MAX)
        };
        let (width, height) = (self.image.width as usize, self.image.height as usize);
        let fills = width.is_multiple_of(self.pitch) && height.is_multiple_of(self.height);
        let odd = off(self.x, self.pitch, width) + off(self.y, self.height, height);
        odd * 2 + u32::from(!fills)
    }
}

/// The colour of most of the picture.
fn commonest(pixels: &[u32]) -> Option<u32> {
    let mut counts: std::collections::HashMap<u32, usize> = std::collections::HashMap::new();
    for pixel in pixels {
        *counts.entry(*pixel).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(color, count)| (*count, *color)).map(|(color, _)| color)
}
