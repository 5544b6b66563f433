//! The servers that share a store, and what is asked of them.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A server that hosts belong to: one of the list at `GET /api/v1/servers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatus {
    /// Its name, as the status of hosts and events call it.
    pub name: String,
    /// How many hosts belong to it.
    pub hosts: u64,
    /// When the first of them may be taken by another server, unless this one says before that it lives.
    pub expires_at: Timestamp,
    /// Whether it is the one that answers.
    #[serde(default)]
    pub answers: bool,
}

/// The reply to `POST /api/v1/key/rotate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRotation {
    /// Names the key under which everything is sealed now; it tells nothing of the key itself.
    pub key: String,
}
