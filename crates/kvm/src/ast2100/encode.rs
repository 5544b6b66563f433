//! From pixels to bits, for simulated controllers and tests.

use super::bits::BitWriter;
use super::colour::{self, Components};
use super::dct::{self, Samples};
use super::huffman::{self, Code};
use super::quality::{self, Quantiser, ZIGZAG};
use super::{Grid, Settings, Subsampling, code};
use crate::picture::Picture;

/// Appends one frame of `picture` to `out`. Blocks that are as they were in `before`, a picture of the same size, are
/// left out. Blocks of up to four colours are written as such where the settings allow it, others as JPEG.
pub fn encode(picture: &Picture, before: Option<&Picture>, settings: &Settings, out: &mut Vec<u8>) {
    let same_size = |other: &&Picture| (other.width(), other.height()) == (picture.width(), picture.height());
    let before = before.filter(same_size);
    let grid = Grid::new(picture.width(), picture.height(), settings.subsampling);
    let chroma = if settings.luma_tables_for_chroma { quality::luma } else { quality::chroma };
    let mut frame = Frame {
        bits: BitWriter::new(out),
        luma: quality::luma(settings.luma),
        chroma: chroma(settings.chroma),
        means: [0; 3],
        palette: [None; 4],
        next: (0, 0),
    };
    for row in 0..grid.rows {
        for column in 0..grid.columns {
            let is_same = before.is_some_and(|before| {
                let lines = row * grid.side..(row + 1) * grid.side;
                lines.into_iter().all(|y| {
                    let line = |picture: &'_ Picture| picture.row(column * grid.side, y, grid.side).to_vec();
                    line(picture) == line(before)
                })
            });
            if is_same {
                continue;
            }
            match settings.subsampling {
                Subsampling::Full => frame.full(column, row, &block(picture, column * 8, row * 8)),
                Subsampling::Quarter => frame.quarter(column, row, picture),
            }
            frame.next = if column + 1 < grid.columns { (column + 1, row) } else { (0, row + 1) };
        }
    }
    frame.bits.put(code::END, 4);
    frame.bits.finish();
}

/// The 64 pixels from a place on; those outside the screen repeat its edge.
fn block(picture: &Picture, x: usize, y: usize) -> [u32; 64] {
    let (right, bottom) = (usize::from(picture.width()) - 1, usize::from(picture.height()) - 1);
    core::array::from_fn(|index| {
        let row = picture.row((x + index % 8).min(right), (y + index / 8).min(bottom), 1);
        row.first().copied().unwrap_or_default()
    })
}

struct Frame<'a> {
    bits: BitWriter<'a>,
    luma: Quantiser,
    chroma: Quantiser,
    means: [i32; 3],
    /// What was sent for each slot of the palette in this frame.
    palette: [Option<u32>; 4],
    /// Where a block without a position stands.
    next: (usize, usize),
}

impl Frame<'_> {
    fn start(&mut self, kind: u32, column: usize, row: usize) {
        if self.next == (column, row) {
            self.bits.put(kind, 4);
        } else {
            self.bits.put(kind | code::POSITION, 4);
            self.bits.put(column as u32, 8);
            self.bits.put(row as u32, 8);
        }
    }

    fn full(&mut self, column: usize, row: usize, pixels: &[u32; 64]) {
        let mut colours: Vec<u32> = Vec::new();
        for pixel in pixels {
            if !colours.contains(pixel) {
                colours.push(*pixel);
            }
            if colours.len() > 4 {
                self.start(code::JPEG, column, row);
                let components = pixels.map(colour::from_rgb);
                for component in 0..3 {
                    self.unit(component, &components.map(|all| of(all, component)));
                }
                return;
            }
        }
        let (kind, bits) = match colours.len() {
            1 => (code::ONE_COLOUR, 0),
            2 => (code::TWO_COLOURS, 1),
            _ => (code::FOUR_COLOURS, 2),
        };
        colours.resize(1 << bits, colours.first().copied().unwrap_or_default());
        self.start(kind, column, row);
        self.slots(&colours);
        for pixel in pixels {
            let index = colours.iter().position(|colour| colour == pixel).unwrap_or_default();
            self.bits.put(index as u32, bits);
        }
    }

    /// Names a slot for each colour; colours that the palette has already keep theirs.
    fn slots(&mut self, colours: &[u32]) {
        for (index, colour) in colours.iter().enumerate() {
            let held = self.palette.iter().position(|slot| *slot == Some(*colour));
            if let Some(slot) = held {
                self.bits.put(slot as u32, 3);
                continue;
            }
            let is_free = |slot: &Option<u32>| slot.is_none_or(|held| !colours.contains(&held));
            // Four slots and at most four colours: one is free.
            let slot = self.palette.iter().position(is_free).unwrap_or(index % 4);
            if let Some(place) = self.palette.get_mut(slot) {
                *place = Some(*colour);
            }
            self.bits.put(4 | slot as u32, 3);
            for component in colour::nearest(*colour) {
                self.bits.put(component.into(), 8);
            }
        }
    }

    fn quarter(&mut self, column: usize, row: usize, picture: &Picture) {
        self.start(code::JPEG, column, row);
        let places = [(0, 0), (8, 0), (0, 8), (8, 8)];
        let quarters =
            places.map(|(dx, dy)| block(picture, column * 16 + dx, row * 16 + dy).map(colour::from_rgb));
        for quarter in &quarters {
            self.unit(0, &quarter.map(|components| of(components, 0)));
        }
        for component in [1, 2] {
            // The mean of each two by two pixels.
            let samples = core::array::from_fn(|index| {
                let (x, y) = (index % 8 * 2, index / 8 * 2);
                let quarter = quarters.get(y / 8 * 2 + x / 8);
                let at = |dx: usize, dy: usize| {
                    let pixel = quarter.and_then(|all| all.get((y % 8 + dy) * 8 + x % 8 + dx));
                    pixel.map_or(128, |components| u16::from(of(*components, component)))
                };
                ((at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + 2) / 4) as u8
            });
            self.unit(component, &samples);
        }
    }

    fn unit(&mut self, component: usize, samples: &Samples) {
        let (quantiser, mean_code, code) = match component {
            0 => (&self.luma, &huffman::DC_LUMA, &huffman::AC_LUMA),
            _ => (&self.chroma, &huffman::DC_CHROMA, &huffman::AC_CHROMA),
        };
        let all = dct::forward(samples);
        let number = |place: usize| {
            let place = ZIGZAG.get(place).copied().unwrap_or_default();
            match (all.get(place), quantiser.get(place)) {
                (Some(coefficient), Some(divisor)) => (coefficient / f32::from(*divisor)).round() as i32,
                _ => 0,
            }
        };
        let mean = number(0);
        if let Some(last) = self.means.get_mut(component) {
            let (size, bits) = huffman::split(mean - *last);
            mean_code.write(size as u8, &mut self.bits);
            self.bits.put(bits, size);
            *last = mean;
        }
        write_rest(&mut self.bits, code, |place| number(place).clamp(-1023, 1023));
    }
}

fn of(components: Components, index: usize) -> u8 {
    components.get(index).copied().unwrap_or_default()
}

/// The 63 coefficients behind the mean (T.81 F.1.2.2).
fn write_rest(bits: &mut BitWriter<'_>, code: &Code, number: impl Fn(usize) -> i32) {
    let mut run = 0;
    for place in 1..64 {
        let value = number(place);
        if value == 0 {
            run += 1;
            continue;
        }
        while run > 15 {
            code.write(0xF0, bits);
            run -= 16;
        }
        let (size, value) = huffman::split(value);
        code.write((run << 4) as u8 | size as u8, bits);
        bits.put(value, size);
        run = 0;
    }
    if run > 0 {
        code.write(0, bits);
    }
}
