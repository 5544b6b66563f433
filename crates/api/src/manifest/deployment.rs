//! Reading the spec of a `Deployment`.

use super::condition::bounded;
use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::tree::Node;
use crate::{BootRepeat, DeploymentSpec};

pub(super) const DEPLOYMENT: Shape = Shape {
    what: "the spec of a Deployment",
    fields: &["host", "profile", "boot", "deadline", "request"],
    planned: &[],
};

pub(super) const REPEATS: &[(&str, BootRepeat)] =
    &[("once", BootRepeat::Once), ("always", BootRepeat::Always)];

/// The longest word of whoever asks, in bytes.
const LONGEST_REQUEST: usize = 100;

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<DeploymentSpec> {
    let fields = Fields::of(node, &DEPLOYMENT, faults)?;
    let host = fields.require("host", faults).and_then(|node| node.name("host", faults));
    let profile = fields.require("profile", faults).and_then(|node| node.name("profile", faults));
    let boot = fields.optional("boot", faults, |node, faults| {
        node.word("boot", "how often a profile is booted", REPEATS, &[], faults)
    });
    let deadline = fields.optional("deadline", faults, |node, faults| node.some_span("deadline", faults));
    let request = fields.optional("request", faults, |node, faults| {
        bounded(node.some_text("request", faults)?, LONGEST_REQUEST, "request", node, faults)
    });
    Some(DeploymentSpec {
        host: host?,
        profile: profile?,
        boot: boot?.unwrap_or_default(),
        deadline: deadline?,
        request: request?,
    })
}
