//! Why a command did not come true on one BMC, and what to do about it.

use std::time::Duration;

use ironhand_ipmi::{CompletionCode, Error, ProcedureError};
use ironhand_ipmi_port::{OpenError, RunError};

use super::sweep::Purpose;

/// Why a command did not come true on one BMC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable code for programs.
    pub code: &'static str,
    /// The word under which the summary counts it.
    pub outcome: &'static str,
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<&'static str>,
    /// The exit code, had this been the only BMC.
    pub exit: u8,
}

/// What to do about a change that was cut short. Where a controller knows no cycle of its own it is done in two steps.
const CUT_SHORT: &str =
    "read the state back before doing it again: a power cycle may have left the machine off";

impl Problem {
    /// What was asked did not come true, for a reason of the command's own.
    pub fn failed(code: &'static str, outcome: &'static str, message: impl Into<String>) -> Self {
        Self { code, outcome, message: message.into(), hint: None, exit: 1 }
    }

    /// The command took longer than it may.
    pub fn timed_out(limit: Duration, purpose: Purpose) -> Self {
        let hint = match purpose {
            Purpose::Read => "give it more with --timeout, or look for the reason with -v",
            Purpose::Change => CUT_SHORT,
        };
        Self {
            code: "timed_out",
            hint: Some(hint),
            exit: 5,
            ..Self::cut_short("timed out", format!("not done within {limit:?}"), purpose)
        }
    }

    /// The command was interrupted.
    pub fn interrupted(purpose: Purpose) -> Self {
        Self::cut_short("interrupted", "interrupted before it was done".to_owned(), purpose)
    }

    /// Where something was to be changed, it may have been.
    fn cut_short(outcome: &'static str, message: String, purpose: Purpose) -> Self {
        match purpose {
            Purpose::Read => Self::failed("interrupted", outcome, message),
            Purpose::Change => Self::failed(
                "interrupted",
                "unknown",
                format!("unknown: {message}, but perhaps already begun"),
            )
            .with_hint(CUT_SHORT),
        }
    }

    /// Another name of the command stands for the same BMC, which is asked once.
    pub fn same_bmc(name: &str) -> Self {
        Self { exit: 0, ..Self::failed("same_bmc", "named twice", format!("the same BMC as {name}")) }
    }

    /// The name has no address.
    pub fn unknown_name(error: &std::io::Error) -> Self {
        Self {
            hint: Some("check the spelling, or name the address"),
            exit: 3,
            ..Self::failed("unknown_name", "unknown name", format!("the name cannot be looked up: {error}"))
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (outcome, exit) = outcome_of(&error);
        Self { code: error.code(), outcome, message: error.to_string(), hint: hint_of(&error), exit }
    }
}

fn outcome_of(error: &Error) -> (&'static str, u8) {
    match error {
        Error::Timeout { .. } => ("no answer", 5),
        Error::WrongPassword => ("wrong password", 4),
        Error::ActivationUnanswered => ("login unanswered", 4),
        Error::UnknownUser => ("unknown user", 4),
        Error::WrongKg => ("wrong Kg", 4),
        Error::PrivilegeRefused { .. } => ("refused", 4),
        Error::SessionsExhausted => ("no free session", 1),
        Error::OutcomeUnknown => ("unknown", 1),
        Error::Completion(CompletionCode::INSUFFICIENT_PRIVILEGE) => ("refused", 4),
        Error::CredentialTooLong { .. }
        | Error::CredentialMalformed { .. }
        | Error::PrivilegeCapped { .. }
        | Error::RequestTooLong { .. } => ("invalid", 2),
        Error::Protocol(_) => ("protocol error", 1),
        _ => ("failed", 1),
    }
}

fn hint_of(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Timeout { .. } => {
            "is the address right, is IPMI over LAN enabled on the BMC, does a firewall let UDP port 623 through?"
        }
        Error::WrongPassword => {
            "the BMC was not told, so nothing counts toward a lockout; check the password file"
        }
        Error::ActivationUnanswered => {
            "check the password file before trying again: with IPMI 1.5 the BMC may have counted failed logins"
        }
        Error::UnknownUser => {
            "user names are case-sensitive; the user may be disabled, or locked out for a while"
        }
        Error::WrongKg => "name the BMC's key with --kg-file, or leave it out where none is set",
        Error::PrivilegeRefused { .. } | Error::Completion(CompletionCode::INSUFFICIENT_PRIVILEGE) => {
            "use a user with a higher privilege limit on the LAN channel"
        }
        Error::PrivilegeCapped { .. } => "allow the level that it needs: raise -L",
        Error::NoCommonSuite => "let all suites be tried: leave out --cipher-suite",
        Error::SessionsExhausted => {
            "other programs hold the BMC's sessions; they lapse after a minute of silence"
        }
        Error::OutcomeUnknown => "read the state back before doing it again",
        _ => return None,
    })
}

impl From<ProcedureError> for Problem {
    fn from(error: ProcedureError) -> Self {
        match &error {
            ProcedureError::Refused { code, .. } => {
                let refusal = Self::from(Error::Completion(*code));
                Self { message: error.to_string(), ..refusal }
            }
            ProcedureError::Malformed { .. } => {
                Self::failed("ipmi.protocol", "protocol error", error.to_string())
            }
            _ => Self::failed("ipmi.procedure", "failed", error.to_string()),
        }
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Client(error) => error.into(),
            RunError::Procedure(error) => error.into(),
        }
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        Self::failed("open", "failed", error.to_string())
    }
}
