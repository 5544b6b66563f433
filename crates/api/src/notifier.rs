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
    /// Kinds of events, like `alert.opened`; `alert.*` stands for all that begin so. Alerts and refused
    /// commits where absent.
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
        vec!["alert.*".to_owned(), "repository.refused".to_owned()]
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

/// What stands in shown URLs in place of what may be secret.
const HIDDEN: &str = "***";

/// A part of a path that is as long as this, and has digits and letters, may be a key.
const LONG: usize = 20;

impl Webhook {
    /// The URL without what may be secret: user and password, the values of its query, and long keys in its path.
    pub fn shown_url(&self) -> String {
        let (before, query) = match self.url.split_once(['?', '#']) {
            Some((before, query)) => (before, Some(query)),
            None => (self.url.as_str(), None),
        };
        let (scheme, rest) = before.split_once("://").unwrap_or(("", before));
        let (authority, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
        let mut shown = String::new();
        if !scheme.is_empty() {
            shown.extend([scheme, "://"]);
        }
        match authority.rsplit_once('@') {
            Some((_, host)) => shown.extend([HIDDEN, "@", host]),
            None => shown.push_str(authority),
        }
        for part in path.into_iter().flat_map(|path| path.split('/')) {
            shown.extend(["/", if may_be_key(part) { HIDDEN } else { part }]);
        }
        for (at, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
            shown.push(if at == 0 { '?' } else { '&' });
            match pair.split_once('=') {
                Some((name, _)) => shown.extend([name, "=", HIDDEN]),
                None => shown.push_str(HIDDEN),
            }
        }
        shown
    }

    /// Whether the URL is one that was shown, in which something is missing.
    pub fn is_incomplete(&self) -> bool {
        self.url.contains(HIDDEN)
    }
}

fn may_be_key(part: &str) -> bool {
    part.len() >= LONG && part.contains(|c: char| c.is_ascii_digit()) && part.contains(char::is_alphabetic)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_what_may_be_secret() {
        let check = |url: &str, shown: &str| {
            let webhook = Webhook { url: url.to_owned(), secret: None };
            assert_eq!(webhook.shown_url(), shown, "{url}");
            assert_eq!(
                Webhook { url: shown.to_owned(), secret: None }.is_incomplete(),
                url != shown,
                "{url}"
            );
        };
        check("https://hooks.example/alerts", "https://hooks.example/alerts");
        check("https://hooks.example", "https://hooks.example");
        check("http://[::1]:8080/a/b", "http://[::1]:8080/a/b");
        check("https://me:pass@hooks.example/a", "https://***@hooks.example/a");
        check("https://h.example/a?token=s3cret&on", "https://h.example/a?token=***&***");
        check("https://h.example?key=a@b/c", "https://h.example?key=***");
        check("https://h.example/a#s3cret", "https://h.example/a?***");
        check("https://h.example/T02/B03/a1b2c3d4e5f6a1b2c3d4e5f6", "https://h.example/T02/B03/***");
        check("https://me:p@ss@h.example/", "https://***@h.example/");
        check("no url at all", "no url at all");
    }
}
