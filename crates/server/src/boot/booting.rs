//! Everything that machines which boot are served by, opened and closed together.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ironhand_api::Host;
use ironhand_store::{ListQuery, StoreError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::media::Library;
use super::{BootListenError, BootParts, BootPorts, BootWatch, Dhcp, Seats};
use crate::repository::Hands;
use crate::settings::BootListeners;
use crate::views::Views;

/// What serves machines that boot, and what is known of them; cheap to clone.
#[derive(Clone)]
pub(crate) struct Booting {
    /// The boots that are seen.
    pub(crate) watch: BootWatch,
    /// The images and loaders.
    pub(crate) media: Arc<Library>,
    /// The records, as machines are answered from them.
    pub(crate) views: Views,
    /// DHCP; none where this server does not answer it.
    pub(crate) dhcp: Option<Dhcp>,
    /// TFTP and HTTP; none without the role.
    pub(crate) ports: Option<Arc<BootPorts>>,
}

/// Why it cannot be opened.
pub(crate) enum BootingError {
    /// The store fails.
    Store(StoreError),
    /// A listener cannot be had.
    Listen(BootListenError),
}

impl From<StoreError> for BootingError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<BootListenError> for BootingError {
    fn from(error: BootListenError) -> Self {
        Self::Listen(error)
    }
}

impl Booting {
    /// Opens what is asked for. Without `listeners` nothing is served, and what others see is known all the same.
    ///
    /// # Errors
    ///
    /// Where the store fails, or a listener cannot be had.
    pub(crate) async fn open(
        listeners: Option<&BootListeners>,
        data_dir: &Path,
        hands: &Hands,
        views: Views,
        tasks: &TaskTracker,
        end: &CancellationToken,
    ) -> Result<Self, BootingError> {
        let (store, known, changes) = (&hands.store, hands.fleet.known(), &hands.changes);
        let (watch, watching) = BootWatch::start(store.clone(), end.clone()).await?;
        tasks.spawn(watching);
        let hosts = store.list::<Host>(&ListQuery::default()).await?.items;
        hosts.iter().for_each(|host| known.put(host));
        let seats = Arc::new(Seats::default());
        let media = Library::open(data_dir, changes.clone()).await;
        let ports = match listeners {
            Some(asked) => {
                let parts = BootParts {
                    views: views.clone(),
                    media: Arc::clone(&media),
                    watch: watch.clone(),
                    known: Arc::clone(known),
                    seats: Arc::clone(&seats),
                };
                let records = (store.clone(), changes.clone());
                let (ports, work) = BootPorts::open(asked, data_dir, parts, records, end.clone()).await?;
                tasks.spawn(work);
                Some(Arc::new(ports))
            }
            None => None,
        };
        tasks.spawn(views.clone().keep(changes.clone(), end.clone()));
        let dhcp = listeners.and_then(|asked| asked.dhcp).map(|listener| {
            let records = (store.clone(), views.clone());
            let machines = (seats, Arc::clone(known));
            let (dhcp, serving) = Dhcp::start(listener, data_dir, records, watch.clone(), machines);
            tasks.spawn(serving);
            dhcp
        });
        Ok(Self { watch, media, views, dhcp, ports })
    }

    /// Where HTTP and TFTP are served.
    pub(crate) fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        self.ports.as_ref().map_or((None, None), |ports| ports.addresses())
    }

    /// Lets what is being served come to its end.
    pub(crate) async fn close(self) {
        if let Some(ports) = self.ports {
            ports.close().await;
        }
        if let Some(dhcp) = self.dhcp {
            dhcp.close().await;
        }
    }
}
