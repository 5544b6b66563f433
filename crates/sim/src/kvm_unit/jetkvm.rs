//! What a JetKVM answers (firmware 0.4): HTTP for the login, a WebSocket for signals, and WebRTC for everything else.

mod fault;
mod peer;
mod session;

use std::io;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderValue, SET_COOKIE};
use hyper::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::front::{self, Answer, Asked};
use super::{State, UnitFault, websocket};
pub(crate) use session::Order;

/// The firmware that it says it is.
const FIRMWARE: &str = "0.4.7";

/// The cookie of who logged in.
const COOKIE: &str = "authToken";

/// Answers a request; nothing where it asks for a WebSocket and may have it.
pub(super) fn answer(state: &State, asked: &Asked) -> Option<Answer> {
    let (method, path) = (&asked.head.method, asked.head.uri.path());
    match (method, path) {
        (&Method::GET, "/device/status") => {
            let is_set_up = !state.has(UnitFault::NotSetUp);
            return Some(front::json(StatusCode::OK, &json!({ "isSetup": is_set_up })));
        }
        (&Method::POST, "/auth/login-local") => return Some(log_in(state, asked)),
        _ => {}
    }
    let known = state.inner().web_sessions.last().map(|token| format!("{COOKIE}={token}"));
    let cookies = asked.header("cookie").unwrap_or_default();
    if !cookies.split("; ").any(|cookie| Some(cookie) == known.as_deref()) {
        return Some(front::json(StatusCode::UNAUTHORIZED, &json!({ "error": "Unauthorized" })));
    }
    match (method, path) {
        (&Method::GET, "/webrtc/signaling/client") => None,
        (&Method::GET, "/device") => {
            let device = json!({ "authMode": "password", "deviceId": "sim", "loopbackOnly": false });
            Some(front::json(StatusCode::OK, &device))
        }
        _ => Some(front::answer(StatusCode::NOT_FOUND, "text/plain", "404 page not found")),
    }
}

/// There is one password, and one cookie: who logs in makes those of others void.
fn log_in(state: &State, asked: &Asked) -> Answer {
    if asked.json()["password"].as_str() != Some(state.config.password.expose_secret()) {
        return front::json(StatusCode::UNAUTHORIZED, &json!({ "error": "Invalid password" }));
    }
    let mut token = [0; 16];
    if getrandom::fill(&mut token).is_err() {
        return front::json(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "no random numbers" }));
    }
    let token = hex::encode(token);
    let mut answer = front::json(StatusCode::OK, &json!({ "message": "Login successful" }));
    if let Ok(cookie) = HeaderValue::try_from(format!("{COOKIE}={token}; Path=/; Max-Age=604800; HttpOnly")) {
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    state.inner().web_sessions = vec![token];
    answer
}

/// Speaks on the WebSocket for signals until its end. Sessions go on when it is gone.
pub(super) async fn talk<S>(mut stream: S, state: &Arc<State>, stop: &CancellationToken) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let metadata = json!({ "type": "device-metadata", "data": { "deviceVersion": FIRMWARE } });
    websocket::say(&mut stream, &metadata.to_string()).await?;
    let mut orders: Option<mpsc::Sender<Order>> = None;
    while let Some(message) = websocket::message(&mut stream).await? {
        if message == b"ping" {
            websocket::say(&mut stream, "pong").await?;
            continue;
        }
        let mut told: Value = serde_json::from_slice(&message).unwrap_or_default();
        match told["type"].as_str() {
            Some("offer") => {
                let Some(offer) = offered(&told["data"]) else { continue };
                if state.has(UnitFault::Busy) {
                    continue;
                }
                let begun = session::begin(&offer, Arc::clone(state), stop.clone()).await;
                let (answer, way, sender) = begun.map_err(io::Error::other)?;
                let inner = STANDARD.encode(json!({ "type": "answer", "sdp": answer }).to_string());
                websocket::say(&mut stream, &json!({ "type": "answer", "data": inner }).to_string()).await?;
                let way = json!({ "candidate": way, "sdpMid": "0", "sdpMLineIndex": 0 });
                websocket::say(&mut stream, &json!({ "type": "new-ice-candidate", "data": way }).to_string())
                    .await?;
                orders = Some(sender);
            }
            Some("new-ice-candidate") => {
                if let (Some(orders), Value::String(way)) = (&orders, told["data"]["candidate"].take()) {
                    let _ = orders.send(Order::Candidate(way)).await;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The session description in an offer.
fn offered(data: &Value) -> Option<String> {
    let whole = STANDARD.decode(data["sd"].as_str()?).ok()?;
    let mut whole: Value = serde_json::from_slice(&whole).ok()?;
    match whole["sdp"].take() {
        Value::String(text) => Some(text),
        _ => None,
    }
}
