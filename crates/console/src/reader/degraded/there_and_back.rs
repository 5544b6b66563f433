//! Pictures that were made smaller and larger again.
//!
//! Each pixel of the smaller picture is a mixture of others, at another place in each cell, so that the same letter looks
//! different from column to column. Drawn with any one filter, letters that are alike can then not be told apart; drawn through
//! the smaller picture they can. How large that was is found by trying: near the upper left corner, where all pictures
//! begin, a rough guess is enough, and it is made finer with cells that are farther away.

use super::bank::Bank;
use super::filter::Filter;
use super::frame::Frame;
use super::plane::Plane;
use super::search::Found;
use super::sharpen::{Sample, Sharp, explained, samples};

/// The sizes of the smaller picture that are tried, as parts of the larger one.
const SMALLEST: f64 = 0.5;
const LARGEST: f64 = 0.96;

/// Cells by which a size is judged.
const CELLS: usize = 8;

/// The rows and the columns in which more letters are looked for near the corner.
const CORNER: (usize, usize) = (6, 16);

/// How far a pixel of the smaller picture may be off in these cells, in pixels, for the right size to be seen.
const PHASE: f64 = 0.3;

/// What a size explains more than one filter does, of that which is left unexplained, where it is the right one.
const BETTER: f32 = 0.4;

/// A size with which so much is explained is the right one.
const CLEAR: f32 = 0.98;

/// The cells of screens that are shown pixel by pixel have whole pixels: less than this much off over the whole picture.
const WHOLE: f64 = 1.0;

/// A frame that is so far from whole pixels may be at the next ones.
const BETWEEN: f64 = 0.25;

/// The same frame with the filter of a picture that was made smaller and larger again, if that explains the cells around the
/// probes much better.
pub(super) fn resolve<'b>(
    plane: &Plane,
    bank: &'b Bank,
    cells: &[(usize, usize)],
    sharp: Sharp<'b>,
) -> Sharp<'b> {
    if !sharp.filter.is_blur() {
        return sharp;
    }
    // Blurred, a font looks much the same with a ninth column, in cells that are a little narrower.
    let faces = bank.faces.iter().filter(|face| {
        std::ptr::eq(*face, sharp.face) || face.name == sharp.face.name && face.height == sharp.face.height
    });
    let mut resolved = faces.flat_map(|face| {
        let sharp = Sharp { face, ..sharp };
        let frames = whole(&sharp).into_iter();
        frames.filter_map(move |frame| through(plane, cells, Sharp { frame, ..sharp }))
    });
    let is_better = |best: &Sharp<'_>| 1.0 - best.explained < (1.0 - sharp.explained) * (1.0 - BETTER);
    // One that explains nearly everything needs no rival.
    let mut best: Option<Sharp<'b>> = None;
    while best.is_none_or(|best| best.explained < CLEAR || !is_better(&best))
        && let Some(one) = resolved.next()
    {
        if best.is_none_or(|best| one.explained > best.explained) {
            best = Some(one);
        }
    }
    best.filter(is_better).unwrap_or(sharp)
}

/// The filter through a smaller picture that explains most; nothing where no cell is near the corner.
fn through<'b>(plane: &Plane, cells: &[(usize, usize)], sharp: Sharp<'b>) -> Option<Sharp<'b>> {
    let Sharp { frame, face, .. } = sharp;
    let inside = |cell: &&(usize, usize)| cell.0 < frame.rows && cell.1 < frame.columns;
    let mut cells: Vec<(usize, usize)> = cells.iter().filter(inside).copied().chain(corner(&frame)).collect();
    cells.sort_unstable();
    cells.dedup();
    let samples = samples(plane, &cells, &Found { frame, face, likeness: 0.0, is_unscaled: true });
    let samples: Vec<Sample> = samples.into_iter().map(Sample::only_best).collect();
    // Letters tell more than lines, which look the same wherever they are cut.
    let is_letter = |sample: &&Sample| {
        sample.best().is_some_and(|glyph| face.glyphs[glyph].character.is_ascii_alphanumeric())
    };
    let mut samples: Vec<&Sample> = samples.iter().filter(is_letter).collect();
    let (width, height) = (plane.width as f64, plane.height as f64);
    let distance = |sample: &Sample| {
        let area = frame.cell(sample.row, sample.column);
        ((area.left + area.width) / width).max((area.top + area.height) / height)
    };
    samples.sort_by(|one, other| distance(one).total_cmp(&distance(other)));
    let explains = |filter: Filter, samples: &[&Sample]| explained(plane, samples, &frame, face, filter);

    // All sizes by the nearest cells, then those around the best by cells that are farther away.
    let mut count = CELLS.min(samples.len());
    let mut step = (PHASE / distance(samples[..count].last()?).max(1e-3)).clamp(1.0, 8.0);
    let (mut least, mut most) = (SMALLEST * width, LARGEST * width);
    let (mut best, mut wide, mut is_first) = (sharp.filter, least, true);
    loop {
        let mut highest = 0.0;
        let mut size = least;
        while size <= most {
            // Which filter it was matters less than the size.
            let filters = Filter::there_and_back(between(size, (width, height)));
            for filter in filters.into_iter().take(if is_first { 1 } else { filters.len() }) {
                let explained = explains(filter, &samples[..count]);
                if explained > highest {
                    (highest, best, wide) = (explained, filter, size);
                }
            }
            size += step;
        }
        if count == samples.len() && step <= 1.0 {
            break;
        }
        is_first = false;
        (least, most) = (wide - step, wide + step);
        count = (count * 2).min(samples.len());
        let farthest = samples[..count].last().map_or(1.0, |sample| distance(sample));
        step = (PHASE / farthest.max(1e-3)).clamp(0.5, (step / 2.0).max(0.5));
    }
    let (wide, high) = (wide.round(), (wide / width * height).round());
    // The height was rounded by itself.
    let sizes = [-1.0, 0.0, 1.0].into_iter().flat_map(|x| [-1.0, 0.0, 1.0].map(|y| (wide + x, high + y)));
    let filters = sizes.map(|(wide, high)| best.through((wide / width, high / height)));
    let explained: Vec<Sharp<'b>> =
        filters.map(|filter| Sharp { filter, explained: explains(filter, &samples), ..sharp }).collect();
    explained.into_iter().max_by(|one, other| one.explained.total_cmp(&other.explained))
}

/// The cells nearest to the upper left corner: the fewer sizes have to be tried, the nearer some letters are.
fn corner(frame: &Frame) -> impl Iterator<Item = (usize, usize)> {
    let (rows, columns) = (frame.rows.min(CORNER.0), frame.columns.min(CORNER.1));
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

/// How many pixels of a smaller picture of this width there are for one of the picture, across and down.
fn between(wide: f64, (width, height): (f64, f64)) -> (f64, f64) {
    (wide / width, (wide / width * height).round() / height)
}

/// The frames in whole pixels that it may be: one, or two where it is between them; none if its cells are larger or smaller.
fn whole(sharp: &Sharp<'_>) -> Vec<Frame> {
    let Sharp { frame, face, .. } = sharp;
    let (pitch, line) = (face.width as f64, face.height as f64);
    let is_off = |distance: f64, whole: f64, count: usize| ((distance - whole) * count as f64).abs() > WHOLE;
    if is_off(frame.pitch, pitch, frame.columns) || is_off(frame.line, line, frame.rows) {
        return Vec::new();
    }
    let places = |at: f64| {
        let nearest = at.round();
        let other = if at > nearest { nearest + 1.0 } else { nearest - 1.0 };
        let other = ((at - nearest).abs() > BETWEEN).then_some(other);
        std::iter::once(nearest).chain(other)
    };
    let across = places(frame.x).flat_map(|x| places(frame.y).map(move |y| (x, y)));
    across.map(|(x, y)| Frame { x, y, pitch, line, ..*frame }).collect()
}
