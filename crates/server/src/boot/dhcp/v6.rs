//! DHCPv6 and router advertisements for the networks that have an IPv6 side: as [`super`] does for IPv4, in a port, a lease
//! file and a task of their own.

mod keeper;
mod links;
mod policy;
mod told;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use ironhand_api::{DhcpLease, Ipv6Service, LeaseState, MacAddress, MachineUuid, Name};
use ironhand_boot_port::dhcp6::{Dhcp6Port, Dhcp6Statistics};
use ironhand_dhcp::v6::Lease;
use ironhand_model::boot::View;
use tokio::sync::RwLock;

pub(super) use self::keeper::{Around, Keeper};
use super::leases::{pairs, state, time};
use crate::boot::known::KnownHosts;
use crate::once;

/// The lease file, in the data directory.
pub(super) const JOURNAL: &str = "dhcp6-leases";

/// The file of the server's identifier, in the data directory.
pub(super) const IDENTIFIER: &str = "dhcp6-identifier";

/// What the task and those who ask share.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// None before the first network is served.
    port: RwLock<Option<Dhcp6Port>>,
    services: Mutex<BTreeMap<Name, Ipv6Service>>,
}

impl Desk {
    /// The leases as they are kept.
    async fn kept(&self) -> Vec<Lease> {
        match self.port.read().await.as_ref() {
            Some(port) => port.leases().await,
            None => Vec::new(),
        }
    }

    /// How the networks are served, by their names.
    pub(super) async fn services(&self, view: &View) -> BTreeMap<Name, Ipv6Service> {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for lease in self.kept().await {
            let network = view.network_of6(lease.address).map(|network| &network.metadata.name);
            if let Some(service) = network.and_then(|name| services.get_mut(name))
                && lease.state == ironhand_dhcp::LeaseState::Bound
            {
                service.leases += 1;
            }
        }
        services
    }

    fn put(&self, services: BTreeMap<Name, Ipv6Service>) -> BTreeMap<Name, Ipv6Service> {
        std::mem::replace(&mut self.services.lock().unwrap_or_else(PoisonError::into_inner), services)
    }

    /// The leases of the networks that are described.
    pub(super) async fn leases(&self, view: &View, known: &KnownHosts) -> Vec<DhcpLease> {
        self.kept().await.iter().filter_map(|lease| lease_told(lease, view, known)).collect()
    }

    /// What was done; nothing before the first network is served.
    pub(super) async fn statistics(&self) -> Option<Dhcp6Statistics> {
        self.port.read().await.as_ref().map(Dhcp6Port::statistics)
    }

    /// Takes a lease back; says whether there was one.
    pub(super) async fn release(&self, address: Ipv6Addr) -> bool {
        match self.port.read().await.as_ref() {
            Some(port) => port.release(address).await,
            None => false,
        }
    }
}

fn lease_told(lease: &Lease, view: &View, known: &KnownHosts) -> Option<DhcpLease> {
    let network = view.network_of6(lease.address)?;
    let ended = lease.ends <= SystemTime::now();
    Some(DhcpLease {
        address: lease.address.into(),
        network: network.metadata.name.clone(),
        hardware_address: lease.mac.map(|mac| MacAddress(mac).to_string()).unwrap_or_default(),
        client_id: Some(pairs(&lease.identifier)),
        host_name: None,
        host: lease.mac.and_then(|mac| known.host(MacAddress(mac))).or_else(|| kept_for(lease, view)),
        state: if ended { LeaseState::Expired } else { state(lease.state) },
        began: time(lease.begins),
        ends: time(lease.ends),
    })
}

/// The host that an address is kept for, of which a client may show the UUID alone.
fn kept_for(lease: &Lease, view: &View) -> Option<Name> {
    let uuid = match &*lease.identifier {
        [0, 4, uuid @ ..] => MachineUuid(uuid.try_into().ok()?),
        _ => return None,
    };
    let host = view.holder(lease.address.into())?;
    host.boot.uuid.filter(|known| known.matches(uuid)).map(|_| host.name.clone())
}

/// The identifier by which clients know this server (DUID-UUID, RFC 6355), from a file that is made where there is none.
pub(super) fn identifier(path: &Path) -> io::Result<Vec<u8>> {
    let identifier = once::kept(path, || {
        let mut uuid = [0; 16];
        getrandom::fill(&mut uuid).map_err(|error| io::Error::other(error.to_string()))?;
        // A random one (RFC 9562, section 5.4).
        uuid[6] = uuid[6] & 0x0f | 0x40;
        uuid[8] = uuid[8] & 0x3f | 0x80;
        Ok([&[0, 4][..], &uuid].concat())
    })?;
    if identifier.len() != 18 || !identifier.starts_with(&[0, 4]) {
        return Err(io::Error::other(format!(
            "{} is no identifier of a server: move it away, and a new one is made",
            path.display()
        )));
    }
    Ok(identifier)
}

/// What others share with the task for IPv4, too.
pub(super) type Shared = Arc<Desk>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifier_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(IDENTIFIER);
        let made = identifier(&path).unwrap();
        assert_eq!((made.len(), &made[..2]), (18, &[0, 4][..]));
        assert_eq!(identifier(&path).unwrap(), made);
        std::fs::write(&path, "short").unwrap();
        assert!(identifier(&path).is_err(), "a damaged one is not replaced in silence");
    }
}
