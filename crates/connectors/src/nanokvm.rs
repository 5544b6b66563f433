//! NanoKVM: buttons, screen and keyboard by its web service.

mod login;
mod stream;

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, COOKIE};
use http::{HeaderValue, Method, StatusCode};
use ironhand_console::keys::Stroke;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::front_panel::{FrontPanel, HeldKeys, Press, said};
use crate::http::{Upgrade, WebSocket};
use crate::{Authorization, Error, HttpClient, HttpRequest, HttpResponse, Login, Opened, Picture};

/// How long a button is pressed shortly, in milliseconds.
const SHORT: u32 = 800;

/// How long the power button is held down for power off. Boards want 4 s (ACPI), some a little more.
const LONG: u32 = 8000;

/// How long a frame may take. The unit answers nothing at all while it has none.
const FRAME: Duration = Duration::from_secs(10);

/// A WebSocket that was not used for so long is not used again: the unit closes it after 90 s.
const IDLE: Duration = Duration::from_secs(60);

/// The first byte of a message that holds the state of the keyboard.
const KEYBOARD: u8 = 1;

/// A NanoKVM.
pub(crate) struct Nanokvm {
    client: HttpClient,
    login: Option<Login>,
    /// The cookie of a session.
    session: Option<SecretString>,
    keyboard: Option<Keyboard>,
    held: HeldKeys,
}

/// The way that keys go.
struct Keyboard {
    socket: Box<WebSocket>,
    used: Instant,
}

impl Nanokvm {
    pub(crate) fn new(client: HttpClient, login: Option<Login>) -> Self {
        Self { client, login, session: None, keyboard: None, held: HeldKeys::default() }
    }

    fn username(&self) -> String {
        self.login.as_ref().map(|login| login.username.clone()).unwrap_or_default()
    }

    /// Logs in, where nobody is and a login is known.
    async fn log_in(&mut self) -> Result<(), Error> {
        let Some(login) = self.login.as_ref().filter(|_| self.session.is_none()) else { return Ok(()) };
        let answer = self.client.send(&login::request(login)?).await?;
        let told = told(&checked(&answer, &login.username)?);
        let told = told?.map_err(|failure| login::refusal(failure, &login.username))?;
        // None where the unit is set to let everybody in.
        self.session = login::session(&answer, &told);
        Ok(())
    }

    /// A request in the session, where there is one.
    fn dressed(&self, request: HttpRequest) -> HttpRequest {
        let Some(session) = &self.session else { return request };
        request.authorization(Authorization::Header(COOKIE, session.clone()))
    }

    /// Sends a request in a session; in a new one where the unit does not know the old any more.
    async fn ask(&mut self, request: HttpRequest) -> Result<Result<Value, Failure>, Error> {
        let begun_with = self.session.is_some();
        self.log_in().await?;
        let mut answer = self.client.send(&self.dressed(request.clone())).await?;
        if answer.status == StatusCode::UNAUTHORIZED.as_u16() && begun_with {
            self.session = None;
            self.log_in().await?;
            answer = self.client.send(&self.dressed(request)).await?;
        }
        told(&checked(&answer, &self.username())?)
    }

    async fn open_keyboard(&mut self) -> Result<(), Error> {
        let ready = match &mut self.keyboard {
            Some(keyboard) => keyboard.used.elapsed() < IDLE && keyboard.socket.keep().await.is_ok(),
            None => false,
        };
        if ready {
            return Ok(());
        }
        self.keyboard = None;
        // It tells whether the session still holds.
        self.ask(HttpRequest::get("/api/vm/gpio")).await?.map_err(Failure::refusal)?;
        match self.client.websocket(self.dressed(HttpRequest::get("/api/ws"))).await? {
            Upgrade::Open(socket) => self.keyboard = Some(Keyboard { socket, used: Instant::now() }),
            Upgrade::Answer(answer) => {
                checked(&answer, &self.username())?;
                let reason = "it opens no way for keys; is this a NanoKVM?".to_owned();
                return Err(Error::Malformed { reason });
            }
        }
        Ok(())
    }

    async fn frame(&mut self) -> Result<Picture, Error> {
        self.ask(HttpRequest::get("/api/vm/gpio")).await?.map_err(Failure::refusal)?;
        match self.client.open(&self.dressed(HttpRequest::get("/api/stream/mjpeg"))).await? {
            Opened::Stream(mut stream) => stream::first(&mut stream, FRAME).await,
            Opened::Answer(answer) => {
                let answer = checked(&answer, &self.username())?;
                told(&answer)?.map_err(Failure::refusal)?;
                Err(Error::Malformed { reason: "it shows no pictures; is this a NanoKVM?".to_owned() })
            }
        }
    }
}

/// What the unit says instead of doing it, with its own code.
struct Failure {
    code: i64,
    message: String,
}

impl Failure {
    fn refusal(self) -> Error {
        Error::Refused { reason: format!("{} (code {})", self.message, self.code) }
    }
}

/// An answer with a status of success.
fn checked(answer: &HttpResponse, username: &str) -> Result<HttpResponse, Error> {
    let reason = format!("HTTP status {}", answer.status);
    Err(match StatusCode::from_u16(answer.status) {
        Ok(status) if status.is_success() => return Ok(answer.clone()),
        Ok(StatusCode::UNAUTHORIZED) => {
            let reason = username.is_empty().then(|| "it wants a user and a password".to_owned());
            Error::LoginRefused { username: username.to_owned(), reason }
        }
        Ok(StatusCode::FORBIDDEN) => {
            Error::Refused { reason: format!("the account {username} may not do that ({reason})") }
        }
        Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE) => {
            Error::Busy { reason }
        }
        Ok(status) if status.is_redirection() => Error::Misconfigured {
            reason: format!("it sends elsewhere ({reason}); give `tls` where it speaks TLS"),
        },
        Ok(StatusCode::NOT_FOUND) => Error::Malformed { reason: format!("{reason}; is this a NanoKVM?") },
        _ => Error::Refused { reason },
    })
}

/// What an answer holds, or why the unit did not do what was asked: it says so with the status of success.
fn told(answer: &HttpResponse) -> Result<Result<Value, Failure>, Error> {
    let malformed = |reason: &str| Error::Malformed { reason: reason.to_owned() };
    let mut read: Value =
        serde_json::from_slice(&answer.body).map_err(|_| malformed("it is not JSON; is this a NanoKVM?"))?;
    let message = read["msg"].as_str().map(said).unwrap_or_default();
    match read["code"].as_i64() {
        Some(0) => Ok(Ok(read["data"].take())),
        Some(code) => Ok(Err(Failure { code, message })),
        None => Err(malformed("it has no `code`; is this a NanoKVM?")),
    }
}

/// Whether the power light is on, by what the unit tells of its pins.
fn light(told: Result<Value, Failure>) -> Result<Option<bool>, Error> {
    match told {
        Ok(data) => match &data["pwr"] {
            Value::Bool(on) => Ok(Some(*on)),
            Value::Null => Ok(None),
            _ => Err(Error::Malformed { reason: "the power light is neither on nor off".to_owned() }),
        },
        Err(Failure { code, message }) => {
            tracing::debug!(code, message, "a NanoKVM cannot read the power light");
            Ok(None)
        }
    }
}

impl FrontPanel for Nanokvm {
    fn light(&mut self) -> BoxFuture<'_, Result<Option<bool>, Error>> {
        Box::pin(async { light(self.ask(HttpRequest::get("/api/vm/gpio")).await?) })
    }

    fn press(&mut self, press: Press) -> BoxFuture<'_, Result<(), Error>> {
        let (button, duration) = match press {
            Press::On | Press::Soft => ("power", SHORT),
            Press::Off => ("power", LONG),
            Press::Reset => ("reset", SHORT),
        };
        let body = json!({ "type": button, "duration": duration }).to_string();
        let request = HttpRequest::new(Method::POST, "/api/vm/gpio")
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body.into_bytes());
        Box::pin(async move { self.ask(request).await?.map(drop).map_err(Failure::refusal) })
    }

    fn picture(&mut self) -> BoxFuture<'_, Result<Picture, Error>> {
        Box::pin(async {
            let none = || Error::NoPicture { reason: format!("no frame came within {} s", FRAME.as_secs()) };
            match timeout(FRAME, self.frame()).await {
                Ok(Err(Error::Silent { .. })) | Err(_) => Err(none()),
                Ok(taken) => taken,
            }
        })
    }

    fn key(&mut self, stroke: Stroke) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let held = self.held.after(stroke)?;
            self.open_keyboard().await?;
            if let Some(keyboard) = &mut self.keyboard {
                let message: Vec<u8> = [KEYBOARD].into_iter().chain(held.report()).collect();
                keyboard.socket.send(&message).await?;
                keyboard.used = Instant::now();
            }
            self.held = held;
            Ok(())
        })
    }

    /// The session ends by itself: to log out would end those of everybody who uses the account.
    fn close(self) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.client.close().await })
    }
}

#[cfg(test)]
mod tests;
