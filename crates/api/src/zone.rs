//! Where hosts stand: zones hold clusters, clusters hold hosts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Check, Metadata, Name, SettingsSpec};

/// A place that clusters stand in: a data centre, a hall, a rented cage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Zone {
    /// Name and labels.
    pub metadata: Metadata,
    /// What people said of it.
    pub spec: ZoneSpec,
}

/// What people say of a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ZoneSpec {
    /// Settings of the hosts in it, where neither host nor cluster sets them.
    #[serde(default, skip_serializing_if = "SettingsSpec::is_empty")]
    pub settings: SettingsSpec,
}

/// Hosts that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Name and labels.
    pub metadata: Metadata,
    /// What people said of it.
    pub spec: ClusterSpec,
}

/// What people say of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    /// The zone that it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Name>,
    /// What the hosts in it are asked, past their controllers, where a host has no `health` of its own: one check, or a list of
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::check::checks_schema")]
    pub health: Vec<Check>,
    /// Settings of the hosts in it, where the host does not set them.
    #[serde(default, skip_serializing_if = "SettingsSpec::is_empty")]
    pub settings: SettingsSpec,
}
