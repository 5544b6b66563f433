//! What was learned of BMCs, kept from one command to the next.
//!
//! Most BMCs need nothing kept: they speak the suite that is tried first. Of the others a file in the user's cache holds
//! the suite, so that the next command asks them in ten packets as well. A file that is lost or damaged costs two
//! packets more, so nothing here is an error.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ironhand_ipmi::{CipherSuite, Learned};
use serde::{Deserialize, Serialize};

/// BMCs that are kept at most: a file of a few megabytes.
const LIMIT: usize = 100_000;

/// The largest file that is read.
const LARGEST_FILE: u64 = 16 << 20;

/// What is kept of one BMC.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    cipher_suite: u8,
}

/// What was learned of BMCs.
pub struct Memory {
    /// `None` where the user has no cache folder.
    file: Option<PathBuf>,
    entries: BTreeMap<SocketAddr, Entry>,
    changed: bool,
}

impl Memory {
    /// Reads what was kept: `ironhand/bmcs.json` in `XDG_CACHE_HOME`, else in `~/.cache`.
    pub fn read() -> Self {
        let file = cache_file("bmcs.json");
        let entries = file.as_ref().and_then(read).unwrap_or_default();
        Self { file, entries, changed: false }
    }

    /// What is known of a BMC.
    pub fn of(&self, bmc: SocketAddr) -> Learned {
        let suite = self.entries.get(&bmc).and_then(|entry| CipherSuite::from_id(entry.cipher_suite));
        Learned { suite, ..Learned::default() }
    }

    /// Takes what a command has learned of a BMC.
    pub fn keep(&mut self, bmc: SocketAddr, learned: Learned) {
        let Some(suite) = learned.suite else { return };
        let entry = Entry { cipher_suite: suite.id() };
        let before = if Some(&suite) == CipherSuite::PREFERRED.first() {
            self.entries.remove(&bmc).is_some()
        } else if self.entries.len() < LIMIT || self.entries.contains_key(&bmc) {
            self.entries.insert(bmc, entry) != Some(entry)
        } else {
            false
        };
        self.changed |= before;
    }

    /// Writes what has changed, under another name first: a command that runs at the same time reads the old file or the
    /// new one.
    pub fn write(&self) {
        if !self.changed {
            return;
        }
        let Some((file, folder)) = self.file.as_ref().and_then(|file| Some((file, file.parent()?))) else {
            return;
        };
        let written = std::fs::create_dir_all(folder).and_then(|()| {
            let mut new = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer(std::io::BufWriter::new(&mut new), &self.entries)?;
            new.persist(file).map_err(|error| error.error)
        });
        if let Err(error) = written {
            tracing::debug!(file = %file.display(), %error, "what was learned of BMCs is not kept");
        }
    }
}

/// A file of ours in the user's cache; none where the user has no cache folder.
pub(super) fn cache_file(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    folder.map(|folder| folder.join("ironhand").join(name))
}

fn read(file: &PathBuf) -> Option<BTreeMap<SocketAddr, Entry>> {
    if std::fs::metadata(file).ok()?.len() > LARGEST_FILE {
        return None;
    }
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(folder: &std::path::Path) -> Memory {
        let file = folder.join("ironhand").join("bmcs.json");
        Memory { entries: read(&file).unwrap_or_default(), file: Some(file), changed: false }
    }

    #[test]
    fn only_what_is_out_of_the_ordinary_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let bmc: SocketAddr = "192.0.2.1:623".parse().unwrap();
        let learned = |suite| Learned { suite: Some(suite), ..Learned::default() };

        let mut first = memory(folder.path());
        first.keep(bmc, learned(CipherSuite::Suite17));
        first.keep(bmc, Learned::default());
        assert!(!first.changed);
        first.keep(bmc, learned(CipherSuite::Suite3));
        first.write();

        let mut second = memory(folder.path());
        assert_eq!(second.of(bmc).suite, Some(CipherSuite::Suite3));
        assert_eq!(second.of("192.0.2.2:623".parse().unwrap()).suite, None);
        second.keep(bmc, learned(CipherSuite::Suite3));
        assert!(!second.changed);
        second.keep(bmc, learned(CipherSuite::Suite17));
        second.write();
        assert_eq!(memory(folder.path()).of(bmc).suite, None);
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut before = memory(folder.path());
        before.keep(
            "[::1]:623".parse().unwrap(),
            Learned { suite: Some(CipherSuite::Suite3), ..Learned::default() },
        );
        before.write();
        std::fs::write(before.file.as_ref().unwrap(), "{\"").unwrap();
        assert!(memory(folder.path()).entries.is_empty());
    }
}
