//! Ten thousand hosts at one server: every live one is read, and again and again, while hundreds are dead or refuse the
//! password; and each of those is one alert.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use ironhand_api::{
    Alert, AlertCause, Credential, CredentialSpec, EventKind, Host, LabelSelector, Manifest, Metadata, Name,
    Reach, Secret, Timestamp,
};
use ironhand_client::{Client, Endpoint, EventFilter, RecordFilter};
use ironhand_server::{Config, Server, Settings};
use ironhand_sim::bmc_fleet::{BmcFault, BmcSelector, FaultPlan, FaultRule};
use ironhand_sim::{BmcFleet, BmcFleetConfig};
use tokio::time::Instant;

const HOSTS: usize = 10_000;

/// Every twentieth answers nothing.
const DEAD: usize = HOSTS / 20;

/// Of every hundred, the host at this place has a wrong password.
const REFUSED: usize = 50;

/// How long anything may take: many times what it takes in a build without optimisation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Hosts that are applied at the same time.
const AT_ONCE: usize = 32;

fn is_dead(index: usize) -> bool {
    (index + 1).is_multiple_of(HOSTS / DEAD)
}

fn is_refused(index: usize) -> bool {
    index % 100 == REFUSED
}

fn is_live(index: usize) -> bool {
    !is_dead(index) && !is_refused(index)
}

fn host_name(index: usize) -> String {
    format!("host-{index:05}")
}

fn index(name: &Name) -> usize {
    name.as_str().trim_start_matches("host-").parse().unwrap()
}

/// A simulated BMC for each host, all of them behind a few sockets.
fn bmcs() -> BmcFleet {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // A port that was free a moment ago may be somebody else's by now.
    let started = (0..5).find_map(|step| {
        let mut config = BmcFleetConfig::new(HOSTS);
        config.bind = Ipv4Addr::new(127, 100, 0, 1).into();
        config.port = free + step;
        let silent = FaultRule::always(BmcSelector::spread(DEAD, HOSTS), BmcFault::Silent);
        config.plan = FaultPlan::none().and([silent]);
        BmcFleet::start(config).ok()
    });
    started.expect("a free port")
}

/// At one pace throughout: a build without optimisation reads a thousand hosts in a second, and not three thousand.
fn settings() -> Settings {
    let pace = Duration::from_secs(10);
    Settings {
        power_interval: pace,
        power_interval_fast: pace,
        power_interval_quiet: pace,
        alert_after: Duration::from_secs(1),
        ..Settings::default()
    }
}

fn credential(name: &str, password: &str) -> Manifest {
    let spec = CredentialSpec { username: "admin".to_owned(), password: Secret::Plain(password.into()) };
    Manifest::Credential(Credential { metadata: Metadata::named(name.parse().unwrap()), spec })
}

fn host(index: usize, bmc: SocketAddr) -> Manifest {
    let host: Host = serde_json::from_value(serde_json::json!({
        "metadata": { "name": host_name(index) },
        "spec": {
            "credentials": [if is_refused(index) { "wrong" } else { "right" }],
            "connectors": [{ "type": "ipmi", "address": bmc.ip(), "port": bmc.port() }],
        },
    }))
    .unwrap();
    Manifest::Host(host)
}

async fn apply(client: &Client, bmcs: &BmcFleet) {
    client.apply(&credential("right", "simulated")).await.unwrap();
    client.apply(&credential("wrong", "not this one")).await.unwrap();
    let hosts: Vec<Manifest> = bmcs.addresses().enumerate().map(|(index, bmc)| host(index, bmc)).collect();
    let mut applied = stream::iter(&hosts).map(|host| client.apply(host)).buffer_unordered(AT_ONCE);
    while let Some(outcome) = applied.next().await {
        outcome.unwrap();
    }
}

/// When the power of each live host was observed last; none where it was not yet.
async fn readings(client: &Client) -> BTreeMap<usize, Option<Timestamp>> {
    let hosts = client.list::<Host>(&LabelSelector::default()).await.unwrap();
    assert_eq!(hosts.len(), HOSTS);
    let live =
        hosts.iter().map(|host| (index(&host.metadata.name), host)).filter(|(index, _)| is_live(*index));
    live.map(|(index, host)| {
        let power = host.status.as_ref().and_then(|status| status.power.as_ref());
        (index, power.map(|power| power.observed_at))
    })
    .collect()
}

/// Waits until every live host was read after what `before` has of it; returns the readings then.
async fn all_read(
    client: &Client,
    before: &BTreeMap<usize, Option<Timestamp>>,
) -> BTreeMap<usize, Option<Timestamp>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = readings(client).await;
        let starved: Vec<usize> = now
            .iter()
            .filter(|(index, at)| **at <= before.get(index).copied().flatten())
            .map(|(index, _)| *index)
            .collect();
        if starved.is_empty() {
            return now;
        }
        assert!(Instant::now() < deadline, "{} live hosts were not read, like {}", starved.len(), starved[0]);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Waits until so many alerts are open as there should be, and checks that they are the right ones.
async fn all_alerted(client: &Client) {
    let wanted: BTreeSet<(usize, AlertCause)> = (0..HOSTS)
        .filter(|index| !is_live(*index))
        .map(|index| (index, if is_dead(index) { AlertCause::ContactLost } else { AlertCause::AuthFailed }))
        .collect();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let open: Vec<Alert> =
            client.alerts(&RecordFilter { open: true, ..RecordFilter::default() }).await.unwrap();
        let seen: BTreeSet<_> = open.iter().map(|alert| (index(&alert.host), alert.cause)).collect();
        assert_eq!(seen.len(), open.len(), "of each cause at most one alert of a host is open");
        assert!(seen.is_subset(&wanted), "{:?}", seen.difference(&wanted).next());
        if seen == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{} of {} alerts", seen.len(), wanted.len());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_hosts_are_read_and_none_starves() {
    let directory = tempfile::tempdir().unwrap();
    let bmcs = bmcs();
    let mut config = Config::new(directory.path().join("data"));
    config.socket = Some(directory.path().join("api.sock"));
    config.settings = settings();
    let server = Server::start(config).await.unwrap();
    let client = Client::new(Endpoint::Unix(server.socket().to_owned())).unwrap();

    apply(&client, &bmcs).await;
    let first = all_read(&client, &BTreeMap::new()).await;
    let read = all_read(&client, &first).await;
    assert_eq!(read.len(), HOSTS - DEAD - HOSTS / 100);
    all_alerted(&client).await;
    // Another reading of all, during which nothing more is told.
    all_read(&client, &read).await;
    all_alerted(&client).await;

    let events = client.events(&EventFilter::default()).await.unwrap();
    let count = |kind: EventKind| events.iter().filter(|event| event.kind == kind).count();
    assert_eq!(count(EventKind::AlertOpened), DEAD + HOSTS / 100);
    assert_eq!(count(EventKind::AlertCleared), 0);
    for host in client.list::<Host>(&LabelSelector::default()).await.unwrap() {
        let reach = host.status.and_then(|status| status.reach).map(|fact| fact.value);
        let wanted = match index(&host.metadata.name) {
            index if is_dead(index) => Reach::Unreachable,
            index if is_refused(index) => Reach::AuthFailed,
            _ => Reach::Ok,
        };
        assert_eq!(reach, Some(wanted), "{}", host.metadata.name);
    }
    server.shutdown().await;
}
