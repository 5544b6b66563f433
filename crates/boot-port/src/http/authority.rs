//! The certificate authority of boot clients.
//!
//! Firmware that refuses plain HTTP has to be given a certificate by hand, once. So the authority is made once and kept,
//! and the certificate of the listener is made anew at each start, for the addresses that there are then.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// The certificate, which clients are given.
const CERTIFICATE: &str = "boot-ca.pem";
/// Its key, which only the server reads.
const KEY: &str = "boot-ca.key";
/// What the certificate is called in the lists of firmware.
const NAME: &str = "Ironhand boot authority";

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file could not be read or written.
    #[error("{}: {source}; see that the data folder belongs to the user of the server", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is no key or no certificate. It is never replaced by itself, because clients hold on to the old one.
    #[error("{} is damaged: {reason}; restore it from a backup, or remove {CERTIFICATE} and {KEY} and enrol the new certificate in your machines", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A certificate could not be made.
    #[error("no certificate for boot clients can be made: {0}")]
    Make(#[from] rcgen::Error),
    /// The certificate does not serve.
    #[error("TLS for boot clients cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// The authority: a certificate that may be shown to everybody, and its key.
pub struct BootAuthority {
    key: KeyPair,
    pem: String,
    der: CertificateDer<'static>,
}

impl BootAuthority {
    /// Takes the authority out of `folder`, or makes one there.
    ///
    /// # Errors
    ///
    /// Where the files cannot be read or written, or are damaged.
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
        let kept = read(&key)?;
        let pair = match kept {
            Some(text) => KeyPair::from_pem(&text).map_err(|error| damaged(&key, &error))?,
            None => {
                let pair = KeyPair::generate()?;
                write(&key, &pair.serialize_pem(), 0o600)?;
                pair
            }
        };
        let pem = match read(&certificate)? {
            Some(pem) => pem,
            None => {
                // The same key under the same name: certificates made under the old one hold under this one too.
                let pem = authority()?.self_signed(&pair)?.pem();
                write(&certificate, &pem, 0o644)?;
                pem
            }
        };
        let der =
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| damaged(&certificate, &error))?;
        Ok(Self { key: pair, pem, der })
    }

    /// The certificate to enrol in firmware or to embed in iPXE, as PEM.
    pub fn certificate(&self) -> &str {
        &self.pem
    }

    /// What a listener speaks TLS with that is reached under `addresses` and `names`.
    ///
    /// # Errors
    ///
    /// Where a name is none, or the key of the authority does not belong to its certificate.
    pub fn server_config(
        &self,
        addresses: &[IpAddr],
        names: &[String],
    ) -> Result<Arc<ServerConfig>, AuthorityError> {
        let key = KeyPair::generate()?;
        let all: Vec<String> = addresses.iter().map(IpAddr::to_string).chain(names.iter().cloned()).collect();
        let mut params = CertificateParams::new(all)?;
        params.distinguished_name.push(DnType::CommonName, "Ironhand boot server");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2049, 12, 31);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&key, &Issuer::new(authority()?, &self.key))?;
        let chain = vec![leaf.der().clone(), self.der.clone()];
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, private)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// What the certificate of the authority says. The dates are wide, because the clocks of machines that boot are often wrong.
fn authority() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn damaged(path: &Path, reason: &dyn std::fmt::Display) -> AuthorityError {
    AuthorityError::Damaged { path: path.to_owned(), reason: reason.to_string() }
}

fn read(path: &Path) -> Result<Option<String>, AuthorityError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AuthorityError::File { path: path.to_owned(), source: error }),
    }
}

/// Writes a file whole or not at all.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    let temporary = path.with_extension("new");
    let written = || {
        // One that a crash left behind may have been made with other rights.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    written().map_err(|source| AuthorityError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_authority_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = BootAuthority::open(folder.path()).expect("an authority");
        let second = BootAuthority::open(folder.path()).expect("the same authority");
        assert_eq!(first.certificate(), second.certificate());
        let mode = fs::metadata(folder.path().join(KEY)).expect("the key is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        second
            .server_config(&["10.0.0.1".parse().expect("an address")], &["boot.example".to_owned()])
            .expect("it serves");
    }

    #[test]
    fn a_damaged_key_is_reported_and_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        BootAuthority::open(folder.path()).expect("an authority");
        fs::write(folder.path().join(KEY), "nonsense").expect("it can be written");
        assert!(matches!(BootAuthority::open(folder.path()), Err(AuthorityError::Damaged { .. })));
        assert_eq!(fs::read_to_string(folder.path().join(KEY)).expect("it is there"), "nonsense");
    }
}
