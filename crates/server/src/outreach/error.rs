//! Why another system did not do what a flow asked.

use ironhand_api::Fault;

/// Why a request of a flow did not come to what was expected. No secret is in here, nor the path of the URL.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum OutreachError {
    /// The step cannot be sent as it is.
    #[error("{reason}")]
    Unsuited { reason: String },
    /// No answer came, and nothing was done that must not be done twice.
    #[error("{server} was not asked: {error}")]
    NoAnswer { server: String, error: Box<ironhand_connectors::Error> },
    /// The answer is not the one that is expected.
    #[error("{server}: {reason}")]
    NotExpected { server: String, status: u16, reason: String },
    /// The request was sent, and its answer is lost.
    #[error(
        "the answer of {server} was lost: what was asked may or may not have been done, and is not repeated"
    )]
    Lost { server: String },
    /// A command has ended, and not as it is expected to.
    #[error("the command on {machine}: {reason}")]
    EndedOtherwise { machine: String, reason: String },
    /// A command was begun, and nobody knows how it ended.
    #[error(
        "the command on {machine} was begun, and its end was not seen: it may or may not be done, and is not repeated"
    )]
    NotEnded { machine: String },
}

impl OutreachError {
    /// Whether it may have been done.
    pub(crate) const fn leaves_doubt(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::NotEnded { .. })
    }

    /// Whose fault it is.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Unsuited { .. } => Fault::Caller,
            Self::NoAnswer { error, .. } => error.fault(),
            Self::NotExpected { .. }
            | Self::Lost { .. }
            | Self::EndedOtherwise { .. }
            | Self::NotEnded { .. } => Fault::Device,
        }
    }

    /// Whether the same may succeed later with nobody doing anything.
    pub(crate) fn retry(&self) -> bool {
        match self {
            Self::Unsuited { .. }
            | Self::Lost { .. }
            | Self::EndedOtherwise { .. }
            | Self::NotEnded { .. } => false,
            Self::NoAnswer { error, .. } => error.retry(),
            Self::NotExpected { status, .. } => *status == 429 || *status >= 500,
        }
    }

    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Unsuited { .. } => "outreach.unsuited",
            Self::NoAnswer { .. } => "outreach.no_answer",
            Self::NotExpected { .. } => "outreach.not_expected",
            Self::EndedOtherwise { .. } => "outreach.ended_otherwise",
            Self::Lost { .. } | Self::NotEnded { .. } => "outreach.outcome_unknown",
        }
    }

    /// What a person can do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotExpected { status: 401 | 403, .. } => Some("check the Credential that the step names"),
            Self::Lost { .. } => Some("see at the other system whether it was done"),
            Self::NotEnded { .. } => Some(
                "see on the machine whether it was done; a command that may take longer needs a longer `timeout`",
            ),
            Self::NoAnswer { error, .. } => error.hint(),
            _ => None,
        }
    }
}
