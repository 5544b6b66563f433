//! Hosts, credentials and flows: got, listed, applied, deleted.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ironhand_api::{
    API_VERSION, ApplyOutcome, Cluster, Credential, Deployment, Fact, Flow, GlobalSettings, Host, HostStatus,
    Icon, Kind, LabelSelector, List, Manifest, Metadata, Name, Network, Notifier, Profile, Repository,
    Timestamp, Zone, parse_manifests,
};
use ironhand_model::Terms;
use ironhand_store::{ListQuery, Outcome, Resource, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Api, ApiError, BODY};
use crate::{catalog, clock};

/// Resources in a reply, where the client does not say.
const PAGE: u32 = 250;

/// Resources in a reply at most.
const MOST: u32 = 1000;

/// A reply in JSON.
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A query string; one that cannot be understood is answered by a problem.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(ApiError::malformed(format!("the query: {}", rejection.body_text()))),
        }
    }
}

/// The bytes of a body, or the problem that it is too long or broke off.
pub(super) fn body(body: Result<Bytes, BytesRejection>) -> Result<Bytes, ApiError> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(BODY),
        _ => ApiError::malformed("the body broke off"),
    })
}

/// The name in a path.
pub(super) fn name(text: &str) -> Result<Name, ApiError> {
    text.parse().map_err(|error: ironhand_api::NameError| ApiError::malformed(error.to_string()))
}

/// A resource as replies show it: what a manifest of it says, and what the server adds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown<T> {
    api_version: &'static str,
    kind: Kind,
    #[serde(flatten)]
    resource: T,
}

impl<T: Applicable> Shown<T> {
    fn new(api: &Api, mut resource: T) -> Self {
        resource.freshen(api);
        Self { api_version: API_VERSION, kind: T::KIND, resource }
    }
}

/// A kind of resource that people apply.
pub(super) trait Applicable: Resource + Serialize {
    /// Takes the resource out of a manifest of its kind.
    fn from_manifest(manifest: Manifest) -> Option<Self>;

    /// What in it cannot be, each fault with its field.
    fn faults(&self) -> Vec<String> {
        Vec::new()
    }

    /// What in it cannot be beside the resources that are kept.
    fn misfit(
        _api: &Api,
        _resource: &Self,
    ) -> impl Future<Output = Result<Option<String>, StoreError>> + Send {
        async { Ok(None) }
    }

    /// The resources of its kind that name it, and would miss it.
    fn users(_api: &Api, _name: &Name) -> impl Future<Output = Result<Vec<Name>, StoreError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Adds what the server knows better than the store.
    fn freshen(&mut self, _api: &Api) {}

    /// Whether the two say the same. A password cannot be compared, and counts as different.
    fn same(&self, other: &Self) -> bool;

    /// Tells lanes and catalogue of the resource as it is now.
    fn applied(api: &Api, resource: &Self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Tells lanes and catalogue that the resource is gone.
    fn deleted(api: &Api, name: &Name) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl Applicable for Host {
    fn from_manifest(manifest: Manifest) -> Option<Self> {
        match manifest {
            Manifest::Host(host) => Some(host),
            _ => None,
        }
    }

    /// The store has the status of the last change; the lane has the last reading. What commands said holds from the
    /// moment they were answered, though the lane may not have taken it up yet.
    fn freshen(&mut self, api: &Api) {
        if let Some(lane) = api.fleet.lane(&self.metadata.name) {
            self.status = Some(lane.status());
        } else if let Some(status) = &mut self.status {
            status.owner = api.fleet.leases().other(&self.metadata.name);
        }
        let terms = api.fleet.site().terms(self);
        if let Some(status) = &mut self.status {
            govern(status, &terms, clock::now());
        }
    }

    fn same(&self, other: &Self) -> bool {
        self.metadata.labels == other.metadata.labels && self.spec == other.spec
    }

    async fn applied(api: &Api, host: &Self) -> Result<(), StoreError> {
        api.fleet.apply(host.clone()).await?;
        api.changes.note();
        Ok(())
    }

    async fn deleted(api: &Api, name: &Name) -> Result<(), StoreError> {
        api.fleet.remove(name).await;
        api.changes.note();
        Ok(())
    }
}

impl Applicable for Credential {
    fn from_manifest(manifest: Manifest) -> Option<Self> {
        match manifest {
            Manifest::Credential(credential) => Some(credential),
            _ => None,
        }
    }

    fn same(&self, _other: &Self) -> bool {
        false
    }

    async fn applied(api: &Api, credential: &Self) -> Result<(), StoreError> {
        api.fleet.credential_changed(&credential.metadata.name).await;
        Ok(())
    }

    async fn deleted(api: &Api, name: &Name) -> Result<(), StoreError> {
        api.fleet.credential_changed(name).await;
        Ok(())
    }
}

/// What in a manifest cannot be, each fault with its field: what the parser does not look at.
pub(crate) fn faults_of(manifest: &Manifest) -> Vec<String> {
    match manifest {
        Manifest::Host(host) => Host::faults(host),
        Manifest::Credential(credential) => Credential::faults(credential),
        Manifest::Flow(flow) => Flow::faults(flow),
        Manifest::Zone(zone) => Zone::faults(zone),
        Manifest::Cluster(cluster) => Cluster::faults(cluster),
        Manifest::Settings(settings) => GlobalSettings::faults(settings),
        Manifest::Notifier(notifier) => Notifier::faults(notifier),
        Manifest::Repository(repository) => Repository::faults(repository),
        Manifest::Network(network) => Network::faults(network),
        Manifest::Profile(profile) => Profile::faults(profile),
        Manifest::Deployment(deployment) => Deployment::faults(deployment),
    }
}

/// Zones, clusters and settings say how hosts are worked on: every lane is told of the change.
macro_rules! governs_hosts {
    ($resource:ident, $variant:ident) => {
        impl Applicable for $resource {
            fn from_manifest(manifest: Manifest) -> Option<Self> {
                match manifest {
                    Manifest::$variant(resource) => Some(resource),
                    _ => None,
                }
            }

            fn same(&self, other: &Self) -> bool {
                self.metadata.labels == other.metadata.labels && self.spec == other.spec
            }

            async fn applied(api: &Api, _resource: &Self) -> Result<(), StoreError> {
                api.fleet.govern().await
            }

            async fn deleted(api: &Api, _name: &Name) -> Result<(), StoreError> {
                api.fleet.govern().await
            }
        }
    };
}

governs_hosts!(Zone, Zone);
governs_hosts!(Cluster, Cluster);
governs_hosts!(GlobalSettings, Settings);

impl Applicable for Flow {
    fn from_manifest(manifest: Manifest) -> Option<Self> {
        match manifest {
            Manifest::Flow(flow) => Some(flow),
            _ => None,
        }
    }

    fn faults(&self) -> Vec<String> {
        catalog::flow_faults(self)
    }

    async fn misfit(api: &Api, flow: &Self) -> Result<Option<String>, StoreError> {
        for name in flow.tells() {
            if api.store.get::<Notifier>(name).await?.is_none() {
                let told = format!("there is no notifier {name}, which the flow tells: apply it first");
                return Ok(Some(told));
            }
        }
        for name in flow.deploys() {
            if api.store.get::<Profile>(name).await?.is_none() {
                let told = format!("there is no profile {name}, which the flow deploys: apply it first");
                return Ok(Some(told));
            }
        }
        if !flow.calls() {
            return Ok(None);
        }
        let kept = api.store.list::<Self>(&ListQuery::default()).await?.items;
        Ok(catalog::link_fault(flow, &kept).map(|fault| fault.to_string()))
    }

    async fn users(api: &Api, name: &Name) -> Result<Vec<Name>, StoreError> {
        let kept = api.store.list::<Self>(&ListQuery::default()).await?.items;
        let users = kept.into_iter().filter(|flow| flow.called().contains(name));
        Ok(users.map(|flow| flow.metadata.name).collect())
    }

    fn same(&self, other: &Self) -> bool {
        self.metadata.labels == other.metadata.labels && self.spec == other.spec
    }

    async fn applied(api: &Api, _flow: &Self) -> Result<(), StoreError> {
        reload_flows(api).await
    }

    async fn deleted(api: &Api, _name: &Name) -> Result<(), StoreError> {
        reload_flows(api).await
    }
}

async fn reload_flows(api: &Api) -> Result<(), StoreError> {
    let flows = api.store.list::<Flow>(&ListQuery::default()).await?;
    api.catalog.replace(flows.items);
    Ok(())
}

/// Makes a status say what the terms say.
fn govern(status: &mut HostStatus, terms: &Terms, now: Timestamp) {
    let Terms { management, source, reason, maintenance, .. } = terms;
    if status.management.as_ref().map(|fact| fact.value).unwrap_or_default() != *management {
        status.management = Some(Fact {
            value: *management,
            observed_at: now,
            since: now,
            source: source.clone(),
            detail: reason.clone(),
        });
        // A host that comes under management was not seen for a while.
        status.icon = if management.is_enabled() { Icon::Unknown } else { Icon::Disabled };
    }
    status.maintenance = maintenance.on.then(|| maintenance.clone());
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ResourceQuery {
    label_selector: Option<String>,
    limit: Option<u32>,
    #[serde(rename = "continue")]
    next: Option<String>,
}

/// `GET /api/v1/{kind}`
pub(super) async fn list<T: Applicable>(
    State(api): State<Arc<Api>>,
    Query(query): Query<ResourceQuery>,
) -> Result<Json<List<Shown<T>>>, ApiError> {
    let selector: Result<LabelSelector, _> = query.label_selector.as_deref().unwrap_or_default().parse();
    let selector = selector.map_err(|error| ApiError::malformed(format!("labelSelector: {error}")))?;
    let limit = Some(query.limit.unwrap_or(PAGE).clamp(1, MOST));
    let page = api.store.list::<T>(&ListQuery { selector, limit, next: query.next }).await?;
    let items = page.items.into_iter().map(|resource| Shown::new(&api, resource)).collect();
    Ok(Json(List { items, next: page.next }))
}

/// `GET /api/v1/{kind}/{name}`
pub(super) async fn get<T: Applicable>(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<Json<Shown<T>>, ApiError> {
    let name = name(&text)?;
    let found: Option<T> = api.store.get(&name).await?;
    let resource = found.ok_or_else(|| ApiError::no_such(T::KIND, &name))?;
    Ok(Json(Shown::new(&api, resource)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutQuery {
    #[serde(default)]
    dry_run: bool,
}

/// `PUT /api/v1/{kind}/{name}`: creates or replaces; what happened stands in a header.
pub(super) async fn put<T: Applicable>(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
    Query(query): Query<PutQuery>,
    received: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let name = name(&text)?;
    let resource: T = parse(&name, &body(received)?)?;
    let faults = resource.faults();
    if !faults.is_empty() {
        return Err(ApiError::invalid("manifest.invalid", &faults));
    }
    if query.dry_run {
        return dry_run(&api, &name, resource).await;
    }
    if let Some(misfit) = T::misfit(&api, &resource).await? {
        return Err(ApiError::invalid("flow.call", &[misfit]));
    }
    let order = api.order.of(T::KIND, &name).await;
    let applied = api.store.apply(resource, clock::now()).await?;
    // A credential that is applied again is tried again at once, as the hint about refused logins says.
    if applied.outcome != Outcome::Unchanged || T::KIND == Kind::Credential {
        T::applied(&api, &applied.resource).await?;
    }
    drop(order);
    let outcome = match applied.outcome {
        Outcome::Created => ApplyOutcome::Created,
        Outcome::Configured => ApplyOutcome::Configured,
        Outcome::Unchanged => ApplyOutcome::Unchanged,
    };
    Ok(reply(&api, outcome, applied.resource))
}

/// What a `PUT` would do.
async fn dry_run<T: Applicable>(api: &Api, name: &Name, resource: T) -> Result<Response, ApiError> {
    let kept: Option<T> = api.store.get(name).await?;
    let version = |resource: &T| metadata(resource).resource_version;
    let (given, current) = (version(&resource), kept.as_ref().and_then(version));
    if let Some(given) = given
        && current != Some(given)
    {
        return Err(StoreError::Conflict { kind: T::KIND, name: name.clone(), given, current }.into());
    }
    let outcome = match &kept {
        None => ApplyOutcome::Created,
        Some(kept) if kept.same(&resource) => ApplyOutcome::Unchanged,
        Some(_) => ApplyOutcome::Configured,
    };
    let mut response = StatusCode::OK.into_response();
    response.headers_mut().insert(HeaderName::from_static(ApplyOutcome::HEADER), word(outcome));
    Ok(response)
}

fn reply<T: Applicable>(api: &Api, outcome: ApplyOutcome, resource: T) -> Response {
    let status = if outcome == ApplyOutcome::Created { StatusCode::CREATED } else { StatusCode::OK };
    let header = [(HeaderName::from_static(ApplyOutcome::HEADER), word(outcome))];
    (status, header, Json(Shown::new(api, resource))).into_response()
}

fn word(outcome: ApplyOutcome) -> HeaderValue {
    HeaderValue::from_static(outcome.as_str())
}

/// `DELETE /api/v1/{kind}/{name}`
pub(super) async fn delete<T: Applicable>(
    State(api): State<Arc<Api>>,
    Path(text): Path<String>,
) -> Result<StatusCode, ApiError> {
    let name = name(&text)?;
    let users = T::users(&api, &name).await?;
    if !users.is_empty() {
        return Err(StoreError::InUse { kind: T::KIND, name, users }.into());
    }
    let order = api.order.of(T::KIND, &name).await;
    api.store.delete(T::KIND, &name, clock::now()).await?;
    T::deleted(&api, &name).await?;
    drop(order);
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the one manifest in a body. The same parser as for files, so that every fault is told with its place.
fn parse<T: Applicable>(name: &Name, body: &[u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::malformed("the body is not UTF-8"))?;
    let faulty = |faults: Vec<ironhand_api::ManifestError>| {
        let faults: Vec<String> = faults
            .into_iter()
            .map(|fault| match &fault.hint {
                Some(hint) => format!("{fault}; {hint}"),
                None => fault.to_string(),
            })
            .collect();
        ApiError::invalid("manifest.invalid", &faults)
    };
    let mut manifests = parse_manifests("body", text).map_err(faulty)?.into_iter();
    let (Some(manifest), None) = (manifests.next(), manifests.next()) else {
        return Err(ApiError::malformed("the body must be one manifest"));
    };
    let found = manifest.metadata().name.clone();
    let kind = manifest.kind();
    let resource = T::from_manifest(manifest)
        .ok_or_else(|| ApiError::malformed(format!("the path is of a {}, the body is a {kind}", T::KIND)))?;
    if found != *name {
        return Err(ApiError::malformed(format!("the path names `{name}`, the body names `{found}`")));
    }
    Ok(resource)
}

fn metadata<T: Resource>(resource: &T) -> &Metadata {
    resource.metadata()
}
