//! A medium that is served.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ironhand_api::{
    Media, MediaEntry, MediaForm, MediaLoader, MediaMetadata, MediaSpec, MediaState, MediaStatus, Name,
    Timestamp,
};
use ironhand_boot_port::http::media_type;
use ironhand_boot_port::{Body, Content, Part};
use ironhand_media::{Entry, Extent, Image, Medium, Node, Source, SourceError, Tree, recognise};
use serde::{Deserialize, Serialize};

use super::MediaError;

/// The bytes of a medium that is one file.
pub(super) const BYTES: &str = "bytes";
/// The folder of a medium of loaders.
pub(super) const FILES: &str = "files";
/// What is kept of a medium beside its bytes.
pub(super) const RECORD: &str = "medium.json";
/// Under which name an image is served whole, beside the files in it.
const WHOLE: &str = "image.iso";

/// What `medium.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) spec: MediaSpec,
    pub(super) added: Timestamp,
    /// The digest of the bytes; absent for a link that nobody gave a digest for.
    pub(super) sha256: Option<String>,
    /// The files of a medium of loaders.
    #[serde(default)]
    pub(super) loaders: Vec<MediaLoader>,
}

/// A medium that is served, or was and cannot be any more.
pub(super) struct Shelved {
    pub(super) media: Media,
    holds: Holds,
}

enum Holds {
    /// One file, and what lies in it where it is an image.
    Bytes { opened: Opened, tree: Option<Tree>, file_name: String },
    /// Files, by their paths in small letters.
    Files(BTreeMap<String, Loader>),
    /// Nothing that could be read.
    Nothing,
}

struct Loader {
    path: PathBuf,
    shown: MediaLoader,
}

/// A file as it was when it was opened.
pub(super) struct Opened {
    file: Arc<File>,
    length: u64,
    modified: Option<SystemTime>,
    /// What tells it from other contents.
    etag: String,
    changed: (i64, i64),
}

impl Source for Opened {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        self.file.read_exact_at(buffer, offset).map_err(|error| SourceError(error.to_string()))
    }
}

impl Opened {
    fn open(path: &Path, sha256: Option<&str>) -> io::Result<Self> {
        let file = File::open(path)?;
        let facts = file.metadata()?;
        if !facts.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let changed = (facts.mtime(), facts.mtime_nsec());
        let etag = match sha256 {
            Some(digest) => digest.chars().take(32).collect(),
            None => format!("{:x}-{:x}-{:x}-{:x}", facts.ino(), facts.len(), changed.0, changed.1),
        };
        Ok(Self { length: facts.len(), modified: facts.modified().ok(), file: Arc::new(file), etag, changed })
    }

    /// Whether the file is still what was indexed; one that is linked may be written to by others.
    fn is_same(&self) -> bool {
        self.file.metadata().is_ok_and(|facts| {
            facts.len() == self.length && (facts.mtime(), facts.mtime_nsec()) == self.changed
        })
    }

    fn content(&self, name: &str, extents: &[Extent]) -> Content {
        let parts: Vec<Part> =
            extents.iter().map(|extent| Part { offset: extent.offset, length: extent.length }).collect();
        let first = extents.first().map_or(0, |extent| extent.offset);
        let length: u64 = extents.iter().map(|extent| extent.length).sum();
        Content {
            body: Body::File { file: Arc::clone(&self.file), parts: parts.into() },
            media_type: media_type(name).into(),
            etag: format!("{}-{first:x}-{length:x}", self.etag),
            modified: self.modified,
        }
    }
}

impl Shelved {
    /// Reads the medium in `folder`. What cannot be read is shelved as failed, with the reason.
    pub(super) fn load(name: &Name, folder: &Path) -> Result<Self, MediaError> {
        let path = folder.join(RECORD);
        let text = fs::read(&path).map_err(|source| MediaError::file(&path, source))?;
        let record: Record = serde_json::from_slice(&text)
            .map_err(|error| MediaError::file(&path, io::Error::other(error.to_string())))?;
        Ok(Self::open(name, folder, &record).unwrap_or_else(|error| {
            tracing::error!(%name, %error, "a medium cannot be served");
            let status = MediaStatus {
                state: MediaState::Failed,
                detail: Some(error.to_string()),
                ..MediaStatus::default()
            };
            Self { media: media(name, record.spec, status), holds: Holds::Nothing }
        }))
    }

    /// Opens and indexes the medium in `folder`.
    pub(super) fn open(name: &Name, folder: &Path, record: &Record) -> Result<Self, MediaError> {
        let mut status = MediaStatus {
            state: MediaState::Ready,
            sha256: record.sha256.clone(),
            added: Some(record.added),
            ..MediaStatus::default()
        };
        if !record.loaders.is_empty() {
            return Ok(Self::loaders(name, folder, record, status));
        }
        let path = record.spec.link.as_ref().map_or_else(|| folder.join(BYTES), PathBuf::from);
        let opened = Opened::open(&path, record.sha256.as_deref())
            .map_err(|source| MediaError::file(&path, source))?;
        status.size = opened.length;
        let file_name = file_name(&record.spec.source);
        let tree = match Image::index(&opened) {
            Ok(image) => {
                describe(&mut status, &image, &recognise(&(&image.tree, &opened as &dyn Source)), &opened);
                Some(image.tree)
            }
            Err(ironhand_media::Error::NoVolume) => {
                (status.form, status.files) = (Some(MediaForm::File), 1);
                None
            }
            Err(error @ ironhand_media::Error::Udf(_)) => {
                (status.form, status.files) = (Some(MediaForm::File), 1);
                status.notes.push(error.to_string());
                None
            }
            Err(error) => return Err(MediaError::Image(error)),
        };
        Ok(Self {
            media: media(name, record.spec.clone(), status),
            holds: Holds::Bytes { opened, tree, file_name },
        })
    }

    fn loaders(name: &Name, folder: &Path, record: &Record, mut status: MediaStatus) -> Self {
        status.form = Some(MediaForm::Loaders);
        status.files = record.loaders.len() as u64;
        status.size = record.loaders.iter().map(|loader| loader.size).sum();
        status.loaders = record.loaders.clone();
        let files = record.loaders.iter().map(|loader| {
            let path = folder.join(FILES).join(&loader.path);
            (loader.path.to_lowercase(), Loader { path, shown: loader.clone() })
        });
        Self { holds: Holds::Files(files.collect()), media: media(name, record.spec.clone(), status) }
    }

    /// The content at `path`, without regard to case.
    pub(super) fn find(&self, path: &str) -> Option<Content> {
        match &self.holds {
            Holds::Bytes { opened, tree, file_name } => {
                if !opened.is_same() {
                    tracing::error!(name = %self.media.metadata.name, "the file of a linked medium changed: add it again");
                    return None;
                }
                if let Some(entry) = tree.as_ref().and_then(|tree| tree.find(path)) {
                    let Node::File { extents, .. } = entry.node else { return None };
                    return Some(opened.content(entry.name, extents));
                }
                let whole = [Extent { offset: 0, length: opened.length }];
                let is_whole = path.eq_ignore_ascii_case(WHOLE) && tree.is_some() || path == file_name;
                is_whole.then(|| opened.content(path, &whole))
            }
            Holds::Files(files) => {
                let loader = files.get(&path.to_lowercase())?;
                let opened = Opened::open(&loader.path, loader.shown.sha256.as_deref()).ok()?;
                Some(opened.content(path, &[Extent { offset: 0, length: opened.length }]))
            }
            Holds::Nothing => None,
        }
    }

    /// What stands in the folder at `path`; the file itself for a file.
    pub(super) fn list(&self, path: &str) -> Option<Vec<MediaEntry>> {
        match &self.holds {
            Holds::Bytes { tree: Some(tree), .. } => {
                let entry = tree.find(path)?;
                let at = tree.path(&entry);
                if entry.node != Node::Directory {
                    return Some(vec![shown(at, &entry)]);
                }
                let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
                Some(tree.list(&entry).map(|entry| shown(below(entry.name), &entry)).collect())
            }
            Holds::Bytes { opened, file_name, .. } => {
                let is_it = path.is_empty() || path == file_name;
                is_it.then(|| vec![file(file_name.clone(), opened.length)])
            }
            Holds::Files(files) => {
                let prefix = path.to_lowercase();
                let below = |key: &str| {
                    prefix.is_empty()
                        || key == prefix
                        || key.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('/'))
                };
                let entries: Vec<MediaEntry> = files
                    .iter()
                    .filter(|(key, _)| below(key))
                    .map(|(_, loader)| file(loader.shown.path.clone(), loader.shown.size))
                    .collect();
                (!entries.is_empty()).then_some(entries)
            }
            Holds::Nothing => None,
        }
    }
}

/// What a medium looks like to people and programs.
pub(super) fn media(name: &Name, spec: MediaSpec, status: MediaStatus) -> Media {
    Media {
        api_version: "ironhand/v1".to_owned(),
        kind: "Media".to_owned(),
        metadata: MediaMetadata { name: name.clone() },
        spec,
        status,
    }
}

/// The last part of a path or URL, by which a single file is served.
fn file_name(source: &str) -> String {
    let plain = source.split(['?', '#']).next().unwrap_or(source);
    plain.rsplit('/').find(|part| !part.is_empty()).unwrap_or("file").to_owned()
}

fn file(path: String, size: u64) -> MediaEntry {
    MediaEntry { path, node: "file".to_owned(), size: Some(size), target: None }
}

fn shown(path: String, entry: &Entry<'_>) -> MediaEntry {
    let (node, size, target) = match &entry.node {
        Node::Directory => ("folder", None, None),
        Node::File { length, .. } => ("file", Some(*length), None),
        Node::Link { target } => ("link", None, Some((*target).to_owned())),
        Node::Other => ("other", None, None),
    };
    MediaEntry { path, node: node.to_owned(), size, target }
}

fn describe(status: &mut MediaStatus, image: &Image, medium: &Medium, opened: &Opened) {
    status.form = Some(MediaForm::Image);
    status.files =
        image.tree.walk().filter(|(_, entry)| matches!(entry.node, Node::File { .. })).count() as u64;
    status.label = Some(image.label.clone()).filter(|label| !label.is_empty());
    status.family = medium.family.map(|family| family.name().to_owned());
    status.title.clone_from(&medium.title);
    status.architecture = medium.architecture.map(str::to_owned);
    status.kernel.clone_from(&medium.kernel);
    status.initrd.clone_from(&medium.initrd);
    status.second_stage.clone_from(&medium.second_stage);
    status.notes = medium.notes.iter().map(|note| (*note).to_owned()).collect();
    if let Some(error) = &image.left_out {
        status
            .notes
            .push(format!("its files are those of ISO 9660, since UDF beside it is not read: {error}"));
    }
    for path in &medium.loaders {
        let Some(Node::File { extents: [extent, ..], length }) =
            image.tree.find(path).map(|entry| entry.node)
        else {
            continue;
        };
        let mut head = vec![0; extent.length.min(4_096) as usize];
        let program =
            opened.read(extent.offset, &mut head).ok().and_then(|()| ironhand_media::Program::read(&head));
        status.loaders.push(MediaLoader {
            path: path.clone(),
            size: length,
            sha256: None,
            machine: program.map(|program| program.machine.name().to_owned()),
            signed: program.is_some_and(|program| program.signed),
        });
    }
}
