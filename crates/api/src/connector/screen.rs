//! Screens and keyboards of machines, as controllers and others show them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tls;

/// What is particular to `vnc`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VncOptions {
    /// How the server proves who it is, where it speaks TLS; without it no TLS is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The path of a WebSocket that carries the protocol, as `/websockify`; without it plain TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How the server is switched on before it is connected to, and off again afterwards; without it, it is taken to be
    /// on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_by: Option<EnableBy>,
}

/// How a VNC server is switched on for the time of need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EnableBy {
    /// By the attributes of an iDRAC, through the host's `redfish` connector.
    Redfish,
}

/// What is particular to `kvm`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KvmOptions {
    /// What the controller speaks.
    pub protocol: KvmProtocol,
    /// How the controller proves who it is; without it, its certificate is pinned at first use.
    #[serde(default, skip_serializing_if = "Tls::is_default")]
    pub tls: Tls,
}

/// The protocol of a controller's own remote console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KvmProtocol {
    /// OpenBMC and its relatives: a remote framebuffer over a WebSocket.
    Openbmc,
    /// Supermicro: ATEN's iKVM.
    Aten,
    /// AMI MegaRAC: IVTP.
    Ivtp,
}

/// What is particular to `preview`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewOptions {
    /// Whose controller it is.
    pub vendor: PreviewVendor,
    /// How the controller proves who it is; without it, its certificate is pinned at first use.
    #[serde(default, skip_serializing_if = "Tls::is_default")]
    pub tls: Tls,
}

/// Whose controller shows still pictures of the screen on its web pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PreviewVendor {
    /// Dell iDRAC 7 and 8: the console preview.
    Idrac,
    /// Dell iDRAC 9 and later: an action of Dell's own over Redfish.
    Idrac9,
    /// HPE iLO 5 and later: the thumbnail.
    Ilo,
    /// Lenovo XClarity Controller.
    Xcc,
    /// Supermicro.
    Supermicro,
    /// H3C HDM.
    H3c,
}
