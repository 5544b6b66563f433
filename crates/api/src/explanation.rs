//! The boot that would follow if a machine asked now.

use serde::{Deserialize, Serialize};

use crate::{MacAddress, Name};

/// The boot that would follow if a machine asked now, request by request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootExplanation {
    /// The hardware address that it is played with.
    pub mac: MacAddress,
    /// The host that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Name>,
    /// The network that it is played in.
    pub network: Name,
    /// The firmware that it is played with, like `x64`.
    pub architecture: String,
    /// What the machine would boot: `boot`, `localDisk`, `menu`, `powerOff`, `hold`, `wait`, `refuse`, `ignore` or `none`.
    pub intent: String,
    /// Why.
    pub reason: String,
    /// What the reason rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What would be asked and answered, in order.
    pub steps: Vec<ExplainedStep>,
    /// The script that would make the machine boot, as its loader reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

/// A request or an answer of a boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedStep {
    /// Who speaks: `firmware`, `iPXE`, `GRUB`, `PXELINUX`, `kernel`, `server`, or `another server`.
    pub from: String,
    /// The protocol: `DHCP`, `TFTP` or `HTTP`.
    pub protocol: String,
    /// What is said, like `DISCOVER` or `GET ipxe/x64/snponly.efi`.
    pub message: String,
    /// What matters in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Why it is so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}
