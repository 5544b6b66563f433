//! Wake-on-LAN.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is particular to `wol`. The connector's address is the broadcast address that the packet goes to; the machine's
/// addresses are the host's `macs`. A credential's password, where one is named, is the SecureOn password: six bytes
/// written like a MAC address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WolOptions {
    /// The network interface that the packet leaves from; without it the one that the address is routed through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}
