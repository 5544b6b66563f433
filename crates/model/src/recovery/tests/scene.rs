//! A host whose screen, facts and time a test plays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{
    Check, CheckState, DeploymentPhase, EventKind, Flow, Incident, Management, MatchEvidence, Name,
    PictureDigest, PowerAction, PowerState, Reach, RecoverPlan, Run, Said, ScreenKind, ScreenPattern,
    Settings, Span, Step, StepOutcome, Timestamp, Truth, Verdict,
};

use super::super::{
    Decided, Decision, HostRecovery, Patience, Planned, RunOrder, ScreenView, StartRefusal, Transition, View,
};
use crate::{DeploymentSeen, Find, HostFacts, Observation, SerialLine, Sight, judge_when};

/// 2026-03-01T02:14:07.120Z.
pub(super) const EPOCH: Timestamp = Timestamp::from_millis(1_772_331_247_120);

pub(super) fn flow(name: &str, sees: &str, steps: &[&str], verify: &str, more: &str) -> Arc<Flow> {
    let json = format!(
        r#"{{ "metadata": {{ "name": "{name}" }}, "spec": {{ "when": {{ "screen": "{sees}" }},
              "do": [{}], "verify": {{ {verify} }} {more} }} }}"#,
        steps.join(",")
    );
    Arc::new(serde_json::from_str(&json).expect("the flow of the test is valid"))
}

/// What happens in a scene.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// A new reading of the screen.
    Reading {
        text: String,
        reliable: bool,
    },
    /// Nothing but time.
    Nothing,
    /// The step that was asked for has an outcome.
    Outcome(StepOutcome),
    Power(PowerState),
    PowerAsked(PowerAction),
    Reach(Reach),
    ScreenReach(Reach),
    /// A check of this name came to something.
    Check(String, CheckState),
    /// A deployment came to a phase; for what it was asked.
    Deployed(DeploymentPhase, Option<String>),
    Manage(Management),
    /// The host writes a line on its serial console.
    Hears(String),
    /// Somebody begins or ends work on the host.
    Maintain(bool),
    /// The host is proven to be without power.
    Fence,
    /// A person lifts the fence.
    LiftFence,
    /// The server is killed and started again.
    Restart,
    /// A flow is deleted.
    Delete(String),
    /// A flow is written that sees its own name, presses enter and wants a login prompt.
    Write(String),
    /// Somebody pauses what is done without a person, or lets it go on.
    Hold(bool),
    /// The hours are quiet from now on, for so many seconds.
    Quiet(u64),
    /// What flows would do is only told from now on, or no longer.
    Observe(bool),
    /// A person agrees to whatever run there is.
    Approve,
    Cancel,
    Close,
    /// A person asks for a run: of this flow where one is named, and whether it applies or not where it is forced.
    Recover {
        flow: Option<String>,
        force: bool,
    },
}

pub(super) struct Scene {
    host: Name,
    pub(super) flows: Vec<Arc<Flow>>,
    pub(super) facts: HostFacts,
    pub(super) recovery: HostRecovery,
    pub(super) now: Timestamp,
    reading: Option<(u64, Timestamp, String, bool)>,
    hold: Option<String>,
    quiet_until: Option<Timestamp>,
    observes: bool,
    seq: u64,
    last_id: u64,
    pub(super) asked: Option<Planned>,
    /// Why the last run that a person asked for did not begin.
    pub(super) refused: Option<StartRefusal>,
}

impl Scene {
    /// A host that is on, with a screen that can be reached.
    pub(super) fn new(flows: &[Arc<Flow>]) -> Self {
        let mut facts = HostFacts::new();
        facts.observe(EPOCH, "ipmi", Observation::Power(PowerState::On));
        facts.observe(EPOCH, "vnc", Observation::ScreenReach(Reach::Ok, None));
        Self {
            host: "rack7-12".parse().unwrap(),
            flows: flows.to_vec(),
            facts,
            recovery: HostRecovery::new(),
            now: EPOCH,
            reading: None,
            hold: None,
            quiet_until: None,
            observes: false,
            seq: 0,
            last_id: 0,
            asked: None,
            refused: None,
        }
    }

    /// The same with a check by ping that makes the host unwell after so long.
    pub(super) fn pinged(flows: &[Arc<Flow>], after: &str) -> Self {
        let mut scene = Self::new(flows);
        let checks = format!(r#"[{{ "ping": "10.1.7.12", "after": "{after}" }}]"#);
        let checks: Vec<Check> = serde_json::from_str(&checks).expect("the checks are valid");
        scene.facts.keep_checks(scene.now, &checks);
        scene
    }

    /// Lets something happen at a time after the epoch, then asks for a decision.
    pub(super) fn play(&mut self, at: Duration, act: Act) -> Decided {
        self.now = EPOCH.after(at);
        self.facts.wake(self.now);
        let mut transitions = self.happen(act);
        // Every state must survive being written and read.
        let written = serde_json::to_string(&self.recovery).unwrap();
        let mut read: HostRecovery = serde_json::from_str(&written).unwrap();
        assert_eq!(read, self.recovery);
        let mut decided = self.decide();
        let mut again = read.decide(self.now, &self.view(&self.verdicts(), &|pattern| self.find(pattern)));
        read.number(&mut again, self.last_id - 1, self.last_id);
        assert_eq!(read, self.recovery, "a restored state decides the same");
        transitions.append(&mut decided.transitions);
        Decided { decision: decided.decision, transitions }
    }

    fn happen(&mut self, act: Act) -> Vec<Transition> {
        let now = self.now;
        match act {
            Act::Reading { text, reliable } => {
                self.seq += 1;
                let headline = text.lines().last().unwrap_or_default().to_owned();
                let seen =
                    Observation::Screen { kind: ScreenKind::Text, headline, reliable, text_hash: self.seq };
                self.facts.observe(now, "vnc", seen);
                self.reading = Some((self.seq, now, text, reliable));
            }
            Act::Nothing => {}
            Act::Outcome(outcome) => {
                if let Some(planned) = self.asked.take() {
                    return self.recovery.record(now, &planned, outcome, Vec::new());
                }
            }
            Act::Power(state) => {
                self.facts.observe(now, "ipmi", Observation::Power(state));
            }
            Act::PowerAsked(action) => {
                let until = now.after(crate::power_deadline(action));
                self.facts.observe(now, "person", Observation::PowerAsked { action, until });
            }
            Act::Reach(reach) => {
                self.facts.observe(now, "ipmi", Observation::Reach(reach, None));
            }
            Act::Check(name, state) => {
                let check = Observation::Check { name, state, detail: None };
                self.facts.observe(now, "a probe", check);
            }
            Act::Deployed(phase, request) => {
                self.facts.know_deployment(Some(DeploymentSeen {
                    name: "rack7-12".parse().unwrap(),
                    version: 1,
                    profile: "debian".parse().unwrap(),
                    phase,
                    since: now,
                    deadline: Some(Span::from_secs(60)),
                    request,
                    reason: (phase == DeploymentPhase::Stopped).then(|| "it never fetched all".to_owned()),
                }));
            }
            Act::Hears(text) => {
                let mut lines = self.facts.serial().unwrap_or_default().to_vec();
                lines.push(SerialLine { at: now, text });
                self.facts.heard_serial(Some(lines));
            }
            Act::ScreenReach(reach) => {
                self.facts.observe(now, "vnc", Observation::ScreenReach(reach, None));
            }
            Act::Manage(management) => {
                self.facts.observe(now, "person", Observation::Management(management, None));
                self.facts.observe(now, "ipmi", Observation::Power(PowerState::On));
                self.facts.observe(now, "vnc", Observation::ScreenReach(Reach::Ok, None));
            }
            Act::Maintain(on) => {
                let said = Said { on, at: Some(now), reason: None };
                self.facts.observe(now, "person", Observation::Maintenance(said));
            }
            Act::Fence => {
                self.facts.observe(now, "ipmi", Observation::Power(PowerState::Off));
                let detail = "off was read twice".to_owned();
                self.facts.observe(now, "person", Observation::Fenced { detail });
            }
            Act::LiftFence => {
                self.facts.observe(now, "person", Observation::FenceLifted);
            }
            Act::Restart => {
                // What was under way is lost with the process.
                self.asked = None;
                self.reading = None;
                self.seq = 0;
                return self.recovery.resume(now);
            }
            Act::Delete(name) => self.flows.retain(|flow| flow.metadata.name.as_str() != name),
            Act::Write(sees) => {
                let keys = r#"{ "keys": "<Enter>" }"#;
                self.flows.push(flow(&sees, &sees, &[keys], r#""screen": "login:", "timeout": "5m""#, ""));
            }
            Act::Hold(on) => self.hold = on.then(|| "bob has paused it".to_owned()),
            Act::Quiet(seconds) => self.quiet_until = Some(now.after(Duration::from_secs(seconds))),
            Act::Observe(on) => self.observes = on,
            Act::Approve => {
                let run = self.recovery.run().map_or(0, |run| run.id);
                return self
                    .recovery
                    .approve(now, run, "alice", Some("the ticket says so"))
                    .unwrap_or_default();
            }
            Act::Cancel => return self.recovery.cancel(now, "alice"),
            Act::Close => return self.recovery.close(now, "alice"),
            Act::Recover { flow, force } => return self.recover(flow, force),
        }
        Vec::new()
    }

    fn recover(&mut self, flow: Option<String>, force: bool) -> Vec<Transition> {
        let verdicts = self.verdicts();
        let named: Option<Name> = flow.map(|name| name.parse().unwrap());
        let order = RunOrder { by: "alice", reason: Some("it is urgent"), flow: named.as_ref(), force };
        let mut recovery = std::mem::take(&mut self.recovery);
        let find = |pattern: &ScreenPattern| self.find(pattern);
        let view = self.view(&verdicts, &find);
        let before = recovery.clone();
        let planned = recovery.plan(&view, &order);
        let started = recovery.start(self.now, &view, &order);
        self.last_id += 2;
        let transitions = match started {
            Ok(mut decided) => {
                recovery.number(&mut decided, self.last_id - 1, self.last_id);
                assert_eq!(
                    planned.unwrap().flow,
                    decided.transitions.last().unwrap().run.as_ref().unwrap().flow
                );
                decided.transitions
            }
            Err(refusal) => {
                assert_eq!(recovery, before, "what is refused changes nothing");
                self.refused = Some(refusal);
                Vec::new()
            }
        };
        self.recovery = recovery;
        transitions
    }

    /// What a run would do that a person asks for.
    pub(super) fn plan(&self, flow: Option<&str>) -> Result<RecoverPlan, StartRefusal> {
        let named: Option<Name> = flow.map(|name| name.parse().unwrap());
        let order = RunOrder { by: "alice", reason: None, flow: named.as_ref(), force: false };
        let (verdicts, find) = (self.verdicts(), |pattern: &ScreenPattern| self.find(pattern));
        self.recovery.plan(&self.view(&verdicts, &find), &order)
    }

    pub(super) fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    fn decide(&mut self) -> Decided {
        let verdicts = self.verdicts();
        let mut recovery = std::mem::take(&mut self.recovery);
        let mut decided = recovery.decide(self.now, &self.view(&verdicts, &|pattern| self.find(pattern)));
        self.last_id += 2;
        recovery.number(&mut decided, self.last_id - 1, self.last_id);
        assert!(!decided.needs_incident_id() && !decided.needs_run_id());
        self.recovery = recovery;
        if let Decision::Act(planned) = &decided.decision {
            self.asked = Some(planned.as_ref().clone());
        }
        decided
    }

    fn view<'a>(&'a self, verdicts: &'a [Verdict], find: Find<'a>) -> View<'a> {
        let screen = self.reading.as_ref().map(|(seq, read_at, _, reliable)| ScreenView {
            seq: *seq,
            read_at: *read_at,
            reliable: *reliable,
            picture: None,
            text: self.reading.as_ref().map_or("", |(_, _, text, _)| text),
            verdicts,
            find,
        });
        View {
            host: &self.host,
            facts: &self.facts,
            screen,
            flows: &self.flows,
            hold: self.hold.as_deref(),
            quiet_until: self.quiet_until.filter(|until| self.now < *until),
            observes: self.observes,
            patience: Patience::from(&Settings::default()),
            permit: &|_, _| Ok(()),
            fill: &filled,
        }
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let verdict = |flow: &Arc<Flow>| {
            let find = |pattern: &ScreenPattern| self.find(pattern);
            let judged = judge_when(&flow.spec.when, &Sight::of(&self.facts, &find));
            Verdict {
                flow: flow.metadata.name.clone(),
                applies: judged.truth == Truth::Yes,
                reason: judged.reason,
                evidence: judged.evidence,
                findings: judged.findings,
            }
        };
        self.flows.iter().map(verdict).collect()
    }

    /// A pattern is found where the screen contains it.
    pub(super) fn find(&self, pattern: &ScreenPattern) -> Option<MatchEvidence> {
        let pattern = pattern.source();
        let (seq, read_at, text, _) = self.reading.as_ref()?;
        let column = text.find(pattern)?;
        Some(MatchEvidence {
            text: pattern.to_owned(),
            row: 0,
            column: u32::try_from(column).unwrap(),
            confidence: 1.0,
            screen_text: text.clone(),
            read_at: *read_at,
            picture: Some(PictureDigest(format!("{seq:064x}"))),
            captures: BTreeMap::new(),
            findings: Vec::new(),
        })
    }
}

/// Fills `{{ run.id }}` in where keys have it, and nothing else.
fn filled(step: &Step, run: &Run, _incident: &Incident) -> Result<Option<Step>, String> {
    match step {
        Step::Keys(keys) if keys.contains("{{ run.id }}") => {
            Ok(Some(Step::Keys(keys.replace("{{ run.id }}", &run.id.to_string()))))
        }
        Step::Keys(keys) if keys.contains("{{") => Err("it means nothing".to_owned()),
        _ => Ok(None),
    }
}

/// Plays a transcript of lines `time | what happens | decision | events`, and compares decisions and events.
pub(super) fn check(flows: &[Arc<Flow>], transcript: &str) -> Scene {
    play(Scene::new(flows), transcript)
}

/// The same from where a scene stands.
pub(super) fn play(mut scene: Scene, transcript: &str) -> Scene {
    let mut wanted = String::new();
    let mut got = String::new();
    for line in transcript.lines().filter(|line| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let decided = scene.play(time(cells[0]), parse(cells[1]));
        let events: Vec<&str> = decided.transitions.iter().map(|transition| short(transition.kind)).collect();
        let decision = match scene.refused.take() {
            Some(refusal) => format!("refused: {refusal}"),
            None => show(&decided.decision),
        };
        let shown = [cells[0], cells[1], &decision, &events.join(" ")].join(" | ");
        got.push_str(shown.trim_end_matches([' ', '|']));
        got.push('\n');
        wanted.push_str(cells.join(" | ").trim_end_matches([' ', '|']));
        wanted.push('\n');
    }
    assert!(got == wanted, "wanted:\n{wanted}\ngot:\n{got}");
    scene
}

fn time(text: &str) -> Duration {
    text.parse::<Span>().unwrap().duration()
}

fn parse(text: &str) -> Act {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.to_owned();
    let reach = |text: &str| serde_json::from_value(text.into()).unwrap();
    match verb {
        // `\n` stands for the end of a row.
        "sees" => Act::Reading { text: rest.replace("\\n", "\n"), reliable: true },
        "guesses" => Act::Reading { text: rest, reliable: false },
        "hears" => Act::Hears(rest),
        "time" => Act::Nothing,
        "done" => Act::Outcome(StepOutcome::Done(rest)),
        "failed" => Act::Outcome(StepOutcome::Failed(rest)),
        "unknown" => Act::Outcome(StepOutcome::Unknown(rest)),
        "power" => Act::Power(serde_json::from_value(rest.into()).unwrap()),
        "bmc" => Act::Reach(reach(&rest)),
        "passes" => Act::Check(rest, CheckState::Passing),
        "fails" => Act::Check(rest, CheckState::Failing),
        "untold" => Act::Check(rest, CheckState::Unknown),
        "write" => Act::Write(rest),
        "screen" => Act::ScreenReach(reach(&rest)),
        "deployed" => {
            let (phase, request) = rest
                .split_once(" for ")
                .map_or((&*rest, None), |(phase, request)| (phase, Some(request.to_owned())));
            Act::Deployed(serde_json::from_value(phase.into()).unwrap(), request)
        }
        "disable" => Act::Manage(Management::DisabledAtHost),
        "enable" => Act::Manage(Management::Enabled),
        "maintain" => Act::Maintain(true),
        "release" => Act::Maintain(false),
        "fence" => Act::Fence,
        "lift" => Act::LiftFence,
        "ask" => Act::PowerAsked(serde_json::from_value(rest.into()).unwrap()),
        "restart" => Act::Restart,
        "delete" => Act::Delete(rest),
        "pause" => Act::Hold(true),
        "resume" => Act::Hold(false),
        "quiet" => Act::Quiet(rest.parse().unwrap()),
        "observe" => Act::Observe(true),
        "act" => Act::Observe(false),
        "approve" => Act::Approve,
        "cancel" => Act::Cancel,
        "close" => Act::Close,
        "recover" | "force" => {
            Act::Recover { flow: (!rest.is_empty()).then_some(rest), force: verb == "force" }
        }
        _ => panic!("{text}"),
    }
}

fn show(decision: &Decision) -> String {
    match decision {
        Decision::Settled => "settled".to_owned(),
        Decision::Wait { reason, until, .. } => match until {
            Some(until) => {
                let until = Span::from_secs(until.since(EPOCH).as_secs());
                format!("wait: {reason} (until {until})")
            }
            None => format!("wait: {reason}"),
        },
        Decision::Act(planned) => format!("act: {}", planned.step),
        Decision::NeedsHuman { reason, .. } => format!("human: {reason}"),
    }
}

fn short(kind: EventKind) -> &'static str {
    match kind {
        EventKind::IncidentOpened => "opened",
        EventKind::IncidentNeedsHuman => "human",
        EventKind::IncidentClosed => "closed",
        EventKind::IncidentWaits => "waits",
        EventKind::RunWouldBegin => "would",
        EventKind::RunStarted => "run",
        EventKind::StepStarted => "step",
        EventKind::StepEnded => "step-end",
        EventKind::ApprovalWanted => "asked",
        EventKind::RunEnded => "run-end",
        EventKind::FlowNotice => "notice",
        other => other.code(),
    }
}
