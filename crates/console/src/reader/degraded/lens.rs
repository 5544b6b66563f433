//! How glyphs look on a scaled picture: drawn with the resampling that the picture went through.

use std::sync::OnceLock;

use super::frame::Frame;
use super::plane::Plane;

/// A resampling filter: how much of a source pixel reaches a pixel of the picture, by their distance in source pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Filter {
    shape: Shape,
    /// How many times wider it is than for enlarging.
    width: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Bilinear.
    Triangle,
    /// Bicubic, with Catmull's and Rom's constant, and with that of browsers and cameras.
    Cubic(f64),
    /// Lanczos with three lobes.
    Lanczos,
    /// Bicubic twice: made smaller, and larger again.
    Twice,
}

/// The filters that are tried. The wide triangles stand for pictures that were compressed much.
pub(super) const FILTERS: [Filter; 8] = [
    Filter { shape: Shape::Triangle, width: 1.0 },
    Filter { shape: Shape::Cubic(-0.5), width: 1.0 },
    Filter { shape: Shape::Cubic(-0.75), width: 1.0 },
    Filter { shape: Shape::Lanczos, width: 1.0 },
    Filter { shape: Shape::Twice, width: 1.28 },
    Filter { shape: Shape::Twice, width: 1.12 },
    Filter { shape: Shape::Triangle, width: 1.35 },
    Filter { shape: Shape::Triangle, width: 1.6 },
];

impl Filter {
    fn reach(self) -> f64 {
        self.width
            * match self.shape {
                Shape::Triangle => 1.0,
                Shape::Cubic(_) => 2.0,
                Shape::Lanczos => 3.0,
                Shape::Twice => 4.0,
            }
    }

    fn at(self, distance: f64) -> f64 {
        let x = (distance / self.width).abs();
        match self.shape {
            Shape::Triangle => (1.0 - x).max(0.0),
            Shape::Cubic(a) => cubic(a, x),
            Shape::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
            Shape::Lanczos => 0.0,
            Shape::Twice => twice(x),
        }
    }

    /// The filter where the picture has so many pixels for one of the screen: to make a smaller picture it is wider.
    fn at_scale(self, scale: f64) -> Self {
        Self { width: self.width * (1.0 / scale).max(1.0), ..self }
    }
}

fn cubic(a: f64, x: f64) -> f64 {
    if x < 1.0 {
        (a + 2.0) * x.powi(3) - (a + 3.0) * x.powi(2) + 1.0
    } else if x < 2.0 {
        a * (x.powi(3) - 5.0 * x.powi(2) + 8.0 * x - 4.0)
    } else {
        0.0
    }
}

/// The cubic filter of Catmull and Rom folded with itself.
fn twice(x: f64) -> f64 {
    /// Points of the table for each pixel.
    const STEPS: usize = 16;
    static TABLE: OnceLock<Vec<f64>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let place = |index: usize| index as f64 / STEPS as f64;
        let folded = |index: usize| {
            let parts = (0..4 * STEPS).map(|part| {
                let at = place(part) - 2.0;
                cubic(-0.5, at.abs()) * cubic(-0.5, (place(index) - at).abs())
            });
            parts.sum::<f64>() / STEPS as f64
        };
        (0..=4 * STEPS + 1).map(folded).collect()
    });
    let at = x * STEPS as f64;
    let below = at as usize;
    match (table.get(below), table.get(below + 1)) {
        (Some(one), Some(other)) => one + (other - one) * (at - below as f64),
        _ => 0.0,
    }
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x.abs() < 1e-6 { 1.0 } else { x.sin() / x }
}

/// The pixels of the picture along one axis of a cell, with what reaches each of them.
pub(super) struct Taps {
    /// The first pixel.
    pub(super) first: usize,
    /// Of each pixel: the first source pixel, from the margin before the cell, and the weights from there.
    pub(super) pixels: Vec<(usize, [f32; MOST_TAPS], usize)>,
}

/// Source pixels around a cell that are drawn with it: what stands there reaches into it.
pub(super) const MARGIN: usize = 3;

/// The most source pixels that reach one pixel; the outer lobes of wider filters are next to nothing.
const MOST_TAPS: usize = 8;

impl Taps {
    /// The pixels of a cell that begins at `from` and has `cells` source pixels, `scale` pixels for each. `edges` are how
    /// many source pixels next to its two borders are left out.
    pub(super) fn new(
        filter: Filter,
        from: f64,
        cells: usize,
        scale: f64,
        edges: (f64, f64),
        limit: usize,
    ) -> Self {
        let filter = filter.at_scale(scale);
        let last = (from + (cells as f64 - edges.1) * scale - 0.5).floor().min(limit as f64 - 1.0);
        let first = (from + edges.0 * scale - 0.5).ceil().max(0.0);
        let mut taps = Self { first: first as usize, pixels: Vec::new() };
        let mut pixel = first;
        while pixel <= last {
            let source = (pixel + 0.5 - from) / scale - 0.5;
            taps.pixels.push(weights(filter, source, cells));
            pixel += 1.0;
        }
        taps
    }
}

/// The weights of the source pixels that reach a point between them.
fn weights(filter: Filter, source: f64, cells: usize) -> (usize, [f32; MOST_TAPS], usize) {
    let margin = MARGIN as f64;
    let first = (source - filter.reach()).ceil().max(source.floor() - 3.0).max(-margin);
    let last = (source + filter.reach()).floor().min(cells as f64 - 1.0 + margin);
    let mut weights = [0.0; MOST_TAPS];
    let mut count = 0;
    let mut sum = 0.0;
    let mut at = first;
    while at <= last && count < MOST_TAPS {
        let weight = filter.at(source - at);
        weights[count] = weight as f32;
        sum += weight;
        count += 1;
        at += 1.0;
    }
    if sum.abs() > 1e-6 {
        weights.iter_mut().for_each(|weight| *weight /= sum as f32);
    }
    ((first + margin) as usize, weights, count)
}

/// The picture's window of one cell: columns and rows of pixels.
pub(super) struct Window<'t> {
    pub(super) across: &'t Taps,
    pub(super) down: &'t Taps,
}

impl Window<'_> {
    /// The light of its pixels.
    pub(super) fn see(&self, plane: &Plane, seen: &mut Vec<f32>) {
        seen.clear();
        for y in self.down.first..self.down.first + self.down.pixels.len() {
            let row = &plane.light[y * plane.width..(y + 1) * plane.width];
            seen.extend(&row[self.across.first..self.across.first + self.across.pixels.len()]);
        }
    }

    /// Draws a piece of a screen: a cell with [`MARGIN`] pixels around it.
    pub(super) fn draw(&self, patch: &Patch, half: &mut Vec<f32>, drawn: &mut Vec<f32>) {
        half.clear();
        for (first, weights, count) in &self.down.pixels {
            let start = half.len();
            half.resize(start + patch.width, 0.0);
            for (row, weight) in weights[..*count].iter().enumerate() {
                let from = &patch.values[(first + row) * patch.width..][..patch.width];
                for (sum, value) in half[start..].iter_mut().zip(from) {
                    *sum += weight * value;
                }
            }
        }
        drawn.clear();
        for row in half.chunks_exact(patch.width) {
            drawn.extend(self.across.pixels.iter().map(|(first, weights, count)| {
                let taps = weights[..*count].iter().zip(&row[*first..]);
                taps.map(|(weight, value)| weight * value).sum::<f32>()
            }));
        }
    }
}

/// A cell of a screen with a margin around it.
pub(super) struct Patch {
    pub(super) width: usize,
    pub(super) values: Vec<f32>,
}

impl Patch {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let width = width + 2 * MARGIN;
        Self { width, values: vec![0.0; width * (height + 2 * MARGIN)] }
    }

    /// Puts a drawing of this width into the middle.
    pub(super) fn put(&mut self, ink: &[f32], width: usize) {
        for (row, values) in ink.chunks_exact(width).enumerate() {
            self.values[(row + MARGIN) * self.width + MARGIN..][..width].copy_from_slice(values);
        }
    }
}

/// Pixels of a face at the border of the screen that are not looked at.
const OUTER_EDGE: f64 = 0.6;

/// The taps of all columns and rows of a frame.
pub(super) struct Lens {
    pub(super) across: Vec<Taps>,
    pub(super) down: Vec<Taps>,
}

impl Lens {
    /// For a face of this size; `edge` is how many of its pixels next to the border of each cell are left out. Where the
    /// screen ends, what is beside it blurs the outermost, which are left out in any case.
    pub(super) fn new(
        filter: Filter,
        frame: &Frame,
        (width, height): (usize, usize),
        edge: f64,
        picture: (usize, usize),
    ) -> Self {
        let (scale_x, scale_y) = (frame.pitch / width as f64, frame.line / height as f64);
        let edges = |index: usize, count: usize| {
            let side = |is_outer: bool| if is_outer { edge.max(OUTER_EDGE) } else { edge };
            (side(index == 0), side(index + 1 == count))
        };
        let column = |column: usize| {
            let from = frame.x + frame.pitch * column as f64;
            Taps::new(filter, from, width, scale_x, edges(column, frame.columns), picture.0)
        };
        let row = |row: usize| {
            let from = frame.y + frame.line * row as f64;
            Taps::new(filter, from, height, scale_y, edges(row, frame.rows), picture.1)
        };
        Self { across: (0..frame.columns).map(column).collect(), down: (0..frame.rows).map(row).collect() }
    }

    pub(super) fn window(&self, row: usize, column: usize) -> Window<'_> {
        Window { across: &self.across[column], down: &self.down[row] }
    }
}

/// How a drawing explains a window of the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Explained {
    /// The light of the ground.
    pub(super) ground: f32,
    /// How much lighter the ink is.
    pub(super) contrast: f32,
    /// What is left unexplained: the mean square of the difference.
    pub(super) error: f32,
    /// The mean square of the light without its mean.
    pub(super) total: f32,
}

/// Fits `seen` by a ground and a drawing.
pub(super) fn explain(seen: &[f32], ground: &[f32], drawn: &[f32]) -> Explained {
    let count = seen.len().max(1) as f32;
    let (mut gg, mut gd, mut dd, mut gs, mut ds, mut ss, mut s) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0_f32);
    for ((seen, ground), drawn) in seen.iter().zip(ground).zip(drawn) {
        gg += ground * ground;
        gd += ground * drawn;
        dd += drawn * drawn;
        gs += ground * seen;
        ds += drawn * seen;
        ss += seen * seen;
        s += seen;
    }
    let determinant = gg * dd - gd * gd;
    let (ground, contrast) = if determinant.abs() > 1e-4 * gg * dd {
        ((gs * dd - ds * gd) / determinant, (ds * gg - gs * gd) / determinant)
    } else {
        (gs / gg.max(1e-6), 0.0)
    };
    let error = (ss - ground * gs - contrast * ds).max(0.0) / count;
    Explained { ground, contrast, error, total: (ss - s * s / count).max(0.0) / count }
}
