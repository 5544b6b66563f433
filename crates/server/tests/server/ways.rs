//! A host with several connectors: each action goes through the first that can do it, and tells which were tried.

use std::net::UdpSocket;

use ironhand_api::{Host, Manifest, Name, PowerAction, PowerRequest, PowerState, Reach};
use ironhand_sim::SimHost;
use serde_json::{Value, json};

use crate::harness::{World, credential, name, soon};

/// The manifest of a simulated host whose own connector comes behind others.
fn host_behind(sim: &SimHost, others: &[Value]) -> Manifest {
    let mut connectors = others.to_vec();
    connectors.push(json!({ "type": "ipmi", "address": sim.ipmi.ip(), "port": sim.ipmi.port() }));
    let host: Host = serde_json::from_value(json!({
        "metadata": { "name": sim.name },
        "spec": { "credentials": ["fleet"], "connectors": connectors },
    }))
    .unwrap();
    Manifest::Host(host)
}

/// Makes the server know a host with connectors before its own.
async fn adopt_behind(world: &World, others: &[Value]) -> Name {
    world.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    let sim = world.sim(0);
    world.client.apply(&host_behind(&sim, others)).await.unwrap();
    let host = name(&sim.name);
    let seen_on = |power: PowerState| power == PowerState::On;
    world.until_status(&host, |status| status.power.as_ref().is_some_and(|power| seen_on(power.value))).await;
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_first_does_not_answer_the_second_is_used_and_both_are_told() {
    let world = World::new(1).await;
    // Nobody answers here, and nobody else gets the port.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dead = silent.local_addr().unwrap();
    let others = [json!({ "type": "ipmi", "address": dead.ip(), "port": dead.port() })];
    let host = adopt_behind(&world, &others).await;
    let status = world.status(&host).await;
    assert_eq!(status.reach.map(|fact| fact.value), Some(Reach::Ok), "the host is reached");
    let ways: Vec<_> = status.ways.iter().map(|way| way.reach.as_ref().map(|fact| fact.value)).collect();
    assert_eq!(ways, [Some(Reach::Unreachable), Some(Reach::Ok)], "{:#?}", status.ways);

    let truth = || world.fleet.state(host.as_str()).unwrap().power_on;
    for (action, on) in [(PowerAction::Off, false), (PowerAction::On, true)] {
        let report = soon(world.client.power(&host, &PowerRequest::new(action))).await.unwrap();
        assert_eq!(truth(), on, "{report:#?}");
        let first = report.receipts.iter().find(|one| one.connector.ends_with(&dead.port().to_string()));
        assert!(first.is_some_and(|first| first.error.is_some()), "{report:#?}");
        let done = report.receipts.iter().filter(|one| one.error.is_none()).count();
        assert_eq!((report.receipts.len(), done), (2, 1), "{report:#?}");
    }
    world.end().await;
}
