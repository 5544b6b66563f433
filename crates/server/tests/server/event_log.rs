//! A flow that asks for an entry of the event log beside the screen.

use std::time::Duration;

use ironhand_client::RecordFilter;
use ironhand_ipmi::ChassisControl;
use serde_json::json;

use crate::harness::{World, credential, flow, host, name, press, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_entry_of_the_event_log_counts_and_an_old_one_does_not() {
    let world = World::new(1).await;
    let client = &world.client;
    let sim = world.sim(0);
    press(sim.ipmi, ChassisControl::PowerCycle).await;
    let spec = json!({
        "when": { "screen": "login:", "event": { "source": "sel", "pattern": "initiated by power up" } },
        "do": [{ "snapshot": "after a start" }],
        "verify": { "screen": "login:", "timeout": "60s" },
    });
    client.apply(&flow("told-of-a-start", spec)).await.unwrap();
    client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    client.apply(&host(&sim, &["fleet"])).await.unwrap();
    let host = name(&sim.name);
    world.until_well(&host).await;
    world.ten_cycles(&host).await;
    let runs = async || client.runs(&RecordFilter::default()).await.unwrap();
    assert_eq!(runs().await, [], "what stood in the log before is no news");

    // Whoever asks how the host is has its log read as well; the first reading of it may still be to come.
    let run = soon(async {
        loop {
            press(sim.ipmi, ChassisControl::PowerCycle).await;
            client.refresh(&host).await.unwrap();
            for _ in 0..400 {
                if let Some(run) = runs().await.pop() {
                    return run;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    })
    .await;
    assert_eq!(run.flow, name("told-of-a-start"));
    let told = run.matched.findings.iter().any(|finding| finding.why.contains("power up"));
    assert!(told, "{:#?}", run.matched);
    world.end().await;
}
