//! Which certificates controllers showed first, kept from one command to the next.
//!
//! A file in the user's cache holds a line for each controller. A pin is there before a password is sent; where it cannot
//! be kept, the next command believes whoever answers then, and the user is told.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use ironhand_api::CertificatePin;
use ironhand_connectors::{Error, Pins};

use crate::bmc::memory::cache_file;

/// The name of the file.
const FILE: &str = "certificates";

/// The largest file that is read: some 100,000 controllers.
const LARGEST_FILE: u64 = 16 << 20;

/// Pins of controllers.
pub struct KeptCertificates {
    /// `None` where the user has no cache folder.
    file: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pins: HashMap<String, [u8; 32]>,
    /// Whether the user was told that nothing is kept.
    told: bool,
}

impl KeptCertificates {
    /// Reads what was kept: `ironhand/certificates` in `XDG_CACHE_HOME`, else in `~/.cache`.
    pub fn read() -> Self {
        Self::of(cache_file(FILE))
    }

    fn of(file: Option<PathBuf>) -> Self {
        let pins = file.as_deref().and_then(read).unwrap_or_default();
        Self { file, state: Mutex::new(State { pins, told: false }) }
    }

    fn take(&self, device: &str, digest: [u8; 32]) -> [u8; 32] {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pinned) = state.pins.get(device) {
            return *pinned;
        }
        state.pins.insert(device.to_owned(), digest);
        let kept = match &self.file {
            Some(file) => {
                append(file, device, digest).map_err(|error| format!("{}: {error}", file.display()))
            }
            None => Err("this user has no cache folder".to_owned()),
        };
        if let (Err(reason), false) = (kept, std::mem::replace(&mut state.told, true)) {
            note!("certificates are not kept for the next command: {reason}");
        }
        digest
    }
}

impl Pins for KeptCertificates {
    fn pinned<'a>(&'a self, device: &'a str) -> BoxFuture<'a, Result<Option<[u8; 32]>, Error>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(std::future::ready(Ok(state.pins.get(device).copied())))
    }

    fn pin<'a>(&'a self, device: &'a str, digest: [u8; 32]) -> BoxFuture<'a, Result<[u8; 32], Error>> {
        Box::pin(std::future::ready(Ok(self.take(device, digest))))
    }
}

/// One line behind those that are there, in one piece: other commands may run at the same time.
fn append(file: &Path, device: &str, digest: [u8; 32]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let line = format!("{device} {}\n", String::from(CertificatePin::Sha256(digest)));
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}

/// The pins in a file, the first of each controller. Lines that make no sense are passed over.
fn read(file: &Path) -> Option<HashMap<String, [u8; 32]>> {
    if std::fs::metadata(file).ok()?.len() > LARGEST_FILE {
        return None;
    }
    let mut pins = HashMap::new();
    for line in std::fs::read_to_string(file).ok()?.lines() {
        let Some((device, pin)) = line.split_once(' ') else { continue };
        if let Ok(CertificatePin::Sha256(digest)) = CertificatePin::try_from(pin.to_owned()) {
            pins.entry(device.to_owned()).or_insert(digest);
        }
    }
    Some(pins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ironhand/certificates");
        let first = KeptCertificates::of(Some(file.clone()));
        assert_eq!(first.take("192.0.2.1:443", [1; 32]), [1; 32]);
        assert_eq!(first.take("192.0.2.1:443", [2; 32]), [1; 32]);
        append(&file, "192.0.2.1:443", [3; 32]).unwrap();
        OpenOptions::new().append(true).open(&file).unwrap().write_all(b"damaged\n").unwrap();

        let next = KeptCertificates::of(Some(file));
        assert_eq!(next.take("192.0.2.1:443", [4; 32]), [1; 32]);
        assert_eq!(next.take("[2001:db8::1]:443", [5; 32]), [5; 32]);
    }
}
