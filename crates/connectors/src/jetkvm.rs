//! JetKVM: buttons, screen and keyboard through a WebRTC session, of which a unit has one at a time.
//!
//! Everything that one process does with a unit goes through the same session: the line that reads the power light and the screen
//! that is looked at would otherwise take it from each other.

mod gate;
mod login;
mod peer;
mod session;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::COOKIE;
use ironhand_api::Connector;
use ironhand_console::keys::Stroke;
use ironhand_kvm::h264::{Decoder, Taken};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::front_panel::{FrontPanel, HeldKeys, Press, said};
use crate::http::Opening;
use crate::{Authorization, Error, HttpClient, HttpRequest, Login, Picture};
use session::{End, Session};

/// For how long a unit whose session somebody took is left to them.
const LEFT_ALONE: Duration = Duration::from_secs(10 * 60);

/// How long the video between two looks may take to be decoded.
const DECODING: Duration = Duration::from_secs(10);

/// The extension that has wires at the buttons.
const ATX: &str = "atx-power";

/// Where signals go until there is a session.
const SIGNALS: &str = "/webrtc/signaling/client";

/// What a picture is called: it is a frame of a video.
const MEDIA_TYPE: &str = "video/h264";

/// The JetKVM units that a process speaks to. Each has one session, whichever of its hosts' lines use it.
#[derive(Clone, Default)]
pub struct Jetkvms(Arc<Mutex<HashMap<[u8; 32], Weak<Shared>>>>);

type Shared = tokio::sync::Mutex<Line>;

impl fmt::Debug for Jetkvms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jetkvms")
    }
}

impl Jetkvms {
    /// The line to a unit under a login: the one that is in use, or else a new one.
    fn line(&self, connector: &Connector, client: HttpClient, login: Option<Login>) -> Arc<Shared> {
        let mut digest = Sha256::new();
        digest.update(format!("{connector}\0{:?}\0{:?}\0", connector.backup_addresses, connector.way));
        digest.update(login.as_ref().map(|login| login.password.expose_secret()).unwrap_or_default());
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|_, line| line.strong_count() > 0);
        let place = lines.entry(digest.finalize().into()).or_default();
        place.upgrade().unwrap_or_else(|| {
            let line = Arc::new(tokio::sync::Mutex::new(Line::new(client, login)));
            *place = Arc::downgrade(&line);
            line
        })
    }
}

/// A JetKVM.
pub(crate) struct Jetkvm {
    line: Arc<Shared>,
    held: HeldKeys,
}

impl Jetkvm {
    pub(crate) fn new(
        jetkvms: &Jetkvms,
        connector: &Connector,
        client: HttpClient,
        login: Option<Login>,
    ) -> Self {
        Self { line: jetkvms.line(connector, client, login), held: HeldKeys::default() }
    }
}

/// What is shared of a unit.
struct Line {
    client: HttpClient,
    login: Option<Login>,
    /// The cookie of who logged in.
    cookie: Option<SecretString>,
    session: Option<Session>,
    /// Whether the unit has wires at the buttons, as it said in this session.
    has_buttons: Option<bool>,
    /// The video so far; none where the next picture must stand for itself.
    decoder: Option<Decoder>,
    /// Until when somebody else has the unit.
    left_until: Option<Instant>,
}

impl Line {
    const fn new(client: HttpClient, login: Option<Login>) -> Self {
        let (cookie, session, has_buttons, decoder, left_until) = (None, None, None, None, None);
        Self { client, login, cookie, session, has_buttons, decoder, left_until }
    }

    /// The session; a new one where there is none.
    async fn session(&mut self) -> Result<&Session, Error> {
        if self.session.as_ref().is_some_and(Session::is_over)
            && let Some(End::TakenOver) = self.ended().await
        {
            return Err(taken_over());
        }
        if self.left_until.is_some_and(|until| Instant::now() < until) {
            return Err(taken_over());
        }
        self.left_until = None;
        if self.session.is_none() {
            let opened = self.open().await?;
            (self.has_buttons, self.decoder) = (None, None);
            self.session = Some(opened);
        }
        // It was there, or is now.
        self.session.as_ref().ok_or_else(taken_over)
    }

    /// Forgets a session that ended, and tells why it did.
    async fn ended(&mut self) -> Option<End> {
        let end = self.session.take()?.end().await;
        if matches!(end, End::TakenOver) {
            tracing::info!("somebody else took the session of {:?}", self.client.route());
            self.left_until = Some(Instant::now() + LEFT_ALONE);
        }
        Some(end)
    }

    async fn open(&mut self) -> Result<Session, Error> {
        let begun_with = self.cookie.is_some();
        self.log_in().await?;
        let mut opening = self.client.websocket_texts(self.dressed()).await?;
        if let Opening::Answer(answer) = &opening
            && answer.status == 401
            && begun_with
        {
            // Who logs in elsewhere makes older cookies void.
            self.cookie = None;
            self.log_in().await?;
            opening = self.client.websocket_texts(self.dressed()).await?;
        }
        match opening {
            Opening::Open(stream, way) => Session::open(stream, &way).await,
            Opening::Answer(answer) => Err(login::refusal(&answer, self.login.is_some())),
        }
    }

    async fn log_in(&mut self) -> Result<(), Error> {
        if self.cookie.is_none() {
            self.cookie = login::log_in(&self.client, self.login.as_ref()).await?;
        }
        Ok(())
    }

    /// The request for a way for signals.
    fn dressed(&self) -> HttpRequest {
        let request = HttpRequest::get(SIGNALS);
        match &self.cookie {
            Some(cookie) => request.authorization(Authorization::Header(COOKIE, cookie.clone())),
            None => request,
        }
    }

    /// Calls a procedure that changes nothing.
    async fn read(&mut self, method: &'static str) -> Result<Value, Error> {
        let answer = self.session().await?.call(method, json!({})).await;
        match answer {
            Some(result) => result.map_err(refused),
            None => Err(self.lost().await),
        }
    }

    /// Calls a procedure that does something.
    async fn change(&mut self, method: &'static str, params: Value) -> Result<(), Error> {
        let answer = self.session().await?.call(method, params).await;
        match answer {
            Some(result) => result.map(drop).map_err(refused),
            None => Err(Error::OutcomeUnknown),
        }
    }

    /// Why no answer came.
    async fn lost(&mut self) -> Error {
        let silent = || Error::Malformed { reason: "it does not answer in its data channel".to_owned() };
        if !self.session.as_ref().is_some_and(Session::is_over) {
            return silent();
        }
        match self.ended().await {
            Some(End::TakenOver) => taken_over(),
            Some(End::Broken(error)) => error,
            Some(End::Closed) | None => silent(),
        }
    }

    /// Refuses where nothing is wired to the buttons.
    async fn expect_buttons(&mut self) -> Result<(), Error> {
        // A session that ended may be followed by one after a change of the settings.
        self.session().await?;
        if self.has_buttons.is_none() {
            self.has_buttons = Some(self.read("getActiveExtension").await? == ATX);
        }
        if self.has_buttons == Some(true) {
            return Ok(());
        }
        let what = "press buttons: its ATX extension is not switched on in its settings".to_owned();
        Err(Error::Unsupported { what })
    }

    /// What is to be decoded for the next picture, with the decoder for it.
    async fn frame(&mut self) -> Result<(Decoder, Taken), Error> {
        self.session().await?;
        // Whoever stops waiting leaves no decoder behind that misses what was taken for it.
        let decoder = self.decoder.take();
        let taken = self.session().await?.frame(decoder.is_none()).await;
        let taken = match taken {
            Some(taken) => taken?,
            None => return Err(self.lost().await),
        };
        match decoder {
            Some(decoder) if !taken.is_fresh => Ok((decoder, taken)),
            _ => Ok((Decoder::new(), taken)),
        }
    }

    async fn picture(&mut self) -> Result<Picture, Error> {
        let (decoder, taken) = self.frame().await?;
        // It takes tens of milliseconds and more of a processor, which others must not wait for.
        let decoded = tokio::task::spawn_blocking(move || decode(decoder, &taken)).await;
        let (decoder, picture) = decoded.map_err(|error| Error::Malformed {
            reason: format!("its video broke the decoder: {error}"),
        })??;
        self.decoder = Some(decoder);
        Ok(picture)
    }
}

/// The newest picture of what was taken.
fn decode(mut decoder: Decoder, taken: &Taken) -> Result<(Decoder, Picture), Error> {
    let malformed = |reason: String| Error::Malformed { reason };
    let begun = std::time::Instant::now();
    for unit in &taken.units {
        if begun.elapsed() > DECODING {
            return Err(malformed(format!("its video takes more than {} s to decode", DECODING.as_secs())));
        }
        decoder.decode(unit).map_err(|error| malformed(error.to_string()))?;
    }
    let picture = decoder.picture().map_err(|error| malformed(error.to_string()))?;
    let none = || Error::NoPicture { reason: "its video holds no picture".to_owned() };
    Ok((
        decoder,
        Picture { file: bitmap(&picture.ok_or_else(none)?).into(), media_type: MEDIA_TYPE.to_owned() },
    ))
}

/// A picture as a BMP file: 32 bits for each pixel, the topmost row first.
fn bitmap(picture: &ironhand_kvm::Picture) -> Vec<u8> {
    const HEAD: u32 = 54;
    let (width, height) = (i32::from(picture.width()), i32::from(picture.height()));
    let length = u32::try_from(picture.pixels().len() * 4).unwrap_or_default();
    let mut file = Vec::with_capacity((HEAD + length) as usize);
    file.extend_from_slice(b"BM");
    file.extend([HEAD + length, 0, HEAD, 40].into_iter().flat_map(u32::to_le_bytes));
    file.extend([width, -height].into_iter().flat_map(i32::to_le_bytes));
    file.extend([1_u16, 32].into_iter().flat_map(u16::to_le_bytes));
    file.extend([0, length, 0, 0, 0, 0].into_iter().flat_map(u32::to_le_bytes));
    file.extend(picture.pixels().iter().flat_map(|pixel| pixel.to_le_bytes()));
    file
}

/// What is said where somebody else has the unit.
fn taken_over() -> Error {
    let minutes = LEFT_ALONE.as_secs() / 60;
    Error::Busy {
        reason: format!("somebody else took its one session, so it is left to them for {minutes} minutes"),
    }
}

/// What the unit says of a call that failed.
fn refused(reason: String) -> Error {
    Error::Refused { reason: said(&reason) }
}

/// Whether the power light is on.
fn light(told: &Value) -> Result<Option<bool>, Error> {
    match &told["power"] {
        Value::Bool(on) => Ok(Some(*on)),
        _ => Err(Error::Malformed { reason: "the power light is neither on nor off".to_owned() }),
    }
}

impl FrontPanel for Jetkvm {
    fn light(&mut self) -> BoxFuture<'_, Result<Option<bool>, Error>> {
        Box::pin(async {
            let mut line = self.line.lock().await;
            line.expect_buttons().await?;
            light(&line.read("getATXState").await?)
        })
    }

    fn press(&mut self, press: Press) -> BoxFuture<'_, Result<(), Error>> {
        let action = match press {
            Press::On | Press::Soft => "power-short",
            Press::Off => "power-long",
            Press::Reset => "reset",
        };
        Box::pin(async move {
            let mut line = self.line.lock().await;
            line.expect_buttons().await?;
            line.change("setATXPowerAction", json!({ "action": action })).await
        })
    }

    fn picture(&mut self) -> BoxFuture<'_, Result<Picture, Error>> {
        Box::pin(async { self.line.lock().await.picture().await })
    }

    fn key(&mut self, stroke: Stroke) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let held = self.held.after(stroke)?;
            let [modifier, _, keys @ ..] = held.report();
            let params = json!({ "modifier": modifier, "keys": keys });
            self.line.lock().await.change("keyboardReport", params).await?;
            self.held = held;
            Ok(())
        })
    }

    /// The session ends with the last who uses it. Nobody logs out: that would end what others have under the same password.
    fn close(self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Some(line) = Arc::into_inner(self.line) else { return };
            let Line { client, session, .. } = line.into_inner();
            if let Some(session) = session {
                session.close().await;
            }
            client.close().await;
        })
    }
}

#[cfg(test)]
mod tests;
