//! Reading the step `http`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::manifest::condition::{bounded, pattern};
use crate::manifest::connector::tls;
use crate::manifest::fault::Faults;
use crate::manifest::fields::{Fields, Shape};
use crate::manifest::tree::{Content, Entry, Node, Scalar, Sort};
use crate::{
    HttpAuth, HttpBody, HttpExpect, HttpStatus, HttpStep, JsonExpect, SecretText, Span, TextOrSecret,
};

pub(in crate::manifest) const HTTP: Shape = Shape {
    what: "`http`",
    fields: &[
        "method",
        "url",
        "headers",
        "auth",
        "body",
        "tls",
        "expect",
        "capture",
        "retries",
        "backOff",
        "timeout",
        "idempotent",
    ],
    planned: &[],
};

pub(in crate::manifest) const EXPECT: Shape =
    Shape { what: "`expect`", fields: &["status", "json"], planned: &[] };

const AUTH: Shape = Shape { what: "`auth`", fields: &["basic", "bearer", "oauth"], planned: &["digest"] };

const SECRET: Shape = Shape { what: "a secret that is sent", fields: &["secret", "prefix"], planned: &[] };

const MATCHES: Shape = Shape { what: "what is expected", fields: &["matches"], planned: &[] };

/// The longest method, in bytes: the longest registered one has 17.
const LONGEST_METHOD: usize = 20;

/// The longest URL, header or name, in bytes: servers take 8 KiB of all headers together.
const LONGEST_TEXT: usize = 4096;

/// The longest body, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// Headers, captures and expectations of one step, each.
const MOST_ENTRIES: usize = 50;

/// The longest time that one attempt may take, as the host waits for it.
const LONGEST_TIMEOUT: Span = Span::from_secs(300);

/// The longest time that all attempts with their waits may take together: less than after what the outcome of a step
/// counts as unknown.
const LONGEST_IN_ALL: Span = Span::from_secs(600);

pub(super) fn http(node: &Node, faults: &mut Faults) -> Option<HttpStep> {
    let fields = Fields::of(node, &HTTP, faults)?;
    let method = fields.optional("method", faults, method);
    let url = fields.require("url", faults).and_then(|node| url(node, faults));
    let headers = fields.optional("headers", faults, headers);
    let auth = fields.optional("auth", faults, auth);
    let body = fields.optional("body", faults, body);
    let proof = fields.optional("tls", faults, proof);
    let expect = fields.optional("expect", faults, expect);
    let capture = fields.optional("capture", faults, capture);
    let retries = fields.optional("retries", faults, |node, faults| node.whole("retries", 0..=10, faults));
    let back_off = fields.optional("backOff", faults, |node, faults| node.some_span("backOff", faults));
    let timeout = fields.optional("timeout", faults, timeout);
    let idempotent = fields.optional("idempotent", faults, |node, faults| node.boolean("idempotent", faults));
    let step = HttpStep {
        method: method?,
        url: url?,
        headers: headers?.unwrap_or_default(),
        auth: auth?,
        body: body?,
        tls: proof?,
        expect: expect?.unwrap_or_default(),
        capture: capture?.unwrap_or_default(),
        retries: retries?.unwrap_or(0),
        back_off: back_off?.unwrap_or(HttpStep::DEFAULT_BACK_OFF),
        timeout: timeout?.unwrap_or(HttpStep::DEFAULT_TIMEOUT),
        idempotent: idempotent?,
    };
    let longest = step.longest();
    if longest > LONGEST_IN_ALL.duration() {
        let longest = longest.as_secs();
        let message = format!(
            "all attempts with their waits may take {longest}s, and must not take more than {LONGEST_IN_ALL}"
        );
        fields.fault(message, Some("make `timeout`, `retries` or `backOff` smaller".to_owned()), faults);
        return None;
    }
    Some(step)
}

fn method(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text("method", faults)?;
    if text.len() > LONGEST_METHOD || !text.chars().all(|c| c.is_ascii_uppercase() || c == '-') {
        let hint = Some("write it in capital letters, like PATCH".to_owned());
        faults.add(node.place, format!("`{text}` is not a method of HTTP"), hint);
        return None;
    }
    Some(text.to_owned())
}

fn url(node: &Node, faults: &mut Faults) -> Option<TextOrSecret> {
    let url = told(node, "url", faults)?;
    if let TextOrSecret::Plain(text) = &url
        && !["http://", "https://", "{{"].iter().any(|start| text.starts_with(start))
    {
        faults.add(node.place, "`url` must begin with http:// or https://", None);
        return None;
    }
    Some(url)
}

pub(super) fn told(node: &Node, field: &str, faults: &mut Faults) -> Option<TextOrSecret> {
    if !node.is_mapping() {
        return bounded(node.some_text(field, faults)?, LONGEST_TEXT, field, node, faults)
            .map(TextOrSecret::Plain);
    }
    let fields = Fields::of(node, &SECRET, faults)?;
    let secret = fields.require("secret", faults).and_then(|node| node.name("secret", faults));
    let prefix = fields.optional("prefix", faults, |node, faults| {
        bounded(node.text("prefix", faults)?, LONGEST_TEXT, "prefix", node, faults)
    });
    Some(TextOrSecret::Secret(SecretText { secret: secret?, prefix: prefix?.unwrap_or_default() }))
}

/// The entries of a mapping whose keys are free, of which there are not too many.
fn entries<T>(
    node: &Node,
    field: &str,
    faults: &mut Faults,
    mut read: impl FnMut(&Entry, &mut Faults) -> Option<T>,
) -> Option<BTreeMap<String, T>> {
    let entries = node.entries(field, faults)?;
    if entries.len() > MOST_ENTRIES {
        node.fault(format!("`{field}` has {} entries, and may have {MOST_ENTRIES}", entries.len()), faults);
        return None;
    }
    let read: Vec<Option<(String, T)>> =
        entries.iter().map(|entry| Some((entry.key.clone(), read(entry, faults)?))).collect();
    read.into_iter().collect()
}

/// A token (RFC 9110 section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

fn headers(node: &Node, faults: &mut Faults) -> Option<BTreeMap<String, TextOrSecret>> {
    entries(node, "headers", faults, |Entry { key, place, value }, faults| {
        let own = ["host", "content-length", "transfer-encoding", "connection"];
        if !is_token(key) || own.contains(&key.to_ascii_lowercase().as_str()) {
            faults.add(*place, format!("`{key}` is not a header that a flow can set"), None);
            return None;
        }
        told(value, key, faults)
    })
}

fn auth(node: &Node, faults: &mut Faults) -> Option<HttpAuth> {
    let fields = Fields::of(node, &AUTH, faults)?;
    let basic = fields.optional("basic", faults, |node, faults| node.name("basic", faults));
    let bearer = fields.optional("bearer", faults, |node, faults| node.name("bearer", faults));
    let oauth = fields.optional("oauth", faults, |node, faults| node.name("oauth", faults));
    let given = AUTH.fields.iter().filter(|field| fields.get(field).is_some()).count();
    if given != 1 {
        if !fields.has_strangers() {
            let message = format!("`auth` has one of {}, not {given}", AUTH.fields.join(", "));
            fields.fault(message, Some("write it like auth: { basic: CREDENTIAL }".to_owned()), faults);
        }
        return None;
    }
    let auth = basic?.map(HttpAuth::Basic).or(bearer?.map(HttpAuth::Bearer));
    auth.or(oauth?.map(HttpAuth::Oauth))
}

fn body(node: &Node, faults: &mut Faults) -> Option<HttpBody> {
    if !node.is_mapping() && !node.is_list() {
        let text = node.text("body", faults)?;
        return bounded(text, LONGEST_BODY, "body", node, faults).map(HttpBody::Text);
    }
    let value = json(node)?;
    let length = value.to_string().len();
    if length > LONGEST_BODY {
        node.fault(format!("`body` has {length} bytes as JSON, and may have {LONGEST_BODY}"), faults);
        return None;
    }
    Some(HttpBody::Json(value))
}

/// The tree as JSON; nothing where a part of it was refused, as is told already.
fn json(node: &Node) -> Option<Value> {
    Some(match &node.content {
        Content::Null => Value::Null,
        Content::Refused => return None,
        Content::Scalar(Scalar { text, sort }) => match sort {
            Sort::Text => Value::from(text.as_str()),
            Sort::Bool(value) => Value::from(*value),
            Sort::Integer(value) => Value::from(*value),
            // What JSON has no number for is a text.
            Sort::Number => text
                .parse()
                .ok()
                .and_then(serde_json::Number::from_f64)
                .map_or_else(|| Value::from(text.as_str()), Value::Number),
        },
        Content::Sequence(items) => Value::Array(items.iter().map(json).collect::<Option<_>>()?),
        Content::Mapping(entries) => {
            let entry = |Entry { key, value, .. }: &Entry| Some((key.clone(), json(value)?));
            Value::Object(entries.iter().map(entry).collect::<Option<_>>()?)
        }
    })
}

fn proof(node: &Node, faults: &mut Faults) -> Option<crate::Tls> {
    if matches!(&node.content, Content::Scalar(_)) {
        let hint = Some("write `pin` or `ca`; a URL that begins with http:// has no TLS".to_owned());
        faults.add(node.place, "`tls` of a request must be a mapping", hint);
        return None;
    }
    tls(node, faults)
}

fn expect(node: &Node, faults: &mut Faults) -> Option<HttpExpect> {
    let fields = Fields::of(node, &EXPECT, faults)?;
    let status = fields.optional("status", faults, |node, faults| {
        if node.is_list() {
            return node.some_list("status", MOST_ENTRIES, faults, status);
        }
        status(node, faults).map(|status| vec![status])
    });
    let json = fields.optional("json", faults, |node, faults| {
        entries(node, "json", faults, |Entry { key, place, value }, faults| {
            let place = pointer(key, *place, faults);
            let wanted = wanted(value, faults);
            place.and(wanted)
        })
    });
    let default = HttpExpect::default();
    Some(HttpExpect { status: status?.unwrap_or(default.status), json: json?.unwrap_or_default() })
}

fn status(node: &Node, faults: &mut Faults) -> Option<HttpStatus> {
    let read = match &node.content {
        Content::Scalar(Scalar { text, .. }) => HttpStatus::read(text),
        _ => None,
    };
    if read.is_none() {
        let hint = Some("write it like 204 or 2xx".to_owned());
        faults.add(node.place, "this is not a status of HTTP", hint);
    }
    read
}

/// Tells where a place in JSON is none (RFC 6901 section 3).
fn pointer(text: &str, place: crate::manifest::tree::Place, faults: &mut Faults) -> Option<()> {
    let sound = text.is_empty() || text.starts_with('/');
    let escaped = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if !sound || !escaped || text.len() > LONGEST_TEXT {
        let hint = Some("write it like /results/0/id".to_owned());
        faults.add(place, format!("`{text}` is not a place in JSON"), hint);
        return None;
    }
    Some(())
}

fn wanted(node: &Node, faults: &mut Faults) -> Option<JsonExpect> {
    match &node.content {
        Content::Mapping(entries) if entries.iter().any(|entry| entry.key == "matches") => {
            let fields = Fields::of(node, &MATCHES, faults)?;
            let matches = fields.require("matches", faults).and_then(|node| pattern(node, "matches", faults));
            Some(JsonExpect::Matches { matches: matches? })
        }
        _ => json(node).map(JsonExpect::Equals),
    }
}

fn capture(node: &Node, faults: &mut Faults) -> Option<BTreeMap<String, String>> {
    entries(node, "capture", faults, |Entry { key, place, value }, faults| {
        let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !plain || key.starts_with(|c: char| c.is_ascii_digit()) {
            let hint = Some("letters, digits and `_`, like device_id".to_owned());
            faults.add(*place, format!("`{key}` is not a name that templates can use"), hint);
            return None;
        }
        let text = value.text(key, faults)?;
        pointer(text, value.place, faults)?;
        Some(text.to_owned())
    })
}

fn timeout(node: &Node, faults: &mut Faults) -> Option<Span> {
    let timeout = node.some_span("timeout", faults)?;
    if timeout > LONGEST_TIMEOUT {
        let message = format!("`timeout` of a request must not be longer than {LONGEST_TIMEOUT}");
        faults.add(node.place, message, None);
        return None;
    }
    Some(timeout)
}
