//! Reading the cells of a frame.

use super::bank::{COARSE, COARSE_COLUMNS, COARSE_ROWS, Face, is_cursor, pattern};
use super::frame::Frame;
use super::lens::{Explained, Lens, MARGIN, Patch, Window, explain};
use super::modes::Shown;
use super::plane::Plane;
use super::sharpen::Sharp;
use super::templates::Templates;

/// Cells whose light differs less than this are blank.
const LEAST_CONTRAST: f32 = 3.0;

/// How many glyphs are drawn for each cell.
const CANDIDATES: usize = 6;

/// Glyphs that are so much less like a cell than the best one are not drawn.
const RIVAL: f32 = 0.15;

/// A cell before its neighbours are known, and what they make of it.
#[derive(Clone, Debug)]
pub(super) enum Guess {
    /// Nothing stands here.
    Blank { light: f32 },
    /// One of these glyphs, the best first; they are drawn with what stands around them.
    Inked {
        light: f32,
        candidates: Vec<Candidate>,
        /// What a blank would leave unexplained: the mean square of the difference.
        blank: f32,
        /// How far the drawings of the best two are apart: the mean square of the difference.
        apart: f32,
    },
}

/// A glyph that may stand in a cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// The index among the glyphs of the face.
    pub(super) glyph: usize,
    pub(super) explained: Explained,
}

/// How often each cell is looked at with what its neighbours are by then.
const PASSES: usize = 2;

/// The cells row by row.
pub(super) fn guesses(plane: &Plane, sharp: &Sharp<'_>) -> Vec<Guess> {
    let mut guesses = alone(plane, sharp);
    for _ in 0..PASSES {
        let screen = Screen::of(plane, &guesses, sharp);
        guesses = together(plane, sharp, guesses, &screen);
    }
    guesses
}

/// A glyph that leaves less than this part of the light of a cell unexplained may be what stands there.
const WELL: f32 = 0.3;

/// Each cell by itself: which glyphs are like it.
fn alone(plane: &Plane, sharp: &Sharp<'_>) -> Vec<Guess> {
    /// Pixels of the face at the border of a cell that are left out, for what neighbours do to them.
    const EDGE: f64 = 0.3;
    let Sharp { frame, face, filter, .. } = *sharp;
    let templates = Templates::of(face, Templates::blur_at(&frame, face));
    let lens = Lens::new(filter, &frame, (face.width, face.height), EDGE, (plane.width, plane.height));
    let mut light = Vec::new();
    let mut close = vec![0; face.width * face.height];
    let mut easel = Easel::new(face);
    let mut guesses = Vec::with_capacity(frame.rows * frame.columns);
    for row in 0..frame.rows {
        for column in 0..frame.columns {
            let area = frame.cell(row, column);
            plane.sample(area, face.width, face.height, &mut light);
            let mean = light.iter().sum::<f32>() / light.len() as f32;
            let deviation = pattern(&light, &mut close) / (light.len() as f32).sqrt();
            if deviation < LEAST_CONTRAST {
                guesses.push(Guess::Blank { light: mean });
                continue;
            }
            plane.sample(area, COARSE_COLUMNS, COARSE_ROWS, &mut light);
            let mut coarse = [0; COARSE];
            pattern(&light, &mut coarse);
            let window = lens.window(row, column);
            window.see(plane, &mut easel.seen);
            easel.ones.resize(easel.seen.len(), 1.0);
            let mut candidates: Vec<Candidate> = Vec::with_capacity(CANDIDATES);
            let best = templates.best(face, &coarse, &close);
            let most = best.first().map_or(0.0, |(_, alike)| alike.abs());
            let near = |index: usize, alike: f32| index < 2 || alike.abs() > most - RIVAL;
            let best = best.into_iter().enumerate().filter(|(index, (_, alike))| near(*index, *alike));
            for (_, (glyph, _)) in best.take(CANDIDATES) {
                let explained = easel.explain(&window, face, glyph);
                candidates.push(Candidate { glyph, explained });
            }
            candidates.sort_by(|one, other| one.explained.error.total_cmp(&other.explained.error));
            let is_explained = candidates.first().is_some_and(|best| {
                best.explained.error < WELL * best.explained.total && !face.glyphs[best.glyph].is_slight()
            });
            if !is_explained {
                for glyph in &face.slight {
                    if !candidates.iter().any(|candidate| candidate.glyph == *glyph) {
                        let explained = easel.explain(&window, face, *glyph);
                        candidates.push(Candidate { glyph: *glyph, explained });
                    }
                }
            }
            candidates.sort_by(|one, other| one.explained.error.total_cmp(&other.explained.error));
            guesses.push(Guess::Inked { light: mean, candidates, blank: 0.0, apart: 0.0 });
        }
    }
    guesses
}

/// Removes underline cursors that are fainter than an underscore that would do: a thin line that was blurred looks like a thick
/// one of less contrast.
fn drop_faint_cursors(candidates: &mut Vec<Candidate>, face: &Face) {
    /// How many times more an underscore may leave unexplained.
    const AS_GOOD: f32 = 4.0;
    let least = candidates.first().map_or(0.0, |best| best.explained.error);
    let is_underscore = |candidate: &&Candidate| {
        face.glyphs[candidate.glyph].character == '_' && candidate.explained.error <= AS_GOOD * least
    };
    let Some(underscore) = candidates.iter().find(is_underscore) else { return };
    let contrast = underscore.explained.contrast.abs();
    candidates.retain(|candidate| {
        let faint = candidate.explained.contrast.abs() < 0.8 * contrast;
        !(faint && is_cursor(face.glyphs[candidate.glyph].character))
    });
}

/// A glyph that leaves more than this part of the light of a cell unexplained does not stand there.
const NO_INK: f32 = 0.6;

/// What is needed to draw.
struct Easel {
    patch: Patch,
    half: Vec<f32>,
    drawn: Vec<f32>,
    seen: Vec<f32>,
    ones: Vec<f32>,
}

impl Easel {
    fn new(face: &Face) -> Self {
        let empty = Vec::new;
        let patch = Patch::new(face.width, face.height);
        Self { patch, half: empty(), drawn: empty(), seen: empty(), ones: empty() }
    }

    /// How a glyph explains what is seen.
    fn explain(&mut self, window: &Window<'_>, face: &Face, glyph: usize) -> Explained {
        self.patch.put(&face.glyphs[glyph].ink, face.width);
        window.draw(&self.patch, &mut self.half, &mut self.drawn);
        explain(&self.seen, &self.ones[..self.seen.len()], &self.drawn)
    }

    /// The light of a window by this candidate; `ones` is what a full cell looks like.
    fn drawn_again(&mut self, window: &Window<'_>, face: &Face, candidate: Candidate) -> Vec<f32> {
        self.patch.put(&face.glyphs[candidate.glyph].ink, face.width);
        window.draw(&self.patch, &mut self.half, &mut self.drawn);
        let Explained { ground, contrast, .. } = candidate.explained;
        self.ones.iter().zip(&self.drawn).map(|(one, ink)| ground * one + contrast * ink).collect()
    }
}

/// The light of the screen as it was before it was scaled, by the best guess for each cell, with a margin around.
struct Screen {
    stride: usize,
    light: Vec<f32>,
}

impl Screen {
    fn of(plane: &Plane, guesses: &[Guess], sharp: &Sharp<'_>) -> Self {
        let Sharp { frame: Frame { columns, rows, .. }, face: Face { width, height, .. }, .. } = sharp;
        let stride = columns * width + 2 * MARGIN;
        let mut light = vec![0.0; stride * (rows * height + 2 * MARGIN)];
        for (index, guess) in guesses.iter().enumerate() {
            let (top, left) = (index / columns * height + MARGIN, index % columns * width + MARGIN);
            for y in 0..*height {
                let place = &mut light[(top + y) * stride + left..][..*width];
                match guess {
                    Guess::Blank { light } => place.fill(*light),
                    Guess::Inked { light, candidates, .. } => {
                        let Some(Candidate { glyph, explained }) = candidates.first() else {
                            place.fill(*light);
                            continue;
                        };
                        if explained.error > NO_INK * explained.total {
                            place.fill(explained.ground);
                            continue;
                        }
                        let ink = &sharp.face.glyphs[*glyph].ink[y * width..][..*width];
                        for (place, ink) in place.iter_mut().zip(ink) {
                            *place = explained.ground + explained.contrast * ink;
                        }
                    }
                }
            }
        }
        let mut screen = Self { stride, light };
        screen.extend_edges(*columns * width, *rows * height);
        screen.sample_margins(plane, sharp);
        screen
    }

    /// The margin has the light of the picture as far as it is part of the screen: leftovers that have no room for a cell, and
    /// may be of another colour. Bars beside a screen were put there after it was scaled, and do not reach into it.
    fn sample_margins(&mut self, plane: &Plane, sharp: &Sharp<'_>) {
        let Sharp { frame, face, screen, .. } = sharp;
        let (scale_x, scale_y) = (frame.pitch / face.width as f64, frame.line / face.height as f64);
        let rows = self.light.len() / self.stride;
        let (right, bottom) = (self.stride - MARGIN, rows - MARGIN);
        let place = |at: usize, from: f64, scale: f64| from + (at as f64 + 0.5 - MARGIN as f64) * scale;
        let edges = |limit: usize, (origin, length): (f64, f64)| {
            // The outermost pixel may be a mixture with a bar.
            (origin.max(0.0) + 1.0)..=((origin + length).min(limit as f64) - 1.0)
        };
        let size = |scale: (f64, f64), shown: &Shown| {
            (f64::from(shown.size.0) * scale.0, f64::from(shown.size.1) * scale.1)
        };
        let whole = ((0.0, plane.width as f64), (0.0, plane.height as f64));
        let (across, down) = screen.as_ref().map_or(whole, |shown| {
            let (wide, high) = size(shown.scale(), shown);
            ((shown.origin.0, wide), (shown.origin.1, high))
        });
        let (across, down) = (edges(plane.width, across), edges(plane.height, down));
        for row in 0..rows {
            let y = place(row, frame.y, scale_y);
            for column in 0..self.stride {
                if (MARGIN..right).contains(&column) && (MARGIN..bottom).contains(&row) {
                    continue;
                }
                let x = place(column, frame.x, scale_x);
                if across.contains(&x) && down.contains(&y) {
                    self.light[row * self.stride + column] =
                        plane.light[y as usize * plane.width + x as usize];
                }
            }
        }
    }

    /// The margin continues the light of the edge.
    fn extend_edges(&mut self, width: usize, height: usize) {
        for row in self.light.chunks_exact_mut(self.stride).skip(MARGIN).take(height) {
            let (first, last) = (row[MARGIN], row[MARGIN + width - 1]);
            row[..MARGIN].fill(first);
            row[MARGIN + width..].fill(last);
        }
        for row in 0..MARGIN {
            self.light.copy_within(MARGIN * self.stride..(MARGIN + 1) * self.stride, row * self.stride);
            let from = (MARGIN + height - 1) * self.stride;
            self.light.copy_within(from..from + self.stride, (MARGIN + height + row) * self.stride);
        }
    }

    /// What stands around a cell, with nothing in the cell itself.
    fn around(&self, (top, left): (usize, usize), (width, height): (usize, usize), patch: &mut Patch) {
        for (y, row) in patch.values.chunks_exact_mut(width + 2 * MARGIN).enumerate() {
            row.copy_from_slice(&self.light[(top + y) * self.stride + left..][..width + 2 * MARGIN]);
            if (MARGIN..MARGIN + height).contains(&y) {
                row[MARGIN..MARGIN + width].fill(0.0);
            }
        }
    }
}

/// Each cell with what its neighbours add to it.
fn together(plane: &Plane, sharp: &Sharp<'_>, mut guesses: Vec<Guess>, screen: &Screen) -> Vec<Guess> {
    /// Pixels of the face beyond the border of a cell that are looked at too.
    const EDGE: f64 = -0.5;
    let Sharp { frame, face, filter, .. } = *sharp;
    let size = (face.width, face.height);
    let lens = Lens::new(filter, &frame, size, EDGE, (plane.width, plane.height));
    let mut easel = Easel::new(face);
    let mut surroundings = Patch::new(face.width, face.height);
    let mut full = Patch::new(face.width, face.height);
    full.put(&vec![1.0; face.width * face.height], face.width);
    for (index, guess) in guesses.iter_mut().enumerate() {
        let Guess::Inked { candidates, blank, apart, .. } = guess else { continue };
        let (row, column) = (index / frame.columns, index % frame.columns);
        let window = lens.window(row, column);
        window.see(plane, &mut easel.seen);
        screen.around((row * face.height, column * face.width), size, &mut surroundings);
        window.draw(&surroundings, &mut easel.half, &mut easel.drawn);
        for (seen, around) in easel.seen.iter_mut().zip(&easel.drawn) {
            *seen -= around;
        }
        window.draw(&full, &mut easel.half, &mut easel.ones);
        easel.drawn.fill(0.0);
        *blank = explain(&easel.seen, &easel.ones, &easel.drawn).error;
        for candidate in candidates.iter_mut() {
            candidate.explained = easel.explain(&window, face, candidate.glyph);
        }
        candidates.sort_by(|one, other| one.explained.error.total_cmp(&other.explained.error));
        drop_faint_cursors(candidates, face);
        if let [best, next, ..] = candidates[..] {
            let first = easel.drawn_again(&window, face, best);
            let second = easel.drawn_again(&window, face, next);
            let squares = first.iter().zip(&second).map(|(one, other)| (one - other).powi(2));
            *apart = squares.sum::<f32>() / first.len().max(1) as f32;
        }
    }
    guesses
}
