//! The glyphs of a face as they look on a picture that was scaled back to the size of its screen.

use super::bank::{COARSE, Face, Pattern, likeness, pattern};
use super::frame::Frame;

/// How many glyphs of a cell are looked at closely.
const CLOSE: usize = 12;

/// Glyphs whose coarse pattern is so much less like a cell than the best one are not looked at.
const ALMOST: f32 = 0.35;

/// The patterns of all glyphs of a face.
pub(super) struct Templates {
    size: usize,
    /// The pattern of each glyph, `size` numbers each.
    patterns: Vec<i16>,
    /// How many of them are of ASCII, which come first.
    ascii: usize,
    /// The coarse pattern of each glyph.
    coarse: Vec<Pattern<COARSE>>,
}

impl Templates {
    /// The patterns of a face's glyphs; each pixel gives this part of its light to each of its neighbours.
    pub(super) fn of(face: &Face, blur: f32) -> Self {
        let size = face.width * face.height;
        let mut patterns = vec![0; size * face.glyphs.len()];
        for (glyph, place) in face.glyphs.iter().zip(patterns.chunks_exact_mut(size)) {
            let across = blurred(&glyph.ink, face.width, 1, blur);
            pattern(&blurred(&across, face.height, face.width, blur), place);
        }
        let ascii = face.glyphs.iter().take_while(|glyph| glyph.character.is_ascii()).count();
        let coarse = face.glyphs.iter().map(|glyph| glyph.coarse).collect();
        Self { size, patterns, ascii, coarse }
    }

    /// How blurred a screen is that was shown with a frame and sampled back: smaller ones are more so.
    pub(super) fn blur_at(frame: &Frame, face: &Face) -> f32 {
        let scale = (frame.pitch / face.width as f64).min(frame.line / face.height as f64) as f32;
        if (scale - 1.0).abs() < 0.01 { 0.02 } else { (0.24 - 0.12 * (scale - 0.8)).clamp(0.04, 0.27) }
    }

    /// How alike the most similar ASCII character is, whichever of ink and ground is lighter.
    pub(super) fn best_letter(&self, cell: &[i16]) -> f32 {
        let letters = self.patterns.chunks_exact(self.size).take(self.ascii);
        letters.map(|glyph| likeness(glyph, cell).abs()).fold(0.0, f32::max)
    }

    /// The most similar glyphs with their likeness, the best first; less than 0 where ink and ground are exchanged.
    pub(super) fn best(&self, coarse: &[i16], cell: &[i16]) -> Vec<(usize, f32)> {
        let alike = self.coarse.iter().map(|glyph| likeness(glyph, coarse).abs());
        let alike: Vec<f32> = alike.collect();
        let most = alike.iter().copied().fold(0.0, f32::max);
        let near = |(_, alike): &(usize, f32)| *alike > most - ALMOST;
        let mut close: Vec<(usize, f32)> = alike.into_iter().enumerate().filter(near).collect();
        let order = |one: &(usize, f32), other: &(usize, f32)| other.1.abs().total_cmp(&one.1.abs());
        if close.len() > CLOSE {
            close.select_nth_unstable_by(CLOSE, order);
            close.truncate(CLOSE);
        }
        for (index, alike) in &mut close {
            *alike = likeness(&self.patterns[*index * self.size..][..self.size], cell);
        }
        close.sort_by(order);
        close
    }
}

/// The values along one direction, in lines of `length` with a distance of `step`, each giving a part to its neighbours.
fn blurred(values: &[f32], length: usize, step: usize, part: f32) -> Vec<f32> {
    (0..values.len())
        .map(|index| {
            let place = index / step % length;
            let before = if place > 0 { values[index - step] } else { 0.0 };
            let after = if place + 1 < length { values[index + step] } else { 0.0 };
            values[index] * (1.0 - 2.0 * part) + (before + after) * part
        })
        .collect()
}
