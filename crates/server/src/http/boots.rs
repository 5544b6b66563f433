//! Boots over the network as they are seen, and machines that registered themselves by it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ironhand_api::{
    ActionReport, BootRecord, Capability, Fault, Host, Kind, List, MacAddress, Machine, Name, PowerAction,
    WakeReport,
};
use ironhand_store::{ListQuery, StoreError};
use serde::Deserialize;

use super::action::{act, lane};
use super::resource::{Json, Query, name};
use super::{Api, ApiError};
use crate::boot;
use crate::lane::Action;

/// Boots in a reply, where the client does not say.
const PAGE: usize = 200;

/// Boots in a reply at most.
const MOST: usize = 25_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BootsQuery {
    host: Option<Name>,
    mac: Option<MacAddress>,
    #[serde(default)]
    open: bool,
    limit: Option<usize>,
}

/// `GET /api/v1/boots`: the boots that go on, and those of before as far as this server remembers, the newest first.
pub(super) async fn boots(
    State(api): State<Arc<Api>>,
    Query(query): Query<BootsQuery>,
) -> Result<Json<List<BootRecord>>, ApiError> {
    let BootsQuery { host, mac, open, limit } = query;
    let wanted = |record: &BootRecord| {
        (host.is_none() || record.host == host)
            && mac.is_none_or(|mac| record.mac == mac)
            && (!open || record.state.is_open())
    };
    let items = api.boots.records(limit.unwrap_or(PAGE).min(MOST), wanted);
    Ok(Json(List { items, next: None }))
}

/// `GET /api/v1/machines`: the machines that are free.
pub(super) async fn machines(State(api): State<Arc<Api>>) -> Result<Json<List<Machine>>, ApiError> {
    let items = free_machines(&api).await?;
    Ok(Json(List { items, next: None }))
}

/// The machines that booted and that no host describes.
async fn free_machines(api: &Api) -> Result<Vec<Machine>, StoreError> {
    let mut machines = api.boots.machines();
    if !machines.is_empty() {
        let hosts = api.store.list::<Host>(&ListQuery::default()).await?.items;
        let taken: BTreeSet<MacAddress> = hosts.into_iter().flat_map(|host| host.spec.macs).collect();
        let is_taken = |machine: &Machine| {
            std::iter::once(&machine.mac).chain(&machine.other_macs).any(|mac| taken.contains(mac))
        };
        machines.retain(|machine| !is_taken(machine));
    }
    Ok(machines)
}

fn mac(text: &str) -> Result<MacAddress, ApiError> {
    text.parse().map_err(|error: ironhand_api::MacAddressError| ApiError::malformed(error.to_string()))
}

/// `DELETE /api/v1/machines/{mac}`: forgets a machine. It comes back when it boots again.
pub(super) async fn forget_machine(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<StatusCode, ApiError> {
    let mac = mac(&text)?;
    if api.boots.forget(&api.store, mac).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::no_such_record("machine", &text))
}

/// `POST /api/v1/machines/{mac}/wake`: by Wake-on-LAN, whether or not the machine is known.
pub(super) async fn wake_machine(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<WakeReport>, ApiError> {
    let mac = mac(&text)?;
    let known = api.boots.machines().into_iter().find(|machine| machine.mac == mac);
    let network = known.as_ref().and_then(|machine| machine.network.clone());
    let mut macs = vec![mac];
    macs.extend(known.into_iter().flat_map(|machine| machine.other_macs));
    let detail = by_packet(&api, &macs, network.as_ref()).await?;
    Ok(Json(WakeReport { host: None, mac: Some(mac), detail }))
}

/// `POST /api/v1/hosts/{name}/wake`: by the host's controller or whatever else switches its power, and where there is
/// nothing of that kind by Wake-on-LAN.
pub(super) async fn wake_host(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<WakeReport>, ApiError> {
    let name = name(&text)?;
    let host: Option<Host> = api.store.get(&name).await?;
    let host = host.ok_or_else(|| ApiError::no_such(Kind::Host, &name))?;
    if host.spec.connector_for(Capability::Power).is_some() {
        let (name, lane) = lane(&api, &text).await?;
        let on = Action::Power { action: PowerAction::On, timeout: None };
        let ActionReport { detail, .. } = act(&name, &lane, on).await?;
        return Ok(Json(WakeReport { host: Some(name), mac: None, detail }));
    }
    if host.spec.macs.is_empty() {
        let detail = format!(
            "{name} has no connector that switches its power, and no hardware address to be woken by"
        );
        return Err(ApiError::new(StatusCode::CONFLICT, "wake.no_way", Fault::Caller, detail)
            .hint("add a connector, or the addresses of its interfaces as `macs`"));
    }
    let view = api.views.now();
    let address = host.spec.boot.as_ref().and_then(|boot| boot.address);
    let network = address.and_then(|address| view.network_of(address)).map(|network| &network.metadata.name);
    let detail = by_packet(&api, &host.spec.macs, network).await?;
    Ok(Json(WakeReport { host: Some(name), mac: None, detail }))
}

async fn by_packet(api: &Api, macs: &[MacAddress], network: Option<&Name>) -> Result<String, ApiError> {
    let targets = boot::everybody(&api.views.now(), network);
    boot::wake(macs, &targets).await.map_err(|error| {
        let detail = format!("no Wake-on-LAN packet could be sent: {error}");
        ApiError::new(StatusCode::BAD_GATEWAY, "wake.not_sent", Fault::Server, detail)
            .hint("the server needs a route to the network of the machine")
    })
}
