//! The open incident of a host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ironhand_api::{
    Asked, EventKind, Flow, Incident, IncidentState, MatchEvidence, Name, PlannedStep, RunState, Severity,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use super::plan::planned_steps;
use super::quote::said;
use super::run::{self, Progress, Running};
use super::{Decision, Fresh, Log, Streak, Transition, UNNUMBERED, View};
use crate::facts::in_words;

/// Steps in the event of a run that would begin: a person reads more of them in the flow.
const MOST_TOLD: usize = 20;

/// The open incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Open {
    pub(super) record: Incident,
    /// The flow of the last run, or the one that opened the incident: its `verify` proves the host well.
    /// None where no flow has recognised anything yet: the checks of the host prove it well.
    pub(super) flow: Option<Arc<Flow>>,
    pub(super) proof: Proof,
    /// Since when the screen was neither recognised nor a proof.
    pub(super) doubt_since: Timestamp,
    pub(super) run: Option<Running>,
    /// What was seen when the incident opened or asked for a person.
    pub(super) evidence: MatchEvidence,
    /// The flows of which it was told what they would do.
    #[serde(default)]
    pub(super) told: BTreeSet<Name>,
}

/// Readings in a row that prove the host well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proof {
    readings: u32,
    evidence: Option<MatchEvidence>,
}

impl Open {
    pub(super) fn new(
        now: Timestamp,
        view: &View<'_>,
        flow: &Arc<Flow>,
        evidence: MatchEvidence,
        seen_well_at: Option<Timestamp>,
        log: &mut Log,
    ) -> Self {
        let cause = said(flow, &evidence, "");
        let reason = format!("recognised by flow {}", flow.metadata.name);
        let message = format!("{cause}, which flow {} recognises", flow.metadata.name);
        Self::told(now, view, flow, evidence, (cause, reason, message), seen_well_at, log)
    }

    /// For a run that a person wants though its flow does not recognise the screen.
    pub(super) fn on_request(
        now: Timestamp,
        view: &View<'_>,
        flow: &Arc<Flow>,
        evidence: MatchEvidence,
        by: &str,
        log: &mut Log,
    ) -> Self {
        let cause = format!("{by} asked for flow {}", flow.metadata.name);
        let reason = format!("flow {} is asked for by a person", flow.metadata.name);
        // Nobody fell ill: a person wants something done.
        Self::told(now, view, flow, evidence, (cause.clone(), reason, cause), None, log)
    }

    fn told(
        now: Timestamp,
        view: &View<'_>,
        flow: &Arc<Flow>,
        evidence: MatchEvidence,
        (cause, reason, message): (String, String, String),
        seen_well_at: Option<Timestamp>,
        log: &mut Log,
    ) -> Self {
        let record = Incident {
            id: UNNUMBERED,
            host: view.host.clone(),
            cause,
            flow: Some(flow.metadata.name.clone()),
            state: IncidentState::Open,
            reason,
            seen_well_at,
            opened_at: now,
            closed_at: None,
            attempts: 0,
            unknown_screen: None,
            first_picture: evidence.picture.clone(),
            last_picture: evidence.picture.clone(),
        };
        let open = Self {
            record,
            flow: Some(Arc::clone(flow)),
            proof: Proof::default(),
            doubt_since: now,
            run: None,
            evidence,
            told: BTreeSet::new(),
        };
        open.tell(EventKind::IncidentOpened, Severity::Warning, message, log);
        open
    }

    pub(super) fn tell(&self, kind: EventKind, severity: Severity, message: String, log: &mut Log) {
        let run = self.run.as_ref().map(|running| running.record.clone());
        log.push(Transition { kind, severity, message, incident: self.record.clone(), run });
    }

    pub(super) fn is_proven(&self, view: &View<'_>) -> bool {
        match &self.flow {
            Some(flow) => self.proof.readings >= flow.spec.when.stable,
            None => view.facts.proves_well(),
        }
    }

    /// How near the proof is, in words.
    pub(super) fn progress_of_proof(&self) -> String {
        let Some(flow) = &self.flow else { return "no flow recognises the screen".to_owned() };
        let (stable, on_screen) = (flow.spec.when.stable, self.is_proven_on_screen());
        match (self.proof.readings, on_screen) {
            (0, true) => "the screen shows neither a known illness nor that the host is well".to_owned(),
            (0, false) => "nothing shows a known illness, nor that the host is well".to_owned(),
            (seen, true) => format!("the host looks well, on {seen} of {stable} readings"),
            (seen, false) => format!("the host looks well, on {seen} of {stable} looks"),
        }
    }

    /// Whether readings of the screen prove the host well; else looks at it do.
    pub(super) fn is_proven_on_screen(&self) -> bool {
        self.flow.as_ref().is_none_or(|flow| flow.spec.is_proven_on_screen())
    }

    /// Counts a reading, or a look, towards the proof that the host is well: the flow recognises it no longer, and what
    /// `verify` names is there. During a run only what is seen after its last step counts, and while a person is asked.
    pub(super) fn count_proof(&mut self, view: &View<'_>, fresh: Fresh, streaks: &BTreeMap<Name, Streak>) {
        let seen_at = match self.is_proven_on_screen() {
            true => view.screen.filter(|_| fresh.reading).map(|screen| screen.read_at),
            false => view.facts.looked_at().filter(|_| fresh.look),
        };
        let (Some(flow), Some(seen_at)) = (&self.flow, seen_at) else { return };
        let since = match &self.run {
            Some(running) => running.proof_since(),
            None => Some(self.record.opened_at),
        };
        let since = since.filter(|since| seen_at > *since);
        let since = since.filter(|_| !streaks.contains_key(&flow.metadata.name));
        let verify = &flow.spec.verify;
        let since = since.map(|since| self.run.as_ref().map_or(since.into(), |running| running.since(since)));
        let seen = since.and_then(|since| run::holds(&verify.condition, since, view).ok());
        self.proof = match seen {
            Some(evidence) => Proof { readings: self.proof.readings.saturating_add(1), evidence },
            None => Proof::default(),
        };
    }

    pub(super) fn start_run(
        &mut self,
        now: Timestamp,
        flow: Arc<Flow>,
        evidence: MatchEvidence,
        asked: Option<Asked>,
        log: &mut Log,
    ) {
        self.record.attempts = self.record.attempts.saturating_add(1);
        self.record.state = IncidentState::Recovering;
        self.record.reason = format!("flow {} runs", flow.metadata.name);
        self.proof = Proof::default();
        self.flow = Some(Arc::clone(&flow));
        self.record.flow.get_or_insert_with(|| flow.metadata.name.clone());
        self.record.unknown_screen = None;
        let why = match &asked {
            None => said(&flow, &evidence, ""),
            Some(Asked { by, reason }) => {
                let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("{by} asked for it{reason}")
            }
        };
        let (name, attempt) = (&flow.metadata.name, self.record.attempts);
        let message = format!("flow {name} begins, attempt {attempt}: {why}");
        self.run = Some(Running::new(now, &self.record, flow, evidence, asked));
        self.tell(EventKind::RunStarted, Severity::Info, message, log);
    }

    /// What keeps the incident from being worked on, told where it is another reason than before.
    pub(super) fn wait_for(&mut self, reason: &str, log: &mut Log) {
        if self.record.reason != reason {
            reason.clone_into(&mut self.record.reason);
            self.tell(EventKind::IncidentWaits, Severity::Info, reason.to_owned(), log);
        }
    }

    /// Tells once what a flow would do that is not to act.
    pub(super) fn would_run(
        &mut self,
        now: Timestamp,
        view: &View<'_>,
        flow: &Arc<Flow>,
        evidence: &MatchEvidence,
        log: &mut Log,
    ) {
        if !self.told.insert(flow.metadata.name.clone()) {
            return;
        }
        let run = Running::new(now, &self.record, Arc::clone(flow), evidence.clone(), None).record;
        let why = if view.observes { "the mode is `observe`" } else { "it is tried dry" };
        let steps = planned_steps(view, &flow.spec.steps, &run, &self.record);
        let mut words: Vec<String> = steps
            .iter()
            .take(MOST_TOLD)
            .map(|PlannedStep { place, does, only_where, .. }| match only_where {
                Some(only) => format!("{place}. where {only}: {does}"),
                None => format!("{place}. {does}"),
            })
            .collect();
        if let Some(rest) = steps.len().checked_sub(MOST_TOLD).filter(|rest| *rest > 0) {
            words.push(format!("and {rest} more"));
        }
        let message = format!(
            "flow {} would begin, and nothing is done since {why}: {}",
            flow.metadata.name,
            words.join("; ")
        );
        self.tell(EventKind::RunWouldBegin, Severity::Info, message, log);
    }

    /// Moves the run on as far as it goes at this moment.
    pub(super) fn drive(&mut self, now: Timestamp, view: &View<'_>, log: &mut Log) -> Progress {
        let proven = self.is_proven(view);
        match &mut self.run {
            Some(running) => running.drive(now, view, proven, &self.record, log),
            None => Progress::NoRun,
        }
    }

    /// Ends the run and tells its flow; none where there is no run.
    pub(super) fn end_run(
        &mut self,
        now: Timestamp,
        state: RunState,
        reason: String,
        log: &mut Log,
    ) -> Option<Name> {
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

    pub(super) fn ask_for_human(&mut self, reason: String, evidence: Option<&MatchEvidence>, log: &mut Log) {
        if let Some(evidence) = evidence {
            self.evidence = evidence.clone();
        }
        self.record.state = IncidentState::NeedsHuman;
        self.record.reason.clone_from(&reason);
        let message = format!("a person must look: {reason}");
        self.tell(EventKind::IncidentNeedsHuman, Severity::Critical, message, log);
    }

    pub(super) fn needs_human(&self) -> Decision {
        Decision::NeedsHuman {
            reason: self.record.reason.clone(),
            evidence: Some(Box::new(self.evidence.clone())),
        }
    }

    pub(super) fn close(&mut self, now: Timestamp, reason: String, log: &mut Log) {
        self.record.state = IncidentState::Closed;
        self.record.closed_at = Some(now);
        self.record.reason = reason;
        let lasted = in_words(now.since(self.record.opened_at));
        let message = format!("{}; the incident lasted {lasted}", self.record.reason);
        self.tell(EventKind::IncidentClosed, Severity::Info, message, log);
    }
}
