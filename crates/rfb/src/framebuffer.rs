//! The picture both sides hold, and the rectangles that updates are made of.

use thiserror::Error;

/// A picture of a screen: rows from top to bottom, pixels from left to right, each `0x00RRGGBB`.
///
/// The number of pixels always is `width * height` and never above [`Framebuffer::MAX_PIXELS`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Framebuffer {
    width: u16,
    height: u16,
    pixels: Vec<u32>,
}

/// Why a [`Framebuffer`] of a given size was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SizeError {
    /// More than [`Framebuffer::MAX_PIXELS`] pixels.
    #[error("a screen of {width}x{height} pixels is above the limit of {} pixels", Framebuffer::MAX_PIXELS)]
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

impl Framebuffer {
    /// The largest picture held, in pixels of four bytes: 36 MiB.
    ///
    /// The widest mode any KVM of a management controller is known to give is 3840x2160 (Intel AMT); 4096x2304
    /// covers that and the cinema formats. A server that announces 65535x65535 (17 GB) is refused.
    pub const MAX_PIXELS: usize = 4096 * 2304;

    /// A black picture.
    ///
    /// # Errors
    ///
    /// [`SizeError::TooLarge`].
    pub fn black(width: u16, height: u16) -> Result<Self, SizeError> {
        let count = Self::check_size(width, height)?;
        Ok(Self { width, height, pixels: vec![0; count] })
    }

    /// The number of pixels of a picture that is held.
    pub(crate) fn check_size(width: u16, height: u16) -> Result<usize, SizeError> {
        let count = usize::from(width) * usize::from(height);
        if count > Self::MAX_PIXELS { Err(SizeError::TooLarge { width, height }) } else { Ok(count) }
    }

    /// A picture of `pixels`, each `0x00RRGGBB`; the topmost eight bits are ignored and stored as zero.
    ///
    /// # Errors
    ///
    /// [`SizeError`] when the picture is too large or the list has another length than `width * height`.
    pub fn from_pixels(width: u16, height: u16, mut pixels: Vec<u32>) -> Result<Self, SizeError> {
        let count = Self::check_size(width, height)?;
        if pixels.len() != count {
            return Err(SizeError::PixelCount { width, height, found: pixels.len() });
        }
        for pixel in &mut pixels {
            *pixel &= 0x00FF_FFFF;
        }
        Ok(Self { width, height, pixels })
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

    /// Pixels `x .. x + width` of row `y`, or an empty slice where the picture has none.
    pub(crate) fn row(&self, x: u16, y: u16, width: u16) -> &[u32] {
        let Some(range) = self.row_range(x, y, width) else { return &[] };
        self.pixels.get(range).unwrap_or_default()
    }

    /// As [`Self::row`], to paint on.
    pub(crate) fn row_mut(&mut self, x: u16, y: u16, width: u16) -> &mut [u32] {
        let Some(range) = self.row_range(x, y, width) else { return &mut [] };
        self.pixels.get_mut(range).unwrap_or_default()
    }

    fn row_range(&self, x: u16, y: u16, width: u16) -> Option<core::ops::Range<usize>> {
        if x >= self.width || y >= self.height {
            return None;
        }
        let start = usize::from(y) * usize::from(self.width) + usize::from(x);
        Some(start..start + usize::from(width.min(self.width - x)))
    }

    /// Paints `area` in one colour; parts outside the picture are left out.
    pub(crate) fn fill(&mut self, area: Rectangle, colour: u32) {
        for y in area.rows() {
            self.row_mut(area.x, y, area.width).fill(colour);
        }
    }

    /// Moves the pixels at (`from_x`, `from_y`) to `area`; the two may overlap. Both must lie within the picture.
    pub(crate) fn copy(&mut self, from_x: u16, from_y: u16, area: Rectangle) {
        let copy_row = |pixels: &mut Vec<u32>, row: u16| {
            let stride = usize::from(self.width);
            let source = (usize::from(from_y) + usize::from(row)) * stride + usize::from(from_x);
            let target = (usize::from(area.y) + usize::from(row)) * stride + usize::from(area.x);
            let source = source..source + usize::from(area.width);
            if source.end <= pixels.len() && target + usize::from(area.width) <= pixels.len() {
                pixels.copy_within(source, target);
            }
        };
        // Rows are taken in the order that reads each before it is overwritten.
        if from_y < area.y {
            (0..area.height).rev().for_each(|row| copy_row(&mut self.pixels, row));
        } else {
            (0..area.height).for_each(|row| copy_row(&mut self.pixels, row));
        }
    }

    /// The part of the picture that `area` covers; black where the picture has no pixels.
    pub(crate) fn cropped(&self, area: Rectangle) -> Self {
        let mut pixels = Vec::with_capacity(area.pixels());
        for y in area.rows() {
            let row = self.row(area.x, y, area.width);
            pixels.extend_from_slice(row);
            pixels.resize(pixels.len() + usize::from(area.width) - row.len(), 0);
        }
        Self { width: area.width, height: area.height, pixels }
    }
}

impl core::fmt::Debug for Framebuffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Framebuffer")
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

/// A rectangle of pixels, as the header of each rectangle of an update has it (RFC 6143 section 7.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) x: u16,
    pub(crate) y: u16,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

impl Rectangle {
    pub(crate) fn pixels(self) -> usize {
        usize::from(self.width) * usize::from(self.height)
    }

    /// The numbers of its rows. A rectangle that leaves the range of `u16` ends there.
    pub(crate) fn rows(self) -> core::ops::Range<u16> {
        self.y..self.y.saturating_add(self.height)
    }

    pub(crate) fn fits(self, width: u16, height: u16) -> bool {
        u32::from(self.x) + u32::from(self.width) <= u32::from(width)
            && u32::from(self.y) + u32::from(self.height) <= u32::from(height)
    }

    /// The smallest rectangle that holds both.
    pub(crate) fn joined(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let end = |start: u16, length: u16| start.saturating_add(length);
        Self {
            x,
            y,
            width: end(self.x, self.width).max(end(other.x, other.width)) - x,
            height: end(self.y, self.height).max(end(other.y, other.height)) - y,
        }
    }

    /// The tile in column `column` and row `row` when the rectangle is cut into squares of `side` pixels from its
    /// upper left corner (RFC 6143 sections 7.7.4 and 7.7.6); tiles at the right and lower edge may be smaller.
    pub(crate) fn tile(self, column: u16, row: u16, side: u16) -> Self {
        let (dx, dy) = (column.saturating_mul(side), row.saturating_mul(side));
        Self {
            x: self.x.saturating_add(dx),
            y: self.y.saturating_add(dy),
            width: self.width.saturating_sub(dx).min(side),
            height: self.height.saturating_sub(dy).min(side),
        }
    }

    /// All tiles of `side` pixels, row by row.
    pub(crate) fn tiles(self, side: u16) -> impl Iterator<Item = Self> {
        let columns = self.width.div_ceil(side);
        let rows = if columns == 0 { 0 } else { self.height.div_ceil(side) };
        (0..rows).flat_map(move |row| (0..columns).map(move |column| self.tile(column, row, side)))
    }
}
