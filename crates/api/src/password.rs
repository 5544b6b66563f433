//! Changing the password of a controller's account.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};

/// The body of `POST /api/v1/hosts/{name}/password`.
///
/// It is not serialised like the others, so that no reply or log can hold it; the one way to send it is
/// [`to_transport`](Self::to_transport).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordRequest {
    /// The account whose password is changed; without it, the one that Ironhand logs in with.
    #[serde(default)]
    pub user: Option<String>,
    /// The new password; without it, one is made that nobody but the server knows.
    #[serde(default, deserialize_with = "secret")]
    pub new: Option<SecretString>,
    /// Whether the reply waits for the end.
    #[serde(default = "PasswordRequest::yes")]
    pub wait: bool,
}

impl PasswordRequest {
    /// The request as the body of a call to the server, with the new password in it.
    ///
    /// Only for a connection that nobody else can read: the local socket, loopback or TLS.
    pub fn to_transport(&self) -> serde_json::Value {
        let new = self.new.as_ref().map(ExposeSecret::expose_secret);
        serde_json::json!({ "user": self.user, "new": new, "wait": self.wait })
    }

    const fn yes() -> bool {
        true
    }
}

pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

/// Where the change of a password stands. Everything but the first and the last three may be found by the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationPhase {
    /// The new password is sealed in the store; the controller was not told.
    Prepared,
    /// The controller may have been told.
    Sent,
    /// The controller said that it took it.
    Applied,
    /// A login with the new password worked and one with the old one did not: the new one is used from now on.
    Committed,
    /// The old password still works and is still used.
    RolledBack,
    /// Neither works: both are kept, and tried again from time to time.
    Indeterminate,
}
