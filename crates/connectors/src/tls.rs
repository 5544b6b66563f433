//! How a device that is spoken to over TLS proves who it is.

mod look;
mod pins;
mod verify;

use std::fmt;
use std::sync::{Arc, OnceLock};

use ironhand_api::{CertificatePin, Tls};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::{Resumption, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, OtherError, RootCertStore};

use crate::path::{Stream, Taken};
use crate::{CertificateProblem, Error};

pub use look::{Shown, look};
pub use pins::{MemoryPins, Pins};

/// Names of servers whose TLS sessions are kept to be resumed: those of one device.
const RESUMED_NAMES: usize = 4;

/// How a device must prove who it is.
#[derive(Clone)]
pub enum Proof {
    /// By the certificate that it showed first.
    FirstUse {
        /// The name by which the pin is kept.
        device: String,
        /// Where pins are kept.
        pins: Arc<dyn Pins>,
    },
    /// By the certificate with this SHA-256 digest.
    Certificate([u8; 32]),
    /// By one of these authorities; the name or address that is connected to must be in the certificate, which must be
    /// valid now.
    Ca(Arc<RootCertStore>),
    /// By the authorities that this system trusts; otherwise as with [`Proof::Ca`].
    System,
    /// By nothing, without TLS.
    Off,
}

impl Proof {
    /// What a manifest asks for. `device` is the name under which a pin is kept in `pins`.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] where the authorities are not certificates in PEM.
    pub fn of(tls: &Tls, device: impl Into<String>, pins: &Arc<dyn Pins>) -> Result<Self, Error> {
        Ok(match tls {
            Tls::Default | Tls::Pin(CertificatePin::FirstUse) => {
                Self::FirstUse { device: device.into(), pins: Arc::clone(pins) }
            }
            Tls::Pin(CertificatePin::Sha256(digest)) => Self::Certificate(*digest),
            Tls::Ca(text) if text.trim() == "system" => Self::System,
            Tls::Ca(pem) => Self::Ca(Arc::new(authorities(pem)?)),
            Tls::Off => Self::Off,
        })
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstUse { device, .. } => f.debug_struct("FirstUse").field("device", device).finish(),
            Self::Certificate(digest) => f.debug_tuple("Certificate").field(&hex::encode(digest)).finish(),
            Self::Ca(roots) => f.debug_tuple("Ca").field(&roots.len()).finish(),
            Self::System => f.write_str("System"),
            Self::Off => f.write_str("Off"),
        }
    }
}

fn authorities(pem: &str) -> Result<RootCertStore, Error> {
    let misconfigured = |reason: String| Error::Misconfigured { reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let unsuited = |reason: String| misconfigured(format!("`ca` holds what is no certificate: {reason}"));
        let certificate = certificate.map_err(|error| unsuited(error.to_string()))?;
        roots.add(certificate).map_err(|error| unsuited(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(misconfigured("`ca` is neither `system` nor certificates in PEM".to_owned()));
    }
    Ok(roots)
}

/// The certificates of authorities that this system trusts, read once.
async fn system() -> Result<Arc<RootCertStore>, Error> {
    static SYSTEM: OnceCell<Arc<RootCertStore>> = OnceCell::const_new();
    let misconfigured = |reason: String| Error::Misconfigured {
        reason: format!("no authority is trusted by this system: {reason}"),
    };
    let read = || async {
        // It reads files.
        let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs);
        let found = found.await.map_err(|error| misconfigured(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        let (taken, _) = roots.add_parsable_certificates(found.certs);
        if taken == 0 {
            let reason =
                found.errors.first().map_or_else(|| "none are found".to_owned(), ToString::to_string);
            return Err(misconfigured(reason));
        }
        Ok(Arc::new(roots))
    };
    SYSTEM.get_or_try_init(read).await.map(Arc::clone)
}

/// The TLS side of the connections to one device: they resume each other's sessions.
pub struct TlsClient {
    proof: Proof,
    config: OnceCell<Arc<ClientConfig>>,
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").field("proof", &self.proof).finish_non_exhaustive()
    }
}

impl TlsClient {
    /// For connections to one device.
    pub const fn new(proof: Proof) -> Self {
        Self { proof, config: OnceCell::const_new() }
    }

    /// How the device must prove who it is.
    pub(crate) const fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Speaks TLS on a connection, and lets the device prove who it is. With [`Proof::Off`] it gives the connection back
    /// as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`] where the proof fails, [`Error::Tls`] where both find no common ground, and
    /// [`Error::Unreachable`] where the connection ends.
    pub async fn connect(&self, stream: Stream, taken: &Taken) -> Result<Stream, Error> {
        if matches!(self.proof, Proof::Off) {
            return Ok(stream);
        }
        let config = self.config.get_or_try_init(|| self.configured()).await?;
        let name = ServerName::try_from(taken.address.clone())
            .map_err(|_| Error::Misconfigured { reason: format!("`{}` is no host name", taken.address) })?;
        let connected = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
        let stream = connected.map_err(|error| failed(taken, &error))?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let shown = shown.map(|certificate| <[u8; 32]>::from(Sha256::digest(certificate)));
        self.compare(shown, taken).await?;
        Ok(Box::new(stream))
    }

    async fn configured(&self) -> Result<Arc<ClientConfig>, Error> {
        let provider = provider();
        let unsuited = |error: &dyn fmt::Display| Error::Misconfigured { reason: error.to_string() };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unsuited(&error))?;
        let roots = match &self.proof {
            Proof::Ca(roots) => Some(Arc::clone(roots)),
            Proof::System => Some(system().await?),
            Proof::FirstUse { .. } | Proof::Certificate(_) | Proof::Off => None,
        };
        let mut config = match roots {
            Some(roots) => {
                let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
                builder.with_webpki_verifier(verifier.map_err(|error| unsuited(&error))?)
            }
            None => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verify::HoldsItsKey::new(provider))),
        }
        .with_no_client_auth();
        config.resumption = Resumption::in_memory_sessions(RESUMED_NAMES);
        Ok(Arc::new(config))
    }

    /// Compares the certificate with the pin. A resumed session has the certificate of the session before.
    async fn compare(&self, shown: Option<[u8; 32]>, taken: &Taken) -> Result<(), Error> {
        let none = || Error::Tls { address: taken.to_string(), reason: "it shows no certificate".to_owned() };
        let (pinned, shown) = match &self.proof {
            Proof::Ca(_) | Proof::System | Proof::Off => return Ok(()),
            Proof::Certificate(pinned) => (*pinned, shown.ok_or_else(none)?),
            Proof::FirstUse { device, pins } => {
                let shown = shown.ok_or_else(none)?;
                match pins.pinned(device).await? {
                    Some(pinned) => (pinned, shown),
                    None => (pins.pin(device, shown).await?, shown),
                }
            }
        };
        if pinned == shown {
            return Ok(());
        }
        let problem = CertificateProblem::Changed { shown: hex::encode(shown), pinned: hex::encode(pinned) };
        Err(Error::Certificate { address: taken.to_string(), problem })
    }
}

/// The ciphers, which all connections share.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}

/// What a handshake that failed stands for.
fn failed(taken: &Taken, error: &std::io::Error) -> Error {
    let address = taken.to_string();
    let Some(tls) = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) else {
        return Error::Unreachable { address, reason: format!("the connection ended: {error}") };
    };
    match tls {
        rustls::Error::InvalidCertificate(problem) => {
            Error::Certificate { address, problem: CertificateProblem::NotTrusted(untrusted(problem)) }
        }
        rustls::Error::InvalidMessage(_) => {
            Error::Tls { address, reason: "what it answers is not TLS".to_owned() }
        }
        other => Error::Tls { address, reason: other.to_string() },
    }
}

/// Why authorities do not vouch for a certificate.
fn untrusted(problem: &CertificateError) -> String {
    use CertificateError as Problem;
    match problem {
        Problem::Expired | Problem::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        Problem::NotValidYet | Problem::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        Problem::NotValidForName | Problem::NotValidForNameContext { .. } => {
            "its certificate is for another name or address".to_owned()
        }
        Problem::UnknownIssuer | Problem::BadSignature => {
            "no authority that is trusted vouches for its certificate".to_owned()
        }
        // Controllers that sign their certificates themselves often make them so. What verifies does not export its name.
        Problem::Other(OtherError(reason)) if reason.to_string() == "CaUsedAsEndEntity" => {
            "its certificate is made for an authority, and vouches for no device".to_owned()
        }
        Problem::Revoked => "its certificate is revoked".to_owned(),
        other => format!("its certificate cannot be used: {other}"),
    }
}
