//! What a host's recovery looks like from outside.

use std::sync::Arc;
use std::time::Duration;

use ironhand_api::{Flow, Health, IncidentState, StepOutcome};

use super::scene::{Act, Scene, check, flow};

const LOGIN: &str = r#""screen": "login:", "timeout": "2m""#;
const LIMITS: &str = r#", "limits": { "attempts": 2, "cooldown": "1m" }"#;

fn f1() -> Arc<Flow> {
    flow("f1", "Press F1", &[r#"{ "keys": "<F1>" }"#], LOGIN, LIMITS)
}

fn panic() -> Arc<Flow> {
    let steps = [r#"{ "bootDevice": "pxe" }"#, r#"{ "power": "cycle" }"#];
    flow("panic", "Kernel panic", &steps, LOGIN, LIMITS)
}

fn fsck() -> Arc<Flow> {
    let steps = [
        r#"{ "keys": "fsck -y<Enter>" }"#,
        r#"{ "waitFor": { "screen": "MODIFIED", "timeout": "5m" } }"#,
        r#"{ "sleep": "10s" }"#,
        r#"{ "keys": "exit<Enter>" }"#,
    ];
    flow("fsck", "RUN fsck", &steps, LOGIN, LIMITS)
}

#[test]
fn a_healthy_host_is_left_alone() {
    check(
        &[f1()],
        "
           0s | sees login:      | settled
           5s | sees login:      | settled
          10s | guesses Press F1 | wait: the screen cannot be read with certainty
    ",
    );
}

#[test]
fn a_key_press_heals_and_ten_more_cycles_do_nothing() {
    let scene = check(&[f1()], "
           0s | sees login:   | settled
           5s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
          10s | sees Press F1 | act: press `<F1>` | opened run step
          11s | time          | wait: step 1 of 1: press `<F1>` is being done (until 15m10s)
          12s | done pressed  | wait: flow f1 awaits its proof: the screen was not read since (until 2m12s) | step-end
          15s | sees booting  | wait: flow f1 awaits its proof: the screen does not show `login:` (until 2m12s)
          20s | sees login:   | wait: flow f1 awaits its proof: it must be seen on 2 readings (until 2m12s)
          25s | sees login:   | settled | run-end closed
          30s | sees login:   | settled
          35s | sees login:   | settled
          40s | sees login:   | settled
          45s | sees login:   | settled
          50s | sees login:   | settled
          55s | sees login:   | settled
          60s | sees login:   | settled
          65s | sees login:   | settled
          70s | sees login:   | settled
          75s | sees login:   | settled
    ");
    assert_eq!(scene.recovery.health(), Health::Well);
}

#[test]
fn a_flow_that_does_not_help_stops_at_its_limit() {
    let scene = check(&[f1()], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `<F1>` | opened run step
           6s | done pressed  | wait: flow f1 awaits its proof: the screen was not read since (until 2m6s) | step-end
           1m | sees Press F1 | wait: flow f1 awaits its proof: the screen does not show `login:` (until 2m6s)
         126s | sees Press F1 | wait: flow f1 may try again after its cooldown (until 3m6s) | run-end
         130s | sees Press F1 | wait: flow f1 may try again after its cooldown (until 3m6s)
         186s | time          | wait: flow f1 begins after the next reading of the screen
         190s | sees Press F1 | act: press `<F1>` | run step
         191s | done pressed  | wait: flow f1 awaits its proof: the screen was not read since (until 5m11s) | step-end
         312s | sees Press F1 | human: flow f1 was tried 2 times, and the screen still shows `Press F1` | run-end human
           1h | sees Press F1 | human: flow f1 was tried 2 times, and the screen still shows `Press F1`
           2h | sees Press F1 | human: flow f1 was tried 2 times, and the screen still shows `Press F1`
    ");
    let incident = scene.recovery.incident().unwrap();
    assert_eq!((incident.attempts, incident.state), (2, IncidentState::NeedsHuman));
}

#[test]
fn a_screen_that_flaps_is_never_stable() {
    check(
        &[f1()],
        "
           0s | sees Press F1    | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees something   | settled
          10s | sees Press F1    | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
          15s | guesses Press F1 | wait: the screen cannot be read with certainty
          20s | sees Press F1    | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
          25s | time             | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
          30s | sees login:      | settled
    ",
    );
}

#[test]
fn readings_that_are_not_certain_never_fire() {
    check(
        &[f1()],
        "
           0s | guesses Press F1 | wait: the screen cannot be read with certainty
           5s | guesses Press F1 | wait: the screen cannot be read with certainty
          10s | guesses Press F1 | wait: the screen cannot be read with certainty
    ",
    );
}

#[test]
fn of_two_flows_the_priority_then_the_name_decides() {
    let low = flow("a-low", "Press F1", &[r#"{ "keys": "a" }"#], LOGIN, r#", "priority": 1"#);
    let high = flow("z-high", "Press F1", &[r#"{ "keys": "z" }"#], LOGIN, r#", "priority": 2"#);
    let twin = flow("b-high", "Press F1", &[r#"{ "keys": "b" }"#], LOGIN, r#", "priority": 2"#);
    check(
        &[low.clone(), high.clone()],
        "
           0s | sees Press F1 | wait: flow z-high recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `z` | opened run step
    ",
    );
    check(
        &[low, high, twin],
        "
           0s | sees Press F1 | wait: flow z-high recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `b` | opened run step
    ",
    );
}

#[test]
fn the_gentler_flow_has_its_attempts_before_the_next_takes_over() {
    let gentle = flow(
        "gentle",
        "Kernel panic",
        &[r#"{ "keys": "<SysRq-b>" }"#],
        LOGIN,
        r#", "priority": 5, "limits": { "attempts": 1 }"#,
    );
    let scene = check(&[panic(), gentle], "
           0s | sees Kernel panic | wait: flow panic recognises `Kernel panic`, on 1 of 2 readings
           5s | sees Kernel panic | act: press `<SysRq-b>` | opened run step
           6s | done pressed      | wait: flow gentle awaits its proof: the screen was not read since (until 2m6s) | step-end
         127s | sees Kernel panic | act: boot from pxe at the next boot | run-end run step
    ");
    assert_eq!(scene.recovery.run().unwrap().flow.as_str(), "panic");
    assert_eq!(scene.recovery.incident().unwrap().flow.as_ref().unwrap().as_str(), "gentle");
}

#[test]
fn another_illness_on_the_way_is_healed_in_the_same_incident() {
    check(&[panic(), f1()], "
           0s | sees Kernel panic | wait: flow panic recognises `Kernel panic`, on 1 of 2 readings
           5s | sees Kernel panic | act: boot from pxe at the next boot | opened run step
           6s | done set          | act: power cycle | step-end step
           7s | done cycled       | wait: flow panic awaits its proof: the screen was not read since (until 2m7s) | step-end
          20s | sees Press F1     | wait: flow panic awaits its proof: the screen does not show `login:` (until 2m7s)
          25s | sees Press F1     | wait: flow panic awaits its proof: the screen does not show `login:` (until 2m7s)
         128s | sees Press F1     | act: press `<F1>` | run-end run step
         129s | done pressed      | wait: flow f1 awaits its proof: the screen was not read since (until 4m9s) | step-end
         140s | sees login:       | wait: flow f1 awaits its proof: it must be seen on 2 readings (until 4m9s)
         145s | sees login:       | settled | run-end closed
         150s | sees login:       | settled
    ");
}

#[test]
fn a_host_that_is_not_managed_is_not_touched() {
    check(&[f1()], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           1s | disable       | wait: the host is not managed
           5s | sees Press F1 | wait: the host is not managed
          10s | sees Press F1 | wait: the host is not managed
          11s | enable        | settled
          15s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
          20s | sees Press F1 | act: press `<F1>` | opened run step
          21s | disable       | wait: the host is not managed | run-end
          22s | done pressed  | wait: the host is not managed
          30s | sees login:   | wait: the host is not managed
          40s | enable        | wait: the screen shows neither a known illness nor that the host is well (until 10m30s)
          41s | sees login:   | wait: the host looks well, on 1 of 2 readings (until 10m30s)
          42s | sees login:   | settled | closed
    ");
}

#[test]
fn a_host_in_maintenance_is_watched_and_not_repaired() {
    let scene = check(&[f1()], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           1s | maintain      | wait: the host is in maintenance
           5s | sees Press F1 | wait: the host is in maintenance
          10s | sees Press F1 | wait: the host is in maintenance
          11s | release       | settled
          15s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
          20s | sees Press F1 | act: press `<F1>` | opened run step
          21s | maintain      | wait: the host is in maintenance | run-end
          22s | done pressed  | wait: the host is in maintenance
           2h | sees Press F1 | wait: the host is in maintenance
           121m | release       | wait: the screen shows neither a known illness nor that the host is well (until 2h10m)
    ");
    assert_eq!(scene.recovery.incident().unwrap().state, IncidentState::Open, "nobody was called meanwhile");
}

#[test]
fn each_kind_of_run_ends_when_maintenance_begins() {
    let waits = r#"{ "waitFor": { "screen": "never", "timeout": "5m" } }"#;
    for step in [r#"{ "keys": "x" }"#, r#"{ "power": "cycle" }"#, r#"{ "sleep": "5m" }"#, waits] {
        let mut scene = Scene::new(&[flow("any", "Press F1", &[step], LOGIN, LIMITS)]);
        let mut play = |at, act| scene.play(Duration::from_secs(at), act).transitions.len();
        let reading = || Act::Reading { text: "Press F1".to_owned(), reliable: true };
        play(0, reading());
        assert_eq!(play(5, reading()), 3, "{step}");
        assert_eq!(play(6, Act::Maintain(true)), 1, "{step}");
        assert!(scene.recovery.run().is_none(), "{step}");
        let incident = scene.recovery.incident().unwrap();
        assert_eq!(incident.reason, "flow any cancelled: the host is in maintenance", "{step}");
    }
}

#[test]
fn a_fenced_host_is_never_powered_on_by_a_flow() {
    let reset = r#"{ "power": "on" }"#;
    let power = flow("power", "Kernel panic", &[r#"{ "sleep": "10s" }"#, reset], LOGIN, LIMITS);
    check(&[power], "
           0s | sees Kernel panic | wait: flow power recognises `Kernel panic`, on 1 of 2 readings
           5s | sees Kernel panic | wait: step 1 of 2: sleep 10s (until 15s) | opened run step
           6s | fence             | wait: the host is fenced | run-end
          16s | time              | wait: the host is fenced
          20s | sees Kernel panic | wait: the host is fenced
           1h | power on          | wait: the host was fenced and has power, and nobody has said what it is to be
          61m | sees Kernel panic | wait: the host was fenced and has power, and nobody has said what it is to be
          62m | sees Kernel panic | wait: the host was fenced and has power, and nobody has said what it is to be
          63m | lift              | wait: the screen shows neither a known illness nor that the host is well (until 1h12m)
          64m | sees Kernel panic | wait: flow power recognises `Kernel panic`, on 1 of 2 readings (until 1h12m)
          65m | sees Kernel panic | wait: step 1 of 2: sleep 10s (until 1h5m10s) | run step
          66m | fence             | wait: the host is fenced | run-end
          67m | ask on            | wait: the host is turning on
          68m | power on          | wait: the screen shows neither a known illness nor that the host is well (until 1h17m)
    ");
}

#[test]
fn a_host_that_goes_off_during_a_run_is_waited_for_and_then_given_up() {
    check(&[fsck()], "
           0s | sees RUN fsck | wait: flow fsck recognises `RUN fsck`, on 1 of 2 readings
           5s | sees RUN fsck | act: press `fsck -y<Enter>` | opened run step
           6s | done typed    | wait: step 2 of 4: the screen was not read since (until 5m6s) | step-end step
          20s | sees MODIFIED | wait: step 3 of 4: sleep 10s (until 30s) | step-end step
          21s | power off     | wait: step 3 of 4: sleep 10s (until 30s)
          30s | time          | wait: step 4 of 4 waits: the host is off (until 10m30s) | step-end
          40s | power on      | act: press `exit<Enter>` | step
          41s | done typed    | wait: flow fsck awaits its proof: the screen was not read since (until 2m41s) | step-end
          50s | power off     | wait: flow fsck awaits its proof: the host is off (until 2m41s)
         161s | time          | wait: the host is off | run-end
         300s | power on      | wait: the screen shows neither a known illness nor that the host is well (until 12m41s)
         305s | sees login:   | wait: the host looks well, on 1 of 2 readings (until 12m41s)
         310s | sees login:   | settled | closed
    ");
    check(
        &[fsck()],
        "
           0s | sees RUN fsck | wait: flow fsck recognises `RUN fsck`, on 1 of 2 readings
           5s | sees RUN fsck | act: press `fsck -y<Enter>` | opened run step
           6s | done typed    | wait: step 2 of 4: the screen was not read since (until 5m6s) | step-end step
          20s | sees MODIFIED | wait: step 3 of 4: sleep 10s (until 30s) | step-end step
          21s | power off     | wait: step 3 of 4: sleep 10s (until 30s)
          30s | time          | wait: step 4 of 4 waits: the host is off (until 10m30s) | step-end
         631s | time          | wait: the host is off | run-end
    ",
    );
}

#[test]
fn a_screen_that_is_lost_while_the_proof_is_awaited_fails_the_run_and_may_still_prove() {
    check(&[f1()], "
           0s | sees Press F1      | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1      | act: press `<F1>` | opened run step
           6s | done pressed       | wait: flow f1 awaits its proof: the screen was not read since (until 2m6s) | step-end
          10s | sees login:        | wait: flow f1 awaits its proof: it must be seen on 2 readings (until 2m6s)
          11s | screen unreachable | wait: flow f1 awaits its proof: the screen cannot be seen: unreachable (until 2m6s)
         127s | time               | wait: the screen cannot be seen: unreachable | run-end
         200s | sees login:        | wait: the host looks well, on 1 of 2 readings (until 12m7s)
         205s | sees login:        | settled | closed
    ");
}

#[test]
fn a_step_waits_for_what_it_needs() {
    check(&[panic()], "
           0s | bmc auth_failed   | wait: the screen was not read yet
           5s | sees Kernel panic | wait: flow panic recognises `Kernel panic`, on 1 of 2 readings
          10s | sees Kernel panic | wait: flow panic cannot begin: the management controller cannot be used: authentication failed | opened waits
          15s | sees Kernel panic | wait: flow panic cannot begin: the management controller cannot be used: authentication failed
          16s | power on          | wait: flow panic begins after the next reading of the screen
          20s | sees Kernel panic | act: boot from pxe at the next boot | run step
    ");
}

#[test]
fn a_step_that_fails_ends_the_run() {
    let scene = check(&[panic()], "
           0s | sees Kernel panic                                       | wait: flow panic recognises `Kernel panic`, on 1 of 2 readings
           5s | sees Kernel panic                                       | act: boot from pxe at the next boot | opened run step
           6s | failed the controller refused: invalid data field (CCh) | wait: flow panic may try again after its cooldown (until 1m6s) | step-end run-end
          30s | sees Kernel panic                                       | wait: flow panic may try again after its cooldown (until 1m6s)
          66s | sees Kernel panic                                       | act: boot from pxe at the next boot | run step
          67s | failed the controller refused: invalid data field (CCh) | wait: the next reading of the screen decides whether a person is asked | step-end run-end
          70s | sees Kernel panic                                       | human: flow panic was tried 2 times, and the screen still shows `Kernel panic` | human
    ");
    assert_eq!(scene.recovery.health(), Health::NeedsHuman);
}

#[test]
fn waits_go_on_or_fail_in_time() {
    check(&[fsck()], "
           0s | sees RUN fsck    | wait: flow fsck recognises `RUN fsck`, on 1 of 2 readings
           5s | sees RUN fsck    | act: press `fsck -y<Enter>` | opened run step
           6s | done typed       | wait: step 2 of 4: the screen was not read since (until 5m6s) | step-end step
          10s | guesses MODIFIED | wait: step 2 of 4: the screen cannot be read with certainty (until 5m6s)
          15s | sees MODIFIED    | wait: step 3 of 4: sleep 10s (until 25s) | step-end step
          24s | time             | wait: step 3 of 4: sleep 10s (until 25s)
          25s | time             | act: press `exit<Enter>` | step-end step
          26s | done typed       | wait: flow fsck awaits its proof: the screen was not read since (until 2m26s) | step-end
    ");
    check(&[fsck()], "
           0s | sees RUN fsck | wait: flow fsck recognises `RUN fsck`, on 1 of 2 readings
           5s | sees RUN fsck | act: press `fsck -y<Enter>` | opened run step
           6s | done typed    | wait: step 2 of 4: the screen was not read since (until 5m6s) | step-end step
         305s | sees Pass 1   | wait: step 2 of 4: the screen does not show `MODIFIED` (until 5m6s)
         306s | time          | wait: the screen shows neither a known illness nor that the host is well (until 15m6s) | step-end run-end
    ");
}

#[test]
fn the_proof_must_not_stand_beside_the_illness() {
    check(&[f1()], "
           0s | sees Press F1        | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1        | act: press `<F1>` | opened run step
           6s | done pressed         | wait: flow f1 awaits its proof: the screen was not read since (until 2m6s) | step-end
          10s | sees login: Press F1 | wait: flow f1 awaits its proof: the screen still shows what the flow was begun for (until 2m6s)
          15s | sees login: Press F1 | wait: flow f1 awaits its proof: the screen still shows what the flow was begun for (until 2m6s)
          20s | sees login:          | wait: flow f1 awaits its proof: it must be seen on 2 readings (until 2m6s)
          22s | sees Press F1        | wait: flow f1 awaits its proof: the screen does not show `login:` (until 2m6s)
          25s | sees login:          | wait: flow f1 awaits its proof: it must be seen on 2 readings (until 2m6s)
          30s | sees login:          | settled | run-end closed
    ");
}

#[test]
fn power_alone_can_be_the_proof() {
    let steps = [r#"{ "power": "cycle" }"#, r#"{ "waitFor": { "power": "on", "timeout": "1m" } }"#];
    let flow = flow("hung", "watchdog", &steps, r#""power": "on", "timeout": "2m""#, LIMITS);
    check(&[flow], "
           0s | sees watchdog | wait: flow hung recognises `watchdog`, on 1 of 2 readings
           5s | sees watchdog | act: power cycle | opened run step
           6s | done cycled   | wait: step 2 of 2: the power state was not seen since (until 1m6s) | step-end step
           7s | power on      | wait: flow hung awaits its proof: the power state was not seen since (until 2m7s) | step-end
          10s | sees watchdog | wait: flow hung awaits its proof: the power state was not seen since (until 2m7s)
          20s | sees booting  | wait: flow hung awaits its proof: the power state was not seen since (until 2m7s)
          21s | power on      | wait: flow hung awaits its proof: it must be seen on 2 readings (until 2m7s)
          25s | sees booting  | wait: flow hung awaits its proof: it must be seen on 2 readings (until 2m7s)
          30s | sees booting  | settled | run-end closed
    ");
}

#[test]
fn a_host_that_gets_well_by_itself_closes_its_incident() {
    check(&[panic()], "
           0s | bmc unreachable   | wait: the screen was not read yet
           5s | sees Kernel panic | wait: flow panic recognises `Kernel panic`, on 1 of 2 readings
          10s | sees Kernel panic | wait: flow panic cannot begin: the management controller cannot be used: unreachable | opened waits
          60s | sees login:       | wait: the host looks well, on 1 of 2 readings (until 10m10s)
          65s | sees login:       | settled | closed
          70s | sees login:       | settled
    ");
}

#[test]
fn a_person_who_heals_the_host_closes_what_needed_a_person() {
    let once = flow("f1", "Press F1", &[r#"{ "keys": "<F1>" }"#], LOGIN, r#", "limits": { "attempts": 1 }"#);
    check(&[once], "
           0s | sees Press F1       | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1       | act: press `<F1>` | opened run step
           6s | done pressed        | wait: flow f1 awaits its proof: the screen was not read since (until 2m6s) | step-end
         127s | sees Press F1       | human: flow f1 was tried once, and the screen still shows `Press F1` | run-end human
         200s | sees a person types | human: flow f1 was tried once, and the screen still shows `Press F1`
         210s | sees login:         | human: flow f1 was tried once, and the screen still shows `Press F1`
         215s | sees login:         | settled | closed
    ");
}

#[test]
fn a_screen_that_nobody_understands_is_handed_to_a_person() {
    check(&[f1()], "
           0s | sees Press F1        | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1        | act: press `<F1>` | opened run step
           6s | failed no connection | wait: flow f1 may try again after its cooldown (until 1m6s) | step-end run-end
          10s | sees something else  | wait: the screen shows neither a known illness nor that the host is well (until 10m6s)
          11m | sees something else  | human: for 10m the screen shows neither a known illness nor that the host is well | human
    ");
}

#[test]
fn a_host_that_falls_ill_again_soon_has_its_attempts_counted_on() {
    let text = "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           1s | sees Press F1 | act: press `<F1>` | opened run step
           2s | done pressed  | wait: flow f1 awaits its proof: the screen was not read since (until 2m2s) | step-end
           3s | sees login:   | wait: flow f1 awaits its proof: it must be seen on 2 readings (until 2m2s)
           4s | sees login:   | settled | run-end closed
          10s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
          11s | sees Press F1 | act: press `<F1>` | opened run step
          12s | done pressed  | wait: flow f1 awaits its proof: the screen was not read since (until 2m12s) | step-end
          13s | sees login:   | wait: flow f1 awaits its proof: it must be seen on 2 readings (until 2m12s)
          14s | sees login:   | settled | run-end closed
          20s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
          21s | sees Press F1 | human: flow f1 was tried 2 times, and the screen still shows `Press F1` | opened human
          30s | sees login:   | human: flow f1 was tried 2 times, and the screen still shows `Press F1`
          31s | sees login:   | settled | closed
           5m | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
         301s | sees Press F1 | act: press `<F1>` | opened run step
    ";
    check(&[f1()], text);
}

#[test]
fn nothing_is_begun_while_somebody_has_paused_it() {
    check(
        &[fsck()],
        "
           0s | pause         | wait: the screen was not read yet
           1s | sees RUN fsck | wait: flow fsck recognises `RUN fsck`, on 1 of 2 readings
           5s | sees RUN fsck | wait: flow fsck does not begin: bob has paused it | opened waits
          10s | resume        | wait: flow fsck begins after the next reading of the screen
          15s | sees RUN fsck | act: press `fsck -y<Enter>` | run step
          16s | done typed    | wait: step 2 of 4: the screen was not read since (until 5m16s) | step-end step
          17s | pause         | wait: step 2 of 4: the screen was not read since (until 5m16s)
          20s | sees MODIFIED | wait: step 3 of 4: sleep 10s (until 30s) | step-end step
          30s | time          | wait: step 4 of 4 waits: bob has paused it (until 10m30s) | step-end
          60s | resume        | act: press `exit<Enter>` | step
    ",
    );
}

#[test]
fn a_restart_resumes_at_each_point() {
    check(&[fsck()], "
           0s | sees RUN fsck | wait: flow fsck recognises `RUN fsck`, on 1 of 2 readings
           1s | restart       | wait: the screen was not read yet
           2s | sees RUN fsck | wait: flow fsck recognises `RUN fsck`, on 1 of 2 readings
           5s | sees RUN fsck | act: press `fsck -y<Enter>` | opened run step
           6s | done typed    | wait: step 2 of 4: the screen was not read since (until 5m6s) | step-end step
           7s | restart       | wait: step 2 of 4: the screen was not read since (until 5m6s)
          10s | sees MODIFIED | wait: step 3 of 4: sleep 10s (until 20s) | step-end step
          12s | restart       | wait: step 3 of 4: sleep 10s (until 20s)
          20s | time          | act: press `exit<Enter>` | step-end step
          21s | done typed    | wait: flow fsck awaits its proof: the screen was not read since (until 2m21s) | step-end
          22s | restart       | wait: flow fsck awaits its proof: the screen was not read since (until 2m21s)
          30s | sees login:   | wait: flow fsck awaits its proof: it must be seen on 2 readings (until 2m21s)
          31s | restart       | wait: flow fsck awaits its proof: the screen was not read since (until 2m21s)
          32s | sees login:   | wait: flow fsck awaits its proof: it must be seen on 2 readings (until 2m21s)
          33s | sees login:   | settled | run-end closed
          34s | restart       | wait: the screen was not read yet
          35s | sees login:   | settled
    ");
}

#[test]
fn a_restart_never_repeats_keys_or_power() {
    check(&[fsck()], "
           0s | sees RUN fsck | wait: flow fsck recognises `RUN fsck`, on 1 of 2 readings
           5s | sees RUN fsck | act: press `fsck -y<Enter>` | opened run step
           6s | restart       | wait: flow fsck awaits its proof: the screen was not read since (until 2m6s) | step-end
           7s | sees RUN fsck | wait: flow fsck awaits its proof: the screen does not show `login:` (until 2m6s)
           9s | sees RUN fsck | wait: flow fsck awaits its proof: the screen does not show `login:` (until 2m6s)
         127s | sees RUN fsck | wait: flow fsck may try again after its cooldown (until 3m7s) | run-end
         187s | sees RUN fsck | act: press `fsck -y<Enter>` | run step
    ");
    let scene = check(&[panic()], "
           0s | sees Kernel panic | wait: flow panic recognises `Kernel panic`, on 1 of 2 readings
           5s | sees Kernel panic | act: boot from pxe at the next boot | opened run step
           6s | restart           | act: boot from pxe at the next boot | step-end step
           7s | restart           | wait: flow panic awaits its proof: the screen was not read since (until 2m7s) | step-end
          10s | sees booting      | wait: flow panic awaits its proof: the screen does not show `login:` (until 2m7s)
          11s | sees login:       | wait: flow panic awaits its proof: it must be seen on 2 readings (until 2m7s)
          12s | sees login:       | settled | run-end closed
    ");
    assert_eq!(scene.recovery.health(), Health::Well);
    check(&[panic()], "
           0s | sees Kernel panic          | wait: flow panic recognises `Kernel panic`, on 1 of 2 readings
           5s | sees Kernel panic          | act: boot from pxe at the next boot | opened run step
           6s | restart                    | act: boot from pxe at the next boot | step-end step
           7s | done set                   | act: power cycle | step-end step
           8s | unknown the reply was lost | wait: flow panic awaits its proof: the screen was not read since (until 2m8s) | step-end
          10s | sees booting               | wait: flow panic awaits its proof: the screen does not show `login:` (until 2m8s)
    ");
}

#[test]
fn an_outcome_that_is_never_reported_does_not_hold_a_run_for_ever() {
    check(&[f1()], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `<F1>` | opened run step
          15m | time          | wait: step 1 of 1: press `<F1>` is being done (until 15m5s)
         906s | time          | wait: flow f1 awaits its proof: the screen was not read since (until 17m6s) | step-end
        1030s | time          | wait: flow f1 may try again after its cooldown (until 18m10s) | run-end
    ");
}

#[test]
fn people_can_stop_a_run_close_an_incident_or_delete_a_flow() {
    check(
        &[f1()],
        "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `<F1>` | opened run step
           6s | cancel        | human: stopped by alice | run-end human
          10s | sees Press F1 | human: stopped by alice
          11s | close         | settled | closed
          15s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
          20s | sees Press F1 | wait: flow f1 may try again after its cooldown (until 1m6s) | opened
    ",
    );
    check(&[f1(), panic()], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `<F1>` | opened run step
           6s | delete f1     | wait: the screen shows neither a known illness nor that the host is well (until 10m6s) | run-end
          10s | sees Press F1 | wait: the screen shows neither a known illness nor that the host is well (until 10m6s)
    ");
}

#[test]
fn evidence_and_outcomes_stay_with_the_run() {
    let mut scene = check(&[f1()], "
           0s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
           5s | sees Press F1 | act: press `<F1>` | opened run step
           6s | done pressed  | wait: flow f1 awaits its proof: the screen was not read since (until 2m6s) | step-end
          10s | sees login:   | wait: flow f1 awaits its proof: it must be seen on 2 readings (until 2m6s)
    ");
    let run = scene.recovery.run().unwrap();
    assert_eq!((run.matched.text.as_str(), run.attempt), ("Press F1", 1));
    assert_eq!(run.steps[0].outcome, Some(StepOutcome::Done("pressed".to_owned())));
    let act = Act::Reading { text: "login:".to_owned(), reliable: true };
    let decided = scene.play(Duration::from_secs(15), act);
    let run = decided.transitions[0].run.as_ref().unwrap();
    assert_eq!(run.proof.as_ref().unwrap().text, "login:");
    assert_eq!(decided.transitions[1].message, "the host is proven well; the incident lasted 10s");
}
