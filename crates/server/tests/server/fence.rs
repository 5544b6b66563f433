//! A host is fenced on evidence, and never because its controller is silent.

use std::net::SocketAddr;
use std::sync::Arc;

use ironhand_api::{
    AlertCause, EventKind, FenceEvidence, FenceRequest, JobState, Manifest, PowerAction, PowerRequest,
    PowerState, Severity, Work,
};
use ironhand_client::RecordFilter;
use ironhand_ipmi::ChassisControl;
use ironhand_sim::{BmcFleet, BmcFleetConfig, Fault};
use tokio::net::UdpSocket;

use crate::harness::{World, credential, name, press, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_read_as_off_in_two_sessions_is_fenced_until_it_is_wanted_on() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    let report = soon(world.client.fence(&host, &FenceRequest::default())).await.unwrap();
    assert!(report.fenced, "{report:#?}");
    assert!(!world.fleet.state(host.as_str()).unwrap().power_on);
    let [
        FenceEvidence::Reading { at: first, session: 1, off: true, .. },
        FenceEvidence::Reading { at: second, session: 2, off: true, .. },
    ] = report.evidence.as_slice()
    else {
        panic!("{report:#?}")
    };
    assert!(second.since(*first) >= std::time::Duration::from_secs(1), "{report:#?}");
    let status = world.until_status(&host, |status| status.fenced.is_some()).await;
    assert!(status.alerts.is_empty());
    let jobs = world.client.jobs(&RecordFilter::default()).await.unwrap();
    assert_eq!((jobs[0].work, jobs[0].state), (Work::Fence, JobState::Done));
    assert_eq!(jobs[0].fence, Some(report));

    let done = soon(world.client.power(&host, &PowerRequest::new(PowerAction::On))).await.unwrap();
    assert!(done.warnings[0].starts_with("the host was fenced at "), "{done:#?}");
    let jobs = world.client.jobs(&RecordFilter::default()).await.unwrap();
    assert!(jobs.iter().any(|job| job.warnings == done.warnings), "{jobs:#?}");
    let status = world.until_status(&host, |status| status.fenced.is_none()).await;
    assert!(!status.alerts.contains(&AlertCause::FenceBroken), "somebody asked for it");
    let changes = world.events().await;
    let changes = changes.iter().filter(|event| event.kind == EventKind::FenceChanged);
    assert_eq!(changes.count(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_controller_proves_nothing_and_a_person_may() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    world.fleet.stage(host.as_str(), Fault::BmcSilent).unwrap();
    let refused = soon(world.client.fence(&host, &FenceRequest::default())).await.unwrap_err();
    let problem = refused.problem().cloned().unwrap();
    assert_eq!((problem.code.as_str(), problem.status), ("fence.not_proven", 409), "{problem:#?}");
    let status = world.until_status(&host, |status| status.alerts.contains(&AlertCause::FenceRefused)).await;
    assert!(status.fenced.is_none());
    let jobs = world.client.jobs(&RecordFilter::default()).await.unwrap();
    assert_eq!(jobs[0].state, JobState::Failed);
    assert!(jobs[0].fence.as_ref().is_some_and(|report| !report.fenced && !report.evidence.is_empty()));

    let refused = [
        (None, Some("unplugged")),
        (Some(" "), Some("unplugged")),
        (Some("Ada"), None),
        (Some("Ada"), Some("")),
        (Some("Ada"), Some(" \t")),
    ];
    for (by, statement) in refused {
        let request =
            FenceRequest { attested_by: by.map(str::to_owned), statement: statement.map(str::to_owned) };
        let refused = soon(world.client.fence(&host, &request)).await.unwrap_err();
        let problem = refused.problem().unwrap();
        assert_eq!((problem.status, problem.code.as_str()), (422, "fence.invalid"), "{problem:#?}");
        assert!(problem.hint.is_some(), "{problem:#?}");
    }
    let request = FenceRequest {
        attested_by: Some("Ada".to_owned()),
        statement: Some("both cords are unplugged".to_owned()),
    };
    let report = soon(world.client.fence(&host, &request)).await.unwrap();
    assert!(report.fenced && report.reason.contains("Ada"), "{report:#?}");
    let status = world.until_status(&host, |status| status.fenced.is_some()).await;
    assert!(!status.alerts.contains(&AlertCause::FenceRefused), "{status:#?}");
    let told = world.events().await;
    assert!(told.iter().any(|event| event.kind == EventKind::FenceChanged && event.message.contains("Ada")));

    soon(world.client.lift_fence(&host)).await.unwrap();
    world.until_status(&host, |status| status.fenced.is_none()).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn power_that_nobody_asked_for_breaks_the_fence_until_a_person_has_seen_it() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    assert!(soon(world.client.fence(&host, &FenceRequest::default())).await.unwrap().fenced);
    press(world.sim(0).ipmi, ChassisControl::PowerUp).await;
    let status = world.until_status(&host, |status| status.alerts.contains(&AlertCause::FenceBroken)).await;
    assert!(status.fenced.is_none(), "{status:#?}");
    let alerts = world.client.alerts(&RecordFilter::default()).await.unwrap();
    assert_eq!((alerts.len(), alerts[0].cause), (1, AlertCause::FenceBroken), "{alerts:#?}");
    let told = world.events().await;
    let broken = |event: &&ironhand_api::Event| event.kind == EventKind::FenceChanged;
    assert_eq!(told.iter().rfind(broken).unwrap().severity, Severity::Critical);

    soon(world.client.lift_fence(&host)).await.unwrap();
    world.until_status(&host, |status| status.alerts.is_empty()).await;
    world.end().await;
}

/// Stands between a server and a BMC, and loses the first reply behind the command that gives power.
async fn lose_the_reply_to_power_on(front: UdpSocket, bmcs: Arc<BmcFleet>) {
    let back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    back.connect(bmcs.address(0).unwrap()).await.unwrap();
    let (mut up, mut down) = ([0; 2048], [0; 2048]);
    let mut console: Option<SocketAddr> = None;
    let mut lost = false;
    loop {
        tokio::select! {
            received = front.recv_from(&mut up) => {
                let (length, from) = received.unwrap();
                console = Some(from);
                back.send(&up[..length]).await.unwrap();
            }
            received = back.recv(&mut down) => {
                let length = received.unwrap();
                if !lost && bmcs.visits(0).unwrap().power_up > 0 {
                    lost = true;
                } else if let Some(console) = console {
                    front.send_to(&down[..length], console).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn power_that_a_person_asked_for_breaks_no_fence_though_the_reply_is_lost() {
    let world = World::new(1).await;
    let bmcs = Arc::new(BmcFleet::start(BmcFleetConfig::new(1)).unwrap());
    let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let manifest = serde_json::from_value(serde_json::json!({
        "metadata": { "name": "relayed" },
        "spec": {
            "credentials": ["fleet"],
            "connectors": [{ "type": "ipmi", "address": "127.0.0.1", "port": front.local_addr().unwrap().port() }],
        },
    }));
    let relay = tokio::spawn(lose_the_reply_to_power_on(front, Arc::clone(&bmcs)));
    world.client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
    world.client.apply(&Manifest::Host(manifest.unwrap())).await.unwrap();
    let host = name("relayed");
    let on = |status: &ironhand_api::HostStatus| {
        status.power.as_ref().is_some_and(|power| power.value == PowerState::On)
    };
    world.until_status(&host, on).await;
    assert!(soon(world.client.fence(&host, &FenceRequest::default())).await.unwrap().fenced);

    let report = soon(world.client.power(&host, &PowerRequest::new(PowerAction::On))).await.unwrap();
    assert!(report.receipts.iter().any(|receipt| receipt.error.is_some()), "a reply was lost: {report:#?}");
    let status = world.until_status(&host, |status| on(status) && status.fenced.is_none()).await;
    assert_eq!(status.alerts, []);
    assert_eq!(world.client.alerts(&RecordFilter::default()).await.unwrap(), []);
    relay.abort();
    world.end().await;
}
