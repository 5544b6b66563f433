//! Passwords at rest: XChaCha20-Poly1305 under one key that lies outside the database.
//!
//! A sealed text is `v1:` and the base64 of key id (4 bytes), nonce (24 bytes), ciphertext and tag (16 bytes). The
//! place that it belongs to is authenticated with it, so that a sealed password copied to another credential does
//! not open. The nonce is random: 24 bytes are enough for that to be safe with any number of seals.

use std::fmt;
use std::sync::Arc;

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

impl KeyId {
    /// The key that [`Display`](fmt::Display) has named so.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let octet = |index: usize| u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok();
        let mut id = [0; KEY_ID_LENGTH];
        for (index, place) in id.iter_mut().enumerate() {
            *place = octet(index)?;
        }
        (text.len() == 2 * KEY_ID_LENGTH).then_some(Self(id))
    }
}

/// One key.
struct SealingKey {
    cipher: XChaCha20Poly1305,
    id: KeyId,
}

impl SealingKey {
    fn new(key: &[u8; KEY_LENGTH]) -> Self {
        let digest = Sha256::new().chain_update(b"ironhand key id").chain_update(key).finalize();
        let mut id = [0; KEY_ID_LENGTH];
        id.copy_from_slice(&digest[..KEY_ID_LENGTH]);
        Self { cipher: XChaCha20Poly1305::new(<&Key>::from(key)), id: KeyId(id) }
    }
}

/// Seals and opens secrets: under one key, except while another takes its place. Clones share the keys.
#[derive(Clone)]
pub struct Sealer {
    /// Seals; opens as well.
    current: Arc<SealingKey>,
    /// Opens: the key that gives its place to the current one, or is about to take its place.
    other: Option<Arc<SealingKey>>,
    /// The key under which the database wants its secrets, where that is neither: nothing may be sealed then.
    superseded_by: Option<KeyId>,
}

impl Sealer {
    #[cfg(test)]
    pub(crate) fn new(key: &[u8; KEY_LENGTH]) -> Self {
        Self { current: Arc::new(SealingKey::new(key)), other: None, superseded_by: None }
    }

    /// Names the key that seals.
    pub(crate) fn id(&self) -> KeyId {
        self.current.id
    }

    /// The keys that text, as the key file has it, stands for: one, or, while a key is being replaced, the old one and
    /// below it the new one. The first one seals. `origin` says where the text came from.
    pub(crate) fn from_text(text: &str, origin: &str) -> Result<Self, StoreError> {
        let malformed = || StoreError::KeyMalformed { origin: origin.to_owned() };
        let key = |line: &str| {
            let decoded = Zeroizing::new(BASE64.decode(line.trim()).map_err(|_| malformed())?);
            let key: &[u8; KEY_LENGTH] = decoded.as_slice().try_into().map_err(|_| malformed())?;
            Ok(Arc::new(SealingKey::new(key)))
        };
        let mut lines = text.trim().lines();
        let current = key(lines.next().unwrap_or_default())?;
        let other = lines.next().map(key).transpose()?;
        if lines.next().is_some() {
            return Err(malformed());
        }
        Ok(Self { current, other, superseded_by: None })
    }

    /// Whether a key is being replaced.
    pub(crate) const fn has_other(&self) -> bool {
        self.other.is_some()
    }

    /// The same keys, with the other one sealing.
    pub(crate) fn turned(&self) -> Self {
        match &self.other {
            Some(other) => Self {
                current: Arc::clone(other),
                other: Some(Arc::clone(&self.current)),
                superseded_by: None,
            },
            None => self.clone(),
        }
    }

    /// The same keys, with the one sealing under which the database wants its secrets. Where that is not among them,
    /// what is returned only opens.
    pub(crate) fn sealing_under(&self, wanted: Option<KeyId>) -> Self {
        match wanted {
            Some(wanted) if wanted == self.id() => Self { superseded_by: None, ..self.clone() },
            Some(wanted) if self.other.as_ref().is_some_and(|other| other.id == wanted) => self.turned(),
            superseded_by => Self { superseded_by, ..self.clone() },
        }
    }

    /// A fresh key as the key file has it.
    pub(crate) fn generate() -> Result<Zeroizing<String>, StoreError> {
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        random(key.as_mut())?;
        Ok(Zeroizing::new(BASE64.encode(key.as_ref())))
    }

    /// Seals the secret of a place.
    pub(crate) fn seal(&self, place: &SecretPlace, secret: &SecretString) -> Result<String, StoreError> {
        if let Some(by) = self.superseded_by {
            return Err(StoreError::KeyReplaced { key: self.id(), by });
        }
        let mut nonce = [0; NONCE_LENGTH];
        random(&mut nonce)?;
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: &place.associated() };
        let ciphertext = self
            .current
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::SealBroken { place: place.clone() })?;
        let sealed = [self.current.id.0.as_slice(), &nonce, &ciphertext].concat();
        Ok(format!("{VERSION}{}", BASE64.encode(sealed)))
    }

    /// Opens what [`seal`](Self::seal) sealed for the same place.
    pub(crate) fn open(&self, place: &SecretPlace, sealed: &str) -> Result<SecretString, StoreError> {
        let broken = || StoreError::SealBroken { place: place.clone() };
        let (id, rest) = parts(sealed).ok_or_else(broken)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or_else(broken)?;
        let keys = [Some(&self.current), self.other.as_ref()];
        let Some(key) = keys.into_iter().flatten().find(|key| key.id == id) else {
            return Err(StoreError::OtherKey { place: place.clone(), sealed_by: id, key: self.id() });
        };
        let payload = Payload { msg: ciphertext, aad: &place.associated() };
        let plain = key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| broken())?;
        let plain = Zeroizing::new(plain);
        std::str::from_utf8(&plain).map(SecretString::from).map_err(|_| broken())
    }

    /// Whether a sealed text was sealed under the key that seals now.
    pub(crate) fn is_current(&self, sealed: &str) -> bool {
        parts(sealed).is_some_and(|(id, _)| id == self.id())
    }
}

/// The key that sealed a text, and what follows.
fn parts(sealed: &str) -> Option<(KeyId, Vec<u8>)> {
    let octets = BASE64.decode(sealed.strip_prefix(VERSION)?).ok()?;
    let (id, rest) = octets.split_first_chunk::<KEY_ID_LENGTH>()?;
    Some((KeyId(*id), rest.to_vec()))
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
        let good = BASE64.encode([0; 32]);
        check(&format!("{good}\nshort"));
        check(&format!("{good}\n{good}\n{good}"));
    }

    #[test]
    fn while_a_key_is_replaced_both_open_and_the_wanted_one_seals() {
        let text = |octet: u8| BASE64.encode([octet; KEY_LENGTH]);
        let both = Sealer::from_text(&format!("{}\n{}\n", text(1), text(2)), "the key file").unwrap();
        let check = |seals_now: &Sealer, seals: u8| {
            assert_eq!(seals_now.id(), sealer(seals).id());
            let sealed = seals_now.seal(&place("dc"), &"correct horse".into()).unwrap();
            assert!(seals_now.is_current(&sealed));
            for opener in [&sealer(seals), &both, &both.turned()] {
                assert_eq!(opener.open(&place("dc"), &sealed).unwrap().expose_secret(), "correct horse");
            }
        };
        check(&both, 1);
        check(&both.turned(), 2);
        check(&both.sealing_under(None), 1);
        check(&both.sealing_under(Some(sealer(1).id())), 1);
        check(&both.sealing_under(Some(sealer(2).id())), 2);
        let superseded = both.sealing_under(Some(sealer(3).id()));
        let refused = superseded.seal(&place("dc"), &"correct horse".into()).err().unwrap();
        assert!(matches!(refused, StoreError::KeyReplaced { .. }), "{refused}");
        check(&superseded.sealing_under(Some(sealer(2).id())), 2);
        for id in [sealer(1).id(), sealer(2).id()] {
            assert_eq!(KeyId::from_text(&id.to_string()), Some(id));
        }
        assert!(["", "0011223", "001122334", "0011223g"].map(KeyId::from_text).iter().all(Option::is_none));
    }
}
