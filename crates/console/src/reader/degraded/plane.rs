//! The light of a picture, and what of it falls into a rectangle.

use crate::Image;

/// The most pixels of a picture that is read so: an 8K screen has more, but no controller scales or compresses one. With
/// eight bytes for each, the sums stay below 80 megabytes.
const MOST_PIXELS: usize = 4096 * 2400;

/// The brightness of each pixel, and sums of it.
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    /// From 0 to 255, row by row.
    pub(super) light: Vec<f32>,
    /// The sum of all pixels above and left of a corner, `width + 1` corners in each row.
    sums: Vec<f64>,
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
        let stride = width + 1;
        let mut sums = vec![0.0; stride * (height + 1)];
        for (y, row) in light.chunks_exact(width).enumerate() {
            let (above, here) = sums[y * stride..(y + 2) * stride].split_at_mut(stride);
            let mut sum = 0.0;
            for ((value, above), here) in row.iter().zip(&above[1..]).zip(&mut here[1..]) {
                sum += f64::from(*value);
                *here = above + sum;
            }
        }
        Some(Self { width, height, light, sums })
    }

    /// The sum of the light above and left of a point; points outside count as on the edge.
    fn sum_before(&self, x: Point, y: Point) -> f64 {
        let stride = self.width + 1;
        let (top, bottom) = (y.below * stride, y.above * stride);
        let line = |from: usize| {
            let (left, right) = (self.sums[from + x.below], self.sums[from + x.above]);
            left + (right - left) * x.part
        };
        let (above, below) = (line(top), line(bottom));
        above + (below - above) * y.part
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
        let (mut least, mut greatest) = (first, first);
        for row in rows {
            for light in &self.light[row * self.width..][columns.clone()] {
                (least, greatest) = (least.min(*light), greatest.max(*light));
            }
            if greatest - least > most {
                return None;
            }
        }
        Some((least + greatest) / 2.0)
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
        let mut xs = [Point::default(); MOST_SAMPLES + 1];
        let xs = &mut xs[..=columns.min(MOST_SAMPLES)];
        for (index, x) in xs.iter_mut().enumerate() {
            *x = point(left, width, index, columns, self.width);
        }
        let scale = (columns * rows) as f64 / (width * height);
        let mut above = [0.0; MOST_SAMPLES + 1];
        for row in 0..=rows {
            let y = point(top, height, row, rows, self.height);
            let mut before = (0.0, 0.0);
            for (index, (x, above)) in xs.iter().zip(&mut above).enumerate() {
                let here = self.sum_before(*x, y);
                if row > 0 && index > 0 {
                    let sum = (here - *above) - (before.0 - before.1);
                    samples.push((sum * scale) as f32);
                }
                before = (here, *above);
                *above = here;
            }
        }
    }
}

/// The most samples across a cell that are taken: the widest cell has sixteen pixels.
pub(super) const MOST_SAMPLES: usize = 32;

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
    part: f64,
}

impl Point {
    fn new(at: f64, limit: usize) -> Self {
        let at = at.clamp(0.0, limit as f64);
        let below = at as usize;
        Self { below, above: (below + 1).min(limit), part: at - below as f64 }
    }
}
