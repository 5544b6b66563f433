//! The light of a picture, and what of it falls into a rectangle.

use std::ops::Range;

use super::bank::LANES;
use crate::Image;

/// The most pixels of a picture that is read so: an 8K screen has more, but no controller scales or compresses one. With
/// eight bytes for each, that is below 80 megabytes.
const MOST_PIXELS: usize = 4096 * 2400;

/// Parts of a step of light in which it is summed: whole numbers, so that the difference of two large sums is exact. A column of
/// the highest picture has less than `u32` holds.
const PER_STEP: f32 = 1024.0;

/// The brightness of each pixel, and sums of it.
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    /// From 0 to 255, row by row.
    pub(super) light: Vec<f32>,
    /// The sum of all pixels of a column above a row, in [`PER_STEP`] of a step of light: `height + 1` rows. Sums may have begun again
    /// from 0: their differences tell.
    sums: Vec<u32>,
}

impl Plane {
    /// The light of a picture; nothing where the picture is too large or has no pixels.
    pub(super) fn of(image: &Image) -> Option<Self> {
        let (width, height) = (image.width as usize, image.height as usize);
        if image.pixels.is_empty() || image.pixels.len() > MOST_PIXELS {
            return None;
        }
        // The weights of JPEG, whose colours are blurred and whose light is not.
        let light = |pixel: &u32| {
            let [_, red, green, blue] = pixel.to_be_bytes();
            0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue)
        };
        let light: Vec<f32> = image.pixels.iter().map(light).collect();
        let mut sums = Vec::with_capacity(width * (height + 1));
        sums.resize(width, 0_u32);
        for (y, row) in light.chunks_exact(width).enumerate() {
            sums.extend_from_within(y * width..);
            for (sum, value) in sums[(y + 1) * width..].iter_mut().zip(row) {
                *sum = sum.wrapping_add((value * PER_STEP + 0.5) as u32);
            }
        }
        Some(Self { width, height, light, sums })
    }

    /// The light of a rectangle that deviates less than this from its mean everywhere; nothing where it may deviate more.
    pub(super) fn flat(&self, area: Rectangle, most: f32) -> Option<f32> {
        let side = |from: f64, length: f64, limit: usize| {
            let end = ((from + length).ceil().max(0.0) as usize).min(limit);
            (from.floor().max(0.0) as usize).min(end)..end
        };
        let columns = side(area.left, area.width, self.width);
        let rows = side(area.top, area.height, self.height);
        let first = *self.light.get(rows.start * self.width + columns.start)?;
        let (mut least, mut greatest) = ([first; LANES], [first; LANES]);
        let (mut darkest, mut lightest) = (first, first);
        for row in rows {
            let line = self.light[row * self.width..][columns.clone()].chunks_exact(LANES);
            for light in line.remainder() {
                (darkest, lightest) = (lesser(darkest, *light), greater(lightest, *light));
            }
            for light in line {
                for lane in 0..LANES {
                    least[lane] = lesser(least[lane], light[lane]);
                    greatest[lane] = greater(greatest[lane], light[lane]);
                }
            }
            (darkest, lightest) =
                (least.into_iter().fold(darkest, lesser), greatest.into_iter().fold(lightest, greater));
            if lightest - darkest > most {
                return None;
            }
        }
        Some((darkest + lightest) / 2.0)
    }

    /// The light in the middle of each of some equal parts of a line of a rectangle: the line with this index of so many. `light`
    /// is that of this picture, or what was left of it.
    pub(super) fn line_at(
        &self,
        light: &[f32],
        area: Rectangle,
        (line, lines): (usize, usize),
        parts: &mut [f32],
    ) {
        let place = |from: f64, side: f64, index: usize, count: usize, limit: usize| {
            let at = from + side * (index as f64 + 0.5) / count as f64;
            (at.max(0.0) as usize).min(limit - 1)
        };
        let row = place(area.top, area.height, line, lines, self.height) * self.width;
        let count = parts.len();
        for (index, part) in parts.iter_mut().enumerate() {
            *part = light[row + place(area.left, area.width, index, count, self.width)];
        }
    }

    /// Averages the light over a lattice of rectangles: `columns` by `rows` of them fill the rectangle from `left`, `top`
    /// with these sides. Parts of it that are outside of the picture count for nothing.
    pub(super) fn sample(&self, area: Rectangle, columns: usize, rows: usize, samples: &mut Vec<f32>) {
        samples.clear();
        let Rectangle { left, top, width, height } = area;
        let point = |from: f64, side: f64, index: usize, of: usize, limit: usize| {
            Point::new(from + side * index as f64 / of as f64, limit)
        };
        let columns = columns.min(MOST_SAMPLES);
        let mut edges = [Point::default(); MOST_SAMPLES + 1];
        for (index, edge) in edges[..=columns].iter_mut().enumerate() {
            *edge = point(left, width, index, columns, self.width);
        }
        let (edges, pixels) = (&edges[..=columns], edges[0].below..edges[columns].above);
        let scale = ((columns * rows) as f64 / (width * height)) as f32;
        // The light of each column of pixels between two borders, and the sum of those before each.
        let mut before = [0.0; WIDEST + 1];
        let mut upper = point(top, height, 0, rows, self.height);
        for row in 1..=rows {
            let lower = point(top, height, row, rows, self.height);
            let mut sum = 0.0;
            for (before, light) in before[1..].iter_mut().zip(self.band((upper, lower), pixels.clone())) {
                sum += light;
                *before = sum;
            }
            let mut last = 0.0;
            for (index, edge) in edges.iter().enumerate() {
                let sum_before = |pixel: usize| before[(pixel - pixels.start).min(WIDEST)];
                let (below, above) = (sum_before(edge.below), sum_before(edge.above));
                let here = below + (above - below) * edge.part;
                if index > 0 {
                    samples.push((here - last) * scale);
                }
                last = here;
            }
            upper = lower;
        }
    }

    /// The light of each of some columns of pixels between two borders.
    fn band(&self, (upper, lower): (Point, Point), columns: Range<usize>) -> impl Iterator<Item = f32> {
        let row = |border: Point| {
            let from = border.below * self.width;
            // The last border has no pixels below it, and needs none.
            let below = if border.below < self.height { from } else { 0 };
            self.sums[from..][columns.clone()].iter().zip(&self.light[below..][columns.clone()])
        };
        row(upper).zip(row(lower)).map(move |((sum_above, light_above), (sum, light))| {
            sum.wrapping_sub(*sum_above) as f32 / PER_STEP + lower.part * light - upper.part * light_above
        })
    }
}

/// The most samples across a cell that are taken: the widest cell has sixteen pixels.
pub(super) const MOST_SAMPLES: usize = 32;

/// And the most pixels of a picture that the widest cell has: four for each of its own.
const WIDEST: usize = 128;

/// The lesser of two numbers, and the greater, none of which is NaN: `f32::min` looks for that, and takes its time.
const fn lesser(one: f32, other: f32) -> f32 {
    if other < one { other } else { one }
}

const fn greater(one: f32, other: f32) -> f32 {
    if other > one { other } else { one }
}

/// A rectangle in pixels of the picture.
#[derive(Clone, Copy)]
pub(super) struct Rectangle {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A place on an axis between two corners of pixels.
#[derive(Clone, Copy, Default)]
struct Point {
    below: usize,
    above: usize,
    part: f32,
}

impl Point {
    fn new(at: f64, limit: usize) -> Self {
        let at = at.clamp(0.0, limit as f64);
        let below = at as usize;
        Self { below, above: (below + 1).min(limit), part: (at - below as f64) as f32 }
    }
}
