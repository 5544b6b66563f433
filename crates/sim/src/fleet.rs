//! Many simulated hosts in one process, each with a management controller and a screen on real sockets.

mod fault;
mod host;
mod received;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use secrecy::SecretString;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::fault::{Fault, FaultScript, StagedFault, UnknownFault};
use self::host::{Access, Host};
pub use self::received::{Asked, Received};
use crate::controller::{Controller, bmc};
use crate::inventory;
use crate::machine::{Activity, Machine, MachineConfig, Make, Seed};
use crate::redfish::{Certificate, CertificateError, serve};

/// Connections that one Redfish service keeps at a time: each takes some ten KiB, and a file descriptor.
const MAX_CLIENTS: usize = 64;

/// Hosts in one rack: the names count on in the next one.
const HOSTS_PER_RACK: usize = 40;

/// The name of the host with this index, counted from 0.
#[must_use]
pub fn host_name(index: usize) -> String {
    format!("rack{}-{:02}", index / HOSTS_PER_RACK + 1, index % HOSTS_PER_RACK + 1)
}

/// What a [`Fleet`] is made of.
#[derive(Clone, Debug)]
pub struct FleetConfig {
    /// How many hosts. Each takes three sockets, and one more for each viewer; where the process may not open
    /// so many files, its soft limit is raised as far as the hard limit lets it.
    pub hosts: usize,
    /// The address of the first host. Where a port below is not 0, each further host has the next address.
    pub bind: IpAddr,
    /// UDP port of the management controllers; 0 takes a free one for each.
    pub ipmi_port: u16,
    /// TCP port of the Redfish services; 0 takes a free one for each.
    pub redfish_port: u16,
    /// TCP port of the screens; 0 takes a free one for each.
    pub vnc_port: u16,
    /// What machines, names and times are drawn from.
    pub seed: u64,
    /// How many times faster than real machines these are; script and machines alike. 1 boots in about half a
    /// minute.
    pub pace: f64,
    /// Whether the machines stand at their login prompts at first, or are off.
    pub running: bool,
    /// User name of all management controllers, an administrator.
    pub user: String,
    /// Password of all management controllers: up to 20 bytes.
    pub password: SecretString,
    /// Password of all screens, of which 8 bytes count; `None` lets anyone in.
    pub screen_password: Option<SecretString>,
    /// Whether machines with an iDRAC show their screens by VNC only while its attributes say so, as real ones do, under the
    /// password that is given there.
    pub vnc_by_attribute: bool,
    /// Whether the controllers have a serial console. A shell of its own is on it while the machine runs the system of its disk;
    /// nothing is while it does not.
    pub serial: bool,
    /// What breaks, and when.
    pub script: FaultScript,
}

impl FleetConfig {
    /// `hosts` running machines on 127.0.0.1 at free ports, user `admin` with password `simulated`, screens
    /// without one, and nothing that breaks.
    #[must_use]
    pub fn new(hosts: usize) -> Self {
        Self {
            hosts,
            bind: Ipv4Addr::LOCALHOST.into(),
            ipmi_port: 0,
            redfish_port: 0,
            vnc_port: 0,
            seed: 1,
            pace: 1.0,
            running: true,
            user: "admin".to_owned(),
            password: "simulated".into(),
            screen_password: None,
            vnc_by_attribute: false,
            serial: true,
            script: FaultScript::none(),
        }
    }

    /// The address of host `index`, or `None` past the end of the address space.
    fn address(&self, index: usize) -> Option<IpAddr> {
        if self.ipmi_port == 0 && self.redfish_port == 0 && self.vnc_port == 0 {
            return Some(self.bind);
        }
        match self.bind {
            IpAddr::V4(first) => u32::try_from(index)
                .ok()
                .and_then(|index| first.to_bits().checked_add(index))
                .map(|bits| IpAddr::V4(bits.into())),
            IpAddr::V6(first) => {
                first.to_bits().checked_add(index as u128).map(|bits| IpAddr::V6(bits.into()))
            }
        }
    }
}

/// Why a [`Fleet`] could not start or act.
#[derive(Debug, Error)]
pub enum FleetError {
    /// A socket was refused.
    #[error("the {what} of simulated host {host} cannot listen on {address}")]
    Bind {
        /// The host.
        host: String,
        /// `management controller`, `Redfish service` or `screen`.
        what: &'static str,
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The Redfish services have no certificate.
    #[error("the Redfish services have no certificate")]
    Certificate(#[from] CertificateError),
    /// There are not enough addresses behind the first one.
    #[error("there are no {hosts} addresses from {first} on")]
    Addresses {
        /// How many hosts there should be.
        hosts: usize,
        /// The first address.
        first: IpAddr,
    },
    /// The script names a host that is not there.
    #[error("the fault script breaks host number {host}, but there are {hosts}")]
    ScriptHost {
        /// Its number, counted from 0.
        host: usize,
        /// How many there are.
        hosts: usize,
    },
    /// No host has this name.
    #[error("no simulated host is named {name:?}")]
    UnknownHost {
        /// The name.
        name: String,
    },
}

/// A host of a [`Fleet`], and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimHost {
    /// Its name, like `rack1-07`.
    pub name: String,
    /// Its make.
    pub make: Make,
    /// Where its management controller speaks IPMI.
    pub ipmi: SocketAddr,
    /// Where its management controller speaks Redfish, over TLS.
    pub redfish: SocketAddr,
    /// Where its screen speaks RFB.
    pub vnc: SocketAddr,
}

/// What a simulated host really does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostState {
    /// Whether it has power.
    pub power_on: bool,
    /// What it is doing.
    pub activity: Activity,
    /// Whether it runs the system of its disk and nothing of it is damaged.
    pub well: bool,
    /// The text on its screen.
    pub screen: String,
}

/// Simulated hosts that run in the background until [`Fleet::shutdown`], or until this is dropped.
pub struct Fleet {
    hosts: Vec<SimHost>,
    by_name: HashMap<String, Arc<Host>>,
    script: FaultScript,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Fleet {
    /// Starts the hosts. All sockets listen when this returns.
    ///
    /// # Errors
    ///
    /// [`FleetError`], and nothing runs.
    pub async fn start(config: FleetConfig) -> Result<Self, FleetError> {
        if let Some(staged) = config.script.faults().iter().find(|staged| staged.host >= config.hosts) {
            return Err(FleetError::ScriptHost { host: staged.host, hosts: config.hosts });
        }
        allow_sockets(config.hosts);
        let tls = Certificate::self_signed()?.acceptor();
        let mut bound = Vec::with_capacity(config.hosts);
        let mut seed = Seed::new(config.seed);
        for index in 0..config.hosts {
            bound.push(bind(&config, index, seed.next()).await?);
        }
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut hosts = Vec::with_capacity(config.hosts);
        for Bound { host, screen, redfish } in bound {
            tasks.spawn(host.clone().run(stop.clone()));
            tasks.spawn(host.clone().show_screen(screen, stop.clone(), tasks.clone()));
            let front =
                serve(redfish, Some(tls.clone()), host.clone(), MAX_CLIENTS, stop.clone(), tasks.clone());
            tasks.spawn(front);
            hosts.push(host);
        }
        tasks.spawn(play(config.script.clone(), hosts.clone(), config.pace, stop.clone()));
        Ok(Self {
            hosts: hosts.iter().map(|host| host.info().clone()).collect(),
            by_name: hosts.into_iter().map(|host| (host.info().name.clone(), host)).collect(),
            script: config.script,
            stop,
            tasks,
        })
    }

    /// All hosts, in the order of their numbers.
    #[must_use]
    pub fn hosts(&self) -> &[SimHost] {
        &self.hosts
    }

    /// What breaks, and when.
    #[must_use]
    pub fn script(&self) -> &FaultScript {
        &self.script
    }

    /// Breaks a host now.
    ///
    /// # Errors
    ///
    /// [`FleetError::UnknownHost`].
    pub fn stage(&self, host: &str, fault: impl Into<Fault>) -> Result<(), FleetError> {
        self.host(host)?.stage(fault.into());
        Ok(())
    }

    /// Takes back all faults of the host's management controller and of the way to its screen. Its machine
    /// stays as it is.
    ///
    /// # Errors
    ///
    /// [`FleetError::UnknownHost`].
    pub fn mend_connections(&self, host: &str) -> Result<(), FleetError> {
        self.host(host)?.mend_connections();
        Ok(())
    }

    /// What a host really does: the truth, to compare with what was seen from outside.
    ///
    /// # Errors
    ///
    /// [`FleetError::UnknownHost`].
    pub fn state(&self, host: &str) -> Result<HostState, FleetError> {
        Ok(self.host(host)?.state())
    }

    /// What a host was asked by its controller and its screen, in order: the truth about what was done to it, whoever says
    /// what.
    ///
    /// # Errors
    ///
    /// [`FleetError::UnknownHost`].
    pub fn received(&self, host: &str) -> Result<Vec<Received>, FleetError> {
        Ok(self.host(host)?.received())
    }

    /// Whether the attributes of a host's iDRAC let its screen be seen by VNC.
    ///
    /// # Errors
    ///
    /// [`FleetError::UnknownHost`].
    pub fn shows_by_vnc(&self, host: &str) -> Result<bool, FleetError> {
        Ok(self.host(host)?.shows_by_vnc())
    }

    /// Ends all hosts and waits until none of their sockets is open.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn host(&self, name: &str) -> Result<&Host, FleetError> {
        self.by_name
            .get(name)
            .map(AsRef::as_ref)
            .ok_or_else(|| FleetError::UnknownHost { name: name.to_owned() })
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A host whose sockets listen.
struct Bound {
    host: Arc<Host>,
    screen: TcpListener,
    redfish: TcpListener,
}

async fn bind(config: &FleetConfig, index: usize, seed: u64) -> Result<Bound, FleetError> {
    let name = host_name(index);
    let address =
        config.address(index).ok_or(FleetError::Addresses { hosts: config.hosts, first: config.bind })?;
    let refused = |what, port| {
        let (host, address) = (name.clone(), SocketAddr::new(address, port));
        move |source| FleetError::Bind { host, what, address, source }
    };
    let mut numbers = Seed::new(seed);
    let mut guid = [0; 16];
    guid.chunks_mut(8).for_each(|half| half.copy_from_slice(&numbers.next().to_le_bytes()));
    let make = Make::ALL[index % Make::ALL.len()];
    let machine =
        MachineConfig { name: name.clone(), make, seed, pace: config.pace, running: config.running };
    let machine = Machine::new(machine, Instant::now());
    let access = Access {
        user: config.user.clone(),
        password: config.password.clone(),
        screen_password: config.screen_password.clone(),
        vnc_by_attribute: config.vnc_by_attribute,
        serial: config.serial,
        guid,
        fru: inventory::devices(host::flavour(make), machine.serial()),
    };
    let (password, fru) = (access.password.clone(), access.fru.clone());
    let controller = bmc(&access.user, password, guid, fru, config.running, access.serial);
    let controller = Controller::bind(SocketAddr::new(address, config.ipmi_port), controller, &name)
        .await
        .map_err(refused("management controller", config.ipmi_port))?;
    let screen = TcpListener::bind(SocketAddr::new(address, config.vnc_port))
        .await
        .map_err(refused("screen", config.vnc_port))?;
    let redfish = TcpListener::bind(SocketAddr::new(address, config.redfish_port))
        .await
        .map_err(refused("Redfish service", config.redfish_port))?;
    let info = SimHost {
        ipmi: controller.address().map_err(refused("management controller", config.ipmi_port))?,
        redfish: redfish.local_addr().map_err(refused("Redfish service", config.redfish_port))?,
        vnc: screen.local_addr().map_err(refused("screen", config.vnc_port))?,
        name,
        make,
    };
    let host = Arc::new(Host::new(info, access, machine, controller));
    Ok(Bound { host, screen, redfish })
}

/// Files that the rest of the process may want: a store, listeners, and connections to the hosts from the
/// same process.
const OTHER_FILES: u64 = 256;

/// Raises the soft limit of open files where it is too low for so many hosts. Many systems give 1024, enough
/// for 300 hosts.
fn allow_sockets(hosts: usize) {
    // Per host: the three sockets, a viewer, a Redfish client, and the own ends of those and of a console where they
    // live in this process.
    allow_files(8 * hosts as u64);
}

/// Raises the soft limit of open files where it is too low for so many, and for what the rest of the process
/// has open.
pub(crate) fn allow_files(files: u64) {
    let limit = getrlimit(Resource::Nofile);
    let needed = OTHER_FILES + files;
    if limit.current.is_some_and(|current| current < needed) {
        let current = Some(limit.maximum.map_or(needed, |maximum| maximum.min(needed)));
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current, ..limit }) {
            tracing::warn!(%error, needed, "the limit of open files stays as it is");
        }
    }
}

/// Breaks what the script says, when it says so.
async fn play(script: FaultScript, hosts: Vec<Arc<Host>>, pace: f64, stop: CancellationToken) {
    let start = Instant::now();
    for staged in script.faults() {
        let after: Duration = staged.at.div_f64(pace.max(0.01));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until((start + after).into()) => {}
        }
        if let Some(host) = hosts.get(staged.host) {
            host.stage(staged.fault);
        }
    }
}
