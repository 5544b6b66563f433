//! What the web pages of all makers have in common.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{CONTENT_TYPE, COOKIE, HeaderName, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use hyper::body::Bytes;
use ironhand_redfish::Error as Redfish;
use serde_json::Value;

use super::Pages;
use crate::{Error, HttpClient, HttpRequest, HttpResponse, Login, Picture};

/// What shows that a request belongs to a session. It is worth as much as the password.
pub(super) struct Ticket {
    /// Whose pages it is for.
    pub(super) pages: Pages,
    headers: HeaderMap,
    /// What ends the session.
    end: HttpRequest,
}

impl Ticket {
    pub(super) fn new(pages: Pages, end: HttpRequest) -> Self {
        Self { pages, headers: HeaderMap::new(), end }
    }

    /// The same with a header.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] where the controller gave what no header can carry.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Result<Self, Error> {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| malformed("the token of its session has characters that HTTP cannot carry"))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// A request of the session.
    pub(super) fn on(&self, mut request: HttpRequest) -> HttpRequest {
        request.headers.extend(self.headers.clone());
        request
    }

    /// What ends the session.
    pub(super) fn end(&self) -> HttpRequest {
        self.on(self.end.clone())
    }

    /// Whether the session has a token against forged requests.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.headers.contains_key(*name))
    }
}

/// Why there is no picture.
pub(super) enum Failed {
    /// The session is over, or its token is: a new one may help. With what to tell where it does not.
    Over(Error),
    /// A new session would not help.
    Other(Error),
}

impl Failed {
    pub(super) fn error(self) -> Error {
        match self {
            Self::Over(error) | Self::Other(error) => error,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Asks for something in a session, and takes an answer of success alone.
pub(super) async fn ask(
    http: &HttpClient,
    ticket: &Ticket,
    request: HttpRequest,
) -> Result<HttpResponse, Failed> {
    let path = request.path.split('?').next().unwrap_or_default().to_owned();
    let answer = http.send(&ticket.on(request)).await?;
    checked(answer, &path)
}

/// An answer of success; `path` is what was asked for.
pub(super) fn checked(answer: HttpResponse, path: &str) -> Result<HttpResponse, Failed> {
    let told = format!("HTTP status {}", answer.status);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let says = |words: &[&str]| {
        let text = text(&answer).to_lowercase();
        words.iter().any(|word| text.contains(word))
    };
    Err(match status {
        status if status.is_success() => return Ok(answer),
        StatusCode::UNAUTHORIZED => {
            Failed::Over(Error::Busy { reason: "it has ended the session".to_owned() })
        }
        status if status.is_redirection() => {
            Failed::Over(Error::Refused { reason: format!("it sends elsewhere ({told})") })
        }
        StatusCode::FORBIDDEN if says(&["licen"]) => {
            let message = format!("it shows its screen under one alone ({told})");
            Failed::Other(Error::Redfish(Redfish::Unlicensed { message }))
        }
        StatusCode::FORBIDDEN if says(&["csrf", "token value"]) => Failed::Over(Error::Refused {
            reason: format!("it does not accept the token against forged requests that it gave ({told})"),
        }),
        StatusCode::FORBIDDEN => {
            let reason = format!("the account may not see the screen ({told})");
            Failed::Other(Error::Refused { reason })
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            Failed::Other(Error::Unsupported { what: format!("show its screen: it has no {path}") })
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => {
            Failed::Other(Error::Busy { reason: told })
        }
        _ => Failed::Other(Error::Refused { reason: told }),
    })
}

/// Fetches a picture that is there as long as the machine sends one.
pub(super) async fn still(http: &HttpClient, ticket: &Ticket, path: &str) -> Result<Picture, Failed> {
    still_of(http.send(&ticket.on(HttpRequest::get(path))).await?, path)
}

/// The picture that an answer holds to who asked for a file that is there as long as the machine sends one.
pub(super) fn still_of(answer: HttpResponse, path: &str) -> Result<Picture, Failed> {
    match checked(answer, path) {
        Ok(answer) => picture(&answer.body),
        Err(Failed::Other(Error::Unsupported { .. })) => {
            Err(no_picture(&format!("there is no {path}: the machine is off, or this is switched off"))
                .into())
        }
        Err(failed) => Err(failed),
    }
}

/// The picture that a file is, told by how it begins: what controllers say of its type is often not true.
pub(super) fn picture(file: &Bytes) -> Result<Picture, Failed> {
    let media_type = match &file[..] {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'B', b'M', ..] => "image/bmp",
        body if body.iter().all(u8::is_ascii_whitespace) => {
            return Err(no_picture("the controller gives none").into());
        }
        // Where a session is over many send a page that leads to the login.
        body if body.trim_ascii_start().starts_with(b"<") => {
            return Err(Failed::Over(no_picture("the controller gives a page in its place")));
        }
        _ => return Err(malformed("its picture is none").into()),
    };
    Ok(Picture { file: file.clone(), media_type: media_type.to_owned() })
}

/// A form, as it is posted (WHATWG URL, section 5.2).
pub(crate) fn form(path: &str, fields: &[(&str, &str)]) -> HttpRequest {
    // Room for all of it: a buffer that grows leaves copies of the password behind.
    let room = fields.iter().map(|(name, value)| 2 + 3 * (name.len() + value.len())).sum();
    let mut body = Vec::with_capacity(room);
    for (name, value) in fields {
        if !body.is_empty() {
            body.push(b'&');
        }
        escape(name, &mut body);
        body.push(b'=');
        escape(value, &mut body);
    }
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    HttpRequest::new(Method::POST, path).header(CONTENT_TYPE, kind).body(body)
}

fn escape(text: &str, into: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => into.push(byte),
            byte => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                into.extend([b'%', DIGITS[high], DIGITS[low]]);
            }
        }
    }
}

/// JSON, as it is posted.
pub(super) fn json(path: &str, value: &Value) -> HttpRequest {
    let kind = HeaderValue::from_static("application/json");
    HttpRequest::new(Method::POST, path).header(CONTENT_TYPE, kind).body(value.to_string().into_bytes())
}

/// The same request, which may be sent again where a connection breaks: it changes nothing that matters.
pub(super) fn harmless(request: HttpRequest) -> HttpRequest {
    HttpRequest { changes: false, ..request }
}

/// A cookie that an answer sets.
pub(crate) fn cookie(answer: &HttpResponse, name: &str) -> Option<String> {
    let set = answer.headers.get_all(SET_COOKIE).iter().filter_map(|header| header.to_str().ok());
    let values = set.filter_map(|cookie| cookie.split(';').next()?.trim().split_once('='));
    let mut values = values.filter(|(known, value)| *known == name && !value.is_empty());
    values.next_back().map(|(_, value)| value.to_owned())
}

/// A number that keeps what lies between from answering with an old picture: milliseconds, as web pages use them.
pub(super) fn mark() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// The header of cookies.
pub(super) const COOKIES: HeaderName = COOKIE;

/// The body as text.
pub(super) fn text(answer: &HttpResponse) -> Cow<'_, str> {
    String::from_utf8_lossy(&answer.body)
}

/// The body as JSON; null where it is none.
pub(super) fn value(answer: &HttpResponse) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// What stands between two texts.
pub(super) fn between<'a>(text: &'a str, before: &str, after: &[char]) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split(after).next().filter(|found| !found.is_empty())
}

/// The error of a login that was answered with this status, where it is none of success.
pub(super) fn login_failed(answer: &HttpResponse, login: &Login) -> Option<Error> {
    let told = format!("HTTP status {}", answer.status);
    match StatusCode::from_u16(answer.status) {
        Ok(status) if status.is_success() => None,
        Ok(StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Some(refused(login))
        }
        Ok(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) => {
            Some(Error::Unsupported { what: format!("be logged in to by its web pages ({told})") })
        }
        Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
            Some(Error::Busy { reason: told })
        }
        _ => Some(Error::Refused { reason: format!("the login: {told}") }),
    }
}

/// The login was refused. What the controller says of it is not repeated: it may repeat what it was told.
pub(super) fn refused(login: &Login) -> Error {
    Error::LoginRefused { username: login.username.clone(), reason: None }
}

pub(super) fn busy(reason: &str) -> Error {
    Error::Busy { reason: reason.to_owned() }
}

pub(super) fn malformed(reason: &str) -> Error {
    Error::Malformed { reason: reason.to_owned() }
}

pub(super) fn no_picture(reason: &str) -> Error {
    Error::NoPicture { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_escaped() {
        let request = form("/login", &[("name", "a b"), ("pwd", "ä&=%+'")]);
        assert_eq!(&request.body[..], b"name=a%20b&pwd=%C3%A4%26%3D%25%2B%27");
    }

    fn answer(status: u16, body: &'static [u8]) -> HttpResponse {
        HttpResponse { status, headers: HeaderMap::new(), body: body.into() }
    }

    #[test]
    fn answers_in_place_of_pictures_are_told_apart() {
        let check = |status, body, code, over| {
            let failed = match checked(answer(status, body), "/x").and_then(|answer| picture(&answer.body)) {
                Ok(_) => panic!("{status} is a picture"),
                Err(failed) => failed,
            };
            assert_eq!(matches!(failed, Failed::Over(_)), over, "{status}");
            assert_eq!(failed.error().code(), code, "{status}");
        };
        check(200, b"", "connector.no_picture", false);
        check(200, b" <html>", "connector.no_picture", true);
        check(200, b"GIF89a", "connector.malformed", false);
        check(302, b"", "connector.refused", true);
        check(401, b"", "connector.busy", true);
        check(403, b"A License is required", "connector.unlicensed", false);
        check(403, b"Token Value is not matched", "connector.refused", true);
        check(403, b"", "connector.refused", false);
        check(404, b"", "connector.unsupported", false);
        check(500, b"", "connector.refused", false);
        check(503, b"", "connector.busy", false);
    }

    #[test]
    fn cookies_are_found() {
        let mut answer = answer(200, b"");
        for cookie in ["SID=; path=/", "SIDE=1", "SID=abc; Secure", "other"] {
            answer.headers.append(SET_COOKIE, HeaderValue::from_static(cookie));
        }
        assert_eq!(cookie(&answer, "SID").as_deref(), Some("abc"));
        assert_eq!(cookie(&answer, "sid"), None);
    }
}
