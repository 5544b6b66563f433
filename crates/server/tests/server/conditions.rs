//! What is wrong between Ironhand and a host is a distinct, stated condition of that host, and of no other.

use ironhand_api::{HostStatus, PowerAction, PowerRequest, Reach};
use ironhand_sim::Fault;

use crate::harness::{World, credential, host, name};

fn reach(status: &HostStatus) -> Option<Reach> {
    status.reach.as_ref().map(|fact| fact.value)
}

fn screen_reach(status: &HostStatus) -> Option<Reach> {
    status.screen_reach.as_ref().map(|fact| fact.value)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_its_own_condition_and_stops_no_other_host() {
    let world = World::new(7).await;
    let faults = [
        (Fault::BmcSilent, Reach::Unreachable, Reach::Ok),
        (Fault::BmcGarbage, Reach::ProtocolError, Reach::Ok),
        (Fault::BmcPasswordChanged, Reach::AuthFailed, Reach::Ok),
        (Fault::ScreenRefused, Reach::Ok, Reach::Unreachable),
        (Fault::ScreenGarbage, Reach::Ok, Reach::ProtocolError),
        (Fault::ScreenPasswordChanged, Reach::Ok, Reach::AuthFailed),
    ];
    for (index, (fault, _, _)) in faults.iter().enumerate() {
        world.fleet.stage(&world.sim(index).name, *fault).unwrap();
    }
    let hosts = world.adopt().await;
    world.until_well(&hosts[6]).await;
    let report = world.client.power(&hosts[6], &PowerRequest::new(PowerAction::Cycle)).await.unwrap();
    assert!(report.detail.contains("power is"), "{}", report.detail);

    for (host, (fault, wanted, wanted_screen)) in hosts.iter().zip(faults) {
        let status = world
            .until_status(host, |status| {
                reach(status) == Some(wanted) && screen_reach(status) == Some(wanted_screen)
            })
            .await;
        let facts = [status.reach.clone(), status.screen_reach.clone()];
        for fact in facts.into_iter().flatten().filter(|fact| fact.value != Reach::Ok) {
            assert!(fact.detail.is_some_and(|detail| !detail.is_empty()), "{fault}: the reason is stated");
        }
    }
    // One event for each outage, however often it is observed.
    for host in &hosts[..3] {
        let told = world.events().await;
        let kind = ironhand_api::EventKind::ReachChanged;
        assert_eq!(
            told.iter().filter(|event| event.host.as_ref() == Some(host) && event.kind == kind).count(),
            1
        );
    }
    for (index, host) in hosts.iter().enumerate().take(6) {
        world.fleet.mend_connections(&world.sim(index).name).unwrap();
        world
            .until_status(host, |status| {
                reach(status) == Some(Reach::Ok) && screen_reach(status) == Some(Reach::Ok)
            })
            .await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_tried_in_order_and_a_corrected_one_is_tried_at_once() {
    let world = World::new(2).await;
    let (first, second) = (world.sim(0), world.sim(1));
    world.client.apply(&credential("wrong", "admin", "not-it")).await.unwrap();
    world.client.apply(&credential("right", "admin", "simulated")).await.unwrap();
    world.client.apply(&host(&first, &["wrong", "right"])).await.unwrap();
    world.client.apply(&host(&second, &["wrong"])).await.unwrap();
    let (first, second) = (name(&first.name), name(&second.name));
    world.until_status(&first, |status| reach(status) == Some(Reach::Ok)).await;

    world.until_status(&second, |status| reach(status) == Some(Reach::AuthFailed)).await;
    let refused = world.client.power(&second, &PowerRequest::new(PowerAction::On)).await.unwrap_err();
    let problem = refused.problem().expect("the server says why").clone();
    assert_eq!(problem.code, "ipmi.wrong_password", "{problem:#?}");
    assert_eq!(problem.fault, ironhand_api::Fault::Caller);
    assert!(problem.hint.is_some());

    world.client.apply(&credential("wrong", "admin", "simulated")).await.unwrap();
    world.until_status(&second, |status| reach(status) == Some(Reach::Ok)).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_follows_its_manifest() {
    let world = World::new(2).await;
    let hosts = world.adopt().await;
    world.until_well(&hosts[0]).await;

    // The manifest of the first host now leads to a silent controller and screen.
    world.fleet.stage(hosts[1].as_str(), Fault::BmcSilent).unwrap();
    world.client.delete(ironhand_api::Kind::Host, &hosts[1]).await.unwrap();
    let mut moved = world.sim(1);
    moved.name = hosts[0].to_string();
    world.client.apply(&host(&moved, &["fleet"])).await.unwrap();
    world.until_status(&hosts[0], |status| reach(status) == Some(Reach::Unreachable)).await;

    world.client.delete(ironhand_api::Kind::Host, &hosts[0]).await.unwrap();
    let gone = world.client.screen(&hosts[0]).await.unwrap_err();
    assert_eq!(gone.problem().map(|problem| problem.status), Some(404));
    world.end().await;
}
