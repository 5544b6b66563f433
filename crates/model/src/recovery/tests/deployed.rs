//! Runs that deploy something, and deployments that are late.

use std::sync::Arc;

use ironhand_api::{Flow, StepOutcome};

use super::scene::{check, flow};

fn reinstall(deploy: &str) -> Arc<Flow> {
    let steps = [deploy, r#"{ "keys": "<Enter>" }"#];
    flow(
        "reinstall",
        "No root",
        &steps,
        r#""screen": "login:", "timeout": "5m""#,
        r#", "limits": { "attempts": 1, "cooldown": "1m" }"#,
    )
}

const DEPLOY: &str = r#"{ "deploy": { "profile": "debian", "timeout": "10m" } }"#;

#[test]
fn a_run_waits_for_what_it_deployed_and_for_nothing_else() {
    let scene = check(&[reinstall(DEPLOY)], "
           0s | sees No root                        | wait: flow reinstall recognises `No root`, on 1 of 2 readings
           4s | deployed booted                     | wait: flow reinstall recognises `No root`, on 1 of 2 readings
           5s | sees No root                        | act: deploy Profile debian (once), and wait for it at most 10m | opened run step
           6s | done applied                        | wait: step 1.1 of 2: the deployment is gone, or somebody has asked for another one (until 10m6s) | step-end step
           7s | deployed waiting for run 6 step 1   | wait: step 1.1 of 2: Deployment rack7-12 is waiting (until 10m6s)
          30s | restart                             | wait: step 1.1 of 2: Deployment rack7-12 is waiting (until 10m6s)
          50s | deployed booting for run 6 step 1   | wait: step 1.1 of 2: Deployment rack7-12 is booting (until 10m6s)
          90s | deployed booted for run 6 step 1    | act: press `<Enter>` | step-end step
          91s | done pressed                        | wait: flow reinstall awaits its proof: the screen was not read since (until 6m31s) | step-end
    ");
    let run = scene.recovery.run().unwrap();
    let done: Vec<_> =
        run.steps.iter().map(|record| (&*record.place, record.outcome.clone().unwrap())).collect();
    let of = |text: &str| StepOutcome::Done(text.to_owned());
    assert_eq!(
        done,
        [
            ("1", of("applied")),
            ("1.1", of("the host has fetched all of Profile debian that it boots")),
            ("2", of("pressed")),
        ]
    );
}

#[test]
fn a_deployment_that_is_stopped_or_late_fails_its_run() {
    check(&[reinstall(DEPLOY)], "
           0s | sees No root                        | wait: flow reinstall recognises `No root`, on 1 of 2 readings
           5s | sees No root                        | act: deploy Profile debian (once), and wait for it at most 10m | opened run step
           6s | done applied                        | wait: step 1.1 of 2: the deployment is gone, or somebody has asked for another one (until 10m6s) | step-end step
          20s | deployed stopped for run 4 step 1   | wait: the next reading of the screen decides whether a person is asked | step-end run-end
    ");
    check(&[reinstall(DEPLOY)], "
           0s | sees No root                        | wait: flow reinstall recognises `No root`, on 1 of 2 readings
           5s | sees No root                        | act: deploy Profile debian (once), and wait for it at most 10m | opened run step
           6s | done applied                        | wait: step 1.1 of 2: the deployment is gone, or somebody has asked for another one (until 10m6s) | step-end step
           7s | deployed waiting for run 4 step 1   | wait: step 1.1 of 2: Deployment rack7-12 is waiting (until 10m6s)
         606s | time                                | wait: the next reading of the screen decides whether a person is asked | step-end run-end
    ");
}

#[test]
fn what_a_crash_cut_short_is_asked_for_again_in_the_same_words() {
    let scene = check(
        &[reinstall(r#"{ "deploy": { "profile": "debian" } }"#)],
        "
           0s | sees No root    | wait: flow reinstall recognises `No root`, on 1 of 2 readings
           5s | sees No root    | act: deploy Profile debian (once) | opened run step
           6s | restart         | act: deploy Profile debian (once) | step-end step
    ",
    );
    assert_eq!(scene.asked.as_ref().unwrap().request(), "run 4 step 1");
    check(
        &[reinstall(r#"{ "deploy": { "profile": "debian" } }"#)],
        "
           0s | sees No root    | wait: flow reinstall recognises `No root`, on 1 of 2 readings
           5s | sees No root    | act: deploy Profile debian (once) | opened run step
           6s | done applied    | act: press `<Enter>` | step-end step
    ",
    );
}

#[test]
fn a_deployment_past_its_deadline_is_an_illness_that_ends_when_it_has_booted() {
    check(
        &[],
        "
           0s | sees PXE-E53     | settled
           1s | deployed waiting | wait: a deployment is under way (until 1m1s)
          61s | time             | wait: no flow recognises the screen (until 11m1s) | opened
          90s | deployed booted  | settled | closed
    ",
    );
}
