//! The server's side of ZRLE.

use flate2::FlushCompress;

use super::{TILE, tile};
use crate::encoding::deflate::{Deflate, with_length};
use crate::framebuffer::{Framebuffer, Rectangle};
use crate::pixel_format::PixelFormat;

/// Bytes of tiles gathered before they are compressed.
const CHUNK: usize = 16 * 1024;

/// The zlib stream of a connection towards a viewer.
pub(crate) struct Encoder(Deflate);

impl Encoder {
    pub(crate) fn new() -> Self {
        Self(Deflate::new())
    }

    pub(crate) fn encode(&mut self, picture: &Framebuffer, format: &PixelFormat, out: &mut Vec<u8>) {
        let compressed = format.compressed();
        let whole = Rectangle { x: 0, y: 0, width: picture.width(), height: picture.height() };
        with_length(out, |out| {
            let mut tiles = Vec::new();
            for area in whole.tiles(TILE) {
                tile::encode(picture.cropped(area).pixels(), area.width, &compressed, &mut tiles);
                if tiles.len() >= CHUNK {
                    self.0.write(&tiles, FlushCompress::None, out);
                    tiles.clear();
                }
            }
            self.0.write(&tiles, FlushCompress::Sync, out);
        });
    }
}
