//! The decision what to do about a host, now.
//!
//! A flow whose verdict stands on enough readings in a row opens an incident and runs. The incident closes when the
//! host is proven well, by the run or in any other way; it asks for a person when the flows that recognise the screen
//! have made their attempts, or when nobody can tell for long what the screen shows.
//!
//! A host that is not managed, in maintenance or fenced belongs to people: what runs is cancelled, nothing begins, and
//! the incident stays where it is until they are done.

mod by_hand;
mod decide;
mod open;
mod plan;
mod position;
mod quote;
mod run;
mod unwell;
mod view;

use std::collections::BTreeMap;
use std::time::Duration;

use ironhand_api::{
    ActionReceipt, EventKind, Health, Incident, IncidentState, MatchEvidence, Name, Run, RunState, Severity,
    Step, StepOutcome, Timestamp,
};
use serde::{Deserialize, Serialize};

pub use by_hand::{RunOrder, StartRefusal};
use open::Open;
use quote::{quote, said};
use run::Turn;
pub use view::{Fill, Patience, Permit, ScreenView, View};
use view::{Fresh, obstacle_to_host, obstacle_to_reading, obstacle_to_step, reserved};

/// Runs in one incident at most, whatever flows take part: as many as the highest limit that one flow may set.
pub const MOST_RUNS: u32 = 100;

/// How long a run may stand still because the host is off or cannot be reached; then it has failed.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// How long an action may stay without a reported outcome; then its outcome is unknown.
pub const LONGEST_STEP: Duration = Duration::from_secs(900);

/// Steps of one run at most, with all rounds of what is repeated.
pub const MOST_RECORDS: usize = 500;

/// How long a screen may take to show what was done: before, it is not judged which branch a run takes, nor that what is
/// repeated has not come true yet.
pub const REDRAW: Duration = Duration::from_secs(2);

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
    /// The place of the step in the flow, as people count: `2`, or `2.1 round 3` within what is repeated.
    pub place: String,
    /// The place of its record in the run, from 0.
    pub record: usize,
    /// The step.
    pub step: Step,
    /// Why it is done, in words.
    pub reason: String,
    /// What on the screen made the flow apply.
    pub evidence: MatchEvidence,
}

impl Planned {
    /// For what the step asks others that keep it: the same words however often it is done, so that it is done once.
    pub fn request(&self) -> String {
        run::request_of(self.run, &self.place)
    }
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

/// Why a person cannot say this of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunRefusal {
    /// It has ended, or never was.
    #[error("run {run} is not under way")]
    NotUnderWay {
        /// The run.
        run: u64,
    },
    /// It waits for nobody.
    #[error("run {run} does not wait for a person: {stands}")]
    NotAsking {
        /// The run.
        run: u64,
        /// Where it stands.
        stands: String,
    },
    /// Who asked for it cannot be the one who agrees.
    #[error("{who} asked for run {run}: somebody else must agree to it")]
    SamePerson {
        /// The run.
        run: u64,
        /// The person.
        who: String,
    },
}

/// The id of an incident or a run that [`HostRecovery::number`] has not been called for; true ids begin at 1.
const UNNUMBERED: u64 = 0;

/// How far the recovery of one host has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostRecovery {
    /// The flows that recognised the last reading, or the last look at the host.
    streaks: BTreeMap<Name, Streak>,
    last_seq: Option<u64>,
    /// When it was last looked how the host is, since the server began.
    last_look: Option<Timestamp>,
    ledgers: BTreeMap<Name, Ledger>,
    incident: Option<Open>,
    /// When the host was last seen with nothing wrong, since the last start of the server.
    seen_well_at: Option<Timestamp>,
    /// When the last incident closed: what failed before then is no new illness before the host had time to boot.
    settled_at: Option<Timestamp>,
}

/// Readings, or looks, in a row that a flow recognised.
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

    /// Whether a flow recognises what was seen last, be it not yet often enough.
    pub fn is_roused(&self) -> bool {
        !self.streaks.is_empty()
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
            let ended = running.settle(now, outcome, receipts, Turn::On, &open.record, &mut log);
            if let Some((state, reason)) = ended {
                self.end_run(now, &mut open, state, reason, &mut log);
            }
        }
        self.incident = Some(open);
        log
    }

    /// Keeps what the step of an [`Act`](Decision::Act) captured for the templates of later steps; to be called before
    /// its outcome is [recorded](Self::record).
    pub fn capture(&mut self, planned: &Planned, captured: BTreeMap<String, String>) {
        let running = self.incident.as_mut().and_then(|open| open.run.as_mut());
        if let Some(running) = running.filter(|running| running.awaits(planned)) {
            running.capture(captured);
        }
    }

    /// To be called once after a restart of the server, before the first [`decide`](Self::decide): an action that was
    /// being done has an unknown outcome, and readings before the restart no longer count.
    #[must_use = "transitions must be recorded"]
    pub fn resume(&mut self, now: Timestamp) -> Vec<Transition> {
        let mut log = Log::new();
        self.forget();
        self.last_seq = None;
        self.last_look = None;
        self.seen_well_at = None;
        let Some(mut open) = self.incident.take() else { return log };
        if let Some(running) = &mut open.run
            && running.is_acting()
        {
            let outcome = StepOutcome::Unknown("the server stopped while it was being done".to_owned());
            let ended = running.settle(now, outcome, Vec::new(), Turn::On, &open.record, &mut log);
            if let Some((state, reason)) = ended {
                self.end_run(now, &mut open, state, reason, &mut log);
            }
        }
        self.incident = Some(open);
        log
    }

    /// Takes in that a person agrees to what the run asks.
    ///
    /// # Errors
    ///
    /// [`RunRefusal`] where this run is not under way, or asks nothing; nothing changes then.
    pub fn approve(
        &mut self,
        now: Timestamp,
        run: u64,
        who: &str,
        reason: Option<&str>,
    ) -> Result<Vec<Transition>, RunRefusal> {
        let mut log = Log::new();
        let open = self.incident.as_mut().ok_or(RunRefusal::NotUnderWay { run })?;
        let running = open.run.as_mut().filter(|running| running.record.id == run);
        let running = running.ok_or(RunRefusal::NotUnderWay { run })?;
        if !running.awaits_approval() {
            return Err(RunRefusal::NotAsking { run, stands: running.record.reason.clone() });
        }
        if running.record.asked.as_ref().is_some_and(|asked| asked.by == who) {
            return Err(RunRefusal::SamePerson { run, who: who.to_owned() });
        }
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let outcome = StepOutcome::Done(format!("{who} agreed{reason}"));
        // An approval that is given ends nothing.
        running.settle(now, outcome, Vec::new(), Turn::On, &open.record, &mut log);
        Ok(log)
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
        self.settled_at = Some(now);
        self.forget();
        log
    }
}

fn wait(reason: String, until: Option<Timestamp>, evidence: Option<MatchEvidence>) -> Decision {
    Decision::Wait { reason, until, evidence: evidence.map(Box::new) }
}

#[cfg(test)]
mod tests;
