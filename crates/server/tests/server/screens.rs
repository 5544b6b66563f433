//! Hosts whose screen can be seen in several ways.

use std::time::Duration;

use ironhand_api::{EventKind, Health, Host, HostStatus, Manifest, Reach};
use ironhand_client::{Client, Endpoint};
use ironhand_server::Server;
use ironhand_sim::kvm_unit::{KvmUnit, KvmUnitConfig, UnitFault, UnitKind};
use ironhand_sim::{Fleet, FleetConfig, MachineConfig, Make, SimHost};
use serde_json::{Value, json};

use crate::harness::{self, World, credential, eventually, name, soon, start_behind};

const PASSWORD: &str = "let me see";

fn in_use(status: &HostStatus) -> Option<&str> {
    status.screens.iter().find(|way| way.in_use).map(|way| way.connector.as_str())
}

/// The screen of the preferred connector is seen as long as that one works, else that of the next, and keys go where
/// the screen is.
#[tokio::test(flavor = "multi_thread")]
async fn a_screen_is_seen_through_the_next_connector_while_the_preferred_one_fails() {
    let world = World::new(1).await;
    let machine =
        MachineConfig { name: "unit".to_owned(), make: Make::R740Like, seed: 3, pace: 50.0, running: true };
    let unit = KvmUnit::start(KvmUnitConfig::new(UnitKind::Nanokvm, PASSWORD.into(), machine)).await.unwrap();
    world.client.apply(&credential("kvm", "admin", PASSWORD)).await.unwrap();
    let (address, vnc) = (unit.address(), world.sim(0).vnc);
    let host: Host = serde_json::from_value(json!({
        "metadata": { "name": "twofold" },
        "spec": { "connectors": [
            { "type": "nanokvm", "address": address.ip(), "port": address.port(), "credentials": ["kvm"] },
            { "type": "vnc", "address": vnc.ip(), "port": vnc.port(), "credentials": [] },
        ] },
    }))
    .unwrap();
    let [first, second] = [0, 1].map(|at: usize| host.spec.connectors[at].to_string());
    world.client.apply(&Manifest::Host(host)).await.unwrap();
    let host = name("twofold");
    world.until_status(&host, |status| in_use(status) == Some(&first)).await;
    soon(world.client.keys(&host, "a")).await.unwrap();
    assert_eq!(unit.keys().len(), 2);

    unit.break_unit(Some(UnitFault::Down));
    let through = |status: &HostStatus, way: &str| {
        in_use(status) == Some(way)
            && status.screen_reach.as_ref().is_some_and(|fact| fact.source == way && fact.value == Reach::Ok)
    };
    let status = world.until_status(&host, |status| through(status, &second)).await;
    assert_eq!(status.screens[0].works, Some(false), "{status:#?}");
    assert!(status.screens[0].error.is_some(), "{status:#?}");
    assert_eq!(soon(world.client.read_screen(&host)).await.unwrap().connector, second);
    let pressed = soon(world.client.keys(&host, "b")).await.unwrap();
    assert_eq!((pressed.receipts[0].connector.as_str(), unit.keys().len()), (second.as_str(), 2));

    unit.break_unit(None);
    world.until_status(&host, |status| through(status, &first)).await;
    let told = world.events().await;
    let changes: Vec<_> = told.iter().filter(|event| event.kind == EventKind::ScreenReachChanged).collect();
    assert!(changes.iter().any(|event| event.message.contains("no longer")), "{changes:#?}");
    world.end().await;
}

/// One that takes connections and says nothing holds up neither its own host for ever nor another one at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_stalls_stalls_nothing_else() {
    let world = World::new(1).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let sim = world.sim(0);
    let host: Host = serde_json::from_value(json!({
        "metadata": { "name": "stalled" },
        "spec": { "credentials": ["fleet"], "connectors": [
            { "type": "ipmi", "address": sim.ipmi.ip(), "port": sim.ipmi.port() },
            { "type": "vnc", "address": "127.0.0.1", "port": port, "credentials": [] },
            { "type": "vnc", "address": sim.vnc.ip(), "port": sim.vnc.port(), "credentials": [] },
        ] },
    }))
    .unwrap();
    world.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    world.client.apply(&Manifest::Host(host)).await.unwrap();
    let host = name("stalled");
    // The lane reads the power while the screen is waited for.
    let status = world.until_status(&host, |status| status.power.is_some()).await;
    assert!(status.screen.is_none(), "{status:#?}");
    let seen = world.until_status(&host, |status| status.screen.is_some()).await;
    assert_eq!(seen.screens.iter().map(|way| way.works).collect::<Vec<_>>(), [Some(false), Some(true)]);
    drop(silent);
    assert!(soon(world.client.read_screen(&host)).await.is_ok());
    tokio::time::timeout(Duration::from_secs(30), world.end()).await.expect("it stops in time");
}

/// A controller that shows its screen by Redfish is a screen; one that does not is none, and nothing is missed there.
#[tokio::test(flavor = "multi_thread")]
async fn a_controller_without_pictures_by_redfish_is_no_screen_that_was_lost() {
    let world = World::new(4).await;
    let made = |make| world.fleet.hosts().iter().find(|sim| sim.make == make).unwrap().clone();
    let (shows, without) = (made(Make::R740Like), made(Make::OpenBmcLike));
    world.client.apply(&credential("bmc", "admin", "simulated")).await.unwrap();
    let redfish =
        |sim: &SimHost| json!({ "type": "redfish", "address": sim.redfish.ip(), "port": sim.redfish.port() });
    let vnc = without.vnc;
    let screen = json!({ "type": "vnc", "address": vnc.ip(), "port": vnc.port(), "credentials": [] });
    let hosts = [
        ("dell", vec![redfish(&shows)]),
        ("other", vec![redfish(&without)]),
        ("both", vec![redfish(&without), screen]),
    ];
    for (host, connectors) in hosts {
        let host: Host = serde_json::from_value(json!({
            "metadata": { "name": host }, "spec": { "credentials": ["bmc"], "connectors": connectors },
        }))
        .unwrap();
        world.client.apply(&Manifest::Host(host)).await.unwrap();
    }
    let seen = world.until_status(&name("dell"), |status| status.screen.is_some()).await;
    assert!(seen.screen_reach.is_some_and(|fact| fact.value == Reach::Ok), "{:#?}", seen.screen);
    assert!(seen.screens.is_empty(), "{:#?}", seen.screens);

    let host = name("other");
    let told = world.until_status(&host, |status| !status.screens.is_empty() && status.power.is_some()).await;
    assert_eq!((&told.screen_reach, told.health), (&None, Health::Well), "{told:#?}");
    let [way] = &told.screens[..] else { panic!("{:#?}", told.screens) };
    assert!(way.unsupported && way.error.as_ref().is_some_and(|error| error.contains("Redfish")), "{way:#?}");
    let refused = soon(world.client.read_screen(&host)).await.unwrap_err();
    assert!(refused.to_string().contains("no still pictures by Redfish"), "{refused}");

    // What is there for the screen goes first, wherever it stands.
    let seen = world.until_status(&name("both"), |status| status.screen.is_some()).await;
    assert_eq!(in_use(&seen).map(|way| way.starts_with("vnc ")), Some(true), "{:#?}", seen.screens);
    world.end().await;
}

/// The VNC server of an iDRAC runs while somebody looks; what a crash left on is found, and put back in the end.
#[test]
fn a_vnc_server_is_switched_on_for_the_time_of_need_and_off_again_after_a_crash() {
    let patient = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let fleet = FleetConfig { vnc_by_attribute: true, pace: 20.0, ..FleetConfig::new(4) };
    let fleet = patient.block_on(Fleet::start(fleet)).unwrap();
    let sim = fleet.hosts().iter().find(|sim| sim.make == Make::R740Like).unwrap().clone();
    let (redfish, vnc) = (sim.redfish, sim.vnc);
    let redfish = json!({ "type": "redfish", "address": redfish.ip(), "port": redfish.port() });
    let screen = json!({
        "type": "vnc", "address": vnc.ip(), "port": vnc.port(), "credentials": ["vnc"], "enableBy": "redfish",
    });
    let manifest = |connectors: &[Value]| {
        let host: Host = serde_json::from_value(json!({
            "metadata": { "name": sim.name }, "spec": { "credentials": ["bmc"], "connectors": connectors },
        }))
        .unwrap();
        Manifest::Host(host)
    };
    let shows = || fleet.shows_by_vnc(&sim.name).unwrap();
    assert!(!shows(), "it is off at first");

    let config = || harness::config(directory.path(), harness::settings());
    let doomed = tokio::runtime::Runtime::new().unwrap();
    let first = doomed.block_on(Server::start(config())).unwrap();
    patient.block_on(async {
        let client = Client::new(Endpoint::Unix(first.socket().to_owned())).unwrap();
        client.apply(&credential("bmc", "admin", "simulated")).await.unwrap();
        client.apply(&credential("vnc", "", "eightchr")).await.unwrap();
        client.apply(&manifest(&[redfish.clone(), screen.clone()])).await.unwrap();
        until_seen_by_vnc(&client, &sim.name).await;
        assert!(shows());
    });
    doomed.shutdown_background();
    drop(first);
    assert!(shows(), "nobody has put it back");

    patient.block_on(async {
        let second = start_behind(config).await;
        let client = Client::new(Endpoint::Unix(second.socket().to_owned())).unwrap();
        until_seen_by_vnc(&client, &sim.name).await;
        let keys = soon(client.keys(&name(&sim.name), "a")).await.unwrap();
        assert!(keys.receipts[0].connector.starts_with("vnc "), "{keys:#?}");
        // Nobody looks there any more.
        client.apply(&manifest(std::slice::from_ref(&redfish))).await.unwrap();
        eventually("whether it is on", async || shows(), |on| !on).await;
        second.shutdown().await;
    });
}

async fn until_seen_by_vnc(client: &Client, host: &str) {
    let status = async || client.get::<Host>(&name(host)).await.unwrap().status.unwrap();
    let by_vnc = |status: &HostStatus| {
        status.screen.is_some() && in_use(status).is_some_and(|way| way.starts_with("vnc "))
    };
    eventually(host, status, by_vnc).await;
}
