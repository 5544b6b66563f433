//! Logging in to a JetKVM.

use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderValue, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::front_panel::said;
use crate::{Error, HttpClient, HttpRequest, HttpResponse, Login};

/// The cookie of who logged in.
const COOKIE: &str = "authToken";

/// Logs in with a password: a unit has one, and no names. None comes back where it wants none, or none is known.
pub(super) async fn log_in(
    client: &HttpClient,
    login: Option<&Login>,
) -> Result<Option<SecretString>, Error> {
    expect_set_up(&client.send(&HttpRequest::get("/device/status")).await?)?;
    let Some(login) = login else { return Ok(None) };
    let body = json!({ "password": login.password.expose_secret() }).to_string();
    let mut request = HttpRequest::new(Method::POST, "/auth/login-local")
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(body.into_bytes());
    // To log in twice is to log in once.
    request.changes = false;
    let answer = client.send(&request).await?;
    match StatusCode::from_u16(answer.status) {
        Ok(status) if status.is_success() => cookie(&answer).map(Some).ok_or_else(|| Error::Malformed {
            reason: "it let us in without a cookie; is this a JetKVM?".to_owned(),
        }),
        // It is set to let everybody in.
        Ok(StatusCode::BAD_REQUEST) if told(&answer).contains("noPassword") => Ok(None),
        _ => Err(refusal(&answer, true)),
    }
}

/// Whether somebody has set the unit up: before that, it takes its password from whoever comes first.
fn expect_set_up(answer: &HttpResponse) -> Result<(), Error> {
    if answer.status != StatusCode::OK.as_u16() {
        return Err(refusal(answer, true));
    }
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match told["isSetup"].as_bool() {
        Some(true) => Ok(()),
        Some(false) => Err(Error::Refused {
            reason: "nobody has set it up yet; open its web page and give it a password".to_owned(),
        }),
        None => Err(Error::Malformed {
            reason: "it does not say whether it is set up; is this a JetKVM?".to_owned(),
        }),
    }
}

pub(super) fn cookie(answer: &HttpResponse) -> Option<SecretString> {
    let set = answer.headers.get_all(SET_COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut set =
        set.filter_map(|cookie| cookie.split(';').next()?.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    let token = set.rfind(|token| !token.is_empty())?;
    Some(SecretString::from(format!("{COOKIE}={token}")))
}

/// What the unit says of an error.
fn told(answer: &HttpResponse) -> String {
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    said(told["error"].as_str().unwrap_or_default())
}

/// Why nobody is let in.
pub(super) fn refusal(answer: &HttpResponse, has_password: bool) -> Error {
    let status = format!("HTTP status {}", answer.status);
    let reason = Some(told(answer)).filter(|told| !told.is_empty()).unwrap_or_else(|| status.clone());
    match StatusCode::from_u16(answer.status) {
        Ok(StatusCode::UNAUTHORIZED) => {
            let reason = (!has_password).then(|| "it wants a password".to_owned());
            Error::LoginRefused { username: String::new(), reason }
        }
        Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE) => {
            Error::Busy { reason }
        }
        Ok(status) if status.is_redirection() => Error::Misconfigured {
            reason: format!("it sends elsewhere ({reason}); give `tls` where it speaks TLS"),
        },
        Ok(StatusCode::NOT_FOUND) => Error::Malformed { reason: format!("{status}; is this a JetKVM?") },
        _ => Error::Refused { reason },
    }
}
