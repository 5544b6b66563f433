//! What an HTTP server answers: HTTP/1.1 over TCP or TLS (rustls, the certificates that the system trusts), one
//! connection for each question, no redirects, no proxy.

use std::sync::Arc;

use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ironhand_api::HttpCheck;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::task::AbortOnDropHandle;

use super::Found;
use super::tcp::connect;

/// What is read of an answer, to look for the text in it.
const READ: usize = 64 * 1024;

/// Asks HTTP servers.
#[derive(Default)]
pub(super) struct HttpProbe {
    /// The authorities that this machine trusts, read when they are first needed.
    tls: OnceCell<Arc<ClientConfig>>,
}

impl HttpProbe {
    /// Whether a server answers as is wanted.
    pub(super) async fn get(&self, wanted: &HttpCheck) -> Result<(), Found> {
        let unsuited = |reason: &str| Found::Unknown(format!("`url`: {reason}"));
        let sent = wanted.url.split('#').next().unwrap_or_default();
        let uri: Uri = sent.parse().map_err(|_| unsuited("it is no URL"))?;
        let https = uri.scheme_str() == Some("https");
        let authority = uri.authority().ok_or_else(|| unsuited("it names no host"))?;
        let port = authority.port_u16().unwrap_or(if https { 443 } else { 80 });
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let stream = connect(&format!("[{host}]:{port}"), None).await?;
        if !https {
            return exchange(stream, &uri, authority.as_str(), wanted).await;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| unsuited("it names no host"))?;
        let tls = TlsConnector::from(self.tls().await?);
        let stream = tls.connect(name, stream).await;
        let stream =
            stream.map_err(|error| Found::Failing(format!("no TLS connection comes about: {error}")))?;
        exchange(stream, &uri, authority.as_str(), wanted).await
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>, Found> {
        let read = || async {
            let config = tokio::task::spawn_blocking(system_tls).await;
            config.map_err(|_| Found::Unknown("the server stops".to_owned()))?
        };
        self.tls.get_or_try_init(read).await.cloned()
    }
}

/// The authorities that this machine trusts.
fn system_tls() -> Result<Arc<ClientConfig>, Found> {
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if taken == 0 {
        return Err(Found::Unknown("this machine trusts no authority that vouches for servers".to_owned()));
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Found::Unknown(error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn exchange<S>(stream: S, uri: &Uri, authority: &str, wanted: &HttpCheck) -> Result<(), Found>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken =
        |error: &dyn std::error::Error| Found::Failing(format!("the exchange is broken off: {error}"));
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(async move {
        // What goes wrong is told by the exchange.
        let _ = connection.await;
    }));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(HOST, authority)
        .header(USER_AGENT, concat!("ironhand/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Found::Unknown(format!("`url`: {error}")))?;
    let answer = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let status = answer.status().as_u16();
    let suits = match wanted.status {
        Some(wanted) => status == wanted,
        None => (200..400).contains(&status),
    };
    if !suits {
        return Err(Found::Failing(format!("the answer has status {status}")));
    }
    let Some(text) = &wanted.contains else { return Ok(()) };
    let mut body = Limited::new(answer.into_body(), READ);
    let mut read = Vec::new();
    // What lies beyond the limit is not looked at.
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(piece) = frame.data_ref() {
            read.extend_from_slice(piece);
        }
    }
    if read.windows(text.len()).any(|piece| piece == text.as_bytes()) {
        return Ok(());
    }
    Err(Found::Failing(format!("the answer does not contain `{text}`")))
}
