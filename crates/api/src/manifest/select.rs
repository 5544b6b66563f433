//! Reading which hosts something is about.

use super::condition::bounded;
use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::metadata::labels;
use super::tree::Node;
use crate::{HostSelect, Labels, Name, Select};

pub(super) const SELECT: Shape =
    Shape { what: "`select`", fields: &["labels"], planned: &["cluster", "zone"] };

pub(super) const HOST_SELECT: Shape =
    Shape { what: "`select`", fields: &["labels", "cluster", "zone", "vendor", "model"], planned: &[] };

/// Clusters, or zones, that one selection names.
const MOST_NAMES: usize = 100;

/// Which hosts, by their labels.
pub(super) fn select(node: &Node, faults: &mut Faults) -> Option<Select> {
    let fields = Fields::of(node, &SELECT, faults)?;
    let labels = fields.optional("labels", faults, labels)?;
    Some(Select { labels: labels.unwrap_or_default() })
}

/// Which hosts, by labels and places.
pub(super) fn host_select(node: &Node, faults: &mut Faults) -> Option<HostSelect> {
    let fields = Fields::of(node, &HOST_SELECT, faults)?;
    let labels = fields.optional("labels", faults, |node, faults| {
        if node.is_mapping() {
            return labels(node, faults).map(Labels::Exactly);
        }
        let text = node.text("labels", faults)?;
        let selector = text.parse().map_err(|error| node.fault(format!("`labels`: {error}"), faults));
        selector.ok().map(Labels::Selector)
    });
    let cluster = fields.optional("cluster", faults, |node, faults| names(node, "cluster", faults));
    let zone = fields.optional("zone", faults, |node, faults| names(node, "zone", faults));
    let vendor = fields.optional("vendor", faults, |node, faults| globs(node, "vendor", faults));
    let model = fields.optional("model", faults, |node, faults| globs(node, "model", faults));
    Some(HostSelect {
        vendor: vendor?.unwrap_or_default(),
        model: model?.unwrap_or_default(),
        labels: labels?.unwrap_or_default(),
        cluster: cluster?.unwrap_or_default(),
        zone: zone?.unwrap_or_default(),
    })
}

/// The longest pattern of a vendor or a model, in bytes.
const LONGEST_GLOB: usize = 200;

/// One pattern of a vendor or a model, or a list of them.
fn globs(node: &Node, field: &str, faults: &mut Faults) -> Option<Vec<String>> {
    let glob = |node: &Node, faults: &mut Faults| {
        let text = node.some_text(field, faults)?;
        bounded(text, LONGEST_GLOB, field, node, faults)
    };
    if node.is_list() {
        return node.some_list(field, MOST_NAMES, faults, glob);
    }
    glob(node, faults).map(|glob| vec![glob])
}

/// One name, or a list of them.
fn names(node: &Node, field: &str, faults: &mut Faults) -> Option<Vec<Name>> {
    if node.is_list() {
        return node.some_list(field, MOST_NAMES, faults, |node, faults| node.name(field, faults));
    }
    node.name(field, faults).map(|name| vec![name])
}
