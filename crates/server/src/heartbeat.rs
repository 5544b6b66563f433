//! Heartbeats of hosts: who signed them, and whether they are new.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use ironhand_api::{Heartbeat, Name, Timestamp};
use ironhand_model::{HeartbeatRefusal, HeartbeatWindow, Nonce};
use ironhand_store::{SessionOwner, Store, StoreError};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use thiserror::Error;

use crate::clock;

/// What signatures begin with: the way in which they are made.
const VERSION: &str = "v1=";

/// The bytes of a key before they are written as hexadecimal digits.
const KEY: usize = 32;

/// Why a heartbeat does not count.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    /// The host has no key.
    #[error("no key was issued for heartbeats of this host")]
    NoKey,
    /// It was signed under another key, or changed on its way.
    #[error("it is not signed under the key of this host")]
    NotGenuine,
    /// It is signed, and nothing that can be read.
    #[error("its body is no heartbeat: {0}")]
    Malformed(String),
    /// It is genuine, and not a new one.
    #[error(transparent)]
    NotNew(#[from] HeartbeatRefusal),
}

/// What became of heartbeats.
#[derive(Debug, Default)]
pub(crate) struct HeartbeatCounts {
    pub(crate) taken: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// Judges heartbeats.
pub(crate) struct Heartbeats {
    started: Timestamp,
    /// Of hosts whose signature was seen, so that strangers fill nothing.
    windows: Mutex<HashMap<Name, HeartbeatWindow>>,
    pub(crate) counts: HeartbeatCounts,
}

impl Heartbeats {
    pub(crate) fn new() -> Self {
        Self { started: clock::now(), windows: Mutex::default(), counts: HeartbeatCounts::default() }
    }

    /// Takes a heartbeat of a host, as it came, under the key of the host.
    pub(crate) fn take(
        &self,
        host: &Name,
        key: Option<&SecretString>,
        signature: Option<&str>,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let taken = self.judge(host, key, signature, body);
        let count = if taken.is_ok() { &self.counts.taken } else { &self.counts.refused };
        count.fetch_add(1, Ordering::Relaxed);
        taken
    }

    fn judge(
        &self,
        host: &Name,
        key: Option<&SecretString>,
        signature: Option<&str>,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let key = key.ok_or(Refusal::NoKey)?;
        let signature = signature.and_then(|text| text.strip_prefix(VERSION));
        let signature = signature.and_then(|text| hex::decode(text).ok()).ok_or(Refusal::NotGenuine)?;
        // HMAC takes keys of every length (RFC 2104 section 3), so that there is always one.
        let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes());
        let mut mac = mac.map_err(|_| Refusal::NotGenuine)?;
        mac.update(body);
        mac.verify_slice(&signature).map_err(|_| Refusal::NotGenuine)?;
        // Only what its own key vouches for is read at all.
        let beat: Heartbeat =
            serde_json::from_slice(body).map_err(|error| Refusal::Malformed(error.to_string()))?;
        let mut nonce = Nonce::default();
        hex::decode_to_slice(&beat.nonce, &mut nonce)
            .map_err(|_| Refusal::Malformed("`nonce` must be 32 hexadecimal digits".to_owned()))?;
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.entry(host.clone()).or_default().take(clock::now(), self.started, beat.at, nonce)?;
        Ok(())
    }
}

/// The signature of a heartbeat's body, for the header [`Heartbeat::SIGNATURE`].
pub fn heartbeat_signature(key: &SecretString, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(body);
    format!("{VERSION}{}", hex::encode(mac.finalize().into_bytes()))
}

/// The key of a host's heartbeats, where one was issued.
pub(crate) async fn key(store: &Store, host: &Name) -> Result<Option<SecretString>, StoreError> {
    store.device_session(&place(host)).await
}

/// Issues another key; the one before is worth nothing from then on.
pub(crate) async fn issue(
    store: &Store,
    host: &Name,
) -> Result<Result<SecretString, getrandom::Error>, StoreError> {
    let mut bytes = zeroize::Zeroizing::new([0; KEY]);
    if let Err(error) = getrandom::fill(&mut *bytes) {
        return Ok(Err(error));
    }
    let key = SecretString::from(hex::encode(*bytes));
    store.put_device_session(&place(host), Some(key.clone()), clock::now()).await?;
    Ok(Ok(key))
}

/// It lies sealed with what else is kept between the host and this server, and is forgotten with the host.
fn place(host: &Name) -> SessionOwner {
    SessionOwner { host: host.clone(), device: "heartbeat".to_owned(), username: "key".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_key_of_the_host_vouches_for_counts() {
        let beats = Heartbeats::new();
        let host: Name = "n7".parse().unwrap();
        let (key, other) = (SecretString::from("aa".repeat(32)), SecretString::from("bb".repeat(32)));
        let body = |nonce: u8| {
            let nonce = hex::encode([nonce; 16]);
            serde_json::to_vec(&Heartbeat { at: clock::now(), nonce }).unwrap()
        };
        let (first, second) = (body(1), body(2));
        let signed = heartbeat_signature(&key, &first);
        let check = |key: Option<&SecretString>, signature: Option<&str>, body: &[u8], expected| {
            assert_eq!(beats.take(&host, key, signature, body), expected);
        };
        check(None, Some(&signed), &first, Err(Refusal::NoKey));
        check(Some(&key), None, &first, Err(Refusal::NotGenuine));
        check(Some(&key), Some("v1=00"), &first, Err(Refusal::NotGenuine));
        check(Some(&other), Some(&signed), &first, Err(Refusal::NotGenuine));
        check(Some(&key), Some(&signed), &second, Err(Refusal::NotGenuine));
        check(Some(&key), Some(&signed), &first, Ok(()));
        check(Some(&key), Some(&signed), &first, Err(Refusal::NotNew(HeartbeatRefusal::Repeated)));
        let stray = br#"{"at":"2026-03-01T02:14:07Z","nonce":"00","address":"203.0.113.9"}"#;
        let refused = beats.take(&host, Some(&key), Some(&heartbeat_signature(&key, stray)), stray);
        assert!(matches!(&refused, Err(Refusal::Malformed(why)) if why.contains("address")), "{refused:?}");
        let HeartbeatCounts { taken, refused } = &beats.counts;
        assert_eq!((taken.load(Ordering::Relaxed), refused.load(Ordering::Relaxed)), (1, 7));
    }
}
