//! The line to a host's BMC: one IPMI client at the shared port, under the credential that works.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ironhand_api::{ActionReceipt, Connector, Name, PowerState, Reach, Way};
use ironhand_ipmi::{CipherSuite, ClientConfig, Reply, Request};
use ironhand_ipmi_port::{Bmc, IpmiPort, OpenError};
use secrecy::SecretString;

use super::Tools;
use crate::Settings;
use crate::credentials::{Credentials, Opened};
use crate::device::DeviceError;
use crate::screen::resolve;
use crate::settings::retransmit;

/// The line to a host's BMC.
pub(super) struct IpmiLine {
    host: Name,
    /// The connector, as facts and receipts name it.
    source: String,
    address: String,
    port_number: u16,
    suites: Vec<CipherSuite>,
    credentials: Credentials,
    port: IpmiPort,
    /// For logins beside the line's own session.
    login_port: IpmiPort,
    settings: Settings,
    /// The client that is open, and the place of its credential.
    bmc: Option<(usize, Bmc)>,
}

impl IpmiLine {
    pub(super) fn new(
        host: &Name,
        connector: &Connector,
        credentials: Vec<Name>,
        tools: &Tools,
        settings: Settings,
    ) -> Self {
        let suites = match &connector.way {
            Way::Ipmi(options) => options.cipher_suites.as_deref(),
            _ => None,
        };
        let suites = suites.map(|numbers| {
            numbers.iter().filter_map(|number| CipherSuite::from_id(*number)).collect::<Vec<_>>()
        });
        Self {
            host: host.clone(),
            source: connector.to_string(),
            address: connector.address.clone(),
            port_number: connector.effective_port(),
            suites: suites
                .filter(|suites| !suites.is_empty())
                .unwrap_or_else(|| CipherSuite::PREFERRED.to_vec()),
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
            bmc: None,
        }
    }

    /// The line as facts and receipts name it.
    pub(super) fn source(&self) -> String {
        self.source.clone()
    }

    /// The power state, as the BMC reports it.
    pub(super) async fn power(&mut self) -> Result<PowerState, DeviceError> {
        match self.request(Request::GetChassisStatus, &mut Vec::new()).await? {
            Reply::ChassisStatus(status) if status.power_on => Ok(PowerState::On),
            Reply::ChassisStatus(_) => Ok(PowerState::Off),
            _ => Ok(PowerState::Unknown),
        }
    }

    /// Asks the BMC, under the first credential that it accepts. Each attempt leaves a receipt.
    pub(super) async fn request(
        &mut self,
        request: Request,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Reply, DeviceError> {
        self.request_as(None, request, receipts).await
    }

    /// The same, only under credentials of one account where one is given.
    async fn request_as(
        &mut self,
        account: Option<&str>,
        request: Request,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Reply, DeviceError> {
        if let Some(waiting) = self.credentials.waiting(Instant::now()) {
            return Err(waiting);
        }
        self.credentials.look_up().await?;
        let (mut refusal, mut held) = (None, None);
        for place in self.credentials.order(Instant::now()) {
            if let Some(account) = account
                && !self.credentials.is_of(place, account).await
            {
                continue;
            }
            if let Some(why) = self.credentials.place_held(place, Instant::now()) {
                held.get_or_insert(why);
                continue;
            }
            let begun = Instant::now();
            let result = self.attempt(place, request.clone()).await;
            let error = result.as_ref().err().map(|error| match self.credentials.label(place) {
                Some(label) if error.reach() == Reach::AuthFailed => format!("{label}: {error}"),
                _ => error.to_string(),
            });
            receipts.push(ActionReceipt { connector: self.source(), took: begun.elapsed(), error });
            match result {
                Ok(reply) => {
                    self.credentials.worked(place);
                    return Ok(reply);
                }
                Err(error) if error.is_refusal() || matches!(error, DeviceError::Credential { .. }) => {
                    tracing::debug!(host = %self.host, connector = "ipmi", %error, "credential refused");
                    self.bmc = None;
                    if error.is_refusal() {
                        self.credentials.login_refused(Some(place), Instant::now(), &error);
                    }
                    refusal = Some(error);
                }
                Err(error) => {
                    // A name may stand for another address by now.
                    if error.reach() == Reach::Unreachable && self.address.parse::<IpAddr>().is_err() {
                        self.bmc = None;
                    }
                    return Err(error);
                }
            }
        }
        match (refusal.or(held), account) {
            (Some(held @ DeviceError::Waiting { .. }), _) => Err(held),
            (Some(refusal), None) => {
                self.credentials.all_refused(Instant::now(), refusal.clone());
                Err(refusal)
            }
            (Some(refusal), Some(_)) => Err(refusal),
            (None, account) => {
                Err(DeviceError::NoAccount { account: account.unwrap_or_default().to_owned() })
            }
        }
    }

    /// Asks under the credential at a place.
    async fn attempt(&mut self, place: usize, request: Request) -> Result<Reply, DeviceError> {
        if self.bmc.as_ref().is_none_or(|(open, _)| *open != place) {
            // Closed before the next is opened: the port knows one client for each BMC.
            self.bmc = None;
            let opened = self.credentials.open(place).await?;
            self.bmc = Some((place, self.open(opened.username, opened.password).await?));
        }
        let Some((_, bmc)) = &self.bmc else { return Err(DeviceError::Stopping) };
        Ok(bmc.request(request).await?)
    }

    async fn open(&self, username: String, password: Option<SecretString>) -> Result<Bmc, DeviceError> {
        self.open_at(&self.port, username, password.unwrap_or_default()).await
    }

    async fn open_at(
        &self,
        port: &IpmiPort,
        username: String,
        password: SecretString,
    ) -> Result<Bmc, DeviceError> {
        let peers = resolve(&self.address, self.port_number, &self.settings).await?;
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
            || DeviceError::Resolve {
                address: self.address.clone(),
                reason: "it has no addresses".to_owned(),
            },
            DeviceError::from,
        ))
    }

    /// Closes the session: the next request opens a new one, and nothing of this one is used.
    pub(super) fn hang_up(&mut self) {
        self.bmc = None;
    }

    /// The session that is open.
    pub(super) fn session(&mut self) -> Option<&mut Bmc> {
        self.bmc.as_mut().map(|(_, bmc)| bmc)
    }

    /// Makes ready for a session under a given password: in place of the line's own, which must be closed, or `beside`
    /// it.
    pub(super) async fn connect(
        &self,
        username: &str,
        password: &SecretString,
        beside: bool,
    ) -> Result<Bmc, DeviceError> {
        let port = if beside { &self.login_port } else { &self.port };
        self.open_at(port, username.to_owned(), password.clone()).await
    }

    /// Logs in: under the first credential that the BMC accepts, or the first of this account.
    pub(super) async fn log_in(
        &mut self,
        account: Option<&str>,
        receipts: &mut Vec<ActionReceipt>,
    ) -> Result<Opened, DeviceError> {
        self.request_as(account, Request::GetDeviceId, receipts).await?;
        let Some((place, _)) = &self.bmc else { return Err(DeviceError::Stopping) };
        self.credentials.open(*place).await
    }

    /// Why no login may be tried now.
    pub(super) fn held_back(&self, now: Instant) -> Option<DeviceError> {
        self.credentials.held(now)
    }

    /// A login was refused that the line did not make itself.
    pub(super) fn login_refused(&self, why: &DeviceError) {
        self.credentials.login_refused(None, Instant::now(), why);
    }

    /// A password of the host may be another one now.
    pub(super) fn password_changed(&mut self) {
        self.hang_up();
        self.credentials.changed();
    }

    /// Begins with the credential that worked last for `other`, which this line replaces.
    pub(super) fn follow(&mut self, other: &Self) {
        if self.source == other.source {
            self.credentials.follow(&other.credentials);
        }
    }
}

/// The BMC at which a connector leads, as its refusals are counted.
pub(super) fn controller(connector: &Connector) -> String {
    format!("{}:{}", connector.address, connector.effective_port())
}

/// The address as datagrams from it show it: a name may resolve to an IPv4 address in IPv6 dress.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
