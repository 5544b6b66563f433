//! The data directory: the key file, and the rights that keep others out.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::seal::Sealer;

/// The database, in the data directory.
pub(crate) const DATABASE_FILE: &str = "ironhand.db";

/// The key that passwords are sealed under, in the data directory. Kept apart in a file of its own so that backups
/// of the database can be made without it.
pub(crate) const KEY_FILE: &str = "key";

/// Held while the store is opened, so that two first starts do not both make a key or a schema.
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
    pub(crate) sealer: Sealer,
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
    let lock = open_private(&directory.join(LOCK_FILE))?;
    lock.lock().map_err(fault("lock", &directory.join(LOCK_FILE)))?;
    let sealer = match key {
        KeySource::File => sealer_from_file(&directory)?,
        KeySource::Value(text) => Sealer::from_text(text.expose_secret(), "the given value")?,
    };
    // SQLite gives its journal files the rights of the database file, so this one decides for all.
    let database = directory.join(DATABASE_FILE);
    open_private(&database)?;
    Ok(Prepared { sealer, database, lock })
}

fn sealer_from_file(directory: &Path) -> Result<Sealer, StoreError> {
    let path = directory.join(KEY_FILE);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_key_file(directory, &path)?;
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
    Sealer::from_text(&text, &format!("the key file `{}`", path.display()))
}

/// Writes a fresh key beside its place and moves it there when it is safely on the disk: a crash in between leaves
/// no half-written key.
fn create_key_file(directory: &Path, path: &Path) -> Result<(), StoreError> {
    let key = Sealer::generate()?;
    let fresh = path.with_extension("new");
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(fault("remove the unfinished key file", &fresh)(error));
        }
        _ => {}
    }
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(key.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(fault("create the key file", path))
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
