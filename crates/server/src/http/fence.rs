//! Fencing of hosts.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ironhand_api::{FenceReport, FenceRequest};

use super::action::{lane, parse};
use super::resource::Json;
use super::{Api, ApiError};
use crate::lane::{Action, Attestation};

/// The longest name of a person, and the longest statement, in characters: what a sentence needs.
const LONGEST: usize = 500;

/// `POST /api/v1/hosts/{name}/fence`
pub(super) async fn fence(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<FenceReport>, ApiError> {
    let (host, lane) = lane(&api, &text).await?;
    let attested = attestation(parse(received)?)?;
    let done = lane.act(Action::Fence { attested }).await?;
    let nothing = || FenceReport { host, fenced: false, reason: done.detail, evidence: Vec::new() };
    Ok(Json(done.fence.unwrap_or_else(nothing)))
}

/// `DELETE /api/v1/hosts/{name}/fence`
pub(super) async fn lift(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<StatusCode, ApiError> {
    let (_, lane) = lane(&api, &text).await?;
    lane.act(Action::LiftFence).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn attestation(request: FenceRequest) -> Result<Option<Attestation>, ApiError> {
    let FenceRequest { attested_by, statement } = request;
    let hint =
        "attestedBy is the name of a person, statement what they have seen or done, like: both cords are out";
    let fault = |text: String| Err(ApiError::invalid("fence.invalid", &[text]).hint(hint));
    let Some(by) = attested_by else {
        return match statement {
            None => Ok(None),
            Some(_) => fault("statement: somebody must answer for it: attestedBy is missing".to_owned()),
        };
    };
    let (by, statement) = (by.trim(), statement.unwrap_or_default());
    let statement = statement.trim();
    if by.is_empty() {
        return fault("attestedBy: it must be the name of a person".to_owned());
    }
    if statement.is_empty() {
        return fault("statement: it must say why the host is without power".to_owned());
    }
    for (field, text) in [("attestedBy", by), ("statement", statement)] {
        if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            return fault(format!("{field}: at most {LONGEST} characters, without line breaks"));
        }
    }
    Ok(Some(Attestation { by: by.to_owned(), statement: statement.to_owned() }))
}
