//! Passwords at rest: XChaCha20-Poly1305 under one key that lies outside the database.
//!
//! A sealed text is `v1:` and the base64 of key id (4 bytes), nonce (24 bytes), ciphertext and tag (16 bytes). The
//! place that it belongs to is authenticated with it, so that a sealed password copied to another credential does
//! not open. The nonce is random: 24 bytes are enough for that to be safe with any number of seals.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::secret::SecretPlace;

/// The form of sealed texts that this release writes.
const VERSION: &str = "v1:";

/// Octets of the key (RFC 8439 section 2.8).
pub(crate) const KEY_LENGTH: usize = 32;

/// Octets of the nonce (draft-irtf-cfrg-xchacha-03 section 2.3).
const NONCE_LENGTH: usize = 24;

/// Octets of a key id: enough to tell the few keys of one site apart.
const KEY_ID_LENGTH: usize = 4;

/// Names a key without telling anything of use about it: the first octets of a hash of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId([u8; KEY_ID_LENGTH]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Seals and opens passwords.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    id: KeyId,
}

impl Sealer {
    pub(crate) fn new(key: &[u8; KEY_LENGTH]) -> Self {
        let digest = Sha256::new().chain_update(b"ironhand key id").chain_update(key).finalize();
        let mut id = [0; KEY_ID_LENGTH];
        id.copy_from_slice(&digest[..KEY_ID_LENGTH]);
        Self { cipher: XChaCha20Poly1305::new(<&Key>::from(key)), id: KeyId(id) }
    }

    /// Names the key.
    pub(crate) const fn id(&self) -> KeyId {
        self.id
    }

    /// The key that text, as the key file has it, stands for. `origin` says where it came from.
    pub(crate) fn from_text(text: &str, origin: &str) -> Result<Self, StoreError> {
        let malformed = || StoreError::KeyMalformed { origin: origin.to_owned() };
        let decoded = Zeroizing::new(BASE64.decode(text.trim()).map_err(|_| malformed())?);
        let key: &[u8; KEY_LENGTH] = decoded.as_slice().try_into().map_err(|_| malformed())?;
        Ok(Self::new(key))
    }

    /// A fresh key as the key file has it.
    pub(crate) fn generate() -> Result<Zeroizing<String>, StoreError> {
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        random(key.as_mut())?;
        Ok(Zeroizing::new(BASE64.encode(key.as_ref())))
    }

    /// Seals the secret of a place.
    pub(crate) fn seal(&self, place: &SecretPlace, secret: &SecretString) -> Result<String, StoreError> {
        let mut nonce = [0; NONCE_LENGTH];
        random(&mut nonce)?;
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: &place.associated() };
        let ciphertext = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::SealBroken { place: place.clone() })?;
        let sealed = [self.id.0.as_slice(), &nonce, &ciphertext].concat();
        Ok(format!("{VERSION}{}", BASE64.encode(sealed)))
    }

    /// Opens what [`seal`](Self::seal) sealed for the same place.
    pub(crate) fn open(&self, place: &SecretPlace, sealed: &str) -> Result<SecretString, StoreError> {
        let broken = || StoreError::SealBroken { place: place.clone() };
        let encoded = sealed.strip_prefix(VERSION).ok_or_else(broken)?;
        let octets = BASE64.decode(encoded).map_err(|_| broken())?;
        let (id, rest) = octets.split_first_chunk::<KEY_ID_LENGTH>().ok_or_else(broken)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or_else(broken)?;
        if *id != self.id.0 {
            let (place, sealed_by, key) = (place.clone(), KeyId(*id), self.id());
            return Err(StoreError::OtherKey { place, sealed_by, key });
        }
        let payload = Payload { msg: ciphertext, aad: &place.associated() };
        let plain = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| broken())?;
        let plain = Zeroizing::new(plain);
        std::str::from_utf8(&plain).map(SecretString::from).map_err(|_| broken())
    }
}

fn random(octets: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(octets).map_err(|error| StoreError::NoRandomness { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> SecretPlace {
        SecretPlace::credential(&name.parse().unwrap())
    }

    fn sealer(octet: u8) -> Sealer {
        Sealer::new(&[octet; KEY_LENGTH])
    }

    #[test]
    fn sealed_texts_open_under_the_same_key_and_name_alone() {
        let sealed = sealer(1).seal(&place("dc"), &"correct horse".into()).unwrap();
        assert!(sealed.starts_with("v1:") && !sealed.contains("horse"));
        assert_eq!(sealer(1).open(&place("dc"), &sealed).unwrap().expose_secret(), "correct horse");
        assert_ne!(sealed, sealer(1).seal(&place("dc"), &"correct horse".into()).unwrap());

        let other_key = sealer(2).open(&place("dc"), &sealed).err().unwrap();
        assert!(matches!(other_key, StoreError::OtherKey { .. }), "{other_key}");
        let text = other_key.to_string();
        assert!(text.contains("`dc`") && text.contains("apply the credential again"), "{text}");

        let other_name = sealer(1).open(&place("factory"), &sealed).err().unwrap();
        assert!(matches!(other_name, StoreError::SealBroken { .. }), "{other_name}");
    }

    #[test]
    fn damaged_texts_are_refused() {
        let sealed = sealer(1).seal(&place("dc"), &"correct horse".into()).unwrap();
        let check = |text: &str| assert!(sealer(1).open(&place("dc"), text).is_err(), "{text:?}");
        check("");
        check("correct horse");
        check("v1:");
        check("v1:AAAA");
        check("v1:%");
        check(&sealed.replace("v1:", "v2:"));
        check(&sealed[..sealed.len() - 4]);
        let mut octets = BASE64.decode(&sealed[3..]).unwrap();
        for index in 0..octets.len() {
            octets[index] ^= 1;
            check(&format!("v1:{}", BASE64.encode(&octets)));
            octets[index] ^= 1;
        }
    }

    #[test]
    fn keys_are_32_octets_in_base64() {
        let generated = Sealer::generate().unwrap();
        assert!(Sealer::from_text(&format!("{}\n", *generated), "the key file").is_ok());
        let check = |text: &str| {
            let message = Sealer::from_text(text, "the key file").err().unwrap().to_string();
            assert!(message.contains("the key file"), "{message}");
        };
        check("");
        check("short");
        check(&BASE64.encode([0; 31]));
        check(&BASE64.encode([0; 33]));
    }
}
