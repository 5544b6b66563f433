//! iDRAC 7 and 8: the console preview.

use std::time::Duration;

use http::HeaderName;
use http::header::SET_COOKIE;
use secrecy::ExposeSecret;
use tokio::time::sleep;

use super::Pages;
use super::web::{
    COOKIES, Failed, Ticket, ask, between, busy, form, login_failed, malformed, mark, no_picture,
    picture as shown, refused, text,
};
use crate::{Error, HttpClient, HttpRequest, Login, Picture};

/// The header of the second token, which requests for data want.
const ST2: HeaderName = HeaderName::from_static("st2");

/// How long the controller takes for a picture after it was told to.
const TAKES: Duration = Duration::from_secs(1);

pub(super) async fn log_in(http: &HttpClient, login: &Login) -> Result<Ticket, Error> {
    let password = login.password.expose_secret();
    let answer =
        http.send(&form("/data/login", &[("user", &login.username), ("password", password)])).await?;
    if let Some(error) = login_failed(&answer, login) {
        return Err(error);
    }
    let told = text(&answer);
    match between(&told, "<authResult>", &['<']) {
        Some("0") => {}
        Some(_) if told.contains("RAC0218") || told.contains("sessions") => {
            return Err(busy("it has no session left"));
        }
        Some(_) => return Err(refused(login)),
        None => return Err(malformed("its login tells no result; is this an iDRAC 7 or 8?")),
    }
    let second = between(&told, "ST2=", &['<', '"', '&', ',', ' '])
        .ok_or_else(|| malformed("its login gives no second token"))?;
    // Its name differs between versions, and it is the only one.
    let session = answer.headers.get(SET_COOKIE).and_then(|header| header.to_str().ok());
    let session = session.and_then(|cookie| cookie.split(';').next()).filter(|cookie| cookie.contains('='));
    let session = session.ok_or_else(|| malformed("its login sets no cookie"))?;
    // Pages that are no data want the second token as a cookie.
    Ticket::new(Pages::Idrac, HttpRequest::get("/data/logout"))
        .with(COOKIES, &format!("{}; -ST2={second}", session.trim()))?
        .with(ST2, second)
}

pub(super) async fn picture(http: &HttpClient, ticket: &Ticket) -> Result<Picture, Failed> {
    // The number keeps what lies between from answering with an old picture.
    let mark = mark();
    let refresh = HttpRequest::get(format!("/data?get=consolepreview[auto%20{mark}]"))
        .header(HeaderName::from_static("idracautorefresh"), http::HeaderValue::from_static("1"));
    let answer = ask(http, ticket, refresh).await?;
    let told = text(&answer);
    if !told.contains("<status>ok") {
        if told.to_lowercase().contains("licen") {
            let message = "it shows its screen under one alone".to_owned();
            return Err(Error::Redfish(ironhand_redfish::Error::Unlicensed { message }).into());
        }
        return Err(no_picture("the console preview is not there; is the machine on?").into());
    }
    sleep(TAKES).await;
    let file = HttpRequest::get(format!("/capconsole/scapture0.png?{mark}"));
    match ask(http, ticket, file).await {
        Ok(answer) => shown(&answer.body),
        Err(Failed::Other(Error::Unsupported { .. })) => {
            Err(no_picture("none was taken; is the machine on?").into())
        }
        Err(failed) => Err(failed),
    }
}
