//! The filter, the face and the frame under which a few cells, drawn again, look most like the picture.

use super::bank::{Bank, COARSE, COARSE_COLUMNS, COARSE_ROWS, Face, Pattern, pattern};
use super::filter::{FILTERS, Filter};
use super::fit::Seen;
use super::frame::Frame;
use super::lens::{Lens, Taps, Window};
use super::modes::Shown;
use super::plane::Plane;
use super::search::{Found, LEAST_CHANGE, mean_of_best, moved};
use super::templates::Templates;

/// Pixels of the face at the border of a cell that are left out, for what neighbours do to them.
const EDGE: f64 = 0.3;

/// How many glyphs are drawn for each cell.
const CANDIDATES: usize = 3;

/// A frame with a face and a filter, and how much of the light of its cells they explain.
#[derive(Clone, Copy)]
pub(super) struct Sharp<'b> {
    pub(super) frame: Frame,
    pub(super) face: &'b Face,
    pub(super) filter: Filter,
    pub(super) explained: f32,
    /// The screen that is shown, if it is one of a usual size.
    pub(super) screen: Option<Shown>,
}

/// A cell with the glyphs that may stand in it.
pub(super) struct Sample {
    pub(super) row: usize,
    pub(super) column: usize,
    glyphs: Vec<usize>,
}

impl Sample {
    /// The glyph that most likely stands in it.
    pub(super) fn best(&self) -> Option<usize> {
        self.glyphs.first().copied()
    }

    /// The same cell with no other glyphs than that.
    pub(super) fn only_best(mut self) -> Self {
        self.glyphs.truncate(1);
        self
    }
}

/// The best filter for a frame and its face.
pub(super) fn focus<'b>(plane: &Plane, cells: &[(usize, usize)], found: &Found<'b>) -> Sharp<'b> {
    let Found { frame, face, .. } = *found;
    let samples = samples(plane, cells, found);
    // A few of the cells tell which filters come near.
    let step = samples.len().div_ceil(FIRST).max(1);
    let some: Vec<&Sample> = samples.iter().step_by(step).collect();
    let mut filters = FILTERS.map(|filter| (explained(plane, &some, &frame, face, filter), filter));
    filters.sort_by(|one, other| other.0.total_cmp(&one.0));
    let all: Vec<&Sample> = samples.iter().collect();
    let sharp = filters.into_iter().take(FILTERS_LEFT).map(|(_, filter)| {
        let explained = explained(plane, &all, &frame, face, filter);
        Sharp { frame, face, filter, explained, screen: None }
    });
    let first = Sharp { frame, face, filter: FILTERS[0], explained: 0.0, screen: None };
    sharp.fold(first, |best, one| if one.explained > best.explained { one } else { best })
}

/// Cells by which most filters are ruled out, and how many filters are left then.
const FIRST: usize = 16;
const FILTERS_LEFT: usize = 3;

/// The frame of a usual screen that explains the picture as well as this one.
pub(super) fn snap<'b>(
    plane: &Plane,
    cells: &[(usize, usize)],
    sharp: &Sharp<'b>,
    shown: &[Shown],
) -> Option<Sharp<'b>> {
    let Sharp { frame, face, filter, .. } = *sharp;
    let near = |shown: &&Shown| {
        shown.cell == (face.width, face.height)
            && (shown.pitch / frame.pitch - 1.0).abs() < NEAR
            && (shown.line / frame.line - 1.0).abs() < 2.0 * NEAR
    };
    let snapped = shown.iter().filter(near).map(|shown| {
        let frame = shown.frame();
        let inside: Vec<(usize, usize)> = cells
            .iter()
            .copied()
            .filter(|(row, column)| *row < frame.rows && *column < frame.columns)
            .collect();
        let samples = samples(plane, &inside, &Found { frame, face, likeness: 0.0, is_unscaled: false });
        let explained = explained(plane, &samples.iter().collect::<Vec<_>>(), &frame, face, filter);
        Sharp { frame, explained, screen: Some(*shown), ..*sharp }
    });
    let snapped: Vec<Sharp<'b>> = snapped.collect();
    let most = snapped.iter().map(|one| one.explained).fold(sharp.explained, f32::max);
    // Where the bars around a screen are as wide as some cells, larger screens have the same cells.
    let as_good = snapped.into_iter().filter(|one| one.explained > most - WORSE);
    as_good.max_by_key(|one| one.frame.rows * one.frame.columns)
}

/// The frame without cells beside the screen that is shown, where that is one of a usual size.
pub(super) fn clip<'b>(sharp: Sharp<'b>, shown: &[Shown]) -> Sharp<'b> {
    let Sharp { frame, face, .. } = sharp;
    let same = |shown: &&Shown| {
        shown.cell == (face.width, face.height)
            && (shown.pitch / frame.pitch - 1.0).abs() * (frame.columns as f64) < HALF
            && (shown.line / frame.line - 1.0).abs() * (frame.rows as f64) < HALF
    };
    let largest = shown.iter().filter(same).max_by_key(|shown| shown.size.0 * shown.size.1);
    largest.map_or(sharp, |shown| Sharp { frame: frame.inside(shown), screen: Some(*shown), ..sharp })
}

/// A frame's cells are those of a screen if they are off by less than this part of a cell over the whole picture.
const HALF: f64 = 0.5;

/// How far the distances of a screen's cells may be from those that were measured, as a part of them.
const NEAR: f64 = 0.01;

/// The frame of a usual screen may explain so much less than one that was fitted to a few cells.
const WORSE: f32 = 0.006;

/// The face of this cell size that explains most of the whole page: some differ in a few characters only.
pub(super) fn choose_face<'b>(plane: &Plane, bank: &'b Bank, sharp: Sharp<'b>) -> Sharp<'b> {
    let Sharp { frame, face, .. } = sharp;
    let step = (frame.rows * frame.columns).div_ceil(LOOKED_AT).max(1);
    // A step that is no divisor of the columns' count wanders over all of them.
    let step = if frame.columns.is_multiple_of(step) { step + 1 } else { step };
    let cells = (0..frame.rows * frame.columns).step_by(step);
    let looks = looks(plane, &sharp, cells.map(|cell| (cell / frame.columns, cell % frame.columns)));
    let lens = Lens::new(sharp.filter, &frame, face.size(), (plane.width, plane.height));
    let some = looks.len().div_ceil(LOOKED_AT_FIRST).max(1);
    let mut faces: Vec<(f32, &Face, Templates<'_>)> = bank
        .faces_like(face)
        .map(|face| {
            let mut templates = Templates::of(face, Templates::blur_of(&sharp));
            let shares = shares_of(plane, &lens, face, &mut templates, looks.iter().step_by(some));
            (mean(&shares), face, templates)
        })
        .collect();
    faces.sort_by(|one, other| other.0.total_cmp(&one.0));
    faces.truncate(FACES);
    if faces.len() > 1 && some > 1 {
        for (explained, face, templates) in &mut faces {
            *explained = mean(&shares_of(plane, &lens, face, templates, looks.iter()));
        }
    }
    let best = faces.into_iter().max_by(|one, other| one.0.total_cmp(&other.0));
    best.map_or(sharp, |(_, face, _)| Sharp { face, ..sharp })
}

/// The face of this cell size that explains more of the cells that could not be read: faces that agree in all common letters
/// are told apart by rare ones.
pub(super) fn face_of_unread<'b>(
    plane: &Plane,
    bank: &'b Bank,
    sharp: &Sharp<'b>,
    unread: &[(usize, usize)],
) -> Option<Sharp<'b>> {
    if unread.is_empty() {
        return None;
    }
    let step = unread.len().div_ceil(LOOKED_AT_FIRST);
    let looks = looks(plane, sharp, unread.iter().step_by(step).copied());
    let lens = Lens::new(sharp.filter, &sharp.frame, sharp.face.size(), (plane.width, plane.height));
    let legible = |face: &Face| {
        let mut templates = Templates::of(face, Templates::blur_of(sharp));
        let shares = shares_of(plane, &lens, face, &mut templates, looks.iter());
        shares.into_iter().filter(|share| *share > LEGIBLE).count()
    };
    let others = bank.faces_like(sharp.face).filter(|other| !std::ptr::eq(*other, sharp.face));
    let best = others.map(|face| (legible(face), face)).max_by_key(|(count, _)| *count)?;
    (best.0 > legible(sharp.face)).then_some(Sharp { face: best.1, ..*sharp })
}

/// A cell of which a face explains this share may show one of its glyphs.
const LEGIBLE: f32 = 0.8;

/// Cells that faces are compared by, blank ones too; those by which most are ruled out; and how many are left then.
const LOOKED_AT: usize = 500;
const LOOKED_AT_FIRST: usize = 60;
const FACES: usize = 3;

/// A cell as all faces of a size are compared with it.
struct Look {
    row: usize,
    column: usize,
    coarse: Pattern<COARSE>,
    close: Vec<i16>,
}

/// Those of some cells that are not blank.
fn looks(plane: &Plane, sharp: &Sharp<'_>, cells: impl Iterator<Item = (usize, usize)>) -> Vec<Look> {
    let Sharp { frame, face, .. } = sharp;
    let mut light = Vec::new();
    let look = cells.filter_map(|(row, column)| {
        let area = frame.cell(row, column);
        plane.sample(area, face.width, face.height, &mut light);
        let mut close = vec![0; face.width * face.height];
        if pattern(&light, &mut close) <= LEAST_CHANGE {
            return None;
        }
        plane.sample(area, COARSE_COLUMNS, COARSE_ROWS, &mut light);
        let mut coarse = [0; COARSE];
        pattern(&light, &mut coarse);
        Some(Look { row, column, coarse, close })
    });
    look.collect()
}

/// How much of the light of each cell its best glyph explains, 0 to 1.
fn shares_of<'l>(
    plane: &Plane,
    lens: &Lens,
    face: &Face,
    templates: &mut Templates<'_>,
    looks: impl Iterator<Item = &'l Look>,
) -> Vec<f32> {
    let (mut half, mut drawn, mut seen) = (Vec::new(), Vec::new(), Seen::default());
    let shares = looks.map(|Look { row, column, coarse, close }| {
        let window = Window { across: lens.column(*column, EDGE), down: lens.row(*row, EDGE) };
        seen.look(&window, plane);
        let best = templates.best(coarse, close).into_iter().take(CANDIDATES);
        let share = best.map(|(glyph, _)| {
            window.draw(&face.glyphs[glyph].ink, &mut half, &mut drawn);
            seen.explain(&drawn).share()
        });
        share.fold(0.0, f32::max)
    });
    shares.collect()
}

fn mean(shares: &[f32]) -> f32 {
    shares.iter().sum::<f32>() / f32::max(shares.len() as f32, 1.0)
}

/// Moves the edges of the frame as long as that explains more.
pub(super) fn settle<'b>(plane: &Plane, cells: &[(usize, usize)], mut sharp: Sharp<'b>) -> Sharp<'b> {
    let Sharp { frame, face, .. } = sharp;
    let samples = samples(plane, cells, &Found { frame, face, likeness: 0.0, is_unscaled: false });
    for step in [0.2, 0.1, 0.05, 0.025] {
        for _ in 0..3 {
            let before = sharp.explained;
            for direction in 0..4 {
                for sign in [1.0, -1.0] {
                    let frame =
                        moved(&sharp.frame, face, (plane.width, plane.height), direction, sign * step);
                    let explained =
                        explained(plane, &samples.iter().collect::<Vec<_>>(), &frame, face, sharp.filter);
                    if explained > sharp.explained {
                        sharp = Sharp { frame, explained, ..sharp };
                        break;
                    }
                }
            }
            if sharp.explained <= before {
                break;
            }
        }
    }
    sharp
}

pub(super) fn samples(plane: &Plane, cells: &[(usize, usize)], found: &Found<'_>) -> Vec<Sample> {
    let Found { frame, face, .. } = *found;
    let mut templates = Templates::of(face, Templates::blur_at(&frame, face));
    let mut light = Vec::new();
    let mut close = vec![0; face.width * face.height];
    let mut samples = Vec::new();
    for (row, column) in cells {
        let area = frame.cell(*row, *column);
        plane.sample(area, COARSE_COLUMNS, COARSE_ROWS, &mut light);
        let mut coarse = [0; COARSE];
        pattern(&light, &mut coarse);
        plane.sample(area, face.width, face.height, &mut light);
        if pattern(&light, &mut close) > LEAST_CHANGE {
            let glyphs = templates.best(&coarse, &close).into_iter().take(CANDIDATES);
            samples.push(Sample {
                row: *row,
                column: *column,
                glyphs: glyphs.map(|(glyph, _)| glyph).collect(),
            });
        }
    }
    samples
}

/// How much of the light of the better cells their best glyphs explain, 0 to 1.
pub(super) fn explained(
    plane: &Plane,
    samples: &[&Sample],
    frame: &Frame,
    face: &Face,
    filter: Filter,
) -> f32 {
    let shares = shares(plane, samples, frame, face, filter);
    if shares.len() < 3 { 0.0 } else { mean_of_best(shares) }
}

/// How much of the light of each cell its best glyph explains.
fn shares(plane: &Plane, samples: &[&Sample], frame: &Frame, face: &Face, filter: Filter) -> Vec<f32> {
    let (mut half, mut drawn, mut seen) = (Vec::new(), Vec::new(), Seen::default());
    let (scale_x, scale_y) = frame.scale((face.width, face.height));
    let mut shares = Vec::with_capacity(samples.len());
    // Cells of one row or column have the same taps along it.
    let mut columns: Vec<Option<Taps>> = std::iter::repeat_with(|| None).take(frame.columns).collect();
    let mut rows: Vec<Option<Taps>> = std::iter::repeat_with(|| None).take(frame.rows).collect();
    for Sample { row, column, glyphs } in samples {
        let area = frame.cell(*row, *column);
        let across = columns[*column].get_or_insert_with(|| {
            Taps::new(filter.across(), area.left, face.width, scale_x, (EDGE, EDGE), plane.width)
        });
        let down = rows[*row].get_or_insert_with(|| {
            Taps::new(filter.down(), area.top, face.height, scale_y, (EDGE, EDGE), plane.height)
        });
        let window = Window { across: across.whole(face.width), down: down.whole(face.height) };
        seen.look(&window, plane);
        let share = glyphs.iter().map(|glyph| {
            window.draw(&face.glyphs[*glyph].ink, &mut half, &mut drawn);
            seen.explain(&drawn).share()
        });
        shares.push(share.fold(0.0, f32::max));
    }
    shares
}
