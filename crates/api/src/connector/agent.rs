//! Asking the running operating system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tls;

/// What is particular to `winrm`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WinrmOptions {
    /// How the machine proves who it is; without it its certificate is pinned at first use. Never `off`: the password goes
    /// through TLS alone.
    #[serde(default, skip_serializing_if = "Tls::is_default")]
    pub tls: Tls,
}

/// What is particular to `ssh`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshOptions {
    /// The fingerprint of the host key, as OpenSSH writes it: `SHA256:...`.
    pub host_key: String,
    /// What is run for each action.
    pub commands: SshCommands,
}

/// Commands, one for each action that is wanted. One that exits with 0 was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SshCommands {
    /// Powers on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Powers off at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off: Option<String>,
    /// Powers off and on again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<String>,
    /// Resets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<String>,
    /// Asks the operating system to shut down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft: Option<String>,
}
