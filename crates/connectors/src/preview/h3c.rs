//! H3C HDM: a picture that is made when it is asked for.

use http::{HeaderName, Method};
use secrecy::ExposeSecret;

use super::Pages;
use super::web::{
    COOKIES, Failed, Ticket, ask, cookie, form, login_failed, malformed, no_picture, picture as shown, value,
};
use crate::{Error, HttpClient, HttpRequest, Login, Picture};

/// The header of the token against forged requests.
const FORGERY: HeaderName = HeaderName::from_static("x-csrftoken");

/// Where sessions are opened and ended.
const SESSION: &str = "/api/session";

/// The longest name of a picture.
const LONGEST: usize = 128;

/// The code for a machine that sends no picture.
const NO_SIGNAL: i64 = 4;

pub(super) async fn log_in(http: &HttpClient, login: &Login) -> Result<Ticket, Error> {
    let password = login.password.expose_secret();
    let answer = http.send(&form(SESSION, &[("username", &login.username), ("password", password)])).await?;
    if let Some(error) = login_failed(&answer, login) {
        return Err(error);
    }
    let session = cookie(&answer, "QSESSIONID")
        .ok_or_else(|| malformed("its login sets no cookie; is this an HDM?"))?;
    let ticket = Ticket::new(Pages::H3c, HttpRequest::new(Method::DELETE, SESSION))
        .with(COOKIES, &format!("QSESSIONID={session}"))?;
    match value(&answer)["CSRFToken"].as_str() {
        Some(token) => ticket.with(FORGERY, token),
        None => Ok(ticket),
    }
}

pub(super) async fn picture(http: &HttpClient, ticket: &Ticket) -> Result<Picture, Failed> {
    let told = value(&ask(http, ticket, HttpRequest::get("/api/screen/capture")).await?);
    match told["cc"].as_i64() {
        Some(0) => {}
        Some(NO_SIGNAL) => return Err(no_picture("the machine sends none").into()),
        Some(code) => {
            return Err(Error::Refused { reason: format!("no picture was taken (code {code})") }.into());
        }
        None => return Err(malformed("it does not say whether a picture was taken").into()),
    }
    let is_name = |name: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        name.len() <= LONGEST && !name.starts_with('.') && name.bytes().all(plain)
    };
    let name = told["file_name"].as_str().filter(|name| !name.is_empty()).filter(is_name);
    let name = name.ok_or_else(|| malformed("the name of its picture is none"))?;
    shown(&ask(http, ticket, HttpRequest::get(format!("/bsod/{name}"))).await?.body)
}
