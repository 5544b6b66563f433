//! Recordings of consoles.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ironhand_api::{Fault, List, Name, PictureDigest, Recording, RecordingKind, Timestamp};
use ironhand_store::RecordingQuery;
use serde::Deserialize;

use super::resource::{Json, Query, name};
use super::{Api, ApiError};
use crate::console::RecordingError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    host: Option<Name>,
    /// Those that were made while this incident was open.
    incident: Option<u64>,
    /// Those that were made while this run was under way.
    run: Option<u64>,
}

/// `GET /api/v1/recordings`: the newest first.
pub(super) async fn recordings(
    State(api): State<Arc<Api>>,
    Query(which): Query<Which>,
) -> Result<Json<List<Recording>>, ApiError> {
    let query = match which {
        Which { host, incident: None, run: None } => RecordingQuery { host, ..RecordingQuery::default() },
        Which { host: None, incident: Some(id), run: None } => {
            let incident = api.store.incident(id).await?;
            let incident = incident.ok_or_else(|| ApiError::no_such_record("incident", &id.to_string()))?;
            during(incident.host, incident.opened_at, incident.closed_at)
        }
        Which { host: None, incident: None, run: Some(id) } => {
            let run = api.store.run(id).await?;
            let run = run.ok_or_else(|| ApiError::no_such_record("run", &id.to_string()))?;
            during(run.host, run.started_at, run.ended_at)
        }
        _ => return Err(ApiError::malformed("the query: one of host, incident and run at a time")),
    };
    let items = api.consoles.recordings().list(&query).await.map_err(unreadable)?;
    Ok(Json(List { items, next: None }))
}

fn during(host: Name, from: Timestamp, until: Option<Timestamp>) -> RecordingQuery {
    RecordingQuery { host: Some(host), from: Some(from), until }
}

/// `GET /api/v1/recordings/{host}/{id}`: one, as an asciicast file, or as the events of a screen.
pub(super) async fn recording(
    State(api): State<Arc<Api>>,
    Path((host, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::no_such_record("recording", &format!("{host}/{id}"));
    let (host, number) = (name(&host)?, id.parse().map_err(|_| missing())?);
    let read = api.consoles.recordings().read(&host, number).await;
    let (kind, content) = read.map_err(|error| unreadable(error.into()))?.ok_or_else(missing)?;
    let media_type = match kind {
        RecordingKind::Serial => "application/x-asciicast",
        RecordingKind::Screen => "application/x-ndjson",
    };
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], content).into_response())
}

/// `GET /api/v1/recordings/{host}/{id}/pictures/{digest}`: a picture of a recording of a screen, as a PNG file.
pub(super) async fn picture(
    State(api): State<Arc<Api>>,
    Path((host, id, digest)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::no_such_record("picture", &digest);
    let (host, number) = (name(&host)?, id.parse().map_err(|_| missing())?);
    let read = api.consoles.recordings().picture(&host, number, &PictureDigest(digest.clone())).await;
    let picture = read.map_err(|error| unreadable(error.into()))?.ok_or_else(missing)?;
    let media_type = HeaderValue::from_static("image/png");
    Ok(([(header::CONTENT_TYPE, media_type)], picture).into_response())
}

fn unreadable(error: RecordingError) -> ApiError {
    match error {
        RecordingError::Store(error) => error.into(),
        RecordingError::Files(error) => {
            tracing::error!(%error, "recordings cannot be read");
            let detail = format!("the recordings cannot be read: {error}");
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "recording.unreadable", Fault::Server, detail)
        }
    }
}
