//! Requests and answers.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{Error, Login};

/// A request to a device.
#[derive(Clone)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The path, from `/`, with its query where it has one.
    pub path: String,
    /// Headers, beside those that the client sets itself: `Host`, the length, the authorization.
    pub headers: HeaderMap,
    /// The body; empty where there is none. It may hold a password.
    pub body: Bytes,
    /// Whether the device does something when it takes the request, so that it must not be sent twice. It is set for
    /// every method but GET and HEAD; some switches are told what to do by GET.
    pub changes: bool,
    /// Whether the path holds a password, so that nothing names it.
    pub sensitive: bool,
    /// Who asks.
    pub authorization: Authorization,
}

/// How a request shows who asks.
#[derive(Clone, Default)]
pub enum Authorization {
    /// Not at all.
    #[default]
    None,
    /// User name and password (RFC 7617).
    Basic(Login),
    /// User name and password, which do not go over the line (RFC 7616).
    Digest(Login),
    /// A header with a secret: a token of a session.
    Header(HeaderName, SecretString),
}

impl HttpRequest {
    /// A request without headers and body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        let changes = !matches!(method, Method::GET | Method::HEAD);
        Self {
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            changes,
            sensitive: false,
            authorization: Authorization::None,
        }
    }

    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// With a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With a body. The bytes are wiped when the last copy of the request is gone.
    pub fn body(mut self, body: Vec<u8>) -> Self {
        self.body = Bytes::from_owner(Zeroizing::new(body));
        self
    }

    /// As somebody.
    pub fn authorization(mut self, authorization: Authorization) -> Self {
        self.authorization = authorization;
        self
    }

    /// As errors name it.
    pub(crate) fn named(&self) -> String {
        let path = if self.sensitive { "a path with a password" } else { &self.path };
        format!("{} {path}", self.method)
    }

    /// As it is sent to the server `host`, by digest with `proof`.
    pub(super) fn built(
        &self,
        host: HeaderValue,
        proof: Option<HeaderValue>,
    ) -> Result<http::Request<Full<Bytes>>, Error> {
        let unsuited = |what: &str| Error::Misconfigured { reason: format!("{}: {what}", self.named()) };
        let path = match self.path.parse::<http::uri::PathAndQuery>() {
            Ok(path) if self.path.starts_with('/') => path,
            _ => return Err(unsuited("the path is not one that HTTP can carry")),
        };
        let mut request = http::Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from(path);
        let headers = request.headers_mut();
        *headers = self.headers.clone();
        headers.insert(HOST, host);
        // Compression makes entity tags weak, and costs the controller more than it saves.
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        headers.extend(proof.map(|proof| (AUTHORIZATION, proof)));
        if let Some((name, value)) = self.authorization.header() {
            let mut value = HeaderValue::from_str(value.expose_secret())
                .map_err(|_| unsuited("the login has characters that HTTP cannot carry"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(request)
    }
}

impl Authorization {
    fn header(&self) -> Option<(HeaderName, SecretString)> {
        match self {
            Self::None | Self::Digest(_) => None,
            Self::Basic(Login { username, password }) => {
                let both = Zeroizing::new(format!("{username}:{}", password.expose_secret()));
                Some((
                    AUTHORIZATION,
                    SecretString::from(format!("Basic {}", STANDARD.encode(both.as_bytes()))),
                ))
            }
            Self::Header(name, value) => Some((name.clone(), value.clone())),
        }
    }
}

impl fmt::Debug for HttpRequest {
    /// Without headers and body: they may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpRequest").field(&self.named()).finish()
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic(_) => "Basic",
            Self::Digest(_) => "Digest",
            Self::Header(..) => "Header",
        })
    }
}

/// What a device answered, whatever its status.
#[derive(Clone)]
pub struct HttpResponse {
    /// The status (RFC 9110 section 15).
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl HttpResponse {
    /// A header that is text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for HttpResponse {
    /// Without headers and body: the token of a session comes in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("length", &self.body.len())
            .finish_non_exhaustive()
    }
}
