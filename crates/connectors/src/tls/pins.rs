//! Which certificates devices showed first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;

use crate::Error;

/// Where pins are kept: SHA-256 digests of certificates in their DER form, by the name of a device.
pub trait Pins: Send + Sync {
    /// The pin of a device.
    fn pinned<'a>(&'a self, device: &'a str) -> BoxFuture<'a, Result<Option<[u8; 32]>, Error>>;

    /// Pins a certificate to a device that has no pin, and tells which one is pinned now: another one, where two came
    /// at once. It must be durable when the future ends: a password is sent next.
    fn pin<'a>(&'a self, device: &'a str, digest: [u8; 32]) -> BoxFuture<'a, Result<[u8; 32], Error>>;
}

/// Pins that last as long as the process.
#[derive(Debug, Default)]
pub struct MemoryPins {
    pins: Mutex<HashMap<String, [u8; 32]>>,
}

impl MemoryPins {
    /// Forgets the pin of a device.
    pub fn forget(&self, device: &str) {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner).remove(device);
    }
}

impl Pins for MemoryPins {
    fn pinned<'a>(&'a self, device: &'a str) -> BoxFuture<'a, Result<Option<[u8; 32]>, Error>> {
        let pinned = self.pins.lock().unwrap_or_else(PoisonError::into_inner).get(device).copied();
        Box::pin(std::future::ready(Ok(pinned)))
    }

    fn pin<'a>(&'a self, device: &'a str, digest: [u8; 32]) -> BoxFuture<'a, Result<[u8; 32], Error>> {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let pinned = *pins.entry(device.to_owned()).or_insert(digest);
        Box::pin(std::future::ready(Ok(pinned)))
    }
}
