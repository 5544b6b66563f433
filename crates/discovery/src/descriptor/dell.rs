//! The descriptions of iDRACs: JSON.

use serde_json::Value;

use super::{Descriptor, DescriptorKind, text};
use crate::Maker;

/// Reads that of an iDRAC 9 or later.
pub(super) fn read(json: &str) -> Option<Descriptor> {
    let read: Value = serde_json::from_str(json).ok()?;
    let attributes = read.get("Attributes").filter(|attributes| attributes.get("FwVer").is_some())?;
    let told = |name: &str| attributes[name].as_str().and_then(text);
    let mut found = Descriptor::new(DescriptorKind::Idrac, Maker::DELL);
    found.firmware = told("FwVer");
    found.model = told("SystemModelName");
    // The description came with iDRAC 9; which of the later ones it is, the generation of the machine tells.
    let generation = told("ServerGen").and_then(|machine| machine.trim_end_matches('G').parse::<u32>().ok());
    let is_late = generation.is_some_and(|machine| machine >= 17);
    found.product = Some(if is_late { "iDRAC 10" } else { "iDRAC 9" }.to_owned());
    Some(found)
}

/// Reads that of an iDRAC 7 or 8. Which of the two it is, it does not say.
pub(super) fn read_old(json: &str) -> Option<Descriptor> {
    let read: Value = serde_json::from_str(json).ok()?;
    let properties = read.get("aimGetProp").filter(|properties| properties.get("fwVersion").is_some())?;
    let told = |name: &str| properties[name].as_str().and_then(text);
    let mut found = Descriptor::new(DescriptorKind::OldIdrac, Maker::DELL);
    found.firmware = told("fwVersion");
    found.model = told("sysDesc");
    found.product = Some("iDRAC".to_owned());
    Some(found)
}
