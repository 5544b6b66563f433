//! Deployments: a profile bound to a host.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Metadata, Name, Span, Timestamp};

/// A profile bound to a host. A host has one at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Name and labels.
    pub metadata: Metadata,
    /// What people said of it.
    pub spec: DeploymentSpec,
    /// How far it came; absent in manifests. Applying another specification begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DeploymentStatus>,
}

/// What people say of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeploymentSpec {
    /// The Host that is booted.
    pub host: Name,
    /// The Profile that it boots.
    pub profile: Name,
    /// How often.
    #[serde(default)]
    pub boot: BootRepeat,
    /// How long it may stand in one phase until the host has booted the profile. Past that, the host counts as unwell. It may
    /// take any time where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Span>,
    /// For what it is asked: a word of whoever asks. Another one begins the deployment anew, though all else is as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub request: Option<String>,
}

impl DeploymentSpec {
    /// Whether something else is to be booted, or the same once more, than what `before` says.
    pub fn begins_anew(&self, before: &Self) -> bool {
        let said = |spec: &Self| Self { deadline: None, ..spec.clone() };
        said(self) != said(before)
    }
}

/// How often a host boots the profile of its deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BootRepeat {
    /// Once; from then on it boots from its disk.
    #[default]
    Once,
    /// Whenever it boots from the network.
    Always,
}

impl BootRepeat {
    /// The word in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Always => "always",
        }
    }
}

/// How far a deployment came. Set by the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentStatus {
    /// What the next boot of the host comes to.
    pub phase: DeploymentPhase,
    /// Since when it stands there.
    #[serde(default)]
    pub since: Timestamp,
    /// Scripts that were handed out since something was booted last.
    #[serde(default)]
    pub tries: u32,
    /// Why it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the next boot of a host comes to.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum DeploymentPhase {
    /// The host has not asked yet: it boots the profile.
    #[default]
    Waiting,
    /// The host has its script, and has not fetched everything: it boots the profile.
    Booting,
    /// The host has fetched everything that it boots: from its disk if once, the profile if always.
    Booted,
    /// The host asked again and again without fetching what it boots: it waits for somebody.
    Stopped,
}

impl DeploymentPhase {
    /// The word in manifests and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Booting => "booting",
            Self::Booted => "booted",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for DeploymentPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Deployment {
    /// What the next boot of the host comes to.
    pub fn phase(&self) -> DeploymentPhase {
        self.status.as_ref().map(|status| status.phase).unwrap_or_default()
    }
}
