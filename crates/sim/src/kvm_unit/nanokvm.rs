//! What a NanoKVM answers (2.5).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hyper::header::{HeaderValue, SET_COOKIE};
use hyper::{Method, StatusCode};
use md5::{Digest, Md5};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use super::front::{self, Answer, Asked};
use super::{Button, State, UnitFault, websocket};

/// What passwords are encrypted with on their way, to every unit.
const KEY: &[u8] = b"nanokvm-sipeed-2024";

/// The cookie of everybody's session. Real ones are signed, and end after a month.
const SESSION: &str = "nano-kvm-token=eyJhbGciOiJIUzI1NiJ9.c2ltdWxhdGVk.bm9ib2R5";

/// So many wrong passwords in a row, and nobody is let in for a while.
const MOST_FAILURES: u32 = 5;

/// How long a press lasts where the request does not say.
const CLICK: u64 = 800;

/// Between two looks for a first picture.
const LOOK: Duration = Duration::from_millis(50);

/// Answers a request; nothing where it asks for a WebSocket and may have it.
pub(super) async fn answer(state: &Arc<State>, asked: &Asked) -> Option<Answer> {
    let path = asked.head.uri.path();
    if (&asked.head.method, path) == (&Method::POST, "/api/auth/login") {
        return Some(log_in(state, asked));
    }
    let cookies = asked.header("cookie").unwrap_or_default();
    if !cookies.split("; ").any(|cookie| cookie == SESSION) {
        return Some(front::json(StatusCode::UNAUTHORIZED, &json!("unauthorized")));
    }
    Some(match (&asked.head.method, path) {
        (&Method::GET, "/api/ws") => return None,
        (&Method::POST, "/api/auth/logout") => done(&Value::Null),
        (&Method::GET, "/api/auth/account") => {
            done(&json!({ "username": state.config.user, "role": "admin" }))
        }
        (&Method::GET, "/api/vm/hardware") => done(&json!({ "version": "Beta" })),
        (&Method::GET, "/api/vm/info") => done(&json!({
            "ips": [], "mdns": "kvm-5e30.local", "image": "v1.4.2", "application": "2.5.0", "deviceKey": "",
        })),
        (&Method::GET, "/api/vm/gpio") => {
            let light_unknown = state.has(UnitFault::LightUnknown) || state.has(UnitFault::AtxDisabled);
            match light_unknown {
                true => failed(-2, "failed to read power led: no such file or directory"),
                false => done(&json!({ "pwr": state.machine().is_on(), "hdd": false })),
            }
        }
        (&Method::POST, "/api/vm/gpio") => press(state, &asked.json()).await,
        (&Method::POST, "/api/hid/paste") => match asked.json()["content"].as_str() {
            Some(text) => {
                state.type_text(text);
                done(&Value::Null)
            }
            None => failed(-1, "invalid arguments"),
        },
        (&Method::GET, "/api/stream/mjpeg") => {
            // Not even the head of the answer comes before there is a picture.
            let first = loop {
                match state.picture() {
                    Some(picture) => break picture,
                    None => tokio::time::sleep(LOOK).await,
                }
            };
            front::frames(Arc::clone(state), first)
        }
        _ => front::answer(StatusCode::NOT_FOUND, "text/plain", "404 page not found"),
    })
}

fn log_in(state: &State, asked: &Asked) -> Answer {
    let told = asked.json();
    let password = told["password"].as_str().and_then(unwrapped);
    let known = told["username"].as_str() == Some(&state.config.user)
        && password.as_deref() == Some(state.config.password.expose_secret());
    let mut inner = state.inner();
    if inner.failures >= MOST_FAILURES {
        return failed(-5, "Account locked due to too many failed attempts, please try again later");
    }
    if !known {
        inner.failures += 1;
        return failed(-2, "invalid username or password");
    }
    inner.failures = 0;
    let mut answer = done(&Value::Null);
    let cookie = format!("{SESSION}; Path=/; Max-Age=2678400; HttpOnly; SameSite=Strict");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    answer
}

/// A password out of what a client made of it: escaped, in Base64, encrypted as OpenSSL does with a password.
fn unwrapped(text: &str) -> Option<String> {
    let text = text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let whole = STANDARD.decode(text).ok()?;
    let (salt, encrypted) = whole.strip_prefix(b"Salted__")?.split_at_checked(8)?;
    let first = Md5::digest([KEY, salt].concat());
    let second = Md5::digest([&first[..], KEY, salt].concat());
    let iv = Md5::digest([&second[..], KEY, salt].concat());
    let key = [&first[..], &second[..]].concat();
    let mut buffer = encrypted.to_vec();
    let decryptor = cbc::Decryptor::<aes::Aes256>::new_from_slices(&key, &iv).ok()?;
    let password = decryptor.decrypt_padded::<Pkcs7>(&mut buffer).ok()?;
    String::from_utf8(password.to_vec()).ok()
}

async fn press(state: &State, told: &Value) -> Answer {
    let button = match told["type"].as_str() {
        Some("power") => Button::Power,
        Some("reset") => Button::Reset,
        _ => return failed(-2, "invalid power event"),
    };
    let held = told["duration"].as_u64().filter(|time| *time > 0).unwrap_or(CLICK);
    if state.press(button, Duration::from_millis(held)).await {
        return done(&Value::Null);
    }
    failed(-3, "operation failed: device or resource busy")
}

fn done(data: &Value) -> Answer {
    front::json(StatusCode::OK, &json!({ "code": 0, "msg": "success", "data": data }))
}

fn failed(code: i64, message: &str) -> Answer {
    front::json(StatusCode::OK, &json!({ "code": code, "msg": message, "data": null }))
}

/// Speaks on a WebSocket until its end: states of the keyboard come in.
pub(super) async fn talk<S>(mut stream: S, state: &State) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = websocket::message(&mut stream).await? {
        if let [1, report @ ..] = &message[..]
            && let Ok(report) = <[u8; 8]>::try_from(report)
        {
            state.report(report);
        }
    }
    // What was held is let go when the client leaves.
    state.report([0; 8]);
    Ok(())
}
