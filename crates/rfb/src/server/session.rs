//! Messages of a viewer after the handshake (RFC 6143 section 7.5), and the updates it is sent.

use std::collections::VecDeque;

use super::damage::Damage;
use super::{ServerError, ServerEvent};
use crate::encoding::{Encoding, LOWEST_JPEG_QUALITY, hextile, raw, tight, trle, zlib, zrle};
use crate::error::ProtocolError;
use crate::framebuffer::{Framebuffer, Rectangle};
use crate::inbox::Inbox;
use crate::pixel_format::{PixelFormat, RequestedFormat};
use crate::text::{self, Text};

const SET_PIXEL_FORMAT: u8 = 0;
const SET_ENCODINGS: u8 = 2;
const FRAMEBUFFER_UPDATE_REQUEST: u8 = 3;
const KEY_EVENT: u8 = 4;
const POINTER_EVENT: u8 = 5;
const CLIENT_CUT_TEXT: u8 = 6;

pub(super) struct Session {
    picture: Framebuffer,
    /// The size the viewer knows: that of the picture, unless it changed and the viewer was not told.
    width: u16,
    height: u16,
    damage: Damage,
    format: PixelFormat,
    /// The viewer asked for a colour map and was not sent it yet. Written with the updates, so that asking often
    /// does not pile up output.
    colour_map_due: bool,
    wishes: Wishes,
    tight: Option<Box<tight::Encoder>>,
    zlib: Option<Box<zlib::Encoder>>,
    zrle: Option<Box<zrle::Encoder>>,
    /// What the viewer waits for; several requests are one for all that they cover.
    request: Option<Rectangle>,
    step: Step,
}

/// What a SetEncodings message asks for.
#[derive(Clone, Copy, Default)]
struct Wishes {
    /// The first encoding that we write, in the viewer's order.
    encoding: Option<Encoding>,
    resizable: bool,
    /// The level of quality of JPEG, 0 to 9; without it none is sent.
    jpeg_quality: Option<u8>,
}

/// What the next bytes belong to.
enum Step {
    Message,
    Encodings { missing: u16, wishes: Wishes },
    CutText(Text),
}

impl Session {
    pub(super) fn new(picture: Framebuffer) -> Self {
        let (width, height) = (picture.width(), picture.height());
        Self {
            picture,
            width,
            height,
            damage: Damage::everything(width, height),
            format: PixelFormat::TRUE_COLOUR_32,
            colour_map_due: false,
            wishes: Wishes::default(),
            tight: None,
            zlib: None,
            zrle: None,
            request: None,
            step: Step::Message,
        }
    }

    pub(super) fn picture(&self) -> &Framebuffer {
        &self.picture
    }

    pub(super) fn set_picture(&mut self, picture: &Framebuffer) {
        if (self.picture.width(), self.picture.height()) == (picture.width(), picture.height()) {
            self.damage.update(&mut self.picture, picture);
        } else {
            self.picture.clone_from(picture);
            self.damage.mark_everything();
        }
    }

    /// Takes the next step; whether it could be taken with the bytes that are there.
    pub(super) fn take(
        &mut self,
        inbox: &mut Inbox,
        events: &mut VecDeque<ServerEvent>,
    ) -> Result<bool, ServerError> {
        match &mut self.step {
            Step::Message => Ok(self.take_message(inbox, events)?.is_some()),
            Step::Encodings { missing: 0, wishes } => {
                self.wishes = *wishes;
                self.step = Step::Message;
                Ok(true)
            }
            Step::Encodings { missing, wishes } => {
                let Some(number) = inbox.take() else { return Ok(false) };
                wishes.add(i32::from_be_bytes(number));
                *missing -= 1;
                Ok(true)
            }
            Step::CutText(text) => {
                let Some(bytes) = text.receive(inbox) else { return Ok(false) };
                events.push_back(ServerEvent::CutText(text::latin1(&bytes)));
                self.step = Step::Message;
                Ok(true)
            }
        }
    }

    /// Reads a message, or the head of a long one; `None` as long as it is not complete.
    fn take_message(
        &mut self,
        inbox: &mut Inbox,
        events: &mut VecDeque<ServerEvent>,
    ) -> Result<Option<()>, ProtocolError> {
        let Some(&kind) = inbox.pending().first() else { return Ok(None) };
        match kind {
            SET_PIXEL_FORMAT => {
                let Some([_, _, _, _, format @ ..]) = inbox.take::<20>() else { return Ok(None) };
                self.set_pixel_format(PixelFormat::parse(&format)?)?;
            }
            SET_ENCODINGS => {
                let Some([_, _, n1, n0]) = inbox.take() else { return Ok(None) };
                let (missing, wishes) = (u16::from_be_bytes([n1, n0]), Wishes::default());
                self.step = Step::Encodings { missing, wishes };
            }
            FRAMEBUFFER_UPDATE_REQUEST => {
                let Some([_, incremental, x1, x0, y1, y0, w1, w0, h1, h0]) = inbox.take() else {
                    return Ok(None);
                };
                let area = Rectangle {
                    x: u16::from_be_bytes([x1, x0]),
                    y: u16::from_be_bytes([y1, y0]),
                    width: u16::from_be_bytes([w1, w0]),
                    height: u16::from_be_bytes([h1, h0]),
                };
                if incremental == 0 {
                    self.damage.mark(area);
                }
                self.request = Some(self.request.map_or(area, |earlier| earlier.joined(area)));
            }
            KEY_EVENT => {
                let Some([_, down, _, _, k3, k2, k1, k0]) = inbox.take() else { return Ok(None) };
                let keysym = u32::from_be_bytes([k3, k2, k1, k0]);
                events.push_back(ServerEvent::Key { keysym, down: down != 0 });
            }
            POINTER_EVENT => {
                let Some([_, buttons, x1, x0, y1, y0]) = inbox.take() else { return Ok(None) };
                let (x, y) = (u16::from_be_bytes([x1, x0]), u16::from_be_bytes([y1, y0]));
                events.push_back(ServerEvent::Pointer { buttons, x, y });
            }
            CLIENT_CUT_TEXT => {
                let Some([_, _, _, _, l3, l2, l1, l0]) = inbox.take() else { return Ok(None) };
                let length = u32::from_be_bytes([l3, l2, l1, l0]);
                // A negative length announces the extended clipboard, which we do not offer.
                if i32::try_from(length).is_err() {
                    return Err(ProtocolError::TextLength { length });
                }
                self.step = Step::CutText(Text::new(length));
            }
            number => return Err(ProtocolError::Message { number }),
        }
        Ok(Some(()))
    }

    fn set_pixel_format(&mut self, format: RequestedFormat) -> Result<(), ProtocolError> {
        match format {
            RequestedFormat::TrueColour(format) => self.format = format,
            RequestedFormat::ColourMap { bits_per_pixel: 8 } => {
                // True colour of eight bits with a map that says so serves these viewers without a palette of our own.
                self.format = PixelFormat::TRUE_COLOUR_8;
                self.colour_map_due = true;
            }
            RequestedFormat::ColourMap { bits_per_pixel } => {
                return Err(ProtocolError::PixelFormat { bits_per_pixel });
            }
        }
        Ok(())
    }

    /// Appends what is due to the viewer: its colour map, and an update if it asked and there is something it has not
    /// seen.
    pub(super) fn write_due(&mut self, out: &mut Vec<u8>) {
        if core::mem::take(&mut self.colour_map_due) {
            write_colour_map(&self.format, out);
        }
        let Some(area) = self.request else { return };
        let (width, height) = (self.picture.width(), self.picture.height());
        if self.wishes.resizable && (self.width, self.height) != (width, height) {
            (self.width, self.height) = (width, height);
            self.damage = Damage::everything(width, height);
            write_update_head(1, out);
            write_rectangle_head(Rectangle { x: 0, y: 0, width, height }, Encoding::DesktopSize, out);
            self.request = None;
            return;
        }
        let mut parts = self.damage.take(area);
        if self.wishes.encoding == Some(Encoding::Tight) {
            parts = parts.into_iter().flat_map(|part| part.tiles(tight::LARGEST_SIDE)).collect();
        }
        // The grid that parts are made of has fewer squares than this.
        let Some(count) = u16::try_from(parts.len()).ok().filter(|&count| count > 0) else { return };
        self.request = None;
        write_update_head(count, out);
        for part in parts {
            self.write_part(part, out);
        }
    }

    fn write_part(&mut self, part: Rectangle, out: &mut Vec<u8>) {
        let picture = self.picture.cropped(part);
        let encoding = self.wishes.encoding.unwrap_or(Encoding::Raw);
        write_rectangle_head(part, encoding, out);
        match encoding {
            Encoding::Zrle => {
                let zrle = self.zrle.get_or_insert_with(|| Box::new(zrle::Encoder::new()));
                zrle.encode(&picture, &self.format, out);
            }
            Encoding::Tight => {
                let tight = self.tight.get_or_insert_with(|| Box::new(tight::Encoder::new()));
                tight.encode(&picture, &self.format, self.wishes.jpeg_quality, out);
            }
            Encoding::Zlib => {
                let zlib = self.zlib.get_or_insert_with(|| Box::new(zlib::Encoder::new()));
                zlib.encode(&picture, &self.format, out);
            }
            Encoding::Hextile => hextile::encode(&picture, &self.format, out),
            Encoding::Trle => trle::encode(&picture, &self.format, out),
            _ => raw::encode(&picture, &self.format, out),
        }
    }
}

impl Wishes {
    fn add(&mut self, number: i32) {
        match Encoding::from_number(number) {
            Some(
                written @ (Encoding::Raw
                | Encoding::Hextile
                | Encoding::Zlib
                | Encoding::Tight
                | Encoding::Trle
                | Encoding::Zrle),
            ) => {
                self.encoding.get_or_insert(written);
            }
            Some(Encoding::DesktopSize) => self.resizable = true,
            _ => {
                let level =
                    number.checked_sub(LOWEST_JPEG_QUALITY).and_then(|level| u8::try_from(level).ok());
                if let Some(level) = level.filter(|level| *level <= 9) {
                    self.jpeg_quality = Some(level);
                }
            }
        }
    }
}

fn write_update_head(count: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&count.to_be_bytes());
}

fn write_rectangle_head(area: Rectangle, encoding: Encoding, out: &mut Vec<u8>) {
    for number in [area.x, area.y, area.width, area.height] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(&encoding.number().to_be_bytes());
}

/// A SetColourMapEntries message (section 7.6.2) for all 256 pixels of `format`.
fn write_colour_map(format: &PixelFormat, out: &mut Vec<u8>) {
    out.extend_from_slice(&[1, 0, 0, 0, 1, 0]);
    for pixel in 0..=u8::MAX {
        let [_, red, green, blue] = format.read(&[pixel]).to_be_bytes();
        for intensity in [red, green, blue] {
            out.extend_from_slice(&[intensity, intensity]);
        }
    }
}
