//! Pictures and other messages, as the viewer.

use std::time::{Duration, Instant};

use super::{ClientConfig, Notices};
use crate::ast2100::{Decoder, MAX_FRAME_BYTES};
use crate::aten::{SCREEN_OFF, VideoQuality, encoding, extra_length, said};
use crate::error::{Error, Phase, ProtocolError};
use crate::hermon;
use crate::inbox::Inbox;
use crate::picture::{Picture, SizeError};

/// The longest text of the clipboard that is passed over.
const MAX_CUT_TEXT: u32 = 1024 * 1024;

/// Controllers send one rectangle in an update.
const MAX_RECTANGLES: u16 = 64;

/// Rectangles for one request, asked for or not: each may cost a whole picture of time.
const MAX_RECTANGLES_FOR_REQUEST: u32 = 64;

/// How long nothing is asked of a controller whose host shows no picture.
const SCREEN_OFF_PAUSE: Duration = Duration::from_secs(1);

/// Bytes of a rectangle before its data: those of RFB, a mode and the length of the data.
const RECTANGLE: usize = 20;

pub(super) struct Session {
    picture: Option<Picture>,
    decoder: Decoder,
    /// The size that the controller named, until a picture brings the true one.
    size: (u16, u16),
    reading: Reading,
    /// Rectangles since the last request.
    rectangles: u32,
    /// A request that waits to be sent, and whether it is for changes only.
    wanted: Option<bool>,
    /// A request for all was sent and is not answered.
    full_deadline: Option<Instant>,
    /// A message was begun.
    message_deadline: Option<Instant>,
    /// No request goes out before.
    pause_until: Option<Instant>,
    next_keep_alive: Option<Instant>,
    update_timeout: Duration,
    keep_alive: Duration,
}

/// What comes next.
#[derive(Clone, Copy)]
enum Reading {
    Message,
    /// Bytes of no interest, and then the message or rectangle after them.
    Passing {
        bytes: usize,
        rectangles: u16,
    },
    /// So many rectangles of an update.
    Rectangles(u16),
    Data {
        rectangle: Rectangle,
        /// Rectangles after this one.
        rectangles: u16,
    },
}

#[derive(Clone, Copy)]
struct Rectangle {
    width: u16,
    height: u16,
    encoding: i32,
    length: usize,
}

impl Session {
    pub(super) fn new(now: Instant, size: (u16, u16), config: &ClientConfig, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&[2, 0, 0, 2]);
        for number in [encoding::AST2100, encoding::HERMON] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        if let Some(quality) = config.quality {
            out.push(said::QUALITY);
            out.extend_from_slice(&quality.bytes());
        }
        Self {
            picture: None,
            decoder: Decoder::new(),
            size,
            reading: Reading::Message,
            rectangles: 0,
            wanted: None,
            full_deadline: None,
            message_deadline: None,
            pause_until: None,
            next_keep_alive: now.checked_add(config.keep_alive),
            update_timeout: config.update_timeout,
            keep_alive: config.keep_alive,
        }
    }

    pub(super) fn picture(&self) -> Option<&Picture> {
        self.picture.as_ref()
    }

    pub(super) fn phase(&self) -> Phase {
        if self.deadline().is_some() { Phase::Update } else { Phase::Idle }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.full_deadline.into_iter().chain(self.message_deadline).min()
    }

    /// When something is to be sent.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let request = self.wanted.and(self.pause_until);
        self.next_keep_alive.into_iter().chain(request).min()
    }

    pub(super) fn wake(&mut self, now: Instant, out: &mut Vec<u8>) {
        if self.next_keep_alive.is_some_and(|due| due <= now) {
            out.extend_from_slice(&[said::KEEP_ALIVE, 0, 0, 0, 1, 0, 0, 0, 0]);
            self.next_keep_alive = now.checked_add(self.keep_alive);
        }
        self.send_due_request(now, out);
    }

    pub(super) fn request(&mut self, now: Instant, incremental: bool, out: &mut Vec<u8>) {
        // Changes to a picture that was never sent are all of it.
        let incremental = incremental && self.picture.is_some();
        self.wanted = Some(incremental && self.wanted.unwrap_or(true));
        self.send_due_request(now, out);
    }

    pub(super) fn send_due_request(&mut self, now: Instant, out: &mut Vec<u8>) {
        if self.pause_until.is_some_and(|until| now < until) {
            return;
        }
        let Some(incremental) = self.wanted.take() else { return };
        self.pause_until = None;
        self.rectangles = 0;
        let (width, height) =
            self.picture.as_ref().map_or(self.size, |picture| (picture.width(), picture.height()));
        out.extend_from_slice(&[3, u8::from(incremental), 0, 0, 0, 0]);
        out.extend_from_slice(&width.to_be_bytes());
        out.extend_from_slice(&height.to_be_bytes());
        if !incremental {
            self.full_deadline = self.full_deadline.or(now.checked_add(self.update_timeout));
        }
    }

    pub(super) fn advance(
        &mut self,
        now: Instant,
        inbox: &mut Inbox,
        notices: &mut Notices,
    ) -> Result<(), Error> {
        while self.step(now, inbox, notices)? {
            self.message_deadline = None;
        }
        let begun = !matches!(self.reading, Reading::Message) || !inbox.is_empty();
        if begun && self.message_deadline.is_none() {
            self.message_deadline = now.checked_add(self.update_timeout);
        }
        Ok(())
    }

    /// Takes the next unit; says whether it was all there.
    fn step(&mut self, now: Instant, inbox: &mut Inbox, notices: &mut Notices) -> Result<bool, Error> {
        match self.reading {
            Reading::Message => self.take_message(inbox, notices),
            Reading::Passing { bytes, rectangles } => {
                let left = bytes - inbox.consume(bytes);
                self.reading = match left {
                    0 => Reading::Rectangles(rectangles),
                    bytes => Reading::Passing { bytes, rectangles },
                };
                Ok(left == 0)
            }
            Reading::Rectangles(0) => {
                self.reading = Reading::Message;
                Ok(true)
            }
            Reading::Rectangles(left) => self.take_rectangle(now, left - 1, inbox, notices),
            Reading::Data { rectangle, rectangles } => {
                let Some(data) = inbox.pending().get(..rectangle.length) else { return Ok(false) };
                self.paint(rectangle, data)?;
                inbox.consume(rectangle.length);
                self.reading = Reading::Rectangles(rectangles);
                self.answered(notices);
                Ok(true)
            }
        }
    }

    fn answered(&mut self, notices: &mut Notices) {
        self.full_deadline = None;
        notices.updated = true;
        notices.screen_off = false;
    }

    fn take_message(&mut self, inbox: &mut Inbox, notices: &mut Notices) -> Result<bool, Error> {
        let Some([message]) = inbox.peek() else { return Ok(false) };
        self.reading = match message {
            0 => {
                let Some([_, _, high, low]) = inbox.take() else { return Ok(false) };
                let count = u16::from_be_bytes([high, low]);
                if count > MAX_RECTANGLES {
                    return Err(ProtocolError::Length { what: "update", announced: count.into() }.into());
                }
                if count == 0 {
                    self.answered(notices);
                }
                Reading::Rectangles(count)
            }
            2 => Reading::Passing { bytes: 1, rectangles: 0 },
            3 => {
                let Some([_, _, _, _, length @ ..]) = inbox.peek::<8>() else { return Ok(false) };
                let length = u32::from_be_bytes(length);
                if length > MAX_CUT_TEXT {
                    return Err(ProtocolError::Length { what: "text", announced: length.into() }.into());
                }
                Reading::Passing { bytes: 8 + length as usize, rectangles: 0 }
            }
            number => {
                let length = extra_length(number).ok_or(ProtocolError::Message { number })?;
                Reading::Passing { bytes: 1 + length, rectangles: 0 }
            }
        };
        Ok(true)
    }

    fn take_rectangle(
        &mut self,
        now: Instant,
        rectangles: u16,
        inbox: &mut Inbox,
        notices: &mut Notices,
    ) -> Result<bool, Error> {
        let Some(head) = inbox.take::<RECTANGLE>() else { return Ok(false) };
        let [_, _, _, _, w1, w0, h1, h0, e3, e2, e1, e0, _, _, _, _, l3, l2, l1, l0] = head;
        let rectangle = Rectangle {
            width: u16::from_be_bytes([w1, w0]),
            height: u16::from_be_bytes([h1, h0]),
            encoding: i32::from_be_bytes([e3, e2, e1, e0]),
            length: u32::from_be_bytes([l3, l2, l1, l0]) as usize,
        };
        self.rectangles += 1;
        if self.rectangles > MAX_RECTANGLES_FOR_REQUEST {
            return Err(ProtocolError::Unasked { limit: MAX_RECTANGLES_FOR_REQUEST }.into());
        }
        let is_off = (rectangle.width, rectangle.height) == SCREEN_OFF;
        if rectangle.length > rectangle.limit(is_off)? {
            let announced = rectangle.length as u64;
            return Err(ProtocolError::Length { what: "rectangle", announced }.into());
        }
        if is_off {
            self.picture = None;
            self.full_deadline = None;
            self.pause_until = now.checked_add(SCREEN_OFF_PAUSE);
            (notices.screen_off, notices.updated) = (true, false);
            self.reading = Reading::Passing { bytes: rectangle.length, rectangles };
        } else if rectangle.length == 0 {
            self.answered(notices);
            self.reading = Reading::Rectangles(rectangles);
        } else {
            self.reading = Reading::Data { rectangle, rectangles };
        }
        Ok(true)
    }

    fn paint(&mut self, rectangle: Rectangle, data: &[u8]) -> Result<(), Error> {
        let size = (rectangle.width, rectangle.height);
        let picture = match &mut self.picture {
            Some(picture) if (picture.width(), picture.height()) == size => picture,
            other => other.insert(Picture::black(rectangle.width, rectangle.height)?),
        };
        if rectangle.encoding != encoding::AST2100 {
            return Ok(hermon::decode(picture, data)?);
        }
        let Some((quality, data)) = data.split_first_chunk::<4>() else {
            return Err(ProtocolError::Length { what: "frame", announced: data.len() as u64 }.into());
        };
        let settings = VideoQuality::from_bytes(*quality)?.settings();
        self.decoder.decode(picture, &settings, data)?;
        Ok(())
    }
}

impl Rectangle {
    /// The most data that it can have.
    fn limit(self, is_off: bool) -> Result<usize, Error> {
        /// What is told of a screen that is off: nothing, or the ten bytes of an empty picture.
        const SCREEN_OFF_BYTES: usize = 1024;
        if is_off {
            return Ok(SCREEN_OFF_BYTES);
        }
        let pixels = usize::from(self.width) * usize::from(self.height);
        if pixels > Picture::MAX_PIXELS {
            return Err(SizeError::TooLarge { width: self.width, height: self.height }.into());
        }
        match self.encoding {
            // A true frame has less than three bytes for each pixel.
            encoding::AST2100 => Ok((4096 + 8 * pixels).min(MAX_FRAME_BYTES)),
            encoding::HERMON | encoding::HERMON_AS_RAW => Ok(hermon::limit(self.width, self.height)),
            number => Err(ProtocolError::Encoding { number }.into()),
        }
    }
}
