//! How glyphs look on a scaled picture: drawn with the resampling that the picture went through.

use std::ops::Range;

use super::filter::{AxisFilter, Filter};
use super::frame::Frame;
use super::plane::MOST_SAMPLES;

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
        Self::between(
            filter,
            (from, scale),
            -(MARGIN as f64)..cells as f64 - 1.0 + MARGIN as f64,
            (edges, cells),
            limit,
        )
    }

    /// The same where nothing but the source pixels of this range was there when the picture was made.
    fn between(
        filter: AxisFilter,
        (from, scale): (f64, f64),
        sources: Range<f64>,
        (edges, cells): ((f64, f64), usize),
        limit: usize,
    ) -> Self {
        let scaled = filter.at_scale(scale);
        let last = (from + (cells as f64 - edges.1) * scale - 0.5).floor().min(limit as f64 - 1.0);
        let first = (from + edges.0 * scale - 0.5).ceil().max(0.0);
        let mut taps = Self { first: first as usize, pixels: Vec::new() };
        let mut smaller =
            filter.between.map(|between| Smaller::new(filter, between, (from, scale), &sources));
        let mut pixel = first;
        while pixel <= last {
            taps.pixels.push(match &mut smaller {
                None => Tap::new(scaled, (pixel + 0.5 - from) / scale - 0.5, &sources),
                Some(smaller) => smaller.tap(pixel),
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
}

impl Tap {
    /// The weights of the source pixels that reach a point between them.
    fn new(filter: AxisFilter, source: f64, sources: &Range<f64>) -> Self {
        let mut tap = Self::empty(source, filter.reach(), sources);
        tap.add(filter, source, 1.0);
        tap.normalised()
    }

    /// A tap of the source pixels within reach of a point, without weights.
    fn empty(source: f64, reach: f64, sources: &Range<f64>) -> Self {
        let margin = MARGIN as f64;
        let first = (source - reach).ceil().max(source.floor() - MOST_BEFORE).max(sources.start);
        let last = (source + reach).floor().min(sources.end);
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

    /// Adds a part of what reaches another point.
    fn add_part(&mut self, other: &Self, part: f32) {
        let skipped = self.from.saturating_sub(other.from);
        let place = other.from.saturating_sub(self.from);
        let weights = other.weights[..other.count].iter().skip(skipped);
        let places = self.weights[..self.count].iter_mut().skip(place);
        places.zip(weights).for_each(|(place, weight)| *place += part * weight);
    }

    /// The mixture of these source pixels, of which there are [`MOST_TAPS`] at least.
    fn mixed(&self, sources: &[f32]) -> f32 {
        const LANES: usize = 4;
        let mut sums = [0.0; LANES];
        let products = self.weights.chunks_exact(LANES).zip(sources.chunks_exact(LANES));
        for (weights, sources) in products {
            for lane in 0..LANES {
                sums[lane] += weights[lane] * sources[lane];
            }
        }
        sums.iter().sum()
    }

    fn normalised(mut self) -> Self {
        let sum: f32 = self.weights.iter().sum();
        if sum.abs() > 1e-6 {
            self.weights.iter_mut().for_each(|weight| *weight /= sum);
        }
        self
    }
}

/// An axis of the smaller picture, where one was made smaller and larger again: each pixel of the picture is a mixture of pixels
/// of the smaller one, each of which is a mixture of source pixels.
struct Smaller<'s> {
    filter: AxisFilter,
    /// That by which it was made.
    made: AxisFilter,
    /// How many of its pixels there are for one of the picture.
    between: f64,
    /// Where the source pixels begin in the picture, and how many of its pixels each has.
    place: (f64, f64),
    sources: &'s Range<f64>,
    /// What reaches each of its pixels, from one of them on: they are asked for in order.
    first: f64,
    pixels: Vec<Tap>,
}

impl<'s> Smaller<'s> {
    fn new(filter: AxisFilter, between: f64, place: (f64, f64), sources: &'s Range<f64>) -> Self {
        let made = filter.at_scale(between * place.1);
        Self { filter, made, between, place, sources, first: -1.0, pixels: Vec::new() }
    }

    /// The source pixel at a place of the smaller picture.
    fn source(&self, place: f64) -> f64 {
        ((place + 0.5) / self.between - self.place.0) / self.place.1 - 0.5
    }

    /// What reaches a pixel of the picture.
    fn tap(&mut self, pixel: f64) -> Tap {
        let (filter, reach) = (self.filter, self.filter.reach());
        let place = (pixel + 0.5) * self.between - 0.5;
        let all = reach / (self.between * self.place.1) + self.made.reach();
        let mut tap = Tap::empty(self.source(place), all, self.sources);
        let mut mixed = (place - reach).ceil().max(0.0);
        if self.first < 0.0 {
            self.first = mixed;
        }
        while mixed <= place + reach {
            let index = (mixed - self.first) as usize;
            while self.pixels.len() <= index {
                let source = self.source(self.first + self.pixels.len() as f64);
                self.pixels.push(Tap::new(self.made, source, self.sources));
            }
            tap.add_part(&self.pixels[index], filter.at(place - mixed) as f32);
            mixed += 1.0;
        }
        tap.normalised()
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

/// Pixels of a face at the border of the cells that are not looked at: what is beside them blurs them.
const OUTER_EDGE: f64 = 0.6;

/// A border that is nearer to that of the picture, in pixels of the face, is the same: beside it there is nothing.
const AT_BORDER: f64 = 0.02;

/// The taps of an axis of a frame, which begins there, and whose picture has so many pixels.
fn axis(filter: AxisFilter, from: f64, cells: usize, scale: f64, limit: usize) -> Taps {
    // Pixels that were neither moved nor mixed have no part of what is beside them.
    let is_apart = (scale - 1.0).abs() < 1e-6 && from.fract() == 0.0 && filter.is_sharp();
    let margin = MARGIN as f64;
    let (mut sources, mut edges) = (-margin..cells as f64 - 1.0 + margin, (OUTER_EDGE, OUTER_EDGE));
    let is_border = |distance: f64| distance.abs() < AT_BORDER * scale;
    if is_border(from) {
        (sources.start, edges.0) = (0.0, 0.0);
    }
    if is_border(from + cells as f64 * scale - limit as f64) {
        (sources.end, edges.1) = (cells as f64 - 1.0, 0.0);
    }
    if is_apart {
        edges = (0.0, 0.0);
    }
    Taps::between(filter, (from, scale), sources, (edges, cells), limit)
}

impl Lens {
    /// For a face of this size.
    pub(super) fn new(filter: Filter, frame: &Frame, size: (usize, usize), picture: (usize, usize)) -> Self {
        let (scale_x, scale_y) = frame.scale(size);
        Self {
            frame: *frame,
            size,
            across: axis(filter.across(), frame.x, frame.columns * size.0, scale_x, picture.0),
            down: axis(filter.down(), frame.y, frame.rows * size.1, scale_y, picture.1),
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
    /// width, in the windows of some cells with this edge: of a row of them from one column up to another. What else was left
    /// before stays.
    pub(super) fn take_off(
        &self,
        (screen, stride): (&[f32], usize),
        (picture, width): (&[f32], usize),
        (cells, edge): (&[(usize, Range<usize>)], f64),
        left: &mut [f32],
    ) {
        let mut half = Vec::new();
        for (row, columns) in cells {
            let down = self.row(*row, edge);
            let (first, last) = (self.column(columns.start, edge), self.column(columns.end - 1, edge));
            let across = &self.across.pixels[first.first..last.first + last.count];
            let (Some(leftmost), Some(rightmost)) = (across.first(), across.last()) else { continue };
            let (from, to) = (leftmost.from, rightmost.from + rightmost.count);
            for (y, tap) in (down.pixel()..).zip(&down.taps.pixels[down.first..down.first + down.count]) {
                half.clear();
                // Weights past the last are nothing, and may reach beyond it.
                half.resize(to - from + MOST_TAPS, 0.0);
                let rows = screen[tap.from * stride..].chunks_exact(stride);
                for (weight, row) in tap.weights[..tap.count].iter().zip(rows) {
                    for (sum, value) in half.iter_mut().zip(&row[from..to]) {
                        *sum += weight * value;
                    }
                }
                let place = y * width + first.pixel();
                let pixels = left[place..].iter_mut().zip(&picture[place..]);
                for ((left, picture), across) in pixels.zip(across) {
                    *left = picture - across.mixed(&half[across.from - from..]);
                }
            }
        }
    }
}
