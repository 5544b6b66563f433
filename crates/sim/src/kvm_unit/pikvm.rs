//! What a PiKVM answers (kvmd 4).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use super::front::{self, Answer, Asked};
use super::{Button, State, UnitFault, keyboard, websocket};

/// How long presses last.
const CLICK: Duration = Duration::from_millis(100);
const LONG_CLICK: Duration = Duration::from_millis(5500);

/// Between two pings; a client that does not answer is taken as gone by real units.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Answers a request; nothing where it asks for a WebSocket and may have it.
pub(super) async fn answer(state: &Arc<State>, asked: &Asked) -> Option<Answer> {
    if let Some(refusal) = refused(state, asked) {
        return Some(refusal);
    }
    let path = asked.head.uri.path();
    Some(match (&asked.head.method, path) {
        (&Method::GET, "/api/ws") => return None,
        (&Method::GET, "/api/auth/check") => done(&json!({})),
        (&Method::GET, "/api/info") => done(&json!({
            "system": { "kvmd": { "version": "4.100" }, "streamer": { "app": "ustreamer", "version": "6.36" } },
            "meta": { "server": { "host": state.config.machine.name } },
        })),
        (&Method::GET, "/api/atx") => done(&atx(state)),
        (&Method::GET, "/api/streamer") => done(&streamer(state)),
        (&Method::GET, "/api/streamer/snapshot") => {
            let watched = state.inner().watchers > 0;
            match state.picture().filter(|_| watched) {
                Some(picture) => front::answer(StatusCode::OK, "image/jpeg", picture),
                None => failed(StatusCode::SERVICE_UNAVAILABLE, "UnavailableError", "Service Unavailable"),
            }
        }
        (&Method::POST, "/api/atx/power") => power(state, asked).await,
        (&Method::POST, "/api/atx/click") => match asked.query("button") {
            Some("power") => press(state, Button::Power, CLICK).await,
            Some("power_long") => press(state, Button::Power, LONG_CLICK).await,
            Some("reset") => press(state, Button::Reset, CLICK).await,
            _ => invalid("ATX button"),
        },
        (&Method::POST, "/api/hid/events/send_key") => {
            let Some(usage) = asked.query("key").and_then(keyboard::usage) else {
                return Some(invalid("key"));
            };
            match asked.query("state") {
                Some(down) => state.key(usage, matches!(down, "1" | "true" | "yes")),
                None => [true, false].into_iter().for_each(|down| state.key(usage, down)),
            }
            done(&json!({}))
        }
        (&Method::POST, "/api/hid/print") => {
            state.type_text(&String::from_utf8_lossy(&asked.body));
            done(&json!({}))
        }
        _ => front::answer(StatusCode::NOT_FOUND, "text/html", "<html><title>404 Not Found</title></html>"),
    })
}

/// What a request is answered that is not let in.
fn refused(state: &State, asked: &Asked) -> Option<Answer> {
    let basic = asked.header("authorization").and_then(|text| text.strip_prefix("Basic ")).and_then(|text| {
        let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        // One that holds several colons is not understood.
        let (user, password) = text.split_once(':').filter(|(_, password)| !password.contains(':'))?;
        Some((user.to_owned(), password.to_owned()))
    });
    let named = asked.header("x-kvmd-user").map(|user| {
        let password = asked.header("x-kvmd-passwd").unwrap_or_default();
        (user.to_owned(), password.to_owned())
    });
    let Some((user, password)) = named.or(basic) else {
        return Some(failed(StatusCode::UNAUTHORIZED, "UnauthorizedError", "Unauthorized"));
    };
    let known = user == state.config.user && password == state.config.password.expose_secret();
    if known && !state.has(UnitFault::SecondFactor) {
        return None;
    }
    Some(failed(StatusCode::FORBIDDEN, "ForbiddenError", "Forbidden"))
}

fn atx(state: &State) -> Value {
    let on = state.machine().is_on();
    let inner = state.inner();
    let is_busy = inner.pressing || inner.fault == Some(UnitFault::Busy);
    let light = match inner.fault {
        Some(UnitFault::LightUnknown) => Value::Null,
        Some(UnitFault::AtxDisabled) => Value::Bool(false),
        _ => Value::Bool(on),
    };
    json!({
        "enabled": inner.fault != Some(UnitFault::AtxDisabled),
        "busy": is_busy,
        "acts": { "power": is_busy, "reset": false },
        "leds": { "power": light, "hdd": false },
    })
}

fn streamer(state: &State) -> Value {
    let runs = state.inner().watchers > 0;
    let online = state.picture().is_some();
    let streamer = runs.then(|| json!({ "source": { "online": online } }));
    json!({ "features": {}, "limits": {}, "params": { "quality": 80 }, "streamer": streamer })
}

async fn power(state: &State, asked: &Asked) -> Answer {
    let is_on = state.machine().is_on();
    match (asked.query("action"), is_on) {
        (Some("on"), false) | (Some("off"), true) => press(state, Button::Power, CLICK).await,
        (Some("off_hard"), true) => press(state, Button::Power, LONG_CLICK).await,
        (Some("reset_hard"), true) => press(state, Button::Reset, CLICK).await,
        (Some("on" | "off" | "off_hard" | "reset_hard"), _) => match state.has(UnitFault::AtxDisabled) {
            true => disabled(),
            false => done(&json!({})),
        },
        _ => invalid("ATX power action"),
    }
}

async fn press(state: &State, button: Button, held: Duration) -> Answer {
    if state.has(UnitFault::AtxDisabled) {
        return disabled();
    }
    if state.press(button, held).await {
        return done(&json!({}));
    }
    let busy = "Performing another ATX operation, please try again later";
    failed(StatusCode::CONFLICT, "AtxIsBusyError", busy)
}

fn disabled() -> Answer {
    failed(StatusCode::BAD_REQUEST, "AtxDisabledError", "ATX is disabled")
}

fn invalid(what: &str) -> Answer {
    failed(StatusCode::BAD_REQUEST, "ValidatorError", &format!("The argument is not a valid {what}"))
}

fn done(result: &Value) -> Answer {
    front::json(StatusCode::OK, &json!({ "ok": true, "result": result }))
}

fn failed(status: StatusCode, name: &str, message: &str) -> Answer {
    let result = json!({ "error": name, "error_msg": message });
    front::json(status, &json!({ "ok": false, "result": result }))
}

/// Somebody watches, until this is dropped.
struct Watcher<'s>(&'s State);

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        self.0.inner().watchers -= 1;
    }
}

/// Speaks on a WebSocket until its end.
pub(super) async fn talk<S>(mut stream: S, state: &State, watches: bool) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _watcher = watches.then(|| {
        state.inner().watchers += 1;
        Watcher(state)
    });
    let event = |name: &str, event: &Value| json!({ "event_type": name, "event": event }).to_string();
    websocket::say(&mut stream, &event("loop", &json!({ "version": { "major": 4, "minor": 100 } }))).await?;
    websocket::say(&mut stream, &event("atx", &atx(state))).await?;
    websocket::say(&mut stream, &event("streamer", &streamer(state))).await?;
    websocket::ping(&mut stream).await?;
    while let Some(message) = tokio::time::timeout(HEARTBEAT, websocket::message(&mut stream)).await?? {
        let told: Value = serde_json::from_slice(&message).unwrap_or_default();
        match told["event_type"].as_str() {
            Some("ping") => websocket::say(&mut stream, &event("pong", &json!({}))).await?,
            Some("key") => {
                let usage = told["event"]["key"].as_str().and_then(keyboard::usage);
                if let (Some(usage), Some(down)) = (usage, told["event"]["state"].as_bool()) {
                    state.key(usage, down);
                }
            }
            _ => {}
        }
    }
    Ok(())
}
