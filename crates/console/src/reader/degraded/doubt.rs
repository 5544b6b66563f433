//! Blanks that may be letters of which the damage left nothing.
//!
//! Compression rounds faint ink away, and what is left of it is in the colours more than in the light. A blank is certain only
//! where ink would show.

mod blocks;

use super::frame::Frame;
use super::plane::Rectangle;
use crate::Image;
use crate::reader::compression;

/// What varies in a cell from column to column: edges of bars along a row of text do not, letters do.
#[derive(Clone, Copy, Debug, Default)]
struct Trace {
    /// The mean light and the mean colour, blue and red.
    mean: [f32; 3],
    /// The root of the mean square of the deviation from the mean of each row of pixels, of light and of colour.
    light: f32,
    color: f32,
}

/// How a cell was read, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ink {
    /// It passes for a blank.
    None {
        /// How much that leaves unexplained, in steps of light.
        unexplained: f32,
        /// How much of its light the letter explains that is most like it.
        alike: f32,
    },
    /// Part of a picture.
    Picture,
    /// Ink of this contrast, in steps of light, read or not.
    Some(f32),
}

/// Pixels of the picture that a block of compression with halved colours has on a side.
const BLOCK: f64 = 16.0;

/// How many cells away one is looked for that shows what a blank looks like here.
const FAR: usize = 12;

/// The part of a cell's width next to each border that is left out, for what neighbours do to it.
const EDGE: f64 = 0.1;

/// The most that is left out, where a filter carries ink farther.
const MOST_EDGE: f64 = 0.3;

/// Traces of less than this many steps of light or colour are rounding.
const ROUNDING: f32 = 1.2;

/// What stands beside a cell leaves less than this part of its own trace in it.
const SPILL: f32 = 0.3;

/// The same of the colours of ink that is seen by its light.
const SPILL_OF_CLEAR: f32 = 0.6;

/// And of its light no more than so many times what is usually left unexplained, where its trace is so many times that.
const SPILL_OF_NOISE: f32 = 1.5;
const STRONG_OF_NOISE: f32 = 4.0;

/// The mean square of the smallest mark, a full stop, in parts of its contrast.
const DOT: f32 = 0.17;

/// Ink of less than so many steps of light, or of less than this part of what strong ink has, is faint: marks of strong ink are known by
/// their contrast.
const FAINT: f32 = 64.0;
const FAINTER: f32 = 0.7;

/// A blank of which more than this part of such a mark is left unexplained may be one.
const PART_OF_MARK: f32 = 0.5;

/// How many times what is usually left unexplained that must be for it to be seen for certain.
const CERTAIN: f32 = 0.8;

/// How many cells faint ink reaches on each side: words are of one colour.
const REACH: usize = 2;

/// A blank may be a letter if one explains more than this part of its light, and another so many cells away at most may, too.
const LIKE_A_LETTER: f32 = 0.4;
const WORD: usize = 3;

/// Which of the blanks are none for certain. `noise` is what is usually left unexplained of a character, in steps of light. `blur` is
/// how many pixels what stands in a cell reaches beyond it where no block of compression carries it farther, `inked` where the ink of
/// the cells that are no blanks is, with that.
pub(super) fn doubted(
    image: &Image,
    frame: &Frame,
    inks: &[Ink],
    inked: &[Rectangle],
    noise: f32,
    blur: f64,
) -> Vec<bool> {
    let traces = Traces::of(image, frame, blur);
    let is_outermost = |column: usize| column == 0 || column + 1 == frame.columns;
    let mut left: Vec<bool> = (0..inks.len())
        .map(|index| match inks[index] {
            // Beside the screen there may be a bar, which filters mix with its outermost pixels.
            Ink::None { .. } if blur > 0.0 && is_outermost(index % frame.columns) => false,
            Ink::None { unexplained, .. } => traces.is_left(index, inks, unexplained, noise),
            _ => false,
        })
        .collect();
    mark_words(inks, &traces, &mut left);
    if compression::is_seen(image) {
        blocks::mark(image, frame, inks, inked, &mut left);
    }
    let around = |index: usize| {
        let (row, column) = (index / frame.columns, index % frame.columns);
        let columns = column.saturating_sub(REACH)..=(column + REACH).min(frame.columns - 1);
        columns.map(move |column| row * frame.columns + column).filter(move |other| *other != index)
    };
    let is_faint_ink =
        |index: usize| matches!(inks[index], Ink::Some(contrast) if contrast * DOT < CERTAIN * noise);
    // A single trace beside clear ink is of that.
    let is_faint = |index: usize| {
        let is_alone = || {
            around(index).all(|other| !left[other] && !is_faint_ink(other))
                && around(index).any(|other| matches!(inks[other], Ink::Some(_)))
        };
        is_faint_ink(index) || left[index] && !is_alone()
    };
    // Of a mark in the faint ink of the letters around it, more would be left than a blank leaves.
    let strong = strong(inks);
    let is_mark = |index: usize, unexplained: f32| {
        let faint = around(index).filter_map(|other| match inks[other] {
            Ink::Some(contrast) if contrast < FAINT.max(FAINTER * strong) => Some(contrast),
            _ => None,
        });
        let faintest = faint.fold(f32::INFINITY, f32::min);
        let left = if unexplained.is_finite() { unexplained } else { traces.cells[index].light };
        left > PART_OF_MARK * DOT * faintest
    };
    let is_doubted = |index: usize| match inks[index] {
        Ink::None { unexplained, .. } => {
            is_faint(index) || around(index).any(is_faint) || is_mark(index, unexplained)
        }
        Ink::Picture | Ink::Some(_) => false,
    };
    (0..inks.len()).map(is_doubted).collect()
}

/// Marks the blanks that letters explain a part of, and others beside them too: one is so by chance, words are not.
fn mark_words(inks: &[Ink], traces: &Traces, left: &mut [bool]) {
    // Borders of bars along a row of text are a little like letters, and do not vary.
    let is_like = |(ink, trace): (&Ink, &Trace)| {
        matches!(ink, Ink::None { alike, .. } if *alike > LIKE_A_LETTER) && trace.light > ROUNDING
    };
    let is_like: Vec<bool> = inks.iter().zip(&traces.cells).map(is_like).collect();
    for (row, left) in is_like.chunks(traces.columns).zip(left.chunks_mut(traces.columns)) {
        for column in (0..row.len()).filter(|column| row[*column]) {
            let around = column.saturating_sub(WORD)..(column + WORD + 1).min(row.len());
            left[column] |= row[around].iter().filter(|is_like| **is_like).count() > 1;
        }
    }
}

/// The contrast of the page's strong ink: nine tenths of it have no more.
fn strong(inks: &[Ink]) -> f32 {
    let contrast = |ink: &Ink| if let Ink::Some(contrast) = ink { Some(*contrast) } else { None };
    let mut contrasts: Vec<f32> = inks.iter().filter_map(contrast).collect();
    contrasts.sort_by(f32::total_cmp);
    contrasts.get(contrasts.len() * 9 / 10).copied().unwrap_or_default()
}

/// The traces of all cells.
struct Traces {
    columns: usize,
    /// Of each cell what neighbours do not reach.
    cells: Vec<Trace>,
    /// All of each cell.
    whole: Vec<Trace>,
    /// How many columns and rows what stands in a cell reaches.
    reach: (usize, usize),
}

impl Traces {
    fn of(image: &Image, frame: &Frame, blur: f64) -> Self {
        let area = |index: usize| frame.cell(index / frame.columns, index % frame.columns);
        let count = frame.rows * frame.columns;
        let whole: Vec<Trace> = (0..count).map(|index| Trace::of(image, area(index), (0.0, 0.0))).collect();
        // There is nothing inside of an even cell.
        let inner = |(index, whole): (usize, &Trace)| {
            let edges = (blur.max(EDGE * frame.pitch), blur);
            if whole.is_even() { *whole } else { Trace::of(image, area(index), edges) }
        };
        let cells = whole.iter().enumerate().map(inner).collect();
        let reach = |unit: f64| (BLOCK / unit).ceil() as usize;
        Self { columns: frame.columns, cells, whole, reach: (reach(frame.pitch), reach(frame.line)) }
    }

    /// Whether a blank has a trace that what stands beside it has not left there.
    fn is_left(&self, index: usize, inks: &[Ink], unexplained: f32, noise: f32) -> bool {
        let here = self.cells[index];
        let (row, column) = (index / self.columns, index % self.columns);
        let (step_light, step_color) = self.step(row, column, inks);
        let (light, color) = (unexplained.min(here.light).max(step_light), here.color.max(step_color));
        if light < ROUNDING && color < ROUNDING {
            return false;
        }
        let (mut most_light, mut spilt) = (0.0_f32, 0.0_f32);
        let rows = row.saturating_sub(self.reach.1)..=row + self.reach.1;
        for row in rows {
            for column in column.saturating_sub(self.reach.0)..=column + self.reach.0 {
                let at = row * self.columns + column;
                if column >= self.columns || at >= self.cells.len() || at == index {
                    continue;
                }
                let other = self.whole[at];
                let next = if column + 1 < self.columns { self.whole[at + 1] } else { other };
                let (edge_light, edge_color) = apart(other.mean, next.mean);
                most_light = most_light.max(other.light).max(edge_light);
                let is_clear = matches!(inks[at], Ink::Some(contrast) if contrast * DOT > CERTAIN * noise);
                let part = if is_clear { SPILL_OF_CLEAR } else { SPILL };
                spilt = spilt.max(part * other.color).max(SPILL * edge_color);
            }
        }
        // Beside strong ink there is noise of compression.
        let least = if most_light > STRONG_OF_NOISE * noise { SPILL_OF_NOISE * noise } else { 0.0 };
        let spilt_light = least.max(SPILL * most_light);
        light >= ROUNDING && light > spilt_light || color >= ROUNDING && color > spilt
    }

    /// How far the light and the colour of a cell are from those of the nearest even blanks before and after it, whichever is less.
    fn step(&self, row: usize, column: usize, inks: &[Ink]) -> (f32, f32) {
        let from = row * self.columns;
        let is_even = |at: &usize| matches!(inks[*at], Ink::None { .. }) && self.cells[*at].is_even();
        let before = (from..from + column).rev().take(FAR).find(is_even);
        let after = (from + column + 1..from + self.columns).take(FAR).find(is_even);
        let here = self.cells[from + column].mean;
        let both = before.into_iter().chain(after).map(|other| apart(here, self.cells[other].mean));
        both.reduce(|one, other| (one.0.min(other.0), one.1.min(other.1))).unwrap_or_default()
    }
}

/// How far two lights, and two colours, are apart.
fn apart(one: [f32; 3], other: [f32; 3]) -> (f32, f32) {
    ((one[0] - other[0]).abs(), (one[1] - other[1]).hypot(one[2] - other[2]))
}

impl Trace {
    fn is_even(&self) -> bool {
        self.light < ROUNDING && self.color < ROUNDING
    }

    /// The trace of an area, less so many pixels at its sides, and above and below.
    fn of(image: &Image, area: Rectangle, edges: (f64, f64)) -> Self {
        let side = |from: f64, length: f64, edge: f64, limit: u32| {
            let edge = edge.min(MOST_EDGE * length);
            let end = ((from + length - edge).round().max(0.0) as usize).min(limit as usize);
            ((from + edge).round().max(0.0) as usize).min(end)..end
        };
        let columns = side(area.left, area.width, edges.0, image.width);
        let rows = side(area.top, area.height, edges.1, image.height);
        let lines = || rows.clone().map(|row| &image.pixels[row * image.width as usize..][columns.clone()]);
        let Some(first) = lines().next().and_then(|line| line.first()) else { return Self::default() };
        if lines().flatten().all(|pixel| pixel == first) {
            return Self { mean: parts(*first), ..Self::default() };
        }
        Self::of_lines(lines(), columns.len(), rows.len())
    }

    /// The trace of so many lines of pixels of this length.
    fn of_lines<'p>(lines: impl Iterator<Item = &'p [u32]>, length: usize, lines_count: usize) -> Self {
        let (mut sums, mut spread) = ([0; 3], [0.0; 6]);
        for line in lines {
            let moments = Moments::of(line);
            for (sum, part) in sums.iter_mut().zip(moments.sums) {
                *sum += part;
            }
            for (sum, part) in spread.iter_mut().zip(moments.spread(length)) {
                *sum += part;
            }
        }
        let all = (length * lines_count) as f32;
        let [red, green, blue] = sums.map(|sum| sum as f32 / all);
        let [light, of_blue, of_red] = MIXTURES.map(|mixture| variance(mixture, spread) / all);
        let mean =
            MIXTURES.map(|[of_red, of_green, of_blue]| of_red * red + of_green * green + of_blue * blue);
        Self { mean, light: light.sqrt(), color: (of_blue + of_red).sqrt() }
    }
}

/// The sums of the colours of a line of pixels, red, green and blue, and of their squares and products: whole numbers, which are
/// summed several at a time.
struct Moments {
    sums: [u32; 3],
    /// Red, green and blue with themselves; red with green, green with blue, blue with red.
    products: [u32; 6],
}

impl Moments {
    fn of(line: &[u32]) -> Self {
        let (mut sums, mut products) = ([0; 3], [0; 6]);
        for pixel in line {
            let (red, green, blue) = (pixel >> 16 & 0xff, pixel >> 8 & 0xff, pixel & 0xff);
            sums[0] += red;
            sums[1] += green;
            sums[2] += blue;
            products[0] += red * red;
            products[1] += green * green;
            products[2] += blue * blue;
            products[3] += red * green;
            products[4] += green * blue;
            products[5] += blue * red;
        }
        Self { sums, products }
    }

    /// The products less what the means alone make, of so many pixels.
    fn spread(&self, count: usize) -> [f32; 6] {
        let [red, green, blue] = self.sums.map(u64::from);
        let means = [red * red, green * green, blue * blue, red * green, green * blue, blue * red];
        // As whole numbers, of which nothing is lost: an even line has none.
        let less = |index: usize| {
            (u64::from(self.products[index]) * count as u64).cast_signed() - means[index].cast_signed()
        };
        std::array::from_fn(|index| less(index) as f32 / count as f32)
    }
}

/// How much a mixture of red, green and blue varies.
fn variance([red, green, blue]: [f32; 3], spread: [f32; 6]) -> f32 {
    let own = red * red * spread[0] + green * green * spread[1] + blue * blue * spread[2];
    (own + 2.0 * (red * green * spread[3] + green * blue * spread[4] + blue * red * spread[5])).max(0.0)
}

/// Light, and how blue and how red a colour is beside that, as mixtures of red, green and blue (those of JPEG).
const MIXTURES: [[f32; 3]; 3] = [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]];

/// The light of a colour, and how blue and how red it is beside that.
fn parts(pixel: u32) -> [f32; 3] {
    let [_, red, green, blue] = pixel.to_be_bytes().map(f32::from);
    MIXTURES.map(|[of_red, of_green, of_blue]| of_red * red + of_green * green + of_blue * blue)
}
