//! Pictures and keys, as the controller.

use std::collections::VecDeque;

use super::{ServerConfig, ServerEvent};
use crate::ast2100::{self, Settings};
use crate::error::ServerError;
use crate::ivtp::frame::FrameHead;
use crate::ivtp::keyboard::Keys;
use crate::ivtp::packet::{self, Head, command};
use crate::picture::Picture;

pub(super) struct Session {
    pub(super) is_master: bool,
    keys: Keys,
    /// Whether the viewer wants pictures at present.
    is_watching: bool,
    /// The viewer asked for the whole screen.
    all: bool,
    /// What the viewer has; `None` before the first picture.
    sent: Option<Sent>,
}

enum Sent {
    Off,
    Picture(Picture),
}

impl Session {
    /// Tells of things that true controllers are known to tell before the first picture.
    pub(super) fn new(is_master: bool, out: &mut Vec<u8>) -> Self {
        /// Of media, and of the light on a key: passed over by viewers that do not want it.
        const MEDIA_LICENCE: u16 = 0x35;
        const LIGHTS: u16 = 0x14;
        packet::write(MEDIA_LICENCE, 0, &[0], out);
        packet::write(LIGHTS, 0, &[0], out);
        Self { is_master, keys: Keys::default(), is_watching: false, all: false, sent: None }
    }

    pub(super) fn handle(
        &mut self,
        head: Head,
        payload: &[u8],
        events: &mut VecDeque<ServerEvent>,
        out: &mut Vec<u8>,
    ) -> Result<(), ServerError> {
        match head.command {
            command::RESUME => self.is_watching = true,
            command::PAUSE => self.is_watching = false,
            command::FULL_SCREEN => self.all = true,
            command::POWER => packet::write(command::POWER, 0, &[1], out),
            command::NEXT_MASTER if !self.is_master => events.push_back(ServerEvent::MasterWanted),
            command::HID => {
                let Some(keys) = Keys::read(payload)? else { return Ok(()) };
                if self.is_master {
                    let changes = keys.changes(&self.keys);
                    events.extend(changes.into_iter().map(|(usage, down)| ServerEvent::Key { usage, down }));
                    self.keys = keys;
                }
            }
            // What else viewers send asks for nothing that is simulated.
            _ => {}
        }
        Ok(())
    }

    /// Sends a picture if the viewer wants one and does not have it.
    pub(super) fn write_due(&mut self, picture: Option<&Picture>, config: &ServerConfig, out: &mut Vec<u8>) {
        let is_same = match (&self.sent, picture) {
            (Some(Sent::Off), None) => true,
            (Some(Sent::Picture(sent)), Some(picture)) => sent == picture,
            // Nothing is sent before the whole screen was asked for.
            (None, _) => true,
            _ => false,
        };
        if !self.is_watching || (is_same && !self.all) {
            return;
        }
        let all = core::mem::take(&mut self.all);
        let Some(picture) = picture else {
            packet::write(command::BLANK, 0, &[], out);
            self.sent = Some(Sent::Off);
            return;
        };
        let before = match &self.sent {
            Some(Sent::Picture(sent)) if !all => Some(sent),
            _ => None,
        };
        let settings = Settings { chroma: config.settings.luma, ..config.settings };
        let mut data = Vec::new();
        ast2100::encode(picture, before, &settings, &mut data);
        let (width, height) = (picture.width(), picture.height());
        let head = FrameHead { width, height, settings, size: data.len() }.write(config.says_encrypted);
        let whole = [&head[..], &data].concat();
        let count = whole.len().div_ceil(config.part_length.max(head.len()));
        for (number, part) in whole.chunks(config.part_length.max(head.len())).enumerate() {
            // The last part has the highest bit set.
            let last = if number + 1 == count { 0x8000 } else { 0 };
            let number = (number as u16 & 0x7FFF) | last;
            packet::write(command::VIDEO, 0, &[&number.to_le_bytes(), part].concat(), out);
        }
        self.sent = Some(Sent::Picture(picture.clone()));
    }
}
