//! HTTP as devices speak it: HTTP/1.1 over TLS or plain, few connections, each with its deadlines.
//!
//! Controllers are slow, take few requests at a time, and close connections when they please. So a client keeps at most
//! as many connections as requests may be under way, uses them again as long as that works, and never waits longer than
//! its limits say. Redirects are answers like others: nothing is sent anywhere but to the device.

mod connection;
mod digest;
mod message;
mod stream;
mod websocket;

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use connection::{Connection, Lost};
use digest::Challenge;

use crate::path::{self, PathHealth, Route, Taken, joined};
use crate::tls::{Proof, TlsClient};
use crate::{Error, Login};

pub use message::{Authorization, HttpRequest, HttpResponse};
pub use stream::{HttpStream, Opened};
pub(crate) use websocket::{Opening, Upgrade, WebSocket};

/// A connection that was not used for so long is not used again: what lies between may have forgotten it.
const IDLE: Duration = Duration::from_secs(60);

/// A request that must not be sent twice goes only over a connection that was used within this time: over an older one
/// nobody could tell whether the device had closed it before or after it took the request.
const FRESH: Duration = Duration::from_secs(2);

/// After so many kept connections in a row that were dead when they were needed, none is kept any more.
const MOST_DEATHS: u32 = 3;

/// How much a device is asked at once, and for how long it is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Requests under way at once; further ones wait.
    pub in_flight: usize,
    /// How long a connection may take to come about, over all addresses, TLS and all.
    pub connect: Duration,
    /// How long the first byte of an answer may take.
    pub answer: Duration,
    /// How long all may take together, from the call to the last byte.
    pub total: Duration,
    /// The longest body that is read, in bytes.
    pub body: usize,
}

impl Default for HttpLimits {
    /// For management controllers: two requests at once, 10 s to connect, 60 s for an answer, 120 s in all, 4 MiB.
    fn default() -> Self {
        Self {
            in_flight: 2,
            connect: path::CONNECT,
            answer: Duration::from_secs(60),
            total: Duration::from_secs(120),
            // Inventories that are expanded into one answer take about 1 MiB.
            body: 4 * 1024 * 1024,
        }
    }
}

/// Asks one device over HTTP.
pub struct HttpClient {
    route: Route,
    health: PathHealth,
    tls: TlsClient,
    limits: HttpLimits,
    default_port: u16,
    under_way: Semaphore,
    kept: Mutex<Vec<Connection>>,
    /// Kept connections in a row that were dead when they were needed.
    deaths: AtomicU32,
    /// What the device wanted to be answered last, and how often it was.
    challenge: Mutex<Option<(Challenge, u32)>>,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("route", &self.route)
            .field("tls", &self.tls)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// For the device at `route`.
    pub fn new(route: Route, proof: Proof, limits: HttpLimits) -> Self {
        let default_port = if matches!(proof, Proof::Off) { 80 } else { 443 };
        Self {
            route,
            health: PathHealth::new(),
            tls: TlsClient::new(proof),
            limits,
            default_port,
            under_way: Semaphore::new(limits.in_flight.max(1)),
            kept: Mutex::default(),
            deaths: AtomicU32::new(0),
            challenge: Mutex::default(),
        }
    }

    /// With the health of its addresses kept elsewhere, where others see it.
    pub fn with_health(mut self, health: PathHealth) -> Self {
        self.health = health;
        self
    }

    /// Another client for the same device, with limits of its own.
    pub(crate) fn beside(&self, limits: HttpLimits) -> Self {
        Self::new(self.route.clone(), self.tls.proof().clone(), limits).with_health(self.health.clone())
    }

    /// How the device's addresses fare.
    pub const fn health(&self) -> &PathHealth {
        &self.health
    }

    /// Where the device is.
    pub const fn route(&self) -> &Route {
        &self.route
    }

    /// Sends a request and waits for the whole answer, whatever its status.
    ///
    /// A request that changes nothing is sent once more where a kept connection turns out to be dead.
    ///
    /// # Errors
    ///
    /// [`Error::OutcomeUnknown`] where a request that changes something was sent and its answer is lost;
    /// [`Error::Unreachable`], [`Error::Silent`], [`Error::Certificate`] and [`Error::Tls`] where no answer came, and
    /// nothing was changed; [`Error::Malformed`] where the answer is not HTTP, or longer than the limit;
    /// [`Error::Busy`] where other requests took all the time.
    pub async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, Error> {
        let deadline = Instant::now() + self.limits.total;
        let _permit = self.permit(deadline).await?;
        let (connection, answer) = self.ask_as(request, deadline).await?;
        self.whole(connection, answer, request, deadline).await
    }

    /// Sends a request whose answer does not end. It is waited for its head as with [`HttpClient::send`]; what follows
    /// does not count as a request under way.
    ///
    /// # Errors
    ///
    /// As [`HttpClient::send`].
    pub async fn open(&self, request: &HttpRequest) -> Result<Opened, Error> {
        let deadline = Instant::now() + self.limits.total;
        let _permit = self.permit(deadline).await?;
        let (connection, answer) = self.ask_as(request, deadline).await?;
        if !answer.status().is_success() {
            return Ok(Opened::Answer(self.whole(connection, answer, request, deadline).await?));
        }
        let (head, body) = answer.into_parts();
        Ok(Opened::Stream(Box::new(HttpStream { headers: head.headers, connection, body })))
    }

    /// Closes the connections that are kept.
    pub async fn close(&self) {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        let deadline = Instant::now() + FRESH;
        for connection in kept {
            // One that cannot be closed in order is dropped, which closes it too.
            let _ = timeout_at(deadline, connection.close()).await;
        }
    }

    async fn permit(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Error> {
        match timeout_at(deadline, self.under_way.acquire()).await {
            Ok(Ok(permit)) if Instant::now() < deadline => Ok(permit),
            _ => {
                let under_way = self.limits.in_flight.max(1);
                Err(Error::Busy { reason: format!("{under_way} requests before this one took all the time") })
            }
        }
    }

    /// Asks as [`HttpClient::ask`] does, and answers the challenge where the login is proved by digest.
    async fn ask_as(
        &self,
        request: &HttpRequest,
        deadline: Instant,
    ) -> Result<(Connection, Response<Incoming>), Error> {
        let Authorization::Digest(login) = &request.authorization else {
            return self.ask(request, None, deadline).await;
        };
        let proof = self.digest(login, request)?;
        let (mut connection, answer) = self.ask(request, proof, deadline).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok((connection, answer));
        }
        let offered = answer.headers().get_all(WWW_AUTHENTICATE).iter();
        let Some(new) = Challenge::read(offered.filter_map(|header| header.to_str().ok())) else {
            return Ok((connection, answer));
        };
        *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = Some((new, 0));
        // What it says to people is of no use; the connection is, once that is read.
        let reading = timeout_at(deadline, connection.drive(self.read(answer.into_body())));
        if matches!(reading.await, Ok(Ok(_))) {
            self.keep(connection).await;
        }
        let proof = self.digest(login, request)?;
        self.ask(request, proof, deadline).await
    }

    /// The `Authorization` header by digest, where the device has said what it wants to be answered.
    fn digest(&self, login: &Login, request: &HttpRequest) -> Result<Option<HeaderValue>, Error> {
        let mut known = self.challenge.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((challenge, count)) = known.as_mut() else { return Ok(None) };
        *count = count.saturating_add(1);
        let mut random = [0; 16];
        let unsuited = |reason: String| Error::Misconfigured { reason };
        getrandom::fill(&mut random).map_err(|error| unsuited(format!("no random numbers: {error}")))?;
        let cnonce = STANDARD.encode(random);
        let answer = challenge.answer(login, request.method.as_str(), &request.path, *count, &cnonce);
        let mut header = HeaderValue::try_from(answer)
            .map_err(|_| unsuited("the login has characters that HTTP cannot carry".to_owned()))?;
        header.set_sensitive(true);
        Ok(Some(header))
    }

    /// Sends a request over a kept connection or a new one, and waits for the head of the answer.
    async fn ask(
        &self,
        request: &HttpRequest,
        proof: Option<HeaderValue>,
        deadline: Instant,
    ) -> Result<(Connection, Response<Incoming>), Error> {
        if let Some(connection) = self.kept(request.changes).await {
            match self.exchange(connection, request, proof.clone(), deadline).await {
                Err(Asked::Lost { sent, .. }) if !(sent && request.changes) => {
                    self.deaths.fetch_add(1, Ordering::Relaxed);
                }
                Ok(done) => {
                    self.deaths.store(0, Ordering::Relaxed);
                    return Ok(done);
                }
                Err(asked) => return Err(asked.error(request)),
            }
        }
        let until = deadline.min(Instant::now() + self.limits.connect);
        let (stream, taken) = path::connect_over(&self.route, &self.health, Some(&self.tls), until).await?;
        let address = taken.to_string();
        let connection = Connection::new(stream, taken).await;
        let connection = connection.map_err(|error| Error::Unreachable { address, reason: chain(&error) })?;
        self.exchange(connection, request, proof, deadline).await.map_err(|asked| asked.error(request))
    }

    async fn exchange(
        &self,
        mut connection: Connection,
        request: &HttpRequest,
        proof: Option<HeaderValue>,
        deadline: Instant,
    ) -> Result<(Connection, Response<Incoming>), Asked> {
        let built = self
            .host(&connection.taken)
            .and_then(|host| request.built(host, proof))
            .map_err(Asked::Failed)?;
        let until = deadline.min(Instant::now() + self.limits.answer);
        let waited = until.saturating_duration_since(Instant::now());
        match timeout_at(until, connection.send(built)).await {
            Ok(Ok(answer)) => Ok((connection, answer)),
            Ok(Err(Lost { sent, error })) => {
                let error = self.broken(&connection, &error);
                Err(Asked::Lost { sent, error })
            }
            Err(_) => {
                let error = self.silent(&connection, waited);
                // The next one is to look for another address.
                self.health.fails(&connection.taken.address, &error, Instant::now());
                Err(Asked::Silent(error))
            }
        }
    }

    /// The whole answer; the connection is kept where it can be used again.
    async fn whole(
        &self,
        mut connection: Connection,
        answer: Response<Incoming>,
        request: &HttpRequest,
        deadline: Instant,
    ) -> Result<HttpResponse, Error> {
        let (head, body) = answer.into_parts();
        let reading = connection.drive(self.read(body));
        let body = match timeout_at(deadline, reading).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) if !request.changes => return Err(error),
            Err(_) if !request.changes => return Err(self.silent(&connection, self.limits.total)),
            _ => return Err(Error::OutcomeUnknown),
        };
        self.keep(connection).await;
        Ok(HttpResponse { status: head.status.as_u16(), headers: head.headers, body })
    }

    async fn read(&self, mut body: Incoming) -> Result<Bytes, Error> {
        let malformed = |reason: String| Error::Malformed { reason };
        let too_long = || malformed(format!("it is longer than {} bytes", self.limits.body));
        let told = hyper::body::Body::size_hint(&body).lower();
        if told > self.limits.body as u64 {
            return Err(too_long());
        }
        // Most answers are one piece, which is not copied.
        let mut whole = Bytes::new();
        let mut pieces = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| malformed(format!("it is cut off: {}", chain(&error))))?;
            let Ok(data) = frame.into_data() else { continue };
            if whole.len().max(pieces.len()) + data.len() > self.limits.body {
                return Err(too_long());
            }
            if whole.is_empty() && pieces.is_empty() {
                whole = data;
                continue;
            }
            if pieces.is_empty() {
                pieces.extend_from_slice(&std::mem::take(&mut whole));
            }
            pieces.extend_from_slice(&data);
        }
        Ok(if pieces.is_empty() { whole } else { pieces.into() })
    }

    /// A kept connection that is fit for use.
    async fn kept(&self, changes: bool) -> Option<Connection> {
        loop {
            let mut connection = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let longest = if changes { FRESH } else { IDLE };
            let preferred = self.health.prefers(&self.route.addresses, &connection.taken.address);
            if preferred && connection.used.elapsed() < longest && connection.is_open().await {
                return Some(connection);
            }
        }
    }

    async fn keep(&self, mut connection: Connection) {
        if self.deaths.load(Ordering::Relaxed) < MOST_DEATHS && connection.is_open().await {
            connection.used = Instant::now();
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }

    /// The value of the header `Host`.
    fn host(&self, taken: &Taken) -> Result<HeaderValue, Error> {
        let mut host = joined(&taken.address, taken.port);
        if taken.port == self.default_port {
            host.truncate(host.len() - taken.port.to_string().len() - 1);
        }
        HeaderValue::try_from(host)
            .map_err(|_| Error::Misconfigured { reason: format!("`{}` is no host name", taken.address) })
    }

    fn silent(&self, connection: &Connection, after: Duration) -> Error {
        Error::Silent { address: connection.taken.to_string(), after }
    }

    fn broken(&self, connection: &Connection, error: &hyper::Error) -> Error {
        if error.is_parse() {
            return Error::Malformed { reason: format!("it is not HTTP: {}", chain(error)) };
        }
        Error::Unreachable { address: connection.taken.to_string(), reason: chain(error) }
    }
}

/// Why no head of an answer came.
enum Asked {
    /// The request could not be sent as it is.
    Failed(Error),
    /// The connection ended.
    Lost { sent: bool, error: Error },
    /// Time ran out.
    Silent(Error),
}

impl Asked {
    /// What it means for who asked.
    fn error(self, request: &HttpRequest) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Lost { sent: true, .. } | Self::Silent(_) if request.changes => Error::OutcomeUnknown,
            Self::Lost { error, .. } | Self::Silent(error) => error,
        }
    }
}

/// An error with its causes, each once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
