//! What a controller of Supermicro answers before its console opens.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, StatusCode};
use ironhand_kvm::aten::PictureKind;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::console::Console;
use super::front::{self, Answer, Asked};
use super::web_login::{self, Login};
use super::{State, UnitFault};

/// The cookie of a session.
const SESSION: &str = "SID";

/// Answers a request; nothing where it asks for a WebSocket and may have it.
pub(super) async fn answer(state: &Arc<State>, asked: &Asked) -> Option<Answer> {
    let path = asked.head.uri.path();
    let html = |body: String| front::answer(StatusCode::OK, "text/html", body);
    let session = web_login::session(state, asked, SESSION);
    let is_old = state.has(UnitFault::NoHtml5);
    Some(match (&asked.head.method, path) {
        (&Method::POST, "/cgi/login.cgi") => match web_login::log_in(state, asked, "name", "pwd") {
            Login::Open(session) => web_login::with_cookie(html(String::new()), SESSION, &session),
            Login::Wrong => html("<script>top.location.href = '/?err=1';</script>".to_owned()),
            Login::Full => html("<script>alert('Maximum number of sessions');</script>".to_owned()),
        },
        (&Method::GET, "/cgi/logout.cgi") => {
            session.iter().for_each(|session| web_login::log_out(state, session));
            html(String::new())
        }
        (&Method::GET, "/redfish/v1/Managers/1/Oem/Supermicro/IKVM") if !is_old => {
            match is_basic(state, asked) {
                true => {
                    let page = format!("/redfish/{}.IKVM", web_login::unforeseen(16));
                    state.inner().page = Some(page.clone());
                    front::json(StatusCode::OK, &json!({ "Current interface": "HTML 5", "URI": page }))
                }
                false => front::json(
                    StatusCode::UNAUTHORIZED,
                    &json!({ "error": { "code": "Base.1.0.NoValidSession" } }),
                ),
            }
        }
        (&Method::GET, page) if is_basic(state, asked) && state.inner().page.as_deref() == Some(page) => {
            let token = web_login::unforeseen(24);
            state.inner().console_token = Some(token.clone());
            html(format!(
                "<html><body><input type=\"hidden\" id=\"entry_value\" value=\"{token}\"></body></html>"
            ))
        }
        (&Method::GET, "/cgi/url_redirect.cgi") if is_old && session.is_some() => {
            let login = (web_login::unforeseen(15), web_login::unforeseen(15));
            let page = jnlp(&login.0, &login.1, state.inner().old_port);
            state.inner().old_login = Some((login.0.into(), login.1.into()));
            front::answer(StatusCode::OK, "application/x-java-jnlp-file", page)
        }
        (&Method::GET, "/") if session.is_some() && !is_old => return None,
        (&Method::GET, "/") => front::answer(StatusCode::FORBIDDEN, "text/html", ""),
        _ => front::answer(StatusCode::NOT_FOUND, "text/html", ""),
    })
}

/// The console behind the token that was given out last, which is good for once.
pub(super) fn console(state: &State) -> Option<Console> {
    let token = state.inner().console_token.take()?;
    Some(Console::aten(token.into(), SecretString::default(), PictureKind::Ast2100))
}

fn is_basic(state: &State, asked: &Asked) -> bool {
    let both = format!("{}:{}", state.config.user, state.config.password.expose_secret());
    asked.header("authorization") == Some(&format!("Basic {}", STANDARD.encode(both)))
}

/// How the Java viewer was started.
fn jnlp(user: &str, password: &str, port: u16) -> String {
    let arguments =
        ["127.0.0.1", user, password, "null", "63630", "63635", "0", "0", "1", &port.to_string(), "623"];
    let arguments: String =
        arguments.iter().map(|argument| format!("<argument>{argument}</argument>")).collect();
    format!(
        "<jnlp spec=\"1.0+\"><application-desc main-class=\"tw.com.aten.ikvm.KVMMain\">{arguments}</application-desc></jnlp>"
    )
}
