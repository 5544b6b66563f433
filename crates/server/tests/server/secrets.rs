//! A password goes to the BMC, and nowhere else.

use ironhand_api::{LabelSelector, PowerAction, PowerRequest, Reach};
use ironhand_client::RecordFilter;
use ironhand_sim::FleetConfig;

use crate::harness::{World, credential, host, logged, name, settings};

const CANARY: &str = "Canary-9f3b2c";

#[tokio::test(flavor = "multi_thread")]
async fn no_reply_event_or_log_holds_a_password() {
    let fleet = FleetConfig { password: CANARY.into(), ..FleetConfig::new(2) };
    let world = World::with(fleet, settings()).await;
    let client = &world.client;
    client.apply(&credential("good", "admin", CANARY)).await.unwrap();
    client.apply(&credential("bad", "nobody", &format!("{CANARY}-too"))).await.unwrap();
    client.apply(&host(&world.sim(0), &["good"])).await.unwrap();
    client.apply(&host(&world.sim(1), &["bad"])).await.unwrap();
    let hosts = [name(&world.sim(0).name), name(&world.sim(1).name)];
    world.until_well(&hosts[0]).await;
    world
        .until_status(&hosts[1], |status| {
            status.reach.as_ref().is_some_and(|fact| fact.value == Reach::AuthFailed)
        })
        .await;
    client.power(&hosts[0], &PowerRequest::new(PowerAction::Cycle)).await.unwrap();
    let refused = client.power(&hosts[1], &PowerRequest::new(PowerAction::Cycle)).await.unwrap_err();

    let all = LabelSelector::default();
    let replies = [
        format!("{refused:?}"),
        serde_json::to_string(&client.list::<ironhand_api::Credential>(&all).await.unwrap()).unwrap(),
        serde_json::to_string(&client.list::<ironhand_api::Host>(&all).await.unwrap()).unwrap(),
        serde_json::to_string(&world.events().await).unwrap(),
        serde_json::to_string(&client.incidents(&RecordFilter::default()).await.unwrap()).unwrap(),
        serde_json::to_string(&client.runs(&RecordFilter::default()).await.unwrap()).unwrap(),
    ];
    for reply in replies {
        assert!(!reply.contains(CANARY), "{reply}");
    }
    world.end().await;
    let log = logged();
    assert!(log.contains("serving"), "the log is captured");
    let line = log.lines().find(|line| line.contains(CANARY));
    assert_eq!(line, None);
}
