//! Reading `health` of hosts and clusters.

use super::condition::bounded;
use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::tree::Node;
use crate::{Check, HeartbeatCheck, HttpCheck, Probe};

pub(super) const CHECK: Shape = Shape {
    what: "a check",
    fields: &["ping", "tcp", "http", "ssh", "heartbeat", "name", "every", "after", "timeout"],
    planned: &[],
};

pub(super) const HTTP: Shape = Shape { what: "`http`", fields: &["url", "status", "contains"], planned: &[] };

pub(super) const HEARTBEAT: Shape = Shape { what: "`heartbeat`", fields: &["every"], planned: &[] };

/// Checks of one host.
const MOST_CHECKS: usize = 16;

/// The longest address, URL and text, in bytes: longer ones are slips of the pen.
const LONGEST: usize = 2048;

/// One check, or a list of them.
pub(super) fn health(node: &Node, faults: &mut Faults) -> Option<Vec<Check>> {
    let checks = if node.is_list() {
        node.list("health", MOST_CHECKS, faults, check)?
    } else {
        vec![check(node, faults)?]
    };
    if let Some(name) = Check::shared_name(&checks) {
        faults.add(
            node.place,
            format!("two checks are called `{name}`"),
            Some("give each a `name` of its own".to_owned()),
        );
        return None;
    }
    Some(checks)
}

fn check(node: &Node, faults: &mut Faults) -> Option<Check> {
    let fields = Fields::of(node, &CHECK, faults)?;
    let text = |field: &'static str, faults: &mut Faults| {
        fields.optional(field, faults, |node, faults| {
            let text = node.some_text(field, faults)?;
            bounded(text, LONGEST, field, node, faults)
        })
    };
    let ping = text("ping", faults);
    let tcp = text("tcp", faults);
    let ssh = text("ssh", faults);
    let http = fields.optional("http", faults, http);
    let heartbeat = fields.optional("heartbeat", faults, heartbeat);
    let name = fields.optional("name", faults, |node, faults| node.name("name", faults));
    let span = |field: &'static str, faults: &mut Faults| {
        fields.optional(field, faults, |node, faults| node.some_span(field, faults))
    };
    let every = span("every", faults);
    let after = fields.optional("after", faults, |node, faults| node.span("after", faults));
    let timeout = span("timeout", faults);
    let (ping, tcp, ssh, http, heartbeat) = (ping?, tcp?, ssh?, http?, heartbeat?);
    let mut probes = [
        ping.map(Probe::Ping),
        tcp.map(Probe::Tcp),
        ssh.map(Probe::Ssh),
        http.map(Probe::Http),
        heartbeat.map(Probe::Heartbeat),
    ]
    .into_iter()
    .flatten();
    let (Some(probe), None) = (probes.next(), probes.next()) else {
        if !fields.has_strangers() {
            let hint = "several checks are a list, with one such field each".to_owned();
            let message = "a check has one of `ping`, `tcp`, `http`, `ssh` and `heartbeat`".to_owned();
            fields.fault(message, Some(hint), faults);
        }
        return None;
    };
    if let Probe::Tcp(address) = &probe
        && address
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse::<u16>().ok())
            .is_none_or(|port| port == 0)
    {
        let hint = Some("write it like 10.1.7.12:443".to_owned());
        fields.fault("`tcp` names no port".to_owned(), hint, faults);
        return None;
    }
    let every = every?;
    if every.is_some() && matches!(probe, Probe::Heartbeat(_)) {
        let hint = Some("write it like heartbeat: { every: 30s }".to_owned());
        fields.fault("`every` of a heartbeat stands within `heartbeat`".to_owned(), hint, faults);
        return None;
    }
    Some(Check { probe, name: name?, every, after: after?, timeout: timeout? })
}

fn http(node: &Node, faults: &mut Faults) -> Option<HttpCheck> {
    let fields = Fields::of(node, &HTTP, faults)?;
    let url = fields.require("url", faults).and_then(|node| url(node, faults));
    let status = fields.optional("status", faults, |node, faults| node.whole("status", 100..=599, faults));
    let contains = fields.optional("contains", faults, |node, faults| {
        let text = node.some_text("contains", faults)?;
        bounded(text, LONGEST, "contains", node, faults)
    });
    Some(HttpCheck { url: url?, status: status?, contains: contains? })
}

fn url(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.some_text("url", faults)?;
    if !text.starts_with("http://") && !text.starts_with("https://") {
        node.fault("`url` must begin with http:// or https://".to_owned(), faults);
        return None;
    }
    let authority = text.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if authority.contains('@') {
        node.fault(
            "`url`: a user name or password in a URL is shown to all who may read it; leave it out"
                .to_owned(),
            faults,
        );
        return None;
    }
    bounded(text, LONGEST, "url", node, faults)
}

fn heartbeat(node: &Node, faults: &mut Faults) -> Option<HeartbeatCheck> {
    let fields = Fields::of(node, &HEARTBEAT, faults)?;
    let every = fields.require("every", faults).and_then(|node| node.some_span("every", faults));
    Some(HeartbeatCheck { every: every? })
}
