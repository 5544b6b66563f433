//! The Cursor pseudo-encoding (RFC 6143 section 7.8.1): the pointer's shape and mask, read and dropped.

use super::Progress;
use crate::error::ProtocolError;
use crate::framebuffer::Rectangle;
use crate::inbox::Inbox;
use crate::pixel_format::PixelFormat;

/// The most pixels of a pointer; the largest in use are 256x256.
const MAX_PIXELS: usize = 1024 * 1024;

pub(crate) struct Decoder {
    missing: usize,
}

impl Decoder {
    /// `area` is the pointer's size, and its hot spot in place of the corner.
    pub(super) fn new(area: Rectangle, format: &PixelFormat) -> Result<Self, ProtocolError> {
        let Rectangle { x, y, width, height } = area;
        if area.pixels() > MAX_PIXELS {
            return Err(ProtocolError::Rectangle { x, y, width, height });
        }
        let mask = usize::from(width).div_ceil(8) * usize::from(height);
        Ok(Self { missing: area.pixels() * format.bytes_per_pixel() + mask })
    }

    pub(super) fn decode(&mut self, inbox: &mut Inbox) -> Progress {
        let dropped = inbox.pending().len().min(self.missing);
        inbox.consume(dropped);
        self.missing -= dropped;
        if self.missing == 0 { Progress::Complete } else { Progress::Starved }
    }
}
