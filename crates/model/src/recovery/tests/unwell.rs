//! Hosts that are unwell by their checks.

use super::scene::{EPOCH, Scene, flow, play};

/// A host that is unwell when no ping was answered for a minute.
fn host(flows: &[std::sync::Arc<ironhand_api::Flow>]) -> Scene {
    Scene::pinged(flows, "60s")
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

#[test]
fn an_incident_knows_when_the_host_was_last_seen_well() {
    let f1 =
        || flow("f1", "Press F1", &[r#"{ "keys": "<F1>" }"#], r#""screen": "login:", "timeout": "2m""#, "");
    let seen = |scene: Scene, transcript: &str| {
        let scene = play(scene, transcript);
        scene.recovery.incident().unwrap().seen_well_at.map(|at| at.since(EPOCH).as_secs())
    };
    let by_screen = "
           5s | sees Press F1 | wait: flow f1 recognises `Press F1`, on 1 of 2 readings
          10s | sees Press F1 | act: press `<F1>` | opened run step";
    let well = "1s | sees login: | settled";
    assert_eq!(seen(Scene::new(&[f1()]), &format!("{well}\n{by_screen}")), Some(1));
    assert_eq!(seen(Scene::new(&[f1()]), by_screen), None, "it was unwell when it was first seen");
    let restarted = format!("{well}\n2s | restart | wait: the screen was not read yet\n{by_screen}");
    assert_eq!(seen(Scene::new(&[f1()]), &restarted), None, "nobody looked meanwhile");
    let unsure =
        format!("{well}\n2s | guesses x | wait: the screen cannot be read with certainty\n{by_screen}");
    assert_eq!(seen(Scene::new(&[f1()]), &unsure), Some(1));
    let by_check = "1s | passes ping | wait: the screen was not read yet
         2s | sees n7 login: | settled
         10s | fails ping | wait: a check fails, though not for long enough (until 1m10s)
         1m9s | sees n7 login: | wait: a check fails, though not for long enough (until 1m10s)
         1m10s | time | wait: no flow recognises the screen (until 11m10s) | opened";
    assert_eq!(seen(host(&[]), by_check), Some(2));
    let without_screen = "1s | fails ping | wait: the screen was not read yet (until 1m1s)
         1m1s | time | wait: no flow recognises the screen (until 11m1s) | opened";
    assert_eq!(seen(host(&[]), without_screen), Some(1), "the first check that failed");
}
