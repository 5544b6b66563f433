//! The HTTP API: `/api/v1`, over a local socket and, if asked, loopback.
//!
//! Handlers parse, ask the store or a lane, and answer; no decision is made here. Every error that leaves is a problem
//! document (RFC 9457) with a stable code.

mod action;
mod administration;
mod boot;
mod boots;
mod console;
mod console_log;
mod events;
mod fence;
mod guard;
mod hardware;
mod heartbeat;
mod history;
mod job;
mod leases;
mod listen;
mod live;
mod media;
mod metrics;
mod notifier;
mod password;
mod pin;
mod problem;
mod recording;
mod recover;
mod report;
mod repository;
mod resource;
mod server;
mod stream;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post};
use axum::{Extension, Router};
use ironhand_api::{
    Cluster, Credential, Deployment, Flow, GlobalSettings, Host, Network, Notifier, Profile, Repository, Zone,
};
use ironhand_store::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::boot::media::Library;
use crate::boot::{BootPorts, BootWatch, Booting, Dhcp};
use crate::catalog::Catalog;
use crate::changes::Changes;
use crate::console::Consoles;
use crate::fleet::Fleet;
use crate::heartbeat::Heartbeats;
use crate::notify::Notifiers;
use crate::order::Order;
use crate::repository::{Hands, Repositories};
use crate::views::Views;

pub use listen::ListenError;
pub(crate) use listen::{LocalSocket, bind_loopback, lock, serve};
pub(crate) use problem::{ApiError, chain};
pub(crate) use resource::faults_of;

/// The largest body taken: a flow with long examples is a hundredth of it.
const BODY: usize = 1 << 20;

/// Event streams at a time. Each holds a connection and a page of events.
const STREAMS: usize = 256;

/// Viewers of screens at a time. Each holds a connection, and for a slow client a picture of its own.
const VIEWERS: usize = 64;

/// What the handlers work with.
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) fleet: Fleet,
    pub(crate) catalog: Catalog,
    pub(crate) notifiers: Notifiers,
    pub(crate) repositories: Repositories,
    pub(crate) order: Order,
    pub(crate) changes: Changes,
    pub(crate) views: Views,
    pub(crate) consoles: Consoles,
    pub(crate) boots: BootWatch,
    /// None on a server that answers no DHCP.
    dhcp: Option<Dhcp>,
    /// None on a server that boots no machines.
    ports: Option<Arc<BootPorts>>,
    media: Arc<Library>,
    streams: Arc<Semaphore>,
    viewers: Arc<Semaphore>,
    heartbeats: Heartbeats,
    metrics: tokio::sync::Mutex<metrics::Metrics>,
    stop: CancellationToken,
}

/// How a request arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// Over the local socket, which only its owner can open.
    Socket,
    /// Over loopback, which every program and web page of this machine can reach.
    Loopback,
}

impl Api {
    pub(crate) fn new(
        hands: Hands,
        repositories: Repositories,
        consoles: Consoles,
        booting: Booting,
        stop: CancellationToken,
    ) -> Self {
        let Booting { watch: boots, media, views, dhcp, ports } = booting;
        let Hands { store, fleet, catalog, notifiers, order, changes } = hands;
        let streams = Arc::new(Semaphore::new(STREAMS));
        let viewers = Arc::new(Semaphore::new(VIEWERS));
        let metrics = tokio::sync::Mutex::new(metrics::Metrics::new());
        Self {
            store,
            fleet,
            catalog,
            notifiers,
            repositories,
            order,
            changes,
            views,
            consoles,
            boots,
            dhcp,
            ports,
            media,
            streams,
            viewers,
            heartbeats: Heartbeats::new(),
            metrics,
            stop,
        }
    }
}

/// The routes, for requests that arrive `via`.
pub(crate) fn router(api: Arc<Api>, via: Via) -> Router {
    let v1 = Router::new()
        .route("/hosts", get(resource::list::<Host>))
        .route(
            "/hosts/{name}",
            get(resource::get::<Host>).put(resource::put::<Host>).delete(resource::delete::<Host>),
        )
        .route("/credentials", get(resource::list::<Credential>))
        .route(
            "/credentials/{name}",
            get(resource::get::<Credential>)
                .put(resource::put::<Credential>)
                .delete(resource::delete::<Credential>),
        )
        .route("/flows", get(resource::list::<Flow>))
        .route(
            "/flows/{name}",
            get(resource::get::<Flow>).put(resource::put::<Flow>).delete(resource::delete::<Flow>),
        )
        .route("/zones", get(resource::list::<Zone>))
        .route(
            "/zones/{name}",
            get(resource::get::<Zone>).put(resource::put::<Zone>).delete(resource::delete::<Zone>),
        )
        .route("/clusters", get(resource::list::<Cluster>))
        .route(
            "/clusters/{name}",
            get(resource::get::<Cluster>).put(resource::put::<Cluster>).delete(resource::delete::<Cluster>),
        )
        .route("/settings", get(resource::list::<GlobalSettings>))
        .route(
            "/settings/{name}",
            get(resource::get::<GlobalSettings>)
                .put(resource::put::<GlobalSettings>)
                .delete(resource::delete::<GlobalSettings>),
        )
        .route("/settings/definitions", get(administration::definitions))
        .route("/hosts/{name}/settings", get(administration::settings))
        .route(
            "/hosts/{name}/management",
            get(administration::said::<Host>).put(administration::manage::<Host>),
        )
        .route(
            "/clusters/{name}/management",
            get(administration::said::<Cluster>).put(administration::manage::<Cluster>),
        )
        .route(
            "/zones/{name}/management",
            get(administration::said::<Zone>).put(administration::manage::<Zone>),
        )
        .route("/recovery", get(administration::recovery_of_all).put(administration::recover_all))
        .route(
            "/clusters/{name}/recovery",
            get(administration::said::<Cluster>).put(administration::recover::<Cluster>),
        )
        .route(
            "/zones/{name}/recovery",
            get(administration::said::<Zone>).put(administration::recover::<Zone>),
        )
        .route("/hosts/{name}/maintenance", get(administration::said::<Host>).put(administration::maintain))
        .route("/notifiers", get(resource::list::<Notifier>))
        .route(
            "/notifiers/{name}",
            get(resource::get::<Notifier>)
                .put(resource::put::<Notifier>)
                .delete(resource::delete::<Notifier>),
        )
        .route("/notifiers/{name}/test", post(notifier::test))
        .route("/repositories", get(resource::list::<Repository>))
        .route(
            "/repositories/{name}",
            get(resource::get::<Repository>)
                .put(resource::put::<Repository>)
                .delete(resource::delete::<Repository>),
        )
        .route("/repositories/{name}/sync", post(repository::sync))
        .route("/repositories/{name}/webhook", post(repository::webhook))
        .route("/boot/explain", get(boot::explain))
        .route("/boot/networks", get(leases::networks))
        .route("/leases", get(leases::leases))
        .route("/leases/{address}", axum::routing::delete(leases::release))
        .route("/networks", get(resource::list::<Network>))
        .route(
            "/networks/{name}",
            get(resource::get::<Network>).put(resource::put::<Network>).delete(resource::delete::<Network>),
        )
        .route("/profiles", get(resource::list::<Profile>))
        .route(
            "/profiles/{name}",
            get(resource::get::<Profile>).put(resource::put::<Profile>).delete(resource::delete::<Profile>),
        )
        .route("/deployments", get(resource::list::<Deployment>))
        .route(
            "/deployments/{name}",
            get(resource::get::<Deployment>)
                .put(resource::put::<Deployment>)
                .delete(resource::delete::<Deployment>),
        )
        .route("/hosts/{name}/power", post(action::power))
        .route("/hosts/{name}/recover", post(recover::recover))
        .route("/hosts/{name}/refresh", post(action::refresh))
        .route("/hosts/{name}/fence", post(fence::fence).delete(fence::lift))
        .route("/hosts/{name}/password", post(password::rotate))
        .route("/hosts/{name}/pins", get(pin::pins).delete(pin::forget))
        .route("/hosts/{name}/boot-device", post(action::boot_device))
        .route("/hosts/{name}/keys", post(action::keys))
        .route("/hosts/{name}/sensors", get(hardware::sensors))
        .route("/hosts/{name}/sel", get(hardware::event_log).delete(hardware::clear_event_log))
        .route("/hosts/{name}/inventory", get(hardware::inventory))
        .route("/hosts/{name}/identify", post(hardware::identify))
        .route(
            "/hosts/{name}/media",
            get(hardware::media).post(hardware::insert_media).delete(hardware::eject_media),
        )
        .route("/hosts/{name}/heartbeat", get(heartbeat::status).post(heartbeat::beat))
        .route("/hosts/{name}/heartbeat/key", post(heartbeat::key))
        .route("/hosts/{name}/console", get(console::console))
        .route("/hosts/{name}/console/log", get(console_log::log))
        .route("/hosts/{name}/console/release", post(console::release))
        .route("/hosts/{name}/screen/live", get(live::live))
        .route("/hosts/{name}/screen", get(action::screen).post(action::read_screen))
        .route("/media", get(media::list))
        .route("/media/{name}", get(media::get).put(media::upload).post(media::start).delete(media::delete))
        .route("/media/{name}/files", get(media::entries))
        .route("/media/{name}/files/{*path}", get(media::file))
        .route("/pictures/{digest}", get(history::picture))
        .route("/recordings", get(recording::recordings))
        .route("/recordings/{host}/{id}", get(recording::recording))
        .route("/recordings/{host}/{id}/pictures/{digest}", get(recording::picture))
        .route("/incidents", get(history::incidents))
        .route("/incidents/{id}", get(history::incident))
        .route("/unknown-screens", get(history::unknown_screens))
        .route("/runs", get(history::runs))
        .route("/report", get(report::report))
        .route("/runs/{id}", get(history::run))
        .route("/runs/{id}/approve", post(history::approve))
        .route("/runs/{id}/cancel", post(history::cancel))
        .route("/boots", get(boots::boots))
        .route("/machines", get(boots::machines))
        .route("/machines/{mac}", axum::routing::delete(boots::forget_machine))
        .route("/machines/{mac}/wake", post(boots::wake_machine))
        .route("/hosts/{name}/wake", post(boots::wake_host))
        .route("/servers", get(server::servers))
        .route("/key/rotate", post(server::rotate_key))
        .route("/jobs", get(job::jobs))
        .route("/jobs/{id}", get(job::job))
        .route("/alerts", get(job::alerts))
        .route("/alerts/{id}", get(job::alert))
        .route("/events", get(events::events));
    Router::new()
        .nest("/api/v1", v1)
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .fallback(|| async { ApiError::no_route() })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .with_state(api)
        .layer(Extension(via))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(via, guard::check))
        .layer(middleware::from_fn(problem::finish))
}

/// Ready means that the store answers; the lanes run from before the first request is taken.
async fn ready(State(api): State<Arc<Api>>) -> Result<(StatusCode, &'static str), ApiError> {
    if api.stop.is_cancelled() {
        return Err(ApiError::stopping());
    }
    api.store.latest_events(1, None).await?;
    Ok((StatusCode::OK, "ready\n"))
}
