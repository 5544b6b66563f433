//! A host with several connectors: each action goes through the first that can do it, and tells which were tried.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use ironhand_api::{
    AlertCause, EventKind, FenceRequest, Host, HostStatus, Manifest, Name, PowerAction, PowerRequest,
    PowerState, Reach, Severity,
};
use ironhand_ipmi::ChassisControl;
use ironhand_server::Settings;
use ironhand_sim::outlets::{Strip, StripConfig, StripModel};
use ironhand_sim::{Fleet, FleetConfig, SimHost};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::harness::{World, credential, name, press, settings, soon};

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
async fn a_first_connector_that_takes_connections_and_says_nothing_leaves_time_for_the_second() {
    // By itself it would be waited for longer than the action may take.
    let (connect_timeout, action_timeout) = (Duration::from_secs(5), Duration::from_secs(4));
    let settings = Settings { connect_timeout, action_timeout, ..settings() };
    let world = World::with(FleetConfig::new(1), settings).await;
    let strip = Strip::start(StripConfig::new(StripModel::Apc, 1)).await.unwrap();
    let hung = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (silent, at) = (hung.local_addr().unwrap(), strip.address());
    let redfish = json!({ "type": "redfish", "address": silent.ip(), "port": silent.port() });
    let pdu = json!({
        "type": "pdu", "address": at.ip(), "port": at.port(), "credentials": ["strip"], "outlets": [1],
        "allowHardCut": true,
    });
    let host = adopt(&world, &[redfish, pdu]).await;
    let report = soon(world.client.power(&host, &PowerRequest::new(PowerAction::Off))).await.unwrap();
    assert_eq!(strip.is_on(1), Some(false), "{report:#?}");
    let told = report.receipts.iter();
    let told: Vec<_> =
        told.map(|one| (one.connector.split(' ').next().unwrap(), one.error.is_none())).collect();
    assert_eq!(told, [("redfish", false), ("pdu", true)], "{report:#?}");
    strip.shutdown().await;
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

/// Carries connections from an address that a machine has not to one that it has.
struct Link {
    carrying: JoinHandle<()>,
}

impl Link {
    async fn up(from: SocketAddr, to: SocketAddr) -> Self {
        let listener = TcpListener::bind(from).await.unwrap();
        let carrying = tokio::spawn(async move {
            let mut carried = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                carried.spawn(async move {
                    let mut far = TcpStream::connect(to).await?;
                    copy_bidirectional(&mut near, &mut far).await
                });
            }
        });
        Self { carrying }
    }

    /// Breaks every connection, and takes no more.
    async fn down(self) {
        self.carrying.abort();
        let _ = self.carrying.await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_main_link_that_dies_is_passed_over_and_used_again_when_it_is_back() {
    let world = World::new(1).await;
    let sim = world.sim(0);
    let main = SocketAddr::new("127.77.0.10".parse().unwrap(), sim.redfish.port());
    let link = Link::up(main, sim.redfish).await;
    let host = adopt(
        &world,
        &[json!({
            "type": "redfish", "address": main.ip(), "backupAddresses": [sim.redfish.ip()],
            "port": main.port(),
        })],
    )
    .await;
    let used = |status: &HostStatus, way: usize| {
        let paths = status.ways.get(way).map(|way| way.paths.as_slice()).unwrap_or_default();
        paths.iter().position(|path| path.in_use)
    };
    let seen = world.until_status(&host, |status| used(status, 0) == Some(0)).await;
    assert!(seen.ways[0].paths[0].since.is_some(), "{:#?}", seen.ways);

    link.down().await;
    let failed = world.until_status(&host, |status| used(status, 0) == Some(1)).await;
    assert_eq!(failed.ways[0].paths[0].works, Some(false), "{:#?}", failed.ways);
    assert!(failed.ways[0].paths[0].error.is_some(), "{:#?}", failed.ways);
    let report = soon(world.client.power(&host, &PowerRequest::new(PowerAction::Off))).await.unwrap();
    assert_eq!(report.power, Some(PowerState::Off), "{report:#?}");

    let link = Link::up(main, sim.redfish).await;
    world.until_status(&host, |status| used(status, 0) == Some(0)).await;
    let told: Vec<_> = world.events().await;
    let told = told.iter().filter(|event| event.kind == EventKind::PathChanged);
    let told: Vec<_> = told.filter(|event| event.message.starts_with("redfish")).collect();
    let severities: Vec<_> = told.iter().map(|event| event.severity).collect();
    assert_eq!(severities, [Severity::Warning, Severity::Info], "{told:#?}");
    assert!(told[0].message.contains(&sim.redfish.ip().to_string()), "{told:#?}");
    link.down().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_is_read_over_its_backup_address_where_the_main_one_is_dead() {
    let world = World::new(1).await;
    let sim = world.sim(0);
    let main = SocketAddr::new("127.77.0.13".parse().unwrap(), sim.vnc.port());
    let link = Link::up(main, sim.vnc).await;
    let vnc = json!({
        "type": "vnc", "address": main.ip(), "backupAddresses": [sim.vnc.ip()], "port": main.port(),
        "credentials": [],
    });
    let host = adopt(&world, &[own(&sim), vnc]).await;
    world.until_well(&host).await;
    let told = |status: &HostStatus| {
        let [way] = status.ways.as_slice() else { panic!("only the screen has two paths: {status:#?}") };
        let paths = way.paths.iter().map(|path| (path.in_use, path.works));
        (way.reach.as_ref().map(|fact| fact.value), paths.collect::<Vec<_>>())
    };
    let status = world.status(&host).await;
    assert_eq!(told(&status), (Some(Reach::Ok), vec![(true, Some(true)), (false, None)]), "{status:#?}");

    link.down().await;
    let over_backup = (Some(Reach::Ok), vec![(false, Some(false)), (true, Some(true))]);
    let status = world.until_status(&host, |status| told(status) == over_backup).await;
    assert!(status.ways[0].paths[0].error.is_some(), "{:#?}", status.ways);
    soon(world.client.keys(&host, "root<Enter>")).await.unwrap();
    let asks = |status: &HostStatus| {
        status.screen.as_ref().is_some_and(|screen| screen.headline.contains("Password:"))
    };
    world.until_status(&host, asks).await;
    let events = world.events().await;
    let changes = events.iter().filter(|event| event.kind == EventKind::PathChanged);
    let changes: Vec<_> = changes.map(|event| (event.severity, event.message.as_str())).collect();
    let [(Severity::Warning, message)] = changes.as_slice() else { panic!("{changes:#?}") };
    assert!(message.starts_with("vnc") && message.contains(&sim.vnc.ip().to_string()), "{message}");
    world.end().await;
}

/// A SOCKS 5 proxy (RFC 1928) that asks nobody who they are, and leads to IPv4 addresses.
async fn proxy() -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let carry = async |mut near: TcpStream| {
        let mut greeting = [0; 3];
        near.read_exact(&mut greeting).await?;
        near.write_all(&[5, 0]).await?;
        let mut request = [0; 10];
        near.read_exact(&mut request).await?;
        let [_, _, _, _, a, b, c, d, high, low] = request;
        let mut far =
            TcpStream::connect(SocketAddr::from(([a, b, c, d], u16::from_be_bytes([high, low])))).await?;
        near.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        copy_bidirectional(&mut near, &mut far).await
    };
    let serving = tokio::spawn(async move {
        let mut carried = JoinSet::new();
        while let Ok((near, _)) = listener.accept().await {
            carried.spawn(carry(near));
        }
    });
    (at, serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_is_read_through_a_proxy() {
    let world = World::new(1).await;
    let sim = world.sim(0);
    let (proxy, serving) = proxy().await;
    let vnc = json!({
        "type": "vnc", "address": sim.vnc.ip(), "port": sim.vnc.port(), "credentials": [],
        "through": { "socks5": { "address": proxy.ip(), "port": proxy.port() } },
    });
    let host = adopt(&world, &[own(&sim), vnc]).await;
    world.until_well(&host).await;

    serving.abort();
    let lost = |status: &HostStatus| {
        status.screen_reach.as_ref().filter(|fact| fact.value == Reach::Unreachable)?.detail.clone()
    };
    let names_proxy = |detail: String| detail.contains(&proxy.to_string());
    world.until_status(&host, |status| lost(status).is_some_and(names_proxy)).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_certificate_is_told_and_taken_only_when_the_pin_is_forgotten() {
    let world = World::new(1).await;
    let first = world.sim(0).redfish;
    let others = Fleet::start(FleetConfig::new(1)).await.unwrap();
    let at = SocketAddr::new("127.77.0.12".parse().unwrap(), first.port());
    let link = Link::up(at, first).await;
    let host = adopt(&world, &[json!({ "type": "redfish", "address": at.ip(), "port": at.port() })]).await;
    until_on(&world, &host).await;
    let pinned = world.client.pins(&host).await.unwrap();
    let [pin] = pinned.as_slice() else { panic!("{pinned:#?}") };

    // Another machine at the address, with another certificate.
    link.down().await;
    let link = Link::up(at, others.hosts()[0].redfish).await;
    let refused = |status: &HostStatus| {
        let reach = status.reach.as_ref().filter(|fact| fact.value == Reach::NotTrusted);
        reach.and_then(|fact| fact.detail.clone())
    };
    let status = world.until_status(&host, |status| refused(status).is_some()).await;
    let detail = refused(&status).unwrap();
    assert!(detail.contains(&pin.sha256) && detail.contains("ironhand pin forget"), "{detail}");
    let status = world.until_status(&host, |status| !status.alerts.is_empty()).await;
    assert_eq!(status.alerts, [AlertCause::NotTrusted]);
    assert_eq!(world.client.pins(&host).await.unwrap(), pinned, "nothing else is pinned by itself");

    let nothing = world.client.forget_pins(&host, Some("redfish 192.0.2.1")).await.unwrap_err();
    assert_eq!(nothing.problem().unwrap().status, 404);
    assert_eq!(world.client.forget_pins(&host, Some(&pin.connector)).await.unwrap(), pinned);
    world.until_status(&host, |status| status.alerts.is_empty()).await;
    let now = world.client.pins(&host).await.unwrap();
    assert!(now.len() == 1 && now[0].sha256 != pin.sha256, "{now:#?}");
    let told: Vec<_> = world.events().await;
    assert_eq!(told.iter().filter(|event| event.kind == EventKind::PinChanged).count(), 3, "{told:#?}");
    link.down().await;
    others.shutdown().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_controller_has_its_host_read_at_once() {
    let rarely = Duration::from_secs(3600);
    let settings = Settings { power_interval: rarely, power_interval_fast: rarely, ..settings() };
    let world = World::with(FleetConfig::new(1), settings).await;
    let sim = world.sim(0);
    let redfish = json!({ "type": "redfish", "address": sim.redfish.ip(), "port": sim.redfish.port() });
    let host = adopt(&world, &[redfish]).await;
    until_on(&world, &host).await;
    press(sim.ipmi, ChassisControl::PowerDown).await;
    let off = |power: PowerState| power == PowerState::Off;
    world.until_status(&host, |status| status.power.as_ref().is_some_and(|power| off(power.value))).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_connector_can_do_is_refused_before_anything_is_sent() {
    let world = World::new(1).await;
    let strip = Strip::start(StripConfig::new(StripModel::Apc, 2)).await.unwrap();
    let at = strip.address();
    let pdu = json!({
        "type": "pdu", "address": at.ip(), "port": at.port(), "credentials": ["strip"], "outlets": [1],
    });
    let host = adopt(&world, &[pdu]).await;
    for (action, code) in [
        (PowerAction::Soft, "host.no_connector"),
        (PowerAction::Reset, "host.no_connector"),
        (PowerAction::Off, "power.cut_not_allowed"),
    ] {
        let refused = soon(world.client.power(&host, &PowerRequest::new(action))).await.unwrap_err();
        let problem = refused.problem().cloned().unwrap();
        assert_eq!((problem.code.as_str(), problem.job), (code, None), "{problem:#?}");
        assert!(problem.hint.is_some(), "{problem:#?}");
    }
    strip.shutdown().await;
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
