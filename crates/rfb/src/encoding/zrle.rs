//! ZRLE (RFC 6143 section 7.7.6): tiles of 64x64 pixels as palettes and runs, in one zlib stream for the whole
//! connection.

mod encode;
mod tile;

pub(crate) use encode::Encoder;

use flate2::{Decompress, FlushDecompress};

use super::{Canvas, Progress};
use crate::error::ProtocolError;
use crate::framebuffer::Rectangle;
use crate::inbox::Inbox;

const TILE: u16 = 64;

/// The longest tile there is: its subencoding, and a run of one pixel for each pixel, four bytes of colour and one of
/// length.
const MAX_TILE_LENGTH: usize = 1 + 64 * 64 * 5;

/// Bytes inflated at a time.
const CHUNK: usize = 16 * 1024;

/// The zlib stream and what it gave that is not yet painted: never above [`MAX_TILE_LENGTH`] + [`CHUNK`], whatever the
/// server compressed.
pub(crate) struct Stream {
    inflate: Decompress,
    inflated: Vec<u8>,
    read: usize,
}

impl Stream {
    pub(crate) fn new() -> Self {
        Self { inflate: Decompress::new(true), inflated: Vec::new(), read: 0 }
    }

    fn pending(&self) -> &[u8] {
        self.inflated.get(self.read..).unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        self.inflated.capacity()
    }

    /// Inflates up to [`CHUNK`] bytes; returns how many bytes of `input` were used and how many came out.
    fn inflate(&mut self, input: &[u8]) -> Result<(usize, usize), ProtocolError> {
        self.inflated.drain(..self.read);
        self.read = 0;
        let kept = self.inflated.len();
        self.inflated.resize(kept + CHUNK, 0);
        let (used_before, made_before) = (self.inflate.total_in(), self.inflate.total_out());
        let room = self.inflated.get_mut(kept..).unwrap_or_default();
        let result = self.inflate.decompress(input, room, FlushDecompress::None);
        let used = usize::try_from(self.inflate.total_in() - used_before).map_err(|_| ProtocolError::Zlib)?;
        let made =
            usize::try_from(self.inflate.total_out() - made_before).map_err(|_| ProtocolError::Zlib)?;
        self.inflated.truncate(kept + made);
        result.map_err(|_| ProtocolError::Zlib)?;
        Ok((used, made))
    }
}

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
        loop {
            // A tile is painted when it is surely whole: each byte is looked at once, however the data is chopped.
            while !self.painted_all() && canvas.zrle.pending().len() >= MAX_TILE_LENGTH {
                self.paint_tile(canvas)?;
            }
            let input = inbox.pending();
            let input = input.get(..missing).unwrap_or(input);
            let (used, made) = canvas.zrle.inflate(input)?;
            inbox.consume(used);
            missing -= used;
            if self.painted_all() && !canvas.zrle.pending().is_empty() {
                return Err(ProtocolError::Zlib);
            }
            if (used, made) == (0, 0) {
                if missing == 0 {
                    break;
                }
                self.missing = Some(missing);
                // Input that the stream does not want is behind its end.
                return if inbox.is_empty() { Ok(Progress::Starved) } else { Err(ProtocolError::Zlib) };
            }
        }
        while !self.painted_all() {
            self.paint_tile(canvas)?;
        }
        if canvas.zrle.pending().is_empty() { Ok(Progress::Complete) } else { Err(ProtocolError::Zlib) }
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

    fn paint_tile(&mut self, canvas: &mut Canvas) -> Result<(), ProtocolError> {
        let tile = self.area.tile(self.column, self.row, TILE);
        let bytes = canvas.zrle.pending();
        let subencoding = bytes.first().copied().unwrap_or_default();
        let (pixels, length) = tile::decode(bytes, tile.width, tile.height, &canvas.format.compressed())
            .ok_or(ProtocolError::Tile { subencoding })?;
        for (y, row) in tile.rows().zip(pixels.chunks_exact(usize::from(tile.width))) {
            canvas.framebuffer.row_mut(tile.x, y, tile.width).copy_from_slice(row);
        }
        canvas.zrle.read += length;
        self.column += 1;
        if self.column == self.area.width.div_ceil(TILE) {
            self.column = 0;
            self.row += 1;
        }
        Ok(())
    }
}
