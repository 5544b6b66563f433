//! Media of the server.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use ironhand_api::{Fault, List, Media, MediaEntry, MediaRequest, MediaSpec};
use ironhand_boot_port::{Body as Bodily, Content, Part};
use serde::Deserialize;

use super::resource::{Json, Query, body, name};
use super::{Api, ApiError, Via};
use crate::boot::media::{Form, MediaError};

/// Bytes of a file that are read at a time.
const PIECE: u64 = 256 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upload {
    /// The name of the file that the bytes are from.
    file: String,
    sha256: Option<String>,
    /// The lengths of the archives with loaders that the bytes are, divided by commas; absent for one file.
    loaders: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Below {
    #[serde(default)]
    path: String,
}

/// `GET /api/v1/media`
pub(super) async fn list(State(api): State<Arc<Api>>) -> Json<List<Media>> {
    Json(List { items: api.media.list(), next: None })
}

/// `GET /api/v1/media/{name}`
pub(super) async fn get(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<Media>, ApiError> {
    let name = name(&text)?;
    api.media.get(&name).map(Json).map_err(|error| refused(&text, &error))
}

/// `DELETE /api/v1/media/{name}`
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<StatusCode, ApiError> {
    let name = name(&text)?;
    api.media.remove(&name).await.map_err(|error| refused(&text, &error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /api/v1/media/{name}`: takes the bytes of the body. They go to the disk as they come, whatever their number.
pub(super) async fn upload(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    Query(asked): Query<Upload>,
    bytes: Body,
) -> Result<(StatusCode, Json<Media>), ApiError> {
    let name = name(&text)?;
    let form = match asked.loaders {
        None => Form::File,
        Some(lengths) => {
            let lengths: Result<Vec<u64>, _> = lengths.split(',').map(str::parse).collect();
            Form::Loaders(lengths.map_err(|_| ApiError::malformed("`loaders` is a list of lengths"))?)
        }
    };
    let spec = MediaSpec { source: asked.file, link: None, sha256: asked.sha256 };
    let media = api.media.receive(&name, spec, form, bytes.into_data_stream()).await;
    media.map(|media| (StatusCode::CREATED, Json(media))).map_err(|error| refused(&text, &error))
}

/// `POST /api/v1/media/{name}`: has the server fetch or link a medium.
pub(super) async fn start(
    State(api): State<Arc<Api>>,
    Extension(via): Extension<Via>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Media>), ApiError> {
    let name = name(&text)?;
    let request: MediaRequest =
        serde_json::from_slice(&body(received)?).map_err(|error| ApiError::malformed(error.to_string()))?;
    if request.path.is_some() && via != Via::Socket {
        // Over loopback any user of this machine could have files served that only the server may read.
        let detail = "a file of the server is linked over its local socket alone";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "media.link_refused", Fault::Caller, detail)
            .hint("ask as the user of the server, without --server"));
    }
    let media = api.media.start(&name, request).map_err(|error| refused(&text, &error))?;
    Ok((StatusCode::ACCEPTED, Json(media)))
}

/// `GET /api/v1/media/{name}/files?path=FOLDER`
pub(super) async fn entries(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    Query(Below { path }): Query<Below>,
) -> Result<Json<List<MediaEntry>>, ApiError> {
    let name = name(&text)?;
    let entries = api.media.entries(&name, &path).map_err(|error| refused(&text, &error))?;
    let items = entries.ok_or_else(|| ApiError::no_such_record("file or folder", &path))?;
    Ok(Json(List { items, next: None }))
}

/// `GET /api/v1/media/{name}/files/{path}`
pub(super) async fn file(
    State(api): State<Arc<Api>>,
    Path((text, path)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    api.media.get(&name(&text)?).map_err(|error| refused(&text, &error))?;
    let content = api.media.find(&format!("{text}/{path}"));
    let content = content.ok_or_else(|| ApiError::no_such_record("file", &path))?;
    let length = content.body.len();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::ETAG, format!("\"{}\"", content.etag)),
    ];
    Ok((headers, streamed(content)).into_response())
}

/// The bytes of a content, read piece by piece as they are taken.
fn streamed(content: Content) -> Body {
    match content.body {
        Bodily::Bytes(bytes) => Body::from(bytes),
        Bodily::File { file, parts } => {
            let pieces: Vec<Part> = parts.iter().rev().copied().collect();
            Body::from_stream(stream::try_unfold((file, pieces), |(file, mut rest)| async move {
                let Some(part) = rest.pop() else { return Ok(None) };
                let length = part.length.min(PIECE);
                if length < part.length {
                    rest.push(Part { offset: part.offset + length, length: part.length - length });
                }
                let read = move || {
                    let mut bytes = vec![0; length as usize];
                    std::os::unix::fs::FileExt::read_exact_at(&*file, &mut bytes, part.offset)?;
                    Ok::<_, std::io::Error>((file, bytes))
                };
                let (file, bytes) =
                    tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)??;
                Ok::<_, std::io::Error>(Some((Bytes::from(bytes), (file, rest))))
            }))
        }
    }
}

fn refused(name: &str, error: &MediaError) -> ApiError {
    let detail = format!("media `{name}`: {error}");
    let of = |status, code, fault| ApiError::new(status, code, fault, detail.clone());
    match error {
        MediaError::Missing => of(StatusCode::NOT_FOUND, "media.not_found", Fault::Caller),
        MediaError::Exists => of(StatusCode::CONFLICT, "media.exists", Fault::Caller),
        MediaError::Digest { .. } => of(StatusCode::UNPROCESSABLE_ENTITY, "media.digest", Fault::Caller),
        MediaError::NoDigest(_) | MediaError::Asked(_) => {
            of(StatusCode::BAD_REQUEST, "media.request", Fault::Caller)
        }
        MediaError::Image(_) | MediaError::Archive(_) => {
            of(StatusCode::UNPROCESSABLE_ENTITY, "media.damaged", Fault::Caller)
        }
        MediaError::Fetch(_) => of(StatusCode::BAD_REQUEST, "media.broken_off", Fault::Caller).retry(),
        MediaError::File { .. } => of(StatusCode::INTERNAL_SERVER_ERROR, "media.storage", Fault::Server)
            .hint("see that the disk of the data folder has room"),
    }
}
