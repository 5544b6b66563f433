//! Posting to an HTTP endpoint: HTTP/1.1 over TCP or TLS (rustls, the certificates that the system trusts), one
//! connection that is kept while it is of use, no redirects, no proxy.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::header::{CONNECTION, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::task::AbortOnDropHandle;

use super::error::NotifyError;
use crate::endpoint::{KEPT, Target, retry_after, shown};

/// How long a connection may take to come about, TLS and all.
const CONNECT: Duration = Duration::from_secs(10);

/// How long an answer may take. The Standard Webhooks specification asks senders for 15 to 30 s.
const ANSWER: Duration = Duration::from_secs(30);

/// A connection that was not used for so long is not trusted: what lies between may have forgotten it.
const IDLE: Duration = Duration::from_secs(30);

/// What is read of an answer's body, so that the connection can be used again. A longer body costs the connection.
const READ: usize = 64 * 1024;

/// The certificates of authorities that this machine trusts, as a TLS configuration.
///
/// `rustls-native-certs` reads files: this belongs on a thread that may wait.
pub(super) fn system_tls() -> Result<Arc<ClientConfig>, NotifyError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        let reason = found.errors.first().map_or_else(|| "none are found".to_owned(), ToString::to_string);
        return Err(NotifyError::NoRoots { reason });
    }
    tls(roots)
}

/// A TLS configuration that trusts `roots`.
fn tls(roots: RootCertStore) -> Result<Arc<ClientConfig>, NotifyError> {
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NotifyError::Unsuited { reason: error.to_string() })?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// What the receiver answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// How long it wants to be left alone (RFC 9110 section 10.2.3).
    pub(super) retry_after: Option<Duration>,
    /// The beginning of the body, fit to be shown.
    pub(super) start: String,
}

/// Posts to one endpoint.
pub(super) struct Poster {
    target: Target,
    tls: Option<Arc<ClientConfig>>,
    kept: Option<Kept>,
}

/// A connection.
struct Kept {
    sender: SendRequest<Full<Bytes>>,
    used: Instant,
    /// Moves the bytes.
    _driver: AbortOnDropHandle<()>,
}

impl Poster {
    pub(super) const fn new(target: Target) -> Self {
        Self { target, tls: None, kept: None }
    }

    /// What errors call the receiver.
    pub(super) fn receiver(&self) -> &str {
        &self.target.authority
    }

    /// Posts a body and waits for the answer, whatever it is.
    pub(super) async fn post(&mut self, headers: &HeaderMap, body: Bytes) -> Result<Answer, NotifyError> {
        let kept = self.kept.take().filter(|kept| kept.used.elapsed() < IDLE && !kept.sender.is_closed());
        if let Some(kept) = kept {
            match self.exchange(kept, headers, body.clone()).await {
                // The receiver closed a connection that it had no more use for. It may have taken the body before, and
                // then gets it once more under the same id.
                Err(NotifyError::Broken { .. }) => {}
                done => return done,
            }
        }
        let fresh =
            timeout(CONNECT, self.connect()).await.map_err(|_| self.timed_out("connect", CONNECT))??;
        self.exchange(fresh, headers, body).await
    }

    fn timed_out(&self, what: &'static str, waited: Duration) -> NotifyError {
        NotifyError::TimedOut { who: self.target.authority.clone(), what, waited }
    }

    fn broken(&self, error: &dyn std::error::Error) -> NotifyError {
        NotifyError::Broken { host: self.target.authority.clone(), reason: crate::http::chain(error) }
    }

    async fn exchange(
        &mut self,
        mut kept: Kept,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Answer, NotifyError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.target.path.clone();
        *request.headers_mut() = headers.clone();
        if let Ok(authority) = HeaderValue::from_str(&self.target.authority) {
            request.headers_mut().insert(HOST, authority);
        }
        let exchange = async {
            kept.sender.ready().await.map_err(|error| self.broken(&error))?;
            let answer = kept.sender.send_request(request).await.map_err(|error| self.broken(&error))?;
            self.read(answer).await
        };
        let (answer, reusable) =
            timeout(ANSWER, exchange).await.map_err(|_| self.timed_out("answer", ANSWER))??;
        if reusable {
            self.kept = Some(Kept { used: Instant::now(), ..kept });
        }
        Ok(answer)
    }

    /// Reads an answer; says also whether the connection can be used again.
    async fn read(&self, answer: Response<Incoming>) -> Result<(Answer, bool), NotifyError> {
        let status = answer.status();
        let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = asked.and_then(|text| retry_after(text, SystemTime::now()));
        let closes = answer.headers().get(CONNECTION).is_some_and(|value| value.as_bytes() == b"close");
        let mut body = answer.into_body();
        let mut read = 0;
        let mut start = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                // The status says already whether the body was taken.
                return Ok((Answer { status, retry_after, start: shown(&start) }, false));
            };
            let data = frame.into_data().unwrap_or_default();
            read += data.len();
            let room = (KEPT * 4).saturating_sub(start.len());
            start.extend_from_slice(&data[..data.len().min(room)]);
            if read > READ {
                return Ok((Answer { status, retry_after, start: shown(&start) }, false));
            }
        }
        Ok((Answer { status, retry_after, start: shown(&start) }, !closes))
    }

    async fn connect(&mut self) -> Result<Kept, NotifyError> {
        let tls = if self.target.https { Some(self.tls().await?) } else { None };
        let Target { host, port, authority, .. } = &self.target;
        let unresolved = |reason: String| NotifyError::Unresolved { host: host.clone(), reason };
        let found = tokio::net::lookup_host((host.as_str(), *port)).await;
        let addresses: Vec<_> = found.map_err(|error| unresolved(error.to_string()))?.collect();
        let mut last = unresolved("it has no address".to_owned());
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Small messages are not to wait for others. An error costs nothing but time.
                    let _ = stream.set_nodelay(true);
                    let Some(tls) = tls else { return self.handshake(stream).await };
                    let refused = |reason: String| NotifyError::Tls { host: authority.clone(), reason };
                    let name =
                        ServerName::try_from(host.clone()).map_err(|error| refused(error.to_string()))?;
                    let connector = TlsConnector::from(tls);
                    let stream = connector.connect(name, stream).await;
                    return self.handshake(stream.map_err(|error| refused(error.to_string()))?).await;
                }
                Err(error) => {
                    last =
                        NotifyError::Unreachable { address: address.to_string(), reason: error.to_string() };
                }
            }
        }
        Err(last)
    }

    /// The system's certificates, read once and only where they are needed.
    async fn tls(&mut self) -> Result<Arc<ClientConfig>, NotifyError> {
        if let Some(tls) = &self.tls {
            return Ok(Arc::clone(tls));
        }
        let read = tokio::task::spawn_blocking(system_tls).await;
        let tls = read.map_err(|error| NotifyError::NoRoots { reason: error.to_string() })??;
        self.tls = Some(Arc::clone(&tls));
        Ok(tls)
    }

    async fn handshake<S>(&self, stream: S) -> Result<Kept, NotifyError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let made = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = made.map_err(|error| self.broken(&error))?;
        let driver = tokio::spawn(async move {
            // Who waits for an answer is told of it.
            let _ = connection.await;
        });
        Ok(Kept { sender, used: Instant::now(), _driver: AbortOnDropHandle::new(driver) })
    }
}
