//! Reading the spec of a `Notifier`. What its templates mean is not checked here.

use super::credential::secret;
use super::fault::{Faults, nearest};
use super::fields::{Fields, Shape};
use super::select;
use super::tree::Node;
use crate::{Email, EventKind, LocalSocketTarget, NotifierSpec, Severity, SmtpSecurity, Webhook};

pub(super) const NOTIFIER: Shape = Shape {
    what: "the spec of a Notifier",
    fields: &["webhook", "email", "socket", "events", "severity", "select", "subject", "body"],
    planned: &[],
};

pub(super) const WEBHOOK: Shape = Shape { what: "`webhook`", fields: &["url", "secret"], planned: &[] };

pub(super) const EMAIL: Shape = Shape {
    what: "`email`",
    fields: &["server", "port", "security", "username", "password", "from", "to"],
    planned: &[],
};

pub(super) const SOCKET: Shape = Shape { what: "`socket`", fields: &["path"], planned: &[] };

const SEVERITIES: &[(&str, Severity)] =
    &[("info", Severity::Info), ("warning", Severity::Warning), ("critical", Severity::Critical)];

const SECURITIES: &[(&str, SmtpSecurity)] =
    &[("starttls", SmtpSecurity::Starttls), ("tls", SmtpSecurity::Tls), ("none", SmtpSecurity::None)];

/// Receivers of one notifier.
const MOST_RECEIVERS: usize = 64;

/// The longest URL, path or template, in bytes.
const LONGEST: usize = 16 * 1024;

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<NotifierSpec> {
    let fields = Fields::of(node, &NOTIFIER, faults)?;
    let webhook = fields.optional("webhook", faults, webhook);
    let email = fields.optional("email", faults, email);
    let socket = fields.optional("socket", faults, socket);
    let ways = ["webhook", "email", "socket"];
    let given = ways.iter().filter(|way| fields.get(way).is_some()).count();
    if given != 1 && !fields.has_strangers() {
        let message = format!("a Notifier has one of {}, not {given}", ways.join(", "));
        fields.fault(message, None, faults);
    }
    let events = fields.optional("events", faults, |node, faults| {
        node.some_list("events", EventKind::ALL.len(), faults, event)
    });
    let severity = fields.optional("severity", faults, |node, faults| {
        node.word("severity", "a severity", SEVERITIES, &[], faults)
    });
    let select = fields.optional("select", faults, select::select);
    let subject = fields.optional("subject", faults, |node, faults| text(node, "subject", faults));
    let body = fields.optional("body", faults, |node, faults| text(node, "body", faults));
    let (webhook, email, socket) = (webhook?, email?, socket?);
    if given != 1 {
        return None;
    }
    Some(NotifierSpec {
        webhook,
        email,
        socket,
        events: events?.unwrap_or_else(NotifierSpec::alerts),
        severity: severity?.unwrap_or(NotifierSpec::least()),
        select: select?.unwrap_or_default(),
        subject: subject?,
        body: body?,
    })
}

fn webhook(node: &Node, faults: &mut Faults) -> Option<Webhook> {
    let fields = Fields::of(node, &WEBHOOK, faults)?;
    let url = fields.require("url", faults).and_then(|node| {
        let url = text(node, "url", faults)?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            faults.add(node.place, "`url` must begin with http:// or https://", None);
            return None;
        }
        Some(url)
    });
    let secret = fields.optional("secret", faults, |node, faults| secret(node, "secret", faults));
    Some(Webhook { url: url?, secret: secret? })
}

fn email(node: &Node, faults: &mut Faults) -> Option<Email> {
    let fields = Fields::of(node, &EMAIL, faults)?;
    let server = fields.require("server", faults).and_then(|node| text(node, "server", faults));
    let port = fields.optional("port", faults, |node, faults| node.whole("port", 1..=65535, faults));
    let security = fields.optional("security", faults, |node, faults| {
        node.word("security", "a way to protect the connection", SECURITIES, &[], faults)
    });
    let username = fields.optional("username", faults, |node, faults| text(node, "username", faults));
    let password = fields.optional("password", faults, |node, faults| secret(node, "password", faults));
    let from = fields.require("from", faults).and_then(|node| mailbox(node, "from", faults));
    let to = fields.require("to", faults).and_then(|node| {
        node.some_list("to", MOST_RECEIVERS, faults, |item, faults| mailbox(item, "to", faults))
    });
    if let (Some(None), Some(Some(_))) = (&username, &password) {
        fields.fault("`password` is of no use without `username`".to_owned(), None, faults);
    }
    Some(Email {
        server: server?,
        port: port?,
        security: security?.unwrap_or_default(),
        username: username?,
        password: password?,
        from: from?,
        to: to?,
    })
}

fn socket(node: &Node, faults: &mut Faults) -> Option<LocalSocketTarget> {
    let fields = Fields::of(node, &SOCKET, faults)?;
    let node = fields.require("path", faults)?;
    let path = text(node, "path", faults)?;
    if !path.starts_with('/') {
        faults.add(node.place, "`path` must begin with /", None);
        return None;
    }
    Some(LocalSocketTarget { path })
}

/// A kind of event, or the beginning of several: `alert.opened`, `alert.*`, `*`.
fn event(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text("events", faults)?;
    let known = match text.strip_suffix('*') {
        Some(start) => EventKind::ALL.iter().any(|kind| kind.code().starts_with(start)),
        None => EventKind::ALL.iter().any(|kind| kind.code() == text),
    };
    if !known {
        let hint = nearest(text, EventKind::ALL.iter().map(|kind| kind.code())).map_or_else(
            || "like alert.opened, alert.* or *".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        );
        faults.add(node.place, format!("`{text}` is not a kind of event"), Some(hint));
        return None;
    }
    Some(text.to_owned())
}

/// An address like `oncall@example.net`. What is in front of the `@` is the receiver's business (RFC 5321 section 2.3.11).
fn mailbox(node: &Node, field: &str, faults: &mut Faults) -> Option<String> {
    let address = text(node, field, faults)?;
    let sound = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !address.contains(|c: char| c.is_whitespace() || c.is_control())
    });
    if !sound {
        let hint = "write it like oncall@example.net".to_owned();
        faults.add(node.place, format!("`{address}` is not a mail address"), Some(hint));
        return None;
    }
    Some(address)
}

fn text(node: &Node, field: &str, faults: &mut Faults) -> Option<String> {
    let text = node.some_text(field, faults)?;
    if text.len() > LONGEST {
        faults.add(node.place, format!("`{field}` is longer than {LONGEST} bytes"), None);
        return None;
    }
    Some(text.to_owned())
}
