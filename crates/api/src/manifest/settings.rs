//! Reading settings, wherever they stand.

use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::tree::Node;
use crate::quiet::WrittenWindow;
use crate::{
    ConsoleLog, LabelKey, Metadata, QuietHours, QuietWindow, RecoveryMode, SettingScope, SettingValue,
    Settings, SettingsSpec,
};

pub(super) const SETTINGS: Shape = Shape { what: "settings", fields: Settings::NAMES, planned: &[] };

pub(super) const QUIET_WINDOW: Shape =
    Shape { what: "a window of `quietHours`", fields: &["days", "from", "to", "timeZone"], planned: &[] };

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
            SettingValue::Mode(_) => {
                node.word(name, "a mode", &RecoveryMode::WORDS, &[], faults).map(SettingValue::Mode)
            }
            SettingValue::Label(_) => label_key(node, name, faults).map(SettingValue::Label),
            SettingValue::Quiet(_) => quiet_hours(node, name, faults).map(SettingValue::Quiet),
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

fn label_key(node: &Node, name: &str, faults: &mut Faults) -> Option<LabelKey> {
    let text = node.some_text(name, faults)?.to_owned();
    LabelKey::try_from(text).map_err(|error| faults.add(node.place, error.to_string(), None)).ok()
}

/// Windows in which nothing begins without a person.
fn quiet_hours(node: &Node, name: &str, faults: &mut Faults) -> Option<QuietHours> {
    let windows = node.list(name, usize::MAX, faults, quiet_window)?;
    QuietHours::try_from(windows).map_err(|error| faults.add(node.place, error.to_string(), None)).ok()
}

fn quiet_window(node: &Node, faults: &mut Faults) -> Option<QuietWindow> {
    let fields = Fields::of(node, &QUIET_WINDOW, faults)?;
    let text =
        |node: &Node, field: &str, faults: &mut Faults| node.some_text(field, faults).map(str::to_owned);
    let days = fields.optional("days", faults, |node, faults| text(node, "days", faults));
    let from = fields.require("from", faults).and_then(|node| text(node, "from", faults));
    let to = fields.require("to", faults).and_then(|node| text(node, "to", faults));
    let time_zone = fields.optional("timeZone", faults, |node, faults| text(node, "timeZone", faults));
    let written = WrittenWindow { days: days?, from: from?, to: to?, time_zone: time_zone? };
    QuietWindow::try_from(written).map_err(|error| faults.add(node.place, error.to_string(), None)).ok()
}
