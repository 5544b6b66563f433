//! Units that sit between a machine and its buttons, screen and keyboard.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tls;

/// What is particular to `pikvm`, `nanokvm` and `jetkvm`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpKvmOptions {
    /// How the unit proves who it is; without it, its certificate is pinned at first use (`pikvm`), or plain HTTP is
    /// spoken (`nanokvm`, `jetkvm`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}
