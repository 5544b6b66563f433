//! Runs whose steps hold other steps.

use std::sync::Arc;

use ironhand_api::{Flow, StepOutcome};

use super::scene::{check, flow};

const LOGIN: &str = r#""screen": "login:", "timeout": "2m""#;

/// A menu in which the line that is wanted is looked for, and what it shows then is dealt with.
fn menu() -> Arc<Flow> {
    let steps = [
        r#"{ "repeat": { "do": [{ "keys": "<Down>" }], "until": { "screen": "> disk" }, "times": 3, "timeout": "1m" } }"#,
        r#"{ "choose": { "branches": [
            { "when": { "screen": "locked" }, "do": [{ "keys": "u" }, { "keys": "<Esc>" }] },
            { "when": { "screen": "> disk" }, "do": [{ "keys": "<Enter>" }] }
        ], "otherwise": [{ "power": "reset" }], "timeout": "20s" } }"#,
        r#"{ "sleep": "1s" }"#,
    ];
    flow("menu", "Boot menu", &steps, LOGIN, r#", "limits": { "attempts": 1, "cooldown": "1m" }"#)
}

#[test]
fn rounds_go_on_until_it_is_seen_and_a_branch_is_taken() {
    let scene = check(&[menu()], "
           0s | sees Boot menu        | wait: flow menu recognises `Boot menu`, on 1 of 2 readings
           5s | sees Boot menu        | act: press `<Down>` | opened run step
           6s | done pressed          | wait: step 1 of 3, round 1: the screen was not read since (until 1m5s) | step-end step
           7s | sees Boot menu        | wait: step 1 of 3, round 1: the screen was not read since (until 1m5s)
          10s | sees Boot menu        | act: press `<Down>` | step-end step
          11s | done pressed          | wait: step 1 of 3, round 2: the screen was not read since (until 1m5s) | step-end step
          12s | sees Boot menu > disk | wait: step 2 of 3: the screen was not read since; the screen was not read since (until 32s) | step-end step
          15s | sees Boot menu > disk | act: press `<Enter>` | step-end step
          16s | done pressed          | wait: step 3 of 3: sleep 1s (until 17s) | step-end step
          17s | time                  | wait: flow menu awaits its proof: the screen was not read since (until 2m17s) | step-end
          20s | sees login:           | wait: flow menu awaits its proof: it must be seen on 2 readings (until 2m17s)
    ");
    let run = scene.recovery.run().unwrap();
    let done: Vec<_> = run
        .steps
        .iter()
        .map(|record| match &record.outcome {
            Some(StepOutcome::Done(detail)) => format!("{}: {detail}", record.place),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        done,
        [
            "1.1 round 1: pressed",
            "1 round 1: not yet: the screen does not show `> disk`",
            "1.1 round 2: pressed",
            "1 round 2: `> disk` stands in row 1",
            "2: branch 2: `> disk` stands in row 1",
            "2.1: pressed",
            "3: slept 1s",
        ]
    );
}

#[test]
fn rounds_end_by_their_number_and_by_their_time() {
    check(&[menu()], "
           0s | sees Boot menu | wait: flow menu recognises `Boot menu`, on 1 of 2 readings
           5s | sees Boot menu | act: press `<Down>` | opened run step
           6s | done pressed   | wait: step 1 of 3, round 1: the screen was not read since (until 1m5s) | step-end step
          10s | sees Boot menu | act: press `<Down>` | step-end step
          11s | done pressed   | wait: step 1 of 3, round 2: the screen was not read since (until 1m5s) | step-end step
          15s | sees Boot menu | act: press `<Down>` | step-end step
          16s | done pressed   | wait: step 1 of 3, round 3: the screen was not read since (until 1m5s) | step-end step
          20s | sees Boot menu | human: flow menu was tried once, and the screen still shows `Boot menu` | step-end run-end human
    ");
    check(&[menu()], "
           0s | sees Boot menu    | wait: flow menu recognises `Boot menu`, on 1 of 2 readings
           5s | sees Boot menu    | act: press `<Down>` | opened run step
           6s | done pressed      | wait: step 1 of 3, round 1: the screen was not read since (until 1m5s) | step-end step
          10s | guesses Boot menu | wait: step 1 of 3, round 1: the screen cannot be read with certainty (until 1m5s)
          65s | time              | wait: the screen shows neither a known illness nor that the host is well (until 11m5s) | run-end
    ");
}

#[test]
fn what_is_not_seen_is_no_reason_for_otherwise() {
    let steps = [r#"{ "choose": { "branches": [{ "when": { "screen": "locked" }, "do": [{ "keys": "u" }] }],
                       "otherwise": [{ "power": "reset" }], "timeout": "20s" } }"#];
    let menu = flow("menu", "Boot menu", &steps, LOGIN, r#", "limits": { "attempts": 1, "cooldown": "1m" }"#);
    check(&[Arc::clone(&menu)], "
           0s | sees Boot menu | wait: flow menu recognises `Boot menu`, on 1 of 2 readings
           5s | sees Boot menu | wait: step 1 of 1: the screen was not read since (until 25s) | opened run step
          10s | sees Boot menu | wait: step 1 of 1: the screen does not show `locked` (until 25s)
          25s | time           | act: power reset | step-end step
          26s | done reset     | wait: flow menu awaits its proof: the screen was not read since (until 2m26s) | step-end
    ");
    check(&[menu], "
           0s | sees Boot menu    | wait: flow menu recognises `Boot menu`, on 1 of 2 readings
           5s | sees Boot menu    | wait: step 1 of 1: the screen was not read since (until 25s) | opened run step
          10s | guesses Boot menu | wait: step 1 of 1: the screen cannot be read with certainty (until 25s)
          25s | time              | wait: the screen shows neither a known illness nor that the host is well (until 10m25s) | step-end run-end
    ");
}

#[test]
fn a_restart_goes_on_in_the_middle_and_repeats_no_key() {
    check(&[menu()], "
           0s | sees Boot menu        | wait: flow menu recognises `Boot menu`, on 1 of 2 readings
           5s | sees Boot menu        | act: press `<Down>` | opened run step
           6s | done pressed          | wait: step 1 of 3, round 1: the screen was not read since (until 1m5s) | step-end step
           7s | restart               | wait: step 1 of 3, round 1: the screen was not read since (until 1m5s)
          10s | sees Boot menu        | act: press `<Down>` | step-end step
          11s | restart               | wait: flow menu awaits its proof: the screen was not read since (until 2m11s) | step-end
          20s | sees Boot menu > disk | wait: flow menu awaits its proof: the screen does not show `login:` (until 2m11s)
    ");
    check(&[menu()], "
           0s | sees Boot menu        | wait: flow menu recognises `Boot menu`, on 1 of 2 readings
           5s | sees Boot menu        | act: press `<Down>` | opened run step
           6s | done pressed          | wait: step 1 of 3, round 1: the screen was not read since (until 1m5s) | step-end step
           8s | sees Boot menu > disk | wait: step 2 of 3: the screen was not read since; the screen was not read since (until 28s) | step-end step
           9s | restart               | wait: step 2 of 3: the screen was not read since; the screen was not read since (until 28s)
          12s | sees locked           | act: press `u` | step-end step
          13s | done pressed          | act: press `<Esc>` | step-end step
          14s | done pressed          | wait: step 3 of 3: sleep 1s (until 15s) | step-end step
    ");
}

#[test]
fn the_steps_of_a_called_flow_are_done_in_its_place() {
    let steps = [
        r#"{ "call": { "flow": "log-in", "steps": [{ "keys": "root<Enter>" }, { "keys": "exit<Enter>" }] } }"#,
        r#"{ "keys": "<Enter>" }"#,
    ];
    let stuck = flow("stuck", "stuck", &steps, LOGIN, "");
    check(&[stuck], "
           0s | sees stuck   | wait: flow stuck recognises `stuck`, on 1 of 2 readings
           5s | sees stuck   | act: press `root<Enter>` | opened run step
           6s | done pressed | act: press `exit<Enter>` | step-end step
           7s | done pressed | act: press `<Enter>` | step-end step
           8s | done pressed | wait: flow stuck awaits its proof: the screen was not read since (until 2m8s) | step-end
    ");
}

#[test]
fn a_person_must_agree_in_time() {
    let steps = [r#"{ "approve": { "ask": "wipe the disk?", "timeout": "1h" } }"#, r#"{ "keys": "w" }"#];
    let full = flow("full", "disk is full", &steps, LOGIN, r#", "limits": { "attempts": 1 }"#);
    check(&[Arc::clone(&full)], "
           0s | sees disk is full | wait: flow full recognises `disk is full`, on 1 of 2 readings
           1s | approve           | wait: flow full recognises `disk is full`, on 1 of 2 readings
           5s | sees disk is full | wait: step 1 of 2: a person must agree: wipe the disk? (until 1h5s) | opened run asked
          10s | restart           | wait: step 1 of 2: a person must agree: wipe the disk? (until 1h5s)
          20m | approve           | act: press `w` | step-end step
       1201s | approve           | wait: step 2 of 2: press `w` is being done (until 35m)
       1202s | done pressed      | wait: flow full awaits its proof: the screen was not read since (until 22m2s) | step-end
    ");
    // Who was asked has mended it by hand: what was asked for is not done to a host that is well.
    let scene = check(&[Arc::clone(&full)], "
           0s | sees disk is full | wait: flow full recognises `disk is full`, on 1 of 2 readings
           5s | sees disk is full | wait: step 1 of 2: a person must agree: wipe the disk? (until 1h5s) | opened run asked
          20s | sees login:       | wait: step 1 of 2: a person must agree: wipe the disk? (until 1h5s)
          25s | sees login:       | settled | run-end closed
          30s | approve           | settled
    ");
    assert!(scene.recovery.incident().is_none());
    let scene = check(&[full], "
           0s | sees disk is full | wait: flow full recognises `disk is full`, on 1 of 2 readings
           5s | sees disk is full | wait: step 1 of 2: a person must agree: wipe the disk? (until 1h5s) | opened run asked
       3605s | sees disk is full | human: flow full was tried once, and the screen still shows `disk is full` | step-end run-end human
    ");
    assert_eq!(scene.recovery.incident().unwrap().attempts, 1);
}
