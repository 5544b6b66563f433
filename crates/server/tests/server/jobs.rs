//! Jobs: durable before they are acknowledged, done or told of whatever happens, never repeated blindly.

use ironhand_api::{
    EventKind, Job, JobState, Name, PowerAction, PowerRequest, PowerState, Problem, Span, Work,
};
use ironhand_client::RecordFilter;
use ironhand_sim::Fault;

use crate::harness::{World, eventually, name, soon};

fn request(action: PowerAction, wait: bool) -> PowerRequest {
    PowerRequest { wait, ..PowerRequest::new(action) }
}

/// Waits until a job is over.
async fn ended(world: &World, id: u64) -> Job {
    let job = async || world.client.job(id).await.unwrap();
    eventually("the job", job, |job| job.state.is_final()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_told_from_its_acceptance_to_its_end() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    let job = soon(world.client.start_power(&host, &request(PowerAction::Off, false))).await.unwrap();
    assert_eq!((job.host.as_str(), job.work), (host.as_str(), Work::Power(PowerAction::Off)));
    assert!(job.until.is_some_and(|until| until > job.accepted_at), "{job:#?}");
    let job = ended(&world, job.id).await;
    assert_eq!((job.state, job.power), (JobState::Done, Some(PowerState::Off)), "{job:#?}");
    assert!(job.ended_at.is_some() && !job.receipts.is_empty());
    assert!(!world.fleet.state(host.as_str()).unwrap().power_on);

    let report = soon(world.client.power(&host, &request(PowerAction::On, true))).await.unwrap();
    let second = world.client.job(report.job.unwrap()).await.unwrap();
    assert_eq!((second.state, second.power), (JobState::Done, Some(PowerState::On)));
    let all = world.client.jobs(&RecordFilter::default()).await.unwrap();
    assert_eq!(all.iter().map(|job| job.id).collect::<Vec<_>>(), [second.id, job.id]);
    let open = RecordFilter { host: Some(host), open: true, ..RecordFilter::default() };
    assert_eq!(world.client.jobs(&open).await.unwrap(), []);

    let told = world.events().await;
    let of_job: Vec<_> = told.iter().filter(|event| event.job == Some(job.id)).collect();
    let kinds: Vec<_> = of_job.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::JobAccepted, EventKind::JobEnded], "{of_job:#?}");
    let missing = world.client.job(999).await.unwrap_err();
    assert_eq!(missing.problem().map(|problem| problem.status), Some(404));
    world.end().await;
}

/// Scenarios A8 to A13: each action against a host that is on, and one that is off.
#[tokio::test(flavor = "multi_thread")]
async fn every_action_on_a_host_that_is_on_and_on_one_that_is_off() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    let truth = || world.fleet.state(host.as_str()).unwrap().power_on;
    let check = async |on: bool, action: PowerAction, wanted: Result<PowerState, &str>| {
        let first = if on { PowerAction::On } else { PowerAction::Off };
        soon(world.client.power(&host, &request(first, true))).await.unwrap();
        assert_eq!(truth(), on);
        let result = soon(world.client.power(&host, &request(action, true))).await;
        match (result, wanted) {
            (Ok(report), Ok(state)) => {
                assert_eq!(report.power, Some(state), "{action:?} of a host that is on: {on}");
                assert_eq!(truth(), state == PowerState::On);
            }
            (Err(error), Err(code)) => {
                let problem = error.problem().unwrap();
                assert_eq!((problem.code.as_str(), problem.status), (code, 409), "{problem:#?}");
                let ended = world.client.job(problem.job.unwrap()).await.unwrap();
                assert_eq!((ended.host, ended.code.as_deref()), (host.clone(), Some(code)));
                assert_eq!(truth(), on);
            }
            (result, wanted) => panic!("{action:?}, on: {on}: {result:?}, not {wanted:?}"),
        }
    };
    check(true, PowerAction::On, Ok(PowerState::On)).await;
    check(false, PowerAction::On, Ok(PowerState::On)).await;
    check(true, PowerAction::Off, Ok(PowerState::Off)).await;
    check(false, PowerAction::Off, Ok(PowerState::Off)).await;
    check(true, PowerAction::Cycle, Ok(PowerState::On)).await;
    check(false, PowerAction::Cycle, Ok(PowerState::On)).await;
    check(true, PowerAction::Reset, Ok(PowerState::On)).await;
    check(false, PowerAction::Reset, Err("power.not_now")).await;
    check(true, PowerAction::Nmi, Ok(PowerState::On)).await;
    check(false, PowerAction::Nmi, Err("power.not_now")).await;
    check(false, PowerAction::Soft, Ok(PowerState::Off)).await;
    soon(world.client.power(&host, &request(PowerAction::On, true))).await.unwrap();
    world.until_well(&host).await;
    check(true, PowerAction::Soft, Ok(PowerState::Off)).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_cannot_be_are_refused_with_their_bounds() {
    let world = World::new(1).await;
    let host = world.adopt().await.remove(0);
    world.until_well(&host).await;
    let ask = async |timeout: Span| {
        let request = PowerRequest { timeout: Some(timeout), ..request(PowerAction::On, true) };
        soon(world.client.power(&host, &request)).await
    };
    for seconds in [0, 7201] {
        let problem: Problem = ask(Span::from_secs(seconds)).await.unwrap_err().problem().cloned().unwrap();
        assert_eq!((problem.status, problem.code.as_str()), (422, "power.timeout_out_of_range"));
        assert!(problem.detail.contains("between 1s and 2h"), "{}", problem.detail);
    }
    for seconds in [1, 301, 7200] {
        ask(Span::from_secs(seconds)).await.unwrap();
    }
    assert_eq!(world.client.jobs(&RecordFilter::default()).await.unwrap().len(), 3, "refused is no job");
    world.end().await;
}

/// A job that fails says so itself, to whoever asks after it later.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_keeps_the_reason() {
    let world = World::new(1).await;
    let host: Name = world.adopt().await.remove(0);
    world.until_well(&host).await;
    world.fleet.stage(host.as_str(), Fault::BmcSilent).unwrap();
    let job = soon(world.client.start_power(&host, &request(PowerAction::Off, false))).await.unwrap();
    let job = ended(&world, job.id).await;
    assert_eq!((job.state, job.code.as_deref()), (JobState::Failed, Some("ipmi.timeout")), "{job:#?}");
    assert_eq!(world.client.jobs(&RecordFilter::default()).await.unwrap()[0].host, name(host.as_str()));
    world.end().await;
}
