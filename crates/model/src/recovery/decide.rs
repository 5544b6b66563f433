//! From a view to a decision.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use ironhand_api::{Flow, IncidentState, MatchEvidence, RunState, Timestamp, Verdict};

use super::open::{Open, Proof};
use super::quote::quote;
use super::run::Progress;
use super::unwell::unknown_screen;
use super::{
    Decision, HostRecovery, Ledger, Log, MOST_RUNS, ScreenView, Streak, View, obstacle_to_host,
    obstacle_to_reading, obstacle_to_step, reserved, wait,
};
use crate::facts::in_words;

impl HostRecovery {
    /// Counts a reading for the flows that recognise it and for the proof that the host is well; tells whether it is
    /// one that was not counted before and may be acted on.
    pub(super) fn count(&mut self, view: &View<'_>) -> bool {
        let obstructed = obstacle_to_reading(view.facts).is_some();
        if obstructed {
            self.forget_readings();
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
            self.forget_readings();
            return false;
        }
        let mut streaks = BTreeMap::new();
        for verdict in screen.verdicts.iter().filter(|verdict| verdict.applies) {
            let Some(flow) = view.flow(&verdict.flow) else { continue };
            let version = flow.metadata.resource_version;
            let before = self.streaks.get(&verdict.flow).filter(|streak| streak.version == version);
            let readings = before.map_or(0, |streak| streak.readings).saturating_add(1);
            let evidence = evidence_of(verdict, &screen);
            streaks.insert(verdict.flow.clone(), Streak { readings, version, evidence });
        }
        self.streaks = streaks;
        match &mut self.incident {
            Some(open) => open.count_proof(view, &screen, &self.streaks),
            None if self.streaks.is_empty() && !view.facts.is_failing() => {
                self.seen_well_at = Some(screen.read_at);
            }
            None => {}
        }
        true
    }

    pub(super) fn forget_readings(&mut self) {
        self.streaks.clear();
        if let Some(open) = &mut self.incident {
            open.proof = Proof::default();
        }
    }

    /// A host without an incident.
    pub(super) fn watch(&mut self, now: Timestamp, view: &View<'_>, fresh: bool, log: &mut Log) -> Decision {
        if let Some(reason) = obstacle_to_reading(view.facts) {
            let decision = wait(reason, None, None);
            let is_reserved = reserved(view.facts).is_some();
            return if is_reserved { decision } else { self.fall_ill(now, view, fresh, decision, log) };
        }
        let Some(flow) = self.recognising(view).next() else {
            if let Some((reason, evidence)) = self.unsteady(view) {
                return wait(reason, None, Some(evidence));
            }
            let decision = match view.screen {
                Some(screen) if screen.reliable => Decision::Settled,
                Some(_) => wait("the screen cannot be read with certainty".to_owned(), None, None),
                None => wait("the screen was not read yet".to_owned(), None, None),
            };
            return self.fall_ill(now, view, fresh, decision, log);
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
        fresh: bool,
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
        fresh: bool,
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
        fresh: bool,
        open: &mut Open,
        log: &mut Log,
    ) -> Decision {
        if let Some(reason) = obstacle_to_reading(view.facts) {
            // Of a host that fell ill by its checks, a person is asked also where nobody sees the screen.
            if open.flow.is_none() && obstacle_to_host(view.facts).is_none() {
                return self.doubt(now, view, open, log);
            }
            open.doubt_since = now;
            return wait(reason, None, Some(open.evidence.clone()));
        }
        let attempts = |flow: &Flow| self.attempts(flow);
        let mut recognising = self.recognising(view).peekable();
        let Some(first) = recognising.peek().copied() else {
            drop(recognising);
            return self.doubt(now, view, open, log);
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
            if !fresh {
                // The last run may have helped after all.
                let reason = "the next reading of the screen decides whether a person is asked".to_owned();
                return wait(reason, None, Some(open.evidence.clone()));
            }
            let streak = &self.streaks[&first.metadata.name];
            let reason = if open.record.attempts < MOST_RUNS {
                format!(
                    "flow {} was tried {}, and the screen still shows {}",
                    first.metadata.name,
                    times(attempts(first)),
                    quote(&streak.evidence)
                )
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
        fresh: bool,
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
        if !fresh {
            let reason = format!("flow {name} begins after the next reading of the screen");
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

    /// The flows that recognise the screen firmly, the one to take first.
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
        let stable = view.flow(name)?.spec.when.stable;
        let reason = format!(
            "flow {name} recognises {}, on {} of {stable} readings",
            quote(&streak.evidence),
            streak.readings
        );
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
    let mut evidence = verdict.evidence.clone().unwrap_or_else(|| MatchEvidence {
        text: verdict.reason.clone(),
        row: 0,
        column: 0,
        confidence: 1.0,
        screen_text: String::new(),
        read_at: screen.read_at,
        picture: screen.picture.cloned(),
        captures: BTreeMap::new(),
        findings: Vec::new(),
    });
    if verdict.findings.len() > 1 {
        evidence.findings.clone_from(&verdict.findings);
    }
    evidence
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
