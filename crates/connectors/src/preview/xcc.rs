//! Lenovo XCC and XCC2: a picture that is made when it is asked for.

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::json;

use super::web::{
    COOKIES, Failed, Ticket, ask, busy, cookie, json as posted, login_failed, malformed, no_picture,
    picture as shown, value,
};
use super::{Pages, ilo};
use crate::{Error, HttpClient, HttpRequest, Login, Picture};

/// Where XCC3 has its picture, which is always there.
pub(crate) const MINIATURE: &str = "/web_download/Mini_ScreenShot.jpg";

/// The header of the token against forged requests.
const FORGERY: HeaderName = HeaderName::from_static("x-xsrf-token");

/// The header that carries what a login must repeat.
const NONCE: HeaderName = HeaderName::from_static("content-security-policy");

pub(super) async fn log_in(http: &HttpClient, login: &Login) -> Result<Ticket, Error> {
    let answer = http.send(&posted("/api/providers/get_nonce", &json!({}))).await?;
    // XCC3 has no such page, and tells that only to who is logged in.
    if matches!(answer.status, 401 | 403) {
        return ilo::log_in(http, login, Pages::Xcc3).await;
    }
    let body = json!({ "username": login.username, "password": login.password.expose_secret() });
    let mut request = posted("/api/login", &body);
    // Older firmware has no nonce.
    if let Some(nonce) = value(&answer)["nonce"].as_str() {
        let nonce = HeaderValue::try_from(format!("nonce={nonce}"));
        request = request.header(NONCE, nonce.map_err(|_| malformed("its nonce is none"))?);
    }
    let answer = http.send(&request).await?;
    if answer.status == 404 {
        return ilo::log_in(http, login, Pages::Xcc3).await;
    }
    let told = value(&answer);
    if told["locktime"].as_u64().is_some_and(|seconds| seconds > 0) {
        return Err(busy("it has locked the account for a while, after logins that failed"));
    }
    if let Some(error) = login_failed(&answer, login) {
        return Err(error);
    }
    let token = told["access_token"]
        .as_str()
        .ok_or_else(|| malformed("its login gives no token; is this an XCC?"))?;
    let ticket = Ticket::new(Pages::Xcc, HttpRequest::get("/api/providers/logout"))
        .with(AUTHORIZATION, &format!("Bearer {token}"))?;
    match cookie(&answer, "_csrf_token") {
        Some(forgery) => ticket.with(COOKIES, &format!("_csrf_token={forgery}"))?.with(FORGERY, &forgery),
        None => Ok(ticket),
    }
}

pub(super) async fn picture(http: &HttpClient, ticket: &Ticket) -> Result<Picture, Failed> {
    let taken = value(&ask(http, ticket, HttpRequest::get("/api/providers/rp_screenshot")).await?);
    if let Some(code) = taken["return"].as_i64().filter(|code| *code != 0) {
        return Err(no_picture(&format!("none could be taken (code {code}); is the machine on?")).into());
    }
    match ask(http, ticket, HttpRequest::get("/download/HostScreenShot.png")).await {
        Ok(answer) => shown(&answer.body),
        Err(Failed::Other(Error::Unsupported { .. })) => {
            Err(no_picture("none was taken; is the machine on?").into())
        }
        Err(failed) => Err(failed),
    }
}
