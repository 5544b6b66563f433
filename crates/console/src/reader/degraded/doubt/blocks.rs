//! The blocks of compression.
//!
//! What stands in a block leaves noise in all of it, and none in the others: a block around which nothing was read, and that is not even, has
//! something in it.

use std::ops::Range;

use super::{Ink, Trace, apart};
use crate::Image;
use crate::reader::compression::SIDE;
use crate::reader::degraded::frame::Frame;

/// Steps of light or colour that rounding may make in an even block.
const ROUNDING: f32 = 0.8;

/// A block that varies by more than this is an edge of a bar, or such: ink that strong is read.
const STRONG: f32 = 30.0;

/// A block that is even, and differs from the even ones around it by more, is a narrow bar.
const MOST_STEP: f32 = 7.0;

/// How many blocks away even ones are looked for.
const FAR: usize = 24;

/// Marks the blanks in whose blocks something is left. `side` is that of a block: of light, or of colours at half the size.
pub(super) fn mark(image: &Image, frame: &Frame, inks: &[Ink], side: usize, left: &mut [bool]) {
    let cells = |from: f64, to: f64, start: f64, unit: f64, count: usize| {
        let place = |at: f64| (((at - start) / unit).floor().max(0.0) as usize).min(count);
        place(from)..(((to - start) / unit).ceil().max(0.0) as usize).min(count)
    };
    let (width, height) = (image.width as usize, image.height as usize);
    for top in (0..height.saturating_sub(side - 1)).step_by(side) {
        let (from, to) = (top as f64, (top + side) as f64);
        // Blocks that reach into two rows tell nothing of either.
        let row = cells(from + TOLERANCE, to - TOLERANCE, frame.y, frame.line, frame.rows);
        if row.len() != 1 {
            continue;
        }
        let is_blank = |rows: Range<usize>, (from, to): (f64, f64)| {
            let columns = cells(from + TOLERANCE, to - TOLERANCE, frame.x, frame.pitch, frame.columns);
            let mut around =
                rows.flat_map(|row| columns.clone().map(move |column| row * frame.columns + column));
            !columns.is_empty() && around.all(|cell| matches!(inks[cell], Ink::None(_)))
        };
        let block = |index: usize| {
            if !is_blank(row.clone(), ((index * side) as f64, ((index + 1) * side) as f64)) {
                return None;
            }
            // The outermost pixels are mixed with those of the next block.
            let lines =
                (top + 1..top + side - 1).map(|y| &image.pixels[y * width + index * side + 1..][..side - 2]);
            let trace = Trace::of_lines(lines, side - 2, side - 2);
            // Colours come from a larger block, and change the light where they are out of range.
            let large = (2 * SIDE) as f64;
            let begin = |at: usize| (at as f64 / large).floor() * large;
            let (x, y) = (begin(index * side), begin(top));
            let is_tinted = side == SIDE && trace.color > ROUNDING;
            let around = cells(y + TOLERANCE, y + large - TOLERANCE, frame.y, frame.line, frame.rows);
            (!is_tinted || is_blank(around, (x, x + large))).then_some(trace)
        };
        let blocks: Vec<Option<Trace>> = (0..width / side).map(block).collect();
        for (index, trace) in blocks.iter().enumerate() {
            let Some(trace) = trace else { continue };
            if is_left(trace, side, &blocks, index) {
                let (from, to) = ((index * side) as f64, ((index + 1) * side) as f64);
                for column in cells(from + TOLERANCE, to - TOLERANCE, frame.x, frame.pitch, frame.columns) {
                    left[row.start * frame.columns + column] = true;
                }
            }
        }
    }
}

/// Pixels by which a cell may reach into a block without being in it.
const TOLERANCE: f64 = 0.5;

/// Whether something is left in a block: it is not even, or not like the even ones before and after it.
fn is_left(trace: &Trace, side: usize, blocks: &[Option<Trace>], index: usize) -> bool {
    // Blocks of colours are larger than those of light.
    let of = |light: f32, color: f32| if side == SIDE { light } else { color };
    let beside = [index.checked_sub(1), Some(index + 1)].into_iter().flatten();
    let is_at_edge = |other: &Trace| {
        let (light, color) = apart(trace.mean, other.mean);
        light.max(color) > STRONG
    };
    if beside.filter_map(|other| blocks.get(other)?.as_ref()).any(is_at_edge) {
        return false;
    }
    let strength = of(trace.light, trace.color);
    if strength > ROUNDING {
        return strength < STRONG;
    }
    let is_even = |other: &&Trace| of(other.light, other.color) < ROUNDING;
    let before = blocks[..index].iter().rev().take(FAR).flatten().find(is_even);
    let after = blocks[index + 1..].iter().take(FAR).flatten().find(is_even);
    let (Some(before), Some(after)) = (before, after) else { return false };
    let step = |other: &Trace| {
        let (light, color) = apart(trace.mean, other.mean);
        of(light, color)
    };
    (ROUNDING..MOST_STEP).contains(&step(before).min(step(after)))
}
