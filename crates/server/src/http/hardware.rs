//! What hosts are made of, measure and have logged; their lights and their drives for images.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use ironhand_api::{ActionReport, HardwareReport, IdentifyRequest, InsertMediaRequest, Span, Timestamp};
use serde::Deserialize;

use super::action::{act, lane, parse};
use super::resource::{Json, Query};
use super::{Api, ApiError};
use crate::device::DeviceError;
use crate::lane::{Action, Found, Hardware};

/// Entries of an event log in a reply, where the client does not say, and at most: more than controllers keep.
const MOST_ENTRIES: usize = 10_000;

/// How long a light may be asked to be on before it goes off by itself: as IPMI counts it.
const LONGEST_LIGHT: Duration = Duration::from_secs(255);

/// The longest address of an image: controllers take less.
const LONGEST_URL: usize = 2048;

/// Which entries of an event log a reply has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    /// The newest, so many at most.
    newest: Option<usize>,
    /// Those that happened then or later, by the controller's clock. Entries without a time are among them.
    since: Option<Timestamp>,
}

/// Which drive a request is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DriveQuery {
    drive: Option<String>,
}

/// `GET /api/v1/hosts/{name}/sensors`
pub(super) async fn sensors(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<HardwareReport<Found>>, ApiError> {
    read(&api, &text, Hardware::Sensors).await.map(Json)
}

/// `GET /api/v1/hosts/{name}/sel`
pub(super) async fn event_log(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    Query(LogQuery { newest, since }): Query<LogQuery>,
) -> Result<Json<HardwareReport<Found>>, ApiError> {
    let newest = newest.unwrap_or(MOST_ENTRIES).clamp(1, MOST_ENTRIES);
    let mut report = read(&api, &text, Hardware::EventLog { newest }).await?;
    if let (Found::EventLog(log), Some(since)) = (&mut report.found, since) {
        log.entries.retain(|entry| entry.at.is_none_or(|at| at >= since));
    }
    Ok(Json(report))
}

/// `DELETE /api/v1/hosts/{name}/sel`
pub(super) async fn clear_event_log(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<ActionReport>, ApiError> {
    change(&api, &text, Hardware::ClearEventLog).await
}

/// `GET /api/v1/hosts/{name}/inventory`
pub(super) async fn inventory(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<HardwareReport<Found>>, ApiError> {
    read(&api, &text, Hardware::Inventory).await.map(Json)
}

/// `POST /api/v1/hosts/{name}/identify`
pub(super) async fn identify(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<ActionReport>, ApiError> {
    let IdentifyRequest { on, time } = parse(received)?;
    let time = time.map(|time| permitted(on, time.into())).transpose()?;
    change(&api, &text, Hardware::Identify { on, time }).await
}

/// How long a light is to be on.
fn permitted(on: bool, time: Duration) -> Result<Duration, ApiError> {
    let fault = match () {
        () if !on => "for: a light that is switched off stays off".to_owned(),
        () if !(Duration::from_secs(1)..=LONGEST_LIGHT).contains(&time) => {
            format!("for: it must be between 1s and {}, not {}", Span::from(LONGEST_LIGHT), Span::from(time))
        }
        () => return Ok(time),
    };
    Err(ApiError::invalid("identify.time_out_of_range", &[fault]))
}

/// `GET /api/v1/hosts/{name}/media`
pub(super) async fn media(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<HardwareReport<Found>>, ApiError> {
    read(&api, &text, Hardware::Media).await.map(Json)
}

/// `POST /api/v1/hosts/{name}/media`
pub(super) async fn insert_media(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<ActionReport>, ApiError> {
    let request: InsertMediaRequest = parse(received)?;
    if let Some(fault) = url_fault(&request.url) {
        return Err(ApiError::invalid("media.url", &[format!("url: {fault}")]));
    }
    change(&api, &text, Hardware::InsertMedia(request)).await
}

/// What is wrong with the address of an image. It stands in events and replies, so that no password may be in it.
fn url_fault(url: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some("it must begin with a scheme like http://");
    };
    let host = rest.split('/').next().unwrap_or_default();
    match () {
        () if url.len() > LONGEST_URL => Some("it is over 2048 bytes"),
        () if url.chars().any(|character| character.is_control() || character.is_whitespace()) => {
            Some("it has blanks or control characters; write them as %20 and the like")
        }
        () if scheme.is_empty() || host.is_empty() => Some("it names no server"),
        () if host.contains('@') => {
            Some("it holds a user name or password; name a credential with `credential` instead")
        }
        () => None,
    }
}

/// `DELETE /api/v1/hosts/{name}/media`
pub(super) async fn eject_media(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    Query(DriveQuery { drive }): Query<DriveQuery>,
) -> Result<Json<ActionReport>, ApiError> {
    change(&api, &text, Hardware::EjectMedia { drive }).await
}

async fn read(api: &Api, text: &str, asked: Hardware) -> Result<HardwareReport<Found>, ApiError> {
    let (host, lane) = lane(api, text).await?;
    let done = lane.act(Action::Hardware(asked)).await?;
    let (connector, found) = done.found.ok_or(DeviceError::Stopping)?;
    Ok(HardwareReport { host, connector, found, warnings: done.warnings, receipts: done.receipts })
}

async fn change(api: &Api, text: &str, asked: Hardware) -> Result<Json<ActionReport>, ApiError> {
    let (host, lane) = lane(api, text).await?;
    act(&host, &lane, Action::Hardware(asked)).await.map(Json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_images_hold_no_password() {
        let check = |url: &str, fault: &str| {
            let found = url_fault(url).unwrap_or_default();
            assert!(found.contains(fault) && found.is_empty() == fault.is_empty(), "{url}: {found}");
        };
        check("http://192.0.2.1/rescue.iso", "");
        check("nfs://192.0.2.1/images/a@b.iso", "");
        check("rescue.iso", "scheme");
        check("http:///rescue.iso", "no server");
        check("http://192.0.2.1/a b.iso", "%20");
        check("https://me:secret@192.0.2.1/rescue.iso", "credential");
    }
}
