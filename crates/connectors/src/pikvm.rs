//! PiKVM: buttons, screen and keyboard by its web service (kvmd).

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use ironhand_console::keys::{Stroke, code_of};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::front_panel::{FrontPanel, Press, said};
use crate::http::{Upgrade, WebSocket};
use crate::{Authorization, Error, HttpClient, HttpRequest, HttpResponse, Login, Picture};

/// The user and the password of a request: its Basic authentication takes no password with a colon.
const USER: HeaderName = HeaderName::from_static("x-kvmd-user");
const PASSWORD: HeaderName = HeaderName::from_static("x-kvmd-passwd");

/// How long the streamer may take to start once somebody watches.
const STREAMER: Duration = Duration::from_secs(10);

/// Between two looks for a picture while it starts.
const POLL: Duration = Duration::from_millis(500);

/// A PiKVM.
pub(crate) struct Pikvm {
    client: HttpClient,
    login: Option<Login>,
    /// Most units make pictures only while somebody watches, which is who holds this open.
    watching: Option<Box<WebSocket>>,
}

impl Pikvm {
    pub(crate) const fn new(client: HttpClient, login: Option<Login>) -> Self {
        Self { client, login, watching: None }
    }

    /// Sends a request, and gives what was answered to it if it was done.
    async fn ask(&mut self, method: Method, path: &str) -> Result<HttpResponse, Error> {
        done(self.client.send(&self.request(method, path)?).await?, self.login.as_ref())
    }

    fn request(&self, method: Method, path: &str) -> Result<HttpRequest, Error> {
        let mut request = HttpRequest::new(method, path);
        if let Some(Login { username, password }) = &self.login {
            let user = HeaderValue::from_str(username).map_err(|_| Error::Misconfigured {
                reason: "the user name has characters that HTTP cannot carry".to_owned(),
            })?;
            request = request.header(USER, user);
            request.authorization = Authorization::Header(PASSWORD, password.clone());
        }
        Ok(request)
    }

    /// What is known of the buttons and lights.
    async fn atx(&mut self) -> Result<Option<bool>, Error> {
        light(&result(&self.ask(Method::GET, "/api/atx").await?)?)
    }

    /// Watches, if that is not done already; says whether it was.
    async fn watch(&mut self) -> Result<bool, Error> {
        if let Some(watching) = &mut self.watching
            && watching.keep().await.is_ok()
        {
            return Ok(true);
        }
        self.watching = None;
        let request = self.request(Method::GET, "/api/ws?stream=1")?;
        match self.client.websocket(request).await? {
            Upgrade::Open(opened) => self.watching = Some(opened),
            Upgrade::Answer(answer) => {
                let status = answer.status;
                done(answer, self.login.as_ref())?;
                let reason = format!("HTTP status {status} where a WebSocket was asked for");
                return Err(Error::Malformed { reason });
            }
        }
        Ok(false)
    }

    async fn snapshot(&mut self) -> Result<Picture, Error> {
        let asked = self.ask(Method::GET, "/api/streamer/snapshot").await;
        let answer = asked.map_err(|error| match error {
            // The same status tells that the machine gives no signal, and that the streamer does not run.
            Error::Busy { reason } => Error::NoPicture { reason },
            other => other,
        })?;
        let media_type = answer.header(&CONTENT_TYPE).unwrap_or_default();
        if !media_type.starts_with("image/") {
            let reason = format!("it is `{}`, no picture; is this a PiKVM?", said(media_type));
            return Err(Error::Malformed { reason });
        }
        Ok(Picture { media_type: said(media_type), file: answer.body })
    }
}

/// Whether the power light is on, by what `/api/atx` tells.
fn light(state: &Value) -> Result<Option<bool>, Error> {
    match state["enabled"].as_bool() {
        Some(true) => {}
        Some(false) => {
            let what = "reach the buttons and lights of the machine: ATX is disabled in its settings";
            return Err(Error::Unsupported { what: what.to_owned() });
        }
        None => {
            let reason = "it does not say whether ATX is enabled; is this a PiKVM?".to_owned();
            return Err(Error::Malformed { reason });
        }
    }
    match &state["leds"]["power"] {
        Value::Bool(on) => Ok(Some(*on)),
        Value::Null => Ok(None),
        _ => Err(Error::Malformed { reason: "the power light is neither on nor off".to_owned() }),
    }
}

/// What an answer holds.
fn result(answer: &HttpResponse) -> Result<Value, Error> {
    let malformed = |reason: &str| Error::Malformed { reason: reason.to_owned() };
    let mut read: Value =
        serde_json::from_slice(&answer.body).map_err(|_| malformed("it is not JSON; is this a PiKVM?"))?;
    match read.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(malformed("it has no `result`; is this a PiKVM?")),
    }
}

/// An answer that is no failure.
fn done(answer: HttpResponse, login: Option<&Login>) -> Result<HttpResponse, Error> {
    let Ok(status) = StatusCode::from_u16(answer.status) else {
        return Err(Error::Malformed { reason: format!("HTTP status {}", answer.status) });
    };
    if status.is_success() {
        return Ok(answer);
    }
    let read = result(&answer).unwrap_or_default();
    let reason = match read["error_msg"].as_str() {
        Some(message) => said(message),
        None => format!("HTTP status {}", answer.status),
    };
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let username = login.map(|login| login.username.clone()).unwrap_or_default();
            let reason = match (login, status) {
                (None, _) => "it wants a user and a password",
                (_, StatusCode::FORBIDDEN) => {
                    "user or password is wrong, or it wants a code of a second factor too, which cannot be given"
                }
                _ => "it cannot read the user or the password",
            };
            Error::LoginRefused { username, reason: Some(reason.to_owned()) }
        }
        StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => Error::Busy { reason },
        // Of the web server before the service, while that starts.
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Error::Busy { reason }
        }
        StatusCode::NOT_FOUND => Error::Malformed { reason: format!("{reason}; is this a PiKVM?") },
        status if status.is_redirection() => {
            let to = answer.header(&LOCATION).map(said).unwrap_or_default();
            Error::Misconfigured { reason: format!("it sends elsewhere, to `{to}`; it speaks TLS as a rule") }
        }
        _ => Error::Refused { reason },
    })
}

impl FrontPanel for Pikvm {
    fn light(&mut self) -> BoxFuture<'_, Result<Option<bool>, Error>> {
        Box::pin(self.atx())
    }

    /// The unit looks at the light once more before it presses, so nobody's press comes between.
    fn press(&mut self, press: Press) -> BoxFuture<'_, Result<(), Error>> {
        let action = match press {
            Press::On => "on",
            Press::Soft => "off",
            Press::Off => "off_hard",
            Press::Reset => "reset_hard",
        };
        Box::pin(async move {
            let path = format!("/api/atx/power?action={action}&wait=1");
            result(&self.ask(Method::POST, &path).await?).map(drop)
        })
    }

    fn picture(&mut self) -> BoxFuture<'_, Result<Picture, Error>> {
        Box::pin(async {
            let runs = self.watch().await?;
            let deadline = Instant::now() + STREAMER;
            loop {
                match self.snapshot().await {
                    Err(Error::NoPicture { .. }) if !runs && Instant::now() < deadline => sleep(POLL).await,
                    taken => return taken,
                }
            }
        })
    }

    fn key(&mut self, stroke: Stroke) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let missing = || Error::Unsupported { what: "press a key without a position".to_owned() };
            let code = stroke.usage.and_then(code_of).ok_or_else(missing)?;
            let path = format!("/api/hid/events/send_key?key={code}&state={}", u8::from(stroke.down));
            result(&self.ask(Method::POST, &path).await?).map(drop)
        })
    }

    fn close(self) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.client.close().await })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_power_light_is_read() {
        let check = |state: Value, wanted: Result<Option<bool>, &str>| {
            assert_eq!(light(&state).map_err(|error| error.code()), wanted, "{state}");
        };
        let state = |power: Value| json!({ "enabled": true, "busy": false, "leds": { "power": power } });
        check(state(json!(true)), Ok(Some(true)));
        check(state(json!(false)), Ok(Some(false)));
        check(state(json!(null)), Ok(None));
        check(json!({ "enabled": true }), Ok(None));
        check(state(json!("on")), Err("connector.malformed"));
        let disabled = json!({ "enabled": false, "busy": false, "leds": { "power": false } });
        check(disabled, Err("connector.unsupported"));
        check(json!({}), Err("connector.malformed"));
        check(json!([1]), Err("connector.malformed"));
    }

    /// Checks what a status and a body come to: a code, and a part of what is told.
    fn check(status: u16, body: &str, login: bool, wanted: (&str, &str)) {
        let login = login.then(|| Login { username: "admin".to_owned(), password: "hunter2".into() });
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static("https://kvm/api/atx"))]);
        let answer = HttpResponse { status, headers, body: body.to_owned().into() };
        let error = done(answer, login.as_ref()).and_then(|answer| result(&answer)).expect_err("it failed");
        assert_eq!(error.code(), wanted.0, "{status} {error}");
        let told = format!("{error} {error:?}");
        assert!(told.contains(wanted.1) && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn what_it_refuses_is_told_with_its_reason() {
        let failed = |message: &str| {
            json!({ "ok": false, "result": { "error": "X", "error_msg": message } }).to_string()
        };
        check(401, &failed("Unauthorized"), false, ("connector.login_refused", "a user and a password"));
        check(401, "<html>", true, ("connector.login_refused", "cannot read"));
        check(403, &failed("Forbidden"), true, ("connector.login_refused", "second factor"));
        check(409, &failed("another ATX operation"), true, ("connector.busy", "another ATX operation"));
        check(400, &failed("ATX is disabled"), true, ("connector.refused", "ATX is disabled"));
        check(502, "<html>Bad Gateway</html>", true, ("connector.busy", "502"));
        check(404, "<html>", true, ("connector.malformed", "is this a PiKVM"));
        check(301, "", true, ("connector.misconfigured", "https://kvm/api/atx"));
        check(200, "<html><body>Login</body></html>", true, ("connector.malformed", "not JSON"));
        check(200, "{\"ok\": true, \"resu", true, ("connector.malformed", "not JSON"));
        check(200, "{\"ok\": true}", true, ("connector.malformed", "no `result`"));
    }
}
