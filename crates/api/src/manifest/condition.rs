//! Reading the conditions of a flow.

use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::tree::Node;
use crate::{
    CheckIn, CheckIs, CheckState, Condition, DeploymentIn, DeploymentIs, DeploymentPhase, EventPattern,
    EventSource, PatternWithin, PowerState, Reach, Region, ScreenKind, ScreenPattern, SerialPattern,
    SerialWithin,
};

/// A condition below `all`, `any` or `not`.
pub(super) const CONDITION: Shape = Shape {
    what: "a condition",
    fields: &[
        "screen",
        "screenKind",
        "unchangedFor",
        "power",
        "reach",
        "ping",
        "heartbeat",
        "check",
        "event",
        "serial",
        "deployment",
        "since",
        "all",
        "any",
        "not",
    ],
    planned: &["phoneHome"],
};

pub(super) const PATTERN: Shape =
    Shape { what: "`screen`", fields: &["pattern", "region", "minConfidence"], planned: &[] };

pub(super) const CHECK_IN: Shape = Shape { what: "`check`", fields: &["name", "state"], planned: &[] };

pub(super) const EVENT: Shape =
    Shape { what: "`event`", fields: &["source", "pattern", "within"], planned: &[] };

pub(super) const SERIAL: Shape = Shape { what: "`serial`", fields: &["pattern", "within"], planned: &[] };

const EVENT_SOURCES: &[(&str, EventSource)] = &[("sel", EventSource::Sel), ("redfish", EventSource::Redfish)];

/// What can be waited for; what is not known is no state that anything may hang on.
const CHECK_STATES: &[(&str, CheckState)] =
    &[("passing", CheckState::Passing), ("failing", CheckState::Failing)];

pub(super) const DEPLOYMENT_IN: Shape =
    Shape { what: "`deployment`", fields: &["phase", "since", "overdue"], planned: &[] };

pub(super) const PHASES: &[(&str, DeploymentPhase)] = &[
    (DeploymentPhase::Waiting.as_str(), DeploymentPhase::Waiting),
    (DeploymentPhase::Booting.as_str(), DeploymentPhase::Booting),
    (DeploymentPhase::Booted.as_str(), DeploymentPhase::Booted),
    (DeploymentPhase::Stopped.as_str(), DeploymentPhase::Stopped),
];

pub(super) const REGION: Shape = Shape { what: "`region`", fields: &["rows", "columns"], planned: &[] };

/// The power states that can be waited for.
pub(super) const POWER_STATES: &[(&str, PowerState)] = &[("on", PowerState::On), ("off", PowerState::Off)];

const REACHES: &[(&str, Reach)] = &[
    ("ok", Reach::Ok),
    ("unreachable", Reach::Unreachable),
    ("auth_failed", Reach::AuthFailed),
    ("protocol_error", Reach::ProtocolError),
    ("throttled", Reach::Throttled),
    ("not_trusted", Reach::NotTrusted),
];

/// What can be waited for; a picture is not read with certainty, and nothing is done about what is not.
const SCREEN_KINDS: &[(&str, ScreenKind)] = &[("blank", ScreenKind::Blank), ("text", ScreenKind::Text)];

/// The longest pattern, in bytes: more than a screen of 80 by 25 characters holds.
const LONGEST_PATTERN: usize = 4096;

/// Conditions in one `all` or `any`.
const MOST_PARTS: usize = 50;

/// Conditions within conditions: deeper ones nobody can follow.
const DEEPEST: usize = 6;

/// The rows, or columns, of the largest screen.
const MOST_CELLS: i64 = 1000;

/// The condition among the fields of a mapping.
pub(super) fn condition(fields: &Fields<'_>, depth: usize, faults: &mut Faults) -> Option<Condition> {
    let part = |node: &Node, faults: &mut Faults| part(node, depth + 1, faults);
    let parts = |name: &'static str, faults: &mut Faults| {
        fields.optional(name, faults, |node, faults| node.some_list(name, MOST_PARTS, faults, part))
    };
    let screen = fields.optional("screen", faults, screen);
    let screen_kind = fields.optional("screenKind", faults, |node, faults| {
        node.word("screenKind", "what a screen shows", SCREEN_KINDS, &["graphics"], faults)
    });
    let unchanged_for =
        fields.optional("unchangedFor", faults, |node, faults| node.some_span("unchangedFor", faults));
    let power = fields.optional("power", faults, |node, faults| {
        node.word("power", "a power state that can be waited for", POWER_STATES, &[], faults)
    });
    let reach = fields.optional("reach", faults, reach);
    let ping = fields.optional("ping", faults, |node, faults| node.boolean("ping", faults));
    let heartbeat = fields.optional("heartbeat", faults, |node, faults| node.boolean("heartbeat", faults));
    let check = fields.optional("check", faults, check);
    let event = fields.optional("event", faults, event);
    let serial = fields.optional("serial", faults, serial);
    let deployment = fields.optional("deployment", faults, deployment);
    let since = fields.optional("since", faults, |node, faults| node.some_span("since", faults));
    let all = parts("all", faults);
    let any = parts("any", faults);
    let not = fields.optional("not", faults, part);
    let condition = Condition {
        screen: screen?,
        screen_kind: screen_kind?,
        unchanged_for: unchanged_for?,
        power: power?,
        reach: reach?,
        ping: ping?,
        heartbeat: heartbeat?,
        check: check?,
        event: event?,
        serial: serial?,
        deployment: deployment?,
        since: since?,
        all: all?.unwrap_or_default(),
        any: any?.unwrap_or_default(),
        not: not?.map(Box::new),
    };
    if condition.is_empty() {
        if !fields.has_strangers() {
            let message = format!("{} names nothing that must be seen", fields.what());
            fields.fault(message, Some("name what must come true, like screen: 'login:'".to_owned()), faults);
        }
        return None;
    }
    if condition.since.is_some() && !condition.since_has_subject() {
        let message = "`since` stands beside nothing of which it is known since when it is so".to_owned();
        let hint =
            "write it beside power, reach, ping, heartbeat or check; of the screen, unchangedFor tells";
        fields.fault(message, Some(hint.to_owned()), faults);
        return None;
    }
    Some(condition)
}

/// The name of a check that must pass, or with the state that it must be in.
fn check(node: &Node, faults: &mut Faults) -> Option<CheckIs> {
    if !node.is_mapping() {
        return node.name("check", faults).map(|name| CheckIs::Passing(name.to_string()));
    }
    let fields = Fields::of(node, &CHECK_IN, faults)?;
    let name = fields.require("name", faults).and_then(|node| node.name("name", faults));
    let state = fields
        .require("state", faults)
        .and_then(|node| node.word("state", "a state of a check", CHECK_STATES, &[], faults));
    Some(CheckIs::In(CheckIn { name: name?.to_string(), state: state? }))
}

/// What the controller must have told of.
fn event(node: &Node, faults: &mut Faults) -> Option<EventPattern> {
    let fields = Fields::of(node, &EVENT, faults)?;
    let source = fields.optional("source", faults, |node, faults| {
        node.word("source", "where a controller tells of events", EVENT_SOURCES, &[], faults)
    });
    let source_pattern = fields.require("pattern", faults).and_then(|node| pattern(node, "pattern", faults));
    let within = fields.optional("within", faults, |node, faults| node.some_span("within", faults));
    Some(EventPattern { source: source?, pattern: source_pattern?, within: within? })
}

/// What the host must have written on its serial console.
fn serial(node: &Node, faults: &mut Faults) -> Option<SerialPattern> {
    if !node.is_mapping() {
        return pattern(node, "serial", faults).map(SerialPattern::Lately);
    }
    let fields = Fields::of(node, &SERIAL, faults)?;
    let source_pattern = fields.require("pattern", faults).and_then(|node| pattern(node, "pattern", faults));
    let within = fields.optional("within", faults, |node, faults| node.some_span("within", faults));
    Some(SerialPattern::Within(SerialWithin { pattern: source_pattern?, within: within? }))
}

/// A phase, or what is asked of the deployment.
fn deployment(node: &Node, faults: &mut Faults) -> Option<DeploymentIs> {
    if !node.is_mapping() {
        return phase(node, faults).map(DeploymentIs::Phase);
    }
    let fields = Fields::of(node, &DEPLOYMENT_IN, faults)?;
    let phases = fields.optional("phase", faults, |node, faults| {
        if node.is_list() {
            return node.some_list("phase", PHASES.len(), faults, phase);
        }
        phase(node, faults).map(|phase| vec![phase])
    });
    let since = fields.optional("since", faults, |node, faults| node.some_span("since", faults));
    let overdue = fields.optional("overdue", faults, |node, faults| node.boolean("overdue", faults));
    let asked = DeploymentIn { phase: phases?.unwrap_or_default(), since: since?, overdue: overdue? };
    if asked.phase.is_empty() && asked.overdue.is_none() {
        if !fields.has_strangers() {
            let hint = Some("name a `phase`, or whether it is `overdue`".to_owned());
            fields.fault("`deployment` does not say how far it must have come".to_owned(), hint, faults);
        }
        return None;
    }
    Some(DeploymentIs::In(asked))
}

pub(super) fn phase(node: &Node, faults: &mut Faults) -> Option<DeploymentPhase> {
    node.word("phase", "a phase of a deployment", PHASES, &[], faults)
}

fn part(node: &Node, depth: usize, faults: &mut Faults) -> Option<Condition> {
    if depth > DEEPEST {
        node.fault(format!("conditions stand {depth} deep within conditions, and may {DEEPEST}"), faults);
        return None;
    }
    let fields = Fields::of(node, &CONDITION, faults)?;
    condition(&fields, depth, faults)
}

pub(super) fn reach(node: &Node, faults: &mut Faults) -> Option<Reach> {
    node.word("reach", "how a controller can be reached", REACHES, &[], faults)
}

/// A pattern alone, or with where it must stand.
fn screen(node: &Node, faults: &mut Faults) -> Option<ScreenPattern> {
    if !node.is_mapping() {
        return pattern(node, "screen", faults).map(ScreenPattern::Anywhere);
    }
    let fields = Fields::of(node, &PATTERN, faults)?;
    let source = fields.require("pattern", faults).and_then(|node| pattern(node, "pattern", faults));
    let region = fields.optional("region", faults, region);
    let min_confidence =
        fields.optional("minConfidence", faults, |node, faults| node.share("minConfidence", faults));
    Some(ScreenPattern::Within(PatternWithin {
        pattern: source?,
        region: region?.unwrap_or_default(),
        min_confidence: min_confidence?,
    }))
}

fn region(node: &Node, faults: &mut Faults) -> Option<Region> {
    let fields = Fields::of(node, &REGION, faults)?;
    let rows = fields.optional("rows", faults, |node, faults| range(node, "rows", faults));
    let columns = fields.optional("columns", faults, |node, faults| range(node, "columns", faults));
    Some(Region { rows: rows?, columns: columns? })
}

/// The first and the last row or column, from 1 or, negative, from the end.
fn range(node: &Node, field: &str, faults: &mut Faults) -> Option<[i16; 2]> {
    let numbers = node
        .list(field, 2, faults, |node, faults| node.whole::<i16>(field, -MOST_CELLS..=MOST_CELLS, faults))?;
    let range = match numbers[..] {
        [first, last] if first != 0 && last != 0 => Some([first, last]),
        _ => None,
    };
    // Of one from the beginning and one from the end, the screen decides which comes first.
    let range = range.filter(|[first, last]| first.signum() != last.signum() || first <= last);
    if range.is_none() {
        let message =
            format!("`{field}` must be the first and the last, counted from 1 or, from the end, from -1");
        node.fault(message, faults);
    }
    range
}

pub(super) fn pattern(node: &Node, field: &str, faults: &mut Faults) -> Option<String> {
    let text = node.text(field, faults)?;
    if text.is_empty() {
        node.fault(format!("`{field}`: an empty pattern matches every screen"), faults);
        return None;
    }
    bounded(text, LONGEST_PATTERN, field, node, faults)
}

pub(super) fn bounded(
    text: &str,
    longest: usize,
    field: &str,
    node: &Node,
    faults: &mut Faults,
) -> Option<String> {
    if text.len() > longest {
        node.fault(format!("`{field}` has {} bytes, and may have {longest}", text.len()), faults);
        return None;
    }
    Some(text.to_owned())
}
