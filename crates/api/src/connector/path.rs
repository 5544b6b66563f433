//! How a device is reached, and how it proves who it is.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Name;

/// A host between that connections are made through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Through {
    /// A SOCKS 5 proxy (RFC 1928).
    #[serde(rename_all = "camelCase")]
    Socks5 {
        /// Its IP address or host name.
        address: String,
        /// Its TCP port; without it 1080.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        /// The Credential to log in with (RFC 1929), where it asks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<Name>,
    },
    /// An SSH jump host (`direct-tcpip` channels, RFC 4254 section 7.2).
    #[serde(rename_all = "camelCase")]
    Ssh {
        /// Its IP address or host name.
        address: String,
        /// Its TCP port; without it 22.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        /// The Credential to log in with; its password may be a private key in OpenSSH's format.
        credential: Name,
        /// The fingerprint of its host key, as OpenSSH writes it (`SHA256:...`).
        host_key: String,
    },
}

/// How a device that is spoken to over TLS proves who it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// By the certificate that it showed first, or the one given.
    Pin(CertificatePin),
    /// By an authority: `system`, or certificates in PEM. The name or address of the connector must be in the
    /// certificate.
    Ca(String),
    /// By nothing: plain HTTP, for laboratories and for devices that know no better.
    Off,
    /// By the certificate that it showed first.
    #[default]
    #[serde(skip)]
    Default,
}

/// Which certificate a device must show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub enum CertificatePin {
    /// The one that it shows first.
    FirstUse,
    /// The one with this SHA-256 digest of its DER form.
    Sha256([u8; 32]),
}

impl Through {
    /// The Credential to log in with there.
    pub const fn credential(&self) -> Option<&Name> {
        match self {
            Self::Socks5 { credential, .. } => credential.as_ref(),
            Self::Ssh { credential, .. } => Some(credential),
        }
    }
}

impl fmt::Display for Through {
    /// `SOCKS proxy 10.0.0.1`, `jump host 10.0.0.2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socks5 { address, .. } => write!(f, "SOCKS proxy {address}"),
            Self::Ssh { address, .. } => write!(f, "jump host {address}"),
        }
    }
}

impl Tls {
    /// Whether nothing was said.
    pub fn is_default(&self) -> bool {
        *self == Self::Default
    }

    /// Whether connections are without TLS.
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

impl From<CertificatePin> for String {
    fn from(pin: CertificatePin) -> Self {
        match pin {
            CertificatePin::FirstUse => "first-use".to_owned(),
            CertificatePin::Sha256(digest) => format!("sha256:{}", hex::encode(digest)),
        }
    }
}

impl TryFrom<String> for CertificatePin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "first-use" {
            return Ok(Self::FirstUse);
        }
        let digits: String =
            text.strip_prefix("sha256:").unwrap_or_default().chars().filter(|c| *c != ':').collect();
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| {
            format!("`{text}` is neither `first-use` nor `sha256:` with 64 hexadecimal digits")
        })?;
        Ok(Self::Sha256(digest))
    }
}
