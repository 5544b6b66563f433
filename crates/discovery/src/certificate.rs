//! What a certificate says of the device that shows it (RFC 5280).

use serde::Serialize;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;

use crate::descriptor::text;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The organization of who vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_organization: Option<String>,
    /// The name of who vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The name of whom it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whether it vouches for itself.
    pub self_signed: bool,
    /// From when it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when it is valid, in seconds since 1970.
    pub not_after: i64,
    /// The kind of its key: `RSA`, `EC`, or another.
    pub key: &'static str,
    /// The size of its key in bits; 0 where it is not known.
    pub key_bits: usize,
    /// Whether it is signed over a digest that can be forged: MD5 or SHA-1.
    pub weak_digest: bool,
    /// The SHA-256 digest of the certificate, in hexadecimal digits.
    pub sha256: String,
    /// The SHA-256 digest of its public key, in hexadecimal digits: the same for all that share a key.
    pub key_sha256: String,
}

/// Signatures over MD2, MD5 and SHA-1 (RFC 3279 section 2.2).
const WEAK_SIGNATURES: [&str; 6] = [
    "1.2.840.113549.1.1.2",
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.3.14.3.2.29",
    "1.2.840.10040.4.3",
    "1.2.840.10045.4.1",
];

impl Certificate {
    /// The first 16 digits of the digest of its key: enough to tell keys apart.
    pub fn short_key(&self) -> &str {
        self.key_sha256.get(..16).unwrap_or(&self.key_sha256)
    }

    /// Reads the DER form; `None` where it makes no sense.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, read) = X509Certificate::from_der(der).ok()?;
        let public = read.public_key();
        let (key, key_bits) = match public.parsed() {
            Ok(PublicKey::RSA(rsa)) => ("RSA", rsa.key_size()),
            Ok(PublicKey::EC(point)) => ("EC", point.key_size()),
            Ok(PublicKey::DSA(_)) => ("DSA", 0),
            _ => ("another", 0),
        };
        let signature = read.signature_algorithm.algorithm.to_id_string();
        Some(Self {
            issuer_organization: first(read.issuer(), X509Name::iter_organization),
            issuer: first(read.issuer(), X509Name::iter_common_name),
            subject: first(read.subject(), X509Name::iter_common_name),
            self_signed: read.issuer().as_raw() == read.subject().as_raw(),
            not_before: read.validity().not_before.timestamp(),
            not_after: read.validity().not_after.timestamp(),
            key,
            key_bits,
            weak_digest: WEAK_SIGNATURES.contains(&signature.as_str()),
            sha256: digest(der),
            key_sha256: digest(public.raw),
        })
    }
}

fn first<'a, I>(name: &'a X509Name<'a>, values: impl Fn(&'a X509Name<'a>) -> I) -> Option<String>
where
    I: Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>,
{
    values(name).find_map(|value| value.as_str().ok()).and_then(text)
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
