//! Reading the spec of a `Flow`.

use super::condition::{CONDITION, POWER_STATES, condition, pattern, phase, reach};
use super::fault::Faults;
use super::fields::{Fields, Shape};
use super::select::host_select;
use super::step::{steps, tell};
use super::tree::Node;
use crate::{Condition, Example, FlowSpec, Limits, Span, Verify, When};

pub(super) const FLOW: Shape = Shape {
    what: "the spec of a Flow",
    fields: &[
        "select",
        "when",
        "priority",
        "dryRun",
        "lookEvery",
        "evenInQuietHours",
        "do",
        "verify",
        "limits",
        "onFailure",
        "examples",
    ],
    planned: &[],
};

pub(super) const WHEN: Shape = Shape {
    what: "`when`",
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
        "unless",
        "stable",
    ],
    planned: CONDITION.planned,
};

pub(super) const VERIFY: Shape = Shape { what: "`verify`", fields: WAITED, planned: CONDITION.planned };

pub(super) const WAITED: &[&str] = &[
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
    "timeout",
];

pub(super) const LIMITS: Shape =
    Shape { what: "`limits`", fields: &["attempts", "cooldown", "hosts"], planned: &[] };

pub(super) const EXAMPLE: Shape = Shape {
    what: "an example",
    fields: &[
        "picture",
        "text",
        "power",
        "reach",
        "unchangedFor",
        "ping",
        "heartbeat",
        "event",
        "serial",
        "deployment",
        "matches",
    ],
    planned: &[],
};

/// The shortest time between two looks at calm hosts: a look costs the reading of a picture.
const LOOK_EVERY_LEAST: Span = Span::from_secs(1);

/// The longest one.
const LOOK_EVERY_MOST: Span = Span::from_secs(24 * 3600);

/// Examples of one flow.
const MOST_EXAMPLES: usize = 1000;

pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<FlowSpec> {
    let fields = Fields::of(node, &FLOW, faults)?;
    let select = fields.optional("select", faults, host_select);
    let when = fields.require("when", faults).and_then(|node| when(node, faults));
    let priority = fields.optional("priority", faults, |node, faults| {
        node.whole("priority", i64::from(i32::MIN)..=i64::from(i32::MAX), faults)
    });
    let dry_run = fields.optional("dryRun", faults, |node, faults| node.boolean("dryRun", faults));
    let look_every = fields.optional("lookEvery", faults, look_every);
    let even_in_quiet_hours =
        fields.optional("evenInQuietHours", faults, |node, faults| node.boolean("evenInQuietHours", faults));
    let steps = fields.require("do", faults).and_then(|node| steps(node, "do", 0, faults));
    let verify = fields.require("verify", faults).and_then(|node| {
        let (condition, timeout) = awaited(node, &VERIFY, faults)?;
        Some(Verify { condition, timeout })
    });
    let limits = fields.optional("limits", faults, limits);
    let on_failure = fields.optional("onFailure", faults, tell::on_failure);
    let examples = fields
        .optional("examples", faults, |node, faults| node.list("examples", MOST_EXAMPLES, faults, example));
    Some(FlowSpec {
        select: select?.unwrap_or_default(),
        when: when?,
        priority: priority?.unwrap_or_default(),
        dry_run: dry_run?.unwrap_or_default(),
        look_every: look_every?,
        even_in_quiet_hours: even_in_quiet_hours?.unwrap_or_default(),
        steps: steps?,
        verify: verify?,
        limits: limits?.unwrap_or_default(),
        on_failure: on_failure?.unwrap_or_default(),
        examples: examples?.unwrap_or_default(),
    })
}

/// How often calm hosts are looked at.
fn look_every(node: &Node, faults: &mut Faults) -> Option<Span> {
    let every = node.some_span("lookEvery", faults)?;
    if !(LOOK_EVERY_LEAST..=LOOK_EVERY_MOST).contains(&every) {
        let message = format!("`lookEvery` must be {LOOK_EVERY_LEAST} to {LOOK_EVERY_MOST}");
        node.fault(message, faults);
        return None;
    }
    Some(every)
}

fn when(node: &Node, faults: &mut Faults) -> Option<When> {
    let fields = Fields::of(node, &WHEN, faults)?;
    let condition = condition(&fields, 0, faults);
    let unless = fields.optional("unless", faults, |node, faults| pattern(node, "unless", faults));
    let stable = fields.optional("stable", faults, |node, faults| node.whole("stable", 1..=100, faults));
    let (condition, unless) = (condition?, unless?);
    let fault = match (condition.needs_screen(), condition.needs_sign()) {
        (true, _) if condition.needs_power_off() => Some((
            "a host that is off shows nothing of what `when` wants to see on its screen",
            "write one flow for the screen and one for `power: off`",
        )),
        (true, _) => None,
        (false, true) if unless.is_some() => Some((
            "`unless` looks at the screen, and this `when` holds without one",
            "write `not: { screen: … }`, which waits until the screen is read",
        )),
        (false, true) => None,
        (false, false) => Some((
            "`when` names nothing that must be wrong",
            "name, outside of `not`, what the screen shows (`screen`, `screenKind`, `unchangedFor`) or another sign: \
             `power: off`, a `reach` that is not ok, a check that fails, an `event`, what stands on `serial`, a \
             `deployment` that stopped or lasts",
        )),
    };
    if let Some((message, hint)) = fault {
        fields.fault(message.to_owned(), Some(hint.to_owned()), faults);
        return None;
    }
    Some(When { condition, unless, stable: stable?.unwrap_or(When::DEFAULT_STABLE) })
}

/// What is waited for, by a step or by the proof, and for how long.
pub(super) fn awaited(node: &Node, shape: &'static Shape, faults: &mut Faults) -> Option<(Condition, Span)> {
    let fields = Fields::of(node, shape, faults)?;
    let condition = condition(&fields, 0, faults);
    let timeout = fields.require("timeout", faults).and_then(|node| node.some_span("timeout", faults));
    Some((condition?, timeout?))
}

fn limits(node: &Node, faults: &mut Faults) -> Option<Limits> {
    let fields = Fields::of(node, &LIMITS, faults)?;
    let attempts =
        fields.optional("attempts", faults, |node, faults| node.whole("attempts", 1..=100, faults));
    let cooldown = fields.optional("cooldown", faults, |node, faults| node.span("cooldown", faults));
    let hosts = fields.optional("hosts", faults, |node, faults| node.whole("hosts", 1..=1_000_000, faults));
    let default = Limits::default();
    Some(Limits {
        attempts: attempts?.unwrap_or(default.attempts),
        cooldown: cooldown?.unwrap_or(default.cooldown),
        hosts: hosts?,
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
    let ping = fields.optional("ping", faults, |node, faults| node.boolean("ping", faults));
    let heartbeat = fields.optional("heartbeat", faults, |node, faults| node.boolean("heartbeat", faults));
    let event = fields.optional("event", faults, |node, faults| text(node, "event", faults));
    let serial = fields.optional("serial", faults, |node, faults| text(node, "serial", faults));
    let deployment = fields.optional("deployment", faults, phase);
    let matches = fields.require("matches", faults).and_then(|node| node.boolean("matches", faults));
    let (picture, text) = (picture?, screen?);
    let example = Example {
        picture,
        text,
        power: power?,
        reach: reach?,
        unchanged_for: unchanged_for?,
        ping: ping?,
        heartbeat: heartbeat?,
        event: event?,
        serial: serial?,
        deployment: deployment?,
        matches: matches?,
    };
    let screens = usize::from(example.picture.is_some()) + usize::from(example.text.is_some());
    let nothing = Example { matches: example.matches, ..Example::default() };
    if screens > 1 || example == nothing {
        let message = "an example has `picture` or `text`, or says what else is known of the host";
        fields.fault(message.to_owned(), None, faults);
        return None;
    }
    Some(example)
}
