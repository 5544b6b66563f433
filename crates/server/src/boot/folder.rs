//! Files that people put into the folder `boot` of the data directory: loaders, kernels and scripts of their own.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use ironhand_boot_port::http::media_type;
use ironhand_boot_port::{Body, Content, Part};

/// The folder.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    /// The file at a path.
    pub(super) fn find(&self, path: &str) -> Option<Content> {
        let (file, about) = self.open(path)?;
        let stamp = (about.mtime(), about.mtime_nsec());
        Some(Content {
            etag: format!("{:x}-{:x}-{:x}-{:x}", about.ino(), about.len(), stamp.0, stamp.1),
            modified: about.modified().ok(),
            media_type: media_type(path).into(),
            body: Body::File {
                file: Arc::new(file),
                parts: Arc::new([Part { offset: 0, length: about.len() }]),
            },
        })
    }

    /// A file, opened. Where a path leads out of the folder, by a link too, there is none.
    fn open(&self, path: &str) -> Option<(File, Metadata)> {
        let hidden = |part: &str| part.starts_with('.') || part.contains('\0');
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if parts.is_empty() || parts.iter().any(|part| hidden(part)) {
            return None;
        }
        let folder = self.0.canonicalize().ok()?;
        let found = folder.join(parts.iter().collect::<PathBuf>()).canonicalize().ok()?;
        if !found.starts_with(&folder) {
            return None;
        }
        let file = File::open(found).ok()?;
        let about = file.metadata().ok().filter(Metadata::is_file)?;
        Some((file, about))
    }
}
