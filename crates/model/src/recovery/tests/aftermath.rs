//! What is done once when the last run of a flow has failed, and what notifiers are told.

use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{Flow, RunState, StepOutcome};

use super::scene::{Act, check, flow};

const LOGIN: &str = r#""screen": "login:", "timeout": "1m""#;

fn f1(attempts: u32) -> Arc<Flow> {
    let more = format!(
        r#", "limits": {{ "attempts": {attempts}, "cooldown": "1s" }}, "onFailure": [
            {{ "notify": "oncall" }},
            {{ "http": {{ "method": "PATCH", "url": "http://netbox/" }} }},
            {{ "notify": {{ "to": "chat", "text": "it did not help" }} }}
        ]"#
    );
    flow("f1", "Press F1", &[r#"{ "keys": "<F1>" }"#], LOGIN, &more)
}

#[test]
fn what_follows_a_failure_is_done_once_and_then_a_person_is_asked() {
    let scene = check(&[f1(1)], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `<F1>` | opened run step
           6s | failed no keyboard | act: send PATCH http://netbox/ | step-end step notice step-end step
           7s | time | wait: step 2 of 3 after the failure: send PATCH http://netbox/ is being done (until 15m6s)
           8s | pause | wait: step 2 of 3 after the failure: send PATCH http://netbox/ is being done (until 15m6s)
           9s | failed the answer is 500 | wait: the next reading of the screen decides whether a person is asked | step-end step notice step-end run-end
          10s | sees Press F1 | human: flow f1 was tried once, and the screen still shows `Press F1` | human
          15s | sees Press F1 | human: flow f1 was tried once, and the screen still shows `Press F1`
    ");
    assert!(scene.recovery.run().is_none());
}

#[test]
fn a_run_that_another_may_follow_tells_nobody() {
    check(&[f1(2)], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `<F1>` | opened run step
           6s | failed no keyboard | wait: flow f1 may try again after its cooldown (until 7s) | step-end run-end
          10s | sees Press F1 | act: press `<F1>` | run step
          11s | failed no keyboard | act: send PATCH http://netbox/ | step-end step notice step-end step
    ");
}

#[test]
fn after_a_restart_what_may_have_been_done_is_not_done_again() {
    let mut scene = check(
        &[f1(1)],
        "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `<F1>` | opened run step
           6s | failed no keyboard | act: send PATCH http://netbox/ | step-end step notice step-end step
    ",
    );
    let told = scene.play(Duration::from_secs(7), Act::Restart);
    let notices: Vec<&str> = told
        .transitions
        .iter()
        .filter(|transition| transition.kind.code() == "run.notice")
        .map(|transition| transition.message.as_str())
        .collect();
    assert_eq!(notices, ["to chat: it did not help"]);
    let run = told.transitions.iter().rev().find_map(|transition| transition.run.as_ref()).unwrap();
    assert_eq!((run.state, run.reason.as_str()), (RunState::Failed, "step 1 of 1 failed: no keyboard"));
    let places: Vec<_> = run.steps.iter().map(|step| step.place.as_str()).collect();
    assert_eq!(places, ["1", "onFailure 1", "onFailure 2", "onFailure 3"]);
    assert!(matches!(run.steps[2].outcome, Some(StepOutcome::Unknown(_))), "{run:#?}");
}

#[test]
fn a_notifier_is_told_within_a_run_and_the_run_goes_on() {
    let steps = [r#"{ "notify": "oncall" }"#, r#"{ "sleep": "1s" }"#];
    let mut scene = check(
        &[flow("f1", "Press F1", &steps, LOGIN, "")],
        "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
    ",
    );
    let told =
        scene.play(Duration::from_secs(5), Act::Reading { text: "Press F1".to_owned(), reliable: true });
    let kinds: Vec<_> = told.transitions.iter().map(|transition| transition.kind.code()).collect();
    assert_eq!(
        kinds,
        [
            "incident.opened",
            "run.started",
            "run.step-started",
            "run.notice",
            "run.step-ended",
            "run.step-started",
        ]
    );
    let message = &told.transitions[3].message;
    assert_eq!(message, "to oncall: rack7-12: flow f1 is under way: the screen shows `Press F1`");
}

#[test]
fn a_template_may_name_the_run_and_one_that_gives_nothing_fails_the_run() {
    let steps = [r#"{ "keys": "{{ run.id }}<Enter>" }"#, r#"{ "keys": "{{ nothing }}" }"#];
    let scene = check(
        &[flow("f1", "Press F1", &steps, LOGIN, "")],
        "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | wait: step 1 of 2 is about to begin (until 5s) | opened run
           6s | time          | act: press `4<Enter>` | step
           7s | done pressed  | wait: flow f1 may try again after its cooldown (until 1m7s) | step-end run-end
    ",
    );
    assert!(scene.recovery.run().is_none());
}
