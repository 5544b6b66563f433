//! Physical servers and the ways to reach them out of band.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{HostStatus, Metadata, Name, SettingsSpec};

/// A physical server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// Name and labels.
    pub metadata: Metadata,
    /// What people said of the host.
    pub spec: HostSpec,
    /// What was observed of the host; absent in manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<HostStatus>,
}

/// What people say of a host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostSpec {
    /// The cluster that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Name>,
    /// Names of credentials, tried in this order.
    #[serde(default)]
    pub credentials: Vec<Name>,
    /// Ways to reach the host, tried in this order for each capability.
    #[schemars(length(min = 1))]
    pub connectors: Vec<Connector>,
    /// Settings of this host alone.
    #[serde(default, skip_serializing_if = "SettingsSpec::is_empty")]
    pub settings: Box<SettingsSpec>,
}

/// One way to reach a host out of band.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connector {
    /// The protocol.
    #[serde(rename = "type")]
    pub kind: ConnectorType,
    /// An IP address or host name.
    pub address: String,
    /// UDP or TCP port; without it the protocol's own: 623 for `ipmi`, 5900 for `vnc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `ipmi` only: RMCP+ cipher suites, tried in this order; without it 17, then 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = { "enum": [17, 3] }))]
    pub cipher_suites: Option<Vec<u8>>,
    /// Credentials for this connector alone, in place of the host's; an empty list means none are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Vec<Name>>,
}

/// The protocols that this version speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectorType {
    /// IPMI 2.0 over RMCP+.
    Ipmi,
    /// Remote framebuffer (RFC 6143).
    Vnc,
}

/// What a connector can do for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Reading and changing the power state.
    Power,
    /// Choosing the device of the next boot.
    BootDevice,
    /// Seeing the screen.
    Screen,
    /// Pressing keys.
    Keyboard,
}

impl ConnectorType {
    /// The port of the protocol: RMCP's primary one (ASF 2.0 section 3.2.2), RFB's display 0 (RFC 6143 section 7).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Ipmi => 623,
            Self::Vnc => 5900,
        }
    }

    /// What connectors of this type can do.
    pub const fn capabilities(self) -> &'static [Capability] {
        match self {
            Self::Ipmi => &[Capability::Power, Capability::BootDevice],
            Self::Vnc => &[Capability::Screen, Capability::Keyboard],
        }
    }

    /// The name as manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ipmi => "ipmi",
            Self::Vnc => "vnc",
        }
    }
}

impl Connector {
    /// The port to use: the one given, or the protocol's own.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(self.kind.default_port())
    }
}

impl fmt::Display for Connector {
    /// As facts and receipts name it: `ipmi 10.0.7.12`, with the port where it is not the protocol's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.address)?;
        match self.port {
            Some(port) if port != self.kind.default_port() => write!(f, " port {port}"),
            _ => Ok(()),
        }
    }
}

impl HostSpec {
    /// The first connector that has `capability`.
    pub fn connector_for(&self, capability: Capability) -> Option<&Connector> {
        self.connectors.iter().find(|connector| connector.kind.capabilities().contains(&capability))
    }
}
