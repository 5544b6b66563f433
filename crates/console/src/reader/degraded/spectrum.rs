//! How far apart the cells of a picture are: the distances at which its ink repeats.
//!
//! Glyphs are drawn with a gap to their neighbours, so the ink of all rows of text together comes and goes with the columns,
//! and that of all columns with the rows.

use super::bank::{PLACES, Profile, centred};
use super::plane::Plane;

/// The nearest and the farthest that cells may be apart, in pixels: six pixels at three quarters, sixteen by thirty-two at
/// three times their size.
const NEAREST: f64 = 4.4;
const FARTHEST: f64 = 100.0;

/// The profile is padded to this many times its length, which puts as many points on each peak of its spectrum.
const PADDING: usize = 4;

/// A change from pixel to pixel counts up to this much: edges of pictures are not more than those of letters.
const MOST_CHANGE: f32 = 120.0;

/// Changes less than this are noise.
const LEAST_CHANGE: f32 = 10.0;

/// Repetitions that are slower than this many pixels are words and paragraphs.
const WORD: usize = 80;

/// A distance at which the ink of an axis repeats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repetition {
    /// In pixels.
    pub(super) distance: f64,
    /// How much of the ink does, with the best of the picture as 1.
    pub(super) strength: f64,
}

/// The ink along one axis, and its spectrum.
pub(super) struct Axis {
    /// How much changes across the other axis, at each pixel of this one.
    profile: Vec<f32>,
    /// The strength of each frequency, of which `spectrum.len() * 2` fill one pixel.
    spectrum: Vec<f32>,
    strongest: f64,
}

/// The axes of a picture: columns along x, and rows along y.
pub(super) fn axes(plane: &Plane) -> (Axis, Axis) {
    let (width, height) = (plane.width, plane.height);
    let (mut across, mut down) = (vec![0.0; width], vec![0.0; height]);
    let change = |one: f32, other: f32| {
        let change = (one - other).abs();
        if change < LEAST_CHANGE {
            0.0
        } else if change > MOST_CHANGE {
            MOST_CHANGE
        } else {
            change
        }
    };
    for (y, (here, down)) in plane.light.chunks_exact(width).zip(&mut down).enumerate() {
        *down = here.iter().zip(&here[1..]).map(|(one, other)| change(*one, *other)).sum();
        if y > 0 {
            let above = &plane.light[(y - 1) * width..y * width];
            for ((sum, one), other) in across.iter_mut().zip(here).zip(above) {
                *sum += change(*one, *other);
            }
        }
    }
    (Axis::new(across), Axis::new(down))
}

impl Axis {
    fn new(profile: Vec<f32>) -> Self {
        let length = (profile.len() * PADDING).next_power_of_two().max(64);
        let mut real = without_trend(&profile);
        real.resize(length, 0.0);
        let mut imaginary = vec![0.0; length];
        transform(&mut real, &mut imaginary);
        let spectrum: Vec<f32> =
            real.iter().zip(&imaginary).take(length / 2).map(|(re, im)| re.hypot(*im)).collect();
        let mut axis = Self { profile, spectrum, strongest: 1.0 };
        axis.strongest = axis.peaks().first().map_or(1.0, |peak| peak.strength.max(f64::MIN_POSITIVE));
        axis
    }

    /// The strength of a distance.
    pub(super) fn strength(&self, distance: f64) -> f64 {
        self.raw_strength(self.spectrum.len() as f64 * 2.0 / distance) / self.strongest
    }

    /// The distances that stand out most, the strongest first.
    pub(super) fn repetitions(&self, most: usize) -> Vec<Repetition> {
        let mut peaks = self.peaks();
        peaks.truncate(most);
        let share = |peak: &mut Repetition| peak.strength /= self.strongest;
        peaks.iter_mut().for_each(share);
        peaks
    }

    /// The strength of a frequency with its first overtones, which gaps between letters have and words have not.
    fn raw_strength(&self, frequency: f64) -> f64 {
        let at = |frequency: f64| {
            let below = frequency as usize;
            let part = frequency - below as f64;
            let value = |index: usize| self.spectrum.get(index).map_or(0.0, |value| f64::from(*value));
            value(below) * (1.0 - part) + value(below + 1) * part
        };
        at(frequency) + at(2.0 * frequency) + 0.7 * at(3.0 * frequency)
    }

    fn peaks(&self) -> Vec<Repetition> {
        let length = self.spectrum.len() as f64 * 2.0;
        let farthest = FARTHEST.min(self.profile.len() as f64 / 2.0);
        let (first, last) = ((length / farthest) as usize, (length / NEAREST) as usize);
        let last = last.min(self.spectrum.len().saturating_sub(2));
        let strengths: Vec<f64> =
            (first.saturating_sub(1)..=last + 1).map(|at| self.raw_strength(at as f64)).collect();
        let mut peaks: Vec<Repetition> = strengths
            .windows(3)
            .enumerate()
            .filter(|(_, around)| around[1] > around[0] && around[1] >= around[2])
            .map(|(index, around)| {
                let bend = around[0] - 2.0 * around[1] + around[2];
                let off = if bend == 0.0 { 0.0 } else { 0.5 * (around[0] - around[2]) / bend };
                let frequency = (first.saturating_sub(1) + index + 1) as f64 + off;
                Repetition { distance: length / frequency, strength: around[1] }
            })
            .collect();
        peaks.sort_by(|one, other| other.strength.total_cmp(&one.strength));
        peaks
    }

    /// How much ink there is at each part of the distance.
    pub(super) fn folded(&self, distance: f64) -> Profile {
        let mut sums = [(0.0_f32, 0.0_f32); PLACES];
        for (index, value) in self.profile.iter().enumerate() {
            let place = ((index as f64 + 0.5) / distance).fract() * PLACES as f64;
            let (sum, count) = &mut sums[(place as usize).min(PLACES - 1)];
            *sum += value;
            *count += 1.0;
        }
        // Where distances are small, some parts may have no pixel of their own.
        let mut last = sums.iter().rev().find(|(_, count)| *count > 0.0).copied().unwrap_or_default();
        centred(sums.map(|sum| {
            if sum.1 > 0.0 {
                last = sum;
            }
            last.0 / last.1.max(1.0)
        }))
    }
}

/// The parts of a distance by which a face's profile is to be moved to agree with the ink, the best two, with how well
/// they agree: 1 at best.
pub(super) fn agreements(ink: &Profile, face: &Profile) -> [(usize, f32); 2] {
    let length = |profile: &Profile| profile.iter().map(|value| value * value).sum::<f32>().sqrt();
    let unit = (length(ink) * length(face)).max(f32::MIN_POSITIVE);
    let at = |shift: usize| {
        let moved = ink.iter().cycle().skip(shift);
        face.iter().zip(moved).map(|(face, ink)| face * ink).sum::<f32>() / unit
    };
    let values: [f32; PLACES] = std::array::from_fn(at);
    let is_peak = |shift: &usize| {
        let (before, after) = (values[(shift + PLACES - 1) % PLACES], values[(shift + 1) % PLACES]);
        values[*shift] >= before && values[*shift] >= after
    };
    let mut peaks: Vec<usize> = (0..PLACES).filter(is_peak).collect();
    peaks.sort_by(|one, other| values[*other].total_cmp(&values[*one]));
    let peak =
        |index: usize| peaks.get(index).or(peaks.first()).map_or((0, 0.0), |shift| (*shift, values[*shift]));
    [peak(0), peak(1)]
}

/// The profile without what changes slower than words do.
fn without_trend(profile: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0_f32; profile.len() + 1];
    for (index, value) in profile.iter().enumerate() {
        sums[index + 1] = sums[index] + value;
    }
    let mean = |index: usize| {
        let (from, to) = (index.saturating_sub(WORD / 2), (index + WORD / 2).min(profile.len()));
        (sums[to] - sums[from]) / (to - from).max(1) as f32
    };
    profile.iter().enumerate().map(|(index, value)| value - mean(index)).collect()
}

/// The discrete Fourier transform in place; the length is a power of two.
fn transform(real: &mut [f32], imaginary: &mut [f32]) {
    let length = real.len();
    let shift = usize::BITS - length.trailing_zeros();
    for index in 0..length {
        let mirrored = index.reverse_bits() >> shift;
        if index < mirrored {
            real.swap(index, mirrored);
            imaginary.swap(index, mirrored);
        }
    }
    let mut half = 1;
    while half < length {
        let angle = -std::f32::consts::PI / half as f32;
        let turns: Vec<(f32, f32)> = (0..half).map(|turn| (angle * turn as f32).sin_cos()).collect();
        for start in (0..length).step_by(2 * half) {
            for (offset, (sin, cos)) in turns.iter().enumerate() {
                let (low, high) = (start + offset, start + offset + half);
                let re = real[high] * cos - imaginary[high] * sin;
                let im = real[high] * sin + imaginary[high] * cos;
                (real[high], imaginary[high]) = (real[low] - re, imaginary[low] - im);
                (real[low], imaginary[low]) = (real[low] + re, imaginary[low] + im);
            }
        }
        half *= 2;
    }
}
