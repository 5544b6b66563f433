//! The decision what to do about a host, now.
//!
//! A flow whose verdict stands on enough readings in a row opens an incident and runs. The incident closes when the
//! host is proven well, by the run or in any other way; it asks for a person when the flows that recognise the screen
//! have made their attempts, or when nobody can tell for long what the screen shows.

mod describe;
mod run;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{
    ActionReceipt, EventKind, Flow, Health, Incident, IncidentState, Management, MatchEvidence, Name,
    PictureDigest, PowerState, Reach, Run, RunState, Severity, Step, StepOutcome, Timestamp, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::HostFacts;
use crate::facts::in_words;
use describe::describe;
use run::{Progress, Running};

/// Runs in one incident at most, whatever flows take part: as many as the highest limit that one flow may set.
pub const MOST_RUNS: u32 = 100;

/// How long a run may stand still because the host is off or cannot be reached; then it has failed.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How long an action may stay without a reported outcome; then its outcome is unknown.
pub const LONGEST_STEP: Duration = Duration::from_secs(900);

/// How long an open incident may show a screen that no flow recognises and that proves nothing; then a person is
/// asked. Long enough for a large server to boot.
pub const LONGEST_DOUBT: Duration = Duration::from_secs(600);

/// What a decision is made from.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The host.
    pub host: &'a Name,
    /// What is believed of it.
    pub facts: &'a HostFacts,
    /// The last reading of its screen.
    pub screen: Option<ScreenView<'a>>,
    /// The flows that select the host, in any order.
    pub flows: &'a [Arc<Flow>],
}

/// A reading of the screen.
#[derive(Clone, Copy)]
pub struct ScreenView<'a> {
    /// Differs from one reading to the next; a reading that was seen before is not counted again.
    pub seq: u64,
    /// When the picture was taken.
    pub read_at: Timestamp,
    /// Whether the reading may be acted on.
    pub reliable: bool,
    /// The picture.
    pub picture: Option<&'a PictureDigest>,
    /// What each of the flows says of it.
    pub verdicts: &'a [Verdict],
    /// Looks for the pattern of a `waitFor` or `verify` on it.
    pub find: &'a dyn Fn(&str) -> Option<MatchEvidence>,
}

/// What to do about a host, and why.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Nothing: no incident is open, and no flow recognises the screen.
    Settled,
    /// Nothing yet.
    Wait {
        /// Why, in words.
        reason: String,
        /// When to ask again even if nothing is observed.
        until: Option<Timestamp>,
        /// What was seen, where something was.
        evidence: Option<Box<MatchEvidence>>,
    },
    /// Do this step, once, after the transitions are durable, and [`record`](HostRecovery::record) its outcome.
    Act(Box<Planned>),
    /// Nothing more: a person must look.
    NeedsHuman {
        /// Why, in words.
        reason: String,
        /// What was seen when Ironhand gave up, where something was.
        evidence: Option<Box<MatchEvidence>>,
    },
}

/// A step to do now.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The run.
    pub run: u64,
    /// The flow.
    pub flow: Name,
    /// The place of the step in the flow, from 0.
    pub index: usize,
    /// The place of its record in the run, from 0.
    pub record: usize,
    /// The step.
    pub step: Step,
    /// Why it is done, in words.
    pub reason: String,
    /// What on the screen made the flow apply.
    pub evidence: MatchEvidence,
}

/// A change of an incident or a run: one event, and what is to be stored with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// What kind of event it is.
    pub kind: EventKind,
    /// How much it matters to a person.
    pub severity: Severity,
    /// What happened, in words that an operator understands.
    pub message: String,
    /// The incident as it is now.
    pub incident: Incident,
    /// The run as it is now, where the event belongs to one.
    pub run: Option<Run>,
}

/// A decision, and what must be durable before it is acted on.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Decided {
    /// What to do.
    pub decision: Decision,
    /// What changed, in order.
    pub transitions: Vec<Transition>,
}

impl Decided {
    /// Whether an incident was opened that has no id yet: the caller gives it one by [`HostRecovery::number`].
    pub fn needs_incident_id(&self) -> bool {
        self.transitions.iter().any(|transition| transition.incident.id == UNNUMBERED)
    }

    /// The same for a run.
    pub fn needs_run_id(&self) -> bool {
        self.transitions.iter().any(|t| t.run.as_ref().is_some_and(|run| run.id == UNNUMBERED))
    }
}

/// The id of an incident or a run that [`HostRecovery::number`] has not been called for; true ids begin at 1.
const UNNUMBERED: u64 = 0;

/// How far the recovery of one host has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostRecovery {
    /// The flows that recognised the last reading.
    streaks: BTreeMap<Name, Streak>,
    last_seq: Option<u64>,
    ledgers: BTreeMap<Name, Ledger>,
    incident: Option<Open>,
}

/// Readings in a row that a flow recognised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Streak {
    readings: u32,
    /// The version of the flow that recognised them: another version begins anew.
    version: Option<u64>,
    evidence: MatchEvidence,
}

/// What a flow has done for the host. It outlives the incident for as long as the flow's cooldown, so that a host that
/// falls ill again and again does not get endless attempts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ledger {
    attempts: u32,
    ended_at: Timestamp,
    failed: bool,
}

/// The open incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    record: Incident,
    /// The flow of the last run, or the one that opened the incident: its `verify` proves the host well.
    flow: Arc<Flow>,
    proof: Proof,
    /// Since when the screen was neither recognised nor a proof.
    doubt_since: Timestamp,
    run: Option<Running>,
    /// What was seen when the incident opened or asked for a person.
    evidence: MatchEvidence,
}

/// Readings in a row that prove the host well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    readings: u32,
    evidence: Option<MatchEvidence>,
}

/// Events of one decision, in order.
type Log = Vec<Transition>;

impl HostRecovery {
    /// A host with no incident.
    pub fn new() -> Self {
        Self::default()
    }

    /// The open incident.
    pub fn incident(&self) -> Option<&Incident> {
        self.incident.as_ref().map(|open| &open.record)
    }

    /// The run that works on it.
    pub fn run(&self) -> Option<&Run> {
        self.incident.as_ref()?.run.as_ref().map(|running| &running.record)
    }

    /// How the host fares.
    pub fn health(&self) -> Health {
        match self.incident.as_ref().map(|open| open.record.state) {
            None | Some(IncidentState::Closed) => Health::Well,
            Some(IncidentState::Open) => Health::Unwell,
            Some(IncidentState::Recovering) => Health::Recovering,
            Some(IncidentState::NeedsHuman) => Health::NeedsHuman,
        }
    }

    /// Decides what to do. To be called after each reading, each recorded step and each deadline; extra calls are
    /// harmless, as a reading is counted once and a step asked for once.
    pub fn decide(&mut self, now: Timestamp, view: &View<'_>) -> Decided {
        let mut log = Log::new();
        let fresh = self.count(view);
        let decision = match self.incident.take() {
            Some(open) => self.tend(now, view, fresh, open, &mut log),
            None => self.watch(now, view, fresh, &mut log),
        };
        Decided { decision, transitions: log }
    }

    /// Gives the incident and the run that `decided` began their ids; does nothing where neither began.
    pub fn number(&mut self, decided: &mut Decided, incident: u64, run: u64) {
        let assign = |id: &mut u64, given: u64| {
            if *id == UNNUMBERED {
                *id = given;
            }
        };
        if let Some(open) = &mut self.incident {
            assign(&mut open.record.id, incident);
            if let Some(running) = &mut open.run {
                assign(&mut running.record.id, run);
                assign(&mut running.record.incident, incident);
            }
        }
        for transition in &mut decided.transitions {
            assign(&mut transition.incident.id, incident);
            if let Some(record) = &mut transition.run {
                assign(&mut record.id, run);
                assign(&mut record.incident, incident);
            }
        }
        if let Decision::Act(planned) = &mut decided.decision {
            assign(&mut planned.run, run);
        }
    }

    /// Takes in how the step of an [`Act`](Decision::Act) went. A report of a step that is not awaited any more
    /// changes nothing.
    #[must_use = "transitions must be recorded"]
    pub fn record(
        &mut self,
        now: Timestamp,
        planned: &Planned,
        outcome: StepOutcome,
        receipts: Vec<ActionReceipt>,
    ) -> Vec<Transition> {
        let mut log = Log::new();
        let Some(mut open) = self.incident.take() else { return log };
        if let Some(running) = &mut open.run
            && running.awaits(planned)
        {
            let ended = running.settle(now, outcome, receipts, &open.record, &mut log);
            if let Some((state, reason)) = ended {
                self.end_run(now, &mut open, state, reason, &mut log);
            }
        }
        self.incident = Some(open);
        log
    }

    /// To be called once after a restart of the server, before the first [`decide`](Self::decide): an action that was
    /// being done has an unknown outcome, and readings before the restart no longer count.
    #[must_use = "transitions must be recorded"]
    pub fn resume(&mut self, now: Timestamp) -> Vec<Transition> {
        let mut log = Log::new();
        self.forget_readings();
        self.last_seq = None;
        let Some(mut open) = self.incident.take() else { return log };
        if let Some(running) = &mut open.run
            && running.is_acting()
        {
            let outcome = StepOutcome::Unknown("the server stopped while it was being done".to_owned());
            let ended = running.settle(now, outcome, Vec::new(), &open.record, &mut log);
            if let Some((state, reason)) = ended {
                self.end_run(now, &mut open, state, reason, &mut log);
            }
        }
        self.incident = Some(open);
        log
    }

    /// Stops the run, if there is one, and leaves the host to people; `who` stopped it.
    #[must_use = "transitions must be recorded"]
    pub fn cancel(&mut self, now: Timestamp, who: &str) -> Vec<Transition> {
        let mut log = Log::new();
        let Some(mut open) = self.incident.take() else { return log };
        if open.run.is_some() {
            let reason = format!("stopped by {who}");
            self.end_run(now, &mut open, RunState::Cancelled, reason.clone(), &mut log);
            open.ask_for_human(reason, None, &mut log);
        }
        self.incident = Some(open);
        log
    }

    /// Closes the incident on the word of `who`, stopping its run.
    #[must_use = "transitions must be recorded"]
    pub fn close(&mut self, now: Timestamp, who: &str) -> Vec<Transition> {
        let mut log = Log::new();
        let Some(mut open) = self.incident.take() else { return log };
        let reason = format!("closed by {who}");
        self.end_run(now, &mut open, RunState::Cancelled, reason.clone(), &mut log);
        open.close(now, reason, &mut log);
        self.forget_readings();
        log
    }

    /// Counts a reading for the flows that recognise it and for the proof that the host is well; tells whether it is
    /// one that was not counted before and may be acted on.
    fn count(&mut self, view: &View<'_>) -> bool {
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
        if let Some(open) = &mut self.incident {
            open.count_proof(view, &screen, &self.streaks);
        }
        true
    }

    fn forget_readings(&mut self) {
        self.streaks.clear();
        if let Some(open) = &mut self.incident {
            open.proof = Proof::default();
        }
    }

    /// A host without an incident.
    fn watch(&mut self, now: Timestamp, view: &View<'_>, fresh: bool, log: &mut Log) -> Decision {
        if let Some(reason) = obstacle_to_reading(view.facts) {
            return wait(reason, None, None);
        }
        let Some(flow) = self.recognising(view).next() else {
            return match self.unsteady(view) {
                Some((reason, evidence)) => wait(reason, None, Some(evidence)),
                None => Decision::Settled,
            };
        };
        let evidence = self.streaks[&flow.metadata.name].evidence.clone();
        // What is older than its flow's cooldown was another illness.
        self.ledgers.retain(|name, ledger| {
            view.flow(name)
                .is_some_and(|flow| now.since(ledger.ended_at) < flow.spec.limits.cooldown.duration())
        });
        let open = Open::new(now, view, flow, evidence, log);
        self.tend(now, view, fresh, open, log)
    }

    /// A host with an incident.
    fn tend(
        &mut self,
        now: Timestamp,
        view: &View<'_>,
        fresh: bool,
        mut open: Open,
        log: &mut Log,
    ) -> Decision {
        if view.facts.management() == Management::Disabled {
            let reason = "the host is not managed".to_owned();
            self.end_run(now, &mut open, RunState::Cancelled, reason, log);
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
        if open.is_proven() && self.streaks.is_empty() {
            let reason = "the host is proven well again".to_owned();
            return self.close_proven(now, view, fresh, open, reason, log);
        }
        let decision = if open.record.state == IncidentState::NeedsHuman {
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
            open.doubt_since = now;
            return wait(reason, None, Some(open.evidence.clone()));
        }
        let attempts =
            |flow: &Flow| self.ledgers.get(&flow.metadata.name).map_or(0, |ledger| ledger.attempts);
        let mut recognising = self.recognising(view).peekable();
        let Some(first) = recognising.peek().copied() else {
            drop(recognising);
            return self.doubt(now, view, open, log);
        };
        open.doubt_since = now;
        let candidate = recognising.find(|flow| attempts(flow) < flow.spec.limits.attempts);
        let Some(flow) = candidate.filter(|_| open.record.attempts < MOST_RUNS).cloned() else {
            let streak = &self.streaks[&first.metadata.name];
            let reason = if open.record.attempts < MOST_RUNS {
                format!(
                    "flow {} was tried {}, and the screen still shows `{}`",
                    first.metadata.name,
                    times(attempts(first)),
                    streak.evidence.text.trim()
                )
            } else {
                format!("{MOST_RUNS} runs were made for this incident")
            };
            open.ask_for_human(reason, Some(&streak.evidence), log);
            return open.needs_human();
        };
        let evidence = self.streaks[&flow.metadata.name].evidence.clone();
        if let Some((reason, until)) = self.not_yet(now, view, fresh, &flow) {
            reason.clone_into(&mut open.record.reason);
            return wait(reason, until, Some(evidence));
        }
        let ledger = self.ledgers.entry(flow.metadata.name.clone()).or_insert(Ledger {
            attempts: 0,
            ended_at: now,
            failed: false,
        });
        ledger.attempts = ledger.attempts.saturating_add(1);
        open.start_run(now, flow, evidence, log);
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
    ) -> Option<(String, Option<Timestamp>)> {
        let name = &flow.metadata.name;
        if let Some(ledger) = self.ledgers.get(name).filter(|ledger| ledger.failed) {
            let until = ledger.ended_at.after(flow.spec.limits.cooldown.duration());
            if now < until {
                let left = in_words(until.since(now));
                return Some((format!("flow {name} may try again in {left}"), Some(until)));
            }
        }
        if let Some(obstacle) = flow.spec.steps.iter().find_map(|step| obstacle_to_step(view.facts, step)) {
            return Some((format!("flow {name} cannot begin: {obstacle}"), None));
        }
        // What was read before a cooldown or an outage may be history.
        (!fresh).then(|| (format!("flow {name} begins after the next reading of the screen"), None))
    }

    /// No flow recognises the screen firmly.
    fn doubt(&self, now: Timestamp, view: &View<'_>, open: &mut Open, log: &mut Log) -> Decision {
        let until = open.doubt_since.after(LONGEST_DOUBT);
        let (reason, evidence) = match self.unsteady(view) {
            Some((reason, evidence)) => (reason, Some(evidence)),
            None => {
                ("the screen shows neither what a flow recognises nor that the host is well".to_owned(), None)
            }
        };
        if now < until {
            return wait(reason, Some(until), evidence);
        }
        let reason = format!("for {} {reason}", in_words(LONGEST_DOUBT));
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
        flows.sort_by(|a, b| {
            b.spec.priority.cmp(&a.spec.priority).then_with(|| a.metadata.name.cmp(&b.metadata.name))
        });
        flows.into_iter()
    }

    /// A flow that recognises the screen, though not yet on enough readings.
    fn unsteady(&self, view: &View<'_>) -> Option<(String, MatchEvidence)> {
        let (name, streak) = self.streaks.iter().max_by_key(|(_, streak)| streak.readings)?;
        let stable = view.flow(name)?.spec.when.stable;
        let reason = format!(
            "flow {name} recognises `{}`, on {} of {stable} readings",
            streak.evidence.text.trim(),
            streak.readings
        );
        Some((reason, streak.evidence.clone()))
    }

    /// Ends the run of `open`, if it has one.
    fn end_run(&mut self, now: Timestamp, open: &mut Open, state: RunState, reason: String, log: &mut Log) {
        let Some(name) = open.end_run(now, state, reason, log) else { return };
        if let Some(ledger) = self.ledgers.get_mut(&name) {
            ledger.ended_at = now;
            ledger.failed = state != RunState::Succeeded;
        }
    }
}

impl Open {
    fn new(
        now: Timestamp,
        view: &View<'_>,
        flow: &Arc<Flow>,
        evidence: MatchEvidence,
        log: &mut Log,
    ) -> Self {
        let cause = format!("the screen shows `{}`", evidence.text.trim());
        let name = &flow.metadata.name;
        let record = Incident {
            id: UNNUMBERED,
            host: view.host.clone(),
            cause: cause.clone(),
            flow: name.clone(),
            state: IncidentState::Open,
            reason: format!("recognised by flow {name}"),
            opened_at: now,
            closed_at: None,
            attempts: 0,
            first_picture: evidence.picture.clone(),
            last_picture: evidence.picture.clone(),
        };
        let open = Self {
            record,
            flow: Arc::clone(flow),
            proof: Proof::default(),
            doubt_since: now,
            run: None,
            evidence,
        };
        let message = format!("{cause}, which flow {name} recognises");
        open.tell(EventKind::IncidentOpened, Severity::Warning, message, log);
        open
    }

    fn tell(&self, kind: EventKind, severity: Severity, message: String, log: &mut Log) {
        let run = self.run.as_ref().map(|running| running.record.clone());
        log.push(Transition { kind, severity, message, incident: self.record.clone(), run });
    }

    fn is_proven(&self) -> bool {
        self.proof.readings >= self.flow.spec.when.stable
    }

    /// Counts a reading towards the proof that the host is well: the flow recognises it no longer, and what `verify`
    /// names is there. During a run only readings after its last step count.
    fn count_proof(&mut self, view: &View<'_>, screen: &ScreenView<'_>, streaks: &BTreeMap<Name, Streak>) {
        let since = match &self.run {
            Some(running) => running.verifying_since,
            None => Some(self.record.opened_at),
        };
        let since = since.filter(|since| screen.read_at > *since);
        let since = since.filter(|_| !streaks.contains_key(&self.flow.metadata.name));
        let verify = &self.flow.spec.verify;
        let seen =
            since.and_then(|since| run::holds(verify.screen.as_deref(), verify.power, since, view).ok());
        self.proof = match seen {
            Some(evidence) => Proof { readings: self.proof.readings.saturating_add(1), evidence },
            None => Proof::default(),
        };
    }

    fn start_run(&mut self, now: Timestamp, flow: Arc<Flow>, evidence: MatchEvidence, log: &mut Log) {
        self.record.attempts = self.record.attempts.saturating_add(1);
        self.record.state = IncidentState::Recovering;
        self.record.reason = format!("flow {} runs", flow.metadata.name);
        self.proof = Proof::default();
        self.flow = Arc::clone(&flow);
        let message = format!(
            "flow {} begins, attempt {}: the screen shows `{}`",
            flow.metadata.name,
            self.record.attempts,
            evidence.text.trim()
        );
        self.run = Some(Running::new(now, &self.record, flow, evidence));
        self.tell(EventKind::RunStarted, Severity::Info, message, log);
    }

    /// Moves the run on as far as it goes at this moment.
    fn drive(&mut self, now: Timestamp, view: &View<'_>, log: &mut Log) -> Progress {
        let proven = self.is_proven();
        match &mut self.run {
            Some(running) => running.drive(now, view, proven, &self.record, log),
            None => Progress::NoRun,
        }
    }

    /// Ends the run and tells its flow; none where there is no run.
    fn end_run(&mut self, now: Timestamp, state: RunState, reason: String, log: &mut Log) -> Option<Name> {
        let mut running = self.run.take()?;
        running.abandon_step(now);
        let mut run = running.record;
        run.state = state;
        run.ended_at = Some(now);
        run.reason.clone_from(&reason);
        let severity = if state == RunState::Succeeded {
            run.proof = self.proof.evidence.clone();
            Severity::Info
        } else {
            self.proof = Proof::default();
            Severity::Warning
        };
        self.record.state = IncidentState::Open;
        self.record.reason = format!("flow {} {state}: {reason}", run.flow);
        self.doubt_since = now;
        let message = self.record.reason.clone();
        let name = run.flow.clone();
        let incident = self.record.clone();
        log.push(Transition { kind: EventKind::RunEnded, severity, message, incident, run: Some(run) });
        Some(name)
    }

    fn ask_for_human(&mut self, reason: String, evidence: Option<&MatchEvidence>, log: &mut Log) {
        if let Some(evidence) = evidence {
            self.evidence = evidence.clone();
        }
        self.record.state = IncidentState::NeedsHuman;
        self.record.reason.clone_from(&reason);
        let message = format!("a person must look: {reason}");
        self.tell(EventKind::IncidentNeedsHuman, Severity::Critical, message, log);
    }

    fn needs_human(&self) -> Decision {
        Decision::NeedsHuman {
            reason: self.record.reason.clone(),
            evidence: Some(Box::new(self.evidence.clone())),
        }
    }

    fn close(&mut self, now: Timestamp, reason: String, log: &mut Log) {
        self.record.state = IncidentState::Closed;
        self.record.closed_at = Some(now);
        self.record.reason = reason;
        let lasted = in_words(now.since(self.record.opened_at));
        let message = format!("{}; the incident lasted {lasted}", self.record.reason);
        self.tell(EventKind::IncidentClosed, Severity::Info, message, log);
    }
}

impl<'a> View<'a> {
    fn flow(&self, name: &Name) -> Option<&'a Arc<Flow>> {
        self.flows.iter().find(|flow| flow.metadata.name == *name)
    }
}

fn wait(reason: String, until: Option<Timestamp>, evidence: Option<MatchEvidence>) -> Decision {
    Decision::Wait { reason, until, evidence: evidence.map(Box::new) }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// Why what the screen shows says nothing of the host now.
fn obstacle_to_reading(facts: &HostFacts) -> Option<String> {
    if facts.management() == Management::Disabled {
        return Some("the host is not managed".to_owned());
    }
    match facts.power() {
        state @ (PowerState::Off | PowerState::TurningOff | PowerState::TurningOn) => {
            return Some(format!("the host is {state}"));
        }
        PowerState::On | PowerState::Unknown => {}
    }
    match facts.screen_reach() {
        None => Some("the screen was not seen yet".to_owned()),
        Some(fact) if fact.value == Reach::Ok => None,
        Some(fact) => Some(format!("the screen cannot be seen: {}", fact.value)),
    }
}

/// Why `step` cannot be done now.
fn obstacle_to_step(facts: &HostFacts, step: &Step) -> Option<String> {
    match step {
        Step::Keys(_) | Step::Snapshot(_) => obstacle_to_reading(facts),
        Step::Power(_) | Step::BootDevice(_) => match facts.reach() {
            None => Some("the management controller was not reached yet".to_owned()),
            Some(fact) if fact.value == Reach::Ok => None,
            Some(fact) => Some(format!("the management controller cannot be used: {}", fact.value)),
        },
        Step::WaitFor(_) | Step::Sleep(_) => None,
    }
}

fn evidence_of(verdict: &Verdict, screen: &ScreenView<'_>) -> MatchEvidence {
    verdict.evidence.clone().unwrap_or_else(|| MatchEvidence {
        text: verdict.reason.clone(),
        row: 0,
        column: 0,
        confidence: 0.0,
        screen_text: String::new(),
        read_at: screen.read_at,
        picture: screen.picture.cloned(),
    })
}

#[cfg(test)]
mod tests;
