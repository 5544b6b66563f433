//! Virtual machines of laboratories.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is particular to `libvirt`. The connector's address is the path of libvirt's socket, or an IP address or host name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LibvirtOptions {
    /// The name of the domain.
    pub domain: String,
    /// The driver that libvirt is asked for; without it `qemu:///system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
}
