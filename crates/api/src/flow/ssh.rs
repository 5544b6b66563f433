//! The step that runs a command on a machine that can be logged in to.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TextOrSecret;
use crate::{Name, Span};

/// Runs a command over SSH (RFC 4254 section 6.5): on the operating system of the host itself, or on another machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SshStep {
    /// Where to log in; where absent, where the checks of the host ask it, or the address that it boots with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The port.
    #[serde(default = "SshStep::default_port")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The Credential to log in with: its password, or a private key in its place.
    pub login: Name,
    /// The fingerprint of the host key, as `ssh-keygen -lf` prints it; where absent, the key that was shown first counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    /// The command, as the login shell of the account reads it.
    pub run: String,
    /// What the command reads from its standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<TextOrSecret>,
    /// Which end is right.
    #[serde(default, skip_serializing_if = "SshExpect::is_default")]
    pub expect: SshExpect,
    /// How long it may take, login and all.
    #[serde(default = "SshStep::default_timeout")]
    pub timeout: Span,
    /// Whether doing it twice is doing it once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
}

/// Which end of a command is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SshExpect {
    /// The status: one, or several.
    pub status: Vec<u8>,
    /// A regular expression that its output must match; named groups are kept for later steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Whether the connection may end without a status, as where the machine goes down.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

impl Default for SshExpect {
    fn default() -> Self {
        Self { status: vec![0], output: None, closed: false }
    }
}

impl SshExpect {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl SshStep {
    /// The port where the flow does not say (RFC 4253 section 4.1).
    pub const DEFAULT_PORT: u16 = 22;

    /// How long a command may take where the flow does not say.
    pub const DEFAULT_TIMEOUT: Span = Span::from_secs(60);

    const fn default_port() -> u16 {
        Self::DEFAULT_PORT
    }

    const fn default_timeout() -> Span {
        Self::DEFAULT_TIMEOUT
    }
}

impl fmt::Display for SshStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.address.as_deref().unwrap_or("the host");
        write!(f, "run `{}` on {place} as Credential {}", self.run, self.login)
    }
}
