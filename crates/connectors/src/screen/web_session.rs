//! Sessions of controllers' web pages, which consoles are opened under. Controllers have few of them, and free those that
//! are left behind only after half an hour.

use std::sync::Arc;

use http::header::COOKIE;
use secrecy::{ExposeSecret, SecretString};

use crate::preview::web;
use crate::{Authorization, Error, HttpClient, HttpRequest, HttpResponse, Login};

/// A session that ends when it is closed, or dropped.
pub(super) struct WebSession {
    client: Arc<HttpClient>,
    /// The cookie, as it is sent.
    cookie: SecretString,
    /// What ends it; nothing once that was sent.
    log_out: Option<HttpRequest>,
}

impl WebSession {
    /// A session with this cookie, which `log_out` ends.
    pub(super) fn new(client: &Arc<HttpClient>, cookie: SecretString, log_out: HttpRequest) -> Self {
        let log_out = log_out.authorization(Authorization::Header(COOKIE, cookie.clone()));
        Self { client: Arc::clone(client), cookie, log_out: Some(log_out) }
    }

    /// A request in the session.
    pub(super) fn dressed(&self, request: HttpRequest) -> HttpRequest {
        request.authorization(Authorization::Header(COOKIE, self.cookie.clone()))
    }

    /// Asks within the session.
    pub(super) async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        self.client.send(&self.dressed(request)).await
    }

    /// Ends it.
    pub(super) async fn close(mut self) {
        if let Some(log_out) = self.log_out.take() {
            end(&self.client, &log_out).await;
        }
    }
}

impl Drop for WebSession {
    /// Whoever gave up waiting for a console leaves the session behind.
    fn drop(&mut self) {
        let Some(log_out) = self.log_out.take() else { return };
        let client = Arc::clone(&self.client);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { end(&client, &log_out).await });
        }
    }
}

async fn end(client: &HttpClient, log_out: &HttpRequest) {
    if let Err(error) = client.send(log_out).await {
        tracing::debug!(%error, "the session of a controller's web pages is left to its timeout");
    }
    client.close().await;
}

/// Sends a login as a form.
pub(super) async fn log_in(
    client: &HttpClient,
    path: &str,
    [user, password]: [&str; 2],
    login: &Login,
) -> Result<HttpResponse, Error> {
    client
        .send(&web::form(path, &[(user, &login.username), (password, login.password.expose_secret())]))
        .await
}

/// The cookie of that name that an answer sets, as it is sent back.
pub(super) fn cookie(answer: &HttpResponse, name: &str) -> Option<SecretString> {
    web::cookie(answer, name).map(|value| SecretString::from(format!("{name}={value}")))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::SET_COOKIE;

    use super::*;

    #[test]
    fn cookies() {
        let check = |set: &[&'static str], wanted: Option<&str>| {
            let mut answer = HttpResponse {
                status: 200,
                headers: http::HeaderMap::new(),
                body: hyper::body::Bytes::new(),
            };
            for cookie in set {
                answer.headers.append(SET_COOKIE, HeaderValue::from_static(cookie));
            }
            assert_eq!(cookie(&answer, "SID").as_ref().map(ExposeSecret::expose_secret), wanted);
        };
        check(&["SID=abc; path=/; secure"], Some("SID=abc"));
        check(&["SID=; path=/", "other=1", "SID=def"], Some("SID=def"));
        check(&["SIDE=abc", "SID=", "XSID=1"], None);
        check(&[], None);
    }
}
