//! A picture of a screen.

use thiserror::Error;

/// A screen's pixels, row by row.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Picture {
    width: u16,
    height: u16,
    pixels: Vec<u32>,
}

/// A size that no picture can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SizeError {
    /// No pixels at all.
    #[error("a screen of {width}x{height} pixels is empty")]
    Empty {
        /// Pixels per row.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// More pixels than [`Picture::MAX_PIXELS`].
    #[error("a screen of {width}x{height} pixels is above the limit of {} pixels", Picture::MAX_PIXELS)]
    TooLarge {
        /// Pixels per row.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The list of pixels is not as long as width and height say.
    #[error("a screen of {width}x{height} pixels was given {found} pixels")]
    PixelCount {
        /// Pixels per row.
        width: u16,
        /// Rows.
        height: u16,
        /// Length of the list of pixels.
        found: usize,
    },
}

impl Picture {
    /// The largest picture held, in pixels of four bytes: 16 MiB.
    ///
    /// The graphics of these controllers end at 1920x1200, and block positions of eight bits, in blocks of eight
    /// pixels, reach 2048x2048. A peer that announces 65535x65535 (17 GB) is refused.
    pub const MAX_PIXELS: usize = 2048 * 2048;

    /// A black picture.
    ///
    /// # Errors
    ///
    /// [`SizeError::Empty`] and [`SizeError::TooLarge`].
    pub fn black(width: u16, height: u16) -> Result<Self, SizeError> {
        let count = Self::checked(width, height)?;
        Ok(Self { width, height, pixels: vec![0; count] })
    }

    /// A picture of `pixels`, each `0x00RRGGBB`; the topmost eight bits are ignored and stored as zero.
    ///
    /// # Errors
    ///
    /// [`SizeError`] when the picture is empty or too large, or the list has another length than `width * height`.
    pub fn from_pixels(width: u16, height: u16, mut pixels: Vec<u32>) -> Result<Self, SizeError> {
        if pixels.len() != Self::checked(width, height)? {
            return Err(SizeError::PixelCount { width, height, found: pixels.len() });
        }
        for pixel in &mut pixels {
            *pixel &= 0x00FF_FFFF;
        }
        Ok(Self { width, height, pixels })
    }

    fn checked(width: u16, height: u16) -> Result<usize, SizeError> {
        match usize::from(width) * usize::from(height) {
            0 => Err(SizeError::Empty { width, height }),
            count if count > Self::MAX_PIXELS => Err(SizeError::TooLarge { width, height }),
            count => Ok(count),
        }
    }

    /// Pixels per row.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> u16 {
        self.height
    }

    /// All pixels, row by row, each `0x00RRGGBB`.
    #[must_use]
    pub fn pixels(&self) -> &[u32] {
        &self.pixels
    }

    /// The pixels alone, without a copy.
    #[must_use]
    pub fn into_pixels(self) -> Vec<u32> {
        self.pixels
    }

    /// All pixels, to be painted.
    pub(crate) fn pixels_mut(&mut self) -> &mut [u32] {
        &mut self.pixels
    }

    /// Up to `width` pixels from column `x` of row `y`; fewer at the right edge, none outside.
    pub(crate) fn row(&self, x: usize, y: usize, width: usize) -> &[u32] {
        self.pixels.get(self.row_range(x, y, width)).unwrap_or_default()
    }

    /// As [`Self::row`], to paint on.
    pub(crate) fn row_mut(&mut self, x: usize, y: usize, width: usize) -> &mut [u32] {
        let range = self.row_range(x, y, width);
        self.pixels.get_mut(range).unwrap_or_default()
    }

    fn row_range(&self, x: usize, y: usize, width: usize) -> core::ops::Range<usize> {
        let stride = usize::from(self.width);
        if x >= stride || y >= usize::from(self.height) {
            return 0..0;
        }
        let start = y * stride + x;
        start..start + width.min(stride - x)
    }
}

impl core::fmt::Debug for Picture {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Picture")
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}
