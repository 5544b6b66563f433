//! All media of a server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures_util::{Stream, StreamExt};
use ironhand_api::{Media, MediaEntry, MediaRequest, MediaSpec, MediaState, MediaStatus, Name};
use ironhand_boot_port::Content;

use super::download;
use super::intake::{Intake, MediaError, digest};
use super::shelved::{Shelved, media};
use crate::changes::Changes;

/// The folder of all media below the data folder.
const FOLDER: &str = "media";

/// All media: those that are served, and those that are being added.
pub(crate) struct Library {
    folder: PathBuf,
    shelves: RwLock<BTreeMap<Name, Arc<Shelved>>>,
    adding: Mutex<BTreeMap<Name, Arc<Adding>>>,
    /// Told when a medium is there or gone.
    changes: Changes,
}

/// A medium that is being added, or could not be.
pub(super) struct Adding {
    spec: MediaSpec,
    /// The bytes that have arrived.
    pub(super) received: AtomicU64,
    /// The bytes that are expected; 0 where that is not known.
    pub(super) expected: AtomicU64,
    failed: Mutex<Option<String>>,
}

/// What arrives over the API.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// One file.
    File,
    /// Archives with loaders, so many bytes each.
    Loaders(Vec<u64>),
}

impl Library {
    /// Opens the library below the data folder: removes what a crash left half done, and indexes the rest.
    pub(crate) async fn open(data: &Path, changes: Changes) -> Arc<Self> {
        let folder = data.join(FOLDER);
        let of = folder.clone();
        let shelves = tokio::task::spawn_blocking(move || load_all(&of)).await.unwrap_or_default();
        Arc::new(Self { folder, shelves: RwLock::new(shelves), adding: Mutex::default(), changes })
    }

    /// The content at `path`, which begins with the name of a medium. An image is at `NAME.iso` and `NAME/image.iso` as
    /// a whole. Nothing is waited for but the opening of a loader's file.
    pub(crate) fn find(&self, path: &str) -> Option<Content> {
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        if !rest.is_empty() {
            return self.shelved(name)?.find(rest);
        }
        self.shelved(name.strip_suffix(".iso")?)?.find("image.iso")
    }

    /// All media by name, also those that are being added.
    pub(crate) fn list(&self) -> Vec<Media> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: BTreeMap<Name, Media> =
            self.adding().iter().map(|(name, adding)| (name.clone(), adding.shown(name))).collect();
        all.extend(shelves.iter().map(|(name, shelved)| (name.clone(), shelved.media.clone())));
        all.into_values().collect()
    }

    /// One medium.
    pub(crate) fn get(&self, name: &Name) -> Result<Media, MediaError> {
        if let Some(shelved) = self.shelved(name.as_str()) {
            return Ok(shelved.media.clone());
        }
        self.adding().get(name).map(|adding| adding.shown(name)).ok_or(MediaError::Missing)
    }

    /// What stands at `path` of a medium.
    pub(crate) fn entries(&self, name: &Name, path: &str) -> Result<Option<Vec<MediaEntry>>, MediaError> {
        let shelved = self.shelved(name.as_str()).ok_or(MediaError::Missing)?;
        Ok(shelved.list(path.trim_matches('/')))
    }

    /// Takes in what `stream` brings.
    pub(crate) async fn receive<B, E>(
        &self,
        name: &Name,
        spec: MediaSpec,
        form: Form,
        stream: impl Stream<Item = Result<B, E>>,
    ) -> Result<Media, MediaError>
    where
        B: AsRef<[u8]>,
        E: std::fmt::Display,
    {
        let adding = self.begin(name, spec)?;
        // Whoever sends may go away at any time, and this ends where it waits.
        let _claim = Claim { library: self, name };
        let mut intake = Intake::begin(&self.folder, name, adding.spec.clone());
        let taken = async {
            let intake =
                intake.as_mut().map_err(|_| MediaError::Asked("the folder of media cannot be written"))?;
            let mut stream = std::pin::pin!(stream);
            while let Some(bytes) = stream.next().await {
                let bytes = bytes
                    .map_err(|error| MediaError::Fetch(format!("the bytes ended too early: {error}")))?;
                intake.write(bytes.as_ref())?;
                adding.received.fetch_add(bytes.as_ref().len() as u64, Ordering::Relaxed);
            }
            Ok(())
        }
        .await;
        // Whoever sent the bytes is told of a failure at once, so that there is nothing to keep of it.
        let done = match (intake, taken) {
            (Ok(intake), Ok(())) => {
                blocking(move || match form {
                    Form::File => intake.finish(),
                    Form::Loaders(archives) => intake.finish_loaders(&archives),
                })
                .await
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        self.shelve(name, done?)
    }

    /// Begins to fetch or to link a medium, and answers at once; [`Library::get`] tells how it goes on.
    pub(crate) fn start(self: &Arc<Self>, name: &Name, request: MediaRequest) -> Result<Media, MediaError> {
        let sha256 = digest(request.sha256.as_deref())?;
        let (url, spec) = match (request.url, request.path) {
            (Some(url), None) => {
                let checked = download::Url::read(&url)?;
                (Some(checked), MediaSpec { source: url, link: None, sha256 })
            }
            (None, Some(path)) if Path::new(&path).is_absolute() => {
                (None, MediaSpec { source: path.clone(), link: Some(path), sha256 })
            }
            (None, Some(_)) => return Err(MediaError::Asked("the path of a file to link must be absolute")),
            _ => return Err(MediaError::Asked("either `url` or `path` is wanted")),
        };
        let adding = self.begin(name, spec)?;
        let shown = adding.shown(name);
        let (library, name) = (Arc::clone(self), name.clone());
        tokio::spawn(async move {
            let done = match url {
                Some(url) => library.fetch(&name, &adding, url).await,
                None => library.link(&name, &adding).await,
            };
            let ended = done.and_then(|shelved| library.shelve(&name, shelved));
            match ended {
                Ok(_) => drop(library.adding().remove(&name)),
                Err(error) => {
                    tracing::warn!(%name, %error, "a medium could not be added");
                    *adding.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                }
            }
        });
        Ok(shown)
    }

    async fn fetch(&self, name: &Name, adding: &Adding, url: download::Url) -> Result<Shelved, MediaError> {
        let mut intake = Intake::begin(&self.folder, name, adding.spec.clone())?;
        download::fetch(url, adding, |bytes| intake.write(bytes)).await?;
        blocking(move || intake.finish()).await
    }

    async fn link(&self, name: &Name, adding: &Adding) -> Result<Shelved, MediaError> {
        let intake = Intake::begin(&self.folder, name, adding.spec.clone())?;
        blocking(move || intake.finish_link()).await
    }

    /// Removes a medium. Who is being served a file of it is served it to the end.
    pub(crate) async fn remove(&self, name: &Name) -> Result<(), MediaError> {
        let failed_before = self.adding().get(name).is_some_and(|adding| adding.has_failed());
        if failed_before {
            self.adding().remove(name);
        }
        let shelved = self.shelves.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        if shelved.is_none() {
            return if failed_before { Ok(()) } else { Err(MediaError::Missing) };
        }
        self.changes.note();
        let (place, aside) = (self.folder.join(name.as_str()), self.folder.join(format!(".removed-{name}")));
        blocking(move || {
            fs::rename(&place, &aside)
                .and_then(|()| fs::remove_dir_all(&aside))
                .map_err(|source| MediaError::file(&place, source))
        })
        .await
    }

    fn begin(&self, name: &Name, mut spec: MediaSpec) -> Result<Arc<Adding>, MediaError> {
        spec.sha256 = digest(spec.sha256.as_deref())?;
        let mut adding = self.adding();
        let busy = adding.get(name).is_some_and(|before| !before.has_failed());
        if busy || self.shelved(name.as_str()).is_some() {
            return Err(MediaError::Exists);
        }
        let new = Arc::new(Adding {
            spec,
            received: AtomicU64::new(0),
            expected: AtomicU64::new(0),
            failed: Mutex::default(),
        });
        adding.insert(name.clone(), Arc::clone(&new));
        Ok(new)
    }

    fn shelve(&self, name: &Name, shelved: Shelved) -> Result<Media, MediaError> {
        let media = shelved.media.clone();
        self.shelves.write().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), Arc::new(shelved));
        self.changes.note();
        Ok(media)
    }

    fn shelved(&self, name: &str) -> Option<Arc<Shelved>> {
        self.shelves.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn adding(&self) -> std::sync::MutexGuard<'_, BTreeMap<Name, Arc<Adding>>> {
        self.adding.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a medium that is being received, free again when this is dropped.
struct Claim<'a> {
    library: &'a Library,
    name: &'a Name,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.library.adding().remove(self.name);
    }
}

impl Adding {
    fn has_failed(&self) -> bool {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn shown(&self, name: &Name) -> Media {
        let detail = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = MediaStatus {
            state: if detail.is_some() { MediaState::Failed } else { MediaState::Adding },
            detail,
            size: self.expected.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            ..MediaStatus::default()
        };
        media(name, self.spec.clone(), status)
    }
}

/// Work with files, off the threads that serve others.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MediaError> + Send + 'static,
) -> Result<T, MediaError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(MediaError::Asked("the work on the medium broke off; see the log of the server")),
    }
}

fn load_all(folder: &Path) -> BTreeMap<Name, Arc<Shelved>> {
    let mut shelves = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return shelves };
    for entry in entries.flatten() {
        let text = entry.file_name().to_string_lossy().into_owned();
        if text.starts_with('.') {
            tracing::info!(folder = %entry.path().display(), "what was left of a medium is removed");
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!(folder = %entry.path().display(), %error, "it cannot be removed");
            }
            continue;
        }
        let Ok(name) = text.parse::<Name>() else { continue };
        match Shelved::load(&name, &entry.path()) {
            Ok(shelved) => drop(shelves.insert(name, Arc::new(shelved))),
            Err(error) => tracing::error!(%name, %error, "a medium is left out"),
        }
    }
    shelves
}
