//! Whatever happens, in whatever order: what must never be, and what must always end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{
    EventKind, Flow, Management, Name, PowerAction, PowerState, Reach, RunState, Step, StepOutcome, Timestamp,
};
use proptest::prelude::*;

use super::super::{Decided, Decision, MOST_RUNS};
use super::scene::{Act, EPOCH, Scene, flow};

fn flows() -> Vec<Arc<Flow>> {
    let login = r#""screen": "login:", "timeout": "2m""#;
    vec![
        flow(
            "f1",
            "Press F1",
            &[r#"{ "snapshot": null }"#, r#"{ "keys": "<F1>" }"#],
            login,
            r#", "limits": { "attempts": 2, "cooldown": "1m" }"#,
        ),
        flow(
            "panic",
            "panic",
            &[
                r#"{ "bootDevice": "pxe" }"#,
                r#"{ "power": "cycle" }"#,
                r#"{ "waitFor": { "power": "on", "timeout": "1m" } }"#,
                r#"{ "sleep": "10s" }"#,
            ],
            login,
            r#", "priority": 1, "limits": { "attempts": 3, "cooldown": "30s" }"#,
        ),
        flow(
            "menu",
            "Boot menu",
            &[
                r#"{ "repeat": { "do": [{ "keys": "<Down>" }], "until": { "screen": "> disk" }, "times": 3, "timeout": "1m" } }"#,
                r#"{ "choose": { "branches": [
                    { "when": { "screen": "locked" }, "do": [{ "keys": "u" }, { "sleep": "1s" }] },
                    { "when": { "screen": "> disk" }, "do": [{ "keys": "<Enter>" }] }
                ], "otherwise": [{ "power": "reset" }] } }"#,
            ],
            login,
            r#", "limits": { "attempts": 2, "cooldown": "10s" }"#,
        ),
        flow(
            "asking",
            "disk is full",
            &[r#"{ "approve": { "ask": "wipe it?", "timeout": "5m" } }"#, r#"{ "keys": "w" }"#],
            login,
            r#", "limits": { "attempts": 2, "cooldown": "10s" }"#,
        ),
        flow(
            "any",
            "P",
            &[r#"{ "keys": "x" }"#, r#"{ "waitFor": { "screen": "$", "timeout": "30s" } }"#],
            r#""power": "on", "timeout": "1m""#,
            r#", "limits": { "attempts": 1, "cooldown": "0s" }"#,
        ),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let screens = [
        "login:",
        "Press F1",
        "Kernel panic",
        "Press F1, panic",
        "booting",
        "$",
        "login: panic",
        "Boot menu",
        "Boot menu > disk",
        "> disk",
        "locked",
        "lockedu",
        "disk is full w",
        "Press F1x",
        "disk is full",
    ];
    let reaches = [Reach::Ok, Reach::Unreachable, Reach::AuthFailed, Reach::ProtocolError, Reach::Throttled];
    prop_oneof![
        20 => (prop::sample::select(screens.to_vec()), prop::bool::weighted(0.9))
            .prop_map(|(text, reliable)| Act::Reading { text: text.to_owned(), reliable }),
        10 => prop::sample::select(vec![
            StepOutcome::Done("done".to_owned()),
            StepOutcome::Failed("refused".to_owned()),
            StepOutcome::Unknown("no reply".to_owned()),
        ])
        .prop_map(Act::Outcome),
        4 => Just(Act::Nothing),
        4 => prop::sample::select(vec![PowerState::On, PowerState::On, PowerState::Off, PowerState::Unknown])
            .prop_map(Act::Power),
        1 => prop::sample::select(vec![PowerAction::On, PowerAction::Off, PowerAction::Cycle])
            .prop_map(Act::PowerAsked),
        1 => prop::sample::select(reaches.to_vec()).prop_map(Act::Reach),
        1 => prop::sample::select(reaches.to_vec()).prop_map(Act::ScreenReach),
        1 => prop::sample::select(vec![Management::Enabled, Management::DisabledAtHost]).prop_map(Act::Manage),
        1 => prop::bool::ANY.prop_map(Act::Maintain),
        1 => Just(Act::Fence),
        2 => Just(Act::LiftFence),
        1 => Just(Act::Restart),
        1 => prop::bool::ANY.prop_map(Act::Hold),
        1 => Just(Act::Approve),
        1 => Just(Act::Cancel),
        1 => Just(Act::Close),
        2 => (prop::sample::select(vec!["", "f1", "panic", "menu", "any", "gone"]), prop::bool::ANY)
            .prop_map(|(flow, force)| Act::Recover {
                flow: (!flow.is_empty()).then(|| flow.to_owned()),
                force,
            }),
    ]
}

/// Keeps its own account of what was seen and done, and compares.
#[derive(Default)]
struct Judge {
    /// Certain readings in a row that each flow recognised.
    streaks: BTreeMap<Name, u32>,
    /// When the last run of each flow ended without success.
    failed_at: BTreeMap<Name, Timestamp>,
    runs: BTreeMap<(u64, Name), u32>,
    running: Option<(u64, Name)>,
    open: Option<u64>,
    asked: BTreeSet<(u64, usize)>,
    irrevocable: BTreeSet<(u64, String)>,
}

impl Judge {
    fn see(&mut self, scene: &Scene, act: &Act) {
        match act {
            Act::Reading { reliable, .. } => {
                for flow in &scene.flows {
                    let seen =
                        *reliable && scene.find(flow.spec.when.condition.screen.as_ref().unwrap()).is_some();
                    let count = self.streaks.entry(flow.metadata.name.clone()).or_default();
                    *count = if seen { *count + 1 } else { 0 };
                }
            }
            Act::Restart => self.streaks.clear(),
            _ => {}
        }
    }

    fn judge(&mut self, scene: &Scene, decided: &Decided) -> Result<(), TestCaseError> {
        for transition in &decided.transitions {
            let incident = &transition.incident;
            match transition.kind {
                EventKind::IncidentOpened => prop_assert_eq!(self.open.replace(incident.id), None),
                EventKind::IncidentClosed => prop_assert_eq!(self.open.take(), Some(incident.id)),
                EventKind::RunStarted => {
                    let run = transition.run.as_ref().unwrap();
                    prop_assert_eq!(self.running.replace((run.id, run.flow.clone())), None);
                    if run.asked.is_none() {
                        self.judge_start(scene, incident.id, &run.flow)?;
                    }
                }
                EventKind::RunEnded => {
                    let run = transition.run.as_ref().unwrap();
                    prop_assert_eq!(self.running.take(), Some((run.id, run.flow.clone())));
                    prop_assert_ne!(run.state, RunState::Running);
                    prop_assert!(run.steps.iter().all(|step| step.outcome.is_some()));
                    if run.state == RunState::Succeeded {
                        self.failed_at.remove(&run.flow);
                    } else {
                        self.failed_at.insert(run.flow.clone(), scene.now);
                    }
                }
                _ => prop_assert_eq!(self.open, Some(incident.id)),
            }
        }
        if let Decision::Act(planned) = &decided.decision {
            prop_assert_eq!(scene.facts.management(), Management::Enabled);
            prop_assert_eq!(scene.facts.maintenance(), None);
            prop_assert_eq!((scene.facts.fenced(), scene.facts.fence_broken()), (None, None));
            prop_assert_eq!(self.running.as_ref().map(|(id, _)| *id), Some(planned.run));
            prop_assert!(self.asked.insert((planned.run, planned.record)));
            let by_hand = scene.recovery.run().is_some_and(|run| run.asked.is_some());
            prop_assert!(by_hand || !scene.is_held());
            if matches!(planned.step, Step::Keys(_) | Step::Power(_)) {
                prop_assert!(self.irrevocable.insert((planned.run, planned.place.clone())), "{planned:?}");
            }
            if matches!(planned.step, Step::Keys(_)) {
                prop_assert!(!matches!(scene.facts.power(), PowerState::Off | PowerState::TurningOff));
            }
        }
        Ok(())
    }

    fn judge_start(&mut self, scene: &Scene, incident: u64, name: &Name) -> Result<(), TestCaseError> {
        let flow = scene.flows.iter().find(|flow| flow.metadata.name == *name).unwrap();
        let limits = flow.spec.limits;
        prop_assert!(self.streaks.get(name).copied().unwrap_or(0) >= flow.spec.when.stable, "{name}");
        if let Some(failed_at) = self.failed_at.get(name) {
            prop_assert!(scene.now.since(*failed_at) >= limits.cooldown.duration(), "{name}");
        }
        let runs = self.runs.entry((incident, name.clone())).or_default();
        *runs += 1;
        prop_assert!(*runs <= limits.attempts, "{name}");
        let total: u32 = self.runs.iter().filter(|((id, _), _)| *id == incident).map(|(_, runs)| runs).sum();
        prop_assert!(total <= MOST_RUNS);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_done_twice_and_every_run_ends(
        acts in prop::collection::vec((prop::sample::select(vec![1u64, 5, 20, 120, 700]), act()), 1..80)
    ) {
        let mut scene = Scene::new(&flows());
        let mut judge = Judge::default();
        let mut at = Duration::ZERO;
        for (seconds, act) in acts {
            at += Duration::from_secs(seconds);
            let decided = scene.play(at, act.clone());
            judge.see(&scene, &act);
            judge.judge(&scene, &decided)?;
            // Asked again at once, it neither acts nor changes anything.
            let again = scene.play(at, Act::Nothing);
            prop_assert!(again.transitions.is_empty() && !matches!(again.decision, Decision::Act(_)), "{again:?}");
        }
        // Left alone, whatever runs comes to an end by its own deadlines.
        for _ in 0..40 {
            let decided = scene.play(at, Act::Nothing);
            judge.judge(&scene, &decided)?;
            if scene.recovery.run().is_none() {
                return Ok(());
            }
            at = match decided.decision {
                Decision::Wait { until: Some(until), .. } => until.since(EPOCH).max(at),
                _ => at,
            };
        }
        prop_assert!(false, "the run did not end: {:?}", scene.recovery.run());
    }
}
