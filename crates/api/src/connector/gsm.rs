//! Power sockets that take text messages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is particular to `gsm`. The connector's address is the modem's: the path of a serial device, or an IP address or
/// host name with a port. The password of a credential is the socket's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GsmOptions {
    /// The telephone number of the socket, in international form: `+31...`.
    pub number: String,
    /// What the socket understands; without it `simpal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<GsmDevice>,
    /// The texts of a socket that this version does not know; for `device: custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<GsmTexts>,
    /// The most messages that may be sent to it in 24 hours, since they cost money; without it 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_per_day: Option<u32>,
}

/// What a socket understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GsmDevice {
    /// SimPal T4 and its many kin: `#01#`, `#02#`, `#07#`.
    Simpal,
    /// RTU5024 and other gate openers: the password, then `CC` or `DD`.
    Rtu5024,
    /// Any other, by `texts`.
    Custom,
}

/// The texts of a socket. `{password}` stands for the credential's password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GsmTexts {
    /// Switches on.
    pub on: String,
    /// Switches off.
    pub off: String,
    /// Asks for the state, where the socket can tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// A regular expression that is found in its answer where it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_on: Option<String>,
    /// A regular expression that is found in its answer where it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_off: Option<String>,
}
