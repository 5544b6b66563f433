//! The data directory: the key file, and the rights that keep others out.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use ironhand_api::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::keyring::Keyring;
use crate::seal::Sealer;

/// The database, in the data directory.
pub(crate) const DATABASE_FILE: &str = "ironhand.db";

/// The key that passwords are sealed under, in the data directory. Kept apart in a file of its own so that backups
/// of the database can be made without it.
pub(crate) const KEY_FILE: &str = "key";

/// Held while the store is opened or its key replaced, so that two first starts do not both make a key or a schema,
/// and nobody takes a replacement under way for one that a crash has left.
const LOCK_FILE: &str = "opening.lock";

/// Octets of a key file that are read: more than any key has, so that a wrong file is not read whole.
const KEY_FILE_LIMIT: u64 = 1024;

/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

/// Where the key that passwords are sealed under comes from.
///
/// The store reads no environment variable: whoever opens it says what was given.
#[derive(Clone)]
pub enum KeySource {
    /// The file `key` in the data directory. Made, readable by its owner alone, where it is missing.
    File,
    /// The key itself, 32 bytes in base64 as the key file has it, from wherever the caller keeps secrets.
    Value(SecretString),
}

/// A data directory that is ready for its database to be opened.
pub(crate) struct Prepared {
    pub(crate) keyring: Keyring,
    pub(crate) database: PathBuf,
    /// Others who open the same directory wait until this is dropped.
    pub(crate) lock: File,
}

/// Makes what is missing in the data directory and reads its key. Blocks on the disk, and on others who open it.
pub(crate) fn prepare(directory: &Path, key: &KeySource) -> Result<Prepared, StoreError> {
    let directory = std::path::absolute(directory).map_err(fault("find the directory", directory))?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .map_err(fault("create the directory", &directory))?;
    let lock = lock(&directory)?;
    let keyring = match key {
        KeySource::File => Keyring::new(sealer_from_file(&directory)?, Some(directory.clone())),
        KeySource::Value(text) => {
            let sealer = Sealer::from_text(text.expose_secret(), "the given value")?;
            if sealer.has_other() {
                return Err(StoreError::KeyMalformed { origin: "the given value".to_owned() });
            }
            Keyring::new(sealer, None)
        }
    };
    // SQLite gives its journal files the rights of the database file, so this one decides for all.
    let database = directory.join(DATABASE_FILE);
    open_private(&database)?;
    Ok(Prepared { keyring, database, lock })
}

/// The text of the key file, which is made where it is missing.
fn key_text(directory: &Path) -> Result<Zeroizing<String>, StoreError> {
    let path = directory.join(KEY_FILE);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_key_file(directory, &Sealer::generate()?)?;
            File::open(&path)
        }
        opened => opened,
    }
    .map_err(fault("read the key file", &path))?;
    let mode = file.metadata().map_err(fault("read the key file", &path))?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(StoreError::KeyFileExposed { path, mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(KEY_FILE_LIMIT).read_to_string(&mut text).map_err(fault("read the key file", &path))?;
    Ok(text)
}

/// The keys in the key file. Blocks on the disk.
pub(crate) fn sealer_from_file(directory: &Path) -> Result<Sealer, StoreError> {
    sealer_of(directory, &key_text(directory)?)
}

fn sealer_of(directory: &Path, text: &str) -> Result<Sealer, StoreError> {
    Sealer::from_text(text, &format!("the key file `{}`", directory.join(KEY_FILE).display()))
}

/// Puts a fresh key below the one in the key file, unless an unfinished replacement has left one there. Returns both;
/// the old one seals.
pub(crate) fn add_key(directory: &Path) -> Result<Sealer, StoreError> {
    let text = key_text(directory)?;
    let sealer = sealer_of(directory, &text)?;
    if sealer.has_other() {
        return Ok(sealer);
    }
    let both = Zeroizing::new(format!("{}\n{}", text.trim(), *Sealer::generate()?));
    write_key_file(directory, &both)?;
    sealer_of(directory, &both)
}

/// Drops the old key from a key file that holds two. Returns the new one.
pub(crate) fn drop_old_key(directory: &Path) -> Result<Sealer, StoreError> {
    let text = key_text(directory)?;
    let newest = text.trim().lines().next_back().unwrap_or_default();
    let sealer = sealer_of(directory, newest)?;
    write_key_file(directory, newest)?;
    Ok(sealer)
}

/// When the key file was written last.
pub(crate) fn key_written_at(directory: &Path) -> Result<Timestamp, StoreError> {
    let path = directory.join(KEY_FILE);
    let modified = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
    let modified = modified.map_err(fault("read the key file", &path))?;
    // A clock that stood before 1970 tells nothing.
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Timestamp::from_millis(0).after(since))
}

/// Writes keys beside their place and moves them there when they are safely on the disk: a crash in between leaves no
/// half-written key.
fn write_key_file(directory: &Path, keys: &str) -> Result<(), StoreError> {
    let path = directory.join(KEY_FILE);
    let fresh = path.with_extension("new");
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(fault("remove the unfinished key file", &fresh)(error));
        }
        _ => {}
    }
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(keys.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&fresh, &path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(fault("write the key file", &path))
}

/// Keeps others from opening the store, and from replacing its key, until what is returned is dropped. Blocks on them.
pub(crate) fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join(LOCK_FILE);
    let lock = open_private(&path)?;
    lock.lock().map_err(fault("lock", &path))?;
    Ok(lock)
}

/// Opens a file, made readable by its owner alone where it is missing.
fn open_private(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(fault("open", path))
}

fn fault(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { doing, path, source: Arc::new(source) }
}
