//! Everything that answers to boot clients are made of, as of one moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ironhand_api::{Deployment, Host, HostBoot, Ipv4Subnet, MacAddress, MachineUuid, Name, Network, Profile};

use super::client::Client;

/// What a [`View`] is made of.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// All networks.
    pub networks: Vec<Network>,
    /// All hosts.
    pub hosts: Vec<Arc<HostRecord>>,
    /// All profiles.
    pub profiles: Vec<Profile>,
    /// All deployments.
    pub deployments: Vec<Deployment>,
    /// The names of all media.
    pub media: BTreeSet<Name>,
    /// The paths of the loaders that there are, like `ipxe/x64/snponly.efi`.
    pub loaders: BTreeSet<String>,
    /// Where boot clients reach this server, by the network that they are in.
    pub servers: BTreeMap<Name, BootServer>,
    /// The same over IPv6.
    pub servers6: BTreeMap<Name, BootServer>,
    /// For each deployment a secret that the paths of its files hold: letters and digits.
    pub tokens: BTreeMap<Name, String>,
}

/// What of a host matters to its boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRecord {
    /// Its name.
    pub name: Name,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its cluster.
    pub cluster: Option<Name>,
    /// Its hardware addresses.
    pub macs: Vec<MacAddress>,
    /// What else was said of its boots.
    pub boot: HostBoot,
}

impl HostRecord {
    /// What of a host matters to its boots.
    pub fn of(host: &Host) -> Self {
        Self {
            name: host.metadata.name.clone(),
            labels: host.metadata.labels.clone(),
            cluster: host.spec.cluster.clone(),
            macs: host.spec.macs.clone(),
            boot: host.spec.boot.as_deref().cloned().unwrap_or_default(),
        }
    }

    /// The address that is kept for it in a network, of either version of IP.
    pub fn kept(&self, ipv6: bool, network: &Network) -> Option<IpAddr> {
        if ipv6 {
            let subnet = network.spec.ipv6.as_ref()?.subnet;
            return self.boot.address6.filter(|address| subnet.contains(*address)).map(IpAddr::V6);
        }
        self.boot.address.filter(|address| network.spec.subnet.contains(*address)).map(IpAddr::V4)
    }
}

/// Where boot clients reach this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootServer {
    /// Its address.
    pub address: IpAddr,
    /// The port of its HTTP listener for boot clients; none where it has none.
    pub http: Option<u16>,
}

impl BootServer {
    /// The URL that paths are put behind, with a slash at its end; by TFTP where there is no HTTP.
    pub fn base(&self, http: bool) -> String {
        // An address of IPv6 stands in brackets (RFC 3986, section 3.2.2).
        let host = match self.address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        match self.http.filter(|_| http) {
            Some(80) => format!("http://{host}/boot/"),
            Some(port) => format!("http://{}/boot/", SocketAddr::new(self.address, port)),
            None => format!("tftp://{host}/"),
        }
    }
}

/// Everything that answers to boot clients are made of, as of one moment. It is made anew when records change, and never
/// changed.
#[derive(Debug, Default)]
pub struct View {
    pub(super) networks: BTreeMap<Name, Network>,
    pub(super) hosts: BTreeMap<Name, Arc<HostRecord>>,
    pub(super) profiles: BTreeMap<Name, Profile>,
    /// By host.
    pub(super) deployments: BTreeMap<Name, Deployment>,
    pub(super) media: BTreeSet<Name>,
    pub(super) loaders: BTreeSet<String>,
    pub(super) servers: BTreeMap<Name, BootServer>,
    pub(super) servers6: BTreeMap<Name, BootServer>,
    pub(super) tokens: BTreeMap<Name, String>,
    by_mac: HashMap<MacAddress, Name>,
    by_uuid: HashMap<MachineUuid, Name>,
    by_serial: HashMap<String, Name>,
    by_address: HashMap<IpAddr, Name>,
}

/// By what a host was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// One of its hardware addresses.
    Mac(MacAddress),
    /// Its UUID.
    Uuid(MachineUuid),
    /// Its serial number.
    Serial,
}

impl View {
    /// The view of some records. Where two say the same of themselves, as records of before this version may, the first
    /// by name has it.
    pub fn new(records: Records) -> Self {
        let Records {
            networks,
            mut hosts,
            profiles,
            mut deployments,
            media,
            loaders,
            servers,
            servers6,
            tokens,
        } = records;
        hosts.sort_by(|one, other| one.name.cmp(&other.name));
        deployments.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
        let mut view = Self { media, loaders, servers, servers6, tokens, ..Self::default() };
        for host in &hosts {
            let HostRecord { name, macs, boot, .. } = &**host;
            for mac in macs {
                view.by_mac.entry(*mac).or_insert_with(|| name.clone());
            }
            if let Some(uuid) = boot.uuid {
                view.by_uuid.entry(uuid.canonical()).or_insert_with(|| name.clone());
            }
            if let Some(serial) = &boot.serial {
                view.by_serial.entry(serial.to_lowercase()).or_insert_with(|| name.clone());
            }
            let kept = [boot.address.map(IpAddr::V4), boot.address6.map(IpAddr::V6)];
            for address in kept.into_iter().flatten() {
                view.by_address.entry(address).or_insert_with(|| name.clone());
            }
        }
        view.hosts = hosts.into_iter().map(|host| (host.name.clone(), host)).collect();
        view.networks =
            networks.into_iter().map(|network| (network.metadata.name.clone(), network)).collect();
        view.profiles =
            profiles.into_iter().map(|profile| (profile.metadata.name.clone(), profile)).collect();
        for deployment in deployments {
            view.deployments.entry(deployment.spec.host.clone()).or_insert(deployment);
        }
        view
    }

    /// A network.
    pub fn network(&self, name: &Name) -> Option<&Network> {
        self.networks.get(name)
    }

    /// All networks, ordered by name.
    pub fn networks(&self) -> impl Iterator<Item = &Network> {
        self.networks.values()
    }

    /// The network whose subnet an address lies in.
    pub fn network_of(&self, address: Ipv4Addr) -> Option<&Network> {
        self.networks.values().find(|network| network.spec.subnet.contains(address))
    }

    /// The network whose subnet of IPv6 an address lies in.
    pub fn network_of6(&self, address: Ipv6Addr) -> Option<&Network> {
        let holds =
            |network: &&Network| network.spec.ipv6.as_ref().is_some_and(|ipv6| ipv6.subnet.contains(address));
        self.networks.values().find(holds)
    }

    /// The network whose subnet an address of either kind lies in.
    pub fn network_around(&self, address: IpAddr) -> Option<&Network> {
        match address {
            IpAddr::V4(address) => self.network_of(address),
            IpAddr::V6(address) => self.network_of6(address),
        }
    }

    /// The network that a relay stands in, or speaks for.
    pub fn network_of_relay(&self, relay: Ipv4Addr) -> Option<&Network> {
        let named = self.networks.values().find(|network| network.spec.relays.contains(&relay));
        named.or_else(|| self.network_of(relay))
    }

    /// The network at an interface; of several the first by name in which one of `addresses` of the interface lies, or else
    /// the first.
    pub fn network_at(&self, interface: &str, addresses: &[Ipv4Addr]) -> Option<&Network> {
        let at = |network: &&Network| network.spec.interface.as_deref() == Some(interface);
        let holds = |subnet: Ipv4Subnet| addresses.iter().any(|address| subnet.contains(*address));
        let mut all = self.networks.values().filter(at);
        let fitting = self.networks.values().filter(at).find(|network| holds(network.spec.subnet));
        fitting.or_else(|| all.next())
    }

    /// A host.
    pub fn host(&self, name: &Name) -> Option<&Arc<HostRecord>> {
        self.hosts.get(name)
    }

    /// The addresses that are kept for hosts, in no order.
    pub fn reserved(&self) -> impl Iterator<Item = IpAddr> {
        self.by_address.keys().copied()
    }

    /// The host that an address is kept for.
    pub fn holder(&self, address: IpAddr) -> Option<&Arc<HostRecord>> {
        self.by_address.get(&address).and_then(|name| self.hosts.get(name))
    }

    /// A profile.
    pub fn profile(&self, name: &Name) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// The deployment of a host.
    pub fn deployment(&self, host: &Name) -> Option<&Deployment> {
        self.deployments.get(host)
    }

    /// Whether these are all deployments of the view, as they are in it.
    pub fn shows(&self, deployments: &[Deployment]) -> bool {
        let is_shown = |one: &Deployment| self.deployments.get(&one.spec.host) == Some(one);
        deployments.len() == self.deployments.len() && deployments.iter().all(is_shown)
    }

    /// Where a client reaches this server from a network.
    pub fn server(&self, network: &Name, client: &Client) -> Option<BootServer> {
        let servers = if client.ipv6 { &self.servers6 } else { &self.servers };
        servers.get(network).copied()
    }

    /// Whether there is a loader of a path.
    pub fn has_loader(&self, path: &str) -> bool {
        self.loaders.contains(path)
    }

    /// Recognises a machine: by any of its hardware addresses, else by its UUID in either byte order, else by its serial
    /// number.
    pub fn recognise(&self, client: &Client) -> Option<(&Arc<HostRecord>, KnownBy)> {
        let named = |name: &Name| self.hosts.get(name);
        let by_mac =
            client.macs.iter().find_map(|mac| Some((named(self.by_mac.get(mac)?)?, KnownBy::Mac(*mac))));
        let by_uuid = || {
            let uuid = client.telling_uuid()?;
            Some((named(self.by_uuid.get(&uuid.canonical())?)?, KnownBy::Uuid(uuid)))
        };
        let by_serial = || {
            let serial = client.serial.as_ref()?.trim().to_lowercase();
            Some((named(self.by_serial.get(&serial)?)?, KnownBy::Serial))
        };
        by_mac.or_else(by_uuid).or_else(by_serial)
    }

    /// The address that is kept for a client in a network: one of the version of IP that it asks by. That of this server is
    /// kept for nobody, whatever a record says.
    pub fn reservation(&self, client: &Client, network: &Network) -> Option<IpAddr> {
        let (host, _) = self.recognise(client)?;
        let own = self.server(&network.metadata.name, client).map(|server| server.address);
        host.kept(client.ipv6, network).filter(|kept| Some(*kept) != own)
    }
}
