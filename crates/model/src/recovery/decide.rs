//! From a view to a decision.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use ironhand_api::{Flow, IncidentState, MatchEvidence, Name, PictureDigest, RunState, Timestamp, Verdict};

use super::open::{Open, Proof};
use super::quote::{quote, said};
use super::run::Progress;
use super::unwell::unknown_screen;
use super::{
    Decision, Fresh, HostRecovery, Ledger, Log, MOST_RUNS, ScreenView, Streak, View, obstacle_to_host,
    obstacle_to_reading, obstacle_to_step, reserved, wait,
};
use crate::facts::in_words;

impl HostRecovery {
    /// Counts a reading, and a look at the host, for the flows that recognise it and for the proof that the host is well;
    /// tells what is new of it and may be acted on.
    pub(super) fn count(&mut self, view: &View<'_>) -> Fresh {
        let fresh = Fresh { reading: self.is_new_reading(view), look: self.is_new_look(view) };
        if let Some(screen) = view.screen.filter(|_| fresh.reading) {
            self.count_flows(view, &screen);
        }
        if fresh.look {
            self.count_signs(view);
        }
        if fresh == Fresh::default() {
            return fresh;
        }
        match &mut self.incident {
            Some(open) => open.count_proof(view, fresh, &self.streaks),
            None if self.streaks.is_empty() && !view.facts.is_failing() => {
                let seen = view.screen.filter(|_| fresh.reading).map(|screen| screen.read_at);
                self.seen_well_at = seen.or(self.seen_well_at);
            }
            None => {}
        }
        fresh
    }

    /// Whether the screen was read again, and says something.
    fn is_new_reading(&mut self, view: &View<'_>) -> bool {
        let obstructed = obstacle_to_reading(view.facts).is_some();
        if obstructed {
            self.forget_readings(view);
        }
        let Some(screen) = view.screen.filter(|screen| self.last_seq != Some(screen.seq)) else {
            return false;
        };
        self.last_seq = Some(screen.seq);
        if let Some(open) = &mut self.incident
            && screen.picture.is_some()
        {
            open.record.last_picture = screen.picture.cloned();
        }
        if obstructed || !screen.reliable {
            self.forget_readings(view);
            return false;
        }
        true
    }

    /// Whether it was looked again how the host is. The first time may be from before the server began.
    fn is_new_look(&mut self, view: &View<'_>) -> bool {
        let is_reserved = reserved(view.facts).is_some();
        if is_reserved {
            self.forget();
        }
        let Some(at) = view.facts.looked_at().filter(|at| self.last_look != Some(*at)) else { return false };
        self.last_look.replace(at).is_some() && !is_reserved
    }

    /// Counts a reading for the flows that begin on what the screen shows.
    fn count_flows(&mut self, view: &View<'_>, screen: &ScreenView<'_>) {
        let verdicts = screen.verdicts.iter().filter(|verdict| verdict.applies);
        let applying = verdicts.filter_map(|verdict| Some((view.flow(&verdict.flow)?, verdict)));
        let applying = applying.filter(|(flow, _)| flow.spec.when.needs_screen());
        let now = applying.map(|(flow, verdict)| self.streak(flow, evidence_of(verdict, screen))).collect();
        self.replace_streaks(view, true, now);
    }

    /// Counts a look at the host for the flows that begin without a screen.
    fn count_signs(&mut self, view: &View<'_>) {
        let flows = view.flows.iter().filter(|flow| !flow.spec.when.needs_screen());
        let now = flows.filter_map(|flow| {
            let verdict = view.verdict(flow).filter(|verdict| verdict.applies)?;
            Some(self.streak(flow, evidence_of_sign(&verdict, view)))
        });
        let now = now.collect();
        self.replace_streaks(view, false, now);
    }

    /// One more of a flow, by its name.
    fn streak(&self, flow: &Flow, evidence: MatchEvidence) -> (Name, Streak) {
        let (name, version) = (&flow.metadata.name, flow.metadata.resource_version);
        let before = self.streaks.get(name).filter(|streak| streak.version == version);
        let readings = before.map_or(0, |streak| streak.readings).saturating_add(1);
        (name.clone(), Streak { readings, version, evidence })
    }

    /// What is counted now of the flows that begin on a screen, or without one.
    fn replace_streaks(&mut self, view: &View<'_>, on_screen: bool, now: Vec<(Name, Streak)>) {
        self.streaks
            .retain(|name, _| view.flow(name).is_some_and(|flow| flow.spec.when.needs_screen() != on_screen));
        self.streaks.extend(now);
    }

    /// What the screen showed counts no longer.
    fn forget_readings(&mut self, view: &View<'_>) {
        self.replace_streaks(view, true, Vec::new());
        if let Some(open) = self.incident.as_mut().filter(|open| open.is_proven_on_screen()) {
            open.proof = Proof::default();
        }
    }

    /// Nothing that was seen counts any longer.
    pub(super) fn forget(&mut self) {
        self.streaks.clear();
        if let Some(open) = &mut self.incident {
            open.proof = Proof::default();
        }
    }

    /// A host without an incident.
    pub(super) fn watch(&mut self, now: Timestamp, view: &View<'_>, fresh: Fresh, log: &mut Log) -> Decision {
        let Some(flow) = self.recognising(view).next() else {
            if let Some((reason, evidence)) = self.unsteady(view) {
                return wait(reason, None, Some(evidence));
            }
            let decision = match (obstacle_to_reading(view.facts), view.screen) {
                (Some(reason), _) => wait(reason, None, None),
                (None, Some(screen)) if screen.reliable => Decision::Settled,
                (None, Some(_)) => wait("the screen cannot be read with certainty".to_owned(), None, None),
                (None, None) => wait("the screen was not read yet".to_owned(), None, None),
            };
            let is_reserved = reserved(view.facts).is_some();
            return if is_reserved { decision } else { self.fall_ill(now, view, fresh, decision, log) };
        };
        let evidence = self.streaks[&flow.metadata.name].evidence.clone();
        self.forget_other_illnesses(now, view);
        let open = Open::new(now, view, flow, evidence, self.seen_well_at, log);
        self.tend(now, view, fresh, open, log)
    }

    /// What is older than its flow's cooldown when an incident opens was another illness.
    pub(super) fn forget_other_illnesses(&mut self, now: Timestamp, view: &View<'_>) {
        self.ledgers.retain(|name, ledger| {
            view.flow(name)
                .is_some_and(|flow| now.since(ledger.ended_at) < flow.spec.limits.cooldown.duration())
        });
    }

    /// A host with an incident.
    pub(super) fn tend(
        &mut self,
        now: Timestamp,
        view: &View<'_>,
        fresh: Fresh,
        mut open: Open,
        log: &mut Log,
    ) -> Decision {
        if let Some(reason) = reserved(view.facts) {
            self.end_run(now, &mut open, RunState::Cancelled, reason.to_owned(), log);
        }
        match open.drive(now, view, log) {
            Progress::NoRun => {}
            Progress::Going(decision) => {
                self.incident = Some(open);
                return decision;
            }
            Progress::Ended(state, reason) => {
                self.end_run(now, &mut open, state, reason, log);
                if state == RunState::Succeeded && self.streaks.is_empty() {
                    let reason = "the host is proven well".to_owned();
                    return self.close_proven(now, view, fresh, open, reason, log);
                }
            }
        }
        if open.is_proven(view) && self.streaks.is_empty() {
            let reason = match &open.flow {
                Some(_) => "the host is proven well again".to_owned(),
                None => "all checks of the host pass again".to_owned(),
            };
            return self.close_proven(now, view, fresh, open, reason, log);
        }
        let attempts = |flow: &Flow| self.attempts(flow);
        let is_known_now = self.recognising(view).any(|flow| open.is_for(flow, attempts(flow)));
        let decision = if open.record.state == IncidentState::NeedsHuman && !is_known_now {
            open.needs_human()
        } else {
            self.choose(now, view, fresh, &mut open, log)
        };
        self.incident = Some(open);
        decision
    }

    fn close_proven(
        &mut self,
        now: Timestamp,
        view: &View<'_>,
        fresh: Fresh,
        mut open: Open,
        reason: String,
        log: &mut Log,
    ) -> Decision {
        open.close(now, reason, log);
        self.settled_at = Some(now);
        self.watch(now, view, fresh, log)
    }

    /// An incident that is open and has no run: begins the next one, waits, or asks for a person.
    fn choose(
        &mut self,
        now: Timestamp,
        view: &View<'_>,
        fresh: Fresh,
        open: &mut Open,
        log: &mut Log,
    ) -> Decision {
        let attempts = |flow: &Flow| self.attempts(flow);
        let mut recognising = self.recognising(view).peekable();
        let Some(first) = recognising.peek().copied() else {
            drop(recognising);
            // Of a host that fell ill by another sign, a person is asked also where nobody sees the screen.
            let by_sign = open.flow.as_ref().is_none_or(|flow| !flow.spec.when.needs_screen());
            return match obstacle_to_reading(view.facts) {
                Some(reason) if !by_sign || obstacle_to_host(view.facts).is_some() => {
                    open.doubt_since = now;
                    wait(reason, None, Some(open.evidence.clone()))
                }
                _ => self.doubt(now, view, open, log),
            };
        };
        open.doubt_since = now;
        let mut only_told = None;
        let candidate = recognising.find(|flow| {
            let is_next = attempts(flow) < flow.spec.limits.attempts;
            if is_next && (flow.spec.dry_run || view.observes) {
                open.would_run(now, view, flow, &self.streaks[&flow.metadata.name].evidence, log);
                only_told.get_or_insert(&flow.metadata.name);
                return false;
            }
            is_next
        });
        if let (None, Some(name)) = (&candidate, only_told) {
            let reason = format!("flow {name} would run, and is only told of");
            open.wait_for(&reason, log);
            return wait(reason, None, Some(self.streaks[name].evidence.clone()));
        }
        let Some(flow) = candidate.filter(|_| open.record.attempts < MOST_RUNS).cloned() else {
            if !fresh.is_for(first) {
                // The last run may have helped after all.
                let reason = format!("the next {} decides whether a person is asked", look_of(first));
                return wait(reason, None, Some(open.evidence.clone()));
            }
            let streak = &self.streaks[&first.metadata.name];
            let reason = if open.record.attempts < MOST_RUNS {
                let (tried, still) = (times(attempts(first)), said(first, &streak.evidence, "still "));
                format!("flow {} was tried {tried}, and {still}", first.metadata.name)
            } else {
                format!("{MOST_RUNS} runs were made for this incident")
            };
            open.ask_for_human(reason, Some(&streak.evidence), log);
            return open.needs_human();
        };
        let evidence = self.streaks[&flow.metadata.name].evidence.clone();
        if let Some(NotYet { reason, until, told }) =
            self.not_yet(now, view, fresh, &flow, open.record.opened_at)
        {
            if told {
                open.wait_for(&reason, log);
            }
            return wait(reason, until, Some(evidence));
        }
        let ledger = self.ledgers.entry(flow.metadata.name.clone()).or_insert(Ledger {
            attempts: 0,
            ended_at: now,
            failed: false,
        });
        ledger.attempts = ledger.attempts.saturating_add(1);
        let is_last = ledger.attempts >= flow.spec.limits.attempts;
        open.start_run(now, flow, evidence, None, log);
        if let Some(running) = &mut open.run {
            running.is_last = is_last;
        }
        match open.drive(now, view, log) {
            Progress::Going(decision) => decision,
            Progress::NoRun => Decision::Settled,
            Progress::Ended(state, reason) => {
                self.end_run(now, open, state, reason.clone(), log);
                wait(reason, None, None)
            }
        }
    }

    /// Why `flow` may not begin at this moment, and when to ask again.
    fn not_yet(
        &self,
        now: Timestamp,
        view: &View<'_>,
        fresh: Fresh,
        flow: &Flow,
        opened_at: Timestamp,
    ) -> Option<NotYet> {
        let name = &flow.metadata.name;
        let because = |reason: String, until, told| Some(NotYet { reason, until, told });
        if let Some(ledger) = self.ledgers.get(name).filter(|ledger| ledger.failed) {
            let until = ledger.ended_at.after(flow.spec.limits.cooldown.duration());
            if now < until {
                return because(format!("flow {name} may try again after its cooldown"), Some(until), false);
            }
        }
        if let Some(obstacle) = flow.spec.steps.iter().find_map(|step| obstacle_to_step(view.facts, step)) {
            return because(format!("flow {name} cannot begin: {obstacle}"), None, true);
        }
        if let Some(hold) = view.hold {
            return because(format!("flow {name} does not begin: {hold}"), None, true);
        }
        if let Some(until) = view.quiet_until.filter(|_| !flow.spec.even_in_quiet_hours) {
            let reason = format!("flow {name} does not begin: the hours are quiet until {until}");
            return because(reason, Some(until), true);
        }
        // What was read before a cooldown or an outage may be history.
        if !fresh.is_for(flow) {
            let reason = format!("flow {name} begins after the next {}", look_of(flow));
            return because(reason, None, false);
        }
        // Last, since it counts the run.
        let (hold, until) = (view.permit)(flow, opened_at).err()?;
        because(format!("flow {name} does not begin: {hold}"), Some(until), true)
    }

    /// How often the flow was tried of late.
    fn attempts(&self, flow: &Flow) -> u32 {
        self.ledgers.get(&flow.metadata.name).map_or(0, |ledger| ledger.attempts)
    }

    /// No flow recognises the screen firmly.
    fn doubt(&self, now: Timestamp, view: &View<'_>, open: &mut Open, log: &mut Log) -> Decision {
        let until = open.doubt_since.after(view.patience.ask);
        let (reason, evidence) = match self.unsteady(view) {
            Some((reason, evidence)) => (reason, Some(evidence)),
            None => (open.progress_of_proof(), None),
        };
        if now < until {
            return wait(reason, Some(until), evidence);
        }
        let reason = format!("for {} {reason}", in_words(view.patience.ask));
        if evidence.is_none() {
            open.record.unknown_screen = unknown_screen(view);
        }
        open.ask_for_human(reason, evidence.as_ref(), log);
        open.needs_human()
    }

    /// The flows that recognise the screen, or the host, firmly, the one to take first.
    fn recognising<'v>(&self, view: &View<'v>) -> impl Iterator<Item = &'v Arc<Flow>> + use<'v> {
        let mut flows: Vec<&'v Arc<Flow>> = view
            .flows
            .iter()
            .filter(|flow| {
                let streak = self.streaks.get(&flow.metadata.name);
                streak.is_some_and(|streak| streak.readings >= flow.spec.when.stable)
            })
            .collect();
        flows.sort_by(|a, b| by_precedence(a, b));
        flows.into_iter()
    }

    /// A flow that recognises the screen, though not yet on enough readings.
    fn unsteady(&self, view: &View<'_>) -> Option<(String, MatchEvidence)> {
        let (name, streak) = self.streaks.iter().max_by_key(|(_, streak)| streak.readings)?;
        let flow = view.flow(name)?;
        let (readings, stable) = (streak.readings, flow.spec.when.stable);
        let reason = match flow.spec.when.needs_screen() {
            true => format!(
                "flow {name} recognises {}, on {readings} of {stable} readings",
                quote(&streak.evidence)
            ),
            false => {
                format!("flow {name} sees that {}, on {readings} of {stable} looks", streak.evidence.text)
            }
        };
        Some((reason, streak.evidence.clone()))
    }

    /// Ends the run of `open`, if it has one.
    pub(super) fn end_run(
        &mut self,
        now: Timestamp,
        open: &mut Open,
        state: RunState,
        reason: String,
        log: &mut Log,
    ) {
        let Some(name) = open.end_run(now, state, reason, log) else { return };
        if let Some(ledger) = self.ledgers.get_mut(&name) {
            ledger.ended_at = now;
            ledger.failed = state != RunState::Succeeded;
        }
    }
}

/// Why a flow does not begin at this moment.
struct NotYet {
    reason: String,
    /// When to ask again.
    until: Option<Timestamp>,
    /// Whether it lasts, so that the incident tells it.
    told: bool,
}

/// Which of two flows that apply is taken first: the one with the higher priority, of equals the first by name.
pub(super) fn by_precedence(a: &Flow, b: &Flow) -> Ordering {
    b.spec.priority.cmp(&a.spec.priority).then_with(|| a.metadata.name.cmp(&b.metadata.name))
}

/// What was seen, with what was found of each part of the condition.
pub(super) fn evidence_of(verdict: &Verdict, screen: &ScreenView<'_>) -> MatchEvidence {
    evidence_or(verdict, screen.read_at, screen.picture)
}

/// What was seen of a host for a flow that begins without a screen, with the picture of the last one.
pub(super) fn evidence_of_sign(verdict: &Verdict, view: &View<'_>) -> MatchEvidence {
    let looked_at = view.facts.looked_at().unwrap_or(Timestamp::from_millis(0));
    evidence_or(verdict, looked_at, view.screen.and_then(|screen| screen.picture))
}

/// What a pattern found; else why the verdict is what it is.
fn evidence_or(verdict: &Verdict, at: Timestamp, picture: Option<&PictureDigest>) -> MatchEvidence {
    let mut evidence = verdict.evidence.clone().unwrap_or_else(|| MatchEvidence {
        text: verdict.reason.clone(),
        row: 0,
        column: 0,
        confidence: 1.0,
        screen_text: String::new(),
        read_at: at,
        picture: picture.cloned(),
        captures: BTreeMap::new(),
        findings: Vec::new(),
    });
    if verdict.findings.len() > 1 {
        evidence.findings.clone_from(&verdict.findings);
    }
    evidence
}

/// What a flow begins on.
fn look_of(flow: &Flow) -> &'static str {
    if flow.spec.when.needs_screen() { "reading of the screen" } else { "look at the host" }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
