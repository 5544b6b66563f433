//! Hextile (RFC 6143 section 7.7.4): tiles of 16x16 pixels, each raw or as subrectangles of one colour.

mod encode;

pub(crate) use encode::encode;

use super::{Canvas, Progress};
use crate::error::ProtocolError;
use crate::framebuffer::Rectangle;
use crate::inbox::{Bytes, Inbox};

const TILE: u16 = 16;

const RAW: u8 = 1;
const BACKGROUND_SPECIFIED: u8 = 2;
const FOREGROUND_SPECIFIED: u8 = 4;
const ANY_SUBRECTS: u8 = 8;
const SUBRECTS_COLOURED: u8 = 16;

pub(crate) struct Decoder {
    area: Rectangle,
    column: u16,
    row: u16,
    background: u32,
    foreground: u32,
}

impl Decoder {
    pub(super) fn new(area: Rectangle) -> Self {
        Self { area, column: 0, row: 0, background: 0, foreground: 0 }
    }

    pub(super) fn decode(
        &mut self,
        inbox: &mut Inbox,
        canvas: &mut Canvas,
    ) -> Result<Progress, ProtocolError> {
        let columns = self.area.width.div_ceil(TILE);
        let rows = self.area.height.div_ceil(TILE);
        while self.row < rows && columns > 0 {
            let tile = self.area.tile(self.column, self.row, TILE);
            let size = canvas.format.bytes_per_pixel();
            let Some(length) = tile_length(inbox.pending(), tile, size) else { return Ok(Progress::Starved) };
            let Some(bytes) = inbox.pending().get(..length) else { return Ok(Progress::Starved) };
            self.paint(tile, Bytes(bytes), canvas)?;
            inbox.consume(length);
            self.column += 1;
            if self.column == columns {
                self.column = 0;
                self.row += 1;
            }
        }
        Ok(Progress::Complete)
    }

    /// Paints one tile. `bytes` is as long as [`tile_length`] says, so that it never ends early.
    fn paint(
        &mut self,
        tile: Rectangle,
        mut bytes: Bytes<'_>,
        canvas: &mut Canvas,
    ) -> Result<(), ProtocolError> {
        let size = canvas.format.bytes_per_pixel();
        let subencoding = bytes.byte().unwrap_or_default();
        if subencoding & RAW != 0 {
            for y in tile.rows() {
                let row = bytes.take(usize::from(tile.width) * size).unwrap_or_default();
                let pixels = canvas.framebuffer.row_mut(tile.x, y, tile.width);
                for (pixel, bytes) in pixels.iter_mut().zip(row.chunks_exact(size)) {
                    *pixel = canvas.format.read(bytes);
                }
            }
            return Ok(());
        }
        if subencoding & BACKGROUND_SPECIFIED != 0 {
            self.background = canvas.format.read(bytes.take(size).unwrap_or_default());
        }
        canvas.framebuffer.fill(tile, self.background);
        if subencoding & FOREGROUND_SPECIFIED != 0 {
            self.foreground = canvas.format.read(bytes.take(size).unwrap_or_default());
        }
        if subencoding & ANY_SUBRECTS == 0 {
            return Ok(());
        }
        for _ in 0..bytes.byte().unwrap_or_default() {
            let colour = if subencoding & SUBRECTS_COLOURED != 0 {
                canvas.format.read(bytes.take(size).unwrap_or_default())
            } else {
                self.foreground
            };
            let [position, extent] = [bytes.byte().unwrap_or_default(), bytes.byte().unwrap_or_default()];
            let part = Rectangle {
                x: u16::from(position >> 4),
                y: u16::from(position & 15),
                width: u16::from(extent >> 4) + 1,
                height: u16::from(extent & 15) + 1,
            };
            if !part.fits(tile.width, tile.height) {
                let Rectangle { x, y, width, height } = part;
                return Err(ProtocolError::Rectangle { x, y, width, height });
            }
            canvas.framebuffer.fill(Rectangle { x: tile.x + part.x, y: tile.y + part.y, ..part }, colour);
        }
        Ok(())
    }
}

/// How long the tile at the front of `bytes` is; `None` while its head is not complete. Constant time, so that bytes
/// arriving one by one cost nothing.
fn tile_length(bytes: &[u8], tile: Rectangle, size: usize) -> Option<usize> {
    let subencoding = *bytes.first()?;
    if subencoding & RAW != 0 {
        return Some(1 + tile.pixels() * size);
    }
    let colours = (subencoding & (BACKGROUND_SPECIFIED | FOREGROUND_SPECIFIED)).count_ones() as usize;
    let head = 1 + colours * size;
    if subencoding & ANY_SUBRECTS == 0 {
        return Some(head);
    }
    let count = usize::from(*bytes.get(head)?);
    let each = if subencoding & SUBRECTS_COLOURED != 0 { size + 2 } else { 2 };
    Some(head + 1 + count * each)
}
