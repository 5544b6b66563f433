//! The web pages of controllers beside Redfish, as far as they show the machine's screen. What is known of them is what
//! authors of other tools wrote; none of it was tried against real devices.

mod dell;
mod h3c;
mod hpe;
mod lenovo;
mod supermicro;

use secrecy::SecretString;
use serde_json::Value;

use super::exchange::{ServiceReply, ServiceRequest};
use super::fault::ScreenFault;
use super::flavour::Screen;
use super::machine::{Machine, PictureForm};
use super::{Moment, Service};

/// Bytes that are no picture, though they begin as one.
const GARBAGE: &[u8] = b"\x89PNG\r\n\x1a\n and no more of it";

/// Bytes of a picture that does not end, as far as anybody reads it.
const ENDLESS: usize = 32 << 20;

impl Service {
    /// Answers a request for a page that is not of Redfish, where there is one.
    pub(super) fn page(
        &mut self,
        now: Moment,
        request: &ServiceRequest,
        machine: &mut dyn Machine,
    ) -> Option<ServiceReply> {
        let screen = self.flavour.screen;
        let mut visit = Visit { service: self, now, request, machine };
        match screen {
            Screen::Nowhere | Screen::Exported => None,
            Screen::ConsolePreview => dell::answer(&mut visit),
            Screen::Thumbnail => hpe::answer(&mut visit),
            Screen::HostScreenShot => lenovo::answer(&mut visit),
            Screen::MiniScreenShot => lenovo::answer_xcc3(&mut visit),
            Screen::CapturePreview | Screen::SysPreview => supermicro::answer(&mut visit),
            Screen::Capture => h3c::answer(&mut visit),
        }
    }

    /// What the machine's screen shows, with what is wrong with that.
    pub(super) fn picture(&self, machine: &mut dyn Machine, form: PictureForm) -> Option<Vec<u8>> {
        match self.faults.screen {
            Some(ScreenFault::Dark) => None,
            Some(ScreenFault::Garbage) => Some(GARBAGE.to_vec()),
            Some(ScreenFault::Endless) => Some(vec![b'x'; ENDLESS]),
            _ if machine.is_on() => machine.picture(form),
            _ => None,
        }
    }
}

/// One request for a page.
struct Visit<'a> {
    service: &'a mut Service,
    now: Moment,
    request: &'a ServiceRequest,
    machine: &'a mut dyn Machine,
}

/// What comes of a login.
enum Login {
    /// The token of a session.
    Opened(String),
    /// The name or password is wrong, or the account is locked.
    Refused,
    /// Others hold all sessions.
    Full,
}

impl<'a> Visit<'a> {
    /// The method and the path.
    fn asked(&self) -> (&'a str, &'a str) {
        (self.request.method(), self.request.path())
    }

    fn log_in(&mut self, name: &str, password: &str) -> Login {
        let password = SecretString::from(password.to_owned());
        let Some(account) = self.service.check_login(self.now, self.machine, name, &password) else {
            return Login::Refused;
        };
        match self.service.open_session(self.now, account, self.request.from()) {
            Some((_, token)) => Login::Opened(token),
            None => Login::Full,
        }
    }

    /// Whether the token is that of a session, which then lives on.
    fn is_known(&mut self, token: Option<&str>) -> bool {
        token.is_some_and(|token| self.service.touch_session(self.now, token))
    }

    fn log_out(&mut self, token: Option<&str>) {
        if let Some(token) = token {
            self.service.end_session(token);
        }
    }

    fn is_unlicensed(&self) -> bool {
        self.service.faults.screen == Some(ScreenFault::Unlicensed)
    }

    /// The picture, as a page of its own.
    fn picture(&mut self, form: PictureForm) -> Option<ServiceReply> {
        let file = self.service.picture(self.machine, form)?;
        if self.service.faults.screen == Some(ScreenFault::Forgetful) {
            self.service.forget_sessions();
        }
        Some(ServiceReply::text(form.media_type(), file))
    }

    /// A cookie, by its name.
    fn cookie(&self, name: &str) -> Option<String> {
        let mut cookies =
            self.request.header("cookie")?.split(';').filter_map(|cookie| cookie.split_once('='));
        cookies.find(|(known, _)| known.trim() == name).map(|(_, value)| value.to_owned())
    }

    /// A field of a form (WHATWG URL, section 5.1).
    fn field(&self, name: &str) -> Option<String> {
        let body = std::str::from_utf8(self.request.body()).ok()?;
        let mut fields = body.split('&').filter_map(|field| field.split_once('='));
        fields.find(|(known, _)| *known == name).map(|(_, value)| unescaped(value))
    }

    /// The body as JSON; null where it is none.
    fn json(&self) -> Value {
        serde_json::from_slice(self.request.body()).unwrap_or_default()
    }

    /// A value of the query.
    fn query(&self, name: &str) -> Option<&str> {
        self.request.query().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// What stands in a form, in plain letters.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = bytes.get(at + 1..at + 3).and_then(|digits| hex::decode(digits).ok());
        match (byte, escaped) {
            (b'%', Some(escaped)) => {
                plain.extend(escaped);
                at += 2;
            }
            (b'+', _) => plain.push(b' '),
            _ => plain.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// A secret beside the token of a session, told from it so that nothing more is to be kept.
fn second(token: &str) -> String {
    token.chars().rev().collect()
}

/// A page for people, or for what reads it in their place.
fn page(status: u16, content_type: &str, text: impl Into<Vec<u8>>) -> ServiceReply {
    ServiceReply { status, ..ServiceReply::text(content_type, text) }
}
