//! Requests and replies as an HTTP server hands them over.

use std::hash::Hasher;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;

use super::event::StreamId;
use super::message::Refusal;

/// The longest body that a service reads, in bytes: far more than any write of the protocol takes.
pub const MAX_BODY: usize = 1 << 20;

/// A request. It may hold a password, so it has no way to be shown.
pub struct ServiceRequest {
    method: String,
    target: String,
    from: IpAddr,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl ServiceRequest {
    /// A request with a method, and a path that may have a query behind it.
    pub fn new(method: impl Into<String>, target: impl Into<String>, from: IpAddr) -> Self {
        let (method, target) = (method.into(), target.into());
        Self { method, target, from, headers: Vec::new(), body: Vec::new() }
    }

    /// The same with one header more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// The same with these bytes as its body.
    #[must_use]
    pub fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// The method as it was sent.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Who asks.
    pub(super) fn from(&self) -> IpAddr {
        self.from
    }

    /// Whether it only reads.
    pub(super) fn is_read(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }

    /// The names and values of the query, as they were sent.
    pub(super) fn query(&self) -> impl Iterator<Item = (&str, &str)> {
        let query = self.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let parts = query.split('&').filter(|part| !part.is_empty());
        parts.map(|part| part.split_once('=').unwrap_or((part, "")))
    }

    /// A header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as it was sent.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON; null where there is none.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        if self.is_read() || self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        let kind = self.header("content-type").unwrap_or("application/json");
        if !kind.starts_with("application/json") {
            return if kind.starts_with("multipart/") {
                Ok(Value::Null)
            } else {
                Err(Refusal::media_type(kind))
            };
        }
        serde_json::from_slice(&self.body).map_err(|_| Refusal::malformed())
    }

    /// Refuses what a query asks for that the service cannot do (DSP0266 section 7.3.1).
    pub(super) fn check_query(&self) -> Result<(), Refusal> {
        match self.query().find(|(name, _)| name.starts_with('$') || matches!(*name, "only" | "excerpt")) {
            Some(("$skip" | "$top", _)) | None => Ok(()),
            Some((name, _)) => {
                Err(Refusal::new(501, "QueryParameterUnsupported", "This query is not supported.")
                    .with_arg(name))
            }
        }
    }
}

/// What stands behind the headers of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyBody {
    /// Nothing.
    Empty,
    /// These bytes.
    Bytes(Vec<u8>),
    /// Events as they happen, until the client goes: see [`Service::next_event`](super::Service::next_event).
    Events(StreamId),
}

impl ReplyBody {
    /// Makes the tag of the resource in it a weak one, as the header's.
    pub(super) fn weaken_tag(&mut self) {
        const STRONG: &str = r#""@odata.etag":"\""#;
        let Self::Bytes(bytes) = self else { return };
        let place = bytes.windows(STRONG.len()).position(|window| window == STRONG.as_bytes());
        if let Some(place) = place {
            let tag = place + STRONG.len() - r#"\""#.len();
            bytes.splice(tag..tag, *b"W/");
        }
    }
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceReply {
    /// The status (RFC 9110 section 15).
    pub status: u16,
    /// The headers besides those of the connection.
    pub headers: Vec<(&'static str, String)>,
    /// What stands behind them.
    pub body: ReplyBody,
    /// How they get to the client.
    pub delivery: Delivery,
}

/// How a reply gets to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// How long after the request.
    pub after: Duration,
    /// So many bytes of the body, whatever the header says of its length; then the connection breaks.
    pub cut_at: Option<usize>,
    /// Each byte of the body so long after the one before.
    pub drip: Option<Duration>,
}

impl ServiceReply {
    /// A reply without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: common_headers(), body: ReplyBody::Empty, delivery: Delivery::default() }
    }

    /// A reply with a body of this type.
    pub(super) fn text(content_type: &str, text: impl Into<Vec<u8>>) -> Self {
        let mut reply = Self::empty(200).with("Content-Type", content_type);
        reply.body = ReplyBody::Bytes(text.into());
        reply
    }

    /// What a controller shows whose service is not up yet: a page for people.
    pub fn page_for_people() -> Self {
        Self::text("text/html", "<html><body><h1>Please wait</h1></body></html>")
    }

    /// A reply with a JSON body.
    pub(super) fn json(status: u16, value: &Value) -> Self {
        let text = value.to_string();
        Self { status, ..Self::text("application/json; charset=utf-8", text) }
    }

    /// A resource, with its entity tag and the schema that describes it.
    pub(super) fn resource(mut value: Value) -> Self {
        let etag = etag(&value);
        if let Some(object) = value.as_object_mut() {
            object.insert("@odata.etag".to_owned(), etag.clone().into());
        }
        let reply = Self::json(200, &value).with("ETag", etag);
        match value["@odata.type"].as_str().and_then(schema) {
            Some(schema) => reply.with("Link", format!("<{schema}>; rel=describedby")),
            None => reply,
        }
    }

    /// The same with a header more.
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A header, by its name as it is written.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Headers of every reply (DSP0266 section 7.9).
fn common_headers() -> Vec<(&'static str, String)> {
    vec![
        ("OData-Version", "4.0".to_owned()),
        ("Cache-Control", "no-cache".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
    ]
}

/// Where the schema of a type lies that is written like `#Chassis.v1_25_0.Chassis`.
fn schema(odata_type: &str) -> Option<String> {
    let name = odata_type.strip_prefix('#')?.rsplit_once('.')?.0;
    Some(format!("http://redfish.dmtf.org/schemas/v1/{name}.json"))
}

/// The entity tag of a resource: the same as long as its content is.
fn etag(value: &Value) -> String {
    // With fixed keys: equal content has an equal tag after a restart, too.
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(value.to_string().as_bytes());
    format!("\"{:016x}\"", hasher.finish())
}
