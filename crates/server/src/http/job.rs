//! Jobs and alerts.

use std::sync::Arc;

use axum::extract::{Path, State};
use ironhand_api::{Alert, Host, Job, Kind, List, Name};
use ironhand_store::{AlertQuery, JobQuery};
use serde::Deserialize;

use super::history::page;
use super::resource::{Json, Query};
use super::{Api, ApiError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfHost {
    host: Option<Name>,
    #[serde(default)]
    open: bool,
    limit: Option<u32>,
    #[serde(rename = "continue")]
    next: Option<String>,
}

/// Refuses a host of which nothing is found because there is none. Of one that was deleted, something may be found.
async fn known(api: &Api, host: Option<Name>) -> Result<(), ApiError> {
    let Some(name) = host else { return Ok(()) };
    let host: Option<Host> = api.store.get(&name).await?;
    host.map(drop).ok_or_else(|| ApiError::no_such(Kind::Host, &name))
}

/// `GET /api/v1/jobs`: newest first; with `open`, those that have not ended.
pub(super) async fn jobs(
    State(api): State<Arc<Api>>,
    Query(query): Query<OfHost>,
) -> Result<Json<List<Job>>, ApiError> {
    let OfHost { host, open, limit, next } = query;
    let query = JobQuery { host, open_only: open, limit: Some(page(limit)), next };
    let found = api.store.jobs(&query).await?;
    if found.items.is_empty() {
        known(&api, query.host).await?;
    }
    Ok(Json(found))
}

/// `GET /api/v1/jobs/{id}`
pub(super) async fn job(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<Json<Job>, ApiError> {
    let missing = || ApiError::no_such_record("job", &id);
    let number = id.parse().map_err(|_| missing())?;
    Ok(Json(api.store.job(number).await?.ok_or_else(missing)?))
}

/// `GET /api/v1/alerts`: newest first; with `open`, those that are not cleared.
pub(super) async fn alerts(
    State(api): State<Arc<Api>>,
    Query(query): Query<OfHost>,
) -> Result<Json<List<Alert>>, ApiError> {
    let OfHost { host, open, limit, next } = query;
    let query = AlertQuery { host, open_only: open, limit: Some(page(limit)), next };
    let found = api.store.alerts(&query).await?;
    if found.items.is_empty() {
        known(&api, query.host).await?;
    }
    Ok(Json(found))
}

/// `GET /api/v1/alerts/{id}`
pub(super) async fn alert(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<Alert>, ApiError> {
    let missing = || ApiError::no_such_record("alert", &id);
    let number = id.parse().map_err(|_| missing())?;
    Ok(Json(api.store.alert(number).await?.ok_or_else(missing)?))
}
