//! The listeners that machines read from, opened and closed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironhand_boot_port::http::{AuthorityError, BootAuthority, HttpConfig, HttpCounts, HttpListener};
use ironhand_boot_port::interface::{Interface, interfaces};
use ironhand_boot_port::{Shelf, TftpConfig, TftpError, TftpPort, TftpStatistics};
use ironhand_store::Store;
use tokio_util::sync::CancellationToken;

use super::folder::Folder;
use super::ground::{Places, Surveyor};
use super::known::KnownHosts;
use super::media::Library;
use super::progress::Progress;
use super::seats::Seats;
use super::shelf::LiveShelf;
use super::surroundings::SurroundingsError;
use super::watch::BootWatch;
use crate::changes::Changes;
use crate::settings::BootListeners;
use crate::views::Views;

/// The folder of the data directory whose files are served.
const FOLDER: &str = "boot";

/// Why machines that boot cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootListenError {
    /// HTTP cannot be served.
    #[error("machines that boot cannot be served over HTTP at {address}{}", hint(.source))]
    Http {
        /// Where.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// TFTP cannot be served.
    #[error(transparent)]
    Tftp(#[from] TftpError),
    /// There is no certificate to show.
    #[error("machines that boot cannot be served over TLS")]
    Authority(#[from] AuthorityError),
    /// The names for the certificate are not known.
    #[error(transparent)]
    Addresses(#[from] SurroundingsError),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => ": another program listens there; stop it, or choose another --boot-http",
        io::ErrorKind::PermissionDenied => ": ports below 1024 need the capability CAP_NET_BIND_SERVICE",
        io::ErrorKind::AddrNotAvailable => ": no interface of this machine has that address",
        _ => "",
    }
}

/// What machines that boot are served by.
pub(crate) struct BootPorts {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    http: Option<HttpListener>,
    https: Option<HttpListener>,
    tftp: Option<TftpPort>,
}

/// What machines are answered from, and where it is told what they did.
pub(crate) struct BootParts {
    pub(crate) views: Views,
    pub(crate) media: Arc<Library>,
    pub(crate) watch: BootWatch,
    pub(crate) known: Arc<KnownHosts>,
    pub(crate) seats: Arc<Seats>,
}

/// What the listeners counted since they were opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BootCounts {
    /// In clear and over TLS together.
    pub(crate) http: HttpCounts,
    pub(crate) tftp: TftpStatistics,
}

impl BootPorts {
    /// Opens what is asked for, or nothing; gives the work to be spawned, which `stop` ends.
    ///
    /// # Errors
    ///
    /// Says which listener failed and what to do.
    pub(crate) async fn open(
        asked: &BootListeners,
        data: &Path,
        parts: BootParts,
        (store, changes): (Store, Changes),
        stop: CancellationToken,
    ) -> Result<(Self, impl Future<Output = ()> + Send + use<>), BootListenError> {
        let BootParts { views, media, watch, known, seats } = parts;
        let (folder, places, progress) =
            (data.join(FOLDER), Arc::new(Places::default()), Arc::new(Progress::new()));
        let shelf: Arc<dyn Shelf> = Arc::new(LiveShelf {
            views: views.clone(),
            media: Arc::clone(&media),
            folder: Folder(folder.clone()),
            places: Arc::clone(&places),
            seats,
            known,
            watch: watch.clone(),
            progress: Arc::clone(&progress),
        });
        let open = Open::new(asked, data, &shelf)?;
        let (http, tftp) = open.addresses();
        let surveyor = Surveyor { views, media, folder, places, http, tftp };
        surveyor.begin().await;
        let work = async move {
            let looking = surveyor.run(stop.clone());
            tokio::join!(looking, progress.follow(store, changes, watch, stop));
        };
        Ok((Self { open: Mutex::new(open) }, work))
    }

    /// Where HTTP and TFTP are served.
    pub(crate) fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        self.lock().addresses()
    }

    /// What the listeners counted.
    pub(crate) fn counts(&self) -> BootCounts {
        let open = self.lock();
        let mut counts = BootCounts::default();
        for one in [&open.http, &open.https].into_iter().flatten().map(HttpListener::counts) {
            let all = &mut counts.http;
            all.connections += one.connections;
            all.turned_away += one.turned_away;
            all.requests += one.requests;
            all.refused += one.refused;
            all.timed_out += one.timed_out;
            all.stalled += one.stalled;
            all.handshakes_failed += one.handshakes_failed;
            all.bytes += one.bytes;
        }
        counts.tftp = open.tftp.as_ref().map(TftpPort::statistics).unwrap_or_default();
        counts
    }

    /// Lets what is being served come to its end.
    pub(crate) async fn close(&self) {
        let Open { http, https, tftp } = std::mem::take(&mut *self.lock());
        for listener in [http, https].into_iter().flatten() {
            listener.close().await;
        }
        // Its threads are waited for where it is dropped.
        if tokio::task::spawn_blocking(move || drop(tftp)).await.is_err() {
            tracing::error!("the TFTP listener could not be waited for");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn new(asked: &BootListeners, data: &Path, shelf: &Arc<dyn Shelf>) -> Result<Self, BootListenError> {
        let open = |address, config| {
            let opened = HttpListener::open(address, config, Arc::clone(shelf));
            opened.map_err(|source| BootListenError::Http { address, source })
        };
        let http = asked.http.map(|address| open(address, HttpConfig::default())).transpose()?;
        let https = match asked.https {
            Some(address) => {
                let tls = BootAuthority::open(data)?.server_config(&named(address)?, &[])?;
                Some(open(address, HttpConfig { tls: Some(tls), ..HttpConfig::default() })?)
            }
            None => None,
        };
        let tftp = match asked.tftp {
            Some(address) => {
                let config = TftpConfig { listen: vec![address], ..TftpConfig::default() };
                Some(TftpPort::open(&config, Arc::clone(shelf))?)
            }
            None => None,
        };
        Ok(Self { http, https, tftp })
    }

    fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let tftp = self.tftp.as_ref().and_then(|tftp| tftp.addresses().first().copied());
        (self.http.as_ref().map(HttpListener::address), tftp)
    }
}

/// The addresses that the certificate of a listener is for: the one that is listened at, or else all of this machine.
fn named(address: SocketAddr) -> Result<Vec<IpAddr>, BootListenError> {
    let ip = address.ip().to_canonical();
    if !ip.is_unspecified() {
        return Ok(vec![ip]);
    }
    let told = interfaces().map_err(|error| SurroundingsError::System("addresses", error))?;
    let reachable = told.iter().filter(|one| one.is_up && !one.is_loopback);
    // A link-local address means something on one link only, and no URL has its interface.
    let of = |one: &Interface| {
        let global = one.addresses6.iter().filter(|(address, _)| !address.is_unicast_link_local());
        let all = one.addresses.iter().map(|(address, _)| IpAddr::from(*address));
        all.chain(global.map(|(address, _)| IpAddr::from(*address))).collect::<Vec<_>>()
    };
    Ok(reachable.flat_map(of).filter(|one| address.is_ipv6() || one.is_ipv4()).collect())
}
