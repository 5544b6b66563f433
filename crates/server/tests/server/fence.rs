//! A host is fenced on evidence, and never because its controller is silent.

use ironhand_api::{
    AlertCause, EventKind, FenceEvidence, FenceRequest, JobState, PowerAction, PowerRequest, Work,
};
use ironhand_client::RecordFilter;
use ironhand_sim::Fault;

use crate::harness::{World, soon};

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

    soon(world.client.power(&host, &PowerRequest::new(PowerAction::On))).await.unwrap();
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

    for (by, statement) in [(None, Some("unplugged")), (Some(" "), None)] {
        let request =
            FenceRequest { attested_by: by.map(str::to_owned), statement: statement.map(str::to_owned) };
        let refused = soon(world.client.fence(&host, &request)).await.unwrap_err();
        assert_eq!(refused.problem().map(|problem| problem.status), Some(422));
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
