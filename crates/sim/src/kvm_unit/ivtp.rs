//! What a controller with AMI's MegaRAC SP-X answers before its console opens.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use ironhand_kvm::ivtp::{Admission, ServerConfig};
use serde_json::json;

use super::console::{Console, Place};
use super::front::{self, Answer, Asked};
use super::web_login::{self, Login};
use super::{State, UnitFault};

/// The cookie of a session.
const SESSION: &str = "QSESSIONID";

/// The body that shows the token is as long as on Gigabyte's boards.
const BODY: usize = 438;

/// Answers a request; nothing where it asks for a WebSocket and may have it.
pub(super) async fn answer(state: &Arc<State>, asked: &Asked) -> Option<Answer> {
    let path = asked.head.uri.path();
    if (&asked.head.method, path) == (&Method::POST, "/api/session") {
        return Some(log_in(state, asked));
    }
    let unknown =
        || front::json(StatusCode::UNAUTHORIZED, &json!({ "error": "Invalid Authentication", "code": 11 }));
    let Some(session) = web_login::session(state, asked, SESSION) else { return Some(unknown()) };
    if (&asked.head.method, path) == (&Method::GET, "/kvm") {
        // A page of somebody else's has no business here.
        let foreign = || front::answer(StatusCode::FORBIDDEN, "text/plain", "");
        return asked.header("origin").is_none().then(foreign);
    }
    if asked.header("x-csrftoken") != Some(csrf(&session)) {
        return Some(unknown());
    }
    Some(match (&asked.head.method, path) {
        (&Method::GET, "/api/kvm/token") => {
            let token = web_login::unforeseen(32);
            state.inner().console_token = Some(token.clone());
            front::json(
                StatusCode::OK,
                &json!({ "client_ip": "127.0.0.1", "token": token, "session": web_login::unforeseen(35) }),
            )
        }
        (&Method::DELETE, "/api/session") => {
            web_login::log_out(state, &session);
            front::json(StatusCode::OK, &json!({ "ok": 0 }))
        }
        _ => front::json(StatusCode::NOT_FOUND, &json!({ "error": "Invalid API Call", "code": 1000 })),
    })
}

fn log_in(state: &State, asked: &Asked) -> Answer {
    let refused = |error: &str, code: i32| {
        front::json(StatusCode::UNAUTHORIZED, &json!({ "error": error, "code": code }))
    };
    match web_login::log_in(state, asked, "username", "password") {
        Login::Open(session) => {
            let told = json!({ "ok": 0, "privilege": 4, "racsession_id": 7, "CSRFToken": csrf(&session) });
            web_login::with_cookie(front::json(StatusCode::OK, &told), SESSION, &session)
        }
        Login::Wrong => refused("Invalid Authentication", 11),
        Login::Full => refused("Maximum number of sessions already in use", 15000),
    }
}

/// What requests show beside the cookie.
fn csrf(session: &str) -> &str {
    session.get(..8).unwrap_or(session)
}

/// The console behind the token that was given out last, which is good for once.
pub(super) fn console(state: &State, place: &Place) -> Option<Console> {
    let token = state.inner().console_token.take()?;
    let config = ServerConfig {
        admission: if place.is_master() { Admission::Master } else { Admission::Slave },
        body_length: Some(BODY),
        says_encrypted: state.has(UnitFault::Encrypted),
        ..ServerConfig::new(token.into())
    };
    Some(Console::ivtp(config))
}
