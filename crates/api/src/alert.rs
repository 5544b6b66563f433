//! What somebody should know of now: opened once for each cause, repeated while it lasts, cleared when it is over.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Name, Severity, Timestamp};

/// One cause for alarm at one host. Of each cause at most one is open for a host at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Rises with each alert.
    pub id: u64,
    /// The host.
    pub host: Name,
    /// Why.
    pub cause: AlertCause,
    /// How much it matters to a person.
    pub severity: Severity,
    /// What is wrong, in words that an operator understands.
    pub message: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was told last.
    pub told_at: Timestamp,
    /// How often it was told again since it was opened.
    pub repeats: u32,
    /// When it was cleared; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Timestamp>,
}

/// A cause for alarm; written as a stable word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertCause {
    /// The controller refuses every credential.
    AuthFailed,
    /// The controller cannot be reached.
    ContactLost,
    /// A device does not prove that it is the one that was meant.
    NotTrusted,
    /// Nobody knows which password of a controller's account is valid.
    PasswordIndeterminate,
    /// A host was to be fenced, and it is not proven to be without power.
    FenceRefused,
    /// A host that was fenced has power.
    FenceBroken,
    /// Ironhand has done what it may for a host that is unwell.
    NeedsHuman,
}

impl AlertCause {
    /// Every cause.
    pub const ALL: [Self; 7] = [
        Self::AuthFailed,
        Self::ContactLost,
        Self::NotTrusted,
        Self::PasswordIndeterminate,
        Self::FenceRefused,
        Self::FenceBroken,
        Self::NeedsHuman,
    ];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthFailed => "auth_failed",
            Self::ContactLost => "contact_lost",
            Self::NotTrusted => "not_trusted",
            Self::PasswordIndeterminate => "password_indeterminate",
            Self::FenceRefused => "fence_refused",
            Self::FenceBroken => "fence_broken",
            Self::NeedsHuman => "needs_human",
        }
    }
}

impl fmt::Display for AlertCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_json_carries() {
        for cause in AlertCause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
        }
    }
}
