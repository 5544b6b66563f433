//! The glyphs of a face as they look on a picture that was scaled back to the size of its screen.

use std::cmp::Ordering;
use std::ops::Range;

use super::bank::{Face, RIVALS, likeness, pattern};
use super::frame::Frame;
use super::sharpen::Sharp;

/// The blur of pictures that were made smaller and larger again.
const BLURRED: f32 = 0.2;

/// How many glyphs of a cell are looked at closely.
const CLOSE: usize = 12;

/// An ASCII character that is so much like a cell stands there, or one that is drawn like it.
const SURE: f32 = 0.8;

/// How many letters may turn out to stand in a cell when a frame is moved a little.
const LETTERS: usize = 6;

/// Glyphs whose coarse pattern is so much less like a cell than the best one are not looked at.
const ALMOST: f32 = 0.35;

/// The blur with which glyphs are compared with each other.
const BETWEEN_GLYPHS: f32 = 0.1;

/// The patterns of the glyphs of a face.
pub(super) struct Templates<'f> {
    face: &'f Face,
    blur: f32,
    size: usize,
    /// The patterns of glyphs, `size` numbers each: those of ASCII, and others in the order in which they were needed.
    patterns: Vec<i16>,
    /// Which of them is that of each glyph, if it is there.
    places: Vec<Option<u32>>,
    /// How many of them are of ASCII, which come first.
    ascii: usize,
    /// What is needed to make one.
    across: Vec<f32>,
    both: Vec<f32>,
}

impl<'f> Templates<'f> {
    /// The patterns of a face's glyphs; each pixel gives this part of its light to each of its neighbours.
    pub(super) fn of(face: &'f Face, blur: f32) -> Self {
        let (size, count) = (face.width * face.height, face.glyphs.len());
        let ascii = face.glyphs.iter().take_while(|glyph| glyph.character.is_ascii()).count();
        let mut templates = Self {
            face,
            blur,
            size,
            patterns: Vec::with_capacity(size * 2 * ascii),
            places: vec![None; count],
            ascii,
            across: vec![0.0; size],
            both: vec![0.0; size],
        };
        (0..ascii).for_each(|glyph| templates.make(glyph));
        templates
    }

    /// Makes the pattern of a glyph, if it is not there.
    fn make(&mut self, glyph: usize) {
        if self.places[glyph].is_none() {
            let (ink, width) = (&self.face.glyphs[glyph].ink, self.face.width);
            blurred_across(ink, width, self.blur, &mut self.across);
            blurred_down(&self.across, width, self.blur, &mut self.both);
            let from = self.patterns.len();
            self.patterns.resize(from + self.size, 0);
            pattern(&self.both, &mut self.patterns[from..]);
            self.places[glyph] = u32::try_from(from / self.size).ok();
        }
    }

    /// How blurred a screen is that was shown with a frame and sampled back: smaller ones are more so.
    pub(super) fn blur_at(frame: &Frame, face: &Face) -> f32 {
        let scale = (frame.pitch / face.width as f64).min(frame.line / face.height as f64) as f32;
        if (scale - 1.0).abs() < 0.01 { 0.02 } else { (0.24 - 0.12 * (scale - 0.8)).clamp(0.04, 0.27) }
    }

    /// The same under a filter that is known: what was blurred more than by its size is so here.
    pub(super) fn blur_of(sharp: &Sharp<'_>) -> f32 {
        let blur = Self::blur_at(&sharp.frame, sharp.face);
        if sharp.filter.is_blur() { blur.max(BLURRED) } else { blur }
    }

    /// The ASCII characters that are most like a cell, whichever of ink and ground is lighter.
    pub(super) fn letters(&self, cell: &[i16]) -> Vec<usize> {
        let alike = (0..self.ascii).map(|glyph| (glyph, likeness(self.pattern(glyph), cell)));
        let mut alike: Vec<(usize, f32)> = alike.collect();
        if alike.len() > LETTERS {
            alike.select_nth_unstable_by(LETTERS, most_alike);
            alike.truncate(LETTERS);
        }
        alike.into_iter().map(|(glyph, _)| glyph).collect()
    }

    /// How alike the most similar of some glyphs is.
    pub(super) fn likeness_of(&self, glyphs: &[usize], cell: &[i16]) -> f32 {
        glyphs.iter().map(|glyph| likeness(self.pattern(*glyph), cell).abs()).fold(0.0, f32::max)
    }

    /// The most similar glyphs with their likeness, the best first; less than 0 where ink and ground are exchanged.
    ///
    /// Where an ASCII character is much like the cell, of all others only those are looked at that are drawn like it.
    pub(super) fn best(&mut self, coarse: &[i16], cell: &[i16]) -> Vec<(usize, f32)> {
        let mut close = self.closest_letters(coarse, cell);
        match close.first() {
            Some((letter, alike)) if alike.abs() > SURE => {
                for glyph in self.rivals_of(*letter) {
                    self.make(glyph);
                    close.push((glyph, likeness(self.pattern(glyph), cell)));
                }
            }
            _ => close.extend(self.closest_others(coarse, cell)),
        }
        close.sort_by(most_alike);
        close
    }

    /// How alike the most similar ASCII character is.
    pub(super) fn best_letter(&self, cell: &[i16]) -> f32 {
        let letters = self.patterns.chunks_exact(self.size).take(self.ascii);
        letters.map(|letter| likeness(letter, cell).abs()).fold(0.0, f32::max)
    }

    /// The most similar ASCII characters.
    fn closest_letters(&self, coarse: &[i16], cell: &[i16]) -> Vec<(usize, f32)> {
        let mut close = self.near(0..self.ascii, coarse);
        for (glyph, alike) in &mut close {
            *alike = likeness(self.pattern(*glyph), cell);
        }
        most_alike_of(&mut close);
        close.sort_by(most_alike);
        close
    }

    /// The most similar others, of those that are so from afar too: there are hundreds.
    fn closest_others(&mut self, coarse: &[i16], cell: &[i16]) -> Vec<(usize, f32)> {
        let mut close = self.near(self.ascii..self.face.glyphs.len(), coarse);
        most_alike_of(&mut close);
        for (glyph, alike) in &mut close {
            self.make(*glyph);
            *alike = likeness(self.pattern(*glyph), cell);
        }
        close
    }

    /// Those of some glyphs that are like a cell from afar.
    fn near(&self, glyphs: Range<usize>, coarse: &[i16]) -> Vec<(usize, f32)> {
        let alike =
            self.face.glyphs[glyphs.clone()].iter().map(|glyph| likeness(&glyph.coarse, coarse).abs());
        let mut near: Vec<(usize, f32)> = glyphs.zip(alike).collect();
        let most = near.iter().map(|(_, alike)| *alike).fold(0.0, f32::max);
        near.retain(|(_, alike)| *alike > most - ALMOST);
        near
    }

    /// The characters beyond ASCII that are drawn most like a letter.
    fn rivals_of(&self, letter: usize) -> [usize; RIVALS] {
        self.face.rivals.get_or_init(|| rivals(self.face))[letter]
    }

    /// The pattern of a glyph that was made.
    fn pattern(&self, glyph: usize) -> &[i16] {
        let place = self.places[glyph].map_or(0, |place| place as usize);
        &self.patterns[place * self.size..][..self.size]
    }
}

/// The characters beyond ASCII that are drawn most like each ASCII character.
fn rivals(face: &Face) -> Vec<[usize; RIVALS]> {
    let mut templates = Templates::of(face, BETWEEN_GLYPHS);
    let others = templates.ascii..face.glyphs.len();
    others.clone().for_each(|glyph| templates.make(glyph));
    let rivals = (0..templates.ascii).map(|letter| {
        let likeness = |glyph| (glyph, likeness(templates.pattern(glyph), templates.pattern(letter)));
        let mut alike: Vec<(usize, f32)> = others.clone().map(likeness).collect();
        if alike.len() > RIVALS {
            alike.select_nth_unstable_by(RIVALS, most_alike);
        }
        // Fonts of ASCII alone have none: the letter itself does no harm.
        std::array::from_fn(|index| alike.get(index).map_or(letter, |(glyph, _)| *glyph))
    });
    rivals.collect()
}

/// Leaves the most similar ones.
fn most_alike_of(glyphs: &mut Vec<(usize, f32)>) {
    if glyphs.len() > CLOSE {
        glyphs.select_nth_unstable_by(CLOSE, most_alike);
        glyphs.truncate(CLOSE);
    }
}

fn most_alike(one: &(usize, f32), other: &(usize, f32)) -> Ordering {
    other.1.abs().total_cmp(&one.1.abs())
}

/// The values in lines of `length`, each with a part of those beside it.
fn blurred_across(values: &[f32], length: usize, part: f32, blurred: &mut [f32]) {
    for (line, blurred) in values.chunks_exact(length).zip(blurred.chunks_exact_mut(length)) {
        for (place, value) in blurred.iter_mut().zip(line) {
            *place = value * (1.0 - 2.0 * part);
        }
        for (place, before) in blurred[1..].iter_mut().zip(line) {
            *place += before * part;
        }
        for (place, after) in blurred.iter_mut().zip(&line[1..]) {
            *place += after * part;
        }
    }
}

/// The same with the lines above and below.
fn blurred_down(values: &[f32], length: usize, part: f32, blurred: &mut [f32]) {
    for (place, value) in blurred.iter_mut().zip(values) {
        *place = value * (1.0 - 2.0 * part);
    }
    for (place, above) in blurred[length..].iter_mut().zip(values) {
        *place += above * part;
    }
    for (place, below) in blurred.iter_mut().zip(&values[length..]) {
        *place += below * part;
    }
}
