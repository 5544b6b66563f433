//! One story from an installer that stopped to a host that runs: recovery, provisioning, the controller, the boot over the network and the
//! console, told by one timeline.

use std::net::SocketAddr;

use ironhand_api::{
    BootState, Deployment, DeploymentPhase, EventKind, Host, IncidentState, Manifest, Name, RunState,
    StepOutcome, parse_manifests,
};
use ironhand_client::{BootFilter, EventFilter, MediaUpload, RecordFilter};
use ironhand_ipmi::ChassisControl;
use ironhand_server::{BootListeners, Roles};
use ironhand_sim::{Activity, Asked, FleetConfig, MachineFault};
use serde_json::json;

use crate::boot::ASKED;
use crate::harness::{
    PACE, World, config, credential, eventually, flow, get, host, name, settings, until_kind,
};
use crate::integrations::stand_in::StandIn;

/// An image of genisoimage, without the 32 KiB of its system area.
const IMAGE: &[u8] = include_bytes!("../../../../testdata/fuzz/media_iso/rock-ridge-of-genisoimage");

const RECORDS: &str = "
apiVersion: ironhand/v1
kind: Network
metadata: { name: bench }
spec: { subnet: 127.0.0.0/8, mode: 'off' }
---
apiVersion: ironhand/v1
kind: Profile
metadata: { name: debian }
spec: { media: debian, kernel: deep/file-10, initrds: [deep/file-11] }
";

/// A server with all roles, one host that is well, and what is deployed to it.
async fn world(provisioning: &StandIn) -> (World, Name) {
    let world = World::with_config(FleetConfig { pace: PACE, ..FleetConfig::new(1) }, |directory| {
        let mut config = config(directory, settings());
        config.roles = Roles { api: true, bmc: true, boot: true };
        let any = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        config.boot = BootListeners { http: any, https: None, tftp: any, dhcp: None };
        config
    })
    .await;
    let client = &world.client;
    let image = [vec![0; 32 * 1024], IMAGE.to_vec()].concat();
    let upload = MediaUpload { file: "debian.iso".to_owned(), sha256: None, loaders: None };
    client.upload_media(&name("debian"), &upload, futures_util::stream::iter([Ok(image)])).await.unwrap();
    for manifest in parse_manifests("test", RECORDS).unwrap() {
        client.apply(&manifest).await.unwrap();
    }
    let spec = json!({
        "when": { "screen": "Installation step failed" },
        "do": [
            { "http": { "method": "POST", "url": format!("{}/{{{{ host.name }}}}/reset", provisioning.url()) } },
            { "deploy": { "profile": "debian", "deadline": "10m" } },
            { "bootDevice": "pxe" },
            { "power": "cycle" },
        ],
        "verify": { "screen": "^\\S+ login:", "deployment": "booted", "timeout": "60s" },
        "limits": { "attempts": 1 },
    });
    client.apply(&flow("begin-anew", spec)).await.unwrap();
    client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    let Manifest::Host(mut manifest) = host(&world.sim(0), &["fleet"]) else { panic!("no host") };
    manifest.spec.macs = vec!["52:54:00:12:34:56".parse().unwrap()];
    client.apply(&Manifest::Host(manifest)).await.unwrap();
    let host = name(&world.sim(0).name);
    world.until_well(&host).await;
    (world, host)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installer_that_stopped_is_begun_anew_and_one_timeline_tells_of_it() {
    let provisioning = StandIn::start(&[(200, "{}")]).await;
    let (world, host) = world(&provisioning).await;
    let client = &world.client;
    let before = world.events().await.last().map_or(0, |event| event.id);
    let mut events = world.follow().await;
    world.fleet.stage(host.as_str(), MachineFault::InstallerStopped).unwrap();

    // The simulated machine restores its disk from the network by itself; what its firmware asks of the server is asked here.
    let activity = async || world.fleet.state(host.as_str()).unwrap().activity;
    eventually("what the machine does", activity, |activity| *activity == Activity::NetworkBoot).await;
    let address = world.server.as_ref().unwrap().boot().0.unwrap();
    let script = get(address, &format!("/boot/boot.ipxe?{ASKED}"), "").await;
    for path in ["/boot/media/debian/deep/file-10", "/boot/media/debian/deep/file-11"] {
        assert!(script.contains(path), "{script}");
        assert!(get(address, path, "").await.starts_with("HTTP/1.1 200"), "{path}");
    }
    until_kind(&mut events, EventKind::IncidentClosed).await;

    let run = client.runs(&RecordFilter::default()).await.unwrap().remove(0);
    assert_eq!((run.state, run.steps.len()), (RunState::Succeeded, 4), "{run:#?}");
    assert!(run.steps.iter().all(|step| matches!(step.outcome, Some(StepOutcome::Done(_)))), "{run:#?}");
    assert_eq!(client.incident(run.incident).await.unwrap().state, IncidentState::Closed);
    assert_eq!(provisioning.asked()[0].line, format!("POST /{host}/reset"));
    let received = world.fleet.received(host.as_str()).unwrap();
    let received: Vec<_> = received.into_iter().map(|received| received.what).collect();
    assert_eq!(received, [Asked::Power(ChassisControl::PowerCycle)]);
    assert!(world.fleet.state(host.as_str()).unwrap().well);
    let deployed: Vec<Deployment> = client.list(&ironhand_api::LabelSelector::default()).await.unwrap();
    assert_eq!(deployed.iter().map(Deployment::phase).collect::<Vec<_>>(), [DeploymentPhase::Booted]);
    let boots =
        client.boots(&BootFilter { host: Some(host.clone()), ..BootFilter::default() }).await.unwrap();
    assert!(boots.iter().any(|boot| boot.state == BootState::Running && boot.steps.len() == 3), "{boots:#?}");

    // One list has it all, each behind what it came of.
    let filter = EventFilter { host: Some(host.clone()), after: Some(before), ..EventFilter::default() };
    let told = client.events(&filter).await.unwrap();
    let mut from = 0;
    for (kind, words) in [
        (EventKind::ScreenChanged, "install"),
        (EventKind::IncidentOpened, "Installation step failed"),
        (EventKind::RunStarted, "begin-anew"),
        (EventKind::StepStarted, "/reset"),
        (EventKind::StepEnded, "answers 200"),
        (EventKind::StepEnded, "Deployment"),
        (EventKind::StepEnded, "pxe"),
        (EventKind::StepStarted, "power cycle"),
        (EventKind::BootStarted, ""),
        (EventKind::BootStep, "file-11"),
        (EventKind::DeploymentChanged, "was fetched"),
        (EventKind::IncidentClosed, ""),
    ] {
        let found = told[from..].iter().position(|event| event.kind == kind && event.message.contains(words));
        from += found.unwrap_or_else(|| panic!("{kind} of `{words}` is not behind the others: {told:#?}"));
    }
    assert!(told.iter().any(|event| event.kind == EventKind::PowerChanged), "{told:#?}");
    let kept: Host = client.get(&host).await.unwrap();
    assert_eq!(kept.status.unwrap().incident, None);
    world.end().await;
}
