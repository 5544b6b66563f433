//! One run of a flow: its steps in order, then the proof.

mod cut_short;

use std::collections::BTreeMap;
use std::sync::Arc;

use ironhand_api::{
    ActionReceipt, Asked, Choose, Condition, Deploy, DeploymentIn, DeploymentIs, DeploymentPhase, EventKind,
    Flow, Incident, MatchEvidence, Notify, Repeat, Run, RunState, Severity, Step, StepOutcome, StepRecord,
    Timestamp, Truth, WaitFor,
};
use serde::{Deserialize, Serialize};

use self::cut_short::{CutShort, Next};
use super::position::{Position, Within};
use super::view::Since;
use super::{
    Decision, LONGEST_PAUSE, LONGEST_STEP, Log, MOST_RECORDS, Planned, REDRAW, Transition, UNNUMBERED, View,
    obstacle_to_reading, obstacle_to_step, quote, said, wait,
};
use crate::condition::{Judgement, Sight, judge, lately, written};
use crate::facts::in_words;

/// A run under way. It keeps the flow as it was when the run began: a flow that changes meanwhile changes the next
/// run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Running {
    pub(super) record: Run,
    flow: Arc<Flow>,
    /// The step to begin next, or the one that is under way.
    #[serde(flatten)]
    position: Position,
    /// Whether the step at `position` was begun once before with an unknown outcome.
    repeated: bool,
    /// What the screen showed when the action under way was begun, where that tells later whether it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// That is the last row alone, read before the keys of the step before were pressed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    before_row: bool,
    /// A step that may have been done in part, until the screen shows what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut_short: Option<CutShort>,
    /// Since when the next step cannot begin.
    paused_since: Option<Timestamp>,
    /// When the last step had ended.
    verifying_since: Option<Timestamp>,
    /// Whether the flow may make no other run after this one.
    #[serde(default)]
    pub(super) is_last: bool,
    /// Why it has failed, while what is to be done after a failure is under way.
    #[serde(default)]
    failing: Option<String>,
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
    pub(super) fn new(
        now: Timestamp,
        incident: &Incident,
        flow: Arc<Flow>,
        evidence: MatchEvidence,
        asked: Option<Asked>,
    ) -> Self {
        let record = Run {
            id: UNNUMBERED,
            host: incident.host.clone(),
            incident: incident.id,
            flow: flow.metadata.name.clone(),
            attempt: incident.attempts,
            state: RunState::Running,
            reason: "begun".to_owned(),
            asked,
            started_at: now,
            ended_at: None,
            matched: evidence,
            steps: Vec::new(),
            proof: None,
        };
        let position = Position::default();
        Self {
            record,
            flow,
            position,
            repeated: false,
            before: None,
            before_row: false,
            cut_short: None,
            paused_since: None,
            verifying_since: None,
            is_last: false,
            failing: None,
        }
    }

    /// Whether an action was asked for whose outcome was not reported yet.
    pub(super) fn is_acting(&self) -> bool {
        self.under_way().is_some_and(|record| is_action(&record.step))
    }

    /// Whether a person must agree before the run goes on.
    pub(super) fn awaits_approval(&self) -> bool {
        self.asked_at().is_some()
    }

    /// When a person was asked who has not agreed yet.
    fn asked_at(&self) -> Option<Timestamp> {
        let asked = self.under_way().filter(|record| matches!(record.step, Step::Approve(_)));
        asked.map(|record| record.started_at)
    }

    /// Since when readings may prove the host well: since the last step, or while a person is asked, who may have mended
    /// it meanwhile.
    pub(super) fn proof_since(&self) -> Option<Timestamp> {
        self.verifying_since.or_else(|| self.asked_at())
    }

    /// What is seen of the host after `seen`, and what it wrote on its serial console since something was written there last: a
    /// machine answers at once, before it is known here that all was written.
    pub(super) fn since(&self, seen: Timestamp) -> Since {
        let acted = self.record.steps.iter().rev().find(|record| is_action(&record.step));
        let written = acted.filter(|record| matches!(record.step, Step::Serial(_)));
        Since { seen, heard: written.map_or(seen, |record| record.started_at.min(seen)) }
    }

    /// Whether the outcome of `planned` is what the run waits for.
    pub(super) fn awaits(&self, planned: &Planned) -> bool {
        self.is_acting() && planned.run == self.record.id && planned.record + 1 == self.record.steps.len()
    }

    /// Keeps what the step under way has captured for the steps behind it.
    pub(super) fn capture(&mut self, captured: BTreeMap<String, String>) {
        if let Some(record) = self.record.steps.last_mut() {
            record.captured = captured;
        }
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
        match self.advance(now, view, proven, incident, log) {
            Progress::Ended(RunState::Failed, reason) => match self.fail(reason) {
                Some((state, reason)) => Progress::Ended(state, reason),
                None => self.advance(now, view, false, incident, log),
            },
            progress => progress,
        }
    }

    /// The run has failed. Where something is to be done after that, the run goes on with it.
    fn fail(&mut self, reason: String) -> Option<Ending> {
        if !self.is_last || self.failing.is_some() || self.flow.spec.on_failure.is_empty() {
            return Some((RunState::Failed, self.failing.take().unwrap_or(reason)));
        }
        self.record.reason = format!("failed: {reason}");
        self.failing = Some(reason);
        self.position = Position::default();
        self.repeated = false;
        self.cut_short = None;
        self.paused_since = None;
        self.verifying_since = None;
        None
    }

    fn advance(
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
                if proven {
                    return Progress::Ended(RunState::Succeeded, "the host is proven well".to_owned());
                }
                match self.follow_cut(now, view, incident, log) {
                    Next::Proof => return self.verify(now, since, view),
                    Next::TakeBack(decision) => return Progress::Going(decision),
                    Next::Again => continue,
                    Next::Failed(reason) => return Progress::Ended(RunState::Failed, reason),
                }
            }
            if proven && self.awaits_approval() {
                let reason = "the host is proven well, and nobody need agree any more".to_owned();
                return Progress::Ended(RunState::Succeeded, reason);
            }
            let ending = if let Some(record) = self.under_way() {
                match self.progress_of(record, now, view) {
                    Ok((outcome, turn)) => self.settle(now, outcome, Vec::new(), turn, incident, log),
                    Err((reason, until)) => {
                        // What is being done is waited for: its outcome must be known.
                        if let Some(reason) = self.overdue(now).filter(|_| !self.is_acting()) {
                            return Progress::Ended(RunState::Failed, reason);
                        }
                        let reason = format!("{}: {reason}", self.title());
                        let deadline = self.deadline().filter(|_| !self.is_acting());
                        let until = deadline.map_or(until, |deadline| deadline.min(until));
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
        let Some(step) =
            self.position.step(steps_of(&self.flow, self.failing.is_some())).map(Step::without_inner)
        else {
            return self.end_list(now, incident, log);
        };
        if let Some(reason) = self.overdue(now) {
            return Begun::Ended(reason);
        }
        if self.record.steps.len() >= MOST_RECORDS {
            return Begun::Ended(format!("{MOST_RECORDS} steps were done, and the flow is not at its end"));
        }
        match &step {
            Step::Repeat(_) => {
                self.position.enter(Within::Round { number: 1, since: now });
                return Begun::Waiting;
            }
            Step::Call(_) => {
                self.position.enter(Within::Called);
                return Begun::Waiting;
            }
            _ => {}
        }
        // What a person asked for is not held back by what holds back Ironhand, and that a run failed is told in any case.
        let is_free = self.record.asked.is_some() || self.failing.is_some();
        let held = view.hold.filter(|_| is_action(&step) && !is_free).map(str::to_owned);
        if let Some(obstacle) = held.or_else(|| obstacle_to_step(view.facts, &step)) {
            let since = *self.paused_since.get_or_insert(now);
            let until = since.after(LONGEST_PAUSE);
            if now >= until {
                let limit = in_words(LONGEST_PAUSE);
                return Begun::Ended(format!("{} could not begin for {limit}: {obstacle}", self.title()));
            }
            let until = self.deadline().map_or(until, |deadline| deadline.min(until));
            let reason = format!("{} waits: {obstacle}", self.title());
            return Begun::Decided(wait(reason, Some(until), Some(self.record.matched.clone())));
        }
        self.paused_since = None;
        let step = match (view.fill)(&step, &self.record, incident) {
            Ok(None) => step,
            // Templates may name the run, which has its number in a moment.
            Ok(Some(_)) if self.record.id == UNNUMBERED => {
                let reason = format!("{} is about to begin", self.title());
                return Begun::Decided(wait(reason, Some(now), Some(self.record.matched.clone())));
            }
            Ok(Some(filled)) => filled,
            Err(reason) if self.failing.is_some() => {
                self.start_record(now, step, incident, log);
                self.settle(now, StepOutcome::Failed(reason), Vec::new(), Turn::On, incident, log);
                return Begun::Waiting;
            }
            Err(reason) => return Begun::Ended(format!("{} cannot be filled in: {reason}", self.title())),
        };
        if !is_action(&step) {
            self.start_record(now, step, incident, log);
            return Begun::Waiting;
        }
        self.remember_screen(&step, view);
        Begun::Decided(self.act(now, step, incident, log))
    }

    /// Ends a list of steps: that of the flow, that of a step within it, or a round.
    fn end_list(&mut self, now: Timestamp, incident: &Incident, log: &mut Log) -> Begun {
        match self.position.within() {
            None if self.failing.is_some() => return Begun::Ended(String::new()),
            None => {
                self.verifying_since = Some(now);
                "its steps are done, the proof is awaited".clone_into(&mut self.record.reason);
            }
            Some(Within::Round { .. }) => {
                // The round is over when it was judged by what is seen from now on.
                let Some(step) = self
                    .position
                    .holder(steps_of(&self.flow, self.failing.is_some()))
                    .map(Step::without_inner)
                else {
                    return Begun::Ended("the steps of the flow are not what they were".to_owned());
                };
                self.start_record(now, step, incident, log);
            }
            Some(Within::Deployed) => {
                let Some(wait) = self.wait_for_deployment() else {
                    return Begun::Ended("the steps of the flow are not what they were".to_owned());
                };
                self.start_record(now, wait, incident, log);
            }
            Some(Within::Branch(_) | Within::Otherwise | Within::Called) => {
                self.position.leave();
                self.position.advance();
            }
        }
        Begun::Waiting
    }

    fn start_record(&mut self, now: Timestamp, step: Step, incident: &Incident, log: &mut Log) {
        self.record.reason = format!("{}: {step}", self.title());
        self.record.steps.push(StepRecord {
            step,
            place: self.place(),
            started_at: now,
            ended_at: None,
            outcome: None,
            receipts: Vec::new(),
            captured: BTreeMap::new(),
        });
        let (kind, severity) = match self.under_way().map(|record| &record.step) {
            Some(Step::Approve(_)) => (EventKind::ApprovalWanted, Severity::Warning),
            _ => (EventKind::StepStarted, Severity::Info),
        };
        self.tell(kind, severity, self.record.reason.clone(), incident, log);
        let notice = match self.under_way().map(|record| &record.step) {
            Some(Step::Notify(notify)) => Some(format!("to {}: {}", notify.to(), self.words_of(notify))),
            _ => None,
        };
        if let Some(notice) = notice {
            // In the same transaction as the step, so that it is told once.
            self.tell(EventKind::FlowNotice, Severity::Warning, notice, incident, log);
        }
    }

    /// What a notifier is told.
    fn words_of(&self, notify: &Notify) -> String {
        let Run { host, flow, matched, .. } = &self.record;
        let unsaid = || match &self.failing {
            Some(reason) => format!("{host}: flow {flow} failed, and a person must look: {reason}"),
            None => format!("{host}: flow {flow} is under way: {}", said(&self.flow, matched, "")),
        };
        notify.text().map_or_else(unsaid, str::to_owned)
    }

    /// Goes where the outcome of a step leads.
    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::On => self.position.advance(),
            Turn::Into(within) => self.position.enter(within),
            Turn::Again(within) => {
                self.position.leave();
                self.position.enter(within);
            }
            Turn::Out => {
                self.position.leave();
                self.position.advance();
            }
        }
    }

    /// When the repeated steps around must be over.
    fn deadline(&self) -> Option<Timestamp> {
        let rounds = self.position.rounds(steps_of(&self.flow, self.failing.is_some()));
        let deadlines = rounds.into_iter().filter_map(|(step, since)| match step {
            Step::Repeat(repeat) => Some(since.after(repeat.timeout.duration())),
            _ => None,
        });
        deadlines.min()
    }

    /// Why the run has failed, where repeated steps took too long.
    fn overdue(&self, now: Timestamp) -> Option<String> {
        self.deadline()
            .is_some_and(|deadline| now >= deadline)
            .then(|| format!("{}: what is repeated was not done within its time", self.title()))
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
        turn: Turn,
        incident: &Incident,
        log: &mut Log,
    ) -> Option<Ending> {
        let title = self.title();
        let record = self.record.steps.last_mut()?;
        record.ended_at = Some(now);
        record.outcome = Some(outcome.clone());
        record.receipts = receipts;
        let repeatable = is_repeatable(&record.step);
        let turn = match (&record.step, turn) {
            (Step::Deploy(Deploy { timeout: Some(_), .. }), Turn::On) => Turn::Into(Within::Deployed),
            (_, turn) => turn,
        };
        let (severity, message, ending) = match outcome {
            outcome if self.takes_back() => {
                let detail = self.took_back(now, &outcome);
                (Severity::Info, format!("{title}: {detail}"), None)
            }
            StepOutcome::Done(detail) => {
                self.turn(turn);
                self.repeated = false;
                (Severity::Info, format!("{title}: {detail}"), None)
            }
            StepOutcome::Failed(detail) => {
                let reason = format!("{title} failed: {detail}");
                let ending = if self.failing.is_some() {
                    // The others are done all the same.
                    self.position.advance();
                    self.repeated = false;
                    None
                } else {
                    self.fail(reason.clone())
                };
                (Severity::Warning, reason, ending)
            }
            StepOutcome::Unknown(detail) => {
                if repeatable && !self.repeated {
                    self.repeated = true;
                } else if self.failing.is_some() {
                    self.position.advance();
                    self.repeated = false;
                } else {
                    self.cut(now);
                    self.position.finish(steps_of(&self.flow, self.failing.is_some()));
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

    fn verify(&self, now: Timestamp, since: Timestamp, view: &View<'_>) -> Progress {
        let verify = &self.flow.spec.verify;
        let until = since.after(verify.timeout.duration());
        let missing = obstacle_to_reading(view.facts)
            .filter(|_| self.flow.spec.is_proven_on_screen())
            .or_else(|| holds(&verify.condition, self.since(since), view).err())
            .unwrap_or_else(|| {
                let (stable, spec) = (self.flow.spec.when.stable, &self.flow.spec);
                let applies = view.still_applies(&self.flow);
                match (applies, spec.when.needs_screen()) {
                    (true, true) => "the screen still shows what the flow was begun for".to_owned(),
                    (true, false) => "what the flow was begun for is still so".to_owned(),
                    (false, _) if spec.is_proven_on_screen() => {
                        format!("it must be seen on {stable} readings")
                    }
                    (false, _) => format!("it must be seen on {stable} looks"),
                }
            });
        if now >= until {
            let reason = format!("the host was not proven well within {}: {missing}", verify.timeout);
            return Progress::Ended(RunState::Failed, reason);
        }
        let reason = format!("flow {} awaits its proof: {missing}", self.record.flow);
        Progress::Going(wait(reason, Some(until), Some(self.record.matched.clone())))
    }

    /// Where the run stands, in a way that no other step of it shares.
    fn place(&self) -> String {
        let place = self.position.place(steps_of(&self.flow, self.failing.is_some()));
        if self.failing.is_some() {
            return format!("onFailure {place}");
        }
        let rounds = self.position.round_numbers();
        let round = if rounds.is_empty() { String::new() } else { format!(" round {}", rounds.join(".")) };
        format!("{place}{round}{}", self.apart())
    }

    /// What tells a step from itself, where it is begun anew or taken back.
    fn apart(&self) -> &'static str {
        if self.takes_back() {
            " taken back"
        } else if self.does_again() {
            " again"
        } else {
            ""
        }
    }

    fn title(&self) -> String {
        let steps = steps_of(&self.flow, self.failing.is_some());
        let rounds = self.position.round_numbers();
        let rounds = if rounds.is_empty() { String::new() } else { format!(", round {}", rounds.join(".")) };
        let after = if self.failing.is_some() { " after the failure" } else { "" };
        let apart = self.apart();
        format!("step {} of {}{rounds}{apart}{after}", self.position.place(steps), steps.len())
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

/// Where a run goes from a step that is done.
pub(super) enum Turn {
    /// To the step behind.
    On,
    /// Into a list within the step.
    Into(Within),
    /// To the next round.
    Again(Within),
    /// Out of the innermost list, to the step behind the one that holds it.
    Out,
}

/// The outcome of the step under way and where it leads, or why it has none yet and when to ask again.
type Ended = Result<(StepOutcome, Turn), (String, Timestamp)>;

impl Running {
    fn progress_of(&self, record: &StepRecord, now: Timestamp, view: &View<'_>) -> Ended {
        match &record.step {
            Step::Sleep(length) => {
                let until = record.started_at.after(length.duration());
                if now < until {
                    return Err((record.step.to_string(), until));
                }
                Ok((StepOutcome::Done(format!("slept {length}")), Turn::On))
            }
            Step::WaitFor(wanted) if self.position.within() == Some(Within::Deployed) => {
                self.progress_of_deployment(record.started_at.after(wanted.timeout.duration()), now, view)
            }
            Step::WaitFor(wanted) => {
                let until = record.started_at.after(wanted.timeout.duration());
                let since = self.since(record.started_at);
                progress_of_wait(wanted, since, until, now, view).map(|outcome| (outcome, Turn::On))
            }
            Step::Choose(choose) => progress_of_choice(choose, record.started_at, now, view),
            Step::Repeat(repeat) => self.progress_of_round(repeat, record.started_at, view),
            Step::Approve(approve) => {
                let until = record.started_at.after(approve.timeout.duration());
                if now < until {
                    return Err((format!("a person must agree: {}", approve.ask), until));
                }
                Ok((StepOutcome::Failed(format!("nobody agreed within {}", approve.timeout)), Turn::On))
            }
            // Its steps are records of their own.
            Step::Call(_) => Ok((StepOutcome::Done("called".to_owned()), Turn::On)),
            // Its event was stored with it.
            Step::Notify(notify) => {
                Ok((StepOutcome::Done(format!("notifier {} is told", notify.to())), Turn::On))
            }
            Step::Keys(_)
            | Step::Power(_)
            | Step::BootDevice(_)
            | Step::Snapshot(_)
            | Step::Http(_)
            | Step::Serial(_)
            | Step::IpmiRaw(_)
            | Step::Ssh(_)
            | Step::Deploy(_) => {
                let until = record.started_at.after(LONGEST_STEP);
                if now < until {
                    return Err((format!("{} is being done", record.step), until));
                }
                let limit = in_words(LONGEST_STEP);
                Ok((StepOutcome::Unknown(format!("no outcome was reported within {limit}")), Turn::On))
            }
        }
    }

    /// The wait for what was deployed last.
    fn wait_for_deployment(&self) -> Option<Step> {
        let deploys = self.record.steps.iter().rev().find_map(|record| match &record.step {
            Step::Deploy(deploy) => Some(deploy),
            _ => None,
        });
        let phase = vec![DeploymentPhase::Booted, DeploymentPhase::Stopped];
        let deployment = Some(DeploymentIs::In(DeploymentIn { phase, ..DeploymentIn::default() }));
        let condition = Condition { deployment, ..Condition::default() };
        Some(Step::WaitFor(WaitFor { condition, timeout: deploys?.timeout? }))
    }

    /// How far the deployment came that this run asked for last.
    fn progress_of_deployment(&self, until: Timestamp, now: Timestamp, view: &View<'_>) -> Ended {
        let is_deploy = |record: &&StepRecord| matches!(record.step, Step::Deploy(_));
        let asked = self.record.steps.iter().rev().find(is_deploy);
        let request = asked.map(|record| request_of(self.record.id, &record.place));
        let seen = view.facts.deployment().flatten().filter(|seen| seen.request == request);
        let missing = match seen {
            Some(seen) if seen.phase == DeploymentPhase::Booted => {
                let told = format!("the host has fetched all of Profile {} that it boots", seen.profile);
                return Ok((StepOutcome::Done(told), Turn::Out));
            }
            Some(seen) if seen.phase == DeploymentPhase::Stopped => {
                let reason = seen.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                let told = format!("Deployment {} was stopped{reason}", seen.name);
                return Ok((StepOutcome::Failed(told), Turn::Out));
            }
            Some(seen) => format!("Deployment {} is {}", seen.name, seen.phase),
            None => "the deployment is gone, or somebody has asked for another one".to_owned(),
        };
        if now < until {
            return Err((missing, until));
        }
        Ok((StepOutcome::Failed(format!("the host has not booted in time: {missing}")), Turn::Out))
    }

    /// Whether what is repeated has come true, or another round is due.
    fn progress_of_round(&self, repeat: &Repeat, ended_at: Timestamp, view: &View<'_>) -> Ended {
        let Some(Within::Round { number, since }) = self.position.within() else {
            let reason = "the steps of the flow are not what they were".to_owned();
            return Ok((StepOutcome::Failed(reason), Turn::On));
        };
        let seen = view.sight(self.since(ended_at));
        if let Judgement { truth: Truth::Yes, reason, .. } = judge(&repeat.until, &seen) {
            return Ok((StepOutcome::Done(reason), Turn::Out));
        }
        let Judgement { truth, reason, .. } =
            judge(&repeat.until, &view.sight(self.since(ended_at.after(REDRAW))));
        if truth != Truth::No {
            return Err((reason, since.after(repeat.timeout.duration())));
        }
        if number >= repeat.times {
            return Ok((StepOutcome::Failed(format!("not after {number} rounds: {reason}")), Turn::On));
        }
        let outcome = StepOutcome::Done(format!("not yet: {reason}"));
        Ok((outcome, Turn::Again(Within::Round { number: number + 1, since })))
    }
}

/// The steps of a flow, or what it does after a failure.
fn steps_of(flow: &Flow, failing: bool) -> &[Step] {
    if failing { &flow.spec.on_failure } else { &flow.spec.steps }
}

/// Which branch is taken.
fn progress_of_choice(choose: &Choose, since: Timestamp, now: Timestamp, view: &View<'_>) -> Ended {
    // What the controller told of before is what is chosen by.
    let sight = Sight {
        events: lately(view.facts),
        serial: written(view.facts),
        ..view.sight(since.after(REDRAW).into())
    };
    let judged: Vec<Judgement> = choose.branches.iter().map(|branch| judge(&branch.when, &sight)).collect();
    if let Some((index, judged)) = judged.iter().enumerate().find(|(_, judged)| judged.truth == Truth::Yes) {
        let outcome = StepOutcome::Done(format!("branch {}: {}", index + 1, judged.reason));
        return Ok((outcome, Turn::Into(Within::Branch(index))));
    }
    let until = since.after(choose.timeout.duration());
    let reasons: Vec<&str> = judged.iter().map(|judged| judged.reason.as_str()).collect();
    let reason = reasons.join("; ");
    if now < until {
        return Err((reason, until));
    }
    // What is not known is no reason to do something else.
    let is_known = judged.iter().all(|judged| judged.truth == Truth::No);
    if is_known && choose.otherwise.is_some() {
        return Ok((StepOutcome::Done(format!("otherwise: {reason}")), Turn::Into(Within::Otherwise)));
    }
    Ok((StepOutcome::Failed(format!("no branch within {}: {reason}", choose.timeout)), Turn::On))
}

fn progress_of_wait(
    wanted: &WaitFor,
    since: Since,
    until: Timestamp,
    now: Timestamp,
    view: &View<'_>,
) -> Result<StepOutcome, (String, Timestamp)> {
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
    since: Since,
    view: &View<'_>,
) -> Result<Option<MatchEvidence>, String> {
    let Judgement { truth, reason, evidence, .. } = judge(condition, &view.sight(since));
    if truth == Truth::Yes { Ok(evidence) } else { Err(reason) }
}

/// For what a run asks a deployment: the same words each time that the step is done, so that it begins once.
pub(super) fn request_of(run: u64, place: &str) -> String {
    format!("run {run} step {place}")
}

/// Whether something outside must do the step; the others only wait.
fn is_action(step: &Step) -> bool {
    match step {
        Step::Keys(_)
        | Step::Power(_)
        | Step::BootDevice(_)
        | Step::Snapshot(_)
        | Step::Http(_)
        | Step::Serial(_)
        | Step::IpmiRaw(_)
        | Step::Ssh(_)
        | Step::Deploy(_) => true,
        Step::Notify(_)
        | Step::WaitFor(_)
        | Step::Sleep(_)
        | Step::Choose(_)
        | Step::Repeat(_)
        | Step::Call(_)
        | Step::Approve(_) => false,
    }
}

/// Whether doing the step twice is the same as doing it once.
fn is_repeatable(step: &Step) -> bool {
    match step {
        Step::BootDevice(_)
        | Step::Snapshot(_)
        | Step::WaitFor(_)
        | Step::Sleep(_)
        | Step::Choose(_)
        | Step::Repeat(_)
        | Step::Call(_)
        | Step::Approve(_)
        // What was asked for once is the same deployment, however far it came meanwhile.
        | Step::Deploy(_) => true,
        Step::Ssh(command) => command.idempotent,
        Step::Http(request) => request.is_idempotent(),
        Step::IpmiRaw(raw) => raw.idempotent,
        Step::Keys(_) | Step::Power(_) | Step::Serial(_) | Step::Notify(_) => false,
    }
}
