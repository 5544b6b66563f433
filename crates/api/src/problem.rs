//! Errors as the HTTP API returns them.

use serde::{Deserialize, Serialize};

/// An error reply (RFC 9457, media type `application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// What went wrong in general, one short line.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable and documented; programs tell errors apart by it.
    pub code: String,
    /// What went wrong this time.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whose fault it is.
    pub fault: Fault,
    /// Whether the same request may succeed later.
    pub retry: bool,
    /// The job that the request became, and that ended with this: it keeps what was found and tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<u64>,
    /// Names the request in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Of who asked.
    Caller,
    /// Of the management controller, or of the host behind it.
    Device,
    /// Of what lies between.
    Network,
    /// Of Ironhand.
    Server,
}
