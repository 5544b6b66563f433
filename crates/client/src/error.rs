//! Why a call did not come true.

use ironhand_api::Problem;

/// Why a call did not come true.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No server answers there, or the connection broke before the reply was complete.
    #[error("cannot reach the server at {endpoint}")]
    Unreachable {
        /// Where it was sought.
        endpoint: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// The server said no.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// What answers there does not speak this API.
    #[error("what answers at {endpoint} is not an Ironhand server of this version: {reason}")]
    NotOurs {
        /// Where it answers.
        endpoint: String,
        /// What was unexpected.
        reason: String,
    },
}

impl Error {
    /// What the server said, where it said no.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::Unreachable { .. } | Self::NotOurs { .. } => None,
        }
    }

    /// Whether no server could be reached.
    pub const fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether the same call may succeed later.
    pub fn retry(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.retry,
            Self::Unreachable { .. } => true,
            Self::NotOurs { .. } => false,
        }
    }
}
