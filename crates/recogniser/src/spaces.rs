//! Blanks between words, which the recognition model often leaves out: told from the gaps between the letters.

use std::collections::BTreeMap;

use ironhand_console::Image;

use crate::ctc::Symbol;
use crate::resize::Area;

/// Pixels whose channels differ less from the ground's are ground; antialiasing and JPEG leave such.
const GROUND_TOLERANCE: u32 = 40;

/// A gap this wide, as a share of the line's height, is a blank between words whatever the model says: between letters of fixed width
/// it is less.
const CERTAIN_BLANK: f32 = 0.6;

/// A gap this wide is a blank where the model held one possible: letters of fixed width leave as much between them.
const LIKELY_BLANK: f32 = 0.21;

/// The probability of a blank, from which on the model held it possible. Where there is none it is next to nothing.
const SUSPICION: f32 = 0.02;

/// The ink of a line and what lies between it.
pub(crate) struct Line {
    /// The colour behind the letters.
    pub(crate) ground: u32,
    /// The colour that differs most from it.
    pub(crate) ink: u32,
    /// Gaps between letters: the first column and the width, in pixels of the area.
    gaps: Vec<(usize, usize)>,
    /// Rows from the highest ink to the lowest.
    height: usize,
}

impl Line {
    /// Looks at the pixels of a line.
    pub(crate) fn of(image: &Image, area: Area) -> Self {
        let ground = most_frequent((0..area.height).flat_map(|row| area.row(image, row).iter().copied()));
        let mut inked = vec![false; area.width];
        let (mut ink, mut farthest) = (ground, 0);
        let (mut top, mut bottom) = (area.height, 0);
        for row in 0..area.height {
            for (column, pixel) in area.row(image, row).iter().enumerate() {
                let distance = distance(*pixel, ground);
                if distance > farthest {
                    (ink, farthest) = (*pixel, distance);
                }
                if distance > GROUND_TOLERANCE {
                    inked[column] = true;
                    top = top.min(row);
                    bottom = bottom.max(row + 1);
                }
            }
        }
        Self { ground, ink, gaps: gaps(&inked), height: bottom.saturating_sub(top) }
    }

    /// The characters with a blank for each wide gap between two of them. `step` is the width in pixels of one step along the line.
    pub(crate) fn with_blanks(&self, symbols: &[Symbol], step: f32) -> Vec<Symbol> {
        let widest = |from: f32, to: f32| {
            let between = self.gaps.iter().filter(|(start, width)| {
                let centre = *start as f32 + *width as f32 / 2.0;
                centre > from && centre < to
            });
            between.map(|(_, width)| *width as f32 / self.height as f32).fold(0.0, f32::max)
        };
        let is_blank = |gap: f32, symbol: &Symbol| {
            gap >= CERTAIN_BLANK || (gap >= LIKELY_BLANK && symbol.blank_before >= SUSPICION)
        };
        let middle = |symbol: &Symbol| (symbol.steps.0 + symbol.steps.1 + 1) as f32 / 2.0 * step;
        let mut all: Vec<Symbol> = Vec::with_capacity(symbols.len());
        for symbol in symbols {
            if let Some(last) = all.last().copied()
                && last.character != ' '
                && symbol.character != ' '
                && is_blank(widest(middle(&last), middle(symbol)), symbol)
            {
                let confidence = last.confidence.min(symbol.confidence);
                all.push(Symbol {
                    character: ' ',
                    confidence,
                    steps: (last.steps.1, symbol.steps.0),
                    blank_before: 1.0,
                });
            }
            all.push(*symbol);
        }
        all
    }
}

/// The runs of columns without ink that have ink on both sides.
fn gaps(inked: &[bool]) -> Vec<(usize, usize)> {
    let mut gaps = Vec::new();
    let mut last: Option<usize> = None;
    for column in (0..inked.len()).filter(|column| inked[*column]) {
        if let Some(last) = last
            && column > last + 1
        {
            gaps.push((last + 1, column - last - 1));
        }
        last = Some(column);
    }
    gaps
}

/// The largest difference of a channel.
fn distance(one: u32, other: u32) -> u32 {
    [0, 8, 16]
        .map(|shift| ((one >> shift) & 0xff).abs_diff((other >> shift) & 0xff))
        .into_iter()
        .max()
        .unwrap_or(0)
}

/// Of equally many the one that comes first in order; black for none.
fn most_frequent(pixels: impl Iterator<Item = u32>) -> u32 {
    let mut counts = BTreeMap::new();
    for pixel in pixels {
        *counts.entry(pixel).or_insert(0_u32) += 1;
    }
    counts.into_iter().max_by_key(|(pixel, count)| (*count, u32::MAX - pixel)).map_or(0, |(pixel, _)| pixel)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `#` is ink, on a line as high as it has rows.
    fn line(rows: &[&str]) -> Line {
        let pixel = |byte| if byte == b'#' { 0xff_ffff } else { 0x20 };
        let pixels = rows.iter().flat_map(|row| row.bytes()).map(pixel).collect();
        let image = Image { width: rows[0].len() as u32, height: rows.len() as u32, pixels };
        Line::of(&image, Area::whole(&image))
    }

    #[test]
    fn a_line_has_two_colours_and_gaps() {
        let line = line(&["........", ".#..#.#.", ".##....."]);
        assert_eq!((line.ground, line.ink, line.height), (0x20, 0xff_ffff, 2));
        assert_eq!(line.gaps, [(3, 1), (5, 1)]);
    }

    #[test]
    fn wide_gaps_are_blanks() {
        // Gaps of 3 and 6 tenths of the height.
        let line = line(&["#...#......#"; 10]);
        let check = |text: &str, steps: &[usize], blank_before: f32, expected: &str| {
            let symbol = |(character, step): (char, &usize)| Symbol {
                character,
                confidence: 0.9,
                steps: (*step, *step),
                blank_before,
            };
            let symbols: Vec<_> = text.chars().zip(steps).map(symbol).collect();
            let spaced: String =
                line.with_blanks(&symbols, 1.0).iter().map(|symbol| symbol.character).collect();
            assert_eq!(spaced, expected);
        };
        check("abc", &[0, 4, 11], 0.0, "ab c");
        check("abc", &[0, 4, 11], 0.05, "a b c");
        check("ab c", &[0, 4, 8, 11], 0.0, "ab c");
        check("", &[], 1.0, "");
    }
}
