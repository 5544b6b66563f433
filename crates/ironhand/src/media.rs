//! `ironhand media`: images and loaders of the server that machines boot from.

mod loaders;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

use futures_util::{Stream, stream};
use indicatif::{ProgressBar, ProgressStyle};
use ironhand_api::{Media, MediaEntry, MediaRequest, MediaState, Name};
use ironhand_client::{Client, MediaUpload};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::args::AddMedia;
use crate::exit::Failure;
use crate::output::{Field, Output, Tone, line, write_bytes};

/// How often the server is asked how far it is.
const POLL: Duration = Duration::from_millis(250);
/// Bytes that are sent at a time.
const PIECE: usize = 256 * 1024;

/// `ironhand media add`.
pub async fn add(client: &Client, asked: &AddMedia, output: Output) -> Result<(), Failure> {
    let media = if !asked.loaders.is_empty() {
        let archives = loaders::gather(&asked.loaders)?;
        let upload = MediaUpload {
            file: loaders::described(&asked.loaders),
            sha256: asked.sha256.clone(),
            loaders: Some(archives.iter().map(|archive| archive.len() as u64).collect()),
        };
        client.upload_media(&asked.name, &upload, stream::iter(archives.into_iter().map(Ok))).await?
    } else {
        let source = asked.source.as_deref().unwrap_or_default();
        if source.contains("://") {
            start(client, asked, MediaRequest { url: Some(source.to_owned()), ..MediaRequest::default() })
                .await?
        } else if asked.link {
            let path = std::fs::canonicalize(source)
                .map_err(|error| Failure::File { path: source.to_owned(), source: error })?;
            let path = path.to_str().map(str::to_owned);
            start(client, asked, MediaRequest { path, ..MediaRequest::default() }).await?
        } else {
            upload(client, asked, source).await?
        }
    };
    show(&media, output)
}

async fn upload(client: &Client, asked: &AddMedia, source: &str) -> Result<Media, Failure> {
    let failed = |error| Failure::File { path: source.to_owned(), source: error };
    let file = File::open(source).await.map_err(failed)?;
    let facts = file.metadata().await.map_err(failed)?;
    if !facts.is_file() {
        return Err(Failure::Usage {
            message: format!("{source} is not a file"),
            hint: Some("an image or another single file is added; --loaders takes folders".to_owned()),
        });
    }
    let name = Path::new(source).file_name().map_or_else(|| source.into(), |name| name.to_string_lossy());
    let upload = MediaUpload { file: name.into_owned(), sha256: asked.sha256.clone(), loaders: None };
    let bar = bar(facts.len());
    let sent = client.upload_media(&asked.name, &upload, pieces(file, bar.clone())).await;
    bar.finish_and_clear();
    Ok(sent?)
}

/// The bytes of a file, piece by piece.
fn pieces(file: File, bar: ProgressBar) -> impl Stream<Item = io::Result<Vec<u8>>> + Send {
    stream::try_unfold((file, bar), |(mut file, bar)| async move {
        let mut piece = vec![0; PIECE];
        let length = file.read(&mut piece).await?;
        piece.truncate(length);
        bar.inc(length as u64);
        Ok::<_, io::Error>((length > 0).then_some((piece, (file, bar))))
    })
}

/// Has the server do it, and waits until it has.
async fn start(client: &Client, asked: &AddMedia, mut request: MediaRequest) -> Result<Media, Failure> {
    request.sha256.clone_from(&asked.sha256);
    let mut media = client.start_media(&asked.name, &request).await?;
    let bar = bar(0);
    while media.status.state == MediaState::Adding {
        tokio::time::sleep(POLL).await;
        media = client.server_medium(&asked.name).await?;
        bar.set_length(media.status.size);
        bar.set_position(media.status.received);
    }
    bar.finish_and_clear();
    if media.status.state == MediaState::Failed {
        let why = media.status.detail.unwrap_or_default();
        return Err(Failure::Failed(format!("media {}: {why}", asked.name)));
    }
    Ok(media)
}

/// A bar on a terminal, and nothing elsewhere.
fn bar(length: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    match ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// `ironhand media list`.
pub async fn list(client: &Client, output: Output) -> Result<(), Failure> {
    show_all(&client.server_media().await?, output)
}

fn show(media: &Media, output: Output) -> Result<(), Failure> {
    show_all(std::slice::from_ref(media), output)?;
    media.status.notes.iter().for_each(|text| note!("{}: {text}", media.metadata.name));
    Ok(())
}

fn show_all(media: &[Media], output: Output) -> Result<(), Failure> {
    output.list(
        media,
        &["name", "state", "what", "arch", "size", "files", "kernel", "source"],
        |media| media.metadata.name.to_string(),
        |media| {
            let status = &media.status;
            let state = match status.state {
                MediaState::Ready => Field::toned("ready", Tone::Good),
                MediaState::Adding => status.state.as_str().into(),
                MediaState::Failed => Field::toned(
                    format!("failed: {}", status.detail.as_deref().unwrap_or_default()),
                    Tone::Bad,
                ),
            };
            let what =
                status.title.clone().or_else(|| status.family.clone()).or_else(|| status.label.clone());
            vec![
                media.metadata.name.as_str().into(),
                state,
                what.unwrap_or_default().into(),
                status.architecture.clone().unwrap_or_default().into(),
                size(status.size).into(),
                status.files.to_string().into(),
                status.kernel.clone().unwrap_or_default().into(),
                media.spec.source.clone().into(),
            ]
        },
    )
}

/// `ironhand media ls`.
pub async fn ls(client: &Client, name: &Name, path: &str, output: Output) -> Result<(), Failure> {
    let entries: Vec<MediaEntry> = client.media_entries(name, path).await?;
    output.list(
        &entries,
        &["path", "size"],
        |entry| entry.path.clone(),
        |entry| {
            let path = match (&*entry.node, &entry.target) {
                ("folder", _) => format!("{}/", entry.path),
                ("link", Some(target)) => format!("{} -> {target}", entry.path),
                ("other", _) => format!("{} (not served)", entry.path),
                _ => entry.path.clone(),
            };
            vec![path.into(), entry.size.map(|size| size.to_string()).unwrap_or_default().into()]
        },
    )
}

/// `ironhand media cat`.
pub async fn cat(client: &Client, name: &Name, path: &str) -> Result<(), Failure> {
    let mut written = Ok(());
    client
        .media_file(name, path, |bytes| {
            written = write_bytes(bytes);
            written.is_ok()
        })
        .await?;
    written
}

/// `ironhand media rm`.
pub async fn rm(client: &Client, names: &[Name]) -> Result<(), Failure> {
    for name in names {
        client.remove_media(name).await?;
        line(&format!("media/{name} removed"));
    }
    Ok(())
}

/// A length as people read it.
fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}
