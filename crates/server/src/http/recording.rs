//! Recordings of consoles.

use std::io;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ironhand_api::{Fault, List, Name, Recording};
use serde::Deserialize;

use super::resource::{Json, Query, name};
use super::{Api, ApiError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfHost {
    host: Option<Name>,
}

/// `GET /api/v1/recordings`: the newest first.
pub(super) async fn recordings(
    State(api): State<Arc<Api>>,
    Query(OfHost { host }): Query<OfHost>,
) -> Result<Json<List<Recording>>, ApiError> {
    let items = api.consoles.recordings().list(host.as_ref()).await.map_err(|error| unreadable(&error))?;
    Ok(Json(List { items, next: None }))
}

/// `GET /api/v1/recordings/{host}/{id}`: one, as an asciicast file.
pub(super) async fn recording(
    State(api): State<Arc<Api>>,
    Path((host, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::no_such_record("recording", &format!("{host}/{id}"));
    let (host, number) = (name(&host)?, id.parse().map_err(|_| missing())?);
    let read = api.consoles.recordings().read(&host, number).await;
    let cast = read.map_err(|error| unreadable(&error))?.ok_or_else(missing)?;
    let media_type = HeaderValue::from_static("application/x-asciicast");
    Ok(([(header::CONTENT_TYPE, media_type)], cast).into_response())
}

fn unreadable(error: &io::Error) -> ApiError {
    tracing::error!(%error, "recordings cannot be read");
    let detail = format!("the recordings cannot be read: {error}");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "recording.unreadable", Fault::Server, detail)
}
