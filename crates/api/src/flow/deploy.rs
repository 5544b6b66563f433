//! The step that binds a profile to the host.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BootRepeat, Name, Span};

/// Says that the host boots a profile, whatever it was to boot before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deploy {
    /// The Profile.
    pub profile: Name,
    /// How often the host boots it.
    #[serde(default)]
    pub boot: BootRepeat,
    /// The deadline of the Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Span>,
    /// How long the step waits until the host has booted it; where absent it does not wait: steps behind it start the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
}

impl fmt::Display for Deploy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, boot, timeout, .. } = self;
        write!(f, "deploy Profile {profile} ({})", boot.as_str())?;
        timeout.map_or(Ok(()), |timeout| write!(f, ", and wait for it at most {timeout}"))
    }
}
