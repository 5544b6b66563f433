//! Where a user's server listens when nobody says otherwise.

use std::path::{Path, PathBuf};

/// The local socket of a user's server: `ironhand/api.sock` in the user's runtime directory (`$XDG_RUNTIME_DIR` of the
/// XDG base directory specification), or where there is none in `ironhand-<uid>` below the directory for temporary
/// files.
///
/// Server and clients must agree on it, hence it stands here; both pass in what their surroundings say.
///
/// ```
/// use std::path::Path;
/// use ironhand_api::local_socket;
///
/// assert_eq!(local_socket(Some(Path::new("/run/user/7")), Path::new("/tmp"), 7), Path::new("/run/user/7/ironhand/api.sock"));
/// assert_eq!(local_socket(None, Path::new("/tmp"), 7), Path::new("/tmp/ironhand-7/api.sock"));
/// ```
pub fn local_socket(runtime_dir: Option<&Path>, temp_dir: &Path, uid: u32) -> PathBuf {
    // The XDG specification tells programs to ignore a relative path.
    match runtime_dir.filter(|dir| dir.is_absolute()) {
        Some(dir) => dir.join("ironhand").join("api.sock"),
        None => temp_dir.join(format!("ironhand-{uid}")).join("api.sock"),
    }
}
