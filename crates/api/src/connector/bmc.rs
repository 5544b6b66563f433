//! Management controllers: IPMI, Redfish, Intel AMT.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tls;

/// What is particular to `ipmi`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpmiOptions {
    /// RMCP+ cipher suites, tried in this order; without it 17, then 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("items" = { "enum": [17, 3] }))]
    pub cipher_suites: Option<Vec<u8>>,
}

/// What is particular to `redfish`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedfishOptions {
    /// How the controller proves who it is; without it its certificate is pinned at first use.
    #[serde(default, skip_serializing_if = "Tls::is_default")]
    pub tls: Tls,
    /// The `Id` of the computer system among several; without it the host's own is chosen, never a DPU or GPU
    /// baseboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
}

/// What is particular to `amt`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AmtOptions {
    /// How the controller proves who it is; without it its certificate is pinned at first use.
    #[serde(default, skip_serializing_if = "Tls::is_default")]
    pub tls: Tls,
}
