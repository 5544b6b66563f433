//! Reading `metadata`, and labels wherever they are.

use std::collections::BTreeMap;

use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::tree::Node;
use crate::{Metadata, Timestamp};

pub(super) const METADATA: Shape =
    Shape { what: "metadata", fields: &["name", "labels", "resourceVersion", "createdAt"], planned: &[] };

/// Labels of one resource.
const MOST_LABELS: usize = 64;

/// The longest key or value of a label, in bytes.
const LONGEST_LABEL: usize = 128;

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<Metadata> {
    let fields = Fields::of(node, &METADATA, faults)?;
    let name = fields.require("name", faults).and_then(|node| node.name("name", faults));
    let labels = fields.optional("labels", faults, labels);
    let resource_version = fields.optional("resourceVersion", faults, |node, faults| {
        node.whole("resourceVersion", 0..=i64::MAX, faults)
    });
    let created_at = fields.optional("createdAt", faults, |node, faults| {
        let text = node.text("createdAt", faults)?;
        text.parse::<Timestamp>()
            .map_err(|error| faults.add(node.place, format!("`createdAt`: {error}"), None))
            .ok()
    });
    Some(Metadata {
        name: name?,
        labels: labels?.unwrap_or_default(),
        resource_version: resource_version?,
        created_at: created_at?,
    })
}

/// Labels, each of which a selector can name.
pub(super) fn labels(node: &Node, faults: &mut Faults) -> Option<BTreeMap<String, String>> {
    let entries = node.entries("labels", faults)?;
    if entries.len() > MOST_LABELS {
        let message = format!("`labels` has {} entries, and may have {MOST_LABELS}", entries.len());
        faults.add(node.place, message, None);
        return None;
    }
    let read: Vec<Option<(String, String)>> = entries
        .iter()
        .map(|entry| {
            let key = !entry.key.is_empty() && selectable(&entry.key);
            if !key {
                let hint = "without blanks and without any of , = ! ( )".to_owned();
                faults.add(entry.place, format!("`{}` cannot be the key of a label", entry.key), Some(hint));
            }
            let value = entry.value.text(&entry.key, faults)?;
            if !selectable(value) {
                let hint = "without blanks and without any of , = ! ( )".to_owned();
                faults.add(
                    entry.value.place,
                    format!("`{value}` cannot be the value of a label"),
                    Some(hint),
                );
                return None;
            }
            key.then(|| (entry.key.clone(), value.to_owned()))
        })
        .collect();
    read.into_iter().collect()
}

fn selectable(word: &str) -> bool {
    word.len() <= LONGEST_LABEL
        && !word.contains(|c: char| c.is_whitespace() || c.is_control() || ",=!()".contains(c))
}
