//! Whether the conditions of flows hold, with what was found of each of their parts.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use ironhand_api::{
    CheckIs, CheckKind, CheckState, Condition, DeploymentIs, DeploymentPhase, EventPattern, EventSource,
    Finding, Flow, MatchEvidence, PowerState, Reach, ScreenKind, ScreenPattern, SerialPattern, Span,
    Timestamp, Truth, Verdict, When,
};
use regex::{Regex, RegexBuilder};

use crate::facts::in_words;
use crate::{CheckSeen, EventSeen, HostFacts, SerialLine};

/// A value, or why it is not known.
pub type Known<T> = Result<T, String>;

/// Looks for a pattern on a screen, within its region.
pub type Find<'a> = &'a dyn Fn(&ScreenPattern) -> Option<MatchEvidence>;

/// An event, and how long ago it came.
pub type Lately = (EventSeen, Duration);

/// A line that the host wrote, and how long ago it was begun.
pub type Written = (SerialLine, Duration);

/// What is deployed to a host: nothing, or how far it came.
pub type Deployed = Option<DeployedAt>;

/// How far a deployment came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeployedAt {
    /// The phase.
    pub phase: DeploymentPhase,
    /// For how long it has been in that.
    pub lasted: Duration,
    /// Whether it is past its deadline.
    pub overdue: bool,
}

/// What is known of a host at one moment.
pub struct Sight<'a> {
    /// The screen.
    pub find: Known<Find<'a>>,
    /// What the screen shows.
    pub kind: Known<ScreenKind>,
    /// For how long it has shown the same text.
    pub unchanged_for: Known<Duration>,
    /// The power state.
    pub power: Known<PowerState>,
    /// How the management controller can be reached.
    pub reach: Known<Reach>,
    /// For how long the power has been so.
    pub power_for: Duration,
    /// For how long the controller could be reached so.
    pub reach_for: Duration,
    /// What checks of the host came to.
    pub checks: Vec<CheckSeen>,
    /// What its controller told of, the newest last.
    pub events: Vec<Lately>,
    /// Where it is known what the controller told of, and what not.
    pub watched: BTreeSet<EventSource>,
    /// What the host wrote on its serial console, the newest last, and how long ago.
    pub serial: Known<Vec<Written>>,
    /// What is deployed to the host, and for how long it has been in its phase.
    pub deployment: Known<Deployed>,
}

impl<'a> Sight<'a> {
    /// A screen that was just read, of a host of which `facts` are believed.
    pub fn of(facts: &HostFacts, find: Find<'a>) -> Self {
        let not_seen = || "the screen was not read yet".to_owned();
        let answers = facts.reach().is_some_and(|fact| fact.value == Reach::Ok);
        let power = facts.power_fact().filter(|fact| answers && fact.value != PowerState::Unknown);
        Self {
            find: Ok(find),
            kind: facts.screen().map(|screen| screen.kind).ok_or_else(not_seen),
            unchanged_for: facts.screen_unchanged_for().ok_or_else(not_seen),
            power: power.map(|fact| fact.value).ok_or_else(|| "the power state is not known".to_owned()),
            reach: facts
                .reach()
                .map(|fact| fact.value)
                .ok_or_else(|| "the management controller was not reached yet".to_owned()),
            power_for: power.map_or(Duration::ZERO, |fact| fact.observed_at.since(fact.since)),
            reach_for: facts.reach().map_or(Duration::ZERO, |fact| fact.observed_at.since(fact.since)),
            checks: facts.checks(),
            events: lately(facts),
            watched: facts.watched_events().clone(),
            serial: written(facts),
            deployment: deployed(facts),
        }
    }

    /// What an example says of no host in particular: its screen, where it has one, and what was known beside it.
    pub fn of_example(screen: Option<(ScreenKind, Find<'a>)>, around: &Circumstances) -> Self {
        let alone = if screen.is_some() { "a screen alone" } else { "the example" };
        let missing = |what: &str| format!("{alone} does not tell {what}");
        let screen = screen.ok_or_else(|| "the example has no screen".to_owned());
        Self {
            kind: screen.as_ref().map(|(kind, _)| *kind).map_err(Clone::clone),
            find: screen.map(|(_, find)| find),
            unchanged_for: around.unchanged_for.ok_or_else(|| missing("for how long it has stood")),
            power: around.power.ok_or_else(|| missing("the power state")),
            reach: around.reach.ok_or_else(|| missing("how the controller can be reached")),
            // An example says what it is about, not since when.
            power_for: Duration::MAX,
            reach_for: Duration::MAX,
            checks: around.checks(),
            events: around.events(),
            watched: around.event.iter().flat_map(|_| [EventSource::Sel, EventSource::Redfish]).collect(),
            deployment: around.deployed().ok_or_else(|| missing("what is deployed to the host")),
            serial: around.serial().ok_or_else(|| missing("what the host wrote on its serial console")),
        }
    }
}

/// What the controller told of, each with its age at the last look at the host.
pub(crate) fn lately(facts: &HostFacts) -> Vec<Lately> {
    facts.events().map(|event| (event.clone(), age(facts, event.at))).collect()
}

/// What the host wrote on its serial console, each line with its age at the last look at the host.
pub(crate) fn written(facts: &HostFacts) -> Known<Vec<Written>> {
    let lines = facts.serial().ok_or_else(|| "nobody listens to the serial console yet".to_owned())?;
    Ok(lines.iter().map(|line| (line.clone(), age(facts, line.at))).collect())
}

/// How far the deployment of the host came, at the last look at it.
pub(crate) fn deployed(facts: &HostFacts) -> Known<Deployed> {
    let seen =
        facts.deployment().ok_or_else(|| "what is deployed to the host was not looked up yet".to_owned())?;
    Ok(seen.map(|seen| {
        let lasted = age(facts, seen.since);
        let limit = seen.overdue_at().map(|at| at.since(seen.since));
        DeployedAt { phase: seen.phase, lasted, overdue: limit.is_some_and(|limit| lasted >= limit) }
    }))
}

/// How long before the last look at the host something happened.
fn age(facts: &HostFacts, at: Timestamp) -> Duration {
    let looks = [facts.reach().map(|fact| fact.observed_at), facts.screen().map(|screen| screen.read_at)];
    looks.into_iter().flatten().max().map_or(Duration::ZERO, |now| now.since(at))
}

/// What is said of the host that a screen was taken of, for examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// For how long it has shown the same text.
    pub unchanged_for: Option<Duration>,
    /// The power state.
    pub power: Option<PowerState>,
    /// How the management controller can be reached.
    pub reach: Option<Reach>,
    /// Whether the host answers pings.
    pub ping: Option<bool>,
    /// Whether its heartbeats arrive.
    pub heartbeat: Option<bool>,
    /// What its controller told of, in its log and otherwise; nothing where it is empty.
    pub event: Option<String>,
    /// What it wrote on its serial console, in lines; nothing where it is empty.
    pub serial: Option<String>,
    /// The phase of its deployment.
    pub deployment: Option<DeploymentPhase>,
}

impl Circumstances {
    /// An example says how far it came, not since when: it counts as late, so that both can be tried.
    fn deployed(&self) -> Option<Deployed> {
        let phase = self.deployment?;
        let overdue = phase != DeploymentPhase::Booted;
        Some(Some(DeployedAt { phase, lasted: Duration::MAX, overdue }))
    }

    fn serial(&self) -> Option<Vec<Written>> {
        let line = |text: &str| {
            (SerialLine { at: Timestamp::from_millis(0), text: text.to_owned() }, Duration::ZERO)
        };
        Some(self.serial.as_ref()?.lines().filter(|text| !text.is_empty()).map(line).collect())
    }

    fn events(&self) -> Vec<Lately> {
        let text = self.event.as_ref().filter(|text| !text.is_empty());
        let event = |source| {
            Some((EventSeen { source, text: text?.clone(), at: Timestamp::from_millis(0) }, Duration::ZERO))
        };
        [EventSource::Sel, EventSource::Redfish].into_iter().filter_map(event).collect()
    }

    fn checks(&self) -> Vec<CheckSeen> {
        let said = [(CheckKind::Ping, self.ping), (CheckKind::Heartbeat, self.heartbeat)];
        let seen = |(kind, passes): (CheckKind, Option<bool>)| {
            let state = if passes? { CheckState::Passing } else { CheckState::Failing };
            let (name, state) = (kind.to_string(), Some(state));
            Some(CheckSeen { name, kind, state, lasted: Duration::MAX, at: None })
        };
        said.into_iter().filter_map(seen).collect()
    }
}

/// Whether a condition holds, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Whether it holds.
    pub truth: Truth,
    /// What decided, in words.
    pub reason: String,
    /// What was found of each part, in the order in which they are written.
    pub findings: Vec<Finding>,
    /// The first match on the screen that made it true.
    pub evidence: Option<MatchEvidence>,
}

/// Judges a condition. What is not known is neither true nor false: `all` is false as soon as one part is, `any` is true
/// as soon as one part is, and the opposite of what is not known is not known.
pub fn judge(condition: &Condition, sight: &Sight<'_>) -> Judgement {
    let mut findings = Vec::new();
    let Part { truth, reason, evidence } = part(condition, sight, "", &mut findings);
    Judgement { truth, reason, findings, evidence }
}

/// Judges when a flow applies.
pub fn judge_when(when: &When, sight: &Sight<'_>) -> Judgement {
    let mut judged = judge(&when.condition, sight);
    let (Some(barred), Ok(find)) = (&when.unless, &sight.find) else { return judged };
    let found = find(&ScreenPattern::Anywhere(barred.clone()));
    let (truth, why) = match &found {
        Some(evidence) => {
            (Truth::No, format!("`{}` stands in row {}", brief(&evidence.text), evidence.row + 1))
        }
        None => (Truth::Yes, format!("the screen does not show `{barred}`")),
    };
    judged.findings.push(Finding { place: "unless".to_owned(), truth, why: why.clone() });
    if truth == Truth::No && judged.truth == Truth::Yes {
        judged.truth = Truth::No;
        judged.reason = format!("{why}, which rules it out");
        judged.evidence = found;
    }
    judged
}

/// What a flow says of a host.
pub fn verdict(flow: &Flow, sight: &Sight<'_>) -> Verdict {
    let Judgement { truth, reason, findings, evidence } = judge_when(&flow.spec.when, sight);
    Verdict { flow: flow.metadata.name.clone(), applies: truth == Truth::Yes, reason, evidence, findings }
}

/// One part of a condition, judged.
struct Part {
    truth: Truth,
    reason: String,
    evidence: Option<MatchEvidence>,
}

impl Part {
    fn new(truth: bool, reason: String) -> Self {
        Self { truth: if truth { Truth::Yes } else { Truth::No }, reason, evidence: None }
    }

    fn unknown(reason: String) -> Self {
        Self { truth: Truth::Unknown, reason, evidence: None }
    }
}

/// A mapping: all that it names.
fn part(condition: &Condition, sight: &Sight<'_>, at: &str, findings: &mut Vec<Finding>) -> Part {
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    let Condition { screen, screen_kind, unchanged_for, power, reach, all, any, not, .. } = condition;
    let since = condition.since.map(Span::duration);
    let mut parts = Vec::new();
    let mut leaf = |name: &str, leaf: Part, parts: &mut Vec<Part>| {
        let finding = Finding { place: below(name), truth: leaf.truth, why: leaf.reason.clone() };
        findings.push(finding);
        parts.push(leaf);
    };
    if let Some(pattern) = screen {
        leaf("screen", on_screen(pattern, sight), &mut parts);
    }
    if let Some(wanted) = screen_kind {
        let seen = compare(&sight.kind, *wanted, |kind| format!("the screen is {kind}"));
        leaf("screenKind", seen, &mut parts);
    }
    if let Some(wanted) = unchanged_for {
        leaf("unchangedFor", stands(&sight.unchanged_for, wanted.duration()), &mut parts);
    }
    if let Some(wanted) = power {
        let seen = compare(&sight.power, *wanted, |state| format!("power is {state}"));
        leaf("power", lasting(seen, sight.power_for, since), &mut parts);
    }
    if let Some(wanted) = reach {
        let seen = compare(&sight.reach, *wanted, |reach| format!("the controller is {reach}"));
        leaf("reach", lasting(seen, sight.reach_for, since), &mut parts);
    }
    for (name, part) in on_checks(condition, sight) {
        leaf(name, part, &mut parts);
    }
    if let Some(wanted) = &condition.event {
        leaf("event", on_event(wanted, sight), &mut parts);
    }
    if let Some(wanted) = &condition.serial {
        leaf("serial", on_serial(wanted, sight), &mut parts);
    }
    if let Some(wanted) = &condition.deployment {
        leaf("deployment", on_deployment(wanted, sight), &mut parts);
    }
    for (index, below_all) in all.iter().enumerate() {
        parts.push(part(below_all, sight, &below(&format!("all[{index}]")), findings));
    }
    if !any.is_empty() {
        let judged = any.iter().enumerate();
        let judged = judged.map(|(index, one)| part(one, sight, &below(&format!("any[{index}]")), findings));
        parts.push(one_of(judged.collect()));
    }
    if let Some(barred) = not {
        parts.push(opposite(part(barred, sight, &below("not"), findings)));
    }
    every(parts)
}

/// The opposite of a part. What was found of it is evidence against the condition, not for it.
fn opposite(barred: Part) -> Part {
    match barred.truth {
        Truth::Yes => {
            Part { truth: Truth::No, reason: format!("{}, which rules it out", barred.reason), ..barred }
        }
        Truth::No => Part { truth: Truth::Yes, evidence: None, ..barred },
        Truth::Unknown => barred,
    }
}

/// True where all are, false where one is.
fn every(parts: Vec<Part>) -> Part {
    for truth in [Truth::No, Truth::Unknown] {
        if let Some(index) = parts.iter().position(|part| part.truth == truth) {
            return parts.into_iter().nth(index).unwrap_or_else(|| Part::unknown(String::new()));
        }
    }
    let mut evidence = None;
    let mut reasons = Vec::new();
    for part in parts {
        evidence = evidence.or(part.evidence);
        reasons.push(part.reason);
    }
    Part { truth: Truth::Yes, reason: reasons.join(" and "), evidence }
}

/// True where one is, false where all are false.
fn one_of(parts: Vec<Part>) -> Part {
    let truth =
        if parts.iter().any(|part| part.truth == Truth::Unknown) { Truth::Unknown } else { Truth::No };
    let reasons: Vec<String> = parts.iter().map(|part| part.reason.clone()).collect();
    let found = parts.into_iter().find(|part| part.truth == Truth::Yes);
    found.unwrap_or_else(|| Part { truth, reason: reasons.join(", and "), evidence: None })
}

/// What is asked of the checks of a host, each with its field.
fn on_checks(condition: &Condition, sight: &Sight<'_>) -> Vec<(&'static str, Part)> {
    let since = condition.since.map(Span::duration);
    let of_kind = |kind: CheckKind, wanted: bool| {
        let seen: Vec<_> = sight.checks.iter().filter(|check| check.kind == kind).collect();
        let wanted = if wanted { CheckState::Passing } else { CheckState::Failing };
        on_check(&seen, wanted, &format!("{kind} check"), since)
    };
    let named = |wanted: &CheckIs| {
        let seen: Vec<_> = sight.checks.iter().filter(|check| check.name == wanted.name()).collect();
        on_check(&seen, wanted.state(), &format!("check `{}`", wanted.name()), since)
    };
    let leaves = [
        ("ping", condition.ping.map(|wanted| of_kind(CheckKind::Ping, wanted))),
        ("heartbeat", condition.heartbeat.map(|wanted| of_kind(CheckKind::Heartbeat, wanted))),
        ("check", condition.check.as_ref().map(named)),
    ];
    leaves.into_iter().filter_map(|(name, part)| Some((name, part?))).collect()
}

/// Whether all of `seen` pass, or one fails.
fn on_check(seen: &[&CheckSeen], wanted: CheckState, what: &str, since: Option<Duration>) -> Part {
    if seen.is_empty() {
        return Part::unknown(format!("no {what} is known"));
    }
    if let Some(failing) = seen.iter().find(|check| check.state == Some(CheckState::Failing)) {
        let part = Part::new(wanted == CheckState::Failing, format!("{} fails", failing.name));
        return lasting(part, failing.lasted, since);
    }
    if let Some(unknown) = seen.iter().find(|check| check.state != Some(CheckState::Passing)) {
        return Part::unknown(format!("it is not known what {} comes to", unknown.name));
    }
    let names: Vec<&str> = seen.iter().map(|check| check.name.as_str()).collect();
    let part = Part::new(wanted == CheckState::Passing, format!("{} passes", names.join(" and ")));
    lasting(part, seen.iter().map(|check| check.lasted).min().unwrap_or_default(), since)
}

/// Whether the controller told of something. What it told before anybody listened is not known.
fn on_event(wanted: &EventPattern, sight: &Sight<'_>) -> Part {
    let sources = [EventSource::Sel, EventSource::Redfish];
    let is_wanted = |source: EventSource| wanted.source.is_none_or(|wanted| wanted == source);
    if !sources.into_iter().any(|source| is_wanted(source) && sight.watched.contains(&source)) {
        let what = wanted.source.map_or("its events", |source| match source {
            EventSource::Sel => "its event log",
            EventSource::Redfish => "its Redfish events",
        });
        return Part::unknown(format!("the controller was not asked for {what} yet"));
    }
    let Some(pattern) = event_pattern(&wanted.pattern) else {
        return Part::unknown(format!("`{}` is not a pattern", wanted.pattern));
    };
    let within = wanted.within().duration();
    let mut lately =
        sight.events.iter().rev().filter(|(event, age)| is_wanted(event.source) && *age <= within);
    match lately.find(|(event, _)| pattern.is_match(&event.text)) {
        Some((event, age)) => {
            let told = format!("the controller told `{}` {} ago", brief(&event.text), in_words(*age));
            Part::new(true, told)
        }
        None => Part::new(false, format!("there was no {wanted}")),
    }
}

/// Whether the host wrote something on its serial console. What it wrote before anybody listened is not known.
fn on_serial(wanted: &SerialPattern, sight: &Sight<'_>) -> Part {
    let lines = match &sight.serial {
        Ok(lines) => lines,
        Err(why) => return Part::unknown(why.clone()),
    };
    let Some(pattern) = event_pattern(wanted.source()) else {
        return Part::unknown(format!("`{}` is not a pattern", wanted.source()));
    };
    let within = wanted.within().duration();
    let mut lately = lines.iter().rev().filter(|(_, age)| *age <= within);
    match lately.find(|(line, _)| pattern.is_match(&line.text)) {
        Some((line, age)) => {
            let told = format!(
                "the host wrote `{}` on its serial console {} ago",
                brief(&line.text),
                in_words(*age)
            );
            Part::new(true, told)
        }
        None => Part::new(false, format!("the host did not write {wanted}")),
    }
}

/// How far the deployment of the host came. Where nothing is deployed, it came nowhere.
fn on_deployment(wanted: &DeploymentIs, sight: &Sight<'_>) -> Part {
    let DeployedAt { phase, lasted, overdue } = match &sight.deployment {
        Ok(Some(deployed)) => *deployed,
        Ok(None) => return Part::new(false, "nothing is deployed to the host".to_owned()),
        Err(why) => return Part::unknown(why.clone()),
    };
    let asked = wanted.resolve();
    let late = if overdue { ", past its deadline" } else { "" };
    let is = format!("the deployment is {phase}{late}");
    let in_phase = asked.phase.is_empty() || asked.phase.contains(&phase);
    if !in_phase || asked.overdue.is_some_and(|wanted| wanted != overdue) {
        return Part::new(false, format!("{is}, and not {wanted}"));
    }
    lasting(Part::new(true, is), lasted, asked.since.map(Span::duration))
}

/// What a pattern may compile to, in bytes, as on screens.
const LARGEST: usize = 1 << 20;

/// Cases are not told apart and `^` and `$` stand at the ends of lines, as on screens.
fn event_pattern(source: &str) -> Option<Regex> {
    RegexBuilder::new(source).case_insensitive(true).multi_line(true).size_limit(LARGEST).build().ok()
}

/// What is so must have been so for a while, where that is asked for.
fn lasting(part: Part, lasted: Duration, wanted: Option<Duration>) -> Part {
    let Some(wanted) = wanted.filter(|_| part.truth == Truth::Yes) else { return part };
    if lasted >= wanted {
        return Part { reason: format!("{} for {} or more", part.reason, in_words(wanted)), ..part };
    }
    Part::new(false, format!("{} for {} so far, not {}", part.reason, in_words(lasted), in_words(wanted)))
}

fn compare<T: PartialEq + Copy + Display>(known: &Known<T>, wanted: T, words: impl Fn(T) -> String) -> Part {
    match known {
        Ok(seen) if *seen == wanted => Part::new(true, words(*seen)),
        Ok(seen) => Part::new(false, format!("{}, not {wanted}", words(*seen))),
        Err(why) => Part::unknown(why.clone()),
    }
}

fn stands(known: &Known<Duration>, wanted: Duration) -> Part {
    match known {
        Ok(length) => {
            Part::new(*length >= wanted, format!("the screen has not changed for {}", in_words(*length)))
        }
        Err(why) => Part::unknown(why.clone()),
    }
}

fn on_screen(pattern: &ScreenPattern, sight: &Sight<'_>) -> Part {
    let find = match &sight.find {
        Ok(find) => find,
        Err(why) => return Part::unknown(why.clone()),
    };
    let Some(evidence) = find(pattern) else {
        return Part::new(false, format!("the screen does not show {pattern}"));
    };
    let place = format!("`{}` stands in row {}", brief(&evidence.text), evidence.row + 1);
    if let Some(least) = pattern.min_confidence()
        && evidence.confidence < least
    {
        // Cut, not rounded: 0.899 is less than 0.90.
        let read = (evidence.confidence * 100.0).floor() / 100.0;
        return Part::new(
            false,
            format!("{place}, but was read with confidence {read:.2}, less than {least:.2}"),
        );
    }
    Part { evidence: Some(evidence), ..Part::new(true, place) }
}

/// The longest piece of a screen that a sentence quotes, in characters: most of a row.
const QUOTED: usize = 60;

/// The beginning of a matched text, for a sentence; the whole of it stands in the evidence.
fn brief(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let quoted: String = line.chars().take(QUOTED).collect();
    if quoted.len() < text.len() { format!("{} ...", quoted.trim_end()) } else { quoted }
}

#[cfg(test)]
mod tests;
