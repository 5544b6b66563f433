//! The blocks of compression.
//!
//! What stands in a block leaves noise in all of it, and none in the others: a block that no ink of what was read reaches into, and that
//! is not even, has something in it.

use super::{Ink, Trace, apart};
use crate::Image;
use crate::reader::compression::SIDE;
use crate::reader::degraded::frame::Frame;
use crate::reader::degraded::plane::Rectangle;

/// Steps of light or colour that rounding may make in an even block.
const ROUNDING: f32 = 0.8;

/// And in one that has too few such blocks around it.
const CLEAR: f32 = 3.0;

/// Those have so many pixels side by side: words reach into more than one block.
const WORD: usize = 16;

/// A block that varies by more than this has the corner of a bar: ink of twice that contrast is read. So has one that differs by more
/// from the next.
const STRONG: f32 = 20.0;

/// A block that is even, and differs from the even ones around it by more, is a narrow bar.
const MOST_STEP: f32 = 7.0;

/// How many blocks away even ones are looked for.
const FAR: usize = 24;

/// A cell that reaches into a block by less than this part of its side may be that which left nothing there.
const MOST_BESIDE: f64 = 0.25;

/// The side of a block of colours at half the size.
const LARGE: usize = 2 * SIDE;

/// Ink of which so much is in the colours leaves some in all of a block of colours.
const COLORED: f32 = 8.0;

/// Colours are at half the size if more than one in so many of the blocks of light that coloured ink shares one of colours with has some.
const ONE_IN: usize = 3;

/// The blocks of one size that ink reaches into.
struct Inked {
    side: usize,
    /// How many whole blocks lie side by side.
    columns: usize,
    /// Row by row.
    blocks: Vec<bool>,
}

impl Inked {
    fn of(image: &Image, side: usize, inked: &[Rectangle]) -> Self {
        let (columns, rows) = (image.width as usize / side, image.height as usize / side);
        let mut blocks = vec![false; columns * rows];
        let range = |from: f64, length: f64, count: usize| {
            let first = (from.max(0.0) / side as f64) as usize;
            first.min(count)..(((from + length).max(0.0) / side as f64).ceil() as usize).min(count)
        };
        for area in inked {
            for row in range(area.top, area.height, rows) {
                blocks[row * columns..][range(area.left, area.width, columns)].fill(true);
            }
        }
        Self { side, columns, blocks }
    }

    /// Whether ink reaches into the block around a pixel, or into what is left of one at the edge of the picture.
    fn is_at(&self, x: usize, y: usize) -> bool {
        let (column, row) = (x / self.side, y / self.side);
        column >= self.columns || self.blocks.get(row * self.columns + column).copied().unwrap_or(true)
    }

    /// The trace of a block.
    fn trace(&self, image: &Image, row: usize, column: usize) -> Trace {
        // The outermost pixels are mixed with those of the next block.
        let (top, left, length) = (row * self.side + 1, column * self.side + 1, self.side - 2);
        let lines = (top..top + length).map(|y| &image.pixels[y * image.width as usize + left..][..length]);
        Trace::of_lines(lines, length, length)
    }
}

/// Marks the blanks in whose blocks something is left. `inked` is where the ink is that was read or seen.
pub(super) fn mark(image: &Image, frame: &Frame, inks: &[Ink], inked: &[Rectangle], left: &mut [bool]) {
    let (small, large) = (Inked::of(image, SIDE, inked), Inked::of(image, LARGE, inked));
    let mut traces = traces(image, &small);
    if are_colors_halved(image, &small, &traces) {
        // Colours come from a larger block, and change the light where they are out of range.
        for (index, trace) in traces.iter_mut().enumerate() {
            let (x, y) = (index % small.columns * SIDE, index / small.columns * SIDE);
            if trace.is_some_and(|trace| trace.color > ROUNDING) && large.is_at(x, y) {
                *trace = None;
            }
        }
        mark_cells(frame, inks, (&large, &self::traces(image, &large)), |_, color| color, left);
        mark_cells(frame, inks, (&small, &traces), |light, _| light, left);
    } else {
        mark_cells(frame, inks, (&small, &traces), f32::max, left);
    }
}

/// Whether the colours of ink reach into the blocks of light beside its own.
fn are_colors_halved(image: &Image, small: &Inked, traces: &[Option<Trace>]) -> bool {
    let (mut reached, mut all) = (0, 0);
    let rows = small.blocks.len() / small.columns.max(1);
    let halves =
        (0..rows / 2).flat_map(|row| (0..small.columns / 2).map(move |column| (2 * row, 2 * column)));
    for (row, column) in halves {
        let blocks = [(row, column), (row, column + 1), (row + 1, column), (row + 1, column + 1)];
        let is_inked = |(row, column): &(usize, usize)| small.blocks[row * small.columns + column];
        if blocks.iter().all(is_inked) || !blocks.iter().any(is_inked) {
            continue;
        }
        let mut inked = blocks.iter().filter(|block| is_inked(block));
        if !inked.any(|(row, column)| small.trace(image, *row, *column).color > COLORED) {
            continue;
        }
        for trace in blocks.iter().filter_map(|(row, column)| traces[row * small.columns + column]) {
            all += 1;
            reached += usize::from(trace.color > ROUNDING);
        }
    }
    reached * ONE_IN > all
}

/// The traces of the blocks without ink.
fn traces(image: &Image, inked: &Inked) -> Vec<Option<Trace>> {
    let trace = |(index, is_inked): (usize, &bool)| {
        (!is_inked).then(|| inked.trace(image, index / inked.columns, index % inked.columns))
    };
    inked.blocks.iter().enumerate().map(trace).collect()
}

/// Marks the blanks in blocks of which something is left, where `of` tells what of light and colour counts.
fn mark_cells(
    frame: &Frame,
    inks: &[Ink],
    (blocks, traces): (&Inked, &[Option<Trace>]),
    of: impl Fn(f32, f32) -> f32 + Copy,
    left: &mut [bool],
) {
    let side = blocks.side as f64;
    let cells = |at: usize, start: f64, unit: f64, count: usize| {
        let from = (at as f64 + MOST_BESIDE) * side - start;
        let to = ((at + 1) as f64 - MOST_BESIDE) * side - start;
        ((from / unit).floor().max(0.0) as usize).min(count)
            ..((to / unit).ceil().max(0.0) as usize).min(count)
    };
    let line = blocks.columns.max(1);
    let strength = |line: &[Option<Trace>]| -> Vec<f32> {
        (0..line.len())
            .map(|column| line[column].map_or(0.0, |trace| left_in(&trace, of, line, column)))
            .collect()
    };
    let strengths: Vec<f32> = traces.chunks_exact(line).flat_map(strength).collect();
    let is_word = |index: usize| {
        let (row, column) = (index / line, index % line);
        let beside = |row: usize| {
            let columns = column.saturating_sub(1)..=(column + 1).min(line - 1);
            columns.map(move |column| row * line + column).filter(|other| *other != index)
        };
        let around = (row.saturating_sub(1)..=row + 1).flat_map(beside);
        let others = around.filter(|other| strengths.get(*other).is_some_and(|left| *left > 0.0)).count();
        strengths[index] > CLEAR || others * blocks.side >= WORD
    };
    for index in (0..strengths.len()).filter(|index| strengths[*index] > 0.0 && is_word(*index)) {
        for row in cells(index / line, frame.y, frame.line, frame.rows) {
            for column in cells(index % line, frame.x, frame.pitch, frame.columns) {
                let cell = row * frame.columns + column;
                left[cell] |= matches!(inks[cell], Ink::None { .. });
            }
        }
    }
}

/// How much is left in a block of which something is: it is not even, or not like the even ones before and after it. 0 in others.
fn left_in(trace: &Trace, of: impl Fn(f32, f32) -> f32, blocks: &[Option<Trace>], index: usize) -> f32 {
    let beside = [index.checked_sub(1), Some(index + 1)].into_iter().flatten();
    let is_at_edge = |other: &Trace| {
        let (light, color) = apart(trace.mean, other.mean);
        light.max(color) > STRONG
    };
    if beside.filter_map(|other| blocks.get(other)?.as_ref()).any(is_at_edge) {
        return 0.0;
    }
    let strength = of(trace.light, trace.color);
    if strength > ROUNDING {
        return if strength < STRONG { strength } else { 0.0 };
    }
    let is_even = |other: &&Trace| of(other.light, other.color) < ROUNDING;
    let before = blocks[..index].iter().rev().take(FAR).flatten().find(is_even);
    let after = blocks[index + 1..].iter().take(FAR).flatten().find(is_even);
    let (Some(before), Some(after)) = (before, after) else { return 0.0 };
    let step = |other: &Trace| {
        let (light, color) = apart(trace.mean, other.mean);
        of(light, color)
    };
    let step = step(before).min(step(after));
    if (ROUNDING..MOST_STEP).contains(&step) { step } else { 0.0 }
}
