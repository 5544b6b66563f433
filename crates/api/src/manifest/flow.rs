//! Reading the spec of a `Flow`.

use super::condition::{CONDITION, POWER_STATES, POWER_TO_BEGIN, bounded, condition, pattern, reach};
use super::fault::{Faults, nearest};
use super::fields::{Fields, Shape};
use super::metadata::labels;
use super::tree::{Content, Entry, Node};
use crate::{
    BootDevice, BootDeviceStep, Condition, Example, FlowSpec, Limits, PowerAction, Select, Span, Step,
    Verify, WaitFor, When,
};

pub(super) const FLOW: Shape = Shape {
    what: "the spec of a Flow",
    fields: &["select", "when", "priority", "do", "verify", "limits", "examples"],
    planned: &["onFailure"],
};

pub(super) const SELECT: Shape =
    Shape { what: "`select`", fields: &["labels"], planned: &["cluster", "vendor", "model"] };

pub(super) const WHEN: Shape = Shape {
    what: "`when`",
    fields: &[
        "screen",
        "screenKind",
        "unchangedFor",
        "power",
        "reach",
        "all",
        "any",
        "not",
        "unless",
        "stable",
    ],
    planned: CONDITION.planned,
};

pub(super) const WAIT_FOR: Shape = Shape { what: "`waitFor`", fields: WAITED, planned: CONDITION.planned };

pub(super) const VERIFY: Shape = Shape { what: "`verify`", fields: WAITED, planned: CONDITION.planned };

const WAITED: &[&str] =
    &["screen", "screenKind", "unchangedFor", "power", "reach", "all", "any", "not", "timeout"];

pub(super) const LIMITS: Shape = Shape { what: "`limits`", fields: &["attempts", "cooldown"], planned: &[] };

pub(super) const EXAMPLE: Shape = Shape {
    what: "an example",
    fields: &["picture", "text", "power", "reach", "unchangedFor", "matches"],
    planned: &["serial"],
};

const BOOT_DEVICE: Shape =
    Shape { what: "`bootDevice`", fields: &["device", "persistent", "uefi"], planned: &[] };

/// The kinds of step that this version does.
const STEPS: &[&str] = &["keys", "power", "bootDevice", "waitFor", "sleep", "snapshot"];

/// Kinds of step that people may have read of, and that this version does not do.
const PLANNED_STEPS: &[&str] =
    &["http", "ipmiRaw", "ssh", "deploy", "serial", "notify", "approve", "call", "repeat", "choose"];

const POWER_ACTIONS: &[(&str, PowerAction)] = &[
    (PowerAction::On.as_str(), PowerAction::On),
    (PowerAction::Off.as_str(), PowerAction::Off),
    (PowerAction::Cycle.as_str(), PowerAction::Cycle),
    (PowerAction::Reset.as_str(), PowerAction::Reset),
    (PowerAction::Soft.as_str(), PowerAction::Soft),
    (PowerAction::Nmi.as_str(), PowerAction::Nmi),
];

const BOOT_DEVICES: &[(&str, BootDevice)] = &[
    (BootDevice::None.as_str(), BootDevice::None),
    (BootDevice::Pxe.as_str(), BootDevice::Pxe),
    (BootDevice::Disk.as_str(), BootDevice::Disk),
    (BootDevice::Cdrom.as_str(), BootDevice::Cdrom),
    (BootDevice::Bios.as_str(), BootDevice::Bios),
];

/// The longest text of a `keys` step, in bytes: what a BMC types in minutes, not in hours.
const LONGEST_KEYS: usize = 4096;

/// Steps of one flow.
const MOST_STEPS: usize = 100;

/// Examples of one flow.
const MOST_EXAMPLES: usize = 1000;

/// Which hosts, by their labels.
pub(super) fn select(node: &Node, faults: &mut Faults) -> Option<Select> {
    let fields = Fields::of(node, &SELECT, faults)?;
    let labels = fields.optional("labels", faults, labels)?;
    Some(Select { labels: labels.unwrap_or_default() })
}

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<FlowSpec> {
    let fields = Fields::of(node, &FLOW, faults)?;
    let select = fields.optional("select", faults, select);
    let when = fields.require("when", faults).and_then(|node| when(node, faults));
    let priority = fields.optional("priority", faults, |node, faults| {
        node.whole("priority", i64::from(i32::MIN)..=i64::from(i32::MAX), faults)
    });
    let steps = fields.require("do", faults).and_then(|node| node.some_list("do", MOST_STEPS, faults, step));
    let verify = fields.require("verify", faults).and_then(|node| {
        let (condition, timeout) = awaited(node, &VERIFY, faults)?;
        Some(Verify { condition, timeout })
    });
    let limits = fields.optional("limits", faults, limits);
    let examples = fields
        .optional("examples", faults, |node, faults| node.list("examples", MOST_EXAMPLES, faults, example));
    Some(FlowSpec {
        select: select?.unwrap_or_default(),
        when: when?,
        priority: priority?.unwrap_or_default(),
        steps: steps?,
        verify: verify?,
        limits: limits?.unwrap_or_default(),
        examples: examples?.unwrap_or_default(),
    })
}

fn when(node: &Node, faults: &mut Faults) -> Option<When> {
    let fields = Fields::of(node, &WHEN, faults)?;
    let condition = condition(&fields, POWER_TO_BEGIN, 0, faults);
    let unless = fields.optional("unless", faults, |node, faults| pattern(node, "unless", faults));
    let stable = fields.optional("stable", faults, |node, faults| node.whole("stable", 1..=100, faults));
    let condition = condition?;
    if !condition.needs_screen() {
        let hint = "name a `screen`, a `screenKind` or `unchangedFor`, outside of `not`".to_owned();
        fields.fault("`when` names nothing that the screen must show".to_owned(), Some(hint), faults);
        return None;
    }
    Some(When { condition, unless: unless?, stable: stable?.unwrap_or(When::DEFAULT_STABLE) })
}

fn step(node: &Node, faults: &mut Faults) -> Option<Step> {
    let entry = match &node.content {
        Content::Mapping(entries) => match &entries[..] {
            [entry] => entry,
            entries => {
                let message = format!("a step has one field, not {}", entries.len());
                faults.add(node.place, message, Some("write each step as an item of its own".to_owned()));
                return None;
            }
        },
        Content::Refused => return None,
        other => {
            let message = format!("a step must be a mapping, not {}", other.named());
            faults.add(node.place, message, Some(format!("one of: {}", STEPS.join(", "))));
            return None;
        }
    };
    let Entry { key, place, value } = entry;
    match key.as_str() {
        "keys" => {
            let keys = value.some_text("keys", faults)?;
            bounded(keys, LONGEST_KEYS, "keys", value, faults).map(Step::Keys)
        }
        "power" => value.word("power", "a power action", POWER_ACTIONS, &[], faults).map(Step::Power),
        "bootDevice" => boot_device(value, faults).map(Step::BootDevice),
        "waitFor" => {
            let (condition, timeout) = awaited(value, &WAIT_FOR, faults)?;
            Some(Step::WaitFor(WaitFor { condition, timeout }))
        }
        "sleep" => value.some_span("sleep", faults).map(Step::Sleep),
        "snapshot" => match value.content {
            Content::Null => Some(Step::Snapshot(None)),
            _ => value.text("snapshot", faults).map(|note| Step::Snapshot(Some(note.to_owned()))),
        },
        planned if PLANNED_STEPS.contains(&planned) => {
            let hint = format!("available: {}", STEPS.join(", "));
            faults.add(*place, format!("step `{key}` is not available in this version"), Some(hint));
            None
        }
        unknown => {
            let hint = match nearest(unknown, STEPS.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("one of: {}", STEPS.join(", ")),
            };
            faults.add(*place, format!("`{key}` is not a step"), Some(hint));
            None
        }
    }
}

fn boot_device(node: &Node, faults: &mut Faults) -> Option<BootDeviceStep> {
    let device = |node: &Node, faults: &mut Faults| {
        node.word("boot device", "a boot device", BOOT_DEVICES, &["http"], faults)
    };
    if !matches!(node.content, Content::Mapping(_)) {
        return device(node, faults).map(BootDeviceStep::Once);
    }
    let fields = Fields::of(node, &BOOT_DEVICE, faults)?;
    let device = fields.require("device", faults).and_then(|node| device(node, faults));
    let persistent = fields.optional("persistent", faults, |node, faults| node.boolean("persistent", faults));
    let uefi = fields.optional("uefi", faults, |node, faults| node.boolean("uefi", faults));
    Some(BootDeviceStep::Full {
        device: device?,
        persistent: persistent?.unwrap_or_default(),
        uefi: uefi?.unwrap_or_default(),
    })
}

/// What is waited for, by a step or by the proof, and for how long.
fn awaited(node: &Node, shape: &'static Shape, faults: &mut Faults) -> Option<(Condition, Span)> {
    let fields = Fields::of(node, shape, faults)?;
    let condition = condition(&fields, POWER_STATES, 0, faults);
    let timeout = fields.require("timeout", faults).and_then(|node| node.some_span("timeout", faults));
    Some((condition?, timeout?))
}

fn limits(node: &Node, faults: &mut Faults) -> Option<Limits> {
    let fields = Fields::of(node, &LIMITS, faults)?;
    let attempts =
        fields.optional("attempts", faults, |node, faults| node.whole("attempts", 1..=100, faults));
    let cooldown = fields.optional("cooldown", faults, |node, faults| node.span("cooldown", faults));
    let default = Limits::default();
    Some(Limits {
        attempts: attempts?.unwrap_or(default.attempts),
        cooldown: cooldown?.unwrap_or(default.cooldown),
    })
}

fn example(node: &Node, faults: &mut Faults) -> Option<Example> {
    let fields = Fields::of(node, &EXAMPLE, faults)?;
    let text = |node: &Node, field: &str, faults: &mut Faults| node.text(field, faults).map(str::to_owned);
    let picture = fields.optional("picture", faults, |node, faults| text(node, "picture", faults));
    let screen = fields.optional("text", faults, |node, faults| text(node, "text", faults));
    let power = fields.optional("power", faults, |node, faults| {
        node.word("power", "a power state of an example", POWER_STATES, &[], faults)
    });
    let reach = fields.optional("reach", faults, reach);
    let unchanged_for =
        fields.optional("unchangedFor", faults, |node, faults| node.some_span("unchangedFor", faults));
    let matches = fields.require("matches", faults).and_then(|node| node.boolean("matches", faults));
    let (picture, text) = (picture?, screen?);
    if picture.is_some() == text.is_some() {
        fields.fault("an example has either `picture` or `text`".to_owned(), None, faults);
        return None;
    }
    Some(Example {
        picture,
        text,
        power: power?,
        reach: reach?,
        unchanged_for: unchanged_for?,
        matches: matches?,
    })
}
