//! TRLE (RFC 6143 section 7.7.5): the tiles of ZRLE, of 16x16 pixels and without compression. A tile may have the palette of
//! the one before.

use super::zrle::tile;
use super::{Canvas, Progress};
use crate::error::ProtocolError;
use crate::framebuffer::{Framebuffer, Rectangle};
use crate::inbox::Inbox;
use crate::pixel_format::PixelFormat;

const TILE: u16 = 16;

/// The longest tile there is: its subencoding, and a run of one pixel for each pixel, four bytes of colour and one of
/// length.
const MAX_TILE_LENGTH: usize = 1 + 16 * 16 * 5;

pub(crate) struct Decoder {
    area: Rectangle,
    column: u16,
    row: u16,
    /// That of the last tile that had one.
    palette: Vec<u32>,
}

impl Decoder {
    pub(super) fn new(area: Rectangle) -> Self {
        Self { area, column: 0, row: 0, palette: Vec::new() }
    }

    pub(super) fn decode(
        &mut self,
        inbox: &mut Inbox,
        canvas: &mut Canvas,
    ) -> Result<Progress, ProtocolError> {
        let format = canvas.format.compressed();
        let columns = self.area.width.div_ceil(TILE);
        let rows = self.area.height.div_ceil(TILE);
        while self.row < rows && columns > 0 {
            let bytes = inbox.pending();
            let Some(&subencoding) = bytes.first() else { return Ok(Progress::Starved) };
            let malformed = Err(ProtocolError::Tile { subencoding });
            if !tile::exists(subencoding, self.palette.len()) {
                return malformed;
            }
            let area = self.area.tile(self.column, self.row, TILE);
            let decoded = tile::decode_after(bytes, area.width, area.height, &format, &mut self.palette);
            let Some((pixels, length)) = decoded else {
                // Where a tile ends is known at its end only; but none is longer than this.
                return if bytes.len() < MAX_TILE_LENGTH { Ok(Progress::Starved) } else { malformed };
            };
            for (y, row) in area.rows().zip(pixels.chunks_exact(usize::from(area.width))) {
                canvas.framebuffer.row_mut(area.x, y, area.width).copy_from_slice(row);
            }
            inbox.consume(length);
            self.column += 1;
            if self.column == columns {
                self.column = 0;
                self.row += 1;
            }
        }
        Ok(Progress::Complete)
    }
}

/// Appends a picture.
pub(crate) fn encode(picture: &Framebuffer, format: &PixelFormat, out: &mut Vec<u8>) {
    let compressed = format.compressed();
    let whole = Rectangle { x: 0, y: 0, width: picture.width(), height: picture.height() };
    let mut palette = Vec::new();
    for area in whole.tiles(TILE) {
        tile::encode_after(picture.cropped(area).pixels(), area.width, &compressed, &mut palette, out);
    }
}
