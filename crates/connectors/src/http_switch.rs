//! Any switch that is told by HTTP requests of the manifest.

use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode};
use ironhand_api::{HttpSwitchOptions, SwitchRequest};
use regex::{Regex, RegexBuilder};

use crate::relay::{Relay, accepted};
use crate::{Authorization, Error, HttpClient, HttpRequest, HttpResponse, Login};

/// The most memory that a pattern may take when it is compiled, in bytes.
const PATTERN: usize = 1024 * 1024;

/// A switch by its requests.
pub(crate) struct HttpSwitch {
    client: HttpClient,
    login: Option<Login>,
    /// How the login is shown, once the switch has said how it wants it.
    authorization: Authorization,
    on: HttpRequest,
    off: HttpRequest,
    status: Option<Status>,
}

/// How the state is read.
struct Status {
    request: HttpRequest,
    is_on: Regex,
    is_off: Regex,
}

impl HttpSwitch {
    /// # Errors
    ///
    /// [`Error::Misconfigured`] where a pattern or a method is none.
    pub(crate) fn new(
        client: HttpClient,
        options: &HttpSwitchOptions,
        login: Option<Login>,
    ) -> Result<Self, Error> {
        let status = match &options.status {
            None => None,
            Some(status) => Some(Status {
                request: HttpRequest::get(&status.path),
                is_on: pattern("isOn", &status.is_on)?,
                is_off: pattern("isOff", &status.is_off)?,
            }),
        };
        let (on, off) = (request(&options.on)?, request(&options.off)?);
        Ok(Self { client, login, authorization: Authorization::None, on, off, status })
    }

    /// Sends a request, with the login where the switch asks for it.
    async fn ask(&mut self, request: HttpRequest) -> Result<HttpResponse, Error> {
        let username = self.login.as_ref().map(|login| login.username.clone()).unwrap_or_default();
        let first = request.clone().authorization(self.authorization.clone());
        let mut answer = self.client.send(&first).await?;
        let asks = answer.status == StatusCode::UNAUTHORIZED.as_u16();
        if let Some(login) = self.login.clone().filter(|_| asks && self.authorization_is_open()) {
            let digest = answer.headers.get_all(WWW_AUTHENTICATE).iter().any(|challenge| {
                challenge
                    .to_str()
                    .is_ok_and(|text| text.trim_start().to_ascii_lowercase().starts_with("digest"))
            });
            self.authorization =
                if digest { Authorization::Digest(login) } else { Authorization::Basic(login) };
            answer = self.client.send(&request.authorization(self.authorization.clone())).await?;
        }
        accepted(answer, &username)
    }

    const fn authorization_is_open(&self) -> bool {
        matches!(self.authorization, Authorization::None)
    }
}

/// A request of the manifest, which changes something whatever its method.
fn request(options: &SwitchRequest) -> Result<HttpRequest, Error> {
    let method = options.method.as_deref().unwrap_or("GET");
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| Error::Misconfigured { reason: format!("`{method}` is no method of HTTP") })?;
    let mut request = HttpRequest::new(method, &options.path);
    request.changes = true;
    let Some(body) = &options.body else { return Ok(request) };
    let kind = match body.trim_start().starts_with(['{', '[']) {
        true => "application/json",
        false => "application/x-www-form-urlencoded",
    };
    Ok(request.header(CONTENT_TYPE, HeaderValue::from_static(kind)).body(body.clone().into_bytes()))
}

fn pattern(field: &str, text: &str) -> Result<Regex, Error> {
    RegexBuilder::new(text)
        .size_limit(PATTERN)
        .build()
        .map_err(|error| Error::Misconfigured { reason: format!("`{field}` is no pattern: {error}") })
}

impl Status {
    fn of(&self, body: &str) -> Result<bool, Error> {
        match (self.is_on.is_match(body), self.is_off.is_match(body)) {
            (true, false) => Ok(true),
            (false, true) => Ok(false),
            (both, _) => {
                let found = if both { "both" } else { "neither" };
                let reason = format!("of `isOn` and `isOff` {found} is found in it");
                Err(Error::Malformed { reason })
            }
        }
    }
}

impl Relay for HttpSwitch {
    fn set(&mut self, on: bool) -> BoxFuture<'_, Result<(), Error>> {
        let request = if on { &self.on } else { &self.off }.clone();
        Box::pin(async move { self.ask(request).await.map(|_| ()) })
    }

    fn read(&mut self) -> BoxFuture<'_, Result<Option<bool>, Error>> {
        Box::pin(async {
            let Some(request) = self.status.as_ref().map(|status| status.request.clone()) else {
                return Ok(None);
            };
            let answer = self.ask(request).await?;
            let body = String::from_utf8_lossy(&answer.body);
            self.status.as_ref().map(|status| status.of(&body)).transpose()
        })
    }
}
