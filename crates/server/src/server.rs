//! Start and stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ironhand_api::Flow;
use ironhand_connectors::{Jetkvms, Modems};
use ironhand_ipmi_port::{IpmiPort, PortConfig};
use ironhand_model::Site;
use ironhand_store::{ListQuery, Store, StoreError};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::boot::{BootListenError, Booting, BootingError};
use crate::brake::{self, Brake};
use crate::catalog::Catalog;
use crate::changes::Changes;
use crate::check::CheckDesk;
use crate::console::{Consoles, Recordings};
use crate::credentials::Refusals;
use crate::deployments::Deployments;
use crate::fleet::Fleet;
use crate::http::{self, Api, ListenError, LocalSocket, Via};
use crate::lane::Tools;
use crate::notify::{Holder, Notifiers};
use crate::order::Order;
use crate::outreach::Outreach;
use crate::ownership::{Follower, Leases, enlist, upkeep};
use crate::repository::{Hands, Repositories};
use crate::rotation::Turns;
use crate::screen::PictureReader;
use crate::sdr_cache::SdrCache;
use crate::serial::log::{ConsoleLogs, LogLimits};
use crate::settings::retention;
use crate::traps::{TrapCounts, TrapListener, Traps};
use crate::views::Views;
use crate::{Config, clock};

/// Streams of controllers' events that are open at the same time: each takes one of the files that a process may open,
/// of which screens need one for each host. Hosts beyond these are read as often as those without a stream.
const STREAMS: usize = 256;

/// Fonts that were learned, in the data directory.
const FONTS_FOLDER: &str = "fonts";

/// Held by the server that works on the hosts of a data directory; by several where all of them share it.
const LOCK_FILE: &str = "server.lock";

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another server works on the same hosts.
    #[error("another server uses the data directory {}", directory.display())]
    DataInUse {
        /// The data directory.
        directory: PathBuf,
    },
    /// The store cannot be used.
    #[error("the data directory {} cannot be used", directory.display())]
    Store {
        /// The data directory.
        directory: PathBuf,
        /// Why not.
        source: StoreError,
    },
    /// The API cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Traps cannot be taken.
    #[error("cannot take SNMP traps at {address}; ports below 1024, like 162, need privileges")]
    Traps {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// There are no UDP sockets to be had.
    #[error("no UDP socket to speak IPMI through")]
    Udp(#[source] std::io::Error),
    /// No name that is this server's own can be made up.
    #[error("the operating system has no random numbers")]
    NoRandom(#[source] std::io::Error),
    /// Machines that boot cannot be served.
    #[error(transparent)]
    Boot(#[from] BootListenError),
}

/// Starts servers; see [`Server::start`].
#[derive(Debug)]
pub struct Server;

/// A server that runs. Dropping it stops it without waiting; [`shutdown`](Self::shutdown) stops it in order.
pub struct Running {
    http: Option<SocketAddr>,
    socket: PathBuf,
    stops: Stops,
    fleet: Fleet,
    notifiers: Notifiers,
    repositories: Repositories,
    traps: Option<Traps>,
    store: Store,
    listeners: TaskTracker,
    consoles: Consoles,
    booting: Booting,
    ports: [JoinHandle<()>; 3],
    /// Held until everything else is gone.
    _lock: std::fs::File,
}

/// What is stopped one after the other.
struct Stops {
    listeners: CancellationToken,
    lanes: CancellationToken,
    leases: CancellationToken,
    port: CancellationToken,
}

impl Server {
    /// Opens the store, takes up the work on every host where it was left, and serves the API.
    ///
    /// # Errors
    ///
    /// Where the data directory, the sockets or the addresses cannot be used; nothing runs then.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let Config {
            data_dir, key, socket, listen, traps, console_logs, repositories, shared, settings, ..
        } = config;
        let roles = config.roles;
        let failed = |source| StartError::Store { directory: data_dir.clone(), source };
        let store = Store::open(&data_dir, key).await.map_err(failed)?;
        let lock = http::lock(&data_dir.join(LOCK_FILE), shared)?
            .ok_or_else(|| StartError::DataInUse { directory: data_dir.clone() })?;
        let path = socket.unwrap_or_else(default_socket);
        let local = if roles.api { Some(LocalSocket::bind(&path)?) } else { None };
        let loopback = match listen {
            Some(address) => Some(http::bind_loopback(address).await?),
            None => None,
        };

        let stops = Stops {
            listeners: CancellationToken::new(),
            lanes: CancellationToken::new(),
            leases: CancellationToken::new(),
            port: CancellationToken::new(),
        };
        let (port, driver) =
            IpmiPort::start(PortConfig::default(), stops.port.clone()).map_err(StartError::Udp)?;
        let (login_port, login_driver) =
            IpmiPort::start(PortConfig::default(), stops.port.clone()).map_err(StartError::Udp)?;
        let (console_port, console_driver) =
            IpmiPort::start(PortConfig::default(), stops.port.clone()).map_err(StartError::Udp)?;
        let flows = store.list::<Flow>(&ListQuery::default()).await.map_err(failed)?;
        let catalog = Catalog::new(flows.items);
        let reader = PictureReader::start(data_dir.join(FONTS_FOLDER)).await;
        let logs = ConsoleLogs::new(&data_dir, LogLimits::default());
        let consoles = Consoles::new(console_port, logs, Recordings::new(&data_dir, store.clone()));
        let (say, site) = watch::channel(Arc::new(Site::default()));
        let (brake, tripped) = Brake::new();
        brake.recall(&store).await.map_err(failed)?;
        let changes = Changes::new();
        let views = Views::new(store.clone(), &data_dir).await.map_err(failed)?;
        let tools = Tools {
            store: store.clone(),
            port,
            login_port,
            console_logs: console_logs.map(Into::into),
            refusals: Refusals::default(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            jetkvms: Jetkvms::default(),
            modems: Modems::default(),
            records: SdrCache::default(),
            turns: Turns::new(site.clone()),
            reader,
            consoles: consoles.clone(),
            brake,
            outreach: Outreach::new(store.clone()),
            deployments: Deployments::new(store.clone(), changes.clone(), views.clone()),
            catalog: catalog.clone(),
            checks: CheckDesk::start(),
            site: site.clone(),
        };
        let leases =
            Leases::new(store.clone(), site.clone(), shared, roles.bmc).map_err(StartError::NoRandom)?;
        let holder = Holder { owner: leases.owner().into(), shared, site: site.clone() };
        if let Err(error) = consoles.recordings().find_again().await {
            tracing::error!(%error, "recordings of before are not all listed");
        }
        let fleet = Fleet::new(tools, settings, say, leases, stops.lanes.clone());
        fleet.govern().await.map_err(failed)?;
        let order = Order::new();
        let notifiers = Notifiers::new(store.clone(), holder.clone(), stops.listeners.clone());
        notifiers.start().await.map_err(failed)?;
        let (store_of, fleet_of) = (store.clone(), fleet.clone());
        let hands =
            Hands { store: store_of, fleet: fleet_of, catalog, notifiers: notifiers.clone(), order, changes };
        let repositories =
            Repositories::new(hands.clone(), repositories, holder, &data_dir, stops.listeners.clone());
        let listeners = TaskTracker::new();
        if shared {
            let follower = Follower::new(hands.clone(), repositories.clone()).await.map_err(failed)?;
            listeners.spawn(follower.run(stops.listeners.clone()));
        }
        if roles.bmc {
            enlist(&fleet).await.map_err(failed)?;
            listeners.spawn(upkeep(fleet.clone(), stops.leases.clone()));
        }
        repositories.start().await.map_err(failed)?;
        listeners.spawn(brake::keep(tripped, store.clone(), fleet.clone(), stops.listeners.clone()));

        let boot_listeners = Some(&config.boot).filter(|_| roles.boot);
        let end = &stops.listeners;
        let booting = Booting::open(boot_listeners, &data_dir, &hands, views, &listeners, end).await;
        let booting = booting.map_err(|error| match error {
            BootingError::Store(source) => failed(source),
            BootingError::Listen(error) => StartError::Boot(error),
        })?;
        let (repositories_of, consoles_of, end) =
            (repositories.clone(), consoles.clone(), stops.listeners.clone());
        let api = Arc::new(Api::new(hands, repositories_of, consoles_of, booting.clone(), end));
        let http = loopback.as_ref().and_then(|listener| listener.local_addr().ok());
        if let Some(local) = local {
            listeners.spawn(serve_local(local, Arc::clone(&api), stops.listeners.clone()));
        }
        if let Some(listener) = loopback {
            let router = http::router(api, Via::Loopback);
            listeners.spawn(http::serve(listener, router, stops.listeners.clone()));
        }
        listeners.spawn(prune(store.clone(), consoles.clone(), site, stops.listeners.clone()));
        let traps = match traps {
            Some(address) => Some(take_traps(address, &fleet, &listeners, &stops).await?),
            None => None,
        };
        listeners.close();
        tracing::info!(socket = %path.display(), http = http.map(tracing::field::display), "serving");
        Ok(Running {
            http,
            socket: path,
            stops,
            fleet,
            notifiers,
            repositories,
            traps,
            store,
            listeners,
            consoles,
            booting,
            ports: [driver, login_driver, console_driver],
            _lock: lock,
        })
    }
}

/// Serves on the local socket, and removes it when done.
async fn serve_local(mut local: LocalSocket, api: Arc<Api>, stop: CancellationToken) {
    if let Some(listener) = local.listener() {
        http::serve(listener, http::router(api, Via::Socket), stop).await;
    }
    tracing::debug!(socket = %local.path().display(), "closed");
}

/// Takes SNMP traps at `address` until the listeners stop.
async fn take_traps(
    address: SocketAddr,
    fleet: &Fleet,
    listeners: &TaskTracker,
    stops: &Stops,
) -> Result<Traps, StartError> {
    let bound = TrapListener::bind(address, fleet.store().clone(), fleet.clone()).await;
    let (listener, traps) = bound.map_err(|source| StartError::Traps { address, source })?;
    listeners.spawn(listener.run(stops.listeners.clone()));
    Ok(traps)
}

/// Keeps the store from growing without end.
async fn prune(store: Store, consoles: Consoles, site: watch::Receiver<Arc<Site>>, stop: CancellationToken) {
    let mut settings = site.borrow().settings();
    while stop.run_until_cancelled(tokio::time::sleep(settings.prune_interval)).await.is_some() {
        settings = site.borrow().settings();
        if let Err(error) = store.prune(clock::now(), retention(&settings)).await {
            tracing::error!(%error, "old events and pictures were not dropped");
        }
        if let Err(error) = consoles.logs().prune(clock::now()).await {
            tracing::error!(%error, "old console logs were not dropped");
        }
        let (age, total) = (settings.recordings_kept, u64::from(settings.recordings_size) << 20);
        if let Err(error) = consoles.recordings().prune(clock::now(), age, total).await {
            tracing::error!(%error, "old recordings were not dropped");
        }
    }
}

impl Running {
    /// The TCP address that is listened on; none unless asked for.
    pub const fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Where SNMP traps are taken, and what became of those that came; none unless asked for.
    pub fn traps(&self) -> Option<(SocketAddr, TrapCounts)> {
        self.traps.as_ref().map(|traps| (traps.address(), traps.counts()))
    }

    /// Where machines that boot are served over HTTP and over TFTP; nowhere without the role.
    pub fn boot(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        self.booting.addresses()
    }

    /// The local socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Stops in order: no more requests, lanes finish or record their step, sessions on BMCs and screens are closed,
    /// the store is flushed. What is not done within the configured time is abandoned, which loses nothing that was
    /// acknowledged.
    pub async fn shutdown(self) {
        let patience = self.fleet.site().settings().shutdown_timeout;
        let orderly = async {
            // Before those who write down what was seen.
            self.booting.close().await;
            self.stops.listeners.cancel();
            self.stops.lanes.cancel();
            self.fleet.ended().await;
            self.stops.leases.cancel();
            self.listeners.wait().await;
            self.consoles.ended().await;
            self.notifiers.ended().await;
            self.repositories.ended().await;
            if let Err(error) = self.fleet.leases().release().await {
                tracing::error!(%error, "other servers wait until the leases of this one expire");
            }
            self.stops.port.cancel();
        };
        if tokio::time::timeout(patience, orderly).await.is_err() {
            tracing::warn!("stopped before everything was finished");
        }
        self.stops.port.cancel();
        // An error means that the driver panicked; sessions then end by themselves.
        let _ = tokio::time::timeout(patience, futures_util::future::join_all(self.ports)).await;
        self.store.close().await;
    }
}

impl Drop for Stops {
    fn drop(&mut self) {
        self.listeners.cancel();
        self.lanes.cancel();
        self.leases.cancel();
        self.port.cancel();
    }
}

/// The local socket at which this user's server listens unless told otherwise.
pub fn default_socket() -> PathBuf {
    let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let uid = rustix::process::getuid().as_raw();
    ironhand_api::local_socket(runtime_dir.as_deref(), &std::env::temp_dir(), uid)
}
