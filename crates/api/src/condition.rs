//! Conditions of flows: what must be seen of a host, as a tree of `all`, `any` and `not` over what can be seen.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CheckState, DeploymentPhase, PowerState, Reach, ScreenKind, Span};

/// What must be seen of a host: everything that is given must be true at once.
///
/// What is not known is neither true nor false: a condition that hangs on it does not hold, and neither does its
/// opposite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// A regular expression that the text of the screen must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen: Option<ScreenPattern>,
    /// What sort of thing the screen must show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen_kind: Option<ScreenKind>,
    /// For how long the screen must have shown the same text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unchanged_for: Option<Span>,
    /// The power state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerState>,
    /// How the management controller can be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
    /// Whether the host answers pings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping: Option<bool>,
    /// Whether the heartbeats of the host arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<bool>,
    /// What one check of the host must have come to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckIs>,
    /// What the controller must have told of lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventPattern>,
    /// What the host must have written on its serial console lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<SerialPattern>,
    /// How far the deployment of the host must have come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentIs>,
    /// For how long `power`, `reach`, `ping`, `heartbeat` and `check` beside it must have been so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Span>,
    /// Conditions that must all be true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub all: Vec<Condition>,
    /// Conditions of which one must be true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub any: Vec<Condition>,
    /// A condition that must be false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Condition>>,
}

impl Condition {
    /// A condition on the text of the screen alone.
    pub fn on_screen(pattern: &str) -> Self {
        Self { screen: Some(ScreenPattern::Anywhere(pattern.to_owned())), ..Self::default() }
    }

    /// Whether nothing is asked for, here or below.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the screen must show something for the condition to hold; what it must not show does not count.
    pub fn needs_screen(&self) -> bool {
        self.needs(&Self::names_screen)
    }

    /// Whether something must be wrong: on the screen, or seen elsewhere, as that the power is off, a check fails, or the
    /// controller told of something. That a host is on and answers is no such sign, nor is what must not be.
    pub fn needs_sign(&self) -> bool {
        self.needs(&|part| part.names_screen() || part.names_sign())
    }

    /// Whether the power must be off, so that nothing can stand on the screen.
    pub fn needs_power_off(&self) -> bool {
        self.needs(&Self::names_power_off)
    }

    /// Whether it may hold while the power is off: it names that, here or below.
    pub fn minds_power_off(&self) -> bool {
        self.minds(&Self::names_power_off)
    }

    /// Whether it asks, here or below, for what a check came to, which fails also while the host boots.
    pub fn minds_checks(&self) -> bool {
        self.minds(&Self::asks_checks)
    }

    /// Whether the condition holds only where a part does of which `is` is true.
    fn needs(&self, is: &impl Fn(&Self) -> bool) -> bool {
        is(self)
            || self.all.iter().any(|part| part.needs(is))
            || !self.any.is_empty() && self.any.iter().all(|part| part.needs(is))
    }

    /// Whether `is` is true of a part that may make it hold.
    fn minds(&self, is: &impl Fn(&Self) -> bool) -> bool {
        is(self) || self.all.iter().chain(&self.any).any(|part| part.minds(is))
    }

    const fn names_screen(&self) -> bool {
        self.screen.is_some() || self.screen_kind.is_some() || self.unchanged_for.is_some()
    }

    fn names_power_off(&self) -> bool {
        self.power == Some(PowerState::Off)
    }

    fn names_sign(&self) -> bool {
        self.names_power_off()
            || self.reach.is_some_and(|reach| reach != Reach::Ok)
            || self.ping == Some(false)
            || self.heartbeat == Some(false)
            || self.check.as_ref().is_some_and(|check| check.state() == CheckState::Failing)
            || self.event.is_some()
            || self.serial.is_some()
            || self.deployment.as_ref().is_some_and(DeploymentIs::is_sign)
    }

    /// Whether it asks for more than what stands on the screen at one moment, so that its verdict on an unchanged
    /// screen may change.
    pub fn asks_beyond_picture(&self) -> bool {
        self.unchanged_for.is_some()
            || self.power.is_some()
            || self.reach.is_some()
            || self.asks_checks()
            || self.event.is_some()
            || self.serial.is_some()
            || self.deployment.is_some()
            || self.parts().any(Self::asks_beyond_picture)
    }

    /// Whether it asks for what the host writes on its serial console.
    pub fn asks_serial(&self) -> bool {
        self.serial.is_some() || self.parts().any(Self::asks_serial)
    }

    /// Whether it asks for what the event log of the controller says.
    pub fn asks_event_log(&self) -> bool {
        self.event.as_ref().is_some_and(|event| event.source != Some(EventSource::Redfish))
            || self.parts().any(Self::asks_event_log)
    }

    /// Whether it asks here for what a check came to.
    const fn asks_checks(&self) -> bool {
        self.ping.is_some() || self.heartbeat.is_some() || self.check.is_some()
    }

    /// Whether `since` stands beside something that it can be said of.
    pub const fn since_has_subject(&self) -> bool {
        self.power.is_some() || self.reach.is_some() || self.asks_checks()
    }

    /// The conditions directly below.
    fn parts(&self) -> impl Iterator<Item = &Self> {
        self.all.iter().chain(&self.any).chain(self.not.as_deref())
    }

    /// Calls `visit` with each pattern and its place, like `any[1].screen`, below the place `at`.
    pub fn each_pattern<'c>(&'c self, at: &str, visit: &mut impl FnMut(String, &'c ScreenPattern)) {
        let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
        if let Some(pattern) = &self.screen {
            visit(below("screen"), pattern);
        }
        for (index, part) in self.all.iter().enumerate() {
            part.each_pattern(&below(&format!("all[{index}]")), visit);
        }
        for (index, part) in self.any.iter().enumerate() {
            part.each_pattern(&below(&format!("any[{index}]")), visit);
        }
        if let Some(part) = &self.not {
            part.each_pattern(&below("not"), visit);
        }
    }
}

impl Condition {
    /// Calls `visit` with each regular expression on events and on lines of the serial console, and its place below the place `at`.
    pub fn each_told<'c>(&'c self, at: &str, visit: &mut impl FnMut(String, &'c str)) {
        if let Some(event) = &self.event {
            visit(format!("{at}.event.pattern"), &event.pattern);
        }
        if let Some(serial) = &self.serial {
            visit(format!("{at}.serial"), serial.source());
        }
        for (name, parts) in [("all", &self.all), ("any", &self.any)] {
            for (index, part) in parts.iter().enumerate() {
                part.each_told(&format!("{at}.{name}[{index}]"), visit);
            }
        }
        if let Some(part) = &self.not {
            part.each_told(&format!("{at}.not"), visit);
        }
    }
}

impl fmt::Display for Condition {
    /// What is asked for, as an operator would say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.screen.as_ref().map(|pattern| format!("{pattern} on the screen")));
        parts.extend(self.screen_kind.map(|kind| format!("a screen that is {kind}")));
        parts.extend(self.unchanged_for.map(|length| format!("the same screen for {length}")));
        parts.extend(self.power.map(|state| format!("power {state}")));
        parts.extend(self.reach.map(|reach| format!("controller {reach}")));
        parts.extend(
            self.ping
                .map(|answers| if answers { "an answer to ping" } else { "no answer to ping" }.to_owned()),
        );
        parts.extend(
            self.heartbeat.map(|there| if there { "heartbeats" } else { "no heartbeats" }.to_owned()),
        );
        parts.extend(self.check.as_ref().map(|check| format!("check {} {}", check.name(), check.state())));
        parts.extend(self.event.as_ref().map(ToString::to_string));
        parts.extend(self.serial.as_ref().map(ToString::to_string));
        parts.extend(self.deployment.as_ref().map(ToString::to_string));
        parts.extend(self.since.map(|length| format!("for {length}")));
        parts.extend(self.all.iter().map(ToString::to_string));
        if !self.any.is_empty() {
            let any: Vec<String> = self.any.iter().map(ToString::to_string).collect();
            parts.push(format!("({})", any.join(" or ")));
        }
        parts.extend(self.not.as_ref().map(|part| format!("not ({part})")));
        f.write_str(&parts.join(" and "))
    }
}

/// What a check must have come to: passing where its name stands alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CheckIs {
    /// The name of a check that must pass.
    Passing(String),
    /// With the state.
    In(CheckIn),
}

/// A check and the state that it must be in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckIn {
    /// The name of the check: its `name`, or the word of what it asks, like `tcp`.
    pub name: String,
    /// The state.
    pub state: CheckState,
}

impl CheckIs {
    /// The name of the check.
    pub fn name(&self) -> &str {
        match self {
            Self::Passing(name) | Self::In(CheckIn { name, .. }) => name,
        }
    }

    /// The state that it must be in.
    pub const fn state(&self) -> CheckState {
        match self {
            Self::Passing(_) => CheckState::Passing,
            Self::In(CheckIn { state, .. }) => *state,
        }
    }
}

/// How far the deployment of a host must have come: a phase alone, or with more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DeploymentIs {
    /// It is in this phase.
    Phase(DeploymentPhase),
    /// With more conditions.
    In(DeploymentIn),
}

/// Conditions on the deployment of a host: everything that is given must be true at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DeploymentIn {
    /// The phase: one, or several of which it is in one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phase: Vec<DeploymentPhase>,
    /// For how long it has been in its phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Span>,
    /// Whether it is past its deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overdue: Option<bool>,
}

impl DeploymentIs {
    /// All that is asked for.
    pub fn resolve(&self) -> DeploymentIn {
        match self {
            Self::Phase(phase) => DeploymentIn { phase: vec![*phase], ..DeploymentIn::default() },
            Self::In(asked) => asked.clone(),
        }
    }

    /// Whether it tells of a deployment that goes wrong: it stopped, is late, or lasts.
    fn is_sign(&self) -> bool {
        let DeploymentIn { phase, since, overdue } = self.resolve();
        let stopped = !phase.is_empty() && phase.iter().all(|phase| *phase == DeploymentPhase::Stopped);
        stopped || since.is_some() || overdue == Some(true)
    }
}

impl fmt::Display for DeploymentIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DeploymentIn { phase, since, overdue } = self.resolve();
        let phases: Vec<&str> = phase.iter().map(|phase| phase.as_str()).collect();
        let mut said = Vec::new();
        said.extend((!phases.is_empty()).then(|| phases.join(" or ")));
        said.extend(overdue.map(|is| if is { "past its deadline" } else { "in time" }.to_owned()));
        write!(f, "a deployment {}", said.join(" and "))?;
        since.map_or(Ok(()), |since| write!(f, " for {since}"))
    }
}

/// What a controller must have told of lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventPattern {
    /// Where it must have been told; anywhere where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<EventSource>,
    /// The regular expression that its text must match.
    pub pattern: String,
    /// How long ago at most it was first seen here; [`EventPattern::WITHIN`] where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

impl EventPattern {
    /// How long ago an event may have come where nothing is said of it.
    pub const WITHIN: Span = Span::from_secs(600);

    /// How long ago it may have come.
    pub fn within(&self) -> Span {
        self.within.unwrap_or(Self::WITHIN)
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Some(source) => write!(f, "{source} event")?,
            None => f.write_str("event")?,
        }
        write!(f, " `{}` within {}", self.pattern, self.within())
    }
}

/// What a host must have written on its serial console lately: a regular expression that one of its lines matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SerialPattern {
    /// Within the last [`EventPattern::WITHIN`].
    Lately(String),
    /// With the time.
    Within(SerialWithin),
}

/// A pattern on lines of the serial console, with how long ago they may have been written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SerialWithin {
    /// The regular expression.
    pub pattern: String,
    /// How long ago at most the line was begun; [`EventPattern::WITHIN`] where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

impl SerialPattern {
    /// The regular expression.
    pub fn source(&self) -> &str {
        match self {
            Self::Lately(pattern) | Self::Within(SerialWithin { pattern, .. }) => pattern,
        }
    }

    /// How long ago the line may have been begun.
    pub fn within(&self) -> Span {
        match self {
            Self::Within(SerialWithin { within: Some(within), .. }) => *within,
            Self::Lately(_) | Self::Within(_) => EventPattern::WITHIN,
        }
    }
}

impl fmt::Display for SerialPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` on the serial console within {}", self.source(), self.within())
    }
}

/// Where a controller tells of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventSource {
    /// In its event log.
    Sel,
    /// In the stream of events of Redfish.
    Redfish,
}

impl EventSource {
    /// Its word, as in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sel => "sel",
            Self::Redfish => "redfish",
        }
    }
}

impl fmt::Display for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A regular expression on the text of the screen: alone, or with where it must stand and how well it must be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ScreenPattern {
    /// Anywhere on the screen. Cases are not told apart unless `(?-i)` is written, `^` and `$` stand at the ends of
    /// lines.
    Anywhere(String),
    /// With more conditions.
    Within(PatternWithin),
}

/// A pattern with where it must stand and how well it must be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatternWithin {
    /// The regular expression.
    pub pattern: String,
    /// The part of the screen that it is tried on; the whole where absent.
    #[serde(default, skip_serializing_if = "Region::is_whole")]
    pub region: Region,
    /// The least confidence that each matched character must have been read with; 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_confidence: Option<f32>,
}

impl ScreenPattern {
    /// The regular expression.
    pub fn source(&self) -> &str {
        match self {
            Self::Anywhere(pattern) | Self::Within(PatternWithin { pattern, .. }) => pattern,
        }
    }

    /// The part of the screen that it is tried on.
    pub fn region(&self) -> Region {
        match self {
            Self::Anywhere(_) => Region::default(),
            Self::Within(within) => within.region,
        }
    }

    /// The least confidence that each matched character must have been read with.
    pub fn min_confidence(&self) -> Option<f32> {
        match self {
            Self::Anywhere(_) => None,
            Self::Within(within) => within.min_confidence,
        }
    }
}

impl fmt::Display for ScreenPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.source())?;
        let Region { rows, columns } = self.region();
        for (what, range) in [("rows", rows), ("columns", columns)] {
            if let Some([first, last]) = range {
                write!(f, " in {what} {first} to {last}")?;
            }
        }
        Ok(())
    }
}

/// A part of a screen. Rows and columns are counted from 1; negative ones from the end, where -1 is the last row with
/// text, or the last column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Region {
    /// The first and the last row; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<[i16; 2]>,
    /// The first and the last column; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<[i16; 2]>,
}

impl Region {
    /// Whether it is the whole screen.
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(json: &str) -> Condition {
        serde_json::from_str(json).expect("a condition")
    }

    #[test]
    fn conditions_are_told_in_words() {
        let check = |json: &str, words: &str| assert_eq!(condition(json).to_string(), words);
        check(r#"{ "screen": "login:", "power": "on" }"#, "`login:` on the screen and power on");
        check(
            r#"{ "screen": "a", "event": { "source": "sel", "pattern": "ECC", "within": "1h" } }"#,
            "`a` on the screen and sel event `ECC` within 1h",
        );
        check(
            r#"{ "any": [{ "serial": "panic" }, { "serial": { "pattern": "Oops", "within": "30s" } }] }"#,
            "(`panic` on the serial console within 10m or `Oops` on the serial console within 30s)",
        );
        check(
            r#"{ "any": [{ "screen": { "pattern": "a", "region": { "rows": [-2, -1] } } }, { "reach": "ok" }],
                 "not": { "screenKind": "blank" }, "unchangedFor": "10m" }"#,
            "the same screen for 10m and (`a` in rows -2 to -1 on the screen or controller ok) and not (a screen \
             that is blank)",
        );
    }

    #[test]
    fn what_hangs_on_the_screen_is_known() {
        let check = |json: &str, needs: bool, beyond: bool| {
            let condition = condition(json);
            assert_eq!(
                (condition.needs_screen(), condition.asks_beyond_picture()),
                (needs, beyond),
                "{json}"
            );
        };
        check(r#"{ "screen": "a" }"#, true, false);
        check(r#"{ "screen": "a", "event": { "pattern": "ECC" } }"#, true, true);
        check(r#"{ "event": { "pattern": "ECC" } }"#, false, true);
        check(r#"{ "screen": "a", "not": { "serial": "b" } }"#, true, true);
        check(r#"{ "serial": "b" }"#, false, true);
        check(r#"{ "power": "on" }"#, false, true);
        check(r#"{ "not": { "screen": "a" } }"#, false, false);
        check(r#"{ "any": [{ "screen": "a" }, { "power": "on" }] }"#, false, true);
        check(r#"{ "any": [{ "screen": "a" }, { "unchangedFor": "1m" }] }"#, true, true);
        check(r#"{ "all": [{ "not": { "screen": "a" } }, { "screenKind": "text" }] }"#, true, false);
    }

    #[test]
    fn patterns_tell_their_places() {
        let tree =
            condition(r#"{ "screen": "a", "any": [{ "screen": "b" }, { "not": { "screen": "c" } }] }"#);
        let mut places = Vec::new();
        tree.each_pattern("spec.when", &mut |place, pattern| places.push((place, pattern.source())));
        let wanted = [
            ("spec.when.screen", "a"),
            ("spec.when.any[0].screen", "b"),
            ("spec.when.any[1].not.screen", "c"),
        ];
        assert_eq!(places, wanted.map(|(place, source)| (place.to_owned(), source)));
    }
}
