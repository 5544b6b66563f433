//! Fetching a medium by HTTP or HTTPS.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HOST, LOCATION, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::MediaError;
use super::library::Adding;

/// Mirrors send clients on to others near them.
const REDIRECTS: usize = 8;
/// How long a server may take to answer, and to send anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A URL that something can be fetched from.
#[derive(Clone, Debug)]
pub(super) struct Url(Uri);

impl Url {
    pub(super) fn read(text: &str) -> Result<Self, MediaError> {
        let wrong =
            MediaError::Asked("the URL must be like http://HOST/PATH or https://HOST/PATH, without a login");
        match text.parse::<Uri>() {
            Ok(uri)
                if matches!(uri.scheme_str(), Some("http" | "https"))
                    && uri.authority().is_some_and(|authority| !authority.as_str().contains('@')) =>
            {
                Ok(Self(uri))
            }
            _ => Err(wrong),
        }
    }

    /// Where a redirect leads: a whole URL, or a path on the same server.
    fn follow(&self, location: &str) -> Result<Self, MediaError> {
        let whole = match (location.strip_prefix("//"), location.starts_with('/')) {
            (Some(rest), _) => format!("{}://{rest}", self.0.scheme_str().unwrap_or("http")),
            (None, true) => {
                let authority = self.0.authority().map_or("", |authority| authority.as_str());
                format!("{}://{authority}{location}", self.0.scheme_str().unwrap_or("http"))
            }
            (None, false) => location.to_owned(),
        };
        let next = Self::read(&whole)?;
        if self.0.scheme_str() == Some("https") && next.0.scheme_str() == Some("http") {
            return Err(MediaError::Fetch(format!("{} leads to {whole}, which is not protected", self.0)));
        }
        Ok(next)
    }
}

/// Fetches what is at `url`, and hands over its bytes as they come.
pub(super) async fn fetch(
    url: Url,
    adding: &Adding,
    mut each: impl FnMut(&[u8]) -> Result<(), MediaError>,
) -> Result<(), MediaError> {
    let mut url = url;
    for _ in 0..REDIRECTS {
        let response = patient(&url, ask(&url)).await?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        if response.status().is_redirection() {
            let location = header(LOCATION)
                .ok_or_else(|| failed(&url, "it is elsewhere, and the server does not say where"))?;
            url = url.follow(location)?;
            continue;
        }
        if response.status() != StatusCode::OK {
            return Err(failed(&url, format!("the server answers {}", response.status())));
        }
        let expected = header(CONTENT_LENGTH).and_then(|text| text.parse().ok()).unwrap_or(0);
        adding.expected.store(expected, Ordering::Relaxed);
        let mut body = response.into_body();
        loop {
            let frame =
                timeout(PATIENCE, body.frame()).await.map_err(|_| failed(&url, "the server fell silent"))?;
            let Some(frame) = frame else { return Ok(()) };
            let frame = frame.map_err(|error| failed(&url, error))?;
            if let Some(bytes) = frame.data_ref() {
                each(bytes)?;
                adding.received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
        }
    }
    Err(failed(&url, "the server sends us on and on"))
}

async fn ask(url: &Url) -> Result<hyper::Response<Incoming>, MediaError> {
    let secure = url.0.scheme_str() == Some("https");
    let host = url.0.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.0.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((bare, port)).await.map_err(|error| failed(url, error))?;
    if !secure {
        return send(url, stream).await;
    }
    let name = ServerName::try_from(bare.to_owned()).map_err(|error| failed(url, error))?;
    let connector = TlsConnector::from(trusting_the_system(url)?);
    let stream = connector.connect(name, stream).await.map_err(|error| failed(url, error))?;
    send(url, stream).await
}

async fn send(
    url: &Url,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<hyper::Response<Incoming>, MediaError> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(url, error))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to fetch a medium broke");
        }
    });
    let path = url.0.path_and_query().map_or("/", |path| path.as_str());
    let authority = url.0.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(path)
        .header(HOST, authority)
        .header(USER_AGENT, concat!("ironhand/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(url, error))?;
    sender.send_request(request).await.map_err(|error| failed(url, error))
}

/// TLS that trusts whom the system trusts.
fn trusting_the_system(url: &Url) -> Result<Arc<ClientConfig>, MediaError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(url, error))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn patient<T>(url: &Url, asking: impl Future<Output = Result<T, MediaError>>) -> Result<T, MediaError> {
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err(failed(url, "the server does not answer")))
}

fn failed(url: &Url, reason: impl std::fmt::Display) -> MediaError {
    MediaError::Fetch(format!("{} cannot be fetched: {reason}", url.0))
}
