//! Encodings of rectangles (RFC 6143 section 7.7): their numbers, and the decoder of each behind one interface.
//!
//! Each encoding is a module with the `Decoder` of the client side and, where our server sends it, `encode`. A new one
//! adds a module, a number in [`Encoding`] and an arm in [`Decoder`].

mod copy_rect;
mod cursor;
mod deflate;
pub(crate) mod desktop_size;
pub(crate) mod hextile;
mod inflate;
pub(crate) mod raw;
mod rows;
mod rre;
pub(crate) mod tight;
pub(crate) mod trle;
pub(crate) mod zlib;
pub(crate) mod zrle;

use crate::error::ProtocolError;
use crate::framebuffer::{Framebuffer, Rectangle};
use crate::inbox::Inbox;
use crate::pixel_format::PixelFormat;
use inflate::Inflate;

/// The number of the pseudo-encoding that asks for JPEG of the lowest of ten levels of quality; the others follow it.
pub(crate) const LOWEST_JPEG_QUALITY: i32 = -32;

/// How a rectangle of an update is written, or what else a client can be told (pseudo-encodings).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Pixels as they are (RFC 6143 section 7.7.1).
    Raw,
    /// A part of the screen moved (section 7.7.2).
    CopyRect,
    /// A background and rectangles of one colour each (section 7.7.3).
    Rre,
    /// Tiles of 16x16 pixels, each as raw pixels or as rectangles of one colour (section 7.7.4).
    Hextile,
    /// All pixels compressed by zlib (community protocol document, "Zlib").
    Zlib,
    /// One colour, palettes, gradients or pixels compressed by zlib, or JPEG pictures (same document, "Tight").
    Tight,
    /// Tiles of 16x16 pixels as palettes and runs (section 7.7.5).
    Trle,
    /// Tiles of 64x64 pixels as palettes and runs, compressed by zlib (section 7.7.6). Intel AMT writes bare deflate
    /// data without the header of zlib, which is read as well.
    Zrle,
    /// The server does not paint the mouse pointer but sends its shape (section 7.8.1). The client reads and drops
    /// it: what is left is the screen without a pointer in front of the text.
    Cursor,
    /// The screen's size may change (section 7.8.2).
    DesktopSize,
    /// An update may end before its count of rectangles (community protocol document, "LastRect").
    LastRect,
    /// The server takes keys by their places (same document, "QEMU Extended Key Event"): it says so by an empty
    /// rectangle.
    ExtendedKeyEvent,
    /// The size may change and several monitors make up the screen (same document, "ExtendedDesktopSize").
    ExtendedDesktopSize,
}

impl Encoding {
    /// All encodings the client reads, best first.
    pub const ALL: [Self; 13] = [
        Self::Zrle,
        Self::Tight,
        Self::Trle,
        Self::Hextile,
        Self::Zlib,
        Self::CopyRect,
        Self::Rre,
        Self::Raw,
        Self::Cursor,
        Self::DesktopSize,
        Self::LastRect,
        Self::ExtendedDesktopSize,
        Self::ExtendedKeyEvent,
    ];

    /// What to offer a server that closes the connection when it is offered more, as some of management controllers do.
    pub const FEW: [Self; 2] = [Self::Hextile, Self::Raw];

    /// Its number on the wire (RFC 6143 sections 7.7 and 7.8).
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Raw => 0,
            Self::CopyRect => 1,
            Self::Rre => 2,
            Self::Hextile => 5,
            Self::Zlib => 6,
            Self::Tight => 7,
            Self::Trle => 15,
            Self::Zrle => 16,
            Self::Cursor => -239,
            Self::DesktopSize => -223,
            Self::LastRect => -224,
            Self::ExtendedKeyEvent => -258,
            Self::ExtendedDesktopSize => -308,
        }
    }

    pub(crate) fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.number() == number)
    }
}

/// Whether a rectangle is decoded to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Complete,
    /// All that can be understood is consumed; more bytes must arrive.
    Starved,
}

/// The most pixels that are painted for one request of ours: sixteen times the largest screen. Honest servers paint
/// each pixel a few times at most, while CopyRect and RRE let a hostile one ask for millions with a dozen bytes.
pub(crate) const PAINT_LIMIT: u64 = 16 * Framebuffer::MAX_PIXELS as u64;

/// Pixels that may still be painted before the next request.
pub(crate) struct PaintBudget(u64);

impl PaintBudget {
    pub(crate) fn full() -> Self {
        Self(PAINT_LIMIT)
    }

    pub(crate) fn spend(&mut self, pixels: usize) -> Result<(), ProtocolError> {
        self.0 = u64::try_from(pixels)
            .ok()
            .and_then(|pixels| self.0.checked_sub(pixels))
            .ok_or(ProtocolError::PaintLimit { limit: PAINT_LIMIT })?;
        Ok(())
    }
}

/// What decoders paint on and what they keep from one rectangle to the next.
pub(crate) struct Canvas {
    pub(crate) framebuffer: Framebuffer,
    pub(crate) format: PixelFormat,
    pub(crate) budget: PaintBudget,
    /// Whether a part of the picture came as JPEG.
    pub(crate) is_lossy: bool,
    zlib: Inflate,
    tight: [Inflate; tight::STREAMS],
    zrle: Inflate,
}

impl Canvas {
    pub(crate) fn new(framebuffer: Framebuffer, format: PixelFormat) -> Self {
        Self {
            framebuffer,
            format,
            budget: PaintBudget::full(),
            is_lossy: false,
            zlib: Inflate::new(),
            tight: core::array::from_fn(|_| Inflate::new()),
            zrle: Inflate::new_perhaps_bare(),
        }
    }
}

/// The decoder of one rectangle.
pub(crate) enum Decoder {
    CopyRect(copy_rect::Decoder),
    Cursor(cursor::Decoder),
    Hextile(hextile::Decoder),
    Raw(raw::Decoder),
    Rre(rre::Decoder),
    Tight(tight::Decoder),
    Trle(trle::Decoder),
    Zlib(zlib::Decoder),
    Zrle(zrle::Decoder),
}

impl Decoder {
    /// The decoder for a rectangle within the canvas. `None` for those pseudo-encodings that change the connection
    /// instead of the picture.
    pub(crate) fn new(
        encoding: Encoding,
        area: Rectangle,
        canvas: &mut Canvas,
    ) -> Result<Option<Self>, ProtocolError> {
        let decoder = match encoding {
            Encoding::DesktopSize
            | Encoding::ExtendedDesktopSize
            | Encoding::ExtendedKeyEvent
            | Encoding::LastRect => return Ok(None),
            Encoding::Cursor => {
                return cursor::Decoder::new(area, &canvas.format).map(Self::Cursor).map(Some);
            }
            Encoding::CopyRect => Self::CopyRect(copy_rect::Decoder::new(area)),
            Encoding::Hextile => Self::Hextile(hextile::Decoder::new(area)),
            Encoding::Raw => Self::Raw(raw::Decoder::new(area)),
            Encoding::Rre => Self::Rre(rre::Decoder::new(area)),
            Encoding::Tight => Self::Tight(tight::Decoder::new(area)),
            Encoding::Trle => Self::Trle(trle::Decoder::new(area)),
            Encoding::Zlib => Self::Zlib(zlib::Decoder::new(area, &canvas.format)),
            Encoding::Zrle => Self::Zrle(zrle::Decoder::new(area)),
        };
        let Rectangle { x, y, width, height } = area;
        if !area.fits(canvas.framebuffer.width(), canvas.framebuffer.height()) {
            return Err(ProtocolError::Rectangle { x, y, width, height });
        }
        canvas.budget.spend(area.pixels())?;
        Ok(Some(decoder))
    }

    /// Decodes what is there.
    pub(crate) fn decode(
        &mut self,
        inbox: &mut Inbox,
        canvas: &mut Canvas,
    ) -> Result<Progress, ProtocolError> {
        match self {
            Self::CopyRect(decoder) => decoder.decode(inbox, canvas),
            Self::Cursor(decoder) => Ok(decoder.decode(inbox)),
            Self::Hextile(decoder) => decoder.decode(inbox, canvas),
            Self::Raw(decoder) => Ok(decoder.decode(inbox, canvas)),
            Self::Rre(decoder) => decoder.decode(inbox, canvas),
            Self::Tight(decoder) => decoder.decode(inbox, canvas),
            Self::Trle(decoder) => decoder.decode(inbox, canvas),
            Self::Zlib(decoder) => decoder.decode(inbox, canvas),
            Self::Zrle(decoder) => decoder.decode(inbox, canvas),
        }
    }

    /// Whether it paints on the picture.
    pub(crate) fn paints(&self) -> bool {
        !matches!(self, Self::Cursor(_))
    }
}

#[cfg(test)]
mod tests;
