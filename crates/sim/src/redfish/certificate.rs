//! The certificate that all services of a process show.

use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// It could not be made.
    #[error("no certificate could be made")]
    Make(#[from] rcgen::Error),
    /// A file could not be read as PEM.
    #[error("{file} holds no certificate or key as PEM")]
    File {
        /// The file.
        file: String,
        /// Why not.
        source: tokio_rustls::rustls::pki_types::pem::Error,
    },
    /// Certificate and key cannot be used.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[from] tokio_rustls::rustls::Error),
}

/// A certificate with its key, for any number of services.
#[derive(Clone)]
pub struct Certificate {
    config: Arc<ServerConfig>,
}

impl Certificate {
    /// One that signs itself, as controllers have when they come from the factory: ECDSA on P-256, made anew.
    ///
    /// # Errors
    ///
    /// [`CertificateError`].
    pub fn self_signed() -> Result<Self, CertificateError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "simulated-controller");
        params.distinguished_name.push(DnType::OrganizationName, "Ironhand");
        let certificate = params.self_signed(&key)?;
        let key = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|reason| tokio_rustls::rustls::Error::General(reason.to_owned()))?;
        Self::new(vec![certificate.der().clone()], key)
    }

    /// One from files: a chain and its key, both PEM.
    ///
    /// # Errors
    ///
    /// [`CertificateError`].
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let unreadable = |file: &Path| {
            let file = file.display().to_string();
            move |source| CertificateError::File { file, source }
        };
        let certificates: Vec<_> = CertificateDer::pem_file_iter(chain)
            .and_then(|found| found.collect())
            .map_err(unreadable(chain))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
        Self::new(certificates, key)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, CertificateError> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self { config: Arc::new(config) })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}
