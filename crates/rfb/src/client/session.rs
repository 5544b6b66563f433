//! Messages of a server after the handshake (RFC 6143 section 7.6), and the requests they answer.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::colour_map::ColourMap;
use super::{ClientConfig, Notices};
use crate::encoding::desktop_size::{self, Monitors};
use crate::encoding::{Canvas, Decoder, Encoding, LOWEST_JPEG_QUALITY, PaintBudget, Progress};
use crate::error::{Error, Phase, ProtocolError};
use crate::framebuffer::{Framebuffer, Rectangle};
use crate::inbox::Inbox;
use crate::packed::Packed;
use crate::text::{self, Text};

const FRAMEBUFFER_UPDATE: u8 = 0;
const SET_COLOUR_MAP_ENTRIES: u8 = 1;
const BELL: u8 = 2;
const SERVER_CUT_TEXT: u8 = 3;

pub(super) struct Session {
    /// Its picture is empty while it is packed.
    canvas: Canvas,
    /// The picture while nothing is painted, and unpacked where somebody asked for it.
    packed: Option<(Packed, OnceLock<Framebuffer>)>,
    /// What the pixels of the canvas stand for, where they are numbers.
    map: Option<Box<ColourMap>>,
    step: Step,
    timeout: Duration,
    takes_places: bool,
    /// Nothing came from the server since it was told our wishes.
    is_first: bool,
    /// The request that the server has not answered with pixels.
    asked: Option<Request>,
    /// The request to send with the next output. Kept apart from other output so that repetitions merge.
    unsent: Option<Request>,
    /// When the message that is half received must be complete.
    message_deadline: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Request {
    incremental: bool,
    deadline: Option<Instant>,
}

/// What the next bytes belong to.
enum Step {
    Message,
    Update(Update),
    /// Entries of the colour map: the number of the next, and how many there are still.
    ColourMap {
        next: usize,
        missing: u16,
    },
    CutText(Text),
}

struct Update {
    /// Rectangles whose header is still to come.
    missing: u16,
    part: Part,
    painted: bool,
    resized: bool,
    /// The server says that it takes keys by their places.
    takes_places: bool,
}

enum Part {
    Header,
    Pixels(Decoder),
    Monitors(Monitors),
}

/// Whether a step could be taken.
#[derive(PartialEq, Eq)]
enum Taken {
    Yes,
    MessageComplete,
    /// More bytes must arrive.
    No,
}

impl Session {
    /// Tells the server how we read pixels and which encodings we know (sections 7.5.1 and 7.5.2).
    ///
    /// The picture stays packed until something comes of it: a server that sends nothing takes no memory for it.
    pub(super) fn new(screen: Packed, config: &ClientConfig, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&config.pixel_format.to_bytes());
        let quality = config.jpeg_quality.map(|level| LOWEST_JPEG_QUALITY + i32::from(level.min(9)));
        let offered = config.encodings.iter().map(|encoding| encoding.number()).chain(quality);
        let offered: Vec<i32> = offered.take(usize::from(u16::MAX)).collect();
        out.extend_from_slice(&[2, 0]);
        out.extend_from_slice(&u16::try_from(offered.len()).unwrap_or(u16::MAX).to_be_bytes());
        for number in offered {
            out.extend_from_slice(&number.to_be_bytes());
        }
        let map = config.pixel_format.is_mapped().then(|| Box::new(ColourMap::new(screen.unpacked())));
        let (shown, packed) = match &map {
            Some(_) => (screen.unpacked(), None),
            None => (Framebuffer::default(), Some((screen, OnceLock::new()))),
        };
        Self {
            canvas: Canvas::new(shown, config.pixel_format),
            packed,
            map,
            step: Step::Message,
            timeout: config.update_timeout,
            takes_places: false,
            is_first: true,
            asked: None,
            unsent: None,
            message_deadline: None,
        }
    }

    /// Packs the picture where no part of a message is there. Pictures through a colour map stay as they are: they are there
    /// twice, and hardly any server sends them.
    pub(super) fn rest(&mut self) {
        if let Some((_, unpacked)) = &mut self.packed {
            unpacked.take();
        } else if matches!(self.step, Step::Message)
            && self.map.is_none()
            && let Some(packed) = Packed::of(&self.canvas.framebuffer)
        {
            self.packed = Some((packed, OnceLock::new()));
            self.canvas.framebuffer = Framebuffer::default();
        }
    }

    fn unpack(&mut self) {
        if let Some((packed, unpacked)) = self.packed.take() {
            self.canvas.framebuffer = unpacked.into_inner().unwrap_or_else(|| packed.unpacked());
        }
    }

    /// Columns and rows of pixels.
    pub(super) fn size(&self) -> (u16, u16) {
        let screen = &self.canvas.framebuffer;
        let packed = self.packed.as_ref().map(|(packed, _)| (packed.width(), packed.height()));
        packed.unwrap_or((screen.width(), screen.height()))
    }

    pub(super) fn framebuffer(&self) -> &Framebuffer {
        if let Some((packed, unpacked)) = &self.packed {
            return unpacked.get_or_init(|| packed.unpacked());
        }
        self.map.as_ref().map_or(&self.canvas.framebuffer, |map| map.shown())
    }

    pub(super) fn takes_places(&self) -> bool {
        self.takes_places
    }

    pub(super) fn is_lossy(&self) -> bool {
        self.canvas.is_lossy
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let answer = self.asked.and_then(|request| request.deadline);
        [self.message_deadline, answer].into_iter().flatten().min()
    }

    pub(super) fn phase(&self) -> Phase {
        if self.is_first {
            Phase::Encodings
        } else if self.deadline().is_some() {
            Phase::Update
        } else {
            Phase::Idle
        }
    }

    pub(super) fn request_update(&mut self, now: Instant, incremental: bool) {
        self.canvas.budget = PaintBudget::full();
        self.ask(now, incremental);
    }

    /// A request for all includes one for changes, and is not pushed back by repeating it.
    fn ask(&mut self, now: Instant, incremental: bool) {
        let deadline = if incremental { None } else { now.checked_add(self.timeout) };
        let request = match self.asked {
            Some(earlier) if !earlier.incremental => earlier,
            _ => Request { incremental, deadline },
        };
        self.asked = Some(request);
        if self.unsent.is_none_or(|unsent| unsent.incremental) {
            self.unsent = Some(Request { incremental, deadline });
        }
    }

    /// Appends the FramebufferUpdateRequest that is due (section 7.5.3).
    pub(super) fn write_request(&mut self, out: &mut Vec<u8>) {
        if let Some(request) = self.unsent.take() {
            out.extend_from_slice(&[3, u8::from(request.incremental), 0, 0, 0, 0]);
            let (width, height) = self.size();
            out.extend_from_slice(&width.to_be_bytes());
            out.extend_from_slice(&height.to_be_bytes());
        }
    }

    /// Understands all that can be understood.
    pub(super) fn advance(
        &mut self,
        now: Instant,
        inbox: &mut Inbox,
        notices: &mut Notices,
    ) -> Result<(), Error> {
        if !inbox.is_empty() {
            self.unpack();
        }
        loop {
            match self.take(now, inbox, notices)? {
                Taken::Yes => self.is_first = false,
                Taken::MessageComplete => {
                    self.is_first = false;
                    self.step = Step::Message;
                    self.message_deadline = None;
                }
                Taken::No => break,
            }
        }
        let between_messages = matches!(self.step, Step::Message) && inbox.is_empty();
        if !between_messages && self.message_deadline.is_none() {
            self.message_deadline = now.checked_add(self.timeout);
        }
        Ok(())
    }

    fn take(&mut self, now: Instant, inbox: &mut Inbox, notices: &mut Notices) -> Result<Taken, Error> {
        match &mut self.step {
            Step::Message => Ok(self.take_message(inbox, notices)?),
            Step::Update(update) => {
                let taken = update.take(inbox, &mut self.canvas)?;
                if taken == Taken::MessageComplete {
                    self.takes_places |= update.takes_places;
                    let (painted, resized) = (update.painted, update.resized);
                    self.update_complete(now, painted, resized, notices);
                }
                Ok(taken)
            }
            Step::ColourMap { missing: 0, .. } => {
                if let Some(map) = &mut self.map {
                    notices.updated |= map.apply(&self.canvas.framebuffer);
                }
                Ok(Taken::MessageComplete)
            }
            Step::ColourMap { next, missing } => {
                // Of each intensity the higher byte is enough.
                let Some([red, _, green, _, blue, _]) = inbox.take() else { return Ok(Taken::No) };
                if let Some(map) = &mut self.map {
                    map.set(*next, u32::from_be_bytes([0, red, green, blue]));
                }
                (*next, *missing) = (*next + 1, *missing - 1);
                Ok(Taken::Yes)
            }
            Step::CutText(text) => {
                let Some(bytes) = text.receive(inbox) else { return Ok(Taken::No) };
                notices.cut_text = Some(text::latin1(&bytes));
                Ok(Taken::MessageComplete)
            }
        }
    }

    /// Reads the head of a message.
    fn take_message(&mut self, inbox: &mut Inbox, notices: &mut Notices) -> Result<Taken, ProtocolError> {
        let Some(&kind) = inbox.pending().first() else { return Ok(Taken::No) };
        self.step = match kind {
            FRAMEBUFFER_UPDATE => {
                let Some([_, _, n1, n0]) = inbox.take() else { return Ok(Taken::No) };
                Step::Update(Update {
                    missing: u16::from_be_bytes([n1, n0]),
                    part: Part::Header,
                    painted: false,
                    resized: false,
                    takes_places: false,
                })
            }
            SET_COLOUR_MAP_ENTRIES => {
                let Some([_, _, f1, f0, n1, n0]) = inbox.take() else { return Ok(Taken::No) };
                let next = usize::from(u16::from_be_bytes([f1, f0]));
                Step::ColourMap { next, missing: u16::from_be_bytes([n1, n0]) }
            }
            BELL => {
                inbox.consume(1);
                notices.bell = true;
                return Ok(Taken::MessageComplete);
            }
            SERVER_CUT_TEXT => {
                let Some([_, _, _, _, l3, l2, l1, l0]) = inbox.take() else { return Ok(Taken::No) };
                let length = u32::from_be_bytes([l3, l2, l1, l0]);
                // A negative length announces the extended clipboard, which we do not offer.
                if i32::try_from(length).is_err() {
                    return Err(ProtocolError::TextLength { length });
                }
                Step::CutText(Text::new(length))
            }
            number => return Err(ProtocolError::Message { number }),
        };
        Ok(Taken::Yes)
    }

    /// A new size needs the whole content; an update without pixels is no answer to what was asked.
    fn update_complete(&mut self, now: Instant, painted: bool, resized: bool, notices: &mut Notices) {
        if let Some(map) = self.map.as_mut().filter(|_| painted || resized) {
            map.paint(&self.canvas.framebuffer, painted);
        }
        if painted {
            self.asked = None;
            notices.updated = true;
        }
        if resized {
            notices.resized = true;
            self.ask(now, false);
        } else if self.asked.is_some() {
            // TigerVNC and QEMU answer each request for all by the screen's size alone and hold the pixels for the
            // next request; to ask for all once more would bring the size once more.
            self.ask(now, true);
        }
    }
}

impl Update {
    fn take(&mut self, inbox: &mut Inbox, canvas: &mut Canvas) -> Result<Taken, Error> {
        let progress = match &mut self.part {
            Part::Header if self.missing == 0 => return Ok(Taken::MessageComplete),
            Part::Header => return self.take_header(inbox, canvas),
            Part::Pixels(decoder) => decoder.decode(inbox, canvas)?,
            Part::Monitors(monitors) => monitors.decode(inbox),
        };
        if progress == Progress::Starved {
            return Ok(Taken::No);
        }
        if let Part::Pixels(decoder) = &self.part {
            self.painted |= decoder.paints();
        }
        self.part = Part::Header;
        Ok(Taken::Yes)
    }

    fn take_header(&mut self, inbox: &mut Inbox, canvas: &mut Canvas) -> Result<Taken, Error> {
        let Some([x1, x0, y1, y0, w1, w0, h1, h0, e3, e2, e1, e0]) = inbox.take() else {
            return Ok(Taken::No);
        };
        let area = Rectangle {
            x: u16::from_be_bytes([x1, x0]),
            y: u16::from_be_bytes([y1, y0]),
            width: u16::from_be_bytes([w1, w0]),
            height: u16::from_be_bytes([h1, h0]),
        };
        let number = i32::from_be_bytes([e3, e2, e1, e0]);
        let encoding = Encoding::from_number(number).ok_or(ProtocolError::Encoding { number })?;
        self.missing -= 1;
        self.part = match Decoder::new(encoding, area, canvas)? {
            Some(decoder) => Part::Pixels(decoder),
            None => match encoding {
                Encoding::ExtendedDesktopSize => {
                    if desktop_size::extended_size_holds(area) {
                        self.resize(area, canvas)?;
                    }
                    Part::Monitors(Monitors::new())
                }
                Encoding::DesktopSize => {
                    self.resize(area, canvas)?;
                    Part::Header
                }
                Encoding::ExtendedKeyEvent => {
                    self.takes_places = true;
                    Part::Header
                }
                _ => {
                    self.missing = 0;
                    Part::Header
                }
            },
        };
        Ok(Taken::Yes)
    }

    /// Servers repeat the size they have, for instance when they first hear that we can follow it.
    fn resize(&mut self, area: Rectangle, canvas: &mut Canvas) -> Result<(), Error> {
        if (area.width, area.height) == (canvas.framebuffer.width(), canvas.framebuffer.height()) {
            return Ok(());
        }
        let framebuffer = Framebuffer::black(area.width, area.height).map_err(Error::TooLarge)?;
        canvas.budget.spend(area.pixels())?;
        canvas.framebuffer = framebuffer;
        canvas.is_lossy = false;
        self.resized = true;
        Ok(())
    }
}
