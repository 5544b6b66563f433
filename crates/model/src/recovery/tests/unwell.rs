//! Hosts that are unwell by their checks.

use ironhand_api::Check;

use super::scene::{Scene, flow, play};

fn host(flows: &[std::sync::Arc<ironhand_api::Flow>]) -> Scene {
    let mut scene = Scene::new(flows);
    let checks: Vec<Check> =
        serde_json::from_str(r#"[{ "ping": "10.1.7.12", "after": "60s" }]"#).expect("the checks are valid");
    scene.facts.keep_checks(scene.now, &checks);
    scene
}

#[test]
fn a_check_that_fails_for_long_is_an_incident_that_no_flow_recognises() {
    let scene = play(
        host(&[]),
        "1s | passes ping | wait: the screen was not read yet
         2s | sees n7 login: | settled
         10s | fails ping | wait: a check fails, though not for long enough (until 1m10s)
         1m9s | sees n7 login: | wait: a check fails, though not for long enough (until 1m10s)
         1m10s | time | wait: no flow recognises the screen (until 11m10s) | opened
         11m10s | time | human: for 10m no flow recognises the screen | human
         12m | passes ping | human: for 10m no flow recognises the screen
         13m | passes ping | settled | closed
         13m30s | fails ping | wait: a check fails, though not for long enough (until 19m)",
    );
    assert!(scene.recovery.incident().is_none());
}

#[test]
fn a_flow_that_is_written_for_an_unknown_screen_is_taken() {
    let scene = play(
        host(&[]),
        "1s | fails ping | wait: the screen was not read yet (until 1m1s)
         1m | sees strange words | wait: a check fails, though not for long enough (until 1m1s)
         1m1s | time | wait: no flow recognises the screen (until 11m1s) | opened
         11m1s | time | human: for 10m no flow recognises the screen | human
         12m | write strange | human: for 10m no flow recognises the screen
         13m | sees strange words | human: for 10m no flow recognises the screen
         14m | sees strange words | act: press `<Enter>` | run step
         15m | done pressed | wait: flow strange awaits its proof: the screen was not read since (until 20m) | step-end
         16m | sees n7 login: | wait: flow strange awaits its proof: it must be seen on 2 readings (until 20m)
         17m | sees n7 login: | wait: a check fails, though not for long enough (until 23m) | run-end closed",
    );
    assert!(scene.recovery.incident().is_none());
}

#[test]
fn a_host_that_is_off_or_in_maintenance_or_boots_is_not_unwell() {
    play(
        host(&[flow("panic", "panic", &[], r#""screen": "login:", "timeout": "5m""#, "")]),
        "1s | fails ping | wait: the screen was not read yet (until 1m1s)
         2s | power off | wait: the host is off
         5m | time | wait: the host is off
         6m | power on | wait: the screen was not read yet (until 12m)
         7m | maintain | wait: the host is in maintenance
         20m | release | wait: the screen was not read yet (until 26m)
         21m | untold ping | wait: the screen was not read yet
         22m | fails ping | wait: the screen was not read yet (until 26m)
         26m | screen unreachable | wait: no flow recognises the screen (until 36m) | opened
         36m | time | human: for 10m no flow recognises the screen | human",
    );
}
