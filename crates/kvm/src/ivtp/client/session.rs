//! Pictures and keys, as the viewer.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::{ClientConfig, Keys, Notices, push_field};
use crate::ast2100::Decoder;
use crate::error::{Error, Phase, ProtocolError};
use crate::ivtp::field;
use crate::ivtp::frame::Assembly;
use crate::ivtp::packet::{self, Head, command, sharing};
use crate::picture::Picture;

/// How long the controller may take to tell of power or viewers before the screen is asked for all the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes in front of each part of a picture: its number.
const PART_NUMBER: usize = 2;

pub(super) struct Session {
    picture: Option<Picture>,
    decoder: Decoder,
    assembly: Option<Assembly>,
    is_master: bool,
    keys: Keys,
    sequence: u32,
    /// When the screen is asked for the first time; `None` once that was done.
    first_request_due: Option<Instant>,
    /// The whole screen was asked for and did not come.
    full_deadline: Option<Instant>,
    /// A packet or picture was begun.
    message_deadline: Option<Instant>,
    update_timeout: Duration,
}

impl Session {
    pub(super) fn new(now: Instant, is_master: bool, config: &ClientConfig, out: &mut Vec<u8>) -> Self {
        if let Some(session) = &config.web_session {
            let mut body = Vec::new();
            push_field(session.expose_secret(), field::WEB_SESSION + 1, &mut body);
            packet::write(command::WEB_SESSION, 0, body.get(..field::WEB_SESSION).unwrap_or(&body), out);
        }
        packet::write(command::POWER, 0, &[], out);
        Self {
            picture: None,
            decoder: Decoder::new(),
            assembly: None,
            is_master,
            keys: Keys::default(),
            sequence: 0,
            first_request_due: now.checked_add(PATIENCE),
            full_deadline: None,
            message_deadline: None,
            update_timeout: config.update_timeout,
        }
    }

    pub(super) fn picture(&self) -> Option<&Picture> {
        self.picture.as_ref()
    }

    pub(super) fn is_master(&self) -> bool {
        self.is_master
    }

    pub(super) fn phase(&self) -> Phase {
        if self.deadline().is_some() { Phase::Update } else { Phase::Idle }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.full_deadline.into_iter().chain(self.message_deadline).min()
    }

    /// When something is to be sent.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.first_request_due
    }

    pub(super) fn wake(&mut self, now: Instant, out: &mut Vec<u8>) {
        if self.first_request_due.is_some_and(|due| due <= now) {
            self.begin(now, out);
        }
    }

    /// Notes that a packet was taken; a picture may still be under way.
    pub(super) fn took_packet(&mut self) {
        if self.assembly.is_none() {
            self.message_deadline = None;
        }
    }

    /// Notes whether something is begun.
    pub(super) fn waits(&mut self, now: Instant, has_more: bool) {
        if (has_more || self.assembly.is_some()) && self.message_deadline.is_none() {
            self.message_deadline = now.checked_add(self.update_timeout);
        }
    }

    /// Asks for the screen for the first time.
    fn begin(&mut self, now: Instant, out: &mut Vec<u8>) {
        if self.first_request_due.take().is_some() {
            packet::write(command::RESUME, 0, &[], out);
            self.request_full_screen(now, out);
        }
    }

    pub(super) fn request_full_screen(&mut self, now: Instant, out: &mut Vec<u8>) {
        // The first request waits for the controller to be ready; another one before it says nothing new.
        if self.first_request_due.is_some() {
            return;
        }
        packet::write(command::FULL_SCREEN, 1, &[], out);
        self.full_deadline = self.full_deadline.or(now.checked_add(self.update_timeout));
    }

    pub(super) fn key(&mut self, usage: u8, down: bool, out: &mut Vec<u8>) {
        self.keys.set(usage, down);
        self.report(out);
    }

    /// No key is left down when we go.
    pub(super) fn release_keys(&mut self, out: &mut Vec<u8>) {
        if self.keys != Keys::default() && self.is_master {
            self.keys = Keys::default();
            self.report(out);
        }
    }

    fn report(&mut self, out: &mut Vec<u8>) {
        packet::write(command::HID, 0, &self.keys.packet(self.sequence), out);
        self.sequence = self.sequence.wrapping_add(1);
    }

    pub(super) fn handle(
        &mut self,
        now: Instant,
        head: Head,
        payload: &[u8],
        notices: &mut Notices,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        match head.command {
            command::POWER | command::VIEWERS => self.begin(now, out),
            command::BLANK => {
                self.picture = None;
                self.full_deadline = None;
                (notices.screen_off, notices.updated) = (true, false);
            }
            command::SHARING => self.sharing(head.status, notices),
            command::VIDEO => self.take_part(payload, notices)?,
            _ => {}
        }
        Ok(())
    }

    fn sharing(&mut self, status: u16, notices: &mut Notices) {
        let [what, answer] = status.to_le_bytes();
        match (u16::from(what), answer) {
            (sharing::ASKED, _) => notices.master_wanted = self.is_master,
            (sharing::TOO_LATE, _) => self.set_master(false, notices),
            (sharing::ANSWER, 0) | (sharing::SWITCHED, _) => self.set_master(true, notices),
            (sharing::ANSWER, _) => self.set_master(self.is_master, notices),
            _ => {}
        }
    }

    fn set_master(&mut self, is_master: bool, notices: &mut Notices) {
        self.is_master = is_master;
        notices.master = Some(is_master);
    }

    fn take_part(&mut self, payload: &[u8], notices: &mut Notices) -> Result<(), Error> {
        let Some(part) = payload.get(PART_NUMBER..) else {
            let announced = payload.len() as u64;
            return Err(ProtocolError::Length { what: "part of a picture", announced }.into());
        };
        let assembly = match self.assembly.take() {
            Some(mut assembly) => {
                assembly.extend(part);
                assembly
            }
            None => Assembly::begin(part)?,
        };
        let Some(data) = assembly.complete() else {
            self.assembly = Some(assembly);
            return Ok(());
        };
        let frame = &assembly.head;
        if frame.size == 0 {
            self.answered(notices);
            return Ok(());
        }
        let picture = match &mut self.picture {
            Some(picture) if (picture.width(), picture.height()) == (frame.width, frame.height) => picture,
            other => other.insert(Picture::black(frame.width, frame.height)?),
        };
        self.decoder.decode(picture, &frame.settings, data)?;
        self.answered(notices);
        Ok(())
    }

    fn answered(&mut self, notices: &mut Notices) {
        self.full_deadline = None;
        (notices.updated, notices.screen_off) = (true, false);
    }
}
