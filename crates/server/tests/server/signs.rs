//! Flows that begin without a screen, end to end.

use ironhand_api::{EventKind, PowerState};
use ironhand_ipmi::ChassisControl;
use ironhand_sim::Fault;
use serde_json::json;

use crate::harness::{World, flow, press, until_kind};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_went_off_is_switched_on_though_its_screen_cannot_be_seen() {
    let world = World::new(2).await;
    let hosts = world.adopt_well().await;
    let switch_on = flow(
        "switch-on",
        json!({
            "when": { "power": "off" },
            "do": [{ "power": "on" }],
            "verify": { "power": "on", "timeout": "1m" },
        }),
    );
    world.client.apply(&switch_on).await.unwrap();
    world.fleet.stage(&world.sim(0).name, Fault::ScreenRefused).unwrap();
    let mut events = world.follow().await;
    press(world.sim(0).ipmi, ChassisControl::PowerDown).await;
    let opened = until_kind(&mut events, EventKind::IncidentOpened).await;
    assert_eq!(opened.message, "power is off, which flow switch-on recognises");
    let closed = until_kind(&mut events, EventKind::IncidentClosed).await;
    assert_eq!((opened.host.as_ref(), closed.host.as_ref()), (Some(&hosts[0]), Some(&hosts[0])));
    let status = world.until_status(&hosts[0], |status| status.power.is_some()).await;
    assert_eq!(status.power.map(|fact| fact.value), Some(PowerState::On));

    let told = world.events().await;
    let acted = told.iter().filter(|event| event.kind == EventKind::StepStarted).count();
    assert_eq!(acted, 1, "{told:#?}");
    world.end().await;
}
