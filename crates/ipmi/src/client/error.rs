//! Why a request did not get its answer.

use std::time::Duration;

use crate::completion::CompletionCode;
use crate::fault::Fault;
use crate::privilege::PrivilegeLevel;
use crate::setup::RakpStatus;

/// Why a request did not get its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No answer came in time, and nothing else that could be blamed.
    #[error("the BMC did not answer within {:.1} s", after.as_secs_f64())]
    Timeout {
        /// Since the request was begun.
        after: Duration,
    },
    /// The BMC answered, but not what the specification says.
    #[error("the BMC's answers break the specification: {0}")]
    Protocol(Fault),
    /// The BMC's proof in RAKP message 2 was made with another password. The BMC was not told, so no failed login is
    /// counted there. IPMI 1.5 has no such proof: see [`Error::ActivationUnanswered`].
    #[error("wrong password")]
    WrongPassword,
    /// IPMI 1.5: the BMC answered everything but two attempts to log in, each of which may count as a failed login
    /// there.
    #[error("the BMC did not answer the login: wrong password, or packets were lost")]
    ActivationUnanswered,
    /// The BMC has no such user, or the user is not enabled.
    #[error("unknown or disabled user")]
    UnknownUser,
    /// The password is right but the BMC's proof in RAKP message 4 was made with another Kg, or with one where none is
    /// configured here.
    #[error("wrong Kg: the password is right, but the BMC's own key is another")]
    WrongKg,
    /// The user may not have the privilege level that the request needs.
    #[error("privilege level {needed:?} refused")]
    PrivilegeRefused {
        /// The level that the request needs.
        needed: PrivilegeLevel,
    },
    /// [`ClientConfig::privilege`](crate::ClientConfig::privilege) is below the level that the request needs. The BMC
    /// was not asked.
    #[error("privilege level {needed:?} needed, and the configuration allows less")]
    PrivilegeCapped {
        /// The level that the request needs.
        needed: PrivilegeLevel,
    },
    /// The BMC accepts none of the configured cipher suites.
    #[error("the BMC accepts none of the configured cipher suites")]
    NoCommonSuite,
    /// The BMC answers IPMI, but has no IPMI 2.0 sessions.
    #[error("the BMC has no IPMI 2.0 sessions")]
    NoRmcpPlus,
    /// The BMC does not offer IPMI 1.5 sessions with the configured authentication.
    #[error("the BMC offers no IPMI 1.5 sessions with this authentication")]
    AuthenticationNotOffered,
    /// The BMC has no free session.
    #[error("the BMC has no free session")]
    SessionsExhausted,
    /// The BMC refused the set-up of a session for another reason.
    #[error("the BMC refused to open a session: {0}")]
    SetupRefused(RakpStatus),
    /// The BMC answered the command with something other than success.
    #[error("the BMC answered {0}")]
    Completion(CompletionCode),
    /// A command that must not be sent twice was sent and its reply did not come: it may or may not have been carried
    /// out. Read the state back before anything else.
    #[error("the reply did not come: the command may or may not have been carried out")]
    OutcomeUnknown,
    /// The client's queue is full.
    #[error("too many requests are waiting for this BMC")]
    QueueFull,
    /// The client was closed before the request was answered.
    #[error("the connection was closed")]
    Closed,
    /// The user name, password or Kg is longer than IPMI can carry.
    #[error("the {which} is longer than {limit} bytes")]
    CredentialTooLong {
        /// Which of the three.
        which: &'static str,
        /// Its limit in bytes.
        limit: usize,
    },
    /// The Kg begins with `0x`, and what follows is not an even count of hexadecimal digits.
    #[error("the {which} is malformed: 0x takes an even count of hexadecimal digits behind it")]
    CredentialMalformed {
        /// Which of the credentials.
        which: &'static str,
    },
    /// A raw command's data is longer than a message can carry.
    #[error("{length} bytes of request data exceed the limit of {limit}")]
    RequestTooLong {
        /// Length of the data in bytes.
        length: usize,
        /// Its limit in bytes.
        limit: usize,
    },
}

/// What an [`Error`] says about the BMC as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// It does not answer.
    Unreachable,
    /// It does not accept the credentials.
    AuthFailed,
    /// It does not speak the protocol.
    ProtocolError,
    /// It, or this client, is too busy at the moment.
    Throttled,
    /// It works, and said no to this request or configuration.
    Refused,
}

impl Error {
    /// What the error says about the BMC as a whole.
    pub fn condition(&self) -> Condition {
        match self {
            Self::Timeout { .. } | Self::OutcomeUnknown => Condition::Unreachable,
            Self::Protocol(_) => Condition::ProtocolError,
            Self::WrongPassword
            | Self::ActivationUnanswered
            | Self::UnknownUser
            | Self::WrongKg
            | Self::PrivilegeRefused { .. }
            | Self::CredentialTooLong { .. }
            | Self::CredentialMalformed { .. }
            | Self::SetupRefused(RakpStatus::INVALID_INTEGRITY_CHECK_VALUE) => Condition::AuthFailed,
            Self::SessionsExhausted
            | Self::QueueFull
            | Self::Completion(CompletionCode::NODE_BUSY)
            | Self::SetupRefused(RakpStatus::INVALID_SESSION_ID) => Condition::Throttled,
            Self::PrivilegeCapped { .. }
            | Self::NoCommonSuite
            | Self::NoRmcpPlus
            | Self::AuthenticationNotOffered
            | Self::SetupRefused(_)
            | Self::Completion(_)
            | Self::Closed
            | Self::RequestTooLong { .. } => Condition::Refused,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    ///
    /// Not for [`Error::OutcomeUnknown`]: there the state must be read back first.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::OutcomeUnknown => false,
            _ => {
                matches!(
                    self.condition(),
                    Condition::Unreachable | Condition::ProtocolError | Condition::Throttled
                )
            }
        }
    }

    /// A stable code for logs and programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Timeout { .. } => "ipmi.timeout",
            Self::Protocol(_) => "ipmi.protocol",
            Self::WrongPassword => "ipmi.wrong_password",
            Self::ActivationUnanswered => "ipmi.activation_unanswered",
            Self::UnknownUser => "ipmi.unknown_user",
            Self::WrongKg => "ipmi.wrong_kg",
            Self::PrivilegeRefused { .. } => "ipmi.privilege_refused",
            Self::PrivilegeCapped { .. } => "ipmi.privilege_capped",
            Self::NoCommonSuite => "ipmi.no_common_suite",
            Self::NoRmcpPlus => "ipmi.no_rmcp_plus",
            Self::AuthenticationNotOffered => "ipmi.authentication_not_offered",
            Self::SessionsExhausted => "ipmi.sessions_exhausted",
            Self::SetupRefused(_) => "ipmi.setup_refused",
            Self::Completion(_) => "ipmi.completion",
            Self::OutcomeUnknown => "ipmi.outcome_unknown",
            Self::QueueFull => "ipmi.queue_full",
            Self::Closed => "ipmi.closed",
            Self::CredentialTooLong { .. } => "ipmi.credential_too_long",
            Self::CredentialMalformed { .. } => "ipmi.credential_malformed",
            Self::RequestTooLong { .. } => "ipmi.request_too_long",
        }
    }
}
