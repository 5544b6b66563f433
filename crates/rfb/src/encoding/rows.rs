//! Pixels row by row, as Zlib writes them and as the filters of Tight do.

use crate::error::ProtocolError;
use crate::framebuffer::{Framebuffer, Rectangle};
use crate::pixel_format::CompressedPixel;

/// How the pixels of a row are written.
pub(crate) enum Filter {
    /// One after the other.
    Copy(CompressedPixel),
    /// As the number of a colour: one bit for two colours, whole bytes for more.
    Palette(Vec<u32>),
    /// As the difference to what the neighbours to the left, above and between the two let expect.
    Gradient { pixel: CompressedPixel, above: Vec<[u16; 3]> },
}

impl Filter {
    /// The gradient filter for rows of `width` pixels.
    pub(crate) fn gradient(pixel: CompressedPixel, width: u16) -> Self {
        Self::Gradient { pixel, above: vec![[0; 3]; usize::from(width)] }
    }
}

/// What each intensity of a pixel is expected to be: left plus above minus the one between, within what exists.
pub(crate) fn expected(left: [u16; 3], above: [u16; 3], between: [u16; 3], maxima: [u16; 3]) -> [u16; 3] {
    core::array::from_fn(|channel| {
        let [left, above, between] = [left[channel], above[channel], between[channel]].map(i32::from);
        let expected = (left + above - between).clamp(0, i32::from(maxima[channel]));
        u16::try_from(expected).unwrap_or_default()
    })
}

/// The painter of one rectangle.
pub(crate) struct Rows {
    area: Rectangle,
    row: u16,
    filter: Filter,
}

impl Rows {
    pub(crate) fn new(area: Rectangle, filter: Filter) -> Self {
        Self { area, row: 0, filter }
    }

    /// Bytes of all rows.
    pub(crate) fn length(&self) -> usize {
        self.row_length() * usize::from(self.area.height)
    }

    fn row_length(&self) -> usize {
        let width = usize::from(self.area.width);
        match &self.filter {
            Filter::Copy(pixel) | Filter::Gradient { pixel, .. } => width * pixel.bytes,
            Filter::Palette(colours) if colours.len() <= 2 => width.div_ceil(8),
            Filter::Palette(_) => width,
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.row >= self.area.height || self.area.width == 0
    }

    /// Paints the whole rows at the front of `bytes`; returns their length. Bytes behind the last row are an error.
    pub(crate) fn paint(
        &mut self,
        bytes: &[u8],
        framebuffer: &mut Framebuffer,
    ) -> Result<usize, ProtocolError> {
        let length = self.row_length();
        let mut rest = bytes;
        while !self.is_complete()
            && let Some((row, behind)) = rest.split_at_checked(length)
        {
            let y = self.area.y.saturating_add(self.row);
            self.filter.paint(row, framebuffer.row_mut(self.area.x, y, self.area.width))?;
            self.row += 1;
            rest = behind;
        }
        if self.is_complete() && !rest.is_empty() {
            return Err(ProtocolError::Zlib);
        }
        Ok(bytes.len() - rest.len())
    }
}

impl Filter {
    fn paint(&mut self, row: &[u8], pixels: &mut [u32]) -> Result<(), ProtocolError> {
        match self {
            Self::Copy(pixel) => {
                for (to, from) in pixels.iter_mut().zip(row.chunks_exact(pixel.bytes)) {
                    *to = pixel.read(from);
                }
            }
            Self::Palette(colours) => {
                let two = colours.len() <= 2;
                for (column, to) in pixels.iter_mut().enumerate() {
                    let byte = |at: usize| row.get(at).copied().unwrap_or_default();
                    let index = if two { byte(column / 8) >> (7 - column % 8) & 1 } else { byte(column) };
                    let size = colours.len();
                    *to = *colours
                        .get(usize::from(index))
                        .ok_or(ProtocolError::PaletteIndex { index, size })?;
                }
            }
            Self::Gradient { pixel, above } => {
                let (maxima, mut left, mut between) = (pixel.maxima(), [0; 3], [0; 3]);
                for ((to, from), above) in pixels.iter_mut().zip(row.chunks_exact(pixel.bytes)).zip(above) {
                    let (expected, found) =
                        (expected(left, *above, between, maxima), pixel.intensities(from));
                    // Maxima are all ones, so that the sum wraps by cutting it off.
                    left = core::array::from_fn(|i| expected[i].wrapping_add(found[i]) & maxima[i]);
                    *to = pixel.colour(left);
                    between = core::mem::replace(above, left);
                }
            }
        }
        Ok(())
    }
}
