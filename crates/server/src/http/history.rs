//! Incidents, runs and pictures.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ironhand_api::{Fault, Incident, List, Name, PictureDigest, Run, RunRequest, RunState, UnknownScreen};
use ironhand_model::{RunRefusal, unknown_screens as unknown_screens_of};
use ironhand_store::{IncidentQuery, RunQuery, RunsOf};
use serde::Deserialize;

use super::action::{lane, parse};
use super::resource::{Json, Query};
use super::{Api, ApiError};
use crate::lane::{Ruling, RulingError};

/// Records in a reply, where the client does not say.
const PAGE: u32 = 100;

/// Records in a reply at most.
const MOST: u32 = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryQuery {
    host: Option<Name>,
    incident: Option<u64>,
    #[serde(default)]
    open: bool,
    limit: Option<u32>,
    #[serde(rename = "continue")]
    next: Option<String>,
}

impl HistoryQuery {
    fn limit(&self) -> Option<u32> {
        Some(page(self.limit))
    }
}

/// How many records a page has, where the client wants `limit`.
pub(super) fn page(limit: Option<u32>) -> u32 {
    limit.unwrap_or(PAGE).clamp(1, MOST)
}

/// `GET /api/v1/incidents`
pub(super) async fn incidents(
    State(api): State<Arc<Api>>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<List<Incident>>, ApiError> {
    if query.incident.is_some() {
        return Err(ApiError::malformed(
            "incidents are not selected by incident; get /api/v1/incidents/{id}",
        ));
    }
    let limit = query.limit();
    let query = IncidentQuery { host: query.host, open_only: query.open, limit, next: query.next };
    Ok(Json(api.store.incidents(&query).await?))
}

/// `GET /api/v1/unknown-screens`: the screens of unwell hosts that no flow recognises, those that are alike together.
pub(super) async fn unknown_screens(
    State(api): State<Arc<Api>>,
) -> Result<Json<List<UnknownScreen>>, ApiError> {
    let query = IncidentQuery { open_only: true, ..IncidentQuery::default() };
    let open = api.store.incidents(&query).await?;
    // Comparing thousands of screens takes a moment, in which others want to be served.
    let groups = tokio::task::spawn_blocking(move || unknown_screens_of(&open.items)).await;
    Ok(Json(List { items: groups.map_err(|_| ApiError::stopping())?, next: None }))
}

/// `GET /api/v1/incidents/{id}`
pub(super) async fn incident(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<Incident>, ApiError> {
    let missing = || ApiError::no_such_record("incident", &id);
    let number = id.parse().map_err(|_| missing())?;
    Ok(Json(api.store.incident(number).await?.ok_or_else(missing)?))
}

/// `GET /api/v1/runs`: of a host, of an incident, or all; with `open`, those of the page that have not ended.
pub(super) async fn runs(
    State(api): State<Arc<Api>>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<List<Run>>, ApiError> {
    let limit = query.limit();
    let of = match (query.host, query.incident) {
        (Some(_), Some(_)) => return Err(ApiError::malformed("give `host` or `incident`, not both")),
        (Some(host), None) => RunsOf::Host(host),
        (None, Some(incident)) => RunsOf::Incident(incident),
        (None, None) => RunsOf::All,
    };
    let mut page = api.store.runs(&RunQuery { of, limit, next: query.next }).await?;
    if query.open {
        page.items.retain(|run| run.state == RunState::Running);
    }
    Ok(Json(page))
}

/// `GET /api/v1/runs/{id}`
pub(super) async fn run(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<Json<Run>, ApiError> {
    let missing = || ApiError::no_such_record("run", &id);
    let number = id.parse().map_err(|_| missing())?;
    Ok(Json(api.store.run(number).await?.ok_or_else(missing)?))
}

/// `POST /api/v1/runs/{id}/approve`
pub(super) async fn approve(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<Run>, ApiError> {
    rule(&api, &id, parse(received)?, true).await
}

/// `POST /api/v1/runs/{id}/cancel`
pub(super) async fn cancel(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<Run>, ApiError> {
    rule(&api, &id, parse(received)?, false).await
}

/// The longest name of a person, and the longest reason, in characters: what a sentence needs.
const LONGEST: usize = 500;

/// The name of a person and their reason, as records keep them; what cannot be one is refused with `code`.
pub(super) fn said_by(
    by: String,
    reason: Option<String>,
    code: &str,
) -> Result<(String, Option<String>), ApiError> {
    let (by, reason) = (by.trim().to_owned(), reason.map(|reason| reason.trim().to_owned()));
    let reason = reason.filter(|reason| !reason.is_empty());
    for (field, text) in [("by", Some(&by)), ("reason", reason.as_ref())] {
        let Some(text) = text else { continue };
        if text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            let fault = format!("{field}: 1 to {LONGEST} characters, without line breaks");
            return Err(ApiError::invalid(code, &[fault]));
        }
    }
    Ok((by, reason))
}

async fn rule(api: &Api, id: &str, request: RunRequest, go_on: bool) -> Result<Json<Run>, ApiError> {
    let missing = || ApiError::no_such_record("run", id);
    let number: u64 = id.parse().map_err(|_| missing())?;
    let (by, reason) = said_by(request.by, request.reason, "run.invalid")?;
    let run = api.store.run(number).await?.ok_or_else(missing)?;
    let (_, lane) = lane(api, run.host.as_str()).await?;
    match lane.rule(number, Ruling { by, reason, go_on }).await {
        Ok(run) => Ok(Json(run)),
        Err(RulingError::Device(error)) => Err(error.into()),
        Err(RulingError::Refused(refusal)) => {
            let (status, code) = match refusal {
                RunRefusal::SamePerson { .. } => (StatusCode::FORBIDDEN, "run.second_person_wanted"),
                RunRefusal::NotUnderWay { .. } | RunRefusal::NotAsking { .. } => {
                    (StatusCode::CONFLICT, "run.not_awaited")
                }
            };
            Err(ApiError::new(status, code, Fault::Caller, refusal.to_string()))
        }
    }
}

/// `GET /api/v1/pictures/{digest}`: from the store, or the last look at a screen.
pub(super) async fn picture(
    State(api): State<Arc<Api>>,
    Path(digest): Path<String>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::no_such_record("picture", &digest);
    let digest = PictureDigest(digest.clone());
    let png = match api.store.picture(&digest).await? {
        Some(png) => png,
        None => {
            let shot = api.fleet.shot(&digest).ok_or_else(missing)?;
            // Compressing takes milliseconds, in which others want to be served.
            tokio::task::spawn_blocking(move || shot.png()).await.map_err(|_| missing())?
        }
    };
    // What has this name never changes.
    let cache = HeaderValue::from_static("private, max-age=31536000, immutable");
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("image/png")), (header::CACHE_CONTROL, cache)], png)
        .into_response())
}
