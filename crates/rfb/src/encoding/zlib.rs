//! Zlib (community protocol document): all pixels, row by row, in one zlib stream for the whole connection.

use flate2::FlushCompress;

use super::deflate::{Deflate, with_length};
use super::rows::{Filter, Rows};
use super::{Canvas, Progress, raw};
use crate::error::ProtocolError;
use crate::framebuffer::{Framebuffer, Rectangle};
use crate::inbox::Inbox;
use crate::pixel_format::PixelFormat;

pub(crate) struct Decoder {
    rows: Rows,
    /// Compressed bytes still to come; `None` before the length.
    missing: Option<usize>,
}

impl Decoder {
    pub(super) fn new(area: Rectangle, format: &PixelFormat) -> Self {
        Self { rows: Rows::new(area, Filter::Copy(format.whole())), missing: None }
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
                checked_length(u32::from_be_bytes(length), self.rows.length())?
            }
        };
        let Canvas { framebuffer, zlib, .. } = canvas;
        let progress = zlib.decode(inbox, &mut missing, |bytes| self.rows.paint(bytes, framebuffer))?;
        self.missing = Some(missing);
        if progress == Progress::Complete && !self.rows.is_complete() {
            return Err(ProtocolError::Zlib);
        }
        Ok(progress)
    }
}

/// Zlib adds a few bytes for each block that it cannot compress; twice the data leaves room for servers that flush
/// often.
pub(super) fn checked_length(announced: u32, data: usize) -> Result<usize, ProtocolError> {
    let limit = 1024 + 2 * data as u64;
    usize::try_from(announced)
        .ok()
        .filter(|_| u64::from(announced) <= limit)
        .ok_or(ProtocolError::RectangleLength { announced, limit })
}

/// The zlib stream of a connection towards a viewer.
pub(crate) struct Encoder(Deflate);

impl Encoder {
    pub(crate) fn new() -> Self {
        Self(Deflate::new())
    }

    pub(crate) fn encode(&mut self, picture: &Framebuffer, format: &PixelFormat, out: &mut Vec<u8>) {
        let mut pixels = Vec::new();
        raw::encode(picture, format, &mut pixels);
        with_length(out, |out| self.0.write(&pixels, FlushCompress::Sync, out));
    }
}
