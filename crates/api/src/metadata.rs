//! What every resource carries beside its specification.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Name, Timestamp};

/// The kinds of resource that this version keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// A physical server.
    Host,
    /// A user name and password for management controllers.
    Credential,
    /// A recovery procedure.
    Flow,
    /// A place that clusters stand in.
    Zone,
    /// Hosts that belong together.
    Cluster,
    /// How often, how long, how many.
    Settings,
    /// Who is told of what.
    Notifier,
    /// A Git repository of manifests that the server follows.
    Repository,
    /// A network that machines boot from.
    Network,
    /// How machines are booted or installed.
    Profile,
    /// A profile bound to a host.
    Deployment,
}

impl Kind {
    /// All kinds, in the order in which they are applied: what others refer to comes first.
    pub const ALL: [Self; 11] = [
        Self::Settings,
        Self::Zone,
        Self::Cluster,
        Self::Credential,
        Self::Notifier,
        Self::Profile,
        Self::Flow,
        Self::Network,
        Self::Host,
        Self::Deployment,
        Self::Repository,
    ];

    /// The plural used in paths of the HTTP API and by `ironhand get`.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Host => "hosts",
            Self::Credential => "credentials",
            Self::Flow => "flows",
            Self::Zone => "zones",
            Self::Cluster => "clusters",
            Self::Settings => "settings",
            Self::Notifier => "notifiers",
            Self::Repository => "repositories",
            Self::Network => "networks",
            Self::Profile => "profiles",
            Self::Deployment => "deployments",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "Host",
            Self::Credential => "Credential",
            Self::Flow => "Flow",
            Self::Zone => "Zone",
            Self::Cluster => "Cluster",
            Self::Settings => "Settings",
            Self::Notifier => "Notifier",
            Self::Repository => "Repository",
            Self::Network => "Network",
            Self::Profile => "Profile",
            Self::Deployment => "Deployment",
        })
    }
}

/// Name, labels and what the server adds to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Unique among the resources of one kind.
    pub name: Name,
    /// Free key and value pairs for selecting.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Set by the server: rises with each change of the resource; sent back, it guards against lost updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<u64>,
    /// Set by the server: when the resource was first applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub created_at: Option<Timestamp>,
}

impl Metadata {
    /// Metadata with a name and nothing else.
    pub fn named(name: Name) -> Self {
        Self { name, labels: BTreeMap::new(), resource_version: None, created_at: None }
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct List<T> {
    /// The resources, ordered by name or, where they have none, by id.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last one.
    #[serde(default, rename = "continue", skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
