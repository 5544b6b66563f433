//! The remote console of controllers with AMI's MegaRAC SP-X: their web pages first, then IVTP.

use std::sync::Arc;
use std::time::Instant;

use http::header::{HeaderName, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderValue, Method};
use ironhand_api::{Connector, Tls};
use ironhand_kvm::ivtp::{Client, ClientConfig, Event, ValidateBody};
use ironhand_kvm::{Output, Picture};
use secrecy::SecretString;
use serde_json::Value;

use super::remote::{Remote, Told, Viewer};
use super::web_session::{self, WebSession};
use crate::http::Opening;
use crate::{Error, HttpClient, HttpLimits, HttpRequest, Login, Proof, Route, Surroundings};

/// The cookie of a session.
const SESSION: &str = "QSESSIONID";

/// The header that a request shows beside the cookie.
const CSRF: HeaderName = HeaderName::from_static("x-csrftoken");

/// What the controller says where its table of sessions is full.
const SESSIONS_FULL: i64 = 15000;

impl Viewer for Client {
    type Event = Event;

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        Self::receive(self, now, bytes);
    }

    fn closed(&mut self) {
        Self::closed(self);
    }

    fn wake(&mut self, now: Instant) {
        Self::wake(self, now);
    }

    fn next_wake(&self) -> Option<Instant> {
        Self::next_wake(self)
    }

    fn next_output(&mut self) -> Option<Output<Event>> {
        Self::next_output(self)
    }

    fn picture(&self) -> Option<&Picture> {
        Self::picture(self)
    }

    fn request(&mut self, now: Instant, incremental: bool) {
        // Changes come without asking.
        if !incremental {
            self.request_full_screen(now);
        }
    }

    fn key(&mut self, usage: u8, down: bool) -> Result<(), Error> {
        if self.is_master() {
            Self::key(self, usage, down);
            return Ok(());
        }
        self.request_master();
        Err(Error::Busy {
            reason: "another viewer of its console holds the keyboard, and was asked to give it up"
                .to_owned(),
        })
    }

    fn stop(&mut self) {
        Self::stop(self);
    }

    fn told(event: Event) -> Told {
        match event {
            Event::Connected { .. } => Told::Connected,
            Event::Updated => Told::Updated,
            Event::ScreenOff => Told::ScreenOff,
            // Who asks us is given the keyboard by the controller when it has waited.
            Event::Master { .. } | Event::MasterWanted => Told::Nothing,
            Event::Failed(error) => Told::Failed(error),
        }
    }
}

/// Logs in, learns what lets into the console, and opens it.
pub(super) async fn open(
    connector: &Connector,
    tls: &Tls,
    login: Option<Login>,
    surroundings: &Surroundings,
) -> Result<Remote<Client>, Error> {
    let login = login.ok_or_else(|| Error::Misconfigured {
        reason: "a console of a controller needs a credential".to_owned(),
    })?;
    let route = Route::of(connector, surroundings.hop.clone())?;
    let proof = Proof::of(tls, connector.to_string(), &surroundings.pins)?;
    let limits = HttpLimits { connect: surroundings.connect, ..HttpLimits::default() };
    let client = Arc::new(HttpClient::new(route, proof, limits).with_health(surroundings.health.clone()));
    let (web, csrf) = log_in(&client, &login).await?;
    match open_console(&client, &web, &csrf).await {
        Ok(remote) => Ok(remote.under(web)),
        Err(error) => {
            web.close().await;
            Err(error)
        }
    }
}

/// Opens a session; with what its requests show beside the cookie.
async fn log_in(client: &Arc<HttpClient>, login: &Login) -> Result<(WebSession, HeaderValue), Error> {
    let answer = web_session::log_in(client, "/api/session", ["username", "password"], login).await?;
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let reason = || told["error"].as_str().map(str::to_owned);
    let refused = || Error::LoginRefused { username: login.username.clone(), reason: reason() };
    match answer.status {
        200 if told["ok"].as_i64().unwrap_or(0) == 0 => {}
        // Its table of sessions is small, and full of those that others left behind.
        _ if told["code"].as_i64() == Some(SESSIONS_FULL) => {
            return Err(Error::Busy { reason: reason().unwrap_or_default() });
        }
        200 | 401 | 403 => return Err(refused()),
        status => {
            let reason = format!("HTTP status {status} for a login; is this a controller with MegaRAC SP-X?");
            return Err(Error::Malformed { reason });
        }
    }
    let malformed = || Error::Malformed { reason: "its answer to a login names no session".to_owned() };
    let cookie = web_session::cookie(&answer, SESSION).ok_or_else(malformed)?;
    let token = told["CSRFToken"].as_str().unwrap_or_default();
    let mut csrf = HeaderValue::try_from(token).map_err(|_| malformed())?;
    csrf.set_sensitive(true);
    let log_out = HttpRequest::new(Method::DELETE, "/api/session").header(CSRF, csrf.clone());
    Ok((WebSession::new(client, cookie, log_out), csrf))
}

/// Shows the token in each of the ways that are known until one is taken: a controller says nothing of the length that
/// it wants.
async fn open_console(
    client: &HttpClient,
    web: &WebSession,
    csrf: &HeaderValue,
) -> Result<Remote<Client>, Error> {
    let mut refused = None;
    for body in ValidateBody::ALL {
        match attempt(client, web, csrf, body).await {
            Err(error @ Error::Kvm(ironhand_kvm::Error::AuthFailed { .. })) => refused = Some(error),
            result => return result,
        }
    }
    Err(refused.unwrap_or_else(|| Error::Refused { reason: "it takes no token".to_owned() }))
}

async fn attempt(
    client: &HttpClient,
    web: &WebSession,
    csrf: &HeaderValue,
    body: ValidateBody,
) -> Result<Remote<Client>, Error> {
    let answer = web.ask(HttpRequest::get("/api/kvm/token").header(CSRF, csrf.clone())).await?;
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let Some(token) = told["token"].as_str().filter(|_| answer.status == 200) else {
        let reason = told["error"].as_str().unwrap_or("no token for its console");
        return Err(Error::Refused { reason: format!("{reason} (HTTP status {})", answer.status) });
    };
    let protocol = HeaderValue::from_static("binary");
    let request = web.dressed(HttpRequest::get("/kvm").header(SEC_WEBSOCKET_PROTOCOL, protocol));
    match client.websocket_stream(request).await? {
        Opening::Open(stream, taken) => {
            let address = |told: &Value| told.as_str().unwrap_or_default().to_owned();
            let config = ClientConfig {
                web_session: told["session"].as_str().map(SecretString::from),
                body,
                ..ClientConfig::new(token.into(), address(&told["client_ip"]), taken.address.clone())
            };
            Remote::open(stream, taken, Client::new(Instant::now(), config)).await
        }
        Opening::Answer(answer) => Err(Error::Refused {
            reason: format!("HTTP status {} where its console was asked for", answer.status),
        }),
    }
}
