//! Heartbeats: messages that hosts send by themselves, signed under a key of their own.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Name, Span, Timestamp};

/// The body of `POST /api/v1/hosts/{name}/heartbeat`. The header [`SIGNATURE`](Self::SIGNATURE) holds `v1=` and the
/// HMAC-SHA256 of the body's bytes in hexadecimal, under the bytes of the key's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Heartbeat {
    /// The time of the server, as it said just before in a [`HeartbeatStatus`].
    pub at: Timestamp,
    /// 16 random bytes in hexadecimal, other ones in each heartbeat.
    pub nonce: String,
}

impl Heartbeat {
    /// The name of the header with the signature.
    pub const SIGNATURE: &'static str = "ironhand-signature";
}

/// What `GET /api/v1/hosts/{name}/heartbeat` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatStatus {
    /// The time of the server now.
    pub at: Timestamp,
    /// How often heartbeats are expected, in words; absent where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// When the last one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// Within which time a heartbeat may be sent again, or late, and is still told from a repeated one.
    pub window: Span,
}

/// The body of `POST /api/v1/hosts/{name}/heartbeat/key`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct HeartbeatKeyRequest {
    /// Whether the key is replaced; heartbeats under the one before are refused from then on.
    pub rotate: bool,
}

/// The key of a host's heartbeats.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatKey {
    /// The host.
    pub host: Name,
    /// The key: 64 hexadecimal digits.
    pub key: String,
}

impl fmt::Debug for HeartbeatKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeartbeatKey").field("host", &self.host).finish_non_exhaustive()
    }
}
