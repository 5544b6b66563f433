//! The smallest encoder of H.264 that loses nothing (ITU-T H.264, constrained baseline profile): macroblocks as they are (I_PCM), those of one
//! colour that go on from a neighbour predicted without a rest, and those that did not change skipped.

use super::rtp::AccessUnit;
use crate::Picture;

/// Luma and chroma of a picture, in whole macroblocks.
#[derive(Debug)]
struct Planes {
    /// Macroblocks per row, and rows of them.
    columns: usize,
    rows: usize,
    luma: Vec<u8>,
    blue: Vec<u8>,
    red: Vec<u8>,
}

/// From here on pictures have the colours of high definition (ITU-R BT.709), as is the custom.
const HIGH_DEFINITION: usize = 720;

impl Planes {
    fn of(width: usize, height: usize, pixels: &[u32]) -> Self {
        let (columns, rows) = (width.div_ceil(16), height.div_ceil(16));
        let (red_share, blue_share) =
            if height >= HIGH_DEFINITION { (0.2126, 0.0722) } else { (0.299, 0.114) };
        let colours = |x: usize, y: usize| {
            let pixel = pixels.get(y.min(height - 1) * width + x.min(width - 1)).copied().unwrap_or_default();
            let [_, red, green, blue] = pixel.to_be_bytes();
            (f32::from(red), f32::from(green), f32::from(blue))
        };
        let brightness = |(red, green, blue): (f32, f32, f32)| {
            red_share * red + (1.0 - red_share - blue_share) * green + blue_share * blue
        };
        let (stride, lines) = (columns * 16, rows * 16);
        let mut planes = Self { columns, rows, luma: Vec::new(), blue: Vec::new(), red: Vec::new() };
        for y in 0..lines {
            planes.luma.extend((0..stride).map(|x| (brightness(colours(x, y)) * 219.0 / 255.0 + 16.5) as u8));
        }
        for y in (0..lines).step_by(2) {
            for x in (0..stride).step_by(2) {
                let four = [colours(x, y), colours(x + 1, y), colours(x, y + 1), colours(x + 1, y + 1)];
                let mean = |part: fn(&(f32, f32, f32)) -> f32| four.iter().map(part).sum::<f32>() / 4.0;
                let (red, green, blue) = (mean(|rgb| rgb.0), mean(|rgb| rgb.1), mean(|rgb| rgb.2));
                let bright = brightness((red, green, blue));
                let scaled = |difference: f32, share: f32| {
                    (difference / (2.0 * (1.0 - share)) * 224.0 / 255.0 + 128.5) as u8
                };
                planes.blue.push(scaled(blue - bright, blue_share));
                planes.red.push(scaled(red - bright, red_share));
            }
        }
        planes
    }

    /// The samples of a macroblock: 256 of luma, 64 of each chroma.
    fn macroblock(&self, column: usize, row: usize) -> Vec<u8> {
        let mut samples = Vec::with_capacity(384);
        for (plane, size) in [(&self.luma, 16), (&self.blue, 8), (&self.red, 8)] {
            let stride = self.columns * size;
            for line in 0..size {
                let start = (row * size + line) * stride + column * size;
                samples.extend_from_slice(&plane[start..start + size]);
            }
        }
        samples
    }
}

/// The parts of a macroblock: where each begins, and how long its lines are.
const PARTS: [(usize, usize); 3] = [(0, 16), (256, 8), (320, 8)];

/// Whether each part of a macroblock is of one value.
fn is_flat(samples: &[u8]) -> bool {
    PARTS.iter().all(|&(start, size)| {
        samples[start..start + size * size].iter().all(|value| *value == samples[start])
    })
}

/// Whether the last line of each part of `above` has the one value that the part of `samples` has.
fn goes_on_from_above(samples: &[u8], above: &[u8]) -> bool {
    PARTS.iter().all(|&(start, size)| {
        above[start + size * (size - 1)..start + size * size].iter().all(|value| *value == samples[start])
    })
}

/// As [`goes_on_from_above`], of the last column.
fn goes_on_from_left(samples: &[u8], left: &[u8]) -> bool {
    PARTS.iter().all(|&(start, size)| (1..=size).all(|line| left[start + line * size - 1] == samples[start]))
}

/// Bits, the most significant first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn bit(&mut self, bit: bool) {
        if self.used == 0 {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (7 - self.used);
        }
        self.used = (self.used + 1) % 8;
    }

    fn put(&mut self, value: u32, count: u32) {
        (0..count).rev().for_each(|place| self.bit(value >> place & 1 == 1));
    }

    /// An unsigned number (clause 9.1).
    fn ue(&mut self, value: u32) {
        let length = 32 - (value + 1).leading_zeros();
        self.put(0, length - 1);
        self.put(value + 1, length);
    }

    /// Zero as a signed number.
    fn se_zero(&mut self) {
        self.ue(0);
    }

    /// Zeros up to a whole byte.
    fn align(&mut self) {
        self.used = 0;
    }

    /// A NAL unit with this first byte: a stop bit at the end, and nothing within that looks like a start code (clause 7.3.1).
    fn nal(mut self, head: u8) -> Vec<u8> {
        self.bit(true);
        let mut unit = vec![head];
        let mut zeros = 0;
        for byte in self.bytes {
            if zeros == 2 && byte <= 3 {
                unit.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            unit.push(byte);
        }
        unit
    }
}

/// What decides how a rest is written: how many coefficients a neighbour has (clause 9.2.1).
#[derive(Clone, Copy, PartialEq)]
enum Coefficients {
    /// It is outside.
    Unknown,
    None,
    /// As of a macroblock that is written as it is.
    All,
}

/// Encodes the pictures of a screen, for simulated units.
#[derive(Debug, Default)]
pub struct Encoder {
    size: (usize, usize),
    /// The last picture, as it came and as it was encoded.
    pixels: Vec<u32>,
    before: Option<Planes>,
    frame: u32,
    key: u32,
}

impl Encoder {
    /// Before the first picture.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes a picture, as one that stands for itself where `is_key`, or where it is of another size than the last.
    pub fn encode(&mut self, picture: &Picture, is_key: bool) -> AccessUnit {
        let (width, height) = (usize::from(picture.width()), usize::from(picture.height()));
        let is_key = is_key || self.before.is_none() || self.size != (width, height);
        let mut nals = Vec::new();
        let before = self.before.take();
        let is_same = self.size == (width, height) && self.pixels == picture.pixels();
        let planes = match before {
            Some(before) if is_same && !is_key => {
                let mut bits = Bits::default();
                self.head(&mut bits, false);
                // All of them are skipped.
                bits.ue(number(before.columns * before.rows));
                nals.push(bits.nal(0x41));
                before
            }
            before => {
                let planes = Planes::of(width, height, picture.pixels());
                self.size = (width, height);
                if is_key {
                    self.frame = 0;
                    nals.extend([sequence(width, height), parameters()]);
                }
                let mut bits = Bits::default();
                self.head(&mut bits, is_key);
                macroblocks(&mut bits, &planes, before.as_ref().filter(|_| !is_key));
                nals.push(bits.nal(if is_key { 0x65 } else { 0x41 }));
                self.pixels = picture.pixels().to_vec();
                planes
            }
        };
        self.frame = (self.frame + 1) % 256;
        self.key = if is_key { (self.key + 1) % 16 } else { self.key };
        self.before = Some(planes);
        AccessUnit { nals }
    }

    /// The head of a slice (clause 7.3.3).
    fn head(&self, bits: &mut Bits, is_key: bool) {
        bits.ue(0);
        bits.ue(if is_key { 7 } else { 5 });
        bits.ue(0);
        bits.put(self.frame, 8);
        if is_key {
            bits.ue(self.key);
            // Neither keeps earlier pictures from being shown nor is kept for long.
            bits.put(0, 2);
        } else {
            // No other number of references, no other order of them, no other marking.
            bits.put(0, 3);
        }
        bits.se_zero();
        // No smoothing of edges.
        bits.ue(1);
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or_default()
}

/// The sequence parameter set (clause 7.3.2.1.1).
fn sequence(width: usize, height: usize) -> Vec<u8> {
    let (columns, rows) = (width.div_ceil(16), height.div_ceil(16));
    let mut bits = Bits::default();
    // Constrained baseline, level 4.
    bits.put(66, 8);
    bits.put(0b1100_0000, 8);
    bits.put(40, 8);
    bits.ue(0);
    // Numbers of frames have 8 bits; pictures come in the order in which they are shown.
    bits.ue(4);
    bits.ue(2);
    bits.ue(1);
    bits.bit(false);
    bits.ue(number(columns - 1));
    bits.ue(number(rows - 1));
    // Frames, not fields.
    bits.put(0b11, 2);
    let (right, bottom) = (columns * 16 - width, rows * 16 - height);
    bits.bit(right + bottom > 0);
    if right + bottom > 0 {
        for side in [0, right / 2, 0, bottom / 2] {
            bits.ue(number(side));
        }
    }
    bits.bit(false);
    bits.nal(0x67)
}

/// The picture parameter set (clause 7.3.2.2).
fn parameters() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.ue(0);
    bits.ue(0);
    // CAVLC; no order of fields; one group of slices; one reference each; no weights.
    bits.put(0, 2);
    bits.ue(0);
    bits.ue(0);
    bits.ue(0);
    bits.put(0, 3);
    (0..3).for_each(|_| bits.se_zero());
    // The smoothing of edges is told in each slice.
    bits.put(0b100, 3);
    bits.nal(0x68)
}

/// All macroblocks, in their order.
fn macroblocks(bits: &mut Bits, planes: &Planes, before: Option<&Planes>) {
    let mut above = vec![(Coefficients::Unknown, Vec::new()); planes.columns];
    let mut skipped = 0;
    for row in 0..planes.rows {
        let mut left = (Coefficients::Unknown, Vec::new());
        for (column, above) in above.iter_mut().enumerate() {
            let samples = planes.macroblock(column, row);
            let coefficients = if before.is_some_and(|before| before.macroblock(column, row) == samples) {
                skipped += 1;
                Coefficients::None
            } else {
                if before.is_some() {
                    bits.ue(std::mem::take(&mut skipped));
                }
                macroblock(bits, &samples, &left, above, if before.is_some() { 5 } else { 0 })
            };
            *above = (coefficients, samples.clone());
            left = (coefficients, samples);
        }
    }
    if skipped > 0 {
        bits.ue(skipped);
    }
}

/// A macroblock; types count from `first` in its kind of slice (tables 7-11, 7-13).
fn macroblock(
    bits: &mut Bits,
    samples: &[u8],
    left: &(Coefficients, Vec<u8>),
    above: &(Coefficients, Vec<u8>),
    first: u32,
) -> Coefficients {
    let goes_on = |from: fn(&[u8], &[u8]) -> bool, neighbour: &(Coefficients, Vec<u8>)| {
        neighbour.0 != Coefficients::Unknown && from(samples, &neighbour.1)
    };
    // The mode of luma, and that of chroma: vertical, or horizontal.
    let predicted = if !is_flat(samples) {
        None
    } else if goes_on(goes_on_from_above, above) {
        Some((0, 2))
    } else if goes_on(goes_on_from_left, left) {
        Some((1, 1))
    } else {
        None
    };
    let Some((luma, chroma)) = predicted else {
        bits.ue(first + 25);
        bits.align();
        bits.bytes.extend_from_slice(samples);
        return Coefficients::All;
    };
    bits.ue(first + 1 + luma);
    bits.ue(chroma);
    bits.se_zero();
    // No coefficients, as it is written next to such neighbours (table 9-5).
    match (left.0, above.0) {
        (Coefficients::All, _) | (_, Coefficients::All) => bits.put(3, 6),
        _ => bits.bit(true),
    }
    Coefficients::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h264::Decoder;

    fn picture_of(width: usize, height: usize, pixels: &[u32]) -> Picture {
        let side = |side: usize| u16::try_from(side).expect("it is small");
        Picture::from_pixels(side(width), side(height), pixels.to_vec()).expect("a size")
    }

    /// Checks that pictures come out of a decoder as they went in: shades of grey exactly, up to the steps that studio levels have.
    fn check(width: usize, height: usize, pictures: &[(Vec<u32>, bool)]) {
        let (mut encoder, mut decoder) = (Encoder::default(), Decoder::new());
        for (number, (pixels, is_key)) in pictures.iter().enumerate() {
            let unit = encoder.encode(&picture_of(width, height, pixels), *is_key);
            decoder.decode(&unit).expect("it can be decoded");
            let picture: Picture = decoder.picture().expect("it is whole").expect("it is there");
            assert_eq!((usize::from(picture.width()), usize::from(picture.height())), (width, height));
            let grey = |pixel: u32| (pixel & 0xff) as i32;
            for (place, (found, wanted)) in picture.pixels().iter().zip(pixels).enumerate() {
                assert!(
                    (grey(*found) - grey(*wanted)).abs() <= 1,
                    "picture {number}, pixel {place}: {found:06x} {wanted:06x}"
                );
            }
        }
    }

    fn grey(width: usize, height: usize, shade: impl Fn(usize, usize) -> usize) -> Vec<u32> {
        (0..width * height)
            .map(|place| (shade(place % width, place / width) as u32 & 0xff) * 0x0001_0101)
            .collect()
    }

    #[test]
    fn what_is_encoded_comes_out_again() {
        for (width, height) in [(16, 16), (720, 400), (50, 34), (800, 600)] {
            let noise = grey(width, height, |x, y| x * 7 + y * 13);
            let flat = grey(width, height, |_, _| 0);
            let half = grey(width, height, |x, y| if x > width / 2 && y > 20 { 255 } else { 40 });
            let dot = grey(width, height, |x, y| if (x, y) == (width - 1, height - 1) { 255 } else { 0 });
            let all = [
                (noise, true),
                (flat.clone(), false),
                (flat, false),
                (half, false),
                (dot.clone(), false),
                (dot, true),
            ];
            check(width, height, &all);
        }
    }

    #[test]
    fn text_screens_are_small_and_still_ones_tiny() {
        let mut encoder = Encoder::default();
        let line =
            grey(720, 400, |x, y| if (160..170).contains(&y) && x < 300 && x % 3 == 0 { 200 } else { 0 });
        let line = picture_of(720, 400, &line);
        let first = encoder.encode(&line, true).length();
        let second = encoder.encode(&line, false).length();
        assert!(first < 20_000 && second < 20, "{first} {second}");
    }
}
