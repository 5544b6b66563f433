//! Steps that were cut short: what was half typed is taken back, what had no effect is not waited for.

use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{EventKind, Flow};

use super::scene::{Act, Scene, check, flow, play};

const LOGIN: &str = r#""screen": "login:", "timeout": "5m""#;
const LIMITS: &str = r#", "limits": { "attempts": 2, "cooldown": "30s" }"#;

fn fsck() -> Arc<Flow> {
    let steps = [
        r#"{ "keys": "fsck -y $ROOT<Enter>" }"#,
        r#"{ "waitFor": { "screen": "MODIFIED", "timeout": "5m" } }"#,
    ];
    flow("fsck", "RUN fsck", &steps, LOGIN, LIMITS)
}

fn flow_of(step: &str) -> Arc<Flow> {
    flow("flow", "stuck", &[step], LOGIN, LIMITS)
}

/// The server is killed while the first keys of [`fsck`] are pressed.
const KILLED: &str = "
           0s | sees RUN fsck > | wait: flow fsck recognises `RUN fsck`, on 1 of 2 readings
           5s | sees RUN fsck > | act: press `fsck -y $ROOT<Enter>` | opened run step
           6s | restart | wait: flow fsck awaits its proof: the screen was not read since (until 5m6s) | step-end
";

fn killed(then: &str) -> Scene {
    play(check(&[fsck()], KILLED), then)
}

fn places(scene: &Scene) -> Vec<&str> {
    scene.recovery.run().unwrap().steps.iter().map(|step| step.place.as_str()).collect()
}

#[test]
fn what_was_half_typed_is_taken_back_and_typed_again() {
    let scene = killed("
           8s | sees RUN fsck > fsc | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
           9s | time                | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          13s | sees RUN fsck > fsc | act: press `<Backspace*3>` | step
          14s | time                | wait: step 1 of 2 taken back: press `<Backspace*3>` is being done (until 15m13s)
          15s | done pressed        | wait: flow fsck awaits its proof: the screen was not read since (until 5m15s) | step-end
          18s | sees RUN fsck >     | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m15s)
          23s | sees RUN fsck >     | act: press `fsck -y $ROOT<Enter>` | step
          24s | done pressed        | wait: step 2 of 2: the screen was not read since (until 5m24s) | step-end step
    ");
    assert_eq!(places(&scene), ["1", "1 taken back", "1 again", "2"]);
}

#[test]
fn a_blank_at_the_end_of_what_was_typed_is_taken_back_with_it() {
    killed("
           8s | sees RUN fsck > fsck | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          13s | sees RUN fsck > fsck | act: press `<Backspace*5>` | step
    ");
}

#[test]
fn a_whole_line_without_enter_is_taken_back() {
    killed("
           8s | sees RUN fsck > fsck -y $ROOT | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          13s | sees RUN fsck > fsck -y $ROOT | act: press `<Backspace*13>` | step
    ");
}

#[test]
fn what_a_person_types_is_left_alone() {
    killed("
           8s | sees RUN fsck > ls   | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          13s | sees RUN fsck > ls   | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          18s | sees RUN fsck > fsck | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          23s | sees RUN fsck > fsck | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
         306s | time                 | wait: flow fsck may try again after its cooldown (until 5m36s) | run-end
    ");
}

#[test]
fn keys_that_are_still_arriving_are_waited_for() {
    killed("
           8s | sees RUN fsck > fs   | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          13s | sees RUN fsck > fsck | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          18s | sees RUN fsck > fsck | act: press `<Backspace*5>` | step
    ");
}

#[test]
fn what_cannot_be_taken_back_is_tried_once() {
    let scene = killed("
           8s | sees RUN fsck > fsc | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          13s | sees RUN fsck > fsc | act: press `<Backspace*3>` | step
          15s | done pressed        | wait: flow fsck awaits its proof: the screen was not read since (until 5m15s) | step-end
          18s | sees RUN fsck > fsc | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m15s)
          23s | sees RUN fsck > fsc | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m15s)
          28s | sees RUN fsck >     | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m15s)
          33s | sees RUN fsck >     | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m15s)
    ");
    assert_eq!(places(&scene), ["1", "1 taken back"]);
    for outcome in ["restart", "failed no keyboard"] {
        killed(&format!("
           8s | sees RUN fsck > fsc | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          13s | sees RUN fsck > fsc | act: press `<Backspace*3>` | step
          15s | {outcome}           | wait: flow fsck awaits its proof: the screen was not read since (until 5m15s) | step-end
          18s | sees RUN fsck > f   | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m15s)
          23s | sees RUN fsck > f   | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m15s)
        "));
    }
}

#[test]
fn the_second_half_typed_line_of_a_step_is_left_to_the_next_run() {
    let scene = killed("
           8s | sees RUN fsck > fsc | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          13s | sees RUN fsck > fsc | act: press `<Backspace*3>` | step
          15s | done pressed        | wait: flow fsck awaits its proof: the screen was not read since (until 5m15s) | step-end
          18s | sees RUN fsck >     | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m15s)
          23s | sees RUN fsck >     | act: press `fsck -y $ROOT<Enter>` | step
          24s | restart             | wait: flow fsck awaits its proof: the screen was not read since (until 5m24s) | step-end
          28s | sees RUN fsck > f   | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m24s)
          33s | sees RUN fsck > f   | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m24s)
    ");
    assert_eq!(places(&scene), ["1", "1 taken back", "1 again"]);
}

#[test]
fn nothing_is_taken_back_while_recovery_is_paused() {
    killed("
           7s | pause               | wait: flow fsck awaits its proof: the screen was not read since (until 5m6s)
           8s | sees RUN fsck > fsc | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          13s | sees RUN fsck > fsc | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          14s | resume              | wait: flow fsck awaits its proof: the screen does not show `login:` (until 5m6s)
          18s | sees RUN fsck > fsc | act: press `<Backspace*3>` | step
    ");
}

#[test]
fn a_step_without_any_effect_is_not_waited_for() {
    for (step, act) in [
        (r#"{ "keys": "<F1>" }"#, "press `<F1>`"),
        (r#"{ "keys": "exit<Enter>" }"#, "press `exit<Enter>`"),
        (r#"{ "power": "cycle" }"#, "power cycle"),
        (r#"{ "power": "reset" }"#, "power reset"),
    ] {
        let began = format!("
           0s | sees stuck | wait: flow flow recognises `stuck`, on 1 of 2 readings
           5s | sees stuck | act: {act} | opened run step
           6s | restart    | wait: flow flow awaits its proof: the screen was not read since (until 5m6s) | step-end
           8s | sees stuck | wait: flow flow awaits its proof: the screen does not show `login:` (until 5m6s)
          65s | sees stuck | wait: flow flow awaits its proof: the screen does not show `login:` (until 5m6s)
        ");
        let mut scene = Scene::new(&[flow_of(step)]);
        scene.facts.observe(scene.now, "ipmi", crate::Observation::Reach(ironhand_api::Reach::Ok, None));
        play(
            play(scene, &began),
            &format!(
                "
          66s | sees stuck | wait: flow flow may try again after its cooldown (until 1m36s) | run-end
          97s | sees stuck | act: {act} | run step
        "
            ),
        );
    }
}

#[test]
fn what_has_moved_since_is_waited_for() {
    check(&[flow_of(r#"{ "keys": "<F1>" }"#)], "
           0s | sees stuck   | wait: flow flow recognises `stuck`, on 1 of 2 readings
           5s | sees stuck   | act: press `<F1>` | opened run step
           6s | restart      | wait: flow flow awaits its proof: the screen was not read since (until 5m6s) | step-end
           8s | sees booting | wait: flow flow awaits its proof: the screen does not show `login:` (until 5m6s)
          70s | sees stuck   | wait: flow flow awaits its proof: the screen does not show `login:` (until 5m6s)
         306s | sees stuck   | wait: flow flow may try again after its cooldown (until 5m36s) | run-end
    ");
}

/// Two lines right behind each other, of which the second is cut short; nobody has read what the first one left.
fn second_line(then: &str) -> Scene {
    let lines = [r#"{ "keys": "set root<Enter>" }"#, r#"{ "keys": "insmod normal<Enter>" }"#];
    let began = "
           0s | sees rescue >  | wait: flow grub recognises `rescue >`, on 1 of 2 readings
           5s | sees rescue >  | act: press `set root<Enter>` | opened run step
           6s | done pressed   | act: press `insmod normal<Enter>` | step-end step
           7s | restart        | wait: flow grub awaits its proof: the screen was not read since (until 5m7s) | step-end
    ";
    play(check(&[flow("grub", "rescue >", &lines, LOGIN, LIMITS)], began), then)
}

#[test]
fn a_part_of_a_line_right_behind_another_one_is_taken_back() {
    let scene = second_line("
           8s | sees rescue > set root\\nrescue > insm | wait: flow grub awaits its proof: the screen does not show `login:` (until 5m7s)
          13s | sees rescue > set root\\nrescue > insm | act: press `<Backspace*4>` | step
          15s | done pressed                         | wait: flow grub awaits its proof: the screen was not read since (until 5m15s) | step-end
          18s | sees rescue > set root\\nrescue >      | wait: flow grub awaits its proof: the screen does not show `login:` (until 5m15s)
          23s | sees rescue > set root\\nrescue >      | act: press `insmod normal<Enter>` | step
    ");
    assert_eq!(places(&scene), ["1", "2", "2 taken back", "2 again"]);
}

#[test]
fn a_whole_line_right_behind_another_one_may_have_been_entered() {
    for shown in
        ["rescue > insmod normal", "rescue > set root\\nrescue > insmod normal\\nrescue >", "rescue >"]
    {
        second_line(&format!("
           8s | sees {shown} | wait: flow grub awaits its proof: the screen does not show `login:` (until 5m7s)
          13s | sees {shown} | wait: flow grub awaits its proof: the screen does not show `login:` (until 5m7s)
          90s | sees {shown} | wait: flow grub awaits its proof: the screen does not show `login:` (until 5m7s)
        "));
    }
}

#[test]
fn a_secret_without_any_effect_is_not_waited_for_and_never_taken_back() {
    let secret = || flow_of(r#"{ "keys": "<secret root><Enter>" }"#);
    let mut scene = check(&[secret()], "
           0s | sees stuck | wait: flow flow recognises `stuck`, on 1 of 2 readings
           5s | sees stuck | act: press `<secret root><Enter>` | opened run step
           6s | restart    | wait: flow flow awaits its proof: the screen was not read since (until 5m6s) | step-end
           8s | sees stuck | wait: flow flow awaits its proof: the screen does not show `login:` (until 5m6s)
          65s | sees stuck | wait: flow flow awaits its proof: the screen does not show `login:` (until 5m6s)
    ");
    let seen = Act::Reading { text: "stuck".to_owned(), reliable: true };
    let told = scene.play(Duration::from_secs(66), seen).transitions;
    let ended = told.iter().find(|transition| transition.kind == EventKind::RunEnded).expect("the run ends");
    assert!(ended.message.contains("a part of the secret may stand there where nobody sees it"), "{told:?}");
    // Stars tell that keys arrived, and not which.
    check(&[secret()], "
           0s | sees stuck    | wait: flow flow recognises `stuck`, on 1 of 2 readings
           5s | sees stuck    | act: press `<secret root><Enter>` | opened run step
           6s | restart       | wait: flow flow awaits its proof: the screen was not read since (until 5m6s) | step-end
           8s | sees stuck*** | wait: flow flow awaits its proof: the screen does not show `login:` (until 5m6s)
          13s | sees stuck*** | wait: flow flow awaits its proof: the screen does not show `login:` (until 5m6s)
          70s | sees stuck    | wait: flow flow awaits its proof: the screen does not show `login:` (until 5m6s)
    ");
}
