//! Serial consoles of machines, beside IPMI's own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is particular to `ssh-console`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshConsoleOptions {
    /// What is met behind the login.
    pub menu: ConsoleMenu,
    /// The command that leads to the console, in place of the menu's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The fingerprint of the host key, as OpenSSH writes it: `SHA256:...`; without it, the key is pinned at first use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
}

/// What a login over SSH leads to, and how the console is reached from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConsoleMenu {
    /// Dell iDRAC: `connect com2`.
    Idrac,
    /// Lenovo XClarity Controller: `console 1`.
    Xcc,
    /// HPE iLO: `vsp`.
    Ilo,
    /// OpenBMC: the console itself, on port 2200.
    Openbmc,
    /// The console itself, or whatever `command` starts, as on a console server.
    Plain,
}

/// What is particular to `console-log`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleLogOptions {
    /// Who writes the file.
    pub format: ConsoleLogFormat,
}

/// Who writes a console's log, and so how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConsoleLogFormat {
    /// conserver.
    Conserver,
    /// ConMan.
    Conman,
    /// The bytes of the console and nothing else.
    Plain,
}
