//! The server's side of ZRLE.

use flate2::{Compress, Compression, FlushCompress};

use super::{CHUNK, TILE, tile};
use crate::framebuffer::{Framebuffer, Rectangle};
use crate::pixel_format::PixelFormat;

/// The zlib stream of a connection towards a viewer.
pub(crate) struct Encoder {
    deflate: Compress,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        // Text screens shrink a hundredfold at any level; the fast one keeps many viewers cheap.
        Self { deflate: Compress::new(Compression::fast(), true) }
    }

    pub(crate) fn encode(&mut self, picture: &Framebuffer, format: &PixelFormat, out: &mut Vec<u8>) {
        let length_at = out.len();
        out.extend_from_slice(&[0; 4]);
        let compressed = format.compressed();
        let whole = Rectangle { x: 0, y: 0, width: picture.width(), height: picture.height() };
        let mut tiles = Vec::new();
        for area in whole.tiles(TILE) {
            tile::encode(picture.cropped(area).pixels(), area.width, &compressed, &mut tiles);
            if tiles.len() >= CHUNK {
                self.deflate(&tiles, FlushCompress::None, out);
                tiles.clear();
            }
        }
        self.deflate(&tiles, FlushCompress::Sync, out);
        let length = u32::try_from(out.len() - length_at - 4).unwrap_or(u32::MAX);
        if let Some(head) = out.get_mut(length_at..length_at + 4) {
            head.copy_from_slice(&length.to_be_bytes());
        }
    }

    /// Compresses all of `input`; with [`FlushCompress::Sync`], so that the viewer can read to its end.
    fn deflate(&mut self, mut input: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
        loop {
            out.reserve(CHUNK);
            let (used_before, made_before) = (self.deflate.total_in(), out.len());
            // Errors exist only for streams that were ended, and this one never is.
            let result = self.deflate.compress_vec(input, out, flush);
            let used = usize::try_from(self.deflate.total_in() - used_before).unwrap_or(input.len());
            input = input.get(used..).unwrap_or_default();
            let stuck = used == 0 && out.len() == made_before;
            let output_had_room = out.len() < out.capacity();
            if result.is_err() || stuck || (input.is_empty() && output_had_room) {
                return;
            }
        }
    }
}
