//! Reading the cells of a frame.

use std::ops::Range;

use super::bank::{COARSE, COARSE_COLUMNS, COARSE_ROWS, Face, is_cursor, is_shade, pattern, total};
use super::fit::{Explained, Seen};
use super::frame::Frame;
use super::lens::{Lens, MARGIN, Window, halve};
use super::modes::Shown;
use super::plane::Plane;
use super::sharpen::Sharp;
use super::templates::Templates;

/// Those whose light differs less than this are blank if no letter is so much like them: compression leaves such traces.
const FAINT: f32 = 8.0;
const UNLIKE: f32 = 0.6;

/// Cells whose light differs less than this are blank.
const LEAST_CONTRAST: f32 = 3.0;

/// How many glyphs are drawn for each cell.
const CANDIDATES: usize = 6;

/// Glyphs that are so much less like a cell than the best one are not drawn.
const RIVAL: f32 = 0.15;

/// The same where the glyph that is most like a cell leaves less than this part of its light unexplained: what is that much less like
/// it would leave more than [`WORSE`].
const RIVAL_OF_CLEAR: f32 = 0.08;
const CLEAR: f32 = 0.05;

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

/// Pixels of the face beyond the border of a cell, negative as there is no border, that are looked at with its neighbours.
const BESIDE: f64 = -0.5;

/// How often cells are looked at with what their neighbours are by then.
const PASSES: usize = 3;

/// The cells row by row.
pub(super) fn guesses(plane: &Plane, sharp: &Sharp<'_>) -> Vec<Guess> {
    let Sharp { frame, face, filter, .. } = *sharp;
    let lens = Lens::new(filter, &frame, (face.width, face.height), (plane.width, plane.height));
    let mut guesses = alone(plane, sharp, &lens);
    let mut light = plane.light.clone();
    let mut screen: Option<Screen> = None;
    for pass in 0..PASSES {
        let mut shown = Screen::of(plane, &guesses, sharp);
        // What the first pass leaves unexplained is taken for pictures, which the second shows more clearly.
        if pass > 0 {
            let pictures = pictures(&guesses, frame.columns);
            if pass > 1 && pictures.is_empty() {
                break;
            }
            let before = screen.as_ref().filter(|_| pass > 1).map(|screen| (screen, light.as_slice()));
            shown.add_pictures(plane, &pictures, sharp, before);
        }
        let picture = (plane.light.as_slice(), plane.width);
        let cells = looked_at(&guesses, frame.columns, pass > 0);
        lens.take_off((&shown.light, shown.stride), picture, (&cells, BESIDE), &mut light);
        together((&light, plane.width), sharp, &lens, (pass > 0).then_some(&shown), &mut guesses);
        screen = Some(shown);
    }
    guesses
}

/// A glyph that leaves less than this part of the light of a cell unexplained may be what stands there.
const WELL: f32 = 0.3;

/// Each cell by itself: which glyphs are like it.
fn alone(plane: &Plane, sharp: &Sharp<'_>, lens: &Lens) -> Vec<Guess> {
    /// Pixels of the face at the border of a cell that are left out, for what neighbours do to them.
    const EDGE: f64 = 0.3;
    let Sharp { frame, face, .. } = *sharp;
    let mut templates = Templates::of(face, Templates::blur_of(sharp));
    let mut light = Vec::new();
    let mut close = vec![0; face.width * face.height];
    let mut easel = Easel::new(face);
    let mut guesses = Vec::with_capacity(frame.rows * frame.columns);
    for row in 0..frame.rows {
        easel.begin();
        for column in 0..frame.columns {
            let area = frame.cell(row, column);
            if let Some(light) = plane.flat(area, LEAST_CONTRAST) {
                guesses.push(Guess::Blank { light });
                continue;
            }
            plane.sample(area, face.width, face.height, &mut light);
            let mean = total(&light, |light| light) / light.len() as f32;
            let deviation = pattern(&light, &mut close) / (light.len() as f32).sqrt();
            if deviation < LEAST_CONTRAST {
                guesses.push(Guess::Blank { light: mean });
                continue;
            }
            plane.sample(area, COARSE_COLUMNS, COARSE_ROWS, &mut light);
            let mut coarse = [0; COARSE];
            pattern(&light, &mut coarse);
            if deviation < FAINT && templates.best_letter(&close) < UNLIKE {
                guesses.push(Guess::Blank { light: mean });
                continue;
            }
            let window = Window { across: lens.column(column, EDGE), down: lens.row(row, EDGE) };
            easel.seen.look(&window, plane);
            let best = templates.best(&coarse, &close);
            guesses.push(Guess::Inked {
                light: mean,
                candidates: easel.candidates(&window, face, best),
                blank: 0.0,
                apart: 0.0,
            });
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

/// Removes shades that do not explain a cell well: blurred, they are even, and any trace is a little like one of great contrast.
fn drop_vague_shades(candidates: &mut Vec<Candidate>, face: &Face) {
    candidates.retain(|Candidate { glyph, explained }| {
        !is_shade(face.glyphs[*glyph].character) || explained.error < WELL * explained.total
    });
}

/// How much more of the light of a cell than the next best a candidate may leave unexplained.
const WORSE: f32 = 0.12;

/// Removes candidates that will not be among the best two when what neighbours add is known, which is less than that. Where the best
/// explains little, or is no character of usual text, any of them may be.
fn drop_hopeless(candidates: &mut Vec<Candidate>, face: &Face) {
    let [best, next, ..] = candidates[..] else { return };
    let is_explained = best.explained.error < WELL * best.explained.total;
    if is_explained && face.glyphs[best.glyph].character.is_ascii() {
        let most = next.explained.error + WORSE * next.explained.total;
        candidates.retain(|candidate| candidate.explained.error <= most);
    }
}

/// A glyph that leaves more than this part of the light of a cell unexplained does not stand there.
const NO_INK: f32 = 0.6;

/// What is needed to draw the cells of a row.
struct Easel {
    seen: Seen,
    drawn: Vec<f32>,
    /// Glyphs scaled in height, one after the other.
    halves: Vec<f32>,
    /// Where that of each glyph begins, if it was drawn in this row.
    places: Vec<Option<usize>>,
    half: usize,
}

impl Easel {
    fn new(face: &Face) -> Self {
        let (seen, drawn, halves) = (Seen::default(), Vec::new(), Vec::new());
        Self { seen, drawn, halves, places: vec![None; face.glyphs.len()], half: 0 }
    }

    /// Forgets the last row.
    fn begin(&mut self) {
        self.halves.clear();
        self.places.fill(None);
    }

    /// Draws a glyph.
    fn draw(&mut self, window: &Window<'_>, face: &Face, glyph: usize) {
        let place = *self.places[glyph].get_or_insert_with(|| {
            let place = self.halves.len();
            halve(window.down, &face.glyphs[glyph].ink, face.width, &mut self.halves);
            self.half = self.halves.len() - place;
            place
        });
        window.draw_half(&self.halves[place..place + self.half], &mut self.drawn);
    }

    /// How a glyph explains what is seen.
    fn explain(&mut self, window: &Window<'_>, face: &Face, glyph: usize) -> Explained {
        self.draw(window, face, glyph);
        self.seen.explain(&self.drawn)
    }

    /// The glyphs that may stand in a cell of which these are like it, the best first.
    fn candidates(&mut self, window: &Window<'_>, face: &Face, alike: Vec<(usize, f32)>) -> Vec<Candidate> {
        let most = alike.first().map_or(0.0, |(_, alike)| alike.abs());
        let near = alike.into_iter().enumerate();
        let near = near.take_while(|(index, (_, alike))| *index < 2 || alike.abs() > most - RIVAL);
        let mut candidates: Vec<Candidate> = Vec::with_capacity(CANDIDATES);
        for (_, (glyph, alike)) in near.take(CANDIDATES) {
            let is_clear =
                candidates.first().is_some_and(|best| best.explained.error < CLEAR * best.explained.total);
            if candidates.len() > 1 && is_clear && alike.abs() < most - RIVAL_OF_CLEAR {
                break;
            }
            candidates.push(Candidate { glyph, explained: self.explain(window, face, glyph) });
        }
        let order =
            |one: &Candidate, other: &Candidate| one.explained.error.total_cmp(&other.explained.error);
        candidates.sort_by(order);
        let is_explained = candidates.first().is_some_and(|best| {
            best.explained.error < WELL * best.explained.total && !face.glyphs[best.glyph].is_slight
        });
        if !is_explained {
            for glyph in &face.slight {
                if !candidates.iter().any(|candidate| candidate.glyph == *glyph) {
                    candidates
                        .push(Candidate { glyph: *glyph, explained: self.explain(window, face, *glyph) });
                }
            }
            drop_vague_shades(&mut candidates, face);
            candidates.sort_by(order);
        }
        drop_faint_cursors(&mut candidates, face);
        drop_hopeless(&mut candidates, face);
        candidates
    }

    /// The light of a window by this candidate.
    fn drawn_again(&mut self, window: &Window<'_>, face: &Face, candidate: Candidate) -> Vec<f32> {
        self.draw(window, face, candidate.glyph);
        let Explained { ground, contrast, .. } = candidate.explained;
        let pixels = self.seen.ones.iter().zip(&self.drawn);
        pixels.map(|(one, ink)| ground * one + contrast * ink).collect()
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
        for (row, guesses) in guesses.chunks_exact((*columns).max(1)).enumerate() {
            let top = row * height + MARGIN;
            // The grounds of a row of cells are the same in each of its lines.
            let first = &mut light[top * stride + MARGIN..][..columns * width];
            for (ground, guess) in first.chunks_exact_mut(*width).zip(guesses) {
                ground.fill(look(guess).0);
            }
            let from = top * stride + MARGIN;
            for line in 1..*height {
                light.copy_within(from..from + columns * width, from + line * stride);
            }
            for (column, guess) in guesses.iter().enumerate() {
                let (_, Some((contrast, glyph))) = look(guess) else { continue };
                let ink = sharp.face.glyphs[glyph].ink.chunks_exact(*width);
                for (line, ink) in ink.enumerate() {
                    let place = &mut light[from + line * stride + column * width..][..*width];
                    for (place, ink) in place.iter_mut().zip(ink) {
                        *place += contrast * ink;
                    }
                }
            }
        }
        let mut screen = Self { stride, light };
        screen.extend_edges(*columns * width, *rows * height);
        screen.sample_margins(plane, sharp);
        screen
    }

    /// Adds the cells of pictures as the picture shows them. `before` is what the screen was taken for the last time, and the light
    /// of the picture that this left.
    fn add_pictures(
        &mut self,
        plane: &Plane,
        cells: &[(usize, usize)],
        sharp: &Sharp<'_>,
        before: Option<(&Self, &[f32])>,
    ) {
        let Sharp { frame, face: Face { width, height, .. }, .. } = sharp;
        for (row, column) in cells {
            let area = frame.cell(*row, *column);
            for y in 0..*height {
                let from = (row * height + MARGIN + y) * self.stride + column * width + MARGIN;
                let place = &mut self.light[from..from + width];
                let Some((screen, left)) = &before else {
                    plane.line_at(&plane.light, area, (y, *height), place);
                    continue;
                };
                // What was left of it is missing.
                plane.line_at(left, area, (y, *height), place);
                for (place, known) in place.iter_mut().zip(&screen.light[from..]) {
                    *place += known;
                }
            }
        }
    }

    /// The light of a cell whose face has this size.
    fn cell(&self, (row, column): (usize, usize), (width, height): (usize, usize)) -> Vec<f32> {
        let (top, left) = (row * height + MARGIN, column * width + MARGIN);
        (top..top + height).flat_map(|y| &self.light[y * self.stride + left..][..width]).copied().collect()
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
}

/// What the guess for a cell looks like on the screen: the light of its ground, and if it has ink, how much lighter that is,
/// and the glyph.
fn look(guess: &Guess) -> (f32, Option<(f32, usize)>) {
    match guess {
        Guess::Blank { light } => (*light, None),
        Guess::Inked { light, candidates, .. } => match candidates.first() {
            Some(Candidate { glyph, explained }) => {
                let has_ink = explained.error <= NO_INK * explained.total;
                (explained.ground, has_ink.then_some((explained.contrast, *glyph)))
            }
            None => (*light, None),
        },
    }
}

/// Whether no glyph explains a cell well: it is part of a picture, or there is something beside its glyph.
fn is_picture(guess: &Guess) -> bool {
    let Guess::Inked { candidates, .. } = guess else { return false };
    candidates.first().is_none_or(|best| best.explained.error > WELL * best.explained.total)
}

/// Whether a glyph explains so much more of a cell than any other does that a second look makes no difference.
fn is_clear(candidates: &[Candidate], blank: f32) -> bool {
    /// How many times more the next best must leave unexplained, and what the best may, as a part of what a blank does.
    const BETTER: f32 = 9.0;
    const LEFT: f32 = 0.02;
    let [best, next, ..] = candidates else { return false };
    best.explained.error < LEFT * blank && best.explained.error * BETTER < next.explained.error
}

/// Whether a cell is looked at with its neighbours, the first time or again.
fn is_looked_at(guess: &Guess, again: bool) -> bool {
    matches!(guess, Guess::Inked { candidates, blank, .. } if !(again && is_clear(candidates, *blank)))
}

/// The cells that are looked at: rows, and columns from one up to another.
fn looked_at(guesses: &[Guess], columns: usize, again: bool) -> Vec<(usize, Range<usize>)> {
    let mut cells: Vec<(usize, Range<usize>)> = Vec::new();
    for (index, _) in guesses.iter().enumerate().filter(|(_, guess)| is_looked_at(guess, again)) {
        let (row, column) = (index / columns, index % columns);
        match cells.last_mut() {
            Some((last, columns)) if *last == row && columns.end == column => columns.end += 1,
            _ => cells.push((row, column..column + 1)),
        }
    }
    cells
}

/// The row and the column of each cell that is part of a picture.
fn pictures(guesses: &[Guess], columns: usize) -> Vec<(usize, usize)> {
    let pictures = guesses.iter().enumerate().filter(|(_, guess)| is_picture(guess));
    pictures.map(|(index, _)| (index / columns, index % columns)).collect()
}

/// Looks again at each cell, on a picture without what neighbours add to it: all that is on the screen has been taken off. Where
/// that was done before, by this screen with its pictures, only at those that are not clear.
fn together(
    (light, width): (&[f32], usize),
    sharp: &Sharp<'_>,
    lens: &Lens,
    before: Option<&Screen>,
    guesses: &mut [Guess],
) {
    let Sharp { frame, face, .. } = *sharp;
    let (mut easel, mut half) = (Easel::new(face), Vec::new());
    for (index, guess) in guesses.iter_mut().enumerate() {
        let (row, column) = (index / frame.columns, index % frame.columns);
        if column == 0 {
            easel.begin();
        }
        let (ground, ink) = look(guess);
        let own = before.filter(|_| is_picture(guess)).map(|screen| screen.cell((row, column), face.size()));
        if !is_looked_at(guess, before.is_some()) {
            continue;
        }
        let Guess::Inked { candidates, blank, apart, .. } = guess else { continue };
        let window = Window { across: lens.column(column, BESIDE), down: lens.row(row, BESIDE) };
        window.see(light, width, &mut easel.seen.light);
        window.ones(&mut easel.seen.ones);
        // What was taken off of this cell itself comes back.
        match (ink, own) {
            (_, Some(own)) => {
                window.draw(&own, &mut half, &mut easel.drawn);
                for (seen, own) in easel.seen.light.iter_mut().zip(&easel.drawn) {
                    *seen += own;
                }
            }
            (Some((contrast, glyph)), None) => {
                easel.draw(&window, face, glyph);
                let own = easel.seen.ones.iter().zip(&easel.drawn);
                for (seen, (one, ink)) in easel.seen.light.iter_mut().zip(own) {
                    *seen += ground * one + contrast * ink;
                }
            }
            (None, None) => {
                for (seen, one) in easel.seen.light.iter_mut().zip(&easel.seen.ones) {
                    *seen += ground * one;
                }
            }
        }
        easel.seen.weigh();
        *blank = easel.seen.error_of_blank();
        for candidate in candidates.iter_mut() {
            candidate.explained = easel.explain(&window, face, candidate.glyph);
        }
        candidates.sort_by(|one, other| one.explained.error.total_cmp(&other.explained.error));
        drop_faint_cursors(candidates, face);
        drop_vague_shades(candidates, face);
        if let [best, next, ..] = candidates[..] {
            let first = easel.drawn_again(&window, face, best);
            let second = easel.drawn_again(&window, face, next);
            let squares = first.iter().zip(&second).map(|(one, other)| (one - other).powi(2));
            *apart = squares.sum::<f32>() / first.len().max(1) as f32;
        }
    }
}
