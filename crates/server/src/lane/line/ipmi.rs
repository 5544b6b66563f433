//! The line to a host's BMC: one IPMI client at the shared port, under the credential that works.

mod hardware;
mod words;

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ironhand_api::{ActionReceipt, BootDevice, Connector, IpmiOptions, Name, PowerAction, PowerState, Reach};
use ironhand_connectors::{BootOverride, Error, PathHealth};
use ironhand_ipmi::{BootFlags, ChassisControl, CipherSuite, ClientConfig, Reply, Request};
use ironhand_ipmi_port::{Bmc, IpmiPort, OpenError};
use secrecy::SecretString;
use tokio::net::lookup_host;
use tokio::time::{Instant as Moment, timeout};

use super::{LogsIn, ask, ask_as, controller};
use crate::Settings;
use crate::credentials::{Credentials, Opened};
use crate::device::DeviceError;
use crate::lane::Tools;
use crate::sdr_cache::SdrCache;
use crate::settings::retransmit;

/// The line to a host's BMC.
pub(in crate::lane) struct IpmiLine {
    host: Name,
    /// The connector, as facts and receipts name it.
    source: String,
    /// Of the one BMC, the preferred one first.
    addresses: Vec<String>,
    health: PathHealth,
    port_number: u16,
    suites: Vec<CipherSuite>,
    credentials: Credentials,
    port: IpmiPort,
    /// For logins beside the line's own session.
    login_port: IpmiPort,
    settings: Settings,
    /// The records of BMCs' sensors, from earlier readings.
    records: SdrCache,
    /// The client that is open.
    bmc: Option<Open>,
}

struct Open {
    /// The place of its credential.
    place: usize,
    address: String,
    bmc: Bmc,
}

impl IpmiLine {
    pub(super) fn new(
        host: &Name,
        connector: &Connector,
        options: &IpmiOptions,
        credentials: Vec<Name>,
        health: PathHealth,
        tools: &Tools,
        settings: Settings,
    ) -> Self {
        Self {
            host: host.clone(),
            source: connector.to_string(),
            addresses: connector.addresses(),
            health,
            port_number: connector.effective_port(),
            suites: suites(options),
            credentials: Credentials::of_bmc(
                host,
                controller(connector),
                credentials,
                tools.store.clone(),
                tools.refusals.clone(),
                &settings,
            ),
            port: tools.port.clone(),
            login_port: tools.login_port.clone(),
            settings,
            records: tools.records.clone(),
            bmc: None,
        }
    }

    /// The power state, as the BMC reports it.
    pub(super) async fn power_state(
        &mut self,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<PowerState, DeviceError> {
        match ask(self, &Request::GetChassisStatus, receipts).await? {
            Reply::ChassisStatus(status) if status.power_on => Ok(PowerState::On),
            Reply::ChassisStatus(_) => Ok(PowerState::Off),
            _ => Ok(PowerState::Unknown),
        }
    }

    /// Asks for a change of power.
    pub(super) async fn power(
        &mut self,
        action: PowerAction,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<(), DeviceError> {
        ask(self, &control(action).into(), receipts).await.map(drop)
    }

    /// Chooses what the next boots start from, reads it back, and tells what is doubtful of it.
    pub(super) async fn boot_device(
        &mut self,
        wanted: BootOverride,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Option<&'static str>, DeviceError> {
        let mut flags = match wanted.device {
            BootDevice::None => BootFlags::cleared(),
            BootDevice::Pxe => BootFlags::once(ironhand_ipmi::BootDevice::Pxe),
            BootDevice::Disk => BootFlags::once(ironhand_ipmi::BootDevice::Disk),
            BootDevice::Cdrom => BootFlags::once(ironhand_ipmi::BootDevice::CdRom),
            BootDevice::Bios => BootFlags::once(ironhand_ipmi::BootDevice::Setup),
        };
        if flags.valid {
            flags.persistent = wanted.persistent;
            flags.uefi = wanted.uefi;
        }
        ask(self, &Request::SetBootOptions(flags), receipts).await?;
        let Reply::BootFlags(kept) = ask(self, &Request::GetBootFlags, &mut Vec::new()).await? else {
            return Err(DeviceError::BootDeviceNotKept);
        };
        let is_kept = kept.device == flags.device || wanted.device == BootDevice::None && !kept.valid;
        if !is_kept {
            return Err(DeviceError::BootDeviceNotKept);
        }
        // Some BMCs, OpenIPMI's simulator among them, keep the device and show it without its valid bit.
        let doubt = (wanted.device != BootDevice::None && !kept.valid)
            .then_some("though the BMC does not mark it valid");
        Ok(doubt)
    }

    /// Sends a command as it is.
    pub(in crate::lane) async fn raw(
        &mut self,
        request: &Request,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Reply, DeviceError> {
        ask(self, request, receipts).await
    }

    async fn open_at(
        &self,
        port: &IpmiPort,
        address: &str,
        username: String,
        password: SecretString,
    ) -> Result<Bmc, DeviceError> {
        let peers = resolve(address, self.port_number, &self.settings).await?;
        let mut config = ClientConfig::new(username, password);
        config.suites.clone_from(&self.suites);
        config.retransmit = retransmit(&self.settings);
        let mut last = None;
        for peer in peers {
            match port.open(canonical(peer), config.clone()).await {
                Ok(bmc) => return Ok(bmc),
                Err(error @ OpenError::NoIpv6 { .. }) => last = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.map_or_else(
            || DeviceError::Resolve { address: address.to_owned(), reason: "it has no addresses".to_owned() },
            DeviceError::from,
        ))
    }

    /// Asks over one of the addresses.
    async fn ask_at(&mut self, address: &str, place: usize, request: &Request) -> Result<Reply, DeviceError> {
        let fits = |open: &Open| open.place == place && open.address == address;
        if !self.bmc.as_ref().is_some_and(fits) {
            // Closed before the next is opened: the port knows one client for each BMC.
            self.bmc = None;
            let Opened { username, password, .. } = self.credentials.open(place).await?;
            let bmc = self.open_at(&self.port, address, username, password.unwrap_or_default()).await?;
            self.bmc = Some(Open { place, address: address.to_owned(), bmc });
        }
        let Some(Open { bmc, .. }) = &self.bmc else { return Err(DeviceError::Stopping) };
        Ok(bmc.request(request.clone()).await?)
    }

    /// Closes the session: the next request opens a new one, and nothing of this one is used.
    pub(in crate::lane) fn hang_up(&mut self) {
        self.bmc = None;
    }

    /// The session that is open.
    pub(in crate::lane) fn session(&mut self) -> Option<&mut Bmc> {
        self.bmc.as_mut().map(|open| &mut open.bmc)
    }

    /// Makes ready for a session under a given password: in place of the line's own, which must be closed, or `beside`
    /// it.
    pub(in crate::lane) async fn connect(
        &self,
        username: &str,
        password: &SecretString,
        beside: bool,
    ) -> Result<Bmc, DeviceError> {
        let port = if beside { &self.login_port } else { &self.port };
        let used = self.health.in_use();
        let Some(address) = used.as_ref().or(self.addresses.first()) else {
            return Err(DeviceError::Stopping);
        };
        self.open_at(port, address, username.to_owned(), password.clone()).await
    }

    /// Logs in: under the first credential that the BMC accepts, or the first of this account.
    pub(in crate::lane) async fn log_in(
        &mut self,
        account: Option<&str>,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Opened, DeviceError> {
        ask_as(self, account, &Request::GetDeviceId, receipts).await?;
        let Some(Open { place, .. }) = &self.bmc else { return Err(DeviceError::Stopping) };
        self.credentials.open(*place).await
    }

    /// Why no login may be tried now.
    pub(in crate::lane) fn held_back(&self, now: Instant) -> Option<DeviceError> {
        self.credentials.held(now)
    }

    /// A login was refused that the line did not make itself.
    pub(in crate::lane) fn login_refused(&self, why: &DeviceError) {
        self.credentials.login_refused(None, Instant::now(), why);
    }

    /// A password of the host may be another one now.
    pub(in crate::lane) fn password_changed(&mut self) {
        self.hang_up();
        self.credentials.changed();
    }
}

impl LogsIn for IpmiLine {
    type Ask = Request;
    type Answer = Reply;

    fn host(&self) -> &Name {
        &self.host
    }

    fn source(&self) -> &str {
        &self.source
    }

    fn credentials(&mut self) -> &mut Credentials {
        &mut self.credentials
    }

    async fn attempt(&mut self, place: usize, request: &Request) -> Result<Reply, DeviceError> {
        if let [only] = self.addresses.as_slice() {
            let only = only.clone();
            return self.ask_at(&only, place, request).await;
        }
        let addresses = self.addresses.clone();
        let mut last = DeviceError::Stopping;
        for address in self.health.order(&addresses, Moment::now()) {
            match self.ask_at(address, place, request).await {
                Ok(reply) => {
                    self.health.works(address);
                    return Ok(reply);
                }
                Err(error) if error.reach() == Reach::Unreachable => {
                    let why = Error::Unreachable { address: address.clone(), reason: error.to_string() };
                    self.health.fails(address, &why, Moment::now());
                    self.bmc = None;
                    let over = error.may_be_done();
                    last = error;
                    if over {
                        break;
                    }
                }
                Err(error) => {
                    self.health.works(address);
                    return Err(error);
                }
            }
        }
        Err(last)
    }

    fn refused(&mut self) {
        self.bmc = None;
    }

    fn failed(&mut self, error: &DeviceError) {
        // A name may stand for another address by now.
        let named = |address: &String| address.parse::<IpAddr>().is_err();
        if error.reach() == Reach::Unreachable && self.addresses.iter().any(named) {
            self.bmc = None;
        }
    }
}

/// The chassis control by which a power action is done.
const fn control(action: PowerAction) -> ChassisControl {
    match action {
        PowerAction::On => ChassisControl::PowerUp,
        PowerAction::Off => ChassisControl::PowerDown,
        PowerAction::Cycle => ChassisControl::PowerCycle,
        PowerAction::Reset => ChassisControl::HardReset,
        PowerAction::Soft => ChassisControl::SoftShutdown,
        PowerAction::Nmi => ChassisControl::DiagnosticInterrupt,
    }
}

/// The cipher suites that a manifest allows.
pub(crate) fn suites(options: &IpmiOptions) -> Vec<CipherSuite> {
    let numbers = options.cipher_suites.as_deref().unwrap_or_default();
    let known: Vec<_> = numbers.iter().filter_map(|number| CipherSuite::from_id(*number)).collect();
    if known.is_empty() { CipherSuite::PREFERRED.to_vec() } else { known }
}

/// The address as datagrams from it show it: a name may resolve to an IPv4 address in IPv6 dress.
pub(crate) fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

/// The addresses that a name, or an address in text, stands for.
pub(crate) async fn resolve(
    address: &str,
    port: u16,
    settings: &Settings,
) -> Result<Vec<SocketAddr>, DeviceError> {
    let failed = |reason: String| DeviceError::Resolve { address: address.to_owned(), reason };
    match timeout(settings.resolve_timeout, lookup_host((address, port))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", settings.resolve_timeout.as_secs()))),
    }
}
