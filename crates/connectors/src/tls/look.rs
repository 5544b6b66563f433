//! What a server shows in a TLS handshake, whoever it is.

use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion};

use super::{failed, provider, verify};
use crate::Error;
use crate::path::{Stream, Taken};

/// What a server showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The version that was agreed on: `TLS 1.2` or `TLS 1.3`.
    pub version: &'static str,
    /// The server's certificate in its DER form.
    pub certificate: Vec<u8>,
}

/// Shakes hands with a server and tells what it showed. Nothing is proved by that but that the server holds the key of its
/// certificate, and nothing is sent over the connection, which is closed.
///
/// # Errors
///
/// [`Error::Tls`] where both find no common ground or it shows no certificate, and [`Error::Unreachable`] where the
/// connection ends.
pub async fn look(stream: Stream, taken: &Taken) -> Result<Shown, Error> {
    let provider = provider();
    let unsuited = |reason: String| Error::Misconfigured { reason };
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unsuited(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verify::HoldsItsKey::new(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(taken.address.clone())
        .map_err(|_| unsuited(format!("`{}` is no host name", taken.address)))?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let stream = connected.map_err(|error| failed(taken, &error))?;
    let (_, session) = stream.get_ref();
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS 1.2",
    };
    match session.peer_certificates() {
        Some([certificate, ..]) => Ok(Shown { version, certificate: certificate.to_vec() }),
        _ => Err(Error::Tls { address: taken.to_string(), reason: "it shows no certificate".to_owned() }),
    }
}
