//! Heartbeats that hosts send, and the keys under which they sign them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ironhand_api::{
    CheckKind, CheckState, Fault, Heartbeat, HeartbeatKey, HeartbeatKeyRequest, HeartbeatStatus, HostStatus,
};
use ironhand_model::HEARTBEAT_WINDOW;
use secrecy::ExposeSecret;

use super::action::{lane, parse};
use super::resource::{Json, body};
use super::{Api, ApiError};
use crate::clock;
use crate::heartbeat::{self, Refusal};

/// `GET /api/v1/hosts/{name}/heartbeat`: the time of the server, for the next one to be signed.
pub(super) async fn status(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<HeartbeatStatus>, ApiError> {
    let (_, lane) = lane(&api, &text).await?;
    Ok(Json(told(&lane.status())))
}

/// `POST /api/v1/hosts/{name}/heartbeat`
pub(super) async fn beat(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    headers: HeaderMap,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<HeartbeatStatus>, ApiError> {
    let body = body(received)?;
    let (host, lane) = lane(&api, &text).await?;
    let key = heartbeat::key(&api.store, &host).await?;
    let signature = headers.get(Heartbeat::SIGNATURE).and_then(|value| value.to_str().ok());
    if let Err(refusal) = api.heartbeats.take(&host, key.as_ref(), signature, &body) {
        tracing::warn!(%host, %refusal, "a heartbeat was refused");
        return Err(refused(&refusal));
    }
    lane.heartbeat().await;
    Ok(Json(told(&lane.status())))
}

/// `POST /api/v1/hosts/{name}/heartbeat/key`: the key, issued where there is none.
pub(super) async fn key(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<HeartbeatKey>, ApiError> {
    let (host, _) = lane(&api, &text).await?;
    let HeartbeatKeyRequest { rotate } = parse(received)?;
    let kept = if rotate { None } else { heartbeat::key(&api.store, &host).await? };
    let key = match kept {
        Some(key) => key,
        None => {
            tracing::info!(%host, rotate, "a key for heartbeats is issued");
            heartbeat::issue(&api.store, &host).await?.map_err(|error| {
                let detail = format!("no key can be made: {error}");
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "server.no_random", Fault::Server, detail)
            })?
        }
    };
    Ok(Json(HeartbeatKey { host, key: key.expose_secret().to_owned() }))
}

fn told(status: &HostStatus) -> HeartbeatStatus {
    let check = status.checks.iter().find(|check| check.kind == CheckKind::Heartbeat);
    let passing =
        check.and_then(|check| check.state.as_ref()).filter(|fact| fact.value == CheckState::Passing);
    HeartbeatStatus {
        at: clock::now(),
        expected: check.map(|check| check.asks.clone()),
        last: passing.map(|fact| fact.observed_at),
        window: HEARTBEAT_WINDOW.into(),
    }
}

fn refused(refusal: &Refusal) -> ApiError {
    let detail = format!("the heartbeat is refused: {refusal}");
    let error = |status, code| ApiError::new(status, code, Fault::Caller, detail.clone());
    match refusal {
        Refusal::NoKey => error(StatusCode::FORBIDDEN, "heartbeat.no_key")
            .hint("ironhand heartbeat key HOST issues one and prints it"),
        Refusal::NotGenuine => error(StatusCode::FORBIDDEN, "heartbeat.not_genuine")
            .hint("the key on the host is another one, or the body was changed: ironhand heartbeat key HOST prints it"),
        Refusal::Malformed(_) => error(StatusCode::BAD_REQUEST, "heartbeat.malformed"),
        Refusal::NotNew(_) => error(StatusCode::CONFLICT, "heartbeat.not_new").retry(),
    }
}
