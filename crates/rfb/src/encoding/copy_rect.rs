//! CopyRect (RFC 6143 section 7.7.2): the place on the screen where the rectangle's pixels already are.

use super::{Canvas, Progress};
use crate::error::ProtocolError;
use crate::framebuffer::Rectangle;
use crate::inbox::Inbox;

pub(crate) struct Decoder {
    area: Rectangle,
}

impl Decoder {
    pub(super) fn new(area: Rectangle) -> Self {
        Self { area }
    }

    pub(super) fn decode(
        &mut self,
        inbox: &mut Inbox,
        canvas: &mut Canvas,
    ) -> Result<Progress, ProtocolError> {
        let Some([x1, x0, y1, y0]) = inbox.take() else { return Ok(Progress::Starved) };
        let (x, y) = (u16::from_be_bytes([x1, x0]), u16::from_be_bytes([y1, y0]));
        let framebuffer = &mut canvas.framebuffer;
        if !(Rectangle { x, y, ..self.area }).fits(framebuffer.width(), framebuffer.height()) {
            return Err(ProtocolError::CopySource { x, y });
        }
        framebuffer.copy(x, y, self.area);
        Ok(Progress::Complete)
    }
}
