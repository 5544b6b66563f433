//! Flows that begin without a screen: on power that is off, a check that fails, a line of the serial console.

use std::sync::Arc;

use ironhand_api::Flow;

use super::scene::{Scene, check, flow, play};

/// A flow with this `when`, as JSON.
fn on_sign(name: &str, when: &str, steps: &[&str], verify: &str) -> Arc<Flow> {
    let json = format!(
        r#"{{ "metadata": {{ "name": "{name}" }}, "spec": {{ "when": {{ {when} }}, "do": [{}],
              "verify": {{ {verify} }}, "limits": {{ "attempts": 1 }} }} }}"#,
        steps.join(",")
    );
    Arc::new(serde_json::from_str(&json).expect("the flow of the test is valid"))
}

fn switch_on() -> Arc<Flow> {
    on_sign("switch-on", r#""power": "off""#, &[r#"{ "power": "on" }"#], r#""power": "on", "timeout": "2m""#)
}

#[test]
fn a_host_that_is_off_is_switched_on() {
    let scene = check(
        &[switch_on()],
        "1s | sees login: | settled
         60s | power off | wait: flow switch-on sees that power is off, on 1 of 2 looks
         61s | time | wait: flow switch-on sees that power is off, on 1 of 2 looks
         62s | power off | act: power on | opened run step
         63s | ask on | wait: step 1 of 1: power on is being done (until 16m2s)
         64s | done on | wait: flow switch-on awaits its proof: the power state was not seen since (until 3m4s) | step-end
         70s | power on | wait: flow switch-on awaits its proof: it must be seen on 2 looks (until 3m4s)
         72s | power on | settled | run-end closed",
    );
    assert!(scene.recovery.incident().is_none());
}

#[test]
fn one_look_or_one_from_before_a_restart_is_not_enough() {
    check(
        &[switch_on()],
        "1s | power off | wait: the host is off
         2s | power on | wait: the screen was not read yet
         3s | power off | wait: flow switch-on sees that power is off, on 1 of 2 looks
         4s | restart | wait: the host is off
         5s | power off | wait: flow switch-on sees that power is off, on 1 of 2 looks
         6s | bmc unreachable | wait: the host is off
         7s | maintain | wait: the host is in maintenance
         8s | power off | wait: the host is in maintenance
         9s | power off | wait: the host is in maintenance",
    );
}

#[test]
fn a_person_is_asked_where_it_stays_so() {
    let scene = check(
        &[switch_on()],
        "1s | power off | wait: the host is off
         2s | power off | wait: flow switch-on sees that power is off, on 1 of 2 looks
         3s | power off | act: power on | opened run step
         4s | done on | wait: flow switch-on awaits its proof: the power state was not seen since (until 2m4s) | step-end
         2m | power off | wait: flow switch-on awaits its proof: power is off, not on (until 2m4s)
         3m5s | power off | human: flow switch-on was tried once, and power is off | run-end human
         3m10s | power off | human: flow switch-on was tried once, and power is off",
    );
    assert_eq!(scene.recovery.incident().unwrap().cause, "power is off");
}

#[test]
fn a_check_that_fails_for_long_begins_a_flow_though_nobody_sees_the_screen() {
    let cycle = on_sign(
        "unreachable",
        r#""ping": false, "since": "5m""#,
        &[r#"{ "power": "cycle" }"#],
        r#""ping": true, "timeout": "5m""#,
    );
    play(
        Scene::pinged(&[cycle], "1h"),
        "1s | power on | wait: the screen was not read yet
         10s | fails ping | wait: the screen was not read yet (until 1h10s)
         5m20s | fails ping | wait: the screen was not read yet (until 1h10s)
         5m21s | power on | wait: flow unreachable sees that ping fails for 5m or more, on 1 of 2 looks
         5m25s | power on | act: power cycle | opened run step
         5m26s | ask cycle | wait: step 1 of 1: power cycle is being done (until 20m25s)
         5m27s | done cycled | wait: flow unreachable awaits its proof: it is not known what ping comes to (until 10m27s) | step-end
         6m | power on | wait: flow unreachable awaits its proof: it is not known what ping comes to (until 10m27s)
         7m | passes ping | wait: flow unreachable awaits its proof: it must be seen on 2 looks (until 10m27s)
         7m5s | power on | wait: flow unreachable awaits its proof: it must be seen on 2 looks (until 10m27s)
         7m10s | power on | wait: the screen was not read yet | run-end closed",
    );
}

#[test]
fn a_host_that_boots_or_was_switched_off_fails_its_checks_and_is_left_alone() {
    let cycle = on_sign(
        "unreachable",
        r#""ping": false"#,
        &[r#"{ "power": "cycle" }"#],
        r#""ping": true, "timeout": "5m""#,
    );
    play(
        Scene::pinged(&[cycle], "1h"),
        "1s | power on | wait: the screen was not read yet
         10s | power off | wait: the host is off
         11s | fails ping | wait: the host is off
         20s | power off | wait: the host is off
         30s | power on | wait: the screen was not read yet (until 1h5m30s)
         40s | power on | wait: the screen was not read yet (until 1h5m30s)
         5m31s | power on | wait: flow unreachable sees that ping fails, on 1 of 2 looks
         5m32s | power on | act: power cycle | opened run step",
    );
}

#[test]
fn a_person_may_begin_it_on_a_host_without_a_screen() {
    let panic = flow("panic", "panic", &[], r#""screen": "login:", "timeout": "5m""#, "");
    let scene = check(
        &[panic, switch_on()],
        "1s | power off | wait: the host is off
         2s | recover | act: power on | opened run step
         3s | time | wait: step 1 of 1: power on is being done (until 15m2s)",
    );
    assert!(scene.plan(Some("panic")).is_err());
}
