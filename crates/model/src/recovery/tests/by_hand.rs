//! Runs that a person asks for, and what they are told before.

use std::sync::Arc;

use ironhand_api::{Asked, Flow};

use super::super::RunRefusal;
use super::scene::{Act, Scene, check, flow};

const LOGIN: &str = r#""screen": "login:", "timeout": "2m""#;

fn f1() -> Arc<Flow> {
    let limits = r#", "limits": { "attempts": 1, "cooldown": "1m" }"#;
    flow("f1", "Press F1", &[r#"{ "keys": "<F1>" }"#], LOGIN, limits)
}

fn cycle() -> Arc<Flow> {
    flow("cycle", "Kernel panic", &[r#"{ "power": "cycle" }"#], LOGIN, "")
}

#[test]
fn one_reading_is_enough_for_a_person_and_a_pause_holds_nobody_back() {
    let scene = check(&[f1(), cycle()], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           1s | pause         | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           2s | recover       | act: press `<F1>` | opened run step
           3s | recover       | refused: run 6 of flow f1 is under way
           4s | done pressed  | wait: flow f1 awaits its proof: the screen was not read since (until 2m4s) | step-end
          10s | sees login:   | wait: flow f1 awaits its proof: it must be seen on 2 readings (until 2m4s)
          15s | sees login:   | settled | run-end closed
    ");
    assert_eq!(scene.recovery.run(), None);
}

#[test]
fn a_run_tells_who_wanted_it_and_why() {
    let mut scene = Scene::new(&[f1()]);
    let at = |seconds| std::time::Duration::from_secs(seconds);
    let _ = scene.play(at(0), Act::Reading { text: "Press F1".to_owned(), reliable: true });
    let begun = scene.play(at(1), Act::Recover { flow: None, force: false });
    let wanted = Asked { by: "alice".to_owned(), reason: Some("it is urgent".to_owned()) };
    assert_eq!(scene.recovery.run().unwrap().asked, Some(wanted));
    let said = &begun.transitions[1].message;
    assert_eq!(said, "flow f1 begins, attempt 1: alice asked for it: it is urgent");
}

#[test]
fn a_flow_that_does_not_apply_must_be_forced() {
    check(&[f1(), cycle()], "
           0s | recover cycle | refused: flow cycle does not apply: the screen was not read yet
           1s | sees nothing  | settled
           2s | recover       | refused: no flow applies: the screen shows nothing that a flow recognises
           3s | recover cycle | refused: flow cycle does not apply: the screen does not show `Kernel panic`
           4s | recover gone  | refused: flow gone is not there, or does not select this host
           5s | bmc unreachable | settled
           6s | force cycle   | refused: flow cycle cannot begin: the management controller cannot be used: unreachable
           7s | bmc ok        | settled
           8s | force cycle   | act: power cycle | opened run step
           9s | done cycled   | wait: flow cycle awaits its proof: the screen was not read since (until 2m9s) | step-end
          10s | sees login:   | wait: flow cycle awaits its proof: it must be seen on 2 readings (until 2m9s)
          15s | sees login:   | settled | run-end closed
    ");
}

#[test]
fn a_host_that_belongs_to_people_is_left_alone_all_the_same() {
    check(
        &[f1()],
        "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           1s | maintain      | wait: the host is in maintenance
           2s | force f1      | refused: the host is in maintenance
           3s | release       | settled
           4s | disable       | wait: the host is not managed
           5s | force f1      | refused: the host is not managed
           6s | enable        | settled
           7s | fence         | wait: the host is fenced
           8s | force f1      | refused: the host is fenced
    ",
    );
}

#[test]
fn a_person_may_try_again_what_ironhand_gave_up() {
    check(&[f1()], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `<F1>` | opened run step
           6s | done pressed  | wait: flow f1 awaits its proof: the screen was not read since (until 2m6s) | step-end
         127s | sees Press F1 | human: flow f1 was tried once, and the screen still shows `Press F1` | run-end human
         130s | recover       | act: press `<F1>` | run step
         131s | done pressed  | wait: flow f1 awaits its proof: the screen was not read since (until 4m11s) | step-end
         140s | sees login:   | wait: flow f1 awaits its proof: it must be seen on 2 readings (until 4m11s)
         145s | sees login:   | settled | run-end closed
    ");
}

#[test]
fn of_several_that_apply_the_order_is_that_of_ironhand() {
    let first = flow(
        "b",
        "Press F1",
        &[r#"{ "keys": "b" }"#],
        LOGIN,
        r#", "priority": 2, "limits": { "attempts": 1 }"#,
    );
    check(&[f1(), first], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           1s | recover       | act: press `b` | opened run step
           2s | failed no keyboard | wait: flow f1 recognises `Press F1`, on 1 of 2 readings (until 10m2s) | step-end run-end
    ");
}

#[test]
fn a_plan_tells_the_steps_and_the_branch_that_the_screen_tells() {
    let menu = flow(
        "menu",
        "Boot menu",
        &[
            r#"{ "choose": { "branches": [
                { "when": { "screen": "locked" }, "do": [{ "keys": "u<Enter>" }] },
                { "when": { "screen": "> disk" }, "do": [{ "keys": "<Enter>" }, { "sleep": "1s" }] }
            ], "otherwise": [{ "power": "reset" }] } }"#,
            r#"{ "choose": { "branches": [{ "when": { "screen": "Password" }, "do": [{ "keys": "x" }] }] } }"#,
            r#"{ "waitFor": { "screen": "login:", "timeout": "1m" } }"#,
        ],
        LOGIN,
        "",
    );
    let check = |screen: &str, wanted: &[&str]| {
        let mut scene = Scene::new(std::slice::from_ref(&menu));
        let _ =
            scene.play(std::time::Duration::ZERO, Act::Reading { text: screen.to_owned(), reliable: true });
        let before = scene.recovery.clone();
        let plan = scene.plan(None).unwrap();
        assert_eq!(scene.recovery, before);
        let told: Vec<String> = plan
            .steps
            .iter()
            .map(|step| {
                let only = step.only_where.as_ref().map(|only| format!(" [{only}]")).unwrap_or_default();
                let note = step.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
                format!("{} {}{only}{note}", step.place, step.does)
            })
            .collect();
        assert_eq!(told, wanted);
    };
    let first = "1 choose by `locked` on the screen; or `> disk` on the screen, within 30s";
    let second = "2 choose by `Password` on the screen, within 30s (the screen decides then)";
    let last = "3 wait for `login:` on the screen, at most 1m";
    let typed = "2.1 press `x` [`Password` on the screen]";
    check(
        "Boot menu > disk",
        &[
            &format!("{first} (branch 2 would be taken)"),
            "1.1 press `<Enter>`",
            "1.2 sleep 1s",
            second,
            typed,
            last,
        ],
    );
    check(
        "Boot menu",
        &[
            &format!("{first} (none of the branches now; `otherwise` would be taken)"),
            "1.1 press `u<Enter>` [`locked` on the screen]",
            "1.1 press `<Enter>` [`> disk` on the screen]",
            "1.2 sleep 1s [`> disk` on the screen]",
            "1.1 power reset [none of the branches is true]",
            second,
            typed,
            last,
        ],
    );
}

#[test]
fn quiet_hours_keep_runs_from_beginning_but_for_flows_that_may_and_people() {
    check(&[f1()], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           1s | quiet 100     | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | wait: flow f1 does not begin: the hours are quiet until 2026-03-01T02:15:48.120Z (until 1m41s) | opened waits
          10s | sees Press F1 | wait: flow f1 does not begin: the hours are quiet until 2026-03-01T02:15:48.120Z (until 1m41s)
         101s | time          | wait: flow f1 begins after the next reading of the screen
         105s | sees Press F1 | act: press `<F1>` | run step
    ");
    check(
        &[f1()],
        "
           0s | quiet 100     | wait: the screen was not read yet
           1s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | recover       | act: press `<F1>` | opened run step
    ",
    );
    let allowed = flow("f2", "Press F1", &[r#"{ "keys": "2" }"#], LOGIN, r#", "evenInQuietHours": true"#);
    check(
        &[allowed],
        "
           0s | quiet 100     | wait: the screen was not read yet
           1s | sees Press F1 | wait: flow f2 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `2` | opened run step
    ",
    );
}

#[test]
fn what_would_be_done_is_told_once_and_not_done() {
    let scene = check(
        &[f1()],
        "
           0s | observe       | wait: the screen was not read yet
           1s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | wait: flow f1 would run, and is only told of | opened would waits
          10s | sees Press F1 | wait: flow f1 would run, and is only told of
          15s | sees login:   | wait: the host looks well, on 1 of 2 readings (until 10m10s)
          20s | sees login:   | settled | closed
          25s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
          30s | sees Press F1 | wait: flow f1 would run, and is only told of | opened would waits
          31s | act           | wait: flow f1 begins after the next reading of the screen
          35s | sees Press F1 | act: press `<F1>` | run step
    ",
    );
    assert_eq!(scene.recovery.incident().unwrap().attempts, 1);
}

#[test]
fn a_flow_that_is_tried_dry_keeps_no_other_from_acting() {
    let dry = flow("dry", "Press F1", &[r#"{ "keys": "d" }"#], LOGIN, r#", "priority": 5, "dryRun": true"#);
    let mut scene = Scene::new(&[dry, f1()]);
    let read = || Act::Reading { text: "Press F1".to_owned(), reliable: true };
    let _ = scene.play(std::time::Duration::ZERO, read());
    let told = scene.play(std::time::Duration::from_secs(5), read());
    let messages: Vec<_> = told.transitions.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(messages[1], "flow dry would begin, and nothing is done since it is tried dry: 1. press `d`");
    assert_eq!(messages[2], "flow f1 begins, attempt 1: the screen shows `Press F1`");
}

#[test]
fn whoever_asked_for_a_run_cannot_agree_to_it() {
    let steps = [r#"{ "approve": { "ask": "may it?", "timeout": "1h" } }"#, r#"{ "keys": "w" }"#];
    let mut scene = check(&[flow("ask", "disk is full", &steps, LOGIN, "")], "
           0s | sees disk is full | wait: flow ask recognises `disk is full`, on 1 of 2 readings
           1s | recover           | wait: step 1 of 2: a person must agree: may it? (until 1h1s) | opened run asked
           2s | approve           | wait: step 1 of 2: a person must agree: may it? (until 1h1s)
    ");
    let run = scene.recovery.run().unwrap().id;
    let refused = scene.recovery.approve(scene.now, run, "alice", None).unwrap_err();
    assert_eq!(refused, RunRefusal::SamePerson { run, who: "alice".to_owned() });
    let agreed = scene.recovery.approve(scene.now, run, "bob", None).unwrap();
    assert_eq!(agreed.len(), 1);
    assert!(!scene.recovery.run().unwrap().steps.is_empty());
}
