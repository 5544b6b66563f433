//! Reading steps that are about the machine as a whole: commands on its operating system, and what it boots.

use crate::manifest::condition::{bounded, pattern};
use crate::manifest::connector::host_key;
use crate::manifest::deployment::REPEATS;
use crate::manifest::fault::Faults;
use crate::manifest::fields::{Fields, Shape};
use crate::manifest::tree::Node;
use crate::{Deploy, Span, SshExpect, SshStep};

pub(in crate::manifest) const SSH: Shape = Shape {
    what: "`ssh`",
    fields: &["address", "port", "login", "hostKey", "run", "input", "expect", "timeout", "idempotent"],
    planned: &[],
};

pub(in crate::manifest) const EXPECT: Shape =
    Shape { what: "`expect`", fields: &["status", "output", "closed"], planned: &[] };

pub(in crate::manifest) const DEPLOY: Shape =
    Shape { what: "`deploy`", fields: &["profile", "boot", "deadline", "timeout"], planned: &[] };

/// The longest command, in bytes: what goes into one packet of SSH with room to spare (RFC 4253 section 6.1).
const LONGEST_COMMAND: usize = 16 * 1024;

/// The longest address, in bytes: that of a name in DNS, with room for a template.
const LONGEST_ADDRESS: usize = 1024;

/// Statuses that are right.
const MOST_STATUSES: usize = 20;

/// The longest time that a command may take: less than after what the outcome of a step counts as unknown.
const LONGEST_TIMEOUT: Span = Span::from_secs(600);

pub(super) fn ssh(node: &Node, faults: &mut Faults) -> Option<SshStep> {
    let fields = Fields::of(node, &SSH, faults)?;
    let address = fields.optional("address", faults, |node, faults| {
        bounded(node.some_text("address", faults)?, LONGEST_ADDRESS, "address", node, faults)
    });
    let port = fields.optional("port", faults, |node, faults| node.whole("port", 1..=65535, faults));
    let login = fields.require("login", faults).and_then(|node| node.name("login", faults));
    let key = fields.optional("hostKey", faults, host_key);
    let run = fields
        .require("run", faults)
        .and_then(|node| bounded(node.some_text("run", faults)?, LONGEST_COMMAND, "run", node, faults));
    let input = fields.optional("input", faults, |node, faults| super::http::told(node, "input", faults));
    let expect = fields.optional("expect", faults, expect);
    let timeout = fields.optional("timeout", faults, |node, faults| {
        let timeout = node.some_span("timeout", faults)?;
        if timeout > LONGEST_TIMEOUT {
            node.fault(format!("`timeout` must not be more than {LONGEST_TIMEOUT}"), faults);
            return None;
        }
        Some(timeout)
    });
    let idempotent = fields.optional("idempotent", faults, |node, faults| node.boolean("idempotent", faults));
    Some(SshStep {
        address: address?,
        port: port?.unwrap_or(SshStep::DEFAULT_PORT),
        login: login?,
        host_key: key?,
        run: run?,
        input: input?,
        expect: expect?.unwrap_or_default(),
        timeout: timeout?.unwrap_or(SshStep::DEFAULT_TIMEOUT),
        idempotent: idempotent?.unwrap_or_default(),
    })
}

fn expect(node: &Node, faults: &mut Faults) -> Option<SshExpect> {
    let fields = Fields::of(node, &EXPECT, faults)?;
    let status = |node: &Node, faults: &mut Faults| node.whole("status", 0..=255, faults);
    let statuses = fields.optional("status", faults, |node, faults| {
        if node.is_list() {
            return node.some_list("status", MOST_STATUSES, faults, status);
        }
        status(node, faults).map(|status| vec![status])
    });
    let output = fields.optional("output", faults, |node, faults| pattern(node, "output", faults));
    let closed = fields.optional("closed", faults, |node, faults| node.boolean("closed", faults));
    let SshExpect { status, .. } = SshExpect::default();
    Some(SshExpect {
        status: statuses?.unwrap_or(status),
        output: output?,
        closed: closed?.unwrap_or_default(),
    })
}

pub(super) fn deploy(node: &Node, faults: &mut Faults) -> Option<Deploy> {
    let fields = Fields::of(node, &DEPLOY, faults)?;
    let profile = fields.require("profile", faults).and_then(|node| node.name("profile", faults));
    let boot = fields.optional("boot", faults, |node, faults| {
        node.word("boot", "how often a profile is booted", REPEATS, &[], faults)
    });
    let deadline = fields.optional("deadline", faults, |node, faults| node.some_span("deadline", faults));
    let timeout = fields.optional("timeout", faults, |node, faults| node.some_span("timeout", faults));
    Some(Deploy {
        profile: profile?,
        boot: boot?.unwrap_or_default(),
        deadline: deadline?,
        timeout: timeout?,
    })
}
