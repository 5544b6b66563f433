//! Pictures and keys, as the controller.

use std::collections::VecDeque;

use super::{PictureKind, ServerEvent};
use crate::ast2100;
use crate::aten::{SCREEN_OFF, VideoQuality, encoding, said, told};
use crate::error::{ProtocolError, ServerError};
use crate::hermon;
use crate::inbox::Inbox;
use crate::picture::Picture;

/// The longest text of a viewer's clipboard, and the most encodings that it may list.
const MAX_LENGTH: usize = 64 * 1024;

pub(super) struct Session {
    /// What the viewer asked for and did not get: all, or what changes.
    asked: Option<Asked>,
    /// What the viewer has; `None` before the first picture.
    sent: Option<Sent>,
    quality: VideoQuality,
    /// Bytes to pass over.
    passing: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    All,
    Changes,
}

enum Sent {
    Off,
    Picture(Picture),
}

impl Session {
    /// Greets with what true controllers are known to send before the first picture.
    pub(super) fn new(out: &mut Vec<u8>) -> Self {
        out.push(told::SESSION);
        out.extend_from_slice(&[0; 264]);
        out.extend_from_slice(&[told::MOUSE, 1, 0, told::KEEP_ALIVE, 0]);
        Self { asked: None, sent: None, quality: VideoQuality::BEST, passing: 0 }
    }

    /// Takes the next message; says whether it was all there.
    pub(super) fn take(
        &mut self,
        inbox: &mut Inbox,
        events: &mut VecDeque<ServerEvent>,
    ) -> Result<bool, ServerError> {
        if self.passing > 0 {
            self.passing -= inbox.consume(self.passing);
            return Ok(self.passing == 0);
        }
        let Some([message]) = inbox.peek() else { return Ok(false) };
        match message {
            0 => self.passing = 20,
            2 => {
                let Some([_, _, high, low]) = inbox.peek() else { return Ok(false) };
                self.passing = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
            }
            3 => {
                let Some([_, incremental, ..]) = inbox.take::<10>() else { return Ok(false) };
                let asked = if incremental == 0 { Asked::All } else { Asked::Changes };
                self.asked = Some(if self.asked == Some(Asked::All) { Asked::All } else { asked });
            }
            said::KEY => {
                let Some([_, _, down, _, _, _, _, _, usage, ..]) = inbox.take::<18>() else {
                    return Ok(false);
                };
                events.push_back(ServerEvent::Key { usage, down: down != 0 });
            }
            said::POINTER => self.passing = 18,
            6 => {
                let Some([_, _, _, _, length @ ..]) = inbox.peek::<8>() else { return Ok(false) };
                let length = u32::from_be_bytes(length) as usize;
                if length > MAX_LENGTH {
                    return Err(ProtocolError::Length { what: "text", announced: length as u64 }.into());
                }
                self.passing = 8 + length;
            }
            said::KEEP_ALIVE => self.passing = 9,
            said::QUALITY => {
                let Some([_, quality @ ..]) = inbox.take::<5>() else { return Ok(false) };
                self.quality = VideoQuality::from_bytes(quality)?;
            }
            number => return Err(ProtocolError::Message { number }.into()),
        }
        Ok(true)
    }

    /// Sends a picture if the viewer waits for one.
    pub(super) fn write_due(&mut self, picture: Option<&Picture>, kind: PictureKind, out: &mut Vec<u8>) {
        let Some(asked) = self.asked else { return };
        let is_same = match (&self.sent, picture) {
            (Some(Sent::Off), None) => true,
            (Some(Sent::Picture(sent)), Some(picture)) => sent == picture,
            _ => false,
        };
        if is_same && asked == Asked::Changes {
            return;
        }
        self.asked = None;
        let Some(picture) = picture else {
            write_rectangle(SCREEN_OFF, encoding_of(kind), &[], out);
            self.sent = Some(Sent::Off);
            return;
        };
        let before = match &self.sent {
            Some(Sent::Picture(sent)) if asked == Asked::Changes => Some(sent),
            _ => None,
        };
        let mut data = Vec::new();
        match kind {
            PictureKind::Ast2100 => {
                data.extend_from_slice(&self.quality.bytes());
                ast2100::encode(picture, before, &self.quality.settings(), &mut data);
            }
            PictureKind::Hermon => hermon::encode(picture, before, &mut data),
        }
        write_rectangle((picture.width(), picture.height()), encoding_of(kind), &data, out);
        self.sent = Some(Sent::Picture(picture.clone()));
    }
}

fn encoding_of(kind: PictureKind) -> i32 {
    match kind {
        PictureKind::Ast2100 => encoding::AST2100,
        PictureKind::Hermon => encoding::HERMON,
    }
}

/// An update of one rectangle.
fn write_rectangle((width, height): (u16, u16), encoding: i32, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0]);
    out.extend_from_slice(&width.to_be_bytes());
    out.extend_from_slice(&height.to_be_bytes());
    out.extend_from_slice(&encoding.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(data.len() as u32).to_be_bytes());
    out.extend_from_slice(data);
}
