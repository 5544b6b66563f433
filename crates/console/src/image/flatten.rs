//! Pictures of few colours out of pictures that were compressed with losses.

use super::Image;

/// The most colours that a flattened picture has: those of a text screen.
const MOST_COLORS: usize = 16;

/// A colour that fewer pixels than one in so many are of is taken as a trace of compression.
const RAREST: usize = 20_000;

/// Nor is one of fewer pixels than a glyph has.
const LEAST_PIXELS: u32 = 20;

/// How far colours lie apart, in steps of 16 of a channel: what lies nearer is a shade of the same.
const APART: u8 = 3;

/// Bins of 16 steps for each channel.
const BINS: usize = 1 << 12;

/// Nothing was found for a colour yet.
const UNKNOWN: u8 = u8::MAX;

impl Image {
    /// The picture with each pixel in the nearest of its few main colours.
    ///
    /// JPEG blurs what text screens live by, pixels that are either of one colour or of the other. This takes them back
    /// where the compression was mild; what it cannot take back is a glyph that no font has.
    pub fn flattened(&self) -> Self {
        let colors = self.main_colors();
        // Pixels that differ only in the last two bits of a channel have the same nearest colour, or nearly so.
        let mut nearest = vec![UNKNOWN; 1 << 18];
        let flat = |pixel: &u32| {
            let [_, red, green, blue] = pixel.to_be_bytes();
            let at =
                [red, green, blue].into_iter().fold(0, |at, channel| at << 6 | usize::from(channel >> 2));
            if nearest[at] == UNKNOWN {
                let distance = |color: &u32| distance(*color, *pixel);
                let place =
                    (0..colors.len()).min_by_key(|place| distance(&colors[*place])).unwrap_or_default();
                nearest[at] = u8::try_from(place).unwrap_or_default();
            }
            colors.get(usize::from(nearest[at])).copied().unwrap_or(*pixel)
        };
        Self { width: self.width, height: self.height, pixels: self.pixels.iter().map(flat).collect() }
    }

    /// The colours that most pixels are near to, the most frequent first.
    fn main_colors(&self) -> Vec<u32> {
        /// How many pixels, and the sums of their channels.
        #[derive(Clone, Copy, Default)]
        struct Bin {
            count: u32,
            sums: [u64; 3],
        }
        let mut bins = vec![Bin::default(); BINS];
        for pixel in &self.pixels {
            let [_, channels @ ..] = pixel.to_be_bytes();
            let at = channels.iter().fold(0, |at, channel| at << 4 | usize::from(channel >> 4));
            bins[at].count += 1;
            for (sum, channel) in bins[at].sums.iter_mut().zip(channels) {
                *sum += u64::from(channel);
            }
        }
        let mut order: Vec<usize> = (0..BINS).collect();
        order.sort_by_key(|at| std::cmp::Reverse(bins[*at].count));
        let least = LEAST_PIXELS.max(u32::try_from(self.pixels.len() / RAREST).unwrap_or(u32::MAX));
        let mut chosen: Vec<[u8; 3]> = Vec::new();
        let mut colors = Vec::new();
        for at in order {
            let Bin { count, sums } = bins[at];
            if count < least || chosen.len() == MOST_COLORS {
                break;
            }
            let place = [8, 4, 0].map(|shift| u8::try_from(at >> shift & 0xf).unwrap_or_default());
            let near = |other: &[u8; 3]| place.iter().zip(other).all(|(a, b)| a.abs_diff(*b) <= APART);
            if chosen.iter().any(near) {
                continue;
            }
            chosen.push(place);
            let [red, green, blue] = sums.map(|sum| u8::try_from(sum / u64::from(count)).unwrap_or(u8::MAX));
            colors.push(u32::from_be_bytes([0, red, green, blue]));
        }
        colors
    }
}

/// How far two colours lie apart, squared.
fn distance(one: u32, other: u32) -> u32 {
    let channels = one.to_be_bytes().into_iter().zip(other.to_be_bytes());
    channels.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_become_the_colours_that_they_are_of() {
        let near = |color: u32, at: usize| color + [0, 0x01_0102, 0x02_0300][at % 3];
        let pixels = (0..4000).map(|at| near(if at % 5 == 0 { 0xa0_a0a0 } else { 0 }, at)).collect();
        let flat = Image { width: 80, height: 50, pixels }.flattened();
        let mut colors = flat.pixels.clone();
        colors.sort_unstable();
        colors.dedup();
        assert_eq!(colors.len(), 2, "{colors:x?}");
        let light = flat.pixels.iter().filter(|pixel| **pixel > 0x80_0000).count();
        assert_eq!(light, 800);
    }

    #[test]
    fn pictures_of_any_size_and_colours_are_taken() {
        for (width, height) in [(0, 0), (1, 1), (16, 16)] {
            let pixels: Vec<u32> = (0..width * height).map(|at| (at * 0x010203) & 0xff_ffff).collect();
            let flat = Image { width, height, pixels: pixels.clone() }.flattened();
            assert_eq!(flat.pixels.len(), pixels.len());
        }
    }
}
