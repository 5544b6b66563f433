//! DHCP as it is served: how each network is, and who has which address.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ironhand_api::{DhcpLease, EventKind, Fault, Kind, List, Name, Network, NetworkService, Severity};
use ironhand_store::EventDraft;
use serde::Deserialize;

use super::resource::{Json, Query};
use super::{Api, ApiError};
use crate::boot::Dhcp;
use crate::clock;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeasesQuery {
    network: Option<Name>,
}

/// `GET /api/v1/leases`: the leases that this server has given, ordered by address.
pub(super) async fn leases(
    State(api): State<Arc<Api>>,
    Query(LeasesQuery { network }): Query<LeasesQuery>,
) -> Result<Json<List<DhcpLease>>, ApiError> {
    let dhcp = served(&api)?;
    if let Some(name) = &network
        && api.store.get::<Network>(name).await?.is_none()
    {
        return Err(ApiError::no_such(Kind::Network, name));
    }
    let mut items = dhcp.leases().await;
    items.retain(|lease| network.as_ref().is_none_or(|name| lease.network == *name));
    Ok(Json(List { items, next: None }))
}

/// `DELETE /api/v1/leases/{address}`: takes a lease back, so that another machine may get the address.
pub(super) async fn release(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<StatusCode, ApiError> {
    let dhcp = served(&api)?;
    let address: IpAddr =
        text.parse().map_err(|_| ApiError::malformed(format!("`{text}` is no IP address")))?;
    let lease = dhcp.leases().await.into_iter().find(|lease| lease.address == address);
    if !dhcp.release(address).await {
        return Err(ApiError::no_such_record("lease", &text));
    }
    let whose = lease.map(|lease| {
        let host = lease.host.as_ref().map(|host| format!(" of Host {host}")).unwrap_or_default();
        format!(", which {}{host} had on Network {}", lease.owner(), lease.network)
    });
    let words = format!("the lease of {address}{} was taken back by hand", whose.unwrap_or_default());
    let draft = EventDraft::new(EventKind::LeaseReleased, Severity::Info, words);
    api.store.note(draft, clock::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/boot/networks`: how each network is served.
pub(super) async fn networks(State(api): State<Arc<Api>>) -> Result<Json<List<NetworkService>>, ApiError> {
    Ok(Json(List { items: served(&api)?.services().await, next: None }))
}

fn served(api: &Api) -> Result<&Dhcp, ApiError> {
    api.dhcp.as_ref().ok_or_else(|| {
        let detail = "this server answers no DHCP";
        ApiError::new(StatusCode::CONFLICT, "dhcp.not_served", Fault::Caller, detail).hint(
            "start it with the role boot: ironhand serve --roles api,bmc,boot, and without --boot-dhcp off",
        )
    })
}
