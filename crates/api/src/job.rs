//! Work on a host that somebody asked for: durable before it is acknowledged, and never repeated blindly.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ActionReceipt, FenceReport, Name, PowerAction, PowerState, Timestamp};

/// Work on one host. Once its id was told to anybody, it survives a crash of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Rises with each job.
    pub id: u64,
    /// The host.
    pub host: Name,
    /// What is to be done.
    pub work: Work,
    /// Where it stands.
    pub state: JobState,
    /// Who asked: `the API`, or the flow.
    pub requested_by: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Until when it may take to come true, counted from its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What was done and seen, or why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The code of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The power state that was read back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerState>,
    /// What proves, or fails to prove, that the host is without power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<FenceReport>,
    /// What the person who asked should know though the work is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Each connector and credential that was tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<ActionReceipt>,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Use the power button.
    Power(PowerAction),
    /// Take the power away and prove it.
    Fence,
    /// Change the password of the controller's account.
    Password,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Power(action) => write!(f, "power {}", action.as_str()),
            Self::Fence => f.pad("fence"),
            Self::Password => f.pad("password"),
        }
    }
}

/// Where a [`Job`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Accepted; nothing was sent to the controller yet.
    Queued,
    /// Something may have been sent to the controller.
    Running,
    /// Seen to have come true.
    Done,
    /// Not done, or not seen to come true in time.
    Failed,
    /// It may or may not have been done: a reply was lost, or the server stopped, and the world does not tell. It is
    /// not repeated.
    Unknown,
}

impl JobState {
    /// Whether it is over.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Unknown)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        })
    }
}
