//! RRE (RFC 6143 section 7.7.3): a background and subrectangles of one colour each.

use super::{Canvas, Progress};
use crate::error::ProtocolError;
use crate::framebuffer::Rectangle;
use crate::inbox::Inbox;

pub(crate) struct Decoder {
    area: Rectangle,
    /// Subrectangles still to come; `None` before the header.
    missing: Option<u32>,
}

impl Decoder {
    pub(super) fn new(area: Rectangle) -> Self {
        Self { area, missing: None }
    }

    pub(super) fn decode(
        &mut self,
        inbox: &mut Inbox,
        canvas: &mut Canvas,
    ) -> Result<Progress, ProtocolError> {
        let size = canvas.format.bytes_per_pixel();
        let mut missing = match self.missing {
            Some(missing) => missing,
            None => {
                let Some((&count, background)) = inbox.pending().split_first_chunk::<4>() else {
                    return Ok(Progress::Starved);
                };
                let Some(background) = background.get(..size) else { return Ok(Progress::Starved) };
                canvas.framebuffer.fill(self.area, canvas.format.read(background));
                inbox.consume(4 + size);
                self.checked_count(u32::from_be_bytes(count))?
            }
        };
        while missing > 0 {
            let Some((colour, rest)) = inbox.pending().split_at_checked(size) else { break };
            let Some(&[x1, x0, y1, y0, w1, w0, h1, h0]) = rest.first_chunk() else { break };
            let part = Rectangle {
                x: u16::from_be_bytes([x1, x0]),
                y: u16::from_be_bytes([y1, y0]),
                width: u16::from_be_bytes([w1, w0]),
                height: u16::from_be_bytes([h1, h0]),
            };
            if !part.fits(self.area.width, self.area.height) {
                let Rectangle { x, y, width, height } = part;
                return Err(ProtocolError::Rectangle { x, y, width, height });
            }
            canvas.budget.spend(part.pixels())?;
            let part = Rectangle { x: self.area.x + part.x, y: self.area.y + part.y, ..part };
            canvas.framebuffer.fill(part, canvas.format.read(colour));
            inbox.consume(size + 8);
            missing -= 1;
        }
        self.missing = Some(missing);
        Ok(if missing == 0 { Progress::Complete } else { Progress::Starved })
    }

    /// No rectangle needs more subrectangles than it has pixels.
    fn checked_count(&self, announced: u32) -> Result<u32, ProtocolError> {
        let limit = self.area.pixels() as u64;
        if u64::from(announced) > limit {
            return Err(ProtocolError::RectangleLength { announced, limit });
        }
        Ok(announced)
    }
}
