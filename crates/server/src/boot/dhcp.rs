//! DHCP for the networks that are described: who is served where, with what, and who has which address.
//!
//! [`keeper`] is the task that opens the port and keeps it as the records say; [`policy`] answers packets, on the thread of
//! the port; [`told`] tells what the port did. The [`Dhcp`] is what the API asks.

#[cfg(test)]
pub(in crate::boot) mod fixture;
mod guests;
mod keeper;
mod leases;
mod options;
mod policy;
#[cfg(test)]
mod policy_tests;
mod pools;
mod reception;
mod rivals;
mod services;
mod standing;
mod subnets;
mod told;
mod v6;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironhand_api::{DhcpLease, Name, NetworkService, PoolUse};
use ironhand_boot_port::dhcp::{DhcpPort, DhcpStatistics};
use ironhand_boot_port::dhcp6::Dhcp6Statistics;
use ironhand_boot_port::journal::Durability;
use ironhand_dhcp::Counters;
use ironhand_model::boot::View;
use ironhand_store::Store;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

use self::keeper::{Around, Keeper};
use self::reception::Reception;
use self::services::Services;
use super::known::KnownHosts;
use super::seats::Seats;
use super::watch::BootWatch;
use crate::settings::DhcpListener;
use crate::views::Views;

/// The lease file, in the data directory.
const JOURNAL: &str = "dhcp-leases";

/// DHCP as it is served; cheap to clone.
#[derive(Clone)]
pub(crate) struct Dhcp {
    desk: Arc<Desk>,
    desk6: v6::Shared,
    known: Arc<KnownHosts>,
    views: Views,
}

/// What the task and those who ask share.
#[derive(Debug, Default)]
struct Desk {
    /// None before the first network is served.
    port: RwLock<Option<DhcpPort>>,
    services: Kept,
    closing: CancellationToken,
    /// Cancelled when the task has ended.
    closed: CancellationToken,
}

#[derive(Debug, Default)]
struct Kept(Mutex<Services>);

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Services> {
        // They are put there in one go.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// How full the pools of the networks are.
    async fn pools(&self, view: &View) -> BTreeMap<Name, PoolUse> {
        let port = self.port.read().await;
        let Some(port) = port.as_ref() else { return BTreeMap::new() };
        let of = |pool: ironhand_dhcp::PoolUse| {
            let network = view.network_of(Ipv4Addr::from_bits(pool.subnet.0))?;
            Some((network.metadata.name.clone(), PoolUse { size: pool.size, free: pool.free }))
        };
        port.pool_use().await.into_iter().filter_map(of).collect()
    }
}

impl Dhcp {
    /// Serves networks as the records say; gives the work to be spawned, which ends when this is [closed](Self::close).
    pub(crate) fn start(
        listener: DhcpListener,
        data: &Path,
        (store, views): (Store, Views),
        watch: BootWatch,
        (seats, known): (Arc<Seats>, Arc<KnownHosts>),
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (desk, desk6) = (Arc::new(Desk::default()), v6::Shared::default());
        let durability = if listener.sync { Durability::Sync } else { Durability::Write };
        let journal = data.join(JOURNAL);
        let reception = Arc::new(Reception::new(watch, seats));
        let keeper6 = v6::Keeper::new(v6::Around {
            desk: Arc::clone(&desk6),
            store: store.clone(),
            views: views.clone(),
            reception: Arc::clone(&reception),
            journal: data.join(v6::JOURNAL),
            identifier: data.join(v6::IDENTIFIER),
            durability,
        });
        let around = Around { store, views: views.clone(), reception, journal, durability };
        let keeper = Keeper::new(Arc::clone(&desk), around);
        let (closed, closing) = (desk.closed.clone().drop_guard(), desk.closing.clone());
        let work = async move {
            tokio::join!(keeper.keep(), keeper6.keep(closing));
            drop(closed);
        };
        (Self { desk, desk6, known, views }, work)
    }

    /// Ends the service: the leases that are being stored are stored, and their clients told.
    pub(crate) async fn close(&self) {
        self.desk.closing.cancel();
        self.desk.closed.cancelled().await;
    }

    /// How each network is served.
    pub(crate) async fn services(&self) -> Vec<NetworkService> {
        let mut services = self.desk.services.lock().all();
        let mut pools = self.pools().await;
        let mut ipv6 = self.desk6.services(&self.views.now()).await;
        for service in &mut services {
            service.ipv6 = ipv6.remove(&service.network);
            service.pool = pools.remove(&service.network).filter(|pool| pool.size > 0);
        }
        services
    }

    /// How full the pools of the networks are.
    pub(crate) async fn pools(&self) -> BTreeMap<Name, PoolUse> {
        self.desk.pools(&self.views.now()).await
    }

    /// The leases of the networks that are described, ordered by address.
    pub(crate) async fn leases(&self) -> Vec<DhcpLease> {
        let leases = match self.desk.port.read().await.as_ref() {
            Some(port) => port.leases().await,
            None => Vec::new(),
        };
        let view = self.views.now();
        let mut told: Vec<DhcpLease> =
            leases.iter().filter_map(|lease| leases::told(lease, &view, &self.known)).collect();
        told.extend(self.desk6.leases(&view, &self.known).await);
        told.sort_by_key(|lease| lease.address);
        told
    }

    /// Takes a lease back; says whether there was one.
    pub(crate) async fn release(&self, address: IpAddr) -> bool {
        let address = match address {
            IpAddr::V4(address) => address,
            IpAddr::V6(address) => return self.desk6.release(address).await,
        };
        match self.desk.port.read().await.as_ref() {
            Some(port) => port.release(address).await,
            None => false,
        }
    }

    /// What was done over IPv6; nothing before the first network is served so.
    pub(crate) async fn counted6(&self) -> Option<Dhcp6Statistics> {
        self.desk6.statistics().await
    }

    /// What was answered and refused, and what sockets and lease file did; nothing before the first network is served.
    pub(crate) async fn counted(&self) -> Option<(Counters, DhcpStatistics)> {
        let port = self.desk.port.read().await;
        let port = port.as_ref()?;
        Some((port.counters().await, port.statistics()))
    }
}
