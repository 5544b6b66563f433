//! Whether hosts are managed, and whether somebody works on them. Both are said by commands, not by manifests: applying
//! a manifest at night must not bring back to management what somebody took out of it in the evening.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Kind, Name, Timestamp};

/// Whether Ironhand manages a host: only where the host, its cluster and its zone are all enabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Management {
    /// It watches and repairs.
    #[default]
    Enabled,
    /// Disabled at the host.
    DisabledAtHost,
    /// Disabled at the cluster that the host belongs to.
    DisabledAtCluster,
    /// Disabled at the zone that the host's cluster stands in.
    DisabledAtZone,
}

impl Management {
    /// Whether the host is managed.
    pub const fn is_enabled(self) -> bool {
        matches!(self, Self::Enabled)
    }

    /// The kind of resource at which it is disabled.
    pub const fn level(self) -> Option<Kind> {
        match self {
            Self::Enabled => None,
            Self::DisabledAtHost => Some(Kind::Host),
            Self::DisabledAtCluster => Some(Kind::Cluster),
            Self::DisabledAtZone => Some(Kind::Zone),
        }
    }
}

impl fmt::Display for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Enabled => "enabled",
            Self::DisabledAtHost => "disabled at the host",
            Self::DisabledAtCluster => "disabled at the cluster",
            Self::DisabledAtZone => "disabled at the zone",
        })
    }
}

/// What commands said of a host, a cluster or a zone. Each keeps its own: enabling a zone enables nothing below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Administration {
    /// Host, Cluster or Zone.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
    /// Whether management is enabled at this level.
    pub management: Said,
    /// Whether somebody works on it; hosts alone.
    pub maintenance: Said,
    /// Whether flows may begin without a person; clusters, zones and all hosts together.
    #[serde(default = "Administration::allowed")]
    pub recovery: Said,
}

/// One thing that somebody said, and when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// Enabled, or on.
    pub on: bool,
    /// When it was said last; absent where nobody ever said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Administration {
    /// What holds of a host, a cluster or a zone that nobody said anything of: managed, and not in maintenance.
    pub const fn unsaid(kind: Kind, name: Name) -> Self {
        let management = Said { on: true, at: None, reason: None };
        let maintenance = Said { on: false, at: None, reason: None };
        Self { kind, name, management, maintenance, recovery: Self::allowed() }
    }

    const fn allowed() -> Said {
        Said { on: true, at: None, reason: None }
    }
}

/// The body of `PUT /api/v1/recovery` and `PUT /api/v1/{clusters,zones}/{name}/recovery`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecoveryRequest {
    /// Whether flows may begin without a person.
    pub on: bool,
    /// Why, for those who wonder later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The body of `PUT /api/v1/{hosts,clusters,zones}/{name}/management`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManagementRequest {
    /// Whether it is to be managed, as far as this level is concerned.
    pub enabled: bool,
    /// Why, for those who wonder later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The body of `PUT /api/v1/hosts/{name}/maintenance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaintenanceRequest {
    /// Whether somebody works on the host.
    pub on: bool,
    /// Why, for those who wonder later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
