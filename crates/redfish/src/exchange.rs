//! Requests and answers, as HTTP carries them (DSP0266 section 7).

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::Error;

/// A method of HTTP that Redfish uses (DSP0266 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads a resource.
    Get,
    /// Creates a resource, or does an action.
    Post,
    /// Changes some properties of a resource.
    Patch,
    /// Replaces a resource.
    Put,
    /// Deletes a resource.
    Delete,
}

impl Method {
    /// As requests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// A request.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, from `/`, with its query where it has one.
    pub path: String,
    /// The JSON body, where it has one. It may hold a password.
    pub body: Option<Value>,
    /// The `If-Match` header (RFC 9110 section 13.1.1).
    pub if_match: Option<String>,
    /// Whether it goes without the credentials of the connection: it needs none, or carries others in its body.
    pub anonymous: bool,
}

impl Request {
    /// Reads a resource.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::Get, path: path.into(), body: None, if_match: None, anonymous: false }
    }

    /// Sends `body` by a method.
    pub fn with(method: Method, path: impl Into<String>, body: Value) -> Self {
        Self { method, body: Some(body), ..Self::get(path) }
    }

    /// Deletes a resource.
    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::Delete, ..Self::get(path) }
    }

    /// The request as errors name it.
    pub fn named(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path)
    }
}

impl fmt::Debug for Request {
    /// Without the body: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("if_match", &self.if_match)
            .field("anonymous", &self.anonymous)
            .finish_non_exhaustive()
    }
}

/// What came behind the headers of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Value),
    /// Something else: a page for people, or JSON that was cut off. Why it is not JSON.
    Other(String),
}

/// What proves to a controller that a request belongs to a session (`X-Auth-Token`, DSP0266 section 13.3.4). It is worth as
/// much as the password.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// A token as the header carries it.
    pub fn new(header: impl Into<String>) -> Self {
        Self(SecretString::from(header.into()))
    }

    /// As the header carries it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status (RFC 9110 section 15).
    pub status: u16,
    /// The `ETag` header, as it was sent.
    pub etag: Option<String>,
    /// The `Location` header, as it was sent.
    pub location: Option<String>,
    /// The `X-Auth-Token` header.
    pub token: Option<Token>,
    /// The `Retry-After` header, where it is a number of seconds.
    pub retry_after: Option<Duration>,
    /// What came behind the headers.
    pub body: Body,
}

impl Answer {
    /// An answer with the bytes that came behind its headers.
    pub fn new(status: u16, bytes: &[u8]) -> Self {
        Self { status, etag: None, location: None, token: None, retry_after: None, body: body(bytes) }
    }

    /// An answer with a JSON body.
    pub fn json(status: u16, value: Value) -> Self {
        Self { body: Body::Json(value), ..Self::new(status, b"") }
    }

    /// Whether it says that all went well.
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The path of the `Location` header on this controller, which may also have come with a scheme and a name in front.
    pub fn location_path(&self) -> Option<&str> {
        let location = self.location.as_deref()?;
        let behind_scheme = location.split_once("://").map(|(_, rest)| rest);
        let path = match behind_scheme {
            Some(rest) => &rest[rest.find('/')?..],
            None => location,
        };
        own_path(path)
    }

    /// The resource that an answer carries, where it is JSON.
    pub fn value(&self) -> Option<&Value> {
        match &self.body {
            Body::Json(value) => Some(value),
            Body::Empty | Body::Other(_) => None,
        }
    }

    /// What the controller says of an error, for people: the messages of its extended information (DSP0266 section
    /// 8.6), or the status.
    pub fn message(&self) -> String {
        let error = self.value().map(|value| &value["error"]);
        let infos = error.and_then(|error| error["@Message.ExtendedInfo"].as_array());
        let mut said: Vec<&str> = Vec::new();
        for info in infos.into_iter().flatten() {
            said.extend(info["Message"].as_str().filter(|text| !said.contains(text)));
        }
        if said.is_empty() {
            said.extend(error.and_then(|error| error["message"].as_str()));
        }
        if said.is_empty() { format!("status {}", self.status) } else { shown(&said.join(" ")) }
    }

    /// The identifiers of the messages that the answer carries, without registry and version: `PasswordChangeRequired`.
    pub fn message_ids(&self) -> Vec<String> {
        let ids = self.infos().filter_map(|info| info["MessageId"].as_str());
        ids.map(|id| id.rsplit('.').next().unwrap_or(id).to_owned()).collect()
    }

    /// The messages that the answer carries: of an error, of a resource beside its properties, or of what was accepted.
    pub(crate) fn infos(&self) -> impl Iterator<Item = &Value> {
        const INFOS: &str = "@Message.ExtendedInfo";
        let lists =
            self.value().map(|value| [&value["error"][INFOS], &value[INFOS], &value["Accepted"][INFOS]]);
        lists.into_iter().flatten().filter_map(Value::as_array).flatten()
    }

    /// Whether it is refused for want of a licence.
    pub(crate) fn wants_licence(&self) -> bool {
        let is_code = |id: &str| {
            let number = id.strip_prefix("LIC").unwrap_or_default();
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        };
        self.status >= 400 && self.message_ids().iter().any(|id| id.contains("License") || is_code(id))
    }

    /// The error that an unsuccessful answer to `request` stands for.
    pub fn error(&self, request: &Request) -> Error {
        let ids = self.message_ids();
        if matches!(self.status, 401 | 403) && ids.iter().any(|id| id == "PasswordChangeRequired") {
            let account = self.infos().find_map(|info| own_path(info["MessageArgs"][0].as_str()?));
            return Error::PasswordChangeRequired { account: account.map(str::to_owned) };
        }
        if self.wants_licence() {
            return Error::Unlicensed { message: self.message() };
        }
        match self.status {
            401 => Error::Unauthorized,
            403 => Error::Forbidden { message: self.message() },
            404 => Error::Missing { path: request.path.clone() },
            429 | 503 => Error::Busy { message: self.message() },
            300..=399 => Error::Redirected { path: request.path.clone() },
            status => Error::Refused { doing: request.named(), status, message: self.message() },
        }
    }
}

/// Characters of a controller's own words that are shown.
const MOST_SHOWN: usize = 400;

/// A controller's own words, as they can stand in a line for people.
pub(crate) fn shown(text: &str) -> String {
    let mut line: String =
        text.chars().take(MOST_SHOWN).map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if text.chars().nth(MOST_SHOWN).is_some() {
        line.push_str("...");
    }
    line
}

/// The longest path, in bytes: controllers' paths have some hundred, and many take no more in a request.
const LONGEST_PATH: usize = 2048;

/// A path on this controller, without the part behind `#`. What leads elsewhere or cannot stand in a request is none.
pub(crate) fn own_path(text: &str) -> Option<&str> {
    let path = text.split('#').next().unwrap_or_default();
    let is_sound = path.starts_with('/') && !path.starts_with("//") && path.len() <= LONGEST_PATH;
    (is_sound && path.bytes().all(|byte| byte.is_ascii_graphic())).then_some(path)
}

fn body(bytes: &[u8]) -> Body {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Body::Empty;
    }
    match serde_json::from_slice(bytes) {
        Ok(value) => Body::Json(value),
        Err(_) if bytes.trim_ascii_start().starts_with(b"<") => {
            Body::Other("it is a page for people".to_owned())
        }
        Err(error) if error.is_eof() => Body::Other("it is cut off".to_owned()),
        Err(error) => Body::Other(format!("it is not JSON: {error}")),
    }
}
