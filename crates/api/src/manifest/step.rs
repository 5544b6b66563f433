//! Reading the steps of a flow.

pub(super) mod http;
pub(super) mod machine;
pub(super) mod tell;

use super::condition::{CONDITION, bounded, condition};
use super::fault::{Faults, nearest};
use super::fields::{Fields, Shape};
use super::flow::{WAITED, awaited};
use super::tree::{Content, Entry, Node};
use crate::{
    Approve, BootDevice, BootDeviceStep, Branch, Call, Choose, Condition, PowerAction, Repeat, Step, WaitFor,
};

pub(super) const WAIT_FOR: Shape = Shape { what: "`waitFor`", fields: WAITED, planned: CONDITION.planned };

const BOOT_DEVICE: Shape =
    Shape { what: "`bootDevice`", fields: &["device", "persistent", "uefi"], planned: &[] };

pub(super) const CHOOSE: Shape =
    Shape { what: "`choose`", fields: &["branches", "otherwise", "timeout"], planned: &[] };

pub(super) const BRANCH: Shape = Shape { what: "a branch", fields: &["when", "do"], planned: &[] };

pub(super) const REPEAT: Shape =
    Shape { what: "`repeat`", fields: &["do", "until", "times", "timeout"], planned: &[] };

pub(super) const APPROVE: Shape = Shape { what: "`approve`", fields: &["ask", "timeout"], planned: &[] };

/// The longest question to a person, in bytes: it stands in an event.
const LONGEST_QUESTION: usize = 500;

const CALL: Shape = Shape { what: "`call`", fields: &["flow"], planned: &[] };

/// The kinds of step that this version does.
const STEPS: &[&str] = &[
    "keys",
    "power",
    "bootDevice",
    "waitFor",
    "sleep",
    "snapshot",
    "choose",
    "repeat",
    "call",
    "approve",
    "http",
    "notify",
    "serial",
    "ipmiRaw",
    "ssh",
    "deploy",
];

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
pub(super) const LONGEST_KEYS: usize = 4096;

/// Steps of one flow.
const MOST_STEPS: usize = 100;

/// Steps within steps: deeper ones nobody can follow.
const DEEPEST: usize = 4;

/// Branches of one `choose`.
const MOST_BRANCHES: usize = 20;

/// A list of steps that is not empty.
pub(super) fn steps(node: &Node, field: &str, depth: usize, faults: &mut Faults) -> Option<Vec<Step>> {
    if depth > DEEPEST {
        node.fault(format!("steps stand {depth} deep within steps, and may {DEEPEST}"), faults);
        return None;
    }
    node.some_list(field, MOST_STEPS, faults, |node, faults| step(node, depth, faults))
}

pub(super) fn step(node: &Node, depth: usize, faults: &mut Faults) -> Option<Step> {
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
        "choose" => choose(value, depth, faults).map(Step::Choose),
        "repeat" => repeat(value, depth, faults).map(Step::Repeat),
        "call" => call(value, faults).map(Step::Call),
        "approve" => approve(value, faults).map(Step::Approve),
        "notify" => tell::notify(value, faults).map(Step::Notify),
        "serial" => tell::serial(value, faults).map(Step::Serial),
        "ipmiRaw" => tell::ipmi_raw(value, faults).map(Step::IpmiRaw),
        "ssh" => machine::ssh(value, faults).map(|step| Step::Ssh(Box::new(step))),
        "deploy" => machine::deploy(value, faults).map(Step::Deploy),
        "http" => http::http(value, faults).map(|step| Step::Http(Box::new(step))),
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

fn choose(node: &Node, depth: usize, faults: &mut Faults) -> Option<Choose> {
    let fields = Fields::of(node, &CHOOSE, faults)?;
    let branches = fields.require("branches", faults).and_then(|node| {
        node.some_list("branches", MOST_BRANCHES, faults, |node, faults| branch(node, depth, faults))
    });
    let otherwise =
        fields.optional("otherwise", faults, |node, faults| steps(node, "otherwise", depth + 1, faults));
    let timeout = fields.optional("timeout", faults, |node, faults| node.some_span("timeout", faults));
    Some(Choose {
        branches: branches?,
        otherwise: otherwise?,
        timeout: timeout?.unwrap_or(Choose::DEFAULT_TIMEOUT),
    })
}

fn branch(node: &Node, depth: usize, faults: &mut Faults) -> Option<Branch> {
    let fields = Fields::of(node, &BRANCH, faults)?;
    let when = fields.require("when", faults).and_then(|node| nested(node, faults));
    let steps = fields.require("do", faults).and_then(|node| steps(node, "do", depth + 1, faults));
    Some(Branch { when: when?, steps: steps? })
}

fn repeat(node: &Node, depth: usize, faults: &mut Faults) -> Option<Repeat> {
    let fields = Fields::of(node, &REPEAT, faults)?;
    let steps = fields.require("do", faults).and_then(|node| steps(node, "do", depth + 1, faults));
    let until = fields.require("until", faults).and_then(|node| nested(node, faults));
    let times = fields.require("times", faults).and_then(|node| node.whole("times", 1..=100, faults));
    let timeout = fields.require("timeout", faults).and_then(|node| node.some_span("timeout", faults));
    Some(Repeat { steps: steps?, until: until?, times: times?, timeout: timeout? })
}

/// A name, or what the server makes of one.
fn call(node: &Node, faults: &mut Faults) -> Option<Call> {
    if !node.is_mapping() {
        return node.name("call", faults).map(Call::Named);
    }
    let fields = Fields::of(node, &CALL, faults)?;
    fields.require("flow", faults).and_then(|node| node.name("flow", faults)).map(Call::Named)
}

fn approve(node: &Node, faults: &mut Faults) -> Option<Approve> {
    let fields = Fields::of(node, &APPROVE, faults)?;
    let ask = fields
        .require("ask", faults)
        .and_then(|node| bounded(node.some_text("ask", faults)?, LONGEST_QUESTION, "ask", node, faults));
    let timeout = fields.require("timeout", faults).and_then(|node| node.some_span("timeout", faults));
    Some(Approve { ask: ask?, timeout: timeout? })
}

/// A condition in a field of its own.
fn nested(node: &Node, faults: &mut Faults) -> Option<Condition> {
    let fields = Fields::of(node, &CONDITION, faults)?;
    condition(&fields, 0, faults)
}
