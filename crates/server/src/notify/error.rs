//! Why somebody was not told, and what that means for the next attempt.

use std::time::Duration;

use ironhand_api::Fault;
use ironhand_store::StoreError;

use crate::template::TemplateError;

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// The receiver, or the way to it, is out of order: it may work by itself.
    Again,
    /// Somebody must mend something at the receiver or in the manifest, and may do so at any time.
    Mend,
    /// The receiver does not take this message, and would take others.
    LeaveOut,
    /// The receiver says that it is gone for good.
    Stop,
}

/// Why somebody was not told.
///
/// Nothing of the path and the query of a webhook's URL is in here: they may be what keeps strangers out.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NotifyError {
    #[error("the name {host} is not found: {reason}")]
    Unresolved { host: String, reason: String },
    #[error("{address} cannot be reached: {reason}")]
    Unreachable { address: String, reason: String },
    #[error("no TLS connection to {host} comes about: {reason}")]
    Tls { host: String, reason: String },
    #[error("this machine has no certificates of authorities: {reason}")]
    NoRoots { reason: String },
    #[error("{who} did not {what} within {} s", waited.as_secs())]
    TimedOut { who: String, what: &'static str, waited: Duration },
    #[error("the connection to {host} broke: {reason}")]
    Broken { host: String, reason: String },
    #[error("{host} answers {status}{}", quoted(start))]
    Answered { host: String, status: u16, start: String, retry_after: Option<Duration> },
    #[error("{host} answers {status}, a redirect, which is not followed")]
    Redirected { host: String, status: u16 },
    #[error("the mail server {host} says {code}{}", quoted(text))]
    Smtp { host: String, code: u16, text: String },
    #[error("the mail server {host}: {reason}")]
    Mail { host: String, reason: String },
    #[error("no mail can be made of it: {reason}")]
    Message { reason: String },
    #[error("the socket {path}: {reason}")]
    Socket { path: String, reason: String },
    #[error("its secret cannot be had: {reason}")]
    Secret { reason: String },
    #[error("the store failed: {reason}")]
    Store { reason: String },
    #[error("{reason}")]
    Unsuited { reason: String },
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl NotifyError {
    /// A stable code, for programs.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Unresolved { .. } => "notifier.unresolved",
            Self::Unreachable { .. } => "notifier.unreachable",
            Self::Tls { .. } | Self::NoRoots { .. } => "notifier.tls",
            Self::TimedOut { .. } => "notifier.timed_out",
            Self::Broken { .. } => "notifier.broken_off",
            Self::Answered { .. } | Self::Redirected { .. } | Self::Smtp { .. } => "notifier.refused",
            Self::Mail { .. } | Self::Message { .. } => "notifier.mail",
            Self::Socket { .. } => "notifier.socket",
            Self::Secret { .. } => "notifier.secret",
            Self::Store { .. } => "notifier.store",
            Self::Unsuited { .. } => "notifier.unsuited",
            Self::Template(_) => "notifier.template",
        }
    }

    /// Whose fault it is. The receiver is what stands at the other end, as a controller does.
    pub(crate) const fn fault(&self) -> Fault {
        match self {
            Self::Unresolved { .. } | Self::Unreachable { .. } | Self::Broken { .. } => Fault::Network,
            Self::TimedOut { .. } | Self::Answered { .. } | Self::Smtp { .. } | Self::Mail { .. } => {
                Fault::Device
            }
            Self::Redirected { .. } | Self::Tls { .. } | Self::Socket { .. } => Fault::Device,
            Self::NoRoots { .. } | Self::Store { .. } => Fault::Server,
            Self::Message { .. } | Self::Secret { .. } | Self::Unsuited { .. } | Self::Template(_) => {
                Fault::Caller
            }
        }
    }

    /// What to do about it, where that is not plain.
    pub(crate) const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Tls { .. } => Some(
                "the certificate must be signed by an authority that this machine trusts; one of your own goes to the \
                 system's certificates, or into the file that SSL_CERT_FILE names",
            ),
            Self::NoRoots { .. } => Some("install the package ca-certificates, or set SSL_CERT_FILE"),
            Self::Redirected { .. } => Some("put the URL that answers itself into the manifest"),
            Self::Secret { .. } => Some("apply the notifier again with its secret"),
            Self::Answered { status: 401 | 403, .. } => {
                Some("is the secret the one that the receiver knows?")
            }
            Self::Socket { .. } => {
                Some("the program must listen there, read to the end, and then close the connection")
            }
            _ => None,
        }
    }

    /// What this means for the next attempt.
    pub(super) const fn advice(&self) -> Advice {
        match self {
            Self::Answered { status, .. } => match status {
                // RFC 9110 section 15.5.11.
                410 => Advice::Stop,
                // The body is at fault: RFC 9110 sections 15.5.1, 15.5.14, 15.5.16 and 15.5.21.
                400 | 413 | 415 | 422 => Advice::LeaveOut,
                // Timeouts, conflicts, too early, too many: they pass (RFC 9110, RFC 8470, RFC 6585).
                408 | 409 | 425 | 429 => Advice::Again,
                400..500 => Advice::Mend,
                _ => Advice::Again,
            },
            Self::Smtp { code, .. } => match code {
                // The size or the content of the message (RFC 5321 section 4.2.3).
                552 | 554 => Advice::LeaveOut,
                500.. => Advice::Mend,
                _ => Advice::Again,
            },
            Self::Message { .. } => Advice::LeaveOut,
            Self::Redirected { .. }
            | Self::Tls { .. }
            | Self::NoRoots { .. }
            | Self::Secret { .. }
            | Self::Unsuited { .. }
            | Self::Template(_) => Advice::Mend,
            Self::Unresolved { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Broken { .. }
            | Self::Mail { .. }
            | Self::Socket { .. }
            | Self::Store { .. } => Advice::Again,
        }
    }

    /// Whether the same may work later with nobody doing anything.
    pub(crate) const fn passes(&self) -> bool {
        matches!(self.advice(), Advice::Again)
    }

    /// How long the receiver asks to be left alone.
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl From<StoreError> for NotifyError {
    fn from(error: StoreError) -> Self {
        Self::Store { reason: error.to_string() }
    }
}

/// What the other side wrote, as the end of a sentence.
fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let check = |status: u16, wanted: Advice| {
            let host = "hooks.example.net".to_owned();
            let error = NotifyError::Answered { host, status, start: String::new(), retry_after: None };
            assert_eq!(error.advice(), wanted, "{status}");
        };
        check(400, Advice::LeaveOut);
        check(401, Advice::Mend);
        check(403, Advice::Mend);
        check(404, Advice::Mend);
        check(405, Advice::Mend);
        check(408, Advice::Again);
        check(409, Advice::Again);
        check(410, Advice::Stop);
        check(413, Advice::LeaveOut);
        check(415, Advice::LeaveOut);
        check(422, Advice::LeaveOut);
        check(425, Advice::Again);
        check(429, Advice::Again);
        check(451, Advice::Mend);
        check(500, Advice::Again);
        check(503, Advice::Again);
        check(599, Advice::Again);

        let check = |code: u16, wanted: Advice| {
            let error = NotifyError::Smtp { host: "mail".to_owned(), code, text: String::new() };
            assert_eq!(error.advice(), wanted, "{code}");
        };
        check(421, Advice::Again);
        check(451, Advice::Again);
        check(535, Advice::Mend);
        check(550, Advice::Mend);
        check(552, Advice::LeaveOut);
        check(554, Advice::LeaveOut);
    }
}
