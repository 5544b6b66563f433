//! Flows that write to the serial console and wait for what is answered there.

use super::scene::{check, flow};

#[test]
fn an_answer_counts_that_comes_before_all_is_known_to_be_written() {
    let steps = [
        r#"{ "serial": "fix<Enter>" }"#,
        r#"{ "waitFor": { "serial": { "pattern": "^fixed", "within": "10m" }, "timeout": "20s" } }"#,
    ];
    let verify = r#""serial": { "pattern": "^fixed", "within": "10m" }, "timeout": "1m""#;
    let flows = [flow("fix", "broken", &steps, verify, r#", "limits": { "attempts": 1, "cooldown": "1m" }"#)];
    check(&flows, "
           0s | sees broken         | wait: flow fix recognises `broken`, on 1 of 2 readings
           5s | sees broken         | act: write `fix<Enter>` to the serial console | opened run step
           6s | hears fixed by root | wait: step 1 of 2: write `fix<Enter>` to the serial console is being done (until 15m5s)
           7s | done written        | wait: flow fix awaits its proof: the screen still shows what the flow was begun for (until 1m7s) | step-end step step-end
           8s | sees calm           | wait: flow fix awaits its proof: it must be seen on 2 readings (until 1m7s)
           9s | sees calm           | settled | run-end closed
    ");
}

#[test]
fn what_was_written_before_a_machine_was_reset_is_no_answer() {
    let steps = [
        r#"{ "power": "reset" }"#,
        r#"{ "waitFor": { "serial": { "pattern": "login:", "within": "10m" }, "timeout": "1m" } }"#,
    ];
    let verify = r#""screen": "login:", "timeout": "1m""#;
    let flows =
        [flow("reset", "broken", &steps, verify, r#", "limits": { "attempts": 1, "cooldown": "1m" }"#)];
    check(&flows, "
           0s | sees broken     | wait: flow reset recognises `broken`, on 1 of 2 readings
           5s | sees broken     | act: power reset | opened run step
           6s | hears n1 login: | wait: step 1 of 2: power reset is being done (until 15m5s)
           7s | done reset      | wait: step 2 of 2: the host did not write `login:` on the serial console within 10m (until 1m7s) | step-end step
           8s | time            | wait: step 2 of 2: the host did not write `login:` on the serial console within 10m (until 1m7s)
          30s | hears n1 login: | wait: flow reset awaits its proof: the screen was not read since (until 1m30s) | step-end
    ");
}
