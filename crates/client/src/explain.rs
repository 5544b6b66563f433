//! Asking which boot would follow.

use ironhand_api::{BootArchitecture, BootExplanation, MacAddress, MachineUuid, Name};

use crate::{Client, Error};

/// A boot that is to be played without a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExplainBoot {
    /// The host.
    pub host: Option<Name>,
    /// The hardware address that asks.
    pub mac: Option<MacAddress>,
    /// The network that it asks in.
    pub network: Option<Name>,
    /// The firmware; x64 where absent.
    pub architecture: Option<BootArchitecture>,
    /// The UUID of the machine.
    pub uuid: Option<MachineUuid>,
    /// Whether the firmware asks for HTTP boot.
    pub http: bool,
    /// Whether it asks over IPv6.
    pub ipv6: bool,
}

impl Client {
    /// The boot that would follow if a machine asked now.
    ///
    /// # Errors
    ///
    /// A problem with status 422 that says what is missing.
    pub async fn explain_boot(&self, asked: &ExplainBoot) -> Result<BootExplanation, Error> {
        let ExplainBoot { host, mac, network, architecture, uuid, http, ipv6 } = asked;
        let mut query = Vec::new();
        query.extend(host.as_ref().map(|host| ("host", host.to_string())));
        query.extend(mac.map(|mac| ("mac", mac.to_string())));
        query.extend(network.as_ref().map(|network| ("network", network.to_string())));
        query.extend(architecture.map(|architecture| ("arch", architecture.to_string())));
        query.extend(uuid.map(|uuid| ("uuid", uuid.to_string())));
        query.extend(http.then(|| ("http", "true".to_owned())));
        query.extend(ipv6.then(|| ("ipv6", "true".to_owned())));
        self.fetch(&["api", "v1", "boot", "explain"], &query).await
    }
}
