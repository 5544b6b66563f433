//! Authentication codes: HMAC over three hashes, and the MD5-128 of suite 12 (IPMI 2.0 section 13.28).
//!
//! A key is scheduled once and then used for any number of messages.

use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::keys::SecretKey;
use crate::suite::Hash;

/// The output of a hash or HMAC, wiped when dropped.
#[derive(Clone)]
pub(crate) struct Digest {
    bytes: Zeroizing<[u8; 32]>,
    length: usize,
}

impl std::ops::Deref for Digest {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digest").finish_non_exhaustive()
    }
}

impl Digest {
    fn new(output: &[u8]) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        let length = output.len().min(bytes.len());
        bytes[..length].copy_from_slice(&output[..length]);
        Self { bytes, length }
    }
}

/// A scheduled HMAC key.
#[derive(Clone)]
pub(crate) enum HmacKey {
    Md5(Hmac<Md5>),
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
}

impl std::fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HmacKey").finish_non_exhaustive()
    }
}

fn scheduled<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("an HMAC takes keys of any length")
}

fn over<M: Mac + Clone>(key: &M, parts: &[&[u8]]) -> M {
    let mut mac = key.clone();
    for part in parts {
        mac.update(part);
    }
    mac
}

impl HmacKey {
    pub(crate) fn new(hash: Hash, key: &[u8]) -> Self {
        match hash {
            Hash::Md5 => Self::Md5(scheduled(key)),
            Hash::Sha1 => Self::Sha1(scheduled(key)),
            Hash::Sha256 => Self::Sha256(scheduled(key)),
        }
    }

    /// The HMAC of `parts` one after the other.
    pub(crate) fn code(&self, parts: &[&[u8]]) -> Digest {
        match self {
            Self::Md5(key) => Digest::new(&over(key, parts).finalize().into_bytes()),
            Self::Sha1(key) => Digest::new(&over(key, parts).finalize().into_bytes()),
            Self::Sha256(key) => Digest::new(&over(key, parts).finalize().into_bytes()),
        }
    }

    /// Whether the first `length` bytes of `code` are those of the HMAC of `parts`; compared in constant time.
    pub(crate) fn matches(&self, parts: &[&[u8]], length: usize, code: &[u8]) -> Result<bool, Fault> {
        let code = code.get(..length).ok_or(Fault::Truncated("authentication code"))?;
        Ok(match self {
            Self::Md5(key) => over(key, parts).verify_truncated_left(code).is_ok(),
            Self::Sha1(key) => over(key, parts).verify_truncated_left(code).is_ok(),
            Self::Sha256(key) => over(key, parts).verify_truncated_left(code).is_ok(),
        })
    }
}

/// What makes the authentication codes of a session's packets.
#[derive(Clone)]
pub(crate) enum IntegrityKey {
    /// K1, under one of the HMACs.
    K1(HmacKey),
    /// The password, before and behind what is hashed: MD5-128 knows no K1 (section 13.28.4).
    Password(SecretKey),
}

impl IntegrityKey {
    /// The whole code of a packet, which may be longer than what is sent of it.
    pub(crate) fn code(&self, packet: &[u8]) -> Digest {
        match self {
            Self::K1(key) => key.code(&[packet]),
            Self::Password(password) => Digest::new(&enclosed(password.bytes(), &[packet])),
        }
    }

    /// Whether `code` is as many bytes of the packet's code as it is long; compared in constant time.
    pub(crate) fn matches(&self, packet: &[u8], code: &[u8]) -> Result<bool, Fault> {
        match self {
            Self::K1(key) => key.matches(&[packet], code.len(), code),
            Self::Password(password) => Ok(enclosed_matches(password.bytes(), &[packet], code)),
        }
    }
}

type Md5Output = hmac::digest::Output<Md5>;

/// The MD5 hash of `parts` with the secret before and behind them.
pub(crate) fn enclosed(secret: &[u8], parts: &[&[u8]]) -> Md5Output {
    let mut hash = Md5::new_with_prefix(secret);
    for part in parts {
        hash.update(part);
    }
    hash.update(secret);
    hash.finalize()
}

/// Whether `code` is [`enclosed`]; compared in constant time.
pub(crate) fn enclosed_matches(secret: &[u8], parts: &[&[u8]], code: &[u8]) -> bool {
    code.try_into().is_ok_and(|code| same(code, &enclosed(secret, parts).into()))
}

/// Whether two codes are the same; compared in constant time.
pub(crate) fn same(one: &[u8; 16], other: &[u8; 16]) -> bool {
    let output = |code: &[u8; 16]| CtOutput::<Hmac<Md5>>::new((*code).into());
    output(one) == output(other)
}
