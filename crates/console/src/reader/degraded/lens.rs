//! How glyphs look on a scaled picture: drawn with the resampling that the picture went through.

use std::sync::OnceLock;

use super::frame::Frame;
use super::plane::{MOST_SAMPLES, Plane};

/// A resampling filter: how much of a source pixel reaches a pixel of the picture, by their distance in source pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Filter {
    shape: Shape,
    /// How many times wider it is than for enlarging.
    width: f64,
    /// Where the picture was made smaller and larger again: how many pixels the smaller one had for one of the picture, across
    /// and down.
    between: Option<(f64, f64)>,
}

/// A filter along one axis.
#[derive(Clone, Copy)]
pub(super) struct AxisFilter {
    shape: Shape,
    width: f64,
    between: Option<f64>,
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
    Filter::new(Shape::Triangle, 1.0),
    Filter::new(Shape::Cubic(-0.5), 1.0),
    Filter::new(Shape::Cubic(-0.75), 1.0),
    Filter::new(Shape::Lanczos, 1.0),
    Filter::new(Shape::Twice, 1.28),
    Filter::new(Shape::Twice, 1.12),
    Filter::new(Shape::Triangle, 1.35),
    Filter::new(Shape::Triangle, 1.6),
];

impl Filter {
    const fn new(shape: Shape, width: f64) -> Self {
        Self { shape, width, between: None }
    }

    /// The filters of a picture that was made smaller, to so many pixels for one of it across and down, and larger again.
    pub(super) fn there_and_back(between: (f64, f64)) -> [Self; 3] {
        let shapes = [Shape::Cubic(-0.5), Shape::Triangle, Shape::Lanczos];
        shapes.map(|shape| Self { shape, width: 1.0, between: Some(between) })
    }

    /// The same filter with another size between.
    pub(super) const fn through(self, between: (f64, f64)) -> Self {
        Self { between: Some(between), ..self }
    }

    /// Whether it stands for a picture that lost more than enlarging takes.
    pub(super) fn is_blur(self) -> bool {
        self.shape == Shape::Twice || self.width > 1.0 || self.between.is_some()
    }

    pub(super) fn across(self) -> AxisFilter {
        AxisFilter { shape: self.shape, width: self.width, between: self.between.map(|between| between.0) }
    }

    pub(super) fn down(self) -> AxisFilter {
        AxisFilter { shape: self.shape, width: self.width, between: self.between.map(|between| between.1) }
    }
}

impl AxisFilter {
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

/// The pixels of the picture along one axis, of a cell or of many in a row, with what reaches each of them.
pub(super) struct Taps {
    /// The first pixel.
    first: usize,
    pixels: Vec<Tap>,
}

/// What reaches one pixel.
struct Tap {
    /// The first source pixel, from the margin before the first cell.
    from: usize,
    count: usize,
    weights: [f32; MOST_TAPS],
}

/// Source pixels around a screen that are drawn with it: what stands there reaches into it.
pub(super) const MARGIN: usize = 5;

/// The most source pixels that reach one pixel, and how many of them are before it; the outer lobes of wider filters are next
/// to nothing.
const MOST_TAPS: usize = 12;
const MOST_BEFORE: f64 = 5.0;

impl Taps {
    /// The pixels of a length that begins at `from` and has `cells` source pixels, `scale` pixels for each. `edges` are how
    /// many source pixels next to its two borders are left out.
    pub(super) fn new(
        filter: AxisFilter,
        from: f64,
        cells: usize,
        scale: f64,
        edges: (f64, f64),
        limit: usize,
    ) -> Self {
        let scaled = filter.at_scale(scale);
        let last = (from + (cells as f64 - edges.1) * scale - 0.5).floor().min(limit as f64 - 1.0);
        let first = (from + edges.0 * scale - 0.5).ceil().max(0.0);
        let mut taps = Self { first: first as usize, pixels: Vec::new() };
        let mut pixel = first;
        while pixel <= last {
            let source = (pixel + 0.5 - from) / scale - 0.5;
            taps.pixels.push(match filter.between {
                None => Tap::new(scaled, source, cells),
                Some(between) => Tap::there_and_back(filter, between, pixel, (from, scale), cells),
            });
            pixel += 1.0;
        }
        taps
    }

    /// All pixels, of a single cell.
    pub(super) fn whole(&self, cells: usize) -> Side<'_> {
        Side { taps: self, first: 0, count: self.pixels.len(), origin: 0, cells }
    }

    /// The pixels of one of many cells of this length, less `edge` source pixels next to its borders.
    fn side(&self, from: f64, cells: usize, scale: f64, edge: f64, index: usize) -> Side<'_> {
        let begin = from + (index * cells) as f64 * scale;
        let inside = |at: f64| (at.max(0.0) as usize).clamp(self.first, self.first + self.pixels.len());
        let first = inside((begin + edge * scale - 0.5).ceil());
        let end = inside((begin + (cells as f64 - edge) * scale - 0.5).floor() + 1.0).max(first);
        Side { taps: self, first: first - self.first, count: end - first, origin: index * cells, cells }
    }

    /// The pixels, and how many there are.
    const fn pixels(&self) -> (usize, usize) {
        (self.first, self.pixels.len())
    }
}

impl Tap {
    /// The weights of the source pixels that reach a point between them.
    fn new(filter: AxisFilter, source: f64, cells: usize) -> Self {
        let mut tap = Self::empty(source, filter.reach(), cells);
        tap.add(filter, source, 1.0);
        tap.normalised()
    }

    /// The same of a point in a picture that was made smaller and larger again: `pixel` of the picture is a mixture of pixels
    /// of the smaller one, each of which is a mixture of source pixels. These begin at a pixel of the picture, which has so many
    /// for each.
    fn there_and_back(
        filter: AxisFilter,
        between: f64,
        pixel: f64,
        (from, scale): (f64, f64),
        cells: usize,
    ) -> Self {
        let smaller = filter.at_scale(between * scale);
        let place = (pixel + 0.5) * between - 0.5;
        let source = |place: f64| ((place + 0.5) / between - from) / scale - 0.5;
        let mut tap = Self::empty(source(place), filter.reach() / (between * scale) + smaller.reach(), cells);
        let mut mixed = (place - filter.reach()).ceil().max(0.0);
        while mixed <= place + filter.reach() {
            tap.add(smaller, source(mixed), filter.at(place - mixed));
            mixed += 1.0;
        }
        tap.normalised()
    }

    /// A tap of the source pixels within reach of a point, without weights.
    fn empty(source: f64, reach: f64, cells: usize) -> Self {
        let margin = MARGIN as f64;
        let first = (source - reach).ceil().max(source.floor() - MOST_BEFORE).max(-margin);
        let last = (source + reach).floor().min(cells as f64 - 1.0 + margin);
        let count = ((last - first + 1.0).max(0.0) as usize).min(MOST_TAPS);
        Self { from: (first + margin).max(0.0) as usize, count, weights: [0.0; MOST_TAPS] }
    }

    /// Adds what reaches a point, times a factor.
    fn add(&mut self, filter: AxisFilter, source: f64, factor: f64) {
        let first = self.from as f64 - MARGIN as f64;
        let weight = |index: usize| filter.at(source - first - index as f64);
        let mut weights = [0.0; MOST_TAPS];
        for (index, place) in weights[..self.count].iter_mut().enumerate() {
            *place = weight(index);
        }
        let sum: f64 = weights.iter().sum();
        if sum.abs() > 1e-6 {
            for (place, weight) in self.weights.iter_mut().zip(&weights) {
                *place += (weight * factor / sum) as f32;
            }
        }
    }

    fn normalised(mut self) -> Self {
        let sum: f32 = self.weights.iter().sum();
        if sum.abs() > 1e-6 {
            self.weights.iter_mut().for_each(|weight| *weight /= sum);
        }
        self
    }
}

/// One axis of a cell's window: some of the pixels of an axis.
#[derive(Clone, Copy)]
pub(super) struct Side<'t> {
    taps: &'t Taps,
    /// The first of the taps, and how many.
    first: usize,
    count: usize,
    /// The source pixel at which the cell begins, and how many it has.
    origin: usize,
    cells: usize,
}

impl Side<'_> {
    /// For each pixel, what of the cell itself reaches it: the first source pixel of the cell, and the weights from there.
    fn reached(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let margin = MARGIN + self.origin;
        self.taps.pixels[self.first..self.first + self.count].iter().map(move |tap| {
            let from = tap.from.max(margin);
            let to = (tap.from + tap.count).min(margin + self.cells).max(from);
            let skipped = (from - tap.from).min(tap.count);
            (from - margin, &tap.weights[skipped..(skipped + to - from).min(tap.count).max(skipped)])
        })
    }

    /// The first pixel of the picture.
    const fn pixel(&self) -> usize {
        self.taps.first + self.first
    }

    /// How much of a full cell reaches each pixel.
    fn ones(&self) -> impl Iterator<Item = f32> {
        self.reached().map(|(_, weights)| weights.iter().sum())
    }
}

/// The picture's window of one cell. What is seen or drawn in it lies column by column.
#[derive(Clone, Copy)]
pub(super) struct Window<'t> {
    pub(super) across: Side<'t>,
    pub(super) down: Side<'t>,
}

impl Window<'_> {
    /// The light of its pixels; `light` is a picture of this width.
    pub(super) fn see(&self, light: &[f32], width: usize, seen: &mut Vec<f32>) {
        let (left, top) = (self.across.pixel(), self.down.pixel());
        seen.clear();
        for x in left..left + self.across.count {
            seen.extend((top..top + self.down.count).map(|y| light[y * width + x]));
        }
    }

    /// What a full cell looks like.
    pub(super) fn ones(&self, ones: &mut Vec<f32>) {
        ones.clear();
        for across in self.across.ones() {
            ones.extend(self.down.ones().map(|down| across * down));
        }
    }

    /// Draws the ink of a cell.
    pub(super) fn draw(&self, ink: &[f32], half: &mut Vec<f32>, drawn: &mut Vec<f32>) {
        half.clear();
        halve(self.down, ink, self.across.cells, half);
        self.draw_half(half, drawn);
    }

    /// Draws what [`halve`] has scaled in height.
    pub(super) fn draw_half(&self, half: &[f32], drawn: &mut Vec<f32>) {
        let height = self.down.count;
        drawn.clear();
        drawn.resize(self.across.count * height, 0.0);
        if height == 0 {
            return;
        }
        for (column, (first, weights)) in drawn.chunks_exact_mut(height).zip(self.across.reached()) {
            for (weight, from) in weights.iter().zip(half[first * height..].chunks_exact(height)) {
                for (sum, value) in column.iter_mut().zip(from) {
                    *sum += weight * value;
                }
            }
        }
    }
}

/// Appends the ink of a cell scaled in height, column by column.
pub(super) fn halve(down: Side<'_>, ink: &[f32], width: usize, half: &mut Vec<f32>) {
    let (start, height) = (half.len(), down.count);
    half.resize(start + width * height, 0.0);
    let mut row = [0.0; MOST_SAMPLES];
    let row = &mut row[..width];
    for (y, (first, weights)) in down.reached().enumerate() {
        row.fill(0.0);
        for (weight, from) in weights.iter().zip(ink[first * width..].chunks_exact(width)) {
            for (sum, value) in row.iter_mut().zip(from) {
                *sum += weight * value;
            }
        }
        for (x, value) in row.iter().enumerate() {
            half[start + x * height + y] = *value;
        }
    }
}

/// The taps of all columns and rows of a frame.
pub(super) struct Lens {
    frame: Frame,
    size: (usize, usize),
    across: Taps,
    down: Taps,
}

/// Pixels of a face at the border of the screen that are not looked at: what is beside it blurs them.
const OUTER_EDGE: f64 = 0.6;

impl Lens {
    /// For a face of this size.
    pub(super) fn new(filter: Filter, frame: &Frame, size: (usize, usize), picture: (usize, usize)) -> Self {
        let (scale_x, scale_y) = frame.scale(size);
        let edges = (OUTER_EDGE, OUTER_EDGE);
        Self {
            frame: *frame,
            size,
            across: Taps::new(filter.across(), frame.x, frame.columns * size.0, scale_x, edges, picture.0),
            down: Taps::new(filter.down(), frame.y, frame.rows * size.1, scale_y, edges, picture.1),
        }
    }

    /// The pixels of a column of cells; `edge` is how many source pixels next to the border of each cell are left out.
    pub(super) fn column(&self, column: usize, edge: f64) -> Side<'_> {
        self.across.side(self.frame.x, self.size.0, self.frame.scale(self.size).0, edge, column)
    }

    /// The same of a row of cells.
    pub(super) fn row(&self, row: usize, edge: f64) -> Side<'_> {
        self.down.side(self.frame.y, self.size.1, self.frame.scale(self.size).1, edge, row)
    }

    /// Takes a screen, which has [`MARGIN`] source pixels around it and is so many wide, as it is shown, off a picture of this
    /// width.
    pub(super) fn take_off(&self, screen: &[f32], stride: usize, light: &mut [f32], width: usize) {
        let mut half = vec![0.0; stride];
        let (left, count) = self.across.pixels();
        let top = self.down.first;
        for (y, down) in self.down.pixels.iter().enumerate() {
            half.fill(0.0);
            let rows = screen[down.from * stride..].chunks_exact(stride);
            for (weight, row) in down.weights[..down.count].iter().zip(rows) {
                for (sum, value) in half.iter_mut().zip(row) {
                    *sum += weight * value;
                }
            }
            let row = &mut light[(top + y) * width + left..][..count];
            for (light, across) in row.iter_mut().zip(&self.across.pixels) {
                let taps = across.weights[..across.count].iter().zip(&half[across.from..]);
                *light -= taps.map(|(weight, value)| weight * value).sum::<f32>();
            }
        }
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

/// What is seen in a window, to be explained by a ground and a drawing.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) light: Vec<f32>,
    /// What a full cell looks like.
    pub(super) ones: Vec<f32>,
    ones_ones: f32,
    ones_light: f32,
    light_light: f32,
    sum: f32,
}

impl Explained {
    /// How much of the light is explained, 0 to 1.
    pub(super) fn share(&self) -> f32 {
        1.0 - self.error / self.total.max(1.0)
    }
}

impl Seen {
    /// Looks at a window of a picture, with a ground of one light.
    pub(super) fn look(&mut self, window: &Window<'_>, plane: &Plane) {
        window.see(&plane.light, plane.width, &mut self.light);
        self.ones.clear();
        self.ones.resize(self.light.len(), 1.0);
        self.weigh();
    }

    /// To be called when light and ones have changed.
    pub(super) fn weigh(&mut self) {
        self.ones_ones = dot(&self.ones, &self.ones);
        self.ones_light = dot(&self.ones, &self.light);
        self.light_light = dot(&self.light, &self.light);
        self.sum = self.light.iter().sum();
    }

    /// Fits it by a ground and a drawing.
    pub(super) fn explain(&self, drawn: &[f32]) -> Explained {
        let count = self.light.len().max(1) as f32;
        let (gg, gs, ss, s) = (self.ones_ones, self.ones_light, self.light_light, self.sum);
        let [gd, dd, ds] = products(&self.ones, &self.light, drawn);
        let determinant = gg * dd - gd * gd;
        let (ground, contrast) = if determinant.abs() > 1e-4 * gg * dd {
            ((gs * dd - ds * gd) / determinant, (ds * gg - gs * gd) / determinant)
        } else {
            (gs / gg.max(1e-6), 0.0)
        };
        let error = (ss - ground * gs - contrast * ds).max(0.0) / count;
        Explained { ground, contrast, error, total: (ss - s * s / count).max(0.0) / count }
    }

    /// What a blank leaves unexplained: the mean square of the difference.
    pub(super) fn error_of_blank(&self) -> f32 {
        let ground = self.ones_light / self.ones_ones.max(1e-6);
        (self.light_light - ground * self.ones_light).max(0.0) / self.light.len().max(1) as f32
    }
}

/// Numbers that are added up side by side.
const LANES: usize = 8;

fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest = ones.remainder().iter().zip(others.remainder());
    let rest: f32 = rest.map(|(one, other)| one * other).sum();
    for (one, other) in ones.zip(others) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// The products of a drawing with the ones, with itself, and with the light.
fn products(ones: &[f32], light: &[f32], drawn: &[f32]) -> [f32; 3] {
    let mut sums = [[0.0; LANES]; 3];
    let lanes = |values: &'_ [f32]| values.len() / LANES * LANES;
    let whole = lanes(drawn).min(lanes(ones)).min(lanes(light));
    let chunks = ones[..whole].chunks_exact(LANES).zip(light[..whole].chunks_exact(LANES));
    for ((ones, light), drawn) in chunks.zip(drawn[..whole].chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[0][lane] += ones[lane] * drawn[lane];
            sums[1][lane] += drawn[lane] * drawn[lane];
            sums[2][lane] += light[lane] * drawn[lane];
        }
    }
    let mut totals = sums.map(|lanes| lanes.iter().sum::<f32>());
    for ((ones, light), drawn) in ones[whole..].iter().zip(&light[whole..]).zip(&drawn[whole..]) {
        totals[0] += ones * drawn;
        totals[1] += drawn * drawn;
        totals[2] += light * drawn;
    }
    totals
}
