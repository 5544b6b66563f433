//! The certificates that devices of hosts showed first.

use std::sync::Arc;

use axum::extract::{Path, State};
use ironhand_api::{Host, Kind, List, Name, PinnedCertificate};
use serde::Deserialize;

use super::resource::{Json, Query, name};
use super::{Api, ApiError};
use crate::clock;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfDevice {
    connector: Option<String>,
}

/// `GET /api/v1/hosts/{name}/pins`
pub(super) async fn pins(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<List<PinnedCertificate>>, ApiError> {
    let host = known(&api, &text).await?;
    Ok(Json(list(api.store.pinned_certificates(&host).await?)))
}

/// `DELETE /api/v1/hosts/{name}/pins`: forgets the pins of the host's devices, or that of one connector, and answers which
/// those were. What the devices show next is pinned.
pub(super) async fn forget(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    Query(OfDevice { connector }): Query<OfDevice>,
) -> Result<Json<List<PinnedCertificate>>, ApiError> {
    let host = known(&api, &text).await?;
    let forgotten = api.store.forget_pins(&host, connector.clone(), clock::now()).await?;
    if let (Some(connector), []) = (&connector, forgotten.as_slice()) {
        return Err(ApiError::no_such_record("pin of connector", connector));
    }
    if let Some(lane) = api.fleet.lane(&host) {
        lane.pins_forgotten().await;
    }
    Ok(Json(list(forgotten)))
}

fn list(items: Vec<PinnedCertificate>) -> List<PinnedCertificate> {
    List { items, next: None }
}

async fn known(api: &Api, text: &str) -> Result<Name, ApiError> {
    let name = name(text)?;
    let host: Option<Host> = api.store.get(&name).await?;
    host.map(|_| name.clone()).ok_or_else(|| ApiError::no_such(Kind::Host, &name))
}
