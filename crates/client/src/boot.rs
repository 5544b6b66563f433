//! Calls about network boot.

use std::net::IpAddr;

use http::Method;
use ironhand_api::{BootRecord, DhcpLease, List, MacAddress, Machine, Name, NetworkService, WakeReport};

use crate::{Client, Error};

/// Which boots a list is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootFilter {
    /// Those of one host.
    pub host: Option<Name>,
    /// Those of one hardware address.
    pub mac: Option<MacAddress>,
    /// Only those that are not over.
    pub open: bool,
    /// At most so many, the newest.
    pub limit: Option<usize>,
}

impl Client {
    /// Boots over the network that the server saw since it was started, the newest first.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn boots(&self, filter: &BootFilter) -> Result<Vec<BootRecord>, Error> {
        let mut query = Vec::new();
        query.extend(filter.host.as_ref().map(|host| ("host", host.to_string())));
        query.extend(filter.mac.map(|mac| ("mac", mac.to_string())));
        query.extend(filter.open.then(|| ("open", "true".to_owned())));
        query.extend(filter.limit.map(|limit| ("limit", limit.to_string())));
        let list: List<BootRecord> = self.fetch(&["api", "v1", "boots"], &query).await?;
        Ok(list.items)
    }

    /// How each network is served with DHCP, ordered by name.
    ///
    /// # Errors
    ///
    /// A problem with status 409 where the server answers no DHCP.
    pub async fn network_services(&self) -> Result<Vec<NetworkService>, Error> {
        let list: List<NetworkService> = self.fetch(&["api", "v1", "boot", "networks"], &[]).await?;
        Ok(list.items)
    }

    /// The leases of a network, or of all, ordered by address.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where there is no such network, with 409 where the server answers no DHCP.
    pub async fn leases(&self, network: Option<&Name>) -> Result<Vec<DhcpLease>, Error> {
        let query: Vec<_> = network.iter().map(|network| ("network", network.to_string())).collect();
        let list: List<DhcpLease> = self.fetch(&["api", "v1", "leases"], &query).await?;
        Ok(list.items)
    }

    /// Takes a lease back. Its machine is not told, and must not use the address any more.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where nobody has the address, with 409 where the server answers no DHCP.
    pub async fn release_lease(&self, address: IpAddr) -> Result<(), Error> {
        let address = address.to_string();
        self.call(self.request(Method::DELETE, &["api", "v1", "leases", &address], &[])).await.map(drop)
    }

    /// The machines that booted over the network and are no hosts, ordered by hardware address.
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn machines(&self) -> Result<Vec<Machine>, Error> {
        let list: List<Machine> = self.fetch(&["api", "v1", "machines"], &[]).await?;
        Ok(list.items)
    }

    /// Forgets a machine. It comes back when it boots again.
    ///
    /// # Errors
    ///
    /// A problem with status 404 where it is not known.
    pub async fn forget_machine(&self, mac: MacAddress) -> Result<(), Error> {
        let mac = mac.to_string();
        self.call(self.request(Method::DELETE, &["api", "v1", "machines", &mac], &[])).await.map(drop)
    }

    /// Wakes a machine by Wake-on-LAN, known or not.
    ///
    /// # Errors
    ///
    /// A problem where nothing could be sent.
    pub async fn wake_machine(&self, mac: MacAddress) -> Result<WakeReport, Error> {
        let mac = mac.to_string();
        let request = self
            .request(Method::POST, &["api", "v1", "machines", &mac, "wake"], &[])
            .json(&serde_json::json!({}));
        self.parse(self.call(request).await?).await
    }

    /// Wakes a host by what switches its power, else by Wake-on-LAN.
    ///
    /// # Errors
    ///
    /// A problem that says why it was not woken.
    pub async fn wake(&self, host: &Name) -> Result<WakeReport, Error> {
        let request = self
            .request(Method::POST, &["api", "v1", "hosts", host.as_str(), "wake"], &[])
            .json(&serde_json::json!({}));
        self.parse(self.call(request).await?).await
    }
}
