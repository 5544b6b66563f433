//! Taking in a medium: its bytes are written beside, checked, and put in their place whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ironhand_api::{MediaLoader, MediaSpec, Name};
use ironhand_media::archive::{ArchiveError, Loaders};
use sha2::{Digest, Sha256};

use super::shelved::{BYTES, FILES, RECORD, Record, Shelved};
use crate::clock;

/// Why a medium is not taken in, or not found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MediaError {
    /// There is one of that name.
    #[error("there is a medium of that name; `ironhand media rm` removes it")]
    Exists,
    /// There is none.
    #[error("there is no such medium")]
    Missing,
    /// A file of ours, or one that is linked, cannot be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The bytes are not those that were asked for.
    #[error(
        "the digest is {found}, and {wanted} was asked for: it was damaged on its way, or is another release"
    )]
    Digest {
        /// What was asked for.
        wanted: String,
        /// What came.
        found: String,
    },
    /// A digest that is none.
    #[error("`{0}` is no SHA-256 digest: 64 hexadecimal digits are wanted")]
    NoDigest(String),
    /// It is an image that cannot be read.
    #[error(transparent)]
    Image(ironhand_media::Error),
    /// It is an archive that cannot be read, or has no loaders in it.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It cannot be fetched.
    #[error("{0}")]
    Fetch(String),
    /// Not one of the requests that are known.
    #[error("{0}")]
    Asked(&'static str),
}

impl MediaError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

/// A SHA-256 digest as it is compared: in small letters.
pub(super) fn digest(text: Option<&str>) -> Result<Option<String>, MediaError> {
    let Some(text) = text else { return Ok(None) };
    let plain = text.trim().to_ascii_lowercase();
    if plain.len() == 64 && plain.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(Some(plain))
    } else {
        Err(MediaError::NoDigest(text.chars().take(80).collect()))
    }
}

/// A medium that is being written. What was written is removed if it is dropped before it is finished.
pub(super) struct Intake {
    name: Name,
    /// The folder of all media.
    library: PathBuf,
    folder: PathBuf,
    file: Option<File>,
    digest: Sha256,
    spec: MediaSpec,
    finished: bool,
}

impl Intake {
    /// Begins to write the medium `name`, in a folder whose name begins with a dot.
    pub(super) fn begin(library: &Path, name: &Name, spec: MediaSpec) -> Result<Self, MediaError> {
        let folder = library.join(format!(".adding-{name}"));
        let prepare = || {
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            fs::create_dir_all(&folder)?;
            File::create_new(folder.join(BYTES))
        };
        let file = prepare().map_err(|source| MediaError::file(&folder, source))?;
        let library = library.to_owned();
        Ok(Self {
            name: name.clone(),
            library,
            folder,
            file: Some(file),
            digest: Sha256::new(),
            spec,
            finished: false,
        })
    }

    /// Writes what came next.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        self.digest.update(bytes);
        let path = self.folder.join(BYTES);
        let Some(file) = self.file.as_mut() else { return Ok(()) };
        file.write_all(bytes).map_err(|source| MediaError::file(&path, source))
    }

    /// Checks what was written, indexes it and puts it in its place.
    pub(super) fn finish(mut self) -> Result<Shelved, MediaError> {
        let bytes = self.folder.join(BYTES);
        let failed = |source| MediaError::file(&bytes, source);
        if let Some(file) = self.file.take() {
            file.sync_all().map_err(failed)?;
        }
        let found = hex::encode(std::mem::take(&mut self.digest).finalize());
        check(self.spec.sha256.as_deref(), &found)?;
        let record =
            Record { spec: self.spec.clone(), added: clock::now(), sha256: Some(found), loaders: Vec::new() };
        self.place(&record)
    }

    /// The same for a file that is served where it lies.
    pub(super) fn finish_link(mut self) -> Result<Shelved, MediaError> {
        self.file = None;
        let bytes = self.folder.join(BYTES);
        fs::remove_file(&bytes).map_err(|source| MediaError::file(&bytes, source))?;
        let mut sha256 = None;
        if let (Some(link), Some(wanted)) = (&self.spec.link, &self.spec.sha256) {
            let path = Path::new(link);
            let mut hash = Sha256::new();
            let mut file = File::open(path).map_err(|source| MediaError::file(path, source))?;
            io::copy(&mut file, &mut HashWriter(&mut hash))
                .map_err(|source| MediaError::file(path, source))?;
            let found = hex::encode(hash.finalize());
            check(Some(wanted), &found)?;
            sha256 = Some(found);
        }
        let record = Record { spec: self.spec.clone(), added: clock::now(), sha256, loaders: Vec::new() };
        self.place(&record)
    }

    /// The same for archives of loaders, one written behind the other with [`Intake::write`]: takes the loaders out of them.
    pub(super) fn finish_loaders(mut self, archives: &[u64]) -> Result<Shelved, MediaError> {
        let bytes = self.folder.join(BYTES);
        let failed = |source| MediaError::file(&bytes, source);
        let found = hex::encode(std::mem::take(&mut self.digest).finalize());
        check(self.spec.sha256.as_deref(), &found)?;
        self.file = None;
        let mut loaders = Loaders::default();
        let mut file = File::open(&bytes).map_err(failed)?;
        for length in archives {
            loaders.take(&mut io::Read::take(&mut file, *length))?;
        }
        let mut kept = Vec::new();
        let folder = self.folder.join(FILES);
        for loader in loaders.finish()? {
            let path = folder.join(&loader.path);
            let parent = path.parent().unwrap_or(&folder);
            fs::create_dir_all(parent).map_err(|source| MediaError::file(parent, source))?;
            let write = || {
                let mut file = File::create_new(&path)?;
                file.write_all(&loader.bytes)?;
                file.sync_all()
            };
            write().map_err(|source| MediaError::file(&path, source))?;
            kept.push(MediaLoader {
                size: loader.bytes.len() as u64,
                sha256: Some(hex::encode(Sha256::digest(&loader.bytes))),
                machine: Some(loader.machine.to_owned()),
                signed: loader.signed,
                path: loader.path,
            });
        }
        fs::remove_file(&bytes).map_err(failed)?;
        let record =
            Record { spec: self.spec.clone(), added: clock::now(), sha256: Some(found), loaders: kept };
        self.place(&record)
    }

    /// Writes the record, and gives the folder its name.
    fn place(mut self, record: &Record) -> Result<Shelved, MediaError> {
        let path = self.folder.join(RECORD);
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(&serde_json::to_vec_pretty(record).map_err(io::Error::other)?)?;
            file.sync_all()?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|source| MediaError::file(&path, source))?;
        // Indexed before it has its name: what cannot be read is never put in its place.
        Shelved::open(&self.name, &self.folder, record)?;
        let place = self.library.join(self.name.as_str());
        let rename = || {
            fs::rename(&self.folder, &place)?;
            File::open(&self.library)?.sync_all()
        };
        rename().map_err(|source| MediaError::file(&place, source))?;
        self.finished = true;
        Shelved::open(&self.name, &place, record)
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_dir_all(&self.folder)
        {
            tracing::warn!(folder = %self.folder.display(), %error, "what came of a medium is removed at the next start");
        }
    }
}

fn check(wanted: Option<&str>, found: &str) -> Result<(), MediaError> {
    match wanted {
        Some(wanted) if wanted != found => {
            Err(MediaError::Digest { wanted: wanted.to_owned(), found: found.to_owned() })
        }
        _ => Ok(()),
    }
}

struct HashWriter<'a>(&'a mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
