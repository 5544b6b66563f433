//! Physical servers and the ways to reach them out of band.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Capability, Check, Connector, HostBoot, HostStatus, MacAddress, Metadata, Name, SettingsSpec};

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
    /// The hardware addresses of its network interfaces, the one that it boots from first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub macs: Vec<MacAddress>,
    /// Names of credentials, tried in this order.
    #[serde(default)]
    pub credentials: Vec<Name>,
    /// Ways to reach the host, tried in this order for each capability.
    #[schemars(length(min = 1))]
    pub connectors: Vec<Connector>,
    /// What the host itself is asked, past its controller: one check, or a list of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::check::checks_schema")]
    pub health: Vec<Check>,
    /// What it needs for booting over the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<Box<HostBoot>>,
    /// Settings of this host alone.
    #[serde(default, skip_serializing_if = "SettingsSpec::is_empty")]
    pub settings: Box<SettingsSpec>,
}

impl HostSpec {
    /// The connectors that have `capability`, in the order in which they are tried.
    pub fn connectors_for(&self, capability: Capability) -> impl Iterator<Item = &Connector> {
        self.connectors.iter().filter(move |connector| connector.can(capability))
    }

    /// The connectors through which the screen can be seen, in the order in which they are tried: those that are there
    /// for it before those that may show it beside their work, as these give still pictures, slowly.
    pub fn screens(&self) -> Vec<&Connector> {
        let mut screens: Vec<_> = self.connectors_for(Capability::Screen).collect();
        screens.sort_by_key(|connector| connector.kind().may_show_screen());
        screens
    }

    /// The first connector that has `capability`.
    pub fn connector_for(&self, capability: Capability) -> Option<&Connector> {
        self.connectors.iter().find(|connector| connector.can(capability))
    }
}
