//! Recovery by hand.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ironhand_api::{Fault, Flow, Kind, RecoverRequest};
use ironhand_model::StartRefusal;

use super::action::{lane, parse};
use super::history::said_by;
use super::resource::Json;
use super::{Api, ApiError};
use crate::lane::RecoverError;

/// `POST /api/v1/hosts/{name}/recover`: 202 and the run that has begun; of a dry run, what it would do.
pub(super) async fn recover(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let (_, lane) = lane(&api, &text).await?;
    let request: RecoverRequest = parse(received)?;
    let (by, reason) = said_by(request.by, request.reason, "recover.invalid")?;
    let request = RecoverRequest { by, reason, ..request };
    if request.force && request.flow.is_none() {
        let fault = "force: it needs a flow that is named".to_owned();
        return Err(ApiError::invalid("recover.invalid", &[fault]));
    }
    if let Some(flow) = &request.flow {
        let known: Option<Flow> = api.store.get(flow).await?;
        known.ok_or_else(|| ApiError::no_such(Kind::Flow, flow))?;
    }
    // What is seen decides; where nothing can be, the lane knows why.
    let _ = lane.look().await;
    if request.dry_run {
        return Ok(Json(lane.plan(request).await?).into_response());
    }
    let run = lane.recover(request).await?;
    let location = [(header::LOCATION, format!("/api/v1/runs/{}", run.id))];
    Ok((StatusCode::ACCEPTED, location, Json(run)).into_response())
}

impl From<RecoverError> for ApiError {
    fn from(error: RecoverError) -> Self {
        match error {
            RecoverError::Device(error) => error.into(),
            RecoverError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<StartRefusal> for ApiError {
    fn from(refusal: StartRefusal) -> Self {
        Self::new(StatusCode::CONFLICT, refusal.code(), Fault::Caller, refusal.to_string())
            .hint(refusal.hint())
    }
}
