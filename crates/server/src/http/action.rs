//! Actions on hosts, and their screens.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ironhand_api::{
    ActionReport, BootDeviceRequest, Host, HostStatus, KeysRequest, Kind, Name, PowerRequest, Screen, Span,
};
use ironhand_console::keys::{self, KeyError, KeyStep};
use serde::de::DeserializeOwned;

use super::resource::{Json, body, name};
use super::{Api, ApiError};
use crate::device::DeviceError;
use crate::lane::{Action, LaneHandle};
use crate::screen::Seen;

/// The least time that a power action may be given: nothing comes true faster.
const SHORTEST: Duration = Duration::from_secs(1);

/// The greatest: whoever waits longer for a power button has forgotten it.
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);

/// `POST /api/v1/hosts/{name}/power`: where the client does not wait for the action to come true, 202 and the job.
pub(super) async fn power(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let (host, lane) = lane(&api, &text).await?;
    let PowerRequest { action, wait, timeout } = parse(received)?;
    let timeout = timeout.map(|given| permitted(given.into())).transpose()?;
    let action = Action::Power { action, timeout };
    if wait {
        return Ok(Json(act(&host, &lane, action).await?).into_response());
    }
    let job = lane.submit(action).await?;
    let location = [(header::LOCATION, format!("/api/v1/jobs/{}", job.id))];
    Ok((StatusCode::ACCEPTED, location, Json(job)).into_response())
}

/// The time that a request gives an action.
fn permitted(timeout: Duration) -> Result<Duration, ApiError> {
    if (SHORTEST..=LONGEST).contains(&timeout) {
        return Ok(timeout);
    }
    let [least, greatest, given] = [SHORTEST, LONGEST, timeout].map(Span::from);
    let fault = format!("timeout: it must be between {least} and {greatest}, not {given}");
    Err(ApiError::invalid("power.timeout_out_of_range", &[fault]))
}

/// `POST /api/v1/hosts/{name}/refresh`: reads the power state, and answers how the host is now.
pub(super) async fn refresh(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<HostStatus>, ApiError> {
    let (_, lane) = lane(&api, &text).await?;
    Ok(Json(lane.refresh().await?))
}

/// `POST /api/v1/hosts/{name}/boot-device`
pub(super) async fn boot_device(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<ActionReport>, ApiError> {
    let (host, lane) = lane(&api, &text).await?;
    let BootDeviceRequest { device, persistent, uefi } = parse(received)?;
    Ok(Json(act(&host, &lane, Action::BootDevice { device, persistent, uefi }).await?))
}

/// `POST /api/v1/hosts/{name}/keys`
pub(super) async fn keys(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<ActionReport>, ApiError> {
    let (host, lane) = lane(&api, &text).await?;
    let steps =
        steps(&parse(received)?).map_err(|error| ApiError::invalid("keys.invalid", &[error.to_string()]))?;
    Ok(Json(act(&host, &lane, Action::Keys { steps }).await?))
}

/// What is to be typed; a secret that the keys do not place comes last.
pub(super) fn steps(request: &KeysRequest) -> Result<Vec<KeyStep>, KeyError> {
    let secret = |name: &str| request.secret.clone().filter(|_| name.is_empty());
    let mut steps = keys::parse_with(&request.keys, secret)?;
    if request.secret.is_some() && !steps.iter().any(|step| matches!(step, KeyStep::Secret(_))) {
        steps.extend(keys::parse_with("<secret>", secret)?);
    }
    Ok(steps)
}

/// `GET /api/v1/hosts/{name}/screen`: the last reading.
pub(super) async fn screen(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<Screen>, ApiError> {
    let (host, lane) = lane(&api, &text).await?;
    let seen = lane.last_seen()?;
    Ok(Json(shown(host, &seen)))
}

/// `POST /api/v1/hosts/{name}/screen`: a new reading.
pub(super) async fn read_screen(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<Screen>, ApiError> {
    let (host, lane) = lane(&api, &text).await?;
    let seen = lane.look().await?;
    Ok(Json(shown(host, &seen)))
}

/// The lane of a host; where this server has none, why.
pub(super) async fn lane(api: &Api, text: &str) -> Result<(Name, LaneHandle), ApiError> {
    let name = name(text)?;
    if let Some(lane) = api.fleet.lane(&name) {
        return Ok((name, lane));
    }
    let host: Option<Host> = api.store.get(&name).await?;
    host.ok_or_else(|| ApiError::no_such(Kind::Host, &name))?;
    Err(DeviceError::from(api.fleet.elsewhere(&name).await?).into())
}

pub(super) async fn act(host: &Name, lane: &LaneHandle, action: Action) -> Result<ActionReport, ApiError> {
    let done = lane.act(action).await?;
    Ok(ActionReport {
        host: host.clone(),
        detail: done.detail,
        power: done.power,
        job: done.job,
        warnings: done.warnings,
        receipts: done.receipts,
    })
}

pub(super) fn parse<T: DeserializeOwned>(received: Result<Bytes, BytesRejection>) -> Result<T, ApiError> {
    serde_json::from_slice(&body(received)?)
        .map_err(|error| ApiError::malformed(format!("the body: {error}")))
}

fn shown(host: Name, seen: &Seen) -> Screen {
    let shot = &seen.shot;
    let (width, height) = shot.size();
    Screen {
        host,
        connector: seen.source.to_string(),
        read_at: seen.at,
        kind: shot.kind(),
        reliable: shot.reading.is_reliable(),
        confidence: shot.confidence(),
        text: shot.text(),
        rows: shot.rows(),
        font: shot.font(),
        width,
        height,
        picture: shot.digest.clone(),
    }
}
