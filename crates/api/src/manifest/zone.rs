//! Reading the specs of a `Zone` and a `Cluster`.

use super::check::health;
use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::settings;
use super::tree::Node;
use crate::{ClusterSpec, ZoneSpec};

pub(super) const ZONE: Shape = Shape { what: "the spec of a Zone", fields: &["settings"], planned: &[] };

pub(super) const CLUSTER: Shape =
    Shape { what: "the spec of a Cluster", fields: &["zone", "health", "settings"], planned: &[] };

pub(super) fn read_zone(node: &Node, faults: &mut Faults) -> Option<ZoneSpec> {
    let fields = Fields::of(node, &ZONE, faults)?;
    let settings = fields.optional("settings", faults, settings::of_host);
    Some(ZoneSpec { settings: settings?.unwrap_or_default() })
}

pub(super) fn read_cluster(node: &Node, faults: &mut Faults) -> Option<ClusterSpec> {
    let fields = Fields::of(node, &CLUSTER, faults)?;
    let zone = fields.optional("zone", faults, |node, faults| node.name("zone", faults));
    let health = fields.optional("health", faults, health);
    let settings = fields.optional("settings", faults, settings::of_host);
    Some(ClusterSpec {
        zone: zone?,
        health: health?.unwrap_or_default(),
        settings: settings?.unwrap_or_default(),
    })
}
