//! The description of an XClarity Controller: JSON.

use serde_json::Value;

use super::{Descriptor, DescriptorKind, text};
use crate::Maker;

/// Reads it: a list with one description, or the description itself.
pub(super) fn read(json: &str) -> Option<Descriptor> {
    let read: Value = serde_json::from_str(json).ok()?;
    let description = read.get(0).unwrap_or(&read);
    let told = |name: &str| description[name].as_str().and_then(text);
    let model = told("enclosure-machinetype-model").or_else(|| told("machinetype-model"));
    let serial = told("enclosure-serial-number").or_else(|| told("serial-number"));
    let kind = told("type");
    if model.is_none() && serial.is_none() && kind.is_none() {
        return None;
    }
    let mut found = Descriptor::new(DescriptorKind::Xcc, Maker::LENOVO);
    (found.model, found.serial) = (model, serial);
    // The variant is a number, or a text that is one.
    let variant = &description["xcc-variant"];
    let variant = variant.as_u64().or_else(|| variant.as_str()?.trim().parse().ok());
    found.product = Some(match variant {
        Some(generation @ 2..=9) => format!("XCC{generation}"),
        _ => "XCC".to_owned(),
    });
    Some(found)
}
