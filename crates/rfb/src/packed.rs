//! A picture that nobody paints on for a while, in a few kilobytes.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::framebuffer::{Framebuffer, SizeError};

/// The most colours that a picture may have to be packed: text screens have two to sixteen. Of pictures with more, deflate
/// saves little for its time.
const MAX_COLOURS: usize = 256;

/// A picture of at most [`MAX_COLOURS`] colours: which colours, and deflated (RFC 1951) which of them each pixel has, in as few bits
/// as do.
pub(crate) struct Packed {
    width: u16,
    height: u16,
    colours: Vec<u32>,
    deflated: Vec<u8>,
}

impl Packed {
    /// A black picture, for which next to nothing is kept.
    ///
    /// # Errors
    ///
    /// [`SizeError::TooLarge`].
    pub(crate) fn black(width: u16, height: u16) -> Result<Self, SizeError> {
        Framebuffer::check_size(width, height)?;
        // What is not there inflates to nothing, and the numbers of colours stay 0.
        Ok(Self { width, height, colours: vec![0], deflated: Vec::new() })
    }

    /// Nothing where the picture has too many colours.
    pub(crate) fn of(picture: &Framebuffer) -> Option<Self> {
        let (colours, indices) = indexed(picture.pixels())?;
        let bits = bits(colours.len());
        let each = 8 / bits;
        let bytes: Vec<u8> = indices
            .chunks(each)
            .map(|chunk| {
                chunk
                    .iter()
                    .rev()
                    .fold(0, |byte: u8, index| byte.checked_shl(bits as u32).unwrap_or(0) | index)
            })
            .collect();
        let mut deflate = Compress::new(Compression::fast(), false);
        let mut deflated = Vec::with_capacity(bytes.len() / 2 + 1024);
        let status = deflate.compress_vec(&bytes, &mut deflated, FlushCompress::Finish);
        deflated.shrink_to_fit();
        // What does not become much smaller has filled its room before its end.
        let (width, height) = (picture.width(), picture.height());
        matches!(status, Ok(Status::StreamEnd)).then_some(Self { width, height, colours, deflated })
    }

    pub(crate) const fn width(&self) -> u16 {
        self.width
    }

    pub(crate) const fn height(&self) -> u16 {
        self.height
    }

    /// The picture as it was.
    pub(crate) fn unpacked(&self) -> Framebuffer {
        let bits = bits(self.colours.len());
        let each = 8 / bits;
        let count = usize::from(self.width) * usize::from(self.height);
        let mut bytes = vec![0; count.div_ceil(each)];
        // Nothing but our own deflate wrote this, so that it inflates to exactly these bytes, or, of a black picture, to none.
        let _ = Decompress::new(false).decompress(&self.deflated, &mut bytes, FlushDecompress::Finish);
        let mask = u8::MAX >> (8 - bits);
        let colour = |index: u8| self.colours.get(usize::from(index)).copied().unwrap_or_default();
        let mut pixels: Vec<u32> = Vec::with_capacity(count);
        for byte in bytes {
            let indices = (0..each).map(|at| (byte >> (at * bits)) & mask);
            pixels.extend(indices.map(colour).take(count - pixels.len()));
        }
        Framebuffer::from_pixels(self.width, self.height, pixels).unwrap_or_default()
    }
}

/// Bits of the number of a colour: 1, 2, 4 or 8.
const fn bits(colours: usize) -> usize {
    match colours {
        0..=2 => 1,
        3..=4 => 2,
        5..=16 => 4,
        _ => 8,
    }
}

/// The colours in the order in which they come, and the number of each pixel's.
fn indexed(pixels: &[u32]) -> Option<(Vec<u32>, Vec<u8>)> {
    let mut colours: Vec<u32> = Vec::new();
    let mut indices = Vec::with_capacity(pixels.len());
    let mut last = None;
    for &pixel in pixels {
        let index = match last {
            Some((colour, index)) if colour == pixel => index,
            _ => {
                let place = colours.iter().position(|&colour| colour == pixel).unwrap_or(colours.len());
                if place == colours.len() {
                    if place == MAX_COLOURS {
                        return None;
                    }
                    colours.push(pixel);
                }
                u8::try_from(place).ok()?
            }
        };
        last = Some((pixel, index));
        indices.push(index);
    }
    Some((colours, indices))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u16, height: u16, pixel: impl Fn(usize) -> u32) -> Framebuffer {
        let count = usize::from(width) * usize::from(height);
        Framebuffer::from_pixels(width, height, (0..count).map(pixel).collect()).expect("a size that is held")
    }

    #[test]
    fn pictures_come_back() {
        for colours in [1, 2, 3, 4, 5, 16, 17, 255, 256] {
            for (width, height) in [(720, 400), (7, 3), (1, 1), (0, 0), (0, 5)] {
                let before = picture(width, height, |at| (at / 9 % colours * 0x01_0305) as u32);
                let packed = Packed::of(&before).expect("few colours");
                assert!(packed.unpacked() == before, "{colours} colours, {width}x{height}");
                assert_eq!((packed.width(), packed.height()), (width, height));
            }
        }
    }

    #[test]
    fn a_black_picture_is_kept_as_its_size() {
        for (width, height) in [(720, 400), (7, 3), (1, 1), (0, 0), (0, 5)] {
            let packed = Packed::black(width, height).expect("a size that is held");
            assert!(packed.unpacked() == Framebuffer::black(width, height).expect("a size that is held"));
            assert_eq!((packed.width(), packed.height(), packed.deflated.capacity()), (width, height, 0));
        }
        assert_eq!(
            Packed::black(u16::MAX, u16::MAX).err(),
            Some(SizeError::TooLarge { width: u16::MAX, height: u16::MAX })
        );
    }

    #[test]
    fn many_colours_are_left_alone() {
        assert!(Packed::of(&picture(257, 1, |at| at as u32)).is_none());
    }

    #[test]
    fn a_text_screen_takes_a_fiftieth() {
        let letters =
            |at: usize| if (at / 720).is_multiple_of(16) || at * 7 % 61 < 40 { 0 } else { 0xAA_AAAA };
        let packed = Packed::of(&picture(720, 400, letters)).expect("few colours");
        assert!(packed.deflated.len() < 720 * 400 * 4 / 50, "{}", packed.deflated.len());
    }
}
