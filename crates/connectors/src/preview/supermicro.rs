//! Supermicro: a picture that is taken when the controller is told to, and fetched a little later.
//!
//! Boards up to X10 take `CapturePreview.cgi` and give a bitmap. Later ones take `op.cgi` with a token against forged requests
//! and give a JPEG; they also want name and password in Base64, which their login page shows.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::sleep;

use super::Pages;
use super::web::{
    COOKIES, Failed, Ticket, ask, between, busy, cookie, form, harmless, login_failed, malformed, mark,
    picture as shown, refused, text,
};
use crate::{Error, HttpClient, HttpRequest, Login, Picture};

/// How long the controller takes for a picture after it was told to.
const TAKES: Duration = Duration::from_secs(2);

/// The headers of the token against forged requests. Firmware does not agree on the name, and says which it means.
const FORGERY: [&str; 2] = ["csrf_token", "csrf-token"];

pub(super) async fn log_in(http: &HttpClient, login: &Login) -> Result<Ticket, Error> {
    let page = http.send(&HttpRequest::get("/")).await?;
    let is_encoded = text(&page).contains("btoa") || text(&page).to_lowercase().contains("base64");
    let answer = match is_encoded {
        true => {
            let name = STANDARD.encode(&login.username);
            let password = SecretString::from(STANDARD.encode(login.password.expose_secret()));
            let fields = [("name", name.as_str()), ("pwd", password.expose_secret()), ("check", "00")];
            http.send(&form("/cgi/login.cgi", &fields)).await?
        }
        false => {
            let fields = [("name", login.username.as_str()), ("pwd", login.password.expose_secret())];
            http.send(&form("/cgi/login.cgi", &fields)).await?
        }
    };
    if let Some(error) = login_failed(&answer, login) {
        return Err(error);
    }
    let Some(session) = cookie(&answer, "SID") else {
        let told = text(&answer).to_lowercase();
        return Err(match told.contains("session") {
            true => busy("it has no session left"),
            false if told.contains("<html") => refused(login),
            false => malformed("its login is none; is this a controller of Supermicro?"),
        });
    };
    // Without a language some pages lead to a page that chooses one.
    let cookies = format!("SID={session}; langSetFlag=0; language=English");
    let ticket =
        Ticket::new(Pages::Supermicro, HttpRequest::get("/cgi/logout.cgi")).with(COOKIES, &cookies)?;
    forgery(http, ticket).await
}

/// The same ticket with the token against forged requests, where the controller's pages have one.
async fn forgery(http: &HttpClient, ticket: Ticket) -> Result<Ticket, Error> {
    let request = HttpRequest::get("/cgi/url_redirect.cgi?url_name=topmenu");
    let page = match ask(http, &ticket, request).await {
        Ok(page) => page,
        // What matters is whether a picture comes.
        Err(_) => return Ok(ticket),
    };
    let told = text(&page);
    let arguments = between(&told, "SmcCsrfInsert", &[')']);
    let mut quoted = arguments.unwrap_or_default().split('"').skip(1).step_by(2);
    let (Some(name), Some(token)) = (quoted.next(), quoted.next()) else { return Ok(ticket) };
    match FORGERY.into_iter().find(|known| known.eq_ignore_ascii_case(name)) {
        Some(name) => ticket.with(HeaderName::from_static(name), token),
        None => Ok(ticket),
    }
}

pub(super) async fn picture(http: &HttpClient, ticket: &Ticket) -> Result<Picture, Failed> {
    let mark = mark().to_string();
    let capture = form("/cgi/CapturePreview.cgi", &[("IKVM_PREVIEW.XML", "(0,0)"), ("time_stamp", &mark)]);
    let preview = form("/cgi/op.cgi", &[("op", "sys_preview"), ("_", "")]);
    let (first, second) = if ticket.has(&FORGERY) { (preview, capture) } else { (capture, preview) };
    let told = match ask(http, ticket, harmless(first)).await {
        Err(Failed::Other(Error::Unsupported { .. })) => ask(http, ticket, harmless(second)).await?,
        told => told?,
    };
    // Where a session is over a page leads to the login.
    if text(&told).to_lowercase().contains("timeout") {
        return Err(Failed::Over(busy("it has ended the session")));
    }
    sleep(TAKES).await;
    let path = format!("/cgi/url_redirect.cgi?url_name=Snapshot&url_type=img&time_stamp={mark}");
    shown(&ask(http, ticket, HttpRequest::get(path)).await?.body)
}
