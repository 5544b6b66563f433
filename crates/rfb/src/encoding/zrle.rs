//! ZRLE (RFC 6143 section 7.7.6): tiles of 64x64 pixels as palettes and runs, in one zlib stream for the whole
//! connection.

mod encode;
pub(super) mod tile;

pub(crate) use encode::Encoder;

use super::{Canvas, Progress};
use crate::error::ProtocolError;
use crate::framebuffer::{Framebuffer, Rectangle};
use crate::inbox::Inbox;
use crate::pixel_format::PixelFormat;

const TILE: u16 = 64;

/// The longest tile there is: its subencoding, and a run of one pixel for each pixel, four bytes of colour and one of
/// length.
const MAX_TILE_LENGTH: usize = 1 + 64 * 64 * 5;

pub(crate) struct Decoder {
    area: Rectangle,
    column: u16,
    row: u16,
    /// Compressed bytes still to come; `None` before the length.
    missing: Option<usize>,
}

impl Decoder {
    pub(super) fn new(area: Rectangle) -> Self {
        Self { area, column: 0, row: 0, missing: None }
    }

    pub(super) fn decode(
        &mut self,
        inbox: &mut Inbox,
        canvas: &mut Canvas,
    ) -> Result<Progress, ProtocolError> {
        let mut missing = match self.missing {
            Some(missing) => missing,
            None => {
                let Some(length) = inbox.take() else { return Ok(Progress::Starved) };
                self.checked_length(u32::from_be_bytes(length))?
            }
        };
        let Canvas { framebuffer, format, zrle, .. } = canvas;
        // A tile is painted when it is surely whole: each byte is looked at once, however the data is chopped.
        let progress = zrle.decode(inbox, &mut missing, |bytes| {
            let mut painted = 0;
            while !self.painted_all() && bytes.len() - painted >= MAX_TILE_LENGTH {
                painted += self.paint_tile(bytes.get(painted..).unwrap_or_default(), framebuffer, *format)?;
            }
            if self.painted_all() && painted < bytes.len() { Err(ProtocolError::Zlib) } else { Ok(painted) }
        })?;
        self.missing = Some(missing);
        if progress == Progress::Complete {
            while !self.painted_all() {
                let painted = self.paint_tile(zrle.pending(), framebuffer, *format)?;
                zrle.consume(painted);
            }
            if !zrle.pending().is_empty() {
                return Err(ProtocolError::Zlib);
            }
        }
        Ok(progress)
    }

    /// Zlib adds a few bytes for each block that it cannot compress; twice the longest tiles leaves room for servers
    /// that flush often.
    fn checked_length(&self, announced: u32) -> Result<usize, ProtocolError> {
        let tiles = u64::from(self.area.width.div_ceil(TILE)) * u64::from(self.area.height.div_ceil(TILE));
        let limit = 1024 + 2 * (tiles + 5 * self.area.pixels() as u64);
        usize::try_from(announced)
            .ok()
            .filter(|_| u64::from(announced) <= limit)
            .ok_or(ProtocolError::RectangleLength { announced, limit })
    }

    fn painted_all(&self) -> bool {
        self.area.width == 0 || self.row >= self.area.height.div_ceil(TILE)
    }

    /// Paints the tile at the front of `bytes`; returns its length.
    fn paint_tile(
        &mut self,
        bytes: &[u8],
        framebuffer: &mut Framebuffer,
        format: PixelFormat,
    ) -> Result<usize, ProtocolError> {
        let tile = self.area.tile(self.column, self.row, TILE);
        let subencoding = bytes.first().copied().unwrap_or_default();
        let (pixels, length) = tile::decode(bytes, tile.width, tile.height, &format.compressed())
            .ok_or(ProtocolError::Tile { subencoding })?;
        for (y, row) in tile.rows().zip(pixels.chunks_exact(usize::from(tile.width))) {
            framebuffer.row_mut(tile.x, y, tile.width).copy_from_slice(row);
        }
        self.column += 1;
        if self.column == self.area.width.div_ceil(TILE) {
            self.column = 0;
            self.row += 1;
        }
        Ok(length)
    }
}
