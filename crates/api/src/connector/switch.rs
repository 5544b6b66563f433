//! Switches that are told by HTTP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tls;

/// What is particular to `tasmota`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TasmotaOptions {
    /// The relay, from 1; without it the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u8>,
}

/// What is particular to `shelly`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShellyOptions {
    /// The relay, from 0; without it 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u8>,
    /// The generation, 1 or 2 (also for later ones); without it the device is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u8>,
}

/// What is particular to `http-switch`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpSwitchOptions {
    /// Switches on.
    pub on: SwitchRequest,
    /// Switches off.
    pub off: SwitchRequest,
    /// Tells the state, where the switch can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SwitchStatus>,
    /// How the switch proves who it is; without it plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// A request to a switch. The credential goes along by Basic or Digest authentication, whichever the switch asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwitchRequest {
    /// The method; without it GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path with its query, from `/`.
    pub path: String,
    /// What is sent, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// How a switch tells its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwitchStatus {
    /// The path with its query, from `/`.
    pub path: String,
    /// A regular expression that is found in the answer where it is on.
    pub is_on: String,
    /// A regular expression that is found in the answer where it is off.
    pub is_off: String,
}
