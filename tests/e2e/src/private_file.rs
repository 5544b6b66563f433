//! Files with passwords and keys, for programs that take them from nowhere else.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use tempfile::NamedTempFile;

/// A file with this text that only its owner may read, as FreeIPMI wants it; removed when dropped.
pub fn private_file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o600)).expect("a private file");
    file.write_all(text.as_bytes()).expect("written");
    file
}
