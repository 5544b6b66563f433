//! Raw (RFC 6143 section 7.7.1): all pixels, row by row.

use super::{Canvas, Progress};
use crate::framebuffer::{Framebuffer, Rectangle};
use crate::inbox::Inbox;
use crate::pixel_format::PixelFormat;

/// Paints pixels as they arrive and remembers where it stopped, so that no byte is looked at twice.
pub(crate) struct Decoder {
    area: Rectangle,
    column: u16,
    row: u16,
}

impl Decoder {
    pub(super) fn new(area: Rectangle) -> Self {
        Self { area, column: 0, row: 0 }
    }

    pub(super) fn decode(&mut self, inbox: &mut Inbox, canvas: &mut Canvas) -> Progress {
        let size = canvas.format.bytes_per_pixel();
        while self.row < self.area.height && self.area.width > 0 {
            let (x, y) = (self.area.x + self.column, self.area.y + self.row);
            let missing = canvas.framebuffer.row_mut(x, y, self.area.width - self.column);
            let mut painted = 0;
            for (pixel, bytes) in missing.iter_mut().zip(inbox.pending().chunks_exact(size)) {
                *pixel = canvas.format.read(bytes);
                painted += 1;
            }
            inbox.consume(usize::from(painted) * size);
            self.column += painted;
            if self.column < self.area.width {
                return Progress::Starved;
            }
            self.column = 0;
            self.row += 1;
        }
        Progress::Complete
    }
}

pub(crate) fn encode(picture: &Framebuffer, format: &PixelFormat, out: &mut Vec<u8>) {
    out.reserve(picture.pixels().len() * format.bytes_per_pixel());
    for &colour in picture.pixels() {
        format.write(colour, out);
    }
}
