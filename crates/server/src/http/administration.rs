//! Whether hosts are managed, whether somebody works on them, and by which settings they are worked.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use ironhand_api::{
    Administration, Host, Kind, List, MaintenanceRequest, ManagementRequest, Name, RecoveryRequest,
    SettingDefinition, SettingInForce, Settings,
};
use ironhand_store::{Administer, Resource};

use super::action::parse;
use super::resource::{Json, name};
use super::{Api, ApiError};
use crate::clock;

/// `GET /api/v1/{hosts,clusters,zones}/{name}/management`, and `GET /api/v1/hosts/{name}/maintenance`.
pub(super) async fn said<T: Resource>(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<Administration>, ApiError> {
    let name = name(&text)?;
    let found: Option<T> = api.store.get(&name).await?;
    found.ok_or_else(|| ApiError::no_such(T::KIND, &name))?;
    let said = api.fleet.site().said(T::KIND, &name).cloned();
    Ok(Json(said.unwrap_or_else(|| Administration::unsaid(T::KIND, name))))
}

/// `PUT /api/v1/{hosts,clusters,zones}/{name}/management`: holds when it is answered.
pub(super) async fn manage<T: Resource>(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<Administration>, ApiError> {
    let name = name(&text)?;
    let ManagementRequest { enabled, reason } = parse(received)?;
    let reason = stated(reason)?;
    administer(&api, T::KIND, &name, Administer::Management { enabled, reason }).await
}

/// `PUT /api/v1/hosts/{name}/maintenance`
pub(super) async fn maintain(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<Administration>, ApiError> {
    let name = name(&text)?;
    let MaintenanceRequest { on, reason } = parse(received)?;
    let reason = stated(reason)?;
    administer(&api, Kind::Host, &name, Administer::Maintenance { on, reason }).await
}

/// `GET /api/v1/recovery`
pub(super) async fn recovery_of_all(State(api): State<Arc<Api>>) -> Result<Json<Administration>, ApiError> {
    let name = name(Settings::GLOBAL)?;
    let said = api.fleet.site().said(Kind::Settings, &name).cloned();
    Ok(Json(said.unwrap_or_else(|| Administration::unsaid(Kind::Settings, name))))
}

/// `PUT /api/v1/recovery`: holds when it is answered.
pub(super) async fn recover_all(
    State(api): State<Arc<Api>>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<Administration>, ApiError> {
    let name = name(Settings::GLOBAL)?;
    recovery(&api, Kind::Settings, &name, parse(received)?).await
}

/// `PUT /api/v1/{clusters,zones}/{name}/recovery`: holds when it is answered.
pub(super) async fn recover<T: Resource>(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Json<Administration>, ApiError> {
    let name = name(&text)?;
    recovery(&api, T::KIND, &name, parse(received)?).await
}

async fn recovery(
    api: &Api,
    kind: Kind,
    name: &Name,
    request: RecoveryRequest,
) -> Result<Json<Administration>, ApiError> {
    let RecoveryRequest { on, reason } = request;
    let said = administer(api, kind, name, Administer::Recovery { on, reason: stated(reason)? }).await?;
    if on {
        // Whoever lets it go on has seen what was done.
        api.fleet.brake().forgive(clock::now(), kind, name);
    }
    Ok(said)
}

async fn administer(
    api: &Api,
    kind: Kind,
    name: &Name,
    what: Administer,
) -> Result<Json<Administration>, ApiError> {
    let order = api.order.above().await;
    let (said, _) = api.store.administer(kind, name, what, clock::now()).await?;
    api.fleet.govern().await?;
    drop(order);
    Ok(Json(said))
}

/// The longest reason, in characters: it stands in every refusal and in the list of hosts.
const REASON: usize = 500;

/// A reason as it is kept: none where nothing is said.
fn stated(reason: Option<String>) -> Result<Option<String>, ApiError> {
    let reason = reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match &reason {
        Some(text) if text.chars().count() > REASON || text.chars().any(char::is_control) => {
            Err(ApiError::malformed(format!("`reason` must be one line of at most {REASON} characters")))
        }
        _ => Ok(reason),
    }
}

/// `GET /api/v1/settings/definitions`: with the defaults of this server, which a sandbox has of its own.
pub(super) async fn definitions(State(api): State<Arc<Api>>) -> Json<List<SettingDefinition>> {
    let defaults = api.fleet.site().defaults().values();
    let definitions = Settings::definitions().into_iter().zip(defaults);
    let items = definitions.map(|(definition, (_, default))| SettingDefinition { default, ..definition });
    Json(List { items: items.collect(), next: None })
}

/// `GET /api/v1/hosts/{name}/settings`
pub(super) async fn settings(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<List<SettingInForce>>, ApiError> {
    let name = name(&text)?;
    let found: Option<Host> = api.store.get(&name).await?;
    let host = found.ok_or_else(|| ApiError::no_such(Kind::Host, &name))?;
    let site = api.fleet.site();
    let in_force = site.terms(&host).settings.values().into_iter().map(|(setting, value)| SettingInForce {
        name: setting.to_owned(),
        value,
        origin: site.origin(&host, setting).map(|(origin, _)| origin),
    });
    Ok(Json(List { items: in_force.collect(), next: None }))
}
