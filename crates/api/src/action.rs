//! What is asked of a host through the HTTP API, and what comes back.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::password::secret;
use crate::{
    ActionReceipt, BootDevice, Name, PictureDigest, PowerAction, PowerState, ScreenKind, Span, Timestamp,
};

/// What became of a resource that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplyOutcome {
    /// It did not exist before.
    Created,
    /// It existed and is different now.
    Configured,
    /// It is what it was.
    Unchanged,
}

impl ApplyOutcome {
    /// The name of the reply header in which the server tells the outcome of a `PUT`.
    pub const HEADER: &'static str = "ironhand-applied";

    /// The word in the header, and in what the command line prints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
        }
    }

    /// The outcome that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Created, Self::Configured, Self::Unchanged]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }
}

/// The body of `POST /api/v1/hosts/{name}/power`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PowerRequest {
    /// What to do.
    pub action: PowerAction,
    /// Whether the reply waits until the action is seen to have come true; without it, the reply is the [`Job`](crate::Job) that the
    /// server will do, or tell of, whatever happens.
    #[serde(default = "yes")]
    pub wait: bool,
    /// How long the action may take to come true; without it, the nearest setting for the
    /// action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
}

impl PowerRequest {
    /// A request that waits for the action with the server's own limit.
    pub const fn new(action: PowerAction) -> Self {
        Self { action, wait: true, timeout: None }
    }
}

/// The body of `POST /api/v1/hosts/{name}/boot-device`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BootDeviceRequest {
    /// What to boot from.
    pub device: BootDevice,
    /// For every boot from now on, not for the next one alone.
    #[serde(default)]
    pub persistent: bool,
    /// Boot through UEFI rather than the legacy BIOS.
    #[serde(default)]
    pub uefi: bool,
}

/// The body of `POST /api/v1/hosts/{name}/keys`.
///
/// It is not serialised like the others, so that no reply or log can hold a secret; the one way to send it is
/// [`to_transport`](Self::to_transport).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeysRequest {
    /// Keys as flows write them: plain text types itself, `<Enter>`, `<F1>`, `<Ctrl-Alt-Del>`, `<wait 500ms>`.
    pub keys: String,
    /// A text that no record shows, as a password at a login. It is typed as it is where the keys say `<secret>`, and
    /// after them where they do not.
    #[serde(default, deserialize_with = "secret")]
    pub secret: Option<SecretString>,
}

impl KeysRequest {
    /// Keys without a secret.
    pub fn new(keys: impl Into<String>) -> Self {
        Self { keys: keys.into(), secret: None }
    }

    /// The request as the body of a call to the server, with the secret in it.
    ///
    /// Only for a connection that nobody else can read: the local socket, loopback or TLS.
    pub fn to_transport(&self) -> serde_json::Value {
        match &self.secret {
            Some(secret) => serde_json::json!({ "keys": self.keys, "secret": secret.expose_secret() }),
            None => serde_json::json!({ "keys": self.keys }),
        }
    }
}

/// The reply to an action on a host that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionReport {
    /// The host.
    pub host: Name,
    /// What was done and what was seen of it, in words.
    pub detail: String,
    /// The power state after a power action, where it was waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerState>,
    /// The job under which it was done; absent where it was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<u64>,
    /// What the person who asked should know though it was done: that the host is in maintenance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Each connector and credential that was tried.
    pub receipts: Vec<ActionReceipt>,
}

/// One reading of a host's screen: the reply of `GET` and `POST /api/v1/hosts/{name}/screen`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Screen {
    /// The host.
    pub host: Name,
    /// The connector that it was seen through, like `vnc 10.0.7.12`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub connector: String,
    /// When the picture was taken.
    pub read_at: Timestamp,
    /// What it shows.
    pub kind: ScreenKind,
    /// Whether the reading may be acted on: every character was recognised with certainty.
    pub reliable: bool,
    /// The least certain character's confidence, 0 to 1; 1 where there is no text.
    pub confidence: f32,
    /// The rows joined by line breaks, without trailing blanks.
    pub text: String,
    /// The rows of the character grid, top to bottom; empty where no grid was found.
    pub rows: Vec<String>,
    /// The name of the font that was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub font: Option<String>,
    /// The width of the picture in pixels.
    pub width: u32,
    /// The height of the picture in pixels.
    pub height: u32,
    /// The picture, to be fetched from `/api/v1/pictures/{digest}`: kept while it is the last one of the host, or is
    /// evidence.
    pub picture: PictureDigest,
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_requests_wait_unless_told_not_to() {
        let check = |json: &str, wanted: PowerRequest| {
            assert_eq!(serde_json::from_str::<PowerRequest>(json).unwrap(), wanted, "{json}");
        };
        check(r#"{"action":"cycle"}"#, PowerRequest::new(PowerAction::Cycle));
        check(
            r#"{"action":"off","wait":false,"timeout":"90s"}"#,
            PowerRequest { action: PowerAction::Off, wait: false, timeout: Some(Span::from_secs(90)) },
        );
        assert!(serde_json::from_str::<PowerRequest>(r#"{"action":"off","wiat":false}"#).is_err());
    }

    #[test]
    fn secrets_among_keys_are_sent_and_not_shown() {
        let plain: KeysRequest = serde_json::from_str(r#"{"keys":"<Esc>"}"#).unwrap();
        assert!(plain.secret.is_none());
        assert_eq!(plain.to_transport(), serde_json::json!({ "keys": "<Esc>" }));
        let request = KeysRequest { secret: Some("hunter2".into()), ..KeysRequest::new("root<Enter>") };
        assert!(!format!("{request:?}").contains("hunter2"));
        let read: KeysRequest = serde_json::from_value(request.to_transport()).unwrap();
        assert_eq!(read.secret.map(|secret| secret.expose_secret().to_owned()), Some("hunter2".to_owned()));
    }

    #[test]
    fn outcomes_are_told_by_one_word() {
        for outcome in [ApplyOutcome::Created, ApplyOutcome::Configured, ApplyOutcome::Unchanged] {
            assert_eq!(ApplyOutcome::from_word(outcome.as_str()), Some(outcome));
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
        }
        assert_eq!(ApplyOutcome::from_word("deleted"), None);
    }
}
