//! Runs that a person asks for.
//!
//! A person has looked: one reading is enough, cooldowns and attempts do not count, and neither does what holds back runs
//! that nobody asked for. Whom the host belongs to does: in maintenance, fenced or not managed, it is left alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use ironhand_api::{Asked, Flow, MatchEvidence, Name, RecoverPlan, Step, Timestamp, Verdict};

use super::decide::{by_precedence, evidence_of, evidence_of_sign};
use super::open::Open;
use super::plan::planned_steps;
use super::run::Running;
use super::{
    Decided, HostRecovery, Ledger, Log, View, obstacle_to_reading, obstacle_to_step, reserved, wait,
};

/// What a person asks for.
#[derive(Clone, Copy, Debug)]
pub struct RunOrder<'o> {
    /// Who asks.
    pub by: &'o str,
    /// Why.
    pub reason: Option<&'o str>,
    /// The flow; the one that applies to what the screen shows where absent.
    pub flow: Option<&'o Name>,
    /// Whether a flow that is named runs though it does not apply.
    pub force: bool,
}

/// Why a run does not begin though a person asks for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartRefusal {
    /// The host belongs to people.
    #[error("{0}")]
    Reserved(&'static str),
    /// Another run works on the host.
    #[error("run {run} of flow {flow} is under way")]
    UnderWay {
        /// That run.
        run: u64,
        /// Its flow.
        flow: Name,
    },
    /// The flow is not there, or not for this host.
    #[error("flow {flow} is not there, or does not select this host")]
    NotSelected {
        /// The flow.
        flow: Name,
    },
    /// No flow applies to what the screen shows.
    #[error("no flow applies: {reason}")]
    NotRecognised {
        /// What is known of the screen.
        reason: String,
    },
    /// The flow does not apply to what the screen shows.
    #[error("flow {flow} does not apply: {reason}")]
    DoesNotApply {
        /// The flow.
        flow: Name,
        /// What is missing.
        reason: String,
    },
    /// The first of its steps cannot be done now.
    #[error("flow {flow} cannot begin: {obstacle}")]
    Obstructed {
        /// The flow.
        flow: Name,
        /// Why not.
        obstacle: String,
    },
}

impl StartRefusal {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Reserved(reason) if reason.contains("maintenance") => {
                "end the maintenance with `ironhand maintenance off HOST`"
            }
            Self::Reserved(reason) if reason.contains("fenced") => {
                "lift the fence with `ironhand fence HOST --lift` once its work runs nowhere else"
            }
            Self::Reserved(_) => "enable management at the level that `ironhand describe host HOST` names",
            Self::UnderWay { .. } => "wait for its end, or stop it with `ironhand cancel RUN`",
            Self::NotSelected { .. } => "`ironhand describe flow NAME` tells which hosts it selects",
            Self::NotRecognised { .. } => {
                "name a flow with --flow, and run it all the same with --force where you know better"
            }
            Self::DoesNotApply { .. } => "add --force where you know better",
            Self::Obstructed { .. } => "see to that first; `ironhand describe host HOST` tells more",
        }
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Reserved(_) => "recover.reserved",
            Self::UnderWay { .. } => "recover.under_way",
            Self::NotSelected { .. } => "recover.not_selected",
            Self::NotRecognised { .. } => "recover.not_recognised",
            Self::DoesNotApply { .. } => "recover.does_not_apply",
            Self::Obstructed { .. } => "recover.obstructed",
        }
    }
}

/// The flow that a person's run takes.
struct Chosen<'v> {
    flow: &'v Arc<Flow>,
    applies: bool,
    reason: String,
    evidence: MatchEvidence,
}

impl HostRecovery {
    /// Begins a run on a person's word. Its steps follow with the next [`decide`](Self::decide).
    ///
    /// # Errors
    ///
    /// [`StartRefusal`]; nothing changes then.
    pub fn start(
        &mut self,
        now: Timestamp,
        view: &View<'_>,
        order: &RunOrder<'_>,
    ) -> Result<Decided, StartRefusal> {
        let Chosen { flow, applies, reason, evidence } = self.chosen(view, order)?;
        if !applies && !order.force {
            return Err(StartRefusal::DoesNotApply { flow: flow.metadata.name.clone(), reason });
        }
        if let Some(obstacle) = obstacle_to_start(view, flow) {
            return Err(StartRefusal::Obstructed { flow: flow.metadata.name.clone(), obstacle });
        }
        let mut log = Log::new();
        let mut open = match self.incident.take() {
            Some(open) => open,
            None => {
                self.forget_other_illnesses(now, view);
                match applies {
                    true => Open::new(now, view, flow, evidence.clone(), self.seen_well_at, &mut log),
                    false => Open::on_request(now, view, flow, evidence.clone(), order.by, &mut log),
                }
            }
        };
        // It is none of the attempts that Ironhand has by itself; but its failure begins the cooldown.
        let unused = Ledger { attempts: 0, ended_at: now, failed: false };
        self.ledgers.entry(flow.metadata.name.clone()).or_insert(unused);
        open.start_run(now, Arc::clone(flow), evidence, Some(asked(order)), &mut log);
        self.incident = Some(open);
        let decision = wait("the run that a person asked for begins".to_owned(), Some(now), None);
        Ok(Decided { decision, transitions: log })
    }

    /// What a run would do that a person asks for. Nothing is done, and nothing changes.
    ///
    /// # Errors
    ///
    /// [`StartRefusal`] where no run would begin, whatever is forced.
    pub fn plan(&self, view: &View<'_>, order: &RunOrder<'_>) -> Result<RecoverPlan, StartRefusal> {
        let Chosen { flow, applies, reason, evidence } = self.chosen(view, order)?;
        // As if it began with what was seen last.
        let at = evidence.read_at;
        let incident = match self.incident() {
            Some(incident) => incident.clone(),
            None => Open::on_request(at, view, flow, evidence.clone(), order.by, &mut Log::new()).record,
        };
        let run = Running::new(at, &incident, Arc::clone(flow), evidence, Some(asked(order))).record;
        let verify = &flow.spec.verify;
        Ok(RecoverPlan {
            host: view.host.clone(),
            flow: flow.metadata.name.clone(),
            applies,
            reason,
            steps: planned_steps(view, &flow.spec.steps, &run, &incident),
            verify: format!("{}, within {}", verify.condition, verify.timeout),
        })
    }

    fn chosen<'v>(&self, view: &View<'v>, order: &RunOrder<'_>) -> Result<Chosen<'v>, StartRefusal> {
        if let Some(reason) = reserved(view.facts) {
            return Err(StartRefusal::Reserved(reason));
        }
        if let Some(run) = self.run() {
            return Err(StartRefusal::UnderWay { run: run.id, flow: run.flow.clone() });
        }
        let doubt = obstacle_to_reading(view.facts).or_else(|| match view.screen {
            None => Some("the screen was not read yet".to_owned()),
            Some(screen) if screen.reliable => None,
            Some(_) => Some("the screen cannot be read with certainty".to_owned()),
        });
        let Some(name) = order.flow else {
            return self.first_applying(view, doubt);
        };
        let flow = view.flow(name).ok_or_else(|| StartRefusal::NotSelected { flow: name.clone() })?;
        let doubt = doubt.filter(|_| flow.spec.when.needs_screen());
        let verdict = view.verdict(flow);
        let applies = doubt.is_none() && verdict.as_ref().is_some_and(|verdict| verdict.applies);
        let said = verdict
            .as_ref()
            .map_or_else(|| "the screen was not read yet".to_owned(), |said| said.reason.clone());
        let evidence = seen(view, flow, verdict.as_deref(), &said);
        Ok(Chosen { flow, applies, reason: doubt.unwrap_or(said), evidence })
    }

    /// Of the flows that apply, the one that Ironhand would take next; those that have made their attempts come last.
    /// While there is `doubt` what the screen shows, only those that need none.
    fn first_applying<'v>(&self, view: &View<'v>, doubt: Option<String>) -> Result<Chosen<'v>, StartRefusal> {
        let exhausted = |flow: &Flow| {
            let ledger = self.ledgers.get(&flow.metadata.name);
            ledger.is_some_and(|ledger| ledger.attempts >= flow.spec.limits.attempts)
        };
        let applying = view.flows.iter().filter_map(|flow| {
            let can_tell = doubt.is_none() || !flow.spec.when.needs_screen();
            let verdict = view.verdict(flow).filter(|verdict| can_tell && verdict.applies)?;
            Some((flow, verdict))
        });
        let first = applying
            .min_by(|(a, _), (b, _)| exhausted(a).cmp(&exhausted(b)).then_with(|| by_precedence(a, b)));
        let Some((flow, verdict)) = first else {
            let nothing = || "the screen shows nothing that a flow recognises".to_owned();
            let reason = doubt.unwrap_or_else(nothing);
            return Err(StartRefusal::NotRecognised { reason });
        };
        let evidence = seen(view, flow, Some(&verdict), &verdict.reason);
        Ok(Chosen { flow, applies: true, reason: verdict.reason.clone(), evidence })
    }
}

fn asked(order: &RunOrder<'_>) -> Asked {
    Asked { by: order.by.to_owned(), reason: order.reason.map(str::to_owned) }
}

/// What is seen when the run begins.
fn seen(view: &View<'_>, flow: &Flow, verdict: Option<&Verdict>, reason: &str) -> MatchEvidence {
    match (verdict, view.screen) {
        (Some(verdict), _) if !flow.spec.when.needs_screen() => evidence_of_sign(verdict, view),
        (Some(verdict), Some(screen)) => evidence_of(verdict, &screen),
        (_, screen) => MatchEvidence {
            text: reason.to_owned(),
            row: 0,
            column: 0,
            confidence: 0.0,
            screen_text: String::new(),
            read_at: screen.map_or(Timestamp::from_millis(0), |screen| screen.read_at),
            picture: screen.and_then(|screen| screen.picture.cloned()),
            captures: BTreeMap::new(),
            findings: Vec::new(),
        },
    }
}

/// Why the first step that does something cannot be done now.
fn obstacle_to_start(view: &View<'_>, flow: &Flow) -> Option<String> {
    let does = |step: &&Step| !matches!(step, Step::Approve(_) | Step::Sleep(_));
    obstacle_to_step(view.facts, flow.spec.steps.iter().find(does)?)
}
