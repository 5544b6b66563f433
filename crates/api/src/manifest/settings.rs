//! Reading settings, wherever they stand.

use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::tree::Node;
use crate::{ConsoleLog, Metadata, SettingScope, SettingValue, Settings, SettingsSpec};

pub(super) const SETTINGS: Shape = Shape { what: "settings", fields: Settings::NAMES, planned: &[] };

/// The spec of `Settings`; there is one of that kind, under its own name.
pub(super) fn read(node: &Node, metadata: Option<&Metadata>, faults: &mut Faults) -> Option<SettingsSpec> {
    if let Some(metadata) = metadata
        && metadata.name.as_str() != Settings::GLOBAL
    {
        let message = format!("there is one Settings, named `{}`, not `{}`", Settings::GLOBAL, metadata.name);
        let hint = "settings of one zone, cluster or host stand in its own `spec.settings`".to_owned();
        faults.add(node.place, message, Some(hint));
    }
    settings(node, SettingScope::Global, faults)
}

/// The settings of a host, or of a cluster or zone for its hosts.
pub(super) fn of_host(node: &Node, faults: &mut Faults) -> Option<SettingsSpec> {
    settings(node, SettingScope::Host, faults)
}

fn settings(node: &Node, here: SettingScope, faults: &mut Faults) -> Option<SettingsSpec> {
    let fields = Fields::of(node, &SETTINGS, faults)?;
    let mut read = SettingsSpec::default();
    let mut sound = true;
    for (&name, definition) in Settings::NAMES.iter().zip(Settings::definitions()) {
        let Some(node) = fields.get(name) else { continue };
        if here == SettingScope::Host && definition.scope == SettingScope::Global {
            let message = format!("`{name}` is a setting of the server as a whole");
            let hint = format!("set it in the Settings named `{}`", Settings::GLOBAL);
            faults.add(node.place, message, Some(hint));
            sound = false;
            continue;
        }
        let value = match definition.default {
            SettingValue::Time(_) => node.span(name, faults).map(SettingValue::Time),
            SettingValue::Count(_) => {
                node.whole(name, 0..=i64::from(u32::MAX), faults).map(SettingValue::Count)
            }
            SettingValue::Console(_) => {
                node.word(name, "a time", &ConsoleLog::WORDS, &[], faults).map(SettingValue::Console)
            }
        };
        let Some(value) = value else {
            sound = false;
            continue;
        };
        read.set(name, value);
        if let Some(wrong) = read.out_of_range().iter().find(|wrong| wrong.name == name) {
            let hint = format!("the default is {}", definition.default);
            faults.add(node.place, wrong.to_string(), Some(hint));
            sound = false;
        }
    }
    sound.then_some(read)
}
