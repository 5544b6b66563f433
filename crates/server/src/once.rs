//! What a server makes once and keeps: secrets and identifiers in the data directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// What a file holds; where there is none, what is made for it, and kept from now on for the owner of the file alone.
///
/// It is written whole under another name first: half of it would be another secret, or none, at the next start.
///
/// # Errors
///
/// Where the file cannot be read or written, or nothing can be made.
pub(crate) fn kept(path: &Path, make: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let made = make()?;
    let born = path.with_extension("new");
    // One that a crash left behind may have been made with other rights.
    match fs::remove_file(&born) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&born)?;
    file.write_all(&made)?;
    file.sync_all()?;
    fs::rename(&born, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(made)
}
