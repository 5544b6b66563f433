//! One run of a flow: its steps in order, then the proof.

use std::sync::Arc;

use ironhand_api::{
    ActionReceipt, Condition, EventKind, Flow, Incident, MatchEvidence, Run, RunState, Severity, Step,
    StepOutcome, StepRecord, Timestamp, Truth, WaitFor,
};
use serde::{Deserialize, Serialize};

use super::{
    Decision, LONGEST_PAUSE, LONGEST_STEP, Log, Planned, Transition, UNNUMBERED, View, obstacle_to_reading,
    obstacle_to_step, quote, wait,
};
use crate::condition::{Judgement, judge};
use crate::facts::in_words;

/// A run under way. It keeps the flow as it was when the run began: a flow that changes meanwhile changes the next
/// run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Running {
    pub(super) record: Run,
    flow: Arc<Flow>,
    /// The step to begin next, or the one that is under way.
    next: usize,
    /// Whether the step at `next` was done once before with an unknown outcome.
    repeated: bool,
    /// Since when the next step cannot begin.
    paused_since: Option<Timestamp>,
    /// When the last step had ended.
    pub(super) verifying_since: Option<Timestamp>,
}

/// How far a run got.
pub(super) enum Progress {
    NoRun,
    Going(Decision),
    Ended(RunState, String),
}

/// How a run ended, and why.
type Ending = (RunState, String);

impl Running {
    pub(super) fn new(now: Timestamp, incident: &Incident, flow: Arc<Flow>, evidence: MatchEvidence) -> Self {
        let record = Run {
            id: UNNUMBERED,
            host: incident.host.clone(),
            incident: incident.id,
            flow: flow.metadata.name.clone(),
            attempt: incident.attempts,
            state: RunState::Running,
            reason: "begun".to_owned(),
            started_at: now,
            ended_at: None,
            matched: evidence,
            steps: Vec::new(),
            proof: None,
        };
        Self { record, flow, next: 0, repeated: false, paused_since: None, verifying_since: None }
    }

    /// Whether an action was asked for whose outcome was not reported yet.
    pub(super) fn is_acting(&self) -> bool {
        self.under_way().is_some_and(|record| is_action(&record.step))
    }

    /// Whether the outcome of `planned` is what the run waits for.
    pub(super) fn awaits(&self, planned: &Planned) -> bool {
        self.is_acting() && planned.run == self.record.id && planned.record + 1 == self.record.steps.len()
    }

    fn under_way(&self) -> Option<&StepRecord> {
        self.record.steps.last().filter(|record| record.outcome.is_none())
    }

    /// Moves on as far as possible at this moment. `proven` tells whether the readings since the last step prove the
    /// host well.
    pub(super) fn drive(
        &mut self,
        now: Timestamp,
        view: &View<'_>,
        proven: bool,
        incident: &Incident,
        log: &mut Log,
    ) -> Progress {
        if view.flow(&self.record.flow).is_none() {
            let reason = "the flow was deleted, or no longer selects this host".to_owned();
            return Progress::Ended(RunState::Cancelled, reason);
        }
        loop {
            if let Some(since) = self.verifying_since {
                return self.verify(now, since, view, proven);
            }
            let ending = if let Some(record) = self.under_way() {
                match progress_of(record, now, view) {
                    Ok(outcome) => self.settle(now, outcome, Vec::new(), incident, log),
                    Err((reason, until)) => {
                        let reason = format!("{}: {reason}", self.title());
                        return Progress::Going(wait(reason, Some(until), Some(self.record.matched.clone())));
                    }
                }
            } else {
                match self.begin(now, view, incident, log) {
                    Begun::Waiting => None,
                    Begun::Decided(decision) => return Progress::Going(decision),
                    Begun::Ended(reason) => Some((RunState::Failed, reason)),
                }
            };
            if let Some((state, reason)) = ending {
                return Progress::Ended(state, reason);
            }
        }
    }

    /// Begins the next step, or the wait for the proof where there is none left.
    fn begin(&mut self, now: Timestamp, view: &View<'_>, incident: &Incident, log: &mut Log) -> Begun {
        let Some(step) = self.flow.spec.steps.get(self.next).cloned() else {
            self.verifying_since = Some(now);
            "its steps are done, the proof is awaited".clone_into(&mut self.record.reason);
            return Begun::Waiting;
        };
        if let Some(obstacle) = obstacle_to_step(view.facts, &step) {
            let since = *self.paused_since.get_or_insert(now);
            let until = since.after(LONGEST_PAUSE);
            if now >= until {
                let limit = in_words(LONGEST_PAUSE);
                return Begun::Ended(format!("{} could not begin for {limit}: {obstacle}", self.title()));
            }
            let reason = format!("{} waits: {obstacle}", self.title());
            return Begun::Decided(wait(reason, Some(until), Some(self.record.matched.clone())));
        }
        self.paused_since = None;
        self.record.steps.push(StepRecord {
            step: step.clone(),
            started_at: now,
            ended_at: None,
            outcome: None,
            receipts: Vec::new(),
        });
        self.record.reason = format!("{}: {}", self.title(), step);
        self.tell(EventKind::StepStarted, Severity::Info, self.record.reason.clone(), incident, log);
        if !is_action(&step) {
            return Begun::Waiting;
        }
        Begun::Decided(Decision::Act(Box::new(Planned {
            run: self.record.id,
            flow: self.record.flow.clone(),
            index: self.next,
            record: self.record.steps.len() - 1,
            step,
            reason: format!("the screen shows {}", quote(&self.record.matched)),
            evidence: self.record.matched.clone(),
        })))
    }

    /// Takes in the outcome of the step under way; tells how the run ended, where it ended by that.
    ///
    /// A step with an unknown outcome is done again only where doing it twice is doing it once. After any other, the
    /// screen tells what became of it.
    pub(super) fn settle(
        &mut self,
        now: Timestamp,
        outcome: StepOutcome,
        receipts: Vec<ActionReceipt>,
        incident: &Incident,
        log: &mut Log,
    ) -> Option<Ending> {
        let title = self.title();
        let record = self.record.steps.last_mut()?;
        record.ended_at = Some(now);
        record.outcome = Some(outcome.clone());
        record.receipts = receipts;
        let repeatable = is_repeatable(&record.step);
        let (severity, message, ending) = match outcome {
            StepOutcome::Done(detail) => {
                self.next += 1;
                self.repeated = false;
                (Severity::Info, format!("{title}: {detail}"), None)
            }
            StepOutcome::Failed(detail) => {
                let reason = format!("{title} failed: {detail}");
                (Severity::Warning, reason.clone(), Some((RunState::Failed, reason)))
            }
            StepOutcome::Unknown(detail) => {
                if repeatable && !self.repeated {
                    self.repeated = true;
                } else {
                    self.next = self.flow.spec.steps.len();
                }
                (Severity::Warning, format!("{title}: it is not known whether it was done: {detail}"), None)
            }
        };
        self.tell(EventKind::StepEnded, severity, message, incident, log);
        ending
    }

    /// A run that ends while a step is under way does not learn what became of it.
    pub(super) fn abandon_step(&mut self, now: Timestamp) {
        if let Some(record) = self.record.steps.last_mut().filter(|record| record.outcome.is_none()) {
            record.ended_at = Some(now);
            record.outcome =
                Some(StepOutcome::Unknown("the run ended before its outcome was known".to_owned()));
        }
    }

    fn verify(&self, now: Timestamp, since: Timestamp, view: &View<'_>, proven: bool) -> Progress {
        if proven {
            return Progress::Ended(RunState::Succeeded, "the host is proven well".to_owned());
        }
        let verify = &self.flow.spec.verify;
        let until = since.after(verify.timeout.duration());
        let missing = obstacle_to_reading(view.facts)
            .or_else(|| holds(&verify.condition, since, view).err())
            .unwrap_or_else(|| {
                if view.still_applies(&self.record.flow) {
                    "the screen still shows what the flow was begun for".to_owned()
                } else {
                    format!("it must be seen on {} readings", self.flow.spec.when.stable)
                }
            });
        if now >= until {
            let reason = format!("the host was not proven well within {}: {missing}", verify.timeout);
            return Progress::Ended(RunState::Failed, reason);
        }
        let reason = format!("flow {} awaits its proof: {missing}", self.record.flow);
        Progress::Going(wait(reason, Some(until), Some(self.record.matched.clone())))
    }

    fn title(&self) -> String {
        format!("step {} of {}", self.next + 1, self.flow.spec.steps.len())
    }

    fn tell(&self, kind: EventKind, severity: Severity, message: String, incident: &Incident, log: &mut Log) {
        let (incident, run) = (incident.clone(), Some(self.record.clone()));
        log.push(Transition { kind, severity, message, incident, run });
    }
}

/// What became of the attempt to begin a step.
enum Begun {
    /// A step that waits, or the proof, is now under way.
    Waiting,
    Decided(Decision),
    Ended(String),
}

/// The outcome of the step under way, or why it has none yet and when to ask again.
fn progress_of(
    record: &StepRecord,
    now: Timestamp,
    view: &View<'_>,
) -> Result<StepOutcome, (String, Timestamp)> {
    match &record.step {
        Step::Sleep(length) => {
            let until = record.started_at.after(length.duration());
            if now < until {
                return Err((record.step.to_string(), until));
            }
            Ok(StepOutcome::Done(format!("slept {length}")))
        }
        Step::WaitFor(wanted) => progress_of_wait(wanted, record.started_at, now, view),
        Step::Keys(_) | Step::Power(_) | Step::BootDevice(_) | Step::Snapshot(_) => {
            let until = record.started_at.after(LONGEST_STEP);
            if now < until {
                return Err((format!("{} is being done", record.step), until));
            }
            let limit = in_words(LONGEST_STEP);
            Ok(StepOutcome::Unknown(format!("no outcome was reported within {limit}")))
        }
    }
}

fn progress_of_wait(
    wanted: &WaitFor,
    since: Timestamp,
    now: Timestamp,
    view: &View<'_>,
) -> Result<StepOutcome, (String, Timestamp)> {
    let until = since.after(wanted.timeout.duration());
    match holds(&wanted.condition, since, view) {
        Ok(Some(evidence)) => Ok(StepOutcome::Done(format!("the screen shows {}", quote(&evidence)))),
        Ok(None) => Ok(StepOutcome::Done("seen to be so".to_owned())),
        Err(missing) if now >= until => {
            Ok(StepOutcome::Failed(format!("not within {}: {missing}", wanted.timeout)))
        }
        Err(missing) => Err((missing, until)),
    }
}

/// Whether `condition` is seen to hold after `since`, with what matched; or what is missing.
pub(super) fn holds(
    condition: &Condition,
    since: Timestamp,
    view: &View<'_>,
) -> Result<Option<MatchEvidence>, String> {
    let Judgement { truth, reason, evidence, .. } = judge(condition, &view.sight(since));
    if truth == Truth::Yes { Ok(evidence) } else { Err(reason) }
}

/// Whether something outside must do the step; the others only wait.
fn is_action(step: &Step) -> bool {
    match step {
        Step::Keys(_) | Step::Power(_) | Step::BootDevice(_) | Step::Snapshot(_) => true,
        Step::WaitFor(_) | Step::Sleep(_) => false,
    }
}

/// Whether doing the step twice is the same as doing it once.
fn is_repeatable(step: &Step) -> bool {
    match step {
        Step::BootDevice(_) | Step::Snapshot(_) | Step::WaitFor(_) | Step::Sleep(_) => true,
        Step::Keys(_) | Step::Power(_) => false,
    }
}
