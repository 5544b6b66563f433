//! Hosts whose only screen is their serial console: it is read, typed at, and what it shows is recovered from.

use ironhand_api::{EventKind, IncidentState, Name, Problem, RunState, Screen};
use ironhand_client::{Client, ConsoleOptions, Endpoint, RecordFilter};
use ironhand_server::{Running, Server};
use ironhand_sim::bmc_fleet::FaultPlan;
use ironhand_sim::{BmcFleet, BmcFleetConfig, FleetConfig};
use serde_json::json;

use crate::harness::{self, World, credential, eventually, flow, name, settings, soon, until, until_kind};

/// A password that must show nowhere.
const CANARY: &str = "canary-9c41";

/// A BMC with nothing but IPMI, and a server that knows it.
struct Bmc {
    bmcs: BmcFleet,
    server: Running,
    client: Client,
    host: Name,
    _directory: tempfile::TempDir,
}

impl Bmc {
    async fn new() -> Self {
        let plan = FaultPlan::none();
        let bmcs = BmcFleet::start(BmcFleetConfig { plan, ..BmcFleetConfig::new(1) }).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(harness::config(directory.path(), settings())).await.unwrap();
        let client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
        client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
        Self { bmcs, server, client, host: name("bmc-0"), _directory: directory }
    }

    /// Makes the server know the host, whose manifest says this beside its BMC.
    async fn adopt(&self, spec: serde_json::Value) {
        let port = self.bmcs.address(0).unwrap().port();
        let mut host = json!({
            "metadata": { "name": self.host },
            "spec": { "credentials": ["fleet"],
                "connectors": [{ "type": "ipmi", "address": "127.0.0.1", "port": port }] },
        });
        if let (Some(said), Some(spec)) = (host["spec"].as_object_mut(), spec.as_object()) {
            said.extend(spec.clone());
        }
        let host = serde_json::from_value(host).unwrap();
        self.client.apply(&ironhand_api::Manifest::Host(host)).await.unwrap();
    }

    /// Looks until the screen shows this.
    async fn shows(&self, text: &str) -> Screen {
        let look = async || soon(self.client.read_screen(&self.host)).await;
        let shows = |screen: &Result<Screen, _>| screen.as_ref().is_ok_and(|it| it.text.contains(text));
        eventually(text, look, shows).await.expect("it shows this")
    }

    /// Has a person log in and crash the machine.
    async fn crash(&self) {
        let by = ConsoleOptions { by: Some("ann".to_owned()), ..ConsoleOptions::default() };
        let mut ann = soon(self.client.console(&self.host, &by)).await.unwrap();
        assert!(ann.write(b"root\rsecret\recho c > /proc/sysrq-trigger\r".to_vec()).await);
        self.shows("Kernel panic").await;
        ann.close().await;
    }

    async fn end(self) {
        self.server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_console_is_read_and_typed_at_as_a_screen() {
    let bmc = Bmc::new().await;
    bmc.adopt(json!({})).await;
    bmc.shows("sim1 login:").await;
    // What comes last of the prompt is a blank, after which nothing changes any more.
    let (screen, png) = soon(async {
        loop {
            let screen = bmc.shows("sim1 login:").await;
            if let Ok(png) = bmc.client.picture(&screen.picture).await {
                return (screen, png);
            }
        }
    })
    .await;
    let port = bmc.bmcs.address(0).unwrap().port();
    assert_eq!(screen.connector, format!("ipmi 127.0.0.1 port {port}"));
    assert!(screen.reliable && screen.confidence == 1.0, "{screen:?}");
    assert_eq!((screen.rows.len(), screen.font.as_deref()), (25, None));
    assert_eq!((screen.width, screen.height), (640, 400));
    let picture = ironhand_console::Image::decode(&png).unwrap();
    assert_eq!(ironhand_console::Reader::new().read(&picture, None).text(), screen.text);

    soon(bmc.client.keys(&bmc.host, "root<Enter>")).await.unwrap();
    bmc.shows("Password:").await;
    let refused = soon(bmc.client.keys(&bmc.host, "<Ctrl-Alt-Del>")).await.unwrap_err();
    let Problem { detail, .. } = refused.problem().unwrap();
    assert!(detail.contains("Ctrl-Alt-Del"), "{detail}");
    bmc.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_panics_on_its_serial_console_is_recovered() {
    let bmc = Bmc::new().await;
    let spec = json!({
        "when": { "screen": "Kernel panic - not syncing" },
        "do": [
            { "snapshot": "before" },
            { "power": "cycle" },
            { "waitFor": { "screen": "login:", "timeout": "30s" } },
            { "keys": "root<Enter>" },
            { "waitFor": { "screen": "Password:", "timeout": "30s" } },
            { "keys": "<secret rescue><Enter>" },
        ],
        "verify": { "screen": "root@sim1", "power": "on", "timeout": "60s" },
        "limits": { "attempts": 2, "cooldown": "1s" },
    });
    bmc.client.apply(&credential("rescue", "root", CANARY)).await.unwrap();
    bmc.client.apply(&flow("kernel-panic", spec)).await.unwrap();
    bmc.adopt(json!({})).await;
    let mut events = bmc.client.follow(None, None);
    events.connect().await.unwrap();
    bmc.crash().await;

    let story = until(&mut events, |event| event.kind == EventKind::IncidentClosed).await;
    let run = bmc.client.runs(&RecordFilter::default()).await.unwrap().remove(0);
    assert_eq!(run.state, RunState::Succeeded, "{run:#?}\n{story:#?}");
    assert!(run.matched.text.contains("Kernel panic - not syncing"));
    let proof = run.proof.expect("a proof is kept");
    assert!(proof.screen_text.contains("root@sim1") && !proof.screen_text.contains("panic"), "{proof:#?}");
    let incident = bmc.client.incident(run.incident).await.unwrap();
    assert_eq!((incident.state, incident.attempts), (IncidentState::Closed, 1));
    for picture in [run.matched.picture, proof.picture, incident.first_picture, incident.last_picture] {
        let png = soon(bmc.client.picture(&picture.expect("a picture is kept"))).await.unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    }
    assert!(story.iter().all(|event| !format!("{event:?}").contains(CANARY)), "{story:#?}");
    assert!(run.steps.iter().all(|step| !format!("{step:?}").contains(CANARY)));
    assert!(!harness::logged().contains(CANARY));
    // Another panic is another incident: nothing of the first one shows any more.
    soon(bmc.client.keys(&bmc.host, "echo c > /proc/sysrq-trigger<Enter>")).await.unwrap();
    let again = until_kind(&mut events, EventKind::IncidentOpened).await;
    assert_ne!(again.incident, Some(incident.id));
    bmc.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_hears_the_serial_console_and_writes_to_it_beside_the_picture() {
    let fleet = FleetConfig { pace: harness::PACE, serial: true, ..FleetConfig::new(1) };
    let world = World::with(fleet, settings()).await;
    let host = world.adopt_well().await.remove(0);
    let spec = json!({
        "when": { "all": [
            { "screen": "login:" },
            { "serial": { "pattern": "^disk full on /var", "within": "5m" } },
            { "not": { "serial": { "pattern": "^cleaned", "within": "5m" } } },
        ] },
        "do": [
            { "serial": "cleaned <secret rescue><Enter>" },
            { "waitFor": { "serial": { "pattern": "^cleaned", "within": "1m" }, "timeout": "30s" } },
        ],
        "verify": { "serial": { "pattern": "^cleaned", "within": "1m" }, "timeout": "60s" },
        // While a person holds the console nothing is written to it, and another attempt is made.
        "limits": { "attempts": 9, "cooldown": "1s" },
    });
    world.client.apply(&credential("rescue", "root", CANARY)).await.unwrap();
    world.client.apply(&flow("clean-up", spec)).await.unwrap();
    let mut events = world.follow().await;
    // The shell behind the port says back what it is told.
    let by = ConsoleOptions { by: Some("ann".to_owned()), ..ConsoleOptions::default() };
    let mut ann = soon(world.client.console(&host, &by)).await.unwrap();
    assert!(ann.write(b"root\rsecret\rdisk full on /var\r".to_vec()).await);
    until_kind(&mut events, EventKind::IncidentOpened).await;
    ann.close().await;

    let story = until(&mut events, |event| event.kind == EventKind::IncidentClosed).await;
    let run = world.client.runs(&RecordFilter::default()).await.unwrap().remove(0);
    assert_eq!(run.state, RunState::Succeeded, "{run:#?}\n{story:#?}");
    assert!(story.iter().all(|event| !format!("{event:?}").contains(CANARY)), "{story:#?}");
    assert!(run.steps.iter().all(|step| !format!("{step:?}").contains(CANARY)), "{run:#?}");
    world.end().await;
}
