//! A host with several connectors: each action goes through the first that can do it, and tells which were tried.

use std::net::UdpSocket;

use ironhand_api::{FenceRequest, Host, Manifest, Name, PowerAction, PowerRequest, PowerState, Reach};
use ironhand_sim::SimHost;
use ironhand_sim::outlets::{Strip, StripConfig, StripModel};
use serde_json::{Value, json};

use crate::harness::{World, credential, name, soon};

/// The connector of a simulated host's own controller.
fn own(sim: &SimHost) -> Value {
    json!({ "type": "ipmi", "address": sim.ipmi.ip(), "port": sim.ipmi.port() })
}

/// The manifest of a simulated host with these connectors.
fn host_with(sim: &SimHost, connectors: &[Value]) -> Manifest {
    let host: Host = serde_json::from_value(json!({
        "metadata": { "name": sim.name },
        "spec": { "credentials": ["fleet"], "connectors": connectors },
    }))
    .unwrap();
    Manifest::Host(host)
}

/// Makes the server know a host with these connectors.
async fn adopt(world: &World, connectors: &[Value]) -> Name {
    world.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    world.client.apply(&credential("strip", "", "private")).await.unwrap();
    let sim = world.sim(0);
    world.client.apply(&host_with(&sim, connectors)).await.unwrap();
    name(&sim.name)
}

/// Waits until the host is seen on.
async fn until_on(world: &World, host: &Name) {
    let on = |power: PowerState| power == PowerState::On;
    world.until_status(host, |status| status.power.as_ref().is_some_and(|power| on(power.value))).await;
}

/// A socket that answers nothing, and the connector that leads to it.
fn silent() -> (UdpSocket, Value) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, json!({ "type": "ipmi", "address": address.ip(), "port": address.port() }))
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_first_does_not_answer_the_second_is_used_and_both_are_told() {
    let world = World::new(1).await;
    let (silent, dead) = silent();
    let host = adopt(&world, &[dead, own(&world.sim(0))]).await;
    until_on(&world, &host).await;
    let status = world.status(&host).await;
    assert_eq!(status.reach.map(|fact| fact.value), Some(Reach::Ok), "the host is reached");
    let ways: Vec<_> = status.ways.iter().map(|way| way.reach.as_ref().map(|fact| fact.value)).collect();
    assert_eq!(ways, [Some(Reach::Unreachable), Some(Reach::Ok)], "{:#?}", status.ways);

    let truth = || world.fleet.state(host.as_str()).unwrap().power_on;
    let port = silent.local_addr().unwrap().port().to_string();
    for (action, on) in [(PowerAction::Off, false), (PowerAction::On, true)] {
        let report = soon(world.client.power(&host, &PowerRequest::new(action))).await.unwrap();
        assert_eq!(truth(), on, "{report:#?}");
        let first = report.receipts.iter().find(|one| one.connector.ends_with(&port));
        assert!(first.is_some_and(|first| first.error.is_some()), "{report:#?}");
        let done = report.receipts.iter().filter(|one| one.error.is_none()).count();
        assert_eq!((report.receipts.len(), done), (2, 1), "{report:#?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redfish_goes_before_ipmi_and_its_certificate_is_pinned() {
    let world = World::new(1).await;
    let sim = world.sim(0);
    let redfish = json!({ "type": "redfish", "address": sim.redfish.ip(), "port": sim.redfish.port() });
    let host = adopt(&world, &[redfish, own(&sim)]).await;
    until_on(&world, &host).await;
    let report = soon(world.client.power(&host, &PowerRequest::new(PowerAction::Off))).await.unwrap();
    assert_eq!(report.power, Some(PowerState::Off), "{report:#?}");
    assert!(!world.fleet.state(host.as_str()).unwrap().power_on);
    let through: Vec<_> =
        report.receipts.iter().map(|one| one.connector.split(' ').next().unwrap()).collect();
    assert_eq!(through, ["redfish"], "{report:#?}");
    let status = world.status(&host).await;
    assert!(status.power.unwrap().source.starts_with("redfish"), "{:#?}", status.ways);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_address_is_used_where_the_first_does_not_answer() {
    let world = World::new(1).await;
    let sim = world.sim(0);
    // Nothing has this address of the loopback network, or the port there.
    let connector = json!({
        "type": "ipmi", "address": "127.77.0.9", "backupAddresses": [sim.ipmi.ip()], "port": sim.ipmi.port(),
    });
    let host = adopt(&world, &[connector]).await;
    until_on(&world, &host).await;
    let status = world.status(&host).await;
    let paths = &status.ways.first().expect("it has two paths").paths;
    let told: Vec<_> = paths.iter().map(|path| (path.in_use, path.works)).collect();
    assert_eq!(told, [(false, Some(false)), (true, Some(true))], "{paths:#?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mains_are_cut_only_where_the_manifest_allows_it_and_prove_a_fencing() {
    let world = World::new(1).await;
    let strip = Strip::start(StripConfig::new(StripModel::Apc, 4)).await.unwrap();
    let at = strip.address();
    let pdu = |allowed: bool| {
        json!({
            "type": "pdu", "address": at.ip(), "port": at.port(), "credentials": ["strip"],
            "outlets": [1, 2], "allowHardCut": allowed,
        })
    };
    let (_silent, dead) = silent();
    let host = adopt(&world, &[dead.clone(), pdu(false)]).await;
    let off = PowerRequest::new(PowerAction::Off);
    let refused = soon(world.client.power(&host, &off)).await.unwrap_err().problem().cloned().unwrap();
    assert!(format!("{refused:?}").contains("allowHardCut"), "{refused:#?}");
    assert_eq!((strip.is_on(1), strip.is_on(2)), (Some(true), Some(true)));

    world.client.apply(&host_with(&world.sim(0), &[dead, pdu(true)])).await.unwrap();
    let report = soon(world.client.power(&host, &off)).await.unwrap();
    assert_eq!((strip.is_on(1), strip.is_on(2)), (Some(false), Some(false)), "{report:#?}");
    assert_eq!((strip.is_on(3), strip.is_on(4)), (Some(true), Some(true)));
    assert_eq!(report.power, Some(PowerState::Off), "{report:#?}");
    assert!(report.warnings.iter().any(|warning| warning.contains("file systems")), "{report:#?}");

    let report = soon(world.client.fence(&host, &FenceRequest::default())).await.unwrap();
    assert!(report.fenced && report.reason.contains("every outlet that feeds it (2)"), "{report:#?}");
    strip.shutdown().await;
    world.end().await;
}
