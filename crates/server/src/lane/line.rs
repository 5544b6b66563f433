//! The line to a host's BMC: one IPMI client at the shared port, under the credential that works.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ironhand_api::{ActionReceipt, Connector, Name, PowerState, Reach};
use ironhand_ipmi::{CipherSuite, ClientConfig, Reply, Request};
use ironhand_ipmi_port::{Bmc, IpmiPort, OpenError};

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
        let suites = connector.cipher_suites.as_deref().map(|numbers| {
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
            credentials: Credentials::new(credentials, tools.store.clone(), &settings),
            port: tools.port.clone(),
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
        if let Some(waiting) = self.credentials.waiting(Instant::now()) {
            return Err(waiting);
        }
        let mut refusal = DeviceError::NotSeenYet;
        for place in self.credentials.order() {
            let begun = Instant::now();
            let (credential, result) = self.attempt(place, request.clone()).await;
            let error = result.as_ref().err().map(|error| match &credential {
                Some(name) if error.reach() == Reach::AuthFailed => format!("Credential {name}: {error}"),
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
                    refusal = error;
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
        self.credentials.all_refused(Instant::now(), refusal.clone());
        Err(refusal)
    }

    /// Asks under the credential at a place; tells its name.
    async fn attempt(
        &mut self,
        place: usize,
        request: Request,
    ) -> (Option<Name>, Result<Reply, DeviceError>) {
        let mut name = None;
        let result = async {
            if self.bmc.as_ref().is_none_or(|(open, _)| *open != place) {
                // Closed before the next is opened: the port knows one client for each BMC.
                self.bmc = None;
                let opened = self.credentials.open(place).await?;
                name.clone_from(&opened.name);
                self.bmc = Some((place, self.open(opened).await?));
            }
            let Some((_, bmc)) = &self.bmc else { return Err(DeviceError::Stopping) };
            Ok(bmc.request(request).await?)
        };
        let result = result.await;
        (name, result)
    }

    async fn open(&self, opened: Opened) -> Result<Bmc, DeviceError> {
        let peers = resolve(&self.address, self.port_number, &self.settings).await?;
        let password = opened.password.unwrap_or_default();
        let mut config = ClientConfig::new(opened.username, password);
        config.suites.clone_from(&self.suites);
        config.retransmit = retransmit(&self.settings);
        let mut last = None;
        for peer in peers {
            match self.port.open(canonical(peer), config.clone()).await {
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
}

/// The address as datagrams from it show it: a name may resolve to an IPv4 address in IPv6 dress.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
