//! Finding the cells of a scaled or compressed screen.
//!
//! Distances come from the spectrum of the picture's ink and from what screens of the usual sizes become when they are
//! stretched or fitted into the picture. Each is judged by how well cells around some of the ink agree with letters.

use super::bank::{
    Bank, COARSE, COARSE_COLUMNS, COARSE_ROWS, Face, PLACES, Pattern, Profile, likeness, pattern,
};
use super::frame::Frame;
use super::modes::{self, Shown};
use super::plane::Plane;
use super::sharpen::{self, Sharp};
use super::spectrum::{Axis, agreements, axes};
use super::templates::Templates;
use super::there_and_back;

/// One place with ink is looked for in each tile of so many pixels.
const TILES: [usize; 3] = [32, 20, 12];

/// Places that a frame is judged by: at least, if there are so many, and at most.
const ENOUGH_PROBES: usize = 40;
const MOST_PROBES: usize = 48;

/// How much the light must change for ink.
pub(super) const LEAST_CHANGE: f32 = 24.0;

/// The most cells of a screen: those of 8 x 16 pixels on one of 3840 x 2160. Reading each of more would take seconds.
const MOST_CELLS: usize = 480 * 135;

/// Distances of columns and rows that are tried.
const MOST_DISTANCES: usize = 7;

/// Pairs of distances that are tried.
const MOST_PAIRS: usize = 40;

/// A frame with this coarse likeness needs no rival.
const CERTAIN: f32 = 0.955;

/// One with this is the best after some more were tried in vain.
const GOOD: f32 = 0.93;
const PATIENCE: usize = 5;

/// A frame with less is none.
const ACCEPTED: f32 = 0.72;

/// Cells that tell of most faces that they are not those of a frame.
const FIRST: usize = 8;

/// What these must show at least.
const HOPELESS: f32 = 0.66;

/// How many frames with their faces are judged closely.
const FINALISTS: usize = 16;

/// A face's profile that agrees less with the ink is not of this face.
const LEAST_AGREEMENT: f32 = 0.4;

/// A frame that explains so much of the light of its cells needs no rival.
const CLEAR: f32 = 0.985;

/// Where the best frames explain less than this, there is no text in any known font.
const STRANGE: f32 = 0.75;

/// This share of the cells counts, the best ones: others are pictures, cursors, and rare characters.
const COUNTED: f32 = 0.7;

/// A frame with the face that agrees with it best.
#[derive(Clone, Copy)]
pub(super) struct Found<'b> {
    pub(super) frame: Frame,
    pub(super) face: &'b Face,
    pub(super) likeness: f32,
    /// Whether it is that of a usual screen, pixel by pixel.
    pub(super) is_unscaled: bool,
}

/// Finds the cells and their face.
pub(super) fn find<'b>(plane: &Plane, bank: &'b Bank) -> Option<Sharp<'b>> {
    let judge = Judge { plane, bank, probes: probes(plane) };
    if judge.probes.len() < 3 {
        return None;
    }
    let (across, down) = axes(plane);
    let shown = modes::shown(plane.width, plane.height, bank);
    let found = judge.candidates(&pairs(plane, bank, &shown, &across, &down), &across, &down);
    let best = judge.sharpest(found);
    let best = best?;
    // What has ink beside it is not the whole of the screen that is shown.
    let shown: Vec<Shown> = shown.into_iter().filter(|shown| judge.is_inside(shown)).collect();
    let best = match sharpen::snap(plane, &judge.cells(&best.frame), &best, &shown) {
        Some(snapped) => snapped,
        None => sharpen::clip(sharpen::settle(plane, &judge.cells(&best.frame), best), &shown),
    };
    if best.frame.rows * best.frame.columns == 0 {
        return None;
    }
    let best = there_and_back::resolve(plane, bank, &judge.cells(&best.frame), best);
    Some(sharpen::choose_face(plane, bank, best))
}

/// Distances of columns and rows that cells may have.
struct Pair {
    pitch: f64,
    line: f64,
    likely: f64,
    /// Where the first cell may begin, if they are those of a usual screen.
    origins: Vec<(f64, f64)>,
    is_unscaled: bool,
}

/// Distances of columns and rows, the most likely first.
fn pairs(plane: &Plane, bank: &Bank, shown: &[Shown], across: &Axis, down: &Axis) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    let lines = down.repetitions(MOST_DISTANCES);
    for pitch in across.repetitions(MOST_DISTANCES) {
        for line in &lines {
            if bank.faces.iter().any(|face| fits(face, pitch.distance, line.distance)) {
                let likely = pitch.strength * line.strength;
                pairs.push(Pair {
                    pitch: pitch.distance,
                    line: line.distance,
                    likely,
                    origins: Vec::new(),
                    is_unscaled: false,
                });
            }
        }
    }
    for one in shown {
        let Shown { pitch, line, unscaled, .. } = *one;
        let known = if unscaled { UNSCALED } else { KNOWN_MODE };
        let likely = known * across.strength(pitch) * down.strength(line);
        pairs.push(Pair { pitch, line, likely, origins: vec![one.first()], is_unscaled: unscaled });
    }
    pairs.sort_by(|one, other| other.likely.total_cmp(&one.likely));
    let mut kept: Vec<Pair> = Vec::new();
    for pair in pairs {
        let columns = plane.width as f64 / pair.pitch;
        let rows = plane.height as f64 / pair.line;
        // The same but for a part of a cell over the whole picture.
        let same = |other: &&mut Pair| {
            (other.pitch / pair.pitch - 1.0).abs() * columns < SAME
                && (other.line / pair.line - 1.0).abs() * rows < SAME
        };
        match kept.iter_mut().find(same) {
            // That of a screen is more exact than any measurement.
            Some(known) if known.origins.is_empty() && !pair.origins.is_empty() => *known = pair,
            // The same screen with a console that is centred.
            Some(known) if (known.pitch, known.line) == (pair.pitch, pair.line) => {
                let new = pair.origins.iter().filter(|origin| !known.origins.contains(origin));
                let new: Vec<(f64, f64)> = new.copied().collect();
                known.origins.extend(new);
            }
            Some(_) => {}
            None => kept.push(pair),
        }
        if kept.len() == MOST_PAIRS {
            break;
        }
    }
    kept
}

/// Distances that differ by less than this part of a cell over the whole picture are tried once.
const SAME: f64 = 0.12;

/// How much more likely the distances of a usual screen are than others.
const KNOWN_MODE: f64 = 1.3;

/// And those of one that was compressed only.
const UNSCALED: f64 = 4.0;

/// Whether a face may be drawn with cells of this size: at half to four times its own, and not far from its own form.
fn fits(face: &Face, pitch: f64, line: f64) -> bool {
    let (across, down) = (pitch / face.width as f64, line / face.height as f64);
    (0.6..4.1).contains(&across) && (0.6..4.1).contains(&down) && (0.62..1.6).contains(&(across / down))
}

/// A frame with the coarse patterns of some of its cells.
type Sight = (Frame, Vec<Pattern<COARSE>>);

struct Judge<'b, 'p> {
    plane: &'p Plane,
    bank: &'b Bank,
    probes: Vec<(usize, usize)>,
}

impl<'b> Judge<'b, '_> {
    /// Whether all ink but traces is inside of a screen.
    fn is_inside(&self, shown: &Shown) -> bool {
        let outside = self.probes.iter().filter(|probe| !shown.contains(**probe)).count();
        outside * 20 <= self.probes.len()
    }

    /// Frames and faces that agree with some of the pairs, the best first.
    fn candidates(&self, pairs: &[Pair], across: &Axis, down: &Axis) -> Vec<Found<'b>> {
        let mut found: Vec<Found<'b>> = Vec::new();
        let mut best = 0.0;
        let mut since = 0;
        for pair in pairs {
            let before = found.len();
            self.add_faces(pair, &across.folded(pair.pitch), &down.folded(pair.line), &mut found);
            let here = found[before..].iter().map(|one| one.likeness).fold(0.0, f32::max);
            since = if here > best { 0 } else { since + 1 };
            best = best.max(here);
            if best >= CERTAIN || best >= GOOD && since == 2 * PATIENCE {
                break;
            }
        }
        found.retain(|one| one.likeness >= ACCEPTED);
        found.sort_by(|one, other| other.likeness.total_cmp(&one.likeness));
        found.truncate(FINALISTS);
        found
    }

    /// The candidate that explains most of the light of its cells.
    fn sharpest(&self, candidates: Vec<Found<'b>>) -> Option<Sharp<'b>> {
        let mut best: Option<Sharp<'b>> = None;
        let mut since = 0;
        for (index, one) in candidates.into_iter().enumerate() {
            // Those of a usual screen are mostly right as they are.
            let first = sharpen::focus(self.plane, &self.cells(&one.frame), &one);
            let is_clear = first.explained > if one.is_unscaled { GOOD } else { CLEAR };
            let sharp = if is_clear { first } else { self.settled(one) };
            if best.as_ref().is_none_or(|best| sharp.explained > best.explained) {
                best = Some(sharp);
                since = 0;
            } else {
                since += 1;
            }
            let explained = best.as_ref().map_or(0.0, |best| best.explained);
            if is_clear
                || explained > CLEAR
                || explained > GOOD && since == PATIENCE
                || explained < STRANGE && index == PATIENCE
            {
                break;
            }
        }
        best.filter(|best| best.explained >= STRANGE)
    }

    fn settled(&self, found: Found<'b>) -> Sharp<'b> {
        let found = self.settle(found);
        sharpen::focus(self.plane, &self.cells(&found.frame), &found)
    }

    /// The cells around the probes.
    fn cells(&self, frame: &Frame) -> Vec<(usize, usize)> {
        let mut cells: Vec<(usize, usize)> =
            self.probes.iter().filter_map(|probe| frame.cell_of(*probe)).collect();
        cells.sort_unstable();
        cells.dedup();
        cells
    }

    /// Adds the faces that agree with distances, each where it agrees best.
    fn add_faces(&self, pair: &Pair, across: &Profile, down: &Profile, found: &mut Vec<Found<'b>>) {
        let Pair { pitch, line, origins: ref usual, is_unscaled, .. } = *pair;
        let part = |shift: usize, distance: f64| (shift as f64 / PLACES as f64) * distance;
        let mut seen: Vec<((f64, f64), Option<Sight>)> = Vec::new();
        for face in self.bank.faces.iter().filter(|face| fits(face, pitch, line)) {
            let mut origins: Vec<(f64, f64)> = usual.clone();
            for (x, agreement_x) in agreements(across, &face.across) {
                for (y, agreement_y) in agreements(down, &face.down) {
                    let origin = (part(x, pitch), part(y, line));
                    if agreement_x > LEAST_AGREEMENT
                        && agreement_y > LEAST_AGREEMENT
                        && !origins.contains(&origin)
                    {
                        origins.push(origin);
                    }
                }
            }
            let mut best: Option<Found<'b>> = None;
            for origin in origins {
                let known = seen.iter().position(|(at, _)| *at == origin).unwrap_or_else(|| {
                    seen.push((origin, self.sight(origin, pitch, line)));
                    seen.len() - 1
                });
                let Some((frame, patterns)) = &seen[known].1 else { continue };
                let alike = |coarse: &Pattern<COARSE>| {
                    face.common.iter().map(|common| likeness(coarse, common).abs()).fold(0.0, f32::max)
                };
                let some = patterns.iter().step_by(patterns.len().div_ceil(FIRST));
                if mean_of_best(some.map(alike).collect()) < HOPELESS {
                    continue;
                }
                let likeness = mean_of_best(patterns.iter().map(alike).collect());
                if best.as_ref().is_none_or(|best| likeness > best.likeness) {
                    let is_unscaled = is_unscaled && usual.contains(&origin);
                    best = Some(Found { frame: *frame, face, likeness, is_unscaled });
                }
            }
            found.extend(best);
        }
    }

    /// The cells of a frame that begins there, as far as there are probes in them.
    fn sight(&self, (x, y): (f64, f64), pitch: f64, line: f64) -> Option<Sight> {
        let frame = Frame::covering((self.plane.width, self.plane.height), x, y, pitch, line);
        if frame.rows * frame.columns > MOST_CELLS {
            return None;
        }
        let mut samples = Vec::new();
        let cells = self.cells(&frame);
        let patterns = cells.iter().step_by(2).filter_map(|(row, column)| {
            self.plane.sample(frame.cell(*row, *column), COARSE_COLUMNS, COARSE_ROWS, &mut samples);
            let mut coarse = [0; COARSE];
            (pattern(&samples, &mut coarse) > LEAST_CHANGE).then_some(coarse)
        });
        let patterns: Vec<Pattern<COARSE>> = patterns.collect();
        (patterns.len() >= 3).then_some((frame, patterns))
    }

    /// Moves each edge of the frame by steps, in pixels of the face, as long as that makes it fit better.
    fn settle(&self, mut found: Found<'b>) -> Found<'b> {
        let face = found.face;
        let templates = Templates::of(face, Templates::blur_at(&found.frame, face));
        for step in [0.5, 0.25] {
            let cells = self.lettered(&found.frame, face, &templates);
            found.likeness = self.likeness(&found.frame, face, &templates, &cells);
            for _ in 0..3 {
                let before = found.likeness;
                for direction in 0..4 {
                    for sign in [1.0, -1.0] {
                        let size = (self.plane.width, self.plane.height);
                        let frame = moved(&found.frame, face, size, direction, sign * step);
                        let likeness = self.likeness(&frame, face, &templates, &cells);
                        if likeness > found.likeness {
                            found = Found { frame, likeness, ..found };
                            break;
                        }
                    }
                }
                if found.likeness <= before {
                    break;
                }
            }
        }
        found
    }

    /// The cells around the probes, with the letters that they are most like.
    fn lettered(&self, frame: &Frame, face: &Face, templates: &Templates<'_>) -> Vec<Lettered> {
        let mut samples = Vec::new();
        let mut cell_pattern = vec![0; face.width * face.height];
        let mut lettered = Vec::new();
        for (row, column) in self.cells(frame) {
            self.plane.sample(frame.cell(row, column), face.width, face.height, &mut samples);
            if pattern(&samples, &mut cell_pattern) > LEAST_CHANGE {
                lettered.push((row, column, templates.letters(&cell_pattern)));
            }
        }
        lettered
    }

    /// How well cells agree with their letters.
    fn likeness(&self, frame: &Frame, face: &Face, templates: &Templates<'_>, cells: &[Lettered]) -> f32 {
        let mut samples = Vec::new();
        let mut cell_pattern = vec![0; face.width * face.height];
        let mut best = Vec::new();
        for (row, column, letters) in cells {
            self.plane.sample(frame.cell(*row, *column), face.width, face.height, &mut samples);
            if pattern(&samples, &mut cell_pattern) > LEAST_CHANGE {
                best.push(templates.likeness_of(letters, &cell_pattern));
            }
        }
        if best.len() < 3 { 0.0 } else { mean_of_best(best) }
    }
}

/// The row and the column of a cell, and letters.
type Lettered = (usize, usize, Vec<usize>);

/// A frame moved by some pixels of its face: as a whole to the right, with its sides at the left and right edges of the
/// picture, as a whole downwards, and with the upper and lower edges.
pub(super) fn moved(
    frame: &Frame,
    face: &Face,
    (width, height): (usize, usize),
    direction: usize,
    by: f64,
) -> Frame {
    let mut frame = *frame;
    let (dx, dy) = (by * frame.pitch / face.width as f64, by * frame.line / face.height as f64);
    match direction {
        0 => frame.x += dx,
        1 => stretch(&mut frame.x, &mut frame.pitch, dx, width as f64),
        2 => frame.y += dy,
        _ => stretch(&mut frame.y, &mut frame.line, dy, height as f64),
    }
    frame
}

/// Moves the far end of an axis by some pixels, the near end by as many the other way, and leaves its middle alone.
fn stretch(from: &mut f64, unit: &mut f64, by: f64, span: f64) {
    let factor = 1.0 + 2.0 * by / span;
    let middle = span / 2.0;
    *from = middle + (*from - middle) * factor;
    *unit *= factor;
}

/// The mean of the better cells.
pub(super) fn mean_of_best(mut values: Vec<f32>) -> f32 {
    values.sort_by(|one, other| other.total_cmp(one));
    let counted = ((values.len() as f32 * COUNTED) as usize).max(1);
    values.iter().take(counted).sum::<f32>() / counted as f32
}

/// Places with ink, spread over the picture.
fn probes(plane: &Plane) -> Vec<(usize, usize)> {
    let mut probes = Vec::new();
    for tile in TILES {
        probes = strongest_edges(plane, tile);
        if probes.len() >= ENOUGH_PROBES {
            break;
        }
    }
    let step = (probes.len() as f64 / MOST_PROBES as f64).max(1.0);
    let count = probes.len().min(MOST_PROBES);
    (0..count).map(|index| probes[(index as f64 * step) as usize]).collect()
}

/// The place of each tile where the light changes most.
fn strongest_edges(plane: &Plane, tile: usize) -> Vec<(usize, usize)> {
    let mut edges = Vec::new();
    for top in (1..plane.height).step_by(tile) {
        for left in (1..plane.width).step_by(tile) {
            let columns = left..plane.width.min(left + tile);
            let mut strongest = (LEAST_CHANGE, None);
            for y in top..plane.height.min(top + tile) {
                let line = |y: usize, from: usize| &plane.light[y * plane.width + from..][..columns.len()];
                let (here, before, above) = (line(y, left), line(y, left - 1), line(y - 1, left));
                // Most lines have no such change, which looking at several pixels at once tells fastest.
                let most = most_change(here, before, above);
                if most > strongest.0 {
                    let mut pixels = here.iter().zip(before).zip(above);
                    let at =
                        pixels.position(|((here, before), above)| change(*here, *before, *above) == most);
                    strongest = (most, at.map(|x| (left + x, y)));
                }
            }
            edges.extend(strongest.1);
        }
    }
    edges
}

/// How much the light of a pixel differs from that before it, or above it.
fn change(here: f32, before: f32, above: f32) -> f32 {
    let (across, down) = ((here - before).abs(), (here - above).abs());
    if across > down { across } else { down }
}

/// The greatest change of some pixels.
fn most_change(here: &[f32], before: &[f32], above: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut most = [0.0_f32; LANES];
    let whole = here.len() / LANES * LANES;
    let pixels = here[..whole].chunks_exact(LANES).zip(before[..whole].chunks_exact(LANES));
    for ((here, before), above) in pixels.zip(above[..whole].chunks_exact(LANES)) {
        for lane in 0..LANES {
            let change = change(here[lane], before[lane], above[lane]);
            most[lane] = if change > most[lane] { change } else { most[lane] };
        }
    }
    let rest = here[whole..].iter().zip(&before[whole..]).zip(&above[whole..]);
    let rest = rest.map(|((here, before), above)| change(*here, *before, *above));
    most.into_iter().chain(rest).fold(0.0, f32::max)
}
