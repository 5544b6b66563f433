//! What hosts are made of, measure and have logged is read through whichever connector can, and changed alike.

use ironhand_api::{
    ActionReceipt, EventKind, Host, IdentifyRequest, InsertMediaRequest, Kind, MaintenanceRequest,
    ManagementRequest, Manifest, MediaKind, Name, Problem, SensorState, Severity, Span,
};
use ironhand_client::{Error, LogFilter};
use ironhand_ipmi::procedure::Ask;
use ironhand_ipmi::sel::commands::AddSelEntry;
use ironhand_ipmi::sel::{Entry, Record, SystemEvent};
use ironhand_sim::SimHost;
use serde_json::{Value, json};

use crate::harness::{World, behind_its_back, credential, name, soon};

/// The controller of a simulated host, by one protocol.
fn by(protocol: &str, sim: &SimHost) -> Value {
    let address = if protocol == "redfish" { sim.redfish } else { sim.ipmi };
    json!({ "type": protocol, "address": address.ip(), "port": address.port() })
}

/// Makes the server know the first simulated host with these connectors.
async fn adopt(world: &World, connectors: &[Value]) -> Name {
    world.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    let sim = world.sim(0);
    let host: Host = serde_json::from_value(json!({
        "metadata": { "name": sim.name },
        "spec": { "credentials": ["fleet"], "connectors": connectors },
    }))
    .unwrap();
    world.client.apply(&Manifest::Host(host)).await.unwrap();
    name(&sim.name)
}

fn problem<T: std::fmt::Debug>(result: Result<T, Error>) -> Problem {
    result.unwrap_err().problem().cloned().unwrap()
}

/// Which connectors were tried, and whether each did it.
fn tried(receipts: &[ActionReceipt]) -> Vec<(&str, bool)> {
    let word = |receipt: &ActionReceipt| receipt.error.is_none();
    receipts.iter().map(|one| (one.connector.split(' ').next().unwrap_or_default(), word(one))).collect()
}

/// Has the controller of a simulated host log that a power supply lost its input, and has it again.
async fn write_log(sim: &SimHost) {
    let lost = SystemEvent::of_bmc(0x08, 0x77, 0x6F, [3, 0xFF, 0xFF]);
    let entries = [lost, lost.deasserted()].map(|event| Entry { id: 0, record: Record::Event(event) });
    behind_its_back(sim.ipmi, async |bmc| {
        for entry in entries {
            bmc.run(Ask::new("write the log", &AddSelEntry(entry.encode()))).await.unwrap();
        }
    })
    .await;
}

/// An image that the simulated controllers take, as they fetch none.
fn image(url: &str) -> InsertMediaRequest {
    InsertMediaRequest { url: url.to_owned(), kind: MediaKind::Cd, drive: None, credential: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_reads_the_same_over_both_protocols() {
    let world = World::new(1).await;
    for protocol in ["ipmi", "redfish"] {
        let host = adopt(&world, &[by(protocol, &world.sim(0))]).await;
        let report = soon(world.client.sensors(&host)).await.unwrap();
        assert!(report.connector.starts_with(protocol), "{report:#?}");
        assert_eq!(tried(&report.receipts), [(protocol, true)]);
        let warm = report.found.sensors.iter().find(|one| one.kind.as_deref() == Some("Temperature"));
        let warm = warm.unwrap_or_else(|| panic!("no temperature over {protocol}: {report:#?}"));
        assert_eq!((warm.unit.as_deref(), warm.state), (Some("Cel"), SensorState::Ok), "{warm:#?}");
        assert!(warm.reading.is_some_and(|reading| (1.0..100.0).contains(&reading)), "{warm:#?}");

        let report = soon(world.client.inventory(&host)).await.unwrap();
        assert!(report.connector.starts_with(protocol), "{report:#?}");
        assert!(report.found.serial.is_some() && report.found.model.is_some(), "{report:#?}");
        assert!(report.found.controller_firmware.is_some(), "{report:#?}");
        // What flows select by is known from then on.
        let status = world.until_status(&host, |status| status.hardware.is_some()).await;
        assert_eq!(status.hardware.unwrap().model, report.found.model);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_first_fails_the_second_is_asked_and_both_are_told() {
    let world = World::new(1).await;
    let sim = world.sim(0);
    // Nothing listens there.
    let dead = json!({ "type": "redfish", "address": sim.redfish.ip(), "port": 1 });
    let host = adopt(&world, &[dead, by("ipmi", &sim)]).await;
    let report = soon(world.client.sensors(&host)).await.unwrap();
    assert_eq!(tried(&report.receipts), [("redfish", false), ("ipmi", true)]);
    assert!(report.connector.starts_with("ipmi"), "{report:#?}");
    // A connector that failed a moment ago is not asked first again, and that is told.
    let report = soon(world.client.inventory(&host)).await.unwrap();
    assert!(report.receipts.iter().any(|one| one.connector.starts_with("redfish")), "{report:#?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_read_and_cleared_and_only_the_clearing_is_an_event() {
    let world = World::new(1).await;
    let sim = world.sim(0);
    let host = adopt(&world, &[by("ipmi", &sim)]).await;
    let all = LogFilter::default();
    write_log(&sim).await;
    let before = soon(world.client.event_log(&host, &all)).await.unwrap().found.entries;
    let told: Vec<_> = before.iter().map(|entry| (entry.severity, entry.message.as_str())).collect();
    let wanted = [
        (Severity::Critical, "Power supply input lost"),
        (Severity::Info, "Power supply input lost: no longer"),
    ];
    assert_eq!(told, wanted, "{before:#?}");
    let newest = LogFilter { newest: Some(1), since: None };
    let last = soon(world.client.event_log(&host, &newest)).await.unwrap().found.entries;
    assert_eq!(last.as_slice(), &before[before.len() - 1..]);

    let done = |events: Vec<ironhand_api::Event>| {
        let done = events.into_iter().filter(|event| event.kind == EventKind::ActionDone);
        done.map(|event| event.message).collect::<Vec<_>>()
    };
    assert_eq!(done(world.events().await), Vec::<String>::new());
    let report = soon(world.client.clear_event_log(&host)).await.unwrap();
    assert!(report.detail.contains("is cleared"), "{report:#?}");
    let told = done(world.events().await);
    let words = "clear event log, asked for through the API: the event log is cleared of ";
    assert!(told.len() == 1 && told[0].starts_with(words), "{told:#?}");
    let after = soon(world.client.event_log(&host, &all)).await.unwrap().found.entries;
    // The one that is left may say that the log was cleared.
    assert!(after.len() <= 1, "{after:#?}");

    // The same log by the other protocol.
    let host = adopt(&world, &[by("redfish", &sim)]).await;
    let same = soon(world.client.event_log(&host, &all)).await.unwrap();
    assert!(same.connector.starts_with("redfish") && same.found.entries.len() <= 1, "{same:#?}");
    soon(world.client.clear_event_log(&host)).await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_light_goes_on_and_off_and_knows_a_time_only_where_the_protocol_does() {
    let world = World::new(1).await;
    let sim = world.sim(0);
    let light = |on, seconds: Option<u64>| IdentifyRequest { on, time: seconds.map(Span::from_secs) };
    for protocol in ["ipmi", "redfish"] {
        let host = adopt(&world, &[by(protocol, &sim)]).await;
        let on = soon(world.client.identify(&host, &light(true, None))).await.unwrap();
        assert!(on.detail.contains("light is on"), "{on:#?}");
        let off = soon(world.client.identify(&host, &light(false, None))).await.unwrap();
        assert!(off.detail.contains("light is off"), "{off:#?}");
    }
    let host = adopt(&world, &[by("redfish", &sim)]).await;
    let refused = problem(soon(world.client.identify(&host, &light(true, Some(30)))).await);
    assert!(refused.detail.contains("Redfish knows no such time"), "{refused:#?}");
    // With IPMI behind it, that does it.
    let host = adopt(&world, &[by("redfish", &sim), by("ipmi", &sim)]).await;
    let report = soon(world.client.identify(&host, &light(true, Some(30)))).await.unwrap();
    assert!(report.detail.contains("on for 30 s"), "{report:#?}");
    assert_eq!(tried(&report.receipts), [("redfish", false), ("ipmi", true)]);
    for (on, seconds) in [(true, 0), (true, 256), (false, 5)] {
        let refused = problem(soon(world.client.identify(&host, &light(on, Some(seconds)))).await);
        assert_eq!((refused.status, refused.code.as_str()), (422, "identify.time_out_of_range"));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_go_in_and_out_and_are_read_back() {
    let world = World::new(1).await;
    let host = adopt(&world, &[by("redfish", &world.sim(0))]).await;
    let inside = async || {
        let drives = soon(world.client.media(&host)).await.unwrap().found.drives;
        assert!(!drives.is_empty());
        drives.into_iter().filter(|drive| drive.inserted).filter_map(|drive| drive.image).collect::<Vec<_>>()
    };
    assert_eq!(inside().await, Vec::<String>::new());
    let url = "http://192.0.2.10/rescue.iso";
    let report = soon(world.client.insert_media(&host, &image(url))).await.unwrap();
    assert!(report.detail.ends_with(&format!("shows {url}")), "{report:#?}");
    assert_eq!(inside().await, [url]);
    let report = soon(world.client.eject_media(&host, None)).await.unwrap();
    assert!(report.detail.contains("empty"), "{report:#?}");
    assert_eq!(inside().await, Vec::<String>::new());
    let report = soon(world.client.eject_media(&host, None)).await.unwrap();
    assert_eq!(report.detail, "no drive held an image");

    let secret = image("http://me:Correct-Horse-9@192.0.2.10/rescue.iso");
    let refused = problem(soon(world.client.insert_media(&host, &secret)).await);
    assert_eq!((refused.status, refused.code.as_str()), (422, "media.url"));
    assert!(!format!("{refused:?}").contains("Correct-Horse"), "{refused:#?}");
    let unknown = InsertMediaRequest { credential: Some(name("nobody")), ..image(url) };
    let refused = problem(soon(world.client.insert_media(&host, &unknown)).await);
    assert_eq!(refused.code, "host.credential_unusable", "{refused:#?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_connector_can_is_refused_at_once_and_says_what_could() {
    let world = World::new(1).await;
    let sim = world.sim(0);
    let host = adopt(&world, &[by("ipmi", &sim)]).await;
    let refused = problem(soon(world.client.insert_media(&host, &image("http://192.0.2.10/a.iso"))).await);
    assert_eq!((refused.status, refused.code.as_str()), (422, "host.no_connector"));
    let names = format!("{host} has no connector for virtual media: it has ipmi {}", sim.ipmi.ip());
    assert!(refused.detail.starts_with(&names), "{refused:#?}");
    assert!(refused.hint.as_ref().is_some_and(|hint| hint.contains("`redfish`")), "{refused:#?}");

    let vnc = json!({ "type": "vnc", "address": sim.vnc.ip(), "port": sim.vnc.port(), "credentials": [] });
    let host = adopt(&world, &[vnc]).await;
    let refused = problem(soon(world.client.sensors(&host)).await);
    assert_eq!((refused.status, refused.code.as_str()), (422, "host.no_connector"));
    let refused = problem(soon(world.client.sensors(&name("nowhere"))).await);
    assert_eq!(refused.status, 404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_managed_is_not_read_and_maintenance_is_told() {
    let world = World::new(1).await;
    let host = adopt(&world, &[by("ipmi", &world.sim(0))]).await;
    let begin = MaintenanceRequest { on: true, reason: Some("new fan".to_owned()) };
    world.client.maintain(&host, &begin).await.unwrap();
    let report = soon(world.client.sensors(&host)).await.unwrap();
    assert!(report.warnings.iter().any(|warning| warning.ends_with(": new fan")), "{report:#?}");
    let disable = ManagementRequest { enabled: false, reason: None };
    world.client.manage(Kind::Host, &host, &disable).await.unwrap();
    for refused in [
        problem(soon(world.client.sensors(&host)).await),
        problem(soon(world.client.clear_event_log(&host)).await),
    ] {
        assert_eq!((refused.status, refused.code.as_str()), (409, "management.disabled"), "{refused:#?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_not_tried_over_and_over() {
    let world = World::new(1).await;
    let host = adopt(&world, &[by("ipmi", &world.sim(0))]).await;
    world.client.apply(&credential("fleet", "admin", "Wrong-Horse-9")).await.unwrap();
    let refused = problem(soon(world.client.sensors(&host)).await);
    assert_eq!(refused.fault, ironhand_api::Fault::Caller, "{refused:#?}");
    assert!(refused.hint.as_ref().is_some_and(|hint| hint.contains("credentials")), "{refused:#?}");
    let again = problem(soon(world.client.sensors(&host)).await);
    assert!(again.detail.contains("not tried again for"), "{again:#?}");
    assert!(!format!("{refused:?}{again:?}").contains("Wrong-Horse"), "{refused:#?}{again:#?}");
    world.end().await;
}
