//! Who is told of what, and how.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use serde_json::{Value, json};

use crate::run::millis;
use crate::{API_VERSION, Kind, Metadata, Secret, Select, Severity};

/// Somebody, or some program, that is told of events.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notifier {
    /// Name and labels.
    pub metadata: Metadata,
    /// Who, how, of what.
    pub spec: NotifierSpec,
}

/// Who is told of what, and how. Exactly one of `webhook`, `email` and `socket` is given.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotifierSpec {
    /// An HTTP endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// People with mailboxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// A program that listens on a local socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<LocalSocketTarget>,
    /// Kinds of events, like `alert.opened`; `alert.*` stands for all that begin so. Alerts where absent.
    #[serde(default = "NotifierSpec::alerts")]
    pub events: Vec<String>,
    /// The least severity.
    #[serde(default = "NotifierSpec::least")]
    #[schemars(with = "String")]
    pub severity: Severity,
    /// Of which hosts; all where absent. Events that belong to no host are told where this is absent.
    #[serde(default, skip_serializing_if = "Select::is_all")]
    pub select: Select,
    /// A template (minijinja) of the subject, or of the one line that a pager shows, over `event` and `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// A template of the text; of a webhook, of its whole body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Notifier {
    /// The notifier as the body of a request to the server, with its plain secrets in it.
    ///
    /// Only for a connection that nobody else can read: the local socket, loopback or TLS.
    pub fn to_transport(&self) -> Value {
        let Self { metadata, spec } = self;
        let NotifierSpec { webhook, email, socket, events, severity, select, subject, body } = spec;
        let webhook = webhook.as_ref().map(|webhook| {
            json!({ "url": webhook.url, "secret": webhook.secret.as_ref().map(Secret::to_transport) })
        });
        let email = email.as_ref().map(|email| {
            let Email { server, port, security, username, password, from, to } = email;
            let password = password.as_ref().map(Secret::to_transport);
            json!({
                "server": server, "port": port, "security": security, "username": username, "password": password,
                "from": from, "to": to,
            })
        });
        let spec = json!({
            "webhook": webhook, "email": email, "socket": socket, "events": events, "severity": severity,
            "select": select, "subject": subject, "body": body,
        });
        json!({ "apiVersion": API_VERSION, "kind": Kind::Notifier, "metadata": metadata, "spec": spec })
    }
}

impl NotifierSpec {
    /// The kinds of events that are told where a notifier does not say.
    pub(crate) fn alerts() -> Vec<String> {
        vec!["alert.*".to_owned()]
    }

    pub(crate) const fn least() -> Severity {
        Severity::Info
    }
}

/// An HTTP endpoint that takes each event as a CloudEvent (specification 1.0, structured mode), signed as the Standard
/// Webhooks specification says, and tried again until it says 2xx.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Webhook {
    /// Where to; http or https.
    pub url: String,
    /// The secret under which bodies are signed (HMAC-SHA-256); unsigned where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
}

/// E-mail through an SMTP server.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Email {
    /// The SMTP server, by address or name.
    pub server: String,
    /// Its port; 587 with `starttls`, 465 with `tls`, 25 with `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: SmtpSecurity,
    /// The user name, where the server wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password of that user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// The sender's address.
    pub from: String,
    /// The receivers' addresses.
    #[schemars(length(min = 1))]
    pub to: Vec<String>,
}

/// How a connection to an SMTP server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// Plain at first, TLS before anything is said (RFC 3207); refused where the server does not offer it.
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// Not at all; for a server on this machine.
    None,
}

/// A local (Unix domain) socket: each event is one line of JSON on a connection of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalSocketTarget {
    /// The absolute path of the socket.
    pub path: String,
}

/// The reply to `POST /api/v1/notifiers/{name}/test`: the receiver was told an event of kind `notifier.tested`. Where it
/// was not, the reply is a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifierReport {
    /// The event that it was told.
    pub event: u64,
    /// What the receiver said.
    pub detail: String,
    /// How long it took.
    #[serde(with = "millis", rename = "tookMs")]
    pub took: Duration,
}
