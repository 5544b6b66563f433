//! Readings in the background: what changes behind our back is seen, nothing is asked twice at the same time, and what
//! a server that died had begun is taken up with the first reading.

use std::time::Duration;

use ironhand_api::{
    Administration, EventKind, Fact, Host, HostStatus, Icon, Job, JobState, Kind, ManagementRequest,
    Manifest, Name, PowerAction, PowerState, Reach, Timestamp, Work,
};
use ironhand_client::{Client, Endpoint, EventFilter};
use ironhand_ipmi::ChassisControl;
use ironhand_server::{Running, Server, Settings};
use ironhand_sim::bmc_fleet::{BmcFault, BmcSelector, FaultPlan, FaultRule};
use ironhand_sim::{BmcFleet, BmcFleetConfig};
use ironhand_store::{KeySource, Record, Store};
use serde_json::json;
use tempfile::TempDir;

use crate::harness::{self, credential, eventually, name, soon};

/// BMCs without screens, and a data directory for a server that watches them.
struct Rack {
    bmcs: BmcFleet,
    directory: TempDir,
}

impl Rack {
    fn new(hosts: usize, plan: FaultPlan) -> Self {
        let bmcs = BmcFleet::start(BmcFleetConfig { plan, ..BmcFleetConfig::new(hosts) }).unwrap();
        Self { bmcs, directory: tempfile::tempdir().unwrap() }
    }

    fn host(&self, index: usize, port: u16) -> Host {
        let spec = json!({
            "credentials": ["fleet"],
            "connectors": [{ "type": "ipmi", "address": "127.0.0.1", "port": port }],
        });
        serde_json::from_value(json!({ "metadata": { "name": format!("bmc-{index}") }, "spec": spec }))
            .unwrap()
    }

    fn port(&self, index: usize) -> u16 {
        self.bmcs.address(index).unwrap().port()
    }

    async fn store(&self) -> Store {
        Store::open(&self.directory.path().join("data"), KeySource::File).await.unwrap()
    }

    async fn serve(&self, settings: Settings) -> (Running, Client) {
        let server = Server::start(harness::config(self.directory.path(), settings)).await.unwrap();
        let client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();
        client.apply(&credential("fleet", "admin", "simulated")).await.unwrap();
        for index in 0..self.bmcs.count() {
            client.apply(&Manifest::Host(self.host(index, self.port(index)))).await.unwrap();
        }
        (server, client)
    }
}

async fn status(client: &Client, host: &Name) -> HostStatus {
    client.get::<Host>(host).await.unwrap().status.unwrap()
}

async fn until(client: &Client, host: &Name, wanted: impl Fn(&HostStatus) -> bool) -> HostStatus {
    eventually(host.as_str(), async || status(client, host).await, wanted).await
}

/// Presses a power button without telling the server.
async fn press(rack: &Rack, control: ChassisControl) {
    harness::press(rack.bmcs.address(0).unwrap(), control).await;
}

/// Scenario A14: the BMC is flipped behind our back, and then cannot be reached.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_behind_our_back_is_seen_and_lost_contact_is_unknown() {
    let rack = Rack::new(1, FaultPlan::none());
    let (server, client) = rack.serve(harness::settings()).await;
    let host = name("bmc-0");
    until(&client, &host, |status| status.icon == Icon::On).await;
    press(&rack, ChassisControl::PowerDown).await;
    until(&client, &host, |status| status.icon == Icon::Off).await;
    press(&rack, ChassisControl::PowerUp).await;
    until(&client, &host, |status| status.icon == Icon::On).await;

    // Nobody listens where the manifest now leads.
    let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    client.apply(&Manifest::Host(rack.host(0, closed))).await.unwrap();
    let lost = until(&client, &host, |status| status.icon == Icon::Unknown).await;
    assert_eq!(lost.reach.map(|fact| fact.value), Some(Reach::Unreachable));
    let power = lost.power.unwrap();
    assert_eq!(power.value, PowerState::On, "the last known value stays");
    let again = soon(client.refresh(&host)).await.unwrap();
    assert_eq!(again.power.unwrap().observed_at, power.observed_at, "and so does its age");
    let told = client.events(&EventFilter::default()).await.unwrap();
    let outages = told.iter().filter(|event| event.kind == EventKind::ReachChanged);
    assert_eq!(outages.count(), 2, "seen once, lost once, however often it was tried: {told:#?}");
    server.shutdown().await;
}

/// However many ask at the same time, the BMC is asked once.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_ask_at_the_same_time_share_a_reading() {
    let delay = Duration::from_millis(700);
    let slow = BmcFault::Slow { delay, jitter: Duration::ZERO };
    let rack = Rack::new(1, FaultPlan::none().and([FaultRule::always(BmcSelector::all(), slow)]));
    let hour = Duration::from_secs(3600);
    let rare = Settings {
        power_interval: hour,
        power_interval_fast: hour,
        power_interval_quiet: hour,
        ..harness::settings()
    };
    let (server, client) = rack.serve(rare).await;
    let host = name("bmc-0");
    soon(client.refresh(&host)).await.unwrap();
    let before = rack.bmcs.statistics().commands;
    let asked = Timestamp::from_millis(status(&client, &host).await.power.unwrap().observed_at.as_millis());
    let requests = (0..60).map(|_| {
        let (client, host) = (client.clone(), host.clone());
        tokio::spawn(async move { client.refresh(&host).await.unwrap() })
    });
    for request in requests.collect::<Vec<_>>() {
        let status = soon(request).await.unwrap();
        assert!(status.power.is_some_and(|fact| fact.observed_at > asked), "each is told of a new reading");
    }
    let cost = rack.bmcs.statistics().commands - before;
    // A second one where the machine is so busy that some ask after the first has ended.
    assert!((1..=2).contains(&cost), "60 requests cost {cost} readings");
    server.shutdown().await;
}

/// Some that do not answer do not keep others from being read.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_dead_delay_nobody() {
    let dead = FaultRule::always(BmcSelector::spread(1, 2), BmcFault::Silent);
    let rack = Rack::new(20, FaultPlan::none().and([dead]));
    let (server, client) = rack.serve(harness::settings()).await;
    let names: Vec<Name> = (0..20).map(|index| name(&format!("bmc-{index}"))).collect();
    let mut live = Vec::new();
    for host in &names {
        let status = until(&client, host, |status| status.reach.is_some()).await;
        if status.icon == Icon::On {
            live.push(host);
        }
    }
    assert_eq!(live.len(), 10);
    for host in live {
        let before = status(&client, host).await.power.unwrap().observed_at;
        until(&client, host, |status| status.power.as_ref().unwrap().observed_at > before).await;
    }
    server.shutdown().await;
}

/// The stored status is a copy for restarts: who changes it changes nothing that people see.
#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_row_changes_nothing() {
    let rack = Rack::new(1, FaultPlan::none());
    let (server, client) = rack.serve(harness::settings()).await;
    let host = name("bmc-0");
    let seen = until(&client, &host, |status| status.icon == Icon::On).await;
    let off = ManagementRequest { enabled: false, reason: None };
    let said: Administration = client.manage(Kind::Host, &host, &off).await.unwrap();
    assert!(!said.management.on);
    let store = rack.store().await;
    let mut record = Record::of(host.clone(), seen.power.as_ref().unwrap().observed_at);
    let power = seen.power.clone().map(|fact| Fact { value: PowerState::TurningOn, ..fact });
    record.status = Some(HostStatus { icon: Icon::On, management: None, power, ..seen });
    store.record(record).await.unwrap();
    let shown = status(&client, &host).await;
    assert_eq!((shown.icon, shown.power.unwrap().value), (Icon::Disabled, PowerState::On));
    server.shutdown().await;
    store.close().await;
}

/// A job as a server left it that died.
async fn leave(store: &Store, host: &Name, action: PowerAction, state: JobState, now: Timestamp) -> u64 {
    let id = store.next_job_id().await.unwrap();
    let mut record = Record::of(host.clone(), now);
    record.jobs.push(Job {
        id,
        host: host.clone(),
        work: Work::Power(action),
        state,
        requested_by: "the API".to_owned(),
        accepted_at: now,
        until: Some(now.after(Duration::from_secs(3600))),
        ended_at: None,
        detail: None,
        code: None,
        power: None,
        fence: None,
        warnings: Vec::new(),
        receipts: Vec::new(),
    });
    store.record(record).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_server_that_died_are_done_or_told_of_and_not_repeated_blindly() {
    let rack = Rack::new(4, FaultPlan::none());
    let now =
        Timestamp::from_millis(i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap());
    let cases = [
        (PowerAction::Off, JobState::Queued, JobState::Done),
        (PowerAction::Off, JobState::Running, JobState::Done),
        (PowerAction::Cycle, JobState::Running, JobState::Unknown),
        (PowerAction::On, JobState::Running, JobState::Done),
    ];
    let store = rack.store().await;
    let mut jobs = Vec::new();
    for (index, (action, state, _)) in cases.iter().enumerate() {
        store.apply(rack.host(index, rack.port(index)), now).await.unwrap();
        jobs.push(leave(&store, &name(&format!("bmc-{index}")), *action, *state, now).await);
    }
    let Manifest::Credential(fleet) = credential("fleet", "admin", "simulated") else { unreachable!() };
    store.apply(fleet, now).await.unwrap();
    store.close().await;

    let (server, client) = rack.serve(harness::settings()).await;
    for (index, (id, (action, state, wanted))) in jobs.into_iter().zip(cases).enumerate() {
        let job = async || client.job(id).await.unwrap();
        let job = eventually("the job", job, |job| job.state.is_final()).await;
        assert_eq!(job.state, wanted, "{action:?} that was {state}: {job:#?}");
        assert_eq!(rack.bmcs.is_on(index), Some(action != PowerAction::Off), "{action:?}");
    }
    assert_eq!(rack.bmcs.visits(2).unwrap().power_cycle, 0, "a cycle is not repeated");
    assert_eq!(rack.bmcs.visits(3).unwrap().power_up, 0, "what is seen to be true is not sent");
    let told = client.events(&EventFilter::default()).await.unwrap();
    assert_eq!(told.iter().filter(|event| event.kind == EventKind::JobEnded).count(), 4, "{told:#?}");
    server.shutdown().await;
}
