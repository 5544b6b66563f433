//! Requests and answers of Redfish, as HTTP carries them.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_MATCH, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ironhand_redfish::{Answer, Method as Verb, Request, Token};

use crate::http::Opening;
use crate::{Authorization, Error, HttpClient, HttpRequest, HttpResponse, HttpStream, Opened};

/// The version of the protocol that requests follow (DSP0266 section 6.3).
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");

/// The header of a session's token (DSP0266 section 13.3.4).
pub(super) const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// What carries requests to one controller.
pub(super) struct Transport(HttpClient);

/// What comes of asking for an answer that does not end.
pub(super) enum Stream {
    /// It began.
    Began(Box<HttpStream>),
    /// Another answer than one of success.
    Refused(Answer),
}

impl Transport {
    pub(super) const fn new(http: HttpClient) -> Self {
        Self(http)
    }

    /// Sends a request as somebody, and waits for the answer, whatever its status.
    pub(super) async fn ask(&self, request: &Request, who: Authorization) -> Result<Answer, Error> {
        let request = built(request, "application/json")?.authorization(who);
        Ok(answer(self.0.send(&request).await?))
    }

    /// As [`Transport::ask`], for an answer that does not end.
    pub(super) async fn open(&self, request: &Request, who: Authorization) -> Result<Stream, Error> {
        let request = built(request, "text/event-stream")?.authorization(who);
        Ok(match self.0.open(&request).await? {
            Opened::Stream(stream) => Stream::Began(stream),
            Opened::Answer(response) => Stream::Refused(answer(response)),
        })
    }

    /// Asks for a WebSocket that carries bytes.
    pub(super) async fn websocket(&self, request: HttpRequest) -> Result<Opening, Error> {
        self.0.websocket_stream(request).await
    }

    /// Closes what is open.
    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

fn built(request: &Request, accepts: &'static str) -> Result<HttpRequest, Error> {
    let method = match request.method {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Patch => Method::PATCH,
        Verb::Put => Method::PUT,
        Verb::Delete => Method::DELETE,
    };
    let mut built = HttpRequest::new(method, request.path.clone())
        .header(ACCEPT, HeaderValue::from_static(accepts))
        .header(ODATA_VERSION, HeaderValue::from_static("4.0"));
    if let Some(tag) = &request.if_match {
        let unsuited = |_| Error::Malformed { reason: "its entity tag is none".to_owned() };
        built = built.header(IF_MATCH, HeaderValue::from_str(tag).map_err(unsuited)?);
    }
    if let Some(body) = &request.body {
        let json = HeaderValue::from_static("application/json");
        built = built.header(CONTENT_TYPE, json).body(body.to_string().into_bytes());
    }
    Ok(built)
}

fn answer(response: HttpResponse) -> Answer {
    let text = |name| text(&response.headers, name);
    // It may also be a date, which nobody was seen to send.
    let seconds = text(RETRY_AFTER).and_then(|seconds| seconds.trim().parse().ok());
    Answer {
        etag: text(ETAG),
        location: text(LOCATION),
        token: text(TOKEN).map(Token::new),
        retry_after: seconds.map(Duration::from_secs),
        ..Answer::new(response.status, &response.body)
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.to_owned()).filter(|text| !text.is_empty())
}
